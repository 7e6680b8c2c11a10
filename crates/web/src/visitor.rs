//! Who asks: the session behind a cookie, and the proof that a form is ours.

use crate::moment::{Shown, end_of};
use crate::problem::{Kind, Problem};
use crate::secret;
use crate::server::Peer;
use crate::{Web, routes::Route};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::Response;
use desk::Digest;
use desk::accounts::Preferences;
use desk::ids::{SessionId, Timestamp};
use desk::lens::Viewer;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Name of the session's cookie where the connection is not encrypted.
const COOKIE: &str = "bolwerk";
/// Name of the session's cookie where it is: the browser then guards host, path and encryption.
const COOKIE_SECURE: &str = "__Host-bolwerk";
/// Name of the form field with the token.
pub const TOKEN_FIELD: &str = "_t";
/// Most fields of a form that a page of ours sends.
const FIELDS_MAX: usize = 1200;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// Address of the person: of the peer, or what a proxy on this machine says.
    pub address: IpAddr,
    /// The peer is this machine.
    pub local: bool,
    /// The person's connection is encrypted, as a proxy on this machine says.
    pub secure: bool,
}

impl Door {
    /// Reads it from a request.
    pub fn of(headers: &HeaderMap, peer: Option<SocketAddr>) -> Door {
        let direct = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |p| p.ip().to_canonical());
        let local = direct.is_loopback();
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        // Only a proxy on this machine is believed.
        let forwarded = text("x-forwarded-for").filter(|_| local);
        let behind = forwarded.and_then(|f| f.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
        let secure = local && text("x-forwarded-proto").is_some_and(|p| p.eq_ignore_ascii_case("https"));
        Door { address: behind.unwrap_or(direct), local: local && forwarded.is_none(), secure }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Door {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Door, Self::Rejection> {
        Ok(Door::of(&parts.headers, parts.extensions.get::<Peer>().map(|p| p.0)))
    }
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|line| line.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

/// The cookie that begins a session. Lax, so that a link in a colleague's chat opens the page; forms carry a token of their own.
pub fn session_cookie(secret: &str, door: Door) -> HeaderValue {
    let seconds = desk::accounts::SESSION_SECONDS_MAX;
    let cookie = if door.secure {
        format!("{COOKIE_SECURE}={secret}; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age={seconds}")
    } else {
        format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}")
    };
    HeaderValue::from_str(&cookie).expect("secrets are URL-safe base64")
}

/// The cookie that ends it.
pub fn ended_cookie(door: Door) -> HeaderValue {
    HeaderValue::from_static(if door.secure {
        "__Host-bolwerk=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
    } else {
        "bolwerk=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
    })
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who reads.
    pub viewer: Viewer,
    /// The session.
    pub session: SessionId,
    /// How the person wants the pages.
    pub preferences: Preferences,
    /// SHA-256 of the cookie's secret.
    pub token: Digest,
    /// The time of the moment that is looked at: when the request came, or an earlier one.
    pub now: Timestamp,
    /// When the request came.
    pub clock: Timestamp,
    /// The moment that is looked at.
    pub shown: Shown,
    /// Where it came to: after an act, back to it.
    pub uri: Uri,
}

/// The cookie's secret, hashed. Behind encryption only the cookie counts that nobody but this host can have set.
pub fn session_token(headers: &HeaderMap, door: Door) -> Option<Digest> {
    let secret = cookie(headers, if door.secure { COOKIE_SECURE } else { COOKIE })?;
    (!secret.is_empty() && secret.len() <= 64).then(|| secret::hash(secret))
}

impl Visitor {
    async fn of(headers: &HeaderMap, extensions: &Extensions, uri: &Uri, web: &Web) -> Result<Visitor, Problem> {
        let stranger = || {
            let onward = uri.path_and_query().map(|p| p.as_str().to_owned());
            Problem { onward, ..Problem::of(Kind::SignIn) }
        };
        let door = Door::of(headers, extensions.get::<Peer>().map(|p| p.0));
        let token = session_token(headers, door).ok_or_else(stranger)?;
        let now = web.engine().now();
        let signed = web.engine().read(|desk| desk.session(&token, now)).await?.ok_or_else(stranger)?;
        let session = signed.session.ok_or_else(stranger)?;
        let (viewer, preferences) = (signed.viewer, signed.preferences);
        let shown = Shown::of(uri.query(), now)?;
        let then = match (shown.day, shown.position) {
            (Some(day), _) => Some(end_of(day).plus_seconds(-1)),
            (None, Some(position)) => web.engine().read(|desk| desk.recorded_at(position)).await?,
            (None, None) => None,
        };
        let (now, clock) = (then.unwrap_or(now), now);
        Ok(Visitor { viewer, session, preferences, token, now, clock, shown, uri: uri.clone() })
    }
}

impl Visitor {
    /// Whose session it is, looking at the present; `None`: nobody is signed in with it.
    pub(crate) async fn at_present(token: Digest, web: &Web) -> Option<Visitor> {
        let now = web.engine().now();
        let signed = web.engine().read(|desk| desk.session(&token, now)).await.ok()??;
        let (viewer, preferences, session) = (signed.viewer, signed.preferences, signed.session?);
        let (shown, uri) = (Shown::default(), Uri::default());
        Some(Visitor { viewer, session, preferences, token, now, clock: now, shown, uri })
    }

    /// Refuses what is no use in a past moment: forms whose answer changes something.
    pub fn acts(&self) -> Result<(), Problem> {
        if self.shown.is_now() { Ok(()) } else { Err(Problem::of(Kind::Past)) }
    }
}

impl FromRequestParts<Web> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Visitor, Problem> {
        Visitor::of(&parts.headers, &parts.extensions, &parts.uri, web).await
    }
}

/// Whether a browser says that a form comes from a page of another origin. What says nothing is not foreign: the token decides.
pub(crate) fn foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    // With `Referrer-Policy: no-referrer` browsers write `null` here for our own pages as well.
    match (text("origin"), text("host")) {
        (Some("null") | None, _) => false,
        (Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, of)| !of.eq_ignore_ascii_case(host)),
        (Some(_), None) => true,
    }
}

