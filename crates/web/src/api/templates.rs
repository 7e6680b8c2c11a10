//! Replies that are written often.

use super::door::Call;
use super::input::{Json, json};
use super::problem::Wrong;
use super::retention::leave;
use super::schema::Moment;
use super::wire::{Done, NewTemplate, Template, Templates};
use crate::pages::templates::LANGUAGES;
use axum::extract::Path;
use axum::response::Response;
use desk::command::Command;
use desk::ids::TemplateId;
use engine::reply_templates;

pub(super) async fn list(call: Call) -> Result<Response, Wrong> {
    let own = call.look(|_, lens| lens.is_team().then(|| lens.templates())).await?.ok_or_else(Wrong::not_found)?;
    let own = own.into_iter().map(|row| Template {
        id: row.id.0.to_string(),
        shipped: false,
        language: row.template.language,
        title: row.template.title,
        subject: row.template.subject,
        text: row.template.text,
        set_at: Some(Moment(row.at)),
        set_by: Some(row.who.into()),
    });
    let shipped =
        LANGUAGES.into_iter().flat_map(|language| reply_templates(language).iter().map(move |t| (language, t)));
    let shipped = shipped.map(|(language, template)| Template {
        id: template.id.clone(),
        shipped: true,
        language,
        title: template.title.clone(),
        subject: template.subject.clone(),
        text: template.text.clone(),
        set_at: None,
        set_by: None,
    });
    Ok(json(&Templates { rows: own.chain(shipped).collect() }))
}

pub(super) async fn set(call: Call, Json(new): Json<NewTemplate>) -> Result<Response, Wrong> {
    let leave = leave(&call).await?;
    if !LANGUAGES.contains(&new.language) {
        return Err(Wrong::field("language", "unknown", "language: nl or en."));
    }
    let template = new.id.as_deref().map(id).transpose()?;
    let said =
        desk::templates::Template { language: new.language, title: new.title, subject: new.subject, text: new.text };
    act(&call, Command::SetTemplate { leave, template, said }).await
}

pub(super) async fn withdraw(call: Call, Path(which): Path<String>) -> Result<Response, Wrong> {
    let leave = leave(&call).await?;
    act(&call, Command::WithdrawTemplate { leave, template: id(&which)? }).await
}

/// Those that ship are not there to be changed.
fn id(text: &str) -> Result<TemplateId, Wrong> {
    text.parse().map(TemplateId).map_err(|_| Wrong::not_found())
}

async fn act(call: &Call, command: Command) -> Result<Response, Wrong> {
    let done = call.submit(command).await?;
    Ok(json(&Done { reference: None, at: Moment(done.at), undo: call.ticket(&done) }))
}
