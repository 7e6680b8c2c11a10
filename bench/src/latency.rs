//! `bench latency`: an idle desk, one mail at a time: how long until an open browser is told.

use crate::failure::{Failure, Tried};
use crate::http::{self, Event};
use crate::mails;
use crate::server::{Setting, Work};
use crate::sink::{Manners, Sink};
use crate::smtp::Client;
use crate::stats::Times;
use crate::table::{Held, Report};
use crate::{asked, corpus, corpus_of, machine, number, number_of, path_of, results_of, server, session};
use clap::{ArgMatches, Command};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Bars, milliseconds: to the event's byte; to the page with the row in it.
const EVENT_MS_MAX: f64 = 50.0;
const VISIBLE_MS_MAX: f64 = 150.0;
/// Mails before the clock starts.
const WARM_UP: usize = 5;
/// Longest wait for an event.
const EVENT_TIMEOUT: Duration = Duration::from_secs(10);
/// The desk is idle when nothing came for so long, once the mail was read; until then for longer.
const QUIET: Duration = Duration::from_millis(300);
const QUIET_UNREAD: Duration = Duration::from_millis(1500);

/// Its command line.
pub fn command() -> Command {
    Command::new("latency")
        .about("One mail to an idle desk: from the final dot to the byte of the event in an open browser")
        .arg(corpus())
        .arg(number("mails", "200", "Mails, one at a time"))
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let mails = mails::load(&corpus_of(matches)?)?;
    let work = Work::new(path_of(matches, "work"), "latency", matches.get_flag("keep"))?;
    let machine = machine::description(&work.path);
    let relay = Sink::start(Manners { pipelining: true, ..Manners::default() })?;
    let setting = Setting::fresh(path_of(matches, "program"), &work, Some(relay.address()));
    let running = setting.start()?;
    let cookie = session::first_run(&running, &setting)?;
    let mut browser = http::Client::new(running.ready.http, Some(cookie));
    let events = listen(&browser)?;
    let mut smtp = Client::connect(running.ready.smtp).map_err(|e| Failure::program(e.to_string()))?;
    let tag = server::unique();
    let mut known = HashSet::new();
    let mut times = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for n in 0..WARM_UP + number_of(matches, "mails") {
        let mail = &mails[n % mails.len()];
        let sent = smtp.send(mail, &format!("latency-{tag}-{n}@bench.example"));
        let sent = sent.map_err(|e| Failure::program(format!("{}: {e}", mail.name)))?;
        let seen = Seen::wait(&events, &mut browser, &mut known)
            .map_err(|e| Failure::program(format!("{n}, {}: {e}", mail.name)))?;
        if n >= WARM_UP {
            times[0].push(sent.acknowledged - sent.dot);
            times[1].push(seen.event - sent.dot);
            if !seen.junk {
                times[2].push(seen.fetched - sent.dot);
            }
            times[3].extend(seen.again.map(|again| again - sent.dot));
        }
    }
    smtp.quit();
    running.stop()?;
    tell(&times)?.publish(results_of(matches), &machine)
}

/// Events of the live stream, until it ends.
fn listen(browser: &http::Client) -> Result<Receiver<Event>, Failure> {
    let mut stream = browser.stream("/stroom").tried(|| "the live stream".to_owned())?;
    let (out, events) = channel();
    std::thread::spawn(move || {
        while let Ok(event) = stream.next() {
            if out.send(event).is_err() {
                return;
            }
        }
    });
    Ok(events)
}

/// What an open browser learns of one mail.
struct Seen {
    /// The first event that names a new report.
    event: Instant,
    /// The queue, fetched at once, with the report in it.
    fetched: Instant,
    /// The next event about the same report: it was read.
    again: Option<Instant>,
    /// It was set aside as junk before it could be seen in the queue.
    junk: bool,
}

