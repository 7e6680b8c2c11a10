//! An answer: written, then shown exactly as it leaves and to whom, then sent.

use super::acts::leave;
use crate::Web;
use crate::app::{done, page as respond, page_with};
use crate::pages::first_run::mistake;
use crate::pages::public::is_mailbox;
use crate::pages::rows::{from_whom, subject};
use crate::parts::{Input, Mistake, error_summary, field};
use crate::problem::{Kind as Wrong, Problem};
use crate::routes::{ReportAct, Route};
use crate::shell::{Nav, Shell, Title};
use crate::visitor::{Sent, Visitor};
use crate::words::s;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::{Actor, Command};
use desk::house::Language;
use desk::ids::Reference;
use desk::intake::{self, ReportView};
use desk::outbox::{SUBJECT_CHARS_MAX, TEXT_CHARS_MAX};
use engine::{ReplyTemplate, fill, reply_templates};
use maud::{Markup, html};
use std::collections::HashMap;

/// An answer on its way.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What is answered.
    pub view: ReportView,
    /// From which address it leaves.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Text.
    pub text: String,
    /// Language of the text.
    pub language: Language,
    /// Wait for an answer.
    pub ask: bool,
    /// The template that was taken.
    pub template: String,
    /// Everything is there: show it as it leaves.
    pub preview: bool,
    /// What was wrong.
    pub mistakes: Vec<Mistake>,
}

/// The page: the form, or what leaves.
pub fn page(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
    let key = if reply.preview { "reply-preview" } else { "reply-title" };
    let title = w.f(key, &[("who", s(&from_whom(w, &reply.view.row)))]);
    shell.page(
        Title { text: &title, mistaken: !reply.mistakes.is_empty() },
        html! {
            div class="head" {
                div {
                    p class="row" { a class="ref" href=(Route::Report(reply.view.row.reference)) { (reply.view.row.reference) } (subject(w, &reply.view.row)) }
                    h1 { (title) }
                }
            }
            (error_summary(w, &reply.mistakes))
            @if reply.preview { (leaves(shell, reply)) } @else { (form(shell, reply)) }
        },
    )
}

fn templates(shell: &Shell, reply: &Reply, list: &[ReplyTemplate]) -> Markup {
    let w = shell.w;
    let address = Route::ReportAct(reply.view.row.reference, ReportAct::Reply);
    html! {
        section class="panel" aria-labelledby="templates-h" {
            h2 id="templates-h" { (w.t("templates")) span { (w.of("language-name", reply.language.tag())) } }
            ul class="plain stack" {
                @for template in list {
                    li { a href={ (address) "?sjabloon=" (template.id) @if reply.ask { "&vraag=1" } } aria-current=[(template.id == reply.template).then_some("true")] { (template.title) } }
                }
            }
        }
    }
}

fn form(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
    let reference = reply.view.row.reference;
    let draft = format!("antwoord {reference} {}", reply.template);
    html! {
        div class="split" {
            form method="post" action=(Route::ReportAct(reference, ReportAct::Reply)) class="desk" {
                (shell.token())
                input type="hidden" name="language" value=(reply.language.tag());
                (field("to", &w.t("reply-to-label"), Input { kind: "email", value: &reply.to, hint: Some(&w.t("reply-to-hint")), required: true, ..Input::default() }, &reply.mistakes))
                (field("subject", &w.t("subject"), Input { value: &reply.subject, required: true, length_max: Some(SUBJECT_CHARS_MAX), ..Input::default() }, &reply.mistakes))
                (field("text", &w.t("text"), Input { kind: "textarea", value: &reply.text, required: true, focus: reply.mistakes.is_empty(), draft: Some(&draft), length_max: Some(TEXT_CHARS_MAX), ..Input::default() }, &reply.mistakes))
                div class="field" { label class="pick" { input type="checkbox" name="ask" value="1" checked[reply.ask]; (w.t("reply-ask")) } }
                p class="row" {
                    button class="btn first" type="submit" name="step" value="preview" { (w.t("reply-look")) }
                    a class="btn plain" href=(Route::DutyOpen(reference)) data-back { (w.t("cancel")) }
                }
            }
            aside { (templates(shell, reply, reply_templates(reply.language))) (original(shell, reply)) }
        }
    }
}

fn original(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
    html! {
        section class="panel" aria-labelledby="original-h" {
            h2 id="original-h" { (w.t("original")) }
            p { b { (subject(w, &reply.view.row)) } }
            p class="quiet" { (reply.view.row.snippet.clone().unwrap_or_default()) }
            p { a href=(Route::Report(reply.view.row.reference)) { (w.t("original-open")) } }
        }
    }
}

