//! What goes wrong with disks, folders and files: each has a clear message, and nothing acknowledged is lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use journal::{Content, Error, Fault, Hooks, Keep, KeyId, Reader, Writer, backup, verify};

use crate::support::*;

contract! {
    an_erasure_whose_key_file_cannot_be_rewritten_stops_the_writer_and_is_finished_later
    after_a_failed_sync_nothing_is_acknowledged_until_the_journal_is_opened_anew
    a_fault_that_leaves_nothing_unknown_is_answered_and_the_writer_goes_on
    a_missing_or_cut_key_file_is_refused_by_name
    an_erasure_interrupted_before_the_key_file_was_rewritten_is_finished
    an_erasure_may_name_a_key_that_sealed_nothing
}

fn size_verified(dir: &Path) -> u64 {
    verify(dir, None, &mut |_, _| {}).unwrap().size
}

/// Appends until an error; returns it. Everything before it was acknowledged.
fn append_until_error(writer: &mut Writer) -> Error {
    for _ in 0..100_000 {
        let appended = writer.new_key().and_then(|key| {
            let new = sealed("a", &[(key, Keep::Replayed, &[1; 900]), (key, Keep::OnDemand, &[2; 4000])]);
            writer.append(vec![vec![new.clone(), new]], 0)
        });
        if let Err(error) = appended {
            return error;
        }
    }
    panic!("no error came")
}

#[test]
fn a_full_store_keeps_what_was_acknowledged_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let limited = Hooks { pages_max: Some(200), ..hooks(1) };
    let mut writer = Writer::open_with(dir.path(), &options(), limited).unwrap();
    let error = append_until_error(&mut writer);
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    let acknowledged = writer.next_seq();
    assert!(acknowledged > 20);
    assert!(matches!(append_until_error(&mut writer), Error::Full { .. }), "not poisoned: nothing is unknown");
    let acknowledged = acknowledged.max(writer.next_seq());
    assert_eq!(size_verified(dir.path()), acknowledged);
    drop(writer);
    let mut writer = open(dir.path());
    assert_eq!(writer.next_seq(), acknowledged);
    fill(&mut writer, 1);
    assert_eq!(size_verified(dir.path()), acknowledged + 1);
}

/// A small file system of its own; `None` where the test may not mount one.
struct Disk {
    dir: tempfile::TempDir,
}

