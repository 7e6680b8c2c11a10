//! The written form of every fact. It is the journal's format: a line of the golden file never changes, new facts add lines.

use crate::Digest;
use crate::accounts::{self, Origin, Person, Preferences, Role, Theme};
use crate::command::Actor;
use crate::fact::{Fact, Subject, Unreadable, VERSION};
use crate::house::{self, Configured, Language};
use crate::ids::{
    AccountId, EntryId, IncidentId, Named, NoticeId, OrganisationId, Reference, ReportId, SessionId, TaskId,
    TemplateId, TermId, Timestamp, TokenId,
};
use crate::incidents::{self, Change, Note, NoteKind, Pap, Phase, Severity};
use crate::intake::{
    self, Appraisal, Arrival, Attachment, Automatic, Completeness, Head, Kind, Observable, Reason, Source, Thread,
    Verdict, Via,
};
use crate::lens::{Audience, Tlp};
use crate::outbox::{self, About, Letter, Purpose};
use crate::register::{BoardId, Which};
use crate::retention::Kept;
use crate::sealed::Sealed::{self, Open};
use crate::templates::Template;
use std::collections::BTreeSet;

const AT: Timestamp = Timestamp::from_seconds(1_671_069_840);
const ME: AccountId = AccountId(1);
const REPORT: ReportId = ReportId(7);
const INCIDENT: IncidentId = IncidentId(2);
const NOTICE: NoticeId = NoticeId(3);
const ME_ACTOR: Actor = Actor::Person(ME);

fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn appraisal() -> Appraisal {
    Appraisal {
        kind: Kind::Incident,
        hit_now: true,
        board: Some(BoardId(4)),
        board_certain: true,
        severity: Some(Severity::C3),
        rsit: Some("information-content-security/data-leak".to_owned()),
    }
}

fn observable() -> Observable {
    Observable { kind: "ipv4".to_owned(), value: "203.0.113.7".to_owned(), ..Observable::default() }
}

fn houses() -> Vec<Fact> {
    let configured = Configured {
        organisation: "Team".to_owned(),
        address: "cyber@voorbeeld.be".to_owned(),
        phone: Some("02 000 00 00".to_owned()),
        languages: vec![Language::Nl, Language::En],
        demo: true,
    };
    let organisation = OrganisationId(1);
    let template = Template {
        language: Language::Nl,
        title: "Wij bellen".to_owned(),
        subject: "Wij bellen u [{reference}]".to_owned(),
        text: "Dag {name}".to_owned(),
    };
    let facts = [
        house::Fact::Configured(configured),
        house::Fact::OrganisationAdded { organisation, name: "Federaal centrum".to_owned() },
        house::Fact::RegisterLoaded { which: Which::Flanders },
        house::Fact::RestoreTested { by: ME, backup: "bolwerk-2022-12-14.age".to_owned(), made_at: AT },
        house::Fact::TermSet {
            term: TermId(0),
            by: ME,
            kind: Kept::NoIncident,
            days: 365,
            from: AT,
            source: "besluit 2022/114".to_owned(),
        },
        house::Fact::TermWithdrawn { term: TermId(0), by: ME },
        house::Fact::RestoreWithdrawn { restore: 0, by: ME },
        house::Fact::TemplateSet { template: TemplateId(0), by: ME, said: template },
        house::Fact::TemplateWithdrawn { template: TemplateId(0), by: ME },
        house::Fact::OrganisationRenamed { organisation, name: "Centrum".to_owned(), by: ME },
    ];
    facts.into_iter().map(Fact::House).collect()
}

fn accounts() -> Vec<Fact> {
    use accounts::Fact as F;
    let account = ME;
    let preferences = Preferences { language: Language::En, theme: Theme::Dark, keys_off: true };
    let person = Person { login: "an".to_owned(), name: "An".to_owned(), password: "$argon2id$…".to_owned() };
    let names = accounts::Names { login: "anna".to_owned(), name: "Anna".to_owned() };
    let origin = Origin { address: "192.0.2.1".to_owned(), agent: "Firefox".to_owned() };
    let facts = [
        F::Created { account, organisation: OrganisationId(0), role: Role::Duty, preferences, person: Open(person) },
        F::PasswordSet { account, password: Open("$argon2id$…".to_owned()), keep: None },
        F::Preferred { account, preferences: Preferences::default() },
        F::Disabled { account, by: AccountId(0) },
        F::SignedIn { session: SessionId(5), account, token: digest(1), origin: Open(origin) },
        F::SignedOut { session: SessionId(5), account },
        F::TokenMade { token: TokenId(6), account, label: "monitoring".to_owned(), secret: digest(2) },
        F::TokenRevoked { token: TokenId(6), account },
        F::Enabled { account, by: AccountId(0) },
        F::Renamed { account, by: AccountId(0), names: Open(names) },
        F::RoleSet { account, by: AccountId(0), role: Role::Admin },
    ];
    facts.into_iter().map(Fact::Accounts).collect()
}

