//! `bench demo-memory`: how much memory the demonstration holds when nobody does anything.

use crate::failure::{Failure, Tried};
use crate::server::Work;
use crate::stats::median;
use crate::table::{Held, Report, grouped};
use crate::{asked, machine, number, number_of, path_of, pause, results_of};
use clap::{ArgMatches, Command};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Bar, MB.
const MEMORY_MB_MAX: f64 = 80.0;
/// Longest wait until the demonstration takes visitors.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// How often it is looked whether it does.
const READY_LOOK: Duration = Duration::from_millis(100);

/// Its command line.
pub fn command() -> Command {
    Command::new("demo-memory")
        .about("Memory of the idle demonstration (PSS of all processes): just built, and opened again")
        .arg(number("runs", "3", "Times it is opened again; the figure is the median"))
        .arg(number("idle", "10", "Seconds without any request before memory is read"))
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let work = Work::new(path_of(matches, "work"), "demo-memory", matches.get_flag("keep"))?;
    let machine = machine::description(&work.path);
    let idle = Duration::from_secs(number_of(matches, "idle") as u64);
    let mut report = Report::new("demo-memory", asked(), &["demonstration", "PSS MB", "processes"]);
    let mut opened = Vec::new();
    let mut most: f64 = 0.0;
    for run in 0..=number_of(matches, "runs") {
        let demo = Demo::open(path_of(matches, "program"), &work.path)?;
        pause(idle);
        let held = machine::pss_bytes(demo.0.id()) as f64 / 1e6;
        let what = if run == 0 { "just built".to_owned() } else { format!("opened again, {run}") };
        report.row(vec![what, grouped(held), machine::processes(demo.0.id()).to_string()]);
        most = most.max(held);
        if run > 0 {
            opened.push(held);
        }
    }
    let again = median(&opened).unwrap_or(most);
    let measured = format!("{} MB at most, {} MB opened again", grouped(most), grouped(again));
    report.bar("≤ 80 MB for the demo, idle, all processes", measured, Held::when(most <= MEMORY_MB_MAX));
    report.note(format!("Proportional set size, {} s after it took visitors.", idle.as_secs()));
    report.publish(results_of(matches), &machine)
}

/// A running demonstration, ended with its handle.
struct Demo(Child);

impl Demo {
    fn open(program: &Path, work: &Path) -> Result<Demo, Failure> {
        let ready = work.join("ready.json");
        if ready.exists() {
            std::fs::remove_file(&ready).at(&ready)?;
        }
        let mut command = std::process::Command::new(program);
        command.args(["demo", "--http", "127.0.0.1:0", "--keep"]).arg(work.join("demo"));
        command.arg("--ready-file").arg(&ready);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut demo = Demo(command.spawn().at(program)?);
        let began = Instant::now();
        while !ready.exists() {
            if let Some(status) = demo.0.try_wait().tried(|| "waiting for the demonstration".to_owned())? {
                return Err(Failure::program(format!("bolwerk demo ended with {status}")));
            }
            if began.elapsed() > READY_TIMEOUT {
                return Err(Failure::program("bolwerk demo took no visitors in time"));
            }
            pause(READY_LOOK);
        }
        Ok(demo)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
