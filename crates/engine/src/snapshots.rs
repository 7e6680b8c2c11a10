//! Snapshots of the desk: made from the journal, never the truth, and thrown away when they do not match.
//!
//! One is written when a start had to replay many facts, before the desk opens; and while it runs by a process of its own whenever many
//! facts lie behind the last one, so that neither the writer nor a reader ever waits for it. See `docs/decisions/0010-snapshots.md`.

use crate::engine::OpenError;
use crate::replay::{Replayed, replay};
use crate::store::{JournalStore, Store, StoreError};
use desk::Desk;
use desk::fact::Subject;
use desk::ids::Timestamp;
use desk::snapshot::Unwritable;
use journal::{KeyId, Misfit, NewSnapshot, OpenSnapshot, Reader, Snapshot};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

/// A snapshot is made once so many facts lie behind the last one: about half a second of replay.
pub(crate) const BEHIND_FACTS: u64 = 50_000;
/// Opened pieces (1 MiB each) that wait to be understood, at most.
const PIECES_MAX: usize = 4;
/// Form of what the engine keeps beside the desk: raise it when that changes.
const BESIDE: &[u8] = b"engine/1";

/// What becomes of a snapshot that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is thrown away, and that is said: for whoever runs the desk.
    Remove,
    /// It stays: for whoever only looks.
    Leave,
}

/// What the writer knows beside the desk, in the form that is kept.
#[derive(Serialize, Deserialize)]
struct Beside {
    keys: BTreeMap<Subject, u64>,
    snapshot_keys: Vec<u64>,
    last: Timestamp,
}

impl Beside {
    fn of(replayed: &Replayed) -> Beside {
        Beside {
            keys: replayed.keys.iter().map(|(subject, key)| (*subject, key.0)).collect(),
            snapshot_keys: replayed.snapshot_keys.iter().map(|key| key.0).collect(),
            last: replayed.last,
        }
    }
}

/// The format of snapshots that this program makes and reads.
fn format() -> [u8; 32] {
    Sha256::new().chain_update(BESIDE).chain_update(desk::snapshot::FORMAT).finalize().into()
}

/// The newest snapshot that fits.
pub(crate) fn newest(reader: &Reader, dir: &Path, unfit: Unfit) -> Option<Replayed> {
    for snapshot in Snapshot::of(dir) {
        match read(reader, &snapshot) {
            Ok(replayed) => return Some(replayed),
            Err(why) if unfit == Unfit::Remove => {
                eprintln!("bolwerk: {} is thrown away, what it held is replayed: {why}", snapshot.path.display());
                // Where it stays it is met again, and does not fit then either.
                drop(snapshot.remove());
            }
            Err(_) => {}
        }
    }
    None
}

