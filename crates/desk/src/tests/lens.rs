//! What others may see: nothing hidden leaves a trace in any view, count, order, facet, suggestion or search.

use crate::command::{Actor, Command, Refusal};
use crate::ids::{AccountId, Reference};
use crate::incidents::{self, Change, IncidentFilter, LineView, Note, NoteKind};
use crate::intake::{self, Observable, QueueFilter, ReportFilter, Verdict};
use crate::lens::Tlp;
use crate::outbox::OutboxFilter;
use crate::register::BoardFilter;
use crate::testing::{Mail, Story};
use std::fmt::Write;

/// Questions that touch what is shown and what is hidden alike.
const QUESTIONS: [&str; 14] = [
    "sperwermonde",
    "sperwermonte",
    "versleuteld",
    "verslauteld",
    "geheim",
    "geheimwoord",
    "gehemwoord",
    "203.0.113.0/24",
    "203.0.113.7",
    "kwaad.example",
    ".example",
    "verborgen.example",
    "v",
    "leverancier",
];

fn shown<'a>() -> Mail<'a> {
    Mail {
        from: "it@sperwermonde.example",
        subject: "alle bestanden versleuteld bij ons",
        text: "Alles is versleuteld bij ons sinds vannacht. Zie 203.0.113.7 en kwaad.example.",
        ..Mail::default()
    }
}

/// Everything that somebody can read, as text.
fn everything(story: &Story, account: AccountId, references: &[Reference]) -> String {
    let lens = story.lens(account);
    let mut out = String::new();
    let mut put =
        |name: &str, value: &dyn std::fmt::Debug| writeln!(out, "{name}: {value:?}").expect("a string takes all");
    put("queue", &lens.queue(story.now, &QueueFilter::default()));
    put("wake", &lens.next_wake(story.now));
    for status in [None, Some("open"), Some("incident"), Some("spam")] {
        let filter = ReportFilter { status: status.map(str::to_owned), ..ReportFilter::default() };
        put("reports", &lens.reports(&filter, None, 50));
    }
    for text in ["", "versleuteld", "geheim", "sperwermonde"] {
        let filter = ReportFilter { text: text.to_owned(), ..ReportFilter::default() };
        put("reports", &lens.reports(&filter, None, 50));
        let filter = IncidentFilter { all: true, text: text.to_owned(), ..IncidentFilter::default() };
        put("incidents", &lens.incidents(&filter, None, 50));
    }
    put("outbox", &lens.outbox(&OutboxFilter::default()));
    put("outbox counts", &lens.outbox_counts());
    for question in QUESTIONS {
        put("search", &lens.search(question, 0, 50));
        put("suggest", &lens.suggest(question, 8));
    }
    put("boards", &lens.boards(&BoardFilter { active: true, ..BoardFilter::default() }));
    put("board", &story.desk.register().find("Sperwermonde").map(|b| lens.board(b)));
    put("recent", &lens.recent(1000));
    put("observables", &lens.observable_counts());
    put("people", &lens.people());
    put("organisations", &lens.organisations());
    put("house", &lens.house());
    for reference in references {
        put("report", &lens.report(*reference));
        put("incident", &lens.incident(*reference));
        put("similar", &lens.similar(*reference));
        put("leaves", &(lens.report_leave(*reference), lens.incident_leave(*reference)));
    }
    out
}

/// An incident that the partner works on too.
fn shared() -> (Story, Reference, Reference) {
    let mut story = Story::new();
    let duty = story.duty;
    let report = story.mail(&shown());
    let incident = story.open(duty, "Sperwermonde: alles versleuteld", &[report]);
    story.wait(1);
    let work = story.incident(duty, incident);
    let board = story.desk.register().find("Sperwermonde").expect("the demonstration has it");
    for change in [Change::Board(board, true), Change::Organisation(story.partner, true)] {
        story.act(duty, Command::Incidents(incidents::Command::Change { incident: work, change, expected: None }));
    }
    (story, report, incident)
}

fn note(story: &mut Story, by: AccountId, incident: Reference, tlp: Tlp, text: &str) {
    let incident = story.incident(by, incident);
    let note = Note { text: text.to_owned(), why: String::new() };
    let command = incidents::Command::Note { incident, kind: NoteKind::Note, event_at: None, certain: true, tlp, note };
    story.act(by, Command::Incidents(command));
}