/// The fields of a form, each as often as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first value of a field, trimmed; empty when it is not there.
    pub fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The first value of a field as it was sent.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The value of a field, unless it is empty.
    pub fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|v| !v.is_empty())
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }

    /// Whether a box was ticked.
    pub fn ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// Refuses a form with a field that its page has not.
    pub fn only(self, names: &[&str]) -> Result<Fields, Problem> {
        match self.0.iter().find(|(key, _)| key != TOKEN_FIELD && !names.contains(&key.as_str())) {
            Some(_) => Err(Problem::of(Kind::Forged)),
            None => Ok(self),
        }
    }

    /// Reads a form's body.
    pub async fn of(request: Request) -> Result<Fields, Problem> {
        let read = axum::extract::Form::<Vec<(String, String)>>::from_request(request, &()).await;
        let axum::extract::Form(fields) = read.map_err(|rejection| {
            let too_large = rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE;
            Problem::of(if too_large { Kind::TooLarge } else { Kind::Invalid })
        })?;
        if fields.len() > FIELDS_MAX {
            return Err(Problem::of(Kind::TooLarge));
        }
        Ok(Fields(fields))
    }
}

/// A form that a person who signed in sent from a page of ours.
pub struct Sent {
    /// Who.
    pub visitor: Visitor,
    /// What.
    pub fields: Fields,
}

impl FromRequest<Web> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Web) -> Result<Sent, Problem> {
        if request.method() != Method::POST || foreign(request.headers()) {
            return Err(Problem::of(Kind::Forged));
        }
        let visitor = Visitor::of(request.headers(), request.extensions(), request.uri(), web).await;
        let mut visitor = visitor.map_err(|problem| match problem.kind {
            // After signing in again a form cannot simply be repeated: its text waits on the device.
            Kind::SignIn => Problem { onward: Some(Route::Duty.to_string()), ..problem },
            _ => problem,
        })?;
        visitor.acts()?;
        let fields = Fields::of(request).await?;
        if !secret::unmasks(fields.raw(TOKEN_FIELD), &web.form_token(&visitor.token)) {
            return Err(Problem::of(Kind::Forged));
        }
        visitor.now = web.engine().now();
        Ok(Sent { visitor, fields })
    }
}

/// A form that a stranger sent: first run, sign-in. There is no session yet, so the browser's word about its origin must do:
/// where it says neither site nor origin of a form, that is `null`, the form is foreign.
pub struct Stranger(pub Fields);

