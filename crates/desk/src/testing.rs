//! A desk to tell stories with: fixed clock, seeded chance, everything in memory. For tests only.

use crate::accounts::{self, Person, Preferences, Role};
use crate::command::{Actor, Command, Context, Decision, Outcome, Refusal};
use crate::fact::{Fact, Recorded, Written};
use crate::hints::{Message, judge};
use crate::house::{Configured, Language};
use crate::ids::{AccountId, NoticeId, OrganisationId, Random, Reference, ReportId, TEAM, Timestamp};
use crate::incidents;
use crate::intake::{
    self, Arrival, Authenticity, Automatic, Body, Completeness, Findings, Head, Incoming, Thread, Via,
};
use crate::lens::{Leave, Lens, Tlp};
use crate::machinery::Traces;
use crate::outbox::{self, Draft, Tried};
use crate::past::{Moment, Past};
use crate::register::Which;
use crate::{Desk, Digest, observables};

/// Thursday 15 December 2022, 03:04 Europe/Brussels: when the demonstration begins.
pub const BEGINNING: Timestamp = Timestamp::from_seconds(1_671_069_840);
/// The desk's own address in stories.
pub const ADDRESS: &str = "cyberresponse@bolwerk.example";

/// Chance that is the same every time (SplitMix64).
#[derive(Clone, Debug)]
pub struct Seeded(pub u64);

impl Seeded {
    /// The next 64 bits.
    pub fn next_bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Random for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for eight in out.chunks_mut(8) {
            let bits = self.next_bits().to_be_bytes();
            eight.copy_from_slice(&bits[..eight.len()]);
        }
    }
}

/// A digest that stands in for the engine's keyed one. Case does not count.
pub fn digest(what: &str) -> Digest {
    let mut seed = Seeded(
        what.trim()
            .to_lowercase()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
    );
    let mut bytes = [0; 32];
    seed.fill(&mut bytes);
    Digest(bytes)
}

/// A mail as a story tells it.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    /// Address of the sender.
    pub from: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// Text.
    pub text: &'a str,
    /// How it comes.
    pub via: Via,
    /// When it happened, if that is another time.
    pub event_at: Option<Timestamp>,
    /// `Message-ID`s that it answers, without angle brackets.
    pub answers: Vec<String>,
    /// `Message-ID`s of ours that come back with it.
    pub returns: Vec<String>,
    /// To whom those had gone, as it says.
    pub returned_to: Vec<&'a str>,
    /// Whether a machine sent it.
    pub automatic: Automatic,
    /// Whether it is from whom it says.
    pub authenticity: Option<Authenticity>,
}

impl Default for Mail<'_> {
    fn default() -> Self {
        Mail {
            from: "it@sperwermonde.example",
            subject: "bestanden versleuteld",
            text: "Sinds half drie eindigen alle bestanden op .lck. Wat nu?",
            via: Via::Smtp,
            event_at: None,
            answers: Vec::new(),
            returns: Vec::new(),
            returned_to: Vec::new(),
            automatic: Automatic::No,
            authenticity: None,
        }
    }
}

/// A desk, its clock, its chance, and all facts as they were recorded.
#[derive(Clone)]
pub struct Story {
    /// The desk.
    pub desk: Desk,
    /// Now.
    pub now: Timestamp,
    /// Chance.
    pub random: Seeded,
    /// Facts in order: sequence number, moment, fact.
    pub recorded: Vec<(u64, Timestamp, Recorded)>,
    /// An administrator of the team.
    pub admin: AccountId,
    /// A duty officer of the team.
    pub duty: AccountId,
    /// Another one.
    pub colleague: AccountId,
    /// Somebody of the team who only reads.
    pub reader: AccountId,
    /// Another organisation.
    pub partner: OrganisationId,
    /// A duty officer of it.
    pub outsider: AccountId,
    next: u64,
    mails: u32,
}

impl Default for Story {
    fn default() -> Story {
        Story::new()
    }
}

