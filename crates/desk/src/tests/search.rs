//! What a question finds, and in which order.

use crate::command::Command;
use crate::ids::Reference;
use crate::incidents::{self, Change, Note, NoteKind};
use crate::intake::{self, ReportFilter, Verdict};
use crate::lens::Tlp;
use crate::sealed::Sealed;
use crate::search::{Found, HitKind, Narrow};
use crate::testing::{Mail, Story};

fn story() -> (Story, Vec<Reference>) {
    let mut story = Story::new();
    let mails = [
        (
            "it@sperwermonde.example",
            "Servers versleuteld",
            "Alles ligt plat sinds de aanmelding van 203.0.113.77 op de VPN.",
        ),
        (
            "ict@lijsterhove.example",
            "vraag over firewall",
            "Wij zien hxxps://login.kwaad[.]example/x?servers en 10.20.30.40 in de log.",
        ),
        ("an@gmail.com", "factuur", "Het rekeningnummer van de leverancier werd gewijzigd. Groeten, Annelies"),
    ];
    let references = mails
        .map(|(from, subject, text)| {
            story.wait(60);
            story.mail(&Mail { from, subject, text, ..Mail::default() })
        })
        .to_vec();
    (story, references)
}

fn references(found: &Found) -> Vec<Reference> {
    found.hits.iter().filter_map(|h| h.reference).collect()
}

#[test]
fn words_are_found_in_every_field_with_mistakes_and_beginnings() {
    let (story, mails) = story();
    let ask = |query: &str| references(&story.lens(story.duty).search(query, 0, 10));
    for (query, expected) in [
        ("versleuteld", vec![mails[0]]),
        ("VERSLEUTELD", vec![mails[0]]),
        ("verslauteld", vec![mails[0]]),
        ("versluteld", vec![mails[0]]),
        ("rekeningnumer", vec![mails[2]]),
        ("anelies", vec![mails[2]]),
        ("versl", vec![mails[0]]),
        ("leverancier gewijzigd", vec![mails[2]]),
        ("leverancier versleuteld", vec![]),
        ("gmail", vec![mails[2]]),
        ("servers", vec![mails[0], mails[1]]),
        ("xyz", vec![]),
        ("", vec![]),
        ("?!", vec![]),
    ] {
        assert_eq!(ask(query), expected, "{query}");
    }
    let found = story.lens(story.duty).search("verslauteld", 0, 10);
    assert_eq!(found.corrected, [("verslauteld".to_owned(), "versleuteld".to_owned())]);
    assert_eq!(found.hits[0].why[0].field, "subject");
    // Short words are taken as they are: the next one is too near.
    assert!(ask("vpm").is_empty() && ask("vpn") == [mails[0]]);
}

#[test]
fn addresses_networks_and_domains_are_found_however_they_are_written() {
    let (story, mails) = story();
    let ask = |query: &str| references(&story.lens(story.duty).search(query, 0, 10));
    for (query, expected) in [
        ("203.0.113.77", vec![mails[0]]),
        ("203[.]0[.]113[.]77", vec![mails[0]]),
        ("203.0.113.0/24", vec![mails[0]]),
        ("0.0.0.0/0", vec![mails[1], mails[0]]),
        ("10.0.0.0/8", vec![mails[1]]),
        ("10.20.30.40/32", vec![mails[1]]),
        ("203.0.113.78", vec![]),
        ("kwaad.example", vec![mails[1]]),
        ("*.kwaad.example", vec![mails[1]]),
        (".kwaad.example", vec![mails[1]]),
        ("login.kwaad.example", vec![mails[1]]),
        ("waad.example", vec![]),
        ("https://login.kwaad.example/x?servers", vec![mails[1]]),
        ("203.0.113.0/24 versleuteld", vec![mails[0]]),
        ("203.0.113.0/24 factuur", vec![]),
        ("1.2.3.4/99", vec![]),
    ] {
        assert_eq!(ask(query), expected, "{query}");
    }
    let found = story.lens(story.duty).search("203.0.113.0/24", 0, 10);
    assert_eq!(found.hits[0].kind, HitKind::Observable);
    assert_eq!(found.hits[0].title.as_deref(), Some("203[.]0[.]113[.]77"));
    assert_eq!(found.hits[1].why[0].field, "observable");
}

