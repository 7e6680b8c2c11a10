//! Backups restore elsewhere, whole and verified, and a damaged one does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use journal::{Content, Error, Keep, KeyId, Reader, RestoreOptions, Restored, Writer, backup, restore, verify};

use crate::support::*;

contract! {
    a_backup_taken_while_a_writer_runs_restores_to_the_same_entries
    without_keys_a_restore_verifies_and_content_stays_sealed_until_they_come
    an_encrypted_backup_opens_with_its_identity_only_and_no_byte_of_it_may_change
    a_restored_backup_erases_again_what_was_erased_since
    a_list_older_than_the_newest_checkpoint_makes_the_restored_folder_read_only
    a_list_given_to_a_restore_without_keys_waits_for_them
    backups_and_verification_hold_while_a_writer_appends_and_erases
}

struct Place {
    dir: tempfile::TempDir,
    data: Folder,
}

impl Place {
    fn new<F: Fixture>() -> Place {
        Place { dir: tempfile::tempdir().unwrap(), data: F::folder() }
    }

    fn data(&self) -> PathBuf {
        self.data.path().to_path_buf()
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("backup")
    }

    fn keys(&self) -> PathBuf {
        self.dir.path().join("backup.keys")
    }

    fn back(&self) -> PathBuf {
        self.dir.path().join("restored")
    }

    fn restore(&self) -> Result<Restored, Error> {
        restore(&self.out(), &self.back(), &RestoreOptions::default())
    }
}

/// Ten subjects with parts in every place, the third erased.
fn filled(dir: &Path) -> Writer {
    let mut writer = open(dir);
    for n in 0..10u8 {
        let key = writer.new_key().unwrap();
        let large = vec![n; FILE_BYTES];
        let parts: [(KeyId, Keep, &[u8]); 3] =
            [(key, Keep::Replayed, &[n]), (key, Keep::OnDemand, b"mail"), (key, Keep::OnDemand, &large)];
        writer.append(vec![vec![sealed("a", &parts)], vec![entry("b", "{}")]], i64::from(n)).unwrap();
    }
    writer.erase(&[KeyId(3)], entry("journal.erased", "{}"), 20).unwrap();
    fill(&mut writer, 260);
    writer
}

fn checked(dir: &Path) -> journal::Verified {
    verify(dir, None, &mut |_, _| {}).unwrap()
}

fn a_backup_taken_while_a_writer_runs_restores_to_the_same_entries<F: Fixture>() {
    let place = Place::new::<F>();
    let mut writer = filled(&place.data());
    let before = all(&writer.reader().unwrap());
    let made = backup(&place.data(), &place.out(), None).unwrap();
    fill(&mut writer, 3);
    assert_eq!((made.size, made.last_recorded_at, made.encrypted), (before.len() as u64, Some(20), false));
    assert_eq!(made.bytes, fs::metadata(place.out()).unwrap().len());
    for path in [place.out(), place.keys()] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let restored = place.restore().unwrap();
    assert_eq!((restored.size, restored.keys, restored.erased_again), (made.size, true, 0));
    assert_eq!((restored.read_only, restored.missing, &restored.checkpoint), (None, 0, &made.checkpoint));
    assert_eq!(checked(&place.back()).size, made.size);
    assert_eq!(all(&Reader::open(&place.back()).unwrap()), before);
    let mut again = open(&place.back());
    assert_eq!(again.next_seq(), made.size);
    fill(&mut again, 2);
    let reader = again.reader().unwrap();
    assert_eq!(reader.part(0, 2).unwrap(), Content::Open(vec![0; FILE_BYTES]));
    assert_eq!(reader.part(4, 2).unwrap(), Content::Erased);
    checked(&place.back());
}

#[test]
fn a_restore_wants_an_empty_folder_and_a_backup_does_not_overwrite() {
    let place = Place::new::<OnSqlite>();
    drop(filled(&place.data()));
    backup(&place.data(), &place.out(), None).unwrap();
    assert!(matches!(backup(&place.data(), &place.out(), None), Err(Error::Exists { .. })));
    fs::create_dir(place.back()).unwrap();
    place.restore().unwrap();
    assert!(matches!(place.restore(), Err(Error::Exists { .. })));
}

