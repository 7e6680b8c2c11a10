//! One plain function for every reader of foreign bytes, for fuzz targets: each must return for any input.

use std::io::{BufReader, Cursor};

use crate::entry::StoredRow;
use crate::keys::Keys;
use crate::leaf::{Hash, Leaf, sha256};
use crate::note::{Checkpoint, Verifier};
use crate::tree::{self, Edge, Nodes};
use crate::{Error, KeyId, backup, erasures, hash_leaf, share, store};
use ed25519_dalek::SigningKey;

/// Leaves of the largest tree that is made here.
const LEAVES_MAX: usize = 600;

/// A leaf: what is read is what `encode` writes.
pub fn leaf(data: &[u8]) {
    if let Ok(leaf) = Leaf::decode(data) {
        assert_eq!(leaf.encode(), data);
    }
}

/// A row of the store, from whichever database: leaf, body and small parts, cut at two lengths.
pub fn row(data: &[u8]) {
    let Some((&[a, b, c, d], rest)) = data.split_first_chunk() else { return };
    let (leaf, rest) = rest.split_at(usize::from(u16::from_be_bytes([a, b])).min(rest.len()));
    let (body, small) = rest.split_at(usize::from(u16::from_be_bytes([c, d])).min(rest.len()));
    let hash = hash_leaf(leaf);
    let seq = Leaf::decode(leaf).map_or(0, |leaf| leaf.seq);
    let row = StoredRow { seq, hash: &hash, leaf, body, small };
    drop(row.check());
    if let Ok(leaf) = row.decode() {
        drop(row.body(&leaf));
        let parts = row.small_parts(&leaf).unwrap_or_default();
        assert!(parts.iter().filter_map(|(_, stored)| *stored).map(<[u8]>::len).sum::<usize>() <= small.len());
    }
}

/// Verifier keys, checkpoints and lists of erasures: canonical, so that what is read is what is written.
pub fn note(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(verifier) = Verifier::parse(text) {
        assert_eq!(verifier.vkey(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text);
        drop(erasures::Erasures::of(&checkpoint));
        let key = SigningKey::from_bytes(&[7; 32]);
        if let Ok(signed) = checkpoint.sign(&key) {
            let verifier =
                Verifier::new(&checkpoint.origin, key.verifying_key().as_bytes()).expect("it was signed for");
            let opened = Checkpoint::open(&verifier, &signed);
            assert!(text.contains(|c| c < ' ' && c != '\n') || opened.is_ok_and(|o| o == checkpoint));
        }
    }
}

/// A signed checkpoint, damaged as `data` says: pairs of place and difference. It opens as what was signed, or not at all.
pub fn signed(data: &[u8]) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let text = Checkpoint { origin: "log.example".into(), size: 260, root: [9; 32], extensions: Vec::new() };
    let verifier = Verifier::new(&text.origin, key.verifying_key().as_bytes()).expect("a plain name");
    let mut note = text.sign(&key).expect("a plain name").into_bytes();
    damage(&mut note, data);
    if let Ok(note) = String::from_utf8(note)
        && let Ok(opened) = Checkpoint::open(&verifier, &note)
    {
        assert_eq!(opened, text, "a forgery opens");
    }
}

/// Pairs of place and difference; a place beyond the end cuts there instead.
fn damage(bytes: &mut Vec<u8>, how: &[u8]) {
    for change in how.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]]));
        match bytes.get_mut(place) {
            Some(byte) => *byte ^= change[2],
            None if change[2] & 1 == 1 => bytes.push(change[2]),
            None => bytes.truncate(place % (bytes.len() + 1)),
        }
    }
}

