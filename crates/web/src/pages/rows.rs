//! A report as a row: one link, two lines, and what is due.

use crate::parts::{Icon, icon, severity};
use crate::shell::Shell;
use crate::words::{Words, s};
use desk::ids::Timestamp;
use desk::intake::{Kind, Proof, ReportRow, Status, Via};
use maud::{Markup, html};

/// A town that says it is being hit is called within so many seconds: the public page promises it.
pub const CALL_WITHIN_SECONDS: i64 = 30 * 60;

/// Shape of the way in.
pub fn way_icon(via: Via) -> Icon {
    match via {
        Via::Smtp | Via::Lmtp | Via::Imap | Via::Import => Icon::Mail,
        Via::Form => Icon::Form,
        Via::Phone => Icon::Phone,
        Via::Api => Icon::Code,
    }
}

/// Name of the way in, in the words.
pub fn way_key(via: Via) -> &'static str {
    match via {
        Via::Smtp => "smtp",
        Via::Lmtp => "lmtp",
        Via::Imap => "imap",
        Via::Import => "import",
        Via::Form => "form",
        Via::Phone => "phone",
        Via::Api => "api",
    }
}

/// Who it is from, for a reader: the board, else the sender. A board that is only named in the text wrote nothing: the sender stands first.
pub fn from_whom(w: &Words, row: &ReportRow) -> String {
    let sender = row.from_name.as_deref().filter(|n| !n.trim().is_empty()).or(row.from_address.as_deref());
    match (&row.board, sender) {
        _ if row.erased => w.t("erased"),
        (Some(board), Some(sender)) if row.board_from_text => {
            w.f("sender-names-board", &[("sender", s(sender)), ("board", s(board))])
        }
        (Some(board), _) => board.clone(),
        (None, Some(sender)) => sender.to_owned(),
        (None, None) => w.t("sender-unknown"),
    }
}

/// Subject, or what stands in its place.
pub fn subject(w: &Words, row: &ReportRow) -> String {
    match row.subject.as_deref().map(str::trim) {
        _ if row.erased => w.t("erased"),
        Some(subject) if !subject.is_empty() => subject.to_owned(),
        _ => row.snippet.clone().filter(|s| !s.trim().is_empty()).unwrap_or_else(|| w.t("subject-none")),
    }
}

/// Characters of a heading that stands in for a subject.
const HEADLINE_CHARS: usize = 90;

/// The subject as a heading; of a call and a form, whose subject is the beginning of their text, the first sentence: the text follows below.
pub fn headline(w: &Words, row: &ReportRow) -> String {
    let subject = subject(w, row);
    if matches!(row.via, Via::Phone | Via::Form) { first_sentence(&subject) } else { subject }
}

fn first_sentence(text: &str) -> String {
    // Reports of before have their beginning cut as `….…`.
    let end = [". ", "? ", "! ", ".…"].iter().filter_map(|end| text.find(end)).min();
    let first = end.map_or(text, |end| &text[..=end]);
    if first.chars().count() <= HEADLINE_CHARS {
        return first.to_owned();
    }
    let cut: String = first.chars().take(HEADLINE_CHARS).collect();
    let whole = cut.rfind(' ').map_or(cut.as_str(), |space| &cut[..space]);
    format!("{}…", whole.trim_end_matches(['.', ',', ':', ';']))
}

/// What is due, and whether it is urgent.
fn due(w: &Words, row: &ReportRow, now: Timestamp) -> Option<(String, bool)> {
    match row.status {
        Status::Snoozed(until) if until > now => {
            Some((w.f("due-snoozed", &[("time", s(&w.brief_moment(until, now)))]), false))
        }
        Status::New | Status::Snoozed(_) if row.hit_now && row.kind != Kind::Junk => {
            let until = row.received_at.plus_seconds(CALL_WITHIN_SECONDS);
            let left = until.seconds_since(now);
            let (time, span) = (w.hour(until), w.span(left.max(60)));
            Some(if left >= 0 {
                (w.f("due-call", &[("time", s(&time)), ("span", s(&span))]), true)
            } else {
                (w.f("due-call-late", &[("span", s(&w.span(left)))]), true)
            })
        }
        Status::Waiting => Some((w.t("due-waiting"), false)),
        Status::Decided(_) => Some((w.of("status", row.status.key()), false)),
        _ => None,
    }
}

/// What speaks against the sender's address: a check that fails, an envelope that names somebody else.
pub fn doubts(w: &Words, row: &ReportRow) -> Markup {
    html! {
        @if row.proof == Proof::Failed || row.brought_for.is_some() {
            p class="row" {
                @if row.proof == Proof::Failed { span class="chip down" { (icon(Icon::Warning)) (w.t("sender-failed")) } }
                @if let Some(envelope) = &row.brought_for { span class="meta" { (w.f("sender-envelope", &[("envelope", s(envelope))])) } }
            }
        }
    }
}

/// The row.
pub fn report_row(shell: &Shell, row: &ReportRow, href: &str, current: bool) -> Markup {
    let (w, now) = (shell.w, shell.now);
    let incomplete = row.read && !row.complete;
    let shape = if incomplete { Icon::Warning } else { way_icon(row.via) };
    html! {
        a class="q-item" data-row=(row.reference) href=(href) aria-current=[current.then_some("true")] {
            span class="t" { (w.brief(row.last_at, now)) small { (w.brief_ago(row.last_at, now)) } }
            (icon(shape))
            span class="x" {
                span class="b" {
                    (from_whom(w, row))
                    @if let Some(claimed) = &row.claimed_by {
                        span class="chip acc" { @if row.claimed_by_me { (w.t("claimed-by-you")) } @else { (w.f("claimed-by", &[("name", s(claimed))])) } }
                    }
                    @if row.proof == Proof::Failed { span class="chip down" { (w.t("sender-failed")) } }
                    @if row.undelivered { span class="chip down" { (w.t("row-undelivered")) } }
                    @if row.unsure_mail { span class="chip lim" { (w.t("row-unsure")) } }
                }
                span class="line" {
                    @if incomplete { (w.t("row-incomplete")) " " }
                    @else if !row.read { (w.t("row-unread")) " " }
                    (subject(w, row))
                    @if row.attachments > 0 { " " (icon_inline(w, row.attachments)) }
                    @if row.follow_ups > 0 { " · " (w.f("row-follow-ups", &[("n", crate::words::n(row.follow_ups))])) }
                }
            }
            span class="r" {
                @match (row.kind, row.severity) {
                    (Kind::Incident, Some(grade)) => { (severity(w, grade, false)) }
                    (kind, _) => { span class="chip" { (w.of("kind", kind.key())) } }
                }
                @if let Some((text, urgent)) = due(w, row, now) {
                    span class={ "due" @if urgent { " now" } } { (text) }
                }
            }
        }
    }
}

fn icon_inline(w: &Words, attachments: usize) -> Markup {
    html! { span class="nw" { "· " (w.f("row-attachments", &[("n", crate::words::n(attachments))])) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_one_sentence_at_most() {
        assert_eq!(first_sentence("Belt na de brandweer. Servers staan aan."), "Belt na de brandweer.");
        assert_eq!(first_sentence("Wij zijn gehackt"), "Wij zijn gehackt");
        assert_eq!(first_sentence("Alles plat sinds 02:40.…"), "Alles plat sinds 02:40.");
        assert_eq!(first_sentence(""), "");
        let long = first_sentence(&"één woord, ".repeat(40));
        assert!(long.ends_with("woord…") && long.chars().count() <= HEADLINE_CHARS + 1, "{long}");
    }
}