#[test]
fn a_damaged_backup_is_refused_and_leaves_nothing() {
    let place = Place::new::<OnSqlite>();
    let mut writer = open(&place.data());
    let key = writer.new_key().unwrap();
    let large = vec![1; FILE_BYTES];
    let parts: [(KeyId, Keep, &[u8]); 3] =
        [(key, Keep::Replayed, b"x"), (key, Keep::OnDemand, b"mail"), (key, Keep::OnDemand, &large)];
    writer.append(vec![vec![sealed("a", &parts)]], 0).unwrap();
    backup(&place.data(), &place.out(), None).unwrap();
    let bytes = fs::read(place.out()).unwrap();
    let damage: Vec<Vec<u8>> = (0..bytes.len())
        .step_by(17)
        .map(|at| {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            bad
        })
        .chain((0..bytes.len()).step_by(97).map(|cut| bytes[..cut].to_vec()))
        .chain([[bytes.as_slice(), b"\0"].concat()])
        .collect();
    for (n, bad) in damage.iter().enumerate() {
        fs::write(place.out(), bad).unwrap();
        let refused = place.restore();
        assert!(
            matches!(refused, Err(Error::BadBackup { .. } | Error::Broken { .. } | Error::BadKeys { .. })),
            "damage {n}: {refused:?}"
        );
        assert!(!place.back().exists(), "damage {n}");
    }
    fs::write(place.out(), &bytes).unwrap();
    place.restore().unwrap();
}

#[test]
fn damaged_or_wrong_keys_are_refused() {
    let (place, other) = (Place::new::<OnSqlite>(), Place::new::<OnSqlite>());
    drop(filled(&place.data()));
    drop(open_seeded(&other.data(), 4));
    backup(&place.data(), &place.out(), None).unwrap();
    let bytes = fs::read(place.keys()).unwrap();
    for at in (0..bytes.len()).step_by(11) {
        let mut bad = bytes.clone();
        bad[at] ^= 2;
        fs::write(place.keys(), bad).unwrap();
        assert!(matches!(place.restore(), Err(Error::BadKeys { .. })), "byte {at}");
    }
    let options = RestoreOptions { keys: Some(other.data().join("keys")), ..RestoreOptions::default() };
    assert!(matches!(restore(&place.out(), &place.back(), &options), Err(Error::BadKeys { .. })));
}

fn without_keys_a_restore_verifies_and_content_stays_sealed_until_they_come<F: Fixture>() {
    let place = Place::new::<F>();
    drop(filled(&place.data()));
    backup(&place.data(), &place.out(), None).unwrap();
    let keys = fs::read(place.keys()).unwrap();
    fs::remove_file(place.keys()).unwrap();
    let restored = place.restore().unwrap();
    assert!(!restored.keys);
    let reader = Reader::open(&place.back()).unwrap();
    assert_eq!(reader.part(0, 0).unwrap(), Content::NoKey);
    assert_eq!(reader.part(4, 0).unwrap(), Content::Erased);
    assert_eq!(all(&reader).len() as u64, restored.size);
    assert_eq!(checked(&place.back()).closed, 27);
    assert!(matches!(Writer::open(&place.back(), &options()), Err(Error::NoKeys { .. })));
    fs::write(place.back().join("keys"), keys).unwrap();
    open(&place.back());
    assert_eq!(checked(&place.back()).opened, 27);
}

fn an_encrypted_backup_opens_with_its_identity_only_and_no_byte_of_it_may_change<F: Fixture>() {
    let place = Place::new::<F>();
    drop(filled(&place.data()));
    let identity = age::x25519::Identity::generate();
    let made = backup(&place.data(), &place.out(), Some(&identity.to_public().to_string())).unwrap();
    assert!(made.encrypted);
    let keys = fs::read(place.keys()).unwrap();
    assert!(keys.starts_with(b"age-encryption.org/v1"));
    assert!(matches!(place.restore(), Err(Error::Encrypted { .. })));
    let file = place.dir.path().join("identity");
    let write = |identity: &age::x25519::Identity| {
        use age::secrecy::ExposeSecret;
        fs::write(&file, format!("# a comment\n{}\n", identity.to_string().expose_secret())).unwrap();
    };
    let options = RestoreOptions { identity: Some(file.clone()), ..RestoreOptions::default() };
    write(&age::x25519::Identity::generate());
    assert!(matches!(restore(&place.out(), &place.back(), &options), Err(Error::Encrypted { .. })));
    write(&identity);
    let bytes = fs::read(place.out()).unwrap();
    for at in (0..bytes.len()).step_by(bytes.len() / 60) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        fs::write(place.out(), bad).unwrap();
        assert!(restore(&place.out(), &place.back(), &options).is_err(), "byte {at}");
        assert!(!place.back().exists());
    }
    fs::write(place.out(), bytes).unwrap();
    assert!(restore(&place.out(), &place.back(), &options).unwrap().keys);
    checked(&place.back());
    assert!(matches!(
        backup(&place.data(), &place.dir.path().join("b"), Some("age1nonsense")),
        Err(Error::Invalid { .. })
    ));
}

