//! What happened: the time of the event, and the time of writing where they differ; and the composer above it.

use super::{Incident, older};
use crate::pages::report::{purpose_key, standing};
use crate::pages::rows::{doubts, from_whom, subject, way_icon};
use crate::parts::{Icon, Mistake, icon, listed, mistake_of, or_erased, severity, tlp};
use crate::routes::{IncidentAct, Route};
use crate::rsit;
use crate::shell::Shell;
use crate::when;
use crate::words::{Words, n, s};
use desk::incidents::{EntryView, LineView, Note, NoteKind, Severity};
use desk::lens::Tlp;
use desk::outbox::{NoticeView, Purpose};
use desk::view::{IncidentLink, SeenBy};
use maud::{Markup, html};

/// Characters of a mail of ours that a line shows.
const LETTER_CHARS_SHOWN: usize = 280;
/// Lines shown at first.
const LINES_SHOWN: usize = 80;
/// Written down so much later than it happened, both times are shown, seconds.
const LATER_SECONDS: i64 = 90;

/// Who will see a line under a label: said before it is saved.
fn visible_to(w: &Words, seen: &SeenBy) -> Markup {
    let count = seen.organisations.len();
    html! {
        @if seen.tlp == Tlp::Red {
            (w.f("composer-persons", &[("persons", s(&listed(w, &seen.persons.iter().map(|p| p.clone().unwrap_or_else(|| w.t("erased"))).collect::<Vec<_>>())))]))
        } @else {
            (w.rich("composer-visible", &[("count", n(count)), ("names", s(&listed(w, &seen.organisations)))]))
            @if !seen.not.is_empty() { (w.f("composer-not", &[("names", s(&listed(w, &seen.not)))])) }
        }
    }
}

fn label_class(tlp: Tlp) -> &'static str {
    match tlp {
        Tlp::Clear => "sees-CLEAR",
        Tlp::Green => "sees-GREEN",
        Tlp::Amber => "sees-AMBER",
        Tlp::AmberStrict => "sees-STRICT",
        Tlp::Red => "sees-RED",
    }
}

fn problem(mistakes: &[Mistake], field: &str) -> Markup {
    html! { @if let Some(mistake) = mistake_of(mistakes, field) { p class="err" { (icon(Icon::Warning)) (mistake.words) } } }
}

/// Text, kind, time, label, and who will see it.
pub(super) fn composer(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let reference = view.reference();
    let (draft, why_draft) = (format!("notitie {reference}"), format!("waarom {reference}"));
    let decision = view.typed("kind") == "decision" || view.begin == Some(("noteer", "decision"));
    html! {
        form class="compose" method="post" action=(Route::IncidentAct(reference, IncidentAct::Note)) {
            (shell.token())
            label class="vh" for="text" { (w.t("composer-label")) }
            textarea id="text" name="text" required placeholder=(w.t("composer-hint")) data-draft=(draft) autofocus[view.begins("noteer")] data-key="l b" data-sets="kind=note kind=decision" { (view.typed("text")) }
            (problem(&view.mistakes, "text"))
            div class="bar" {
                label for="kind" class="vh" { (w.t("kind")) }
                select class="in small" id="kind" name="kind" {
                    option value="note" { (w.t("note-kind-note")) }
                    option value="decision" selected[decision] { (w.t("note-kind-decision")) }
                }
                label for="tlp" class="vh" { "TLP" }
                select class="in small" id="tlp" name="tlp" {
                    @for seen in &view.view.seen_by_label { option value=(seen.tlp.label()) { "TLP:" (seen.tlp.label()) } }
                }
                label for="event_at" class="vh" { (w.t("event-time")) }
                input class="in small" id="event_at" name="event_at" value=(view.typed("event_at")) placeholder=(w.t("event-time-hint")) autocomplete="off";
                label class="row" { input type="checkbox" name="uncertain" value="1"; (w.t("event-uncertain")) }
            }
            (problem(&view.mistakes, "event_at"))
            div class="bar only-decision" {
                label for="why" { (w.t("note-why")) }
                input class="in" id="why" name="why" value=(view.typed("why")) data-draft=(why_draft) autocomplete="off";
            }
            div class="bar" {
                span class="sees-line" { @for seen in &view.view.seen_by_label { span class=(label_class(seen.tlp)) { (visible_to(w, seen)) } } }
                button class="btn first" type="submit" { (w.t("save")) }
            }
        }
    }
}

