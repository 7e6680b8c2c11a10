//! Nobody gains sight of a message without it being said: not by judging it anew, and not by taking an act back.

use super::hold::{about, on, undo};
use crate::command::{Command, Outcome, Refusal};
use crate::ids::{OrganisationId, Reference};
use crate::incidents::{self, Change, Phase};
use crate::intake::{self, Status, Verdict};
use crate::lens::Tlp;
use crate::sealed::Sealed;
use crate::testing::{Mail, Story};

const OTHERS_SEE: Result<Outcome, Refusal> = Err(Refusal::Invalid { field: "widen", why: "others-see" });

fn change(story: &mut Story, incident: Reference, change: Change) {
    let incident = story.incident(story.duty, incident);
    on(story, incidents::Command::Change { incident, change, expected: None }).expect("it can be changed");
}

fn shown_to(story: &mut Story, incident: Reference, partner: OrganisationId) {
    change(story, incident, Change::Organisation(partner, true));
}

fn red(story: &mut Story, incident: Reference) {
    let duty = story.duty;
    change(story, incident, Change::Person(duty, true));
    change(story, incident, Change::Tlp(Tlp::Red));
}

fn go(story: &mut Story, report: Reference, to: Reference, widen: bool) -> Result<Outcome, Refusal> {
    let (report, to) = (story.report(story.duty, report), story.incident(story.duty, to));
    about(story, intake::Command::Move { report, to, widen })
}

fn reopen(story: &mut Story, report: Reference, widen: bool) -> Result<Outcome, Refusal> {
    let report = story.report(story.duty, report);
    about(story, intake::Command::Reopen { report, widen })
}

fn decide(story: &mut Story, report: Reference, incident: Reference) -> u64 {
    let incident = story.incident(story.duty, incident).id();
    let leave = story.report(story.duty, report);
    about(story, intake::Command::Decide(leave, Verdict::Incident { incident, opened: false })).expect("undecided");
    story.last_seq()
}

fn belongs_to(story: &Story, report: Reference) -> Option<Reference> {
    story.lens(story.duty).report(report)?.incident.map(|incident| incident.reference)
}

