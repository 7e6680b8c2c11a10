//! The journal: what was recorded last, and how anybody can check that nothing was changed.

use crate::Web;
use crate::app::page as respond;
use crate::headers::DOWNLOAD_POLICY;
use crate::moment::{POSITION, Shown, picker};
use crate::parts::listed;
use crate::problem::Problem;
use crate::routes::Route;
use crate::shell::{Nav, Shell};
use crate::visitor::Visitor;
use crate::when;
use crate::words::{n, s};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use desk::ids::{Named, Timestamp};
use desk::view::RecentRow;
use maud::{Markup, html};

/// Rows shown.
const ROWS: usize = 100;

/// What the page shows.
pub struct Journal {
    /// The last facts, newest first.
    pub rows: Vec<RecentRow>,
    /// The reader belongs to the team.
    pub team: bool,
    /// The newest signed checkpoint, for the team, where the store hands it out.
    pub checkpoint: Option<String>,
    /// The nodes that serve the desk, for the team; none where one runs alone.
    pub nodes: Vec<NodeRow>,
    /// Erasures that wait for some of them.
    pub open: Vec<OpenRow>,
}

/// A node, and whether it has carried out every erasure.
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// This page comes from it.
    pub here: bool,
    /// It is connected.
    pub runs: bool,
    /// No erasure waits for it.
    pub cleared: bool,
}

/// An erasure that not every node has carried out.
pub struct OpenRow {
    /// Its place in the journal.
    pub seq: u64,
    /// When it was recorded.
    pub at: Option<Timestamp>,
    /// Names of the nodes that it waits for.
    pub waits_for: Vec<String>,
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
                    @if !view.nodes.is_empty() { (nodes(shell, view)) }
                    section class="panel" {
                        h2 id="verify-h" { (w.t("verify")) }
                        p { (w.t("verify-text")) }
                        @if let Some(checkpoint) = &view.checkpoint {
                            h3 class="older" { (w.t("checkpoint")) }
                            pre class="raw mono hash" tabindex="0" { (checkpoint) }
                            p class="after-s" { a class="btn" href=(Route::Checkpoint) download { (w.t("checkpoint-keep")) } }
                            p class="meta after-s" { (w.t("checkpoint-hint")) }
                        }
                        @if view.team { p { a href=(Route::Retention) { (w.t("retention")) } } }
                        h3 class="older" { (w.t("verify-how")) }
                        pre class="raw mono hash" tabindex="0" { "bolwerk checkpoint --data DIR > punt.txt\nbolwerk verify --data DIR --against punt.txt" }
                    }
                }
            }
        },
    )
}

fn nodes(shell: &Shell, view: &Journal) -> Markup {
    let w = shell.w;
    html! {
        section class="panel" id="nodes" aria-labelledby="nodes-h" {
            h2 id="nodes-h" { (w.t("nodes")) span { (w.number(view.nodes.len())) } }
            ul class="plain stack" {
                @for node in &view.nodes {
                    li {
                        b { (node.name) } @if node.here { " " (w.t("node-here")) } ": "
                        (w.t(if node.runs { "node-runs" } else { "node-stopped" })) ", "
                        (w.t(if node.cleared { "node-cleared" } else { "node-behind" }))
                    }
                }
            }
            h3 class="older" { (w.t("erasures-open")) }
            @if view.open.is_empty() { p class="quiet" { (w.t("erasures-confirmed")) } } @else {
                p { (w.t("erasures-open-text")) }
                ul class="plain stack" {
                    @for erasure in &view.open {
                        li {
                            (w.f("erasure-at", &[("place", n(erasure.seq as usize))]))
                            @if let Some(at) = erasure.at { ", " (when::time(w, at)) }
                            ": " (w.f("erasure-waits", &[("nodes", s(&listed(w, &erasure.waits_for)))]))
                        }
                    }
                }
            }
        }
    }
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
    let mut view = Journal { rows, team, checkpoint: None, nodes: Vec::new(), open: Vec::new() };
    // What only the store itself can say is left out while it does not answer: the banner says that it does not.
    // A checkpoint is of the present: there is none of an earlier moment.
    if team && shell.store.is_none() && shell.moment.is_none() {
        view.checkpoint = Some(web.engine().checkpoint().await?);
        (view.nodes, view.open) = look_at_nodes(&web).await?;
    }
    Ok(respond(page(&shell, &view)))
}

async fn look_at_nodes(web: &Web) -> Result<(Vec<NodeRow>, Vec<OpenRow>), Problem> {
    let engine::Nodes { nodes, open } = web.engine().nodes().await?;
    let behind = |name: &String| open.iter().any(|erasure| erasure.waits_for.contains(name));
    let rows = nodes.iter().map(|node| NodeRow {
        cleared: !behind(&node.name),
        name: node.name.clone(),
        here: node.here,
        runs: node.runs,
    });
    let rows = rows.collect();
    let times = web.engine().read(|desk| open.iter().map(|e| desk.recorded_at(e.seq)).collect::<Vec<_>>()).await?;
    let open = open.into_iter().zip(times).map(|(e, at)| OpenRow { seq: e.seq, at, waits_for: e.waits_for }).collect();
    Ok((rows, open))
}

/// `GET /journaal/controlepunt`: for the team, as it says how much was recorded.
pub(crate) async fn checkpoint(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    visitor.acts()?;
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
