//! Three invented years: messages come in, some are incidents, people work on them and close them.

use super::{ALL, Filler, HALF, text};
use crate::failure::Failure;
use crate::mails::MAILBOX;
use desk::Digest;
use desk::accounts::{self, Person, Preferences, Role};
use desk::command::{Actor, Command, Outcome};
use desk::house::{Configured, Language};
use desk::ids::{IncidentId, OrganisationId, Reference, ReportId, TEAM, Timestamp};
use desk::incidents::{self, Change, Note, NoteKind, Phase, Severity};
use desk::intake::{
    self, Appraisal, Arrival, Automatic, Body, Completeness, Findings, Head, Incoming, Kind, Verdict, Via,
};
use desk::lens::{Leave, Tlp};
use desk::register::{BoardId, Which};
use desk::sealed::Sealed;

/// How long the story takes, seconds.
const SPAN_SECONDS: i64 = 3 * 365 * 86_400;
/// Organisations beside the team.
const ORGANISATIONS: u8 = 20;
/// Different people who write.
const SENDERS: u64 = 3000;
/// Incidents at the end that are still open, and whose last message is not decided yet.
const OPEN: usize = 300;
const UNDECIDED: usize = 60;
/// RSIT types that occur.
const TYPES: [&str; 6] = [
    "malicious-code:infected-system",
    "fraud:phishing",
    "intrusions:privileged-account-compromise",
    "availability:ddos",
    "vulnerable:vulnerable-system",
    "information-content-security:unauthorised-information-access",
];

/// How much of it there is.
pub struct Size {
    /// Facts in all.
    pub facts: u64,
    /// Incidents.
    pub incidents: usize,
    /// Messages.
    pub reports: usize,
    /// Observables found in messages.
    pub observables: usize,
    /// Tasks.
    pub tasks: usize,
}

impl Size {
    /// What falls to the `n`th of `among`, when `all` are spread evenly.
    fn share(all: usize, n: usize, among: usize) -> usize {
        all * (n + 1) / among - all * n / among
    }
}

/// Tells it all.
pub fn tell(filler: &mut Filler, size: &Size) -> Result<(), Failure> {
    if size.incidents == 0 || size.reports < size.incidents {
        return Err(Failure::usage("at least one incident, and a message for each"));
    }
    let end = Timestamp(jiff::Timestamp::now().as_microsecond()).plus_seconds(-60);
    let start = end.plus_seconds(-SPAN_SECONDS);
    filler.now = start;
    people(filler)?;
    let mut told = Told { size, reports: 0 };
    for n in 0..size.incidents {
        let moment = |of: usize| start.plus_seconds(SPAN_SECONDS * of as i64 / size.incidents as i64);
        filler.pass(moment(n))?;
        told.incident(filler, n)?;
        if n % (size.incidents / 20).max(1) == 0 {
            eprintln!("{} %, {} facts", n * 100 / size.incidents, filler.core.next);
        }
    }
    filler.commit()
}

fn people(filler: &mut Filler) -> Result<(), Failure> {
    let configured = Configured {
        organisation: "Meetdesk".to_owned(),
        address: MAILBOX.to_owned(),
        phone: None,
        languages: vec![Language::Nl],
        demo: false,
    };
    filler.submit(Actor::Rule, Command::Configure(configured))?;
    filler.submit(Actor::Rule, Command::LoadRegister(Which::Flanders))?;
    for n in 1..=ORGANISATIONS {
        filler.submit(Actor::Rule, Command::AddOrganisation { name: format!("Organisatie {n}") })?;
    }
    for (account, login, role) in [(ALL, "alles", Role::Admin), (HALF, "helft", Role::Duty)] {
        let person = Person { login: login.to_owned(), name: format!("Wie {login} ziet"), password: String::new() };
        let preferences = Preferences { language: Language::Nl, ..Preferences::default() };
        let create = accounts::Command::Create { leave: None, organisation: TEAM, role, preferences, person };
        let outcome = filler.submit(Actor::Rule, Command::Accounts(create))?;
        if outcome != Outcome::Account(account) {
            return Err(Failure::program(format!("{login} is {outcome:?}, not {account:?}")));
        }
    }
    Ok(())
}

struct Told<'a> {
    size: &'a Size,
    reports: usize,
}

