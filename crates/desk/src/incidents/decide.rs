//! What may become of an incident.

use super::{Change, Command, Fact, Incident, Line, Note, erase, join};
use crate::Desk;
use crate::accounts::Role;
use crate::command::{Actor, Context, Decision, Outcome, Refusal};
use crate::fact::{self, Recorded};
use crate::ids::{AccountId, EntryId, IncidentId, Named, TEAM, TaskId};
use crate::intake::{self, Verdict, fresh_reference};
use crate::lens::{Audience, Leave, Tlp};
use crate::outbox::{self, About, Purpose};
use crate::sealed::Sealed;

/// Longest title, characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// Longest line of a timeline, characters.
pub const NOTE_CHARS_MAX: usize = 20_000;
/// Longest value of an observable, bytes.
pub const OBSERVABLE_BYTES_MAX: usize = 2000;
/// How far in the future something may have happened, seconds: a clock runs ahead by less than the minute that people write.
const AHEAD_SECONDS_MAX: i64 = 59;

pub(super) fn incidents(fact: Fact) -> Recorded {
    fact::Fact::Incidents(fact).into()
}

pub(super) fn text(field: &'static str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::invalid(field, "empty"));
    }
    if text.chars().count() > chars_max {
        return Err(Refusal::invalid(field, "length"));
    }
    Ok(text.to_owned())
}

pub(crate) fn decide(desk: &Desk, context: &mut Context<'_>, command: Command) -> Result<Decision, Refusal> {
    match command {
        Command::Open { .. } => open(desk, context, command),
        Command::Change { incident, change, expected } => decide_change(desk, incident, change, expected),
        Command::Split { incident, title, reports } => join::split(desk, context, incident, &title, reports),
        Command::Merge { incident, into } => join::merge(desk, incident, into),
        Command::Part(incident) => join::part(desk, incident),
        Command::Erase { incident, reason, alone } => erase::ask(desk, incident, &reason, alone),
        Command::ConfirmErasure(incident) => erase::confirm(desk, context, incident),
        Command::WithdrawErasure(incident) => erase::withdraw(desk, context, incident),
        Command::Countersign(incident) => erase::countersign(desk, incident),
        Command::Note { .. } => decide_note(desk, context, command),
        Command::AddTask { incident, text: what, assignee, due } => {
            let what = text("text", &what, NOTE_CHARS_MAX)?;
            let kept = held(desk, incident)?;
            if let Some(assignee) = assignee {
                // A task for somebody who cannot see it is never done.
                may_be_seen_by(desk, kept, assignee, "assignee")?;
            }
            done(Fact::TaskAdded {
                incident: incident.id,
                task: TaskId(kept.tasks.len() as u32),
                by: incident.by,
                assignee,
                due,
                text: Sealed::Open(what),
            })
        }
        Command::SetTask { incident, task, done: state } => {
            let kept = held(desk, incident)?.tasks.get(task.index()).ok_or(Refusal::NotFound)?;
            if kept.withdrawn {
                return Err(Refusal::TooLate { why: "withdrawn" });
            }
            if kept.done.is_some() == state {
                return Ok(Decision::nothing(Outcome::Done));
            }
            done(Fact::TaskSet { incident: incident.id, task, by: incident.by, done: state, undoes: None })
        }
        Command::Observe { incident, tlp, observable } => {
            let tlp = tlp.max(held(desk, incident)?.audience.tlp);
            if observable.value.trim().is_empty() || observable.value.len() > OBSERVABLE_BYTES_MAX {
                return Err(Refusal::invalid("value", "length"));
            }
            let observable = Sealed::Open(observable);
            done(Fact::Observed { incident: incident.id, by: incident.by, tlp, observable })
        }
        Command::Reply { incident, draft } => {
            held(desk, incident)?;
            outbox::queue(desk, context, About::Incident(incident.id), Purpose::Reply, draft)
        }
        Command::Withdraw { incident, entry } => {
            held(desk, incident)?;
            undo_line(desk, incident.id, entry, incident.by)
        }
        Command::Hold { incident, reason } => {
            let reason = Sealed::Open(text("reason", &reason, NOTE_CHARS_MAX)?);
            match team_held(desk, incident)?.hold {
                Some(_) => Ok(Decision::nothing(Outcome::Done)),
                None => done(Fact::Held { incident: incident.id, by: incident.by, reason }),
            }
        }
        Command::LiftHold { incident, reason } => {
            let reason = Sealed::Open(text("reason", &reason, NOTE_CHARS_MAX)?);
            match team_held(desk, incident)?.hold {
                Some(_) => done(Fact::HoldLifted { incident: incident.id, by: incident.by, reason }),
                None => Ok(Decision::nothing(Outcome::Done)),
            }
        }
    }
}

