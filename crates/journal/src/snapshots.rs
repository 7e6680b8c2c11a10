//! Snapshots: files that hold what somebody made of the first entries of a journal, so that a start need not begin at the first one.
//!
//! They are never the truth. A file names the format of its content, the number of entries that it is made of and the root of the tree
//! over exactly these; whoever reads one that does not fit ([`Reader::open_snapshot`]) throws it away and reads the entries.
//!
//! They may hold personal data, so they are sealed under a key of the key file that nothing else uses. An entry of the journal
//! (`journal.snapshots`) names that key, so it is known wherever the entries are, and is erased together with whatever else is erased.
//!
//! A file, all numbers big-endian: magic (16 bytes), id of the key (8), number of entries (8), root (32), format (32), salt (32); then
//! pieces of [`PIECE_BYTES`] sealed by ChaCha20-Poly1305, the last one shorter or as long, each followed by its tag (16). The key of a file
//! is HMAC-SHA256(key, head); the nonce of a piece is its number, and whether it is the last: so no piece can be moved, left out or added,
//! and no byte of the head changed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{AeadInOut, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::entry::{Keep, NewEntry, NewPart};
use crate::files::sync_folder;
use crate::hooks::system_random;
use crate::leaf::{Hash, KeyId};
use crate::reader::load_keys;
use crate::seal::KeyBytes;
use crate::store::StoredNodes;
use crate::writer::make_private_folder;
use crate::{Error, Reader, Writer};

/// Kind of the entry that names a key of snapshots.
pub const SNAPSHOTS_KIND: &str = "journal.snapshots";
/// Snapshots that are kept, at most: the newest, and one in case it does not open.
pub const SNAPSHOTS_MAX: usize = 2;
/// Their folder, inside that of the journal.
const FOLDER: &str = "snapshots";
/// A file that is being written.
const UNFINISHED: &str = "new";
const MAGIC: &[u8; 16] = b"bolwerk-snap/1\n\0";
const HEAD_BYTES: usize = 16 + 8 + 8 + 32 + 32 + 32;
/// Plain bytes of a piece.
const PIECE_BYTES: usize = 1 << 20;
const TAG_BYTES: usize = 16;

/// A snapshot as its head describes it; nothing is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it lies.
    pub path: PathBuf,
    /// Number of entries that it is made of.
    pub position: u64,
    /// Format of its content.
    pub format: [u8; 32],
    key: KeyId,
    root: Hash,
    head: [u8; HEAD_BYTES],
}

/// Why a snapshot is of no use here.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// Its key is erased, or not here.
    #[error("its key is not here: something was erased since it was made")]
    NoKey,
    /// It is made of entries that are not there.
    #[error("it is made of {position} entries, and there are {size}")]
    Beyond {
        /// Entries that it is made of.
        position: u64,
        /// Entries that there are.
        size: u64,
    },
    /// It is made of other entries.
    #[error("its first {position} entries are not those of this journal")]
    OtherRoot {
        /// Entries that it is made of.
        position: u64,
    },
    /// Its bytes are not those that were written.
    #[error("it is damaged")]
    Damaged,
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] Error),
}

impl Snapshot {
    /// The snapshots of a folder, the newest first. Files that are none are left out.
    pub fn of(dir: &Path) -> Vec<Snapshot> {
        let Ok(files) = fs::read_dir(dir.join(FOLDER)) else { return Vec::new() };
        let mut found: Vec<Snapshot> = files.filter_map(|file| Snapshot::read(&file.ok()?.path())).collect();
        found.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.position));
        found
    }

    fn read(path: &Path) -> Option<Snapshot> {
        if path.file_name().is_some_and(|name| name == UNFINISHED) {
            return None;
        }
        let mut head = [0; HEAD_BYTES];
        File::open(path).and_then(|mut file| file.read_exact(&mut head)).ok()?;
        let mut rest = &head[..];
        let number = |bytes: &[u8]| u64::from_be_bytes(std::array::from_fn(|n| bytes[n]));
        let hash = |bytes: &[u8]| std::array::from_fn(|n| bytes[n]);
        let magic = rest.split_off(..16)?;
        let (key, position) = (rest.split_off(..8)?, rest.split_off(..8)?);
        let (root, format) = (rest.split_off(..32)?, rest.split_off(..32)?);
        (magic == MAGIC).then_some(Snapshot {
            path: path.to_path_buf(),
            position: number(position),
            format: hash(format),
            key: KeyId(number(key)),
            root: hash(root),
            head,
        })
    }

    /// Removes every snapshot of a folder, and whatever else lies there.
    ///
    /// # Errors
    /// When something stays.
    pub fn remove_all(dir: &Path) -> Result<(), Error> {
        let folder = dir.join(FOLDER);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(Error::io("remove", &folder)),
        }
    }

    /// Removes it.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove(&self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(Error::io("remove", &self.path)),
        }
    }
}