/// Why a snapshot is of no use.
#[derive(Debug, thiserror::Error)]
enum Useless {
    #[error("it was made by another version of the program")]
    Format,
    #[error(transparent)]
    Misfit(#[from] Misfit),
    #[error("{0}")]
    Content(#[from] desk::snapshot::Undecodable),
    #[error("no thread: {0}")]
    Thread(#[from] io::Error),
}

fn read(reader: &Reader, snapshot: &Snapshot) -> Result<Replayed, Useless> {
    if snapshot.format != format() {
        return Err(Useless::Format);
    }
    let (beside, desk): (Beside, Desk) = unsealed(reader.open_snapshot(snapshot)?, |pieces| Desk::read(pieces))??;
    Ok(Replayed {
        desk,
        keys: beside.keys.into_iter().map(|(subject, key)| (subject, KeyId(key))).collect(),
        snapshot_keys: beside.snapshot_keys.into_iter().map(KeyId).collect(),
        last: beside.last,
        position: snapshot.position,
        began: snapshot.position,
    })
}

/// Runs `with` on the content of a snapshot, which a thread of its own opens meanwhile.
fn unsealed<T>(mut open: OpenSnapshot, with: impl FnOnce(&mut Pieces) -> T) -> io::Result<T> {
    let (send, receive) = sync_channel(PIECES_MAX);
    std::thread::scope(|scope| {
        std::thread::Builder::new().name("snapshot".to_owned()).spawn_scoped(scope, move || {
            while let Some(piece) = open.piece().transpose() {
                let failed = piece.is_err();
                if send.send(piece).is_err() || failed {
                    return;
                }
            }
        })?;
        // Dropped before the scope ends, so that the thread does not wait for a reader that failed.
        let mut pieces = Pieces { receive, piece: Vec::new(), at: 0 };
        Ok(with(&mut pieces))
    })
}

/// Pieces as they come, one after the other.
struct Pieces {
    receive: Receiver<Result<Vec<u8>, Misfit>>,
    piece: Vec<u8>,
    at: usize,
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.piece.len() {
            match self.receive.recv() {
                Ok(piece) => (self.piece, self.at) = (piece.map_err(io::Error::other)?, 0),
                Err(_) => break,
            }
        }
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let here = self.fill_buf()?;
        let taken = here.len().min(out.len());
        out[..taken].copy_from_slice(&here[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}

/// Why no snapshot was made. Nothing is lost by it.
#[derive(Debug, thiserror::Error)]
pub enum NoSnapshot {
    /// The journal has no key for snapshots now: something was erased since the writer made one.
    #[error("there is no key for snapshots now")]
    NoKey,
    /// The folder cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be written.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] Unwritable),
    /// No key for it was taken.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the snapshot of a desk. It is there once [`NewSnapshot::keep`] says so.
pub(crate) fn write(reader: &Reader, replayed: &Replayed) -> Result<NewSnapshot, NoSnapshot> {
    let key = *replayed.snapshot_keys.last().ok_or(NoSnapshot::NoKey)?;
    let mut new = reader.new_snapshot(key, replayed.position, format())?;
    replayed.desk.write(&Beside::of(replayed), &mut new)?;
    Ok(new)
}

/// After a start that replayed many facts: their snapshot, so that the next start need not. Its last bytes reach the disk while the desk
/// runs already. Gives back the number of entries of the newest snapshot. What goes wrong costs time at the next start, no more.
pub(crate) fn at_start(journal: &mut JournalStore, replayed: &mut Replayed) -> u64 {
    if replayed.position - replayed.began < BEHIND_FACTS {
        return replayed.began;
    }
    if let Err(why) = begin_at_start(journal, replayed) {
        eprintln!("bolwerk: no snapshot was made: {why}");
    }
    replayed.position
}

fn begin_at_start(journal: &mut JournalStore, replayed: &mut Replayed) -> Result<(), NoSnapshot> {
    if replayed.snapshot_keys.is_empty() {
        replayed.snapshot_keys.insert(journal.new_snapshot_key(replayed.last)?);
        replayed.position = journal.next_seq();
    }
    let reader = journal.reader()?;
    let new = write(&reader, replayed)?;
    let keep = move || {
        if let Err(why) = new.keep(&reader) {
            eprintln!("bolwerk: no snapshot was made: {why}");
        }
    };
    std::thread::Builder::new()
        .name("snapshot".to_owned())
        .spawn(keep)
        .map(drop)
        .map_err(|e| NoSnapshot::Write(e.into()))
}

/// Makes a snapshot of a folder, whose desk may run meanwhile: the newest snapshot and the facts after it, written anew.
///
/// # Errors
/// Why none was made.
pub fn make_snapshot(dir: &Path) -> Result<(), NoSnapshot> {
    let reader = Reader::open(dir).map_err(OpenError::Journal)?;
    let replayed = replay(&reader, dir, Unfit::Leave)?;
    Ok(write(&reader, &replayed)?.keep(&reader)?)
}

/// What was found of one snapshot.
#[derive(Debug)]
pub struct CheckedSnapshot {
    /// Where it lies.
    pub path: PathBuf,
    /// Number of entries that it is made of.
    pub position: u64,
    /// What it is worth.
    pub worth: Worth,
}

/// What a snapshot is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worth {
    /// It holds exactly what its entries give.
    Good,
    /// The next start throws it away, as it should: another version of the program made it, or something was erased since.
    Outdated(String),
    /// It is not what was written, or not of this journal.
    Bad(String),
}

/// Compares every snapshot of a folder with what its entries give, byte for byte.
///
/// # Errors
/// When the journal cannot be read.
pub fn check_snapshots(dir: &Path) -> Result<Vec<CheckedSnapshot>, OpenError> {
    let mut found = Snapshot::of(dir);
    found.reverse();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let reader = Reader::open(dir)?;
    let mut replayed = Replayed::nothing();
    let mut checked = Vec::new();
    for snapshot in found {
        let worth = worth(&reader, &snapshot, &mut replayed)?;
        checked.push(CheckedSnapshot { position: snapshot.position, path: snapshot.path, worth });
    }
    Ok(checked)
}

fn worth(reader: &Reader, snapshot: &Snapshot, replayed: &mut Replayed) -> Result<Worth, OpenError> {
    let open = match reader.open_snapshot(snapshot) {
        Err(why @ Misfit::NoKey) => return Ok(Worth::Outdated(why.to_string())),
        Err(why) => return Ok(Worth::Bad(why.to_string())),
        Ok(open) => open,
    };
    if snapshot.format != format() {
        return Ok(Worth::Outdated(Useless::Format.to_string()));
    }
    replayed.go_on(reader, Some(snapshot.position))?;
    let compared = unsealed(open, |pieces| {
        let mut comparison = Comparison { pieces, differs: false };
        let written = replayed.desk.write(&Beside::of(replayed), &mut comparison);
        let differs = comparison.differs || !comparison.pieces.fill_buf()?.is_empty();
        match written {
            _ if differs => Ok(Worth::Bad("it is not what its entries give".to_owned())),
            Ok(()) => Ok(Worth::Good),
            Err(why) => Ok(Worth::Bad(why.to_string())),
        }
    });
    Ok(compared.and_then(|worth: io::Result<Worth>| worth).unwrap_or_else(|why| Worth::Bad(why.to_string())))
}

/// Takes what would be written, and compares it with what was.
struct Comparison<'a> {
    pieces: &'a mut Pieces,
    differs: bool,
}

impl Write for Comparison<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let was = self.pieces.fill_buf()?;
        let both = was.len().min(bytes.len());
        self.differs |= both == 0 || was[..both] != bytes[..both];
        if self.differs {
            return Err(io::Error::other("it differs"));
        }
        self.pieces.consume(both);
        Ok(both)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// When the next snapshot is due, and who makes it.
pub(crate) struct Keeper {
    dir: PathBuf,
    /// Program and arguments, the folder follows.
    program: (PathBuf, Vec<String>),
    /// Number of entries when one was last made, or begun.
    last: u64,
}

impl Keeper {
    pub(crate) fn new(dir: &Path, program: (PathBuf, Vec<String>), last: u64) -> Keeper {
        Keeper { dir: dir.to_owned(), program, last }
    }

    /// Whether many entries lie behind the last one.
    pub(crate) fn is_due(&self, position: u64) -> bool {
        position.saturating_sub(self.last) >= BEHIND_FACTS
    }

    /// None can be made now: not before many more entries lie behind.
    pub(crate) fn later(&mut self, position: u64) {
        self.last = position;
    }

    /// Has one made by a process of its own. Nobody waits for it; what went wrong is said.
    pub(crate) fn begin(&mut self, position: u64) {
        self.last = position;
        let (program, arguments) = &self.program;
        let mut command = std::process::Command::new(program);
        command.args(arguments).arg(&self.dir).stdin(std::process::Stdio::null());
        let run = move || match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => eprintln!("bolwerk: no snapshot was made ({status}); a later one will be tried"),
            Err(error) => eprintln!("bolwerk: no snapshot was made: {error}"),
        };
        let begun = std::thread::Builder::new().name("snapshot".to_owned()).spawn(run);
        if let Err(error) = begun {
            eprintln!("bolwerk: no snapshot was made: {error}");
        }
    }
}
