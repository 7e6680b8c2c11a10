//! Whatever is asked, in whatever order: nothing panics, and the facts alone give the same desk again.

use crate::accounts;
use crate::command::{Actor, Command};
use crate::fact::Subject;
use crate::ids::{AccountId, EntryId, IncidentId, NoticeId, OrganisationId, Reference, ReportId, TaskId};
use crate::incidents::{self, Change, IncidentFilter, Note, NoteKind, Pap, Phase, Severity};
use crate::intake::{self, Automatic, Kind, Observable, QueueFilter, ReportFilter, Verdict, Via};
use crate::lens::{Audience, Lens, Tlp};
use crate::outbox::{self, OutboxFilter, Tried};
use crate::register::{BoardFilter, BoardId};
use crate::sealed::Sealed;
use crate::testing::{Mail, Seeded, Story};
use proptest::prelude::*;

/// Chance with a few ways to choose.
pub(super) struct Dice(pub(super) Seeded);

impl Dice {
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.0.next_bits() % n.max(1) as u64) as usize
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    fn some<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        (!list.is_empty()).then(|| self.of(list))
    }
}

const SENDERS: [&str; 5] =
    ["it@sperwermonde.example", "wacht@lijsterhove.example", "an@gmail.com", "redactie@krant.example", "x@y.example"];
const TEXTS: [&str; 6] = [
    "Alles is versleuteld bij ons, sinds vannacht. Zie 203.0.113.7 en kwaad.example.",
    "Geldt punt 7 ook voor ons?",
    "",
    "Contactpersoon voor onze gemeente: an@gmail.com",
    "http://kwaad.example/x 203.0.113.7 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "namens de gemeente Lijsterhove: de servers liggen plat",
];

/// One step of a story: mails, people, time, the sender of mail. What is refused is refused.
pub(super) fn step(story: &mut Story, dice: &mut Dice, references: &mut Vec<Reference>, opened: &mut Vec<Reference>) {
    let people = [story.admin, story.duty, story.colleague, story.reader, story.outsider];
    let by = dice.of(&people);
    match dice.below(12) {
        0..=2 => {
            let message_ids: Vec<String> = (0..story.desk.outbox.notices.len())
                .map(|n| story.desk.outbox.get(NoticeId(n as u32)).message_id.clone())
                .collect();
            let mail = Mail {
                from: dice.of(&SENDERS),
                subject: dice.of(&["vraag", "DRINGEND", "Re: vraag", ""]),
                text: dice.of(&TEXTS),
                via: dice.of(&[Via::Smtp, Via::Import, Via::Imap]),
                event_at: dice.some(&[None, None, Some(story.now.plus_seconds(-90_000))]).flatten(),
                answers: if dice.below(3) == 0 { dice.some(&message_ids).into_iter().collect() } else { Vec::new() },
                returns: if dice.below(9) == 0 { dice.some(&message_ids).into_iter().collect() } else { Vec::new() },
                returned_to: SENDERS.to_vec(),
                automatic: dice.of(&[Automatic::No, Automatic::No, Automatic::List]),
                ..Mail::default()
            };
            if dice.below(5) == 0 {
                references.push(story.receive(&mail).0);
            } else {
                references.push(story.mail(&mail));
            }
        }
        3 => story.wait(dice.below(100_000) as i64),
        4 => {
            let notice = NoticeId(dice.below(story.desk.outbox.notices.len() + 1) as u32);
            let said = "said".to_owned();
            let tried = match dice.below(3) {
                0 => Tried::Taken { said },
                1 => Tried::Later { code: 451, said, unsure: dice.below(2) == 0 },
                _ => Tried::Refused { code: 550, said },
            };
            drop(story.submit(Actor::Rule, Command::Outbox(outbox::Command::Tried(notice, tried))));
        }
        5..=7 => {
            if let Some(command) = report_command(story, dice, by, references) {
                drop(story.submit(Actor::Person(by), command));
            }
        }
        8 => {
            let open = incidents::Command::Open {
                by,
                title: dice.of(&["Titel", "", "Nog een"]).to_owned(),
                severity: dice.some(&Severity::ALL),
                tlp: dice.of(&Tlp::ALL),
                since: dice.some(&[None, Some(story.now.plus_seconds(-80_000))]).flatten(),
                boards: dice.some(&[BoardId(0), BoardId(5), BoardId(9999)]).into_iter().collect(),
                classes: vec!["fraud/phishing".to_owned()],
                reports: dice.some(references).and_then(|r| story.lens(by).report_leave(r)).into_iter().collect(),
            };
            if let Ok(crate::command::Outcome::Incident(reference)) =
                story.submit(Actor::Person(by), Command::Incidents(open))
            {
                opened.push(reference);
            }
        }
        9 | 10 => {
            let command = incident_command(story, dice, by, opened);
            let made = command.map(|command| story.submit(Actor::Person(by), command));
            if let Some(Ok(crate::command::Outcome::Incident(reference))) = made {
                opened.push(reference);
            }
        }
        _ => {
            let of = dice.below(story.recorded.len() + 1) as u64;
            drop(story.submit(Actor::Person(by), Command::Undo { by, of }));
        }
    }
}

