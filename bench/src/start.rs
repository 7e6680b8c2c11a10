//! `bench start`: how long a filled desk takes to start, and how much memory it holds.

use crate::failure::Failure;
use crate::server::{Setting, Work};
use crate::stats::median;
use crate::table::{Held, Report, grouped};
use crate::{asked, filled_desk, machine, number, number_of, path_of, pause, results_of};
use clap::{ArgMatches, Command};
use std::time::Duration;

/// Bar for a start by replay, and for one with a snapshot, seconds.
const REPLAY_SECONDS_MAX: f64 = 15.0;
const SNAPSHOT_SECONDS_MAX: f64 = 3.0;
/// Bar for the memory of a large desk, MB.
const MEMORY_MB_MAX: f64 = 1000.0;
/// Facts of the bars.
const FACTS: u64 = 1_000_000;

/// Its command line.
pub fn command() -> Command {
    Command::new("start")
        .about("Start of a filled desk, and its memory (PSS of all processes)")
        .arg(filled_desk())
        .arg(number("runs", "3", "Starts; the figure is the median"))
        .arg(number("idle", "10", "Seconds after a start at which memory is read a second time"))
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let work = Work::new(path_of(matches, "work"), "start", matches.get_flag("keep"))?;
    let machine = machine::description(&work.path);
    let program = path_of(matches, "program").to_owned();
    let setting = Setting { program, work: work.path.clone(), data: path_of(matches, "data").to_owned(), relay: None };
    let facts = facts(&setting)?;
    let snapshots = setting.data.join("snapshots");
    let mut report =
        Report::new("start", asked(), &["start", "seconds", "CPU s", "PSS MB", "PSS MB later", "processes", "stop s"]);
    let (mut replays, mut loads, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=number_of(matches, "runs") {
        // A start that replays much leaves a snapshot to the next one.
        let loads_one = std::fs::read_dir(&snapshots).is_ok_and(|mut files| files.next().is_some());
        let spawned = setting.spawn()?;
        let began = spawned.began();
        let running = spawned.accept()?;
        let took = began.elapsed().as_secs_f64();
        let cpu = machine::cpu(running.pid());
        let first = machine::pss_bytes(running.pid()) as f64 / 1e6;
        pause(Duration::from_secs(number_of(matches, "idle") as u64));
        let later = machine::pss_bytes(running.pid()) as f64 / 1e6;
        let processes = machine::processes(running.pid());
        let stop = running.stop()?;
        let figure = |value: f64| format!("{value:.2}");
        report.row(vec![
            run.to_string(),
            figure(took),
            figure(cpu.as_secs_f64()),
            grouped(first),
            grouped(later),
            processes.to_string(),
            figure(stop.as_secs_f64()),
        ]);
        if loads_one { &mut loads } else { &mut replays }.push(took);
        memory.push(later);
    }
    let held_mb = median(&memory).unwrap_or_default();
    let enough = |held: bool| if facts >= FACTS { Held::when(held) } else { Held::NotMeasured };
    for (what, seconds, most) in [
        ("≤ 15 s by replay, 1 000 000 facts", &replays, REPLAY_SECONDS_MAX),
        ("≤ 3 s with a snapshot, 1 000 000 facts", &loads, SNAPSHOT_SECONDS_MAX),
    ] {
        if let Some(took) = median(seconds) {
            report.bar(what, format!("{took:.2} s for {} facts", grouped(facts as f64)), enough(took <= most));
        }
    }
    report.bar("≤ 1 GB for the large desk", format!("{} MB", grouped(held_mb)), enough(held_mb <= MEMORY_MB_MAX));
    report.note(
        "From the start of the process until it accepts; the files were in the system's cache but for the first start.",
    );
    report.publish(results_of(matches), &machine)
}

/// How many entries the journal has, as its checkpoint says (second line of the signed note).
fn facts(setting: &Setting) -> Result<u64, Failure> {
    let note = String::from_utf8_lossy(&setting.run(&["checkpoint"])?).into_owned();
    let size = note.lines().nth(1).and_then(|l| l.parse().ok());
    size.ok_or_else(|| Failure::program(format!("no size in the checkpoint:\n{note}")))
}
