//! Boards: which one is it, and what do we have about it?

use crate::Web;
use crate::app::page as respond;
use crate::csv::Table;
use crate::pages::incidents::incident_table;
use crate::pages::reports::choice;
use crate::pages::rows::report_row;
use crate::parts::{Icon, empty, icon};
use crate::problem::Problem;
use crate::routes::{Route, query as quoted};
use crate::shell::{Nav, Shell};
use crate::visitor::Visitor;
use crate::when::ZONE;
use crate::words::{Words, n, s};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use desk::register::{BoardFilter, BoardKind, BoardRow, BoardView};
use desk::view::BoardLink;
use maud::{Markup, html};
use std::collections::HashMap;

/// Rows of a page.
const ROWS: usize = 100;

/// What the page shows.
pub struct Boards {
    /// Which ones.
    pub filter: BoardFilter,
    /// What kind of legal person, by its key; empty: all.
    pub kind: String,
    /// Kinds to choose from.
    pub kinds: Vec<BoardKind>,
    /// The rows, with their REFNIS code: where most goes on first, then by name.
    pub rows: Vec<(u32, BoardRow)>,
    /// Which page of them, from 0.
    pub page: usize,
    /// Provinces to choose from.
    pub provinces: Vec<String>,
    /// A register is loaded.
    pub loaded: bool,
}

impl Boards {
    /// The same selection elsewhere: another page of it, or as a table for a spreadsheet.
    fn address(&self, at: Route, page: usize) -> String {
        let mut address = format!("{at}?");
        let page = if page > 0 { (page + 1).to_string() } else { String::new() };
        let active = if self.filter.active { "1" } else { "" };
        let province = self.filter.province.as_deref().unwrap_or_default();
        let text = self.filter.text.as_str();
        for (name, value) in
            [("q", text), ("provincie", province), ("soort", &self.kind), ("actief", active), ("blad", &page)]
        {
            if !value.is_empty() {
                address.push_str(&format!("{name}={}&", quoted(value)));
            }
        }
        address.pop();
        address
    }

    fn counts(&self) -> [usize; 3] {
        let count = |holds: fn(&BoardRow) -> bool| self.rows.iter().filter(|(_, row)| holds(row)).count();
        [count(|r| r.hit_now > 0), count(|r| r.incidents_open > 0), count(|r| r.reports > 0)]
    }
}

/// A link to a board's page.
pub(crate) fn link(board: &BoardLink) -> Markup {
    html! { a href=(Route::BoardPlace(board.id.0)) { (board.name) } }
}

/// The page.
pub fn page(shell: &Shell, view: &Boards) -> Markup {
    let w = shell.w;
    let [hit, open, reported] = view.counts();
    let all = view.rows.len();
    let title = match hit {
        hit if hit == 0 || all == 1 => w.f("boards-title", &[("n", n(all))]),
        hit => w.f("boards-title-hit", &[("n", n(all)), ("hit", n(hit)), ("spelled", s(&w.spelled(hit)))]),
    };
    let mut kinds = vec![(String::new(), w.t("filter-all"))];
    kinds.extend(view.kinds.iter().map(|k| (k.key().to_owned(), w.of("board-kind", k.key()))));
    let mut provinces = vec![(String::new(), w.t("filter-all"))];
    provinces.extend(view.provinces.iter().map(|p| (p.clone(), p.clone())));
    shell.page(
        title.as_str(),
        html! {
            div class="head" {
                div { h1 { (title) } p { (w.t("boards-lead")) " " @if view.loaded { (w.f("boards-counts", &[("hit", n(hit)), ("open", n(open)), ("reports", n(reported))])) } } }
                @if !view.rows.is_empty() { a class="btn" href=(view.address(Route::BoardsTable, 0)) download { (w.t("boards-table")) } }
            }
            @if view.loaded {
                form class="filter" method="get" action=(Route::Boards) role="search" {
                    div class="grow" { label for="q" { (w.t("filter-text")) } input class="in" id="q" name="q" type="search" value=(view.filter.text) data-key="/"; }
                    (choice("provincie", &w.t("province"), &provinces, view.filter.province.as_deref().unwrap_or_default()))
                    @if view.kinds.len() > 1 { (choice("soort", &w.t("kind"), &kinds, &view.kind)) }
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
                    th scope="col" class="num" { (w.t("population")) } th scope="col" class="num" { (w.t("nav-reports")) } th scope="col" class="num" { (w.t("boards-open")) }
                } }
                tbody {
                    @for (refnis, row) in view.rows.iter().skip(view.page * ROWS).take(ROWS) {
                        tr {
                            th scope="row" { a href=(Route::Board(*refnis)) data-row=(refnis) { (row.name) } }
                            td data-l=(w.t("state")) { (state(shell, row)) }
                            td data-l=(w.t("province")) { (row.province) }
                            td class="num" data-l=(w.t("population")) { (w.number(row.population as usize)) }
                            td class="num" data-l=(w.t("nav-reports")) { (w.number(row.reports)) }
                            td class="num" data-l=(w.t("boards-open")) { (w.number(row.incidents_open)) }
                        }
                    }
                }
            }
            (pages(w, view))
        }
    }
}

