//! Replies that are written often: those that ship, and the team's own.

use crate::Web;
use crate::app::{again, done, page as respond};
use crate::pages::first_run::mistake;
use crate::parts::{Icon, Input, Mistake, error_summary, field, icon, select};
use crate::problem::Problem;
use crate::routes::Route;
use crate::shell::{Nav, Shell};
use crate::visitor::{Fields, Sent, Visitor};
use crate::when;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::{Actor, Command, Refusal};
use desk::house::Language;
use desk::ids::TemplateId;
use desk::outbox::{SUBJECT_CHARS_MAX, TEXT_CHARS_MAX};
use desk::templates::{Template, TemplateRow};
use engine::{Fault, ReplyTemplate, reply_templates};
use maud::{Markup, html};
use std::collections::HashMap;

/// Languages in which there are templates: those of the pages.
pub(crate) const LANGUAGES: [Language; 2] = [Language::Nl, Language::En];

/// What the page shows.
pub struct View {
    /// The team's own.
    pub own: Vec<TemplateRow>,
    /// The reader writes them.
    pub writes: bool,
    /// What stands in the form: its fields by name.
    pub typed: Fields,
    /// What is wrong with that.
    pub mistakes: Vec<Mistake>,
}

/// The templates to choose from in a language: the team's own before those that ship.
pub(crate) fn offered(own: &[TemplateRow], language: Language) -> Vec<ReplyTemplate> {
    let here = own.iter().filter(|row| row.template.language == language);
    let own = here.map(|row| ReplyTemplate {
        id: row.id.0.to_string(),
        title: row.template.title.clone(),
        subject: row.template.subject.clone(),
        text: row.template.text.clone(),
    });
    own.chain(reply_templates(language).iter().cloned()).collect()
}

