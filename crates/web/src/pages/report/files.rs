//! What leaves as bytes: the raw message, an attachment, the sanitised HTML for the frame. Nothing of it ever runs here.

use crate::Web;
use crate::archive;
use crate::assets::assets;
use crate::headers::{DOWNLOAD_POLICY, MAIL_POLICY};
use crate::problem::{Kind, Problem};
use crate::routes::query;
use crate::visitor::Visitor;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use desk::ids::Reference;
use desk::intake::{ContentRef, ReportView};
use desk::lens::Seen;
use engine::FormReport;
use maud::{DOCTYPE, PreEscaped, html};

async fn view(web: &Web, visitor: &Visitor, reference: &str) -> Result<ReportView, Problem> {
    let reference: Reference = reference.parse().map_err(|_| Problem::not_found())?;
    web.see(visitor, |_, lens| lens.report(reference)).await?.ok_or_else(Problem::not_found)
}

async fn content(web: &Web, seen: Seen<ContentRef>) -> Result<Vec<u8>, Problem> {
    web.engine().content(seen).await?.ok_or_else(|| Problem::of(Kind::Erased))
}

/// A download: never shown, never guessed at, never run.
fn download(name: &str, bytes: Vec<u8>) -> Response {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_. ".contains(c) { c } else { '_' }).collect();
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", query(name));
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOWNLOAD_POLICY));
    response
}

/// `GET /melding/M-…/origineel`.
pub(crate) async fn raw(
    State(web): State<Web>,
    visitor: Visitor,
    Path(reference): Path<String>,
) -> Result<Response, Problem> {
    let view = view(&web, &visitor, &reference).await?;
    let bytes = content(&web, view.raw).await?;
    let ending = if view.row.via.is_mail() { "eml" } else { "json" };
    Ok(download(&format!("{}.{ending}", view.row.reference), bytes))
}

/// `GET /melding/M-…/html`: for the frame only.
pub(crate) async fn html(
    State(web): State<Web>,
    visitor: Visitor,
    Path(reference): Path<String>,
) -> Result<Response, Problem> {
    let view = view(&web, &visitor, &reference).await?;
    let seen = view.body.ok_or_else(Problem::not_found)?;
    let body: desk::intake::Body = serde_json::from_slice(&content(&web, seen).await?).unwrap_or_default();
    let foreign = body.html.ok_or_else(Problem::not_found)?;
    let safe = tokio::task::spawn_blocking(move || post::html::sanitised(&foreign))
        .await
        .map_err(|_| Problem::of(Kind::Unforeseen))?;
    let page = html! {
        (DOCTYPE)
        html {
            head { meta charset="utf-8"; title { (view.row.reference) } link rel="stylesheet" href=(assets().mail.path); }
            body { (PreEscaped(safe)) }
        }
    };
    let mut response = Html(page.into_string()).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_POLICY));
    Ok(response)
}

/// `GET /melding/M-…/bijlage/N`.
pub(crate) async fn attachment(
    State(web): State<Web>,
    visitor: Visitor,
    Path((reference, index)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    let view = view(&web, &visitor, &reference).await?;
    let (name, bytes) = attached(&web, view, index).await?;
    Ok(download(&name, bytes))
}

/// An attachment of a report as it may leave: a suspicious one only inside a protected archive.
pub(crate) async fn attached(web: &Web, view: ReportView, index: u32) -> Result<(String, Vec<u8>), Problem> {
    let (name, suspicious, bytes) = if view.row.via.is_mail() {
        let found = web.engine().attachment(view.raw, index).await?;
        let (part, bytes) = found.ok_or_else(Problem::not_found)?;
        (part.name, part.suspicious.is_some(), bytes)
    } else {
        let raw = content(web, view.raw).await?;
        let file = FormReport::files_of(&raw).into_iter().nth(index as usize).ok_or_else(Problem::not_found)?;
        let listed = view.head.as_ref().and_then(|h| h.attachments.iter().find(|a| a.index == index));
        let name = listed.map_or_else(|| format!("{}-{index}", view.row.reference), |a| a.name.clone());
        (name, listed.is_none_or(|a| a.suspicious.is_some()), file.bytes)
    };
    if !suspicious {
        return Ok((name, bytes));
    }
    let packed = archive::protected(&name, &bytes).ok_or_else(|| Problem::of(Kind::TooLarge))?;
    Ok((format!("{name}.zip"), packed))
}
