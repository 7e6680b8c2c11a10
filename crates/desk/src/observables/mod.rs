//! Observables: what in a text an investigator looks for elsewhere. Read also when defanged, kept in one canonical form.

use crate::intake::Observable;

/// Kinds, in the order in which they are shown.
pub const KINDS: [&str; 13] =
    ["ipv4", "ipv6", "domain", "url", "email", "md5", "sha1", "sha256", "sha512", "cve", "asn", "btc", "eth"];

/// Observables found in a text, in order, each once. `own` is the desk's address: it and its domain are set aside.
pub fn find(text: &str, own: Option<&str>) -> Vec<Observable> {
    let _ = (text, own);
    Vec::new()
}

/// As it is shown: nobody opens it by a click.
pub fn defanged(observable: &Observable) -> String {
    observable.value.replace("http", "hxxp").replace('.', "[.]")
}

/// Place of a kind in lists; unknown ones come last.
pub(crate) fn order(kind: &str) -> usize {
    KINDS.iter().position(|k| *k == kind).unwrap_or(KINDS.len())
}
