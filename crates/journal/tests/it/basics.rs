//! What is appended comes back, in order, sealed and opened.

use std::fs;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use journal::{Content, Error, Keep, KeyId, REPLAYED_BYTES_MAX, Reader, Writer};

use crate::support::*;

contract! {
    whoever_waits_is_told_of_more_entries_and_else_of_the_time
    what_is_appended_comes_back_after_reopening
    a_visit_starts_where_asked_and_stops_when_told
    a_reader_in_another_connection_sees_new_entries_and_their_new_keys
    a_clock_set_back_does_not_take_recorded_at_back
    keys_are_never_handed_out_twice_once_they_sealed_something
    what_the_format_does_not_allow_is_refused_and_nothing_is_lost
    a_second_writer_is_told_that_the_folder_is_held
    secrets_stay_the_same_and_differ_by_purpose
    erased_content_is_gone_and_the_rest_stays
}

fn what_is_appended_comes_back_after_reopening<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let key = writer.new_key().unwrap();
    let large = vec![7; FILE_BYTES];
    let parts: [(KeyId, Keep, &[u8]); 3] =
        [(key, Keep::Replayed, b"naam"), (key, Keep::OnDemand, b"ruwe mail"), (key, Keep::OnDemand, &large)];
    let group = vec![vec![sealed("report.received", &parts), entry("report.noted", "{}")], vec![entry("other", "1")]];
    let appended = writer.append(group, 50).unwrap();
    assert_eq!(appended.iter().map(|a| a.seqs.clone()).collect::<Vec<_>>(), [0..2, 2..3]);
    let live = all(&writer.reader().unwrap());
    drop(writer);

    let reader = Reader::open(dir.path()).unwrap();
    let entries = all(&reader);
    assert_eq!(entries, live);
    assert_eq!(reader.size().unwrap(), 3);
    let marks: Vec<_> = entries.iter().map(|e| (e.seq, e.recorded_at, e.first, e.last)).collect();
    assert_eq!(marks, [(0, 50, true, false), (1, 50, false, true), (2, 50, true, true)]);
    assert_eq!(entries[0].parts[0].content.as_deref(), Some(b"naam".as_slice()));
    assert_eq!(entries[0].parts[1].content, None, "opened on demand only");
    assert_eq!(reader.part(0, 0).unwrap(), Content::Open(b"naam".to_vec()));
    assert_eq!(reader.part(0, 1).unwrap(), Content::Open(b"ruwe mail".to_vec()));
    assert_eq!(reader.part(0, 2).unwrap(), Content::Open(large));
    assert!(matches!(reader.part(0, 3), Err(Error::Invalid { .. })));
    assert!(matches!(reader.part(9, 0), Err(Error::Invalid { .. })));

    let writer = open(dir.path());
    assert_eq!(writer.next_seq(), 3);
}

fn a_visit_starts_where_asked_and_stops_when_told<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    fill(&mut writer, 10);
    let mut seen = Vec::new();
    let mut each = |stored: journal::Stored| {
        seen.push(stored.seq);
        if stored.seq == 6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    writer.reader().unwrap().visit(4, &mut each).unwrap();
    assert_eq!(seen, [4, 5, 6]);
}

fn a_reader_in_another_connection_sees_new_entries_and_their_new_keys<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    for n in 0..100u64 {
        let key = writer.new_key().unwrap();
        writer.append(vec![vec![sealed("a.b", &[(key, Keep::Replayed, &n.to_be_bytes())])]], 0).unwrap();
    }
    let entries = all(&reader);
    assert_eq!(entries.len(), 100);
    assert!(entries.iter().all(|e| e.parts[0].content == Some(e.seq.to_be_bytes().to_vec())));
}

fn whoever_waits_is_told_of_more_entries_and_else_of_the_time<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let reader = writer.reader().unwrap();
    let began = Instant::now();
    assert_eq!(reader.wait(0, Duration::from_millis(60)).unwrap(), 0);
    assert!(began.elapsed() >= Duration::from_millis(60));
    let waiting = std::thread::spawn(move || reader.wait(0, Duration::from_secs(60)).map(|size| (size, reader)));
    fill(&mut writer, 3);
    let (size, reader) = waiting.join().unwrap().unwrap();
    assert_eq!(size, 3);
    assert_eq!(reader.wait(1, Duration::from_secs(60)).unwrap(), 3, "what is there already is told at once");
}

fn a_clock_set_back_does_not_take_recorded_at_back<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    writer.append(vec![vec![entry("a", "{}")]], 1000).unwrap();
    assert_eq!(writer.append(vec![vec![entry("a", "{}")]], 10).unwrap()[0].at, 1000);
    drop(writer);
    let mut writer = open(dir.path());
    assert_eq!(writer.append(vec![vec![entry("a", "{}")]], -5).unwrap()[0].at, 1000);
    assert_eq!(writer.append(vec![vec![entry("a", "{}")]], 1001).unwrap()[0].at, 1001);
}

