//! Signed notes (C2SP signed-note, Ed25519 only) and checkpoints (C2SP tlog-checkpoint).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::leaf::Hash;

/// Signature type of Ed25519 in key ids and verifier keys.
const ED25519: u8 = 1;
/// Longest note that is read, bytes.
const NOTE_BYTES_MAX: usize = 16 << 20;
/// Most signature lines that are read.
const SIGNATURES_MAX: usize = 64;
/// Longest origin, bytes.
const ORIGIN_BYTES_MAX: usize = 200;

/// A name and the public key that signs under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

impl Verifier {
    /// A verifier for `name`; a name has no spaces, plus signs or control characters.
    pub(crate) fn new(name: &str, public: &[u8; 32]) -> Result<Verifier, Error> {
        if !name_is_valid(name) {
            return Err(Error::invalid(format!("{name:?} cannot be the name of a log: no spaces, no plus sign")));
        }
        let key = VerifyingKey::from_bytes(public)
            .map_err(|_| Error::BadNote { what: "the public key is not an Ed25519 key".into() })?;
        Ok(Verifier { name: name.to_owned(), key })
    }

    /// Reads a verifier key as `<name>+<hex id>+<base64 type ‖ key>`.
    pub fn parse(vkey: &str) -> Result<Verifier, Error> {
        let bad = || Error::BadNote { what: "not a verifier key (name+id+key)".into() };
        let mut fields = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(bad());
        };
        let key = STANDARD.decode(key).map_err(|_| bad())?;
        let [ED25519, public @ ..] = key.as_slice() else { return Err(bad()) };
        let verifier = Verifier::new(name, public.try_into().map_err(|_| bad())?)?;
        if hex(&verifier.id()) != id { Err(bad()) } else { Ok(verifier) }
    }

    /// The verifier key in its text form, to be handed to witnesses.
    pub fn vkey(&self) -> String {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        format!("{}+{}+{}", self.name, hex(&self.id()), STANDARD.encode(key))
    }

    /// The name, which for a checkpoint is the origin of the log.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The text of a note that this key signed. A note without our signature, or with a wrong one, is refused.
    pub fn open<'note>(&self, note: &'note str) -> Result<&'note str, Error> {
        let bad = |what: &str| Error::BadNote { what: what.into() };
        if note.len() > NOTE_BYTES_MAX {
            return Err(bad("it is too long"));
        }
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(bad("it has control characters"));
        }
        let end = note.rfind("\n\n").ok_or_else(|| bad("it has no signature"))?;
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        let lines = signatures.strip_suffix('\n').ok_or_else(|| bad("its last line is cut"))?;
        let mut ours = false;
        for (n, line) in lines.split('\n').enumerate() {
            if n >= SIGNATURES_MAX {
                return Err(bad("it has too many signatures"));
            }
            let (name, signature) = line
                .strip_prefix("\u{2014} ")
                .and_then(|rest| rest.split_once(' '))
                .ok_or_else(|| bad("a signature line is malformed"))?;
            let signature = STANDARD.decode(signature).map_err(|_| bad("a signature is not base64"))?;
            let (id, signature) = signature.split_first_chunk::<4>().ok_or_else(|| bad("a signature is too short"))?;
            if !name_is_valid(name) || signature.is_empty() {
                return Err(bad("a signature line is malformed"));
            }
            if name == self.name && *id == self.id() {
                let signature =
                    Signature::from_slice(signature).map_err(|_| bad("the signature has the wrong length"))?;
                self.key
                    .verify_strict(text.as_bytes(), &signature)
                    .map_err(|_| bad("the signature does not fit the text"))?;
                ours = true;
            }
        }
        if ours { Ok(text) } else { Err(bad(&format!("it is not signed by {}", self.name))) }
    }
}

/// A name that can stand in a signature line.
pub(crate) fn name_is_valid(name: &str) -> bool {
    (1..=ORIGIN_BYTES_MAX).contains(&name.len())
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// Signs `text` (which ends in a newline) under `name`.
pub(crate) fn sign(key: &SigningKey, name: &str, text: &str) -> Result<String, Error> {
    debug_assert!(text.ends_with('\n'));
    let verifier = Verifier::new(name, key.verifying_key().as_bytes())?;
    let mut signature = verifier.id().to_vec();
    signature.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
    Ok(format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(signature)))
}

