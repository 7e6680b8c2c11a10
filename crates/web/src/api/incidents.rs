//! Incidents: listed, opened, and worked on, each change against what the client saw.

use super::boards::board;
use super::door::Call;
use super::input::{Asked, Json, Named, has_tag, json, limit, page};
use super::problem::Wrong;
use super::reports::{after, located};
use super::schema::Moment;
use super::wire::{
    ChangeField, Done, ErasureAct, IncidentPage, IncidentQuery, IncidentWhole, Merge, NewChange, NewErasure, NewHold,
    NewIncident, NewMail, NewNote, NewObservable, NewTask, Opened, People, Person, SetTask, Split,
};
use crate::pages::public::is_mailbox;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use desk::command::{Command, Outcome, Refusal};
use desk::ids::{AccountId, IncidentId, OrganisationId, Reference, TaskId};
use desk::incidents::{self, Change, IncidentFilter, IncidentView, Note, NoteKind, Pap, Phase, Severity};
use desk::lens::{Leave, Tlp};
use desk::sealed::Sealed;
use desk::{Desk, observables};
use sha2::{Digest as _, Sha256};

pub(super) async fn list(call: Call, Asked(query): Asked<IncidentQuery>, uri: Uri) -> Result<Response, Wrong> {
    let limit = limit(query.limit)?;
    let seen = call.look(|desk, lens| {
        let filter = IncidentFilter {
            all: query.all.unwrap_or(false),
            phase: query.phase,
            severity: query.severity,
            board: query.board.as_deref().map(|b| board(desk, b)).transpose()?,
            lead: None,
            text: query.text.unwrap_or_default(),
        };
        after(query.after, |r| lens.incident_id(r).is_some())?;
        Ok::<_, Wrong>(IncidentPage::from(lens.incidents(&filter, query.after, limit)))
    });
    let found = seen.await??;
    let next = found.next.map(|r| r.to_string());
    Ok(page(&found, &uri, next.as_deref()))
}

/// What names this state of an incident, for this reader.
fn tag_of(whole: &IncidentWhole) -> String {
    let bytes = serde_json::to_vec(whole).expect("what goes over the wire is plain data");
    let digest = desk::Digest(Sha256::digest(&bytes).into()).to_string();
    format!("\"{}\"", &digest[..32])
}