#[test]
fn an_undo_shows_a_message_to_nobody_who_did_not_see_it() {
    let mut story = Story::new();
    let (duty, outsider, partner) = (story.duty, story.outsider, story.partner);
    let [one, other] = [(); 2].map(|()| story.mail(&Mail::default()));
    let from = story.open(duty, "Servers", &[one, other]);
    let to = story.open(duty, "Leverancier", &[]);
    go(&mut story, one, to, false).expect("the same people see it");
    let moved = story.last_seq();
    let (incident, reports) = (story.incident(duty, from), vec![story.report(duty, other)]);
    on(&mut story, incidents::Command::Split { incident, title: "Elders".to_owned(), reports }).expect("the team may");
    let split = story.last_seq();
    shown_to(&mut story, from, partner);
    assert_eq!(go(&mut story, one, from, false), OTHERS_SEE);
    assert_eq!(undo(&mut story, moved), OTHERS_SEE);
    assert_eq!(undo(&mut story, split), OTHERS_SEE);
    let sees = |story: &Story, report| story.lens(outsider).report(report).is_some();
    assert!(!sees(&story, one) && !sees(&story, other));
    go(&mut story, one, from, true).expect("it was said");
    assert!(sees(&story, one));
    // A mistake of a moment ago is taken back at once: the partner saw it.
    go(&mut story, one, to, false).expect("fewer see it");
    let mistake = story.last_seq();
    undo(&mut story, mistake).expect("as it was");
    assert!(sees(&story, one));
    // Not once something was added that the partner never saw.
    go(&mut story, one, to, false).expect("fewer see it");
    let mistake = story.last_seq();
    let draft = story.draft("it@sperwermonde.example", "onder ons");
    let leave = story.report(duty, one);
    about(&mut story, intake::Command::Reply { report: leave, draft, ask: false }).expect("a mail can be written");
    assert_eq!(undo(&mut story, mistake), OTHERS_SEE);
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn what_is_judged_anew_leaves_a_red_incident_only_when_that_is_said() {
    let mut story = Story::new();
    let (duty, colleague) = (story.duty, story.colleague);
    let [kept, mistaken, follows] = [(); 3].map(|()| story.mail(&Mail::default()));
    let secret = story.open(duty, "Geheim", &[]);
    red(&mut story, secret);
    let sees = |story: &Story, report| story.lens(colleague).report(report).is_some();
    // Within the team's sight a moment ago, and so again.
    let mistake = decide(&mut story, mistaken, secret);
    assert!(!sees(&story, mistaken));
    undo(&mut story, mistake).expect("as it was");
    assert!(sees(&story, mistaken));
    let decided = decide(&mut story, kept, secret);
    let of = story.desk.report_of(kept).expect("it is there");
    let leave = story.report(duty, follows);
    about(&mut story, intake::Command::Decide(leave, Verdict::FollowUp(of))).expect("undecided");
    let following = story.last_seq();
    assert_eq!(undo(&mut story, decided), OTHERS_SEE, "with what continues it now");
    let view = story.lens(duty).report(kept).expect("named");
    assert_eq!(view.reopened_seen_by.map(|seen| seen.tlp), Some(Tlp::Amber), "the page says who will see it");
    for report in [kept, follows] {
        assert_eq!(reopen(&mut story, report, false), OTHERS_SEE);
        assert!(!sees(&story, report));
    }
    undo(&mut story, following).expect("as it was");
    reopen(&mut story, kept, true).expect("it was said");
    assert_eq!(story.lens(colleague).report(kept).map(|v| v.row.status), Some(Status::New));
    // What became RED since does not come out by an undo, and neither does a batch.
    let open = story.open(duty, "Gewoon", &[]);
    let incident = story.incident(duty, open).id();
    let leaves = [kept, mistaken].map(|r| story.report(duty, r)).to_vec();
    let many = intake::Command::DecideMany(leaves, Verdict::Incident { incident, opened: false });
    about(&mut story, many).expect("undecided");
    let batch = story.last_seq();
    let decided = decide(&mut story, follows, open);
    red(&mut story, open);
    for of in [batch, decided] {
        assert_eq!(undo(&mut story, of), OTHERS_SEE);
    }
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn an_undone_move_leads_where_the_incident_goes_on_and_never_into_what_was_erased() {
    let mut story = Story::new();
    let (duty, admin) = (story.duty, story.admin);
    let [one, other, split_off] = [(); 3].map(|()| story.mail(&Mail::default()));
    let merged = story.open(duty, "Servers", &[one]);
    let erased = story.open(duty, "Afgerond", &[other, split_off]);
    let to = story.open(duty, "Leverancier", &[]);
    let next = story.open(duty, "Samen", &[]);
    go(&mut story, one, to, false).expect("the same people see it");
    let from_merged = story.last_seq();
    go(&mut story, other, to, false).expect("the same people see it");
    let from_erased = story.last_seq();
    let (incident, reports) = (story.incident(duty, erased), vec![story.report(duty, split_off)]);
    on(&mut story, incidents::Command::Split { incident, title: "Elders".to_owned(), reports }).expect("the team may");
    let split = story.last_seq();
    let (incident, into) = (story.incident(duty, merged), story.incident(duty, next));
    on(&mut story, incidents::Command::Merge { incident, into }).expect("the team may");
    change(&mut story, erased, Change::Phase(Phase::Closed, Sealed::Open("klaar".to_owned())));
    let incident = story.incident(admin, erased);
    let erase = incidents::Command::Erase { incident, reason: "termijn voorbij".to_owned(), alone: true };
    story.act(admin, Command::Incidents(erase));
    assert_eq!(go(&mut story, other, erased, false), Err(Refusal::Erased));
    assert_eq!(undo(&mut story, from_erased), Err(Refusal::Erased));
    assert_eq!(undo(&mut story, split), Err(Refusal::Erased));
    undo(&mut story, from_merged).expect("where it goes on, the same people see it");
    assert_eq!(belongs_to(&story, one), Some(next));
    assert_eq!(belongs_to(&story, other), Some(to));
    assert_eq!(story.replayed(), story.desk);
}
