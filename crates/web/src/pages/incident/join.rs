//! An incident that goes on in another one, is split, or is erased.

use super::acts::{again, invalid, invalid_at, leave, submit};
use super::{Incident, Tab};
use crate::Web;
use crate::app::done;
use crate::pages::report::reasons;
use crate::pages::rows::headline;
use crate::parts::{Icon, Input, field, icon, mistake_of, or_erased};
use crate::problem::{Kind as Wrong, Problem};
use crate::routes::{IncidentAct, Route};
use crate::shell::Shell;
use crate::visitor::{Fields, Sent, Visitor};
use crate::when;
use crate::words::s;
use axum::extract::{Path, State};
use axum::response::Response;
use desk::accounts::Role;
use desk::command::{Actor, Command, Outcome, Refusal};
use desk::ids::{IncidentId, Reference, ReportId};
use desk::incidents::{self, Message};
use desk::intake::{self, ErasureView};
use desk::lens::Leave;
use desk::view::IncidentLink;
use engine::Fault;
use maud::{Markup, html};

/// Fields of the form in which an incident is merged or messages leave it.
const MISTAKES: [&str; 4] = ["into", "new-title", "elsewhere", "widen"];

fn link(shell: &Shell, to: &IncidentLink) -> Markup {
    html! { a href={ (Route::Incident(to.reference)) "?zelf=1" } { span class="ref" { (to.reference) } " " (or_erased(shell.w, to.title.as_deref())) } }
}

/// What goes on here, where it came from, and the ways to join and to split.
pub(super) fn joined(shell: &Shell, view: &Incident) -> Markup {
    let (w, of) = (shell.w, &view.view);
    let part = |one: Reference| {
        let button = html! { button class="link meta" type="submit" { (w.t("part")) } };
        shell.act(&Route::IncidentAct(one, IncidentAct::Join), &[("act", "part")], &button)
    };
    html! {
        @if of.merged.is_some() || of.from.is_some() || !of.took_over.is_empty() {
            section class="panel" {
                h2 { (w.t("joined")) }
                div class="fields" {
                    @if let Some(to) = &of.merged { div { span { (w.t("goes-on-in")) " " (link(shell, to)) } @if of.may_join { (part(view.reference())) } } }
                    @for one in &of.took_over { div { span { (w.t("took-over")) " " (link(shell, one)) } @if of.may_join { (part(one.reference)) } } }
                    @if let Some(from) = &of.from { div { span { (w.t("split-from")) " " (link(shell, from)) } } }
                }
            }
        }
        @if of.may_join && of.merged.is_none() && !of.dropped && !matches!(of.erasure, Some(ErasureView::Done { .. })) { (forms(shell, view)) }
    }
}

/// The incidents that this one resembles, to choose from; what is typed says more.
fn alike(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    html! {
        @if !view.view.similar.is_empty() {
            fieldset class="field" {
                legend { (w.t("attach-similar")) }
                @for one in &view.view.similar {
                    label class="pick" {
                        input type="radio" name="like" value=(one.reference);
                        span {
                            span class="ref" { (one.reference) } " " (or_erased(w, one.title.as_deref()))
                            @for because in reasons(w, &one.reasons) { span class="meta" { (because) } }
                        }
                    }
                }
                label class="pick" { input type="radio" name="like" value="" checked; (w.t("attach-other")) }
            }
        }
    }
}

fn forms(shell: &Shell, view: &Incident) -> Markup {
    let w = shell.w;
    let mistaken = MISTAKES.iter().any(|name| mistake_of(&view.mistakes, name).is_some());
    let action = Route::IncidentAct(view.reference(), IncidentAct::Join);
    let messages: Vec<_> = view
        .view
        .conversation
        .iter()
        .filter_map(|m| match m {
            Message::In { row, .. } => Some(row),
            Message::Out(_) => None,
        })
        .collect();
    html! {
        details class="more" id="join" open[mistaken] {
            summary { (w.t("join")) (icon(Icon::Turn)) }
            form class="desk in-more" method="post" action=(action) {
                (shell.token())
                p class="meta" { (w.t("merge-text")) }
                (alike(shell, view))
                (field("into", &w.t("merge-into"), Input { hint: Some(&w.t("merge-hint")), required: view.view.similar.is_empty(), ..Input::default() }, &view.mistakes))
                button class="btn" type="submit" name="act" value="merge" { (w.t("merge")) }
            }
            @if !messages.is_empty() {
                form class="desk in-more" method="post" action=(action) {
                    (shell.token())
                    p class="meta" { (w.t("split-text")) }
                    fieldset class="field" {
                        legend { (w.t("split-messages")) }
                        @for row in &messages {
                            label class="pick" { input type="checkbox" name="report" value=(row.reference); span { span class="ref" { (row.reference) } " " (headline(w, row)) } }
                        }
                    }
                    (field("new-title", &w.t("split-title"), Input { value: view.typed("new-title"), ..Input::default() }, &view.mistakes))
                    button class="btn" type="submit" name="act" value="split" { (w.t("split")) }
                    (alike(shell, view))
                    (field("elsewhere", &w.t("move-to"), Input { value: view.typed("elsewhere"), hint: Some(&w.t("merge-hint")), ..Input::default() }, &view.mistakes))
                    div class="field" { label class="pick" { input type="checkbox" name="widen" value="1"; (w.t("move-widen")) } }
                    button class="btn" type="submit" name="act" value="move" { (w.t("move")) }
                }
            }
        }
    }
}