fn foreign_to_strangers(headers: &HeaderMap) -> bool {
    let nameless = headers.get(header::ORIGIN).is_some_and(|o| o == "null") && !headers.contains_key("sec-fetch-site");
    nameless || foreign(headers)
}

/// A page with a form for strangers: the browser is to say where the form comes from, which `no-referrer` would forbid.
pub fn says_its_origin(mut page: Response) -> Response {
    page.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    page
}

impl FromRequest<Web> for Stranger {
    type Rejection = Problem;

    async fn from_request(request: Request, _web: &Web) -> Result<Stranger, Problem> {
        if request.method() != Method::POST || foreign_to_strangers(request.headers()) {
            return Err(Problem::of(Kind::Forged));
        }
        Ok(Stranger(Fields::of(request).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (header::HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn a_form_of_another_site_is_foreign() {
        assert!(foreign(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(foreign(&headers(&[("sec-fetch-site", "same-site")])));
        assert!(!foreign(&headers(&[("sec-fetch-site", "same-origin")])));
        assert!(foreign(&headers(&[("origin", "https://kwaad.example"), ("host", "bolwerk.example")])));
        assert!(!foreign(&headers(&[("origin", "https://bolwerk.example"), ("host", "bolwerk.example")])));
        assert!(foreign(&headers(&[("origin", "https://bolwerk.example.kwaad.example"), ("host", "bolwerk.example")])));
        assert!(!foreign(&headers(&[("host", "bolwerk.example")])));
    }

    #[test]
    fn a_form_for_strangers_from_nowhere_is_foreign() {
        let own = [("origin", "http://10.0.0.5"), ("host", "10.0.0.5")];
        for (said, is) in [
            (&[("origin", "null"), ("host", "bolwerk.example")][..], true),
            (&[("origin", "null"), ("sec-fetch-site", "same-origin")], false),
            (&[("origin", "null"), ("sec-fetch-site", "cross-site")], true),
            (&own, false),
            (&[("host", "bolwerk.example")], false),
        ] {
            assert_eq!(foreign_to_strangers(&headers(said)), is, "{said:?}");
        }
    }

    #[test]
    fn behind_encryption_only_the_cookie_of_this_host_counts() {
        let local = Some("127.0.0.1:5000".parse().unwrap());
        let of = |cookie: &'static str, proto: &'static str| {
            let headers = headers(&[("cookie", cookie), ("x-forwarded-proto", proto)]);
            session_token(&headers, Door::of(&headers, local))
        };
        assert!(of("__Host-bolwerk=abc", "https").is_some() && of("bolwerk=abc", "http").is_some());
        assert!(of("bolwerk=abc", "https").is_none(), "a neighbour under the same domain may have set it");
        assert!(of("__Host-bolwerk=abc", "http").is_none());
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let said = headers(&[("x-forwarded-for", "203.0.113.9, 198.51.100.7"), ("x-forwarded-proto", "https")]);
        let far = Door::of(&said, Some("192.0.2.1:5000".parse().unwrap()));
        assert_eq!((far.address, far.secure, far.local), ("192.0.2.1".parse().unwrap(), false, false));
        let near = Door::of(&said, Some("127.0.0.1:5000".parse().unwrap()));
        assert_eq!((near.address, near.secure, near.local), ("198.51.100.7".parse().unwrap(), true, false));
        let here = Door::of(&HeaderMap::new(), Some("[::ffff:127.0.0.1]:5000".parse().unwrap()));
        assert!(here.local);
    }

    #[test]
    fn cookies_are_told_apart() {
        let sent = headers(&[("cookie", "xbolwerk=1; bolwerk=abc; taal=en")]);
        assert_eq!(cookie(&sent, "bolwerk"), Some("abc"));
        assert_eq!(cookie(&sent, "taal"), Some("en"));
        assert_eq!(cookie(&sent, "aal"), None);
    }

    #[test]
    fn a_field_that_the_page_has_not_is_refused() {
        let fields = Fields(vec![("title".into(), "x".into()), ("role".into(), "admin".into())]);
        assert!(fields.clone().only(&["title", "role"]).is_ok());
        assert!(fields.only(&["title"]).is_err());
    }
}