impl Told<'_> {
    /// An incident's whole life, with its messages and some that were none.
    fn incident(&mut self, filler: &mut Filler, n: usize) -> Result<(), Failure> {
        let Size { incidents, facts, .. } = *self.size;
        let count = Size::share(self.size.reports, n, incidents);
        let mut messages = Vec::with_capacity(count);
        for _ in 0..count {
            messages.push(self.report(filler)?);
        }
        let left = incidents - n;
        let (first, others) =
            messages.split_first().ok_or_else(|| Failure::program("an incident without a message"))?;
        let incident = self.open(filler, n, *first)?;
        for (place, message) in others.iter().enumerate() {
            match place % 3 {
                0 => attach(filler, *message, incident)?,
                _ if left <= UNDECIDED && place == others.len() - 1 => {}
                1 => decide(filler, *message, Verdict::NoIncident)?,
                _ => decide(filler, *message, Verdict::Spam)?,
            }
        }
        for _ in 0..Size::share(self.size.tasks, n, incidents) {
            let task = text::words(&mut filler.chance, 8);
            let assignee = filler.chance.one_in(2).then_some(ALL);
            work(filler, incident, |incident| incidents::Command::AddTask {
                incident,
                text: task,
                assignee,
                due: None,
            })?;
        }
        // Whatever is missing to the number of facts becomes lines, before the incident is closed.
        let due = facts * (n as u64 + 1) / incidents as u64;
        while filler.core.next + u64::from(left > OPEN) < due {
            note(filler, incident)?;
        }
        if left > OPEN {
            let closed = Change::Phase(Phase::Closed, Sealed::Open("Afgehandeld.".to_owned()));
            change(filler, incident, closed)?;
        }
        Ok(())
    }

    fn report(&mut self, filler: &mut Filler) -> Result<Reference, Failure> {
        let n = self.reports;
        self.reports += 1;
        let subject = text::subject(&mut filler.chance, n);
        let sender = filler.chance.below(SENDERS);
        let address = format!("it{sender}@stad{}.example", sender % 300);
        let text = text::words(&mut filler.chance, 60);
        let outcome = filler.submit(Actor::Rule, Command::Intake(receive(&text, n, &subject, &address)))?;
        let Outcome::Report { reference, .. } = outcome else {
            return Err(Failure::program(format!("a message became {outcome:?}")));
        };
        let observables = (0..Size::share(self.size.observables, n, self.size.reports))
            .map(|_| text::observable(&mut filler.chance))
            .collect();
        let body = text::words(&mut filler.chance, 60);
        let kind = *filler.chance.of(&[Kind::Incident, Kind::Incident, Kind::Question, Kind::Citizen, Kind::Junk]);
        let findings = Findings {
            completeness: Completeness::Full,
            automatic: Automatic::No,
            language: Some(Language::Nl),
            appraisal: Appraisal {
                kind,
                hit_now: filler.chance.one_in(50),
                board: filler.chance.one_in(2).then_some(BoardId((sender % 300) as u32)),
                board_certain: false,
                severity: None,
                rsit: None,
            },
            thread: None,
            head: Head {
                from_name: Some(format!("Dienst IT {sender}")),
                from_address: Some(address),
                subject,
                snippet: body.chars().take(300).collect(),
                observables,
                ..Head::default()
            },
            body: Body { text: body, ..Body::default() },
            answer: None,
        };
        let report = ReportId(n as u32);
        filler.submit(Actor::Rule, Command::Intake(intake::Command::Read(report, Box::new(findings))))?;
        Ok(reference)
    }

    /// Every other one is RED for the first reader alone; audiences and labels of the rest differ.
    fn open(&mut self, filler: &mut Filler, n: usize, first: Reference) -> Result<Reference, Failure> {
        let tlp = match n % 2 {
            1 => Tlp::Red,
            _ => *filler.chance.of(&[Tlp::Green, Tlp::Amber, Tlp::Amber, Tlp::AmberStrict]),
        };
        let severity =
            *filler.chance.of(&[None, Some(Severity::C3), Some(Severity::C4), Some(Severity::C5), Some(Severity::C6)]);
        let command = incidents::Command::Open {
            by: ALL,
            title: text::subject(&mut filler.chance, n),
            severity,
            tlp,
            since: None,
            boards: vec![BoardId(filler.chance.below(300) as u32)],
            classes: vec![(*filler.chance.of(&TYPES)).to_owned()],
            reports: vec![report_leave(filler, first)?],
        };
        let outcome = filler.submit(Actor::Person(ALL), Command::Incidents(command))?;
        let Outcome::Incident(incident) = outcome else {
            return Err(Failure::program(format!("an opening became {outcome:?}")));
        };
        let organisation = OrganisationId(1 + filler.chance.below(u64::from(ORGANISATIONS)) as u8);
        change(filler, incident, Change::Organisation(organisation, true))?;
        for phase in [Phase::Confirmed, Phase::Contained] {
            let reason = text::words(&mut filler.chance, 5);
            change(filler, incident, Change::Phase(phase, Sealed::Open(reason)))?;
        }
        Ok(incident)
    }
}

