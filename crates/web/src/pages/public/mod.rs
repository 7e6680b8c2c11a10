//! The public page: what do I do now, and who is coming? No account, no script, made for a phone at night.

mod check;
mod crowd;
mod received;
#[cfg(test)]
mod tests;
mod upload;

pub(crate) use crowd::Gate;
pub(crate) use received::show as received;

use crate::Web;
use crate::app::{page_with, see_other};
use crate::parts::{Icon, Input, Mistake, error_summary, field, icon, mistake_of};
use crate::problem::Problem;
use crate::routes::Route;
use crate::secret;
use crate::shell::{Sheet, Title};
use crate::visitor::Door;
use crate::when;
use crate::words::{Words, n, s, words};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use desk::command::Actor;
use desk::house::Language;
use desk::intake::Via;
use desk::view::HouseView;
use engine::{Advice, FormReport};
use maud::{Markup, html};
use upload::Upload;

pub(crate) use check::is_mailbox;
pub use check::{Typed, mistakes};
pub use received::{Received, page as received_page};

/// Files of a report, at most.
pub const FILES_MAX: usize = 10;
/// All files of a report together, bytes.
pub const FILES_BYTES_MAX: usize = 20 << 20;

/// What the page shows.
pub struct Public {
    /// Whose desk it is.
    pub house: HouseView,
    /// The mailbox that is answered, if any.
    pub address: Option<String>,
    /// Names of the boards of today, for the list under the first field.
    pub boards: Vec<String>,
    /// What was typed.
    pub typed: Typed,
    /// Names of the files that came with an earlier try.
    pub kept: Vec<String>,
    /// What is wrong with it.
    pub mistakes: Vec<Mistake>,
}

impl Public {
    /// Languages offered: those that first run chose, else all.
    fn languages(&self) -> Vec<Language> {
        offered(&self.house)
    }
}

fn offered(house: &HouseView) -> Vec<Language> {
    if house.languages.is_empty() { Language::ALL.to_vec() } else { house.languages.clone() }
}

/// The language of a page for people outside: the one in the address, else the first of the browser's that is offered, else ours.
pub(crate) fn language(uri: &Uri, headers: &HeaderMap, house: &HouseView) -> Language {
    let asked = uri.query().into_iter().flat_map(|q| q.split('&')).find_map(|pair| pair.strip_prefix("taal="));
    if let Some(chosen) = asked.and_then(Language::from_tag) {
        return chosen;
    }
    let offered = offered(house);
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accepted
        .split(',')
        .take(16)
        .filter_map(|part| Language::from_tag(part.split(';').next().unwrap_or_default().trim()))
        .find(|l| offered.contains(l))
        .unwrap_or(offered[0])
}

/// `tel:` address of a number as people write it.
pub(crate) fn tel(phone: &str) -> String {
    let digits: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    format!("tel:{digits}")
}

/// The number to call, as large as a thumb.
pub(super) fn call(w: &Words, house: &HouseView) -> Markup {
    html! {
        @if let Some(phone) = &house.phone {
            a class="call" href=(tel(phone)) {
                (icon(Icon::Phone))
                div {
                    b { (phone) }
                    span {
                        @if house.organisation.is_empty() { (w.t("public-duty")) }
                        @else { (w.f("public-duty-of", &[("team", s(&house.organisation))])) }
                    }
                }
            }
        }
    }
}

/// The first hour: numbered steps, and what not to do yet.
pub(crate) fn first_hour(language: Language, id: &str) -> Markup {
    let mut heading = "";
    let (mut steps, mut not_yet_heading, mut not_yet) = (Vec::new(), "", Vec::new());
    for line in engine::advice(language) {
        match line {
            Advice::Heading(text) if heading.is_empty() => heading = text,
            Advice::Heading(text) => not_yet_heading = text,
            Advice::Step(title, rest) => steps.push((title, rest)),
            Advice::NotYet(what) => not_yet.push(what),
        }
    }
    html! {
        section aria-labelledby=(id) lang=(language.tag()) {
            h2 id=(id) { (heading) }
            ol class="steps" {
                @for (title, rest) in steps { li { div { b { (title) "." } @if !rest.is_empty() { p { (rest) } } } } }
            }
            div class="donts" {
                h3 { (not_yet_heading) }
                ul class="plain" { @for what in not_yet { li { (icon(Icon::Cross)) span { (what) } } } }
            }
        }
    }
}

