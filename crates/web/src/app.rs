//! The pages' shared state, and which address leads where.

use crate::moment::Banner;
use crate::problem::{Kind, Problem};
use crate::refill::refilled;
use crate::routes::{ReportAct, Route, query};
use crate::secret::SECRET_BYTES;
use crate::server::Peer;
use crate::shell::{Mail, Nav, Shell, Toast, Undo};
use crate::ticket::Tickets;
use crate::visitor::{Door, Fields, Visitor, session_token};
use crate::words::words;
use crate::{assets, headers, pages, problem};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use desk::house::Language;
use desk::ids::{Named, Reference, Timestamp};
use desk::lens::Lens;
use desk::{Desk, Digest};
use engine::{Engine, MailboxState};
use maud::Markup;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tower_http::compression::CompressionLayer;

/// Longest body of a form without files, bytes.
pub const FORM_BYTES_MAX: usize = 1 << 20;
/// So long a page waits for the desk of a past moment that is being built, before it says how far that is.
const PAST_WAIT: Duration = Duration::from_millis(700);
/// After so long a page that waits for such a desk asks again.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("2");
/// After so long a page that could not be read, because the store does not answer, is asked for again, seconds.
const FROZEN_AGAIN: HeaderValue = HeaderValue::from_static("15");
/// Longest time for one request, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// What the pages need.
pub struct Options {
    /// The desk.
    pub engine: Engine,
    /// The one-time code that guards the first run; `None` when it is done.
    pub first_run: Option<String>,
    /// The code of the demonstration's one-click link, taken from this machine only.
    pub demo: Option<String>,
}

struct Inner {
    engine: Engine,
    first_run: Option<String>,
    demo: Option<String>,
    throttle: crate::throttle::Throttle,
    presence: crate::presence::Presence,
    figures: crate::live::Figures,
    streams: crate::live::Streams,
    gate: pages::public::Gate,
    api: crate::api::Memory,
    closing: watch::Sender<bool>,
}

/// The pages of one desk. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

