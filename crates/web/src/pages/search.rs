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
use desk::intake::Body;
use desk::search::{Found, Hit, HitKind, Narrow, Why};
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
    /// What the hits are narrowed to.
    pub narrow: Narrow,
    /// Where this page begins.
    pub cursor: u32,
    /// The text around the place that was met, where the first words do not show it; by place among the hits.
    pub excerpts: HashMap<usize, String>,
}

impl Search {
    /// This question, narrowed otherwise.
    fn address(&self, kind: Option<&str>, state: Option<&str>) -> String {
        let mut address = format!("{}?q={}", Route::Search, quoted(&self.query));
        for (name, value) in [("soort", kind), ("stand", state)] {
            if let Some(value) = value {
                address.push_str(&format!("&{name}={value}"));
            }
        }
        address
    }

    fn here(&self) -> String {
        self.address(self.narrow.kind(), self.narrow.state())
    }
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
                @if let Some(kind) = view.narrow.kind() { input type="hidden" name="soort" value=(kind); }
                @if let Some(state) = view.narrow.state() { input type="hidden" name="stand" value=(state); }
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
        div id="found" data-fragment={ (view.here()) "&deel=gevonden" } data-topics="never" {
            @if view.query.is_empty() {
                p class="quiet" { (w.t("search-hint")) }
            } @else if found.hits.is_empty() && view.narrow == Narrow::default() {
                (empty(&w.f("search-none", &[("q", s(&view.query))]), &w.t("search-none-text"), None))
            } @else {
                p class="row found" role="status" {
                    b { (w.f("search-count", &[("n", n(found.total))])) }
                    (facets(shell, view))
                }
                @for (typed, read) in &found.corrected { p { (w.rich("search-corrected", &[("typed", s(typed)), ("read", s(read))])) } }
                @for (n, hit) in found.hits.iter().enumerate() { (row(w, hit, view.excerpts.get(&n))) }
                nav class="pages" aria-label=(w.t("pages")) {
                    @if view.cursor > 0 { a href=(view.here()) { (w.t("pages-first")) } }
                    @if let Some(next) = found.next { a class="btn" rel="next" href={ (view.here()) "&na=" (next) } { (w.t("pages-next")) } }
                }
            }
        }
    }
}

