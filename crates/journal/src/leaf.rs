//! The leaf: what is hashed of an entry. Format 1, described in `docs/decisions/0001-journal-format.md`; it never changes.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];
/// A salt: makes a commitment to something short impossible to guess.
pub(crate) type Salt = [u8; SALT_BYTES];

/// Size of a salt, bytes.
pub(crate) const SALT_BYTES: usize = 16;
/// Version of the leaf format, its first byte.
const LEAF_VERSION: u8 = 1;
/// Most sealed parts of one entry.
pub const PARTS_MAX: usize = 16;
/// Longest kind, bytes.
pub const KIND_BYTES_MAX: usize = 64;
/// Key ids fit the store's signed integers.
pub(crate) const KEY_MAX: u64 = i64::MAX as u64;
const FIRST: u8 = 1;
const LAST: u8 = 2;
const PART_BYTES: usize = 1 + 8 + 8 + 32 + 32;

/// Number of a key in the key file; counts up from 1. Personal data of one subject is sealed under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub u64);

/// Where the stored bytes of a sealed part lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// With the entry, opened at replay.
    Small = 0,
    /// In the store, read on demand.
    Bulk = 1,
    /// A file named by the hash of its stored bytes.
    File = 2,
}

/// What a leaf says about one sealed part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeafPart {
    pub place: Place,
    pub key: KeyId,
    /// Length of the plain content, bytes.
    pub len: u64,
    /// SHA-256 of the stored bytes (nonce ‖ ciphertext).
    pub stored: Hash,
    /// Salted commitment to the plain content.
    pub content: Hash,
}

/// One leaf, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub seq: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub recorded_at: i64,
    pub first: bool,
    pub last: bool,
    pub kind: String,
    pub version: u16,
    pub body: Hash,
    pub parts: Vec<LeafPart>,
}

/// A kind is 1 to [`KIND_BYTES_MAX`] printable ASCII characters without spaces.
pub(crate) fn kind_is_valid(kind: &str) -> bool {
    (1..=KIND_BYTES_MAX).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Leaf {
    /// The canonical bytes, which are what the tree hashes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(54 + self.kind.len() + self.parts.len() * PART_BYTES);
        out.push(LEAF_VERSION);
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.recorded_at.to_be_bytes());
        out.push(if self.first { FIRST } else { 0 } | if self.last { LAST } else { 0 });
        out.push(self.kind.len() as u8);
        out.extend_from_slice(self.kind.as_bytes());
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.body);
        out.push(self.parts.len() as u8);
        for part in &self.parts {
            out.push(part.place as u8);
            out.extend_from_slice(&part.key.0.to_be_bytes());
            out.extend_from_slice(&part.len.to_be_bytes());
            out.extend_from_slice(&part.stored);
            out.extend_from_slice(&part.content);
        }
        out
    }

    /// Reads canonical bytes; anything that `encode` would not have written is refused with the reason.
    pub fn decode(bytes: &[u8]) -> Result<Leaf, &'static str> {
        let mut cursor = Cursor(bytes);
        if cursor.byte()? != LEAF_VERSION {
            return Err("leaf of an unknown version");
        }
        let seq = u64::from_be_bytes(cursor.array()?);
        let recorded_at = i64::from_be_bytes(cursor.array()?);
        let flags = cursor.byte()?;
        if flags & !(FIRST | LAST) != 0 {
            return Err("leaf with unknown flags");
        }
        let kind_len = usize::from(cursor.byte()?);
        let kind = std::str::from_utf8(cursor.take(kind_len)?).map_err(|_| "leaf with a kind that is not ASCII")?;
        if !kind_is_valid(kind) {
            return Err("leaf with a kind that is not allowed");
        }
        let version = u16::from_be_bytes(cursor.array()?);
        let body = cursor.array()?;
        let count = usize::from(cursor.byte()?);
        if count > PARTS_MAX {
            return Err("leaf with too many parts");
        }
        let parts = (0..count).map(|_| cursor.part()).collect::<Result<Vec<_>, _>>()?;
        if !cursor.0.is_empty() {
            return Err("leaf with trailing bytes");
        }
        let (first, last) = (flags & FIRST != 0, flags & LAST != 0);
        Ok(Leaf { seq, recorded_at, first, last, kind: kind.to_owned(), version, body, parts })
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], &'static str> {
        let (head, tail) = self.0.split_at_checked(n).ok_or("leaf cut short")?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (head, tail) = self.0.split_first_chunk().ok_or("leaf cut short")?;
        self.0 = tail;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn part(&mut self) -> Result<LeafPart, &'static str> {
        let place = match self.byte()? {
            0 => Place::Small,
            1 => Place::Bulk,
            2 => Place::File,
            _ => return Err("leaf with a part in an unknown place"),
        };
        let key = u64::from_be_bytes(self.array()?);
        if key == 0 || key > KEY_MAX {
            return Err("leaf with a key id that is not allowed");
        }
        let len = u64::from_be_bytes(self.array()?);
        Ok(LeafPart { place, key: KeyId(key), len, stored: self.array()?, content: self.array()? })
    }
}

/// The commitment to a body: SHA-256(`"bolwerk/body/1\0"` ‖ salt ‖ body).
pub(crate) fn commit_body(salt: &Salt, body: &[u8]) -> Hash {
    commit(b"bolwerk/body/1\0", salt, body)
}

/// The commitment to a part's content: SHA-256(`"bolwerk/part/1\0"` ‖ salt ‖ content).
pub(crate) fn commit_part(salt: &Salt, content: &[u8]) -> Hash {
    commit(b"bolwerk/part/1\0", salt, content)
}

fn commit(domain: &[u8], salt: &Salt, content: &[u8]) -> Hash {
    Sha256::new().chain_update(domain).chain_update(salt).chain_update(content).finalize().into()
}

/// SHA-256 of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Leaf {
        let part = LeafPart { place: Place::Bulk, key: KeyId(7), len: 3, stored: [2; 32], content: [3; 32] };
        Leaf {
            seq: 258,
            recorded_at: -2,
            first: true,
            last: false,
            kind: "report.received".into(),
            version: 1,
            body: [1; 32],
            parts: vec![part],
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_decision() {
        let mut expected = vec![1, 0, 0, 0, 0, 0, 0, 1, 2];
        expected.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 1, 15]);
        expected.extend_from_slice(b"report.received\0\x01");
        expected.extend_from_slice(&[1; 32]);
        expected.extend_from_slice(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3]);
        expected.extend_from_slice(&[2; 32]);
        expected.extend_from_slice(&[3; 32]);
        assert_eq!(sample().encode(), expected);
    }

    #[test]
    fn every_cut_and_every_addition_is_refused() {
        let bytes = sample().encode();
        for n in 0..bytes.len() {
            assert!(Leaf::decode(&bytes[..n]).is_err(), "cut at {n}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(Leaf::decode(&longer).is_err());
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(at in 0usize..140, with in any::<u8>()) {
            let mut bytes = sample().encode();
            let at = at % bytes.len();
            bytes[at] = with;
            if let Ok(leaf) = Leaf::decode(&bytes) {
                prop_assert_eq!(leaf.encode(), bytes);
            }
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Leaf::decode(&bytes);
        }
    }
}
