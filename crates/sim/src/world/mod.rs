//! The world outside: people and machines that write to the desk, what they wrote, and what they were told.

mod letters;
mod peer;

pub use letters::Wanted;
pub use peer::{Answer, Peer};

use crate::invariant::{Check, Invariant, broken, holds};
use crate::random::Chance;
use desk::Digest;
use desk::ids::Reference;
use desk::intake::{Incoming, Via};
use desk::outbox::Sending;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};

/// The desk's mailbox.
pub const ADDRESS: &str = "cyberresponse@desk.example";
/// A mail that was not taken is offered again after so long, µs, at least and at most.
const RETRY_MICROS: (i64, i64) = (60_000_000, 900_000_000);

/// What a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A person who writes and answers.
    Person,
    /// As a person, but mail comes by a forwarder: the envelope sender is not who writes.
    Forwarded,
    /// Answers everything by itself, and says so in the header.
    Vacation,
    /// Answers everything by itself, and does not say so.
    Parrot,
    /// A mailing list.
    List,
    /// A mail server that reports what it could not deliver.
    Daemon,
    /// A machine that wants no answer.
    NoReply,
}

/// Somebody who writes.
#[derive(Clone, Debug)]
pub struct Party {
    /// Address of `From`.
    pub address: &'static str,
    /// Envelope sender.
    pub envelope: &'static str,
    /// What it is.
    pub nature: Nature,
}

const fn party(address: &'static str, envelope: &'static str, nature: Nature) -> Party {
    Party { address, envelope, nature }
}

/// Everybody who writes.
pub const PARTIES: [Party; 13] = [
    party("an@willebroek.example", "an@willebroek.example", Nature::Person),
    party("Bart@Diest.example", "bart@diest.example", Nature::Person),
    party("it@diest.example", "it@diest.example", Nature::Person),
    party("chantal@zwijndrecht.example", "chantal@zwijndrecht.example", Nature::Person),
    party("redactie@krant.example", "redactie@krant.example", Nature::Person),
    party("vreemde@elders.example", "vreemde@elders.example", Nature::Person),
    party("dirk@hulst.example", "forward@provider.example", Nature::Forwarded),
    party("eva@hulst.example", "forward@provider.example", Nature::Forwarded),
    party("afwezig@hulst.example", "afwezig@hulst.example", Nature::Vacation),
    party("papegaai@bot.example", "papegaai@bot.example", Nature::Parrot),
    party("lijst@lists.example", "lijst-bounces@lists.example", Nature::List),
    party("mailer-daemon@mx.example", "", Nature::Daemon),
    party("noreply@webshop.example", "noreply@webshop.example", Nature::NoReply),
];

/// A mail, as often as it may come.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The raw bytes.
    pub raw: Vec<u8>,
    /// How it comes.
    pub via: Via,
    /// Who wrote it, a place in [`PARTIES`].
    pub from: usize,
    /// Copies of one mail share this number.
    pub identity: u32,
    /// A word that stands in it and nowhere else.
    pub token: String,
    /// No machine may answer it.
    pub robot: bool,
    /// A town is being hit now.
    pub hit: bool,
    /// What came back when it was taken.
    pub acknowledged: Option<Reference>,
}

/// A form or a call.
#[derive(Clone, Debug)]
pub struct Form {
    /// The raw content that is kept.
    pub raw: Vec<u8>,
    /// Form or phone.
    pub via: Via,
    /// Who, a place in [`PARTIES`].
    pub from: usize,
    /// Pressed twice it is the same.
    pub identity: u32,
    /// A word that stands in it and nowhere else.
    pub token: String,
    /// A town is being hit now.
    pub hit: bool,
}

/// Something that is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coming {
    /// A mail is at the door.
    Mail(usize),
    /// A form is sent.
    Form(usize),
}

/// The world outside.
pub struct World {
    /// What happens by chance here.
    pub chance: Chance,
    /// All mails ever written.
    pub mails: Vec<Mail>,
    /// All forms ever filled in.
    pub forms: Vec<Form>,
    /// The next hop and those behind it.
    pub peer: Peer,
    /// Nobody answers what we write any more.
    pub quiet: bool,
    /// What is about to happen, by true time.
    coming: BTreeMap<(i64, u64), Coming>,
    count: u64,
    identities: u32,
    /// What was told about each mail or form: its reference.
    told: BTreeMap<u32, Reference>,
    by_reference: HashMap<Reference, u32>,
    by_digest: HashMap<Digest, u32>,
    /// A mail of each identity.
    pub(crate) by_identity: HashMap<u32, Coming>,
}

/// A keyed digest as the desk's engine makes one: the simulation's key is a word.
pub fn digest(what: &str) -> Digest {
    Digest(Sha256::digest(format!("sim\0{}", what.trim().to_lowercase())).into())
}

impl World {
    /// An empty world.
    pub fn new(chance: Chance) -> World {
        World {
            chance,
            mails: Vec::new(),
            forms: Vec::new(),
            peer: Peer::default(),
            quiet: false,
            coming: BTreeMap::new(),
            count: 0,
            identities: 0,
            told: BTreeMap::new(),
            by_reference: HashMap::new(),
            by_digest: HashMap::new(),
            by_identity: HashMap::new(),
        }
    }

    fn identity(&mut self) -> u32 {
        self.identities += 1;
        self.identities
    }

