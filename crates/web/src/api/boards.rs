//! The register, the outbox, search, and who is who.

use super::door::Call;
use super::input::{Asked, json, limit, page};
use super::problem::Wrong;
use super::schema::{Key, Moment, wire};
use super::wire::{
    Board, BoardPage, BoardRow, BoardWhole, Corrected, Count, Done, Found, Hit, Me, Notice, Organisation,
    Organisations, OutboxCounts, OutboxPage, People, Person, Reason, moment,
};
use axum::extract::Path;
use axum::http::Uri;
use axum::response::Response;
use desk::Desk;
use desk::command::{Command, Refusal};
use desk::ids::NoticeId;
use desk::lens::Leave;
use desk::outbox::{self, OutboxFilter, Purpose, StandingKey};
use desk::register::{BoardFilter, BoardId};
use desk::search::{HitKind, Narrow};

/// Mails that are listed at all: the newest.
const MAILS_MAX: usize = 10_000;
/// Longest question, characters.
const QUESTION_CHARS_MAX: usize = 500;

wire! {
    /// Which boards.
    in struct BoardQuery {
        /// Part of a name, also a former one.
        text: Option<String>,
        /// Province.
        province: Option<String>,
        /// Only boards with reports or incidents that may be seen.
        active: Option<bool>,
        /// Boards that existed on this day, ISO 8601; the day of `as_of`, or today, when left out.
        day: Option<String>,
        /// The last code of the page before.
        after: Option<String>,
        /// Rows of a page, 1 to 500; 50 when left out.
        limit: Option<usize>,
    }

    /// Which mails.
    in struct OutboxQuery {
        /// Where they stand.
        standing: Option<Key<StandingKey>>,
        /// Only `receipt`, or only `reply`.
        purpose: Option<Purpose>,
        /// The last Message-ID of the page before.
        after: Option<String>,
        /// Rows of a page, 1 to 500; 50 when left out.
        limit: Option<usize>,
    }

    /// What to search for.
    in struct SearchQuery {
        /// Words, a reference, an observable; at most 500 characters.
        q: String,
        /// Only `report` or `incident`.
        kind: Option<String>,
        /// Only reports with this status, or incidents in this phase.
        state: Option<String>,
        /// `next` of the page before.
        after: Option<u32>,
        /// Rows of a page, 1 to 500; 50 when left out.
        limit: Option<usize>,
    }
}

/// The board that a code or a name means.
pub(super) fn board(desk: &Desk, text: &str) -> Result<BoardId, Wrong> {
    let text = text.trim();
    let register = desk.register();
    let found = match text.parse::<u32>() {
        Ok(code) => register.by_refnis(code).map(|b| b.id),
        Err(_) => register.find(text),
    };
    found.ok_or_else(|| {
        Wrong::field("board", "unknown", "board: the register has no such code or name, or several of that name.")
    })
}

pub(super) async fn list(call: Call, Asked(query): Asked<BoardQuery>, uri: Uri) -> Result<Response, Wrong> {
    let limit = limit(query.limit)?;
    if let Some(day) = &query.day
        && day.parse::<jiff::civil::Date>().is_err()
    {
        return Err(Wrong::field("day", "time", "day: write it like 2022-12-15."));
    }
    let today = || call.caller.shown.day.unwrap_or_else(|| crate::when::zoned(call.web.engine().now()).date());
    let day = query.day.unwrap_or_else(|| today().to_string());
    let filter = BoardFilter {
        text: query.text.unwrap_or_default(),
        province: query.province,
        active: query.active.unwrap_or(false),
        day: Some(day),
    };
    let rows: Vec<BoardRow> =
        call.look(|desk, lens| lens.boards(&filter).into_iter().map(|r| BoardRow::of(desk, r)).collect()).await?;
    let total = rows.len();
    let from = match &query.after {
        None => 0,
        Some(after) => position(&rows, |r| r.refnis == *after)?,
    };
    let rows: Vec<BoardRow> = rows.into_iter().skip(from).take(limit).collect();
    let next = rows.last().filter(|_| from + rows.len() < total).map(|r| r.refnis.clone());
    let found = BoardPage { next: next.clone(), total, rows };
    Ok(page(&found, &uri, next.as_deref()))
}

/// Where the rows after a cursor begin.
fn position<T>(rows: &[T], is: impl Fn(&T) -> bool) -> Result<usize, Wrong> {
    let at = rows.iter().position(is);
    at.map(|n| n + 1).ok_or_else(|| Wrong::field("after", "unknown", "after: there is no such row."))
}

pub(super) async fn get(call: Call, Path(refnis): Path<String>) -> Result<Response, Wrong> {
    let code: u32 = refnis.parse().map_err(|_| Wrong::not_found())?;
    let seen = call.look(|desk, lens| {
        let id = desk.register().by_refnis(code)?.id;
        lens.board(id).map(|v| BoardWhole::of(desk, v))
    });
    Ok(json(&seen.await?.ok_or_else(Wrong::not_found)?))
}

