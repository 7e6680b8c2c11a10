//! `bench pages`: how long the pages take at a steady rate.

use crate::failure::{Failure, Tried};
use crate::http::{Client, encoded};
use crate::server::{Desk, Setting, Work};
use crate::stats::Times;
use crate::table::{Held, Report};
use crate::{asked, machine, number, number_of, path_of, pause, peer, results_of, session};
use clap::{Arg, ArgMatches, Command, value_parser};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bars, milliseconds: pages, and search.
pub const PAGE_MS_MAX: f64 = 5.0;
pub const SEARCH_MS_MAX: f64 = 20.0;
/// Bar, bytes over the wire for the first load of the queue.
const WEIGHT_BYTES_MAX: usize = 100_000;
/// How often it is looked whether a started desk is idle, and how long at most.
const SETTLE_LOOK: Duration = Duration::from_secs(2);
const SETTLE_MAX: Duration = Duration::from_secs(180);
/// The queue.
const QUEUE: &str = "/wacht";
/// Columns.
const HEAD: [&str; 10] =
    ["page", "requests", "different", "p50 ms", "p99 ms", "max ms", "p99 ms since due", "CPU ms", "KiB", "not 200"];
/// Connections kept open; requests are dealt out to them in turn.
const CONNECTIONS: usize = 4;
/// Different reports and incidents that are asked for, at most.
const DIFFERENT_MAX: usize = 300;
/// Words that are searched for when none are given.
pub const WORDS: &str = "ransomware,factuur,phishing,versleuteld,192.0.2,mailbox,spam,antwerpen,zzzzz";

/// Its command line.
pub fn command() -> Command {
    let path = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("PATH").value_parser(value_parser!(PathBuf)).help(help)
    };
    Command::new("pages")
        .about("Request times of queue, report, incident and search at a steady rate")
        .arg(path("data", "A filled desk: it is started for this run").required_unless_present("link"))
        .arg(path("cookie", "File with the reader's cookie, as `bench fill` writes it").required_unless_present("link"))
        .arg(
            Arg::new("link")
                .long("link")
                .value_name("URL")
                .conflicts_with_all(["data", "cookie"])
                .help("The link that a running demonstration printed"),
        )
        .arg(number("rate", "50", "Requests a second"))
        .arg(number("seconds", "20", "How long, each kind of page"))
        .arg(
            path(
                "rt5",
                "The peer's figures beside these: its installed kit, to measure now; or a file with the kit's table",
            )
            .default_value("bench/results/rt5-pages.md"),
        )
        .arg(Arg::new("words").long("words").value_name("A,B").default_value(WORDS).help("What is searched for"))
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let work = Work::new(path_of(matches, "work"), "pages", matches.get_flag("keep"))?;
    let machine = machine::description(&work.path);
    let reader = Reader::open(matches, &work)?;
    let kinds = reader.kinds(matches)?;
    let (rate, seconds) = (number_of(matches, "rate"), number_of(matches, "seconds"));
    let mut report = Report::new("pages", asked(), &HEAD);
    for kind in &kinds {
        if kind.paths.is_empty() {
            report.bar(kind.bar(), "the reader sees none", Held::NotMeasured);
            continue;
        }
        let requests = plan(&kind.paths, rate * seconds);
        // Once, uncounted: caches are as warm as on any working day.
        let mut client = reader.client();
        for path in requests.iter().take(rate) {
            client.get(path).tried(|| path.clone())?;
        }
        let before = reader.cpu();
        let answers = ask(&reader, &requests, rate)?;
        tell(&mut report, kind, &answers, reader.cpu().saturating_sub(before));
    }
    report.note(format!(
        "{rate} requests a second over {CONNECTIONS} connections kept open, uncompressed; times from the request's first byte to the answer's last, \
         this client's own included."
    ));
    beside(&mut report, path_of(matches, "rt5"))?;
    let weight = weight(&reader)?;
    report.bar(
        "first load of the queue ≤ 100 kB",
        format!("{:.1} kB in {} requests", weight.bytes as f64 / 1000.0, weight.requests),
        Held::when(weight.bytes <= WEIGHT_BYTES_MAX),
    );
    if let Some(desk) = &reader.desk {
        report.note(format!("{:.0} MB (PSS) after it, all processes.", machine::pss_bytes(desk.pid()) as f64 / 1e6));
    }
    report.publish(results_of(matches), &machine)
}

