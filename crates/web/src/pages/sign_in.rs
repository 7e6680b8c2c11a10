//! Sign in: quickly and alone. No hint whether an account exists.

use crate::Web;
use crate::app::{page_with, see_other};
use crate::device;
use crate::parts::{Input, Mistake, error_summary, field};
use crate::password::{self, Typist};
use crate::problem::{LANGUAGE_COOKIE, Problem, language_of};
use crate::routes::Route;
use crate::secret;
use crate::shell::{Sheet, Title};
use crate::throttle::Asker;
use crate::visitor::{
    Door, Fields, Sent, Stranger, Visitor, ended_cookie, says_its_origin, session_cookie, session_token,
};
use crate::words::{Words, s, words};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use desk::accounts::{self, Origin};
use desk::command::{Actor, Command};
use desk::house::Language;
use desk::ids::AccountId;
use maud::{Markup, html};
use std::collections::HashMap;

/// Longest User-Agent that is kept, characters.
const AGENT_CHARS_MAX: usize = 200;
/// Who finds too many waiting comes back after so long, seconds.
const BUSY_SECONDS: i64 = 5;

/// What the page knows.
pub struct SignIn {
    /// What was typed.
    pub login: String,
    /// Login and password do not go together.
    pub wrong: bool,
    /// Too many tries: seconds until the next.
    pub wait_seconds: i64,
    /// Where to go afterwards.
    pub onward: String,
    /// Number of the duty officer, for who cannot get in.
    pub phone: Option<String>,
}

/// The page.
pub fn page(w: &'static Words, demo: bool, view: &SignIn) -> Markup {
    let mut mistakes = Vec::new();
    if view.wrong {
        mistakes.push(Mistake { field: "login".to_owned(), words: w.t("sign-in-wrong") });
    }
    if view.wait_seconds > 0 {
        let span = w.span(view.wait_seconds.max(60));
        mistakes.push(Mistake { field: "login".to_owned(), words: w.f("sign-in-wait", &[("span", s(&span))]) });
    }
    let title = w.t("sign-in");
    let sheet = Sheet { w, demo, languages: vec![Language::Nl, Language::En], path: Route::SignIn.to_string() };
    sheet.page(
        Title { text: &title, mistaken: !mistakes.is_empty() },
        html! {
            div class="one-door" {
                h1 { (title) }
                (error_summary(w, &mistakes))
                form method="post" action=(Route::SignIn) {
                    input type="hidden" name="verder" value=(view.onward);
                    (field("login", &w.t("login"), Input { value: &view.login, autocomplete: Some("username"), required: true, focus: mistakes.is_empty(), ..Input::default() }, &[]))
                    (field("password", &w.t("password"), Input { kind: "password", autocomplete: Some("current-password"), required: true, ..Input::default() }, &[]))
                    button class="btn first big" type="submit" { (w.t("sign-in-do")) }
                }
                p class="quiet nextline" {
                    @match &view.phone {
                        Some(phone) => { (w.f("sign-in-help-phone", &[("phone", s(phone))])) }
                        None => { (w.t("sign-in-help")) }
                    }
                    " " a href=(Route::Public) { (w.t("sign-in-public")) }
                }
            }
        },
        None,
    )
}

/// Only a path of this desk is gone on to. Browsers take tabs and line ends out of an address and turn `\` into `/`, so that
/// `/<TAB>/host` would be another site: nothing but visible ASCII with one `/` in front.
fn own_path(path: &str) -> &str {
    let visible = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if visible && path.starts_with('/') && !path.starts_with("//") { path } else { "" }
}

/// `GET /`: first run, the desk, or the public form.
pub(crate) async fn home(State(web): State<Web>, door: Door, headers: HeaderMap) -> Result<Response, Problem> {
    let (token, now) = (session_token(&headers, door), web.engine().now());
    let seen =
        web.engine().read(|desk| (desk.front().configured, token.is_some_and(|t| desk.session(&t, now).is_some())));
    let to = match seen.await? {
        (false, _) => Route::FirstRun,
        (true, true) => Route::Duty,
        (true, false) => Route::Public,
    };
    Ok(see_other(&to.to_string()))
}

/// `GET /aanmelden`.
pub(crate) async fn ask(
    State(web): State<Web>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let chosen = query.get("taal").and_then(|t| Language::from_tag(t));
    let view = SignIn {
        login: String::new(),
        wrong: false,
        wait_seconds: 0,
        onward: own_path(query.get("verder").map_or("", String::as_str)).to_owned(),
        phone: web.engine().read(|desk| desk.front().phone).await?,
    };
    let mut response = show(&web, chosen.unwrap_or_else(|| language_of(&headers)), view, StatusCode::OK).await?;
    if let Some(language) = chosen {
        response.headers_mut().append(header::SET_COOKIE, language_cookie(language));
    }
    Ok(response)
}

/// Remembers the language of somebody who is not signed in.
pub(crate) fn language_cookie(language: Language) -> HeaderValue {
    HeaderValue::from_str(&format!("{LANGUAGE_COOKIE}={}; Path=/; SameSite=Lax; Max-Age=31536000", language.tag()))
        .expect("a language tag is two letters")
}

async fn show(web: &Web, language: Language, view: SignIn, status: StatusCode) -> Result<Response, Problem> {
    let demo = web.engine().read(|desk| desk.front().demo).await?;
    Ok(says_its_origin(page_with(status, page(words(language), demo, &view))))
}