fn report_command(story: &mut Story, dice: &mut Dice, by: AccountId, references: &[Reference]) -> Option<Command> {
    let reference = dice.some(references)?;
    let leave = story.lens(by).report_leave(reference)?;
    let any_report = ReportId(dice.below(references.len() + 1) as u32);
    let any_incident = IncidentId(dice.below(story.desk.incidents.incidents.len() + 1) as u32);
    let verdict = dice.of(&[
        Verdict::NoIncident,
        Verdict::Spam,
        Verdict::Duplicate(any_report),
        Verdict::FollowUp(any_report),
        Verdict::Incident { incident: any_incident, opened: true },
    ]);
    let reason = "reden".to_owned();
    Some(Command::Intake(match dice.below(13) {
        0 => intake::Command::Claim(leave),
        1 => intake::Command::Release(leave),
        2 => intake::Command::Appraise {
            report: leave,
            kind: dice.some(&Kind::ALL),
            hit_now: dice.some(&[true, false]),
            board: dice.some(&[None, Some(BoardId(3)), Some(BoardId(9999))]),
        },
        3 | 4 => intake::Command::Decide(leave, verdict),
        5 => {
            let many = (0..4).filter_map(|_| story.lens(by).report_leave(dice.of(references))).collect();
            intake::Command::DecideMany(many, verdict)
        }
        6 => intake::Command::Snooze(leave, story.now.plus_seconds(dice.below(5000) as i64 - 100)),
        7 => intake::Command::Wake(leave),
        8 => intake::Command::Reopen { report: leave, widen: true },
        9 => {
            let draft = story.draft(dice.of(&SENDERS), "Antwoord");
            intake::Command::Reply { report: leave, draft, ask: dice.below(2) == 0 }
        }
        10 => intake::Command::Erase { report: leave, reason, alone: dice.below(2) == 0 },
        11 => intake::Command::ConfirmErasure(leave),
        12 => {
            let to = story.desk.incidents.incidents.get(any_incident.index())?.reference;
            let to = story.lens(by).incident_leave(to)?;
            intake::Command::Move { report: leave, to, widen: dice.below(2) == 0 }
        }
        _ => intake::Command::Countersign(leave),
    }))
}

