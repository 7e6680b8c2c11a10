//! Settings of one's own, and who can do what. Every change is a fact.

use crate::Web;
use crate::app::{done, page as respond, page_with};
use crate::pages::first_run::{is_mailbox, is_phone, mistake, password_ok};
use crate::pages::sign_in;
use crate::parts::{Input, Mistake, error_summary, field, or_erased, select};
use crate::problem::{Kind, Problem};
use crate::routes::{Route, SettingsAct};
use crate::shell::{Nav, Shell, Title};
use crate::visitor::{Fields, Sent, Visitor};
use crate::words::s;
use crate::{password, secret, when};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use desk::accounts::{self, Person, PersonRow, Preferences, Role, SessionRow, Theme};
use desk::command::{Actor, Command};
use desk::house::{Configured, Language};
use desk::ids::{OrganisationId, SessionId, Timestamp, TokenId};
use desk::view::{HouseView, OrganisationRow};
use maud::{Markup, html};

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How I want the pages.
    pub preferences: Preferences,
    /// The session of this page.
    pub session: SessionId,
    /// My sessions.
    pub sessions: Vec<SessionRow>,
    /// My tokens.
    pub tokens: Vec<(TokenId, String, Timestamp)>,
    /// Colleagues.
    pub people: Vec<PersonRow>,
    /// Organisations of the desk.
    pub organisations: Vec<OrganisationRow>,
    /// Whose desk it is.
    pub house: HouseView,
    /// The reader manages accounts and the desk.
    pub admin: bool,
    /// Mistakes of the form that was sent.
    pub mistakes: Vec<Mistake>,
    /// What was typed for a new colleague.
    pub typed: (String, String),
    /// A secret that is shown this once: key of its words, and the secret.
    pub once: Option<(&'static str, String)>,
}

fn role_key(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Duty => "duty",
        Role::Admin => "admin",
    }
}

/// The page.
pub fn page(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    let title = w.t("settings");
    shell.page(
        Title { text: &title, mistaken: !view.mistakes.is_empty() },
        html! {
            div class="head" { div { h1 { (title) } p { (w.f("settings-lead", &[("name", s(&shell.person)), ("role", s(&w.of("role", role_key(shell.role))))])) } } }
            (error_summary(w, &view.mistakes))
            @if let Some((key, secret)) = &view.once {
                div class="note up" role="status" { p { (w.t(key)) } p { code id="once" { (secret) } } }
            }
            div class="split" {
                div {
                    (preferences(shell, view))
                    (people(shell, view))
                    @if view.admin { (person_form(shell, view)) (house(shell, view)) }
                }
                aside aria-label=(w.t("settings-access")) { (sessions(shell, view)) (tokens(shell, view)) }
            }
        },
    )
}

