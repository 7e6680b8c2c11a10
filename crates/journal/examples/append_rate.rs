//! How many entries a second are made durable, and how many are replayed.
//!
//! `cargo run --release -p journal --example append_rate [FOLDER [SECONDS [DATABASE…]]]`: the folder names the disk to
//! measure; figures of a memory disk say nothing about durability. Beside SQLite every database is measured whose connection
//! string is given; it needs an empty schema for each of four journals, named j0 to j3, and is best served by the same disk.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use journal::{Error, Keep, NewEntry, NewPart, Options, Reader, Writer, connect, verify};

/// Content of a part, bytes: a usual mail.
const MAIL_BYTES: usize = 8192;
/// Personal data that is opened at replay, bytes.
const SMALL_BYTES: usize = 200;
/// Entries of the journal that is replayed.
const REPLAYED: u64 = 300_000;

fn entry(writer: &mut Writer, mail_bytes: usize) -> Result<NewEntry, Error> {
    let key = writer.new_key()?;
    let mut parts = vec![NewPart { key, keep: Keep::Replayed, content: vec![b's'; SMALL_BYTES] }];
    if mail_bytes > 0 {
        parts.push(NewPart { key, keep: Keep::OnDemand, content: vec![b'm'; mail_bytes] });
    }
    let body = br#"{"reference":"M-7KQ4-92XD","via":"smtp","size":8192,"complete":true,"kind":"incident"}"#;
    Ok(NewEntry { kind: "report.received".into(), version: 1, body: body.to_vec(), parts })
}

fn group(writer: &mut Writer, entries: u64, mail_bytes: usize) -> Result<Vec<Vec<NewEntry>>, Error> {
    (0..entries).map(|_| Ok(vec![entry(writer, mail_bytes)?])).collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let base = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let lasting = Duration::from_secs_f64(arguments.next().map_or(Ok(5.0), |seconds| seconds.parse())?);
    println!("SQLite");
    measure(&base, None, lasting)?;
    for url in arguments {
        println!("\nPostgreSQL");
        measure(&base, Some(&url), lasting)?;
    }
    Ok(())
}

/// A folder for the journal of this number.
fn folder(base: &Path, url: Option<&str>, number: usize) -> Result<tempfile::TempDir, Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir_in(base)?;
    if let Some(url) = url {
        connect(dir.path(), &format!("{url} options='-csearch_path=j{number}'"))?;
    }
    Ok(dir)
}

fn measure(base: &Path, url: Option<&str>, lasting: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let options = Options { origin: "bolwerk/bench".into() };
    for (number, entries) in [1, 32, 256].into_iter().enumerate() {
        let dir = folder(base, url, number)?;
        let mut writer = Writer::open(dir.path(), &options)?;
        let (start, mut slowest) = (Instant::now(), Duration::ZERO);
        while start.elapsed() < lasting {
            let began = Instant::now();
            let group = group(&mut writer, entries, MAIL_BYTES)?;
            writer.append(group, 0)?;
            slowest = slowest.max(began.elapsed());
        }
        let rate = writer.next_seq() as f64 / start.elapsed().as_secs_f64();
        println!(
            "append, groups of {entries}, {MAIL_BYTES} bytes each: {rate:.0} entries/s, slowest group {slowest:?}"
        );
    }
    replay(folder(base, url, 3)?, &options)
}

fn replay(dir: tempfile::TempDir, options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut writer = Writer::open(dir.path(), options)?;
    let start = Instant::now();
    while writer.next_seq() < REPLAYED {
        let group = group(&mut writer, 1000, 0)?;
        writer.append(group, 0)?;
    }
    let rate = REPLAYED as f64 / start.elapsed().as_secs_f64();
    println!("append, groups of 1000, {SMALL_BYTES} bytes each: {rate:.0} entries/s");
    drop(writer);

    let start = Instant::now();
    let writer = Writer::open(dir.path(), options)?;
    println!("open a writer on {REPLAYED} entries: {:?}", start.elapsed());
    drop(writer);
    let start = Instant::now();
    let (mut entries, mut bytes) = (0u64, 0usize);
    Reader::open(dir.path())?.visit(0, &mut |stored| {
        entries += 1;
        bytes += stored.parts.iter().filter_map(|part| part.content.as_ref()).map(Vec::len).sum::<usize>();
        ControlFlow::Continue(())
    })?;
    let rate = entries as f64 / start.elapsed().as_secs_f64();
    println!("visit, {SMALL_BYTES} sealed bytes each: {rate:.0} entries/s ({bytes} bytes opened)");
    let start = Instant::now();
    let verified = verify(dir.path(), None, &mut |_, _| {})?;
    let rate = verified.size as f64 / start.elapsed().as_secs_f64();
    println!("verify: {rate:.0} entries/s");
    Ok(())
}
