//! `bench mail-rate`: how many mails a second are durably accepted, and how many become readable.

use crate::failure::Failure;
use crate::mails::{self, Mail};
use crate::server::{self, Setting, Work};
use crate::sink::{Manners, Sink};
use crate::smtp::{Client, Unsent};
use crate::stats::{Times, median};
use crate::table::{Held, Report, grouped};
use crate::{asked, corpus, corpus_of, machine, number, number_of, path_of, pause, peer, probe, results_of};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Bars: accepted a second; of the probe; times the peer; readable a second.
const ACCEPTED_MIN: f64 = 2000.0;
const OF_PROBE_MIN: f64 = 0.40;
const TIMES_PEER_MIN: f64 = 500.0;
const READABLE_MIN: f64 = 800.0;

/// Mails sent before the clock starts, so that connections, caches and worker processes are there.
const WARM_UP: usize = 200;
/// Longest wait until everything is readable.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(600);
/// Shortest time between two looks at the list; each look costs a start of the program.
const LOOK: Duration = Duration::from_secs(1);

/// Its command line.
pub fn command() -> Command {
    Command::new("mail-rate")
        .about("Mails accepted durably and made readable, beside the disk's group commit and a peer")
        .arg(corpus())
        .arg(number("connections", "32", "SMTP connections at once"))
        .arg(number("mails", "20000", "Mails to send"))
        .arg(
            Arg::new("rt5")
                .long("rt5")
                .value_name("KIT")
                .value_parser(value_parser!(PathBuf))
                .help("Folder of the peer's kit, installed and started: measured in the same run"),
        )
        .arg(number("rt5-mails", "100", "Mails for the peer, which takes a few a second"))
        .arg(
            Arg::new("unique-senders")
                .long("unique-senders")
                .action(ArgAction::SetTrue)
                .help("Every mail from a sender of its own, so that each one that may be answered is owed an answer"),
        )
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let (connections, count) = (number_of(matches, "connections"), number_of(matches, "mails"));
    let folder = corpus_of(matches)?;
    let load = Load::new(&folder, count, matches.get_flag("unique-senders"))?;
    let work = Work::new(path_of(matches, "work"), "mail-rate", matches.get_flag("keep"))?;
    let machine = machine::description(&work.path);
    let sizes: Vec<usize> = (0..count).map(|n| load.mail(n).size(&load.message_id(n))).collect();
    let mut probes = vec![probe::rows_per_second(&work.path, &sizes)?];
    let peer = match matches.get_one::<PathBuf>("rt5") {
        Some(kit) => Some(peer::mails_per_second(kit, &folder, connections, number_of(matches, "rt5-mails"))?),
        None => None,
    };
    let figures = measure(matches, &work, &load, connections, count)?;
    probes.push(probe::rows_per_second(&work.path, &sizes)?);
    let probe = median(&probes).unwrap_or_default();
    let report = tell(&figures, probe, &probes, peer, &sizes, connections);
    report.publish(results_of(matches), &machine)
}

/// What is sent.
struct Load {
    mails: Vec<Mail>,
    tag: String,
}

impl Load {
    fn new(folder: &std::path::Path, count: usize, unique_senders: bool) -> Result<Load, Failure> {
        let mails = match unique_senders {
            false => mails::load(folder)?,
            true => {
                let files = mails::raw_files(folder)?;
                let one = |n: usize| {
                    let (name, raw) = &files[n % files.len()];
                    Mail::from_sender(name, raw, &format!("it{n}@stad{n}.example"))
                };
                (0..count).map(one).collect()
            }
        };
        Ok(Load { mails, tag: server::unique() })
    }

    fn mail(&self, n: usize) -> &Mail {
        &self.mails[n % self.mails.len()]
    }

    fn message_id(&self, n: usize) -> String {
        format!("rate-{}-{n}@bench.example", self.tag)
    }
}

struct Figures {
    accepted: usize,
    refused: Vec<String>,
    seconds: f64,
    times: Times,
    cpu_ms: f64,
    drained: Drained,
    answers: usize,
    reports: usize,
    incomplete: usize,
    stop: Duration,
    verified: String,
    pss_mb: f64,
}

