//! First run: can this desk take a report tonight? One form, guarded by the one-time code; then the checks, with their proof.

use crate::Web;
use crate::app::{page_with, see_other};
use crate::pages::sign_in::{begin, language_cookie};
use crate::pages::test_mail;
use crate::parts::{Icon, Input, Mistake, error_summary, field, icon, mistake_of};
use crate::problem::{Problem, language_of};
use crate::routes::Route;
use crate::shell::{Mail, Nav, Sheet, Shell, Title};
use crate::throttle::Asker;
use crate::visitor::{Door, Fields, Sent, Stranger, Visitor, says_its_origin};
use crate::words::{Words, n, s, words};
use crate::{password, secret, when};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use desk::accounts::{self, Person, Preferences, Role};
use desk::command::{Actor, Command, Outcome};
use desk::house::{Configured, Language};
use desk::ids::{AccountId, Reference, TEAM, Timestamp};
use desk::outbox::NoticeView;
use desk::view::RestoreRow;
use maud::{Markup, html};
use std::collections::HashMap;
use tokio::sync::Mutex;

/// What was typed, and what was wrong with it.
#[derive(Clone, Debug, Default)]
pub struct FirstRun {
    /// The one-time code.
    pub code: String,
    /// The team's public name.
    pub organisation: String,
    /// The one address.
    pub address: String,
    /// Phone number of the public page.
    pub phone: String,
    /// Languages of the public page.
    pub languages: Vec<Language>,
    /// Name of the first person.
    pub name: String,
    /// What this person types to sign in.
    pub login: String,
    /// What was wrong.
    pub mistakes: Vec<Mistake>,
}

/// The form.
pub fn page(w: &'static Words, view: &FirstRun) -> Markup {
    let title = w.t("first-run");
    let sheet =
        Sheet { w, demo: false, languages: vec![Language::Nl, Language::En], path: Route::FirstRun.to_string() };
    let text = |id: &str, value: &str, hint: Option<&str>, kind: &str, autocomplete: Option<&str>, required: bool| {
        let input = Input { kind, value, hint, autocomplete, required, ..Input::default() };
        field(id, &w.of("first-run", id), input, &view.mistakes)
    };
    let languages_bad = mistake_of(&view.mistakes, "language-nl");
    sheet.page(
        Title { text: &title, mistaken: !view.mistakes.is_empty() },
        html! {
            div class="answer" { h1 class="said" { (title) } p { (w.t("first-run-lead")) } }
            div class="narrow" {
                (error_summary(w, &view.mistakes))
                form method="post" action=(Route::FirstRun) {
                    (text("code", &view.code, Some(&w.t("first-run-code-hint")), "text", None, true))
                    (text("organisation", &view.organisation, Some(&w.t("first-run-organisation-hint")), "text", Some("organization"), true))
                    (text("address", &view.address, Some(&w.t("first-run-address-hint")), "email", Some("off"), true))
                    (text("phone", &view.phone, Some(&w.t("first-run-phone-hint")), "tel", Some("off"), false))
                    fieldset class={ "field" @if languages_bad.is_some() { " bad" } } {
                        legend { (w.t("first-run-languages")) }
                        span class="hint" { (w.t("first-run-languages-hint")) }
                        @if let Some(mistake) = languages_bad { span class="err" { (icon(Icon::Warning)) (mistake.words) } }
                        @for language in Language::ALL {
                            label class="pick" {
                                input type="checkbox" name="language" id={ "language-" (language.tag()) } value=(language.tag()) checked[view.languages.contains(&language)];
                                (w.of("language-name", language.tag()))
                            }
                        }
                    }
                    h2 class="after" { (w.t("first-run-you")) }
                    (text("name", &view.name, Some(&w.t("first-run-name-hint")), "text", Some("name"), true))
                    (text("login", &view.login, Some(&w.t("first-run-login-hint")), "text", Some("username"), true))
                    (text("password", "", Some(&w.f("password-hint", &[("n", n(password::PASSWORD_CHARS_MIN))])), "password", Some("new-password"), true))
                    button class="btn first big" type="submit" { (w.t("first-run-do")) }
                }
            }
        },
        None,
    )
}

/// A mistake with the words of its reason.
pub(crate) fn mistake(w: &Words, id: &str, why: &str) -> Mistake {
    mistake_because(w, id, &w.of("why", why))
}

/// A new password that is too short or too long, with the bounds.
pub(crate) fn password_mistake(w: &Words, id: &str) -> Mistake {
    let bounds = [("min", n(password::PASSWORD_CHARS_MIN)), ("max", n(password::PASSWORD_CHARS_MAX))];
    Mistake { field: id.to_owned(), ..mistake_because(w, "password", &w.f("why-password", &bounds)) }
}

