//! `bolwerk list`: what is on the desk, for tools and for the operator.

use crate::exit::{Failure, Kind};
use crate::open;
use crate::words::rfc3339;
use clap::ArgMatches;
use desk::Desk;
use desk::past::Moment;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use web::moment::Shown;

/// `bolwerk list reports|incidents`.
pub fn list(matches: &ArgMatches) -> Result<(), Failure> {
    let (what, matches) = matches.subcommand().expect("the command line requires it");
    let data = matches.get_one::<PathBuf>("data").expect("the command line requires it");
    let rows = |desk: &Desk| match what {
        "reports" => reports(desk),
        _ => incidents(desk),
    };
    let rows = match moment(matches)? {
        None => rows(&open::glance(data)?),
        Some(moment) => rows(open::glance_at(data, moment)?.past.desk()),
    };
    print(&rows, matches.get_flag("json"))
}

/// The earlier moment that the command line asks for.
fn moment(matches: &ArgMatches) -> Result<Option<Moment>, Failure> {
    let value = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    Ok(shown(value("as-of"), value("known-at"))?.moment())
}

/// The position in the journal up to which it is asked for.
pub fn position(matches: &ArgMatches) -> Result<Option<u64>, Failure> {
    let known_at = matches.get_one::<String>("known-at").map(String::as_str);
    Ok(shown(None, known_at)?.moment().and_then(|moment| moment.known_at))
}

fn shown(as_of: Option<&str>, known_at: Option<&str>) -> Result<Shown, Failure> {
    let now = engine::Clock::default().now();
    Shown::read(as_of, known_at, now).map_err(|(_, why)| {
        let (said, hint) = match why {
            "position" => {
                ("--known-at: this is no position", "Write the number of a fact, as the journal page shows it.")
            }
            "future" => ("--as-of: this day is later than today", "Write today or an earlier day."),
            _ => ("--as-of: this is no day", "Write it like 2022-12-15."),
        };
        Failure::new(Kind::Usage, said).hint(hint)
    })
}

/// A report: what a tool may rely on. `from`, `subject`, `message_id`, `raw_sha256` are null once erased.
fn reports(desk: &Desk) -> Vec<Value> {
    let row = |report: desk::Inventory<'_>| {
        json!({
            "reference": report.reference.to_string(),
            "status": report.status,
            "received_at": rfc3339(report.received_at),
            "message_id": report.arrival.and_then(|a| a.message_id.as_deref()),
            "raw_sha256": report.arrival.map(|a| a.raw_sha256.as_str()),
            "via": report.via,
            "kind": report.kind,
            "hit_now": report.hit_now,
            "complete": report.complete,
            "from": report.arrival.and_then(|a| a.from.as_deref()),
            "subject": report.arrival.and_then(|a| a.subject.as_deref()),
        })
    };
    desk.inventory().map(row).collect()
}

fn incidents(desk: &Desk) -> Vec<Value> {
    let row = |incident: desk::IncidentInventory<'_>| {
        json!({
            "reference": incident.reference.to_string(),
            "phase": incident.phase,
            "severity": incident.severity,
            "tlp": incident.tlp,
            "opened_at": rfc3339(incident.opened_at),
            "title": incident.title,
            "reports": incident.reports,
        })
    };
    desk.incident_inventory().map(row).collect()
}

fn print(rows: &[Value], as_json: bool) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = rows.iter().try_for_each(|row| if as_json { writeln!(out, "{row}") } else { plain(&mut out, row) });
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn plain(out: &mut impl Write, row: &Value) -> std::io::Result<()> {
    let text = |key: &str| row[key].as_str().unwrap_or("-").chars().filter(|c| !c.is_control()).collect::<String>();
    let state = if row["status"].is_string() { text("status") } else { text("phase") };
    let at = if row["received_at"].is_string() { text("received_at") } else { text("opened_at") };
    let title = if row["subject"].is_string() { text("subject") } else { text("title") };
    writeln!(out, "{}  {at}  {state:<12} {title}", text("reference"))
}
