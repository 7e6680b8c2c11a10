//! The JSON API: everything a person can do on the pages that a machine may do in a person's name. Described by
//! `/api/v1/openapi.json`, which is made from the same table as the routes and from the types themselves.

mod boards;
mod document;
mod door;
mod incidents;
mod input;
mod limits;
mod problem;
mod reports;
mod retention;
mod schema;
mod templates;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use limits::Memory;

use crate::Web;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use document::Op;
use problem::Wrong;
use wire::*;

/// Where it stands.
const ROOT: &str = "/api/v1";

const ATTACHMENT: &str = "An attachment; a suspicious one inside a ZIP with the password `infected`";

/// Everything that can be asked: the routes and their description in one table.
fn operations() -> Vec<Op> {
    vec![
        Op::get("/me", "getMe", "In whose name a token acts", get(boards::me)).gives::<Me>(200),
        Op::get("/people", "listPeople", "Colleagues", get(boards::people)).gives::<People>(200),
        Op::get("/organisations", "listOrganisations", "Organisations of this desk", get(boards::organisations))
            .gives::<Organisations>(200),
        Op::get("/reports", "listReports", "Reports, the newest first", get(reports::list))
            .asks::<ReportQuery>()
            .gives::<ReportPage>(200)
            .paged(),
        Op::post("/reports", "createReport", "Hand in a report", post(reports::create))
            .takes::<NewReport>()
            .gives::<Accepted>(201)
            .or_gives::<Accepted>(200),
        Op::get("/reports/{reference}", "getReport", "One report, whole", get(reports::get)).gives::<ReportWhole>(200),
        Op::get("/reports/{reference}/raw", "getReportRaw", "Its raw bytes", get(reports::raw)).gives_bytes(),
        Op::get("/reports/{reference}/attachments/{index}", "getAttachment", ATTACHMENT, get(reports::attachment))
            .gives_bytes(),
        Op::post("/reports/{reference}/claim", "claimReport", "Work on it", post(reports::claim)).gives::<Done>(200),
        Op::post("/reports/{reference}/release", "releaseReport", "Let it go", post(reports::release))
            .gives::<Done>(200),
        Op::post("/reports/{reference}/decide", "decideReport", "Decide about it", post(reports::decide))
            .takes::<NewDecision>()
            .gives::<Done>(200),
        Op::post("/reports/{reference}/move", "moveReport", "From its incident into another one", post(reports::moves))
            .takes::<NewMove>()
            .gives::<Done>(200),
        Op::post("/reports/{reference}/snooze", "snoozeReport", "Not before a moment", post(reports::snooze))
            .takes::<NewSnooze>()
            .gives::<Done>(200),
        Op::post("/reports/{reference}/reply", "replyToReport", "Answer its sender", post(reports::reply))
            .takes::<NewReply>()
            .gives::<Done>(200),
        Op::post(
            "/reports/{reference}/appraise",
            "appraiseReport",
            "Correct what it is about",
            post(reports::appraise),
        )
        .takes::<NewAppraisal>()
        .gives::<Done>(200),
        Op::post(
            "/reports/{reference}/erasure",
            "eraseReport",
            "Erase what came with it, by two people",
            post(reports::erase),
        )
        .takes::<NewErasure>()
        .gives::<Done>(200),
        Op::get("/incidents", "listIncidents", "Incidents, what changed last first", get(incidents::list))
            .asks::<IncidentQuery>()
            .gives::<IncidentPage>(200)
            .paged(),
        Op::post("/incidents", "openIncident", "Open an incident", post(incidents::open))
            .takes::<NewIncident>()
            .gives::<Opened>(201),
        Op::get("/incidents/{reference}", "getIncident", "One incident, whole", get(incidents::get))
            .gives::<IncidentWhole>(200)
            .tagged(),
        Op::post(
            "/incidents/{reference}/change",
            "changeIncident",
            "Give one field a new value",
            post(incidents::change_field),
        )
        .takes::<NewChange>()
        .gives::<Done>(200)
        .matched(),
        Op::post(
            "/incidents/{reference}/notes",
            "noteOnIncident",
            "Write a line of its timeline",
            post(incidents::note),
        )
        .takes::<NewNote>()
        .gives::<Done>(200)
        .matched(),
        Op::post("/incidents/{reference}/tasks", "addTask", "Something to do", post(incidents::task))
            .takes::<NewTask>()
            .gives::<Done>(200)
            .matched(),
        Op::post("/incidents/{reference}/tasks/{task}", "setTask", "Done, or open again", post(incidents::set_task))
            .takes::<SetTask>()
            .gives::<Done>(200)
            .matched(),
        Op::post(
            "/incidents/{reference}/observables",
            "addObservable",
            "Add an observable by hand",
            post(incidents::observe),
        )
        .takes::<NewObservable>()
        .gives::<Done>(200)
        .matched(),
        Op::post(
            "/incidents/{reference}/mails",
            "mailFromIncident",
            "Write to somebody who takes part",
            post(incidents::write),
        )
        .takes::<NewMail>()
        .gives::<Done>(200)
        .matched(),
        Op::post("/incidents/{reference}/merge", "mergeIncident", "It goes on in another one", post(incidents::merge))
            .takes::<Merge>()
            .gives::<Done>(200)
            .matched(),
        Op::post("/incidents/{reference}/part", "partIncident", "It goes its own way again", post(incidents::part))
            .gives::<Done>(200)
            .matched(),
        Op::post(
            "/incidents/{reference}/split",
            "splitIncident",
            "A new incident for some of its messages",
            post(incidents::split),
        )
        .takes::<Split>()
        .gives::<Opened>(201)
        .matched(),
        Op::post(
            "/incidents/{reference}/erasure",
            "eraseIncident",
            "Erase what was written in it, by two people",
            post(incidents::erase),
        )
        .takes::<NewErasure>()
        .gives::<Done>(200)
        .matched(),
        Op::post("/incidents/{reference}/hold", "holdIncident", "A legal hold, or its end", post(incidents::hold))
            .takes::<NewHold>()
            .gives::<Done>(200)
            .matched(),
        Op::get("/incidents/{reference}/here", "listHere", "Who looks at it now", get(incidents::here))
            .gives::<People>(200),
        Op::post("/undo", "undo", "Take back an act of one's own", post(reports::undo))
            .takes::<NewUndo>()
            .gives::<Done>(200),
        Op::get("/outbox", "listOutbox", "Mails that leave or left, the newest first", get(boards::outbox))
            .asks::<boards::OutboxQuery>()
            .gives::<OutboxPage>(200)
            .paged(),
        Op::post("/outbox/{message_id}/retry", "retryMail", "Try a mail again now", post(boards::retry))
            .gives::<Done>(200),
        Op::post(
            "/outbox/{message_id}/withdraw",
            "withdrawMail",
            "Take a mail back before it leaves",
            post(boards::withdraw),
        )
        .gives::<Done>(200),
        Op::get("/search", "search", "Everything that may be seen and speaks of this", get(boards::search))
            .asks::<boards::SearchQuery>()
            .gives::<Found>(200)
            .paged(),
        Op::get("/boards", "listBoards", "Boards of the register, by name", get(boards::list))
            .asks::<boards::BoardQuery>()
            .gives::<BoardPage>(200)
            .paged(),
        Op::get("/retention", "getRetention", "Terms, and what is past them", get(retention::list))
            .gives::<Retention>(200),
        Op::post("/retention/terms", "setRetentionTerm", "Decide how long something is kept", post(retention::set))
            .takes::<NewRetentionTerm>()
            .gives::<Done>(200),
        Op::get("/templates", "listTemplates", "Replies that are written often", get(templates::list))
            .gives::<Templates>(200),
        Op::post("/templates", "setTemplate", "Write one, or change one of the team's own", post(templates::set))
            .takes::<NewTemplate>()
            .gives::<Done>(200),
        Op::post(
            "/templates/{template}/withdraw",
            "withdrawTemplate",
            "One of the team's own is offered no more",
            post(templates::withdraw),
        )
        .gives::<Done>(200),
        Op::get("/restores", "listRestores", "Backups that were restored as a test", get(retention::restores))
            .gives::<Restores>(200),
        Op::post("/restores", "recordRestore", "A backup was restored as a test", post(retention::restored))
            .takes::<NewRestore>()
            .gives::<Done>(200),
        Op::get("/boards/{refnis}", "getBoard", "One board, with its reports and incidents", get(boards::get))
            .gives::<BoardWhole>(200),
    ]
}