fn leaves(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
    let reference = reply.view.row.reference;
    let fields = [
        ("to", reply.to.as_str()),
        ("subject", &reply.subject),
        ("text", &reply.text),
        ("language", reply.language.tag()),
        ("ask", if reply.ask { "1" } else { "" }),
    ];
    html! {
        div class="narrow stack" {
            div class="note" { (w.rich("reply-goes", &[("to", s(&reply.to))])) }
            dl class="facts" {
                dt { (w.t("letter-from")) } dd { (reply.from) }
                dt { (w.t("reply-to-label")) } dd { b { (reply.to) } }
                dt { (w.t("subject")) } dd { (reply.subject) }
            }
            div class="letter" lang=(reply.language.tag()) { (reply.text) }
            @if reply.ask { p class="meta" { (w.t("reply-waits")) } }
            form method="post" action=(Route::ReportAct(reference, ReportAct::Reply)) {
                (shell.token())
                @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                p class="row" {
                    button class="btn first" type="submit" name="step" value="send" { (w.t("reply-send")) }
                    button class="btn" type="submit" name="step" value="edit" { (w.t("reply-edit")) }
                }
            }
        }
    }
}

async fn base(web: &Web, visitor: &Visitor, reference: &str) -> Result<(Shell, Reply), Problem> {
    let (reference, _) = leave(web, visitor, reference).await?;
    let (shell, view) = web.look(visitor, Nav::Duty, |lens| lens.report(reference)).await?;
    let view = view.ok_or_else(Problem::not_found)?;
    let suggested = web.engine().reply_draft(reference, "");
    let language = suggested.as_ref().map_or(Language::Nl, |d| d.language);
    let reply = Reply {
        from: web.engine().address().unwrap_or_default(),
        to: suggested.as_ref().map(|d| d.to.clone()).unwrap_or_default(),
        subject: suggested.map_or_else(|| format!("[{reference}]"), |d| d.subject),
        text: String::new(),
        language,
        ask: false,
        template: String::new(),
        preview: false,
        mistakes: Vec::new(),
        view,
    };
    Ok((shell, reply))
}

/// `GET /melding/M-…/antwoord`.
pub(crate) async fn ask(
    State(web): State<Web>,
    visitor: Visitor,
    Path(reference): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    visitor.acts()?;
    let (shell, mut reply) = base(&web, &visitor, &reference).await?;
    reply.ask = query.contains_key("vraag");
    let phone = web.engine().read(|desk| desk.front().phone).await?;
    let list = reply_templates(reply.language);
    if let Some(template) = query.get("sjabloon").and_then(|id| list.iter().find(|t| t.id == *id)) {
        let row = &reply.view.row;
        let number = row.reference.to_string();
        let values = [
            ("name", row.from_name.as_deref()),
            ("reference", Some(number.as_str())),
            ("board", row.board.as_deref()),
            ("phone", phone.as_deref()),
        ];
        reply.text = fill(&template.text, reply.language, &values).trim().to_owned();
        reply.subject = fill(&template.subject, reply.language, &values);
        reply.template.clone_from(&template.id);
    }
    Ok(respond(page(&shell, &reply)))
}

/// `POST /melding/M-…/antwoord`: look at it, change it again, or send it.
pub(crate) async fn send(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["to", "subject", "text", "language", "ask", "step"])?;
    let (shell, base) = base(&web, &visitor, &reference).await?;
    let mut reply = Reply {
        to: fields.get("to").to_owned(),
        subject: fields.get("subject").to_owned(),
        text: fields.raw("text").replace("\r\n", "\n").trim().to_owned(),
        language: Language::from_tag(fields.get("language")).unwrap_or(base.language),
        ask: fields.ticked("ask"),
        ..base
    };
    let length = |text: &str, most: usize| (1..=most).contains(&text.chars().count());
    let checks = [
        ("to", "mailbox", is_mailbox(&reply.to)),
        ("subject", "length", length(&reply.subject, SUBJECT_CHARS_MAX)),
        ("text", "length", length(&reply.text, TEXT_CHARS_MAX)),
    ];
    reply.mistakes = checks.iter().filter(|(_, _, ok)| !ok).map(|(id, why, _)| mistake(shell.w, id, why)).collect();
    if !reply.mistakes.is_empty() {
        return Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, page(&shell, &reply)));
    }
    match fields.get("step") {
        "preview" => Ok(respond(page(&shell, &Reply { preview: true, ..reply }))),
        "edit" => Ok(respond(page(&shell, &reply))),
        "send" => leave_house(&web, &visitor, &reply).await,
        _ => Err(Problem::of(Wrong::Forged)),
    }
}

async fn leave_house(web: &Web, visitor: &Visitor, reply: &Reply) -> Result<Response, Problem> {
    let reference: Reference = reply.view.row.reference;
    let (_, leave) = leave(web, visitor, &reference.to_string()).await?;
    let answered = web.engine().reply_draft(reference, &reply.text).map(|d| d.in_reply_to).unwrap_or_default();
    let draft = web.engine().draft(&reply.to, &reply.subject, &reply.text, reply.language, answered);
    let command = intake::Command::Reply { report: leave, draft, ask: reply.ask };
    web.engine().submit(Actor::Person(visitor.viewer.account), Command::Intake(command)).await?;
    Ok(done(&Route::DutyOpen(reference), "queued", Some(reference), None))
}
