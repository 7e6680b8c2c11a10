//! What is done to a report, and the small forms for it.

use super::{Opened, Pane, Running, open, page};
use crate::Web;
use crate::app::{self, done};
use crate::pages::first_run::mistake;
use crate::pages::incidents::TITLE_CHARS_MAX;
use crate::pages::report::about::reasons;
use crate::pages::rows::{from_whom, subject};
use crate::parts::{Input, field, or_erased, select};
use crate::problem::{Kind as Wrong, Problem};
use crate::routes::{ReportAct, Route};
use crate::shell::{Nav, Shell};
use crate::visitor::{Fields, Sent, Visitor};
use crate::when::{self, typed};
use crate::words::{n, words};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::{Actor, Command, Outcome};
use desk::ids::{Named, Reference, ReportId, Timestamp};
use desk::incidents;
use desk::intake::{self, Kind, ReportRow, Verdict};
use desk::lens::{Leave, Lens, Tlp};
use maud::{Markup, html};

/// Snoozes that are one press away: key of the words, and what is typed for it.
pub(crate) const SNOOZES: [(&str, &str); 4] =
    [("snooze-1h", "+1u"), ("snooze-4h", "+4u"), ("snooze-morning", "morgen"), ("snooze-day", "+1d")];
/// When the morning begins that one snoozes to, hours.
const MORNING_HOUR: i8 = 8;

/// The form that opens under the decisions.
pub(super) fn pane(shell: &Shell, opened: &Opened) -> Markup {
    match opened.pane {
        Pane::Closed => html! {},
        Pane::Attach => attach(shell, opened),
        Pane::Snooze => snooze_form(shell, opened),
        Pane::More => others(shell, opened),
        Pane::Appraise => appraise_form(shell, opened),
    }
}

fn form(shell: &Shell, opened: &Opened, act: ReportAct, inner: &Markup) -> Markup {
    html! {
        form method="post" action=(Route::ReportAct(opened.view.row.reference, act)) {
            (shell.token())
            @if opened.alone { input type="hidden" name="alone" value="1"; }
            (inner)
        }
    }
}

fn attach(shell: &Shell, opened: &Opened) -> Markup {
    let w = shell.w;
    let similar = &opened.view.similar;
    let Running { rows, more } = &opened.running;
    let running: Vec<_> = rows.iter().filter(|r| similar.iter().all(|s| s.reference != r.reference)).collect();
    form(
        shell,
        opened,
        ReportAct::Decide,
        &html! {
            input type="hidden" name="verdict" value="attach";
            @if !similar.is_empty() || !running.is_empty() {
                fieldset class="field" {
                    legend { (w.t("attach-similar")) }
                    @for (n, one) in similar.iter().enumerate() {
                        label class="pick" {
                            input type="radio" name="to" value=(one.reference) checked[n == 0] autofocus[n == 0];
                            span {
                                span class="ref" { (one.reference) } " " (one.title.clone().unwrap_or_else(|| w.t("erased")))
                                @for because in reasons(w, &one.reasons) { span class="meta" { (because) } }
                            }
                        }
                    }
                    @for one in &running {
                        label class="pick" {
                            input type="radio" name="to" value=(one.reference);
                            span {
                                span class="ref" { (one.reference) } " " (or_erased(w, one.title.as_deref()))
                                span class="meta" { (w.of("phase", one.phase.key())) @if !one.boards.is_empty() { " · " (one.boards.join(", ")) } }
                            }
                        }
                    }
                    label class="pick" { input type="radio" name="to" value=""; (w.t("attach-other")) }
                }
                @if *more > 0 { p class="meta" { a href=(Route::Incidents) { (w.f("attach-more", &[("n", n(*more))])) } } }
            }
            (field("of", &w.t("attach-reference"), Input { hint: Some(&w.t("attach-reference-hint")), focus: similar.is_empty(), ..Input::default() }, &opened.mistakes))
            button class="btn" type="submit" { (w.t("attach-do")) }
        },
    )
}

fn snooze_form(shell: &Shell, opened: &Opened) -> Markup {
    let w = shell.w;
    form(
        shell,
        opened,
        ReportAct::Snooze,
        &html! {
            p class="opts" {
                @for (n, (key, until)) in SNOOZES.iter().enumerate() {
                    button class="btn" type="submit" name="choice" value=(until) autofocus[n == 0] { (w.t(key)) }
                }
            }
            (field("until", &w.t("snooze-until"), Input { hint: Some(&w.t("time-hint")), ..Input::default() }, &opened.mistakes))
            button class="btn" type="submit" { (w.t("snooze-do")) }
        },
    )
}

