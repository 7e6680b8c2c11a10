//! Reports: listed, made, and acted upon.

use super::boards::board;
use super::door::Call;
use super::input::{Asked, Json, Named, json, limit, page};
use super::problem::Wrong;
use super::schema::Moment;
use super::wire::{
    Accepted, Done, ErasureAct, NewAppraisal, NewDecision, NewErasure, NewMove, NewReply, NewReport, NewSnooze,
    NewUndo, Report, ReportPage, ReportQuery, ReportWhole, VerdictKey,
};
use crate::pages::public::{FILES_BYTES_MAX, FILES_MAX, is_mailbox};
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use desk::accounts::Role;
use desk::command::{Actor, Command};
use desk::ids::{Reference, ReportId};
use desk::intake::{self, ReportFilter, Verdict, Via};
use desk::lens::{Leave, Lens};
use engine::{FormFile, FormReport, with_reference};

/// Longest short field of a new report, characters.
const LINE_CHARS_MAX: usize = 200;
/// Longest account of what happens, characters.
const WHAT_CHARS_MAX: usize = 100_000;

pub(super) async fn list(call: Call, Asked(query): Asked<ReportQuery>, uri: Uri) -> Result<Response, Wrong> {
    let limit = limit(query.limit)?;
    let seen = call.look(|desk, lens| {
        let filter = ReportFilter {
            status: query.status.map(|s| s.key().to_owned()),
            kind: query.kind,
            board: query.board.as_deref().map(|b| board(desk, b)).transpose()?,
            hit_now: query.hit_now.unwrap_or(false),
            mine: query.mine.unwrap_or(false),
            text: query.text.unwrap_or_default(),
        };
        after(query.after, |r| lens.report_id(r).is_some())?;
        let seen = lens.reports(&filter, query.after, limit);
        let rows = seen.rows.into_iter().map(|r| Report::of(desk, r)).collect();
        Ok::<_, Wrong>(ReportPage { rows, next: seen.next, total: seen.total })
    });
    let found = seen.await??;
    let next = found.next.map(|r| r.to_string());
    Ok(page(&found, &uri, next.as_deref()))
}

/// A cursor must name something that may be seen.
pub(super) fn after(cursor: Option<Reference>, seen: impl Fn(Reference) -> bool) -> Result<(), Wrong> {
    match cursor {
        Some(cursor) if !seen(cursor) => Err(Wrong::field("after", "unknown", "after: there is no such row.")),
        _ => Ok(()),
    }
}

fn checked(new: &NewReport) -> Result<(), Wrong> {
    let lines = [("board", &new.board), ("name", &new.name), ("email", &new.email), ("phone", &new.phone)];
    for (field, text) in lines {
        if text.as_ref().is_some_and(|t| t.chars().count() > LINE_CHARS_MAX) {
            return Err(Wrong::field(field, "length", format!("{field}: at most {LINE_CHARS_MAX} characters.")));
        }
    }
    let what = new.what.as_deref().unwrap_or_default().trim();
    let phone = new.phone.as_deref().unwrap_or_default().trim();
    let called = new.hit_now == Some(true) && !phone.is_empty();
    if what.is_empty() && !called {
        return Err(Wrong::field("what", "empty", "what: say what happens, or set hit_now and give a phone."));
    }
    if what.chars().count() > WHAT_CHARS_MAX {
        return Err(Wrong::field("what", "length", format!("what: at most {WHAT_CHARS_MAX} characters.")));
    }
    if new.email.as_deref().map(str::trim).is_some_and(|e| !e.is_empty() && !is_mailbox(e)) {
        return Err(Wrong::field("email", "mailbox", "email: not a mail address."));
    }
    let files = new.files.as_deref().unwrap_or_default();
    let bytes: usize = files.iter().map(|f| f.content.0.len()).sum();
    if files.len() > FILES_MAX || bytes > FILES_BYTES_MAX {
        let detail = format!("files: at most {FILES_MAX}, and {} MiB together.", FILES_BYTES_MAX >> 20);
        return Err(Wrong::of("too-large", detail).about("files", "length"));
    }
    Ok(())
}

