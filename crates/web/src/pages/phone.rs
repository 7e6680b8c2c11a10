//! A call, typed while somebody talks: what to ask next, and what to read aloud.

use crate::Web;
use crate::app::{again, done, page as respond};
use crate::pages::public::{first_hour, is_mailbox};
use crate::parts::{Input, Mistake, error_summary, field, mistake_of, select};
use crate::problem::{Kind as Wrong, Problem};
use crate::routes::Route;
use crate::secret;
use crate::shell::{Nav, Shell, Title};
use crate::visitor::{Fields, Sent, Visitor};
use crate::when;
use crate::words::{Words, n};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use desk::command::Actor;
use desk::house::Language;
use desk::ids::Timestamp;
use desk::intake::{Kind, Via};
use engine::FormReport;
use maud::{Markup, html};

/// Longest short field, characters.
const LINE_CHARS_MAX: usize = 200;
/// Longest account of what happens, characters.
const WHAT_CHARS_MAX: usize = 20_000;
/// Questions that go on from "what happens".
const QUESTIONS: usize = 6;
/// How far ahead of our clock a caller's may be, seconds.
const AHEAD_SECONDS_MAX: i64 = 300;

/// Fields of the form.
const FIELDS: [&str; 13] =
    ["once", "phone", "name", "board", "hit_now", "day", "month", "year", "time", "what", "email", "kind", "language"];

/// What the page shows.
#[derive(Debug, Default)]
pub struct Phone {
    /// What was typed.
    pub typed: Fields,
    /// Names of the boards of today.
    pub boards: Vec<String>,
    /// What is wrong with it.
    pub mistakes: Vec<Mistake>,
}

