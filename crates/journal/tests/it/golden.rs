//! A journal of the first released format: it must open, verify and replay to the same values for ever.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use journal::{Checkpoint, Content, Keep, KeyId, Reader, verify};

use crate::support::*;

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version)
}

/// Everything that the journal says, as text.
fn told(reader: &Reader) -> String {
    let mut out = String::new();
    for stored in all(reader) {
        let marks = (stored.first, stored.last);
        let body = String::from_utf8(stored.body).unwrap();
        writeln!(out, "{} {} {marks:?} {} {} {body}", stored.seq, stored.recorded_at, stored.kind, stored.version)
            .unwrap();
        for (number, part) in stored.parts.iter().enumerate() {
            let content = reader.part(stored.seq, number).unwrap();
            let replayed = part.content.as_deref().map(String::from_utf8_lossy);
            let content = match content {
                Content::Open(bytes) => format!("{:?}", String::from_utf8(bytes).unwrap()),
                other => format!("{other:?}"),
            };
            writeln!(out, "  {number} key {} {:?} {} {content} {replayed:?}", part.key.0, part.keep, part.len).unwrap();
        }
    }
    writeln!(out, "secret {:02x?}", reader.secret("golden")).unwrap();
    out + &reader.checkpoint().unwrap() + &reader.erasures().unwrap() + &reader.verifier().unwrap().vkey()
}

#[test]
fn the_journal_of_version_1_opens_verifies_and_replays_to_the_same() {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&golden("v1"), copy.path());
    let expected = fs::read_to_string(golden("v1.txt")).unwrap();
    let verified = verify(copy.path(), None, &mut |_, _| {}).unwrap();
    assert_eq!(
        (verified.size, verified.opened, verified.erased, verified.last_recorded_at),
        (266, 6, 3, Some(1_000_300))
    );
    let reader = Reader::open(copy.path()).unwrap();
    assert_eq!(told(&reader), expected);
    let before = reader.checkpoint().unwrap();
    let root = Checkpoint::open(&reader.verifier().unwrap(), &before).unwrap().root;
    assert_eq!(root, reader.root(266).unwrap());

    let mut writer = open_seeded(copy.path(), 3);
    fill(&mut writer, 2);
    assert_eq!(verify(copy.path(), Some(&before), &mut |_, _| {}).unwrap().against, Some(266));
}

/// Made once. Never make it anew: it stands for what is out there.
#[test]
#[ignore = "writes the golden journal when there is none"]
fn make_the_journal_of_version_1() {
    let dir = golden("v1");
    assert!(!dir.exists(), "a golden journal is never made anew");
    let mut writer = open_seeded(&dir, 1);
    let keys: Vec<KeyId> = (0..3).map(|_| writer.new_key().unwrap()).collect();
    let large = "een groot bestand ".repeat(300);
    for (n, key) in keys.iter().enumerate() {
        let name = format!("Stad {n}, bereikbaar op 0470 00 00 0{n}");
        let parts: [(KeyId, Keep, &[u8]); 3] = [
            (*key, Keep::Replayed, name.as_bytes()),
            (*key, Keep::OnDemand, b"Subject: hulp\r\n\r\nalles ligt plat\r\n"),
            (*key, Keep::OnDemand, large.as_bytes()),
        ];
        let group = vec![vec![sealed("report.received", &parts), entry("report.read", r#"{"complete":true}"#)]];
        writer.append(group, 1_000_000 + n as i64).unwrap();
    }
    writer.erase(&keys[1..2], entry("journal.erased", r#"{"reason":"asked"}"#), 1_000_300).unwrap();
    fill(&mut writer, 259);
    let reader = writer.reader().unwrap();
    fs::write(golden("v1.txt"), told(&reader)).unwrap();
    drop((reader, writer));
    fs::remove_file(dir.join("lock")).unwrap();
}
