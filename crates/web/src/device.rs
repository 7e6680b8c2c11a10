//! A browser that signed in before: a signed cookie that gives it tries of its own at the password ([`crate::throttle`]). It lets
//! nobody in (after OWASP's "device cookies").

use crate::Web;
use crate::secret;
use crate::visitor::{Door, cookie};
use axum::http::{HeaderMap, HeaderValue};
use std::fmt::Write as _;

/// Name of the cookie where the connection is not encrypted.
const COOKIE: &str = "toestel";
/// Name of the cookie where it is.
const COOKIE_SECURE: &str = "__Host-toestel";
/// How long a browser is remembered, seconds: browsers allow no more than 400 days.
const SECONDS: i64 = 400 * 24 * 3600;
/// People that one browser remembers: those who take turns at the desk.
const PEOPLE_MAX: usize = 6;
/// Random bytes in a name.
const NAME_BYTES: usize = 12;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// What proves that somebody signed in with this login in the browser of this name.
fn seal(web: &Web, name: &str, login: &str) -> String {
    hex(&web.engine().digest(&format!("device {name} {}", login.trim())).0)
}

fn kept(headers: &HeaderMap, door: Door) -> impl Iterator<Item = (&str, &str)> {
    let value = cookie(headers, if door.secure { COOKIE_SECURE } else { COOKIE }).unwrap_or_default();
    value.split('_').take(PEOPLE_MAX).filter_map(|pair| pair.split_once('-'))
}

/// The name of this browser, if somebody signed in with this login here before.
pub(crate) fn known(web: &Web, headers: &HeaderMap, door: Door, login: &str) -> Option<String> {
    let of = |(name, sealed): &(&str, &str)| secret::same(sealed.as_bytes(), seal(web, name, login).as_bytes());
    kept(headers, door).find(of).map(|(name, _)| name.to_owned())
}

/// The cookie after somebody signed in: they first, then those who were here before.
pub(crate) fn remembered(web: &Web, headers: &HeaderMap, door: Door, login: &str) -> HeaderValue {
    let name = hex(&secret::random::<NAME_BYTES>());
    let mine = format!("{name}-{}", seal(web, &name, login));
    let before = known(web, headers, door, login);
    let others =
        kept(headers, door).filter(|(name, _)| before.as_deref() != Some(name)).map(|(n, s)| format!("{n}-{s}"));
    let all: Vec<String> = std::iter::once(mine).chain(others).take(PEOPLE_MAX).collect();
    let (cookie, secure) = if door.secure { (COOKIE_SECURE, "; Secure") } else { (COOKIE, "") };
    let line = format!("{cookie}={}; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age={SECONDS}", all.join("_"));
    HeaderValue::from_str(&line).unwrap_or(HeaderValue::from_static(""))
}