/// The other pages of a long list.
fn pages(w: &Words, view: &Boards) -> Markup {
    let (total, from) = (view.rows.len(), view.page * ROWS);
    let shown = total.saturating_sub(from).min(ROWS);
    html! {
        @if total > ROWS {
            nav class="pages" aria-label=(w.t("pages")) {
                span class="meta" { (w.f("boards-shown", &[("from", n(from + 1)), ("to", n(from + shown)), ("total", n(total))])) }
                @if view.page > 0 { a href=(view.address(Route::Boards, 0)) { (w.t("pages-first")) } }
                @if from + shown < total { a class="btn" rel="next" href=(view.address(Route::Boards, view.page + 1)) { (w.t("pages-next")) } }
            }
        }
    }
}

/// A day of the register, as people read days.
fn day(w: &Words, iso: &str) -> String {
    let noon =
        iso.parse::<jiff::civil::Date>().ok().and_then(|d| d.at(12, 0, 0, 0).to_zoned_datetime(ZONE.clone()).ok());
    noon.map_or_else(|| iso.to_owned(), |at| w.day(desk::ids::Timestamp(at.timestamp().as_microsecond())))
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
                            dt { (w.t("valid-from")) } dd { (day(w, &board.valid_from)) }
                            @if let Some(to) = &board.valid_to { dt { (w.t("valid-to")) } dd { (day(w, to)) } }
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

/// The selection that an address asks for.
async fn selection(web: &Web, visitor: &Visitor, query: &HashMap<String, String>) -> Result<(Shell, Boards), Problem> {
    let value = |name: &str| query.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    let day = crate::when::zoned(visitor.now).date().to_string();
    let filter = BoardFilter {
        text: value("q").unwrap_or_default(),
        province: value("provincie"),
        active: value("actief").is_some(),
        day: Some(day.clone()),
    };
    let register = web.see(visitor, |desk, _| {
        let mut provinces: Vec<String> = desk.register().on(&day).map(|b| b.province.clone()).collect();
        provinces.sort_unstable();
        provinces.dedup();
        let mut kinds: Vec<BoardKind> = desk.register().on(&day).map(|b| b.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let codes: HashMap<_, _> = desk.register().iter().map(|b| (b.id, b.refnis)).collect();
        (provinces, kinds, codes)
    });
    let (provinces, kinds, codes) = register.await?;
    let kind = value("soort").unwrap_or_default();
    let (shell, rows) = web.look(visitor, Nav::Boards, |lens| lens.boards(&filter)).await?;
    let rows = rows.into_iter().filter(|r| kind.is_empty() || r.kind.key() == kind);
    let mut rows: Vec<_> = rows.map(|r| (codes.get(&r.id).copied().unwrap_or_default(), r)).collect();
    rows.sort_by_key(|(_, r)| std::cmp::Reverse((r.hit_now, r.incidents_open, r.reports)));
    let page =
        value("blad").and_then(|b| b.parse::<usize>().ok()).map_or(0, |b| b.saturating_sub(1).min(rows.len() / ROWS));
    Ok((shell, Boards { filter, kind, kinds, page, rows, loaded: !codes.is_empty(), provinces }))
}

/// `GET /besturen`.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let (shell, view) = selection(&web, &visitor, &query).await?;
    Ok(respond(page(&shell, &view)))
}

/// `GET /besturen.csv`.
pub(crate) async fn table_file(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let (_, view) = selection(&web, &visitor, &query).await?;
    let columns = ["refnis", "name", "kind", "province", "population", "reports", "hit_now", "incidents_open"];
    let mut table = Table::new(&columns);
    for (refnis, row) in &view.rows {
        let figures = [row.population as usize, row.reports, row.hit_now, row.incidents_open].map(|n| n.to_string());
        let texts = [format!("{refnis:05}"), row.name.clone(), row.kind.key().to_owned(), row.province.clone()];
        table.row(texts.into_iter().chain(figures));
    }
    let mut response = Response::new(axum::body::Body::from(table.into_bytes()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"besturen.csv\""));
    let policy = HeaderValue::from_static(crate::headers::DOWNLOAD_POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// `GET /bestuur/REFNIS`.
pub(crate) async fn one(
    State(web): State<Web>,
    visitor: Visitor,
    Path(refnis): Path<String>,
) -> Result<Response, Problem> {
    let refnis: u32 = refnis.parse().map_err(|_| Problem::not_found())?;
    let id = web.engine().read(|desk| desk.register().by_refnis(refnis).map(|b| b.id)).await?;
    let id = id.ok_or_else(Problem::not_found)?;
    let (shell, view) = web.look(&visitor, Nav::Boards, |lens| lens.board(id)).await?;
    Ok(respond(board_page(&shell, &view.ok_or_else(Problem::not_found)?)))
}

/// `GET /besturen/PLACE`: the address by which pages name a board; it leads to the one by its code.
pub(crate) async fn by_place(
    State(web): State<Web>,
    _visitor: Visitor,
    Path(place): Path<u32>,
    uri: axum::http::Uri,
) -> Result<Response, Problem> {
    let found = web.engine().read(|desk| desk.register().get(desk::register::BoardId(place)).map(|b| b.refnis)).await?;
    // The moment that is looked at goes along.
    let query = uri.query().map(|q| format!("?{q}")).unwrap_or_default();
    Ok(crate::app::see_other(&format!("{}{query}", Route::Board(found.ok_or_else(Problem::not_found)?))))
}
