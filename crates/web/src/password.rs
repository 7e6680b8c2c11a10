//! Passwords: Argon2id with the memory-hard figures of the current OWASP advice.

use crate::problem::{Kind, Problem};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Memory, KiB (19 MiB).
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Passwords worked on at once: each takes 19 MiB and a core.
const AT_ONCE_MAX: usize = 2;
/// Strangers who wait for that, at most: about a second's work. Beyond it they are asked to come back.
const STRANGERS_MAX: usize = 40;
/// As many places are kept for people whom the desk knows, so that no crowd of strangers keeps them out.
const KNOWN_MAX: usize = 40;
/// Shortest password, characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, characters: beyond it somebody wants to keep us busy.
pub const PASSWORD_CHARS_MAX: usize = 512;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE_MAX);
static STRANGERS: Semaphore = Semaphore::const_new(STRANGERS_MAX);
static KNOWN: Semaphore = Semaphore::const_new(KNOWN_MAX);

/// Who types a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typist {
    /// Anybody.
    Stranger,
    /// Somebody who is signed in, or whose browser was.
    Known,
}

/// Too many wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl From<Busy> for Problem {
    fn from(_: Busy) -> Problem {
        Problem::of(Kind::TooMany)
    }
}

/// Does the work when it is its turn. Work that was begun is done, and holds its place, whoever has gone away meanwhile.
async fn in_turn<T: Send + 'static>(typist: Typist, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
    let queue = if typist == Typist::Known { &KNOWN } else { &STRANGERS };
    let _waiting = queue.try_acquire().map_err(|_| Busy)?;
    let place = PLACES.acquire().await.expect("the semaphore is never closed");
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    });
    Ok(done.await.expect("working on a password does not panic"))
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the figures are within Argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Checked against when there is no such account, so that both take as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody has this password"));

fn hash_now(password: &str) -> String {
    argon2().hash_password(password.as_bytes()).expect("the machine's random source works").to_string()
}

fn matches_now(password: &str, stored: &str) -> bool {
    let Ok(stored) = PasswordHash::new(stored) else { return false };
    argon2().verify_password(password.as_bytes(), &stored).is_ok()
}

/// The hash of a new password, in PHC form.
pub async fn hash(password: String) -> Result<String, Busy> {
    in_turn(Typist::Known, move || hash_now(&password)).await
}

/// Whether a password is the one behind a stored hash. Without one it takes as long and is not.
pub async fn matches(typist: Typist, password: String, stored: Option<String>) -> Result<bool, Busy> {
    let known = stored.is_some();
    let stored = move || stored.unwrap_or_else(|| NOBODY.clone());
    Ok(in_turn(typist, move || matches_now(&password, &stored())).await? && known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_and_only_that_one_opens() {
        let stored = hash("kaas met mosterd".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let opens = async |password: &str, stored: Option<&str>| {
            matches(Typist::Stranger, password.to_owned(), stored.map(str::to_owned)).await.unwrap()
        };
        assert!(opens("kaas met mosterd", Some(&stored)).await);
        assert!(!opens("kaas zonder mosterd", Some(&stored)).await);
        assert!(!opens("nobody has this password", None).await);
        assert!(!opens("x", Some("not a hash")).await);
    }
}
