//! Incidents that are split, merged and erased: who sees what then, what leads where, and what can be taken back.

use crate::command::{Actor, Command, Outcome, Refusal};
use crate::fact::Subject;
use crate::ids::{AccountId, Reference};
use crate::incidents::{self, Change, LineView, Note, NoteKind, Phase};
use crate::intake::{self, Status, Verdict};
use crate::lens::Tlp;
use crate::sealed::Sealed;
use crate::testing::{Mail, Story};

fn on(story: &mut Story, by: AccountId, command: incidents::Command) -> Result<Outcome, Refusal> {
    story.submit(Actor::Person(by), Command::Incidents(command))
}

fn note(story: &mut Story, by: AccountId, incident: Reference, text: &str) {
    let note = Note { text: text.to_owned(), why: String::new() };
    let (incident, kind) = (story.incident(by, incident), NoteKind::Note);
    let command = incidents::Command::Note { incident, kind, event_at: None, certain: true, tlp: Tlp::Clear, note };
    on(story, by, command).expect("a line can be written");
}

fn change(story: &mut Story, by: AccountId, incident: Reference, change: Change) {
    let incident = story.incident(by, incident);
    on(story, by, incidents::Command::Change { incident, change, expected: None }).expect("it can be changed");
}

fn merge(story: &mut Story, by: AccountId, one: Reference, into: Reference) -> Result<Outcome, Refusal> {
    let (incident, into) = (story.incident(by, one), story.incident(by, into));
    on(story, by, incidents::Command::Merge { incident, into })
}

fn texts(story: &Story, by: AccountId, incident: Reference) -> Vec<String> {
    let timeline = story.lens(by).incident(incident).map(|i| i.timeline).unwrap_or_default();
    let text = |what| match what {
        LineView::Noted(_, Some(note)) => Some(note.text),
        _ => None,
    };
    let mut texts: Vec<String> = timeline.into_iter().filter_map(|line| text(line.what)).collect();
    texts.sort();
    texts
}

