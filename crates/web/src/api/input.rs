//! What comes in: JSON bodies and queries, refused with the name of the field that is to blame.

use super::door::MOMENT;
use super::problem::Wrong;
use crate::Web;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use desk::ids::Reference;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Rows of a page when nobody says how many.
const LIMIT_DEFAULT: usize = 50;
/// Most rows of a page.
pub(super) const LIMIT_MAX: usize = 500;

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Web> for Json<T> {
    type Rejection = Wrong;

    async fn from_request(request: Request, web: &Web) -> Result<Json<T>, Wrong> {
        let sent = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" {
            return Err(Wrong::of("media-type", "Send the body as application/json."));
        }
        let bytes =
            Bytes::from_request(request, web).await.map_err(|_| Wrong::of("malformed", "The body broke off."))?;
        body(&bytes).map(Json)
    }
}

/// Reads a body.
pub(super) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Wrong> {
    // The reader would take a list for an object, field by field.
    if bytes.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Wrong::of("malformed", "The body must be a JSON object."));
    }
    match axum::Json::<T>::from_bytes(bytes) {
        Ok(axum::Json(value)) => Ok(value),
        Err(rejection) => Err(explained(&rejection.body_text(), "body")),
    }
}

/// The query of an address.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Web> for Asked<T> {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, _web: &Web) -> Result<Asked<T>, Wrong> {
        query(&parts.uri).map(Asked)
    }
}

/// Reads a query; the moment that it is asked about is no part of it.
pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Wrong> {
    let kept = uri.query().unwrap_or_default().split('&');
    let kept = kept.filter(|pair| !MOMENT.contains(&pair.split('=').next().unwrap_or_default()));
    let kept: Vec<&str> = kept.collect();
    let uri = format!("/?{}", kept.join("&")).parse::<Uri>().unwrap_or_else(|_| uri.clone());
    match Query::<T>::try_from_uri(&uri) {
        Ok(Query(value)) => Ok(value),
        Err(rejection) => Err(explained(&rejection.body_text(), "query")),
    }
}

/// A reference in the path. One that cannot be read names nothing.
pub(super) struct Named(pub(super) Reference);

impl FromRequestParts<Web> for Named {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Named, Wrong> {
        let path = Path::<std::collections::HashMap<String, String>>::from_request_parts(parts, web).await;
        let Path(path) = path.map_err(|_| Wrong::not_found())?;
        let reference = path.get("reference").and_then(|r| r.parse().ok());
        reference.map(Named).ok_or_else(Wrong::not_found)
    }
}

/// What the reader of a body or query says, with the field that it names.
fn explained(text: &str, place: &str) -> Wrong {
    // The reader puts a sentence of its own, and then the path, in front.
    let said = text.split_once(": ").map_or(text, |(_, said)| said);
    let unknown = said.split_once("unknown field `").and_then(|(_, rest)| rest.split_once('`')).map(|(name, _)| name);
    if let Some(field) = unknown {
        let detail = format!("The {place} has a field that is not known here: {field}.");
        return Wrong::of("invalid", detail).about(field, "unknown-field");
    }
    if let Some((_, rest)) = said.split_once("missing field `")
        && let Some((field, _)) = rest.split_once('`')
    {
        return Wrong::field(field, "missing", format!("The {place} lacks the field {field}."));
    }
    let path = said.split_once(": ").map(|(path, _)| path).filter(|p| !p.is_empty() && !p.contains(' ') && *p != ".");
    match path {
        Some(field) if !text.starts_with("Failed to parse") => Wrong::field(field, "form", said.to_owned()),
        _ => Wrong::of("malformed", format!("The {place} cannot be read: {said}")),
    }
}

/// How many rows a page has.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Wrong> {
    match asked {
        None => Ok(LIMIT_DEFAULT),
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(Wrong::field("limit", "range", format!("limit: 1 to {LIMIT_MAX}."))),
    }
}

/// An answer of 200 in JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("what goes over the wire is plain data");
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// A page of a list, with the address of the next one (RFC 8288).
pub(super) fn page(value: &impl Serialize, uri: &Uri, next: Option<&str>) -> Response {
    let mut response = json(value);
    if let Some(next) = next {
        let kept = uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty() && !p.starts_with("after="));
        let mut address = format!("{}?after={}", uri.path(), crate::routes::query(next));
        kept.for_each(|pair| address.push_str(&format!("&{pair}")));
        if let Ok(link) = HeaderValue::from_str(&format!("<{address}>; rel=\"next\"")) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}

/// Whether a list of entity tags has this one (RFC 9110 §13.1).
pub(super) fn has_tag(headers: &HeaderMap, name: header::HeaderName, tag: &str) -> Option<bool> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
    if lines.is_empty() {
        return None;
    }
    let mut tags = lines.iter().flat_map(|l| l.split(',')).map(str::trim);
    Some(tags.any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_one_by_one() {
        let mut headers = HeaderMap::new();
        assert_eq!(has_tag(&headers, header::IF_MATCH, "\"a\""), None);
        headers.insert(header::IF_MATCH, HeaderValue::from_static("\"b\", W/\"a\""));
        assert_eq!(has_tag(&headers, header::IF_MATCH, "\"a\""), Some(true));
        assert_eq!(has_tag(&headers, header::IF_MATCH, "\"c\""), Some(false));
        headers.insert(header::IF_MATCH, HeaderValue::from_static("*"));
        assert_eq!(has_tag(&headers, header::IF_MATCH, "\"c\""), Some(true));
    }
}
