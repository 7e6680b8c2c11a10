//! How long what is kept, what is past that, and the backups that were restored as a test.

use super::door::Call;
use super::input::{Json, json};
use super::problem::Wrong;
use super::schema::{Key, Moment};
use super::wire::{Done, NewRestore, NewRetentionTerm, Restore, Restores, Retention, RetentionDue, RetentionTerm};
use axum::response::Response;
use desk::command::{Command, Refusal};
use desk::ids::{AccountId, Timestamp};
use desk::lens::Leave;
use desk::retention::{Due, NewTerm, TermRow};
use desk::view::RestoreRow;
use jiff::civil::Date;

/// A day of the desk, as it is written.
fn day(at: Timestamp) -> String {
    crate::when::zoned(at).date().to_string()
}

fn term(row: TermRow) -> RetentionTerm {
    let (set_at, set_by) = row.set.map(|(at, who)| (Moment(at), who.into())).unzip();
    RetentionTerm {
        kind: row.term.kind,
        days: row.term.days,
        from: day(row.term.from.0),
        source: row.term.source,
        counts: Key::new(row.counts.key()),
        set_at,
        set_by,
        withdrawn_at: row.withdrawn.map(Moment),
    }
}

fn due(due: Due) -> RetentionDue {
    let Due { kind, reference, since, due, held } = due;
    RetentionDue { reference, kind, since: Moment(since), due: Moment(due), held }
}

pub(super) async fn list(call: Call) -> Result<Response, Wrong> {
    let (clock, present) = (call.web.engine().now(), call.caller.shown.is_now());
    let seen = call.look(|desk, lens| {
        // Of an earlier moment what was past its term then.
        lens.is_team().then(|| lens.retention(if present { clock } else { desk.last_at() }))
    });
    let seen = seen.await?.ok_or_else(Wrong::not_found)?;
    Ok(json(&Retention {
        terms: seen.terms.into_iter().map(term).collect(),
        due: seen.due.into_iter().map(due).collect(),
        total: seen.total,
    }))
}

/// Leave for what an administrator says. What others of the team see is there, and not for them to say.
pub(super) async fn leave(call: &Call) -> Result<Leave<AccountId>, Wrong> {
    let seen = call.look(|_, lens| (lens.admin(), lens.is_team()));
    match seen.await? {
        (Some(leave), _) => Ok(leave),
        (None, true) => Err(Refusal::Forbidden.into()),
        (None, false) => Err(Wrong::not_found()),
    }
}

pub(super) async fn set(call: Call, Json(new): Json<NewRetentionTerm>) -> Result<Response, Wrong> {
    let leave = leave(&call).await?;
    let from: Date =
        new.from.trim().parse().map_err(|_| Wrong::field("from", "day", "from: write the day like 2022-12-15."))?;
    let from = crate::moment::begin_of(from);
    let term = NewTerm { kind: new.kind, days: new.days, from, source: new.source };
    let done = call.submit(Command::SetTerm { leave, term }).await?;
    Ok(json(&Done { reference: None, at: Moment(done.at), undo: call.ticket(&done) }))
}

pub(super) async fn restores(call: Call) -> Result<Response, Wrong> {
    let seen = call.look(|_, lens| lens.is_team().then(|| lens.restore_tests()));
    let row = |row: RestoreRow| Restore {
        backup: row.backup,
        made_at: Moment(row.made_at),
        said_at: Moment(row.at),
        said_by: row.who.into(),
    };
    Ok(json(&Restores { rows: seen.await?.ok_or_else(Wrong::not_found)?.into_iter().map(row).collect() }))
}

pub(super) async fn restored(call: Call, Json(new): Json<NewRestore>) -> Result<Response, Wrong> {
    let leave = leave(&call).await?;
    let command = Command::TestRestore { leave, backup: new.backup, made_at: new.made_at.0 };
    // The desk calls the field as the page does.
    let done = match call.web.engine().submit(desk::command::Actor::Person(leave.by()), command).await {
        Err(engine::Fault::Refused(Refusal::Invalid { field: "made-at", why })) => {
            return Err(Refusal::Invalid { field: "made_at", why }.into());
        }
        made => made?,
    };
    Ok(json(&Done { reference: None, at: Moment(done.at), undo: None }))
}