/// `POST /aanmelden`.
pub(crate) async fn answer(
    State(web): State<Web>,
    door: Door,
    headers: HeaderMap,
    Stranger(fields): Stranger,
) -> Result<Response, Problem> {
    let fields = fields.only(&["login", "password", "verder"])?;
    let (login, typed) = (fields.get("login").to_owned(), fields.raw("password").to_owned());
    let onward = own_path(fields.get("verder")).to_owned();
    let phone = web.engine().read(|desk| desk.front().phone).await?;
    let again =
        |wrong, wait_seconds| SignIn { login: login.clone(), wrong, wait_seconds, onward: onward.clone(), phone };
    let language = language_of(&headers);
    let device = device::known(&web, &headers, door, &login);
    let typist = if device.is_some() { Typist::Known } else { Typist::Stranger };
    let asker = device.map_or_else(|| Asker::Stranger(login.clone(), door.address), Asker::Device);
    let attempt = match web.throttle().begin(&asker, web.engine().now()) {
        Ok(attempt) => attempt,
        Err(wait) => return show(&web, language, again(false, wait), StatusCode::TOO_MANY_REQUESTS).await,
    };
    let known = web.engine().read(|desk| desk.credentials(&login).map(|(id, hash)| (id, hash.to_owned()))).await?;
    let (account, stored) = known.unzip();
    let too_long = typed.chars().count() > password::PASSWORD_CHARS_MAX;
    let typed = if too_long { String::new() } else { typed };
    let Ok(right) = password::matches(typist, typed, stored).await else {
        web.throttle().unused(attempt);
        return show(&web, language, again(false, BUSY_SECONDS), StatusCode::TOO_MANY_REQUESTS).await;
    };
    match account.filter(|_| right) {
        Some(account) => {
            web.throttle().right(attempt);
            let to = if onward.is_empty() { Route::Duty.to_string() } else { onward };
            let mut response = begin(&web, account, door, &headers, &to).await?;
            let remembered = device::remembered(&web, &headers, door, &login);
            response.headers_mut().append(header::SET_COOKIE, remembered);
            Ok(response)
        }
        None => show(&web, language, again(true, 0), StatusCode::UNPROCESSABLE_ENTITY).await,
    }
}

/// Begins a session: the secret goes to the browser, its hash into the journal.
pub(crate) async fn begin(
    web: &Web,
    account: AccountId,
    door: Door,
    headers: &HeaderMap,
    to: &str,
) -> Result<Response, Problem> {
    let (secret, token) = secret::new_secret();
    let agent = headers.get(header::USER_AGENT).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let agent = agent.unwrap_or_default().chars().take(AGENT_CHARS_MAX).collect();
    let origin = Origin { address: door.address.to_string(), agent };
    let command = Command::Accounts(accounts::Command::SignIn { account, token, origin });
    web.engine().submit(Actor::Person(account), command).await?;
    let mut response = see_other(to);
    response.headers_mut().append(header::SET_COOKIE, session_cookie(&secret, door));
    Ok(response)
}

/// `GET /demo?code=…`: one click, from this machine only.
pub(crate) async fn demo(
    State(web): State<Web>,
    door: Door,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let code = web.demo_code().ok_or_else(Problem::not_found)?;
    let given = query.get("code").map_or("", String::as_str);
    if !door.local || !secret::same(code.as_bytes(), given.as_bytes()) {
        return Err(Problem::not_found());
    }
    let account = web.engine().read(|desk| desk.first_account()).await?.ok_or_else(Problem::not_found)?;
    begin(&web, account, door, &headers, &Route::Duty.to_string()).await
}

/// `POST /afmelden`.
pub(crate) async fn out(State(web): State<Web>, door: Door, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    Fields::only(fields, &[])?;
    end(&web, &visitor, visitor.session).await?;
    let mut response = see_other(&Route::SignIn.to_string());
    response.headers_mut().append(header::SET_COOKIE, ended_cookie(door));
    // Drafts of this person must not greet the next one at this machine.
    let clear = HeaderName::from_static("clear-site-data");
    response.headers_mut().insert(clear, HeaderValue::from_static("\"storage\""));
    Ok(response)
}

/// Ends a session of this person.
pub(crate) async fn end(web: &Web, visitor: &Visitor, session: desk::ids::SessionId) -> Result<(), Problem> {
    let own = web.engine().read(|desk| desk.seen_by(visitor.viewer).own()).await?;
    let command = Command::Accounts(accounts::Command::SignOut(own, session));
    web.engine().submit(Actor::Person(visitor.viewer.account), command).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn signing_in_leads_nowhere_else() {
        assert_eq!(own_path("/incident/I-7KQ4-92XD?x=1"), "/incident/I-7KQ4-92XD?x=1");
        // Percent signs stay as they are: `%0d%0aX` is a path of ours that is not there.
        assert_eq!(own_path("/%0d%0aX"), "/%0d%0aX");
        let foreign = [
            "//x",
            "///x",
            "https://x",
            "/\\x",
            "\\/x",
            "/\t/x",
            "/\n/x",
            "\t//x",
            " //x",
            "/a\r\nb",
            "/a b",
            "/é",
            "x",
            "",
        ];
        for path in foreign {
            assert_eq!(own_path(path), "", "{path:?}");
        }
    }
}