/// Each narrows what is found, and widens it again when it is chosen.
fn facets(shell: &Shell, view: &Search) -> Markup {
    let (w, facets) = (shell.w, &view.found.facets);
    let (kind, state) = (view.narrow.kind(), view.narrow.state());
    // What is chosen stays to be undone, also when nothing is left of it.
    let with = |counts: &[(&'static str, usize)], chosen: Option<&'static str>| {
        let gone = chosen.filter(|c| counts.iter().all(|(key, _)| key != c)).map(|c| (c, 0));
        counts.iter().copied().chain(gone).collect::<Vec<_>>()
    };
    let facet = |chosen: bool, address: String, name: String, count: usize| {
        html! { a class="chip facet" href=(address) aria-current=[chosen.then_some("true")] { (name) " " b { (w.number(count)) } @if chosen { " ×" } } }
    };
    html! {
        @for (key, count) in with(&facets.kinds, kind) {
            @let chosen = kind == Some(key);
            (facet(chosen, view.address((!chosen).then_some(key), state), w.of("hit", key), count))
        }
        @for (key, count) in with(&facets.states, state) {
            @let chosen = state == Some(key);
            @let name = w.of(if w.has("status", key) { "status" } else { "phase" }, key).to_lowercase();
            (facet(chosen, view.address(kind, (!chosen).then_some(key)), name, count))
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

/// Signs of an excerpt before and after what was met.
const BEFORE: usize = 60;
const AFTER: usize = 120;

/// The text around the first place that was met; `None` where it stands there in another form only.
fn excerpt(text: &str, hit: &Hit) -> Option<String> {
    let lower = |c: char| c.to_lowercase().next().unwrap_or(c);
    let chars: Vec<char> = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let low: Vec<char> = chars.iter().copied().map(lower).collect();
    let place = |found: &str| {
        let found: Vec<char> = found.chars().map(lower).collect();
        (!found.is_empty()).then(|| low.windows(found.len()).position(|at| at == found)).flatten()
    };
    let at = hit.why.iter().filter_map(|why| place(&why.found)).min()?;
    let (from, to) = (at.saturating_sub(BEFORE), (at + AFTER).min(chars.len()));
    // Words are not cut.
    let from = if from == 0 { 0 } else { (from..at).find(|n| chars[*n] == ' ').map_or(from, |n| n + 1) };
    let to = if to == chars.len() { to } else { (at..to).rev().find(|n| chars[*n] == ' ').unwrap_or(to) };
    let piece: String = chars[from..to].iter().collect();
    let piece = piece.split_whitespace().collect::<Vec<_>>().join(" ");
    let dots = |cut: bool| if cut { "…" } else { "" };
    Some(format!("{}{piece}{}", dots(from > 0), dots(to < chars.len())))
}

/// Fetches the texts of those hits whose first words do not show what was met.
async fn excerpts(web: &Web, found: &Found) -> HashMap<usize, String> {
    let mut excerpts = HashMap::new();
    for (n, hit) in found.hits.iter().enumerate() {
        let shown =
            [Some(&hit.snippet), hit.title.as_ref()].into_iter().flatten().any(|text| excerpt(text, hit).is_some());
        let (Some(body), false) = (hit.body, shown || hit.why.is_empty()) else { continue };
        // What cannot be read now is found all the same.
        let Ok(Some(json)) = web.engine().content(body).await else { continue };
        let text = serde_json::from_slice::<Body>(&json).unwrap_or_default().searchable();
        if let Some(excerpt) = excerpt(&text, hit) {
            excerpts.insert(n, excerpt);
        }
    }
    excerpts
}

/// Whether what was met stands marked in the row, so that it need not be named as well.
fn is_shown(why: &Why, hit: &Hit, excerpt: Option<&String>) -> bool {
    let found = why.found.to_lowercase();
    let shown = [hit.title.as_ref(), Some(&hit.who), Some(excerpt.unwrap_or(&hit.snippet))];
    shown.into_iter().flatten().any(|text| text.to_lowercase().contains(&found))
}

fn row(w: &Words, hit: &Hit, excerpt: Option<&String>) -> Markup {
    html! {
        a class="hit" data-row=(href(hit)) href=(href(hit)) {
            span { @match hit.reference { Some(reference) => { span class="ref" { (reference) } } None => { span class="chip out" { (w.of("hit", hit.kind.key())) } } } }
            span {
                span class="b" { (marked(&hit.title.clone().unwrap_or_else(|| w.t("erased")), hit)) }
                span class="line" {
                    @if !hit.who.is_empty() { span class="who" { (marked(&hit.who, hit)) } " " }
                    @if hit.title.as_deref() != Some(&hit.snippet) || excerpt.is_some() { (marked(excerpt.unwrap_or(&hit.snippet), hit)) }
                }
                @for why in hit.why.iter().filter(|why| !is_shown(why, hit, excerpt)) { span class="meta nw" { (w.of_or("met", why.field, "met-other")) ": " (why.found) " " } }
            }
            span class="meta" { @if let Some(tlp) = hit.tlp { (crate::parts::tlp(tlp)) " " } @if let Some(at) = hit.at { (w.day(at)) } }
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
    // What is no facet narrows nothing.
    let narrow = |kind, state| Narrow::to(query.get(kind).map(String::as_str), query.get(state).map(String::as_str));
    let narrow = narrow("soort", "stand").unwrap_or_default();
    let (shell, found) = web
        .look(&visitor, Nav::Elsewhere, |lens| {
            if asked.is_empty() { Found::default() } else { lens.search_in(&asked, narrow, cursor, limit) }
        })
        .await?;
    let excerpts = if part == Some("palet") { HashMap::new() } else { excerpts(&web, &found).await };
    let view = Search { query: asked, found, narrow, cursor, excerpts };
    Ok(respond(match part {
        Some("palet") => palette(shell.w, &view.found),
        Some(_) => results(&shell, &view),
        None => page(&shell, &view),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_marked_and_stays_text() {
        let hit = |found: &[&str]| Hit {
            kind: HitKind::Report,
            reference: None,
            title: None,
            who: String::new(),
            snippet: String::new(),
            tlp: None,
            body: None,
            state: None,
            at: None,
            why: found.iter().map(|found| Why { field: "text", found: (*found).to_owned() }).collect(),
        };
        let shown = |text: &str, found: &[&str]| marked(text, &hit(found)).into_string();
        assert_eq!(shown("Alles VERSLEUTELD", &["versleuteld"]), "Alles <mark>VERSLEUTELD</mark>");
        assert_eq!(shown("één <b> één", &["één", ""]), "<mark>één</mark> &lt;b&gt; <mark>één</mark>");
        assert_eq!(shown("fs01 en fs", &["fs", "fs01"]), "<mark>fs01</mark> en <mark>fs</mark>");
        assert_eq!(shown("niets", &[]), "niets");
        let long = format!("{}de server FS01 staat stil\nsinds drie uur {}", "a ".repeat(100), "b ".repeat(100));
        let piece = excerpt(&long, &hit(&["fs01"])).expect("it stands there");
        assert!(
            piece.starts_with('…')
                && piece.ends_with('…')
                && piece.contains("de server FS01 staat stil sinds drie uur"),
            "{piece}"
        );
        assert!(piece.chars().count() < BEFORE + AFTER + 4, "{piece}");
        assert_eq!(excerpt("fs01 is weg", &hit(&["niets", "fs01"])).as_deref(), Some("fs01 is weg"));
        assert_eq!(excerpt("één", &hit(&["een", ""])), None);
    }
}
