//! What every answer says about itself to the browser.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Policy of every page: nothing inline, nothing foreign, markup from strings only through the one policy of our script.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
    require-trusted-types-for 'script'; trusted-types bolwerk";

/// Policy of the frame in which the sanitised HTML of a mail is shown: it may be framed by us, and do nothing at all.
pub const MAIL_POLICY: &str =
    "default-src 'none'; style-src 'self'; sandbox; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";

/// Policy of a download: nothing in it ever runs here.
pub const DOWNLOAD_POLICY: &str =
    "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const ALWAYS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-robots-tag", "noindex"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=(), browsing-topics=()",
    ),
];

fn put(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
    headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
}

/// Adds what is not said already.
pub async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    ALWAYS.iter().for_each(|(name, value)| put(headers, name, value));
    put(headers, "content-security-policy", POLICY);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