fn others(shell: &Shell, opened: &Opened) -> Markup {
    let w = shell.w;
    let reference = opened.view.row.reference;
    html! {
        div class="row" { (shell.act(&Route::ReportAct(reference, ReportAct::Decide), &[("verdict", "spam")], &html! { button class="btn" type="submit" { (w.t("verdict-spam")) } })) }
        (form(shell, opened, ReportAct::Decide, &html! {
            @if !opened.view.duplicates.is_empty() {
                fieldset class="field" {
                    legend { (w.t("similar-reports")) }
                    @for one in &opened.view.duplicates {
                        label class="pick" {
                            input type="radio" name="to" value=(one.row.reference);
                            span {
                                span class="ref" { (one.row.reference) } " " (from_whom(w, &one.row)) ": " (subject(w, &one.row))
                                @for because in reasons(w, &one.reasons) { span class="meta" { (because) } }
                            }
                        }
                    }
                }
            }
            (field("of", &w.t("other-report"), Input { hint: Some(&w.t("other-report-hint")), ..Input::default() }, &opened.mistakes))
            p class="row" {
                button class="btn" type="submit" name="verdict" value="duplicate" { (w.t("verdict-duplicate")) }
                button class="btn" type="submit" name="verdict" value="follow_up" { (w.t("verdict-follow-up")) }
            }
        }))
    }
}

fn appraise_form(shell: &Shell, opened: &Opened) -> Markup {
    let w = shell.w;
    let row = &opened.view.row;
    let kinds: Vec<_> = Kind::ALL.iter().map(|k| (k.key().to_owned(), w.of("kind", k.key()))).collect();
    let typed = opened.view.head.as_ref().and_then(|h| h.board_as_typed.clone());
    let board = row.board.clone().or(typed).unwrap_or_default();
    form(
        shell,
        opened,
        ReportAct::Appraise,
        &html! {
            (select("kind", &w.t("kind"), &kinds, row.kind.key()))
            div class="field" { label class="pick" { input type="checkbox" name="hit_now" value="1" checked[row.hit_now]; (w.t("hit-now-long")) } }
            (field("board", &w.t("board"), Input { value: &board, hint: Some(&w.t("board-hint")), ..Input::default() }, &opened.mistakes))
            button class="btn" type="submit" { (w.t("save")) }
        },
    )
}

/// Leave to act on a report, or the one answer for all who have none.
pub(super) async fn leave(
    web: &Web,
    visitor: &Visitor,
    reference: &str,
) -> Result<(Reference, Leave<ReportId>), Problem> {
    let reference: Reference = reference.parse().map_err(|_| Problem::not_found())?;
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).report_leave(reference)).await?;
    Ok((reference, leave.ok_or_else(Problem::not_found)?))
}

fn back(reference: Reference, fields: &Fields) -> Route {
    if fields.ticked("alone") { Route::Report(reference) } else { Route::DutyOpen(reference) }
}

/// The page again, with what was wrong.
pub(super) async fn again(
    web: &Web,
    visitor: &Visitor,
    reference: Reference,
    pane: Pane,
    fields: &Fields,
    (field, why): (&str, &str),
) -> Result<Response, Problem> {
    let (shell, view) = web.look(visitor, Nav::Reports, |lens| lens.report(reference)).await?;
    let opened = open(web, visitor, view.ok_or_else(Problem::not_found)?, pane).await?;
    let mistakes = vec![mistake(shell.w, field, why)];
    let opened = Opened { mistakes, alone: true, chosen: true, ..opened };
    Ok(app::again(StatusCode::UNPROCESSABLE_ENTITY, &page(&shell, &opened), visitor, fields))
}

async fn submit(web: &Web, visitor: &Visitor, command: intake::Command) -> Result<engine::Done, Problem> {
    Ok(web.engine().submit(Actor::Person(visitor.viewer.account), Command::Intake(command)).await?)
}

