//! Beside the timeline: the fields, who sees this, tasks, observables, what resembles it, what can be taken back.

use super::{Incident, Tab, fields, join};
use crate::pages::report::reasons;
use crate::parts::{Icon, Input, field, icon, mistake_of, or_erased, tlp};
use crate::routes::{IncidentAct, Route};
use crate::shell::Shell;
use crate::when;
use crate::words::{Words, n, s};
use desk::ids::Timestamp;
use desk::incidents::{EntryView, LineView, NoteKind, ObservableView, TaskView};
use maud::{Markup, html};

/// Tasks shown beside the timeline.
const TASKS_SHOWN: usize = 6;

/// The column.
pub(super) fn side(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    html! {
        aside id="side" aria-label=(w.t("summary")) data-fragment=(view.part("zij")) data-topics=(view.reference().to_string()) {
            @if !view.view.undo.is_empty() && view.may_act() { (undo(shell, view)) }
            @if view.may_act() {
                section class="panel" { h2 { (w.t("fields")) } (fields::single(shell, view)) }
            }
            (decisions(shell, view))
            @if view.tab != Tab::Tasks { (tasks_short(shell, view)) }
            section class="panel" { h2 { (w.t("concerns")) } (fields::several(shell, view)) }
            section class="panel" { h2 { (w.t("seen-by")) } (fields::addressed(shell, view)) }
            (similar(shell, view))
            (join::joined(shell, view))
            (hold(shell, view))
            (join::erasure(shell, view))
        }
    }
}

/// On paper what was decided stands before the log.
fn decisions(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let stands = |entry: &&EntryView| entry.withdrawn.is_none();
    let mut decided = Vec::new();
    for entry in view.view.timeline.iter().filter(stands) {
        if let LineView::Noted(NoteKind::Decision, Some(note)) = &entry.what {
            decided.push((entry, note));
        }
    }
    html! {
        @if !decided.is_empty() {
            section class="panel print-only" {
                h2 { (w.t("decisions")) }
                div class="fields" {
                    @for (entry, note) in &decided {
                        div { span { b { (note.text) } @if !note.why.is_empty() { br; (w.f("note-because", &[("why", s(&note.why))])) } } span class="meta" { (w.moment(entry.event_at)) " · " (shell.who(&entry.who)) } }
                    }
                }
            }
        }
    }
}

/// Legal hold: who wants that nothing of it is erased, and why.
fn hold(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let held = view.view.hold.is_some();
    html! {
        @if let Some(hold) = &view.view.hold {
            section class="panel" {
                h2 { (w.t("held")) }
                p { (or_erased(w, hold.reason.as_deref())) }
                p class="meta" { (shell.who(&hold.who)) " · " (when::time(w, hold.at)) }
            }
        }
        @if view.may_act() {
            details class="more" id="hold" open[mistake_of(&view.mistakes, "hold-reason").is_some()] {
                summary { (w.t(if held { "hold-lift" } else { "hold" })) (icon(Icon::Turn)) }
                form class="desk in-more" method="post" action=(Route::IncidentAct(view.reference(), IncidentAct::Hold)) {
                    (shell.token())
                    @if held { input type="hidden" name="lift" value="1"; }
                    (field("hold-reason", &w.t("hold-reason"), Input { required: true, ..Input::default() }, &view.mistakes))
                    button class="btn" type="submit" { (w.t("save")) }
                }
            }
        }
    }
}

fn undo(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    html! {
        section class="panel no-print" {
            h2 { (w.t("last-acts")) }
            div class="fields" {
                @for act in view.view.undo.iter().take(3) {
                    div {
                        span { (w.of_or("undo-of", act.key, "undo-of-other")) }
                        (shell.act(&Route::Undo, &[("of", &shell.tickets.seal(act.of)), ("back", &view.reference().to_string())], &html! { button class="link meta" type="submit" { (w.t("undo")) } }))
                    }
                }
            }
        }
    }
}

fn due(w: &Words, task: &TaskView, now: Timestamp) -> Markup {
    html! {
        @if let Some((at, _)) = &task.done { span class="due" { (w.t("task-done")) " " (w.brief_moment(*at, now)) } }
        @else if let Some(due) = task.due {
            @let late = due < now;
            span class={ "due" @if late { " now" } } { span class="no-print" { (w.brief_moment(due, now)) } span class="print-only" { (w.moment(due)) } @if late { " · " (w.t("task-late")) } }
        }
    }
}

fn task_row(shell: &Shell, view: &Incident, task: &TaskView) -> Markup {
    let w = shell.w;
    let done = task.done.is_some();
    let state = if done { "0" } else { "1" };
    let label = if done { w.t("task-reopen") } else { w.t("task-tick") };
    html! {
        li {
            @if view.may_act() {
                (shell.act(&Route::IncidentAct(task.of.unwrap_or(view.reference()), IncidentAct::Task), &[("task", &task.task.0.to_string()), ("done", state), ("tab", view.tab.key())], &html! {
                    button class="tick" type="submit" aria-label={ (label) ": " (task.text.clone().unwrap_or_default()) } aria-pressed=(if done { "true" } else { "false" }) { @if done { (icon(Icon::Tick)) } }
                }))
            } @else { span { @if done { (icon(Icon::Tick)) } } }
            span {
                (or_erased(w, task.text.as_deref()))
                small { @if let Some(of) = task.of { (of) " · " } @match &task.assignee { Some(assignee) => { (shell.who(assignee)) } None => { (w.t("task-nobody")) } } }
            }
            (due(w, task, shell.now))
        }
    }
}

