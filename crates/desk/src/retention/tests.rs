//! Which term holds, what is past it, and who decides one.

use super::*;
use crate::command::{Actor, Command, Refusal};
use crate::incidents::{self, Change};
use crate::intake;
use crate::past::Moment;
use crate::sealed::Sealed;
use crate::testing::{BEGINNING, Mail, Story};

fn term(kind: Kept, days: u32, from: &str) -> Term {
    let from = Day::try_from(from.to_owned()).expect("a day");
    Term { kind, days, from, source: "besluit".to_owned() }
}

#[test]
fn days_are_read_and_nonsense_is_not() {
    let seconds = |text: &str| Day::try_from(text.to_owned()).map(|d| d.0.seconds());
    assert_eq!(seconds("1970-01-01"), Ok(0));
    assert_eq!(seconds("2022-12-15"), Ok(1_671_062_400));
    assert_eq!(seconds("2024-02-29"), Ok(1_709_164_800));
    for wrong in ["", "2022-12", "2022-13-01", "15-12-2022", "2022-12-15-1", "vandaag"] {
        assert!(seconds(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_shipped_terms_name_every_kind_and_claim_no_law() {
    for kind in Kept::ALL {
        let named = TERMS.iter().any(|t| t.kind == kind && t.days > 0);
        assert!(named, "{kind:?}");
    }
    // Nobody with authority has decided them: no source may say so.
    assert!(TERMS.iter().all(|t| t.source == "proposal / voorstel"));
}

#[test]
fn the_term_is_the_one_that_holds_on_the_day() {
    let terms = [term(Kept::Spam, 90, "2022-12-01"), term(Kept::Spam, 30, "2023-06-01")];
    let at = |day: &str| Day::try_from(day.to_owned()).expect("a day").0;
    assert_eq!(holds(&terms, Kept::Spam, at("2022-11-30")), None);
    assert_eq!(holds(&terms, Kept::Spam, at("2022-12-01")).map(|t| t.days), Some(90));
    assert_eq!(holds(&terms, Kept::Spam, at("2023-06-01")).map(|t| t.days), Some(30));
}

#[test]
fn what_is_past_its_term_is_listed_for_the_team_until_it_is_erased_and_a_hold_is_said() {
    let mut story = Story::new();
    let (duty, colleague, outsider) = (story.duty, story.colleague, story.outsider);
    let terms = [
        term(Kept::Spam, 10, "2022-12-01"),
        term(Kept::Message, 20, "2022-12-01"),
        term(Kept::Incident, 30, "2022-12-01"),
    ];
    let [spam, message] = [story.mail(&Mail::default()), story.mail(&Mail::default())];
    let incident = story.open(duty, "Servers", &[message]);
    let leave = story.report(duty, spam);
    story.act(duty, Command::Intake(intake::Command::Decide(leave, Verdict::Spam)));
    let due = |story: &Story, who| -> Vec<(Kept, Reference, bool)> {
        let due = story.lens(who).past_terms(&terms, story.now).due;
        due.into_iter().map(|d| (d.kind, d.reference, d.held)).collect()
    };
    story.wait(9 * DAY_SECONDS);
    assert_eq!(due(&story, duty), []);
    story.wait(DAY_SECONDS);
    assert_eq!(due(&story, duty), [(Kept::Spam, spam, false)]);
    assert_eq!(story.lens(outsider).retention(story.now), Retention::default());
    let leave = story.incident(duty, incident);
    let change = Change::Phase(Phase::Closed, Sealed::Open("klaar".to_owned()));
    let close = incidents::Command::Change { incident: leave, change, expected: None };
    story.act(duty, Command::Incidents(close));
    story.wait(30 * DAY_SECONDS);
    let hold = incidents::Command::Hold { incident: leave, reason: "gerecht".to_owned() };
    story.act(duty, Command::Incidents(hold));
    let all = [(Kept::Spam, spam, false), (Kept::Message, message, true), (Kept::Incident, incident, true)];
    assert_eq!(due(&story, duty), all);
    let (report, reason) = (story.report(duty, spam), "termijn voorbij".to_owned());
    story.act(duty, Command::Intake(intake::Command::Erase { report, reason, alone: false }));
    let report = story.report(colleague, spam);
    story.act(colleague, Command::Intake(intake::Command::ConfirmErasure(report)));
    assert_eq!(due(&story, duty), all[1..]);
}

fn decided(kind: Kept, days: u32, from: Timestamp) -> NewTerm {
    NewTerm { kind, days, from, source: "besluit 2022/114".to_owned() }
}

/// Days, and whether they count, of one kind.
fn counted(retention: &Retention, kind: Kept) -> Vec<(u32, Counts)> {
    retention.terms.iter().filter(|r| r.term.kind == kind).map(|r| (r.term.days, r.counts)).collect()
}

#[test]
fn an_administrator_decides_a_term_that_counts_from_its_day_and_takes_it_back() {
    let mut story = Story::new();
    let (admin, duty) = (story.admin, story.duty);
    assert_eq!(story.lens(duty).admin(), None);
    let leave = story.lens(admin).admin().expect("an administrator");
    let set = |term| Command::SetTerm { leave, term };
    let spam = story.mail(&Mail::default());
    let report = story.report(duty, spam);
    story.act(duty, Command::Intake(intake::Command::Decide(report, Verdict::Spam)));
    story.wait(10 * DAY_SECONDS);
    let (shipped, now) = (90, story.now);
    assert_eq!(counted(&story.lens(duty).retention(now), Kept::Spam), [(shipped, Counts::Now)]);
    let later = decided(Kept::Spam, 10, now.plus_seconds(DAY_SECONDS));
    story.act(admin, set(later.clone()));
    let size = story.desk.next_seq();
    story.act(admin, set(later));
    assert_eq!(story.desk.next_seq(), size, "said twice is set once");
    let view = story.lens(duty).retention(now);
    assert_eq!(counted(&view, Kept::Spam), [(10, Counts::Later), (shipped, Counts::Now)]);
    assert_eq!(view.terms[0].set.as_ref().map(|(at, _)| *at), Some(now));
    assert_eq!((view.total, view.terms[0].undo), (0, None), "who did not set it cannot take it back");
    assert_eq!(story.lens(story.outsider).retention(now), Retention::default());
    story.wait(DAY_SECONDS);
    let view = story.lens(admin).retention(story.now);
    assert_eq!(counted(&view, Kept::Spam), [(10, Counts::Now), (shipped, Counts::NoMore)]);
    assert_eq!(view.due.iter().map(|d| d.reference).collect::<Vec<_>>(), [spam]);
    let of = view.terms[0].undo.expect("whoever set it takes it back");
    let others = story.submit(Actor::Person(duty), Command::Undo { by: duty, of });
    assert_eq!(others, Err(Refusal::NotFound));
    story.act(admin, Command::Undo { by: admin, of });
    let view = story.lens(admin).retention(story.now);
    assert_eq!(counted(&view, Kept::Spam), [(10, Counts::Never), (shipped, Counts::Now)]);
    assert_eq!((view.total, view.terms[0].undo), (0, None));
    let again = story.submit(Actor::Person(admin), Command::Undo { by: admin, of });
    assert_eq!(again, Err(Refusal::TooLate { why: "undone" }));
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn of_two_terms_from_one_moment_the_last_decided_holds() {
    let mut story = Story::new();
    let admin = story.admin;
    let leave = story.lens(admin).admin().expect("an administrator");
    let from = TERMS.iter().find(|t| t.kind == Kept::Message).expect("one ships").from.0;
    for days in [100, 200] {
        story.act(admin, Command::SetTerm { leave, term: decided(Kept::Message, days, from) });
    }
    let view = story.lens(admin).retention(story.now);
    assert_eq!(counted(&view, Kept::Message), [(200, Counts::Now), (100, Counts::NoMore), (1825, Counts::NoMore)]);
}

#[test]
fn a_term_that_cannot_be_is_refused_with_its_field() {
    let mut story = Story::new();
    let admin = story.admin;
    let leave = story.lens(admin).admin().expect("an administrator");
    let good = decided(Kept::Incident, 365, story.now);
    let wrong = [
        (NewTerm { days: 0, ..good.clone() }, "days", "days"),
        (NewTerm { days: 36_526, ..good.clone() }, "days", "days"),
        (NewTerm { from: story.now.plus_seconds(3654 * DAY_SECONDS), ..good.clone() }, "from", "far"),
        (NewTerm { from: Timestamp::from_seconds(-2_209_200_000), ..good.clone() }, "from", "early"),
        (NewTerm { source: "  ".to_owned(), ..good.clone() }, "source", "length"),
        (NewTerm { source: "\u{200b}".to_owned(), ..good.clone() }, "source", "length"),
        (NewTerm { source: "x".repeat(301), ..good.clone() }, "source", "length"),
    ];
    for (term, field, why) in wrong {
        let refused = story.submit(Actor::Person(admin), Command::SetTerm { leave, term });
        assert_eq!(refused, Err(Refusal::Invalid { field, why }));
    }
    let turned = NewTerm { source: "besluit\u{202e} 114\u{0}".to_owned(), ..good };
    story.act(admin, Command::SetTerm { leave, term: turned });
    assert_eq!(story.desk.house.terms[0].source, "besluit 114");
    let restore = |backup: &str| Command::TestRestore { leave, backup: backup.to_owned(), made_at: BEGINNING };
    let unseen = story.submit(Actor::Person(admin), restore("\u{202e}\u{7}"));
    assert_eq!(unseen, Err(Refusal::Invalid { field: "backup", why: "length" }));
}

#[test]
fn a_term_of_the_past_is_that_of_its_day_and_one_taken_back_was_never_one() {
    let mut story = Story::new();
    let admin = story.admin;
    let leave = story.lens(admin).admin().expect("an administrator");
    let began = story.now;
    story.wait(20 * DAY_SECONDS);
    let before = story.last_seq();
    let earlier = began.plus_seconds(5 * DAY_SECONDS);
    story.act(admin, Command::SetTerm { leave, term: decided(Kept::Spam, 30, earlier) });
    let known = story.last_seq();
    let who = story.desk.viewer(admin).expect("an administrator");
    let at = |story: &Story, moment: Moment, now| counted(&story.past(moment).seen_by(who).retention(now), Kept::Spam);
    let day = |n| Moment { as_of: Some(began.plus_seconds(n * DAY_SECONDS)), known_at: None };
    let now = story.now;
    assert_eq!(at(&story, day(5), began), [(90, Counts::Now)]);
    let end = began.plus_seconds(6 * DAY_SECONDS);
    assert_eq!(at(&story, day(6), end), [(30, Counts::Now), (90, Counts::NoMore)], "decided later, for that day");
    let then = |known_at| Moment { as_of: None, known_at: Some(known_at) };
    assert_eq!(at(&story, then(before), now), [(90, Counts::Now)]);
    story.act(admin, Command::Undo { by: admin, of: known });
    assert_eq!(at(&story, day(6), end), [(30, Counts::Never), (90, Counts::Now)]);
    assert_eq!(at(&story, then(known), now), [(30, Counts::Now), (90, Counts::NoMore)], "so it was known then");
    assert_eq!(story.past(then(known)).seen_by(who).retention(now).terms[0].undo, None);
}

#[test]
fn an_erasure_that_is_proposed_does_not_begin_the_term_of_a_dropped_incident_anew() {
    let mut story = Story::new();
    let duty = story.duty;
    let terms = [term(Kept::Incident, 30, "2022-12-01")];
    let incident = story.open(duty, "Bij vergissing", &[]);
    let of = story.last_seq();
    story.act(duty, Command::Undo { by: duty, of });
    let dropped = story.now;
    story.wait(30 * DAY_SECONDS);
    let due = |story: &Story| story.lens(duty).past_terms(&terms, story.now).due;
    let row = Due { kind: Kept::Incident, reference: incident, since: dropped, due: story.now, held: false };
    assert_eq!(due(&story), std::slice::from_ref(&row));
    let (leave, reason) = (story.incident(duty, incident), "termijn voorbij".to_owned());
    story.act(duty, Command::Incidents(incidents::Command::Erase { incident: leave, reason, alone: false }));
    assert_eq!(due(&story), [row], "it is still to be erased");
}