fn receive(text: &str, n: usize, subject: &str, address: &str) -> intake::Command {
    let message_id = format!("<fill-{n}@bench.example>");
    let raw =
        format!("From: {address}\r\nTo: {MAILBOX}\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n\r\n{text}\r\n");
    intake::Command::Receive(Box::new(Incoming {
        via: Via::Smtp,
        event_at: None,
        digest: digest(&message_id),
        digest_before: None,
        sender: Some(digest(address)),
        arrival: Arrival {
            message_id: Some(message_id.clone()),
            raw_sha256: digest(&raw).to_string(),
            envelope_from: Some(address.to_owned()),
            from: Some(address.to_owned()),
            from_address: Some(address.to_owned()),
            subject: Some(subject.to_owned()),
            peer: Some("192.0.2.25".to_owned()),
            helo: Some("mail.example".to_owned()),
            tls: true,
        },
        raw: raw.into_bytes(),
    }))
}

fn digest(text: &str) -> Digest {
    use sha2::Digest as _;
    Digest(sha2::Sha256::digest(text.as_bytes()).into())
}

fn report_leave(filler: &Filler, report: Reference) -> Result<Leave<ReportId>, Failure> {
    let leave = filler.desk.viewer(ALL).and_then(|v| filler.desk.seen_by(v).report_leave(report));
    leave.ok_or_else(|| Failure::program(format!("no leave on {report}")))
}

fn incident_leave(filler: &Filler, incident: Reference) -> Result<Leave<IncidentId>, Failure> {
    let leave = filler.desk.viewer(ALL).and_then(|v| filler.desk.seen_by(v).incident_leave(incident));
    leave.ok_or_else(|| Failure::program(format!("no leave on {incident}")))
}

fn decide(filler: &mut Filler, report: Reference, verdict: Verdict) -> Result<(), Failure> {
    let leave = report_leave(filler, report)?;
    filler.submit(Actor::Person(ALL), Command::Intake(intake::Command::Decide(leave, verdict))).map(drop)
}

fn attach(filler: &mut Filler, report: Reference, incident: Reference) -> Result<(), Failure> {
    let incident = incident_leave(filler, incident)?.id();
    decide(filler, report, Verdict::Incident { incident, opened: false })
}

fn work(
    filler: &mut Filler,
    incident: Reference,
    command: impl FnOnce(Leave<IncidentId>) -> incidents::Command,
) -> Result<(), Failure> {
    let leave = incident_leave(filler, incident)?;
    filler.submit(Actor::Person(ALL), Command::Incidents(command(leave))).map(drop)
}

fn change(filler: &mut Filler, incident: Reference, change: Change) -> Result<(), Failure> {
    work(filler, incident, |incident| incidents::Command::Change { incident, change, expected: None })
}

fn note(filler: &mut Filler, incident: Reference) -> Result<(), Failure> {
    let note = Note { text: text::words(&mut filler.chance, 15), why: String::new() };
    work(filler, incident, |incident| incidents::Command::Note {
        incident,
        kind: NoteKind::Note,
        event_at: None,
        certain: true,
        tlp: Tlp::Clear,
        note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use desk::ids::AccountId;

    #[test]
    fn a_filled_desk_has_what_was_asked_for_and_half_of_it_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("desk");
        let mut filler = Filler::open(&data, Chance::new(3)).unwrap();
        let size = Size { facts: 1000, incidents: 20, reports: 80, observables: 300, tasks: 10 };
        tell(&mut filler, &size).unwrap();
        assert_eq!(filler.core.next, 1000);
        assert_eq!(filler.desk.inventory().count(), 80);
        assert_eq!(filler.desk.inventory().filter(|r| r.complete.is_none()).count(), 0);
        let incidents: Vec<Reference> = filler.desk.incident_inventory().map(|i| i.reference).collect();
        let seen = |account: AccountId| {
            let lens = filler.desk.seen_by(filler.desk.viewer(account).unwrap());
            incidents.iter().filter(|i| lens.incident_id(**i).is_some()).count()
        };
        assert_eq!((incidents.len(), seen(ALL), seen(HALF)), (20, 20, 10));
        drop(filler);
        let again = engine::Engine::glance(&data).unwrap();
        assert_eq!(again.inventory().count(), 80);
    }

    #[test]
    fn shares_add_up() {
        assert_eq!((0..7).map(|n| Size::share(100, n, 7)).sum::<usize>(), 100);
    }
}
