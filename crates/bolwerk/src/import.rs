//! `bolwerk import mail`: moves mail in, as often as one likes, without doubling it.

use crate::control::{Answer, Connection, Door, MESSAGE_BYTES_MAX, Request, answer};
use crate::exit::{Failure, Kind};
use crate::progress::Bar;
use clap::ArgMatches;
use engine::Engine;
use serde::Serialize;
use std::path::{Path, PathBuf};
use tokio::task::JoinSet;

/// Mails on their way at once.
const UNDER_WAY_MAX: usize = 64;
/// Looks at how far the reading is, per second.
const LOOKS_A_SECOND: u64 = 10;
/// After so long without any progress the count is given as it is, seconds.
const PATIENCE_SECONDS: u64 = 120;

/// What became of the mails.
#[derive(Debug, Default, Serialize)]
struct Tally {
    /// Became reports.
    imported: usize,
    /// Were there already.
    known: usize,
    /// Could not be fully read; kept all the same.
    not_fully_read: usize,
    /// Could not be taken.
    failed: usize,
}

/// A mail that is under way.
struct Mail {
    /// Where it is from.
    origin: String,
    bytes: usize,
}

/// `bolwerk import mail PATH…`.
pub async fn mail(matches: &ArgMatches) -> Result<(), Failure> {
    let paths: Vec<PathBuf> = matches.get_many("paths").expect("the command line requires it").cloned().collect();
    let data: &PathBuf = matches.get_one("data").expect("the command line requires it");
    for path in &paths {
        if !path.exists() {
            return Err(Failure::new(Kind::Missing, format!("{}: there is no such file or folder", path.display())));
        }
    }
    let json = matches.get_flag("json");
    let mut door = Door::open(data, true).await?;
    let mut tally = Tally::default();
    let mut references = Vec::new();
    let mut bar = Bar::of(&paths, json);
    {
        let mut note = |mail: &Mail, answer: Answer| {
            match answer {
                Answer::Report { reference, new } => {
                    if new {
                        tally.imported += 1
                    } else {
                        tally.known += 1
                    }
                    references.push(reference);
                }
                Answer::Failed { why, .. } => {
                    tally.failed += 1;
                    bar.clear();
                    eprintln!("{}: {why}", mail.origin);
                }
                _ => {}
            }
            bar.taken(mail.bytes as u64);
        };
        match &mut door {
            Door::Here(engine) => through_engine(engine, &paths, &mut note).await?,
            Door::Server(connection) => through_server(connection, &paths, &mut note).await?,
        }
    }
    tally.not_fully_read = wait_until_read(&mut door, references, &mut bar).await?;
    bar.clear();
    report(&tally, json, data)
}

fn report(tally: &Tally, json: bool, data: &Path) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string(tally).expect("figures are plain data"));
    } else {
        println!(
            "{} imported, {} were there already, {} not fully read (kept whole all the same)",
            tally.imported, tally.known, tally.not_fully_read
        );
    }
    if tally.failed == 0 {
        return Ok(());
    }
    Err(Failure::new(Kind::Storage, format!("{}: {} mails were not taken", data.display(), tally.failed))
        .hint("Run the command again: what was taken is not taken twice."))
}

async fn through_engine(
    engine: &Engine,
    paths: &[PathBuf],
    note: &mut impl FnMut(&Mail, Answer),
) -> Result<(), Failure> {
    let mut under_way = JoinSet::new();
    for mail in post::files::mails_in(paths) {
        let (origin, raw) = mail?;
        let mail = Mail { origin, bytes: raw.len() };
        if under_way.len() >= UNDER_WAY_MAX
            && let Some(Ok((mail, answer))) = under_way.join_next().await
        {
            note(&mail, answer);
        }
        let engine = engine.clone();
        under_way.spawn(async move {
            let request = Request::Mail { bytes: raw.len() };
            (mail, answer(&engine, request, raw).await)
        });
    }
    while let Some(Ok((mail, answer))) = under_way.join_next().await {
        note(&mail, answer);
    }
    Ok(())
}

async fn through_server(
    connection: &mut Connection,
    paths: &[PathBuf],
    note: &mut impl FnMut(&Mail, Answer),
) -> Result<(), Failure> {
    let mut under_way = std::collections::VecDeque::new();
    for mail in post::files::mails_in(paths) {
        let (origin, raw) = mail?;
        let mail = Mail { origin, bytes: raw.len() };
        if raw.len() > MESSAGE_BYTES_MAX {
            note(&mail, Answer::failed("larger than 1 GiB"));
            continue;
        }
        if under_way.len() >= UNDER_WAY_MAX {
            connection.flush().await?;
            let first: Mail = under_way.pop_front().expect("it is not empty");
            note(&first, connection.answer().await?);
        }
        connection.send(&Request::Mail { bytes: raw.len() }, &raw).await?;
        under_way.push_back(mail);
    }
    connection.flush().await?;
    for mail in under_way {
        note(&mail, connection.answer().await?);
    }
    Ok(())
}

/// Waits until the mails are read; how many could not be fully read.
async fn wait_until_read(door: &mut Door, references: Vec<String>, bar: &mut Bar) -> Result<usize, Failure> {
    let (mut before, mut idle) = (usize::MAX, 0);
    loop {
        let Answer::Read { unread, partial } = door.ask(Request::Read { references: references.clone() }).await? else {
            return Ok(0);
        };
        if unread == 0 {
            return Ok(partial);
        }
        bar.reading(unread);
        idle = if unread == before { idle + 1 } else { 0 };
        if idle > PATIENCE_SECONDS * LOOKS_A_SECOND {
            return Ok(partial + unread);
        }
        before = unread;
        tokio::time::sleep(std::time::Duration::from_millis(1000 / LOOKS_A_SECOND)).await;
    }
}