impl Disk {
    fn new(size: &str) -> Option<Disk> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], dir.path());
        if !mounted {
            eprintln!("skipped: this user may not mount a file system");
            return None;
        }
        Some(Disk { dir })
    }

    fn remount(&self, how: &str) {
        assert!(run("mount", &["-o", &format!("remount,{how}")], self.dir.path()));
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l"], self.dir.path());
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    Command::new(program).args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_really_full_disk_keeps_what_was_acknowledged() {
    let Some(disk) = Disk::new("3m") else { return };
    let mut writer = open(&disk.data());
    let error = append_until_error(&mut writer);
    assert!(matches!(error, Error::Full { .. }), "{error}");
    let acknowledged = writer.next_seq();
    disk.remount("size=12m");
    fill(&mut writer, 1);
    assert_eq!(size_verified(&disk.data()), acknowledged + 1);
    drop(writer);
    fill(&mut open(&disk.data()), 1);
    assert_eq!(size_verified(&disk.data()), acknowledged + 2);
}

#[test]
fn a_full_disk_refuses_a_large_file_and_leaves_no_piece_of_it() {
    let Some(disk) = Disk::new("2m") else { return };
    let mut writer = open(&disk.data());
    let key = writer.new_key().unwrap();
    fill(&mut writer, 3);
    let large = vec![3; 4 << 20];
    let error = writer.append(vec![vec![sealed("a", &[(key, Keep::OnDemand, &large)])]], 0).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    fill(&mut writer, 1);
    let blobs = files_in(&disk.data()).into_iter().filter(|path| path.starts_with(disk.data().join("blobs")));
    assert_eq!(blobs.count(), 0);
    assert_eq!(size_verified(&disk.data()), 4);
}

#[test]
fn a_medium_that_cannot_be_written_refuses_a_writer_and_serves_readers() {
    let Some(disk) = Disk::new("8m") else { return };
    let mut writer = open(&disk.data());
    let key = writer.new_key().unwrap();
    writer.append(vec![vec![sealed("a", &[(key, Keep::OnDemand, b"mail")])]], 0).unwrap();
    fill(&mut writer, 9);
    drop(writer);
    disk.remount("ro");
    let refused = Writer::open(&disk.data(), &options());
    assert!(matches!(refused, Err(Error::ReadOnly { .. })), "{refused:?}");
    let reader = Reader::open(&disk.data()).unwrap();
    assert_eq!(all(&reader).len(), 10);
    assert_eq!(reader.part(0, 0).unwrap(), Content::Open(b"mail".to_vec()));
    assert_eq!(size_verified(&disk.data()), 10);
    let out = tempfile::tempdir().unwrap();
    assert_eq!(backup(&disk.data(), &out.path().join("b"), None).unwrap().size, 10);
}

fn an_erasure_whose_key_file_cannot_be_rewritten_stops_the_writer_and_is_finished_later<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let key = writer.new_key().unwrap();
    writer.append(vec![vec![sealed("a", &[(key, Keep::OnDemand, b"x")])]], 0).unwrap();
    let path = dir.path().join("keys");
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let erased = writer.erase(&[key], entry("journal.erased", "{}"), 0);
    assert!(matches!(erased, Err(Error::Io { .. })), "{erased:?}");
    assert!(matches!(writer.append(vec![vec![entry("a", "{}")]], 0), Err(Error::Poisoned { .. })));
    drop(writer);
    fs::remove_dir(&path).unwrap();
    fs::write(&path, &bytes).unwrap();
    let writer = open(dir.path());
    assert_eq!(writer.next_seq(), 2);
    assert_eq!(writer.reader().unwrap().part(0, 0).unwrap(), Content::Erased);
    assert_ne!(fs::read(&path).unwrap(), bytes);
    assert_eq!(verify(dir.path(), None, &mut |_, _| {}).unwrap().erased, 1);
}

/// A hook whose next commits fail as listed.
fn failing(faults: &[Option<Fault>]) -> Hooks {
    let left = Arc::new(Mutex::new(faults.to_vec()));
    let before_commit = move || {
        let mut left = left.lock().unwrap();
        match if left.is_empty() { None } else { left.remove(0) } {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    };
    Hooks { before_commit: Some(Box::new(before_commit)), ..hooks(1) }
}

fn after_a_failed_sync_nothing_is_acknowledged_until_the_journal_is_opened_anew<F: Fixture>() {
    for (fault, there) in [(Fault::Lost, 1), (Fault::Written, 2)] {
        let dir = F::folder();
        let mut writer = Writer::open_with(dir.path(), &options(), failing(&[None, Some(fault)])).unwrap();
        fill(&mut writer, 1);
        let error = writer.append(vec![vec![entry("a", "{}")]], 0).unwrap_err();
        assert!(matches!(error, Error::Unsure { .. }), "{error}");
        for _ in 0..2 {
            let error = writer.append(vec![vec![entry("a", "{}")]], 0).unwrap_err();
            assert!(matches!(error, Error::Poisoned { .. }), "{error}");
            assert!(error.to_string().contains("restart"), "{error}");
        }
        assert!(matches!(writer.new_key(), Err(Error::Poisoned { .. })));
        drop(writer);
        let mut writer = open(dir.path());
        assert_eq!(writer.next_seq(), there);
        fill(&mut writer, 1);
        assert_eq!(size_verified(dir.path()), there + 1);
    }
}

fn a_fault_that_leaves_nothing_unknown_is_answered_and_the_writer_goes_on<F: Fixture>() {
    let dir = F::folder();
    let mut writer = Writer::open_with(dir.path(), &options(), failing(&[None, Some(Fault::Full)])).unwrap();
    fill(&mut writer, 300);
    assert!(matches!(writer.append(vec![vec![entry("a", "{}")]; 300], 0), Err(Error::Full { .. })));
    fill(&mut writer, 300);
    assert_eq!(size_verified(dir.path()), 600);
}

/// Copies a journal that a writer holds open, as a power cut would leave it.
fn torn_copy(from: &Path, to: &Path, wal: impl FnOnce(&mut Vec<u8>)) {
    copy_folder(from, to);
    let path = to.join("journal.db-wal");
    let mut bytes = fs::read(&path).unwrap();
    wal(&mut bytes);
    fs::write(&path, bytes).unwrap();
    drop(fs::remove_file(to.join("journal.db-shm")));
}

#[test]
fn a_half_written_tail_opens_at_the_last_whole_group_and_shows_against_a_later_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    let wal = dir.path().join("journal.db-wal");
    let made = fs::metadata(&wal).unwrap().len() as usize;
    let mut sizes = BTreeSet::from([0]);
    for n in 1..20u64 {
        fill(&mut writer, n);
        sizes.insert(writer.next_seq());
    }
    let newest = writer.reader().unwrap().checkpoint().unwrap();
    let len = fs::metadata(&wal).unwrap().len() as usize;
    let mut seen = BTreeSet::new();
    for n in 0..60usize {
        let copy = tempfile::tempdir().unwrap();
        let at = made + (len - made) * n / 60;
        torn_copy(dir.path(), copy.path(), |wal| if n % 2 == 0 { wal.truncate(at) } else { wal[at] ^= 1 });
        let size = size_verified(copy.path());
        assert!(sizes.contains(&size), "{size} is in the middle of a group");
        seen.insert(size);
        let against = verify(copy.path(), Some(&newest), &mut |_, _| {});
        assert_eq!(against.is_ok(), size == writer.next_seq());
        let mut reopened = open(copy.path());
        assert_eq!(reopened.next_seq(), size);
        fill(&mut reopened, 1);
        assert_eq!(size_verified(copy.path()), size + 1);
    }
    assert!(seen.len() > 5, "{seen:?}");
}

