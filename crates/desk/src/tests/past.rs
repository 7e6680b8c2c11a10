//! Earlier moments: what was so, what was known, and who may see it now.

mod undone;

use super::replay::{Dice, look, step};
use crate::command::{Command, Outcome};
use crate::fact::Fact;
use crate::ids::{AccountId, Reference, Timestamp};
use crate::incidents::{self, Change, IncidentFilter, LineView, Message, Note, NoteKind, Phase};
use crate::intake::{self, ReportFilter, Verdict, Via};
use crate::lens::{Lens, Tlp};
use crate::outbox::OutboxFilter;
use crate::past::Moment;
use crate::register::{BoardFilter, Register};
use crate::sealed::Sealed;
use crate::testing::{BEGINNING, Mail, Seeded, Story};
use proptest::prelude::*;

const DAY: i64 = 24 * 3600;

fn as_of(end: Timestamp) -> Moment {
    Moment { as_of: Some(end), known_at: None }
}

fn known_at(seq: u64) -> Moment {
    Moment { as_of: None, known_at: Some(seq) }
}

fn told(seed: u64, length: usize) -> (Story, Vec<Reference>, Vec<Reference>) {
    let (mut story, mut dice) = (Story::new(), Dice(Seeded(seed)));
    let (mut references, mut opened) = (Vec::new(), Vec::new());
    for _ in 0..length {
        step(&mut story, &mut dice, &mut references, &mut opened);
    }
    (story, references, opened)
}

