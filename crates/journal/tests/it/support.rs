//! Small journals for tests.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

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
    Hooks { random: Box::new(random), pool: 16, bulk_bytes_max: FILE_BYTES - 1, ..Hooks::default() }
}

/// Content of this size is a file here.
pub const FILE_BYTES: usize = 5000;

pub fn open(dir: &Path) -> Writer {
    open_seeded(dir, 1)
}

pub fn open_seeded(dir: &Path, seed: u64) -> Writer {
    Writer::open_with(dir, &options(), hooks(seed)).unwrap()
}

/// All files below a folder.
pub fn files_in(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for item in fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() { files.extend(files_in(&path)) } else { files.push(path) }
    }
    files
}

pub fn copy_folder(from: &Path, to: &Path) {
    for file in files_in(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
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
