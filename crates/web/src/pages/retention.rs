//! Retention: how long what is kept, who decided that, and what is past its term.

use crate::Web;
use crate::app::{again, done, page as respond};
use crate::pages::first_run::mistake;
use crate::parts::{Icon, Input, Mistake, error_summary, field, icon, select};
use crate::problem::{Kind, Problem};
use crate::routes::Route;
use crate::shell::{Nav, Shell};
use crate::visitor::{Fields, Sent, Visitor};
use crate::when;
use crate::words::{Words, n};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::{Actor, Command, Refusal};
use desk::ids::{Named, Timestamp};
use desk::retention::{Counts, Due, Kept, NewTerm, Retention, TermRow};
use engine::Fault;
use maud::{Markup, html};

/// Value of the field `back` of an undo that leads here.
pub(crate) const BACK: &str = "retention";

/// Days of a year, as the form says.
const DAYS_OF_YEAR: usize = 365;

/// What the page shows.
pub struct View {
    /// The terms, and what is past them.
    pub retention: Retention,
    /// The reader decides terms.
    pub decides: bool,
    /// What was typed.
    pub typed: Fields,
    /// What is wrong with that.
    pub mistakes: Vec<Mistake>,
}

/// The page.
pub fn page(shell: &Shell, view: &View) -> Markup {
    let w = shell.w;
    let retention = &view.retention;
    let answer = w.f("retention-answer", &[("n", n(retention.total))]);
    let counts = |row: &&TermRow| matches!(row.counts, Counts::Now | Counts::Later);
    let (now, before): (Vec<&TermRow>, Vec<&TermRow>) = retention.terms.iter().partition(counts);
    shell.page(
        w.t("retention").as_str(),
        html! {
            div class="head" { div { h1 { (answer) } p { (w.t("retention-lead")) } } }
            @if !retention.due.is_empty() {
                section class="panel" aria-labelledby="due-h" {
                    h2 id="due-h" { (w.t("retention-due")) span { (w.number(retention.total)) } }
                    table class="tbl stack" {
                        thead { tr { th scope="col" { (w.t("retention-what")) } th scope="col" { (w.t("kind")) } th scope="col" { (w.t("retention-since")) } th scope="col" { (w.t("retention-until")) } } }
                        tbody { @for due in &retention.due { (row(shell, due)) } }
                    }
                    @if retention.total > retention.due.len() { p class="meta" { (w.f("retention-more", &[("n", n(retention.total - retention.due.len()))])) } }
                }
            }
            section class="panel" aria-labelledby="terms-h" {
                h2 id="terms-h" { (w.t("retention-terms")) }
                (terms(shell, &now))
                @if !before.is_empty() {
                    details class="more" id="before" {
                        summary { (w.t("retention-before")) (icon(Icon::Turn)) }
                        (terms(shell, &before))
                    }
                }
                @if view.decides { (form(shell, view)) }
            }
        },
    )
}

fn row(shell: &Shell, due: &Due) -> Markup {
    let w = shell.w;
    let to = if due.reference.named() == Named::Incident {
        format!("{}?zelf=1", Route::Incident(due.reference))
    } else {
        Route::Report(due.reference).to_string()
    };
    html! {
        tr {
            th scope="row" { a class="ref" href=(to) { (due.reference) } @if due.held { " " span class="chip lim" { (w.t("held")) } } }
            td data-l=(w.t("kind")) { (w.of("kept", due.kind.key())) }
            td data-l=(w.t("retention-since")) { (when::time(w, due.since)) }
            td data-l=(w.t("retention-until")) { (when::time(w, due.due)) }
        }
    }
}

fn terms(shell: &Shell, rows: &[&TermRow]) -> Markup {
    let w = shell.w;
    html! {
        table class="tbl stack" {
            thead { tr { th scope="col" { (w.t("kind")) } th scope="col" { (w.t("retention-days")) } th scope="col" { (w.t("retention-from")) } th scope="col" { (w.t("retention-source")) } th scope="col" { (w.t("by-whom")) } } }
            tbody { @for row in rows { (term_row(shell, row)) } }
        }
    }
}

