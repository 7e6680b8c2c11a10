//! Opening a folder's desk for one command.

use crate::exit::{Failure, Kind};
use engine::{Clock, Engine, OpenError, Options, Outbound};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The process that reads foreign mail: this program itself.
pub fn worker() -> Result<(PathBuf, Vec<String>), Failure> {
    Ok((std::env::current_exe()?, vec!["read-worker".to_owned()]))
}

/// A desk for a command of its own: nothing leaves it.
pub fn desk(data: &Path) -> Result<Engine, Failure> {
    let options = Options {
        data: data.to_owned(),
        clock: Arc::new(Clock::default()),
        address: None,
        outbound: Outbound::None,
        senders: engine::Senders::default(),
        worker: worker()?,
        workers: 2,
    };
    Engine::open(options).map_err(|e| explain(data, e))
}

/// A reader's view of a folder, also beside a running server.
pub fn glance(data: &Path) -> Result<desk::Desk, Failure> {
    exists(data)?;
    Engine::glance(data).map_err(|e| explain(data, e))
}

/// The folder must be there.
pub fn exists(data: &Path) -> Result<(), Failure> {
    if data.is_dir() {
        return Ok(());
    }
    Err(Failure::new(Kind::Missing, format!("{}: there is no such folder", data.display()))
        .hint("Give the folder of a desk with --data."))
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
