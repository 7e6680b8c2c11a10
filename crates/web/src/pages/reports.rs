//! All reports: where is that message?

use crate::Web;
use crate::app::page as respond;
use crate::pages::rows::report_row;
use crate::parts::empty;
use crate::problem::Problem;
use crate::routes::{Route, query as quoted};
use crate::shell::{Nav, Shell};
use crate::visitor::Visitor;
use crate::words::n;
use axum::extract::{Query, State};
use axum::response::Response;
use desk::ids::{Reference, Timestamp};
use desk::intake::{Kind, ReportFilter, ReportRow, Status};
use desk::lens::Lens;
use desk::view::Page;
use maud::{Markup, html};
use std::collections::HashMap;

/// Rows of a page.
const ROWS: usize = 50;
/// Newest reports looked through for the last mail.
const LOOKED_THROUGH: usize = 200;

/// What the page shows.
pub struct Reports {
    /// Which ones.
    pub filter: ReportFilter,
    /// The rows.
    pub page: Page<ReportRow>,
    /// The cursor of this page.
    pub after: Option<Reference>,
}

/// When the last mail came in, as far as the viewer may know.
pub(crate) fn last_mail_in(lens: &Lens<'_>) -> Option<Timestamp> {
    let newest = lens.reports(&ReportFilter::default(), None, LOOKED_THROUGH);
    newest.rows.iter().find(|r| r.via.is_mail()).map(|r| r.received_at)
}

impl Reports {
    fn address(&self, after: Option<Reference>) -> String {
        let mut address = format!("{}?", Route::Reports);
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() {
                address.push_str(&format!("{name}={}&", quoted(value)));
            }
        };
        put("status", self.filter.status.as_deref().unwrap_or_default());
        put("soort", self.filter.kind.map_or("", Kind::key));
        put("q", &self.filter.text);
        if let Some(after) = after {
            put("na", &after.to_string());
        }
        address.pop();
        address
    }
}

/// The page.
pub fn page(shell: &Shell, view: &Reports) -> Markup {
    let w = shell.w;
    let title = w.f("reports-title", &[("n", n(view.page.total))]);
    let mut states: Vec<(String, String)> =
        vec![(String::new(), w.t("filter-all")), ("open".to_owned(), w.t("status-open"))];
    states.extend(Status::KEYS.iter().map(|k| ((*k).to_owned(), w.of("status", k))));
    let mut kinds: Vec<(String, String)> = vec![(String::new(), w.t("filter-all"))];
    kinds.extend(Kind::ALL.iter().map(|k| (k.key().to_owned(), w.of("kind", k.key()))));
    shell.page(
        title.as_str(),
        html! {
            div class="head" { div { h1 { (title) } p { (w.t("reports-lead")) } } }
            form class="filter" method="get" action=(Route::Reports) role="search" {
                div class="grow" { label for="q" { (w.t("filter-text")) } input class="in" id="q" name="q" type="search" value=(view.filter.text) data-key="/"; }
                (choice("status", &w.t("state"), &states, view.filter.status.as_deref().unwrap_or_default()))
                (choice("soort", &w.t("kind"), &kinds, view.filter.kind.map_or("", Kind::key)))
                button class="btn" type="submit" { (w.t("filter")) }
            }
            (list(shell, view))
        },
    )
}

/// A choice in a row of filters.
pub(crate) fn choice(name: &str, label: &str, options: &[(String, String)], chosen: &str) -> Markup {
    html! {
        div {
            label for=(name) { (label) }
            select class="in small" id=(name) name=(name) {
                @for (value, text) in options { option value=(value) selected[value == chosen] { (text) } }
            }
        }
    }
}

fn list(shell: &Shell, view: &Reports) -> Markup {
    let w = shell.w;
    let address = view.address(view.after);
    let join = if address.contains('?') { "&" } else { "?" };
    html! {
        div id="reports" data-fragment={ (address) (join) "deel=lijst" } data-topics="queue" {
            @if view.page.rows.is_empty() { (empty(&w.t("reports-none"), &w.t("reports-none-text"), None)) }
            @for row in &view.page.rows { (report_row(shell, row, &Route::Report(row.reference).to_string(), false)) }
            nav class="pages" aria-label=(w.t("pages")) {
                span class="meta" { (w.f("pages-shown", &[("n", n(view.page.rows.len())), ("total", n(view.page.total))])) }
                @if view.after.is_some() { a href=(view.address(None)) { (w.t("pages-first")) } }
                @if let Some(next) = view.page.next { a class="btn" rel="next" href=(view.address(Some(next))) { (w.t("pages-next")) } }
            }
        }
    }
}

/// `GET /meldingen`.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let value = |name: &str| query.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    let filter = ReportFilter {
        status: value("status").filter(|k| k == "open" || Status::KEYS.contains(&k.as_str())),
        kind: value("soort").and_then(|k| Kind::from_key(&k)),
        text: value("q").unwrap_or_default(),
        ..ReportFilter::default()
    };
    let after: Option<Reference> = value("na").and_then(|r| r.parse().ok());
    let (shell, page) = web.look(&visitor, Nav::Reports, |lens| lens.reports(&filter, after, ROWS)).await?;
    let view = Reports { filter, page, after };
    if query.contains_key("deel") {
        return Ok(respond(list(&shell, &view)));
    }
    Ok(respond(self::page(&shell, &view)))
}
