//! Mail comes in: kept and acknowledged first, read afterwards.

use crate::core::Trouble;
use crate::engine::{Engine, Fault, Frozen, keyed};
use desk::command::{Actor, Command, Outcome};
use desk::ids::{Reference, ReportId, Timestamp};
use desk::intake::{Arrival, Incoming, Via};
use desk::{Digest, intake};
use parking_lot::Mutex;
use post::door::{Door, Envelope, Kept, Protocol};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// Raw messages kept for the reader in memory, bytes, at most; others are fetched from the store.
const PASSED_ON_BYTES_MAX: usize = 64 << 20;

/// Raw messages on their way from the writer to the reader.
#[derive(Default)]
pub(crate) struct PassedOn(Mutex<Held>);

#[derive(Default)]
struct Held {
    raw: HashMap<ReportId, Arc<[u8]>>,
    bytes: usize,
}

impl PassedOn {
    pub(crate) fn put(&self, report: ReportId, raw: &[u8]) {
        let mut kept = self.0.lock();
        if kept.bytes + raw.len() <= PASSED_ON_BYTES_MAX {
            kept.bytes += raw.len();
            kept.raw.insert(report, raw.into());
        }
    }

    /// Forgets all of them: the store has what is durable.
    pub(crate) fn clear(&self) {
        *self.0.lock() = Held::default();
    }

    pub(crate) fn take(&self, report: ReportId) -> Option<Arc<[u8]>> {
        let mut kept = self.0.lock();
        let raw = kept.raw.remove(&report)?;
        kept.bytes -= raw.len();
        Some(raw)
    }
}

/// A mail at the door.
pub struct MailIn {
    /// How it comes.
    pub via: Via,
    /// Envelope sender; empty for the null sender, `None` where there is no envelope.
    pub envelope_from: Option<String>,
    /// Address of the peer.
    pub peer: Option<String>,
    /// What the peer called itself.
    pub helo: Option<String>,
    /// Whether the conversation was encrypted.
    pub tls: bool,
    /// The raw bytes.
    pub raw: Vec<u8>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its report's reference.
    pub reference: Reference,
    /// Whether it came for the first time.
    pub new: bool,
}

pub(crate) fn received(outcome: &Outcome) -> Received {
    match outcome {
        Outcome::Report { reference, new } => Received { reference: *reference, new: *new },
        other => unreachable!("receiving ends in a report, not in {other:?}"),
    }
}

impl Engine {
    /// Keeps a mail. Resolves when raw bytes and fact are durable; the same mail again is the same report.
    pub async fn receive_mail(&self, mail: MailIn) -> Result<Received, Fault> {
        let incoming = self.incoming(mail);
        let done = self.submit(Actor::Rule, Command::Intake(intake::Command::Receive(Box::new(incoming)))).await?;
        Ok(received(&done.outcome))
    }

    fn incoming(&self, mail: MailIn) -> Incoming {
        let scan = post::scan::scan(&mail.raw);
        let sender = scan.from_address.as_deref().or(mail.envelope_from.as_deref()).filter(|a| !a.is_empty());
        let message_id = scan.message_id.as_deref();
        let digest = self.same_mail(message_id, &post::scan::without_trace(&mail.raw));
        let digest_before = post::scan::without_first_trace(&mail.raw).map(|c| self.same_mail(message_id, &c));
        // A mail that is moved in keeps the time at which it was written; a live one was written when it came, whatever it claims.
        let written = (mail.via == Via::Import).then_some(scan.date).flatten();
        Incoming {
            via: mail.via,
            event_at: written.map(Timestamp::from_seconds).filter(|t| *t <= self.now()),
            digest,
            digest_before,
            sender: sender.map(|a| self.digest_of_address(a)),
            arrival: Arrival {
                raw_sha256: sha256(&mail.raw),
                message_id: scan.message_id,
                envelope_from: mail.envelope_from,
                from: scan.from,
                from_address: scan.from_address,
                subject: scan.subject,
                peer: mail.peer,
                helo: mail.helo,
                tls: mail.tls,
            },
            raw: mail.raw,
        }
    }

    /// What makes two mails the same: Message-ID and content without the trace that each hop adds.
    fn same_mail(&self, message_id: Option<&str>, without_trace: &[u8]) -> Digest {
        let content = Sha256::digest(without_trace);
        let mut what = Vec::with_capacity(200);
        what.extend_from_slice(b"mail\0");
        what.extend_from_slice(message_id.unwrap_or_default().trim().as_bytes());
        what.push(0);
        what.extend_from_slice(&content);
        keyed(&self.inner.digest_key, &what)
    }
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}

impl Door for Engine {
    async fn keep(&self, envelope: Envelope, raw: Vec<u8>) -> Kept {
        let mail = MailIn {
            via: match envelope.protocol {
                Protocol::Smtp => Via::Smtp,
                Protocol::Lmtp => Via::Lmtp,
            },
            envelope_from: Some(envelope.from),
            peer: envelope.peer.map(|p| p.to_string()),
            helo: Some(envelope.helo),
            tls: envelope.tls,
            raw,
        };
        match self.receive_mail(mail).await {
            Ok(received) => Kept::Kept { reference: received.reference.to_string() },
            Err(Fault::Frozen(Frozen { trouble: Trouble::Full, .. })) => {
                Kept::Full { why: "storage is full, nothing was kept, try again later".to_owned() }
            }
            Err(Fault::Frozen(_)) => Kept::Busy { why: "storage does not answer, try again".to_owned() },
            Err(Fault::Refused(refusal)) => Kept::Busy { why: refusal.to_string() },
        }
    }
}
