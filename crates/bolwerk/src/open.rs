//! Opening a folder's desk for one command.

use crate::exit::{Failure, Kind, RIGHTS};
use engine::{Clock, Engine, OpenError, Options, Outbound};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The process that reads foreign mail: this program itself.
pub fn worker() -> Result<(PathBuf, Vec<String>), Failure> {
    Ok((std::env::current_exe()?, vec!["read-worker".to_owned()]))
}

/// The process that makes snapshots: this program itself.
pub fn snapshot_maker() -> Result<(PathBuf, Vec<String>), Failure> {
    Ok((std::env::current_exe()?, vec!["snapshot-worker".to_owned()]))
}

/// A desk for a command of its own: nothing leaves it.
pub fn desk(data: &Path) -> Result<Engine, Failure> {
    allowed(data)?;
    let options = Options {
        data: data.to_owned(),
        clock: Arc::new(Clock::default()),
        address: None,
        outbound: Outbound::None,
        senders: engine::Senders::default(),
        worker: worker()?,
        workers: 2,
        snapshots: None,
    };
    Engine::open(options).map_err(|e| explain(data, e))
}

/// A reader's view of a folder, also beside a running server.
pub fn glance(data: &Path) -> Result<desk::Desk, Failure> {
    exists(data)?;
    Engine::glance(data).map_err(|e| explain(data, e))
}

/// A folder at an earlier moment, with its desk of today beside it.
pub fn glance_at(data: &Path, moment: desk::past::Moment) -> Result<engine::Glimpse, Failure> {
    exists(data)?;
    let glimpse = Engine::glance_at(data, moment).map_err(|e| explain(data, e))?;
    moment.known_at.map_or(Ok(()), |asked| reached(asked, glimpse.today.next_seq()))?;
    Ok(glimpse)
}

/// A position that a journal of so many entries has reached.
pub fn reached(asked: u64, size: u64) -> Result<(), Failure> {
    let newest = size.saturating_sub(1);
    if asked <= newest {
        return Ok(());
    }
    Err(Failure::new(Kind::Usage, format!("--known-at: the newest position is {newest}"))
        .hint("Write the number of a fact, as the journal page shows it."))
}

/// The folder must be there.
pub fn exists(data: &Path) -> Result<(), Failure> {
    allowed(data)?;
    if data.is_dir() {
        return Ok(());
    }
    Err(Failure::new(Kind::Missing, format!("{}: there is no such folder", data.display()))
        .hint("Give the folder of a desk with --data."))
}

/// A folder that belongs to another user is no damage, and no full disk.
pub fn allowed(data: &Path) -> Result<(), Failure> {
    let refused = |file: &Path| {
        let error = std::fs::File::open(file).err().filter(|e| e.kind() == std::io::ErrorKind::PermissionDenied)?;
        Some(Failure::new(Kind::Storage, format!("{}: {error}", file.display())).hint(RIGHTS))
    };
    let files = [data.to_owned(), data.join("journal.db"), data.join("keys")];
    files.iter().find_map(|file| refused(file)).map_or(Ok(()), Err)
}

/// What opening said, as a person reads it.
pub fn explain(data: &Path, error: OpenError) -> Failure {
    match error {
        OpenError::Journal(error) => crate::keep::explain(data, error),
        OpenError::Erasure(_) => Failure::new(Kind::Storage, format!("{}: {error}", data.display())),
        OpenError::Fact { .. } => Failure::new(Kind::Invalid, format!("{}: {error}", data.display())),
        OpenError::Thread(error) => error.into(),
    }
}
