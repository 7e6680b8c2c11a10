//! A report: what it says, what we know of it, what becomes of it. The same pane stands on the duty desk and on a page of its own.

mod about;
mod acts;
mod files;
mod reply;
mod says;

pub(crate) use about::reasons;
pub(crate) use acts::{SNOOZES, appraise, begin_incident, claim, decide, erase, snooze, until};
pub(crate) use files::{attached, attachment, html as html_frame, raw};
pub use reply::{About, Reply, page as reply_page};
pub(crate) use reply::{ask as reply_ask, send as reply_send, send_written, write};
pub(crate) use says::{letter, purpose_key, standing, text as report_text};

use crate::Web;
use crate::app::page as respond;
use crate::pages::rows::{CALL_WITHIN_SECONDS, doubts, from_whom, headline, subject, way_icon, way_key};
use crate::parts::{Icon, Mistake, error_summary, icon, tlp};
use crate::problem::Problem;
use crate::routes::{ReportAct, Route};
use crate::shell::{Nav, Shell, Title, time_and_ago};
use crate::visitor::Visitor;
use crate::words::{n, s};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use desk::ids::Reference;
use desk::incidents::{IncidentFilter, IncidentRow};
use desk::intake::{Body, ReportView, Status};
use maud::{Markup, html};
use std::collections::HashMap;

/// What opens under the decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// Nothing.
    Closed,
    /// To which incident, or as what else.
    Attach,
    /// Until when.
    Snooze,
    /// Other decisions: duplicate, follow-up, spam.
    More,
    /// Correct what it is about.
    Appraise,
}

impl Pane {
    /// As the address of the page says.
    pub fn of(key: Option<&str>) -> Pane {
        match key {
            Some("bij") => Pane::Attach,
            Some("sluimer") => Pane::Snooze,
            Some("anders") => Pane::More,
            Some("verbeter") => Pane::Appraise,
            _ => Pane::Closed,
        }
    }

    fn key(self) -> &'static str {
        match self {
            Pane::Closed => "",
            Pane::Attach => "bij",
            Pane::Snooze => "sluimer",
            Pane::More => "anders",
            Pane::Appraise => "verbeter",
        }
    }
}

/// The whole text, which is fetched apart.
#[derive(Clone, Debug)]
pub enum Text {
    /// Not read yet.
    Waiting,
    /// Erased.
    Erased,
    /// As it was read.
    Read(Box<Body>),
}

/// A report in the reading pane.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Everything around it.
    pub view: ReportView,
    /// Its text.
    pub text: Text,
    /// What opens under the decisions.
    pub pane: Pane,
    /// The reader asked for it, it did not just come first.
    pub chosen: bool,
    /// What was wrong with the form that was sent.
    pub mistakes: Vec<Mistake>,
    /// It stands on a page of its own.
    pub alone: bool,
    /// Where it may belong, when that is asked.
    pub running: Running,
}

/// Incidents that are not closed.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// What changed last first.
    pub rows: Vec<IncidentRow>,
    /// How many there are besides.
    pub more: usize,
}

/// Running incidents that a report can be added to by choosing one.
const RUNNING_SHOWN: usize = 20;

/// Fetches the text of a report, and what the form that is open needs.
pub(crate) async fn open(web: &Web, visitor: &Visitor, view: ReportView, pane: Pane) -> Result<Opened, Problem> {
    let text = match view.body {
        _ if view.row.erased => Text::Erased,
        None => Text::Waiting,
        Some(body) => match web.engine().content(body).await? {
            None => Text::Erased,
            Some(json) => Text::Read(Box::new(serde_json::from_slice(&json).unwrap_or_default())),
        },
    };
    let mut opened = Opened::of(view, text, pane);
    // A past moment has no forms.
    if pane == Pane::Attach && visitor.shown.is_now() {
        let list = web
            .engine()
            .read(|desk| desk.seen_by(visitor.viewer).incidents(&IncidentFilter::default(), None, RUNNING_SHOWN));
        let list = list.await?;
        opened.running = Running { more: list.total - list.rows.len(), rows: list.rows };
    }
    Ok(opened)
}

impl Opened {
    /// A report in the pane beside the queue, which nobody asked for yet.
    pub fn of(view: ReportView, text: Text, pane: Pane) -> Opened {
        let running = Running::default();
        Opened { view, text, pane, chosen: false, mistakes: Vec::new(), alone: false, running }
    }

    fn here(&self) -> Route {
        let reference = self.view.row.reference;
        if self.alone { Route::Report(reference) } else { Route::DutyOpen(reference) }
    }

    fn with_pane(&self, pane: Pane) -> String {
        let here = self.here().to_string();
        let join = if here.contains('?') { '&' } else { '?' };
        // No fragment: with one, browsers do not give the form's first field the focus.
        if self.pane == pane { here } else { format!("{here}{join}doe={}", pane.key()) }
    }
}