/// A backup, then an erasure, then the checkpoint and the list of erasures that are kept elsewhere.
fn erased_after_backup(place: &Place) -> (String, String, String) {
    let mut writer = filled(&place.data());
    let old_list = writer.reader().unwrap().erasures().unwrap();
    backup(&place.data(), &place.out(), None).unwrap();
    writer.erase(&[KeyId(5), KeyId(7)], entry("journal.erased", "{}"), 40).unwrap();
    let reader = writer.reader().unwrap();
    (reader.checkpoint().unwrap(), reader.erasures().unwrap(), old_list)
}

fn a_restored_backup_erases_again_what_was_erased_since<F: Fixture>() {
    let place = Place::new::<F>();
    let (checkpoint, list, _) = erased_after_backup(&place);
    let options = RestoreOptions { erasures: Some(list), checkpoint: Some(checkpoint), ..RestoreOptions::default() };
    let restored = restore(&place.out(), &place.back(), &options).unwrap();
    assert_eq!((restored.erased_again, restored.read_only, restored.missing), (2, None, 1));
    let verified = checked(&place.back());
    assert_eq!((verified.size, verified.erased, verified.opened), (restored.size + 1, 9, 21));
    let reader = Reader::open(&place.back()).unwrap();
    assert_eq!(reader.part(8, 0).unwrap(), Content::Erased);
    let last = all(&reader).pop().unwrap();
    assert_eq!((last.kind.as_str(), last.recorded_at), ("journal.erased", 20));
    let body: serde_json::Value = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(body, serde_json::json!({ "keys": [5, 7], "replayed": true }));
    assert!(!place.back().join("erasures").exists());
    fill(&mut open(&place.back()), 1);
}

fn a_list_older_than_the_newest_checkpoint_makes_the_restored_folder_read_only<F: Fixture>() {
    for with_list in [false, true] {
        let place = Place::new::<F>();
        let (checkpoint, _, old_list) = erased_after_backup(&place);
        let options = RestoreOptions {
            erasures: with_list.then_some(old_list),
            checkpoint: Some(checkpoint),
            ..RestoreOptions::default()
        };
        let restored = restore(&place.out(), &place.back(), &options).unwrap();
        let why = restored.read_only.unwrap();
        assert!(why.contains("erased in between may be back"), "{why}");
        let Err(Error::ReadOnly { why: told, .. }) = Writer::open(&place.back(), &crate::support::options()) else {
            panic!("a writer opened it")
        };
        assert_eq!(told, why);
        checked(&place.back());
        assert_eq!(all(&Reader::open(&place.back()).unwrap()).len() as u64, restored.size);
    }
}

fn a_list_given_to_a_restore_without_keys_waits_for_them<F: Fixture>() {
    let place = Place::new::<F>();
    let (checkpoint, list, _) = erased_after_backup(&place);
    let keys = fs::read(place.keys()).unwrap();
    fs::remove_file(place.keys()).unwrap();
    let options = RestoreOptions { erasures: Some(list), checkpoint: Some(checkpoint), ..RestoreOptions::default() };
    restore(&place.out(), &place.back(), &options).unwrap();
    assert_eq!(checked(&place.back()).unfinished.len(), 1);
    fs::write(place.back().join("keys"), keys).unwrap();
    let reader = Reader::open(&place.back()).unwrap();
    assert_eq!(reader.part(8, 0).unwrap(), Content::NoKey, "not before a writer erased it, and not after");
    checked(&place.back());
    open(&place.back());
    assert_eq!(reader.part(8, 0).unwrap(), Content::Erased);
    assert_eq!(checked(&place.back()).erased, 9);
}

#[test]
fn notes_of_another_journal_or_another_sort_are_refused() {
    let (place, other) = (Place::new::<OnSqlite>(), Place::new::<OnSqlite>());
    let (checkpoint, list, _) = erased_after_backup(&place);
    let foreign = open_seeded(&other.data(), 8).reader().unwrap().erasures().unwrap();
    let with = |erasures: &str, checkpoint: &str| RestoreOptions {
        erasures: Some(erasures.into()),
        checkpoint: Some(checkpoint.into()),
        ..RestoreOptions::default()
    };
    for options in [with(&foreign, &checkpoint), with(&checkpoint, &checkpoint), with(&list, &list), with("", "")] {
        assert!(matches!(restore(&place.out(), &place.back(), &options), Err(Error::BadNote { .. })), "{options:?}");
        assert!(!place.back().exists());
    }
}