/// The page.
pub fn page(w: &'static Words, view: &Public) -> Markup {
    let house = &view.house;
    let reachable = house.phone.is_some();
    let title = w.t(if reachable { "public-title" } else { "public-title-no-phone" });
    let sheet = Sheet { w, demo: house.demo, languages: view.languages(), path: Route::Public.to_string() };
    sheet.page(
        Title { text: &title, mistaken: !view.mistakes.is_empty() },
        html! {
            @if view.mistakes.is_empty() {
                div class="hero" {
                    h1 class="said" { (title) }
                    p { (w.t(if reachable { "public-lead" } else { "public-lead-no-phone" })) }
                    (call(w, house))
                }
                div class="two" {
                    (first_hour(w.language, "hour"))
                    (form(w, view))
                }
            } @else {
                // Whoever must mend something sees that first, and the number again.
                div class="hero mend" {
                    h1 class="said" { (w.t("public-mend")) }
                    (call(w, house))
                }
                div class="two" {
                    (form(w, view))
                    (first_hour(w.language, "hour"))
                }
            }
            @if let Some(phone) = &house.phone {
                nav class="bar-fixed" aria-label=(w.t("public-quick")) {
                    a class="btn first" href=(tel(phone)) { (icon(Icon::Phone)) (w.t("public-call")) }
                    a class="btn" href="#report" { (w.t("public-report-short")) }
                }
            }
        },
        Some(foot(w, view)),
    )
}

fn foot(w: &Words, view: &Public) -> Markup {
    html! {
        @if let Some(address) = &view.address { (w.f("public-mail", &[("address", s(address))])) " " }
        (w.t("public-data"))
        @if view.house.demo { " " (w.t("demo-foot")) }
    }
}

fn form(w: &Words, view: &Public) -> Markup {
    let (typed, wrong) = (&view.typed, view.mistakes.as_slice());
    let reachable = view.house.phone.is_some();
    html! {
        section aria-labelledby="report" {
            h2 id="report" tabindex="-1" { (w.t(if reachable { "public-report" } else { "public-report-only" })) }
            (error_summary(w, wrong))
            form method="post" action={ (Route::Public) "?taal=" (w.language.tag()) } enctype="multipart/form-data" novalidate {
                input type="hidden" name="once" value=(typed.once);
                (board(w, view))
                (field("name", &w.t("public-name"), Input { value: &typed.name, autocomplete: Some("name"), ..Input::default() }, wrong))
                (field("phone", &w.t("public-phone"), Input { kind: "tel", value: &typed.phone, hint: Some(&w.t("public-phone-hint")), autocomplete: Some("tel"), ..Input::default() }, wrong))
                (field("email", &w.t("public-email"), Input { kind: "email", value: &typed.email, hint: Some(&w.t("public-email-hint")), autocomplete: Some("email"), ..Input::default() }, wrong))
                div class="field" {
                    label class="pick" { input type="checkbox" id="hit_now" name="hit_now" value="1" checked[typed.hit_now]; span { b { (w.t("public-hit")) } span class="meta" { (w.t("public-hit-hint")) } } }
                }
                (field("what", &w.t("public-what"), Input { kind: "textarea", value: &typed.what, hint: Some(&w.t("public-what-hint")), ..Input::default() }, wrong))
                (files(w, view))
                // Machines fill in everything; people never see this. What they send is kept all the same, and marked.
                div class="vh" aria-hidden="true" { label for="website" { "Website" } input id="website" name="website" tabindex="-1" autocomplete="off"; }
                button class="btn first big" type="submit" { (w.t("public-send")) }
                p class="quiet nextline" { (w.rich(if reachable { "public-promise" } else { "public-promise-no-phone" }, &[])) }
            }
        }
    }
}

fn board(w: &Words, view: &Public) -> Markup {
    let mistake = mistake_of(&view.mistakes, "board");
    html! {
        div class={ "field" @if mistake.is_some() { " bad" } } {
            label for="board" { (w.t("public-board")) }
            span class="hint" id="board-hint" { (w.t("public-board-hint")) }
            @if let Some(mistake) = mistake { span class="err" id="board-error" { (icon(Icon::Warning)) (mistake.words) } }
            input class="in" id="board" name="board" list=[(!view.boards.is_empty()).then_some("boards")] value=(view.typed.board) autocomplete="organization"
                aria-describedby={ "board-hint" @if mistake.is_some() { " board-error" } } aria-invalid=[mistake.map(|_| "true")];
            @if !view.boards.is_empty() { datalist id="boards" { @for name in &view.boards { option value=(name) {} } } }
        }
    }
}

fn files(w: &Words, view: &Public) -> Markup {
    let size = format!("{} MB", FILES_BYTES_MAX >> 20);
    html! {
        div class="field" {
            label for="files" { (w.t("public-files")) }
            span class="hint" id="files-hint" { (w.f("public-files-hint", &[("n", n(FILES_MAX)), ("size", s(&size))])) }
            @if !view.kept.is_empty() {
                p class="note up" { (w.f("public-files-kept", &[("names", s(&view.kept.join(", ")))])) }
            }
            input class="in" id="files" name="files" type="file" multiple aria-describedby="files-hint";
        }
    }
}

/// `GET /melden`.
pub(crate) async fn ask(State(web): State<Web>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let mut page = show(&web, &uri, &headers, Typed::default(), Vec::new(), |_, _| Vec::new(), StatusCode::OK).await?;
    // Going back to it must bring back what was typed: a browser throws that away with a page that may not be stored.
    page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(page)
}