/// The page of its own.
pub fn page(shell: &Shell, opened: &Opened) -> Markup {
    let title = headline(shell.w, &opened.view.row);
    let title = Title { text: &title, mistaken: !opened.mistakes.is_empty() };
    shell.page(
        title,
        html! { article class="read narrow-read" aria-labelledby="read-h" id="read" { (pane(shell, opened)) } },
    )
}

/// The pane.
pub fn pane(shell: &Shell, opened: &Opened) -> Markup {
    let (w, view) = (shell.w, &opened.view);
    let row = &view.row;
    let topic = row.reference.to_string();
    let heading = match &row.board {
        Some(_) => format!("{}: {}", from_whom(w, row), headline(w, row)),
        None => headline(w, row),
    };
    html! {
        (error_summary(w, &opened.mistakes))
        div {
            p class="row" {
                a class="ref" href=(Route::Report(row.reference)) { (row.reference) }
                span class="chip out" { (icon(way_icon(row.via))) (w.of("way", way_key(row.via))) }
                (tlp(view.seen_by.tlp))
                @if row.hit_now { span class="chip down" { (icon(Icon::Warning)) (w.t("hit-now")) } }
            }
            @if opened.alone { h1 id="read-h" class="read-h" { (heading) } } @else { h2 id="read-h" class="read-h" { (heading) } }
            p class="meta" { (w.f("report-from", &[("who", s(&sender(shell, opened)))])) " · " (time_and_ago(w, row.received_at, shell.now)) }
            (doubts(w, row))
            @if let Some(event_at) = row.event_at {
                p class="meta" { (w.t("report-event-at")) " " (crate::when::time(w, event_at)) }
            }
        }
        @if shell.may_act() && view.leave.is_some() { (decisions(shell, opened)) }
        @if matches!(row.status, Status::Decided(_)) { (decided(shell, opened)) }
        div class="stack" id="report-state" data-fragment={ (Route::Report(row.reference)) "?deel=stand" } data-topics=(topic) { (says::state(shell, opened)) }
        (says::text(shell, opened))
        (about::proposal(shell, opened))
        (about::facts(shell, opened))
        (says::conversation(shell, opened))
        (about::history(shell, opened))
        (about::erasure(shell, opened))
    }
}

fn sender(shell: &Shell, opened: &Opened) -> String {
    let row = &opened.view.row;
    match (row.from_name.as_deref().filter(|n| !n.is_empty()), row.from_address.as_deref()) {
        (Some(name), Some(address)) if name != address => format!("{name} <{address}>"),
        (Some(name), _) => name.to_owned(),
        (None, Some(address)) => address.to_owned(),
        (None, None) => from_whom(shell.w, row),
    }
}

/// Call, the four decisions, claim, snooze, reply.
fn decisions(shell: &Shell, opened: &Opened) -> Markup {
    let (w, view) = (shell.w, &opened.view);
    let reference = view.row.reference;
    let undecided = !matches!(view.row.status, Status::Decided(_));
    let phone = view.head.as_ref().and_then(|h| h.phone.as_deref()).filter(|p| !p.trim().is_empty());
    let left = view.row.received_at.plus_seconds(CALL_WITHIN_SECONDS).seconds_since(shell.now);
    let decide = |verdict: &'static str, words: &str, key: &str| {
        shell.act(
            &Route::ReportAct(reference, ReportAct::Decide),
            &[("verdict", verdict)],
            &html! { button class="btn" type="submit" data-key=(key) { (words) " " kbd { (key) } } },
        )
    };
    let expanded = |pane: Pane| if opened.pane == pane { "true" } else { "false" };
    html! {
        div class="acts" role="group" aria-label=(w.t("decide")) {
            @if let Some(phone) = phone {
                a class="btn first" href={ "tel:" (phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>()) } {
                    span class="row" { (icon(Icon::Phone)) (w.f("call-number", &[("phone", s(phone))])) }
                    @if view.row.hit_now && undecided {
                        span { @if left >= 0 { (w.f("call-left", &[("span", s(&w.span(left.max(60))))])) } @else { (w.f("call-late", &[("span", s(&w.span(left)))])) } }
                    }
                }
            }
            @if undecided {
                (decide("incident", &w.t("verdict-new-incident"), "1"))
                a class="btn" href=(opened.with_pane(Pane::Attach)) data-key="2" aria-expanded=(expanded(Pane::Attach)) { (w.t("verdict-attach")) " " kbd { "2" } }
                (decide("no_incident", &w.t("verdict-no-incident"), "3"))
                a class="btn" href={ (Route::ReportAct(reference, ReportAct::Reply)) "?vraag=1" } data-key="4" { (w.t("verdict-ask")) " " kbd { "4" } }
            }
        }
        div class="row minor" {
            (claim_button(shell, opened))
            a class="btn plain" href=(Route::ReportAct(reference, ReportAct::Reply)) data-key="r" { (w.t("reply")) " " kbd { "r" } }
            @if let Status::Snoozed(_) = view.row.status {
                (shell.act(&Route::ReportAct(reference, ReportAct::Snooze), &[("choice", "wake")], &html! { button class="btn plain" type="submit" { (w.t("wake")) } }))
            }
            @if undecided {
                a class="btn plain" href=(opened.with_pane(Pane::Snooze)) data-key="h" aria-expanded=(expanded(Pane::Snooze)) { (w.t("snooze")) " " kbd { "h" } }
                a class="btn plain" href=(opened.with_pane(Pane::More)) aria-expanded=(expanded(Pane::More)) { (w.t("verdict-more")) }
            }
            a class="btn plain" href=(opened.with_pane(Pane::Appraise)) data-key="v" aria-expanded=(expanded(Pane::Appraise)) { (w.t("appraise")) " " kbd { "v" } }
        }
        @if opened.pane != Pane::Closed { div class="pane" id="doe" { (acts::pane(shell, opened)) } }
    }
}