/// The peer's pages, in the same table.
fn beside(report: &mut Report, rt5: &Path) -> Result<(), Failure> {
    let none = || "–".to_owned();
    for peer::Page { name, p50_ms, p99_ms, cpu_ms, kib } in peer::pages(rt5)? {
        report.row(vec![format!("RT5: {name}"), none(), none(), p50_ms, p99_ms, none(), none(), cpu_ms, kib, none()]);
    }
    report.note(if rt5.is_dir() {
        "RT5: measured right after this, by its kit, one request after another.".to_owned()
    } else {
        format!("RT5: not of this run, but as {} says: setting, machine and date stand there.", rt5.display())
    });
    Ok(())
}

/// Somebody who is signed in.
struct Reader {
    server: SocketAddr,
    cookie: String,
    /// The desk, if this run started it.
    desk: Option<Desk>,
}

impl Reader {
    fn open(matches: &ArgMatches, work: &Work) -> Result<Reader, Failure> {
        if let Some(link) = matches.get_one::<String>("link") {
            let (server, cookie) = session::follow(link)?;
            return Ok(Reader { server, cookie, desk: None });
        }
        let program = path_of(matches, "program").to_owned();
        let data = path_of(matches, "data").to_owned();
        let setting = Setting { program, work: work.path.clone(), data, relay: None };
        let desk = setting.start()?;
        settle(&desk);
        Ok(Reader { server: desk.ready.http, cookie: session::kept(path_of(matches, "cookie"))?, desk: Some(desk) })
    }

    fn client(&self) -> Client {
        Client::new(self.server, Some(self.cookie.clone()))
    }

    /// Processor time that the desk has used, when this run started it.
    fn cpu(&self) -> Duration {
        self.desk.as_ref().map_or(Duration::ZERO, |desk| machine::cpu(desk.pid()))
    }

    /// What is asked for: whatever this reader finds on the lists.
    fn kinds(&self, matches: &ArgMatches) -> Result<Vec<Kind>, Failure> {
        let mut client = self.client();
        let reports = references(&mut client, "/meldingen", "/melding/")?;
        let incidents = references(&mut client, "/incidenten", "/incident/")?;
        let words = matches.get_one::<String>("words").expect("it has a default").split(',');
        let searches = words.map(|w| format!("/zoek?q={}", encoded(w.trim()))).collect();
        let kind = |name, paths: Vec<String>, ms_max| Kind { name, paths, ms_max };
        Ok(vec![
            kind("queue", vec![QUEUE.to_owned()], PAGE_MS_MAX),
            kind("report", reports, PAGE_MS_MAX),
            kind("incident", incidents, PAGE_MS_MAX),
            kind("incidents with counts by facet", vec!["/incidenten".to_owned()], PAGE_MS_MAX),
            kind("search", searches, SEARCH_MS_MAX),
        ])
    }
}

/// Waits until a started desk has made everything findable: until it uses hardly any processor time.
fn settle(desk: &Desk) {
    let began = Instant::now();
    while began.elapsed() < SETTLE_MAX {
        let before = machine::cpu(desk.pid());
        pause(SETTLE_LOOK);
        if machine::cpu(desk.pid()).saturating_sub(before) < SETTLE_LOOK / 20 {
            return;
        }
    }
    eprintln!("the desk was still busy after {SETTLE_MAX:?}");
}

/// A kind of page.
struct Kind {
    name: &'static str,
    paths: Vec<String>,
    ms_max: f64,
}

impl Kind {
    fn bar(&self) -> String {
        format!("{}: p99 ≤ {:.0} ms", self.name, self.ms_max)
    }
}

