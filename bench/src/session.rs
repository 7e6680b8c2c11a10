//! Signed in, as a browser is.

use crate::failure::{Failure, Tried};
use crate::http::{Answer, Client};
use crate::mails::MAILBOX;
use crate::pause;
use crate::server::{Desk, Setting};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Whoever does the first run of a desk that is made for a measurement.
const LOGIN: &str = "meter";
/// Its password; the desk is thrown away afterwards.
const PASSWORD: &str = "alleen om te meten, 2026";
/// Longest wait until the code of the first run is printed.
const CODE_TIMEOUT: Duration = Duration::from_secs(5);
/// What stands before the code of the first run.
const CODE_MARK: &str = "which works once: ";

/// Does the first run of a fresh desk; gives back the cookie.
pub fn first_run(desk: &Desk, setting: &Setting) -> Result<String, Failure> {
    let code = code(setting)?;
    let fields = [
        ("code", code.as_str()),
        ("organisation", "Meetdesk"),
        ("address", MAILBOX),
        ("phone", ""),
        ("language", "nl"),
        ("name", "Meter"),
        ("login", LOGIN),
        ("password", PASSWORD),
    ];
    let answer = Client::new(desk.ready.http, None).post("/first-run", &fields);
    cookie(&answer.tried(|| "first run".to_owned())?, "first run")
}

fn code(setting: &Setting) -> Result<String, Failure> {
    let began = Instant::now();
    while began.elapsed() < CODE_TIMEOUT {
        if let Some(code) = code_in(&setting.said()) {
            return Ok(code);
        }
        pause(Duration::from_millis(20));
    }
    Err(Failure::program("the desk printed no code for the first run"))
}

fn code_in(said: &str) -> Option<String> {
    let line = said.lines().rev().find_map(|l| l.split_once(CODE_MARK))?.1.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// Follows the one-click link of a demonstration: where it is, and the cookie.
pub fn follow(link: &str) -> Result<(SocketAddr, String), Failure> {
    let wrong = || Failure::usage(format!("{link}: no link like http://127.0.0.1:8022/demo?code=…"));
    let (host, path) = link.strip_prefix("http://").and_then(|l| l.split_once('/')).ok_or_else(wrong)?;
    let server: SocketAddr = host.parse().map_err(|_| wrong())?;
    let answer = Client::new(server, None).get(&format!("/{path}")).tried(|| link.to_owned())?;
    Ok((server, cookie(&answer, link)?))
}

/// The cookie kept in a file that `bench fill` wrote.
pub fn kept(file: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(file).at(file)?.trim().to_owned())
}

fn cookie(answer: &Answer, what: &str) -> Result<String, Failure> {
    match answer.cookie() {
        Some(cookie) if answer.status == 303 => Ok(cookie),
        _ => Err(Failure::program(format!("{what}: {} and no session; it said:\n{}", answer.status, answer.text()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_code_is_found() {
        let said = "Bolwerk is at http://x/\nFirst run: …, which works once: a-b\nlater\nFirst run: …, which works once: c-d \n";
        assert_eq!(code_in(said).as_deref(), Some("c-d"));
        assert_eq!(code_in("nothing"), None);
    }
}
