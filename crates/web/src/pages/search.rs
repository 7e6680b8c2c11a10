//! Search from any page: everything the reader may see, answered while typing.

use crate::Web;
use crate::app::page as respond;
use crate::parts::empty;
use crate::problem::Problem;
use crate::routes::{Route, query as quoted};
use crate::shell::{Nav, Shell};
use crate::visitor::Visitor;
use crate::words::{Words, n, s};
use axum::extract::{Query, State};
use axum::response::Response;
use desk::ids::Named;
use desk::search::{Found, Hit, HitKind};
use maud::{Markup, html};
use std::collections::HashMap;

/// Hits of a page.
const HITS: usize = 30;
/// Hits in the palette.
const PALETTE_HITS: usize = 8;
/// Longest question, characters.
const QUERY_CHARS_MAX: usize = 200;

/// What the page shows.
pub struct Search {
    /// What was asked.
    pub query: String,
    /// What was found.
    pub found: Found,
    /// Where this page begins.
    pub cursor: u32,
}

fn route(hit: &Hit) -> Route {
    match (&hit.kind, hit.reference) {
        (HitKind::Board(board), _) => Route::BoardPlace(board.0),
        (_, Some(reference)) if reference.named() == Named::Incident => Route::Incident(reference),
        (_, Some(reference)) => Route::Report(reference),
        (_, None) => Route::Search,
    }
}

fn href(hit: &Hit) -> String {
    match (&hit.kind, &hit.title) {
        (HitKind::Observable, Some(value)) => format!("{}?q={}", Route::Search, quoted(value)),
        _ => route(hit).to_string(),
    }
}

/// The page.
pub fn page(shell: &Shell, view: &Search) -> Markup {
    let w = shell.w;
    let title = if view.query.is_empty() { w.t("search") } else { w.f("search-for", &[("q", s(&view.query))]) };
    shell.page(
        title.as_str(),
        html! {
            div class="head" { div { h1 { (w.t("search")) } p { (w.t("search-lead")) } } }
            form class="filter" method="get" action=(Route::Search) role="search" {
                div class="grow" {
                    label for="q" { (w.t("search-label")) }
                    input class="in" id="q" name="q" type="search" value=(view.query) autofocus data-search data-key="/" maxlength=(QUERY_CHARS_MAX);
                }
                button class="btn first" type="submit" { (w.t("search-do")) }
            }
            (results(shell, view))
        },
    )
}

/// What was found, as the page has it and as it is fetched while typing.
pub fn results(shell: &Shell, view: &Search) -> Markup {
    let (w, found) = (shell.w, &view.found);
    html! {
        div id="found" data-fragment={ (Route::Search) "?q=" (quoted(&view.query)) "&deel=gevonden" } data-topics="never" {
            @if view.query.is_empty() {
                p class="quiet" { (w.t("search-hint")) }
            } @else if found.hits.is_empty() {
                (empty(&w.f("search-none", &[("q", s(&view.query))]), &w.t("search-none-text"), None))
            } @else {
                p class="row found" role="status" {
                    b { (w.f("search-count", &[("n", n(found.total))])) }
                    @for (kind, count) in &found.facets.kinds { span class="chip out" { (w.of("hit", kind)) " " b { (w.number(*count)) } } }
                    @for (state, count) in &found.facets.states { span class="chip" { (w.of(if w.has("status", state) { "status" } else { "phase" }, state).to_lowercase()) " " (w.number(*count)) } }
                }
                @for (typed, read) in &found.corrected { p { (w.rich("search-corrected", &[("typed", s(typed)), ("read", s(read))])) } }
                @for hit in &found.hits { (row(w, hit)) }
                nav class="pages" aria-label=(w.t("pages")) {
                    @if view.cursor > 0 { a href={ (Route::Search) "?q=" (quoted(&view.query)) } { (w.t("pages-first")) } }
                    @if let Some(next) = found.next { a class="btn" rel="next" href={ (Route::Search) "?q=" (quoted(&view.query)) "&na=" (next) } { (w.t("pages-next")) } }
                }
            }
        }
    }
}

