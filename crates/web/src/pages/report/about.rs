//! What we know of a report: the proposal with its reasons, what it resembles, who sees it, what happened to it.

use super::Opened;
use crate::pages::rows::{from_whom, subject};
use crate::parts::{Icon, Input, fact, field, icon, listed, mistake_of, severity};
use crate::routes::{ReportAct, Route};
use crate::shell::Shell;
use crate::when;
use crate::words::{Words, n, s};
use desk::accounts::Role;
use desk::intake::{ErasureView, EventRow, Head, Observable, Proof, Reason, Source, Status};
use desk::observables;
use desk::view::SeenBy;
use maud::{Markup, html};

/// Observables shown before the rest folds away.
const OBSERVABLES_SHOWN: usize = 8;
/// Incidents and reports that it resembles, shown at most.
const SIMILAR_SHOWN: usize = 4;

/// Reasons whose find is a piece of what somebody wrote.
const QUOTING: [&str; 3] = ["hit-now", "kind", "rsit"];

/// The reasons, each kind once, with all that was met.
pub(crate) fn reasons(w: &Words, all: &[Reason]) -> Vec<String> {
    let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
    for reason in all {
        let quotes = QUOTING.contains(&reason.key.as_str());
        let found = if quotes { w.f("quoted", &[("text", s(&reason.found))]) } else { reason.found.clone() };
        match kinds.iter_mut().find(|(key, _)| *key == reason.key) {
            Some((_, finds)) if finds.contains(&found) => {}
            Some((_, finds)) => finds.push(found),
            None => kinds.push((&reason.key, vec![found])),
        }
    }
    let sentence = |(key, finds): &(&str, Vec<String>)| {
        let word = if w.has("reason", key) {
            format!("reason-{}", key.replace(['_', '.'], "-"))
        } else {
            "reason-other".to_owned()
        };
        w.f(&word, &[("found", s(&finds.join(", ")))])
    };
    kinds.iter().map(sentence).collect()
}

/// A heading inside the pane: one level below the report's own, wherever that stands.
fn heading(opened: &Opened, class: &str, id: Option<&str>, words: &Markup) -> Markup {
    html! {
        @if opened.alone { h2 class={ (class) " small" } id=[id] { (words) } } @else { h3 class=(class) id=[id] { (words) } }
    }
}

/// What it is thought to be, why, and what it resembles.
pub(super) fn proposal(shell: &Shell, opened: &Opened) -> Markup {
    let (w, view) = (shell.w, &opened.view);
    let reasons = view.head.as_ref().map(|h| h.reasons.as_slice()).unwrap_or_default();
    html! {
        section aria-labelledby="proposal-h" {
            (heading(opened, "prop", Some("proposal-h"), &html! {
                (w.t("proposal")) " "
                @if let Some(grade) = view.row.severity { (severity(w, grade, true)) }
                (fact(&w.of("kind", view.row.kind.key())))
                @if let Some(rsit) = &view.rsit { (fact(&w.of_or("rsit", crate::rsit::type_of(rsit), "rsit-other"))) }
            }))
            @if !reasons.is_empty() {
                ul class="why plain" { @for one in self::reasons(w, reasons) { li { (icon(Icon::Flag)) span { (one) } } } }
            }
            @if !view.similar.is_empty() && !matches!(view.row.status, Status::Decided(_)) { (similar(shell, opened)) }
            @if !view.duplicates.is_empty() { (duplicates(shell, opened)) }
            (observables(w, opened))
        }
    }
}

fn similar(shell: &Shell, opened: &Opened) -> Markup {
    let w = shell.w;
    html! {
        (heading(opened, "after-s", None, &html! { (w.t("similar-incidents")) }))
        ul class="why plain" {
            @for one in opened.view.similar.iter().take(SIMILAR_SHOWN) {
                li {
                    (icon(Icon::Link))
                    span {
                        a href=(Route::Incident(one.reference)) { span class="ref" { (one.reference) } " " (one.title.clone().unwrap_or_else(|| w.t("erased"))) }
                        @for because in reasons(w, &one.reasons) { br; span class="meta" { (because) } }
                    }
                }
            }
        }
    }
}

fn duplicates(shell: &Shell, opened: &Opened) -> Markup {
    let w = shell.w;
    html! {
        (heading(opened, "after-s", None, &html! { (w.t("similar-reports")) }))
        ul class="why plain" {
            @for one in opened.view.duplicates.iter().take(SIMILAR_SHOWN) {
                li {
                    (icon(Icon::Link))
                    span {
                        a href=(Route::Report(one.row.reference)) { span class="ref" { (one.row.reference) } " " (from_whom(w, &one.row)) ": " (subject(w, &one.row)) }
                        @for because in reasons(w, &one.reasons) { br; span class="meta" { (because) } }
                    }
                }
            }
        }
    }
}