impl Writer {
    /// A new key for snapshots: an entry names it, so it goes with every erasure that [`Writer::erase`] is told to include it in.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn new_snapshot_key(&mut self, now: i64) -> Result<KeyId, Error> {
        let key = self.new_key()?;
        let part = NewPart { key, keep: Keep::Replayed, content: b"[]".to_vec() };
        let entry = NewEntry { kind: SNAPSHOTS_KIND.into(), version: 1, body: b"{}".to_vec(), parts: vec![part] };
        self.append_own(entry, now)?;
        Ok(key)
    }
}

impl Reader {
    /// The root of the tree over the first `size` entries.
    ///
    /// # Errors
    /// When there are not so many, or the store does not answer.
    pub fn root_of(&self, size: u64) -> Result<Hash, Error> {
        Ok(StoredNodes { db: &*self.db, size }.edge()?.root())
    }

    /// Opens a snapshot whose head fits this journal.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn open_snapshot(&self, snapshot: &Snapshot) -> Result<OpenSnapshot, Misfit> {
        let (size, position) = (self.size()?, snapshot.position);
        if position > size {
            return Err(Misfit::Beyond { position, size });
        }
        let key = self.with_key(snapshot.key, |key| file_key(key, &snapshot.head))?.ok_or(Misfit::NoKey)?;
        if self.root_of(position)? != snapshot.root {
            return Err(Misfit::OtherRoot { position });
        }
        let mut file = File::open(&snapshot.path)?;
        let left = file.metadata()?.len().saturating_sub(HEAD_BYTES as u64);
        file.read_exact(&mut [0; HEAD_BYTES])?;
        Ok(OpenSnapshot { file, cipher: ChaCha20Poly1305::new(&Key::from(key)), left, number: 0 })
    }

    /// Begins a snapshot of what is made of the first `position` entries.
    ///
    /// # Errors
    /// When the key or the entries are not here, or the file cannot be made.
    pub fn new_snapshot(&self, key: KeyId, position: u64, format: [u8; 32]) -> Result<NewSnapshot, Error> {
        let mut salt = [0; 32];
        system_random(&mut salt)?;
        let root = self.root_of(position)?;
        let head = [MAGIC.as_slice(), &key.0.to_be_bytes(), &position.to_be_bytes(), &root, &format, &salt].concat();
        let head: [u8; HEAD_BYTES] = std::array::from_fn(|n| head[n]);
        let own = self.with_key(key, |bytes| file_key(bytes, &head))?.ok_or(Error::UnknownKey { key })?;
        let folder = self.dir.join(FOLDER);
        make_private_folder(&folder)?;
        let path = folder.join(UNFINISHED);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let mut file = file.map_err(Error::io("create", &path))?;
        file.write_all(&head).map_err(Error::io("write", &path))?;
        let cipher = ChaCha20Poly1305::new(&Key::from(own));
        let name = folder.join(format!("{position:020}"));
        Ok(NewSnapshot {
            dir: self.dir.clone(),
            file: Some(file),
            path,
            name,
            key,
            cipher,
            piece: Vec::with_capacity(PIECE_BYTES + TAG_BYTES),
            number: 0,
        })
    }

    /// Whether the key file has this key now: an erasure may have destroyed it since this reader was opened.
    fn still_has(&self, key: KeyId) -> Result<bool, Error> {
        Ok(load_keys(&self.dir, &*self.db)?.is_some_and(|keys| keys.get(key).is_some()))
    }
}