fn intakes() -> Vec<Fact> {
    use intake::Fact as F;
    let report = REPORT;
    let arrival = Arrival {
        message_id: Some("<1@voorbeeld.be>".to_owned()),
        raw_sha256: "ab".repeat(32),
        envelope_from: Some("it@voorbeeld.be".to_owned()),
        from: Some("IT <it@voorbeeld.be>".to_owned()),
        from_address: None,
        subject: Some("hulp".to_owned()),
        peer: Some("192.0.2.1".to_owned()),
        helo: Some("mx.voorbeeld.be".to_owned()),
        tls: true,
    };
    let addressed = Arrival { from_address: Some("it@voorbeeld.be".to_owned()), ..arrival.clone() };
    let received = |arrival: &Arrival, event_at, sender, by, via| F::Received {
        report,
        reference: Reference::new(Named::Report, 0x12_3456_789a),
        via,
        received_at: AT,
        event_at,
        digest: digest(3),
        sender,
        size: 4096,
        by,
        arrival: Open(arrival.clone()),
    };
    let read = |completeness, thread| F::Read {
        report,
        completeness,
        automatic: Automatic::No,
        language: Some(Language::Nl),
        appraisal: appraisal(),
        thread,
        head: Open(head()),
    };
    let decided = |verdict, batch| F::Decided { report, by: ME_ACTOR, verdict, batch };
    let mut facts = vec![
        received(&arrival, None, Some(digest(4)), Actor::Rule, Via::Smtp),
        received(&arrival, Some(AT), None, ME_ACTOR, Via::Phone),
        read(Completeness::Full, None),
        read(Completeness::Partial(vec!["worker-timeout".to_owned()]), Some(Thread::Continues(ReportId(1)))),
        F::Claimed { report, by: ME },
        F::Released { report, by: ME },
        F::Appraised { report, by: ME, appraisal: Appraisal::unknown() },
        decided(Verdict::Incident { incident: INCIDENT, opened: true }, None),
        decided(Verdict::FollowUp(ReportId(1)), None),
        decided(Verdict::Duplicate(ReportId(1)), None),
        decided(Verdict::NoIncident, None),
        decided(Verdict::Spam, Some(99)),
        F::Reopened { report, by: ME_ACTOR },
        F::Waits { report, by: ME },
        F::Moved { report, by: ME_ACTOR, to: INCIDENT, undoes: None },
        F::Moved { report, by: ME_ACTOR, to: INCIDENT, undoes: Some(41) },
        F::Snoozed { report, by: ME, until: AT },
        F::Woken { report, by: ME_ACTOR },
        F::ErasureAsked { report, by: ME, reason: "vraag van de betrokkene".to_owned() },
        F::Erased { report, by: ME, reason: "vraag van de betrokkene".to_owned(), second: Some(AccountId(2)) },
        F::Erased { report, by: ME, reason: "vraag van de betrokkene".to_owned(), second: None },
        F::Countersigned { report, by: AccountId(2) },
        F::ErasureWithdrawn { report, by: ME },
    ];
    let threads = [Thread::Mentions(ReportId(1)), Thread::Returns(NOTICE), Thread::Answers(INCIDENT)];
    facts.extend(threads.map(|t| read(Completeness::Full, Some(t))));
    facts.push(received(&addressed, None, Some(digest(4)), Actor::Rule, Via::Smtp));
    facts.push(read(Completeness::Full, Some(Thread::Notes(NOTICE))));
    let sources = [Source::Header, Source::Route, Source::Attachment];
    let sources = sources.map(|source| Observable { source, ..observable() }).to_vec();
    facts.push(match read(Completeness::Full, None) {
        F::Read { report, completeness, automatic, language, appraisal, thread, .. } => {
            let head = Open(Head { observables: sources, ..head() });
            F::Read { report, completeness, automatic, language, appraisal, thread, head }
        }
        other => other,
    });
    let automatic = [Automatic::Bounce, Automatic::Feedback, Automatic::Delayed, Automatic::Delivered];
    facts.extend(automatic.map(|automatic| match read(Completeness::Full, None) {
        F::Read { report, completeness, language, appraisal, thread, head, .. } => {
            F::Read { report, completeness, automatic, language, appraisal, thread, head }
        }
        other => other,
    }));
    facts.into_iter().map(Fact::Intake).collect()
}