/// Much happens that the partner may not see; all of it resembles what it may see.
fn hide_much(story: &mut Story, incident: Reference) {
    let (duty, colleague) = (story.duty, story.colleague);
    let mut hidden = Vec::new();
    for n in 0..12 {
        let text = format!("{} geheimwoord{n} verborgen.example 198.51.100.{n} leverancier", shown().text);
        hidden.push(story.mail(&Mail { text: &text, ..shown() }));
    }
    let other = story.open(duty, "Sperwermonde: geheim dossier versleuteld", &hidden[..3]);
    story.wait(5);
    let work = story.incident(duty, other);
    let board = story.desk.register().find("Sperwermonde").expect("the demonstration has it");
    let change = Change::Board(board, true);
    story.act(duty, Command::Incidents(incidents::Command::Change { incident: work, change, expected: None }));
    let observable = Observable { kind: "ipv4".to_owned(), value: "203.0.113.7".to_owned(), ..Observable::default() };
    story.act(
        duty,
        Command::Incidents(incidents::Command::Observe {
            incident: work,
            tlp: Tlp::Amber,
            observable: observable.clone(),
        }),
    );
    let leave = story.report(duty, hidden[4]);
    let draft = story.draft("it@sperwermonde.example", "geheim antwoord versleuteld");
    story.act(duty, Command::Intake(intake::Command::Reply { report: leave, draft, ask: true }));
    story.act(colleague, Command::Intake(intake::Command::Decide(story.report(colleague, hidden[5]), Verdict::Spam)));
    story
        .act(duty, Command::Intake(intake::Command::Snooze(story.report(duty, hidden[6]), story.now.plus_seconds(60))));
    // On the shared incident itself: lines for the named persons only.
    note(story, duty, incident, Tlp::Red, "geheimwoord over de leverancier");
    let work = story.incident(duty, incident);
    story.act(duty, Command::Incidents(incidents::Command::Observe { incident: work, tlp: Tlp::Red, observable }));
    story.send_all();
}

#[test]
fn hidden_things_leave_no_trace_anywhere() {
    let (mut story, report, incident) = shared();
    story.send_all();
    let partner = story.outsider;
    let known = [report, incident];
    let before = everything(&story, partner, &known);
    assert!(before.contains("alles versleuteld"), "there is something to see");
    let now = story.now;
    hide_much(&mut story, incident);
    story.now = now;
    let after = everything(&story, partner, &known);
    for (was, is) in before.lines().zip(after.lines()) {
        assert_eq!(was, is);
    }
    assert_eq!(before.len(), after.len());
    assert!(!after.contains("geheim"));
    // The team does see it: the comparison could fail.
    assert!(everything(&story, story.duty, &known).contains("geheim"));
}

#[test]
fn nothing_of_the_desk_is_seen_by_who_is_not_addressed() {
    let mut story = Story::new();
    let report = story.mail(&shown());
    let incident = story.open(story.duty, "Sperwermonde: alles versleuteld", &[report]);
    story.send_all();
    let seen = everything(&story, story.outsider, &[report, incident]);
    for word in
        ["versleuteld bij ons", "alles versleuteld", "203.0.113.7\"", "it@sperwermonde", "M-", "I-", "Naam duty"]
    {
        assert!(!seen.contains(word), "{word} in {seen}");
    }
    let lens = story.lens(story.outsider);
    assert!(
        lens.report(report).is_none()
            && lens.incident(incident).is_none()
            && lens.outbox(&OutboxFilter::default()).is_empty()
    );
}

#[test]
fn labels_decide_which_lines_are_seen() {
    let (mut story, _, incident) = shared();
    let (duty, partner) = (story.duty, story.outsider);
    for (tlp, text) in [(Tlp::Clear, "open"), (Tlp::AmberStrict, "streng"), (Tlp::Red, "rood")] {
        note(&mut story, duty, incident, tlp, text);
    }
    let lines = |account| {
        let view = story.lens(account).incident(incident).expect("addressed");
        let noted = view.timeline.iter().filter_map(|l| match &l.what {
            LineView::Noted(_, Some(note)) => Some((note.text.clone(), l.tlp)),
            _ => None,
        });
        noted.collect::<Vec<_>>()
    };
    let (open, strict) = (("open".to_owned(), None), ("streng".to_owned(), Some(Tlp::AmberStrict)));
    let red = ("rood".to_owned(), Some(Tlp::Red));
    assert_eq!(lines(partner), [strict.clone(), open.clone()], "never more open than the incident");
    assert_eq!(lines(story.colleague), [strict.clone(), open.clone()]);
    assert_eq!(lines(duty), [red, strict, open]);
}