fn measure(
    matches: &ArgMatches,
    work: &Work,
    load: &Load,
    connections: usize,
    count: usize,
) -> Result<Figures, Failure> {
    let relay = Sink::start(Manners { pipelining: true, ..Manners::default() })?;
    let setting = Setting::fresh(path_of(matches, "program"), work, Some(relay.address()));
    let running = setting.start()?;
    let warm = Load { mails: load.mails.clone(), tag: format!("warm-{}", load.tag) };
    send(running.ready.smtp, &warm, connections, WARM_UP)?;
    let cpu_before = machine::cpu(running.pid());
    eprintln!("sending {count} mails over {connections} connections …");
    let sent = send(running.ready.smtp, load, connections, count)?;
    eprintln!("{:.0} mails/s accepted; waiting until all are readable …", sent.times.len() as f64 / sent.seconds);
    let accepted = sent.times.len();
    let listed = drain(&setting, accepted + WARM_UP)?;
    // Processor time until everything is readable: accepting, reading, answering.
    let cpu_ms = (machine::cpu(running.pid()) - cpu_before).as_secs_f64() * 1000.0 / accepted.max(1) as f64;
    let pss_mb = machine::pss_bytes(running.pid()) as f64 / 1e6;
    let stop = running.stop()?;
    let drained = Drained::of(&server::json_lines(&setting.run(&["export", "--jsonl"])?)?, WARM_UP)?;
    let verified = String::from_utf8_lossy(&setting.run(&["verify"])?).trim().to_owned();
    Ok(Figures {
        accepted,
        refused: sent.refused,
        seconds: sent.seconds,
        times: Times::of(&sent.times).ok_or_else(|| Failure::program("not one mail was accepted"))?,
        cpu_ms,
        drained,
        answers: relay.count(),
        reports: listed.reports,
        incomplete: listed.partial,
        stop,
        verified,
        pss_mb,
    })
}

struct SentAll {
    /// From the final dot to the acknowledgement, one for each accepted mail.
    times: Vec<Duration>,
    refused: Vec<String>,
    seconds: f64,
}

/// Sends `count` mails over so many connections; a refused mail is not sent again.
fn send(server: SocketAddr, load: &Load, connections: usize, count: usize) -> Result<SentAll, Failure> {
    let (next, start) = (AtomicUsize::new(0), Barrier::new(connections + 1));
    let one = || {
        let mut client = Client::connect(server);
        start.wait();
        let (mut times, mut refused) = (Vec::new(), Vec::new());
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                break;
            }
            let sent = client.as_mut().map_err(|e| Unsent::Broken(std::io::Error::other(e.to_string())));
            match sent.and_then(|c| c.send(load.mail(n), &load.message_id(n))) {
                Ok(sent) => times.push(sent.acknowledged - sent.dot),
                Err(error) => {
                    refused.push(format!("{}: {error}", load.mail(n).name));
                    client = Client::connect(server);
                }
            }
        }
        client.into_iter().for_each(Client::quit);
        (times, refused, Instant::now())
    };
    let mut all = SentAll { times: Vec::with_capacity(count), refused: Vec::new(), seconds: 0.0 };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        start.wait();
        let began = Instant::now();
        for thread in threads {
            let (times, refused, ended) = thread.join().map_err(|_| Failure::program("a client thread panicked"))?;
            all.times.extend(times);
            all.refused.extend(refused);
            all.seconds = all.seconds.max((ended - began).as_secs_f64());
        }
        Ok(all)
    })
}

struct Listed {
    reports: usize,
    partial: usize,
}

/// Waits until so many reports are listed and each one is read.
fn drain(setting: &Setting, count: usize) -> Result<Listed, Failure> {
    let began = Instant::now();
    loop {
        let look = Instant::now();
        let reports = setting.list("reports")?;
        let unread = reports.iter().filter(|r| r["complete"].is_null()).count();
        if unread == 0 && reports.len() >= count {
            let partial = reports.iter().filter(|r| r["complete"] == false).count();
            return Ok(Listed { reports: reports.len(), partial });
        }
        if began.elapsed() > DRAIN_TIMEOUT {
            let listed = reports.len();
            return Err(Failure::program(format!(
                "{listed} of {count} reports listed, {unread} of them unread, after {DRAIN_TIMEOUT:?}"
            )));
        }
        pause(LOOK.max(look.elapsed() * 4));
    }
}

/// What the journal says about when mails were received and read, seconds.
struct Drained {
    /// From the first counted mail received to the last one read.
    all: f64,
    /// From the last mail received to the last one read.
    behind: f64,
    /// Mails received and not read when the last one had been received.
    backlog: usize,
    /// Mails read.
    read: usize,
    /// Answers that were written.
    answers: usize,
}

impl Drained {
    fn of(entries: &[serde_json::Value], warm_up: usize) -> Result<Drained, Failure> {
        let at = |kind: &str| -> Result<Vec<f64>, Failure> {
            let of_kind = entries.iter().filter(|e| e["kind"] == kind);
            of_kind.map(|e| seconds(e["recorded_at"].as_str().unwrap_or_default())).collect()
        };
        let (received, read) = (at("intake.received")?, at("intake.read")?);
        let (Some(first), Some(last)) = (received.get(warm_up), received.last()) else {
            return Err(Failure::program("the export shows no mail received"));
        };
        let end = read.last().ok_or_else(|| Failure::program("the export shows no mail read"))?;
        Ok(Drained {
            all: end - first,
            behind: end - last,
            backlog: received.len() - read.iter().filter(|t| *t <= last).count(),
            read: read.len() - warm_up,
            answers: at("outbox.queued")?.len(),
        })
    }
}

fn seconds(rfc3339: &str) -> Result<f64, Failure> {
    let at: jiff::Timestamp = rfc3339.parse().map_err(|_| Failure::program(format!("{rfc3339:?} is no time")))?;
    Ok(at.as_microsecond() as f64 / 1e6)
}

