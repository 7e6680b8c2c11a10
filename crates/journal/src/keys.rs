//! The key file: the root secret, the signing key and one key per subject, apart from everything they seal.
//!
//! A header and then blocks of keys, each with its checksum. New keys are appended as a block and synced before the first
//! of them is handed out. An erased key is 32 zeros; erasing rewrites the whole file. A last block that does not check is
//! what a power cut leaves while keys were being made ready: none of them was ever used, so it is cut off.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ed25519_dalek::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::files::{read_bounded, sync_folder_of, write_synced_over};
use crate::leaf::{Hash, KEY_MAX, KeyId};
use crate::seal::KeyBytes;

const MAGIC: &[u8; 16] = b"bolwerk-keys/1\n\0";
const HEADER_BYTES: usize = 16 + 32 + 32 + 32;
const BLOCK_HEAD_BYTES: usize = 8 + 4;
pub(crate) const ERASED: KeyBytes = [0; 32];
/// Largest key file that is read, bytes: 100 million keys.
const KEY_FILE_BYTES_MAX: u64 = 3_200_000_000;
/// How often a reader looks again when the file was replaced while it read.
const LOADS_MAX: usize = 5;

/// The content of a key file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    root: [u8; 32],
    seed: [u8; 32],
    /// Key of id n at n - 1.
    keys: Vec<KeyBytes>,
    /// Length of the part of the file that checks, bytes; what follows was torn off by a power cut.
    good_bytes: u64,
    /// Whether anything follows.
    torn: bool,
    /// Whether nobody keeps the file up to date from here any more.
    retired: bool,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("last", &self.last()).field("torn", &self.torn).finish_non_exhaustive()
    }
}

impl Keys {
    /// New secrets and `pool` keys, not yet on disk.
    pub fn create(random: &mut dyn FnMut(&mut [u8]) -> Result<(), Error>, pool: u64) -> Result<Keys, Error> {
        let mut keys =
            Keys { root: [0; 32], seed: [0; 32], keys: Vec::new(), good_bytes: 0, torn: false, retired: false };
        random(&mut keys.root)?;
        random(&mut keys.seed)?;
        keys.keys = new_keys(random, pool)?;
        keys.good_bytes = keys.to_bytes().len() as u64;
        Ok(keys)
    }

    /// Reads a key file; `None` when it is not there.
    pub fn load(path: &Path) -> Result<Option<Keys>, Error> {
        let mut last = Err(Error::NoKeys { path: path.to_path_buf() });
        for _ in 0..LOADS_MAX {
            let before = inode(path);
            let Some(bytes) = read_bounded(path, KEY_FILE_BYTES_MAX)? else { return Ok(None) };
            last = Keys::from_bytes(&bytes).map_err(|what| Error::BadKeys { path: path.to_path_buf(), what });
            // A writer that erases overwrites the file it replaced: then the next look finds the new one.
            if last.is_ok() || inode(path) == before {
                break;
            }
        }
        last.map(Some)
    }