impl Story {
    /// A configured desk with the demonstration's register, four people of the team and one of another organisation.
    pub fn new() -> Story {
        let mut story = Story {
            desk: Desk::default(),
            now: BEGINNING,
            random: Seeded(1),
            recorded: Vec::new(),
            admin: AccountId(0),
            duty: AccountId(1),
            colleague: AccountId(2),
            reader: AccountId(3),
            partner: OrganisationId(1),
            outsider: AccountId(4),
            next: 0,
            mails: 0,
        };
        story.rule(Command::Configure(Configured {
            organisation: "Cyberresponseteam".to_owned(),
            address: ADDRESS.to_owned(),
            phone: Some("02 000 00 00".to_owned()),
            languages: vec![Language::Nl, Language::En],
            demo: true,
        }));
        story.rule(Command::LoadRegister(Which::Demo));
        story.rule(Command::AddOrganisation { name: "Federaal centrum".to_owned() });
        for (login, role, organisation) in [
            ("lead", Role::Admin, TEAM),
            ("duty1", Role::Duty, TEAM),
            ("duty2", Role::Duty, TEAM),
            ("kijker", Role::Reader, TEAM),
            ("partner", Role::Duty, OrganisationId(1)),
        ] {
            let person = Person { login: login.to_owned(), name: format!("Naam {login}"), password: String::new() };
            let preferences = Preferences::default();
            let create = accounts::Command::Create { leave: None, organisation, role, preferences, person };
            story.rule(Command::Accounts(create));
        }
        story
    }

    /// Time passes.
    pub fn wait(&mut self, seconds: i64) {
        self.now = self.now.plus_seconds(seconds);
    }