fn head() -> Head {
    Head {
        from_name: Some("IT".to_owned()),
        from_address: Some("it@voorbeeld.be".to_owned()),
        reply_to: Some("wacht@voorbeeld.be".to_owned()),
        phone: Some("0470 00 00 00".to_owned()),
        subject: "hulp".to_owned(),
        snippet: "alles ligt plat".to_owned(),
        attachments: vec![Attachment {
            index: 1,
            name: "log.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            size: 12,
            sha256: "cd".repeat(32),
            suspicious: Some("macro".to_owned()),
        }],
        observables: vec![observable(), Observable { benign: Some("private".to_owned()), ..observable() }],
        reasons: vec![Reason { key: "board-domain".to_owned(), found: "voorbeeld.be".to_owned() }],
        authentication: vec!["dkim=pass".to_owned()],
        authenticity: None,
        board_as_typed: Some("Voorbeeld".to_owned()),
    }
}

fn outboxes() -> Vec<Fact> {
    use outbox::Fact as F;
    let (notice, about) = (NOTICE, About::Report(REPORT));
    let letter = Letter {
        to: "it@voorbeeld.be".to_owned(),
        subject: "Ontvangen".to_owned(),
        text: "Dank u.".to_owned(),
        in_reply_to: vec!["1@voorbeeld.be".to_owned()],
    };
    let queued = |about, purpose, by| F::Queued {
        notice,
        about,
        purpose,
        by,
        message_id: "x@voorbeeld.be".to_owned(),
        to: digest(5),
        language: Language::Fr,
        letter: Open(letter.clone()),
    };
    let said = || Open("250 ok".to_owned());
    let facts = [
        queued(about, Purpose::Receipt, Actor::Rule),
        queued(About::Incident(INCIDENT), Purpose::Reply, ME_ACTOR),
        F::Deferred { notice, about, code: 451, said: said(), next_at: AT, unsure: true },
        F::Sent { notice, about, said: said() },
        F::Failed { notice, about, code: 550, said: said() },
        F::Bounced { notice, about, report: REPORT },
        F::Retried { notice, about, by: ME_ACTOR },
        F::Withdrawn { notice, about, by: ME },
    ];
    facts.into_iter().map(Fact::Outbox).collect()
}

fn incidents() -> Vec<Fact> {
    use incidents::Fact as F;
    let (incident, by) = (INCIDENT, ME);
    let changes = [
        Change::Title(Open("Servers versleuteld".to_owned())),
        Change::Severity(Some(Severity::C2)),
        Change::Severity(None),
        Change::SectorSeverity(Some(Severity::C1)),
        Change::Tlp(Tlp::AmberStrict),
        Change::Pap(Pap::Red),
        Change::Phase(Phase::Contained, Open("ingeperkt".to_owned())),
        Change::Lead(Some(ME)),
        Change::Class("fraud/phishing".to_owned(), true),
        Change::Board(BoardId(4), false),
        Change::Organisation(OrganisationId(1), true),
        Change::Person(ME, true),
    ];
    let opened = |tlp, persons, with, from| F::Opened {
        incident,
        reference: Reference::new(Named::Incident, 0x98_7654_3210),
        by: ME_ACTOR,
        since: AT,
        audience: Audience { organisations: 3, tlp, persons },
        severity: Some(Severity::C3),
        with,
        from,
        title: Open("Servers versleuteld".to_owned()),
    };
    let noted = |kind, tlp| F::Noted {
        incident,
        entry: EntryId(5),
        by,
        kind,
        event_at: AT,
        certain: false,
        tlp,
        note: Open(Note { text: "Netwerk uit".to_owned(), why: "loopt nog".to_owned() }),
    };
    let text = || Open("Bel de leverancier".to_owned());
    let mut facts = vec![opened(Tlp::Amber, Vec::new(), 0, None), opened(Tlp::Red, vec![ME], 0, None)];
    facts.extend(changes.map(|change| F::Changed { incident, by: ME_ACTOR, change, undoes: None }));
    facts.extend([
        noted(NoteKind::Note, Tlp::Clear),
        noted(NoteKind::Decision, Tlp::Green),
        F::TaskAdded { incident, task: TaskId(0), by, assignee: Some(ME), due: Some(AT), text: text() },
        F::TaskSet { incident, task: TaskId(0), by, done: true, undoes: None },
        F::TaskSet { incident, task: TaskId(0), by, done: false, undoes: Some(41) },
        F::Changed { incident, by: ME_ACTOR, change: Change::Severity(None), undoes: Some(42) },
        F::Observed { incident, by, tlp: Tlp::Amber, observable: Open(observable()) },
        F::Withdrawn { incident, entry: EntryId(5), by },
        F::Dropped { incident, by: ME_ACTOR },
        F::Merged { incident, into: IncidentId(1), by },
        F::Parted { incident, by },
        F::ErasureAsked { incident, by, reason: "op verzoek".to_owned() },
        F::Erased { incident, by, reason: "op verzoek".to_owned(), second: Some(AccountId(2)) },
        F::Countersigned { incident, by },
        F::Held { incident, by, reason: text() },
        F::HoldLifted { incident, by, reason: text() },
        F::ErasureWithdrawn { incident, by },
        opened(Tlp::Amber, Vec::new(), 3, None),
        opened(Tlp::Amber, Vec::new(), 1, Some(IncidentId(1))),
    ]);
    facts.into_iter().map(Fact::Incidents).collect()
}