pub(super) async fn outbox(call: Call, Asked(query): Asked<OutboxQuery>, uri: Uri) -> Result<Response, Wrong> {
    let limit = limit(query.limit)?;
    let filter = OutboxFilter {
        standing: query.standing.and_then(|s| StandingKey::from_key(s.key)),
        purpose: query.purpose,
        limit: MAILS_MAX,
    };
    let first = OutboxFilter { limit: limit + 1, ..filter.clone() };
    let filter = if query.after.is_some() { filter } else { first };
    let (mut rows, counts) = call.look(|_, lens| (lens.outbox(&filter), lens.outbox_counts())).await?;
    if let Some(after) = &query.after {
        let from = position(&rows, |m| m.message_id == *after)?;
        rows.drain(..from);
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|m| m.message_id.clone());
    let outbox::OutboxCounts { waiting, retrying, sent, failed, bounced, withdrawn } = counts;
    let found = OutboxPage {
        rows: rows.into_iter().map(Notice::from).collect(),
        next: next.clone(),
        counts: OutboxCounts { waiting, retrying, sent, failed, bounced, withdrawn },
    };
    Ok(page(&found, &uri, next.as_deref()))
}

pub(super) async fn retry(call: Call, Path(message_id): Path<String>) -> Result<Response, Wrong> {
    act(&call, &message_id, outbox::Command::Retry).await
}

pub(super) async fn withdraw(call: Call, Path(message_id): Path<String>) -> Result<Response, Wrong> {
    act(&call, &message_id, outbox::Command::Withdraw).await
}

async fn act(
    call: &Call,
    message_id: &str,
    command: fn(Leave<NoticeId>) -> outbox::Command,
) -> Result<Response, Wrong> {
    // Whoever may not act at all is told so, whatever there is.
    let seen = call.look(|desk, lens| match lens.may_act() {
        false => Err(Refusal::Forbidden),
        true => {
            let notice = desk.notice_by_message_id(message_id);
            notice.and_then(|n| lens.notice_leave(n)).ok_or(Refusal::NotFound)
        }
    });
    let leave = seen.await??;
    let done = call.submit(Command::Outbox(command(leave))).await?;
    Ok(json(&Done { reference: None, at: Moment(done.at), undo: None }))
}

pub(super) async fn search(call: Call, Asked(query): Asked<SearchQuery>, uri: Uri) -> Result<Response, Wrong> {
    let limit = limit(query.limit)?;
    if query.q.trim().is_empty() || query.q.chars().count() > QUESTION_CHARS_MAX {
        return Err(Wrong::field("q", "length", format!("q: 1 to {QUESTION_CHARS_MAX} characters.")));
    }
    let narrow = Narrow::to(query.kind.as_deref(), query.state.as_deref())
        .ok_or_else(|| Wrong::field("state", "unknown", "kind, state: one of the keys that the answer counts by."))?;
    let after = query.after.unwrap_or(0);
    let found = call.look(|desk, lens| found(desk, lens.search_in(&query.q, narrow, after, limit))).await?;
    let next = found.next.clone();
    Ok(page(&found, &uri, next.as_deref()))
}

fn found(desk: &Desk, found: desk::search::Found) -> Found {
    let counts = |list: Vec<(&'static str, usize)>| {
        list.into_iter().map(|(key, count)| Count { key: key.to_owned(), count }).collect()
    };
    let hit = |hit: desk::search::Hit| Hit {
        kind: hit.kind.key().to_owned(),
        board: match &hit.kind {
            HitKind::Board(id) => Board::of(desk, *id),
            _ => None,
        },
        reference: hit.reference,
        title: hit.title,
        who: hit.who,
        snippet: hit.snippet,
        tlp: hit.tlp,
        at: moment(hit.at),
        why: hit.why.into_iter().map(|w| Reason { key: w.field.to_owned(), found: w.found }).collect(),
    };
    Found {
        rows: found.hits.into_iter().map(hit).collect(),
        next: found.next.map(|n| n.to_string()),
        total: found.total,
        kinds: counts(found.facets.kinds),
        states: counts(found.facets.states),
        corrected: found.corrected.into_iter().map(|(typed, read_as)| Corrected { typed, read_as }).collect(),
    }
}

pub(super) async fn people(call: Call) -> Result<Response, Wrong> {
    let rows = call.look(|_, lens| lens.people().into_iter().map(Person::from).collect()).await?;
    Ok(json(&People { rows }))
}

pub(super) async fn organisations(call: Call) -> Result<Response, Wrong> {
    let row = |o: desk::view::OrganisationRow| Organisation { number: u32::from(o.id.0), name: o.name };
    let rows = call.look(|_, lens| lens.organisations().into_iter().map(row).collect()).await?;
    Ok(json(&Organisations { rows }))
}

pub(super) async fn me(call: Call) -> Result<Response, Wrong> {
    let address = call.web.engine().address();
    let me = call.look(|_, lens| {
        let (viewer, house) = (lens.viewer(), lens.house());
        let row = lens.people().into_iter().find(|p| p.account == viewer.account);
        Me {
            account: viewer.account.0,
            name: row.and_then(|p| p.name),
            role: viewer.role,
            organisation: u32::from(viewer.organisation.0),
            house: house.organisation,
            address,
            demo: house.demo,
        }
    });
    Ok(json(&me.await?))
}
