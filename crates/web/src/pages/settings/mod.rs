//! Settings of one's own, and who can do what. Every change is a fact.

mod people;

pub(crate) use people::{add_organisation, person};

use crate::Web;
use crate::app::{again, done, page as respond};
use crate::pages::first_run::{is_mailbox, is_phone, mistake, password_mistake, password_ok};
use crate::pages::sign_in;
use crate::parts::{Icon, Input, Mistake, error_summary, field, icon, mistake_of, select};
use crate::password::{self, Typist};
use crate::problem::{Kind, Problem};
use crate::routes::{Route, SettingsAct};
use crate::shell::{Nav, Shell, Title};
use crate::throttle::Asker;
use crate::visitor::{Fields, Sent, Visitor};
use crate::words::{n, s};
use crate::{secret, when};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use desk::accounts::{self, PersonRow, Preferences, Role, SessionRow, Theme};
use desk::command::{Actor, Command};
use desk::house::{Configured, Language};
use desk::ids::{AccountId, SessionId, Timestamp, TokenId};
use desk::view::{HouseView, OrganisationRow};
use maud::{Markup, html};

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How I want the pages.
    pub preferences: Preferences,
    /// Who reads.
    pub me: AccountId,
    /// The session of this page.
    pub session: SessionId,
    /// What I sign in with.
    pub login: String,
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
    /// A secret that is shown this once: key of its words, and the secret.
    pub once: Option<(&'static str, String)>,
}

pub(super) fn role_key(role: Role) -> &'static str {
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
                    (password_form(shell, view))
                    (people::list(shell, view))
                    @if view.admin { (people::add_form(shell, view)) (people::organisation_form(shell, view)) (house(shell, view)) p class="after-s" { a href=(Route::Checks) { (w.t("checks")) } } }
                    p class="after-s" { a href=(Route::Templates) { (w.t("templates")) } }
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

/// One's own password: whoever finds an open session does not know the old one.
fn password_form(shell: &Shell, view: &Settings) -> Markup {
    let w = shell.w;
    let secret = |id: &str, label: &str, hint: Option<&str>, autocomplete: &str| {
        let input =
            Input { kind: "password", hint, autocomplete: Some(autocomplete), required: true, ..Input::default() };
        field(id, label, input, &view.mistakes)
    };
    let open = ["current", "fresh"].iter().any(|f| mistake_of(&view.mistakes, f).is_some());
    html! {
        details class="more" open[open] {
            summary { (w.t("password-change")) (icon(Icon::Turn)) }
            form method="post" action=(Route::SettingsAct(SettingsAct::Password)) class="desk narrow in-more" {
                (shell.token())
                // For the browser's own store of passwords; what comes back in it is not looked at.
                input type="hidden" name="own-login" value=(view.login) autocomplete="username";
                (secret("current", &w.t("password-current"), None, "current-password"))
                (secret("fresh", &w.t("password-fresh"), Some(&w.f("password-hint", &[("n", n(password::PASSWORD_CHARS_MIN))])), "new-password"))
                button class="btn" type="submit" { (w.t("password-change-do")) }
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
            summary { (w.t("settings-house")) (icon(Icon::Turn)) }
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

/// Marks of browsers and of systems in the name that a browser gives itself; the first that is met counts.
const BROWSERS: [(&str, &str); 5] =
    [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// A browser as its user knows it: `Firefox, Windows`. Another one by the name that it gives itself.
fn browser(agent: &str) -> String {
    let met =
        |marks: &[(&str, &'static str)]| marks.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (met(&BROWSERS), met(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        _ => agent.to_owned(),
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
                        @if let Some(origin) = &row.origin { p class="meta" title=(origin.agent) { (origin.address) " · " (browser(&origin.agent)) } }
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
            @if !view.tokens.is_empty() { ul class="talk" {
                @for (token, label, since) in &view.tokens {
                    li {
                        p { b { (label) } }
                        p class="meta" { (w.t("since")) " " (when::time(w, *since)) }
                        (shell.act(&Route::SettingsAct(SettingsAct::Token), &[("revoke", &token.0.to_string())], &html! { button class="link" type="submit" { (w.t("token-end")) } }))
                    }
                }
            } }
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
        me: visitor.viewer.account,
        session: visitor.session,
        login: lens.own_login().unwrap_or_default().to_owned(),
        sessions: lens.sessions(visitor.clock),
        tokens: lens.tokens(),
        people: lens.people(),
        organisations: lens.organisations(),
        house: lens.house(),
        admin: lens.admin().is_some(),
        mistakes: Vec::new(),
        once: None,
    })
    .await
}

/// `GET /instellingen`.
pub(crate) async fn show(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    let (shell, settings) = view(&web, &visitor).await?;
    Ok(respond(page(&shell, &settings)))
}

pub(super) async fn mistaken(
    web: &Web,
    visitor: &Visitor,
    mistakes: Vec<Mistake>,
    fields: &Fields,
) -> Result<Response, Problem> {
    let (shell, settings) = view(web, visitor).await?;
    let settings = Settings { mistakes, ..settings };
    Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &page(&shell, &settings), visitor, fields))
}

pub(super) async fn shown_once(
    web: &Web,
    visitor: &Visitor,
    key: &'static str,
    secret: String,
) -> Result<Response, Problem> {
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

/// `POST /instellingen/wachtwoord`: one's own.
pub(crate) async fn change_password(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["own-login", "current", "fresh"])?;
    let w = crate::words::words(visitor.preferences.language);
    let me = visitor.viewer.account;
    let attempt = web.throttle().begin(&Asker::Account(me), visitor.now);
    let attempt = attempt.map_err(|_wait| Problem::of(Kind::TooMany))?;
    let stored = web.engine().read(|desk| desk.seen_by(visitor.viewer).own_password().map(str::to_owned)).await?;
    let Ok(right) = password::matches(Typist::Known, fields.raw("current").to_owned(), stored).await else {
        web.throttle().unused(attempt);
        return Err(Problem::of(Kind::TooMany));
    };
    if !right {
        let wrong = Mistake { field: "current".to_owned(), words: w.t("sign-in-wrong") };
        return mistaken(&web, &visitor, vec![wrong], &fields).await;
    }
    web.throttle().right(attempt);
    if !password_ok(fields.raw("fresh")) {
        let short = password_mistake(w, "fresh");
        return mistaken(&web, &visitor, vec![short], &fields).await;
    }
    let hash = password::hash(fields.raw("fresh").to_owned()).await?;
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).own()).await?;
    let command = accounts::Command::SetPassword { leave, account: me, password: hash, keep: Some(visitor.session) };
    web.engine().submit(Actor::Person(me), Command::Accounts(command)).await?;
    Ok(done(&Route::Settings, "password-set", None, None))
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
        return mistaken(&web, &visitor, vec![mistake(w, "label", "empty")], &fields).await;
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
        Err(mistakes) => mistaken(&web, &visitor, mistakes, &fields).await,
        Ok(configured) => {
            web.engine().submit(Actor::Person(visitor.viewer.account), Command::Configure(configured)).await?;
            Ok(done(&Route::Settings, "house", None, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_named_as_its_user_knows_it() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome, Linux");
        assert_eq!(browser(&chrome.replace("X11; Linux", "Linux; Android 13")), "Chrome, Android");
        assert_eq!(browser("Mozilla/5.0 (Windows NT 10.0; rv:120.0) Gecko/20100101 Firefox/120.0"), "Firefox, Windows");
        assert_eq!(browser("curl/8.0"), "curl/8.0");
    }
}