fn mistake_because(w: &Words, id: &str, why: &str) -> Mistake {
    let field = w.of("field", id);
    let mut words = w.f("mistake", &[("field", s(&field)), ("why", s(why))]);
    if let Some(first) = words.get(..1).map(str::to_uppercase) {
        words.replace_range(..1, &first);
    }
    Mistake { field: id.to_owned(), words }
}

/// Whether a text looks like one mailbox that may stand in a link: nothing in it would begin another part of an address.
pub(crate) fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |t: &str| {
        !t.is_empty()
            && t.len() <= 200
            && !t.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;\"@?&%#".contains(c))
    };
    plain(local) && plain(domain)
}

/// Whether a text is a phone number as people write it.
pub(crate) fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (6..=15).contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || " +./-()".contains(c))
}

/// Mistakes of a new password.
pub(crate) fn password_ok(text: &str) -> bool {
    (password::PASSWORD_CHARS_MIN..=password::PASSWORD_CHARS_MAX).contains(&text.chars().count())
}

fn read(fields: &Fields, w: &Words, code: &str) -> FirstRun {
    let mut view = FirstRun {
        code: fields.get("code").to_owned(),
        organisation: fields.get("organisation").to_owned(),
        address: fields.get("address").to_owned(),
        phone: fields.get("phone").to_owned(),
        languages: fields.all("language").filter_map(Language::from_tag).collect(),
        name: fields.get("name").to_owned(),
        login: fields.get("login").to_lowercase(),
        mistakes: Vec::new(),
    };
    let name_ok = |t: &str| !t.is_empty() && t.chars().count() <= accounts::NAME_CHARS_MAX;
    let login_signs = view.login.chars().any(|c| c.is_whitespace() || c.is_control());
    let checks = [
        ("code", "unknown", secret::same(view.code.trim().as_bytes(), code.as_bytes())),
        ("organisation", "length", name_ok(&view.organisation)),
        ("address", "mailbox", is_mailbox(&view.address)),
        ("phone", "phone", view.phone.is_empty() || is_phone(&view.phone)),
        ("language-nl", "choose", !view.languages.is_empty()),
        ("name", "length", name_ok(&view.name)),
        ("login", "length", name_ok(&view.login)),
        ("login", "signs", !login_signs),
    ];
    view.mistakes = checks.iter().filter(|(_, _, ok)| !ok).map(|(id, why, _)| mistake(w, id, why)).collect();
    if !password_ok(fields.raw("password")) {
        view.mistakes.push(password_mistake(w, "password"));
    }
    view
}

/// `GET /first-run`.
pub(crate) async fn ask(
    State(web): State<Web>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if web.engine().read(|desk| desk.front().configured).await? || web.first_run_code().is_none() {
        return Ok(see_other(&Route::Home.to_string()));
    }
    let chosen = query.get("taal").and_then(|t| Language::from_tag(t));
    let language = chosen.unwrap_or_else(|| language_of(&headers));
    let address = web.engine().address().unwrap_or_default();
    let view = FirstRun { address, languages: vec![Language::Nl], ..FirstRun::default() };
    let mut response = says_its_origin(page_with(StatusCode::OK, page(words(language), &view)));
    if let Some(language) = chosen {
        response.headers_mut().append(header::SET_COOKIE, language_cookie(language));
    }
    Ok(response)
}

/// Two people who press at once: the second finds it done.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// `POST /first-run`.
pub(crate) async fn answer(
    State(web): State<Web>,
    door: Door,
    headers: HeaderMap,
    Stranger(fields): Stranger,
) -> Result<Response, Problem> {
    let known = ["code", "organisation", "address", "phone", "language", "name", "login", "password"];
    let fields = fields.only(&known)?;
    let code = web.first_run_code().ok_or_else(Problem::not_found)?;
    let _alone = ONE_AT_A_TIME.lock().await;
    if web.engine().read(|desk| desk.front().configured).await? {
        return Ok(see_other(&Route::Home.to_string()));
    }
    let language = language_of(&headers);
    let attempt = web.throttle().begin(&Asker::Newcomer(door.address), web.engine().now());
    let attempt = attempt.map_err(|_wait| Problem::of(crate::problem::Kind::TooMany))?;
    let view = read(&fields, words(language), code);
    if mistake_of(&view.mistakes, "code").is_none() {
        web.throttle().right(attempt);
    }
    if !view.mistakes.is_empty() {
        return Ok(says_its_origin(page_with(StatusCode::UNPROCESSABLE_ENTITY, page(words(language), &view))));
    }
    let account = first_account(&web, &view, fields.raw("password").to_owned(), language).await?;
    let configured = Configured {
        organisation: view.organisation,
        address: view.address,
        phone: Some(view.phone).filter(|p| !p.is_empty()),
        languages: view.languages,
        demo: false,
    };
    web.engine().submit(Actor::Person(account), Command::Configure(configured)).await?;
    begin(&web, account, door, &headers, &Route::Checks.to_string()).await
}