/// The lines, the latest event first.
pub(super) fn timeline(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let all = &view.view.timeline;
    let shown = if view.all_lines { all.len() } else { all.len().min(LINES_SHOWN) };
    html! {
        div id="timeline" data-fragment=(view.part("voor")) data-topics=(view.reference().to_string()) data-hold=(w.t("timeline-new")) {
            ol class="tl" {
                @for (n, entry) in all[..shown].iter().enumerate() {
                    @let zones = zones_of_day(w, all, n);
                    @if n == 0 || w.day(all[n - 1].event_at) != w.day(entry.event_at) {
                        li class="day" { (w.day(entry.event_at)) @if !zones { " · " (w.zone(entry.event_at)) } }
                    }
                    (line(shell, view, entry, zones))
                }
            }
            @if all.len() > shown {
                p class="row older" { a class="btn" href={ (Route::Incident(view.reference())) "?alles=1" } { (older(shell, all.len() - shown)) } }
            }
        }
    }
}

fn shape(what: &LineView) -> Icon {
    match what {
        LineView::Opened | LineView::Dropped => Icon::Spark,
        LineView::MergedInto(_) | LineView::TookOver(_) | LineView::Parted(_) => Icon::Link,
        LineView::ErasureAsked(_) | LineView::ErasureWithdrawn | LineView::Erased(_) | LineView::Countersigned => {
            Icon::Warning
        }
        LineView::Noted(NoteKind::Note, _) => Icon::Note,
        LineView::Noted(NoteKind::Decision, _) | LineView::Changed { field: "phase", .. } => Icon::Flag,
        LineView::Changed { .. } => Icon::Pencil,
        LineView::Report(row) => way_icon(row.via),
        LineView::ReportGone(_) => Icon::Mail,
        LineView::Notice(_) => Icon::Out,
        LineView::Task(..) | LineView::TaskSet(..) => Icon::Task,
        LineView::Observed(_) => Icon::Link,
        LineView::Held(_) | LineView::HoldLifted(_) => Icon::Warning,
    }
}

/// Whether the clocks changed among the lines of one day: then each says its zone.
fn zones_of_day(w: &Words, all: &[EntryView], n: usize) -> bool {
    let (day, zone) = (w.day(all[n].event_at), w.zone(all[n].event_at));
    let differs = |entry: &EntryView| w.zone(entry.event_at) != zone;
    let same_day = |entry: &&EntryView| w.day(entry.event_at) == day;
    all[..n].iter().rev().take_while(same_day).any(differs) || all[n..].iter().take_while(same_day).any(differs)
}

/// When it happened, as far as that is known.
fn event_time(w: &Words, entry: &EntryView, zone: bool) -> Markup {
    let day_only = !entry.certain && when::begin_of_day(entry.event_at) == entry.event_at;
    html! {
        @if day_only { small title=(w.t("event-day-long")) { (w.t("event-day")) } }
        @else {
            @if !entry.certain { small title=(w.t("event-about-long")) { (w.t("event-about")) } }
            (w.hour(entry.event_at))
            @if zone { small { (w.zone(entry.event_at)) } }
        }
    }
}

fn line(shell: &Shell, view: &Incident, entry: &EntryView, zone: bool) -> Markup {
    let w = shell.w;
    let decision = matches!(entry.what, LineView::Noted(NoteKind::Decision, _)) && entry.withdrawn.is_none();
    let later = entry.recorded_at.seconds_since(entry.event_at).abs() > LATER_SECONDS;
    let of = entry.of.unwrap_or(view.reference());
    let key = format!("{of}-{}", entry.entry.0);
    // On paper the title stands above: what it was before is for the screen.
    let renamed = matches!(entry.what, LineView::Changed { field: "title", .. });
    html! {
        li class=[if decision { Some("dec") } else { renamed.then_some("no-print") }] data-row=(key) tabindex="-1" {
            span class="t" {
                (event_time(w, entry, zone))
                @if later { small { (w.f("noted-at", &[("time", s(&w.written(entry.recorded_at, entry.event_at)))])) } }
            }
            span class="ico" { (icon(shape(&entry.what))) }
            div {
                p class="who" {
                    b { @if decision { (w.t("note-kind-decision")) " · " } (from(shell, entry)) }
                    @if let Some(label) = entry.tlp { (tlp(label)) }
                    @if let Some(of) = entry.of { " " a class="ref" href={ (Route::Incident(of)) "?zelf=1" } { (of) } }
                }
                (says(shell, view, entry))
            }
            @if entry.mine && view.may_act() {
                (shell.act(&Route::IncidentAct(of, IncidentAct::Note), &[("withdraw", &entry.entry.0.to_string())], &html! { button class="link meta" type="submit" { (w.t("withdraw")) } }))
            }
        }
    }
}