/// A text in which what was met is marked. Case counts for nothing; what was met in another form stays unmarked.
fn marked(text: &str, hit: &Hit) -> Markup {
    let lower = |c: char| c.to_lowercase().next().unwrap_or(c);
    let chars: Vec<(usize, char)> = text.char_indices().map(|(at, c)| (at, lower(c))).collect();
    let met: Vec<Vec<char>> = hit.why.iter().map(|why| why.found.chars().map(lower).collect()).collect();
    let length = |from: usize| {
        let fits = |word: &&Vec<char>| {
            !word.is_empty() && chars[from..].iter().map(|(_, c)| c).take(word.len()).eq(word.iter())
        };
        met.iter().filter(fits).map(Vec::len).max()
    };
    let place = |n: usize| chars.get(n).map_or(text.len(), |(at, _)| *at);
    let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
    while at < chars.len() {
        match length(at) {
            Some(length) => {
                pieces.push((&text[place(from)..place(at)], &text[place(at)..place(at + length)]));
                (from, at) = (at + length, at + length);
            }
            None => at += 1,
        }
    }
    html! { @for (before, met) in pieces { (before) mark { (met) } } (text[place(from)..]) }
}

fn row(w: &Words, hit: &Hit) -> Markup {
    html! {
        a class="hit" data-row=(href(hit)) href=(href(hit)) {
            span { @match hit.reference { Some(reference) => { span class="ref" { (reference) } } None => { span class="chip out" { (w.of("hit", hit.kind.key())) } } } }
            span {
                span class="b" { (marked(&hit.title.clone().unwrap_or_else(|| w.t("erased")), hit)) }
                span class="line" { (marked(&hit.snippet, hit)) }
                @for why in &hit.why { span class="meta nw" { (w.of_or("met", why.field, "met-other")) ": " (why.found) " " } }
            }
            span class="meta" { @if let Some(at) = hit.at { (w.day(at)) } }
        }
    }
}

/// The palette's part of the answer.
fn palette(w: &Words, found: &Found) -> Markup {
    html! {
        ul {
            @for hit in &found.hits {
                li { a href=(href(hit)) { (hit.title.clone().unwrap_or_else(|| w.t("erased"))) span { @match hit.reference { Some(reference) => { (reference) } None => { (w.of("hit", hit.kind.key())) } } } } }
            }
        }
    }
}

/// `GET /zoek`.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let asked: String = query.get("q").map_or("", |q| q.trim()).chars().take(QUERY_CHARS_MAX).collect();
    let cursor = query.get("na").and_then(|n| n.parse().ok()).unwrap_or(0);
    let part = query.get("deel").map(String::as_str);
    let limit = if part == Some("palet") { PALETTE_HITS } else { HITS };
    let (shell, found) = web
        .look(&visitor, Nav::Elsewhere, |lens| {
            if asked.is_empty() { Found::default() } else { lens.search(&asked, cursor, limit) }
        })
        .await?;
    let view = Search { query: asked, found, cursor };
    Ok(respond(match part {
        Some("palet") => palette(shell.w, &view.found),
        Some(_) => results(&shell, &view),
        None => page(&shell, &view),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use desk::search::Why;

    #[test]
    fn what_was_met_is_marked_and_stays_text() {
        let hit = |found: &[&str]| Hit {
            kind: HitKind::Report,
            reference: None,
            title: None,
            snippet: String::new(),
            state: None,
            at: None,
            why: found.iter().map(|found| Why { field: "text", found: (*found).to_owned() }).collect(),
        };
        let shown = |text: &str, found: &[&str]| marked(text, &hit(found)).into_string();
        assert_eq!(shown("Alles VERSLEUTELD", &["versleuteld"]), "Alles <mark>VERSLEUTELD</mark>");
        assert_eq!(shown("één <b> één", &["één", ""]), "<mark>één</mark> &lt;b&gt; <mark>één</mark>");
        assert_eq!(shown("fs01 en fs", &["fs", "fs01"]), "<mark>fs01</mark> en <mark>fs</mark>");
        assert_eq!(shown("niets", &[]), "niets");
    }
}