    /// Lets something happen at a moment.
    pub fn plan(&mut self, at: i64, what: Coming) {
        self.count += 1;
        self.coming.insert((at, self.count), what);
    }

    /// Offers it again later.
    pub fn plan_again(&mut self, now: i64, what: Coming) {
        let wait = self.chance.between(RETRY_MICROS.0, RETRY_MICROS.1);
        self.plan(now + wait, what);
    }

    /// The next thing that happens until `now`.
    pub fn next(&mut self, now: i64) -> Option<Coming> {
        let (key, what) = self.coming.first_key_value().map(|(k, w)| (*k, *w))?;
        if key.0 > now {
            return None;
        }
        self.coming.remove(&key);
        Some(what)
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<i64> {
        self.coming.first_key_value().map(|((at, _), _)| *at)
    }

    /// What the engine makes of a mail at the door: as in `engine::intake`.
    pub fn incoming(&mut self, mail: usize, now: desk::ids::Timestamp) -> Incoming {
        let mail = &self.mails[mail];
        let scan = post::scan::scan(&mail.raw);
        let party = &PARTIES[mail.from];
        let envelope = (mail.via != Via::Import).then(|| party.envelope.to_owned());
        let sender = scan.from_address.as_deref().or(envelope.as_deref()).filter(|a| !a.is_empty());
        let content = Sha256::digest(post::scan::without_trace(&mail.raw));
        let id = scan.message_id.clone().unwrap_or_default();
        let digest_of_mail = Digest(
            Sha256::new()
                .chain_update(b"mail\0")
                .chain_update(id.trim())
                .chain_update([0])
                .chain_update(content)
                .finalize()
                .into(),
        );
        self.by_digest.insert(digest_of_mail, mail.identity);
        let written = (mail.via == Via::Import).then_some(scan.date).flatten();
        Incoming {
            via: mail.via,
            event_at: written.map(desk::ids::Timestamp::from_seconds).filter(|t| *t <= now),
            digest: digest_of_mail,
            digest_before: None,
            sender: sender.map(digest),
            arrival: desk::intake::Arrival {
                raw_sha256: hex(&Sha256::digest(&mail.raw)),
                message_id: scan.message_id,
                envelope_from: envelope,
                from: scan.from,
                from_address: scan.from_address,
                subject: scan.subject,
                peer: Some("192.0.2.7".to_owned()),
                helo: Some("mx.example".to_owned()),
                tls: true,
            },
            raw: mail.raw.clone(),
        }
    }

    /// What the engine makes of a form: as in `engine::forms`.
    pub fn incoming_form(&mut self, form: usize) -> Incoming {
        let form = &self.forms[form];
        let digest_of_form = digest(&format!("form {}", form.identity));
        self.by_digest.insert(digest_of_form, form.identity);
        Incoming {
            via: form.via,
            event_at: None,
            digest: digest_of_form,
            digest_before: None,
            sender: Some(digest(PARTIES[form.from].address)),
            arrival: desk::intake::Arrival {
                raw_sha256: hex(&Sha256::digest(&form.raw)),
                from: Some(PARTIES[form.from].address.to_owned()),
                subject: Some(form.token.clone()),
                ..Default::default()
            },
            raw: form.raw.clone(),
        }
    }

    /// Which mail or form a digest stands for.
    pub fn behind(&self, digest: &Digest) -> Option<Coming> {
        self.by_identity.get(self.by_digest.get(digest)?).copied()
    }

    /// What is known of a mail or form: its words, whether a machine may answer it, its raw bytes.
    pub fn facts_of(&self, what: Coming) -> (&str, bool, &[u8]) {
        match what {
            Coming::Mail(n) => (&self.mails[n].token, self.mails[n].robot, &self.mails[n].raw),
            Coming::Form(n) => (&self.forms[n].token, false, &self.forms[n].raw),
        }
    }

    /// The desk says: this mail or form is that report.
    pub fn told(&mut self, what: Coming, reference: Reference) -> Check {
        let identity = match what {
            Coming::Mail(n) => {
                self.mails[n].acknowledged = Some(reference);
                self.mails[n].identity
            }
            Coming::Form(n) => self.forms[n].identity,
        };
        if let Some(before) = self.told.insert(identity, reference)
            && before != reference
        {
            return broken(
                Invariant::SameMailOneReport,
                format!("mail {identity} is {before} and, when it came again, {reference}"),
            );
        }
        let other = *self.by_reference.entry(reference).or_insert(identity);
        holds(other == identity, Invariant::OtherMailOtherReport, || {
            format!("mail {identity} was told to be {reference}, which is mail {other}")
        })
    }

    /// Everything that the desk said it keeps: what, and its reference.
    pub fn acknowledged(&self) -> impl Iterator<Item = (Coming, Reference)> + '_ {
        self.told.iter().map(|(identity, reference)| (self.by_identity[identity], *reference))
    }

    /// How many mails and forms were never taken.
    pub fn waiting(&self) -> usize {
        self.by_identity.keys().filter(|i| !self.told.contains_key(i)).count()
    }

    /// The next hop is given a mail of ours: what it answers, and what comes of it later.
    pub fn hand_over(&mut self, now: i64, sending: &Sending, answer: Answer) -> Check {
        if !answer.is_taken() {
            return Ok(());
        }
        self.peer.take(sending)?;
        if !self.quiet {
            self.react(now, sending);
        }
        Ok(())
    }
}

/// Bytes as hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
