//! What a report says: that it was acknowledged, its text, its files, the conversation.

use super::{Opened, Text};
use crate::pages::rows::{report_row, subject};
use crate::parts::{Icon, icon};
use crate::routes::{ReportAct, Route};
use crate::shell::Shell;
use crate::when;
use crate::words::{Words, n, s};
use desk::intake::{Automatic, Body, Completeness};
use desk::outbox::{NoticeView, Purpose, StandingKey};
use maud::{Markup, html};

/// Longest text that is shown at once, characters; the rest is a download away.
const TEXT_CHARS_MAX: usize = 60_000;
/// Header fields shown, at most.
const HEADERS_MAX: usize = 100;

/// Proof of acknowledgement, and what stands in the way.
pub(super) fn state(shell: &Shell, opened: &Opened) -> Markup {
    let (w, view) = (shell.w, &opened.view);
    let receipt = view.notices.iter().find(|notice| notice.purpose == Purpose::Receipt);
    html! {
        @match receipt {
            Some(receipt) => { (acknowledged(shell, receipt, view.row.received_at)) }
            None if view.row.read => { p class="meta" { (w.t(if view.automatic == Automatic::No { "receipt-none" } else { "receipt-machine" })) } }
            None => {}
        }
        @if let Some(Completeness::Partial(reasons)) = &view.completeness {
            div class="note lim" {
                p { b { (w.t("incomplete")) } " " (w.t("incomplete-text")) }
                ul { @for reason in reasons { li { (w.of_or("reading", reason, "reading-other")) } } }
                p { a href=(Route::ReportRaw(view.row.reference)) { (w.t("raw-download")) } }
            }
        }
        @if !view.row.read && !view.row.erased { div class="note" { (w.t("not-read-yet")) } }
        @if view.automatic != Automatic::No {
            p class="row" { span class="chip" { (w.of("automatic", automatic_key(view.automatic))) } }
        }
        @if let Some(thread) = &view.thread {
            div class="note lim" {
                p { b { (w.t(if view.thread_proven { "thread-proven" } else { "thread-mentions" })) } }
                p { a href=(Route::Report(thread.reference)) { span class="ref" { (thread.reference) } " " (subject(w, thread)) } }
                @if shell.may_act() && view.leave.is_some() {
                    (shell.act(&Route::ReportAct(view.row.reference, ReportAct::Decide), &[("verdict", "follow_up"), ("of", &thread.reference.to_string())], &html! { button class="btn" type="submit" { (w.t("thread-link")) } }))
                }
            }
        }
    }
}

fn automatic_key(automatic: Automatic) -> &'static str {
    match automatic {
        Automatic::No => "no",
        Automatic::Reply => "reply",
        Automatic::Generated => "generated",
        Automatic::List => "list",
        Automatic::Bounce => "bounce",
        Automatic::Feedback => "feedback",
        Automatic::Delayed => "delayed",
        Automatic::Delivered => "delivered",
    }
}

fn acknowledged(shell: &Shell, receipt: &NoticeView, received: desk::ids::Timestamp) -> Markup {
    let w = shell.w;
    let to = receipt.to.clone().unwrap_or_else(|| w.t("erased"));
    html! {
        @match (receipt.standing, receipt.standing_at) {
            (StandingKey::Sent, Some(at)) => {
                div class="note up" {
                    (w.rich("acknowledged", &[("time", s(&w.second(at))), ("n", n(at.seconds_since(received).max(0) as usize)), ("to", s(&to))]))
                }
            }
            (StandingKey::Failed | StandingKey::Bounced, _) => {
                div class="note down" { b { (w.f("acknowledge-failed", &[("to", s(&to))])) } " " (w.t("acknowledge-failed-text")) }
            }
            _ => { div class="note lim" { (w.f("acknowledge-waiting", &[("to", s(&to))])) } }
        }
    }
}

/// The text, and everything that came with it.
pub(crate) fn text(shell: &Shell, opened: &Opened) -> Markup {
    let w = shell.w;
    let reference = opened.view.row.reference;
    html! {
        @match &opened.text {
            Text::Erased => { div class="note" { b { (w.t("problem-erased")) } ". " (w.t("problem-erased-text")) } }
            Text::Waiting => {}
            Text::Read(body) => { (plain(w, body, &reference.to_string())) (formatted(w, opened, body)) (files(shell, opened)) (more(w, opened, body)) }
        }
    }
}

fn plain(w: &Words, body: &Body, reference: &str) -> Markup {
    let long = body.text.chars().count() > TEXT_CHARS_MAX;
    let shown: String = body.text.chars().take(TEXT_CHARS_MAX).collect();
    let label = w.f("text-label", &[("reference", s(reference))]);
    html! {
        @if body.text.trim().is_empty() {
            p class="quiet" { (w.t("text-none")) }
        } @else {
            pre class="raw tall" tabindex="0" role="region" aria-label=(label) { (shown.trim_end()) }
        }
        @if long { p class="meta" { (w.t("text-cut")) } }
    }
}

