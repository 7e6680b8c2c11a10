//! Boards: which one is it, and what do we have about it?

use crate::Web;
use crate::app::page as respond;
use crate::pages::incidents::incident_table;
use crate::pages::reports::choice;
use crate::pages::rows::report_row;
use crate::parts::{Icon, empty, icon};
use crate::problem::Problem;
use crate::routes::Route;
use crate::shell::{Nav, Shell};
use crate::visitor::Visitor;
use crate::words::{n, s};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use desk::register::{BoardFilter, BoardRow, BoardView};
use desk::view::BoardLink;
use maud::{Markup, html};
use std::collections::HashMap;

/// What the page shows.
pub struct Boards {
    /// Which ones.
    pub filter: BoardFilter,
    /// The rows, with their REFNIS code.
    pub rows: Vec<(u32, BoardRow)>,
    /// Provinces to choose from.
    pub provinces: Vec<String>,
    /// A register is loaded.
    pub loaded: bool,
}

/// A link to a board's page.
pub(crate) fn link(board: &BoardLink) -> Markup {
    html! { a href=(Route::BoardPlace(board.id.0)) { (board.name) } }
}

/// The page.
pub fn page(shell: &Shell, view: &Boards) -> Markup {
    let w = shell.w;
    let title = w.f("boards-title", &[("n", n(view.rows.len()))]);
    let mut provinces = vec![(String::new(), w.t("filter-all"))];
    provinces.extend(view.provinces.iter().map(|p| (p.clone(), p.clone())));
    shell.page(
        title.as_str(),
        html! {
            div class="head" { div { h1 { (title) } p { (w.t("boards-lead")) } } }
            @if view.loaded {
                form class="filter" method="get" action=(Route::Boards) role="search" {
                    div class="grow" { label for="q" { (w.t("filter-text")) } input class="in" id="q" name="q" type="search" value=(view.filter.text) data-key="/"; }
                    (choice("provincie", &w.t("province"), &provinces, view.filter.province.as_deref().unwrap_or_default()))
                    label class="pick" { input type="checkbox" name="actief" value="1" checked[view.filter.active]; (w.t("boards-active")) }
                    button class="btn" type="submit" { (w.t("filter")) }
                }
                (table(shell, view))
            } @else {
                (empty(&w.t("boards-none"), &w.t("boards-none-text"), None))
            }
        },
    )
}

fn table(shell: &Shell, view: &Boards) -> Markup {
    let w = shell.w;
    html! {
        @if view.rows.is_empty() { (empty(&w.t("boards-nothing"), &w.t("boards-nothing-text"), None)) } @else {
            table class="tbl stack" {
                thead { tr {
                    th scope="col" { (w.t("board")) } th scope="col" { (w.t("state")) } th scope="col" { (w.t("province")) }
                    th scope="col" class="num" { (w.t("population")) } th scope="col" class="num" { (w.t("nav-reports")) } th scope="col" class="num" { (w.t("incidents-open")) }
                } }
                tbody {
                    @for (refnis, row) in &view.rows {
                        tr {
                            th scope="row" { a href=(Route::Board(*refnis)) data-row=(refnis) { (row.name) } }
                            td data-l=(w.t("state")) { (state(shell, row)) }
                            td data-l=(w.t("province")) { (row.province) }
                            td class="num" data-l=(w.t("population")) { (w.number(row.population as usize)) }
                            td class="num" data-l=(w.t("nav-reports")) { (w.number(row.reports)) }
                            td class="num" data-l=(w.t("incidents-open")) { (w.number(row.incidents_open)) }
                        }
                    }
                }
            }
        }
    }
}

fn state(shell: &Shell, row: &BoardRow) -> Markup {
    let w = shell.w;
    html! {
        @if row.hit_now > 0 { span class="st down" { (icon(Icon::Cross)) (w.t("board-hit")) } }
        @else if row.incidents_open > 0 { span class="st lim" { (icon(Icon::Warning)) (w.t("board-incident")) } }
        @else if row.reports > 0 { span class="st unk" { (icon(Icon::Note)) (w.t("board-reports")) } }
        @else { span class="quiet" { (w.t("board-quiet")) } }
    }
}