/// Addresses of things on a list, following its link to the next page.
fn references(client: &mut Client, list: &str, prefix: &str) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = Vec::new();
    let mut at = list.to_owned();
    while found.len() < DIFFERENT_MAX {
        let answer = client.get(&at).tried(|| at.clone())?;
        if answer.status != 200 {
            return Err(Failure::program(format!("{at}: {} (signed out?)", answer.status)));
        }
        let page = answer.text();
        let before = found.len();
        for link in links(&page).filter(|l| is_thing(l, prefix)) {
            if !found.contains(&link) {
                found.push(link);
            }
        }
        let next = links(&page).find(|l| l.starts_with(list) && l.contains("na="));
        match next.filter(|n| *n != at && found.len() > before) {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(found)
}

/// The page of a thing itself, not an act on it.
fn is_thing(link: &str, prefix: &str) -> bool {
    link.strip_prefix(prefix).is_some_and(|reference| !reference.contains(['/', '?', '#']))
}

fn links(page: &str) -> impl Iterator<Item = String> {
    named(page, "href=\"")
}

/// The paths in turn.
fn plan(paths: &[String], count: usize) -> Vec<String> {
    // A step that is no divisor of usual counts: neighbours on a list are not asked for one after another.
    (0..count).map(|n| paths[n * 7919 % paths.len()].clone()).collect()
}

struct Answered {
    /// From the request's first byte to the answer's last.
    time: Duration,
    /// From the moment at which it was due.
    since_due: Duration,
    bytes: usize,
    status: u16,
}

/// Asks at a steady rate, whatever the answers do.
fn ask(reader: &Reader, paths: &[String], rate: usize) -> Result<Vec<Answered>, Failure> {
    let start = Instant::now() + Duration::from_millis(50);
    let one = |connection: usize| -> Result<Vec<Answered>, Failure> {
        let mut client = reader.client();
        let mut answers = Vec::new();
        for (n, path) in paths.iter().enumerate().skip(connection).step_by(CONNECTIONS) {
            let due = start + Duration::from_secs_f64(n as f64 / rate as f64);
            pause(due.saturating_duration_since(Instant::now()));
            let began = Instant::now();
            let answer = client.get(path).tried(|| path.clone())?;
            answers.push(Answered {
                time: began.elapsed(),
                since_due: due.elapsed(),
                bytes: answer.body.len(),
                status: answer.status,
            });
        }
        Ok(answers)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|c| scope.spawn(move || one(c))).collect();
        let mut all = Vec::with_capacity(paths.len());
        for thread in threads {
            all.extend(thread.join().map_err(|_| Failure::program("a reader's thread panicked"))??);
        }
        Ok(all)
    })
}

fn tell(report: &mut Report, kind: &Kind, answers: &[Answered], cpu: Duration) {
    let times: Vec<Duration> = answers.iter().map(|a| a.time).collect();
    let due: Vec<Duration> = answers.iter().map(|a| a.since_due).collect();
    let (Some(times), Some(due)) = (Times::of(&times), Times::of(&due)) else { return };
    let ms = |value: f64| format!("{value:.2}");
    let count = answers.len() as f64;
    let failed = answers.iter().filter(|a| a.status != 200).count();
    report.row(vec![
        kind.name.to_owned(),
        times.count.to_string(),
        kind.paths.len().to_string(),
        ms(times.p50_ms),
        ms(times.p99_ms),
        ms(times.max_ms),
        ms(due.p99_ms),
        if cpu.is_zero() { "–".to_owned() } else { ms(cpu.as_secs_f64() * 1000.0 / count) },
        format!("{:.0}", answers.iter().map(|a| a.bytes).sum::<usize>() as f64 / 1024.0 / count),
        failed.to_string(),
    ]);
    let held = times.p99_ms <= kind.ms_max && failed == 0;
    report.bar(kind.bar(), format!("{:.2} ms", times.p99_ms), Held::when(held));
}

/// What a browser fetches for the first look at the queue.
struct Weight {
    bytes: usize,
    requests: usize,
}

/// The queue and whatever its head names, as they come over the wire: compressed where the server does it, heads not counted.
fn weight(reader: &Reader) -> Result<Weight, Failure> {
    let mut client = reader.client();
    let page = client.get(QUEUE).tried(|| QUEUE.to_owned())?.text();
    let mut paths = vec![QUEUE.to_owned()];
    for path in named(&page, "src=\"").chain(page.split("<link ").skip(1).filter_map(|l| named(l, "href=\"").next())) {
        if path.starts_with('/') && !paths.contains(&path) {
            paths.push(path);
        }
    }
    let mut weight = Weight { bytes: 0, requests: paths.len() };
    for path in paths {
        weight.bytes += client.get_packed(&path).tried(|| path.clone())?.body.len();
    }
    Ok(weight)
}

/// Values of an attribute.
fn named<'a>(page: &'a str, attribute: &'a str) -> impl Iterator<Item = String> + 'a {
    page.split(attribute).skip(1).filter_map(|l| Some(l.split_once('"')?.0.replace("&amp;", "&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_things_are_told_from_links_to_acts() {
        let page =
            r#"<a href="/melding/M-1">x</a><a href="/melding/M-1/neem">y</a><a href="/meldingen?a=b&amp;na=c">z</a>"#;
        let found: Vec<String> = links(page).filter(|l| is_thing(l, "/melding/")).collect();
        assert_eq!(found, ["/melding/M-1"]);
        assert!(links(page).any(|l| l == "/meldingen?a=b&na=c"));
    }

    #[test]
    fn every_path_has_its_turn() {
        let paths: Vec<String> = (0..6).map(|n| format!("/{n}")).collect();
        let plan = plan(&paths, 60);
        assert!(paths.iter().all(|p| plan.iter().filter(|q| *q == p).count() == 10));
    }
}