pub(super) async fn create(call: Call, Json(new): Json<NewReport>) -> Result<Response, Wrong> {
    if call.caller.viewer.role < Role::Duty {
        return Err(desk::command::Refusal::Forbidden.into());
    }
    checked(&new)?;
    let text = |text: Option<String>| text.unwrap_or_default().trim().to_owned();
    let files = new.files.unwrap_or_default().into_iter().map(|f| FormFile {
        name: f.name,
        media_type: f.media_type.unwrap_or_default(),
        bytes: f.content.0,
    });
    let mut report = FormReport {
        board: text(new.board),
        name: text(new.name),
        email: text(new.email),
        phone: text(new.phone),
        what: text(new.what),
        hit_now: new.hit_now.unwrap_or(false),
        since: new.since.map(|m| m.0),
        language: new.language.unwrap_or_default(),
        kind: new.kind,
        files: files.collect(),
        no_receipt: false,
        idempotency: None,
    };
    // Kept with the report too, so that a key holds beyond a restart; with what was said under it, so that nothing else is ever taken for it.
    report.idempotency = call.caller.key.as_ref().map(|key| {
        let said = serde_json::to_string(&report).expect("a form is plain data");
        format!("api\0{}\0{key}\0{}", call.caller.token, crate::secret::hash(&said))
    });
    let by = Actor::Person(call.caller.viewer.account);
    let received = call.web.engine().receive_form(report, Via::Api, by).await?;
    let reference = received.reference;
    let mut response = json(&Accepted { reference, new: received.new });
    *response.status_mut() = if received.new { StatusCode::CREATED } else { StatusCode::OK };
    located(&mut response, &format!("/api/v1/reports/{reference}"));
    Ok(response)
}

/// Says where a new thing is.
pub(super) fn located(response: &mut Response, at: &str) {
    if let Ok(at) = HeaderValue::from_str(at) {
        response.headers_mut().insert(header::LOCATION, at);
    }
}

pub(super) async fn get(call: Call, Named(reference): Named) -> Result<Response, Wrong> {
    let seen =
        call.look(|desk, lens| lens.report(reference).map(|v| (v.body, ReportWhole::of(desk, v, call.tickets()))));
    let (body, mut whole) = seen.await?.ok_or_else(Wrong::not_found)?;
    if let Some(body) = body
        && let Some(bytes) = call.web.engine().content(body).await?
    {
        let read: intake::Body = serde_json::from_slice(&bytes).unwrap_or_default();
        whole.text = Some(read.text);
    }
    Ok(json(&whole))
}

pub(super) async fn raw(call: Call, Named(reference): Named) -> Result<Response, Wrong> {
    let seen = call.look(|_, lens| lens.report(reference).map(|v| v.raw)).await?;
    let bytes = call.web.engine().content(seen.ok_or_else(Wrong::not_found)?).await?;
    let bytes = bytes.ok_or_else(|| Wrong::from(desk::command::Refusal::Erased))?;
    Ok(download(&format!("{reference}.bin"), bytes))
}

/// Bytes that are stored, never shown: some of them are foreign.
fn download(name: &str, bytes: Vec<u8>) -> Response {
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let disposition = format!("attachment; filename*=UTF-8''{}", crate::routes::query(name));
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(crate::headers::DOWNLOAD_POLICY));
    response
}

pub(super) async fn attachment(
    call: Call,
    Named(reference): Named,
    Path((_, index)): Path<(String, String)>,
) -> Result<Response, Wrong> {
    let index: u32 = index.parse().map_err(|_| Wrong::not_found())?;
    let view = call.look(|_, lens| lens.report(reference)).await?.ok_or_else(Wrong::not_found)?;
    let (name, bytes) = crate::pages::report::attached(&call.web, view, index).await?;
    Ok(download(&name, bytes))
}

/// Leave to act on a report: one that cannot be seen is not there, one that can is not for everybody to act upon.
async fn leave(call: &Call, reference: Reference) -> Result<Leave<ReportId>, Wrong> {
    let seen = call.look(|_, lens| (lens.report_leave(reference), lens.report_id(reference).is_some()));
    match seen.await? {
        (Some(leave), _) => Ok(leave),
        (None, true) => Err(desk::command::Refusal::Forbidden.into()),
        (None, false) => Err(Wrong::not_found()),
    }
}

async fn act(call: &Call, reference: Reference, command: intake::Command) -> Result<Response, Wrong> {
    let done = call.submit(Command::Intake(command)).await?;
    Ok(json(&Done { reference: Some(reference), at: Moment(done.at), undo: call.ticket(&done) }))
}

pub(super) async fn claim(call: Call, Named(reference): Named) -> Result<Response, Wrong> {
    let leave = leave(&call, reference).await?;
    act(&call, reference, intake::Command::Claim(leave)).await
}

pub(super) async fn release(call: Call, Named(reference): Named) -> Result<Response, Wrong> {
    let leave = leave(&call, reference).await?;
    act(&call, reference, intake::Command::Release(leave)).await
}

/// The verdict, with what it names, as far as that may be seen.
fn verdict(lens: &Lens<'_>, new: &NewDecision) -> Option<Verdict> {
    match (new.verdict, new.of) {
        (VerdictKey::NoIncident, None) => Some(Verdict::NoIncident),
        (VerdictKey::Spam, None) => Some(Verdict::Spam),
        (VerdictKey::Incident, Some(of)) => {
            Some(Verdict::Incident { incident: lens.incident_leave(of)?.id(), opened: false })
        }
        (VerdictKey::FollowUp, Some(of)) => Some(Verdict::FollowUp(lens.report_id(of)?)),
        (VerdictKey::Duplicate, Some(of)) => Some(Verdict::Duplicate(lens.report_id(of)?)),
        _ => None,
    }
}

