//! The journal: what was recorded last, and how anybody can check that nothing was changed.

use crate::Web;
use crate::app::page as respond;
use crate::headers::DOWNLOAD_POLICY;
use crate::moment::{POSITION, Shown, picker};
use crate::problem::Problem;
use crate::routes::Route;
use crate::shell::{Nav, Shell};
use crate::visitor::Visitor;
use crate::when;
use crate::words::n;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use desk::ids::Named;
use desk::view::RecentRow;
use maud::{Markup, html};

/// Rows shown.
const ROWS: usize = 100;

/// What the page shows.
pub struct Journal {
    /// The last facts, newest first.
    pub rows: Vec<RecentRow>,
    /// The newest signed checkpoint, where the reader belongs to the team.
    pub checkpoint: Option<String>,
}

/// The page.
pub fn page(shell: &Shell, view: &Journal) -> Markup {
    let w = shell.w;
    let size = view.rows.first().and_then(|r| r.seq).map(|seq| seq + 1);
    let title = match size {
        Some(size) => w.f("journal-title", &[("n", n(size as usize))]),
        None => w.t("nav-journal"),
    };
    shell.page(
        w.t("nav-journal").as_str(),
        html! {
            div class="head" { div { h1 { (title) } p { (w.t("journal-lead")) } } }
            div class="split" {
                section class="panel" aria-labelledby="recent-h" {
                    h2 id="recent-h" { (w.t("recent")) span { (w.f("recent-count", &[("n", n(view.rows.len()))])) } }
                    table class="tbl stack" {
                        thead { tr { th scope="col" class="num" { (w.t("place")) } th scope="col" { (w.t("when")) } th scope="col" { (w.t("what")) } th scope="col" { (w.t("by-whom")) } } }
                        tbody { @for row in &view.rows { (line(shell, row)) } }
                    }
                }
                aside aria-labelledby="moment-h" {
                    section class="panel" id="moment" aria-labelledby="moment-h" {
                        h2 id="moment-h" { (w.t("moment-choose")) }
                        p { (w.t("moment-text")) }
                        (picker(w, &Route::Duty.to_string(), Shown::default(), when::zoned(shell.now).date()))
                    }
                    section class="panel" {
                        h2 id="verify-h" { (w.t("verify")) }
                        p { (w.t("verify-text")) }
                        @if let Some(checkpoint) = &view.checkpoint {
                            h3 class="older" { (w.t("checkpoint")) }
                            pre class="raw mono hash" tabindex="0" { (checkpoint) }
                            p { a class="btn" href=(Route::Checkpoint) download { (w.t("checkpoint-keep")) } }
                            p class="meta" { (w.t("checkpoint-hint")) }
                        }
                        @if view.checkpoint.is_some() { p { a href=(Route::Retention) { (w.t("retention")) } } }
                        h3 class="older" { (w.t("verify-how")) }
                        pre class="raw mono hash" tabindex="0" { "bolwerk checkpoint --data DIR > punt.txt\nbolwerk verify --data DIR --against punt.txt" }
                    }
                }
            }
        },
    )
}

fn line(shell: &Shell, row: &RecentRow) -> Markup {
    let w = shell.w;
    html! {
        tr {
            td class="num mono" data-l=(w.t("place")) {
                @if let Some(seq) = row.seq {
                    a href={ (Route::Duty) "?" (POSITION) "=" (seq) } title=(w.t("moment-from-here")) { (w.number(seq as usize)) }
                }
            }
            td data-l=(w.t("when")) { (when::time_exact(w, row.at)) }
            td data-l=(w.t("what")) {
                (w.of("fact", row.key)) " "
                @match row.reference {
                    Some(reference) if reference.named() == Named::Incident => { a class="ref" href=(Route::Incident(reference)) { (reference) } }
                    Some(reference) => { a class="ref" href=(Route::Report(reference)) { (reference) } }
                    None => {}
                }
            }
            td data-l=(w.t("by-whom")) { (shell.who(&row.who)) }
        }
    }
}

/// `GET /journaal`.
pub(crate) async fn show(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    let seen = web.look(&visitor, Nav::Journal, |lens| (lens.recent(ROWS), lens.is_team())).await?;
    let (shell, (rows, team)) = seen;
    let checkpoint = if team { Some(web.engine().checkpoint().await?) } else { None };
    Ok(respond(page(&shell, &Journal { rows, checkpoint })))
}

/// `GET /journaal/controlepunt`: for the team, as it says how much was recorded.
pub(crate) async fn checkpoint(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    let (_shell, team) = web.look(&visitor, Nav::Journal, |lens| lens.is_team()).await?;
    if !team {
        return Err(Problem::not_found());
    }
    let note = web.engine().checkpoint().await?;
    let day = when::zoned(visitor.now).date();
    let mut response = note.into_response();
    let headers = response.headers_mut();
    let name = format!("attachment; filename=\"bolwerk-{day}.checkpoint\"");
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).expect("a date is ASCII"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOWNLOAD_POLICY));
    Ok(response)
}