async fn show(
    web: &Web,
    uri: &Uri,
    headers: &HeaderMap,
    mut typed: Typed,
    kept: Vec<String>,
    mistakes: impl FnOnce(&Words, &Typed) -> Vec<Mistake>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let today = when::zoned(web.engine().now()).date().to_string();
    // Storage that does not answer must not take the number away: what the page shows was public before.
    let front = |desk: &desk::Desk| {
        let mut boards: Vec<String> = desk.register().on(&today).map(|b| b.name.clone()).collect();
        boards.sort_unstable();
        (desk.front(), boards)
    };
    let (house, boards) = web.engine().read(front).await?;
    let address = web.engine().address();
    let w = words(language(uri, headers, &house));
    let mistakes = mistakes(w, &typed);
    if typed.once.is_empty() {
        typed.once = secret::new_secret().0;
    }
    let view = Public { house, address, boards, typed, kept, mistakes };
    Ok(page_with(status, page(w, &view)))
}

/// `POST /melden`: one press, one report. Pressed twice it is the same one.
pub(crate) async fn answer(State(web): State<Web>, door: Door, request: Request) -> Result<Response, Problem> {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let house = web.engine().read(|desk| desk.front()).await?;
    let w = words(language(&uri, &headers, &house));
    let Upload { typed, mut files, left_out, broken, held } = upload::read(web.gate(), request).await;
    if broken {
        let words = |w: &Words, _: &Typed| vec![Mistake { field: "files".to_owned(), words: w.t("public-err-broken") }];
        return show(&web, &uri, &headers, typed, Vec::new(), words, StatusCode::BAD_REQUEST).await;
    }
    let mut earlier = web.gate().take(&typed.once, web.engine().now());
    earlier.append(&mut files);
    let (files, left_out) = within(earlier, left_out);
    if !check::mistakes(w, &typed).is_empty() {
        let kept = files.iter().map(|f| f.name.clone()).collect();
        let typed = typed.with_token();
        web.gate().keep(&typed.once, files, web.engine().now());
        return show(&web, &uri, &headers, typed, kept, check::mistakes, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let now = web.engine().now();
    let many = web.gate().many_from(door.address, now);
    // What a machine filled in, and what one of many visitors' addresses is, may be a stranger's: nothing is sent there.
    let no_receipt = many
        || !typed.trap.is_empty()
        || (!typed.email.trim().is_empty() && !web.gate().may_send_receipt(door.address, now));
    let mut report = typed.clone().into_report(w, files, left_out, many);
    report.no_receipt = no_receipt;
    let received = web.engine().receive_form(report, Via::Form, Actor::Rule).await;
    drop(held);
    match received {
        Ok(received) => Ok(see_other(&received::address(&web, received.reference, left_out, w.language))),
        Err(fault) => {
            eprintln!("bolwerk: a report from the public page could not be kept: {fault}");
            let words =
                |w: &Words, _: &Typed| vec![Mistake { field: "what".to_owned(), words: w.t("public-err-frozen") }];
            show(&web, &uri, &headers, typed, Vec::new(), words, StatusCode::SERVICE_UNAVAILABLE).await
        }
    }
}

/// Files of this try and of earlier ones, as far as they fit.
fn within(all: Vec<engine::FormFile>, mut left_out: usize) -> (Vec<engine::FormFile>, usize) {
    let (mut bytes, mut kept) = (0, Vec::new());
    for file in all {
        if kept.len() < FILES_MAX && bytes + file.bytes.len() <= FILES_BYTES_MAX {
            bytes += file.bytes.len();
            kept.push(file);
        } else {
            left_out += 1;
        }
    }
    (kept, left_out)
}

impl Typed {
    fn into_report(self, w: &Words, files: Vec<engine::FormFile>, left_out: usize, many: bool) -> FormReport {
        let idempotency = self.same_press(&files);
        let mut what = self.what;
        // A machine's remarks stand below the person's words, and never in their place.
        let mut remark = |text: String| what.push_str(&format!("\n\n[{text}]"));
        if left_out > 0 {
            remark(w.f("public-note-left-out", &[("n", n(left_out))]));
        }
        if !self.trap.is_empty() {
            remark(w.t("public-note-trap"));
        }
        if many {
            remark(w.t("public-note-many"));
        }
        FormReport {
            board: self.board,
            name: self.name,
            email: self.email,
            phone: self.phone,
            what,
            hit_now: self.hit_now,
            since: None,
            language: w.language,
            kind: None,
            files,
            idempotency,
            no_receipt: false,
        }
    }
}

/// Reads a form as it comes in, and sees that it stays within its limits; for fuzzing.
pub(crate) async fn fuzz(request: Request) {
    let Upload { typed, files, .. } = upload::read(&Gate::default(), request).await;
    assert!(files.len() <= FILES_MAX && files.iter().map(|f| f.bytes.len()).sum::<usize>() <= FILES_BYTES_MAX);
    mistakes(words(Language::Nl), &typed);
}