#[test]
fn an_organisation_that_leaves_sees_nothing_any_more_and_one_that_comes_sees_all_but_red() {
    let (mut story, report, incident) = shared();
    let (duty, partner, organisation) = (story.duty, story.outsider, story.partner);
    note(&mut story, duty, incident, Tlp::Red, "rood");
    note(&mut story, duty, incident, Tlp::Amber, "geel");
    let set = |story: &mut Story, change| {
        let incident = story.incident(duty, incident);
        story.act(duty, Command::Incidents(incidents::Command::Change { incident, change, expected: None }));
    };
    set(&mut story, Change::Organisation(organisation, false));
    let lens = story.lens(partner);
    assert!(lens.incident(incident).is_none() && lens.report(report).is_none());
    assert_eq!((lens.search("versleuteld", 0, 9).total, lens.observable_counts().len()), (0, 0));
    set(&mut story, Change::Organisation(organisation, true));
    let lens = story.lens(partner);
    assert!(lens.report(report).is_some());
    assert_eq!((lens.search("geel", 0, 9).total, lens.search("rood", 0, 9).total), (1, 0));
    // Under RED only the named persons, whoever's organisation it is.
    set(&mut story, Change::Tlp(Tlp::Red));
    assert!(
        story.lens(partner).incident(incident).is_none() && story.lens(story.colleague).incident(incident).is_none()
    );
    assert!(story.lens(duty).incident(incident).is_some());
    set(&mut story, Change::Person(partner, true));
    assert!(story.lens(partner).report(report).is_some());
    assert_eq!(story.lens(partner).search("rood", 0, 9).total, 0, "that line names its own persons");
}

#[test]
fn partners_work_on_what_they_see_and_do_not_address_it_to_others() {
    let (mut story, report, incident) = shared();
    let partner = story.outsider;
    assert!(story.lens(partner).report_leave(report).is_none(), "the address is the team's");
    note(&mut story, partner, incident, Tlp::Amber, "wij zien hetzelfde");
    let work = story.incident(partner, incident);
    for change in [Change::Tlp(Tlp::Clear), Change::Organisation(story.partner, false), Change::Person(partner, true)] {
        let command = Command::Incidents(incidents::Command::Change { incident: work, change, expected: None });
        assert_eq!(story.submit(Actor::Person(partner), command), Err(Refusal::Forbidden));
    }
    let hold = incidents::Command::Hold { incident: work, reason: "nee".to_owned() };
    assert_eq!(story.submit(Actor::Person(partner), Command::Incidents(hold)), Err(Refusal::Forbidden));
    let view = story.lens(partner).incident(incident).expect("addressed");
    assert!(view.leave.is_some() && !view.may_address && view.seen_by.not.is_empty());
    // What a partner opens the team sees too, and the partner itself.
    let opened = story.open(partner, "Bij ons gezien", &[]);
    assert!(story.lens(partner).incident(opened).is_some() && story.lens(story.duty).incident(opened).is_some());
}

#[test]
fn who_will_see_it_is_said_before_it_is_saved() {
    let (story, _, incident) = shared();
    let view = story.lens(story.duty).incident(incident).expect("seen");
    assert_eq!(view.seen_by.organisations, ["Cyberresponseteam", "Federaal centrum"]);
    let labels: Vec<Tlp> = view.seen_by_label.iter().map(|s| s.tlp).collect();
    assert_eq!(labels, [Tlp::Amber, Tlp::AmberStrict, Tlp::Red]);
    assert_eq!(view.seen_by_label[2].persons, [Some("Naam duty1".to_owned())]);
}

#[test]
fn pages_follow_each_other_without_gaps_by_references_alone() {
    let mut story = Story::new();
    let duty = story.duty;
    let mut all: Vec<Reference> = (0..25).map(|_| story.mail(&shown())).collect();
    all.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = story.lens(duty).reports(&ReportFilter::default(), after, 10);
        assert_eq!(page.total, 25);
        seen.extend(page.rows.iter().map(|r| r.reference));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, all);
    let incidents: Vec<Reference> = (0..7).map(|n| story.open(duty, &format!("Nummer {n}"), &[])).collect();
    let first = story.lens(duty).incidents(&IncidentFilter::default(), None, 5);
    let second = story.lens(duty).incidents(&IncidentFilter::default(), first.next, 5);
    let listed: Vec<Reference> = first.rows.iter().chain(&second.rows).map(|r| r.reference).collect();
    assert_eq!(listed, incidents.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(second.next, None);
}