fn keys_are_never_handed_out_twice_once_they_sealed_something<F: Fixture>() {
    let dir = F::folder();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let mut writer = open(dir.path());
        for _ in 0..50 {
            let key = writer.new_key().unwrap();
            assert!(seen.insert(key), "{key:?}");
            writer.append(vec![vec![sealed("a", &[(key, Keep::Replayed, b"x")])]], 0).unwrap();
        }
    }
}

fn what_the_format_does_not_allow_is_refused_and_nothing_is_lost<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let key = writer.new_key().unwrap();
    let refused = [
        entry("", "{}"),
        entry("with space", "{}"),
        entry("journal.erased", "{}"),
        entry(&"k".repeat(65), "{}"),
        sealed("a", &[(key, Keep::Replayed, &vec![0; REPLAYED_BYTES_MAX + 1])]),
        sealed("a", &vec![(key, Keep::Replayed, b"".as_slice()); 17]),
    ];
    for new in refused {
        let what = format!("{} with {} parts", new.kind, new.parts.len());
        assert!(matches!(writer.append(vec![vec![new]], 0), Err(Error::Invalid { .. })), "{what}");
    }
    let unknown = sealed("a", &[(KeyId(key.0 + 1), Keep::Replayed, b"")]);
    assert!(matches!(writer.append(vec![vec![unknown]], 0), Err(Error::UnknownKey { .. })));
    assert_eq!(writer.append(vec![vec![entry("a", "{}")], vec![]], 0).unwrap()[1].seqs, 1..1);
    assert_eq!(writer.next_seq(), 1);
}

fn a_second_writer_is_told_that_the_folder_is_held<F: Fixture>() {
    let dir = F::folder();
    let writer = open(dir.path());
    assert!(matches!(Writer::open(dir.path(), &options()), Err(Error::Held { .. })));
    drop(writer);
    open(dir.path());
}

fn secrets_stay_the_same_and_differ_by_purpose<F: Fixture>() {
    let dir = F::folder();
    let writer = open(dir.path());
    let (one, two) = (writer.secret("one"), writer.secret("two"));
    assert_ne!(one, two);
    drop(writer);
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.secret("one"), one);
    fs::remove_file(dir.path().join("keys")).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert!(!reader.has_keys());
    assert_ne!(reader.secret("one"), one);
}

fn erased_content_is_gone_and_the_rest_stays<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let (one, two) = (writer.new_key().unwrap(), writer.new_key().unwrap());
    let large = vec![7; FILE_BYTES];
    let new = sealed(
        "a",
        &[
            (one, Keep::Replayed, b"eerste"),
            (two, Keep::Replayed, b"tweede"),
            (one, Keep::OnDemand, b"mail"),
            (two, Keep::OnDemand, b"mail"),
            (one, Keep::OnDemand, &large),
        ],
    );
    writer.append(vec![vec![new]], 0).unwrap();
    let erased = writer.erase(&[one], entry("journal.erased", r#"{"why":"asked"}"#), 9).unwrap();
    assert_eq!(erased.seqs, 1..2);
    for again in 0..2 {
        let reader = Reader::open(dir.path()).unwrap();
        let entries = all(&reader);
        assert_eq!(entries[0].parts[0].content, None);
        assert_eq!(entries[0].parts[1].content.as_deref(), Some(b"tweede".as_slice()));
        let body: serde_json::Value = serde_json::from_slice(&entries[1].body).unwrap();
        assert_eq!(body, serde_json::json!({ "keys": [1], "why": "asked" }));
        for (number, erased) in [(0, true), (1, false), (2, true), (3, false), (4, true)] {
            let part = reader.part(0, number).unwrap();
            assert_eq!(part == Content::Erased, erased, "part {number}: {part:?}, round {again}");
        }
        assert_eq!(dir.files(), 0);
        drop(writer);
        writer = open(dir.path());
    }
    let reused = sealed("a", &[(one, Keep::Replayed, b"x")]);
    assert!(matches!(writer.append(vec![vec![reused]], 0), Err(Error::UnknownKey { key }) if key == one));
    assert!(matches!(writer.erase(&[one], entry("journal.erased", "{}"), 9), Err(Error::UnknownKey { .. })));
    assert!(matches!(writer.erase(&[two], entry("other", "{}"), 9), Err(Error::Invalid { .. })));
    assert!(matches!(writer.erase(&[two], entry("journal.erased", r#"{"keys":[1]}"#), 9), Err(Error::Invalid { .. })));
}

#[test]
fn a_writer_and_its_readers_may_live_in_other_threads() {
    fn sendable<T: Send>() {}
    sendable::<Writer>();
    sendable::<Reader>();
}
