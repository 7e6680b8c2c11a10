//! A legal hold: nothing leaves an incident that is held, by no way, and so nothing of it is erased.

use crate::command::{Actor, Command, Outcome, Refusal};
use crate::ids::{AccountId, Reference};
use crate::incidents;
use crate::intake::{self, Verdict};
use crate::testing::{Mail, Story};

const HELD: Result<Outcome, Refusal> = Err(Refusal::TooLate { why: "held" });

pub(super) fn on(story: &mut Story, command: incidents::Command) -> Result<Outcome, Refusal> {
    story.submit(Actor::Person(story.duty), Command::Incidents(command))
}

pub(super) fn about(story: &mut Story, command: intake::Command) -> Result<Outcome, Refusal> {
    story.submit(Actor::Person(story.duty), Command::Intake(command))
}

pub(super) fn undo(story: &mut Story, of: u64) -> Result<Outcome, Refusal> {
    story.submit(Actor::Person(story.duty), Command::Undo { by: story.duty, of })
}

fn hold(story: &mut Story, incident: Reference) {
    let incident = story.incident(story.duty, incident);
    on(story, incidents::Command::Hold { incident, reason: "parket".to_owned() }).expect("the team may");
}

fn lift(story: &mut Story, incident: Reference) {
    let incident = story.incident(story.duty, incident);
    on(story, incidents::Command::LiftHold { incident, reason: "vrij".to_owned() }).expect("the team may");
}

fn merge(story: &mut Story, one: Reference, into: Reference) -> u64 {
    let (incident, into) = (story.incident(story.duty, one), story.incident(story.duty, into));
    on(story, incidents::Command::Merge { incident, into }).expect("the team may");
    story.last_seq()
}

fn decide(story: &mut Story, report: Reference, verdict: Verdict) -> u64 {
    let leave = story.report(story.duty, report);
    about(story, intake::Command::Decide(leave, verdict)).expect("it is undecided");
    story.last_seq()
}

fn into(story: &Story, incident: Reference) -> Verdict {
    Verdict::Incident { incident: story.incident(story.duty, incident).id(), opened: false }
}

fn go(story: &mut Story, report: Reference, to: Reference) -> Result<Outcome, Refusal> {
    let (report, to) = (story.report(story.duty, report), story.incident(story.duty, to));
    about(story, intake::Command::Move { report, to, widen: true })
}

fn reopen(story: &mut Story, report: Reference) -> Result<Outcome, Refusal> {
    let leave = story.report(story.duty, report);
    about(story, intake::Command::Reopen { report: leave, widen: false })
}

fn split(story: &mut Story, from: Reference, report: Reference) -> Result<Outcome, Refusal> {
    let (incident, reports) = (story.incident(story.duty, from), vec![story.report(story.duty, report)]);
    on(story, incidents::Command::Split { incident, title: "Elders".to_owned(), reports })
}

fn erase(story: &mut Story, by: AccountId, report: Reference) -> Result<Outcome, Refusal> {
    let erase = intake::Command::Erase { report: story.report(by, report), reason: "weg".to_owned(), alone: true };
    story.submit(Actor::Person(by), Command::Intake(erase))
}

#[test]
fn nothing_leaves_a_legal_hold_by_any_way() {
    let mut story = Story::new();
    let (duty, admin) = (story.duty, story.admin);
    let [first, decided, batched, moved, follows, repeats] = [(); 6].map(|()| story.mail(&Mail::default()));
    let elsewhere = story.open(duty, "Elders", &[]);
    let other_hold = story.open(duty, "Ook geblokkeerd", &[]);
    let held = story.open(duty, "Dossier", &[first]);
    let opening = story.last_seq();
    let verdict = into(&story, held);
    let decision = decide(&mut story, decided, verdict);
    let batch = vec![story.report(duty, batched)];
    about(&mut story, intake::Command::DecideMany(batch, verdict)).expect("it is undecided");
    let batch = story.last_seq();
    let verdict = into(&story, elsewhere);
    decide(&mut story, moved, verdict);
    go(&mut story, moved, held).expect("nothing holds it yet");
    let move_in = story.last_seq();
    let of = story.desk.report_of(first).expect("it is there");
    let following = decide(&mut story, follows, Verdict::FollowUp(of));
    let repeating = decide(&mut story, repeats, Verdict::Duplicate(of));
    hold(&mut story, held);
    hold(&mut story, other_hold);
    let facts = story.recorded.len();
    for report in [first, decided, batched, moved, follows, repeats] {
        assert_eq!(reopen(&mut story, report), HELD);
        assert_eq!(erase(&mut story, admin, report), HELD);
    }
    for report in [first, decided, batched, moved] {
        assert_eq!(go(&mut story, report, elsewhere), HELD);
        assert_eq!(go(&mut story, report, other_hold), HELD, "that hold may be lifted alone");
        assert_eq!(split(&mut story, held, report), HELD);
    }
    for of in [opening, decision, batch, move_in, following, repeating] {
        assert_eq!(undo(&mut story, of), HELD);
    }
    assert_eq!(story.recorded.len(), facts, "nothing is recorded of what is refused");
    lift(&mut story, held);
    for of in [repeating, following, move_in, batch, decision] {
        undo(&mut story, of).expect("nothing holds it any more");
    }
    reopen(&mut story, first).expect("nothing holds it any more");
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn what_goes_on_in_a_held_incident_is_held_with_it() {
    let mut story = Story::new();
    let (duty, admin) = (story.duty, story.admin);
    let [report, gone, late] = [(); 3].map(|()| story.mail(&Mail::default()));
    let one = story.open(duty, "Servers", &[report, gone]);
    let elsewhere = story.open(duty, "Elders", &[]);
    let verdict = into(&story, elsewhere);
    decide(&mut story, late, verdict);
    go(&mut story, late, one).expect("nothing holds it yet");
    let move_in = story.last_seq();
    let Ok(Outcome::Incident(_)) = split(&mut story, one, gone) else { panic!("an incident") };
    let parting = story.last_seq();
    let held = story.open(duty, "Dossier", &[]);
    hold(&mut story, held);
    let merging = merge(&mut story, one, held);
    for report in [report, late] {
        assert_eq!(reopen(&mut story, report), HELD);
        assert_eq!(erase(&mut story, admin, report), HELD);
        assert_eq!(go(&mut story, report, elsewhere), HELD);
        assert_eq!(split(&mut story, one, report), HELD);
    }
    assert_eq!(undo(&mut story, move_in), HELD);
    assert_eq!(undo(&mut story, merging), HELD);
    let part = incidents::Command::Part(story.incident(duty, one));
    assert_eq!(on(&mut story, part.clone()), HELD);
    // Into what holds it, and back into a hold, everything may go.
    go(&mut story, report, held).expect("the hold stands over it there too");
    undo(&mut story, parting).expect("it comes under the hold");
    lift(&mut story, held);
    on(&mut story, part).expect("nothing holds it any more");
    // An own hold goes along.
    hold(&mut story, one);
    let merging = merge(&mut story, one, elsewhere);
    assert_eq!(reopen(&mut story, late), HELD);
    undo(&mut story, merging).expect("its hold is its own");
    assert_eq!(reopen(&mut story, late), HELD);
    assert_eq!(story.replayed(), story.desk);
}