/// How far its erasure is, and the way to ask for it. What is erased is gone for everybody, hence two people.
pub(super) fn erasure(shell: &Shell, view: &Incident) -> Markup {
    let (w, of) = (shell.w, &view.view);
    let act = |what: &str, words: String| {
        let button = html! { button class="btn grave" type="submit" { (words) } };
        shell.act(&Route::IncidentAct(view.reference(), IncidentAct::Erase), &[("act", what)], &button)
    };
    let told = |key: &str, who: &desk::view::Who, at, reason: &str| {
        html! { p { b { (w.t(key)) } " " (reason) } p class="meta" { (shell.who(who)) " · " (when::time(w, at)) } }
    };
    match &of.erasure {
        Some(ErasureView::Asked { who, at, reason, confirmable }) => html! {
            div class="note down" {
                (told("erasure-is-asked", who, *at, reason))
                @if *confirmable && of.may_join { (act("confirm", w.t("erasure-confirm"))) } @else { p class="meta" { (w.t("erasure-second")) } }
                @if of.may_join { (act("withdraw", w.t("erasure-withdraw"))) }
            }
        },
        Some(ErasureView::Done { who, at, reason, second }) => html! {
            div class="note" {
                (told("erasure-is-done", who, *at, reason))
                @match second {
                    Some(second) => { p class="meta" { (w.f("erasure-by-two", &[("name", s(&shell.who(second)))])) } }
                    None if of.may_join => { (act("countersign", w.t("erasure-countersign"))) }
                    None => {}
                }
            }
        },
        None if of.may_join => html! {
            details class="more" open[mistake_of(&view.mistakes, "erase-reason").is_some()] {
                summary { (w.t("incident-erasure")) (icon(Icon::Turn)) }
                form class="desk in-more" method="post" action=(Route::IncidentAct(view.reference(), IncidentAct::Erase)) {
                    (shell.token())
                    p class="meta" { (w.t("incident-erasure-text")) }
                    (field("erase-reason", &w.t("erasure-reason"), Input { value: view.typed("erase-reason"), hint: Some(&w.t("erasure-reason-hint")), required: true, ..Input::default() }, &view.mistakes))
                    p class="row" {
                        button class="btn grave" type="submit" name="act" value="ask" { (w.t("erasure-ask")) }
                        @if shell.role == Role::Admin { button class="btn grave" type="submit" name="act" value="alone" { (w.t("erasure-alone")) } }
                    }
                }
            }
        },
        None => html! {},
    }
}

/// The mistake of a refusal stands at a field of the form, whatever the rule calls it.
async fn or_again(
    web: &Web,
    visitor: &Visitor,
    reference: Reference,
    fields: Fields,
    at: &'static str,
    made: Result<engine::Done, Fault>,
) -> Result<engine::Done, Result<Response, Problem>> {
    match made {
        Ok(made) => Ok(made),
        Err(Fault::Refused(Refusal::Invalid { field, why })) => {
            let at = if field == "widen" { "widen" } else { at };
            let wrong = invalid_at(at.to_owned(), field, why);
            Err(again(web, visitor, reference, Tab::Timeline, fields, wrong).await)
        }
        Err(other) => Err(Err(other.into())),
    }
}

/// The incident that was typed, else the one that was chosen.
fn named<'a>(fields: &'a Fields, typed: &str) -> &'a str {
    fields.some(typed).unwrap_or_else(|| fields.get("like"))
}

