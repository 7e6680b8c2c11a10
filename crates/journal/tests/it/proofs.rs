//! Checkpoints, proofs and tiles as partners see them.

use journal::{
    Checkpoint, Error, Hash, Reader, Verifier, empty_root, hash_leaf, hash_node, verify_consistency, verify_inclusion,
};

use crate::support::*;

contract! {
    every_checkpoint_is_signed_and_has_the_root_of_the_entries
    proofs_of_any_size_verify_and_tiles_are_the_hashes
    the_list_of_erasures_is_signed_and_is_no_checkpoint
}

/// RFC 6962 section 2.1 taken literally.
fn literal(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let k = (0..).map(|n| 1 << n).take_while(|k| *k < hashes.len()).last().unwrap();
            hash_node(&literal(&hashes[..k]), &literal(&hashes[k..]))
        }
    }
}

fn leaves(dir: &Folder) -> Vec<Hash> {
    dir.blobs("SELECT leaf FROM entries ORDER BY seq").iter().map(|leaf| hash_leaf(leaf)).collect()
}

fn every_checkpoint_is_signed_and_has_the_root_of_the_entries<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let reader = writer.reader().unwrap();
    let verifier = Verifier::parse(&reader.verifier().unwrap().vkey()).unwrap();
    for count in [0, 1, 1, 3, 250, 1, 1, 300] {
        if count > 0 {
            fill(&mut writer, count);
        }
        let checkpoint = Checkpoint::open(&verifier, &reader.checkpoint().unwrap()).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), (ORIGIN, writer.next_seq()));
        assert_eq!(checkpoint.root, literal(&leaves(&dir)));
        assert_eq!(checkpoint.root, reader.root(checkpoint.size).unwrap());
    }
}

fn proofs_of_any_size_verify_and_tiles_are_the_hashes<F: Fixture>() {
    let dir = F::folder();
    fill(&mut open(dir.path()), 600);
    let reader = Reader::open(dir.path()).unwrap();
    let leaves = leaves(&dir);
    let root = |size: u64| literal(&leaves[..size as usize]);
    for size in [1, 2, 255, 256, 257, 511, 512, 513, 600] {
        for seq in (0..size).step_by(37) {
            let path = reader.inclusion(seq, size).unwrap();
            assert!(verify_inclusion(&leaves[seq as usize], seq, size, &path, &root(size)), "{seq} of {size}");
        }
        for old in (0..=size).step_by(41) {
            let path = reader.consistency(old, size).unwrap();
            assert!(verify_consistency(old, size, &root(old), &root(size), &path), "{old} to {size}");
        }
    }
    assert_eq!(reader.tile(0, 1, 256).unwrap().unwrap(), leaves[256..512].concat());
    assert_eq!(reader.tile(0, 2, 88).unwrap().unwrap(), leaves[512..].concat());
    assert_eq!(reader.tile(0, 0, 5).unwrap().unwrap(), leaves[..5].concat());
    assert_eq!(reader.tile(1, 0, 2).unwrap().unwrap(), [root(256), literal(&leaves[256..512])].concat());
    for (level, index, width) in [(0, 2, 89), (0, 3, 1), (1, 0, 3), (2, 0, 1), (0, 0, 0), (0, 0, 257), (63, 0, 1)] {
        assert_eq!(reader.tile(level, index, width).unwrap(), None, "{level}/{index}.p/{width}");
    }
    assert_eq!(reader.tile(0, u64::MAX, 1).unwrap(), None);
    assert!(matches!(reader.inclusion(600, 600), Err(Error::Invalid { .. })));
    assert!(matches!(reader.inclusion(0, 601), Err(Error::Invalid { .. })));
    assert!(matches!(reader.consistency(5, 4), Err(Error::Invalid { .. })));
}

fn the_list_of_erasures_is_signed_and_is_no_checkpoint<F: Fixture>() {
    let dir = F::folder();
    let mut writer = open(dir.path());
    let keys = [writer.new_key().unwrap(), writer.new_key().unwrap(), writer.new_key().unwrap()];
    writer.erase(&keys[1..], entry("journal.erased", "{}"), 0).unwrap();
    let reader = writer.reader().unwrap();
    let list = reader.erasures().unwrap();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!((lines[0], lines[1], &lines[3..6]), ("bolwerk/test/erasures", "1", ["2", "3", ""].as_slice()));
    assert!(Checkpoint::open(&reader.verifier().unwrap(), &list).is_err());
}
