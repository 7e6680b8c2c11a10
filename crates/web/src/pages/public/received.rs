//! It arrived: the number, the time, who comes by when, and the same steps. For the one who holds the link.

use super::{call, first_hour, language, offered};
use crate::Web;
use crate::app::page as respond;
use crate::pages::rows::CALL_WITHIN_SECONDS;
use crate::problem::Problem;
use crate::routes::{Route, query};
use crate::secret;
use crate::shell::Sheet;
use crate::when::time;
use crate::words::{Words, n, s, words};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use desk::Desk;
use desk::house::Language;
use desk::ids::{Reference, Timestamp};
use desk::view::HouseView;
use maud::{Markup, html};

/// Hex digits of the link's secret: 128 bits.
const LINK_CHARS: usize = 32;

/// What the page shows.
pub struct Received {
    /// Whose desk it is.
    pub house: HouseView,
    /// The mailbox that is answered, if any.
    pub address: Option<String>,
    /// The report's reference.
    pub reference: Reference,
    /// When it came in.
    pub at: Timestamp,
    /// It goes on now: somebody calls.
    pub hit_now: bool,
    /// Files that did not come along.
    pub left_out: usize,
    /// Path and query of this page, without its language.
    pub path: String,
}

fn secret_of(web: &Web, reference: Reference) -> String {
    let mut digest = web.engine().digest(&format!("received {reference}")).to_string();
    digest.truncate(LINK_CHARS);
    digest
}

/// The private address of a report that was just sent.
pub(super) fn address(web: &Web, reference: Reference, left_out: usize, language: Language) -> String {
    let left_out = if left_out > 0 { format!("&zonder={left_out}") } else { String::new() };
    format!("{}?s={}{left_out}&taal={}", Route::Received(reference), secret_of(web, reference), language.tag())
}

/// The page.
pub fn page(w: &'static Words, view: &Received) -> Markup {
    let title = w.t("received-title");
    let sheet = Sheet { w, demo: view.house.demo, languages: offered(&view.house), path: view.path.clone() };
    sheet.page(
        title.as_str(),
        html! {
            div class="hero" {
                h1 class="said" { (title) }
                p { (w.t("received-number")) " " b class="number" { (view.reference) } }
                p class="meta" { (w.t("received-at")) " " (time(w, view.at)) }
            }
            div class="two" {
                section aria-labelledby="next" {
                    h2 id="next" { (w.t("received-next")) }
                    div class="flow" {
                        p {
                            @if view.hit_now {
                                (w.t("received-call-by")) " " b { (time(w, view.at.plus_seconds(CALL_WITHIN_SECONDS))) } ". "
                            } @else { (w.t("received-read")) " " }
                        }
                        @if view.house.phone.is_some() { p { (w.t("received-no-call")) } (call(w, &view.house)) }
                        @if view.left_out > 0 { p class="note lim" { (w.f("received-left-out", &[("n", n(view.left_out))])) } }
                        p { (w.t("received-keep")) }
                        @if let Some(address) = &view.address {
                            p { (w.f("received-more", &[("address", s(address)), ("reference", s(&view.reference.to_string()))])) }
                        }
                        p class="no-print" { a href=(Route::Public) { (w.t("received-another")) } }
                    }
                }
                (first_hour(w.language, "hour"))
            }
        },
        Some(html! { (w.t("received-none")) @if view.house.demo { " " (w.t("demo-foot")) } }),
    )
}

/// When a report came in, and whether it is said to go on now.
fn arrival(desk: &Desk, reference: Reference) -> Option<(Timestamp, bool)> {
    let report = desk.report_of(reference)?;
    let kept = desk.inventory().nth(report.index())?;
    (kept.reference == reference).then_some((kept.received_at, kept.hit_now))
}

/// `GET /melden/ontvangen/M-…?s=…`.
pub(crate) async fn show(
    State(web): State<Web>,
    Path(reference): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reference: Reference = reference.parse().map_err(|_| Problem::not_found())?;
    let value = |name: &str| {
        let pairs = uri.query().into_iter().flat_map(|q| q.split('&'));
        pairs.filter_map(|p| p.split_once('=')).find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    };
    let given = value("s");
    if !secret::same(given.as_bytes(), secret_of(&web, reference).as_bytes()) {
        return Err(Problem::not_found());
    }
    let left_out: usize = value("zonder").parse().unwrap_or(0);
    let (house, found) = web.engine().read(|desk| (desk.front(), arrival(desk, reference))).await?;
    let (at, hit_now) = found.ok_or_else(Problem::not_found)?;
    let path = match left_out {
        0 => format!("{}?s={}", Route::Received(reference), query(given)),
        some => format!("{}?s={}&zonder={some}", Route::Received(reference), query(given)),
    };
    let w = words(language(&uri, &headers, &house));
    let address = web.engine().address();
    Ok(respond(page(w, &Received { house, address, reference, at, hit_now, left_out, path })))
}
