//! Facts: what happened. Each capability owns its own; here they are one stream, and get their written form.

use crate::ids::{AccountId, IncidentId, ReportId};
use crate::sealed::MARK;
use crate::{accounts, house, incidents, intake, outbox};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Something that happened. Never changed, never taken back; what is undone is undone by a later fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The desk itself.
    House(house::Fact),
    /// People and their sessions.
    Accounts(accounts::Fact),
    /// Messages that came in.
    Intake(intake::Fact),
    /// Mail that leaves.
    Outbox(outbox::Fact),
    /// Incidents.
    Incidents(incidents::Fact),
}

/// Whose key seals the personal data of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// Everything that came with one message.
    Report(ReportId),
    /// What was written about one incident.
    Incident(IncidentId),
    /// One person who signs in.
    Account(AccountId),
    /// The desk's own few secrets (first-run, settings).
    House,
}

/// A fact on its way into the journal, with content that is too large to keep in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// What happened.
    pub fact: Fact,
    /// Bulk content, sealed under the same key: the raw mail of `intake.received`, the whole reading of `intake.read`.
    pub content: Option<Vec<u8>>,
}

impl From<Fact> for Recorded {
    fn from(fact: Fact) -> Recorded {
        Recorded { fact, content: None }
    }
}

/// The written form of a fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// `capability.fact`.
    pub kind: String,
    /// Version of this fact's body.
    pub version: u16,
    /// JSON without personal data.
    pub body: Vec<u8>,
    /// JSON list of the personal data, to be sealed; `None` when there is none.
    pub sealed: Option<Vec<u8>>,
}

/// The version that is written now; older ones are read by [`Fact::from_written`].
pub const VERSION: u16 = 1;

/// A stored fact that this program cannot read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Written by a newer program.
    #[error(
        "fact {kind} has version {version}, this program reads up to {VERSION}: use the program that wrote it, or a newer one"
    )]
    Newer {
        /// `capability.fact`.
        kind: String,
        /// Version of the body.
        version: u16,
    },
    /// Not the JSON it must be.
    #[error("fact {kind} cannot be read: {why}")]
    Malformed {
        /// `capability.fact`.
        kind: String,
        /// What the reader met.
        why: String,
    },
}

impl Fact {
    /// Whose key seals its personal data.
    pub fn subject(&self) -> Subject {
        match self {
            Fact::House(_) => Subject::House,
            Fact::Accounts(fact) => fact.subject(),
            Fact::Intake(fact) => Subject::Report(fact.report()),
            Fact::Outbox(fact) => fact.subject(),
            Fact::Incidents(fact) => Subject::Incident(fact.incident()),
        }
    }

    /// Kind, body and what is to be sealed.
    pub fn written(&self) -> Written {
        let value = serde_json::to_value(self).expect("facts are plain data: strings as keys, no foreign types");
        let (capability, inner) = single(value);
        let (name, mut body) = single(inner);
        let mut sealed = Vec::new();
        take_sealed(&mut body, &mut sealed);
        Written {
            kind: format!("{capability}.{name}"),
            version: VERSION,
            body: serde_json::to_vec(&body).expect("a JSON value is JSON"),
            sealed: (!sealed.is_empty()).then(|| serde_json::to_vec(&sealed).expect("a JSON value is JSON")),
        }
    }

    /// The fact behind its written form. Without `sealed` (erased, or no keys here) personal data reads as erased.
    pub fn from_written(kind: &str, version: u16, body: &[u8], sealed: Option<&[u8]>) -> Result<Fact, Unreadable> {
        let malformed = |why: String| Unreadable::Malformed { kind: kind.to_owned(), why };
        if version > VERSION {
            return Err(Unreadable::Newer { kind: kind.to_owned(), version });
        }
        let (capability, name) = kind.split_once('.').ok_or_else(|| malformed("its kind has no dot".to_owned()))?;
        let mut body: Value = serde_json::from_slice(body).map_err(|e| malformed(e.to_string()))?;
        let mut sealed: Vec<Value> = match sealed {
            Some(json) => serde_json::from_slice(json).map_err(|e| malformed(e.to_string()))?,
            None => Vec::new(),
        };
        put_sealed(&mut body, &mut sealed);
        let inner = Value::Object(Map::from_iter([(name.to_owned(), body)]));
        let whole = Value::Object(Map::from_iter([(capability.to_owned(), inner)]));
        serde_json::from_value(whole).map_err(|e| malformed(e.to_string()))
    }
}

fn single(value: Value) -> (String, Value) {
    match value {
        Value::Object(map) if map.len() == 1 => map.into_iter().next().expect("its length is one"),
        other => unreachable!("facts are enums of structs, externally tagged: {other}"),
    }
}

fn take_sealed(value: &mut Value, sealed: &mut Vec<Value>) {
    match value {
        Value::Object(map) => {
            if let Some(inner) = map.get_mut(MARK) {
                if !inner.is_null() {
                    sealed.push(inner.take());
                    *inner = Value::from(sealed.len() - 1);
                }
            } else {
                map.values_mut().for_each(|v| take_sealed(v, sealed));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| take_sealed(v, sealed)),
        _ => {}
    }
}

fn put_sealed(value: &mut Value, sealed: &mut Vec<Value>) {
    match value {
        Value::Object(map) => {
            if let Some(inner) = map.get_mut(MARK) {
                let place = inner.as_u64().map(|n| n as usize);
                *inner = place.and_then(|n| sealed.get_mut(n)).map(Value::take).unwrap_or(Value::Null);
            } else {
                map.values_mut().for_each(|v| put_sealed(v, sealed));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| put_sealed(v, sealed)),
        _ => {}
    }
}