fn observables(w: &Words, opened: &Opened) -> Markup {
    let all = opened.view.head.as_ref().map(|h| h.observables.as_slice()).unwrap_or_default();
    let (own, benign): (Vec<&Observable>, Vec<&Observable>) = all.iter().partition(|o| o.benign.is_none());
    let list = |some: &[&Observable]| {
        html! {
            dl class="facts" {
                @for one in some {
                    dt { (w.of_or("observable", &one.kind, "observable-other")) }
                    dd { span class="defang" { (observables::defanged(one)) } @if one.source != Source::Text { " " span class="meta" { (w.of("observed-in", one.source.key())) } } @if let Some(why) = &one.benign { " " span class="meta" { (w.of_or("benign", why, "benign-other")) } } }
                }
            }
        }
    };
    html! {
        @if !own.is_empty() {
            (heading(opened, "after-s", None, &html! { (w.f("observables-count", &[("n", n(own.len()))])) }))
            (list(&own[..own.len().min(OBSERVABLES_SHOWN)]))
            @if own.len() > OBSERVABLES_SHOWN {
                details class="more" { summary { (w.f("observables-more", &[("n", n(own.len() - OBSERVABLES_SHOWN))])) (icon(Icon::Turn)) } div class="in-more" { (list(&own[OBSERVABLES_SHOWN..])) } }
            }
        }
        @if !benign.is_empty() {
            details class="more" { summary { (w.f("observables-benign", &[("n", n(benign.len()))])) (icon(Icon::Turn)) } div class="in-more" { (list(&benign)) } }
        }
    }
}

/// Who may see a thing, in a sentence.
pub(crate) fn seen_by(w: &Words, seen: &SeenBy) -> String {
    let organisations = listed(w, &seen.organisations);
    if seen.persons.is_empty() {
        return organisations;
    }
    let persons: Vec<String> = seen.persons.iter().map(|p| p.clone().unwrap_or_else(|| w.t("erased"))).collect();
    w.f("seen-by-persons", &[("persons", s(&listed(w, &persons)))])
}

/// Whether it is from whom it says: what follows, and what was checked by whom.
fn authenticity(w: &Words, head: Option<&Head>) -> Markup {
    let found = head.and_then(|h| h.authenticity.as_deref());
    let proof = found.map_or(Proof::Unchecked, |a| a.standing);
    let (class, shape) = match proof {
        Proof::Verified => ("chip up", Icon::Tick),
        Proof::Failed => ("chip down", Icon::Cross),
        Proof::Unproven | Proof::Unchecked => ("chip", Icon::Unknown),
    };
    html! {
        span class=(class) { (icon(shape)) (w.of("proof", proof.key())) }
        @if let Some(why) = found.and_then(|a| a.not_checked.as_deref()) { " " span class="meta" { (w.of_or("unchecked", why, "unchecked-fault")) } }
        @for check in found.map(|a| a.checks.as_slice()).unwrap_or_default() {
            br;
            span class="mono" { (check.method.to_uppercase()) " " (check.result) @if let Some(domain) = &check.domain { " " (domain) } }
            " " span class="meta" {
                @match &check.by { Some(hop) => { (w.f("checked-by", &[("hop", s(hop))])) } None => { (w.t("checked-here")) } }
            }
        }
        @if let Some(field) = head.and_then(|h| h.authentication.first()) { br; span class="mono meta" { (field) } }
    }
}

/// The facts in two columns.
pub(super) fn facts(shell: &Shell, opened: &Opened) -> Markup {
    let (w, view) = (shell.w, &opened.view);
    let head = view.head.as_ref();
    html! {
        dl class="facts" {
            dt { (w.t("board")) }
            dd {
                @match (&view.board, &view.row.board_id) {
                    (Some(board), _) => { (super::super::boards::link(board)) @if !view.row.board_certain { " " span class="quiet" { (w.t("board-uncertain")) } } }
                    _ => { span class="quiet" { (w.t("board-unknown")) } }
                }
                @if let Some(typed) = head.and_then(|h| h.board_as_typed.as_deref()) { br; span class="meta" { (w.f("board-typed", &[("typed", s(typed))])) } }
            }
            @if let Some(reply_to) = head.and_then(|h| h.reply_to.as_deref()) { dt { (w.t("reply-to")) } dd { (reply_to) } }
            @if let Some(language) = view.language { dt { (w.t("language")) } dd { (w.of("language-name", language.tag())) } }
            @if view.row.via.is_mail() && view.row.read { dt { (w.t("authentication")) } dd { (authenticity(w, head)) } }
            @if let Some(arrival) = &view.arrival {
                @if let Some(envelope) = arrival.envelope_from.as_deref() {
                    dt { (w.t("envelope")) }
                    dd { @if envelope.is_empty() { (w.t("envelope-null")) } @else { (envelope) } @if let Some(peer) = &arrival.peer { " · " (peer) } " · " (w.t(if arrival.tls { "tls-yes" } else { "tls-no" })) }
                }
            }
            dt { (w.t("seen-by")) }
            dd { (seen_by(w, &view.seen_by)) }
            @if let Some(name) = &view.row.claimed_by { dt { (w.t("works-on-it")) } dd { (name) } }
        }
    }
}

