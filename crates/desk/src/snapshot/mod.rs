//! The desk as bytes and back: what a snapshot keeps, so that a start need not replay every fact.
//!
//! The same facts give the same bytes, however the desk came to hold them: by deciding, by replay, or from a snapshot and the facts after
//! it. Nothing here outlives a change of this crate: whoever keeps the bytes keeps [`FORMAT`] with them and throws them away when it differs.
//! They hold personal data, so they are kept sealed only.

mod read;
mod write;

use crate::Desk;
use crate::register::{Register, Which};
use crate::search::Index;
use read::Decoder;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use write::Encoder;

/// The format of the bytes: a hash of this crate's source, made when it is built. Any change of the desk is another format.
pub const FORMAT: &str = env!("BOLWERK_DESK_FORMAT");

/// Why a desk was not written.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// A list whose length is not known beforehand.
    #[error("a list does not know its length")]
    Length,
    /// What a value said of itself.
    #[error("{0}")]
    Value(String),
    /// Where it was to be written.
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

impl serde::ser::Error for Unwritable {
    fn custom<T: std::fmt::Display>(what: T) -> Unwritable {
        Unwritable::Value(what.to_string())
    }
}

/// Why bytes are no desk.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    /// They end too early, go on too long, or a number, text or variant cannot be.
    #[error("it is not what was written")]
    Malformed,
    /// A type that must read names, of which there are none.
    #[error("a type reads names, and there are none")]
    Nameless,
    /// What a value said of itself.
    #[error("{0}")]
    Value(String),
    /// Where it was to be read.
    #[error(transparent)]
    Input(#[from] std::io::Error),
}

impl serde::de::Error for Undecodable {
    fn custom<T: std::fmt::Display>(what: T) -> Undecodable {
        Undecodable::Value(what.to_string())
    }
}

/// Writes any value in the format of snapshots.
///
/// # Errors
/// What the output says, or a value of a shape that this format does not have.
pub fn write<T: Serialize + ?Sized>(value: &T, out: impl Write) -> Result<(), Unwritable> {
    let mut encoder = Encoder::new(out);
    value.serialize(&mut encoder)?;
    encoder.finish()
}

/// Reads a value that [`write`] wrote, to the end of the input.
///
/// # Errors
/// When the input fails, or holds something else.
pub fn read<T: for<'de> Deserialize<'de>>(input: impl BufRead) -> Result<T, Undecodable> {
    let mut decoder = Decoder::new(input);
    let value = T::deserialize(&mut decoder)?;
    decoder.end()?;
    Ok(value)
}

impl Desk {
    /// Writes the whole desk after whatever its keeper keeps `beside` it: a few hundred bytes a fact. Deterministic.
    ///
    /// # Errors
    /// What the output says.
    pub fn write(&self, beside: &impl Serialize, out: impl Write) -> Result<(), Unwritable> {
        // Taken apart so that a part that is added here must be written too. Not `Serialize` for `Desk`: that would be a second door.
        let Desk { next, last_at, house, accounts, intake, outbox, incidents, register, classes, undoable, log, index } =
            self;
        let mut encoder = Encoder::new(out);
        beside.serialize(&mut encoder)?;
        (next, last_at, register.which(), house, accounts, intake, outbox, incidents).serialize(&mut encoder)?;
        (classes, undoable, log, index).serialize(&mut encoder)?;
        encoder.finish()
    }

    /// Reads what [`Desk::write`] wrote, to the end of the input. The desk's texts are to be made findable again, as after a replay
    /// ([`Desk::texts_to_index`]).
    ///
    /// # Errors
    /// When the input fails, or holds something else.
    pub fn read<T: for<'de> Deserialize<'de>>(input: impl BufRead) -> Result<(T, Desk), Undecodable> {
        let mut decoder = Decoder::new(input);
        let beside = T::deserialize(&mut decoder)?;
        let (next, last_at, which, house, accounts, intake, outbox, incidents) =
            Deserialize::deserialize(&mut decoder)?;
        let (classes, undoable, log, mut index): (_, _, _, Index) = Deserialize::deserialize(&mut decoder)?;
        decoder.end()?;
        let register = Option::<Which>::map_or_else(which, Register::default, Register::shipped);
        index.boards(&register);
        let desk =
            Desk { next, last_at, house, accounts, intake, outbox, incidents, register, classes, undoable, log, index };
        Ok((beside, desk))
    }
}