    /// The file's bytes, in one block.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + BLOCK_HEAD_BYTES + self.keys.len() * 32 + 32);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.root);
        out.extend_from_slice(&self.seed);
        let check = self.header_check();
        out.extend_from_slice(&check);
        if !self.keys.is_empty() {
            out.extend_from_slice(&block(&check, 1, &self.keys));
        }
        out
    }

    /// Reads the file's bytes; a sentence on what is wrong otherwise.
    pub fn from_bytes(bytes: &[u8]) -> Result<Keys, String> {
        let (header, mut rest) = bytes.split_at_checked(HEADER_BYTES).ok_or("it is cut short")?;
        if &header[..16] != MAGIC {
            return Err("it is not a key file".into());
        }
        let secret = |at: usize| -> [u8; 32] { std::array::from_fn(|n| header[at + n]) };
        let mut keys = Keys {
            root: secret(16),
            seed: secret(48),
            keys: Vec::new(),
            good_bytes: HEADER_BYTES as u64,
            torn: false,
            retired: false,
        };
        let check = keys.header_check();
        if check != secret(80) {
            return Err("its header is damaged".into());
        }
        while !rest.is_empty() {
            let Some((block, after)) = read_block(&check, keys.last() + 1, rest) else {
                keys.torn = true;
                break;
            };
            keys.keys.extend(block);
            keys.good_bytes += (rest.len() - after.len()) as u64;
            rest = after;
        }
        Ok(keys)
    }

    fn header_check(&self) -> Hash {
        Sha256::new().chain_update(MAGIC).chain_update(self.root).chain_update(self.seed).finalize().into()
    }

    /// The key, unless it was never made or is erased.
    pub fn get(&self, key: KeyId) -> Option<&KeyBytes> {
        let index = usize::try_from(key.0.checked_sub(1)?).ok()?;
        self.keys.get(index).filter(|bytes| **bytes != ERASED)
    }

    /// The highest id in the file, 0 when there is none.
    pub fn last(&self) -> u64 {
        self.keys.len() as u64
    }

    /// Whoever wrote the file is gone: another writer may, so these are for reading alone.
    pub fn retire(&mut self) {
        self.retired = true;
    }

    pub fn is_retired(&self) -> bool {
        self.retired
    }

    /// Whether the file ends in something that is not a whole block.
    pub fn torn(&self) -> bool {
        self.torn
    }

    pub fn signer(&self) -> SigningKey {
        SigningKey::from_bytes(&self.seed)
    }

    pub fn public(&self) -> [u8; 32] {
        self.signer().verifying_key().to_bytes()
    }

    /// A secret for one purpose, derived from the root secret.
    pub fn secret(&self, purpose: &str) -> [u8; 32] {
        derive(&self.root, purpose)
    }

    /// Makes `count` more keys ready: durable when this returns.
    pub fn extend(
        &mut self,
        path: &Path,
        random: &mut dyn FnMut(&mut [u8]) -> Result<(), Error>,
        count: u64,
    ) -> Result<(), Error> {
        self.append(path, new_keys(random, count)?)
    }

    /// Adds keys to the file: durable when this returns.
    pub fn append(&mut self, path: &Path, new: Vec<KeyBytes>) -> Result<(), Error> {
        if self.last() + new.len() as u64 > KEY_MAX {
            return Err(Error::invalid("no more key ids"));
        }
        let bytes = block(&self.header_check(), self.last() + 1, &new);
        let mut file = OpenOptions::new().write(true).open(path).map_err(Error::io("open", path))?;
        file.set_len(self.good_bytes).map_err(Error::io("cut", path))?;
        file.seek(SeekFrom::Start(self.good_bytes)).map_err(Error::io("seek", path))?;
        file.write_all(&bytes).map_err(Error::io("write", path))?;
        file.sync_all().map_err(Error::io("sync", path))?;
        self.good_bytes += bytes.len() as u64;
        self.torn = false;
        self.keys.extend(new);
        Ok(())
    }

    /// Adds keys in memory only.
    pub fn add(&mut self, new: Vec<KeyBytes>) {
        self.keys.extend(new);
    }

    /// Cuts a torn last block off.
    pub fn mend(&mut self, path: &Path) -> Result<(), Error> {
        let file = OpenOptions::new().write(true).open(path).map_err(Error::io("open", path))?;
        file.set_len(self.good_bytes).map_err(Error::io("cut", path))?;
        file.sync_all().map_err(Error::io("sync", path))?;
        self.torn = false;
        Ok(())
    }

    /// Drops keys from memory only. Whether there was anything to drop.
    pub fn forget(&mut self, erased: &BTreeSet<KeyId>) -> bool {
        let mut any = false;
        for key in erased {
            let index = usize::try_from(key.0.wrapping_sub(1)).unwrap_or(usize::MAX);
            if let Some(bytes) = self.keys.get_mut(index).filter(|bytes| **bytes != ERASED) {
                *bytes = ERASED;
                any = true;
            }
        }
        any
    }

    /// Rewrites the file as it is in memory, synced, and overwrites what lay there before unless it has another name.
    pub fn rewrite(&mut self, path: &Path) -> Result<(), Error> {
        let bytes = self.to_bytes();
        write_synced_over(path, &bytes)?;
        self.good_bytes = bytes.len() as u64;
        self.torn = false;
        Ok(())
    }
}

/// HMAC-SHA256(root, purpose).
pub(crate) fn derive(root: &[u8; 32], purpose: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(root).expect("HMAC takes keys of any length");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

pub(crate) fn new_keys(
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), Error>,
    count: u64,
) -> Result<Vec<KeyBytes>, Error> {
    let mut bytes = vec![0; count as usize * 32];
    random(&mut bytes)?;
    Ok(bytes.chunks_exact(32).map(|chunk| std::array::from_fn(|n| chunk[n])).collect())
}