impl Web {
    /// The pages of a desk.
    pub fn new(options: Options) -> Web {
        let Options { engine, first_run, demo } = options;
        Web {
            inner: Arc::new(Inner {
                engine,
                first_run,
                demo,
                throttle: Default::default(),
                presence: Default::default(),
                figures: Default::default(),
                streams: Default::default(),
                gate: Default::default(),
                api: Default::default(),
                closing: watch::Sender::new(false),
            }),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn first_run_code(&self) -> Option<&str> {
        self.inner.first_run.as_deref()
    }

    pub(crate) fn demo_code(&self) -> Option<&str> {
        self.inner.demo.as_deref()
    }

    pub(crate) fn throttle(&self) -> &crate::throttle::Throttle {
        &self.inner.throttle
    }

    pub(crate) fn presence(&self) -> &crate::presence::Presence {
        &self.inner.presence
    }

    pub(crate) fn gate(&self) -> &pages::public::Gate {
        &self.inner.gate
    }

    pub(crate) fn api(&self) -> &crate::api::Memory {
        &self.inner.api
    }

    pub(crate) fn figures(&self) -> &crate::live::Figures {
        &self.inner.figures
    }

    pub(crate) fn streams(&self) -> &crate::live::Streams {
        &self.inner.streams
    }

    /// Ends what would never end by itself: the live streams.
    pub(crate) fn close(&self) {
        self.inner.closing.send_replace(true);
    }

    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.inner.closing.subscribe()
    }

    /// The token of a session's forms: keyed, so that it says nothing about the cookie.
    pub(crate) fn form_token(&self, session: &Digest) -> [u8; SECRET_BYTES] {
        self.engine().digest(&format!("form token {session}")).0
    }

    /// Looks at the desk through a visitor's lens, at the moment that the address asks for, and makes what stands around the page.
    pub(crate) async fn look<T>(
        &self,
        visitor: &Visitor,
        here: Nav,
        view: impl FnOnce(&Lens<'_>) -> T,
    ) -> Result<(Shell, T), Problem> {
        let (mail, unfetched) = self.mail();
        let store = self.engine().trouble().map(|frozen| (frozen.since, frozen.trouble));
        let token = crate::secret::masked(&self.form_token(&visitor.token));
        self.see(visitor, |desk, lens| {
            let house = lens.house();
            let then = !visitor.shown.is_now();
            let shell = Shell {
                w: words(visitor.preferences.language),
                theme: visitor.preferences.theme,
                keys_off: visitor.preferences.keys_off,
                demo: house.demo,
                team: house.organisation,
                now: visitor.now,
                stamp: if then { 0 } else { self.figures().stamp(desk, lens) },
                person: my_name(lens),
                role: lens.viewer().role,
                counts: if then {
                    crate::live::counts(lens, visitor.now)
                } else {
                    self.figures().recent(desk, lens, visitor.now)
                },
                store: store.filter(|_| !then),
                mail: if then { Mail::Well } else { mail },
                unfetched: unfetched.filter(|_| !then),
                token,
                here,
                tickets: Tickets::of(self, visitor.viewer.account),
                toast: toast(visitor).filter(|_| !then),
                moment: banner(visitor),
            };
            (shell, view(lens))
        })
        .await
    }

    /// Looks at the desk through a visitor's lens, at the moment that the address asks for.
    pub(crate) async fn see<T>(
        &self,
        visitor: &Visitor,
        view: impl FnOnce(&Desk, &Lens<'_>) -> T,
    ) -> Result<T, Problem> {
        // Signed out or disabled while this request was on its way: nothing more is shown.
        let signed_in = |today: &Desk| today.session(&visitor.token, visitor.clock);
        let seen = match visitor.shown.moment() {
            None => {
                let seen = self.engine().read(|desk| {
                    signed_in(desk)?;
                    Some(view(desk, &desk.seen_by(visitor.viewer)))
                });
                seen.await?
            }
            Some(moment) => {
                let seen = self.engine().read_past(moment, PAST_WAIT, |today, past| {
                    signed_in(today)?;
                    Some(view(past.desk(), &past.seen_by(visitor.viewer)))
                });
                seen.await?
            }
        };
        seen.ok_or_else(|| Problem::of(Kind::SignIn))
    }

    /// The board that is called so, as the register was today; a name of later or earlier days counts where it means one board.
    pub(crate) async fn board_named(&self, name: &str) -> Result<Option<desk::register::BoardId>, Problem> {
        let day = crate::when::zoned(self.engine().now()).date().to_string();
        Ok(self
            .engine()
            .read(|desk| desk.register().find_on(name, &day).or_else(|| desk.register().find(name)))
            .await?)
    }

    /// How mail leaves, and since when none is fetched.
    fn mail(&self) -> (Mail, Option<Timestamp>) {
        let state = self.engine().mail_state();
        let unfetched = match state.mailbox {
            Some(MailboxState::Failed { since, .. }) => Some(since),
            _ => None,
        };
        let mail = match state.failing {
            _ if !state.outbound => Mail::NoWay { waiting: state.waiting },
            Some((since, _)) => Mail::Failing { since, waiting: state.waiting },
            None => Mail::Well,
        };
        (mail, unfetched)
    }
}

/// What a page of a past moment says about itself.
fn banner(visitor: &Visitor) -> Option<Banner> {
    let today = crate::when::zoned(visitor.clock).date();
    let path = visitor.uri.path().to_owned();
    (!visitor.shown.is_now()).then_some(Banner { shown: visitor.shown, at: visitor.now, path, today })
}

/// The name of who looks.
fn my_name(lens: &Lens<'_>) -> String {
    let me = lens.viewer().account;
    lens.people().into_iter().find(|p| p.account == me).and_then(|p| p.name).unwrap_or_default()
}

/// What was just done, as the address of the page says. Only words of ours can be chosen by it.
fn toast(visitor: &Visitor) -> Option<Toast> {
    let fields = visitor.uri.query()?;
    let value = |name: &str| fields.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let what = value("gedaan")?;
    if !pages::DONE.contains(&what) {
        return None;
    }
    let about = value("over").and_then(|a| a.parse::<Reference>().ok());
    let ticket = value("nr").filter(|n| n.bytes().all(|b| b.is_ascii_hexdigit())).map(|n| Undo::Fact(n.to_owned()));
    let report = about.filter(|r| r.named() == Named::Report);
    let many = || value("samen").unwrap_or_default().split(',').filter_map(|r| r.parse().ok()).collect();
    let undo = match (what, report) {
        ("bulk-claimed", _) => Some(Undo::Together("release", many())),
        ("bulk-snoozed", _) => Some(Undo::Together("wake", many())),
        ("snoozed", Some(report)) => Some(Undo::Act(Route::ReportAct(report, ReportAct::Snooze), "choice", "wake")),
        ("claimed", Some(report)) => Some(Undo::Act(Route::ReportAct(report, ReportAct::Claim), "act", "release")),
        ("released", Some(report)) => Some(Undo::Act(Route::ReportAct(report, ReportAct::Claim), "act", "claim")),
        _ => ticket,
    };
    let count = value("aantal").and_then(|n| n.parse().ok()).unwrap_or(1);
    Some(Toast {
        what: what.to_owned(),
        count,
        about: about.map(|r| r.to_string()),
        undo,
        back: without_toast(&visitor.uri),
    })
}

/// The address of a page without what it says was just done.
fn without_toast(uri: &axum::http::Uri) -> String {
    let said = |pair: &&str| ["gedaan=", "over=", "nr=", "aantal=", "samen="].iter().any(|name| pair.starts_with(name));
    let kept: Vec<&str> = uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty() && !said(p)).collect();
    if kept.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), kept.join("&")) }
}