#[test]
fn references_and_boards_are_found_first() {
    let (mut story, mails) = story();
    let duty = story.duty;
    let found = story.lens(duty).search(&mails[2].to_string().to_lowercase(), 0, 10);
    assert_eq!(references(&found), [mails[2]]);
    let board = story.desk.register().find("Sperwermonde").expect("it is there");
    for query in ["Sperwermonde", "sperwerm", "sperwermonte", "SPERWERMONDE"] {
        let found = story.lens(duty).search(query, 0, 10);
        assert!(found.hits.iter().take(5).any(|h| h.kind == HitKind::Board(board)), "{query}");
        assert!(matches!(found.hits[0].kind, HitKind::Board(_)), "{query}");
        assert!(references(&found).contains(&mails[0]), "{query}");
    }
    // A report about a board is found by the board's name though the name stands nowhere in it.
    let report = story.report(duty, mails[2]);
    let appraise = intake::Command::Appraise { report, kind: None, hit_now: None, board: Some(Some(board)) };
    story.act(duty, Command::Intake(appraise));
    let found = story.lens(duty).search("sperwermonde", 0, 10);
    let hit = found.hits.iter().find(|h| h.reference == Some(mails[2])).expect("it is about that board");
    assert_eq!(hit.why[0].field, "board");
}

#[test]
fn titles_go_before_texts_and_newer_before_older() {
    let (mut story, mails) = story();
    let duty = story.duty;
    let incident = story.open(duty, "Leverancier gehackt", &[mails[2]]);
    story.wait(60);
    let work = story.incident(duty, incident);
    let note = Note { text: "Leverancier gebeld over zeldzaamding.".to_owned(), why: String::new() };
    let command = incidents::Command::Note {
        incident: work,
        kind: NoteKind::Note,
        event_at: None,
        certain: true,
        tlp: Tlp::Amber,
        note,
    };
    story.act(duty, Command::Incidents(command));
    let ask = |story: &Story, query: &str| references(&story.lens(duty).search(query, 0, 10));
    assert_eq!(ask(&story, "leverancier"), [incident, mails[2]]);
    assert_eq!(ask(&story, "zeldzaamding"), [incident]);
    let found = story.lens(duty).search("leverancier", 0, 10);
    assert_eq!(found.facets.kinds, [("report", 1), ("incident", 1)]);
    assert_eq!(found.facets.states, [("incident", 1), ("reported", 1)]);
    let title = Change::Title(Sealed::Open("Toeleverancier gehackt".to_owned()));
    story.act(duty, Command::Incidents(incidents::Command::Change { incident: work, change: title, expected: None }));
    assert_eq!(ask(&story, "toeleverancier"), [incident]);
    let list = story.lens(duty).incidents(
        &incidents::IncidentFilter { text: "rekeningnummer".to_owned(), ..Default::default() },
        None,
        9,
    );
    assert_eq!(list.total, 1, "an incident is found by a report of its own");
}

