//! `bolwerk-sim`: tells stories by seed until one breaks.

use sim::invariant::Invariant;
use sim::{Failure, Options, Summary, run};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const HELP: &str = "\
Tells stories of a simulated desk, one a seed, and checks after each step what must always hold.

Usage: bolwerk-sim [--seeds N] [--from SEED] [--steps N] [--seed S] [--every N] [--threads N] [--keep-going]

  --seeds N    how many stories (1000)
  --from SEED  the first seed (0)
  --steps N    steps of each before the world comes to rest (250)
  --seed S     this one story only
  --every N    compare all views after each so many steps (1)
  --threads N  stories told at once (as many as there are processors)
  --keep-going do not stop at the first story that breaks: one of each kind is told at the end
";

struct Asked {
    seeds: u64,
    from: u64,
    threads: usize,
    keep_going: bool,
    options: Options,
}

fn asked() -> Result<Asked, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut asked = Asked { seeds: 1000, from: 0, threads, keep_going: false, options: Options::new(0) };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--keep-going" {
            asked.keep_going = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        let number = value.parse::<u64>().map_err(|_| format!("{word}: {value} is no number"));
        let small = |n: u64| u32::try_from(n.max(1)).map_err(|_| format!("{word}: {n} is too many"));
        match word.as_str() {
            "--seeds" => asked.seeds = number?,
            "--from" => asked.from = number?,
            "--seed" => (asked.from, asked.seeds) = (number?, 1),
            "--steps" => asked.options.steps = small(number?)?,
            "--every" => asked.options.compare_every = small(number?)?,
            "--threads" => asked.threads = small(number?)? as usize,
            _ => return Err(format!("{word} is not known")),
        }
    }
    Ok(asked)
}

fn main() -> ExitCode {
    if std::env::args().any(|a| a == "--help" || a == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match asked() {
        Ok(asked) => tell(&asked),
        Err(why) => {
            eprintln!("{why}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn tell(asked: &Asked) -> ExitCode {
    // A panic is a finding like any other: it is told with its seed, not twice.
    std::panic::set_hook(Box::new(|_| {}));
    let began = Instant::now();
    let (next, done, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let (summary, failed) =
        (Mutex::new(Summary::default()), Mutex::new(BTreeMap::<Invariant, (u64, Box<Failure>)>::new()));
    let work = || {
        let mut mine = Summary::default();
        while !stop.load(Ordering::Relaxed) {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= asked.seeds {
                break;
            }
            match run(Options { seed: asked.from + n, ..asked.options }) {
                Ok(told) => mine.join(&told),
                Err(failure) => {
                    stop.store(!asked.keep_going, Ordering::Relaxed);
                    let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    let kind = failed.entry(failure.broken.invariant).or_insert_with(|| (0, failure.clone()));
                    kind.0 += 1;
                    if kind.1.seed > failure.seed {
                        kind.1 = failure;
                    }
                }
            }
            let told = done.fetch_add(1, Ordering::Relaxed) + 1;
            if told % (asked.seeds / 20).max(1) == 0 {
                let rate = told as f64 / began.elapsed().as_secs_f64();
                println!("{told} of {} stories, {rate:.0} a second", asked.seeds);
            }
        }
        summary.lock().unwrap_or_else(PoisonError::into_inner).join(&mine);
    };
    std::thread::scope(|scope| (0..asked.threads).for_each(|_| drop(scope.spawn(work))));
    let summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    print(&summary, done.into_inner(), began.elapsed().as_secs_f64());
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.values().for_each(|(times, failure)| complain(*times, failure, &asked.options));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(summary: &Summary, seeds: u64, seconds: f64) {
    println!("\n{seeds} seeds in {seconds:.1} s, {:.0} a second", seeds as f64 / seconds);
    println!("{:>12} {:>12}", "times", "in stories");
    summary.counts.iter().for_each(|(what, n)| println!("{n:>12} {:>12} {what}", summary.stories(what)));
}

fn complain(times: u64, failure: &Failure, options: &Options) {
    println!("\nBROKEN in {times} stories: {}", failure.broken);
    println!("seed {}, step {}; the last steps:", failure.seed, failure.step);
    failure.trace.iter().for_each(|line| println!("  {line}"));
    println!(
        "\nagain: bolwerk-sim --seed {} --steps {} --every {}",
        failure.seed, options.steps, options.compare_every
    );
}