#[test]
fn a_store_without_its_log_is_not_taken_for_an_empty_journal() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut writer = open(dir.path());
    fill(&mut writer, 3);
    torn_copy(dir.path(), copy.path(), Vec::clear);
    let refused = Writer::open(copy.path(), &options());
    assert!(matches!(refused, Err(Error::Broken { .. })), "{refused:?}");
    fs::remove_file(copy.path().join("journal.db")).unwrap();
    let Err(Error::Broken { what, .. }) = Writer::open(copy.path(), &options()) else { panic!("made anew") };
    assert!(what.contains("missing while its keys are here"), "{what}");
}

#[test]
fn a_cut_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut open(dir.path()), 600);
    let path = dir.path().join("journal.db");
    let bytes = fs::read(&path).unwrap();
    for cut in [0, 100, 4096, bytes.len() / 2, bytes.len() - 4096, bytes.len() - 1] {
        fs::write(&path, &bytes[..cut]).unwrap();
        assert!(Writer::open(dir.path(), &options()).is_err(), "cut at {cut}");
        assert!(verify(dir.path(), None, &mut |_, _| {}).is_err(), "cut at {cut}");
    }
}

fn a_missing_or_cut_key_file_is_refused_by_name<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    for _ in 0..20 {
        let key = writer.new_key().unwrap();
        writer.append(vec![vec![sealed("a", &[(key, Keep::Replayed, b"x")])]], 0).unwrap();
    }
    drop(writer);
    let path = dir.path().join("keys");
    let bytes = fs::read(&path).unwrap();
    let used = 112 + 12 + 20 * 32;
    for cut in [0, 50, 111, 112, 300, used] {
        fs::write(&path, &bytes[..cut]).unwrap();
        let refused = Writer::open(dir.path(), &options());
        assert!(matches!(refused, Err(Error::BadKeys { .. })), "cut at {cut}: {refused:?}");
    }
    fs::remove_file(&path).unwrap();
    let Err(error @ Error::NoKeys { .. }) = Writer::open(dir.path(), &options()) else { panic!("opened without keys") };
    assert!(error.to_string().contains("put it back"), "{error}");
    fs::write(&path, &bytes).unwrap();
    assert_eq!(open(dir.path()).next_seq(), 20);
}

