//! Who asks: a bearer token, how often it asks, and whether this is the same request as before. Cookies count for nothing here.

use super::limits::{Answer, Stands};
use super::problem::Wrong;
use crate::Web;
use crate::moment::Shown;
use crate::secret;
use crate::ticket::Tickets;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use desk::ids::Timestamp;
use desk::lens::{Lens, Viewer};
use desk::{Desk, Digest};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;

/// The day as of which is asked.
const AS_OF: &str = "as_of";
/// The journal position up to which it was known.
const KNOWN_AT: &str = "known_at";
/// So long an answer waits for the desk of an earlier moment that is being built.
const PAST_WAIT: Duration = Duration::from_secs(5);
/// Longest token, characters.
const TOKEN_CHARS_MAX: usize = 200;
/// Longest idempotency key, characters.
const KEY_CHARS_MAX: usize = 255;
/// Longest body of a request, bytes.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Longest body of a report with its files, bytes: 20 MiB as base64, and the rest.
const REPORT_BYTES_MAX: usize = 30 << 20;
/// Longest wait for a body, and for the work itself.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Whose token it is.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// In whose name it acts.
    pub(super) viewer: Viewer,
    /// SHA-256 of the token.
    pub(super) token: Digest,
    /// The key under which the same request may be sent again.
    pub(super) key: Option<String>,
    /// The moment that it asks about.
    pub(super) shown: Shown,
}

/// A request that was let in.
pub(super) struct Call {
    pub(super) web: Web,
    pub(super) caller: Caller,
}

impl FromRequestParts<Web> for Call {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Call, Wrong> {
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(unauthorized)?;
        Ok(Call { web: web.clone(), caller })
    }
}

