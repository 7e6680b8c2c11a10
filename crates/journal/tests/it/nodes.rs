//! Several nodes that write to one journal in PostgreSQL.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use journal::{Content, Duty, Error, Keep, KeyId, NewEntry, Node, Reader, Writer, connect, retire, verify};

use crate::server;
use crate::support::*;

/// How long a test waits for what must come at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// The first node of a journal and its folder.
fn first() -> Option<(Folder, Writer)> {
    let folder = Folder::at(&server::shared()?.schema());
    let writer = open(folder.path());
    Some((folder, writer))
}

/// A further node's folder, prepared as an operator does.
fn joined(first: &Folder) -> Folder {
    let folder = Folder::at(first.url());
    for name in ["keys.next", "keys"] {
        fs::copy(first.path().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn pair() -> Option<((Folder, Writer), (Folder, Writer))> {
    let (one, a) = first()?;
    let two = joined(&one);
    let b = open_seeded(two.path(), 2);
    Some(((one, a), (two, b)))
}

/// Appends as an engine does: after another node's entries it decides again.
fn append(writer: &mut Writer, entry: NewEntry) -> u64 {
    loop {
        match writer.append(vec![vec![entry.clone()]], 0) {
            Ok(appended) => return appended[0].seqs.start,
            Err(Error::Moved { from, to }) => assert!(from < to && writer.next_seq() == to),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_node_that_was_overtaken_is_told_and_nothing_of_its_group_is_written() {
    let Some(((one, mut a), (_two, mut b))) = pair() else { return };
    fill(&mut a, 300);
    let moved = b.append(vec![vec![entry("late", "{}")]], 0);
    assert!(matches!(moved, Err(Error::Moved { from: 0, to: 300 })), "{moved:?}");
    assert_eq!((b.next_seq(), b.reader().unwrap().size().unwrap()), (300, 300));
    assert_eq!(append(&mut b, entry("again", "{}")), 300);
    assert!(matches!(a.append(vec![vec![entry("a", "{}")]], 0), Err(Error::Moved { from: 300, to: 301 })));
    fill(&mut a, 300);
    fill_after_move(&mut b, 3);
    let verified = verify(one.path(), None, &mut |_, _| {}).unwrap();
    assert_eq!(verified.size, 604);
}

fn fill_after_move(writer: &mut Writer, count: u64) {
    let moved = writer.append(vec![vec![entry("x", "{}")]], 0);
    assert!(matches!(moved, Err(Error::Moved { .. })), "{moved:?}");
    fill(writer, count);
}

#[test]
fn nodes_that_append_at_once_lose_and_double_nothing() {
    const EACH: u64 = 60;
    let Some(((one, mut a), (two, mut b))) = pair() else { return };
    let start = Barrier::new(2);
    let work = |writer: &mut Writer, name: &str| -> Vec<(u64, String)> {
        start.wait();
        let one = |n: u64| {
            let key = writer.new_key().unwrap();
            let body = format!(r#"{{"by":"{name}","n":{n}}}"#);
            let parts = [(key, Keep::Replayed, body.as_bytes()), (key, Keep::OnDemand, body.as_bytes())];
            let new = NewEntry { body: body.clone().into_bytes(), ..sealed("a.b", &parts) };
            (append(writer, new), body)
        };
        (0..EACH).map(one).collect()
    };
    let (of_a, of_b) = thread::scope(|scope| {
        let other = scope.spawn(|| work(&mut b, "b"));
        (work(&mut a, "a"), other.join().unwrap())
    });
    let mut acknowledged: Vec<(u64, String)> = of_a.into_iter().chain(of_b).collect();
    acknowledged.sort();
    for folder in [&one, &two] {
        let entries = all(&Reader::open(folder.path()).unwrap());
        let found: Vec<(u64, String)> =
            entries.iter().map(|e| (e.seq, String::from_utf8(e.body.clone()).unwrap())).collect();
        assert_eq!(found, acknowledged);
        assert!(entries.iter().all(|e| e.parts[0].content.as_deref() == Some(e.body.as_slice())));
        let verified = verify(folder.path(), None, &mut |_, _| {}).unwrap();
        assert_eq!((verified.opened, verified.closed), (4 * EACH, 0));
    }
    let keys: std::collections::BTreeSet<KeyId> =
        all(&Reader::open(one.path()).unwrap()).iter().map(|e| e.parts[0].key).collect();
    assert_eq!(keys.len() as u64, 2 * EACH, "no key was handed out twice");
}

#[test]
fn a_node_uses_and_opens_what_another_sealed_under_keys_made_since() {
    let Some(((_one, mut a), (_two, mut b))) = pair() else { return };
    let reader = a.reader().unwrap();
    // More than one pool, so that batches made after the second node joined are needed.
    let keys: Vec<KeyId> = (0..100).map(|_| b.new_key().unwrap()).collect();
    let parts: Vec<(KeyId, Keep, &[u8])> =
        keys.iter().take(16).map(|key| (*key, Keep::OnDemand, b"mail" as _)).collect();
    append(&mut b, sealed("a", &parts));
    for key in &keys {
        append(&mut b, sealed("a", &[(*key, Keep::Replayed, b"naam")]));
    }
    assert_eq!(reader.part(0, 15).unwrap(), Content::Open(b"mail".to_vec()));
    assert!(all(&reader)[1..].iter().all(|e| e.parts[0].content.as_deref() == Some(b"naam".as_slice())));
    append(&mut a, sealed("more", &[(keys[99], Keep::Replayed, b"ook van a")]));
    assert_eq!(b.reader().unwrap().part(101, 0).unwrap(), Content::Open(b"ook van a".to_vec()));
    assert_ne!(a.new_key().unwrap(), b.new_key().unwrap());
}

#[test]
fn whoever_waits_hears_of_another_nodes_entries_at_once_and_of_nothing_in_time() {
    let Some(((_one, mut a), (_two, b))) = pair() else { return };
    let reader = b.reader().unwrap();
    let began = Instant::now();
    assert_eq!(reader.wait(0, Duration::from_millis(50)).unwrap(), 0);
    assert!(began.elapsed() >= Duration::from_millis(50));
    let waiting = thread::spawn(move || {
        let size = reader.wait(0, PATIENCE).unwrap();
        (size, Instant::now(), reader)
    });
    let appended = Instant::now();
    fill(&mut a, 3);
    let (size, heard, reader) = waiting.join().unwrap();
    assert_eq!(size, 3);
    assert!(heard.duration_since(appended) < PATIENCE / 2);
    assert_eq!(reader.wait(1, PATIENCE).unwrap(), 3, "what is there already is told at once");
}

fn contains(path: &Path, bytes: &[u8]) -> bool {
    fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes)
}

fn nodes_of(folder: &Folder) -> Vec<Node> {
    Reader::open(folder.path()).unwrap().nodes().unwrap()
}

/// Bytes of a key in the first block of a key file.
fn key_bytes(folder: &Folder, key: KeyId) -> Vec<u8> {
    let at = 112 + 12 + (key.0 as usize - 1) * 32;
    fs::read(folder.path().join("keys")).unwrap()[at..at + 32].to_vec()
}

#[test]
fn an_erasure_is_confirmed_once_every_node_has_destroyed_the_key() {
    let Some(((one, mut a), (two, b))) = pair() else { return };
    let key = a.new_key().unwrap();
    append(&mut a, sealed("a", &[(key, Keep::Replayed, b"naam"), (key, Keep::OnDemand, &[1; FILE_BYTES])]));
    let (tail, watcher) = (b.reader().unwrap(), a.reader().unwrap());
    assert_eq!(all(&tail)[0].parts[0].content.as_deref(), Some(b"naam".as_slice()));
    let bytes = key_bytes(&one, key);
    let erased = a.erase(&[key], entry("journal.erased", "{}"), 0).unwrap();
    let seq = erased.seqs.start;
    let nodes: Vec<Node> = watcher.nodes().unwrap();
    assert_eq!(nodes.len(), 2);
    let other = nodes.iter().find(|node| !node.here).unwrap().name.clone();
    assert_eq!(watcher.lagging(seq).unwrap(), [other]);
    assert!(!contains(&one.path().join("keys"), &bytes) && contains(&two.path().join("keys"), &bytes));
    assert_eq!(tail.part(0, 0).unwrap(), Content::Erased, "not even before that node knows");
    assert_eq!(one.files(), 0);

    tail.confirm(tail.size().unwrap()).unwrap();
    assert_eq!(watcher.lagging(seq).unwrap(), Vec::<String>::new());
    assert!(!contains(&two.path().join("keys"), &bytes));
    assert_eq!(all(&tail)[0].parts[0].content, None);
    assert!(matches!(Reader::open(two.path()).unwrap().confirm(9), Err(Error::Invalid { .. })));
    verify(two.path(), None, &mut |_, _| {}).unwrap();
}

#[test]
fn a_node_that_does_not_run_is_waited_for_and_forgets_before_it_opens_or_is_retired() {
    let Some(((one, mut a), (two, b))) = pair() else { return };
    let watcher = a.reader().unwrap();
    drop(b);
    // Made while the other is away: a batch that it takes in later, with a key that is gone by then.
    let keys: Vec<KeyId> = (0..60).map(|_| a.new_key().unwrap()).collect();
    for key in &keys {
        append(&mut a, sealed("a", &[(*key, Keep::Replayed, b"x")]));
    }
    let seq = a.erase(&[keys[0], keys[59]], entry("journal.erased", "{}"), 0).unwrap().seqs.start;
    assert_eq!(watcher.lagging(seq).unwrap().len(), 1);
    assert!(one.blobs("SELECT wrapped FROM keys").len() >= 30, "kept for the node that is away");

    let b = open_seeded(two.path(), 2);
    assert_eq!(watcher.lagging(seq).unwrap(), Vec::<String>::new());
    assert_eq!(one.blobs("SELECT wrapped FROM keys").len(), 0);
    let entries = all(&b.reader().unwrap());
    let open = entries.iter().filter(|e| e.parts.iter().any(|part| part.content.is_some())).count();
    assert_eq!(open, 58);
    drop(b);

    let seq = a.erase(&[keys[1]], entry("journal.erased", "{}"), 0).unwrap().seqs.start;
    let lagging = watcher.lagging(seq).unwrap();
    let nodes: Vec<(bool, bool)> = watcher.nodes().unwrap().iter().map(|node| (node.here, node.runs)).collect();
    assert!(nodes.contains(&(true, true)) && nodes.contains(&(false, false)), "{nodes:?}");
    let running = nodes_of(&one).into_iter().find(|node| node.here).unwrap().name;
    assert!(matches!(retire(two.path(), &running), Err(Error::Invalid { .. })), "a node that runs is not retired");
    assert!(matches!(retire(two.path(), &lagging[0]), Err(Error::Invalid { .. })), "a node does not retire itself");
    retire(one.path(), &lagging[0]).unwrap();
    assert_eq!(watcher.lagging(seq).unwrap(), Vec::<String>::new());
    assert!(matches!(retire(one.path(), "nobody"), Err(Error::Invalid { .. })));
}

#[test]
fn keys_made_just_before_a_crash_are_taken_in_from_the_store() {
    let Some((one, mut a)) = first() else { return };
    let two = joined(&one);
    // Registered, so that what it needs is kept.
    drop(open_seeded(two.path(), 2));
    let files = || ["keys", "keys.next"].map(|name| fs::read(one.path().join(name)).unwrap());
    let (mut before, mut key) = (files(), a.new_key().unwrap());
    for _ in 0..80 {
        let now = files();
        key = a.new_key().unwrap();
        if files() != now {
            before = now;
        }
    }
    append(&mut a, sealed("a", &[(key, Keep::Replayed, b"x")]));
    drop(a);
    let made = fs::read(one.path().join("keys")).unwrap();
    // The crash came after the commit: neither file was written, or only the first.
    for (name, bytes) in ["keys", "keys.next"].into_iter().zip(&before) {
        fs::write(one.path().join(name), bytes).unwrap();
    }
    let mut a = open(one.path());
    assert_eq!(fs::read(one.path().join("keys")).unwrap(), made);
    assert_eq!(a.reader().unwrap().part(0, 0).unwrap(), Content::Open(b"x".to_vec()));
    assert!(a.new_key().unwrap() > key);
    drop(a);
    fs::write(one.path().join("keys.next"), &before[1]).unwrap();
    drop(open(one.path()));
    // A key file that lost what the ratchet is past is damaged, and says so.
    fs::write(one.path().join("keys"), &before[0]).unwrap();
    let refused = Writer::open(one.path(), &options());
    assert!(matches!(refused, Err(Error::BadKeys { .. })), "{refused:?}");
}

#[test]
fn a_node_without_keys_or_with_keys_too_old_is_told_what_to_copy() {
    let Some((one, mut a)) = first() else { return };
    let two = Folder::at(one.url());
    let refused = Writer::open(two.path(), &options());
    assert!(matches!(refused, Err(Error::NoKeys { .. })), "{refused:?}");
    let two = joined(&one);
    for _ in 0..100 {
        a.new_key().unwrap();
    }
    let Err(error @ Error::BadKeys { .. }) = Writer::open(two.path(), &options()) else { panic!("opened") };
    assert!(error.to_string().contains("copy keys.next and keys again"), "{error}");
    for name in ["keys.next", "keys"] {
        fs::copy(one.path().join(name), two.path().join(name)).unwrap();
    }
    fill(&mut open_seeded(two.path(), 3), 2);
}

#[test]
fn a_node_writes_from_one_folder_only() {
    let Some((one, a)) = first() else { return };
    let copy = tempfile::tempdir().unwrap();
    copy_folder(one.path(), copy.path());
    let Err(error @ Error::Away { .. }) = Writer::open(copy.path(), &options()) else { panic!("opened twice") };
    assert!(error.to_string().contains("another folder has the same name"), "{error}");
    drop(a);
    drop(open(copy.path()));
}

#[test]
fn a_journal_that_went_back_or_elsewhere_is_noticed_before_anything_is_written() {
    let Some((one, mut a)) = first() else { return };
    fill(&mut a, 3);
    let note = a.reader().unwrap().checkpoint().unwrap();
    fill(&mut a, 2);
    // What a failover to a server that lags behind looks like.
    one.tamper(&format!("DELETE FROM entries WHERE seq >= 3; UPDATE meta SET value = convert_to('{note}', 'UTF8') WHERE name = 'checkpoint'"));
    let Err(Error::Broken { seq: Some(3), what }) = a.append(vec![vec![entry("a", "{}")]], 0) else {
        panic!("written")
    };
    assert!(what.contains("went back from 5 to 3"), "{what}");
    assert!(matches!(a.append(vec![vec![entry("a", "{}")]], 0), Err(Error::Poisoned { .. })));
    assert_eq!(Reader::open(one.path()).unwrap().size().unwrap(), 3);
}

#[test]
fn an_empty_database_has_no_journal_and_a_schema_with_other_tables_is_left_alone() {
    let Some(server) = server::shared() else { return };
    let folder = Folder::at(&server.schema());
    assert!(matches!(Reader::open(folder.path()), Err(Error::Absent { .. })));
    folder.tamper("CREATE TABLE cities (name text)");
    assert!(matches!(Writer::open(folder.path(), &options()), Err(Error::Broken { .. })));
    let folder = Folder::at(&format!("{} options='-csearch_path=nowhere'", server.address()));
    assert!(matches!(Writer::open(folder.path(), &options()), Err(Error::Invalid { .. })));
    connect(folder.path(), "host=127.0.0.1 port=1 user=x").unwrap();
    assert!(matches!(Writer::open(folder.path(), &options()), Err(Error::Away { .. })));
}

#[test]
fn a_changed_or_missing_piece_of_a_large_part_is_found() {
    let Some((one, mut a)) = first() else { return };
    let key = a.new_key().unwrap();
    let large: Vec<u8> = (0..900_000u32).map(|n| n as u8).collect();
    append(&mut a, sealed("a", &[(key, Keep::OnDemand, &large)]));
    assert_eq!(a.reader().unwrap().part(0, 0).unwrap(), Content::Open(large));
    let check = || verify(one.path(), None, &mut |_, _| {});
    check().unwrap();
    assert!(!one.path().join("blobs").exists());
    for sql in [
        "UPDATE chunks SET bytes = set_byte(bytes, 5, get_byte(bytes, 5) # 1) WHERE number = 2",
        "UPDATE chunks SET number = 9 WHERE number = 3",
        "DELETE FROM chunks WHERE number = 1",
        "DELETE FROM chunks",
    ] {
        one.tamper("CREATE TABLE keep AS SELECT * FROM chunks");
        one.tamper(sql);
        let kept = "DELETE FROM chunks; INSERT INTO chunks SELECT * FROM keep; DROP TABLE keep";
        one.tamper("ALTER TABLE keep SET SCHEMA public");
        assert!(matches!(check(), Err(Error::Broken { seq: Some(0), .. })), "{sql}");
        one.tamper(&kept.replace("keep", "public.keep"));
    }
    check().unwrap();
}

#[test]
fn a_visit_of_many_entries_of_any_size_misses_none() {
    let Some((_one, mut a)) = first() else { return };
    let bodies: Vec<usize> = (0..400).map(|n| if n % 50 == 7 { 600_000 } else { n }).collect();
    for group in bodies.chunks(100) {
        let group = group.iter().map(|len| vec![entry("a", &"7".repeat(*len))]).collect();
        a.append(group, 0).unwrap();
    }
    let mut seen = Vec::new();
    let mut each = |stored: journal::Stored| {
        seen.push((stored.seq, stored.body.len()));
        ControlFlow::Continue(())
    };
    a.reader().unwrap().visit(0, &mut each).unwrap();
    assert_eq!(seen, (0..).zip(bodies).collect::<Vec<_>>());
}

#[test]
fn whoever_leads_is_never_overtaken_and_the_others_wait() {
    let Some(((_one, mut a), (_two, mut b))) = pair() else { return };
    fill(&mut a, 3);
    assert_eq!(b.lead().unwrap(), 3, "it goes on from what the other wrote");
    assert_eq!(b.lead().unwrap(), 3, "asked twice it is the same");
    let other = thread::spawn(move || append(&mut a, entry("late", "{}")));
    assert_eq!(b.append(vec![vec![entry("first", "{}")]], 0).unwrap()[0].seqs, 3..4);
    assert_eq!(other.join().unwrap(), 4);
    assert_eq!(b.lead().unwrap(), 5);
    b.step_down();
    b.step_down();
    let key = b.new_key().unwrap();
    assert_eq!(b.lead().unwrap(), 5);
    append(&mut b, sealed("a", &[(key, Keep::Replayed, b"naam")]));
    assert_eq!(b.lead().unwrap(), 6);
    b.erase(&[key], entry("journal.erased", "{}"), 0).unwrap();
    assert!(matches!(b.append(vec![vec![entry("journal.own", "{}")]], 0), Err(Error::Invalid { .. })));
    fill(&mut b, 1);
}

#[test]
fn one_node_at_a_time_has_the_duty_and_passes_it_on() {
    let Some(((one, _a), (two, _b))) = pair() else { return };
    let (first, second) = (Duty::open(one.path()).unwrap(), Duty::open(two.path()).unwrap());
    assert!(first.hold().unwrap() && !second.hold().unwrap());
    assert!(first.hold().unwrap(), "asked again it is the same");
    drop(first);
    let until = Instant::now() + PATIENCE;
    while !second.hold().unwrap() {
        assert!(Instant::now() < until);
        thread::park_timeout(Duration::from_millis(5));
    }
    let Some((_other, _c)) = self::first() else { return };
    assert!(Duty::open(_other.path()).unwrap().hold().unwrap(), "of another journal in the same database");
}

/// Whether a row of any table holds these bytes.
fn holds(folder: &Folder, bytes: &[u8]) -> bool {
    // The server writes bytes in hexadecimal.
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let tables = "SELECT convert_to(tablename, 'UTF8') FROM pg_tables WHERE schemaname = current_schema()";
    let tables = folder.blobs(tables);
    assert!(tables.len() > 8, "{}", tables.len());
    tables.into_iter().map(|table| String::from_utf8(table).unwrap()).any(|table| {
        let rows = folder.blobs(&format!("SELECT convert_to({table}::text, 'UTF8') FROM {table}"));
        rows.iter().any(|row| [hex.as_bytes(), bytes].iter().any(|b| row.windows(b.len()).any(|window| window == *b)))
    })
}

#[test]
fn nothing_sealed_lies_in_clear_in_the_database_before_or_after_erasure() {
    let Some((folder, mut writer)) = first() else { return };
    let needle = b"Annelies Verstappen-Geheim";
    let key = writer.new_key().unwrap();
    let large = needle.repeat(FILE_BYTES / needle.len() + 1);
    let parts: [(KeyId, Keep, &[u8]); 3] =
        [(key, Keep::Replayed, needle), (key, Keep::OnDemand, needle), (key, Keep::OnDemand, &large)];
    writer.append(vec![vec![sealed("a", &parts), entry("b", r#"{"open":"for-everybody"}"#)]], 0).unwrap();
    assert!(matches!(writer.reader().unwrap().part(0, 1), Ok(Content::Open(_))));
    assert!(holds(&folder, b"for-everybody"), "what lies in clear is found");
    assert!(!holds(&folder, needle));
    writer.erase(&[key], entry("journal.erased", "{}"), 0).unwrap();
    assert!(!holds(&folder, needle));
    verify(folder.path(), None, &mut |_, _| {}).unwrap();
}
