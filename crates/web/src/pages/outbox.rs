//! Mail that leaves: what is on its way, what did not arrive, and why.

use crate::Web;
use crate::app::{done, page as respond};
use crate::pages::report::letter;
use crate::parts::empty;
use crate::problem::Problem;
use crate::routes::Route;
use crate::shell::{Nav, Shell};
use crate::visitor::{Sent, Visitor};
use crate::when;
use crate::words::{n, s};
use axum::extract::{Query, State};
use axum::response::Response;
use desk::command::{Actor, Command};
use desk::ids::{Named, NoticeId};
use desk::lens::Leave;
use desk::outbox::{self, NoticeView, OutboxCounts, OutboxFilter, StandingKey};
use engine::SinkMail;
use maud::{Markup, html};
use std::collections::HashMap;

/// Mails of a page.
const ROWS: usize = 100;

/// What the page shows.
pub struct Outbox {
    /// Which ones.
    pub filter: OutboxFilter,
    /// How many stand where.
    pub counts: OutboxCounts,
    /// The mails, newest first.
    pub rows: Vec<NoticeView>,
    /// Where the demonstration's mail goes.
    pub sink: bool,
}

fn count(counts: &OutboxCounts, standing: StandingKey) -> usize {
    match standing {
        StandingKey::Waiting => counts.waiting,
        StandingKey::Retrying => counts.retrying,
        StandingKey::Sent => counts.sent,
        StandingKey::Failed => counts.failed,
        StandingKey::Bounced => counts.bounced,
        StandingKey::Withdrawn => counts.withdrawn,
    }
}

/// Somebody must look at it.
fn bad_news(standing: StandingKey) -> bool {
    matches!(standing, StandingKey::Failed | StandingKey::Bounced)
}

/// The page.
pub fn page(shell: &Shell, view: &Outbox) -> Markup {
    let w = shell.w;
    let bad = view.counts.failed + view.counts.bounced;
    let title = match (bad, view.counts.waiting + view.counts.retrying) {
        (0, 0) => w.t("outbox-empty-title"),
        (0, waiting) => w.f("outbox-waiting-title", &[("n", n(waiting)), ("spelled", s(&w.spelled(waiting)))]),
        (bad, _) => {
            // The words of the filter below, with its counts.
            let each = [StandingKey::Failed, StandingKey::Bounced].map(|key| (key, count(&view.counts, key)));
            let each = each.iter().filter(|(_, count)| *count > 0);
            let which: Vec<_> =
                each.map(|(key, count)| format!("{} {}", w.of("standing", key.key()), w.number(*count))).collect();
            w.f("outbox-bad-title", &[("n", n(bad)), ("spelled", s(&w.spelled(bad))), ("which", s(&which.join(", ")))])
        }
    };
    shell.page(
        w.t("nav-outbox").as_str(),
        html! {
            div class="head" {
                div { h1 { (title) } p { (w.t("outbox-lead")) } }
                @if view.sink { a class="btn" href=(Route::Sink) { (w.t("sink-open")) } }
            }
            nav class="tabs" aria-label=(w.t("state")) {
                a href=(Route::Outbox) aria-current=[view.filter.standing.is_none().then_some("page")] { (w.t("filter-all")) }
                @for standing in StandingKey::ALL {
                    @let count = count(&view.counts, standing);
                    a href={ (Route::Outbox) "?stand=" (standing.key()) } class=[(bad_news(standing) && count > 0).then_some("bad")] aria-current=[(view.filter.standing == Some(standing)).then_some("page")] {
                        (w.of("standing", standing.key())) " " span { (w.number(count)) }
                    }
                }
            }
            (list(shell, view))
        },
    )
}

fn list(shell: &Shell, view: &Outbox) -> Markup {
    let w = shell.w;
    let stand = view.filter.standing.map(|k| format!("stand={}&", k.key())).unwrap_or_default();
    html! {
        div id="outbox" data-fragment={ (Route::Outbox) "?" (stand) "deel=lijst" } data-topics="outbox" {
            @if view.rows.is_empty() { (empty(&w.t("outbox-none"), &w.t("outbox-none-text"), None)) }
            ul class="talk plain" { @for notice in &view.rows { li { (row(shell, notice)) } } }
        }
    }
}