fn file_key(key: &KeyBytes, head: &[u8; HEAD_BYTES]) -> KeyBytes {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(head);
    mac.finalize().into_bytes().into()
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[0] = last.into();
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::from(nonce)
}

/// A snapshot that is being read, piece by piece.
pub struct OpenSnapshot {
    file: File,
    cipher: ChaCha20Poly1305,
    /// Sealed bytes that were not read yet.
    left: u64,
    number: u64,
}

impl OpenSnapshot {
    /// The next piece; `None` after the last.
    ///
    /// # Errors
    /// When it cannot be read or is not what was written.
    pub fn piece(&mut self) -> Result<Option<Vec<u8>>, Misfit> {
        let sealed = self.left.min((PIECE_BYTES + TAG_BYTES) as u64);
        if sealed == 0 {
            // The first piece is always there, also when it is empty.
            return if self.number > 0 { Ok(None) } else { Err(Misfit::Damaged) };
        }
        let mut piece = vec![0; sealed as usize];
        self.file.read_exact(&mut piece)?;
        self.left -= sealed;
        let tag = *piece.last_chunk::<TAG_BYTES>().ok_or(Misfit::Damaged)?;
        piece.truncate(piece.len() - TAG_BYTES);
        self.cipher
            .decrypt_inout_detached(&nonce(self.number, self.left == 0), &[], piece.as_mut_slice().into(), &tag.into())
            .map_err(|_| Misfit::Damaged)?;
        self.number += 1;
        Ok(Some(piece))
    }
}

/// A snapshot that is being written. It has no name before [`NewSnapshot::keep`]; dropped earlier it is gone.
pub struct NewSnapshot {
    dir: PathBuf,
    /// Taken when it is kept.
    file: Option<File>,
    path: PathBuf,
    name: PathBuf,
    key: KeyId,
    cipher: ChaCha20Poly1305,
    /// Plain bytes of the next piece.
    piece: Vec<u8>,
    number: u64,
}

impl NewSnapshot {
    fn seal(&mut self, last: bool) -> io::Result<()> {
        let full = || io::Error::other("a piece is far smaller than what the cipher takes");
        let sealed =
            self.cipher.encrypt_inout_detached(&nonce(self.number, last), &[], self.piece.as_mut_slice().into());
        self.piece.extend_from_slice(&sealed.map_err(|_| full())?);
        if let Some(file) = &mut self.file {
            file.write_all(&self.piece)?;
        }
        self.piece.clear();
        self.number += 1;
        Ok(())
    }

    /// Makes it durable and gives it its name; older ones beyond [`SNAPSHOTS_MAX`] go. `reader` is of the same folder.
    ///
    /// # Errors
    /// When it cannot be written, or its key was erased meanwhile: then it is gone.
    pub fn keep(mut self, reader: &Reader) -> Result<(), Error> {
        self.seal(true).map_err(Error::io("write", &self.path))?;
        if let Some(file) = &self.file {
            file.sync_all().map_err(Error::io("sync", &self.path))?;
        }
        if !reader.still_has(self.key)? {
            return Err(Error::UnknownKey { key: self.key });
        }
        fs::rename(&self.path, &self.name).map_err(Error::io("rename", &self.path))?;
        self.file = None;
        sync_folder(&self.dir.join(FOLDER))?;
        Snapshot::of(&self.dir).iter().skip(SNAPSHOTS_MAX).try_for_each(Snapshot::remove)
    }
}

impl Write for NewSnapshot {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits until more comes: it may be the last.
        if self.piece.len() == PIECE_BYTES && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewSnapshot {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            drop(fs::remove_file(&self.path));
        }
    }
}

impl std::fmt::Debug for OpenSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenSnapshot").field("left", &self.left).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for NewSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSnapshot").field("name", &self.name).finish_non_exhaustive()
    }
}