fn tell(
    figures: &Figures,
    probe: f64,
    probes: &[f64],
    peer: Option<f64>,
    sizes: &[usize],
    connections: usize,
) -> Report {
    let accepted = figures.accepted as f64 / figures.seconds;
    let readable = figures.drained.read as f64 / figures.drained.all;
    let head = ["", "mails", "seconds", "mails/s", "p50 ms", "p99 ms", "max ms"];
    let mut report = Report::new("mail-rate", asked(), &head);
    let times = figures.times;
    let ms = |value: f64| format!("{value:.1}");
    let none = || "".to_owned();
    report.row(vec![
        "accepted durably".into(),
        grouped(figures.accepted as f64),
        ms(figures.seconds),
        grouped(accepted),
        ms(times.p50_ms),
        ms(times.p99_ms),
        ms(times.max_ms),
    ]);
    let drained = &figures.drained;
    report.row(vec![
        "readable".into(),
        grouped(drained.read as f64),
        ms(drained.all),
        grouped(readable),
        none(),
        none(),
        none(),
    ]);
    let rows = grouped(sizes.len() as f64);
    report.row(vec![
        format!("probe: SQLite WAL FULL, {} rows a commit", probe::GROUP),
        rows,
        none(),
        grouped(probe),
        none(),
        none(),
        none(),
    ]);
    let held = Held::when;
    report.bar("≥ 2 000 accepted a second", grouped(accepted), held(accepted >= ACCEPTED_MIN));
    report.bar(
        "≥ 40 % of the probe",
        format!("{:.0} %", accepted / probe * 100.0),
        held(accepted / probe >= OF_PROBE_MIN),
    );
    match peer {
        Some(peer) => {
            report.row(vec!["RT5, accepted".into(), none(), none(), ms(peer), none(), none(), none()]);
            report.bar("≥ 500 × RT5", format!("{:.0} ×", accepted / peer), held(accepted / peer >= TIMES_PEER_MIN));
        }
        None => report.bar("≥ 500 × RT5", "–", Held::NotMeasured),
    }
    report.bar("≥ 800 readable a second", grouped(readable), held(readable >= READABLE_MIN));
    report.bar("backlog drained", format!("{:.1} s after the last mail", drained.behind), Held::Yes);
    report.note(format!(
        "{connections} connections; mean size {} bytes; probe before and after: {} rows/s.",
        grouped(sizes.iter().sum::<usize>() as f64 / sizes.len().max(1) as f64),
        probes.iter().map(|p| grouped(*p)).collect::<Vec<_>>().join(" and ")
    ));
    report.note(format!(
        "{} mails were not read yet when the last one was accepted; {} reports in all (with {WARM_UP} to warm up), {} not fully read; {} answers were written, {} of them had left when it was stopped.",
        grouped(drained.backlog as f64),
        grouped(figures.reports as f64),
        figures.incomplete,
        grouped(drained.answers as f64),
        grouped(figures.answers as f64)
    ));
    report.note(format!(
        "{:.2} ms of processor time a mail, all processes, until readable; {:.0} MB (PSS) after it; stopped in {:.2} s; {}.",
        figures.cpu_ms,
        figures.pss_mb,
        figures.stop.as_secs_f64(),
        figures.verified.replace('\n', "; ")
    ));
    if !figures.refused.is_empty() {
        let examples: Vec<&str> = figures.refused.iter().take(5).map(String::as_str).collect();
        report.note(format!("**{} mails were refused**: {}", figures.refused.len(), examples.join("; ")));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_journal_tells_when_everything_was_readable() {
        let entry = |kind: &str, at: &str| json!({ "kind": kind, "recorded_at": format!("2026-11-24T20:00:{at}Z") });
        let entries = [
            entry("intake.received", "00.5"),
            entry("intake.read", "00.6"),
            entry("intake.received", "01"),
            entry("intake.received", "02"),
            entry("intake.read", "02"),
            entry("outbox.queued", "02"),
            entry("intake.read", "04.25"),
        ];
        let drained = Drained::of(&entries, 1).unwrap();
        assert_eq!(
            (drained.all, drained.behind, drained.backlog, drained.read, drained.answers),
            (3.25, 2.25, 1, 2, 1)
        );
        assert!(Drained::of(&entries[..1], 1).is_err());
    }

    #[test]
    fn all_mails_are_sent_once_over_several_connections() {
        let relay = Sink::start(Manners { pipelining: true, ..Manners::default() }).unwrap();
        let load = Load {
            mails: vec![Mail::new("a", b"Subject: a\n\na\n"), Mail::new("b", b"Subject: b\n\nb\n")],
            tag: "t".into(),
        };
        let sent = send(relay.address(), &load, 4, 50).unwrap();
        assert_eq!((sent.times.len(), sent.refused.len()), (50, 0));
        let mut ids: Vec<String> = relay.look(|all| all.iter().map(|r| r.message_id.clone()).collect());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 50);
    }
}
