//! One plain function for every reader of what a browser or a program sends, for fuzz targets: each must return for any input.

use crate::csv::Table;
use crate::visitor::{Door, Fields};
use crate::{api, pages, secret, when};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use desk::ids::Timestamp;

/// Thursday 15 December 2022, 03:04 Europe/Brussels.
const NOW: Timestamp = Timestamp::from_seconds(1_671_069_840);
/// Headers whose values are read.
const NAMES: [&str; 10] = [
    "cookie",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-forwarded-for",
    "x-forwarded-proto",
    "origin",
    "host",
    "sec-fetch-site",
    "authorization",
];

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a clock is all it needs").block_on(future)
}

fn form(media_type: &str, body: &[u8]) -> Request {
    let request = Request::builder().method("POST").header("content-type", media_type);
    request.body(Body::from(body.to_vec())).expect("a fixed request")
}

/// The public form with files, between boundaries `b`.
pub fn multipart(data: &[u8]) {
    run(pages::public::fuzz(form("multipart/form-data; boundary=b", data)));
    run(pages::public::fuzz(form("multipart/form-data; boundary=b", &[b"--b\r\n", data, b"\r\n--b--\r\n"].concat())));
}

/// Forms without files, of strangers and of who signed in.
pub fn urlencoded(data: &[u8]) {
    run(pages::public::fuzz(form("application/x-www-form-urlencoded", data)));
    if let Ok(fields) = run(Fields::of(form("application/x-www-form-urlencoded", data))) {
        fields.get("title");
        secret::unmasks(fields.raw("token"), &[7; 32]);
        drop(fields.only(&["title"]));
    }
}

/// What the interface for machines takes: the first byte says which body or query the rest is.
pub fn api(data: &[u8]) {
    api::fuzz(data);
}

/// Values of headers, a line each: a digit says which.
pub fn headers(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|b| *b == b'\n') {
        let Some((&sort, value)) = line.split_first() else { continue };
        let name = HeaderName::from_static(NAMES[usize::from(sort.wrapping_sub(b'0')) % NAMES.len()]);
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    api::fuzz_headers(&headers);
    crate::visitor::cookie(&headers, "bolwerk");
    crate::visitor::foreign(&headers);
    for peer in ["127.0.0.1:1", "192.0.2.1:1"] {
        Door::of(&headers, peer.parse().ok());
    }
}

/// A moment as people type it.
pub fn moment(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(at) = when::typed(&text, NOW) {
        when::iso(at);
    }
}

/// A table: read again by the rules of RFC 4180, each cell is what was put in, and none begins like a formula.
pub fn csv(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let cells: Vec<&str> = text.split('\0').collect();
    let mut table = Table::new(&[]);
    table.row(cells.iter());
    let bytes = table.into_bytes();
    let written = std::str::from_utf8(&bytes).expect("text").trim_start_matches('\u{feff}');
    let read = cells_of(written.strip_prefix("\r\n").expect("no columns are an empty row"));
    assert_eq!(read.len(), cells.len(), "{written:?}");
    for (read, cell) in read.iter().zip(cells) {
        assert!(read == cell || read.strip_prefix('\'') == Some(cell), "{read:?} {cell:?}");
        assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r']) || read.parse::<f64>().is_ok(), "{read:?}");
    }
}

/// The cells of one row.
fn cells_of(row: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut signs = row.strip_suffix("\r\n").expect("a row has an end").chars().peekable();
    while let Some(sign) = signs.next() {
        let cell = cells.last_mut().expect("there is one");
        match sign {
            '"' if quoted && signs.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            sign => {
                assert!(quoted || !matches!(sign, '\r' | '\n'), "the row ends too soon");
                cell.push(sign);
            }
        }
    }
    cells
}
