//! What is done to an incident.

use super::{Incident, Tab, fields, load, page};
use crate::Web;
use crate::app::{self, done};
use crate::pages::first_run::mistake;
use crate::parts::Mistake;
use crate::problem::{Kind as Wrong, Problem};
use crate::routes::Route;
use crate::visitor::{Fields, Sent, Visitor};
use crate::when::{read, typed};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::{Actor, Command, Refusal};
use desk::ids::{AccountId, EntryId, IncidentId, Reference, TaskId};
use desk::incidents::{self, Note, NoteKind};
use desk::lens::{Leave, Tlp};
use desk::observables;
use engine::Fault;

/// Observables added at once, at most.
const OBSERVABLES_MAX: usize = 200;

pub(super) async fn leave(
    web: &Web,
    visitor: &Visitor,
    reference: &str,
) -> Result<(Reference, Leave<IncidentId>), Problem> {
    let reference: Reference = reference.parse().map_err(|_| Problem::not_found())?;
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).incident_leave(reference)).await?;
    Ok((reference, leave.ok_or_else(Problem::not_found)?))
}

pub(super) async fn submit(web: &Web, visitor: &Visitor, command: incidents::Command) -> Result<engine::Done, Fault> {
    web.engine().submit(Actor::Person(visitor.viewer.account), Command::Incidents(command)).await
}

/// The page again, with what was wrong and what was typed.
pub(super) async fn again(
    web: &Web,
    visitor: &Visitor,
    reference: Reference,
    tab: Tab,
    fields: Fields,
    wrong: impl FnOnce(&mut Incident, &crate::words::Words) -> StatusCode,
) -> Result<Response, Problem> {
    let (shell, mut view) = load(web, visitor, reference, tab).await?;
    let status = wrong(&mut view, shell.w);
    view.typed = fields.0.iter().cloned().collect();
    Ok(app::again(status, &page(&shell, &view), visitor, &fields))
}

pub(super) fn invalid(
    field: &'static str,
    why: &'static str,
) -> impl FnOnce(&mut Incident, &crate::words::Words) -> StatusCode {
    invalid_at(field.to_owned(), field, why)
}

/// A mistake about a field that stands elsewhere on the page than its name says.
pub(super) fn invalid_at(
    at: String,
    field: &'static str,
    why: &'static str,
) -> impl FnOnce(&mut Incident, &crate::words::Words) -> StatusCode {
    move |view, w| {
        view.mistakes = vec![Mistake { field: at, ..mistake(w, field, why) }];
        StatusCode::UNPROCESSABLE_ENTITY
    }
}

