//! Reads the form as it comes in: texts first, files within their limits, the rest counted and let go.

use super::check::{Typed, WHAT_CHARS_MAX};
use super::crowd::{Gate, Held};
use super::{FILES_BYTES_MAX, FILES_MAX};
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use engine::FormFile;
use http_body_util::{BodyExt, Limited};
use std::time::Duration;

/// Longest text of a field that is read at all, bytes: more than the longest that is taken, so that it can be shown again.
const TEXT_BYTES_MAX: usize = 8 * WHAT_CHARS_MAX;
/// All texts and the frame around them, bytes.
const REST_BYTES_MAX: usize = 512 << 10;
/// What is read at all, bytes: files that do not fit are read past, so that the browser hears our answer.
const BODY_BYTES_MAX: usize = 256 << 20;
/// Longest silence in the middle of an upload.
const SILENCE: Duration = Duration::from_secs(60);
/// Longest upload: 20 MiB over a line of 25 kB/s.
const UPLOAD_TIME: Duration = Duration::from_secs(15 * 60);
/// Longest name of a file, characters.
const NAME_CHARS_MAX: usize = 200;

/// What came in.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub(super) typed: Typed,
    pub(super) files: Vec<FormFile>,
    /// Files that did not fit.
    pub(super) left_out: usize,
    /// It broke off, or was no form.
    pub(super) broken: bool,
    /// Room that the files take.
    pub(super) held: Held,
}

impl Typed {
    fn put(&mut self, name: &str, value: String) {
        let line = || value.trim().to_owned();
        match name {
            "board" => self.board = line(),
            "name" => self.name = line(),
            "phone" => self.phone = line(),
            "email" => self.email = line(),
            "hit_now" => self.hit_now = !value.trim().is_empty(),
            // A browser sends CR LF for every end of line.
            "what" => self.what = value.replace("\r\n", "\n").trim().to_owned(),
            "once" => self.once = line().chars().filter(char::is_ascii_graphic).take(64).collect(),
            "website" => self.trap = line(),
            // From an older or a foreign page: nothing of it is needed.
            _ => {}
        }
    }
}

/// Reads a form, with files or without.
pub(super) async fn read(gate: &Gate, request: Request) -> Upload {
    let mut upload = Upload::default();
    let multipart = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data"));
    let whole =
        if multipart { with_files(gate, &mut upload, request).await } else { without(&mut upload, request).await };
    upload.broken = whole.is_none();
    upload
}

async fn without(upload: &mut Upload, request: Request) -> Option<()> {
    let body = Limited::new(request.into_body(), REST_BYTES_MAX).collect();
    let bytes = tokio::time::timeout(SILENCE, body).await.ok()?.ok()?.to_bytes();
    let request = Request::builder()
        .method("POST")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(bytes))
        .ok()?;
    let form = axum::extract::Form::<Vec<(String, String)>>::from_request(request, &()).await.ok()?;
    form.0.into_iter().for_each(|(name, value)| upload.typed.put(&name, value));
    Some(())
}

async fn with_files(gate: &Gate, upload: &mut Upload, request: Request) -> Option<()> {
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, Body::new(Limited::new(body, BODY_BYTES_MAX)));
    let mut multipart = Multipart::from_request(request, &()).await.ok()?;
    tokio::time::timeout(UPLOAD_TIME, async {
        let mut texts = REST_BYTES_MAX;
        while let Some(field) = next(multipart.next_field()).await? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "files" {
                file(gate, upload, field).await?;
            } else {
                let value = text(field, texts.min(TEXT_BYTES_MAX)).await?;
                texts = texts.saturating_sub(value.len());
                upload.typed.put(&name, value);
            }
        }
        Some(())
    })
    .await
    .ok()?
}

/// Waits for the next piece, but not for ever.
async fn next<T>(piece: impl Future<Output = Result<T, MultipartError>>) -> Option<T> {
    tokio::time::timeout(SILENCE, piece).await.ok()?.ok()
}

async fn text(mut field: Field<'_>, bytes_max: usize) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = next(field.chunk()).await? {
        let room = bytes_max.saturating_sub(bytes.len());
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Takes a file if it fits with those that came before it; else reads past it.
async fn file(gate: &Gate, upload: &mut Upload, mut field: Field<'_>) -> Option<()> {
    let name: String = field.file_name().unwrap_or_default().chars().take(NAME_CHARS_MAX).collect();
    let media_type: String = field.content_type().unwrap_or_default().chars().take(NAME_CHARS_MAX).collect();
    let before: usize = upload.files.iter().map(|f| f.bytes.len()).sum();
    let mut fits = upload.files.len() < FILES_MAX;
    let mut bytes = Vec::new();
    let mut any = false;
    while let Some(chunk) = next(field.chunk()).await? {
        any |= !chunk.is_empty();
        fits = fits
            && before + bytes.len() + chunk.len() <= FILES_BYTES_MAX
            && gate.room_for(&mut upload.held, chunk.len());
        if fits {
            bytes.extend_from_slice(&chunk);
        } else {
            bytes = Vec::new();
        }
    }
    // A browser sends one nameless, empty file when none was chosen.
    if !any && name.is_empty() {
        return Some(());
    }
    if fits {
        upload.files.push(FormFile { name, media_type, bytes });
    } else {
        upload.left_out += 1;
    }
    Some(())
}
