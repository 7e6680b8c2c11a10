//! The form of a backup file.
//!
//! `"bolwerk-backup/1\n"`, then records: one byte of sort, eight bytes of length (big-endian), the content. The last record
//! is the SHA-256 of all bytes before it, and nothing may follow. So every changed, missing or added byte is noticed before
//! anything that was restored is put in place.

use std::io::{ErrorKind, Read};

use sha2::{Digest, Sha256};

use super::sealing::Output;
use crate::leaf::Hash;
use crate::{BODY_BYTES_MAX, Error, PART_BYTES_MAX, PARTS_MAX, REPLAYED_BYTES_MAX};

const MAGIC: &[u8; 17] = b"bolwerk-backup/1\n";
/// Largest record, bytes: a file, or an entry with all it may have.
const RECORD_BYTES_MAX: u64 = (PART_BYTES_MAX + 1024 + BODY_BYTES_MAX + PARTS_MAX * REPLAYED_BYTES_MAX) as u64;

const META: u8 = b'M';
const ENTRY: u8 = b'E';
const BULK: u8 = b'P';
const FILE: u8 = b'F';
const END: u8 = b'Z';

/// One record of a backup.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    Meta { name: String, value: Vec<u8> },
    Entry { leaf: Vec<u8>, body: Vec<u8>, small: Vec<u8> },
    Bulk { id: i64, stored: Vec<u8> },
    File { stored: Vec<u8> },
}

pub(super) struct Writing<'a> {
    output: &'a mut Output,
    hash: Sha256,
}

impl Writing<'_> {
    pub fn new(output: &mut Output) -> Result<Writing<'_>, Error> {
        let mut writing = Writing { output, hash: Sha256::new() };
        writing.write(MAGIC)?;
        Ok(writing)
    }

    pub fn put(&mut self, record: &Record) -> Result<(), Error> {
        let len = |bytes: &[u8]| (bytes.len() as u32).to_be_bytes();
        match record {
            Record::Meta { name, value } => self.record(META, &[&len(name.as_bytes()), name.as_bytes(), value]),
            Record::Entry { leaf, body, small } => self.record(ENTRY, &[&len(leaf), leaf, &len(body), body, small]),
            Record::Bulk { id, stored } => self.record(BULK, &[&id.to_be_bytes(), stored]),
            Record::File { stored } => self.record(FILE, &[stored]),
        }
    }

    pub fn end(mut self) -> Result<(), Error> {
        let sum: Hash = self.hash.clone().finalize().into();
        self.record(END, &[&sum])
    }

    fn record(&mut self, sort: u8, pieces: &[&[u8]]) -> Result<(), Error> {
        let len: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        self.write(&[sort])?;
        self.write(&len.to_be_bytes())?;
        pieces.iter().try_for_each(|piece| self.write(piece))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hash.update(bytes);
        self.output.write(bytes)
    }
}

pub(super) struct Reading<'a> {
    input: &'a mut dyn Read,
    hash: Sha256,
}

impl Reading<'_> {
    pub fn new(input: &mut dyn Read) -> Result<Reading<'_>, Error> {
        let mut reading = Reading { input, hash: Sha256::new() };
        let magic: [u8; MAGIC.len()] = reading.array()?;
        if magic == *MAGIC { Ok(reading) } else { Err(bad("it is not a backup of a journal")) }
    }

    /// The next record; `None` when the end was reached and every byte is as written.
    pub fn next(&mut self) -> Result<Option<Record>, Error> {
        let before = self.hash.clone();
        let [sort] = self.array()?;
        let len = u64::from_be_bytes(self.array()?);
        if len > RECORD_BYTES_MAX {
            return Err(bad("a record of it is too long"));
        }
        let content = self.bytes(len)?;
        if sort == END {
            let sum: Hash = before.finalize().into();
            return if content == sum && self.at_end()? { Ok(None) } else { Err(bad("it is damaged")) };
        }
        parse(sort, &content).map(Some).ok_or_else(|| bad("a record of it is damaged"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(unreadable)?;
        self.hash.update(bytes);
        Ok(bytes)
    }

    fn bytes(&mut self, len: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.input.take(len).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 != len {
            return Err(bad("it is cut short"));
        }
        self.hash.update(&bytes);
        Ok(bytes)
    }

    fn at_end(&mut self) -> Result<bool, Error> {
        Ok(self.input.read(&mut [0]).map_err(unreadable)? == 0)
    }
}

fn parse(sort: u8, content: &[u8]) -> Option<Record> {
    let piece = |bytes: &[u8]| -> Option<(Vec<u8>, Vec<u8>)> {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (piece, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        Some((piece.to_vec(), rest.to_vec()))
    };
    match sort {
        META => {
            let (name, value) = piece(content)?;
            Some(Record::Meta { name: String::from_utf8(name).ok()?, value })
        }
        ENTRY => {
            let (leaf, rest) = piece(content)?;
            let (body, small) = piece(&rest)?;
            Some(Record::Entry { leaf, body, small })
        }
        BULK => {
            let (id, stored) = content.split_first_chunk::<8>()?;
            Some(Record::Bulk { id: i64::from_be_bytes(*id), stored: stored.to_vec() })
        }
        FILE => Some(Record::File { stored: content.to_vec() }),
        _ => None,
    }
}

pub(super) fn bad(what: &str) -> Error {
    Error::BadBackup { what: what.into() }
}

/// The end too soon, or an encrypted file that was changed.
fn unreadable(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => bad("it is cut short"),
        _ => Error::BadBackup { what: format!("it cannot be read: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn foreign_bytes_are_refused_without_a_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [MAGIC.as_slice(), &tail].concat();
            let mut input = bytes.as_slice();
            let mut reading = Reading::new(&mut input).unwrap();
            // Nobody finds the hash of what was read so far by chance.
            while reading.next().inspect(|end| assert!(end.is_some())).is_ok() {}
        }
    }
}