fn event(w: &Words, event: &EventRow) -> Markup {
    let key = event.key.replace('_', "-");
    html! {
        span { (w.t(&format!("event-{key}"))) }
        @if let Some(reference) = event.reference {
            " "
            @match reference.named() {
                desk::ids::Named::Report => { a class="ref" href=(Route::Report(reference)) { (reference) } }
                desk::ids::Named::Incident => { a class="ref" href=(Route::Incident(reference)) { (reference) } }
            }
        }
        @if let Some(until) = event.until { " " (w.f("event-until", &[("time", s(&w.moment(until)))])) }
    }
}

/// What happened to it, oldest first.
pub(super) fn history(shell: &Shell, opened: &Opened) -> Markup {
    let w = shell.w;
    html! {
        details class="more" {
            summary { (w.t("history")) (icon(Icon::Turn)) }
            ol class="talk plain in-more" {
                @for row in &opened.view.history {
                    li { (event(w, row)) p class="meta" { (when::time_exact(w, row.at)) " · " (shell.who(&row.who)) } }
                }
            }
        }
    }
}

/// How far its erasure is, and the way to ask for it. What is erased is gone for everybody, hence two people.
pub(super) fn erasure(shell: &Shell, opened: &Opened) -> Markup {
    let (w, view) = (shell.w, &opened.view);
    let may = shell.may_act() && view.leave.is_some();
    let act = |what: &str, words: String| {
        let button = html! { button class="btn grave" type="submit" { (words) } };
        shell.act(&Route::ReportAct(view.row.reference, ReportAct::Erase), &[("act", what)], &button)
    };
    let told = |key: &str, who: &desk::view::Who, at, reason: &str| {
        html! {
            p { b { (w.t(key)) } " " (reason) }
            p class="meta" { (shell.who(who)) " · " (when::time(w, at)) }
        }
    };
    match &view.erasure {
        Some(ErasureView::Asked { who, at, reason, confirmable }) => html! {
            div class="note down" {
                (told("erasure-is-asked", who, *at, reason))
                @if *confirmable && may { (act("confirm", w.t("erasure-confirm"))) } @else { p class="meta" { (w.t("erasure-second")) } }
                @if may { (act("withdraw", w.t("erasure-withdraw"))) }
            }
        },
        Some(ErasureView::Done { who, at, reason, second }) => html! {
            div class="note" {
                (told("erasure-is-done", who, *at, reason))
                @match second {
                    Some(second) => { p class="meta" { (w.f("erasure-by-two", &[("name", s(&shell.who(second)))])) } }
                    None if may => { (act("countersign", w.t("erasure-countersign"))) }
                    None => {}
                }
            }
        },
        None if may && !view.row.erased => erasure_form(shell, opened),
        None => html! {},
    }
}

fn erasure_form(shell: &Shell, opened: &Opened) -> Markup {
    let w = shell.w;
    html! {
        details class="more" open[mistake_of(&opened.mistakes, "reason").is_some()] {
            summary { (w.t("erasure")) (icon(Icon::Turn)) }
            form class="desk in-more" method="post" action=(Route::ReportAct(opened.view.row.reference, ReportAct::Erase)) {
                (shell.token())
                p class="meta" { (w.t("erasure-text")) }
                (field("reason", &w.t("erasure-reason"), Input { hint: Some(&w.t("erasure-reason-hint")), required: true, ..Input::default() }, &opened.mistakes))
                p class="row" {
                    button class="btn grave" type="submit" name="act" value="ask" { (w.t("erasure-ask")) }
                    @if shell.role == Role::Admin { button class="btn grave" type="submit" name="act" value="alone" { (w.t("erasure-alone")) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_one_kind_are_one_line() {
        let w = crate::words::words(desk::house::Language::Nl);
        let reason = |key: &str, found: &str| Reason { key: key.to_owned(), found: found.to_owned() };
        let all = [
            reason("hit-now", "alles plat"),
            reason("kind", "alarm"),
            reason("hit-now", ".lck"),
            reason("kind", "alarm"),
        ];
        assert_eq!(reasons(w, &all), ["nu geraakt: ‘alles plat’, ‘.lck’", "woord: ‘alarm’"]);
        assert_eq!(reasons(w, &[reason("new rule", "x")]), ["gevonden: x"]);
    }
}