fn claim_button(shell: &Shell, opened: &Opened) -> Markup {
    let (w, row) = (shell.w, &opened.view.row);
    let (act, words) = match (&row.claimed_by, row.claimed_by_me) {
        (_, true) => ("release", w.t("release")),
        (Some(name), false) => ("claim", w.f("claim-over", &[("name", s(name))])),
        (None, false) => ("claim", w.t("claim")),
    };
    shell.act(
        &Route::ReportAct(row.reference, ReportAct::Claim),
        &[("act", act)],
        &html! { button class="btn plain" type="submit" data-key="a" { (words) " " kbd { "a" } } },
    )
}

/// What was decided, and how to take it back.
fn decided(shell: &Shell, opened: &Opened) -> Markup {
    let (w, view) = (shell.w, &opened.view);
    let last = view.history.iter().rev().find(|e| e.key.starts_with("decided-"));
    html! {
        div class="note" {
            p {
                b { (w.of("decided", view.row.status.key())) }
                @if let Some(incident) = &view.incident {
                    " " a href=(Route::Incident(incident.reference)) { span class="ref" { (incident.reference) } " " (incident.title.clone().unwrap_or_else(|| w.t("erased"))) }
                } @else if let Some(of) = &view.follows {
                    " " a href=(Route::Report(of.reference)) { span class="ref" { (of.reference) } " " (subject(w, of)) }
                }
            }
            @if let Some(event) = last { p class="meta" { (shell.who(&event.who)) " · " (crate::when::time(w, event.at)) } }
            @if let Some(undo) = view.undo {
                @if view.undo_others > 0 { p class="meta" { (w.f("undo-others", &[("n", n(view.undo_others))])) } }
                (shell.act(&Route::Undo, &[("of", &shell.tickets.seal(undo)), ("back", &view.row.reference.to_string())], &html! { button class="btn" type="submit" data-key="z" { (w.t("undo")) " " kbd { "z" } } }))
            }
            @if (view.undo.is_none() || view.reopened_seen_by.is_some()) && shell.may_act() && view.leave.is_some() {
                (shell.act(&Route::ReportAct(view.row.reference, ReportAct::Decide), &[("verdict", "reopen")], &html! {
                    @if let Some(seen) = &view.reopened_seen_by {
                        label class="pick" { input type="checkbox" id="widen" name="widen" value="1"; (w.f("reopen-widen", &[("who", s(&about::seen_by(w, seen)))])) }
                    }
                    button class="link" type="submit" { (w.t("reopen")) }
                }))
            }
        }
    }
}

/// `GET /melding/M-…`.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Path(reference): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let reference: Reference = reference.parse().map_err(|_| Problem::not_found())?;
    let (shell, view) = web.look(&visitor, Nav::Reports, |lens| lens.report(reference)).await?;
    let view = view.ok_or_else(Problem::not_found)?;
    if query.get("deel").is_some_and(|d| d == "stand") {
        let opened = Opened { chosen: true, alone: true, ..Opened::of(view, Text::Waiting, Pane::Closed) };
        let topic = reference.to_string();
        return Ok(respond(html! {
            div class="stack" id="report-state" data-fragment={ (Route::Report(reference)) "?deel=stand" } data-topics=(topic) { (says::state(&shell, &opened)) }
        }));
    }
    let pane = Pane::of(query.get("doe").map(String::as_str));
    let opened = Opened { alone: true, chosen: true, ..open(&web, &visitor, view, pane).await? };
    Ok(respond(page(&shell, &opened)))
}
