//! What one node at a time does, where several write to a journal.

use std::path::Path;

use crate::Error;
use crate::store::{self, Store};

/// A connection of its own that may hold the duty of one journal. Given back when it is dropped, or when the server ends the
/// connection: whoever holds it asks again and again, and trusts the answer for a short time only.
pub struct Duty {
    db: Box<dyn Store>,
}

impl Duty {
    /// Opens the connection.
    ///
    /// # Errors
    /// As [`crate::Reader::open`].
    pub fn open(dir: &Path) -> Result<Duty, Error> {
        Ok(Duty { db: store::open_for_reading(dir)? })
    }

    /// Whether this holds the duty, now that the server was asked; takes it when nobody does. Alone with a journal: always.
    ///
    /// # Errors
    /// [`Error::Away`] when the server does not answer.
    pub fn hold(&self) -> Result<bool, Error> {
        self.db.hold_duty()
    }
}