async fn incident_named(web: &Web, visitor: &Visitor, named: &str) -> Result<Option<Leave<IncidentId>>, Problem> {
    let Ok(reference) = named.parse::<Reference>() else { return Ok(None) };
    Ok(web.engine().read(|desk| desk.seen_by(visitor.viewer).incident_leave(reference)).await?)
}

/// `POST /incident/I-…/samen`: it goes on in another one, its own way again, or some of its messages go elsewhere.
pub(crate) async fn join(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["act", "into", "like", "report", "new-title", "elsewhere", "widen"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    match fields.get("act") {
        "part" => {
            submit(&web, &visitor, incidents::Command::Part(leave)).await?;
            Ok(done(&Route::Incident(reference), "parted", Some(reference), None))
        }
        "merge" => {
            let Some(into) = incident_named(&web, &visitor, named(&fields, "into")).await? else {
                return again(&web, &visitor, reference, Tab::Timeline, fields, invalid("into", "unknown")).await;
            };
            let made = submit(&web, &visitor, incidents::Command::Merge { incident: leave, into }).await;
            match or_again(&web, &visitor, reference, fields, "into", made).await {
                Ok(made) => Ok(done(&Route::Incident(reference), "merged", Some(reference), made.seq)),
                Err(answer) => answer,
            }
        }
        "split" | "move" => leaves(&web, &visitor, reference, leave, fields).await,
        _ => Err(Problem::of(Wrong::Forged)),
    }
}

async fn leaves(
    web: &Web,
    visitor: &Visitor,
    reference: Reference,
    leave: Leave<IncidentId>,
    fields: Fields,
) -> Result<Response, Problem> {
    let chosen: Vec<Reference> = fields.all("report").filter_map(|r| r.parse().ok()).collect();
    let reports = web.engine().read(|desk| {
        let lens = desk.seen_by(visitor.viewer);
        chosen.iter().map(|r| lens.report_leave(*r)).collect::<Option<Vec<Leave<ReportId>>>>()
    });
    let reports = reports.await?.ok_or_else(Problem::not_found)?;
    if fields.get("act") == "split" {
        let title = fields.get("new-title").to_owned();
        let made = submit(web, visitor, incidents::Command::Split { incident: leave, title, reports }).await;
        let made = match or_again(web, visitor, reference, fields, "new-title", made).await {
            Ok(made) => made,
            Err(answer) => return answer,
        };
        return match made.outcome {
            Outcome::Incident(new) => Ok(done(&Route::Incident(new), "split", Some(new), made.seq)),
            _ => Err(Problem::of(Wrong::Unforeseen)),
        };
    }
    let to = incident_named(web, visitor, named(&fields, "elsewhere")).await?;
    let (Some(to), false) = (to, reports.is_empty()) else {
        return again(web, visitor, reference, Tab::Timeline, fields, invalid("elsewhere", "unknown")).await;
    };
    let (actor, widen) = (Actor::Person(visitor.viewer.account), fields.ticked("widen"));
    let (mut last, several) = (None, reports.len() > 1);
    for report in reports {
        let command = Command::Intake(intake::Command::Move { report, to, widen });
        let made = web.engine().submit(actor, command).await;
        match or_again(web, visitor, reference, Fields(fields.0.clone()), "elsewhere", made).await {
            Ok(made) => last = made.seq,
            Err(answer) => return answer,
        }
    }
    // Each is an act of its own: one undo would take back one of them.
    Ok(done(&Route::Incident(reference), "moved", Some(reference), last.filter(|_| !several)))
}

/// `POST /incident/I-…/wis`: ask for it, confirm what another one asked, or countersign what was done alone.
pub(crate) async fn erase(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["act", "erase-reason"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    let reason = fields.get("erase-reason").to_owned();
    let asks = |alone| incidents::Command::Erase { incident: leave, reason: reason.clone(), alone };
    let (command, word) = match fields.get("act") {
        "ask" => (asks(false), "erasure-asked"),
        "alone" => (asks(true), "erased"),
        "confirm" => (incidents::Command::ConfirmErasure(leave), "erased"),
        "withdraw" => (incidents::Command::WithdrawErasure(leave), "erasure-withdrawn"),
        "countersign" => (incidents::Command::Countersign(leave), "held"),
        _ => return Err(Problem::of(Wrong::Forged)),
    };
    let made = submit(&web, &visitor, command).await;
    match or_again(&web, &visitor, reference, fields, "erase-reason", made).await {
        Ok(_) => Ok(done(&Route::Incident(reference), word, Some(reference), None)),
        Err(answer) => answer,
    }
}
