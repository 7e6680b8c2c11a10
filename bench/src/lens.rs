//! `bench lens`: what the views themselves cost, in this process, for who sees all and for who sees half.

use crate::failure::Failure;
use crate::fill::{ALL, HALF};
use crate::pages::{PAGE_MS_MAX, SEARCH_MS_MAX, WORDS};
use crate::stats::Times;
use crate::table::{Held, Report, grouped};
use crate::{asked, filled_desk, machine, number, number_of, path_of, results_of};
use clap::{Arg, ArgMatches, Command};
use desk::Desk;
use desk::ids::{AccountId, Reference};
use desk::incidents::IncidentFilter;
use desk::intake::{QueueFilter, ReportFilter};
use desk::lens::Lens;
use engine::Engine;
use std::time::{Duration, Instant};

/// Bar for counting all observables through the lens, milliseconds.
const COUNT_MS_MAX: f64 = 2.0;
/// Rows of a page.
const ROWS: usize = 50;

/// Its command line.
pub fn command() -> Command {
    Command::new("lens")
        .about("The views themselves, in this process: queue, report, incident, lists, search, counting")
        .arg(filled_desk())
        .arg(number("times", "300", "How often each view is taken"))
        .arg(Arg::new("words").long("words").value_name("A,B").default_value(WORDS).help("What is searched for"))
}

/// Runs it.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let data = path_of(matches, "data");
    let machine = machine::description(data);
    let began = Instant::now();
    let desk = Engine::glance(data).map_err(|e| Failure::program(format!("{}: {e}", data.display())))?;
    let replay = began.elapsed();
    let words: Vec<&str> =
        matches.get_one::<String>("words").expect("it has a default").split(',').map(str::trim).collect();
    let mut report = Report::new("lens", asked(), &["view", "sees", "times", "p50 ms", "p99 ms", "max ms"]);
    for (account, sees) in [(ALL, "all"), (HALF, "half")] {
        views(&desk, account, sees, number_of(matches, "times"), &words, &mut report)?;
    }
    report.note(format!(
        "Replay of {} facts into this process: {:.2} s, no text of messages indexed. Processor time of the one thread; no HTTP, no HTML.",
        grouped(desk.next_seq() as f64),
        replay.as_secs_f64()
    ));
    report.publish(results_of(matches), &machine)
}

fn views(
    desk: &Desk,
    account: AccountId,
    sees: &str,
    times: usize,
    words: &[&str],
    report: &mut Report,
) -> Result<(), Failure> {
    let viewer = desk.viewer(account).ok_or_else(|| Failure::usage("not a desk that `bench fill` made"))?;
    let now = desk.last_at();
    let all = |named: &mut dyn Iterator<Item = Reference>| -> Vec<Reference> {
        let lens = desk.seen_by(viewer);
        named.filter(|r| lens.report_id(*r).is_some() || lens.incident_id(*r).is_some()).collect()
    };
    let reports = all(&mut desk.inventory().map(|r| r.reference));
    let incidents = all(&mut desk.incident_inventory().map(|i| i.reference));
    if reports.is_empty() || incidents.is_empty() {
        return Err(Failure::usage("this reader sees no report or no incident"));
    }
    let one_of = |list: &[Reference], n: usize| list[n * 7919 % list.len()];
    let (queue, listed, held) = (QueueFilter::default(), ReportFilter::default(), IncidentFilter::default());
    let closed_too = IncidentFilter { all: true, ..IncidentFilter::default() };
    let seen: usize = desk.seen_by(viewer).observable_counts().iter().map(|(_, seen, _)| seen).sum();
    let counting = format!("count {} observables", grouped(seen as f64));
    let list_all = format!("all {} incidents with counts by facet", grouped(incidents.len() as f64));
    type View<'a> = (&'a str, f64, &'a dyn Fn(&Lens<'_>, usize));
    let taken: [View<'_>; 8] = [
        ("queue", PAGE_MS_MAX, &|lens, _| drop(lens.queue(now, &queue))),
        ("report", PAGE_MS_MAX, &|lens, n| drop(lens.report(one_of(&reports, n)))),
        ("reports, newest", PAGE_MS_MAX, &|lens, _| drop(lens.reports(&listed, None, ROWS))),
        ("incident", PAGE_MS_MAX, &|lens, n| drop(lens.incident(one_of(&incidents, n)))),
        ("open incidents with counts by facet", PAGE_MS_MAX, &|lens, _| drop(lens.incidents(&held, None, ROWS))),
        (&list_all, PAGE_MS_MAX, &|lens, _| drop(lens.incidents(&closed_too, None, ROWS))),
        ("search", SEARCH_MS_MAX, &|lens, n| drop(lens.search(words[n % words.len()], 0, ROWS))),
        (&counting, COUNT_MS_MAX, &|lens, _| drop(lens.observable_counts())),
    ];
    for (name, ms_max, view) in taken {
        let one = |n: usize| -> Duration {
            let before = machine::thread_cpu();
            // A request makes its own lens: that belongs to what it costs.
            view(&desk.seen_by(viewer), n);
            machine::thread_cpu() - before
        };
        let measured = Times::of(&(0..times).map(one).collect::<Vec<_>>());
        let Some(t) = measured else { continue };
        let ms = |value: f64| format!("{value:.3}");
        report.row(vec![name.to_owned(), sees.to_owned(), times.to_string(), ms(t.p50_ms), ms(t.p99_ms), ms(t.max_ms)]);
        if sees == "half" {
            report.bar(
                format!("{name}: p99 ≤ {ms_max:.0} ms"),
                format!("{:.2} ms", t.p99_ms),
                Held::when(t.p99_ms <= ms_max),
            );
        }
    }
    Ok(())
}