fn all() -> Vec<Fact> {
    [houses(), accounts(), intakes(), outboxes(), incidents()].concat()
}

/// One line: subject, kind, version, body, what is sealed.
fn line(fact: &Fact) -> String {
    let written = fact.written();
    let subject = match fact.subject() {
        Subject::House => "house".to_owned(),
        Subject::Report(report) => format!("report {}", report.0),
        Subject::Incident(incident) => format!("incident {}", incident.0),
        Subject::Account(account) => format!("account {}", account.0),
    };
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).expect("a body is JSON");
    let line = serde_json::json!({
        "subject": subject,
        "kind": written.kind,
        "version": written.version,
        "body": json(&written.body),
        "sealed": written.sealed.as_deref().map(json),
    });
    line.to_string()
}

#[test]
fn the_written_form_of_every_fact_is_what_it_always_was() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/facts.jsonl");
    let now: Vec<String> = all().iter().map(line).collect();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, now.join("\n") + "\n").expect("the folder of the tests can be written");
    }
    let golden = std::fs::read_to_string(path).expect("the golden file is there");
    for (n, (was, is)) in golden.lines().zip(&now).enumerate() {
        assert_eq!(was, is, "line {}: journals with the old form exist; write a new version instead", n + 1);
    }
    assert_eq!(golden.lines().count(), now.len(), "new facts get their lines with BLESS=1");
}

#[test]
fn every_fact_stands_in_the_golden_file_under_its_name() {
    // The names in the log are one `match` that the compiler keeps complete.
    let source = include_str!("../log.rs");
    let quoted = source.split('"').skip(1).step_by(2);
    let capabilities = ["house.", "accounts.", "intake.", "outbox.", "incidents."];
    let names: BTreeSet<String> =
        quoted.filter(|q| capabilities.iter().any(|c| q.starts_with(c))).map(str::to_owned).collect();
    let written: BTreeSet<String> = all().iter().map(|f| f.written().kind).collect();
    assert_eq!(names, written);
    for fact in all() {
        assert_eq!(crate::log::key(&fact), fact.written().kind);
    }
}

#[test]
fn every_fact_reads_back_and_reads_without_its_key() {
    for fact in all() {
        let written = fact.written();
        let back = Fact::from_written(&written.kind, written.version, &written.body, written.sealed.as_deref());
        assert_eq!(back.expect("what was written can be read"), fact);
        let erased =
            Fact::from_written(&written.kind, written.version, &written.body, None).expect("the body stands alone");
        assert_eq!((erased.written().kind, erased.subject()), (written.kind, fact.subject()));
        if let Some(sealed) = &written.sealed {
            let sealed: Vec<serde_json::Value> = serde_json::from_slice(sealed).expect("a list");
            assert!(!sealed.is_empty());
        }
    }
}

#[test]
fn nothing_personal_stands_in_the_plain_body() {
    for fact in all() {
        let body = String::from_utf8(fact.written().body).expect("JSON is UTF-8");
        for personal in [
            "it@voorbeeld.be",
            "An\"",
            "argon2",
            "192.0.2.1",
            "alles ligt plat",
            "Netwerk uit",
            "versleuteld",
            "203.0.113",
        ] {
            assert!(!body.contains(personal), "{personal} in {body}");
        }
    }
}

#[test]
fn what_a_newer_program_wrote_is_refused_with_the_reason() {
    let newer = Fact::from_written("intake.claimed", VERSION + 1, b"{}", None);
    assert!(matches!(newer, Err(Unreadable::Newer { .. })));
    for (kind, body) in
        [("intake", &b"{}"[..]), ("intake.unheard", b"{}"), ("intake.claimed", b"nonsense"), ("intake.claimed", b"{}")]
    {
        assert!(matches!(Fact::from_written(kind, VERSION, body, None), Err(Unreadable::Malformed { .. })), "{kind}");
    }
    let _: Sealed<String> = Sealed::default();
}
