//! Small journals for tests.

use std::ops::ControlFlow;
use std::path::Path;

use journal::{Hooks, Keep, KeyId, NewEntry, NewPart, Options, Reader, Stored, Writer};

pub const ORIGIN: &str = "bolwerk/test";

pub fn options() -> Options {
    Options { origin: ORIGIN.into() }
}

/// Hooks with randomness that repeats and a small pool of keys.
pub fn hooks(seed: u64) -> Hooks {
    let mut state = seed | 1;
    let random = move |bytes: &mut [u8]| {
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 32) as u8;
        }
        Ok(())
    };
    Hooks { random: Box::new(random), pool: 16, ..Hooks::default() }
}

pub fn open(dir: &Path) -> Writer {
    Writer::open_with(dir, &options(), hooks(1)).unwrap()
}

pub fn entry(kind: &str, body: &str) -> NewEntry {
    NewEntry { kind: kind.into(), version: 1, body: body.as_bytes().to_vec(), parts: Vec::new() }
}

pub fn sealed(kind: &str, parts: &[(KeyId, Keep, &[u8])]) -> NewEntry {
    let parts = parts.iter().map(|(key, keep, content)| NewPart { key: *key, keep: *keep, content: content.to_vec() });
    NewEntry { parts: parts.collect(), ..entry(kind, r#"{"n":1}"#) }
}

/// Appends `count` plain entries, each a transaction, one commit for all.
pub fn fill(writer: &mut Writer, count: u64) {
    let from = writer.next_seq();
    let group = (from..from + count).map(|n| vec![entry("test.counted", &format!(r#"{{"n":{n}}}"#))]).collect();
    writer.append(group, 0).unwrap();
}

pub fn all(reader: &Reader) -> Vec<Stored> {
    let mut entries = Vec::new();
    reader
        .visit(0, &mut |stored| {
            entries.push(stored);
            ControlFlow::Continue(())
        })
        .unwrap();
    entries
}
