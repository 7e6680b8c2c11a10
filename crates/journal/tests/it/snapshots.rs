//! Snapshots: sealed files that fit one journal at one place, and go with every erasure.

use std::fs;
use std::io::Write;
use std::path::Path;

use journal::{Error, KeyId, Misfit, Reader, SNAPSHOTS_MAX, Snapshot, Writer, verify};

use crate::support::*;

contract! {
    a_snapshot_reads_back_whatever_its_length
    a_snapshot_fits_its_own_journal_at_its_own_place_only
    no_byte_of_a_snapshot_can_change
    an_erasure_takes_the_snapshots_and_their_key
    the_newest_snapshots_are_kept_and_half_ones_are_not
    a_key_of_snapshots_is_never_handed_out_again
}

const FORMAT: [u8; 32] = [7; 32];
const SECRET: &[u8] = b"Jan Peeters, jan.peeters@stad-voorbeeld.be";

fn snapshot(dir: &Path, writer: &Writer, key: KeyId, content: &[u8]) -> Snapshot {
    let reader = writer.reader().unwrap();
    let mut new = reader.new_snapshot(key, writer.next_seq(), FORMAT).unwrap();
    new.write_all(content).unwrap();
    new.keep(&reader).unwrap();
    let newest = Snapshot::of(dir).remove(0);
    assert_eq!((newest.position, newest.format), (writer.next_seq(), FORMAT));
    newest
}

fn content(reader: &Reader, snapshot: &Snapshot) -> Result<Vec<u8>, Misfit> {
    let mut open = reader.open_snapshot(snapshot)?;
    let mut content = Vec::new();
    while let Some(piece) = open.piece()? {
        content.extend(piece);
    }
    Ok(content)
}

fn a_snapshot_reads_back_whatever_its_length<F: Fixture>() {
    let folder = F::folder();
    let mut writer = open(folder.path());
    let key = writer.new_snapshot_key(0).unwrap();
    for length in [0, 1, 100, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20] {
        fill(&mut writer, 1);
        let bytes: Vec<u8> = (0..length).map(|n: usize| (n / 7) as u8).collect();
        let made = snapshot(folder.path(), &writer, key, &bytes);
        assert!(content(&Reader::open(folder.path()).unwrap(), &made).unwrap() == bytes, "{length} bytes");
    }
    verify(folder.path(), None, &mut |_, _| {}).unwrap();
}

fn a_snapshot_fits_its_own_journal_at_its_own_place_only<F: Fixture>() {
    let (folder, other) = (F::folder(), F::folder());
    let (mut writer, mut stranger) = (open(folder.path()), open_seeded(other.path(), 2));
    fill(&mut writer, 300);
    let key = writer.new_snapshot_key(0).unwrap();
    let made = snapshot(folder.path(), &writer, key, SECRET);
    fill(&mut writer, 300);
    assert_eq!(content(&writer.reader().unwrap(), &made).unwrap(), SECRET, "also once the journal went on");
    // The same keys, and other entries.
    let key = stranger.new_snapshot_key(0).unwrap();
    assert!(matches!(content(&stranger.reader().unwrap(), &made), Err(Misfit::Beyond { position: 301, size: 1 })));
    fill(&mut stranger, 600);
    assert!(matches!(content(&stranger.reader().unwrap(), &made), Err(Misfit::NoKey | Misfit::OtherRoot { .. })));
    let theirs = snapshot(other.path(), &stranger, key, SECRET);
    assert!(content(&writer.reader().unwrap(), &theirs).is_err());
    fs::remove_file(folder.path().join("keys")).unwrap();
    drop(writer);
    assert!(matches!(content(&Reader::open(folder.path()).unwrap(), &made), Err(Misfit::NoKey)));
}