fn row(shell: &Shell, notice: &NoticeView) -> Markup {
    let w = shell.w;
    let about = match notice.reference.named() {
        Named::Report => Route::Report(notice.reference),
        Named::Incident => Route::Incident(notice.reference),
    };
    html! {
        (letter(shell, notice))
        p class="row meta" {
            a class="ref" href=(about) { (notice.reference) }
            @if let Some(at) = notice.standing_at { span { (w.of("standing-since", notice.standing.key())) " " (when::time_exact(w, at)) } }
            @if let Some(next) = notice.next_at.filter(|_| notice.tries > 0) { span { (w.t("next-try")) " " (when::time(w, next)) } }
            @if notice.tries > 0 { span { (w.f("tries", &[("n", n(notice.tries as usize))])) } }
            @if let Some(said) = notice.last_said.as_deref().filter(|s| !s.is_empty()) { span class="mono" { (said) } }
        }
        @if let Some(bounce) = notice.bounce { p { a href=(Route::Report(bounce)) { (w.t("bounce-look")) " " span class="ref" { (bounce) } } } }
        @if shell.may_act() && notice.leave.is_some() && (notice.tries > 0 || notice.standing == StandingKey::Withdrawn) {
            (shell.act(&Route::Retry, &[("notice", &notice.id.0.to_string())], &html! { button class="btn" type="submit" { (w.t("retry")) } }))
        }
    }
}

/// The demonstration's mails, as they would have left.
pub fn sink_page(shell: &Shell, mails: &[SinkMail]) -> Markup {
    let w = shell.w;
    let title = w.t("sink");
    shell.page(
        title.as_str(),
        html! {
            div class="head" { div { h1 { (title) } p { (w.f("sink-lead", &[("n", n(mails.len()))])) } } a class="btn" href=(Route::Outbox) { (w.t("nav-outbox")) } }
            ul class="talk plain" {
                @for mail in mails {
                    li {
                        p { b { (w.f("letter-to", &[("to", s(&mail.to))])) } }
                        p class="meta" { (when::time_exact(w, mail.at)) " · " span class="hash" { "<" (mail.message_id) ">" } }
                        p { (mail.subject) }
                        details class="more" { summary { (w.t("sink-read")) (crate::parts::icon(crate::parts::Icon::Turn)) } div class="letter in-more" { (mail.text) } }
                    }
                }
            }
        },
    )
}

/// `GET /uitgaand`.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let standing = query.get("stand").and_then(|k| StandingKey::from_key(k));
    let filter = OutboxFilter { standing, purpose: None, limit: ROWS };
    let (shell, (counts, rows)) =
        web.look(&visitor, Nav::Outbox, |lens| (lens.outbox_counts(), lens.outbox(&filter))).await?;
    let view = Outbox { filter, counts, rows, sink: web.engine().mail_state().sink };
    Ok(respond(if query.contains_key("deel") { list(&shell, &view) } else { page(&shell, &view) }))
}

/// `GET /uitgaand/testbak`: of the demonstration only.
pub(crate) async fn sink(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    let (shell, team) = web.look(&visitor, Nav::Outbox, |lens| lens.is_team()).await?;
    let mails = web.engine().sink(ROWS).filter(|_| team).ok_or_else(Problem::not_found)?;
    let mails: Vec<_> = mails.into_iter().filter(|mail| mail.at <= visitor.now || visitor.shown.is_now()).collect();
    Ok(respond(sink_page(&shell, &mails)))
}

/// `POST /uitgaand/opnieuw`.
pub(crate) async fn retry(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    act(&web, sent, outbox::Command::Retry, "retried").await
}

/// `POST /uitgaand/trek-in`.
pub(crate) async fn withdraw(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    act(&web, sent, outbox::Command::Withdraw, "mail-withdrawn").await
}

async fn act(
    web: &Web,
    sent: Sent,
    command: fn(Leave<NoticeId>) -> outbox::Command,
    word: &str,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let notice = NoticeId(fields.only(&["notice"])?.get("notice").parse().map_err(|_| Problem::not_found())?);
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).notice_leave(notice)).await?;
    let command = Command::Outbox(command(leave.ok_or_else(Problem::not_found)?));
    web.engine().submit(Actor::Person(visitor.viewer.account), command).await?;
    Ok(done(&Route::Outbox, word, None, None))
}
