//! Style, script and mark: inside the program, served under names that change with their content.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// A file that ships inside the program.
pub struct Asset {
    /// Path below the root, with a digest of the content in it.
    pub path: String,
    kind: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// All of them.
pub struct Assets {
    /// The style sheet.
    pub style: Asset,
    /// The script.
    pub script: Asset,
    /// The mark, for the tab of the browser.
    pub mark: Asset,
    /// Style of the frame in which the HTML of a mail is shown.
    pub mail: Asset,
}

fn asset(name: &str, ending: &str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    let digest = Sha256::digest(bytes);
    let short: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
    Asset { path: format!("/d/{name}-{short}.{ending}"), kind, bytes }
}

/// The files, with their names.
pub fn assets() -> &'static Assets {
    static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
        style: asset("bolwerk", "css", "text/css; charset=utf-8", include_bytes!("../assets/bolwerk.css")),
        script: asset("bolwerk", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/bolwerk.js")),
        mark: asset("mark", "svg", "image/svg+xml", include_bytes!("../assets/mark.svg")),
        mail: asset("mail", "css", "text/css; charset=utf-8", include_bytes!("../assets/mail.css")),
    });
    &ASSETS
}

/// Serves one of them, to be kept for ever: another content has another name.
pub async fn serve(axum::extract::Path(name): axum::extract::Path<String>) -> Response {
    let all = assets();
    let found = [&all.style, &all.script, &all.mark, &all.mail].into_iter().find(|a| a.path[3..] == name);
    let mut response = match found {
        Some(asset) => {
            let mut response = Response::new(Body::from(asset.bytes));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
            let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
            response.headers_mut().insert(header::CACHE_CONTROL, forever);
            response
        }
        None => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    };
    // The frame of a mail is sandboxed, so it is of no origin, and its style comes from another one.
    let may_use = if found.is_some_and(|a| a.path == all.mail.path) { "cross-origin" } else { "same-origin" };
    response
        .headers_mut()
        .insert(header::HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static(may_use));
    response
}

#[cfg(test)]
mod tests {
    const STYLE: &str = include_str!("../assets/bolwerk.css");

    /// The two dark blocks (system and chosen) must not drift apart.
    #[test]
    fn both_dark_themes_hold_the_same_colours() {
        let block = |start: &str| {
            let from = STYLE.find(start).expect(start) + start.len();
            let to = from + STYLE[from..].find('}').expect("end of block");
            STYLE[from..to].split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(block(":root:not([data-theme=\"light\"]) {"), block(":root[data-theme=\"dark\"] {"));
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for text in [STYLE, include_str!("../assets/bolwerk.js"), include_str!("../assets/mail.css")] {
            assert!(!text.contains("url("), "styles draw nothing from files");
            assert!(!text.contains("http://") && !text.contains("https://"), "no foreign address");
            assert!(!text.contains("@import"));
        }
    }
}
