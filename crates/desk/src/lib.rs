//! The domain: commands, facts, state, rules and the lens. No input or output, no clock, no chance of its own.
//!
//! Data's way: [`Desk::decide`] turns a command into facts or a refusal; the engine makes the facts durable; [`Desk::apply`] lets them
//! happen; [`Desk::seen_by`] is the one door through which anybody reads.

pub mod accounts;
mod apply;
pub mod command;
pub mod fact;
mod folding;
#[doc(hidden)]
pub mod fuzzing;
pub mod hints;
pub mod house;
pub mod ids;
pub mod incidents;
pub mod intake;
pub mod lens;
mod log;
mod machinery;
pub mod observables;
pub mod outbox;
pub mod past;
pub mod register;
pub mod retention;
pub mod sealed;
pub mod search;
pub mod snapshot;
pub mod templates;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod typed;
pub mod view;

pub use machinery::{Answerable, IncidentInventory, Inventory, Traces};

use command::Undoable;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// A keyed or plain SHA-256; which one is said where it stands. In JSON: 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// A map by keyed digest. The digest is its own hash: nobody without the key can choose one, so nobody can make them collide.
pub(crate) type ByDigest<T> = HashMap<Digest, T, BuildHasherDefault<FirstBytes>>;

/// The first eight bytes of a digest as its hash.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // The length of an array comes first and tells nothing; of the array the first bytes do.
        if let Some(Ok(eight)) = bytes.get(..8).map(<[u8; 8]>::try_from) {
            self.0 ^= u64::from_le_bytes(eight);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Written with each mail: formatting byte by byte costs more than hashing.
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
        let digits: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        f.write_str(&digits)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_bytes(&self.0) }
    }
}

/// The bytes of a digest, as snapshots keep them.
struct Bare;

impl serde::de::Visitor<'_> for Bare {
    type Value = Digest;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("32 bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Digest, E> {
        bytes.try_into().map(Digest).map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_bytes(Bare);
        }
        let hex = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        let wrong = || serde::de::Error::custom("a digest is 64 hex digits");
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(wrong());
        }
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Digest(bytes))
    }
}

/// Everything that is so: a pure function of the facts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desk {
    pub(crate) next: u64,
    /// When the last fact was recorded.
    pub(crate) last_at: ids::Timestamp,
    pub(crate) house: house::House,
    pub(crate) accounts: accounts::Accounts,
    pub(crate) intake: intake::Intake,
    pub(crate) outbox: outbox::Outbox,
    pub(crate) incidents: incidents::Incidents,
    pub(crate) register: register::Register,
    pub(crate) classes: lens::Classes,
    pub(crate) undoable: BTreeMap<u64, Undoable>,
    pub(crate) log: log::Log,
    /// Stands beside the state: it holds what can be read, and so differs once something was erased.
    pub(crate) index: search::Index,
}