/// The page of one board.
pub fn board_page(shell: &Shell, view: &BoardView) -> Markup {
    let (w, board) = (shell.w, &view.board);
    let links = |key: &str, list: &[BoardLink]| {
        html! {
            @if !list.is_empty() { dt { (w.t(key)) } dd { @for (n, one) in list.iter().enumerate() { @if n > 0 { ", " } (link(one)) } } }
        }
    };
    shell.page(
        board.name.as_str(),
        html! {
            div class="head" {
                div {
                    p class="row" { span class="ref" { (w.f("refnis", &[("code", s(&format!("{:05}", board.refnis)))])) } span class="chip out" { (w.of("board-kind", board.kind.key())) } }
                    h1 { (board.name) }
                    p { (w.f("board-head", &[("population", n(board.population as usize)), ("province", s(&board.province))])) }
                }
            }
            div class="split" {
                div {
                    section class="panel" aria-labelledby="incidents-h" {
                        h2 id="incidents-h" { (w.t("nav-incidents")) span { (w.number(view.incidents_total)) } }
                        @if view.incidents.is_empty() { p class="quiet" { (w.t("board-no-incidents")) } } @else { (incident_table(shell, &view.incidents)) }
                    }
                    section class="panel" aria-labelledby="reports-h" {
                        h2 id="reports-h" { (w.t("nav-reports")) span { (w.number(view.reports_total)) } }
                        @if view.reports.is_empty() { p class="quiet" { (w.t("board-no-reports")) } }
                        @for row in &view.reports { (report_row(shell, row, &Route::Report(row.reference).to_string(), false)) }
                    }
                }
                aside aria-labelledby="register-h" {
                    section class="panel" {
                        h2 id="register-h" { (w.t("register")) }
                        dl class="facts" {
                            dt { (w.t("valid-from")) } dd { (board.valid_from) }
                            @if let Some(to) = &board.valid_to { dt { (w.t("valid-to")) } dd { (to) } }
                            (links("successors", &view.successors))
                            (links("predecessors", &view.predecessors))
                            @if !board.former_names.is_empty() { dt { (w.t("former-names")) } dd { (board.former_names.join(", ")) } }
                            @if !board.domains.is_empty() { dt { (w.t("domains")) } dd class="mono" { (board.domains.join(", ")) } }
                            (links("neighbours", &view.neighbours))
                        }
                        p class="meta older" { (w.t("register-source")) }
                    }
                }
            }
        },
    )
}

/// `GET /besturen`.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let value = |name: &str| query.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    let day = crate::when::zoned(visitor.now).date().to_string();
    let filter = BoardFilter {
        text: value("q").unwrap_or_default(),
        province: value("provincie"),
        active: value("actief").is_some(),
        day: Some(day.clone()),
    };
    let provinces = web.engine().read(|desk| {
        let mut provinces: Vec<String> = desk.register().on(&day).map(|b| b.province.clone()).collect();
        provinces.sort_unstable();
        provinces.dedup();
        let codes: HashMap<_, _> = desk.register().iter().map(|b| (b.id, b.refnis)).collect();
        (provinces, codes)
    });
    let (provinces, codes) = provinces.await?;
    let (shell, rows) = web.look(&visitor, Nav::Boards, |lens| lens.boards(&filter)).await?;
    let rows = rows.into_iter().map(|r| (codes.get(&r.id).copied().unwrap_or_default(), r)).collect();
    let view = Boards { filter, rows, loaded: !codes.is_empty(), provinces };
    Ok(respond(page(&shell, &view)))
}

/// `GET /bestuur/REFNIS`.
pub(crate) async fn one(State(web): State<Web>, visitor: Visitor, Path(refnis): Path<String>) -> Result<Response, Problem> {
    let refnis: u32 = refnis.parse().map_err(|_| Problem::not_found())?;
    let id = web.engine().read(|desk| desk.register().by_refnis(refnis).map(|b| b.id)).await?;
    let id = id.ok_or_else(Problem::not_found)?;
    let (shell, view) = web.look(&visitor, Nav::Boards, |lens| lens.board(id)).await?;
    Ok(respond(board_page(&shell, &view.ok_or_else(Problem::not_found)?)))
}

/// `GET /besturen/PLACE`: the address by which pages name a board; it leads to the one by its code.
pub(crate) async fn by_place(State(web): State<Web>, _visitor: Visitor, Path(place): Path<u32>) -> Result<Response, Problem> {
    let found = web.engine().read(|desk| desk.register().get(desk::register::BoardId(place)).map(|b| b.refnis)).await?;
    Ok(crate::app::see_other(&Route::Board(found.ok_or_else(Problem::not_found)?).to_string()))
}
