//! People and organisations of the desk: who can do what, since when.

use super::{Settings, mistaken, role_key, shown_once};
use crate::Web;
use crate::app::done;
use crate::pages::first_run::{mistake, password_ok};
use crate::parts::{Icon, Input, Mistake, field, icon, mistake_of, or_erased, select};
use crate::problem::{Kind, Problem};
use crate::routes::{Route, SettingsAct};
use crate::shell::Shell;
use crate::visitor::{Fields, Sent, Visitor};
use crate::words::Words;
use crate::{password, secret};
use axum::extract::State;
use axum::response::Response;
use desk::accounts::{self, Names, Person, PersonRow, Preferences, Role};
use desk::command::{Actor, Command};
use desk::ids::{AccountId, OrganisationId, TEAM};
use maud::{Markup, html};

pub(super) fn list(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    html! {
        section class="panel" {
            h2 { (w.t("people")) span { (w.number(view.people.len())) } }
            table class="tbl stack" {
                thead { tr { th scope="col" { (w.t("name")) } th scope="col" { (w.t("organisation")) } th scope="col" { (w.t("rights")) } } }
                tbody {
                    @for person in &view.people {
                        tr {
                            th scope="row" { (or_erased(w, person.name.as_deref())) }
                            td data-l=(w.t("organisation")) { (person.organisation) }
                            td data-l=(w.t("rights")) {
                                div class="row wide" { @if person.disabled { span class="quiet" { (w.t("disabled")) } } @else { span { (w.of("role", role_key(person.role))) } } (manage(shell, view, person)) }
                                (change_form(shell, view, person))
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn add_form(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    let organisations: Vec<_> = view.organisations.iter().map(|o| (o.id.0.to_string(), o.name.clone())).collect();
    html! {
        details class="more" open[["name", "login", "role", "organisation"].iter().any(|f| mistake_of(&view.mistakes, f).is_some())] {
            summary { (w.t("person-add")) (icon(Icon::Turn)) }
            form method="post" action=(Route::SettingsAct(SettingsAct::Person)) class="desk narrow in-more" {
                (shell.token())
                (field("name", &w.t("name"), Input { required: true, ..Input::default() }, &view.mistakes))
                (field("login", &w.t("login"), Input { required: true, ..Input::default() }, &view.mistakes))
                (select("role", &w.t("rights"), &roles(w), "duty"))
                (select("organisation", &w.t("organisation"), &organisations, "0"))
                p class="meta" { (w.t("person-add-hint")) }
                button class="btn" type="submit" { (w.t("person-add-do")) }
            }
        }
    }
}

/// A new password, or the end of the account: for whoever manages accounts.
fn manage(shell: &Shell, view: &Settings, person: &PersonRow) -> Markup {
    let w = shell.w;
    let act = |what: &str, words: String| {
        let account = person.account.0.to_string();
        let button = html! { button class="link meta" type="submit" { (words) } };
        shell.act(&Route::SettingsAct(SettingsAct::Person), &[("account", &account), ("act", what)], &button)
    };
    html! {
        @if view.admin && person.account != view.me {
            @if person.disabled { (act("enable", w.t("person-enable"))) } @else { (act("password", w.t("person-password"))) (act("disable", w.t("person-disable"))) }
        }
    }
}

/// Another name, login or role: for whoever manages accounts.
fn change_form(shell: &Shell, view: &Settings, person: &PersonRow) -> Markup {
    let w = shell.w;
    let account = person.account.0.to_string();
    let (name, login) = (format!("name-{account}"), format!("login-{account}"));
    let Some(signs_in) = person.login.as_deref().filter(|_| view.admin) else { return html! {} };
    let mistaken = mistake_of(&view.mistakes, &name).or(mistake_of(&view.mistakes, &login)).is_some();
    let named = person.name.as_deref().unwrap_or_default();
    html! {
        details class="more" open[mistaken] {
            summary { (w.t("person-change")) (icon(Icon::Turn)) }
            form method="post" action=(Route::SettingsAct(SettingsAct::Person)) class="desk narrow in-more" {
                (shell.token())
                input type="hidden" name="account" value=(account);
                input type="hidden" name="act" value="change";
                (field(&name, &w.t("name"), Input { value: named, required: true, ..Input::default() }, &view.mistakes))
                (field(&login, &w.t("login"), Input { value: signs_in, required: true, ..Input::default() }, &view.mistakes))
                (select(&format!("role-{account}"), &w.t("rights"), &roles(w), role_key(person.role)))
                button class="btn" type="submit" { (w.t("save")) }
            }
        }
    }
}

fn roles(w: &Words) -> Vec<(String, String)> {
    [Role::Reader, Role::Duty, Role::Admin].map(|r| (role_key(r).to_owned(), w.of("role", role_key(r)))).into()
}

fn role_by(key: &str) -> Result<Role, Problem> {
    let found = [Role::Reader, Role::Duty, Role::Admin].into_iter().find(|r| role_key(*r) == key);
    found.ok_or_else(|| Problem::of(Kind::Forged))
}

/// A new organisation that works on this desk, and other names for those that do.
pub(super) fn organisation_form(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    html! {
        @for organisation in view.organisations.iter().filter(|o| o.id != TEAM) {
            @let name = format!("organisation-name-{}", organisation.id.0);
            details class="more" open[mistake_of(&view.mistakes, &name).is_some()] {
                summary { (organisation.name) ": " (w.t("organisation-rename")) (icon(Icon::Turn)) }
                form method="post" action=(Route::SettingsAct(SettingsAct::Organisation)) class="desk narrow in-more" {
                    (shell.token())
                    input type="hidden" name="organisation" value=(organisation.id.0);
                    (field(&name, &w.t("organisation-name"), Input { value: &organisation.name, required: true, ..Input::default() }, &view.mistakes))
                    button class="btn" type="submit" { (w.t("save")) }
                }
            }
        }
        details class="more" open[mistake_of(&view.mistakes, "organisation-name").is_some()] {
            summary { (w.t("organisation-add")) (icon(Icon::Turn)) }
            form method="post" action=(Route::SettingsAct(SettingsAct::Organisation)) class="desk narrow in-more" {
                (shell.token())
                (field("organisation-name", &w.t("organisation-name"), Input { hint: Some(&w.t("organisation-hint")), required: true, ..Input::default() }, &view.mistakes))
                button class="btn" type="submit" { (w.t("person-add-do")) }
            }
        }
    }
}

/// `POST /instellingen/organisatie`.
pub(crate) async fn add_organisation(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let which = fields.get("organisation").to_owned();
    let field = if which.is_empty() { "organisation-name".to_owned() } else { format!("organisation-name-{which}") };
    let fields = fields.only(&["organisation", &field])?;
    let name = fields.get(&field).to_owned();
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).admin()).await?.ok_or_else(Problem::not_found)?;
    let (command, word) = match which.as_str() {
        "" => (Command::AddOrganisation { name }, "organisation-added"),
        which => {
            let organisation = OrganisationId(which.parse().map_err(|_| Problem::not_found())?);
            (Command::RenameOrganisation { leave, organisation, name }, "organisation-renamed")
        }
    };
    match web.engine().submit(Actor::Person(visitor.viewer.account), command).await {
        Ok(_) => Ok(done(&Route::Settings, word, None, None)),
        Err(fault) => match Problem::from(fault) {
            Problem { kind: Kind::Invalid, field: Some((_, why)), .. } => {
                let w = crate::words::words(visitor.preferences.language);
                let wrong = Mistake { field, ..mistake(w, "organisation", why) };
                mistaken(&web, &visitor, vec![wrong], &fields).await
            }
            other => Err(other),
        },
    }
}

/// A password that can be read aloud once: 80 random bits.
fn start_password() -> String {
    const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let signs: Vec<u8> = secret::random::<16>().iter().map(|b| SIGNS[usize::from(b & 31)]).collect();
    signs.chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join("-")
}

/// `POST /instellingen/persoon`: a new colleague, a new password for one, or the end of an account.
pub(crate) async fn person(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let account = fields.get("account").to_owned();
    let own = ["name", "login", "role"].map(|field| format!("{field}-{account}"));
    let known = ["name", "login", "role", "organisation", "account", "act"];
    let known: Vec<&str> = known.into_iter().chain(own.iter().map(String::as_str)).collect();
    let fields = fields.only(&known)?;
    match fields.get("act") {
        "" => add_person(&web, &visitor, &fields).await,
        "change" => change_person(&web, &visitor, &fields, &own).await,
        act => manage_person(&web, &visitor, fields.get("account"), act).await,
    }
}

async fn manage_person(web: &Web, visitor: &Visitor, account: &str, act: &str) -> Result<Response, Problem> {
    let account = AccountId(account.parse().map_err(|_| Problem::not_found())?);
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).admin()).await?.ok_or_else(Problem::not_found)?;
    let actor = Actor::Person(visitor.viewer.account);
    match act {
        "disable" => {
            web.engine().submit(actor, Command::Accounts(accounts::Command::Disable(leave, account))).await?;
            Ok(done(&Route::Settings, "person-disabled", None, None))
        }
        "enable" => {
            web.engine().submit(actor, Command::Accounts(accounts::Command::Enable(leave, account))).await?;
            Ok(done(&Route::Settings, "person-enabled", None, None))
        }
        "password" => {
            let start = start_password();
            let password = password::hash(start.clone()).await?;
            let command = accounts::Command::SetPassword { leave, account, password, keep: None };
            web.engine().submit(actor, Command::Accounts(command)).await?;
            shown_once(web, visitor, "person-password-once", start).await
        }
        _ => Err(Problem::of(Kind::Forged)),
    }
}

async fn change_person(web: &Web, visitor: &Visitor, fields: &Fields, own: &[String; 3]) -> Result<Response, Problem> {
    let [name, login, role] = own.each_ref().map(|field| fields.get(field).to_owned());
    let account = AccountId(fields.get("account").parse().map_err(|_| Problem::not_found())?);
    let role = role_by(&role)?;
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).admin()).await?.ok_or_else(Problem::not_found)?;
    let names = Names { login, name };
    let commands =
        [accounts::Command::Rename { leave, account, names }, accounts::Command::SetRole { leave, account, role }];
    for command in commands {
        let made = web.engine().submit(Actor::Person(visitor.viewer.account), Command::Accounts(command)).await;
        match made.map_err(Problem::from) {
            Ok(_) => {}
            Err(Problem { kind: Kind::Invalid, field: Some((field, why)), .. }) => {
                let w = crate::words::words(visitor.preferences.language);
                // Who would be the last administrator is a matter of the whole list.
                let at = if field == "account" { own[0].clone() } else { format!("{field}-{}", account.0) };
                let wrong = Mistake { field: at, ..mistake(w, field, why) };
                return mistaken(web, visitor, vec![wrong], fields).await;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(done(&Route::Settings, "person-changed", None, None))
}

async fn add_person(web: &Web, visitor: &Visitor, fields: &Fields) -> Result<Response, Problem> {
    let role = role_by(fields.get("role"))?;
    let organisation = OrganisationId(fields.get("organisation").parse().map_err(|_| Problem::of(Kind::Forged))?);
    let admin = web.engine().read(|desk| desk.seen_by(visitor.viewer).admin()).await?;
    let leave = admin.ok_or_else(Problem::not_found)?;
    let start = start_password();
    debug_assert!(password_ok(&start));
    let person = Person {
        login: fields.get("login").to_owned(),
        name: fields.get("name").to_owned(),
        password: password::hash(start.clone()).await?,
    };
    let preferences = Preferences { language: visitor.preferences.language, ..Preferences::default() };
    let create = accounts::Command::Create { leave: Some(leave), organisation, role, preferences, person };
    match web.engine().submit(Actor::Person(visitor.viewer.account), Command::Accounts(create)).await {
        Ok(_) => shown_once(web, visitor, "person-added-once", start).await,
        Err(fault) => match Problem::from(fault) {
            Problem { kind: Kind::Invalid, field: Some((field, why)), .. } => {
                let w = crate::words::words(visitor.preferences.language);
                mistaken(web, visitor, vec![mistake(w, field, why)], fields).await
            }
            other => Err(other),
        },
    }
}