/// `POST /melding/M-…/neem`.
pub(crate) async fn claim(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["act", "alone"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    let release = fields.get("act") == "release";
    let command = if release { intake::Command::Release(leave) } else { intake::Command::Claim(leave) };
    submit(&web, &visitor, command).await?;
    Ok(done(&back(reference, &fields), if release { "released" } else { "claimed" }, Some(reference), None))
}

/// `POST /melding/M-…/beslis`.
pub(crate) async fn decide(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["verdict", "to", "of", "alone", "widen"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    let (verdict, word) = match fields.get("verdict") {
        "incident" => {
            let row = web.engine().read(|desk| desk.seen_by(visitor.viewer).report_rows(&[reference])).await?;
            return begin_incident(&web, &visitor, &row, vec![leave]).await;
        }
        "reopen" => {
            let (actor, widen) = (Actor::Person(visitor.viewer.account), fields.ticked("widen"));
            let reopen = Command::Intake(intake::Command::Reopen { report: leave, widen });
            match web.engine().submit(actor, reopen).await.map_err(Problem::from) {
                Err(Problem { field: Some(wrong @ ("widen", _)), .. }) => {
                    return again(&web, &visitor, reference, Pane::Closed, &fields, wrong).await;
                }
                made => made?,
            };
            return Ok(done(&Route::DutyOpen(reference), "undone", Some(reference), None));
        }
        "no_incident" => (Verdict::NoIncident, "no-incident"),
        "spam" => (Verdict::Spam, "spam"),
        kind @ ("attach" | "duplicate" | "follow_up") => {
            let pane = if kind == "attach" { Pane::Attach } else { Pane::More };
            // What is typed says more than the choice that stood there already.
            let named: Option<Reference> = fields.some("of").or(fields.some("to")).and_then(|r| r.parse().ok());
            let Some(named) = named else {
                return again(&web, &visitor, reference, pane, &fields, ("of", "reference")).await;
            };
            let verdict = web.engine().read(|desk| about(&desk.seen_by(visitor.viewer), kind, named)).await?;
            match verdict {
                Some(verdict) => verdict,
                None => return again(&web, &visitor, reference, pane, &fields, ("of", "unknown")).await,
            }
        }
        _ => return Err(Problem::of(Wrong::Forged)),
    };
    let made = submit(&web, &visitor, intake::Command::Decide(leave, verdict)).await?;
    // What is decided leaves the desk; the next one opens. The page of its own stays where it is.
    let to = if fields.ticked("alone") { Route::Report(reference) } else { Route::Duty };
    Ok(done(&to, word, Some(reference), made.seq))
}

/// A verdict that names something else, if the person may see that.
fn about(lens: &Lens<'_>, kind: &str, named: Reference) -> Option<(Verdict, &'static str)> {
    match (kind, named.named()) {
        ("attach", Named::Incident) => {
            let incident = lens.incident_leave(named)?.id();
            Some((Verdict::Incident { incident, opened: false }, "incident"))
        }
        ("duplicate", Named::Report) => Some((Verdict::Duplicate(lens.report_id(named)?), "duplicate")),
        ("follow_up", Named::Report) => Some((Verdict::FollowUp(lens.report_id(named)?), "follow-up")),
        _ => None,
    }
}

/// One press: an incident with what is proposed; everything in it can be changed at once.
pub(crate) async fn begin_incident(
    web: &Web,
    visitor: &Visitor,
    rows: &[ReportRow],
    leaves: Vec<Leave<ReportId>>,
) -> Result<Response, Problem> {
    // The first that came says what it is about.
    let first = rows.iter().min_by_key(|row| row.received_at).ok_or_else(Problem::not_found)?.reference;
    let view = web.engine().read(|desk| desk.seen_by(visitor.viewer).report(first)).await?;
    let view = view.ok_or_else(Problem::not_found)?;
    let mut boards: Vec<_> = rows.iter().filter_map(|row| row.board_id).collect();
    boards.sort_unstable();
    boards.dedup();
    let w = words(visitor.preferences.language);
    let title = subject(w, &view.row);
    let title = match &view.row.board {
        Some(board) if !title.to_lowercase().contains(&board.to_lowercase()) => format!("{board}: {title}"),
        _ => title,
    };
    let command = incidents::Command::Open {
        by: visitor.viewer.account,
        title: title.chars().take(TITLE_CHARS_MAX).collect(),
        // `C1` is the gravest, and the first.
        severity: rows.iter().filter_map(|row| row.severity).min(),
        tlp: Tlp::Amber,
        since: None,
        boards,
        classes: view.rsit.into_iter().collect(),
        reports: leaves,
    };
    let made = web.engine().submit(Actor::Person(visitor.viewer.account), Command::Incidents(command)).await?;
    match made.outcome {
        Outcome::Incident(incident) => Ok(done(&Route::Incident(incident), "opened", Some(incident), made.seq)),
        _ => Err(Problem::of(Wrong::Unforeseen)),
    }
}

pub(crate) fn until(choice: &str, text: &str, now: Timestamp) -> Option<Timestamp> {
    if choice == "morgen" {
        let today = when::zoned(now);
        let morning = today.date().at(MORNING_HOUR, 0, 0, 0).to_zoned_datetime(when::ZONE.clone()).ok()?;
        let morning =
            if morning <= today { morning.tomorrow().ok()?.with().hour(MORNING_HOUR).build().ok()? } else { morning };
        return Some(Timestamp(morning.timestamp().as_microsecond()));
    }
    typed(if choice.is_empty() { text } else { choice }, now)
}

/// `POST /melding/M-…/sluimer`.
pub(crate) async fn snooze(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["choice", "until", "alone"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    if fields.get("choice") == "wake" {
        submit(&web, &visitor, intake::Command::Wake(leave)).await?;
        return Ok(done(&back(reference, &fields), "woken", Some(reference), None));
    }
    let Some(until) = until(fields.get("choice"), fields.get("until"), visitor.now) else {
        return again(&web, &visitor, reference, Pane::Snooze, &fields, ("until", "time")).await;
    };
    if until <= visitor.now {
        return again(&web, &visitor, reference, Pane::Snooze, &fields, ("until", "past")).await;
    }
    let made = submit(&web, &visitor, intake::Command::Snooze(leave, until)).await?;
    let to = if fields.ticked("alone") { Route::Report(reference) } else { Route::Duty };
    Ok(done(&to, "snoozed", Some(reference), made.seq))
}

/// `POST /melding/M-…/wis`: ask for it, confirm what another one asked, or countersign what was done alone.
pub(crate) async fn erase(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["act", "reason"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    let reason = fields.get("reason").to_owned();
    let asks = |alone| intake::Command::Erase { report: leave, reason: reason.clone(), alone };
    let (command, word) = match fields.get("act") {
        "ask" | "alone" if reason.is_empty() => {
            return again(&web, &visitor, reference, Pane::Closed, &fields, ("reason", "empty")).await;
        }
        "ask" => (asks(false), "erasure-asked"),
        "alone" => (asks(true), "erased"),
        "confirm" => (intake::Command::ConfirmErasure(leave), "erased"),
        "withdraw" => (intake::Command::WithdrawErasure(leave), "erasure-withdrawn"),
        "countersign" => (intake::Command::Countersign(leave), "erased"),
        _ => return Err(Problem::of(Wrong::Forged)),
    };
    submit(&web, &visitor, command).await?;
    Ok(done(&Route::Report(reference), word, Some(reference), None))
}

/// `POST /melding/M-…/verbeter`.
pub(crate) async fn appraise(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["kind", "hit_now", "board", "alone"])?;
    let (reference, leave) = leave(&web, &visitor, &reference).await?;
    let kind = Kind::from_key(fields.get("kind")).ok_or_else(|| Problem::of(Wrong::Forged))?;
    let board = match fields.some("board") {
        None => None,
        Some(name) => match web.board_named(name).await? {
            Some(board) => Some(board),
            None => return again(&web, &visitor, reference, Pane::Appraise, &fields, ("board", "unknown")).await,
        },
    };
    let command = intake::Command::Appraise {
        report: leave,
        kind: Some(kind),
        hit_now: Some(fields.ticked("hit_now")),
        board: Some(board),
    };
    let made = submit(&web, &visitor, command).await?;
    Ok(done(&back(reference, &fields), "appraised", Some(reference), made.seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_morning_is_the_next_one() {
        let w = words(desk::house::Language::Nl);
        // Thursday 15 December 2022, 03:12 in Brussels: this morning; at noon: tomorrow's.
        let night = Timestamp::from_seconds(1_671_070_320);
        assert_eq!(until("morgen", "", night).map(|t| w.moment(t)).as_deref(), Some("do 15 dec 2022, 08:00 CET"));
        let noon = night.plus_seconds(9 * 3600);
        assert_eq!(until("morgen", "", noon).map(|t| w.moment(t)).as_deref(), Some("vr 16 dec 2022, 08:00 CET"));
        assert_eq!(until("+1u", "", night), Some(night.plus_seconds(3600)));
        assert_eq!(until("", "onzin", night), None);
    }
}