/// Back to a page after an act, with what was done.
pub(crate) fn done(to: &Route, what: &str, about: Option<desk::ids::Reference>, undo: Option<u64>) -> Response {
    done_at(&to.to_string(), what, about, undo)
}

/// The same, done to several at once: how many, and on which it is taken back where no fact says so.
pub(crate) fn done_together(to: &Route, what: &str, count: usize, on: &[Reference], undo: Option<u64>) -> Response {
    let on: Vec<String> = on.iter().map(ToString::to_string).collect();
    let samen = if on.is_empty() { String::new() } else { format!("&samen={}", on.join(",")) };
    done_at(&format!("{to}?aantal={count}{samen}"), what, None, undo)
}

/// The same, back to an address of ours.
pub(crate) fn done_at(to: &str, what: &str, about: Option<desk::ids::Reference>, undo: Option<u64>) -> Response {
    debug_assert!(pages::DONE.contains(&what), "no page would say that it was done: {what}");
    let mut address = format!("{to}{}gedaan={}", if to.contains('?') { '&' } else { '?' }, query(what));
    if let Some(about) = about {
        address.push_str(&format!("&over={about}"));
    }
    let mut response = see_other(&address);
    if let Some(undo) = undo {
        response.extensions_mut().insert(CanUndo { address, seq: undo });
    }
    response
}

/// An act that can be taken back, on its way out: [`ticketed`] writes the ticket into the address, for whose act it was.
#[derive(Clone)]
struct CanUndo {
    address: String,
    seq: u64,
}

