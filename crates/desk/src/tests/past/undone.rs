//! What was taken back: in the view of a day it was not so, and nothing there says that it was.

use super::{DAY, as_of, known_at, statuses, viewer};
use crate::command::Command;
use crate::ids::{Reference, TaskId, Timestamp};
use crate::incidents::{self, Change, IncidentView, LineView, Phase, Severity};
use crate::intake;
use crate::past::Moment;
use crate::sealed::Sealed;
use crate::testing::{BEGINNING, Mail, Story};

/// Acts on one incident, and the fact of each.
fn act(story: &mut Story, command: incidents::Command) -> u64 {
    story.act(story.duty, Command::Incidents(command));
    story.last_seq()
}

fn change(story: &mut Story, reference: Reference, change: Change) -> u64 {
    let incident = story.incident(story.duty, reference);
    act(story, incidents::Command::Change { incident, change, expected: None })
}

fn phase(story: &mut Story, reference: Reference, phase: Phase) -> u64 {
    change(story, reference, Change::Phase(phase, Sealed::Open("zo".to_owned())))
}

fn set_task(story: &mut Story, reference: Reference, done: bool) -> u64 {
    let incident = story.incident(story.duty, reference);
    act(story, incidents::Command::SetTask { incident, task: TaskId(0), done })
}

fn undo(story: &mut Story, of: u64) -> u64 {
    story.act(story.duty, Command::Undo { by: story.duty, of });
    story.last_seq()
}

fn seen(story: &Story, moment: Moment, reference: Reference) -> IncidentView {
    story.past(moment).seen_by(viewer(story, story.duty)).incident(reference).expect("it was there")
}

type State = (Option<Severity>, Phase, Option<Timestamp>);

fn state(view: &IncidentView) -> State {
    (view.row.severity, view.row.phase, view.tasks[0].done.as_ref().map(|(at, _)| *at))
}

