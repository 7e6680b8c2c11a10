//! The checks' test mail: a real one, by the outbox, to whoever asks; and what became of it.
//!
//! It is the answer to a report of its own, typed by the person who asks and closed at once: so it goes the way of every mail that leaves,
//! stands in the journal, and whoever answers it sees that mail comes in too.

use crate::Web;
use crate::app::{again, done};
use crate::pages::first_run::{Checks, checks_page, is_mailbox, look, mistake};
use crate::parts::{Input, field};
use crate::problem::{Kind as Wrong, Problem};
use crate::routes::Route;
use crate::shell::Shell;
use crate::visitor::Sent;
use crate::when;
use crate::words::s;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::{Actor, Command};
use desk::ids::Reference;
use desk::intake::{self, Kind, Verdict, Via};
use desk::outbox::StandingKey;
use engine::{FormReport, with_reference};
use maud::{Markup, html};
use std::collections::HashMap;

/// The part of the page that is fetched anew when the outbox changes.
pub const PART: &str = "testmail";

/// The report of the test mail that was asked for, as the address of the page has it.
pub(crate) fn asked(query: &HashMap<String, String>) -> Option<Reference> {
    query.get("gedaan").filter(|done| *done == "test-mail")?;
    query.get("over")?.parse().ok()
}

/// The form, and what became of the last one.
pub(crate) fn section(shell: &Shell, view: &Checks) -> Markup {
    let w = shell.w;
    html! {
        (result(shell, view))
        @if view.may_test {
            form class="desk narrow after" method="post" action=(Route::TestMail) {
                (shell.token())
                (field("to", &w.t("test-mail-to"), Input { kind: "email", value: &view.test_to, hint: Some(&w.t("test-mail-hint")), autocomplete: Some("email"), required: true, ..Input::default() }, &view.mistakes))
                button class="btn" type="submit" { (w.t("test-mail-do")) }
            }
        }
    }
}

/// What became of it: waiting, gone, refused and why.
pub(crate) fn result(shell: &Shell, view: &Checks) -> Markup {
    let Some(notice) = &view.test_mail else { return html! {} };
    let w = shell.w;
    let again = format!("{}?gedaan=test-mail&over={}", Route::Checks, notice.reference);
    html! {
        div id=(PART) class="narrow after-s" data-fragment={ (again) "&deel=" (PART) } data-topics="outbox" {
            p {
                b { (w.of("test-mail-standing", notice.standing.key())) } " "
                (w.f("test-mail-whom", &[("to", s(notice.to.as_deref().unwrap_or("…")))]))
                @if let Some(at) = notice.standing_at { " " (when::time_exact(w, at)) "." }
            }
            @if let Some(said) = notice.last_said.as_deref().filter(|said| !said.is_empty()) { p { (w.t("test-mail-said")) " " span class="mono" { (said) } } }
            @if let Some(next) = notice.next_at.filter(|_| notice.tries > 0) { p { (w.t("next-try")) " " (when::time(w, next)) } }
            p class="row" {
                @if matches!(notice.standing, StandingKey::Waiting | StandingKey::Retrying) { a href=(again) { (w.t("test-mail-look")) } }
                a href=(Route::Report(notice.reference)) { (w.t("test-mail-report")) " " span class="ref" { (notice.reference) } }
            }
        }
    }
}

/// `POST /first-run/testmail`.
pub(crate) async fn send(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["to"])?;
    let to = fields.get("to").to_owned();
    let (shell, mut view) = look(&web, &visitor, None).await?;
    if !view.may_test {
        return Err(Problem::not_found());
    }
    let w = shell.w;
    if !is_mailbox(&to) {
        view.mistakes = vec![mistake(w, "to", "mailbox")];
        view.test_to = to;
        return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &checks_page(&shell, &view), &visitor, &fields));
    }
    let (engine, by) = (web.engine(), Actor::Person(visitor.viewer.account));
    let report = FormReport {
        name: shell.person.clone(),
        email: to.clone(),
        what: w.t("test-mail-report-text"),
        language: w.language,
        kind: Some(Kind::Question),
        no_receipt: true,
        ..FormReport::default()
    };
    let received = engine.receive_form(report, Via::Phone, by).await?;
    let reference = received.reference;
    let leave = engine.read(|desk| desk.seen_by(visitor.viewer).report_leave(reference)).await?;
    let report = leave.ok_or_else(|| Problem::of(Wrong::Unforeseen))?;
    if received.new {
        engine.submit(by, Command::Intake(intake::Command::Decide(report, Verdict::NoIncident))).await?;
    }
    let subject = with_reference(&w.t("test-mail-subject"), reference);
    let draft = engine.draft(&to, &subject, &w.t("test-mail-text"), w.language, Vec::new());
    engine.submit(by, Command::Intake(intake::Command::Reply { report, draft, ask: false })).await?;
    Ok(done(&Route::Checks, "test-mail", Some(reference), None))
}