/// Says in the address how an act is taken back.
async fn ticketed(State(web): State<Web>, request: Request, next: Next) -> Response {
    let door = Door::of(request.headers(), request.extensions().get::<Peer>().map(|p| p.0));
    let token = session_token(request.headers(), door);
    let mut response = next.run(request).await;
    let (Some(done), Some(token)) = (response.extensions_mut().remove::<CanUndo>(), token) else { return response };
    let now = web.engine().now();
    let account = web.engine().read(|desk| desk.session(&token, now).map(|s| s.viewer.account)).await;
    if let Ok(Some(account)) = account {
        let to = format!("{}&nr={}", done.address, Tickets::of(&web, account).seal(done.seq));
        let to = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/"));
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// To another page, by GET.
pub(crate) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

/// A page.
pub(crate) fn page(markup: Markup) -> Response {
    axum::response::Html(markup.into_string()).into_response()
}

/// A page with another status than 200.
pub(crate) fn page_with(status: StatusCode, markup: Markup) -> Response {
    (status, axum::response::Html(markup.into_string())).into_response()
}

/// A form's page again, with what was wrong: what was sent stands in it as it was.
pub(crate) fn again(status: StatusCode, markup: &Markup, visitor: &Visitor, sent: &Fields) -> Response {
    page_with(status, refilled(markup, visitor.uri.path(), sent))
}

/// All addresses.
pub(crate) fn router(web: Web) -> Router {
    let public = pages::public_routes()
        .method_not_allowed_fallback(|| async { Problem::not_found() })
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(web.clone(), explain_outside));
    let pages = pages::routes()
        .route("/stroom", get(crate::live::stream))
        .route("/d/{name}", get(assets::serve))
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::not_found() })
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(web.clone(), ticketed))
        .layer(middleware::from_fn_with_state(web.clone(), explain))
        .merge(public)
        .merge(crate::api::routes(&web));
    pages.with_state(web).layer(CompressionLayer::new()).layer(middleware::from_fn(headers::secure))
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::of(Kind::Slow).into_response(),
    }
}

/// Makes the page that explains a problem to a stranger, in the language of the browser.
async fn explain_outside(State(web): State<Web>, request: Request, next: Next) -> Response {
    let language = problem::language_of(request.headers());
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    page_with(problem.kind.status(), explained(&web, language, &problem).await)
}

async fn explained(web: &Web, language: Language, problem: &Problem) -> Markup {
    let demo = web.engine().read(|desk| desk.front().demo).await.unwrap_or(false);
    pages::problem::page(words(language), demo, problem)
}

/// In the language of who is signed in; `None` where nobody is.
async fn explained_within(web: &Web, token: Digest, problem: &Problem) -> Option<Markup> {
    let visitor = Visitor::at_present(token, web).await?;
    // Of a past moment there is nothing to show yet, and what leads to the present would only mislead.
    if matches!(problem.kind, Kind::Moment | Kind::Past | Kind::Building) {
        return Some(explained(web, visitor.preferences.language, problem).await);
    }
    let (shell, ()) = web.look(&visitor, Nav::Elsewhere, |_| ()).await.ok()?;
    Some(pages::problem::page_within(&shell, problem))
}

/// Makes the page that explains a problem: to who is signed in as every other page, else in the language of the browser.
pub(crate) async fn explain(State(web): State<Web>, request: Request, next: Next) -> Response {
    let language = problem::language_of(request.headers());
    let door = Door::of(request.headers(), request.extensions().get::<Peer>().map(|p| p.0));
    let token = session_token(request.headers(), door);
    let fragment = request.uri().query().is_some_and(|q| q.split('&').any(|p| p.starts_with("deel=")));
    let get = *request.method() == Method::GET;
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    if fragment {
        return problem.kind.status().into_response();
    }
    if problem.kind == Kind::SignIn && get {
        let onward = problem.onward.as_deref().map(|o| format!("?verder={}", query(o))).unwrap_or_default();
        return see_other(&format!("{}{onward}", Route::SignIn));
    }
    let markup = match token {
        Some(token) => explained_within(&web, token, &problem).await,
        None => None,
    };
    let markup = match markup {
        Some(markup) => markup,
        None => explained(&web, language, &problem).await,
    };
    let mut response = page_with(problem.kind.status(), markup);
    // Without script as well: the browser asks again by itself.
    let again = match problem.kind {
        Kind::Building => Some(ASK_AGAIN),
        Kind::Frozen if get => Some(FROZEN_AGAIN),
        _ => None,
    };
    if let Some(again) = again {
        response.headers_mut().insert("refresh", again.clone());
        response.headers_mut().insert(header::RETRY_AFTER, again);
    }
    response
}