fn noted(w: &Words, kind: NoteKind, note: &Note) -> Markup {
    html! {
        @if kind == NoteKind::Decision { p class="text" { b { (note.text) } } } @else { p class="text" { (note.text) } }
        @if !note.why.is_empty() { p class="quiet" { (w.f("note-because", &[("why", s(&note.why))])) } }
    }
}

/// When a message that this line tells of went out of the incident again, if it did.
fn gone_again(view: &Incident, entry: &EntryView) -> Option<desk::ids::Timestamp> {
    let LineView::Report(row) = &entry.what else { return None };
    let left = |line: &&EntryView| {
        let gone = matches!(&line.what, LineView::ReportGone(Some(of)) if of.reference == row.reference);
        gone && line.of == entry.of && line.entry > entry.entry
    };
    view.view.timeline.iter().filter(left).map(|line| line.recorded_at).min()
}

fn says(shell: &Shell, view: &Incident, entry: &EntryView) -> Markup {
    let w = shell.w;
    if let (Some(at), LineView::Report(row)) = (gone_again(view, entry), &entry.what) {
        let reference = row.reference.to_string();
        return html! { p class="quiet" { a class="ref" href=(Route::Report(row.reference)) { (reference) } " " (w.f("line-report-left", &[("time", s(&w.moment(at)))])) } };
    }
    if let Some(at) = entry.withdrawn {
        return html! { p class="quiet" { (w.f("line-withdrawn", &[("time", s(&w.moment(at)))])) } };
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| w.t("erased"));
    match &entry.what {
        LineView::Opened => match view.view.from.as_ref().filter(|_| entry.of.is_none()) {
            Some(from) => other_incident(w, "line-split-from", Some(from)),
            None => html! { p { (w.t("line-opened")) } },
        },
        LineView::Dropped => html! { p { (w.t("line-dropped")) } },
        LineView::MergedInto(other) => other_incident(w, "line-merged-into", other.as_ref()),
        LineView::TookOver(other) => other_incident(w, "line-took-over", other.as_ref()),
        LineView::Parted(other) => other_incident(w, "line-parted", other.as_ref()),
        LineView::ErasureWithdrawn => html! { p { (w.t("erasure-is-withdrawn")) } },
        LineView::ErasureAsked(reason) => html! { p { (w.t("erasure-is-asked")) " " (reason) } },
        LineView::Erased(reason) => html! { p { (w.t("erasure-is-done")) " " (reason) } },
        LineView::Countersigned => html! { p { (w.t("event-countersigned")) } },
        LineView::Noted(kind, Some(note)) => noted(w, *kind, note),
        LineView::Noted(_, None) => html! { p class="quiet" { (w.t("erased")) } },
        LineView::Changed { field, was, value, present, reason } => {
            changed(w, field, was.as_deref(), value.as_deref(), *present, reason.as_deref())
        }
        LineView::Report(row) => html! {
            p { a href=(Route::Report(row.reference)) { span class="ref" { (row.reference) } " " (subject(w, row)) } }
            (doubts(w, row))
            @if let Some(snippet) = &row.snippet { blockquote { (snippet) } }
        },
        LineView::ReportGone(Some(row)) => html! {
            p { (w.t("line-report-gone-named")) " " a href=(Route::Report(row.reference)) { span class="ref" { (row.reference) } " " (subject(w, row)) } }
        },
        LineView::ReportGone(None) => html! { p class="quiet" { (w.t("line-report-gone")) } },
        LineView::Notice(notice) => sent(w, notice),
        LineView::Task(_, what) => html! { p { (w.f("line-task", &[("text", s(&text(what)))])) } },
        LineView::TaskSet(_, true, what) => html! { p { (w.f("line-task-done", &[("text", s(&text(what)))])) } },
        LineView::TaskSet(_, false, what) => html! { p { (w.f("line-task-open", &[("text", s(&text(what)))])) } },
        LineView::Observed(Some(observable)) => html! {
            p { (w.t("line-observed")) " " (w.of_or("observable", &observable.kind, "observable-other")) " " span class="defang" { (observable.defanged) } }
        },
        LineView::Observed(None) => html! { p class="quiet" { (w.t("erased")) } },
        LineView::Held(reason) => html! { p { (w.f("line-held", &[("reason", s(&text(reason)))])) } },
        LineView::HoldLifted(reason) => html! { p { (w.f("line-hold-lifted", &[("reason", s(&text(reason)))])) } },
    }
}