impl Seen {
    /// Waits for the mail's events, and until the desk is idle again.
    /// `known` are the reports of earlier mails: a late event about one of them is passed over.
    fn wait(
        events: &Receiver<Event>,
        browser: &mut http::Client,
        known: &mut HashSet<String>,
    ) -> Result<Seen, Failure> {
        let began = Instant::now();
        let (event, reference) = loop {
            let left = EVENT_TIMEOUT.saturating_sub(began.elapsed());
            let event = events.recv_timeout(left).map_err(|_| Failure::program("no event for a mail"))?;
            if let Some(reference) = new_report(&event).filter(|r| known.insert(r.clone())) {
                break (event, reference);
            }
        };
        let queue = browser.get("/wacht").tried(|| "the queue".to_owned())?;
        let fetched = Instant::now();
        if queue.status != 200 {
            return Err(Failure::program(format!("the queue: {}", queue.status)));
        }
        // A mail that was read and judged junk before the queue was fetched is not in it any more, but has its page.
        let junk = !queue.text().contains(&reference);
        if junk {
            let path = format!("/melding/{reference}");
            let status = browser.get(&path).tried(|| path.clone())?.status;
            if status != 200 {
                let what = format!("{reference} was announced, is not in the queue, and {path} is {status}");
                return Err(Failure::program(what));
            }
        }
        let mut again = None;
        loop {
            let quiet = if again.is_some() { QUIET } else { QUIET_UNREAD };
            match events.recv_timeout(quiet) {
                Ok(next) if again.is_none() && topics(&next).contains(&reference) => again = Some(next.at),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(Seen { event: event.at, fetched, again, junk }),
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::program("the live stream ended")),
            }
        }
    }
}

fn topics(event: &Event) -> Vec<String> {
    let said: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let topics = said["topics"].as_array().cloned().unwrap_or_default();
    topics.iter().filter_map(|t| t.as_str().map(str::to_owned)).collect()
}

/// The report that an event about the queue names.
fn new_report(event: &Event) -> Option<String> {
    let topics = topics(event);
    topics.iter().any(|t| t == "queue").then(|| topics.into_iter().find(|t| t.starts_with("M-")))?
}

fn tell(times: &[Vec<Duration>; 4]) -> Result<Report, Failure> {
    let mut report = Report::new("latency", asked(), &["from the final dot to", "mails", "p50 ms", "p99 ms", "max ms"]);
    let names =
        ["the acknowledgement (250)", "the event's byte", "the queue with it, fetched", "the event that it is read"];
    let mut p99 = Vec::new();
    for (name, times) in names.iter().zip(times) {
        let Some(times) = Times::of(times) else { continue };
        let ms = |value: f64| format!("{value:.1}");
        report.row(vec![
            (*name).to_owned(),
            times.count.to_string(),
            ms(times.p50_ms),
            ms(times.p99_ms),
            ms(times.max_ms),
        ]);
        p99.push(times.p99_ms);
    }
    let [_, event, fetched, ..] = p99[..] else { return Err(Failure::program("nothing was measured")) };
    report.bar("event's byte: p99 ≤ 50 ms", format!("{event:.1} ms"), Held::when(event <= EVENT_MS_MAX));
    report.bar(
        "visible: p99 ≤ 150 ms",
        format!("{fetched:.1} ms without drawing"),
        Held::when(fetched <= VISIBLE_MS_MAX),
    );
    report.note("Idle desk, one mail at a time, one browser. The event that it is read waits for the stream's pause between two events.");
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_event_about_the_queue_names_a_new_report() {
        let event = |data: &str| Event { at: Instant::now(), name: "changed".to_owned(), data: data.to_owned() };
        assert_eq!(new_report(&event(r#"{"topics":["M-7KQ4-92XD","queue"]}"#)).as_deref(), Some("M-7KQ4-92XD"));
        assert_eq!(new_report(&event(r#"{"topics":["M-7KQ4-92XD","outbox"]}"#)), None);
        assert_eq!(new_report(&event(r#"{"topics":[],"clock":"x"}"#)), None);
    }
}
