//! Is a mail from whom it says? What a trusted hop found ([`results_of`], RFC 8601), and what can be checked here ([`check`]: DKIM,
//! RFC 6376; SPF, RFC 7208; DMARC; ARC, RFC 8617).
//!
//! Nothing of this is needed to take a mail, and nothing of it may hold one up.

mod check;
mod results;

pub use self::check::{Envelope, check};
pub use self::results::results_of;

/// Why not everything was checked. Keys, for words in the reader's language.
pub mod reason {
    /// The DNS did not answer in time.
    pub const DNS: &str = "dns";
    /// More signatures, or a larger header, than is looked at.
    pub const SIZE: &str = "size";
    /// The check itself failed.
    pub const FAULT: &str = "fault";

    /// All of them, so that a test finds the words that are missing.
    pub const ALL: [&str; 3] = [DNS, SIZE, FAULT];
}

/// How it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Dkim,
    Spf,
    Dmarc,
    Arc,
}

impl Method {
    /// Its name (RFC 8601, 2.7).
    pub fn key(self) -> &'static str {
        match self {
            Method::Dkim => "dkim",
            Method::Spf => "spf",
            Method::Dmarc => "dmarc",
            Method::Arc => "arc",
        }
    }

    fn from_key(key: &str) -> Option<Self> {
        [Method::Dkim, Method::Spf, Method::Dmarc, Method::Arc].into_iter().find(|m| m.key().eq_ignore_ascii_case(key))
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    SoftFail,
    Neutral,
    None,
    Policy,
    TempError,
    PermError,
}

impl Verdict {
    const ALL: [Verdict; 8] = [
        Verdict::Pass,
        Verdict::Fail,
        Verdict::SoftFail,
        Verdict::Neutral,
        Verdict::None,
        Verdict::Policy,
        Verdict::TempError,
        Verdict::PermError,
    ];

    /// Its name (RFC 8601, 2.7).
    pub fn key(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::SoftFail => "softfail",
            Verdict::Neutral => "neutral",
            Verdict::None => "none",
            Verdict::Policy => "policy",
            Verdict::TempError => "temperror",
            Verdict::PermError => "permerror",
        }
    }

    fn from_key(key: &str) -> Option<Self> {
        // An older name of SPF's `fail`.
        let key = if key.eq_ignore_ascii_case("hardfail") { "fail" } else { key };
        Verdict::ALL.into_iter().find(|v| v.key().eq_ignore_ascii_case(key))
    }
}

/// One result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub method: Method,
    pub verdict: Verdict,
    /// The domain that it is about: of the signature, of the envelope, of `From`.
    pub domain: Option<String>,
}

/// What results mean for an address in `From`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its own organisation's domain stands for it.
    Verified,
    /// Nothing speaks for or against it.
    Unproven,
    /// DMARC fails, or what its own organisation should stand for does not hold.
    Failed,
}

/// What results mean for the address in `From`. Only what is about the same organisation counts (RFC 7489, 3.1, relaxed): anybody can sign
/// for a domain of their own.
pub fn standing(from: &str, checks: &[Check]) -> Standing {
    let domain = from.rsplit_once('@').map(|(_, domain)| organisation(domain)).filter(|d| !d.is_empty());
    let own = |check: &Check| check.domain.as_deref().map(organisation) == domain && domain.is_some();
    let verified = |check: &Check| check.verdict == Verdict::Pass && check.method != Method::Arc && own(check);
    let failed = |check: &Check| match (check.method, check.verdict) {
        (Method::Dmarc, Verdict::Fail) => true,
        (Method::Dkim, Verdict::Fail) | (Method::Spf, Verdict::Fail | Verdict::SoftFail) => own(check),
        _ => false,
    };
    if checks.iter().any(verified) {
        Standing::Verified
    } else if checks.iter().any(failed) {
        Standing::Failed
    } else {
        Standing::Unproven
    }
}

/// The domain under which an organisation registered, by the public suffix list.
fn organisation(domain: &str) -> String {
    let ascii = idna::domain_to_ascii(domain.trim_end_matches('.')).unwrap_or_default();
    psl::domain_str(&ascii).map(str::to_owned).unwrap_or(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, verdict: Verdict, domain: &str) -> Check {
        Check { method, verdict, domain: Some(domain.to_owned()) }
    }

    #[test]
    fn only_the_own_organisation_stands_for_an_address() {
        use Method::{Arc, Dkim, Dmarc, Spf};
        use Verdict::{Fail, Neutral, Pass, SoftFail};
        for (checks, expected) in [
            (vec![], Standing::Unproven),
            (vec![check(Dkim, Pass, "diest.be")], Standing::Verified),
            (vec![check(Dkim, Pass, "MAIL.diest.be.")], Standing::Verified),
            (vec![check(Dkim, Pass, "evil.be")], Standing::Unproven),
            (vec![check(Dkim, Pass, "be")], Standing::Unproven),
            (vec![check(Spf, Pass, "evil.be"), check(Dmarc, Fail, "diest.be")], Standing::Failed),
            (vec![check(Dmarc, Pass, "evil.be")], Standing::Unproven),
            (vec![check(Dmarc, Pass, "diest.be")], Standing::Verified),
            (vec![check(Spf, SoftFail, "diest.be")], Standing::Failed),
            (vec![check(Spf, SoftFail, "lijst.be")], Standing::Unproven),
            (vec![check(Spf, Fail, "diest.be"), check(Dkim, Pass, "diest.be")], Standing::Verified),
            (vec![check(Dkim, Fail, "diest.be")], Standing::Failed),
            (vec![check(Spf, Neutral, "diest.be")], Standing::Unproven),
            (vec![check(Arc, Pass, "diest.be")], Standing::Unproven),
        ] {
            assert_eq!(standing("it@diest.be", &checks), expected, "{checks:?}");
        }
        assert_eq!(standing("nobody", &[Check { method: Dmarc, verdict: Pass, domain: None }]), Standing::Unproven);
        let github = check(Dkim, Pass, "evil.github.io");
        assert_eq!(standing("x@town.github.io", &[github]), Standing::Unproven, "a public suffix is no organisation");
    }
}