pub(super) fn done(fact: Fact) -> Result<Decision, Refusal> {
    Ok(Decision { facts: vec![incidents(fact)], outcome: Outcome::Done })
}

/// The incident behind a leave, if its holder may still work on it and there is something to work on.
fn held(desk: &Desk, leave: Leave<IncidentId>) -> Result<&Incident, Refusal> {
    let kept = seen(desk, leave)?;
    if kept.is_erased() { Err(Refusal::Erased) } else { Ok(kept) }
}

/// As [`held`], also of what was erased.
pub(super) fn seen(desk: &Desk, leave: Leave<IncidentId>) -> Result<&Incident, Refusal> {
    let kept = desk.incidents.incidents.get(leave.id.index()).ok_or(Refusal::NotFound)?;
    desk.still_may(leave.by, kept.class)?;
    Ok(kept)
}

pub(super) fn team_held(desk: &Desk, leave: Leave<IncidentId>) -> Result<&Incident, Refusal> {
    let kept = held(desk, leave)?;
    desk.team_still_may(leave.by, kept.class)?;
    Ok(kept)
}

fn may_be_seen_by(desk: &Desk, kept: &Incident, account: AccountId, field: &'static str) -> Result<(), Refusal> {
    let viewer = desk.viewer(account).ok_or(Refusal::invalid(field, "unknown"))?;
    if kept.audience.admits(&viewer) { Ok(()) } else { Err(Refusal::invalid(field, "cannot-see")) }
}

fn open(desk: &Desk, context: &mut Context<'_>, command: Command) -> Result<Decision, Refusal> {
    let Command::Open { by, title, severity, tlp, since, boards, classes, mut reports } = command else {
        return Err(Refusal::NotFound);
    };
    let viewer = desk.viewer(by).filter(|v| v.role >= Role::Duty).ok_or(Refusal::Forbidden)?;
    let title = text("title", &title, TITLE_CHARS_MAX)?;
    reports.sort_by_key(|r| r.id);
    reports.dedup_by_key(|r| r.id);
    for leave in &reports {
        let kept = desk.intake.reports.get(leave.id.index()).ok_or(Refusal::NotFound)?;
        desk.team_still_may(by, kept.class)?;
        if matches!(kept.status, intake::Status::Decided(_)) {
            return Err(Refusal::TooLate { why: "decided" });
        }
    }
    let incident = IncidentId(desk.incidents.incidents.len() as u32);
    let reference = fresh_reference(desk, context, Named::Incident);
    let first = reports.iter().map(|r| desk.intake.get(r.id).happened_at()).min();
    let since = since.or(first).unwrap_or(context.now);
    // Whoever opens it sees it, and so does the team.
    let mut audience = Audience { tlp, ..Audience::team() };
    audience.organisations |= 1 << (viewer.organisation.0 & 63);
    if tlp == Tlp::Red {
        audience.persons.push(by);
    }
    let by = Actor::Person(by);
    let mut facts = vec![incidents(Fact::Opened {
        incident,
        reference,
        by,
        since,
        audience,
        severity,
        from: None,
        with: (boards.len() + classes.len() + reports.len()) as u32,
        title: Sealed::Open(title),
    })];
    let changes = boards.into_iter().map(|b| Change::Board(b, true));
    for change in changes.chain(classes.into_iter().map(|c| Change::Class(c, true))) {
        check(desk, &change)?;
        facts.push(incidents(Fact::Changed { incident, by, change, undoes: None }));
    }
    for leave in reports {
        let verdict = Verdict::Incident { incident, opened: true };
        let decided = intake::Fact::Decided { report: leave.id, by, verdict, batch: None };
        facts.push(fact::Fact::Intake(decided).into());
    }
    Ok(Decision { facts, outcome: Outcome::Incident(reference) })
}

