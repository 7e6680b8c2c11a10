//! Errors at the edge: what, where, what to do, and the exit status that each kind has.

use std::fmt;
use std::path::Path;

/// What to do where the system refuses a file or folder to this user.
pub const RIGHTS: &str = "This user may not. Run it as the user that runs the desk: runuser -u bolwerk -- bolwerk …";

/// Kind of an error; it decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something unforeseen.
    Unforeseen = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Not there.
    Missing = 3,
    /// Held by another program.
    Held = 4,
    /// Damage was found.
    Damaged = 5,
    /// The input or configuration is not what it must be.
    Invalid = 6,
    /// The storage failed.
    Storage = 7,
}

/// An error as a person reads it.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit status.
    pub kind: Kind,
    /// What, and where.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// An error of this kind.
    pub fn new(kind: Kind, what: impl fmt::Display) -> Failure {
        Failure { kind, what: what.to_string(), hint: None }
    }

    /// With what to do.
    pub fn hint(mut self, hint: impl fmt::Display) -> Failure {
        self.hint = Some(hint.to_string());
        self
    }

    /// And one more, told after it.
    pub fn and(self, next: Failure) -> Failure {
        Failure { kind: self.kind, what: format!("{self}\n{}", next.what), hint: next.hint }
    }

    /// A file that somebody named could not be read.
    pub fn of_file(path: &Path, error: std::io::Error) -> Failure {
        let Failure { kind, what, hint } = error.into();
        let hint = hint.unwrap_or_else(|| "Name a file that is there and can be read.".to_owned());
        Failure::new(kind, format!("{}: {what}", path.display())).hint(hint)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  {hint}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => Kind::Missing,
            std::io::ErrorKind::PermissionDenied => return Failure::new(Kind::Storage, error).hint(RIGHTS),
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::ReadOnlyFilesystem => Kind::Storage,
            _ => Kind::Unforeseen,
        };
        Failure::new(kind, error)
    }
}
