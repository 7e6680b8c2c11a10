//! `bench past`: how long the desk of an earlier moment takes to build, and how much memory it holds beside today's.

use crate::failure::Failure;
use crate::http::Client;
use crate::server::{Setting, Work};
use crate::table::{Held, Report, grouped};
use crate::{asked, filled_desk, machine, path_of, pause, results_of, session};
use clap::{Arg, ArgMatches, Command, value_parser};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Bar for the memory while a past moment is open, MB.
const MEMORY_MB_MAX: f64 = 2000.0;
/// A moment that is not there after so long never comes.
const PATIENCE: Duration = Duration::from_secs(300);
/// So long between two looks whether it is there.
const BETWEEN: Duration = Duration::from_millis(500);

/// Its command line.
pub fn command() -> Command {
    Command::new("past")
        .about("Time to build an earlier moment of a filled desk, and memory while it is open (PSS of all processes)")
        .arg(filled_desk())
        .arg(
            Arg::new("cookie")
                .long("cookie")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("Cookie of a reader, as `bench fill` makes it"),
        )
        .arg(
            Arg::new("day")
                .long("day")
                .value_name("DATE")
                .default_value("2022-12-20")
                .help("The day that is looked at, after its position alone and before both together"),
        )
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let work = Work::new(path_of(matches, "work"), "past", matches.get_flag("keep"))?;
    let machine = machine::description(&work.path);
    let program = path_of(matches, "program").to_owned();
    let setting = Setting { program, work: work.path.clone(), data: path_of(matches, "data").to_owned(), relay: None };
    let note = String::from_utf8_lossy(&setting.run(&["checkpoint"])?).into_owned();
    let facts: u64 = note.lines().nth(1).and_then(|l| l.parse().ok()).unwrap_or_default();
    let cookie = session::kept(path_of(matches, "cookie"))?;
    let day = matches.get_one::<String>("day").expect("it has a default");
    let running = setting.spawn()?.accept()?;
    let mut client = Client::new(running.ready.http, Some(cookie));
    let columns = ["moment", "built s", "CPU s", "answers of the queue, ms", "PSS MB"];
    let mut report = Report::new("past", asked(), &columns);
    let memory = || machine::pss_bytes(running.pid()) as f64 / 1e6;
    report.row(vec!["now".to_owned(), String::new(), String::new(), String::new(), grouped(memory())]);
    let (newest, mut most) = (facts.saturating_sub(1), 0.0f64);
    for moment in [format!("bekend={newest}"), format!("op={day}"), format!("op={day}&bekend={newest}")] {
        let path = format!("/wacht?{moment}");
        let (began, cpu) = (Instant::now(), machine::cpu(running.pid()));
        loop {
            let answer = client.get(&path).map_err(lost)?;
            match answer.status {
                200 => break,
                503 if began.elapsed() < PATIENCE => pause(BETWEEN),
                other => return Err(Failure::program(format!("{path}: {other}"))),
            }
            most = most.max(memory());
        }
        let (took, cpu) = (began.elapsed(), machine::cpu(running.pid()).saturating_sub(cpu));
        let again = Instant::now();
        client.get(&path).map_err(lost)?;
        let answer = again.elapsed();
        let held = memory();
        most = most.max(held);
        let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
        report.row(vec![
            moment,
            seconds(took),
            seconds(cpu),
            format!("{:.1}", answer.as_secs_f64() * 1e3),
            grouped(held),
        ]);
    }
    running.stop()?;
    report.bar(
        "≤ 2 GB while a past moment is open",
        format!("{} MB at most", grouped(most)),
        Held::when(most <= MEMORY_MB_MAX),
    );
    report.note("Built one after the other: on a large desk one makes room for the next, which waits until nobody looked at the last for 20 s.");
    report.publish(results_of(matches), &machine)
}

fn lost(error: std::io::Error) -> Failure {
    Failure::program(format!("the desk does not answer: {error}"))
}
