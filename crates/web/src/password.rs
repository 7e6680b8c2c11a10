//! Passwords: Argon2id with the memory-hard figures of the current OWASP advice.

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
/// Passwords checked at once: each takes 19 MiB and a core.
const AT_ONCE_MAX: usize = 2;
/// Shortest password, characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, characters: beyond it somebody wants to keep us busy.
pub const PASSWORD_CHARS_MAX: usize = 512;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE_MAX);

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
pub async fn hash(password: String) -> String {
    let _place = PLACES.acquire().await.expect("the semaphore is never closed");
    tokio::task::spawn_blocking(move || hash_now(&password)).await.expect("hashing does not panic")
}

/// Whether a password is the one behind a stored hash. Without one it takes as long and is not.
pub async fn matches(password: String, stored: Option<String>) -> bool {
    let _place = PLACES.acquire().await.expect("the semaphore is never closed");
    let known = stored.is_some();
    let checked =
        tokio::task::spawn_blocking(move || matches_now(&password, stored.as_deref().unwrap_or(NOBODY.as_str())));
    checked.await.expect("checking does not panic") && known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_and_only_that_one_opens() {
        let stored = hash("kaas met mosterd".to_owned()).await;
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(matches("kaas met mosterd".to_owned(), Some(stored.clone())).await);
        assert!(!matches("kaas zonder mosterd".to_owned(), Some(stored)).await);
        assert!(!matches("nobody has this password".to_owned(), None).await);
        assert!(!matches("x".to_owned(), Some("not a hash".to_owned())).await);
    }
}