fn no_byte_of_a_snapshot_can_change<F: Fixture>() {
    let folder = F::folder();
    let mut writer = open(folder.path());
    let key = writer.new_snapshot_key(0).unwrap();
    let made = snapshot(folder.path(), &writer, key, SECRET);
    let reader = writer.reader().unwrap();
    let good = fs::read(&made.path).unwrap();
    assert!(!good.windows(SECRET.len()).any(|window| window == SECRET));
    let read = || Snapshot::of(folder.path()).first().map(|snapshot| content(&reader, snapshot));
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&made.path, &bad).unwrap();
        // The format is the caller's to compare; whatever else changed, nothing is opened.
        assert!(read().is_none_or(|read| read.is_err()), "byte {at}");
    }
    for cut in 0..good.len() {
        fs::write(&made.path, &good[..cut]).unwrap();
        assert!(read().is_none_or(|read| read.is_err()), "cut at {cut}");
    }
    fs::write(&made.path, [&good[..], b"x"].concat()).unwrap();
    assert!(read().unwrap().is_err(), "longer");
    fs::write(&made.path, &good).unwrap();
    assert_eq!(read().unwrap().unwrap(), SECRET);
}

fn an_erasure_takes_the_snapshots_and_their_key<F: Fixture>() {
    let folder = F::folder();
    let mut writer = open(folder.path());
    let (person, key) = (writer.new_key().unwrap(), writer.new_snapshot_key(0).unwrap());
    writer.append(vec![vec![sealed("a", &[(person, journal::Keep::Replayed, SECRET)])]], 0).unwrap();
    let made = snapshot(folder.path(), &writer, key, SECRET);
    let copy = fs::read(&made.path).unwrap();
    // One that is being written while the erasure comes.
    let reader = Reader::open(folder.path()).unwrap();
    let late = reader.new_snapshot(key, writer.next_seq(), FORMAT).unwrap();
    writer.erase(&[person, key], entry("journal.erased", "{}"), 0).unwrap();
    assert_eq!(Snapshot::of(folder.path()), []);
    assert!(late.keep(&reader).is_err(), "it holds what was erased");
    assert_eq!(Snapshot::of(folder.path()), []);
    // Also what somebody kept aside does not open any more.
    fs::create_dir_all(made.path.parent().unwrap()).unwrap();
    fs::write(&made.path, &copy).unwrap();
    assert!(matches!(content(&writer.reader().unwrap(), &made), Err(Misfit::NoKey)));
    drop(writer);
    let mut again = open(folder.path());
    assert!(matches!(content(&again.reader().unwrap(), &made), Err(Misfit::NoKey)));
    let fresh = again.new_snapshot_key(0).unwrap();
    assert_ne!(fresh, key);
    snapshot(folder.path(), &again, fresh, b"without it");
    verify(folder.path(), None, &mut |_, _| {}).unwrap();
}

fn the_newest_snapshots_are_kept_and_half_ones_are_not<F: Fixture>() {
    let folder = F::folder();
    let mut writer = open(folder.path());
    let key = writer.new_snapshot_key(0).unwrap();
    for _ in 0..4 {
        fill(&mut writer, 5);
        snapshot(folder.path(), &writer, key, b"x");
    }
    let positions = |dir: &Path| Snapshot::of(dir).iter().map(|s| s.position).collect::<Vec<_>>();
    assert_eq!(positions(folder.path()), [21, 16]);
    assert_eq!(positions(folder.path()).len(), SNAPSHOTS_MAX);
    fill(&mut writer, 5);
    let reader = writer.reader().unwrap();
    let mut half = reader.new_snapshot(key, writer.next_seq(), FORMAT).unwrap();
    half.write_all(&[1; 3 << 20]).unwrap();
    drop(half);
    assert_eq!(files_in(&folder.path().join("snapshots")).len(), SNAPSHOTS_MAX);
    assert!(matches!(reader.new_snapshot(KeyId(9999), 1, FORMAT), Err(Error::UnknownKey { .. })));
    Snapshot::remove_all(folder.path()).unwrap();
    Snapshot::remove_all(folder.path()).unwrap();
    assert!(positions(folder.path()).is_empty());
}

fn a_key_of_snapshots_is_never_handed_out_again<F: Fixture>() {
    let folder = F::folder();
    let mut writer = open(folder.path());
    let key = writer.new_snapshot_key(0).unwrap();
    drop(writer);
    let mut writer = open(folder.path());
    assert!((0..40).all(|_| writer.new_key().unwrap() != key));
}