pub(super) async fn get(call: Call, Named(reference): Named, headers: HeaderMap) -> Result<Response, Wrong> {
    let seen = call.look(|desk, lens| lens.incident(reference).map(|v| IncidentWhole::of(desk, v)));
    let whole = seen.await?.ok_or_else(Wrong::not_found)?;
    let tag = tag_of(&whole);
    let mut response = match has_tag(&headers, header::IF_NONE_MATCH, &tag) {
        Some(true) => StatusCode::NOT_MODIFIED.into_response(),
        _ => json(&whole),
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

pub(super) async fn open(call: Call, Json(new): Json<NewIncident>) -> Result<Response, Wrong> {
    let named = new.reports.unwrap_or_default();
    let seen = call.look(|desk, lens| {
        let boards = new.boards.unwrap_or_default();
        let boards: Result<Vec<_>, Wrong> =
            boards.iter().map(|b| board(desk, b).map_err(|w| w.about("boards", "unknown"))).collect();
        let reports: Option<Vec<_>> = named.iter().map(|r| lens.report_leave(*r)).collect();
        let unknown = || {
            Wrong::field("reports", "unknown", "reports: one of them is not there, or not for this token to act upon.")
        };
        Ok::<_, Wrong>((boards?, reports.ok_or_else(unknown)?))
    });
    let (boards, reports) = seen.await??;
    let classes = new.classes.unwrap_or_default();
    if let Some(odd) = classes.iter().find(|c| !crate::rsit::is_type(c)) {
        return Err(Wrong::field("classes", "unknown", format!("classes: {odd} is no RSIT type.")));
    }
    let command = incidents::Command::Open {
        by: call.caller.viewer.account,
        title: new.title,
        severity: new.severity,
        tlp: new.tlp.unwrap_or_default(),
        since: new.since.map(|m| m.0),
        boards,
        classes,
        reports,
    };
    opened(&call, command).await
}

/// An incident is opened, or split off.
async fn opened(call: &Call, command: incidents::Command) -> Result<Response, Wrong> {
    let done = call.submit(Command::Incidents(command)).await?;
    let Outcome::Incident(reference) = done.outcome else {
        return Err(Wrong::of("unforeseen", "It stands in the log."));
    };
    let mut response = json(&Opened { reference, at: Moment(done.at), undo: call.ticket(&done) });
    *response.status_mut() = StatusCode::CREATED;
    located(&mut response, &format!("/api/v1/incidents/{reference}"));
    Ok(response)
}

/// Leave to work on an incident in the state that the client saw, and that state.
async fn leave(
    call: &Call,
    reference: Reference,
    headers: &HeaderMap,
) -> Result<(Leave<IncidentId>, IncidentView), Wrong> {
    let seen = call.look(|desk, lens| {
        let view = lens.incident(reference)?;
        let tag = headers.contains_key(header::IF_MATCH).then(|| tag_of(&IncidentWhole::of(desk, view.clone())));
        Some((view, tag))
    });
    let (view, tag) = seen.await?.ok_or_else(Wrong::not_found)?;
    let leave = view.leave.ok_or(Refusal::Forbidden)?;
    if let Some(tag) = tag
        && has_tag(headers, header::IF_MATCH, &tag) == Some(false)
    {
        return Err(Wrong::of("changed", "The incident changed since you looked. Nothing was overwritten."));
    }
    Ok((leave, view))
}

async fn act(call: &Call, reference: Reference, command: incidents::Command) -> Result<Response, Wrong> {
    let done = call.submit(Command::Incidents(command)).await?;
    Ok(json(&Done { reference: Some(reference), at: Moment(done.at), undo: call.ticket(&done) }))
}

/// A field's value as it is written on the wire, read.
fn change(desk: &Desk, new: &NewChange, value: Option<&str>) -> Result<Change, Wrong> {
    let value = value.map(str::trim).filter(|v| !v.is_empty());
    let wrong = || Wrong::field("value", "unknown", "value: not one that this field can have.");
    let needed = || value.ok_or_else(|| Wrong::field("value", "empty", "value: this field cannot be empty."));
    let number = || needed()?.parse::<u32>().map_err(|_| wrong());
    let present = new.present.unwrap_or(true);
    let grade = || value.map(|v| Severity::from_label(v).ok_or_else(wrong)).transpose();
    Ok(match new.field {
        ChangeField::Title => Change::Title(Sealed::Open(needed()?.to_owned())),
        ChangeField::Severity => Change::Severity(grade()?),
        ChangeField::SectorSeverity => Change::SectorSeverity(grade()?),
        ChangeField::Tlp => Change::Tlp(Tlp::from_label(needed()?).ok_or_else(wrong)?),
        ChangeField::Pap => Change::Pap(Pap::from_label(needed()?).ok_or_else(wrong)?),
        ChangeField::Phase => {
            let reason = new.reason.as_deref().unwrap_or_default().trim().to_owned();
            Change::Phase(Phase::from_key(needed()?).ok_or_else(wrong)?, Sealed::Open(reason))
        }
        ChangeField::Lead => Change::Lead(value.map(|v| v.parse().map(AccountId).map_err(|_| wrong())).transpose()?),
        ChangeField::Class => {
            let class = needed()?;
            if present && !crate::rsit::is_type(class) {
                return Err(wrong());
            }
            Change::Class(class.to_owned(), present)
        }
        ChangeField::Board => Change::Board(board(desk, needed()?).map_err(|w| w.about("value", "unknown"))?, present),
        ChangeField::Organisation => {
            Change::Organisation(OrganisationId(u8::try_from(number()?).map_err(|_| wrong())?), present)
        }
        ChangeField::Person => Change::Person(AccountId(number()?), present),
    })
}

/// What stood in a field of a single value: so that nothing that comes in between is overwritten.
fn stood(view: &IncidentView, field: ChangeField) -> Option<Change> {
    let row = &view.row;
    Some(match field {
        ChangeField::Title => Change::Title(Sealed::Open(row.title.clone()?)),
        ChangeField::Severity => Change::Severity(row.severity),
        ChangeField::SectorSeverity => Change::SectorSeverity(row.sector_severity),
        ChangeField::Tlp => Change::Tlp(row.tlp),
        ChangeField::Pap => Change::Pap(row.pap),
        ChangeField::Phase => Change::Phase(row.phase, Sealed::Open(String::new())),
        ChangeField::Lead => Change::Lead(view.lead),
        _ => return None,
    })
}

pub(super) async fn change_field(
    call: Call,
    Named(reference): Named,
    headers: HeaderMap,
    Json(new): Json<NewChange>,
) -> Result<Response, Wrong> {
    let (leave, view) = leave(&call, reference, &headers).await?;
    let read = |desk: &Desk| {
        let wanted = change(desk, &new, new.value.as_deref())?;
        let expected = match &new.expected {
            Some(expected) => Some(change(desk, &new, Some(expected)).map_err(|w| w.about("expected", "unknown"))?),
            None if headers.contains_key(header::IF_MATCH) => stood(&view, new.field),
            None => None,
        };
        Ok::<_, Wrong>((wanted, expected))
    };
    let (change, expected) = call.look(|desk, _| read(desk)).await??;
    act(&call, reference, incidents::Command::Change { incident: leave, change, expected }).await
}

pub(super) async fn note(
    call: Call,
    Named(reference): Named,
    headers: HeaderMap,
    Json(new): Json<NewNote>,
) -> Result<Response, Wrong> {
    let (leave, view) = leave(&call, reference, &headers).await?;
    let command = incidents::Command::Note {
        incident: leave,
        kind: new.kind.unwrap_or(NoteKind::Note),
        event_at: new.event_at.map(|m| m.0),
        certain: new.certain.unwrap_or(true),
        tlp: new.tlp.unwrap_or(view.row.tlp),
        note: Note { text: new.text, why: new.why.unwrap_or_default() },
    };
    act(&call, reference, command).await
}

pub(super) async fn task(
    call: Call,
    Named(reference): Named,
    headers: HeaderMap,
    Json(new): Json<NewTask>,
) -> Result<Response, Wrong> {
    let (leave, _) = leave(&call, reference, &headers).await?;
    let (assignee, due) = (new.assignee.map(AccountId), new.due.map(|m| m.0));
    act(&call, reference, incidents::Command::AddTask { incident: leave, text: new.text, assignee, due }).await
}

pub(super) async fn set_task(
    call: Call,
    Named(reference): Named,
    Path((_, task)): Path<(String, String)>,
    headers: HeaderMap,
    Json(new): Json<SetTask>,
) -> Result<Response, Wrong> {
    let (leave, _) = leave(&call, reference, &headers).await?;
    let task = TaskId(task.parse().map_err(|_| Wrong::not_found())?);
    act(&call, reference, incidents::Command::SetTask { incident: leave, task, done: new.done }).await
}

pub(super) async fn observe(
    call: Call,
    Named(reference): Named,
    headers: HeaderMap,
    Json(new): Json<NewObservable>,
) -> Result<Response, Wrong> {
    let (leave, view) = leave(&call, reference, &headers).await?;
    let found = observables::single(&new.value)
        .ok_or_else(|| Wrong::field("value", "observable", "value: not one observable."))?;
    // Whoever adds it by hand means it: it is not set aside.
    let observable = desk::intake::Observable { benign: None, ..found };
    let tlp = new.tlp.unwrap_or(view.row.tlp);
    act(&call, reference, incidents::Command::Observe { incident: leave, tlp, observable }).await
}

pub(super) async fn merge(
    call: Call,
    Named(reference): Named,
    headers: HeaderMap,
    Json(new): Json<Merge>,
) -> Result<Response, Wrong> {
    let (incident, _) = leave(&call, reference, &headers).await?;
    let into = call.look(|_, lens| lens.incident_leave(new.into)).await?;
    let into = into.ok_or_else(|| Wrong::field("into", "unknown", "into: not there, or not for this token."))?;
    act(&call, reference, incidents::Command::Merge { incident, into }).await
}

pub(super) async fn part(call: Call, Named(reference): Named, headers: HeaderMap) -> Result<Response, Wrong> {
    let (incident, _) = leave(&call, reference, &headers).await?;
    act(&call, reference, incidents::Command::Part(incident)).await
}

pub(super) async fn split(
    call: Call,
    Named(reference): Named,
    headers: HeaderMap,
    Json(new): Json<Split>,
) -> Result<Response, Wrong> {
    let (incident, _) = leave(&call, reference, &headers).await?;
    let reports = call.look(|_, lens| new.reports.iter().map(|r| lens.report_leave(*r)).collect::<Option<Vec<_>>>());
    let reports = reports.await?.ok_or_else(|| {
        Wrong::field("reports", "unknown", "reports: one of them is not there, or not for this token to act upon.")
    })?;
    opened(&call, incidents::Command::Split { incident, title: new.title, reports }).await
}

pub(super) async fn hold(
    call: Call,
    Named(reference): Named,
    headers: HeaderMap,
    Json(new): Json<NewHold>,
) -> Result<Response, Wrong> {
    let (incident, _) = leave(&call, reference, &headers).await?;
    let command = match new.held {
        true => incidents::Command::Hold { incident, reason: new.reason },
        false => incidents::Command::LiftHold { incident, reason: new.reason },
    };
    act(&call, reference, command).await
}

/// Presence is of the moment: nothing of it is kept.
pub(super) async fn here(call: Call, Named(reference): Named) -> Result<Response, Wrong> {
    let (now, present) = (call.web.engine().now(), call.caller.shown.is_now());
    let here = if present { call.web.presence().here(reference, now) } else { Vec::new() };
    let seen = call.look(|_, lens| {
        lens.incident(reference)?;
        Some(lens.people().into_iter().filter(|p| here.contains(&p.account)).map(Person::from).collect())
    });
    Ok(json(&People { rows: seen.await?.ok_or_else(Wrong::not_found)? }))
}

pub(super) async fn erase(
    call: Call,
    Named(reference): Named,
    headers: HeaderMap,
    Json(new): Json<NewErasure>,
) -> Result<Response, Wrong> {
    let (incident, _) = leave(&call, reference, &headers).await?;
    let reason = new.reason.unwrap_or_default();
    let command = match new.act {
        ErasureAct::Ask => incidents::Command::Erase { incident, reason, alone: false },
        ErasureAct::Alone => incidents::Command::Erase { incident, reason, alone: true },
        ErasureAct::Confirm => incidents::Command::ConfirmErasure(incident),
        ErasureAct::Withdraw => incidents::Command::WithdrawErasure(incident),
        ErasureAct::Countersign => incidents::Command::Countersign(incident),
    };
    act(&call, reference, command).await
}

pub(super) async fn write(
    call: Call,
    Named(reference): Named,
    headers: HeaderMap,
    Json(new): Json<NewMail>,
) -> Result<Response, Wrong> {
    let (leave, view) = leave(&call, reference, &headers).await?;
    if !is_mailbox(new.to.trim()) {
        return Err(Wrong::field("to", "mailbox", "to: not a mail address."));
    }
    let language = new.language.unwrap_or_default();
    let engine = call.web.engine();
    let draft = engine.draft(&new.to, &new.subject, &new.text, language, engine.continued(&view, &new.to));
    act(&call, reference, incidents::Command::Reply { incident: leave, draft }).await
}
