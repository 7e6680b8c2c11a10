//! Sealing of parts: XChaCha20-Poly1305 under the subject's key, bound to the entry and the part's number.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::leaf::{Hash, SALT_BYTES, Salt, commit_part};

/// Size of the nonce before the ciphertext, bytes.
pub(crate) const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// Stored bytes are this much longer than the content.
pub(crate) const OVERHEAD_BYTES: u64 = (NONCE_BYTES + SALT_BYTES + TAG_BYTES) as u64;

/// A key of the key file.
pub(crate) type KeyBytes = [u8; 32];

fn associated(seq: u64, number: usize) -> [u8; 9] {
    let mut data = [0; 9];
    data[..8].copy_from_slice(&seq.to_be_bytes());
    data[8] = number as u8;
    data
}

/// The stored bytes: nonce ‖ sealed(salt ‖ content).
pub(crate) fn seal(
    key: &KeyBytes,
    nonce: &[u8; NONCE_BYTES],
    salt: &Salt,
    seq: u64,
    number: usize,
    content: &[u8],
) -> Vec<u8> {
    let mut stored = Vec::with_capacity(content.len() + OVERHEAD_BYTES as usize);
    stored.extend_from_slice(nonce);
    stored.extend_from_slice(salt);
    stored.extend_from_slice(content);
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let tag = cipher
        .encrypt_inout_detached(&XNonce::from(*nonce), &associated(seq, number), (&mut stored[NONCE_BYTES..]).into())
        .expect("content is limited to far less than the cipher's 256 GiB");
    stored.extend_from_slice(&tag);
    stored
}

/// Opens stored bytes: the content and the commitment it satisfies. `None` when key, place or bytes are not the sealed ones.
pub(crate) fn open(key: &KeyBytes, seq: u64, number: usize, stored: &[u8]) -> Option<(Vec<u8>, Salt)> {
    let (nonce, sealed) = stored.split_first_chunk::<NONCE_BYTES>()?;
    let (sealed, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
    if sealed.len() < SALT_BYTES {
        return None;
    }
    let mut plain = sealed.to_vec();
    XChaCha20Poly1305::new(&Key::from(*key))
        .decrypt_inout_detached(
            &XNonce::from(*nonce),
            &associated(seq, number),
            plain.as_mut_slice().into(),
            &(*tag).into(),
        )
        .ok()?;
    let salt = *plain.first_chunk::<SALT_BYTES>()?;
    plain.drain(..SALT_BYTES);
    Some((plain, salt))
}

/// Whether opened content is what the leaf committed to.
pub(crate) fn satisfies(commitment: &Hash, salt: &Salt, content: &[u8]) -> bool {
    commit_part(salt, content) == *commitment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_content_opens_only_where_it_was_put() {
        let stored = seal(&[9; 32], &[1; 24], &[2; 16], 5, 1, b"geheim");
        assert_eq!(stored.len() as u64, 6 + OVERHEAD_BYTES);
        assert_eq!(open(&[9; 32], 5, 1, &stored), Some((b"geheim".to_vec(), [2; 16])));
        assert_eq!(open(&[9; 32], 6, 1, &stored), None, "moved to another entry");
        assert_eq!(open(&[9; 32], 5, 0, &stored), None, "moved to another part");
        assert_eq!(open(&[8; 32], 5, 1, &stored), None, "another key");
        for n in 0..stored.len() {
            let mut bad = stored.clone();
            bad[n] ^= 1;
            assert_eq!(open(&[9; 32], 5, 1, &bad), None, "byte {n}");
            assert_eq!(open(&[9; 32], 5, 1, &stored[..n]), None, "cut at {n}");
        }
    }
}