impl Call {
    /// Looks at the desk as the token's account may see it.
    pub(super) async fn look<T>(&self, view: impl FnOnce(&Desk, &Lens<'_>) -> T) -> Result<T, Wrong> {
        // Revoked while this request was on its way: nothing more is shown.
        let signed = |today: &Desk| today.token(&self.caller.token).map(|signed| signed.viewer);
        let seen = match self.caller.shown.moment() {
            None => self.web.engine().read(|desk| Some(view(desk, &desk.seen_by(signed(desk)?)))).await?,
            Some(moment) => {
                let seen = self
                    .web
                    .engine()
                    .read_past(moment, PAST_WAIT, |today, past| Some(view(past.desk(), &past.seen_by(signed(today)?))));
                seen.await?
            }
        };
        seen.ok_or_else(unauthorized)
    }

    /// How the acts of the token's account are named outside.
    pub(super) fn tickets(&self) -> Tickets {
        Tickets::of(&self.web, self.caller.viewer.account)
    }

    /// The ticket by which an act is taken back.
    pub(super) fn ticket(&self, done: &engine::Done) -> Option<String> {
        done.seq.map(|seq| self.tickets().seal(seq))
    }

    /// Carries out a command in the name of the token's account.
    pub(super) async fn submit(&self, command: desk::command::Command) -> Result<engine::Done, Wrong> {
        let actor = desk::command::Actor::Person(self.caller.viewer.account);
        Ok(self.web.engine().submit(actor, command).await?)
    }
}

fn unauthorized() -> Wrong {
    Wrong::of("unauthorized", "Send a token that works as: Authorization: Bearer TOKEN. Cookies are not taken.")
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<Digest> {
    let line = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = line.split_once(' ')?;
    let token = token.trim();
    let fits = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= TOKEN_CHARS_MAX;
    fits.then(|| secret::hash(token))
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Wrong> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim().trim_matches('"');
    if key.is_empty() || key.len() > KEY_CHARS_MAX {
        let detail = format!("Idempotency-Key: 1 to {KEY_CHARS_MAX} visible ASCII characters.");
        return Err(Wrong::of("malformed", detail).about("Idempotency-Key", "length"));
    }
    Ok(Some(key.to_owned()))
}

/// Lets a request in, or says why not. All of it is told in the same form.
pub(super) async fn guard(State(web): State<Web>, request: Request, next: Next) -> Response {
    let now = web.engine().now();
    let caller = match caller(&web, request.headers(), asks_about(&request, now)).await {
        Ok(caller) => caller,
        Err(wrong) => return wrong.into_response(),
    };
    let quota = web.api().count(caller.token, now);
    let mut response = if quota.allowed {
        match tokio::time::timeout(TIMEOUT, once(&web, caller, request, next)).await {
            Ok(answer) => answer.unwrap_or_else(IntoResponse::into_response),
            Err(_) => Wrong::of("timeout", "Send it again, under the same Idempotency-Key.").into_response(),
        }
    } else {
        let detail = format!("Ask again in {} seconds.", quota.reset_seconds);
        Wrong::of("too-many", detail).again_in(quota.reset_seconds).into_response()
    };
    quota.write(response.headers_mut());
    response
}

async fn caller(web: &Web, headers: &HeaderMap, shown: Result<Shown, Wrong>) -> Result<Caller, Wrong> {
    let token = bearer(headers).ok_or_else(unauthorized)?;
    let signed = web.engine().read(|desk| desk.token(&token)).await?.ok_or_else(unauthorized)?;
    Ok(Caller { viewer: signed.viewer, token, key: idempotency_key(headers)?, shown: shown? })
}

/// The moment that a request is about: an earlier one is only read.
fn asks_about(request: &Request, now: Timestamp) -> Result<Shown, Wrong> {
    let shown = shown(request.uri(), now)?;
    if !shown.is_now() && request.method() != Method::GET {
        return Err(Wrong::of("past", "Leave out as_of and known_at: an earlier moment is only read."));
    }
    Ok(shown)
}

fn shown(uri: &Uri, now: Timestamp) -> Result<Shown, Wrong> {
    let value = |name: &str| {
        let pairs = uri.query().unwrap_or_default().split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    Shown::read(value(AS_OF), value(KNOWN_AT), now).map_err(|(_, why)| match why {
        "position" => Wrong::field(KNOWN_AT, why, "known_at: a number, the position of a fact in the journal."),
        "future" => Wrong::field(AS_OF, why, "as_of: a day that is not later than today."),
        _ => Wrong::field(AS_OF, why, "as_of: write the day like 2022-12-15."),
    })
}

/// The parameters by which any question is asked about an earlier moment; the questions themselves do not know them.
pub(super) const MOMENT: [&str; 2] = [AS_OF, KNOWN_AT];

/// Reads the body, and answers from memory what was answered before under the same key.
async fn once(web: &Web, caller: Caller, request: Request, next: Next) -> Result<Response, Wrong> {
    if request.method() != Method::POST {
        return Ok(pass(caller, request, next).await);
    }
    let (parts, body) = request.into_parts();
    let most = if parts.uri.path() == "/api/v1/reports" { REPORT_BYTES_MAX } else { BODY_BYTES_MAX };
    let bytes = whole(body, most).await?;
    let stands = caller.key.as_ref().map(|key| {
        let what = [parts.method.as_str().as_bytes(), b" ", parts.uri.to_string().as_bytes(), b"\0", &bytes].concat();
        web.api().under(caller.token, key, fingerprint(&what), web.engine().now())
    });
    let claim = match stands {
        None => None,
        Some(Stands::Nothing(claim)) => Some(claim),
        Some(Stands::Answered(answer)) => return Ok(answer.again()),
        Some(Stands::Running) => {
            return Err(Wrong::of("in-progress", "Ask again in a moment, under the same key.").again_in(1));
        }
        Some(Stands::Other) => return Err(Wrong::of("key-reused", "Give every request a key of its own.")),
    };
    let response = pass(caller, Request::from_parts(parts, Body::from(bytes)), next).await;
    let Some(claim) = claim else { return Ok(response) };
    // What was our mistake, or came too early, may come out differently next time.
    if response.status().is_server_error() || response.status() == StatusCode::UNAUTHORIZED {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Wrong::of("unforeseen", "It stands in the log."))?.to_bytes();
    claim.answered(Answer { status: parts.status, headers: parts.headers.clone(), body: body.clone() });
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn fingerprint(what: &[u8]) -> Digest {
    use sha2::{Digest as _, Sha256};
    Digest(Sha256::digest(what).into())
}

async fn whole(body: Body, most: usize) -> Result<Bytes, Wrong> {
    let read = Limited::new(body, most).collect().await;
    read.map(|b| b.to_bytes()).map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => Wrong::of("too-large", format!("At most {} MiB go in one request.", most >> 20)),
        None => Wrong::of("malformed", "The body broke off."),
    })
}

async fn pass(caller: Caller, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(caller);
    next.run(request).await
}