fn preferences(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    let languages = [Language::Nl, Language::En];
    let languages = languages.map(|l| (l.tag().to_owned(), w.of("language-name", l.tag())));
    let themes = ["system", "light", "dark"].map(|t| (t.to_owned(), w.of("theme", t)));
    let theme = match view.preferences.theme {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    html! {
        section class="panel" {
            h2 { (w.t("settings-preferences")) }
            form method="post" action=(Route::SettingsAct(SettingsAct::Prefer)) class="desk narrow" {
                (shell.token())
                (select("language", &w.t("language"), &languages, view.preferences.language.tag()))
                (select("theme", &w.t("theme"), &themes, theme))
                div class="field" {
                    label class="pick" { input type="checkbox" name="keys_off" value="1" checked[view.preferences.keys_off]; span { (w.t("keys-off")) span class="meta" { (w.t("keys-off-hint")) } } }
                }
                button class="btn first" type="submit" { (w.t("save")) }
            }
        }
    }
}

fn people(shell: &Shell, view: &Settings) -> Markup {
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
                                @if person.disabled { span class="quiet" { (w.t("disabled")) } } @else { (w.of("role", role_key(person.role))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn person_form(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    let roles = [Role::Reader, Role::Duty, Role::Admin].map(|r| (role_key(r).to_owned(), w.of("role", role_key(r))));
    let organisations: Vec<_> = view.organisations.iter().map(|o| (o.id.0.to_string(), o.name.clone())).collect();
    html! {
        details class="more" open[!view.typed.1.is_empty() || !view.typed.0.is_empty()] {
            summary { (w.t("person-add")) (crate::parts::icon(crate::parts::Icon::Turn)) }
            form method="post" action=(Route::SettingsAct(SettingsAct::Person)) class="desk narrow in-more" {
                (shell.token())
                (field("name", &w.t("name"), Input { value: &view.typed.0, required: true, ..Input::default() }, &view.mistakes))
                (field("login", &w.t("login"), Input { value: &view.typed.1, required: true, ..Input::default() }, &view.mistakes))
                (select("role", &w.t("rights"), &roles, "duty"))
                (select("organisation", &w.t("organisation"), &organisations, "0"))
                p class="meta" { (w.t("person-add-hint")) }
                button class="btn" type="submit" { (w.t("person-add-do")) }
            }
        }
    }
}

fn house(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    let value = |id: &str, label: &str, value: &str, kind: &str| {
        field(id, label, Input { kind, value, ..Input::default() }, &view.mistakes)
    };
    html! {
        details class="more" {
            summary { (w.t("settings-house")) (crate::parts::icon(crate::parts::Icon::Turn)) }
            form method="post" action=(Route::SettingsAct(SettingsAct::House)) class="desk narrow in-more" {
                (shell.token())
                (value("house-organisation", &w.t("first-run-organisation"), &view.house.organisation, "text"))
                (value("house-address", &w.t("first-run-address"), &view.house.address, "email"))
                (value("house-phone", &w.t("first-run-phone"), view.house.phone.as_deref().unwrap_or_default(), "tel"))
                fieldset class="field" {
                    legend { (w.t("first-run-languages")) }
                    @for language in Language::ALL {
                        label class="pick" {
                            input type="checkbox" name="house-language" value=(language.tag()) checked[view.house.languages.contains(&language)];
                            (w.of("language-name", language.tag()))
                        }
                    }
                }
                button class="btn" type="submit" { (w.t("save")) }
            }
        }
    }
}

fn sessions(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    html! {
        section class="panel" {
            h2 { (w.t("sessions")) span { (w.number(view.sessions.len())) } }
            ul class="talk" {
                @for row in &view.sessions {
                    li {
                        p { b { @if row.session == view.session { (w.t("session-this")) } @else { (w.t("session-other")) } } }
                        p class="meta" { (w.t("since")) " " (when::time(w, row.since)) }
                        @if let Some(origin) = &row.origin { p class="meta" { (origin.address) " · " (origin.agent) } }
                        @if row.session != view.session {
                            (shell.act(&Route::SettingsAct(SettingsAct::Session), &[("session", &row.session.0.to_string())], &html! { button class="link" type="submit" { (w.t("session-end")) } }))
                        }
                    }
                }
            }
        }
    }
}

fn tokens(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    html! {
        section class="panel" {
            h2 { (w.t("tokens")) span { (w.number(view.tokens.len())) } }
            @if view.tokens.is_empty() { p class="meta" { (w.t("tokens-none")) } }
            ul class="talk" {
                @for (token, label, since) in &view.tokens {
                    li {
                        p { b { (label) } }
                        p class="meta" { (w.t("since")) " " (when::time(w, *since)) }
                        (shell.act(&Route::SettingsAct(SettingsAct::Token), &[("revoke", &token.0.to_string())], &html! { button class="link" type="submit" { (w.t("token-end")) } }))
                    }
                }
            }
            form method="post" action=(Route::SettingsAct(SettingsAct::Token)) class="desk" {
                (shell.token())
                (field("label", &w.t("token-label"), Input { hint: Some(&w.t("token-hint")), ..Input::default() }, &view.mistakes))
                button class="btn" type="submit" { (w.t("token-make")) }
            }
        }
    }
}

async fn view(web: &Web, visitor: &Visitor) -> Result<(Shell, Settings), Problem> {
    web.look(visitor, Nav::Settings, |lens| Settings {
        preferences: visitor.preferences,
        session: visitor.session,
        sessions: lens.sessions(visitor.now),
        tokens: lens.tokens(),
        people: lens.people(),
        organisations: lens.organisations(),
        house: lens.house(),
        admin: lens.admin().is_some(),
        mistakes: Vec::new(),
        typed: Default::default(),
        once: None,
    })
    .await
}

/// `GET /instellingen`.
pub(crate) async fn show(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    let (shell, settings) = view(&web, &visitor).await?;
    Ok(respond(page(&shell, &settings)))
}

async fn mistaken(
    web: &Web,
    visitor: &Visitor,
    mistakes: Vec<Mistake>,
    typed: (String, String),
) -> Result<Response, Problem> {
    let (shell, settings) = view(web, visitor).await?;
    let settings = Settings { mistakes, typed, ..settings };
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, page(&shell, &settings)))
}

async fn shown_once(web: &Web, visitor: &Visitor, key: &'static str, secret: String) -> Result<Response, Problem> {
    let (shell, settings) = view(web, visitor).await?;
    Ok(respond(page(&shell, &Settings { once: Some((key, secret)), ..settings })))
}

/// `POST /instellingen/voorkeur`.
pub(crate) async fn prefer(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["language", "theme", "keys_off"])?;
    let theme = match fields.get("theme") {
        "light" => Theme::Light,
        "dark" => Theme::Dark,
        _ => Theme::System,
    };
    let language = Language::from_tag(fields.get("language")).filter(|l| matches!(l, Language::Nl | Language::En));
    let language = language.unwrap_or(visitor.preferences.language);
    let preferences = Preferences { language, theme, keys_off: fields.ticked("keys_off") };
    let own = web.engine().read(|desk| desk.seen_by(visitor.viewer).own()).await?;
    let command = Command::Accounts(accounts::Command::Prefer(own, preferences));
    web.engine().submit(Actor::Person(visitor.viewer.account), command).await?;
    let mut response = done(&Route::Settings, "preferred", None, None);
    response.headers_mut().append(axum::http::header::SET_COOKIE, sign_in::language_cookie(language));
    Ok(response)
}

/// `POST /instellingen/sessie`.
pub(crate) async fn end_session(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let session = fields.only(&["session"])?.get("session").parse().map_err(|_| Problem::not_found())?;
    sign_in::end(&web, &visitor, SessionId(session)).await?;
    Ok(done(&Route::Settings, "session-ended", None, None))
}

/// A password that can be read aloud once: 80 random bits.
fn start_password() -> String {
    const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let signs: Vec<u8> = secret::random::<16>().iter().map(|b| SIGNS[usize::from(b & 31)]).collect();
    signs.chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join("-")
}

/// `POST /instellingen/persoon`.
pub(crate) async fn add_person(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["name", "login", "role", "organisation"])?;
    let role = match fields.get("role") {
        "reader" => Role::Reader,
        "duty" => Role::Duty,
        "admin" => Role::Admin,
        _ => return Err(Problem::of(Kind::Forged)),
    };
    let organisation = OrganisationId(fields.get("organisation").parse().map_err(|_| Problem::of(Kind::Forged))?);
    let admin = web.engine().read(|desk| desk.seen_by(visitor.viewer).admin()).await?;
    let leave = admin.ok_or_else(Problem::not_found)?;
    let start = start_password();
    debug_assert!(password_ok(&start));
    let person = Person {
        login: fields.get("login").to_owned(),
        name: fields.get("name").to_owned(),
        password: password::hash(start.clone()).await,
    };
    let preferences = Preferences { language: visitor.preferences.language, ..Preferences::default() };
    let create = accounts::Command::Create { leave: Some(leave), organisation, role, preferences, person };
    match web.engine().submit(Actor::Person(visitor.viewer.account), Command::Accounts(create)).await {
        Ok(_) => shown_once(&web, &visitor, "person-added-once", start).await,
        Err(fault) => match Problem::from(fault) {
            Problem { kind: Kind::Invalid, field: Some((field, why)), .. } => {
                let w = crate::words::words(visitor.preferences.language);
                let typed = (fields.get("name").to_owned(), fields.get("login").to_owned());
                mistaken(&web, &visitor, vec![mistake(w, field, why)], typed).await
            }
            other => Err(other),
        },
    }
}