/// `POST /incident/I-…/veld`: one field, with what the person saw.
pub(crate) async fn change(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["field", "value", "was", "present", "reason"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    let board = if fields.get("field") == "board" { web.board_named(fields.get("value")).await? } else { None };
    let wanted = match fields::wanted(&fields, board) {
        Ok(wanted) => wanted,
        Err((field, why)) => {
            let wrong = invalid_at(fields::place(&fields), field, why);
            return again(&web, &visitor, reference, Tab::Timeline, fields, wrong).await;
        }
    };
    let command = incidents::Command::Change { incident: leave, change: wanted.change, expected: wanted.expected };
    match submit(&web, &visitor, command).await {
        Ok(made) => {
            // Whoever takes away what lets one see it, goes back to the list.
            let still = web.engine().read(|desk| desk.seen_by(visitor.viewer).incident_id(reference).is_some()).await?;
            let to = if still { Route::Incident(reference) } else { Route::Incidents };
            Ok(done(&to, "changed", Some(reference), made.seq))
        }
        Err(Fault::Refused(Refusal::Conflict { field })) => {
            again(&web, &visitor, reference, Tab::Timeline, fields, |view, _| {
                view.conflict = Some(field);
                StatusCode::CONFLICT
            })
            .await
        }
        Err(Fault::Refused(Refusal::Invalid { field, why })) => {
            let wrong = invalid_at(fields::place(&fields), field, why);
            again(&web, &visitor, reference, Tab::Timeline, fields, wrong).await
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /incident/I-…/noteer`: a line, or one's own taken back.
pub(crate) async fn note(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["text", "kind", "tlp", "event_at", "uncertain", "why", "withdraw"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    if let Some(entry) = fields.some("withdraw") {
        let entry = EntryId(entry.parse().map_err(|_| Problem::not_found())?);
        submit(&web, &visitor, incidents::Command::Withdraw { incident: leave, entry }).await?;
        return Ok(done(&Route::Incident(reference), "undone", Some(reference), None));
    }
    let event = match fields.some("event_at").map(|text| read(text, visitor.now)).transpose() {
        Ok(event) => event,
        Err(why) => return again(&web, &visitor, reference, Tab::Timeline, fields, invalid("event_at", why)).await,
    };
    let kind = if fields.get("kind") == "decision" { NoteKind::Decision } else { NoteKind::Note };
    let text = fields.raw("text").replace("\r\n", "\n");
    let note =
        Note { text, why: if kind == NoteKind::Decision { fields.get("why").to_owned() } else { String::new() } };
    let command = incidents::Command::Note {
        incident: leave,
        kind,
        event_at: event.map(|e| e.at),
        // At which hour of a day is not known when only the day is.
        certain: !fields.ticked("uncertain") && !event.is_some_and(|e| e.day_only),
        tlp: Tlp::from_label(fields.get("tlp")).unwrap_or_default(),
        note,
    };
    match submit(&web, &visitor, command).await {
        Ok(made) => Ok(done(&Route::Incident(reference), "noted", Some(reference), made.seq)),
        Err(Fault::Refused(Refusal::Invalid { field, why })) => {
            again(&web, &visitor, reference, Tab::Timeline, fields, invalid(field, why)).await
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /incident/I-…/taak`: a new one, or one done or open again.
pub(crate) async fn task(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["task", "done", "text", "assignee", "due", "tab"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    if let Some(task) = fields.some("task") {
        let task = TaskId(task.parse().map_err(|_| Problem::not_found())?);
        let command = incidents::Command::SetTask { incident: leave, task, done: fields.get("done") == "1" };
        let made = submit(&web, &visitor, command).await?;
        // Whoever works through the tasks stays with them.
        let to = if fields.get("tab") == Tab::Tasks.key() {
            Route::IncidentTasks(reference)
        } else {
            Route::Incident(reference)
        };
        return Ok(done(&to, "task", Some(reference), made.seq));
    }
    let due = match fields.some("due") {
        None => None,
        Some(text) => match typed(text, visitor.now) {
            Some(at) => Some(at),
            None => return again(&web, &visitor, reference, Tab::Tasks, fields, invalid("due", "time")).await,
        },
    };
    let assignee = fields.get("assignee").parse().ok().map(AccountId);
    let command = incidents::Command::AddTask { incident: leave, text: fields.get("text").to_owned(), assignee, due };
    match submit(&web, &visitor, command).await {
        Ok(made) => Ok(done(&Route::IncidentTasks(reference), "task", Some(reference), made.seq)),
        Err(Fault::Refused(Refusal::Invalid { field, why })) => {
            again(&web, &visitor, reference, Tab::Tasks, fields, invalid(field, why)).await
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /incident/I-…/waarneembaar`: everything observable in a text.
pub(crate) async fn observe(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["value", "tlp"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    let found = observables::find(fields.raw("value"), None);
    if found.is_empty() {
        return again(&web, &visitor, reference, Tab::Observables, fields, invalid("value", "observable")).await;
    }
    if found.len() > OBSERVABLES_MAX {
        return Err(Problem::of(Wrong::TooLarge));
    }
    let tlp = Tlp::from_label(fields.get("tlp")).unwrap_or(Tlp::Clear);
    let mut last = None;
    for observable in found {
        // Whoever adds it by hand means it.
        let observable = desk::intake::Observable { benign: None, ..observable };
        let command = incidents::Command::Observe { incident: leave, tlp, observable };
        last = submit(&web, &visitor, command).await?.seq;
    }
    Ok(done(&Route::Incident(reference), "observed", Some(reference), last))
}

/// `POST /incident/I-…/blokkeer`: nothing of it may be erased, or it may be again. Both with a reason.
pub(crate) async fn hold(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["hold-reason", "lift"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    let reason = fields.get("hold-reason").to_owned();
    let command = if fields.ticked("lift") {
        incidents::Command::LiftHold { incident: leave, reason }
    } else {
        incidents::Command::Hold { incident: leave, reason }
    };
    match submit(&web, &visitor, command).await {
        Ok(made) => Ok(done(&Route::Incident(reference), "held", Some(reference), made.seq)),
        Err(Fault::Refused(Refusal::Invalid { why, .. })) => {
            let wrong = invalid_at("hold-reason".to_owned(), "reason", why);
            again(&web, &visitor, reference, Tab::Timeline, fields, wrong).await
        }
        Err(other) => Err(other.into()),
    }
}