fn decide_change(
    desk: &Desk,
    leave: Leave<IncidentId>,
    change: Change,
    expected: Option<Change>,
) -> Result<Decision, Refusal> {
    let kept = held(desk, leave)?;
    check(desk, &change)?;
    if matches!(change, Change::Tlp(_) | Change::Organisation(..) | Change::Person(..)) {
        // Who sees it is for the team to say: a partner could address it to others.
        desk.team_still_may(leave.by, kept.class)?;
    }
    if let Change::Lead(Some(account)) = &change {
        may_be_seen_by(desk, kept, *account, "lead")?;
    }
    if let Some(expected) = expected
        && !kept.current(&expected).same_value(&expected)
    {
        return Err(Refusal::Conflict { field: change.field() });
    }
    if matches!(change, Change::Phase(..)) && kept.current(&change).same_value(&change) {
        // Its reason would stand in the timeline as a step that was never made.
        return Err(Refusal::invalid("phase", "same"));
    }
    let mut facts = Vec::new();
    if kept.current(&change) != change {
        facts.push(incidents(Fact::Changed { incident: leave.id, by: Actor::Person(leave.by), change, undoes: None }));
    }
    Ok(Decision { facts, outcome: Outcome::Done })
}

fn decide_note(desk: &Desk, context: &Context<'_>, command: Command) -> Result<Decision, Refusal> {
    let Command::Note { incident, kind, event_at, certain, tlp, note } = command else {
        return Err(Refusal::NotFound);
    };
    let note = Note { text: text("text", &note.text, NOTE_CHARS_MAX)?, why: note.why.trim().to_owned() };
    if note.why.chars().count() > NOTE_CHARS_MAX {
        return Err(Refusal::invalid("why", "length"));
    }
    let event_at = event_at.unwrap_or(context.now);
    if event_at.seconds_since(context.now) > AHEAD_SECONDS_MAX {
        return Err(Refusal::invalid("event_at", "future"));
    }
    let kept = held(desk, incident)?;
    done(Fact::Noted {
        incident: incident.id,
        entry: kept.next_entry(),
        by: incident.by,
        kind,
        event_at,
        certain,
        // A line may be stricter than its incident, never more open.
        tlp: tlp.max(kept.audience.tlp),
        note: Sealed::Open(note),
    })
}

fn check(desk: &Desk, change: &Change) -> Result<(), Refusal> {
    match change {
        Change::Title(title) => {
            let title = title.open().ok_or(Refusal::Erased)?;
            text("title", title, TITLE_CHARS_MAX).map(drop)
        }
        Change::Board(board, true) if desk.register.get(*board).is_none() => Err(Refusal::invalid("board", "unknown")),
        Change::Organisation(TEAM, false) => Err(Refusal::invalid("organisation", "team")),
        Change::Organisation(organisation, true)
            if organisation.index() >= desk.house.organisations.len() || organisation.0 >= 64 =>
        {
            Err(Refusal::invalid("organisation", "unknown"))
        }
        Change::Person(account, true) if account.index() >= desk.accounts.accounts.len() => {
            Err(Refusal::invalid("person", "unknown"))
        }
        Change::Class(class, _) if class.len() > 80 || class.is_empty() => Err(Refusal::invalid("class", "unknown")),
        Change::Phase(_, reason) if reason.open().is_some_and(|r| r.chars().count() > NOTE_CHARS_MAX) => {
            Err(Refusal::invalid("reason", "length"))
        }
        _ => Ok(()),
    }
}

