//! Verification from outside: files, keys, checkpoints kept elsewhere, raw bytes of the store.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use journal::{Content, Error, Keep, KeyId, Reader, Verified, Writer, verify};

use crate::support::*;

contract! {
    a_sound_journal_verifies_with_and_without_keys_and_while_a_writer_runs
    an_empty_journal_verifies_and_an_absent_one_is_said_to_be_absent
    a_changed_key_file_is_found
    a_checkpoint_kept_elsewhere_proves_that_nothing_before_it_changed
}

fn check(dir: &Path) -> Result<Verified, Error> {
    verify(dir, None, &mut |_, _| {})
}

/// Entries with parts in every place; the second key is erased.
fn varied(dir: &Path) -> Writer {
    let mut writer = open(dir);
    for n in 0..20u8 {
        let key = writer.new_key().unwrap();
        let large = vec![n; FILE_BYTES];
        let parts: [(KeyId, Keep, &[u8]); 3] =
            [(key, Keep::Replayed, b"naam"), (key, Keep::OnDemand, b"mail"), (key, Keep::OnDemand, &large)];
        writer.append(vec![vec![sealed("a", &parts), entry("b", "{}")]], i64::from(n)).unwrap();
    }
    writer.erase(&[KeyId(2)], entry("journal.erased", "{}"), 30).unwrap();
    writer
}

fn a_blob(dir: &Path) -> PathBuf {
    let folder = fs::read_dir(dir.join("blobs"))
        .unwrap()
        .map(|f| f.unwrap().path())
        .find(|folder| fs::read_dir(folder).unwrap().next().is_some());
    fs::read_dir(folder.unwrap()).unwrap().next().unwrap().unwrap().path()
}

fn a_sound_journal_verifies_with_and_without_keys_and_while_a_writer_runs<F: Fixture>() {
    let dir = F::folder();
    let writer = varied(dir.path());
    let mut told = Vec::new();
    let verified = verify(dir.path(), None, &mut |done, of| told.push((done, of))).unwrap();
    assert_eq!((verified.size, verified.opened, verified.closed, verified.erased), (41, 57, 0, 3));
    assert_eq!(verified.last_recorded_at, Some(30));
    assert_eq!(verified.unfinished, Vec::<String>::new());
    assert_eq!(told.last(), Some(&(41, 41)));
    drop(writer);
    fs::remove_file(dir.path().join("keys")).unwrap();
    let verified = check(dir.path()).unwrap();
    assert_eq!((verified.opened, verified.closed, verified.erased), (0, 57, 3));
}

fn an_empty_journal_verifies_and_an_absent_one_is_said_to_be_absent<F: Fixture>() {
    let dir = F::folder();
    assert!(matches!(check(dir.path()), Err(Error::Absent { .. })));
    assert!(matches!(Reader::open(dir.path()), Err(Error::Absent { .. })));
    open(dir.path());
    assert_eq!(check(dir.path()).unwrap().size, 0);
}

#[test]
fn a_changed_or_missing_file_is_found_and_its_entry_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(varied(dir.path()));
    let path = a_blob(dir.path());
    let bytes = fs::read(&path).unwrap();
    for at in [0, 30, bytes.len() - 1] {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        fs::write(&path, bad).unwrap();
        assert!(matches!(check(dir.path()), Err(Error::Broken { seq: Some(_), .. })), "byte {at}");
    }
    fs::write(&path, [bytes.as_slice(), b"more"].concat()).unwrap();
    assert!(matches!(check(dir.path()), Err(Error::Broken { seq: Some(_), .. })));
    fs::remove_file(&path).unwrap();
    let Err(Error::Broken { seq: Some(seq), what }) = check(dir.path()) else { panic!("a missing file was not found") };
    assert!(what.contains("missing"), "{what}");
    let missing = Reader::open(dir.path()).unwrap().part(seq, 2);
    assert!(matches!(missing, Err(Error::Broken { .. })), "{missing:?}");
    fs::write(&path, &bytes).unwrap();
    check(dir.path()).unwrap();
}

#[test]
fn a_file_that_no_entry_names_is_told_and_the_next_writer_removes_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(varied(dir.path()));
    let orphan = dir.path().join("blobs").join("ab").join("ab".repeat(32));
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, b"left by a crash").unwrap();
    assert_eq!(check(dir.path()).unwrap().unfinished.len(), 1);
    open(dir.path());
    assert!(!orphan.exists());
    assert_eq!(check(dir.path()).unwrap().unfinished, Vec::<String>::new());
}

fn a_changed_key_file_is_found<F: Fixture>() {
    let dir = F::folder();
    drop(varied(dir.path()));
    let path = dir.path().join("keys");
    let bytes = fs::read(&path).unwrap();
    // The last keys of the pool are unused: a change there is what a power cut may leave.
    for at in (0..112 + 12 + 20 * 32).step_by(7) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        fs::write(&path, bad).unwrap();
        assert!(matches!(check(dir.path()), Err(Error::BadKeys { .. })), "byte {at}");
    }
}

fn a_checkpoint_kept_elsewhere_proves_that_nothing_before_it_changed<F: Fixture>() {
    let dir = F::folder();
    let mut writer = varied(dir.path());
    let mut kept = Vec::new();
    for _ in 0..5 {
        kept.push(writer.reader().unwrap().checkpoint().unwrap());
        fill(&mut writer, 60);
    }
    for note in &kept {
        let verified = verify(dir.path(), Some(note), &mut |_, _| {}).unwrap();
        assert_eq!(Some(verified.against.unwrap().to_string().as_str()), note.lines().nth(1));
    }
    drop(writer);
    assert!(matches!(verify(dir.path(), Some("nonsense"), &mut |_, _| {}), Err(Error::BadNote { .. })));
    let other = F::folder();
    let foreign = open_seeded(other.path(), 99).reader().unwrap().checkpoint().unwrap();
    assert!(matches!(verify(dir.path(), Some(&foreign), &mut |_, _| {}), Err(Error::BadNote { .. })));
}