fn block(check: &Hash, first: u64, keys: &[KeyBytes]) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOCK_HEAD_BYTES + keys.len() * 32 + 32);
    out.extend_from_slice(&first.to_be_bytes());
    out.extend_from_slice(&(keys.len() as u32).to_be_bytes());
    out.extend(keys.iter().flatten());
    let sum = Sha256::new().chain_update(check).chain_update(&out).finalize();
    out.extend_from_slice(&sum);
    out
}

fn read_block<'a>(
    check: &Hash,
    first: u64,
    bytes: &'a [u8],
) -> Option<(impl Iterator<Item = KeyBytes> + use<'a>, &'a [u8])> {
    let head = bytes.first_chunk::<BLOCK_HEAD_BYTES>()?;
    let count = u32::from_be_bytes([head[8], head[9], head[10], head[11]]) as usize;
    let len = BLOCK_HEAD_BYTES.checked_add(count.checked_mul(32)?)?;
    let (block, after) = bytes.split_at_checked(len)?;
    let (sum, after) = after.split_first_chunk::<32>()?;
    if block[..8] != first.to_be_bytes()
        || Sha256::new().chain_update(check).chain_update(block).finalize().as_slice() != sum
    {
        return None;
    }
    let keys = block[BLOCK_HEAD_BYTES..].chunks_exact(32).map(|chunk| std::array::from_fn(|n| chunk[n]));
    Some((keys, after))
}

fn inode(path: &Path) -> Option<u64> {
    path.metadata().ok().map(|metadata| metadata.ino())
}

/// Renames the key file of a journal being made to its final name.
pub(crate) fn settle(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::rename(from, to).map_err(Error::io("rename", from))?;
    sync_folder_of(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::write_synced;
    use std::fs::File;

    fn counting() -> impl FnMut(&mut [u8]) -> Result<(), Error> {
        let mut n = 0u8;
        move |bytes| {
            bytes.iter_mut().for_each(|byte| {
                n = n.wrapping_add(1);
                *byte = n;
            });
            Ok(())
        }
    }

    #[test]
    fn keys_come_back_extended_and_erased() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let mut keys = Keys::create(&mut counting(), 3).unwrap();
        write_synced(&path, &keys.to_bytes()).unwrap();
        keys.extend(&path, &mut counting(), 2).unwrap();
        assert_eq!(Keys::load(&path).unwrap().unwrap(), keys);
        assert_eq!(keys.last(), 5);
        assert!(keys.forget(&BTreeSet::from([KeyId(2), KeyId(9)])));
        keys.rewrite(&path).unwrap();
        let again = Keys::load(&path).unwrap().unwrap();
        assert_eq!(again, keys);
        assert!(again.get(KeyId(2)).is_none() && again.get(KeyId(3)).is_some());
        assert!(again.get(KeyId(0)).is_none() && again.get(KeyId(6)).is_none());
    }

    #[test]
    fn a_torn_last_block_is_left_out_and_mended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let mut keys = Keys::create(&mut counting(), 3).unwrap();
        write_synced(&path, &keys.to_bytes()).unwrap();
        let whole = keys.clone();
        keys.extend(&path, &mut counting(), 2).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for cut in whole.good_bytes as usize + 1..bytes.len() {
            let torn = Keys::from_bytes(&bytes[..cut]).unwrap();
            assert!(torn.torn() && torn.last() == 3, "cut at {cut}");
        }
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let mut torn = Keys::load(&path).unwrap().unwrap();
        torn.mend(&path).unwrap();
        assert_eq!(Keys::load(&path).unwrap().unwrap(), whole);
    }

    #[test]
    fn every_changed_byte_of_the_file_loses_keys_or_is_refused() {
        let keys = Keys::create(&mut counting(), 3).unwrap();
        let bytes = keys.to_bytes();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 4;
            let read = Keys::from_bytes(&bad);
            assert!(read.is_err() || read.unwrap().last() < 3, "byte {at}");
        }
    }

    #[test]
    fn the_replaced_file_is_overwritten_unless_it_has_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("keys"), dir.path().join("link"));
        let mut keys = Keys::create(&mut counting(), 3).unwrap();
        write_synced(&path, &keys.to_bytes()).unwrap();
        std::fs::hard_link(&path, &link).unwrap();
        let before = std::fs::read(&link).unwrap();
        keys.forget(&BTreeSet::from([KeyId(1)]));
        keys.rewrite(&path).unwrap();
        assert_eq!(std::fs::read(&link).unwrap(), before);
        let mut open = File::open(&path).unwrap();
        keys.rewrite(&path).unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut open, &mut content).unwrap();
        assert!(!content.is_empty() && content.iter().all(|byte| *byte == 0));
    }
}