/// The page.
pub fn page(shell: &Shell, view: &Phone) -> Markup {
    let w = shell.w;
    let title = w.t("phone-title");
    shell.page(
        Title { text: &title, mistaken: !view.mistakes.is_empty() },
        html! {
            div class="head" { div { h1 { (title) } p { (w.t("phone-lead")) } } }
            (error_summary(w, &view.mistakes))
            div class="two call-sheet" {
                (form(shell, view))
                aside aria-labelledby="aloud" {
                    section class="panel" aria-labelledby="ask" {
                        h2 id="ask" { (w.t("phone-ask")) }
                        ol class="asks" { @for number in 1..=QUESTIONS { li { (w.of("phone-ask", &number.to_string())) } } }
                    }
                    section class="panel" aria-labelledby="aloud" {
                        h2 id="aloud" { (w.t("phone-aloud")) }
                        @for language in languages(w.language) {
                            details class="more" open[language == w.language] {
                                summary { span lang=(language.tag()) { (w.of("language-name", language.tag())) } (crate::parts::icon(crate::parts::Icon::Turn)) }
                                div class="in-more" { (first_hour(language, &format!("hour-{}", language.tag()))) }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// The reader's language first: callers mostly speak it.
fn languages(first: Language) -> impl Iterator<Item = Language> {
    std::iter::once(first).chain(Language::ALL.into_iter().filter(move |l| *l != first))
}

fn form(shell: &Shell, view: &Phone) -> Markup {
    let (w, typed, wrong) = (shell.w, &view.typed, view.mistakes.as_slice());
    let mut kinds = vec![(String::new(), w.t("phone-kind-open"))];
    kinds.extend(Kind::ALL.iter().map(|k| (k.key().to_owned(), w.of("kind", k.key()))));
    let spoken: Vec<_> = Language::ALL.iter().map(|l| (l.tag().to_owned(), w.of("language-name", l.tag()))).collect();
    let language = typed.some("language").unwrap_or("nl");
    let text = |id: &'static str, kind: &'static str, draft: Option<&'static str>, focus: bool| {
        let (label, hint) = (w.of("phone", id), w.of("phone-say", id));
        field(
            id,
            &label,
            Input { kind, value: typed.get(id), hint: Some(&hint), draft, focus, ..Input::default() },
            wrong,
        )
    };
    html! {
        form method="post" action=(Route::Phone) class="desk" novalidate {
            (shell.token())
            input type="hidden" name="once" value=(typed.get("once"));
            (text("phone", "tel", Some("phone-phone"), wrong.is_empty()))
            (text("name", "text", Some("phone-name"), false))
            (board(w, view))
            div class="field" { label class="pick" { input type="checkbox" name="hit_now" value="1" checked[typed.ticked("hit_now")]; span { b { (w.t("phone-hit")) } span class="meta" { (w.t("phone-say-hit")) } } } }
            (since(shell, view))
            (text("what", "textarea", Some("phone-what"), false))
            (text("email", "email", None, false))
            div class="opts" {
                (select("kind", &w.t("phone-kind"), &kinds, typed.get("kind")))
                (select("language", &w.t("phone-language"), &spoken, language))
            }
            button class="btn first" type="submit" { (w.t("phone-save")) }
        }
    }
}

fn board(w: &Words, view: &Phone) -> Markup {
    let mistake = mistake_of(&view.mistakes, "board");
    html! {
        div class={ "field" @if mistake.is_some() { " bad" } } {
            label for="board" { (w.t("phone-board")) }
            span class="hint" id="board-hint" { (w.t("phone-say-board")) }
            @if let Some(mistake) = mistake { span class="err" id="board-error" { (mistake.words) } }
            input class="in" id="board" name="board" list=[(!view.boards.is_empty()).then_some("boards")] value=(view.typed.get("board")) autocomplete="off" data-draft="phone-board"
                aria-describedby={ "board-hint" @if mistake.is_some() { " board-error" } } aria-invalid=[mistake.map(|_| "true")];
            @if !view.boards.is_empty() { datalist id="boards" { @for name in &view.boards { option value=(name) {} } } }
        }
    }
}

/// Day, month, year and time as text, with the zone written out: native pickers follow the browser's language, not the page's.
fn since(shell: &Shell, view: &Phone) -> Markup {
    let (w, mistake) = (shell.w, mistake_of(&view.mistakes, "day"));
    let part = |id: &str, class: &str| {
        html! {
            div {
                label for=(id) { (w.of("phone-date", id)) }
                input class={ "in " (class) } id=(id) name=(id) inputmode=(if id == "time" { "text" } else { "numeric" }) value=(view.typed.get(id)) autocomplete="off" aria-invalid=[mistake.map(|_| "true")];
            }
        }
    };
    html! {
        fieldset class={ "field" @if mistake.is_some() { " bad" } } aria-describedby="since-hint" {
            legend { (w.t("phone-since")) }
            span class="hint" id="since-hint" { (w.t("phone-say-since")) }
            @if let Some(mistake) = mistake { span class="err" { (crate::parts::icon(crate::parts::Icon::Warning)) (mistake.words) } }
            div class="dates" {
                (part("day", "")) (part("month", "")) (part("year", "y")) (part("time", "y"))
                span class="zone" { (w.zone(shell.now)) }
            }
        }
    }
}

/// When it began: nothing typed is not known; a time alone is today.
fn began(typed: &Fields, now: Timestamp) -> Result<Option<Timestamp>, &'static str> {
    let [day, month, year, time] = ["day", "month", "year", "time"].map(|f| typed.get(f));
    let text = match (day, month, year, time) {
        ("", "", "", "") => return Ok(None),
        ("", "", "", time) => time.to_owned(),
        (day, month, "", time) => format!("{day}/{month} {time}"),
        (day, month, year, time) => format!("{day}/{month}/{year} {time}"),
    };
    let at = when::typed(&text, now).ok_or("phone-err-since")?;
    if at.seconds_since(now) > AHEAD_SECONDS_MAX { Err("phone-err-future") } else { Ok(Some(at)) }
}

/// What is wrong with what was typed, in the order of the fields.
pub fn mistakes(w: &Words, typed: &Fields, since: &Result<Option<Timestamp>, &'static str>) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    let mut add = |field: &str, words: String| wrong.push(Mistake { field: field.to_owned(), words });
    for id in ["phone", "name", "board", "email"] {
        if typed.get(id).chars().count() > LINE_CHARS_MAX {
            add(id, format!("{}: {}", w.of("phone", id), w.f("phone-err-long", &[("n", n(LINE_CHARS_MAX))])));
        }
    }
    if let Err(key) = since {
        add("day", w.t(key));
    }
    if typed.get("what").is_empty() && !typed.ticked("hit_now") {
        add("what", w.t("phone-err-what"));
    }
    if typed.get("what").chars().count() > WHAT_CHARS_MAX {
        add("what", format!("{}: {}", w.t("phone-what"), w.f("phone-err-long", &[("n", n(WHAT_CHARS_MAX))])));
    }
    if typed.some("email").is_some_and(|e| !is_mailbox(e)) {
        add("email", w.t("phone-err-email"));
    }
    wrong
}

async fn show(
    web: &Web,
    visitor: &Visitor,
    mut typed: Fields,
    wrong: impl FnOnce(&Words, &Fields) -> Vec<Mistake>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let today = when::zoned(visitor.now).date().to_string();
    let boards = web.engine().read(|desk| {
        let mut names: Vec<String> = desk.register().on(&today).map(|b| b.name.clone()).collect();
        names.sort_unstable();
        names
    });
    let boards = boards.await?;
    let (shell, _) = web.look(visitor, Nav::Elsewhere, |_| ()).await?;
    if typed.get("once").is_empty() {
        typed.0.push(("once".to_owned(), secret::new_secret().0));
    }
    let mistakes = wrong(shell.w, &typed);
    let view = Phone { typed, boards, mistakes };
    let markup = page(&shell, &view);
    Ok(if status.is_success() { respond(markup) } else { again(status, &markup, visitor, &view.typed) })
}

/// Calls are taken by people on duty of the team: the report that a call becomes is the team's.
fn on_duty(visitor: &Visitor) -> Result<(), Problem> {
    let may = visitor.viewer.is_team() && visitor.viewer.role >= desk::accounts::Role::Duty;
    if may { Ok(()) } else { Err(Problem::not_found()) }
}

/// `GET /telefoon`.
pub(crate) async fn ask(State(web): State<Web>, visitor: Visitor) -> Result<Response, Problem> {
    on_duty(&visitor)?;
    visitor.acts()?;
    show(&web, &visitor, Fields::default(), |_, _| Vec::new(), StatusCode::OK).await
}

/// `POST /telefoon`.
pub(crate) async fn answer(State(web): State<Web>, sent: Sent) -> Result<Response, Problem> {
    let Sent { visitor, fields } = sent;
    on_duty(&visitor)?;
    let typed = fields.only(&FIELDS)?;
    let since = began(&typed, visitor.now);
    let w = crate::words::words(visitor.preferences.language);
    if !mistakes(w, &typed, &since).is_empty() {
        let wrong = |w: &Words, typed: &Fields| mistakes(w, typed, &since);
        return show(&web, &visitor, typed, wrong, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let kind = match typed.some("kind") {
        None => None,
        Some(key) => Some(Kind::from_key(key).ok_or_else(|| Problem::of(Wrong::Forged))?),
    };
    let report = FormReport {
        board: typed.get("board").to_owned(),
        name: typed.get("name").to_owned(),
        email: typed.get("email").to_owned(),
        phone: typed.get("phone").to_owned(),
        what: typed.get("what").replace("\r\n", "\n"),
        hit_now: typed.ticked("hit_now"),
        since: since.ok().flatten(),
        language: Language::from_tag(typed.get("language")).unwrap_or_default(),
        kind,
        files: Vec::new(),
        no_receipt: false,
        idempotency: typed.some("once").map(|once| same_press(once, &typed)),
    };
    let received = web.engine().receive_form(report, Via::Phone, Actor::Person(visitor.viewer.account)).await?;
    Ok(done(&Route::Report(received.reference), "called", Some(received.reference), None))
}

/// Pressed twice it is one report; anything changed in between makes it another.
fn same_press(once: &str, typed: &Fields) -> String {
    let parts: Vec<&str> = FIELDS.iter().map(|f| typed.get(f)).collect();
    secret::hash(&format!("{once}\0{}", parts.join("\0"))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thursday 15 December 2022, 03:12 in Brussels.
    const NOW: Timestamp = Timestamp::from_seconds(1_671_070_320);

    fn read(day: &str, month: &str, year: &str, time: &str) -> Result<Option<String>, &'static str> {
        let fields = [("day", day), ("month", month), ("year", year), ("time", time)];
        let fields = Fields(fields.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec());
        let w = crate::words::words(Language::Nl);
        began(&fields, NOW).map(|at| at.map(|at| w.moment(at)))
    }

    #[test]
    fn the_beginning_is_read_from_four_text_fields() {
        assert_eq!(read("", "", "", ""), Ok(None));
        assert_eq!(read("", "", "", "2u30").unwrap().unwrap(), "do 15 dec 2022, 02:30 CET");
        assert_eq!(read("3", "4", "2022", "14:00").unwrap().unwrap(), "zo 3 apr 2022, 14:00 CEST");
        assert_eq!(read("14", "12", "", "22:10").unwrap().unwrap(), "wo 14 dec 2022, 22:10 CET");
        for wrong in [
            ("31", "2", "2022", "1:00"),
            ("14", "", "", "1:00"),
            ("", "", "2022", ""),
            ("a", "b", "c", "d"),
            ("1", "2", "3", "25:00"),
        ] {
            assert_eq!(read(wrong.0, wrong.1, wrong.2, wrong.3), Err("phone-err-since"), "{wrong:?}");
        }
        assert_eq!(read("16", "12", "2022", "1:00"), Err("phone-err-future"));
    }
}