/// The page.
pub fn page(shell: &Shell, view: &View) -> Markup {
    let w = shell.w;
    shell.page(
        w.t("templates").as_str(),
        html! {
            div class="head" { div { h1 { (w.t("templates")) } p { (w.t("templates-lead")) } } }
            @if view.writes { (form(shell, view)) }
            @for language in LANGUAGES {
                section class="panel" {
                    h2 { (w.of("language-name", language.tag())) }
                    ul class="plain stack" {
                        @for row in view.own.iter().filter(|row| row.template.language == language) {
                            li {
                                (whole(&row.template.title, &row.template.subject, &row.template.text))
                                p class="meta" { (shell.who(&row.who)) " · " (when::time(w, row.at)) }
                                @if view.writes { (acts(shell, row)) }
                            }
                        }
                        @for template in reply_templates(language) {
                            li {
                                (whole(&template.title, &template.subject, &template.text))
                                p class="meta" {
                                    (w.t("template-shipped"))
                                    @if view.writes { " · " a href={ (Route::Templates) "?van=" (template.id) "&taal=" (language.tag()) } { (w.t("template-copy")) } }
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn whole(title: &str, subject: &str, text: &str) -> Markup {
    html! { details class="more" { summary { (title) (icon(Icon::Turn)) } div class="in-more" { p { b { (subject) } } p class="letter" { (text.trim()) } } } }
}

fn acts(shell: &Shell, row: &TemplateRow) -> Markup {
    let w = shell.w;
    let id = row.id.0.to_string();
    html! {
        div class="row meta" {
            a href={ (Route::Templates) "?wijzig=" (id) } { (w.t("template-change")) }
            (shell.act(&Route::Templates, &[("template", &id), ("act", "withdraw")], &html! { button class="link meta" type="submit" { (w.t("template-withdraw")) } }))
        }
    }
}

fn form(shell: &Shell, view: &View) -> Markup {
    let w = shell.w;
    let languages = LANGUAGES.map(|l| (l.tag().to_owned(), w.of("language-name", l.tag())));
    let (id, value) = (view.typed.get("template"), |name: &str| view.typed.raw(name));
    let begun = !value("text").is_empty() || !view.mistakes.is_empty();
    html! {
        details class="more" id="new-template" open[begun] {
            summary { (if id.is_empty() { w.t("template-new") } else { w.t("template-change") }) (icon(Icon::Turn)) }
            form class="desk in-more narrow" method="post" action=(Route::Templates) {
                (shell.token())
                (error_summary(w, &view.mistakes))
                input type="hidden" name="template" value=(id);
                input type="hidden" name="act" value="set";
                (select("language", &w.t("language"), &languages, value("language")))
                (field("title", &w.t("template-title"), Input { value: value("title"), required: true, ..Input::default() }, &view.mistakes))
                (field("subject", &w.t("subject"), Input { value: value("subject"), required: true, length_max: Some(SUBJECT_CHARS_MAX), ..Input::default() }, &view.mistakes))
                (field("text", &w.t("text"), Input { kind: "textarea", value: value("text"), hint: Some(&w.t("template-hint")), required: true, length_max: Some(TEXT_CHARS_MAX), ..Input::default() }, &view.mistakes))
                button class="btn" type="submit" { (w.t("save")) }
            }
        }
    }
}

/// `GET /sjablonen`; `?wijzig=` puts one of the team's own into the form, `?van=` one that ships.
pub(crate) async fn show(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let (shell, mut view) = look(&web, &visitor).await?;
    let language = query.get("taal").and_then(|tag| Language::from_tag(tag)).unwrap_or(shell.w.language);
    let own = query.get("wijzig").and_then(|id| view.own.iter().find(|row| row.id.0.to_string() == *id));
    let shipped = query.get("van").and_then(|id| reply_templates(language).iter().find(|t| t.id == *id));
    let begun = match (own, shipped) {
        (Some(row), _) => Some((row.id.0.to_string(), row.template.clone())),
        (None, Some(ReplyTemplate { title, subject, text, .. })) => {
            let (title, subject, text) = (title.clone(), subject.clone(), text.trim().to_owned());
            Some((String::new(), Template { language, title, subject, text }))
        }
        (None, None) => None,
    };
    let (id, Template { language, title, subject, text }) = begun.unwrap_or_else(|| {
        (String::new(), Template { language, title: String::new(), subject: String::new(), text: String::new() })
    });
    let fields = [
        ("template", id),
        ("language", language.tag().to_owned()),
        ("title", title),
        ("subject", subject),
        ("text", text),
    ];
    view.typed = Fields(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    Ok(respond(page(&shell, &view)))
}

/// `POST /sjablonen`: an administrator writes one, changes one, or takes one away.
pub(crate) async fn set(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["template", "act", "language", "title", "subject", "text"])?;
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).admin()).await?.ok_or_else(Problem::not_found)?;
    let which = match fields.get("template") {
        "" => None,
        id => Some(TemplateId(id.parse().map_err(|_| Problem::not_found())?)),
    };
    let (command, word) = match (fields.get("act"), which) {
        ("withdraw", Some(template)) => (Command::WithdrawTemplate { leave, template }, "template-withdrawn"),
        _ => {
            let language = Language::from_tag(fields.get("language")).filter(|l| LANGUAGES.contains(l));
            let said = Template {
                language: language.ok_or_else(Problem::not_found)?,
                title: fields.get("title").to_owned(),
                subject: fields.get("subject").to_owned(),
                text: fields.raw("text").replace("\r\n", "\n"),
            };
            (Command::SetTemplate { leave, template: which, said }, "template-set")
        }
    };
    match web.engine().submit(Actor::Person(visitor.viewer.account), command).await {
        Ok(made) => Ok(done(&Route::Templates, word, None, made.seq)),
        Err(Fault::Refused(Refusal::Invalid { field, why })) => {
            let (shell, mut view) = look(&web, &visitor).await?;
            view.mistakes = vec![mistake(shell.w, field, why)];
            view.typed = fields;
            Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &page(&shell, &view), &visitor, &view.typed))
        }
        Err(other) => Err(other.into()),
    }
}

async fn look(web: &Web, visitor: &Visitor) -> Result<(Shell, View), Problem> {
    let seen = |lens: &desk::lens::Lens<'_>| {
        let (own, writes) = (lens.templates(), lens.admin().is_some());
        lens.is_team().then(|| View { own, writes, typed: Fields::default(), mistakes: Vec::new() })
    };
    let (shell, view) = web.look(visitor, Nav::Settings, seen).await?;
    Ok((shell, view.ok_or_else(Problem::not_found)?))
}