/// A key file as it stands, and a whole one that is damaged: then the keys that are left are the first ones, unchanged.
pub fn keys(data: &[u8]) {
    if let Ok(keys) = Keys::from_bytes(data) {
        assert!(Keys::from_bytes(&keys.to_bytes()).is_ok_and(|again| again.last() == keys.last()));
    }
    let mut made = 0_u8;
    let mut counted = |bytes: &mut [u8]| {
        bytes.fill_with(|| {
            made = made.wrapping_add(1);
            made
        });
        Ok::<(), Error>(())
    };
    let whole = Keys::create(&mut counted, 5).expect("it only counts");
    let mut bytes = whole.to_bytes();
    damage(&mut bytes, data);
    if let Ok(read) = Keys::from_bytes(&bytes) {
        assert!(read.last() <= whole.last() && read.public() == whole.public());
        (1..=read.last()).for_each(|id| assert_eq!(read.get(KeyId(id)), whole.get(KeyId(id))));
    }
}

/// `keys.next`, as it stands and damaged.
pub fn ratchet(data: &[u8]) {
    share::fuzz_ratchet(data, |bytes| damage(bytes, data));
}

/// A backup whose header and sum are right, and an encrypted one.
pub fn archive(data: &[u8]) {
    let mut file = [b"bolwerk-backup/1\n", data].concat();
    let sum = sha256(&file);
    file.push(b'Z');
    file.extend_from_slice(&32_u64.to_be_bytes());
    file.extend_from_slice(&sum);
    backup::fuzz(&file);
    backup::fuzz(data);
    drop(age::Decryptor::new_buffered(Cursor::new(data)));
    drop(age::Decryptor::new_buffered(Cursor::new([b"age-encryption.org/v1\n", data].concat())));
    drop(age::IdentityFile::from_buffer(BufReader::new(data)));
}

/// `store.toml`, whose connection string may hold a password: no message repeats it.
pub fn location(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains("zeergeheim") {
        return;
    }
    store::fuzz_location(text);
    store::fuzz_location(&format!("node = \"a\"\nurl = \"host=a password=zeergeheim {text}\""));
}

struct Leaves(Vec<Hash>);

impl Nodes for Leaves {
    fn node(&self, height: u32, index: u64) -> Result<Hash, Error> {
        let width = 1_usize << height;
        let from = index as usize * width;
        Ok(tree::fold(&self.0[from..from + width]))
    }
}

/// Proofs: those of a tree hold, damaged ones do not, and foreign ones end.
pub fn proofs(data: &[u8]) {
    let Some((&[a, b, c, d], rest)) = data.split_first_chunk() else { return };
    let size = usize::from(u16::from_be_bytes([a, b])) % LEAVES_MAX + 1;
    let seq = u16::from_be_bytes([c, d]) as usize % size;
    let leaves = Leaves((0..size).map(|n| hash_leaf(&n.to_be_bytes())).collect());
    let mut edge = Edge::default();
    leaves.0.iter().for_each(|leaf| edge.push(*leaf, &mut |_| Ok(())).expect("tiles go nowhere"));
    let (root, size, at) = (edge.root(), size as u64, seq as u64);
    let path = tree::inclusion(&leaves, at, size).expect("leaves are there");
    assert!(tree::verify_inclusion(&leaves.0[seq], at, size, &path, &root));
    let old = tree::range_root(&leaves, 0, at).expect("leaves are there");
    let steps = tree::consistency(&leaves, at, size).expect("leaves are there");
    assert!(tree::verify_consistency(at, size, &old, &root, &steps));
    let changed = |path: &[Hash]| {
        let mut bytes = path.concat();
        damage(&mut bytes, rest);
        bytes.chunks_exact(32).map(|hash| std::array::from_fn(|n| hash[n])).collect::<Vec<Hash>>()
    };
    let (other_path, other_steps) = (changed(&path), changed(&steps));
    assert!(other_path == path || !tree::verify_inclusion(&leaves.0[seq], at, size, &other_path, &root));
    assert!(other_steps == steps || !tree::verify_consistency(at, size, &old, &root, &other_steps));
    if let Some((numbers, rest)) = rest.split_first_chunk::<16>() {
        let number = |n: usize| u64::from_be_bytes(std::array::from_fn(|m| numbers[n + m]));
        let path: Vec<Hash> = rest.chunks_exact(32).map(|hash| std::array::from_fn(|n| hash[n])).collect();
        tree::verify_inclusion(&root, number(0), number(8), &path, &root);
        tree::verify_consistency(number(0), number(8), &root, &old, &path);
    }
}