/// A line about another incident, which the reader may see or not.
fn other_incident(w: &Words, key: &str, other: Option<&IncidentLink>) -> Markup {
    html! {
        p {
            (w.t(key)) " "
            @match other {
                Some(other) => { a href={ (Route::Incident(other.reference)) "?zelf=1" } { span class="ref" { (other.reference) } " " (or_erased(w, other.title.as_deref())) } }
                None => { span class="quiet" { (w.t("other-unseen")) } }
            }
        }
    }
}

/// A mail of ours, as much of it as a line holds; the whole stands in the conversation.
fn sent(w: &Words, notice: &NoticeView) -> Markup {
    let text = notice.text.as_deref().unwrap_or_default();
    let cut = text.char_indices().nth(LETTER_CHARS_SHOWN).map(|(at, _)| at);
    html! {
        p class="row" {
            b { (w.f("letter-to", &[("to", s(&notice.to.clone().unwrap_or_else(|| w.t("erased"))))])) }
            (standing(w, notice))
            span class="meta" { (w.of("purpose", purpose_key(notice.purpose))) }
        }
        @if let Some(subject) = &notice.subject { p { (subject) } }
        @if notice.purpose == Purpose::Reply && !text.is_empty() {
            blockquote { (&text[..cut.unwrap_or(text.len())]) @if cut.is_some() { "…" } }
        }
    }
}

/// Who a line is from: of a message, its sender.
fn from(shell: &Shell, entry: &EntryView) -> String {
    match &entry.what {
        LineView::Report(row) => shell.w.f("line-report", &[("who", s(&from_whom(shell.w, row)))]),
        _ => shell.who(&entry.who),
    }
}

/// The value of a field, in words.
fn value_words(w: &Words, field: &str, value: Option<&str>) -> Markup {
    match (field, value) {
        (_, None) => html! { (w.t("none")) },
        ("severity" | "sector_severity", Some(label)) => match Severity::from_label(label) {
            Some(grade) => severity(w, grade, true),
            None => html! { (label) },
        },
        ("tlp", Some(label)) => match Tlp::from_label(label) {
            Some(of) => tlp(of),
            None => html! { (label) },
        },
        ("pap", Some(label)) => html! { "PAP:" (label) },
        ("phase", Some(key)) => html! { b { (w.of("phase", key)) } },
        ("class", Some(key)) => html! { (w.of_or("rsit", rsit::type_of(key), "rsit-other")) },
        (_, Some(text)) => html! { (text) },
    }
}

fn changed(
    w: &Words,
    field: &str,
    was: Option<&str>,
    value: Option<&str>,
    present: bool,
    reason: Option<&str>,
) -> Markup {
    let several = matches!(field, "class" | "board" | "organisation" | "person");
    let name = w.of("field", field);
    html! {
        p {
            @if several && present { (w.f("line-added", &[("field", s(&name))])) }
            @else if several { (w.f("line-removed", &[("field", s(&name))])) }
            @else { (w.f("line-changed", &[("field", s(&name))])) }
            " " (value_words(w, field, value))
            @if let Some(was) = was.filter(|_| !several) { span class="quiet" { ", " (w.t("line-was")) " " (value_words(w, field, Some(was))) } }
        }
        @if let Some(reason) = reason { p class="quiet" { (w.f("note-because", &[("why", s(reason))])) } }
    }
}