#[test]
fn pages_of_hits_follow_each_other() {
    let mut story = Story::new();
    let duty = story.duty;
    for _ in 0..25 {
        story.wait(1);
        story.mail(&Mail { subject: "hetzelfde", ..Mail::default() });
    }
    let (mut seen, mut cursor) = (Vec::new(), 0);
    loop {
        let found = story.lens(duty).search("hetzelfde", cursor, 10);
        assert_eq!(found.total, 25);
        seen.extend(references(&found));
        match found.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    let newest: Vec<Reference> =
        story.lens(duty).reports(&ReportFilter::default(), None, 30).rows.iter().map(|r| r.reference).collect();
    assert_eq!(seen, newest);
}

#[test]
fn a_long_text_is_found_as_far_as_it_is_indexed_and_filters_use_the_same_words() {
    let mut story = Story::new();
    let duty = story.duty;
    let text = format!("{} voorbijhetbegin {} voorbijheteinde", "woord ".repeat(200), "woord ".repeat(4000));
    let reference = story.mail(&Mail { subject: "lang", text: &text, ..Mail::default() });
    let total = |query: &str| story.lens(duty).search(query, 0, 10).total;
    assert_eq!((total("voorbijhetbegin"), total("voorbijheteinde")), (1, 0));
    let filter = ReportFilter { text: "voorbijhetbegin".to_owned(), ..ReportFilter::default() };
    assert_eq!(story.lens(duty).reports(&filter, None, 10).rows[0].reference, reference);
    // After a start the texts come later, once each.
    let mut desk = story.replayed();
    let missing: Vec<_> = desk.texts_to_index().collect();
    assert_eq!(missing.len(), 1);
    desk.index_text(missing[0].0, &text);
    desk.index_text(missing[0].0, "anders");
    assert_eq!(desk.texts_to_index().count(), 0);
    let viewer = desk.viewer(duty).expect("it is there");
    let found = |query: &str| desk.seen_by(viewer).search(query, 0, 9).total;
    assert_eq!((found("voorbijhetbegin"), found("anders")), (1, 0));
    story.act(duty, Command::Intake(intake::Command::Decide(story.report(duty, reference), Verdict::Spam)));
    assert_eq!(story.lens(duty).search("voorbijhetbegin", 0, 10).facets.states, [("spam", 1)]);
}

#[test]
fn hostile_questions_are_answered() {
    let (story, _) = story();
    let long = "a".repeat(100_000);
    for query in
        [&long, "((((", "0/0", "::/0", "1.2.3.4/", "/24", "\0", "M-", "*.", ".", "%", "🦀🦀🦀🦀", &"x ".repeat(1000)]
    {
        story.lens(story.duty).search(query, 0, 10);
        story.lens(story.duty).search(query, u32::MAX, usize::MAX);
    }
}

#[test]
fn what_is_found_is_narrowed_and_each_list_counts_what_the_other_one_leaves() {
    let (mut story, mails) = story();
    let duty = story.duty;
    let third =
        story.mail(&Mail { from: "x@y.example", subject: "servers traag", text: "geen haast", ..Mail::default() });
    story.open(duty, "Servers versleuteld", &[mails[0]]);
    let no = intake::Command::Decide(story.report(duty, third), Verdict::NoIncident);
    story.act(duty, Command::Intake(no));
    let ask = |kind, state| {
        let narrow = Narrow::to(kind, state).expect("they are keys");
        story.lens(duty).search_in("servers", narrow, 0, 10)
    };
    let all = ask(None, None);
    assert_eq!(all.total, 4);
    assert_eq!(all.facets.kinds, [("report", 3), ("incident", 1)]);
    let reports = ask(Some("report"), None);
    assert_eq!((reports.total, references(&reports).len()), (3, 3));
    assert_eq!(reports.facets.kinds, all.facets.kinds, "choosing another kind stays possible, with its count");
    assert_eq!(reports.facets.states.iter().map(|(_, n)| n).sum::<usize>(), 3);
    for (state, count) in &all.facets.states {
        let narrowed = ask(None, Some(state));
        assert_eq!((narrowed.total, narrowed.hits.len()), (*count, *count), "{state}");
        assert_eq!(narrowed.facets.kinds.iter().map(|(_, n)| n).sum::<usize>(), *count);
        assert!(narrowed.hits.iter().all(|hit| hit.state == Some(state)));
    }
    assert_eq!(ask(Some("incident"), Some("new")).total, 0);
    assert_eq!((Narrow::to(Some("board"), None), Narrow::to(None, Some("zomaar"))), (None, None));
    let page = story.lens(duty).search_in("servers", Narrow::to(Some("report"), None).expect("a key"), 2, 2);
    assert_eq!((page.hits.len(), page.next), (1, None), "pages are of what is left");
}

#[test]
fn a_hash_is_found_by_its_first_signs() {
    let (mut story, _) = story();
    let duty = story.duty;
    let incident = story.open(duty, "Dossier", &[]);
    let hash = "565c38844f6cb88d1e0d0a7c4bcd1c5b7ab1dd2e1b7a11e7c4a1c5d1f0e2b3a4";
    let leave = story.incident(duty, incident);
    let observable =
        intake::Observable { kind: "sha256".to_owned(), value: hash.to_owned(), ..intake::Observable::default() };
    let seen = incidents::Command::Observe { incident: leave, tlp: Tlp::Amber, observable };
    story.act(duty, Command::Incidents(seen));
    let ask = |query: &str| story.lens(duty).search(query, 0, 10);
    for query in ["565c38844f6cb88d", "565C3884", hash] {
        assert_eq!(references(&ask(query)), [incident], "{query}");
    }
    assert!(references(&ask("565c388")).is_empty(), "seven signs are too few");
    assert!(references(&ask("565c38844f6cb88e")).is_empty());
    let stranger = story.outsider;
    assert!(story.lens(stranger).search("565c38844f6cb88d", 0, 10).hits.is_empty());
}