fn incident_command(story: &mut Story, dice: &mut Dice, by: AccountId, opened: &[Reference]) -> Option<Command> {
    let incident = story.lens(by).incident_leave(dice.some(opened)?)?;
    let account = AccountId(dice.below(6) as u32);
    let change = dice.of(&[
        Change::Title(Sealed::Open("Nieuwe titel".to_owned())),
        Change::Severity(Some(Severity::C2)),
        Change::SectorSeverity(None),
        Change::Tlp(Tlp::Red),
        Change::Tlp(Tlp::Green),
        Change::Tlp(Tlp::Amber),
        Change::Pap(Pap::Red),
        Change::Phase(Phase::Contained, Sealed::Open("zo".to_owned())),
        Change::Phase(Phase::Closed, Sealed::Open("klaar".to_owned())),
        Change::Lead(Some(account)),
        Change::Class("fraud/phishing".to_owned(), false),
        Change::Board(BoardId(5), true),
        Change::Board(BoardId(5), false),
        Change::Organisation(OrganisationId(1), true),
        Change::Organisation(OrganisationId(1), false),
        Change::Person(account, true),
        Change::Person(account, false),
    ]);
    let tlp = dice.of(&Tlp::ALL);
    Some(Command::Incidents(match dice.below(13) {
        0..=3 => incidents::Command::Change { incident, change, expected: None },
        4 => incidents::Command::Note {
            incident,
            kind: dice.of(&[NoteKind::Note, NoteKind::Decision]),
            event_at: dice.some(&[story.now.plus_seconds(-50), story.now.plus_seconds(9999)]),
            certain: true,
            tlp,
            note: Note { text: "lijn".to_owned(), why: String::new() },
        },
        5 => incidents::Command::AddTask { incident, text: "taak".to_owned(), assignee: Some(account), due: None },
        6 => incidents::Command::SetTask { incident, task: TaskId(dice.below(3) as u32), done: dice.below(2) == 0 },
        7 => incidents::Command::Observe {
            incident,
            tlp,
            observable: Observable {
                kind: "domain".to_owned(),
                value: "kwaad.example".to_owned(),
                ..Observable::default()
            },
        },
        8 => incidents::Command::Withdraw { incident, entry: EntryId(dice.below(20) as u32) },
        10 => {
            let other = story.lens(by).incident_leave(dice.some(opened)?)?;
            match dice.below(3) {
                0 => incidents::Command::Part(incident),
                _ => incidents::Command::Merge { incident, into: other },
            }
        }
        11 => {
            let kept = story.desk.incidents.get(incident.id()).reports.clone();
            let kept = kept.iter().map(|r| story.desk.intake.get(*r).reference);
            let reports = kept.filter_map(|r| story.lens(by).report_leave(r)).take(1 + dice.below(2)).collect();
            incidents::Command::Split { incident, title: "Afgesplitst".to_owned(), reports }
        }
        12 => match dice.below(3) {
            0 => incidents::Command::ConfirmErasure(incident),
            1 => incidents::Command::Countersign(incident),
            _ => {
                let (reason, alone) = ("op verzoek".to_owned(), dice.below(2) == 0);
                incidents::Command::Erase { incident, reason, alone }
            }
        },
        _ => match dice.below(3) {
            0 => incidents::Command::Hold { incident, reason: "hold".to_owned() },
            1 => incidents::Command::LiftHold { incident, reason: "vrij".to_owned() },
            _ => incidents::Command::Reply { incident, draft: story.draft(dice.of(&SENDERS), "Stand") },
        },
    }))
}

/// Every view of every person can be made.
fn look_at_everything(story: &Story, references: &[Reference], opened: &[Reference]) {
    for account in [story.admin, story.duty, story.reader, story.outsider] {
        look(&story.lens(account), story, references, opened);
    }
}

/// Every view of one person.
pub(super) fn look(lens: &Lens<'_>, story: &Story, references: &[Reference], opened: &[Reference]) {
    lens.queue(story.now, &QueueFilter::default());
    lens.reports(&ReportFilter { text: "servers".to_owned(), ..ReportFilter::default() }, None, 5);
    lens.incidents(&IncidentFilter { all: true, ..IncidentFilter::default() }, opened.first().copied(), 5);
    lens.outbox(&OutboxFilter::default());
    lens.search("kwaad.example 203.0.113.0/24 vers", 0, 10);
    lens.boards(&BoardFilter::default());
    lens.board(BoardId(5));
    lens.recent(50);
    lens.observable_counts();
    references.iter().for_each(|r| drop(lens.report(*r)));
    opened.iter().for_each(|r| drop(lens.incident(*r)));
}