    /// What a person may see.
    pub fn lens(&self, account: AccountId) -> Lens<'_> {
        self.desk.seen_by(self.desk.viewer(account).expect("the story knows its people"))
    }

    /// Decides, records and applies.
    pub fn submit(&mut self, actor: Actor, command: Command) -> Result<Outcome, Refusal> {
        let mut context = Context { actor, now: self.now, random: &mut self.random };
        let Decision { facts, outcome } = self.desk.decide(&mut context, command)?;
        for recorded in facts {
            self.desk.apply(self.next, self.now, &recorded.fact);
            self.recorded.push((self.next, self.now, recorded));
            self.next += 1;
        }
        Ok(outcome)
    }

    /// A rule does it, and it is not refused.
    pub fn rule(&mut self, command: Command) -> Outcome {
        self.submit(Actor::Rule, command).expect("the story's rules are sound")
    }

    /// A person does it, and it is not refused.
    pub fn act(&mut self, by: AccountId, command: Command) -> Outcome {
        self.submit(Actor::Person(by), command).expect("the story's people do what they may")
    }

    /// Number of the last fact.
    pub fn last_seq(&self) -> u64 {
        self.next - 1
    }

    /// A mail comes in and is read, as the engine does it.
    pub fn mail(&mut self, mail: &Mail<'_>) -> Reference {
        let (reference, report) = self.receive(mail);
        self.read(report, mail);
        reference
    }

    /// A mail comes in.
    pub fn receive(&mut self, mail: &Mail<'_>) -> (Reference, ReportId) {
        self.mails += 1;
        let incoming = Incoming {
            via: mail.via,
            event_at: mail.event_at,
            digest: digest(&format!("{} {} {}", mail.from, mail.subject, self.mails)),
            digest_before: None,
            sender: Some(digest(mail.from)),
            arrival: Arrival {
                message_id: Some(format!("<{}@{}>", self.mails, mail.from)),
                raw_sha256: format!("{:064x}", self.mails),
                envelope_from: Some(mail.from.to_owned()),
                from: Some(mail.from.to_owned()),
                from_address: Some(mail.from.to_owned()),
                subject: Some(mail.subject.to_owned()),
                ..Arrival::default()
            },
            raw: mail.text.as_bytes().to_vec(),
        };
        let outcome = self.rule(Command::Intake(intake::Command::Receive(Box::new(incoming))));
        let Outcome::Report { reference, .. } = outcome else { unreachable!("receiving ends in a report") };
        (reference, self.desk.report_of(reference).expect("it was just received"))
    }

    /// A mail is read.
    pub fn read(&mut self, report: ReportId, mail: &Mail<'_>) {
        let automatic = mail.automatic != Automatic::No;
        let message = Message {
            subject: mail.subject,
            text: mail.text,
            from_address: Some(mail.from),
            sender: Some(digest(mail.from)),
            automatic,
            ..Message::default()
        };
        let opinion = judge(&self.desk, &message);
        let ids: Vec<&str> = mail.answers.iter().map(String::as_str).collect();
        let returned: Vec<&str> = mail.returns.iter().map(String::as_str).collect();
        let told_of: Vec<crate::Digest> = mail.returned_to.iter().map(|a| digest(a)).collect();
        let (returned_to, noted_of) = match mail.automatic {
            Automatic::Bounce => (&told_of[..], &[][..]),
            _ => (&[][..], &told_of[..]),
        };
        let traces = Traces { answers: &ids, returned: &returned, returned_to, noted_of, subject: mail.subject };
        let thread: Option<Thread> = self.desk.evidence(report, &traces);
        let (reference, ..) = self.desk.door_of(report);
        let answers = !automatic && mail.via != Via::Import;
        let answer = answers.then(|| self.draft(mail.from, &format!("Ontvangen: {reference}")));
        let findings = Findings {
            completeness: Completeness::Full,
            automatic: mail.automatic,
            language: opinion.language,
            appraisal: opinion.appraisal,
            thread,
            head: Head {
                from_name: None,
                from_address: Some(mail.from.to_owned()),
                subject: mail.subject.to_owned(),
                snippet: mail.text.chars().take(300).collect(),
                observables: observables::find(mail.text, Some(ADDRESS)),
                reasons: opinion.reasons,
                authenticity: mail.authenticity.clone().map(Box::new),
                ..Head::default()
            },
            body: Body { text: mail.text.to_owned(), ..Body::default() },
            answer,
        };
        self.rule(Command::Intake(intake::Command::Read(report, Box::new(findings))));
        self.desk.index_text(report, mail.text);
    }

    /// A mail to be written.
    pub fn draft(&mut self, to: &str, subject: &str) -> Draft {
        Draft {
            to: to.to_owned(),
            to_digest: digest(to),
            subject: subject.to_owned(),
            text: format!("Beste, over {subject}."),
            language: Language::Nl,
            in_reply_to: Vec::new(),
            message_id: format!("{:016x}@bolwerk.example", self.random.next_bits()),
        }
    }

    /// Leave of a person to act on a report.
    pub fn report(&self, by: AccountId, reference: Reference) -> Leave<ReportId> {
        self.lens(by).report_leave(reference).expect("the story's people act on what they may")
    }

    /// Leave of a person to work on an incident.
    pub fn incident(&self, by: AccountId, reference: Reference) -> Leave<crate::ids::IncidentId> {
        self.lens(by).incident_leave(reference).expect("the story's people act on what they may")
    }

    /// A person opens an incident with a report.
    pub fn open(&mut self, by: AccountId, title: &str, reports: &[Reference]) -> Reference {
        let reports = reports.iter().map(|r| self.report(by, *r)).collect();
        let open = incidents::Command::Open {
            by,
            title: title.to_owned(),
            severity: Some(incidents::Severity::C3),
            tlp: Tlp::Amber,
            since: None,
            boards: Vec::new(),
            classes: Vec::new(),
            reports,
        };
        match self.act(by, Command::Incidents(open)) {
            Outcome::Incident(reference) => reference,
            other => unreachable!("opening ends in an incident, not in {other:?}"),
        }
    }

    /// Everything that is due leaves.
    pub fn send_all(&mut self) -> usize {
        let due: Vec<NoticeId> = self.desk.due(self.now, usize::MAX).into_iter().map(|s| s.notice).collect();
        for notice in &due {
            let tried = Tried::Taken { said: "250 ok".to_owned() };
            self.rule(Command::Outbox(outbox::Command::Tried(*notice, tried)));
        }
        due.len()
    }

    /// All facts as they are written: sequence number, moment, written form.
    pub fn written(&self) -> Vec<(u64, Timestamp, Written)> {
        self.recorded.iter().map(|(seq, at, recorded)| (*seq, *at, recorded.fact.written())).collect()
    }

    /// The desk that replaying gives: facts written, read and applied again. Sealed parts of erased subjects are not there any more.
    pub fn replayed(&self) -> Desk {
        let mut desk = Desk::default();
        self.replay(|seq, at, fact| desk.apply(seq, at, fact));
        desk
    }

    /// The desk of an earlier moment, under today's rights.
    pub fn past(&self, moment: Moment) -> Past {
        let mut past = Past::new(moment);
        self.replay(|seq, at, fact| past.apply(seq, at, fact));
        past.bear(&self.desk);
        past.take_texts(&self.desk, 0..u32::MAX);
        past
    }

    fn replay(&self, mut apply: impl FnMut(u64, Timestamp, &Fact)) {
        for (seq, at, recorded) in &self.recorded {
            let Written { kind, version, body, sealed } = recorded.fact.written();
            let erased = self.desk.is_erased(recorded.fact.subject());
            let sealed = sealed.filter(|_| !erased);
            let fact =
                Fact::from_written(&kind, version, &body, sealed.as_deref()).expect("what was written can be read");
            apply(*seq, *at, &fact);
        }
    }
}