async fn first_account(web: &Web, view: &FirstRun, typed: String, language: Language) -> Result<AccountId, Problem> {
    // Made before a crash in the middle of the first run: it is the same person who tries again.
    if let Some(account) = web.engine().read(|desk| desk.first_account()).await? {
        return Ok(account);
    }
    let person = Person { login: view.login.clone(), name: view.name.clone(), password: password::hash(typed).await? };
    let preferences = Preferences { language, ..Preferences::default() };
    let create = accounts::Command::Create { leave: None, organisation: TEAM, role: Role::Admin, preferences, person };
    match web.engine().submit(Actor::Rule, Command::Accounts(create)).await?.outcome {
        Outcome::Account(account) => Ok(account),
        _ => Err(Problem::of(crate::problem::Kind::Unforeseen)),
    }
}

/// What the checks look at.
#[derive(Clone, Debug)]
pub struct Checks {
    /// The one address.
    pub address: String,
    /// Facts in the journal, and when the last was recorded.
    pub journal: (u64, Option<Timestamp>),
    /// When the last mail came in.
    pub mail_in: Option<Timestamp>,
    /// People who may sign in.
    pub people: usize,
    /// The number that a town in trouble calls.
    pub phone: Option<String>,
    /// How mail leaves.
    pub mail_out: Mail,
    /// The test mail that was just asked for, as it stands now.
    pub test_mail: Option<NoticeView>,
    /// Whether the reader may ask for one.
    pub may_test: bool,
    /// Where it is to go, as typed.
    pub test_to: String,
    /// The last backup that was restored as a test.
    pub restored: Option<RestoreRow>,
    /// Whether the reader may say that one was.
    pub admin: bool,
    /// What was wrong with what was said.
    pub mistakes: Vec<Mistake>,
}

/// The page with the checks.
pub fn checks_page(shell: &Shell, view: &Checks) -> Markup {
    let w = shell.w;
    let title = w.t("checks");
    // Somebody is on duty: whoever reads this.
    let mail = [view.mail_in.is_some(), view.mail_out == Mail::Well];
    let good = [true, view.phone.is_some(), view.journal.0 > 0, mail[0], mail[1], view.restored.is_some()];
    let good = good.into_iter().filter(|good| *good).count();
    let check = |good: Option<bool>, key: &str, proof: Markup| {
        let (class, shape) = match good {
            Some(true) => ("up", Icon::Tick),
            Some(false) => ("lim", Icon::Warning),
            None => ("unk", Icon::Unknown),
        };
        html! { li { span class=(class) { (icon(shape)) } div { b { @if good == Some(true) { (w.of("check", key)) } @else { (w.of("check-open", key)) } } p { (proof) } } } }
    };
    shell.page(
        title.as_str(),
        html! {
            div class="head" { div { h1 { (title) } p { (w.f("checks-lead", &[("n", n(good))])) } } }
            ol class="checks narrow" {
                (check(Some(true), "account", html! { (w.f("check-account-proof", &[("n", n(view.people)), ("name", s(&shell.person))])) }))
                (check(Some(view.phone.is_some()), "phone", match &view.phone {
                    Some(phone) => html! { (w.f("check-phone-proof", &[("phone", s(phone))])) },
                    None => html! { (w.t("check-phone-todo")) " " a href=(Route::Settings) { (w.t("check-phone-do")) } },
                }))
                (check(Some(view.journal.0 > 0), "storage", html! {
                    (w.f("check-storage-proof", &[("n", n(view.journal.0 as usize))]))
                    @if let Some(at) = view.journal.1 { " " (when::time_exact(w, at)) "." }
                }))
                (check(view.mail_in.map(|_| true), "mail-in", match view.mail_in {
                    Some(at) => html! { (w.t("check-mail-in-proof")) " " (when::time(w, at)) "." },
                    None => html! { (w.f("check-mail-in-todo", &[("address", s(&view.address))])) },
                }))
                (check(Some(view.mail_out == Mail::Well), "mail-out", match &view.mail_out {
                    Mail::Well => html! { (w.t("check-mail-out-proof")) },
                    Mail::NoWay { .. } => html! { (w.t("check-mail-out-todo")) },
                    Mail::Failing { since, .. } => html! { (w.f("check-mail-out-failing", &[("since", s(&w.moment(*since)))])) },
                }))
                (check(view.restored.as_ref().map(|_| true), "backup", html! {
                    @match &view.restored {
                        Some(test) => { (w.f("check-backup-proof", &[("name", s(&shell.who(&test.who))), ("backup", s(&test.backup)), ("made", s(&w.moment(test.made_at)))])) " " (when::time(w, test.at)) }
                        None => { (w.t("check-backup-todo")) " " code { "bolwerk backup --data DIR --out FILE --recipient age1…" } " " (w.t("check-backup-then")) " " code { "bolwerk restore FILE --keys FILE.keys --identity KEY --data NEW" } }
                    }
                }))
            }
            (test_mail::section(shell, view))
            @if view.admin { (restore_form(shell, view)) }
            p class="row after" {
                a class="btn first" href=(Route::Public) { (w.t("checks-test")) }
                a class="btn" href=(Route::Duty) { (w.t("checks-duty")) }
            }
        },
    )
}