/// A field gets back the value that it had before the fact `of`, while that is the last one to have set it.
pub(crate) fn undo_field(
    desk: &Desk,
    incident: IncidentId,
    of: u64,
    before: &Change,
    after: &Change,
    by: Actor,
) -> Result<Decision, Refusal> {
    if desk.incidents.get(incident).last_set(after) != Some(of) {
        return Err(Refusal::TooLate { why: "changed" });
    }
    if let Change::Title(Sealed::Erased) = before {
        return Err(Refusal::Erased);
    }
    done(Fact::Changed { incident, by, change: before.clone(), undoes: Some(of) })
}

/// A line is taken back by whoever wrote it.
pub(crate) fn undo_line(desk: &Desk, incident: IncidentId, entry: EntryId, by: AccountId) -> Result<Decision, Refusal> {
    let kept = desk.incidents.get(incident).timeline.get(entry.index()).ok_or(Refusal::NotFound)?;
    if !desk.viewer(by).is_some_and(|v| desk.classes.get(kept.class).admits(&v)) {
        return Err(Refusal::NotFound);
    }
    if !matches!(kept.what, Line::Noted(..) | Line::Task(_) | Line::Observed(_)) || kept.by != Actor::Person(by) {
        return Err(Refusal::Forbidden);
    }
    match kept.withdrawn {
        Some(_) => Err(Refusal::TooLate { why: "undone" }),
        None => done(Fact::Withdrawn { incident, entry, by }),
    }
}

/// A task is open again, or done again, while the fact `of` is the last one to have set it.
pub(crate) fn undo_task(
    desk: &Desk,
    incident: IncidentId,
    of: u64,
    task: TaskId,
    was_done: bool,
    by: AccountId,
) -> Result<Decision, Refusal> {
    let kept = &desk.incidents.get(incident).tasks[task.index()];
    if kept.withdrawn {
        return Err(Refusal::TooLate { why: "withdrawn" });
    }
    if kept.set != Some(of) {
        return Err(Refusal::TooLate { why: "changed" });
    }
    done(Fact::TaskSet { incident, task, by, done: was_done, undoes: Some(of) })
}

/// An incident that was opened by mistake goes, and its reports are to be judged again. Only while nothing else happened to it.
pub(crate) fn undo_opening(desk: &Desk, incident: IncidentId, by: AccountId) -> Result<Decision, Refusal> {
    let kept = desk.incidents.get(incident);
    if kept.dropped {
        return Err(Refusal::TooLate { why: "undone" });
    }
    let back = kept.from.map(|from| desk.incidents.successor(from));
    for report in &kept.reports {
        desk.report_may_leave(*report, back)?;
    }
    if !kept.untouched() {
        return Err(Refusal::TooLate { why: "worked-on" });
    }
    if let Some(from) = kept.from {
        intake::goes_on(desk, by, from)?;
    }
    for report in &kept.reports {
        desk.may_show_again(*report, kept.from, back)?;
    }
    let by = Actor::Person(by);
    let goes = |report| match back {
        Some(to) => intake::Fact::Moved { report, by, to, undoes: desk.intake.get(report).decided_seq },
        None => intake::Fact::Reopened { report, by },
    };
    let reopened = kept.reports.iter().map(|report| goes(*report));
    let mut facts: Vec<Recorded> = reopened.map(|f| fact::Fact::Intake(f).into()).collect();
    facts.push(incidents(Fact::Dropped { incident, by }));
    Ok(Decision { facts, outcome: Outcome::Done })
}