pub(super) async fn decide(
    call: Call,
    Named(reference): Named,
    Json(new): Json<NewDecision>,
) -> Result<Response, Wrong> {
    let leave = leave(&call, reference).await?;
    if new.verdict == VerdictKey::Reopen {
        return act(&call, reference, intake::Command::Reopen { report: leave, widen: new.widen.unwrap_or(false) })
            .await;
    }
    let found = call.look(|_, lens| verdict(lens, &new)).await?;
    let unknown = || {
        Wrong::field(
            "of",
            "unknown",
            "of: name an incident or report that there is, and only where the verdict asks for one.",
        )
    };
    act(&call, reference, intake::Command::Decide(leave, found.ok_or_else(unknown)?)).await
}

pub(super) async fn erase(call: Call, Named(reference): Named, Json(new): Json<NewErasure>) -> Result<Response, Wrong> {
    let report = leave(&call, reference).await?;
    let reason = new.reason.unwrap_or_default();
    let command = match new.act {
        ErasureAct::Ask => intake::Command::Erase { report, reason, alone: false },
        ErasureAct::Alone => intake::Command::Erase { report, reason, alone: true },
        ErasureAct::Confirm => intake::Command::ConfirmErasure(report),
        ErasureAct::Withdraw => intake::Command::WithdrawErasure(report),
        ErasureAct::Countersign => intake::Command::Countersign(report),
    };
    act(&call, reference, command).await
}

/// As on the pages: from the incident that it belongs to into another one.
pub(super) async fn moves(call: Call, Named(reference): Named, Json(new): Json<NewMove>) -> Result<Response, Wrong> {
    let report = leave(&call, reference).await?;
    let to = call.look(|_, lens| lens.incident_leave(new.to)).await?;
    let to = to.ok_or_else(|| Wrong::field("to", "unknown", "to: not there, or not for this token to act upon."))?;
    act(&call, reference, intake::Command::Move { report, to, widen: new.widen.unwrap_or(false) }).await
}

pub(super) async fn snooze(call: Call, Named(reference): Named, Json(new): Json<NewSnooze>) -> Result<Response, Wrong> {
    let leave = leave(&call, reference).await?;
    let command = match new.until {
        Some(until) => intake::Command::Snooze(leave, until.0),
        None => intake::Command::Wake(leave),
    };
    act(&call, reference, command).await
}

pub(super) async fn reply(call: Call, Named(reference): Named, Json(new): Json<NewReply>) -> Result<Response, Wrong> {
    let leave = leave(&call, reference).await?;
    let engine = call.web.engine();
    let suggested = engine.reply_draft(reference, &new.text);
    let to = new.to.or_else(|| suggested.as_ref().map(|d| d.to.clone())).unwrap_or_default();
    if !is_mailbox(to.trim()) {
        return Err(Wrong::field("to", "mailbox", "to: not a mail address, and the sender gave none."));
    }
    let subject = new.subject.or_else(|| suggested.as_ref().map(|d| d.subject.clone()));
    let language = new.language.or(suggested.as_ref().map(|d| d.language)).unwrap_or_default();
    let answered = suggested.map(|d| d.in_reply_to).unwrap_or_default();
    let subject = with_reference(&subject.unwrap_or_default(), reference);
    let draft = engine.draft(&to, &subject, &new.text, language, answered);
    act(&call, reference, intake::Command::Reply { report: leave, draft, ask: new.ask.unwrap_or(false) }).await
}

pub(super) async fn appraise(
    call: Call,
    Named(reference): Named,
    Json(new): Json<NewAppraisal>,
) -> Result<Response, Wrong> {
    let leave = leave(&call, reference).await?;
    let board = match new.board.as_deref().map(str::trim) {
        None => None,
        Some("") => Some(None),
        Some(name) => Some(Some(call.look(|desk, _| board(desk, name)).await??)),
    };
    let (kind, hit_now) = (new.kind, new.hit_now);
    act(&call, reference, intake::Command::Appraise { report: leave, kind, hit_now, board }).await
}

pub(super) async fn undo(call: Call, Json(new): Json<NewUndo>) -> Result<Response, Wrong> {
    let of = call.tickets().open(&new.of).ok_or_else(Wrong::not_found)?;
    let done = call.submit(Command::Undo { by: call.caller.viewer.account, of }).await?;
    Ok(json(&Done { reference: None, at: Moment(done.at), undo: None }))
}