#[test]
fn a_field_and_a_task_that_were_set_by_mistake_were_so_on_no_day() {
    let mut story = Story::new();
    let reference = story.open(story.duty, "Sperwermonde", &[]);
    let incident = story.incident(story.duty, reference);
    act(&mut story, incidents::Command::AddTask { incident, text: "bel".to_owned(), assignee: None, due: None });
    change(&mut story, reference, Change::Severity(Some(Severity::C4)));
    phase(&mut story, reference, Phase::Contained);
    set_task(&mut story, reference, true);
    let done_at = story.now;
    story.wait(60);
    let severity = change(&mut story, reference, Change::Severity(Some(Severity::C1)));
    let closed = phase(&mut story, reference, Phase::Closed);
    let open_again = set_task(&mut story, reference, false);
    let (right, wrong) =
        ((Some(Severity::C4), Phase::Contained, Some(done_at)), (Some(Severity::C1), Phase::Closed, None));
    let mistaken = known_at(story.last_seq());
    story.wait(2 * DAY);
    let day = as_of(BEGINNING.plus_seconds(DAY));
    assert_eq!(state(&seen(&story, day, reference)), wrong, "nothing is taken back yet");
    undo(&mut story, open_again);
    undo(&mut story, closed);
    let taken_back = undo(&mut story, severity);
    let view = seen(&story, day, reference);
    assert_eq!(state(&view), right);
    let says = |view: &IncidentView| {
        let fields = view.timeline.iter().filter(|line| matches!(line.what, LineView::Changed { .. })).count();
        let tasks = view.timeline.iter().filter(|line| matches!(line.what, LineView::TaskSet(..))).count();
        (fields, tasks)
    };
    assert_eq!(says(&view), (2, 1), "only what was meant");
    assert!(view.timeline.iter().all(|line| line.event_at < BEGINNING.plus_seconds(DAY)));
    let known = seen(&story, mistaken, reference);
    assert_eq!((state(&known), says(&known)), (wrong, (4, 2)), "so it was known then");
    let today = seen(&story, Moment::default(), reference);
    assert_eq!((state(&today), says(&today)), (right, (6, 3)));
    // Each phase was reached when it was, as if the mistake had not been made.
    let kept = &story.desk.incidents.incidents[0];
    assert_eq!(kept.phase_at[Phase::Closed as usize], None);
    assert!(kept.phase_at[Phase::Contained as usize].is_some_and(|at| at < done_at.plus_seconds(60)));
    assert_eq!(story.replayed(), story.desk);

    // It was meant after all: taking back has the time of what it takes back.
    story.wait(DAY);
    undo(&mut story, taken_back);
    assert_eq!(seen(&story, day, reference).row.severity, Some(Severity::C1));
    let earlier = as_of(done_at.plus_seconds(30));
    assert_eq!(seen(&story, earlier, reference).row.severity, Some(Severity::C4), "not before it was said first");
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn another_field_that_is_taken_back_leaves_the_phases_their_days() {
    let mut story = Story::new();
    let duty = story.duty;
    let reference = story.open(duty, "Servers", &[]);
    let severity = change(&mut story, reference, Change::Severity(Some(Severity::C1)));
    story.wait(60);
    phase(&mut story, reference, Phase::Closed);
    let closed_at = story.desk.incidents.incidents[0].phase_at[Phase::Closed as usize];
    assert!(closed_at.is_some());
    story.wait(60);
    undo(&mut story, severity);
    assert_eq!(story.desk.incidents.incidents[0].phase_at[Phase::Closed as usize], closed_at);
    assert_eq!(story.replayed(), story.desk);
}

#[test]
fn what_was_set_and_taken_back_later_leaves_an_earlier_day_as_it_was() {
    let mut story = Story::new();
    let reference = story.open(story.duty, "Sperwermonde", &[]);
    let incident = story.incident(story.duty, reference);
    act(&mut story, incidents::Command::AddTask { incident, text: "bel".to_owned(), assignee: None, due: None });
    change(&mut story, reference, Change::Severity(Some(Severity::C4)));
    let day = as_of(BEGINNING.plus_seconds(DAY));
    story.wait(2 * DAY);
    let acts =
        [change(&mut story, reference, Change::Severity(Some(Severity::C1))), set_task(&mut story, reference, true)];
    let before = seen(&story, day, reference);
    for of in acts {
        undo(&mut story, of);
    }
    let after = seen(&story, day, reference);
    assert_eq!((state(&after), after.timeline.len()), (state(&before), before.timeline.len()));
    assert_eq!(state(&after), (Some(Severity::C4), Phase::Reported, None));
}

/// Where a message stands on a day: its incident, as far as it is in one.
fn stands(story: &Story, moment: Moment, report: Reference) -> Option<Reference> {
    let past = story.past(moment);
    past.seen_by(viewer(story, story.duty)).report(report).expect("it was there").row.incident
}

#[test]
fn a_move_that_was_taken_back_was_so_on_no_day() {
    let mut story = Story::new();
    let duty = story.duty;
    let report = story.mail(&Mail::default());
    let [one, other] = [story.open(duty, "Servers", &[report]), story.open(duty, "Leverancier", &[])];
    let go = |story: &mut Story, to: Reference| {
        let (report, to) = (story.report(duty, report), story.incident(duty, to));
        story.act(duty, Command::Intake(intake::Command::Move { report, to, widen: false }));
        story.last_seq()
    };
    let moved = go(&mut story, other);
    let day = as_of(BEGINNING.plus_seconds(DAY));
    story.wait(2 * DAY);
    assert_eq!(stands(&story, day, report), Some(other), "nothing is taken back yet");
    undo(&mut story, moved);
    assert_eq!(stands(&story, day, report), Some(one));
    assert_eq!(stands(&story, known_at(moved), report), Some(other), "so it was known then");
    let speaks = |story: &Story, reference| {
        let lines = seen(story, day, reference).timeline;
        lines.iter().filter(|line| matches!(line.what, LineView::Report(..) | LineView::ReportGone(..))).count()
    };
    assert_eq!((speaks(&story, one), speaks(&story, other)), (1, 0), "nothing says that it was ever elsewhere");
    let history = story.past(day).seen_by(viewer(&story, duty)).report(report).expect("it was there").history;
    assert!(history.iter().all(|event| event.at < BEGINNING.plus_seconds(DAY)), "{history:?}");

    // A second time it moves and comes back later: of the first day nothing of it is so, and it goes on from there.
    let moved = go(&mut story, other);
    undo(&mut story, moved);
    assert_eq!(stands(&story, day, report), Some(one));
    let leave = story.report(duty, report);
    story.act(duty, Command::Intake(intake::Command::Reopen { report: leave, widen: false }));
    assert_eq!(statuses(&story.past(day).seen_by(viewer(&story, duty))), [(report, "new")], "the decision was undone");
    assert_eq!(story.replayed(), story.desk);
}