fn tasks_short(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let open: Vec<&TaskView> = view.view.tasks.iter().filter(|t| t.done.is_none()).collect();
    html! {
        section class="panel" {
            h2 { (w.t("tasks")) a href=(view.address(Tab::Tasks)) data-key="t" data-to=[view.may_act().then(|| format!("{}&nieuw=taak", view.address(Tab::Tasks)))] { (w.f("tasks-open", &[("n", n(open.len()))])) } }
            @if open.is_empty() { p class="meta" { (w.t("tasks-none")) } }
            ul class="tasks plain" { @for task in open.iter().take(TASKS_SHOWN) { (task_row(shell, view, task)) } }
        }
    }
}

/// All tasks, and the form for a new one.
pub(super) fn tasks_tab(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    html! {
        div id="tasks" {
            @if view.view.tasks.is_empty() { p class="quiet" { (w.t("tasks-none")) } }
            ul class="tasks plain" { @for task in &view.view.tasks { (task_row(shell, view, task)) } }
        }
        @if view.may_act() {
            details class="more older" id="new-task" open[view.begins("nieuw") || !view.mistakes.is_empty()] {
                summary data-key="t" { span { (w.t("task-new")) " " kbd { "t" } } (icon(Icon::Turn)) }
                form class="desk narrow in-more" method="post" action=(Route::IncidentAct(view.reference(), IncidentAct::Task)) {
                    (shell.token())
                    (field("text", &w.t("task-what"), Input { required: true, focus: view.begins("nieuw"), ..Input::default() }, &view.mistakes))
                    div class="field" {
                        label for="assignee" { (w.t("task-who")) }
                        select class="in" id="assignee" name="assignee" {
                            option value="" { (w.t("nobody")) }
                            @for (account, name) in &view.people { option value=(account.0) { (name) } }
                        }
                    }
                    (field("due", &w.t("task-due"), Input { hint: Some(&w.t("time-hint")), ..Input::default() }, &view.mistakes))
                    button class="btn first" type="submit" { (w.t("task-add")) }
                }
            }
        }
    }
}

fn observable_row(w: &Words, one: &ObservableView) -> Markup {
    html! {
        tr {
            th scope="row" { span class="defang" { (one.defanged) } @if let Some(label) = one.tlp { " " (tlp(label)) } }
            td data-l=(w.t("kind")) { (w.of_or("observable", &one.kind, "observable-other")) }
            td class="refs" data-l=(w.t("seen-in")) {
                @for reference in &one.reports { a class="ref" href=(Route::Report(*reference)) { (reference) } " " }
                @if !one.entries.is_empty() { span class="meta" { (w.t("by-hand")) } }
                @if let Some(why) = &one.benign { span class="meta" { (w.of_or("benign", why, "benign-other")) } }
            }
        }
    }
}

/// All observables, and the form for one by hand.
pub(super) fn observables_tab(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let (own, benign): (Vec<_>, Vec<_>) = view.view.observables.iter().partition(|o| o.benign.is_none());
    let table = |rows: &[&ObservableView]| {
        html! {
            table class="tbl stack" {
                thead { tr { th scope="col" { (w.t("value")) } th scope="col" { (w.t("kind")) } th scope="col" { (w.t("seen-in")) } } }
                tbody { @for row in rows { (observable_row(w, row)) } }
            }
        }
    };
    html! {
        @if own.is_empty() { p class="quiet" { (w.t("observables-none")) } } @else { (table(&own)) }
        @if !benign.is_empty() {
            details class="more older" { summary { (w.f("observables-benign", &[("n", n(benign.len()))])) (icon(Icon::Turn)) } div class="in-more" { (table(&benign)) } }
        }
        @if view.may_act() {
            details class="more older" id="new-observable" open[!view.mistakes.is_empty()] {
                summary { (w.t("observable-new")) (icon(Icon::Turn)) }
                form class="desk narrow in-more" method="post" action=(Route::IncidentAct(view.reference(), IncidentAct::Observe)) {
                    (shell.token())
                    (field("value", &w.t("observable-add"), Input { kind: "textarea", hint: Some(&w.t("observable-hint")), required: true, ..Input::default() }, &view.mistakes))
                    button class="btn first" type="submit" { (w.t("observable-add-do")) }
                }
            }
        }
    }
}

fn similar(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    html! {
        @if !view.view.similar.is_empty() {
            section class="panel" {
                h2 { (w.t("similar-incidents")) }
                ul class="why plain" {
                    @for one in &view.view.similar {
                        li {
                            (icon(Icon::Link))
                            span {
                                a href=(Route::Incident(one.reference)) { span class="ref" { (one.reference) } " " (or_erased(w, one.title.as_deref())) }
                                span class="meta" { " " (w.of("phase", one.phase.key())) }
                                @for because in reasons(w, &one.reasons) { br; span class="meta" { (because) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
