//! The keys, as a page: what `?` shows.

use crate::Web;
use crate::app::page as respond;
use crate::problem::Problem;
use crate::shell::{Nav, Shell, keys};
use crate::visitor::Visitor;
use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

/// The page.
pub fn page(shell: &Shell) -> Markup {
    let title = shell.w.t("keys-title");
    shell.page(
        title.as_str(),
        html! {
            div class="head" { div { h1 { (title) } p { (shell.w.t("keys-lead")) } } }
            div class="card" { (keys(shell.w)) }
        },
    )
}

/// `GET /toetsen`.
pub(crate) async fn show(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    let (shell, ()) = web.look(&visitor, Nav::Elsewhere, |_| ()).await?;
    Ok(respond(page(&shell)))
}
