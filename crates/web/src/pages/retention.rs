//! Retention: how long what is kept, and what is past its term.

use crate::Web;
use crate::app::page as respond;
use crate::problem::Problem;
use crate::routes::Route;
use crate::shell::{Nav, Shell};
use crate::visitor::Visitor;
use crate::when;
use crate::words::n;
use axum::extract::State;
use axum::response::Response;
use desk::ids::Named;
use desk::retention::{Due, Retention, Term};
use maud::{Markup, html};

/// The page.
pub fn page(shell: &Shell, view: &Retention) -> Markup {
    let w = shell.w;
    let title = w.t("retention");
    shell.page(
        title.as_str(),
        html! {
            div class="head" { div { h1 { (title) } p { (w.t("retention-lead")) } } }
            section class="panel" aria-labelledby="due-h" {
                h2 id="due-h" { (w.t("retention-due")) span { (w.number(view.total)) } }
                @if view.due.is_empty() { p class="quiet" { (w.t("retention-none")) } } @else {
                    table class="tbl stack" {
                        thead { tr { th scope="col" { (w.t("retention-what")) } th scope="col" { (w.t("kind")) } th scope="col" { (w.t("retention-since")) } th scope="col" { (w.t("retention-until")) } } }
                        tbody { @for due in &view.due { (row(shell, due)) } }
                    }
                    @if view.total > view.due.len() { p class="meta" { (w.f("retention-more", &[("n", n(view.total - view.due.len()))])) } }
                }
            }
            section class="panel" aria-labelledby="terms-h" {
                h2 id="terms-h" { (w.t("retention-terms")) }
                table class="tbl stack" {
                    thead { tr { th scope="col" { (w.t("kind")) } th scope="col" { (w.t("retention-days")) } th scope="col" { (w.t("retention-from")) } th scope="col" { (w.t("retention-source")) } } }
                    tbody { @for term in &view.terms { (term_row(shell, term)) } }
                }
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

fn term_row(shell: &Shell, term: &Term) -> Markup {
    let w = shell.w;
    html! {
        tr {
            th scope="row" { (w.of("kept", term.kind.key())) }
            td data-l=(w.t("retention-days")) { (w.f("retention-days-of", &[("n", n(term.days as usize))])) }
            td data-l=(w.t("retention-from")) { (w.day(term.from.0)) }
            td data-l=(w.t("retention-source")) { (term.source) }
        }
    }
}

/// `GET /bewaring`.
pub(crate) async fn show(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    let now = visitor.now;
    let (shell, view) = web.look(&visitor, Nav::Journal, |lens| lens.is_team().then(|| lens.retention(now))).await?;
    Ok(respond(page(&shell, &view.ok_or_else(Problem::not_found)?)))
}