/// What must be so after any story.
fn check(story: &Story) {
    let desk = &story.desk;
    for (n, report) in desk.intake.reports.iter().enumerate() {
        let id = ReportId(n as u32);
        assert_eq!(desk.intake.briefs[n], report.brief(), "the packed form follows");
        let open = !matches!(report.status, intake::Status::Decided(_));
        assert_eq!(desk.intake.open.contains(&id), open, "the queue holds what is undecided, and nothing else");
        assert_eq!(report.decided_seq.is_some(), !open);
        let expected = match report.status {
            intake::Status::Decided(Verdict::Incident { incident, .. }) => Some(desk.incidents.get(incident).class),
            intake::Status::Decided(Verdict::FollowUp(of)) => Some(desk.intake.get(of).class),
            _ => None,
        };
        match expected {
            Some(class) => assert_eq!(report.class, class, "a report is seen with what it belongs to"),
            None => assert_eq!(desk.classes.get(report.class), &Audience::team(), "what is undecided is the team's"),
        }
        if report.is_erased() {
            assert!(report.arrival.open().is_none() && report.head().is_none());
            assert!(desk.is_erased(Subject::Report(id)));
        }
    }
    for (n, incident) in desk.incidents.incidents.iter().enumerate() {
        assert_eq!(desk.incidents.briefs[n], incident.brief());
        assert!(desk.incidents.by_change.contains(&(incident.changed_at, IncidentId(n as u32))));
        let label = |class| desk.classes.get(class).tlp;
        assert!(incident.timeline.iter().all(|l| label(l.class) >= incident.audience.tlp), "no line is more open");
        assert_eq!(desk.is_erased(Subject::Incident(IncidentId(n as u32))), incident.is_erased());
        for other in &incident.took_over {
            assert_eq!(desk.incidents.get(*other).merged.map(|(into, _)| into), Some(IncidentId(n as u32)));
        }
        assert!(incident.observed.iter().all(|o| incident.timeline[o.entry.index()].class == o.class));
    }
    assert_eq!(desk.incidents.by_change.len(), desk.incidents.incidents.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn any_story_can_be_told_and_told_again(seed: u64, length in 1usize..160) {
        let mut story = Story::new();
        let mut dice = Dice(Seeded(seed));
        let (mut references, mut opened) = (Vec::new(), Vec::new());
        for _ in 0..length {
            step(&mut story, &mut dice, &mut references, &mut opened);
        }
        check(&story);
        look_at_everything(&story, &references, &opened);
        prop_assert_eq!(story.replayed(), story.desk.clone());
        // The same chance gives the same facts: decisions are functions of their arguments.
        let mut again = Story::new();
        let mut dice = Dice(Seeded(seed));
        let (mut references, mut opened) = (Vec::new(), Vec::new());
        for _ in 0..length {
            step(&mut again, &mut dice, &mut references, &mut opened);
        }
        prop_assert_eq!(&again.recorded, &story.recorded);
    }
}

#[test]
fn leaves_for_things_that_are_not_there_are_refused_not_feared() {
    let mut story = Story::new();
    let by = story.duty;
    let report = crate::lens::Leave { id: ReportId(99), by };
    let incident = crate::lens::Leave { id: IncidentId(99), by };
    let notice = crate::lens::Leave { id: NoticeId(99), by };
    for command in [
        Command::Intake(intake::Command::Claim(report)),
        Command::Intake(intake::Command::Decide(report, Verdict::Spam)),
        Command::Incidents(incidents::Command::SetTask { incident, task: TaskId(0), done: true }),
        Command::Incidents(incidents::Command::Withdraw { incident, entry: EntryId(0) }),
        Command::Outbox(outbox::Command::Retry(notice)),
        Command::Undo { by, of: 9999 },
        Command::Accounts(accounts::Command::SignOut(crate::lens::Leave { id: by, by }, crate::ids::SessionId(99))),
    ] {
        assert!(story.submit(Actor::Person(by), command.clone()).is_err(), "{command:?}");
    }
}
