//! Typed identifiers. Counters stay inside; what leaves the desk is a random [`Reference`].

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);
        impl $name {
            /// Place in the table that this identifier counts.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(/// A message that came in: mail, form, call, API.
    ReportId, u32);
id!(/// An incident.
    IncidentId, u32);
id!(/// A line of an incident's timeline.
    EntryId, u32);
id!(/// A task of an incident.
    TaskId, u32);
id!(/// A mail that leaves, or left.
    NoticeId, u32);
id!(/// A person who may sign in.
    AccountId, u32);
id!(/// A session of an account.
    SessionId, u32);
id!(/// An API token.
    TokenId, u32);
id!(/// A term of retention that was decided.
    TermId, u32);
id!(/// A reply that is written often, in the team's own words.
    TemplateId, u32);
id!(/// An organisation that works on this desk; 0 is the response team itself. At most 64.
    OrganisationId, u8);

/// The response team: the organisation that owns the desk.
pub const TEAM: OrganisationId = OrganisationId(0);

/// What a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Named {
    /// `M-`: a report (*melding*).
    Report,
    /// `I-`: an incident.
    Incident,
}

/// A random public name: a letter and 40 bits in Crockford's base32, `M-7KQ4-92XD`.
///
/// Read leniently (case, missing hyphens, `O`/`I`/`L` for `0`/`1`/`1`), written one way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    named: Named,
    bits: u64,
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const REFERENCE_BITS: u32 = 40;

impl Reference {
    /// A reference out of random bits; only the lowest 40 count.
    pub fn new(named: Named, bits: u64) -> Reference {
        Reference { named, bits: bits & ((1 << REFERENCE_BITS) - 1) }
    }

    /// What it names.
    pub fn named(self) -> Named {
        self.named
    }

    /// The first reference (`M-…` or `I-…` with both hyphens) written in a text, such as a subject line.
    pub fn find_in(text: &str) -> Option<Reference> {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .filter(|word| word.len() == 11)
            .find_map(|word| word.parse().ok())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.named {
            Named::Report => 'M',
            Named::Incident => 'I',
        };
        write!(f, "{letter}-")?;
        for place in (0..8).rev() {
            let digit = (self.bits >> (place * 5)) & 31;
            write!(f, "{}", CROCKFORD[digit as usize] as char)?;
            if place == 4 {
                write!(f, "-")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is not a reference such as `M-7KQ4-92XD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a reference: expected a letter and eight signs, such as M-7KQ4-92XD")]
pub struct NotAReference;

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Reference, NotAReference> {
        let mut signs = text.trim().bytes().filter(|b| *b != b'-' && *b != b' ').map(|b| b.to_ascii_uppercase());
        let named = match signs.next() {
            Some(b'M') => Named::Report,
            Some(b'I') => Named::Incident,
            _ => return Err(NotAReference),
        };
        let (mut bits, mut count) = (0u64, 0);
        for sign in signs {
            let sign = match sign {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            };
            let digit = CROCKFORD.iter().position(|c| *c == sign).ok_or(NotAReference)?;
            count += 1;
            if count > 8 {
                return Err(NotAReference);
            }
            bits = bits << 5 | digit as u64;
        }
        if count == 8 { Ok(Reference { named, bits }) } else { Err(NotAReference) }
    }
}

impl Serialize for Reference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.named, self.bits).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Reference, D::Error> {
        if !deserializer.is_human_readable() {
            return Deserialize::deserialize(deserializer).map(|(named, bits)| Reference::new(named, bits));
        }
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A moment: microseconds since 1970-01-01 UTC. Zones are a matter of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From whole seconds since 1970-01-01 UTC.
    pub const fn from_seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds.saturating_mul(1_000_000))
    }

    /// Whole seconds since 1970-01-01 UTC, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment and so many seconds.
    pub const fn plus_seconds(self, seconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Seconds from `earlier` to this moment; negative when `earlier` is later.
    pub const fn seconds_since(self, earlier: Timestamp) -> i64 {
        (self.0 - earlier.0).div_euclid(1_000_000)
    }
}

/// Where chance comes from: passed in, so that a story can be told again.
pub trait Random {
    /// Fill with random bytes.
    fn fill(&mut self, out: &mut [u8]);

    /// 64 random bits.
    fn bits(&mut self) -> u64 {
        let mut eight = [0; 8];
        self.fill(&mut eight);
        u64::from_be_bytes(eight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_reference_reads_back_from_what_it_writes(bits: u64, report: bool) {
            let reference = Reference::new(if report { Named::Report } else { Named::Incident }, bits);
            let written = reference.to_string();
            prop_assert_eq!(written.len(), 11);
            prop_assert_eq!(written.parse(), Ok(reference));
            prop_assert_eq!(written.to_lowercase().replace('-', "").parse(), Ok(reference));
            let subject = format!("Re: [{written}] bestanden");
            prop_assert_eq!(Reference::find_in(&subject), Some(reference));
        }

        #[test]
        fn junk_is_no_reference_and_no_panic(text: String) {
            let _ = text.parse::<Reference>();
            let _ = Reference::find_in(&text);
        }
    }

    #[test]
    fn signs_that_people_confuse_are_read() {
        assert_eq!("m-oil0-0000".parse(), "M-0110-0000".parse::<Reference>());
        assert!("M-7KQ4".parse::<Reference>().is_err());
        assert!("X-7KQ4-92XD".parse::<Reference>().is_err());
        assert!("M-7KQ4-92XU".parse::<Reference>().is_err());
    }
}
