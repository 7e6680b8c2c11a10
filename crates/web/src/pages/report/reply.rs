//! An answer: written, then shown exactly as it leaves and to whom, then sent.

use super::acts::leave;
use crate::Web;
use crate::app::{again, done, page as respond};
use crate::pages::first_run::mistake;
use crate::pages::public::is_mailbox;
use crate::pages::rows::{from_whom, headline};
use crate::pages::templates::{LANGUAGES, offered};
use crate::parts::{Input, Mistake, error_summary, field, tlp};
use crate::problem::{Kind as Wrong, Problem};
use crate::routes::{IncidentAct, ReportAct, Route, query};
use crate::shell::{Nav, Shell, Title};
use crate::visitor::{Fields, Sent, Visitor};
use crate::words::{Words, s};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::{Actor, Command};
use desk::house::Language;
use desk::ids::Reference;
use desk::incidents::{self, IncidentView};
use desk::intake::{self, ReportView};
use desk::outbox::{SUBJECT_CHARS_MAX, TEXT_CHARS_MAX};
use engine::{ReplyTemplate, fill, with_reference};
use maud::{Markup, html};
use std::collections::HashMap;

/// What a mail is about.
#[derive(Clone, Debug)]
pub enum About {
    /// A message that is answered.
    Report(Box<ReportView>),
    /// An incident, to whoever takes part.
    Incident(Box<IncidentView>),
}

impl About {
    fn reference(&self) -> Reference {
        match self {
            About::Report(view) => view.row.reference,
            About::Incident(view) => view.row.reference,
        }
    }

    fn page(&self) -> Route {
        match self {
            About::Report(view) => Route::Report(view.row.reference),
            About::Incident(view) => Route::Incident(view.row.reference),
        }
    }

    /// Where the form is sent.
    fn action(&self) -> Route {
        match self {
            About::Report(view) => Route::ReportAct(view.row.reference, ReportAct::Reply),
            About::Incident(view) => Route::IncidentAct(view.row.reference, IncidentAct::Write),
        }
    }

    /// Where one goes on afterwards.
    fn back(&self) -> Route {
        match self {
            About::Report(view) => Route::DutyOpen(view.row.reference),
            About::Incident(view) => Route::Incident(view.row.reference),
        }
    }

    fn subject(&self, w: &Words) -> String {
        match self {
            About::Report(view) => headline(w, &view.row),
            About::Incident(view) => view.row.title.clone().unwrap_or_else(|| w.t("erased")),
        }
    }

    /// Whoever it goes to, in words.
    fn who(&self, w: &Words) -> String {
        match self {
            About::Report(view) => from_whom(w, &view.row),
            About::Incident(view) => view.row.reference.to_string(),
        }
    }

    /// Addresses that take part, the newest first.
    fn addresses(&self) -> Vec<&str> {
        match self {
            About::Report(_) => Vec::new(),
            About::Incident(view) => view.addresses(),
        }
    }
}

/// An answer on its way.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What it is about.
    pub about: About,
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
    /// Templates to choose from, in that language.
    pub templates: Vec<ReplyTemplate>,
    /// What was wrong.
    pub mistakes: Vec<Mistake>,
}

