//! Reference Security Incident Taxonomy v1003 (CC0): what kind of incident it is. Names are in the words, `rsit-…`.

/// Classes, and the types of each. The identifiers are the taxonomy's own.
pub const CLASSES: [(&str, &[&str]); 11] = [
    (
        "information-content-security",
        &["unauthorised-information-modification", "data-leak", "unauthorised-information-access", "data-loss"],
    ),
    ("malicious-code", &["infected-system", "c2-server", "malware-distribution", "malware-configuration"]),
    (
        "intrusions",
        &[
            "privileged-account-compromise",
            "unprivileged-account-compromise",
            "application-compromise",
            "system-compromise",
            "burglary",
        ],
    ),
    ("intrusion-attempts", &["ids-alert", "brute-force", "exploit"]),
    ("fraud", &["phishing", "masquerade", "unauthorised-use-of-resources", "copyright"]),
    ("availability", &["outage", "sabotage", "ddos", "dos", "misconfiguration"]),
    (
        "vulnerable",
        &[
            "vulnerable-system",
            "information-disclosure",
            "potentially-unwanted-accessible",
            "weak-crypto",
            "ddos-amplifier",
        ],
    ),
    ("information-gathering", &["social-engineering", "scanner", "sniffing"]),
    ("abusive-content", &["spam", "harmful-speech", "violence"]),
    ("other", &["undetermined", "other"]),
    ("test", &["test"]),
];

/// Whether it is a type of the taxonomy.
pub fn is_type(key: &str) -> bool {
    CLASSES.iter().any(|(_, types)| types.contains(&key))
}

/// The type in an identifier that may name its class too (`fraud:phishing`).
pub fn type_of(key: &str) -> &str {
    key.rsplit([':', '/', '.']).next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taxonomy_is_whole() {
        assert_eq!(CLASSES.iter().map(|(_, types)| types.len()).sum::<usize>(), 39);
        assert!(is_type(type_of("fraud:phishing")) && is_type("test") && !is_type("fraud"));
    }
}