/// `POST /instellingen/sleutel`: make a token, or end one.
pub(crate) async fn token(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["revoke", "label"])?;
    let account = visitor.viewer.account;
    if let Some(revoke) = fields.some("revoke") {
        let token = TokenId(revoke.parse().map_err(|_| Problem::not_found())?);
        let own = web.engine().read(|desk| desk.seen_by(visitor.viewer).own()).await?;
        let command = Command::Accounts(accounts::Command::RevokeToken(own, token));
        web.engine().submit(Actor::Person(account), command).await?;
        return Ok(done(&Route::Settings, "token-ended", None, None));
    }
    let secret = format!("bolwerk_{}", secret::random::<32>().iter().map(|b| format!("{b:02x}")).collect::<String>());
    let label = fields.get("label").to_owned();
    if label.is_empty() {
        let w = crate::words::words(visitor.preferences.language);
        return mistaken(&web, &visitor, vec![mistake(w, "label", "empty")], Default::default()).await;
    }
    let command = accounts::Command::MakeToken { account, label, secret: secret::hash(&secret) };
    web.engine().submit(Actor::Person(account), Command::Accounts(command)).await?;
    shown_once(&web, &visitor, "token-made-once", secret).await
}

fn house_of(fields: &Fields, w: &crate::words::Words, before: &HouseView) -> Result<Configured, Vec<Mistake>> {
    let (organisation, address, phone) =
        (fields.get("house-organisation"), fields.get("house-address"), fields.get("house-phone"));
    let languages: Vec<Language> = fields.all("house-language").filter_map(Language::from_tag).collect();
    let checks = [
        ("organisation", "empty", !organisation.is_empty()),
        ("address", "mailbox", is_mailbox(address)),
        ("phone", "phone", phone.is_empty() || is_phone(phone)),
        ("language-nl", "choose", !languages.is_empty()),
    ];
    let mistakes: Vec<Mistake> = checks
        .iter()
        .filter(|(_, _, ok)| !ok)
        .map(|(id, why, _)| Mistake { field: format!("house-{id}"), ..mistake(w, id, why) })
        .collect();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let phone = Some(phone.to_owned()).filter(|p| !p.is_empty());
    Ok(Configured { organisation: organisation.into(), address: address.into(), phone, languages, demo: before.demo })
}

/// `POST /instellingen/desk`.
pub(crate) async fn house_set(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["house-organisation", "house-address", "house-phone", "house-language"])?;
    let (admin, before) = web
        .engine()
        .read(|desk| {
            let lens = desk.seen_by(visitor.viewer);
            (lens.admin().is_some(), lens.house())
        })
        .await?;
    if !admin {
        return Err(Problem::not_found());
    }
    match house_of(&fields, crate::words::words(visitor.preferences.language), &before) {
        Err(mistakes) => mistaken(&web, &visitor, mistakes, Default::default()).await,
        Ok(configured) => {
            web.engine().submit(Actor::Person(visitor.viewer.account), Command::Configure(configured)).await?;
            Ok(done(&Route::Settings, "house", None, None))
        }
    }
}