/// The HTML as it was meant to look: sanitised, in a frame in which nothing runs and nothing is fetched.
fn formatted(w: &Words, opened: &Opened, body: &Body) -> Markup {
    html! {
        @if body.html.is_some() {
            details class="more" {
                summary { (w.t("html-show")) (icon(Icon::Turn)) }
                div class="in-more stack" {
                    p class="meta" { (w.t("html-safe")) }
                    iframe class="frame" sandbox src=(Route::ReportHtml(opened.view.row.reference)) loading="lazy" title=(w.t("html-show")) {}
                }
            }
        }
    }
}

fn files(shell: &Shell, opened: &Opened) -> Markup {
    let (w, view) = (shell.w, &opened.view);
    let files = view.head.as_ref().map(|h| h.attachments.as_slice()).unwrap_or_default();
    html! {
        @if !files.is_empty() {
            ul class="files plain" {
                @for file in files {
                    li {
                        (icon(if file.suspicious.is_some() { Icon::Warning } else { Icon::Clip }))
                        b { (file.name) }
                        span class="meta" { (w.bytes(file.size)) " · " (file.media_type) }
                        a href=(Route::Attachment(view.row.reference, file.index)) download {
                            @if file.suspicious.is_some() { (w.t("file-save-protected")) } @else { (w.t("file-save")) }
                        }
                        @if let Some(reason) = &file.suspicious {
                            span class="meta" {
                                (w.of_or("suspicious", reason, "suspicious-other")) ". "
                                (w.f("file-password", &[("password", s(crate::archive::PASSWORD))]))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn more(w: &Words, opened: &Opened, body: &Body) -> Markup {
    let reference = opened.view.row.reference;
    html! {
        @for (number, nested) in body.nested.iter().enumerate() {
            details class="more" {
                summary { (w.f("nested", &[("n", n(number + 1))])) (icon(Icon::Turn)) }
                pre class="raw tall in-more" tabindex="0" { (nested.chars().take(TEXT_CHARS_MAX).collect::<String>()) }
            }
        }
        @if !body.headers.is_empty() {
            details class="more" {
                summary { (w.t("headers-show")) (icon(Icon::Turn)) }
                dl class="facts heads in-more mono" {
                    @for (name, value) in body.headers.iter().take(HEADERS_MAX) { dt { (name) } dd { (value) } }
                }
            }
        }
        p class="row meta" { a href=(Route::ReportRaw(reference)) download { (w.t("raw-download")) } "· " (w.bytes(opened.view.size)) }
    }
}

/// Messages and answers, in order.
pub(super) fn conversation(shell: &Shell, opened: &Opened) -> Markup {
    let (w, view) = (shell.w, &opened.view);
    let replies: Vec<&NoticeView> = view.notices.iter().collect();
    html! {
        @if !view.follow_ups.is_empty() || !replies.is_empty() {
            section class="panel" aria-labelledby="talk-h" {
                h2 id="talk-h" { (w.t("conversation")) span { (w.number(view.follow_ups.len() + replies.len())) } }
                @for row in &view.follow_ups {
                    (report_row(shell, row, &Route::Report(row.reference).to_string(), false))
                    @if let Some(envelope) = &row.brought_for { p class="meta" { (w.f("sender-envelope", &[("envelope", s(envelope))])) } }
                }
                ul class="talk plain" { @for notice in replies { li { (letter(shell, notice)) } } }
            }
        }
    }
}

/// A mail of ours, with what became of it.
pub(crate) fn letter(shell: &Shell, notice: &NoticeView) -> Markup {
    let w = shell.w;
    html! {
        p class="row" {
            (icon(Icon::Out))
            b { (w.f("letter-to", &[("to", s(&notice.to.clone().unwrap_or_else(|| w.t("erased"))))])) }
            (standing(w, notice))
        }
        p class="meta" { (shell.who(&notice.who)) " · " (w.of("purpose", purpose_key(notice.purpose))) " · " (when::time(w, notice.at)) }
        @if let Some(subject) = &notice.subject { p { (subject) } }
        @if notice.unsure { p class="meta" { (w.t("letter-unsure")) } }
        @if shell.may_act() && notice.leave.is_some() && matches!(notice.standing, StandingKey::Waiting | StandingKey::Retrying) {
            (shell.act(&Route::Withdraw, &[("notice", &notice.id.0.to_string())], &html! { button class="link meta" type="submit" { (w.t("letter-withdraw")) } }))
        }
        @if notice.purpose == Purpose::Reply && let Some(text) = &notice.text { blockquote { (text) } }
    }
}

/// Name of a purpose in the words.
pub(crate) fn purpose_key(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Receipt => "receipt",
        Purpose::Reply => "reply",
    }
}

/// Where a mail stands, in a word, a shape, and a colour.
pub(crate) fn standing(w: &Words, notice: &NoticeView) -> Markup {
    let (class, shape) = match notice.standing {
        StandingKey::Sent => ("chip up", Icon::Tick),
        StandingKey::Waiting => ("chip", Icon::Unknown),
        StandingKey::Withdrawn => ("chip", Icon::Cross),
        StandingKey::Retrying => ("chip lim", Icon::Warning),
        StandingKey::Failed | StandingKey::Bounced => ("chip down", Icon::Cross),
    };
    html! { span class=(class) { (icon(shape)) (w.of("standing", notice.standing.key())) } }
}