impl Reply {
    /// Nothing is written yet.
    fn blank(web: &Web, about: About, to: String, subject: String, language: Language) -> Reply {
        Reply {
            about,
            from: web.engine().address().unwrap_or_default(),
            to,
            subject,
            text: String::new(),
            language,
            ask: false,
            template: String::new(),
            preview: false,
            templates: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    /// Whether it goes to somebody who takes no part in the incident's conversation yet.
    fn is_new(&self) -> bool {
        matches!(self.about, About::Incident(_))
            && !self.about.addresses().iter().any(|a| a.eq_ignore_ascii_case(self.to.trim()))
    }
}

/// The page: the form, or what leaves.
pub fn page(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
    let key = match reply.about {
        _ if reply.preview => "reply-preview",
        About::Report(_) => "reply-title",
        About::Incident(_) => "write-title",
    };
    let who = if reply.preview { reply.to.clone() } else { reply.about.who(w) };
    let title = w.f(key, &[("who", s(&who))]);
    shell.page(
        Title { text: &title, mistaken: !reply.mistakes.is_empty() },
        html! {
            div class="head" {
                div {
                    h1 { (title) }
                    p class="row" { a class="ref" href=(reply.about.page()) { (reply.about.reference()) } (reply.about.subject(w)) }
                }
            }
            (error_summary(w, &reply.mistakes))
            @if reply.preview { (leaves(shell, reply)) } @else { (form(shell, reply)) }
        },
    )
}

fn templates(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
    let address = reply.about.action();
    let ask = if reply.ask { "&vraag=1" } else { "" };
    let more = match reply.about {
        About::Incident(_) => format!("{ask}&aan={}", query(&reply.to)),
        About::Report(_) => ask.to_owned(),
    };
    html! {
        section class="panel" aria-labelledby="templates-h" {
            h2 id="templates-h" { (w.t("templates")) span class="row" { @for language in LANGUAGES { a href={ (address) "?taal=" (language.tag()) (more) } aria-current=[(language == reply.language).then_some("true")] { (w.of("language-name", language.tag())) } } } }
            ul class="plain stack" {
                @for template in &reply.templates {
                    li { a href={ (address) "?sjabloon=" (template.id) "&taal=" (reply.language.tag()) (more) } aria-current=[(template.id == reply.template).then_some("true")] { (template.title) } }
                }
            }
        }
    }
}

fn form(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
    let reference = reply.about.reference();
    let draft = format!("antwoord {reference} {}", reply.template);
    html! {
        div class="split" {
            form method="post" action=(reply.about.action()) class="desk" {
                (shell.token())
                input type="hidden" name="language" value=(reply.language.tag());
                (field("to", &w.t("reply-to-label"), Input { kind: "email", value: &reply.to, hint: Some(&w.t("reply-to-hint")), required: true, ..Input::default() }, &reply.mistakes))
                (field("subject", &w.t("subject"), Input { value: &reply.subject, required: true, length_max: Some(SUBJECT_CHARS_MAX), ..Input::default() }, &reply.mistakes))
                (field("text", &w.t("text"), Input { kind: "textarea", value: &reply.text, required: true, focus: reply.mistakes.is_empty(), draft: Some(&draft), length_max: Some(TEXT_CHARS_MAX), ..Input::default() }, &reply.mistakes))
                @if let About::Report(_) = reply.about { div class="field" { label class="pick" { input type="checkbox" name="ask" value="1" checked[reply.ask]; (w.t("reply-ask")) } } }
                p class="row" {
                    button class="btn first" type="submit" name="step" value="preview" { (w.t("reply-look")) }
                    a class="btn plain" href=(reply.about.back()) data-back { (w.t("cancel")) }
                }
            }
            aside { (templates(shell, reply)) (original(shell, reply)) }
        }
    }
}

fn original(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
    let view = match &reply.about {
        About::Report(view) => view,
        About::Incident(_) => return takes_part(shell, reply),
    };
    html! {
        section class="panel" aria-labelledby="original-h" {
            h2 id="original-h" { (w.t("original")) }
            @if view.row.via.is_mail() { p { b { (headline(w, &view.row)) } } }
            p class="quiet" { (view.row.snippet.clone().unwrap_or_default()) }
            p { a href=(Route::Report(view.row.reference)) { (w.t("original-open")) } }
        }
    }
}

/// Whoever takes part in an incident's conversation: one press writes to that address.
fn takes_part(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
    let action = reply.about.action();
    html! {
        section class="panel" aria-labelledby="part-h" {
            h2 id="part-h" { (w.t("takes-part")) }
            ul class="plain stack" {
                @for address in reply.about.addresses() {
                    li { a href={ (action) "?aan=" (query(address)) @if !reply.template.is_empty() { "&sjabloon=" (reply.template) } } aria-current=[(address == reply.to).then_some("true")] { (address) } }
                }
            }
        }
    }
}

fn leaves(shell: &Shell, reply: &Reply) -> Markup {
    let w = shell.w;
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
            @if reply.is_new() { div class="note lim" { (w.t("write-new")) } }
            dl class="facts" {
                dt { (w.t("letter-from")) } dd { (reply.from) }
                dt { (w.t("reply-to-label")) } dd { b { (reply.to) } }
                dt { (w.t("subject")) } dd { (reply.subject) }
                @if let About::Incident(view) = &reply.about { dt { "TLP" } dd { (tlp(view.row.tlp)) } }
            }
            div class="letter" lang=(reply.language.tag()) { (reply.text) }
            @if reply.ask { p class="meta" { (w.t("reply-waits")) } }
            form method="post" action=(reply.about.action()) {
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
    let to = suggested.as_ref().map(|d| d.to.clone()).unwrap_or_default();
    let subject = suggested.map_or_else(|| format!("[{reference}]"), |d| d.subject);
    let reply = Reply::blank(web, About::Report(Box::new(view)), to, subject, language);
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
    let (shell, reply) = base(&web, &visitor, &reference).await?;
    asked(&web, &visitor, &shell, reply, &query).await
}

/// The form, with the template that was chosen.
async fn asked(
    web: &Web,
    visitor: &Visitor,
    shell: &Shell,
    mut reply: Reply,
    query: &HashMap<String, String>,
) -> Result<Response, Problem> {
    reply.ask = query.contains_key("vraag");
    let phone = web.engine().read(|desk| desk.front().phone).await?;
    if let Some(language) = query.get("taal").and_then(|tag| Language::from_tag(tag)) {
        reply.language = language;
    }
    let own = web.engine().read(|desk| desk.seen_by(visitor.viewer).templates()).await?;
    reply.templates = offered(&own, reply.language);
    let chosen = query.get("sjabloon").and_then(|id| reply.templates.iter().find(|t| t.id == *id)).cloned();
    if let Some(template) = chosen {
        let number = reply.about.reference().to_string();
        let (name, board) = match &reply.about {
            About::Report(view) => {
                (view.row.from_name.as_deref(), view.row.board.as_deref().filter(|_| !view.row.board_from_text))
            }
            About::Incident(view) => (None, view.boards.first().map(|b| b.name.as_str())),
        };
        let values =
            [("name", name), ("reference", Some(number.as_str())), ("board", board), ("phone", phone.as_deref())];
        reply.text = fill(&template.text, reply.language, &values).trim().to_owned();
        reply.subject = fill(&template.subject, reply.language, &values);
        reply.template.clone_from(&template.id);
    }
    Ok(respond(page(shell, &reply)))
}

/// `POST /melding/M-…/antwoord`: look at it, change it again, or send it.
pub(crate) async fn send(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let (shell, base) = base(&web, &visitor, &reference).await?;
    step(&web, &visitor, &shell, base, fields).await
}

/// Looked at, changed again, or sent.
async fn step(web: &Web, visitor: &Visitor, shell: &Shell, base: Reply, fields: Fields) -> Result<Response, Problem> {
    let fields = fields.only(&["to", "subject", "text", "language", "ask", "step"])?;
    let language = Language::from_tag(fields.get("language")).unwrap_or(base.language);
    let own = web.engine().read(|desk| desk.seen_by(visitor.viewer).templates()).await?;
    let mut reply = Reply {
        templates: offered(&own, language),
        to: fields.get("to").to_owned(),
        subject: fields.get("subject").to_owned(),
        text: fields.raw("text").replace("\r\n", "\n").trim().to_owned(),
        language,
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
        return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &page(shell, &reply), visitor, &fields));
    }
    reply.subject = with_reference(&reply.subject, reply.about.reference());
    match fields.get("step") {
        "preview" => Ok(respond(page(shell, &Reply { preview: true, ..reply }))),
        "edit" => Ok(respond(page(shell, &reply))),
        "send" => leave_house(web, visitor, &reply).await,
        _ => Err(Problem::of(Wrong::Forged)),
    }
}

async fn leave_house(web: &Web, visitor: &Visitor, reply: &Reply) -> Result<Response, Problem> {
    let reference: Reference = reply.about.reference();
    let engine = web.engine();
    let answers = match &reply.about {
        About::Report(_) => engine.reply_draft(reference, &reply.text).map(|d| d.in_reply_to).unwrap_or_default(),
        About::Incident(view) => engine.continued(view, &reply.to),
    };
    let draft = engine.draft(&reply.to, &reply.subject, &reply.text, reply.language, answers);
    let command = match &reply.about {
        About::Report(_) => {
            let (_, report) = leave(web, visitor, &reference.to_string()).await?;
            Command::Intake(intake::Command::Reply { report, draft, ask: reply.ask })
        }
        About::Incident(view) => {
            let incident = view.leave.ok_or_else(Problem::not_found)?;
            Command::Incidents(incidents::Command::Reply { incident, draft })
        }
    };
    engine.submit(Actor::Person(visitor.viewer.account), command).await?;
    Ok(done(&reply.about.back(), "queued", Some(reference), None))
}

async fn incident_base(web: &Web, visitor: &Visitor, reference: &str) -> Result<(Shell, Reply), Problem> {
    let reference: Reference = reference.parse().map_err(|_| Problem::not_found())?;
    let (shell, view) = web.look(visitor, Nav::Incidents, |lens| lens.incident(reference)).await?;
    let view = view.filter(|v| v.leave.is_some()).ok_or_else(Problem::not_found)?;
    let title = view.row.title.clone().unwrap_or_default();
    let about = About::Incident(Box::new(view));
    let to = about.addresses().first().map(|a| (*a).to_owned()).unwrap_or_default();
    let subject = format!("[{reference}] {title}").trim().to_owned();
    let reply = Reply::blank(web, about, to, subject, Language::Nl);
    Ok((shell, reply))
}

/// `GET /incident/I-…/mail`: a mail to whoever takes part.
pub(crate) async fn write(
    State(web): State<Web>,
    visitor: Visitor,
    Path(reference): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    visitor.acts()?;
    let (shell, mut reply) = incident_base(&web, &visitor, &reference).await?;
    if let Some(to) = query.get("aan") {
        reply.to.clone_from(to);
    }
    asked(&web, &visitor, &shell, reply, &query).await
}

/// `POST /incident/I-…/mail`: look at it, change it again, or send it.
pub(crate) async fn send_written(
    State(web): State<Web>,
    Path(reference): Path<String>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let (shell, base) = incident_base(&web, &visitor, &reference).await?;
    step(&web, &visitor, &shell, base, fields).await
}