fn term_row(shell: &Shell, row: &TermRow) -> Markup {
    let (w, term) = (shell.w, &row.term);
    html! {
        tr {
            th scope="row" {
                (w.of("kept", term.kind.key()))
                @if row.counts != Counts::Now { " " span class="chip out" { (w.of("term", row.counts.key())) } }
            }
            td data-l=(w.t("retention-days")) { (how_long(w, term.days as usize)) }
            td data-l=(w.t("retention-from")) { (w.day(term.from.0)) }
            @match &row.set {
                None => {
                    td data-l=(w.t("retention-source")) { span class="chip lim" { (w.t("retention-proposal")) } }
                    td data-l=(w.t("by-whom")) { (w.t("retention-shipped")) }
                }
                Some((at, who)) => {
                    td data-l=(w.t("retention-source")) { (term.source) }
                    td data-l=(w.t("by-whom")) {
                        (shell.who(who)) " · " (when::time(w, *at))
                        @if let Some(at) = row.withdrawn { " · " (w.of("term", "never")) " " (when::time(w, at)) }
                        @if let Some(of) = row.undo {
                            " " (shell.act(&Route::Undo, &[("of", &shell.tickets.seal(of)), ("back", BACK)], &html! { button class="link meta" type="submit" { (w.t("undo")) } }))
                        }
                    }
                }
            }
        }
    }
}

/// Years where it is whole ones: nobody counts 1,825 days.
fn how_long(w: &Words, days: usize) -> String {
    match (days / DAYS_OF_YEAR, days % DAYS_OF_YEAR) {
        (years @ 1.., 0) => w.f("retention-years-of", &[("n", n(years))]),
        _ => w.f("retention-days-of", &[("n", n(days))]),
    }
}

fn form(shell: &Shell, view: &View) -> Markup {
    let w = shell.w;
    let kinds: Vec<(String, String)> = Kept::ALL.iter().map(|k| (k.key().to_owned(), w.of("kept", k.key()))).collect();
    let input = |name| Input { value: view.typed.get(name), required: true, ..Input::default() };
    let (days, from, source) = (w.t("retention-days-hint"), w.t("retention-from-hint"), w.t("retention-source-hint"));
    html! {
        details class="more" id="new-term" open[!view.mistakes.is_empty()] {
            summary { (w.t("retention-new")) (icon(Icon::Turn)) }
            form class="desk in-more narrow" method="post" action=(Route::Retention) {
                (shell.token())
                (error_summary(w, &view.mistakes))
                (select("kind", &w.t("retention-what"), &kinds, view.typed.get("kind")))
                (field("days", &w.t("retention-days"), Input { hint: Some(&days), ..input("days") }, &view.mistakes))
                (field("from", &w.t("retention-from"), Input { hint: Some(&from), ..input("from") }, &view.mistakes))
                (field("source", &w.t("retention-source"), Input { hint: Some(&source), ..input("source") }, &view.mistakes))
                button class="btn" type="submit" { (w.t("save")) }
            }
        }
    }
}

/// `GET /bewaring`.
pub(crate) async fn show(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    let (shell, view) = look(&web, &visitor).await?;
    Ok(respond(page(&shell, &view)))
}

/// `POST /bewaring`: an administrator decides a term.
pub(crate) async fn set(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["kind", "days", "from", "source"])?;
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).admin()).await?.ok_or_else(Problem::not_found)?;
    let refused = match read(&fields, visitor.now)? {
        Err(wrong) => wrong,
        Ok(term) => {
            let command = Command::SetTerm { leave, term };
            match web.engine().submit(Actor::Person(visitor.viewer.account), command).await {
                Ok(outcome) => return Ok(done(&Route::Retention, "term-set", None, outcome.seq)),
                Err(Fault::Refused(Refusal::Invalid { field, why })) => (field, why),
                Err(other) => return Err(other.into()),
            }
        }
    };
    let (shell, mut view) = look(&web, &visitor).await?;
    view.mistakes = vec![mistake(shell.w, refused.0, refused.1)];
    view.typed = fields;
    Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &page(&shell, &view), &visitor, &view.typed))
}

type Wrong = (&'static str, &'static str);

fn read(fields: &Fields, now: Timestamp) -> Result<Result<NewTerm, Wrong>, Problem> {
    let kind = Kept::from_key(fields.get("kind")).ok_or_else(|| Problem::of(Kind::Forged))?;
    let Ok(days) = fields.get("days").parse() else { return Ok(Err(("days", "days"))) };
    let Some(from) = when::typed(fields.get("from"), now) else { return Ok(Err(("from", "time"))) };
    Ok(Ok(NewTerm { kind, days, from: when::begin_of_day(from), source: fields.get("source").to_owned() }))
}

async fn look(web: &Web, visitor: &Visitor) -> Result<(Shell, View), Problem> {
    let now = visitor.now;
    let seen = |lens: &desk::lens::Lens<'_>| {
        let decides = lens.admin().is_some();
        let view = |retention| View { retention, decides, typed: Fields::default(), mistakes: Vec::new() };
        lens.is_team().then(|| view(lens.retention(now)))
    };
    let (shell, view) = web.look(visitor, Nav::Journal, seen).await?;
    Ok((shell, view.ok_or_else(Problem::not_found)?))
}