/// What a checkpoint says: the tree of `size` leaves of log `origin` has this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
    /// Further lines, which we never write into a checkpoint.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// The text of the note.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text of a note.
    pub fn parse(text: &str) -> Result<Checkpoint, Error> {
        let bad = || Error::BadNote { what: "its text is not a checkpoint (origin, size, root)".into() };
        let mut lines = text.strip_suffix('\n').ok_or_else(bad)?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(bad());
        };
        let parsed: u64 = size.parse().map_err(|_| bad())?;
        if origin.is_empty() || parsed.to_string() != size {
            return Err(bad());
        }
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or_else(bad)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(bad());
        }
        Ok(Checkpoint { origin: origin.to_owned(), size: parsed, root, extensions })
    }

    /// Opens a signed checkpoint of the log that `verifier` is for.
    pub fn open(verifier: &Verifier, note: &str) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::parse(verifier.open(note)?)?;
        if checkpoint.origin != verifier.name {
            return Err(Error::BadNote { what: format!("it is of the log {}", checkpoint.origin) });
        }
        Ok(checkpoint)
    }

    pub(crate) fn sign(&self, key: &SigningKey) -> Result<String, Error> {
        sign(key, &self.origin, &self.text())
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

/// Reads 64 lower-case hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    let bytes: &[u8; 64] = text.as_bytes().try_into().ok()?;
    for (to, pair) in hash.iter_mut().zip(bytes.chunks_exact(2)) {
        *to = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the C2SP signed-note text.
    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    /// The example of the C2SP tlog-checkpoint text.
    const CHECKPOINT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification_verifies() {
        let verifier = Verifier::parse(VKEY).unwrap();
        assert_eq!(verifier.vkey(), VKEY);
        assert_eq!(verifier.open(NOTE).unwrap(), "This is an example message.\n");
        assert!(verifier.open(&NOTE.replace("example message", "exemple message")).is_err());
    }

    #[test]
    fn the_checkpoint_of_the_specification_reads_and_writes_back() {
        let checkpoint = Checkpoint::parse(CHECKPOINT).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.text(), CHECKPOINT);
        assert!(Checkpoint::parse(&CHECKPOINT.replace("20852163", "020852163")).is_err(), "leading zero");
        assert!(Checkpoint::parse(&CHECKPOINT.replace("20852163", "+20852163")).is_err(), "sign");
        assert!(Checkpoint::parse(&format!("{CHECKPOINT}\n")).is_err(), "empty extension line");
    }

    #[test]
    fn signatures_of_others_are_passed_over_and_ours_must_fit() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let checkpoint = Checkpoint { origin: "bolwerk/test".into(), size: 0, root: [0; 32], extensions: Vec::new() };
        let note = checkpoint.sign(&key).unwrap();
        let verifier = Verifier::new("bolwerk/test", key.verifying_key().as_bytes()).unwrap();
        assert_eq!(Checkpoint::open(&verifier, &note).unwrap(), checkpoint);
        let witnessed = format!("{note}\u{2014} witness.example/w AAAAAAAA\n");
        assert_eq!(Checkpoint::open(&verifier, &witnessed).unwrap(), checkpoint);
        let other = Verifier::new("bolwerk/test", SigningKey::from_bytes(&[8; 32]).verifying_key().as_bytes()).unwrap();
        assert!(Checkpoint::open(&other, &note).is_err());
        assert!(Checkpoint::open(&Verifier::parse(VKEY).unwrap(), NOTE).is_err(), "signed, but no checkpoint");
    }

    proptest! {
        #[test]
        fn one_changed_byte_is_never_accepted(at in 0usize..NOTE.len(), flip in 1u8..128) {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[at] ^= flip;
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert!(Verifier::parse(VKEY).unwrap().open(&text).is_err());
            }
        }

        #[test]
        fn foreign_text_never_panics(text in ".{0,200}") {
            let _ = Verifier::parse(&text);
            let _ = Verifier::parse(VKEY).unwrap().open(&text);
            let _ = Checkpoint::parse(&text);
            let _ = unhex(&text);
        }
    }
}