#[test]
fn a_merged_incident_goes_on_in_the_other_and_nobody_gains_sight() {
    let mut story = Story::new();
    let (duty, outsider) = (story.duty, story.outsider);
    let report = story.mail(&Mail::default());
    let one = story.open(duty, "Servers", &[report]);
    let other = story.open(duty, "Leverancier", &[]);
    let partner = story.partner;
    change(&mut story, duty, other, Change::Organisation(partner, true));
    note(&mut story, duty, one, "alleen voor het team");
    note(&mut story, duty, other, "ook voor de partner");
    merge(&mut story, duty, one, other).expect("the team may");
    let seq = story.last_seq();
    assert_eq!(texts(&story, duty, other), ["alleen voor het team", "ook voor de partner"]);
    assert_eq!(texts(&story, outsider, other), ["ook voor de partner"]);
    let seen = story.lens(outsider).incident(other).expect("addressed to the partner");
    assert!(seen.conversation.is_empty() && seen.took_over.is_empty() && seen.row.reports == 0);
    assert!(story.lens(outsider).report(report).is_none() && story.lens(outsider).incident(one).is_none());
    let whole = story.lens(duty).incident(other).expect("seen");
    assert_eq!((whole.row.reports, whole.took_over.len(), whole.conversation.len()), (1, 1, 2));
    let gone = story.lens(duty).incident(one).expect("its reference still leads somewhere");
    assert_eq!(gone.merged.map(|to| to.reference), Some(other));
    // What a person attaches to the old reference, and what answers its mail, lands where it goes on.
    let late = story.mail(&Mail { subject: "nog iets", ..Mail::default() });
    let verdict = Verdict::Incident { incident: story.incident(duty, one).id(), opened: false };
    let leave = story.report(duty, late);
    story.act(duty, Command::Intake(intake::Command::Decide(leave, verdict)));
    let to = story.incident(duty, other).id();
    let status = story.lens(duty).report(late).map(|v| v.row.status);
    assert_eq!(status, Some(Status::Decided(Verdict::Incident { incident: to, opened: false })));
    // One fact takes it back.
    story.act(duty, Command::Undo { by: duty, of: seq });
    assert_eq!(texts(&story, duty, other), ["ook voor de partner"]);
    assert_eq!(texts(&story, duty, one), ["alleen voor het team"]);
    assert_eq!(
        story.submit(Actor::Person(duty), Command::Undo { by: duty, of: seq }),
        Err(Refusal::TooLate { why: "undone" })
    );
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn an_answer_to_a_mail_of_a_merged_incident_belongs_to_where_it_goes_on() {
    let mut story = Story::new();
    let duty = story.duty;
    let (one, other) = (story.open(duty, "Servers", &[]), story.open(duty, "Leverancier", &[]));
    let draft = story.draft("it@sperwermonde.example", "stand");
    let message_id = draft.message_id.clone();
    let incident = story.incident(duty, one);
    on(&mut story, duty, incidents::Command::Reply { incident, draft }).expect("a mail can be written");
    merge(&mut story, duty, one, other).expect("the team may");
    let answer = story.mail(&Mail { answers: vec![message_id.clone()], ..Mail::default() });
    let stranger = story.mail(&Mail { from: "x@elders.example", answers: vec![message_id], ..Mail::default() });
    let belongs = |r| story.lens(duty).report(r).map(|v| v.row.status);
    let to = story.incident(duty, other).id();
    assert_eq!(belongs(answer), Some(Status::Decided(Verdict::Incident { incident: to, opened: false })));
    assert_eq!(belongs(stranger), Some(Status::New));
}

#[test]
fn merges_lead_in_no_circle_and_only_the_team_makes_them() {
    let mut story = Story::new();
    let (duty, outsider) = (story.duty, story.outsider);
    let [a, b, c] = ["a", "b", "c"].map(|t| story.open(duty, t, &[]));
    merge(&mut story, duty, a, b).expect("the team may");
    assert_eq!(merge(&mut story, duty, a, c), Err(Refusal::TooLate { why: "merged" }));
    assert_eq!(merge(&mut story, duty, b, a), Err(Refusal::Invalid { field: "into", why: "itself" }));
    merge(&mut story, duty, b, c).expect("the team may");
    assert_eq!(merge(&mut story, duty, c, a), Err(Refusal::Invalid { field: "into", why: "itself" }));
    assert_eq!(story.lens(duty).incident(c).map(|i| i.timeline.len()), Some(7));
    let partner = story.partner;
    for incident in [a, b, c] {
        change(&mut story, duty, incident, Change::Organisation(partner, true));
    }
    let parts = incidents::Command::Part(story.incident(outsider, a));
    assert_eq!(on(&mut story, outsider, parts), Err(Refusal::Forbidden));
}

#[test]
fn a_split_takes_messages_along_and_its_undo_brings_them_back() {
    let mut story = Story::new();
    let (duty, outsider, partner) = (story.duty, story.outsider, story.partner);
    let reports: Vec<Reference> = (0..3).map(|_| story.mail(&Mail::default())).collect();
    let one = story.open(duty, "Servers", &reports);
    change(&mut story, duty, one, Change::Organisation(partner, true));
    let split = |story: &mut Story, who: AccountId| {
        let leaves = reports[1..].iter().map(|r| story.report(duty, *r)).collect();
        let (incident, title) = (story.incident(who, one), "Iets anders".to_owned());
        on(story, who, incidents::Command::Split { incident, title, reports: leaves })
    };
    assert_eq!(split(&mut story, outsider), Err(Refusal::Forbidden));
    let Ok(Outcome::Incident(new)) = split(&mut story, duty) else { panic!("an incident") };
    let seq = story.last_seq();
    let count = |story: &Story, who, incident| story.lens(who).incident(incident).map(|i| i.row.reports);
    assert_eq!((count(&story, duty, one), count(&story, duty, new)), (Some(1), Some(2)));
    assert_eq!(count(&story, outsider, new), Some(2), "the same people see it");
    assert_eq!(story.lens(duty).incident(new).and_then(|i| i.from).map(|f| f.reference), Some(one));
    assert_eq!(split(&mut story, duty), Err(Refusal::TooLate { why: "not-in-incident" }));
    story.act(duty, Command::Undo { by: duty, of: seq });
    assert_eq!(count(&story, duty, one), Some(3));
    assert!(story.lens(duty).incident(new).is_some_and(|i| i.dropped));
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn a_message_moves_to_where_others_see_it_only_when_that_is_said() {
    let mut story = Story::new();
    let (duty, outsider, partner) = (story.duty, story.outsider, story.partner);
    let report = story.mail(&Mail::default());
    let one = story.open(duty, "Servers", &[report]);
    let other = story.open(duty, "Leverancier", &[]);
    change(&mut story, duty, other, Change::Organisation(partner, true));
    let go = |story: &mut Story, to, widen| {
        let (report, to) = (story.report(duty, report), story.incident(duty, to));
        story.submit(Actor::Person(duty), Command::Intake(intake::Command::Move { report, to, widen }))
    };
    assert_eq!(go(&mut story, other, false), Err(Refusal::Invalid { field: "widen", why: "others-see" }));
    assert_eq!(go(&mut story, other, true), Ok(Outcome::Done));
    let seq = story.last_seq();
    assert!(story.lens(outsider).report(report).is_some());
    story.act(duty, Command::Undo { by: duty, of: seq });
    assert!(story.lens(outsider).report(report).is_none());
    assert_eq!(story.lens(duty).incident(one).map(|i| i.row.reports), Some(1));
    // Out of a legal hold nothing leaves.
    let incident = story.incident(duty, one);
    on(&mut story, duty, incidents::Command::Hold { incident, reason: "gerecht".to_owned() }).expect("the team may");
    assert_eq!(go(&mut story, other, true), Err(Refusal::TooLate { why: "held" }));
}

#[test]
fn what_was_written_in_an_incident_is_erased_by_two_and_leaves_nothing() {
    let mut story = Story::new();
    let (duty, colleague, admin) = (story.duty, story.colleague, story.admin);
    let report = story.mail(&Mail::default());
    let one = story.open(duty, "Servers van Sperwermonde", &[report]);
    note(&mut story, duty, one, "de burgemeester belde zelf");
    let erase = |story: &mut Story, by, alone| {
        let (incident, reason) = (story.incident(by, one), "termijn voorbij".to_owned());
        on(story, by, incidents::Command::Erase { incident, reason, alone })
    };
    let open = erase(&mut story, duty, false);
    assert_eq!(open, Err(Refusal::Invalid { field: "incident", why: "not-closed" }));
    change(&mut story, duty, one, Change::Phase(Phase::Closed, Sealed::Open("klaar met de burgemeester".to_owned())));
    let incident = story.incident(duty, one);
    on(&mut story, duty, incidents::Command::Hold { incident, reason: "gerecht".to_owned() }).expect("the team may");
    assert_eq!(erase(&mut story, duty, false), Err(Refusal::TooLate { why: "held" }));
    on(&mut story, duty, incidents::Command::LiftHold { incident, reason: "klaar".to_owned() }).expect("the team may");
    erase(&mut story, duty, false).expect("anybody on duty asks");
    assert_eq!(erase(&mut story, duty, true), Err(Refusal::Forbidden), "alone only by an administrator");
    let mine = incidents::Command::ConfirmErasure(incident);
    assert_eq!(on(&mut story, duty, mine), Err(Refusal::Forbidden), "it takes a second person");
    let theirs = incidents::Command::ConfirmErasure(story.incident(colleague, one));
    on(&mut story, colleague, theirs).expect("the second person");
    assert!(story.desk.is_erased(Subject::Incident(incident.id())));
    let left = format!("{:?}", story.desk);
    assert!(!left.contains("burgemeester") && !left.contains("Servers van"));
    assert!(story.lens(duty).report(report).is_some_and(|r| !r.row.erased), "messages have keys of their own");
    assert_eq!(erase(&mut story, admin, true), Err(Refusal::Erased));
    assert!(story.lens(duty).incident(one).is_some_and(|i| i.row.title.is_none() && i.undo.is_empty()));
    assert!(story.lens(duty).search("burgemeester", 0, 9).hits.is_empty());
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn an_erasure_by_one_is_countersigned_by_another() {
    let mut story = Story::new();
    let (duty, admin) = (story.duty, story.admin);
    let one = story.open(duty, "Servers", &[]);
    change(&mut story, duty, one, Change::Phase(Phase::Closed, Sealed::Open(String::new())));
    let (incident, reason) = (story.incident(admin, one), "op verzoek".to_owned());
    on(&mut story, admin, incidents::Command::Erase { incident, reason, alone: true }).expect("an administrator may");
    let own = incidents::Command::Countersign(incident);
    assert_eq!(on(&mut story, admin, own), Err(Refusal::Forbidden));
    let other = incidents::Command::Countersign(story.incident(duty, one));
    on(&mut story, duty, other.clone()).expect("a second person");
    assert_eq!(on(&mut story, duty, other), Err(Refusal::TooLate { why: "countersigned" }));
    assert_eq!(story.replayed(), story.desk);
}