#[test]
fn a_folder_rolled_back_as_a_whole_shows_only_against_a_checkpoint_kept_elsewhere() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(varied(dir.path()));
    copy_folder(dir.path(), copy.path());
    let mut writer = open(dir.path());
    fill(&mut writer, 3);
    let note = writer.reader().unwrap().checkpoint().unwrap();
    check(copy.path()).unwrap();
    let Err(Error::Broken { seq, .. }) = verify(copy.path(), Some(&note), &mut |_, _| {}) else { panic!("not found") };
    assert_eq!(seq, Some(41));
    // Another history of the same length.
    let mut forked = open_seeded(copy.path(), 5);
    fill(&mut forked, 4);
    drop(forked);
    check(copy.path()).unwrap();
    assert!(matches!(verify(copy.path(), Some(&note), &mut |_, _| {}), Err(Error::Broken { .. })));
}

/// Flips bits of the store's file wherever they lie. A flip in unused space changes nothing that the store says; any other is
/// found.
#[test]
fn a_flipped_bit_in_the_stores_file_is_found_unless_it_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(varied(dir.path()));
    let path = dir.path().join("journal.db");
    let whole = fs::read(&path).unwrap();
    let before = dump(&path).unwrap();
    let mut state = 0x9e37_79b9u64;
    let mut found = 0;
    for _ in 0..400 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (state >> 33) as usize % whole.len();
        let mut bad = whole.clone();
        bad[at] ^= 1 << (state >> 20 & 7);
        fs::write(&path, bad).unwrap();
        match check(dir.path()) {
            Ok(_) => assert_eq!(dump(&path).as_ref(), Some(&before), "byte {at}"),
            Err(_) => found += 1,
        }
    }
    assert!(found > 100, "only {found} flips hit something");
}

fn dump(path: &Path) -> Option<BTreeMap<String, Vec<String>>> {
    let db = rusqlite::Connection::open(path).ok()?;
    let mut tables = BTreeMap::new();
    for table in ["meta", "entries", "bulk", "sealed", "files", "erased", "tiles"] {
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).ok()?;
        let width = statement.column_count();
        let rows = statement
            .query_map([], |row| {
                (0..width).map(|n| row.get::<_, rusqlite::types::Value>(n).map(|v| format!("{v:?}"))).collect()
            })
            .ok()?;
        let rows: Vec<Vec<String>> = rows.collect::<Result<_, _>>().ok()?;
        tables.insert(table.to_owned(), rows.into_iter().map(|row: Vec<String>| row.concat()).collect());
    }
    Some(tables)
}

#[test]
fn nothing_sealed_lies_in_clear_in_any_file_before_or_after_erasure() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path());
    let needle = b"Annelies Verstappen-Geheim";
    let (key, snapshots) = (writer.new_key().unwrap(), writer.new_snapshot_key(0).unwrap());
    let large = needle.repeat(FILE_BYTES);
    let parts: [(KeyId, Keep, &[u8]); 3] =
        [(key, Keep::Replayed, needle), (key, Keep::OnDemand, needle), (key, Keep::OnDemand, &large)];
    writer.append(vec![vec![sealed("a", &parts)]], 0).unwrap();
    let reader = writer.reader().unwrap();
    let mut snapshot = reader.new_snapshot(snapshots, writer.next_seq(), [0; 32]).unwrap();
    snapshot.write_all(&large).unwrap();
    snapshot.keep(&reader).unwrap();
    assert_eq!(holding(dir.path(), needle), Vec::<PathBuf>::new());
    assert!(matches!(reader.part(1, 1), Ok(Content::Open(_))));
    let ciphertext = bulk_bytes(dir.path());
    let snapshot = files_in(&dir.path().join("snapshots")).pop().unwrap();
    let snapshot = fs::read(snapshot).unwrap()[200..300].to_vec();
    let bytes = fs::read(dir.path().join("keys")).unwrap();
    let key_bytes = |key: KeyId| bytes[112 + 12..].chunks(32).nth(key.0 as usize - 1).unwrap().to_vec();
    let (key_bytes, snapshot_key) = (key_bytes(key), key_bytes(snapshots));
    writer.erase(&[key, snapshots], entry("journal.erased", "{}"), 0).unwrap();
    for gone in [needle.as_slice(), &ciphertext, &key_bytes, &snapshot, &snapshot_key] {
        assert_eq!(holding(dir.path(), gone), Vec::<PathBuf>::new());
    }
    drop(writer);
    assert_eq!(holding(dir.path(), &ciphertext), Vec::<PathBuf>::new());
    check(dir.path()).unwrap();
}

fn bulk_bytes(dir: &Path) -> Vec<u8> {
    let db = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    let stored: Vec<u8> = db.query_row("SELECT stored FROM bulk", [], |row| row.get(0)).unwrap();
    stored[24..].to_vec()
}

/// The files that hold these bytes.
fn holding(dir: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in files_in(dir) {
        let content = fs::read(&path).unwrap();
        if content.windows(bytes.len()).any(|window| window == bytes) {
            found.push(path);
        }
    }
    found
}
