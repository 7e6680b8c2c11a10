//! What may become of an incident.

use super::{Change, Command, Fact, Note};
use crate::Desk;
use crate::command::{Actor, Context, Decision, Outcome, Refusal};
use crate::fact::{self, Recorded};
use crate::ids::{EntryId, IncidentId, Named, TEAM, TaskId};
use crate::intake::{self, Verdict, fresh_reference};
use crate::lens::Audience;
use crate::outbox::{self, About, Purpose};
use crate::sealed::Sealed;

/// Longest title, characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// Longest line of a timeline, characters.
pub const NOTE_CHARS_MAX: usize = 20_000;

fn incidents(fact: Fact) -> Recorded {
    fact::Fact::Incidents(fact).into()
}

fn text(field: &'static str, text: &str, chars_max: usize) -> Result<String, Refusal> {
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
    let done = |facts: Vec<Recorded>| Ok(Decision { facts, outcome: Outcome::Done });
    match command {
        Command::Open { by, title, severity, tlp, since, boards, classes, reports } => {
            let title = text("title", &title, TITLE_CHARS_MAX)?;
            let incident = IncidentId(desk.incidents.incidents.len() as u32);
            let reference = fresh_reference(desk, context, Named::Incident);
            let first = reports.iter().map(|r| {
                let report = desk.intake.get(r.id);
                report.event_at.unwrap_or(report.received_at)
            });
            let since = since.or(first.min()).unwrap_or(context.now);
            let by = Actor::Person(by);
            let mut audience = Audience { tlp, ..Audience::team() };
            if tlp == crate::lens::Tlp::Red
                && let Actor::Person(account) = by
            {
                audience.persons.push(account);
            }
            let mut facts = vec![incidents(Fact::Opened {
                incident,
                reference,
                by,
                since,
                audience,
                severity,
                title: Sealed::Open(title),
            })];
            let changes = boards.into_iter().map(|b| Change::Board(b, true));
            let changes = changes.chain(classes.into_iter().map(|c| Change::Class(c, true)));
            for change in changes {
                check(desk, &change)?;
                facts.push(incidents(Fact::Changed { incident, by, change }));
            }
            for leave in reports {
                if matches!(desk.intake.get(leave.id).status, intake::Status::Decided(_)) {
                    return Err(Refusal::TooLate { why: "decided" });
                }
                let verdict = Verdict::Incident { incident, opened: true };
                facts.push(fact::Fact::Intake(intake::Fact::Decided { report: leave.id, by, verdict }).into());
            }
            Ok(Decision { facts, outcome: Outcome::Incident(reference) })
        }
        Command::Change { incident, change, expected } => {
            let kept = desk.incidents.get(incident.id);
            check(desk, &change)?;
            if let Some(expected) = expected
                && kept.current(&expected) != expected
            {
                return Err(Refusal::Conflict { field: change.field() });
            }
            if kept.current(&change) == change {
                return Ok(Decision::nothing(Outcome::Done));
            }
            done(vec![incidents(Fact::Changed { incident: incident.id, by: Actor::Person(incident.by), change })])
        }
        Command::Note { incident, kind, event_at, certain, tlp, note } => {
            let note = Note { text: text("text", &note.text, NOTE_CHARS_MAX)?, why: note.why.trim().to_owned() };
            if note.why.chars().count() > NOTE_CHARS_MAX {
                return Err(Refusal::invalid("why", "length"));
            }
            let event_at = event_at.unwrap_or(context.now);
            if event_at.seconds_since(context.now) > 300 {
                return Err(Refusal::invalid("event_at", "future"));
            }
            let kept = desk.incidents.get(incident.id);
            done(vec![incidents(Fact::Noted {
                incident: incident.id,
                entry: EntryId(kept.timeline.len() as u32),
                by: incident.by,
                kind,
                event_at,
                certain,
                // A line may be stricter than its incident, never more open.
                tlp: tlp.max(kept.audience.tlp),
                note: Sealed::Open(note),
            })])
        }
        Command::AddTask { incident, text: what, assignee, due } => {
            let what = text("text", &what, NOTE_CHARS_MAX)?;
            if assignee.is_some_and(|a| a.index() >= desk.accounts.accounts.len()) {
                return Err(Refusal::invalid("assignee", "unknown"));
            }
            done(vec![incidents(Fact::TaskAdded {
                incident: incident.id,
                task: TaskId(desk.incidents.get(incident.id).tasks.len() as u32),
                by: incident.by,
                assignee,
                due,
                text: Sealed::Open(what),
            })])
        }
        Command::SetTask { incident, task, done: state } => {
            let kept = desk.incidents.get(incident.id).tasks.get(task.index()).ok_or(Refusal::NotFound)?;
            if kept.done.is_some() == state {
                return Ok(Decision::nothing(Outcome::Done));
            }
            done(vec![incidents(Fact::TaskSet { incident: incident.id, task, by: incident.by, done: state })])
        }
        Command::Observe { incident, tlp, observable } => {
            let tlp = tlp.max(desk.incidents.get(incident.id).audience.tlp);
            if observable.value.trim().is_empty() || observable.value.len() > 2000 {
                return Err(Refusal::invalid("value", "length"));
            }
            let observable = Sealed::Open(observable);
            done(vec![incidents(Fact::Observed { incident: incident.id, by: incident.by, tlp, observable })])
        }
        Command::Reply { incident, draft } => {
            outbox::queue(desk, context, About::Incident(incident.id), Purpose::Reply, draft)
        }
    }
}

fn check(desk: &Desk, change: &Change) -> Result<(), Refusal> {
    match change {
        Change::Title(title) => {
            let title = title.open().ok_or(Refusal::Erased)?;
            text("title", title, TITLE_CHARS_MAX).map(drop)
        }
        Change::Board(board, true) if desk.register.get(*board).is_none() => {
            Err(Refusal::invalid("board", "unknown"))
        }
        Change::Organisation(TEAM, false) => Err(Refusal::invalid("organisation", "team")),
        Change::Organisation(organisation, true)
            if organisation.index() >= desk.house.organisations.len() || organisation.0 >= 64 =>
        {
            Err(Refusal::invalid("organisation", "unknown"))
        }
        Change::Class(class, _) if class.len() > 80 || class.is_empty() => Err(Refusal::invalid("class", "unknown")),
        Change::Phase(_, reason) if reason.open().is_some_and(|r| r.chars().count() > NOTE_CHARS_MAX) => {
            Err(Refusal::invalid("reason", "length"))
        }
        Change::Lead(Some(account)) if account.index() >= desk.accounts.accounts.len() => {
            Err(Refusal::invalid("lead", "unknown"))
        }
        _ => Ok(()),
    }
}

/// A field gets back the value that it had.
pub(crate) fn change_back(
    desk: &Desk,
    incident: IncidentId,
    change: Change,
    by: Actor,
) -> Result<Decision, Refusal> {
    if desk.incidents.get(incident).current(&change) == change {
        return Err(Refusal::TooLate { why: "undone" });
    }
    Ok(Decision { facts: vec![incidents(Fact::Changed { incident, by, change })], outcome: Outcome::Done })
}