#[test]
fn a_backup_of_a_broken_journal_fails_and_leaves_nothing() {
    let place = Place::new::<OnSqlite>();
    drop(filled(&place.data()));
    let db = rusqlite::Connection::open(place.data().join("journal.db")).unwrap();
    db.execute("UPDATE bulk SET stored = zeroblob(60) WHERE id = (SELECT max(id) FROM bulk)", []).unwrap();
    drop(db);
    assert!(matches!(backup(&place.data(), &place.out(), None), Err(Error::Broken { seq: Some(18), .. })));
    assert!(!place.out().exists() && !place.keys().exists());
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 0);
}

fn backups_and_verification_hold_while_a_writer_appends_and_erases<F: Fixture>() {
    let place = Place::new::<F>();
    let mut writer = filled(&place.data());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut keys = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let key = writer.new_key().unwrap();
                keys.push(key);
                let large = vec![9; FILE_BYTES];
                let parts: [(KeyId, Keep, &[u8]); 2] = [(key, Keep::Replayed, b"x"), (key, Keep::OnDemand, &large)];
                writer.append(vec![vec![sealed("a", &parts)]; 3], 0).unwrap();
                if keys.len() % 40 == 0 {
                    let gone = keys.swap_remove(keys.len() / 2);
                    writer.erase(&[gone], entry("journal.erased", "{}"), 0).unwrap();
                }
            }
        });
        for n in 0..6 {
            let (out, into) = (place.dir.path().join(format!("b{n}")), place.dir.path().join(format!("r{n}")));
            checked(&place.data());
            match backup(&place.data(), &out, None) {
                Ok(made) => assert_eq!(restore(&out, &into, &RestoreOptions::default()).unwrap().size, made.size),
                Err(error) => assert!(error.to_string().contains("again and again"), "{error}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// A folder whose journal is to be restored into an empty database.
fn database() -> Option<Folder> {
    crate::server::shared().map(|server| Folder::at(&server.schema()))
}

#[test]
fn a_backup_restores_into_an_empty_database_and_goes_on_there() {
    let (place, Some(into)) = (Place::new::<OnSqlite>(), database()) else { return };
    let (checkpoint, list, _) = erased_after_backup(&place);
    let before = all(&Reader::open(&place.data()).unwrap());
    let options = RestoreOptions { erasures: Some(list), checkpoint: Some(checkpoint), ..RestoreOptions::default() };
    let restored = restore(&place.out(), into.path(), &options).unwrap();
    assert_eq!((restored.erased_again, restored.read_only, restored.missing), (2, None, 1));
    let verified = checked(into.path());
    assert_eq!((verified.size, verified.erased, verified.opened, verified.closed), (restored.size + 1, 9, 21, 0));
    let entries = all(&Reader::open(into.path()).unwrap());
    assert_eq!(entries[..restored.size as usize], before[..restored.size as usize]);
    assert_eq!(into.files(), 7);
    let mut writer = open(into.path());
    let key = writer.new_key().unwrap();
    writer.append(vec![vec![sealed("a", &[(key, Keep::OnDemand, b"mail")])]], 99).unwrap();
    // And back into a store of its own.
    let (out, back) = (place.dir.path().join("again"), place.back());
    backup(into.path(), &out, None).unwrap();
    restore(&out, &back, &RestoreOptions::default()).unwrap();
    assert_eq!(all(&Reader::open(&back).unwrap()), all(&Reader::open(into.path()).unwrap()));
}

#[test]
fn a_backup_that_cannot_be_restored_leaves_the_database_empty() {
    let (place, Some(into)) = (Place::new::<OnSqlite>(), database()) else { return };
    drop(filled(&place.data()));
    backup(&place.data(), &place.out(), None).unwrap();
    let bytes = fs::read(place.out()).unwrap();
    let empty = || {
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 1, "store.toml alone");
        assert!(matches!(Reader::open(into.path()), Err(Error::Absent { .. })));
    };
    for at in (0..bytes.len()).step_by(bytes.len() / 12) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        fs::write(place.out(), bad).unwrap();
        assert!(restore(&place.out(), into.path(), &RestoreOptions::default()).is_err(), "byte {at}");
        empty();
    }
    fs::write(place.out(), &bytes).unwrap();
    let keys = place.dir.path().join("elsewhere");
    fs::rename(place.keys(), &keys).unwrap();
    let without = restore(&place.out(), into.path(), &RestoreOptions::default());
    assert!(matches!(without, Err(Error::Invalid { .. })), "{without:?}");
    empty();
    let options = RestoreOptions { keys: Some(keys), ..RestoreOptions::default() };
    restore(&place.out(), into.path(), &options).unwrap();
    checked(into.path());
    let second = Folder::at(into.url());
    let refused = restore(&place.out(), second.path(), &options);
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
}