/// Everything that is seen in the past may be seen today.
fn within_todays_rights(then: &Lens<'_>, today: &Lens<'_>) {
    let known = |reference: Reference| today.report_id(reference).is_some() || today.incident_id(reference).is_some();
    let reports = then.reports(&ReportFilter::default(), None, usize::MAX).rows;
    let incidents = then.incidents(&IncidentFilter { all: true, ..IncidentFilter::default() }, None, usize::MAX).rows;
    let mails = then.outbox(&OutboxFilter { limit: usize::MAX, ..OutboxFilter::default() });
    let found = ["versleuteld", "203.0.113.0/24", "lijn", "titel", "antwoord", "example"];
    let found = found.iter().flat_map(|q| then.search(q, 0, 1000).hits).filter_map(|hit| hit.reference);
    let recent = then.recent(usize::MAX).into_iter().filter_map(|row| row.reference);
    let listed = reports.iter().map(|r| r.reference).chain(incidents.iter().map(|i| i.reference));
    for reference in listed.chain(mails.iter().map(|m| m.reference)).chain(found).chain(recent) {
        assert!(known(reference), "{reference} may not be seen today");
    }
    for row in &reports {
        let (then, today) = (then.report(row.reference).expect("listed"), today.report(row.reference).expect("known"));
        assert!(then.leave.is_none(), "the past is not changed");
        assert!(today.head.is_some() || then.head.is_none(), "what was erased stays erased");
        assert!(today.arrival.is_some() || then.arrival.is_none());
        for other in then.follow_ups.iter().chain(&then.follows).chain(&then.thread) {
            assert!(known(other.reference));
        }
        assert!(then.history.iter().filter_map(|e| e.reference).all(known));
        assert!(then.notices.iter().all(|n| known(n.reference)));
    }
    for row in &incidents {
        let (then, today) =
            (then.incident(row.reference).expect("listed"), today.incident(row.reference).expect("known"));
        assert!(then.leave.is_none());
        assert_eq!(then.row.tlp, today.row.tlp, "today's label");
        for line in &then.timeline {
            let now = today.timeline.iter().find(|l| l.entry == line.entry).expect("a line seen then is seen now");
            match (&line.what, &now.what) {
                (LineView::Noted(_, then), LineView::Noted(_, today)) => assert!(then.is_none() || then == today),
                (LineView::Report(row), _) => assert!(known(row.reference)),
                (LineView::Notice(mail), _) => assert!(known(mail.reference)),
                _ => {}
            }
        }
        for message in &then.conversation {
            match message {
                Message::In { row, .. } => assert!(known(row.reference)),
                Message::Out(mail) => assert!(known(mail.reference)),
            }
        }
        assert!(then.observables.iter().flat_map(|o| &o.reports).all(|r| known(*r)));
        assert!(then.similar.iter().all(|s| known(s.reference)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn any_moment_of_any_story_can_be_looked_at_by_todays_rights(seed: u64, length in 1usize..140, day in 0u64..1000, place in 0u64..1000) {
        let (story, references, opened) = told(seed, length);
        let span = story.now.seconds_since(BEGINNING) + DAY;
        let end = BEGINNING.plus_seconds(day as i64 * span / 1000 - DAY / 2);
        let seq = place * story.last_seq() / 1000;
        for moment in [as_of(end), known_at(seq), Moment { as_of: Some(end), known_at: Some(seq) }] {
            let past = story.past(moment);
            for account in [story.admin, story.duty, story.reader, story.outsider] {
                let viewer = story.desk.viewer(account).expect("the story's people stay");
                let then = past.seen_by(viewer);
                look(&then, &story, &references, &opened);
                within_todays_rights(&then, &story.lens(account));
            }
        }
    }

    #[test]
    fn the_end_of_time_as_known_now_is_today(seed: u64, length in 1usize..140) {
        let (story, ..) = told(seed, length);
        let mut past = story.past(as_of(Timestamp(i64::MAX))).desk().clone();
        past.last_at = story.desk.last_at;
        prop_assert_eq!(&past, &story.desk);
        let past = story.past(known_at(story.last_seq()));
        prop_assert_eq!(past.desk(), &story.desk);
    }

    #[test]
    fn what_was_known_at_a_position_is_what_the_desk_held_then(seed: u64, length in 1usize..100) {
        let (mut story, mut dice) = (Story::new(), Dice(Seeded(seed)));
        let (mut references, mut opened) = (Vec::new(), Vec::new());
        let mut then = (story.last_seq(), story.desk.clone());
        for n in 0..length {
            step(&mut story, &mut dice, &mut references, &mut opened);
            if n == length / 2 {
                then = (story.last_seq(), story.desk.clone());
            }
        }
        let past = story.past(known_at(then.0));
        let stands = |desk: &crate::Desk| {
            let reports: Vec<_> = desk.intake.reports.iter().map(|r| (r.reference, r.status, r.claimed_by)).collect();
            let incidents: Vec<_> = desk.incidents.incidents.iter()
                .map(|i| (i.reference, i.phase, i.severity, i.title.clone(), i.boards.clone(), i.timeline.len())).collect();
            let mails: Vec<_> = desk.outbox.notices.iter().map(|n| (n.standing, n.tries)).collect();
            (reports, incidents, mails)
        };
        prop_assert_eq!(stands(past.desk()), stands(&then.1));
    }
}

fn viewer(story: &Story, account: AccountId) -> crate::lens::Viewer {
    story.desk.viewer(account).expect("the story knows its people")
}

fn statuses(lens: &Lens<'_>) -> Vec<(Reference, &'static str)> {
    let rows = lens.reports(&ReportFilter::default(), None, 99).rows;
    rows.iter().map(|r| (r.reference, r.status.key())).collect()
}

#[test]
fn an_imported_mail_was_there_when_it_came_and_known_when_it_was_imported() {
    let mut story = Story::new();
    let duty = viewer(&story, story.duty);
    let before = story.last_seq();
    let came = BEGINNING.plus_seconds(-3 * DAY);
    story.wait(5 * DAY);
    let mail = story.mail(&Mail { via: Via::Import, event_at: Some(came), ..Mail::default() });
    let end = came.plus_seconds(3600);
    let past = story.past(as_of(end));
    let row = past.seen_by(duty).report(mail).expect("it was there").row;
    assert!(row.read && row.subject.is_some(), "what it says was said then");
    assert_eq!(past.seen_by(duty).search("lck", 0, 9).total, 1);
    assert!(story.past(as_of(came)).seen_by(duty).report(mail).is_none(), "not the day before");
    assert!(story.past(known_at(before)).seen_by(duty).report(mail).is_none(), "nobody knew of it");
    let both = Moment { as_of: Some(end), known_at: Some(before) };
    assert!(story.past(both).seen_by(duty).report(mail).is_none());
}

#[test]
fn what_was_undone_was_not_so_on_any_day_but_was_known() {
    let mut story = Story::new();
    let (duty, who) = (viewer(&story, story.duty), story.duty);
    let mail = story.mail(&Mail::default());
    let incident = story.open(who, "Vergist", &[mail]);
    let opened = story.last_seq();
    story.wait(3 * DAY);
    let of = story.lens(who).incident(incident).expect("seen").undo[0].of;
    story.act(who, Command::Undo { by: who, of });
    let end = BEGINNING.plus_seconds(DAY);
    let past = story.past(as_of(end));
    assert_eq!(statuses(&past.seen_by(duty)), [(mail, "new")]);
    assert_eq!(past.seen_by(duty).incidents(&IncidentFilter::default(), None, 9).total, 0);
    let known = story.past(known_at(opened));
    assert_eq!(statuses(&known.seen_by(duty)), [(mail, "incident")]);
    assert_eq!(known.seen_by(duty).incidents(&IncidentFilter::default(), None, 9).total, 1);
}

#[test]
fn a_line_stands_at_its_own_time_and_a_phase_at_the_time_it_was_given() {
    let mut story = Story::new();
    let (duty, who) = (viewer(&story, story.duty), story.duty);
    let mail = story.mail(&Mail::default());
    let reference = story.open(who, "Sperwermonde", &[mail]);
    story.wait(2 * DAY);
    let incident = story.incident(who, reference);
    let note = |event_at, text: &str| incidents::Command::Note {
        incident,
        kind: NoteKind::Note,
        event_at,
        certain: true,
        tlp: Tlp::Amber,
        note: Note { text: text.to_owned(), why: String::new() },
    };
    story.act(who, Command::Incidents(note(Some(BEGINNING.plus_seconds(60)), "aanmelding gezien")));
    story.act(who, Command::Incidents(note(None, "vandaag")));
    let change = Change::Phase(Phase::Contained, Sealed::Open("gestopt".to_owned()));
    story.act(who, Command::Incidents(incidents::Command::Change { incident, change, expected: None }));
    let past = story.past(as_of(BEGINNING.plus_seconds(DAY)));
    let lens = past.seen_by(duty);
    let view = lens.incident(reference).expect("it went on then");
    let noted = view.timeline.iter().filter_map(|l| match &l.what {
        LineView::Noted(_, Some(note)) => Some(note.text.as_str()),
        _ => None,
    });
    let noted: Vec<&str> = noted.collect();
    assert_eq!(noted, ["aanmelding gezien"]);
    assert_eq!((view.row.phase, view.row.reports), (Phase::Reported, 1));
    assert_eq!((lens.search("aanmelding", 0, 9).total, lens.search("vandaag", 0, 9).total), (1, 0));
    let at = past.at();
    assert!(view.timeline.iter().all(|l| l.event_at <= at), "nothing later stands in it");
}

#[test]
fn an_erasure_and_a_label_reach_a_past_that_is_open() {
    let mut story = Story::new();
    let (duty, who, partner) = (viewer(&story, story.duty), story.duty, viewer(&story, story.outsider));
    let secret = story.mail(&Mail { subject: "paspoort van Jan", text: "rijksregister geheimzin", ..Mail::default() });
    story.act(who, Command::Intake(intake::Command::Decide(story.report(who, secret), Verdict::Spam)));
    let shared = story.mail(&Mail { from: "an@gmail.com", ..Mail::default() });
    let incident = story.open(who, "Gedeeld", &[shared]);
    let work = story.incident(who, incident);
    let addressed = Change::Organisation(story.partner, true);
    story
        .act(who, Command::Incidents(incidents::Command::Change { incident: work, change: addressed, expected: None }));
    let mut past = story.past(known_at(story.last_seq()));
    assert!(
        past.seen_by(duty).search("geheimzin", 0, 9).total == 1 && past.seen_by(partner).incident(incident).is_some()
    );
    let reason = "verzoek".to_owned();
    let erase = intake::Command::Erase { report: story.report(who, secret), reason, alone: false };
    story.act(who, Command::Intake(erase));
    let confirm = intake::Command::ConfirmErasure(story.report(story.colleague, secret));
    story.act(story.colleague, Command::Intake(confirm));
    let red = Change::Tlp(Tlp::Red);
    story.act(who, Command::Incidents(incidents::Command::Change { incident: work, change: red, expected: None }));
    past.bear(&story.desk);
    let lens = past.seen_by(duty);
    assert_eq!((lens.search("geheimzin", 0, 9).total, lens.search("paspoort", 0, 9).total), (0, 0));
    assert!(lens.report(secret).expect("its reference stays").head.is_none());
    let hidden = past.seen_by(partner);
    assert!(hidden.incident(incident).is_none() && hidden.report(shared).is_none());
    assert_eq!(hidden.search("versleuteld", 0, 9).total, 0);
}

#[test]
fn incidents_stand_apart_before_their_merge_and_an_erasure_since_reaches_both() {
    let mut story = Story::new();
    let (duty, who) = (viewer(&story, story.duty), story.duty);
    let [one, other] = ["Servers geheimzin", "Leverancier"].map(|title| story.open(who, title, &[]));
    let before = story.last_seq();
    story.wait(2 * DAY);
    let (incident, into) = (story.incident(who, one), story.incident(who, other));
    story.act(who, Command::Incidents(incidents::Command::Merge { incident, into }));
    let merged = story.last_seq();
    let goes_on = |story: &Story, moment| {
        let past = story.past(moment);
        past.seen_by(duty).incident(one).expect("it was there").merged.map(|to| to.reference)
    };
    assert_eq!(goes_on(&story, known_at(before)), None);
    assert_eq!(goes_on(&story, as_of(BEGINNING.plus_seconds(DAY))), None);
    assert_eq!(goes_on(&story, known_at(merged)), Some(other));
    assert_eq!(goes_on(&story, as_of(story.now.plus_seconds(1))), Some(other));
    story.wait(DAY);
    story.act(who, Command::Incidents(incidents::Command::Part(story.incident(who, one))));
    assert_eq!(goes_on(&story, Moment::default()), None);
    assert_eq!(goes_on(&story, known_at(merged)), Some(other));
    assert_eq!(goes_on(&story, as_of(BEGINNING.plus_seconds(DAY))), None, "parting what was left out changes nothing");
    let moments = [known_at(before), known_at(merged), as_of(BEGINNING.plus_seconds(DAY))];
    let title = |story: &Story, moment| story.past(moment).seen_by(duty).incident(one).and_then(|i| i.row.title);
    assert!(moments.iter().all(|m| title(&story, *m).is_some()));
    let change = Change::Phase(Phase::Closed, Sealed::Open("klaar".to_owned()));
    let incident = story.incident(who, one);
    story.act(who, Command::Incidents(incidents::Command::Change { incident, change, expected: None }));
    let erase = incidents::Command::Erase { incident, reason: "verzoek".to_owned(), alone: false };
    story.act(who, Command::Incidents(erase));
    let confirm = incidents::Command::ConfirmErasure(story.incident(story.colleague, one));
    story.act(story.colleague, Command::Incidents(confirm));
    for moment in moments {
        assert_eq!(title(&story, moment), None, "{moment:?}");
        assert_eq!(story.past(moment).seen_by(duty).search("geheimzin", 0, 9).total, 0, "{moment:?}");
    }
}

#[test]
fn a_restore_stands_in_the_past_only_from_when_it_was_recorded() {
    let mut story = Story::new();
    let (duty, admin) = (viewer(&story, story.duty), story.admin);
    story.mail(&Mail::default());
    let before = story.last_seq();
    story.wait(2 * DAY);
    let leave = story.lens(admin).admin().expect("an administrator");
    story.act(admin, Command::TestRestore { leave, backup: "b.age".to_owned(), made_at: BEGINNING });
    let tests = |moment| story.past(moment).seen_by(duty).restore_tests().len();
    assert_eq!((tests(known_at(before)), tests(known_at(story.last_seq()))), (0, 1));
    let days = [BEGINNING.plus_seconds(DAY), story.now.plus_seconds(1)];
    assert_eq!(days.map(|end| tests(as_of(end))), [0, 1]);
}

#[test]
fn boards_are_those_of_the_day() {
    let mut story = Story::new();
    let count = |story: &Story, end| {
        let past = story.past(as_of(end));
        past.seen_by(viewer(story, story.duty)).boards(&BoardFilter::default()).len()
    };
    story.desk.register = Register::flanders();
    assert_eq!(count(&story, BEGINNING), 300);
    // The end of 31 December 2024 and of 1 January 2025, Europe/Brussels.
    assert_eq!(count(&story, Timestamp::from_seconds(1_735_686_000)), 300);
    assert_eq!(count(&story, Timestamp::from_seconds(1_735_772_400)), 285);
}

#[test]
fn an_incident_without_messages_is_as_old_as_it_goes_on() {
    let mut story = Story::new();
    let who = story.duty;
    let since = Some(BEGINNING.plus_seconds(-2 * DAY));
    let open = incidents::Command::Open {
        by: who,
        title: "Van vorige week".to_owned(),
        severity: None,
        tlp: Tlp::Amber,
        since,
        boards: vec![crate::register::BoardId(3)],
        classes: Vec::new(),
        reports: Vec::new(),
    };
    let Outcome::Incident(reference) = story.act(who, Command::Incidents(open)) else { panic!("it opens") };
    let past = story.past(as_of(BEGINNING.plus_seconds(-DAY)));
    let view = past.seen_by(viewer(&story, who)).incident(reference).expect("it went on");
    assert_eq!((view.boards.len(), view.timeline.len()), (1, 0), "its board belongs to its opening; nobody wrote then");
    assert!(story.recorded.iter().any(|(.., r)| matches!(r.fact, Fact::Incidents(incidents::Fact::Opened { .. }))));
}
