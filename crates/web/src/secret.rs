//! Secrets that a browser holds: made at random, compared in constant time, stored as their hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use desk::Digest;
use sha2::{Digest as _, Sha256};

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// Fresh random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the machine's random source works, or nothing secret can be made");
    bytes
}

/// A new secret as it goes into a cookie, and its hash as it goes into the journal.
pub fn new_secret() -> (String, Digest) {
    let secret = URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>());
    let digest = hash(&secret);
    (secret, digest)
}

/// What is stored of a secret: it has 256 random bits, so one SHA-256 hides it.
pub fn hash(secret: &str) -> Digest {
    Digest(Sha256::digest(secret.as_bytes()).into())
}

/// Equality whose time tells nothing about where two texts differ.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// A form token, different in every page, so that compressed pages do not give it away bit by bit (BREACH).
pub fn masked(token: &[u8; SECRET_BYTES]) -> String {
    let pad = random::<SECRET_BYTES>();
    let mut both = [0; 2 * SECRET_BYTES];
    for n in 0..SECRET_BYTES {
        both[n] = pad[n];
        both[SECRET_BYTES + n] = pad[n] ^ token[n];
    }
    URL_SAFE_NO_PAD.encode(both)
}

/// Whether what a form brought back is that token.
pub fn unmasks(sent: &str, token: &[u8; SECRET_BYTES]) -> bool {
    let Ok(both) = URL_SAFE_NO_PAD.decode(sent) else { return false };
    if both.len() != 2 * SECRET_BYTES {
        return false;
    }
    let (pad, hidden) = both.split_at(SECRET_BYTES);
    let open: Vec<u8> = pad.iter().zip(hidden).map(|(a, b)| a ^ b).collect();
    same(&open, token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_changes_its_looks_and_stays_the_same() {
        let token = random();
        let (one, other) = (masked(&token), masked(&token));
        assert_ne!(one, other);
        assert!(unmasks(&one, &token) && unmasks(&other, &token));
        assert!(!unmasks(&one, &random()));
        assert!(!unmasks("", &token) && !unmasks("####", &token) && !unmasks(&one[4..], &token));
    }

    #[test]
    fn texts_are_compared_to_the_end() {
        assert!(same(b"abc", b"abc") && !same(b"abc", b"abd") && !same(b"abc", b"ab"));
    }
}