#[test]
fn keys_cut_off_while_they_were_made_ready_are_made_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let path = dir.path().join("keys");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    assert_eq!(verify(dir.path(), None, &mut |_, _| {}).unwrap().unfinished.len(), 1);
    let mut writer = open(dir.path());
    let key = writer.new_key().unwrap();
    writer.append(vec![vec![sealed("a", &[(key, Keep::Replayed, b"x")])]], 0).unwrap();
    drop(writer);
    assert_eq!(verify(dir.path(), None, &mut |_, _| {}).unwrap().unfinished, Vec::<String>::new());
}

#[test]
fn a_missing_file_does_not_stop_the_start_and_is_told_where_it_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    let key = writer.new_key().unwrap();
    let parts: [(KeyId, Keep, &[u8]); 2] = [(key, Keep::Replayed, b"naam"), (key, Keep::OnDemand, &[1; FILE_BYTES])];
    writer.append(vec![vec![sealed("a", &parts)]], 0).unwrap();
    drop(writer);
    fs::remove_dir_all(dir.path().join("blobs")).unwrap();
    let mut writer = open(dir.path());
    fill(&mut writer, 1);
    let reader = writer.reader().unwrap();
    assert_eq!(reader.part(0, 0).unwrap(), Content::Open(b"naam".to_vec()));
    let Err(Error::Broken { seq: Some(0), what }) = reader.part(0, 1) else { panic!("read") };
    assert!(what.contains("are missing"), "{what}");
    assert!(matches!(verify(dir.path(), None, &mut |_, _| {}), Err(Error::Broken { seq: Some(0), .. })));
}

fn an_erasure_interrupted_before_the_key_file_was_rewritten_is_finished<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let key = writer.new_key().unwrap();
    writer.append(vec![vec![sealed("a", &[(key, Keep::Replayed, b"x"), (key, Keep::OnDemand, b"y")])]], 0).unwrap();
    let path = dir.path().join("keys");
    let before = fs::read(&path).unwrap();
    writer.erase(&[key], entry("journal.erased", "{}"), 0).unwrap();
    drop(writer);
    let after = fs::read(&path).unwrap();
    fs::write(&path, &before).unwrap();
    assert_eq!(Reader::open(dir.path()).unwrap().part(0, 1).unwrap(), Content::Erased);
    assert_eq!(verify(dir.path(), None, &mut |_, _| {}).unwrap().unfinished.len(), 1);
    drop(open(dir.path()));
    assert_eq!(fs::read(&path).unwrap(), after);
    assert_eq!(verify(dir.path(), None, &mut |_, _| {}).unwrap().unfinished, Vec::<String>::new());
}

fn an_erasure_may_name_a_key_that_sealed_nothing<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let key = writer.new_key().unwrap();
    writer.erase(&[key], entry("journal.erased", "{}"), 0).unwrap();
    assert!(matches!(writer.erase(&[KeyId(900)], entry("journal.erased", "{}"), 0), Err(Error::UnknownKey { .. })));
    drop(writer);
    let mut writer = open(dir.path());
    assert!(writer.new_key().unwrap() > key);
    assert_eq!(size_verified(dir.path()), 1);
}

#[test]
fn a_crash_while_the_journal_was_made_starts_over() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let (keys, first, store) = (dir.path().join("keys"), dir.path().join("keys.first"), dir.path().join("journal.db"));
    // After the store was made, before the key file took its name.
    fs::rename(&keys, &first).unwrap();
    drop(open(dir.path()));
    // Before the store was made.
    fs::rename(&keys, &first).unwrap();
    fs::write(&store, b"").unwrap();
    fill(&mut open(dir.path()), 2);
    assert_eq!(size_verified(dir.path()), 2);
    assert!(!first.exists());
}

#[test]
fn a_store_of_another_program_or_a_later_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let path = dir.path().join("journal.db");
    let set = |pragma: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(pragma).unwrap();
    set("PRAGMA user_version = 2");
    assert!(matches!(Writer::open(dir.path(), &options()), Err(Error::Invalid { .. })));
    set("PRAGMA user_version = 1; PRAGMA application_id = 7");
    assert!(matches!(Writer::open(dir.path(), &options()), Err(Error::Broken { .. })));
    fs::write(&path, b"not a database, but long enough to be read as one".repeat(100)).unwrap();
    assert!(matches!(Writer::open(dir.path(), &options()), Err(Error::Broken { .. })));
}