fn restore_form(shell: &Shell, view: &Checks) -> Markup {
    let w = shell.w;
    html! {
        form class="desk narrow after" method="post" action=(Route::Checks) {
            (shell.token())
            (field("backup", &w.t("restore-backup"), Input { required: true, ..Input::default() }, &view.mistakes))
            (field("made-at", &w.t("restore-made-at"), Input { hint: Some(&w.t("restore-made-at-hint")), required: true, ..Input::default() }, &view.mistakes))
            button class="btn" type="submit" { (w.t("restore-say")) }
        }
    }
}

/// `POST /first-run/nazicht`: a backup was restored as a test.
pub(crate) async fn restored(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    let fields = fields.only(&["backup", "made-at"])?;
    let leave = web.engine().read(|desk| desk.seen_by(visitor.viewer).admin()).await?.ok_or_else(Problem::not_found)?;
    let made_at = crate::when::typed(fields.get("made-at"), visitor.now);
    let (at, why) = match made_at {
        None => ("made-at", "time"),
        Some(made_at) => {
            let command = Command::TestRestore { leave, backup: fields.get("backup").to_owned(), made_at };
            match web.engine().submit(Actor::Person(visitor.viewer.account), command).await {
                Ok(made) => return Ok(crate::app::done(&Route::Checks, "restored", None, made.seq)),
                Err(engine::Fault::Refused(desk::command::Refusal::Invalid { field, why })) => (field, why),
                Err(other) => return Err(other.into()),
            }
        }
    };
    let (shell, mut view) = look(&web, &visitor, None).await?;
    view.mistakes = vec![mistake(shell.w, at, why)];
    Ok(crate::app::again(StatusCode::UNPROCESSABLE_ENTITY, &checks_page(&shell, &view), &visitor, &fields))
}

/// `GET /first-run/nazicht`.
pub(crate) async fn checks(
    State(web): State<Web>,
    visitor: Visitor,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let (shell, view) = look(&web, &visitor, test_mail::asked(&query)).await?;
    let part = query.get("deel").filter(|part| *part == test_mail::PART);
    Ok(crate::app::page(if part.is_some() { test_mail::result(&shell, &view) } else { checks_page(&shell, &view) }))
}

/// What the checks see; of the test mail whose report is named, how it stands.
pub(crate) async fn look(web: &Web, visitor: &Visitor, tested: Option<Reference>) -> Result<(Shell, Checks), Problem> {
    let (shell, (house, people, recent, mail_in, restored, admin, (test_mail, may_test))) = web
        .look(visitor, Nav::Settings, |lens| {
            let people = lens.people().iter().filter(|p| !p.disabled).count();
            let restored = lens.restore_tests().into_iter().next();
            let mail_in = crate::pages::reports::last_mail_in(lens);
            let test = tested
                .and_then(|reference| lens.report(reference))
                .and_then(|report| report.notices.into_iter().last());
            let may_test = lens.is_team();
            (lens.house(), people, lens.recent(1), mail_in, restored, lens.admin().is_some(), (test, may_test))
        })
        .await?;
    let newest = recent.first();
    let view = Checks {
        address: house.address,
        phone: house.phone,
        journal: (newest.and_then(|r| r.seq).map_or(0, |seq| seq + 1), newest.map(|r| r.at)),
        mail_in,
        people,
        mail_out: shell.mail.clone(),
        test_mail,
        may_test: may_test && shell.may_act() && visitor.acts().is_ok(),
        test_to: String::new(),
        restored,
        admin,
        mistakes: Vec::new(),
    };
    Ok((shell, view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_and_numbers_are_told_from_junk() {
        assert!(is_mailbox("cyberresponse@vlaanderen.example"));
        for wrong in
            ["", "a", "a@", "@b", "a@b@c", "a b@c", "<a@b>", "a@b\r\nBcc: c@d", "a@b?bcc=c", "a%b@c", "a@b#c", "a&b@c"]
        {
            assert!(!is_mailbox(wrong), "{wrong}");
        }
        assert!(is_phone("0470 00 00 00") && is_phone("+32 (2) 000.00.00"));
        assert!(!is_phone("O470 00 00 00") && !is_phone("12") && !is_phone(""));
    }
}