/// All addresses of the API.
pub(crate) fn routes(web: &Web) -> Router<Web> {
    let mut inside = Router::new();
    for op in operations() {
        inside = inside.route(&format!("{ROOT}{}", op.path), op.route);
    }
    let absent = || async { Wrong::not_found() };
    inside
        .route("/api", axum::routing::any(absent))
        .route("/api/{*rest}", axum::routing::any(absent))
        .method_not_allowed_fallback(|| async { Wrong::of("method-not-allowed", "See /api/v1/openapi.json.") })
        .layer(middleware::from_fn_with_state(web.clone(), door::guard))
        // What it can be asked is no secret.
        .route(&format!("{ROOT}/openapi.json"), get(description))
        .layer(DefaultBodyLimit::disable())
}

async fn description() -> impl IntoResponse {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(document::text);
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], TEXT.as_str())
}

/// Reads a body or a query, which one says the first byte; for fuzzing.
pub(crate) fn fuzz(data: &[u8]) {
    let Some((sort, data)) = data.split_first() else { return };
    match sort % 26 {
        0 => read::<NewReport>(data),
        1 => read::<NewDecision>(data),
        2 => read::<NewSnooze>(data),
        3 => read::<NewReply>(data),
        4 => read::<NewAppraisal>(data),
        5 => read::<NewUndo>(data),
        6 => read::<NewIncident>(data),
        7 => read::<NewChange>(data),
        8 => read::<NewNote>(data),
        9 => read::<NewTask>(data),
        10 => read::<SetTask>(data),
        11 => read::<NewObservable>(data),
        12 => read::<NewMail>(data),
        13 => ask::<ReportQuery>(data),
        14 => ask::<IncidentQuery>(data),
        15 => ask::<boards::OutboxQuery>(data),
        16 => ask::<boards::SearchQuery>(data),
        17 => ask::<boards::BoardQuery>(data),
        18 => read::<NewMove>(data),
        19 => read::<NewRetentionTerm>(data),
        20 => read::<NewRestore>(data),
        21 => read::<Split>(data),
        22 => read::<Merge>(data),
        23 => read::<NewHold>(data),
        24 => read::<NewTemplate>(data),
        _ => read::<NewErasure>(data),
    }
}

fn read<T: serde::de::DeserializeOwned>(data: &[u8]) {
    drop(input::body::<T>(data).map_err(IntoResponse::into_response));
}

fn ask<T: serde::de::DeserializeOwned>(data: &[u8]) {
    let Ok(uri) = axum::http::Uri::try_from([b"/?", data].concat()) else { return };
    drop(input::query::<T>(&uri).map_err(IntoResponse::into_response));
    // The rest of a question is repeated in the address of the next page.
    input::page(&(), &uri, Some("M-0000-0000"));
}

/// Reads headers; for fuzzing.
pub(crate) fn fuzz_headers(headers: &axum::http::HeaderMap) {
    input::has_tag(headers, header::IF_MATCH, "\"a\"");
    door::bearer(headers);
    drop(door::idempotency_key(headers).map_err(IntoResponse::into_response));
}
