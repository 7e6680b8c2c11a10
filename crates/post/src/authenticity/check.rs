//! Our own check of a mail, by its bytes, its envelope and the DNS.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DmarcResult, Error, MessageAuthenticator, SpfOutput, SpfResult,
    dkim::DkimError,
};
use tokio::time::{Instant, timeout_at};

use super::{Check, Method, Verdict, reason};
use crate::dns::Dns;
use crate::scan;

/// Signatures of all kinds that are looked at; each costs a hash over the mail and a question to the DNS.
const SIGNATURES_MAX: usize = 10;
/// Header bytes that are looked at.
const HEADER_MAX_BYTES: usize = 256 * 1024;

/// What the conversation with the peer said.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// Who brought it, where that is the sender's own server: without it there is no SPF.
    pub peer: Option<IpAddr>,
    /// What the peer called itself.
    pub helo: String,
    /// Envelope sender; empty for the null sender.
    pub from: String,
}

/// Checks a mail, in at most this time, and says why not everything was checked. Work that is not the DNS's runs on a thread of its own, so
/// that neither a large mail nor a fault in it touches anything else.
pub async fn check(
    dns: &Dns,
    raw: Arc<[u8]>,
    envelope: Envelope,
    within: Duration,
) -> (Vec<Check>, Option<&'static str>) {
    let header = scan::header_len(&raw, HEADER_MAX_BYTES + 1);
    if header > HEADER_MAX_BYTES || signatures(&raw) > SIGNATURES_MAX {
        return (Vec::new(), Some(reason::SIZE));
    }
    let authenticator = MessageAuthenticator(dns.resolver());
    let runtime = tokio::runtime::Handle::current();
    let end = Instant::now() + within;
    let work = move || runtime.block_on(verify(&authenticator, &raw, &envelope, end));
    tokio::task::spawn_blocking(work).await.unwrap_or((Vec::new(), Some(reason::FAULT)))
}

fn signatures(raw: &[u8]) -> usize {
    let signs = |name: &[u8]| {
        let name = name.to_ascii_lowercase();
        name.starts_with(b"dkim") || name.starts_with(b"arc-") || name == b"message-instance"
    };
    scan::fields_within(raw, HEADER_MAX_BYTES).filter(|field| signs(field.name)).count()
}

async fn verify(
    authenticator: &MessageAuthenticator,
    raw: &[u8],
    envelope: &Envelope,
    end: Instant,
) -> (Vec<Check>, Option<&'static str>) {
    let Some(message) = AuthenticatedMessage::parse(raw) else { return (Vec::new(), None) };
    let mut checks = Vec::new();
    let Ok(dkim) = timeout_at(end, authenticator.verify_dkim(&message)).await else {
        return (checks, Some(reason::DNS));
    };
    checks.extend(dkim.iter().map(of_dkim));
    let domain = envelope.from.rsplit_once('@').map_or(envelope.helo.as_str(), |(_, domain)| domain);
    let mut spf = SpfOutput::new(domain.to_owned()).with_result(SpfResult::None);
    if let Some(peer) = envelope.peer {
        let asked = match envelope.from.is_empty() {
            true => SpfParameters::verify_ehlo(peer, &envelope.helo, "bolwerk"),
            false => SpfParameters::verify_mail_from(peer, &envelope.helo, "bolwerk", &envelope.from),
        };
        let Ok(found) = timeout_at(end, authenticator.verify_spf(asked)).await else {
            return (checks, Some(reason::DNS));
        };
        checks.push(of_spf(&found));
        spf = found;
    }
    let asked = DmarcParameters::new(&message, &dkim, domain, &spf);
    let Ok(dmarc) = timeout_at(end, authenticator.verify_dmarc(asked)).await else {
        return (checks, Some(reason::DNS));
    };
    // Without SPF nothing fails: the sender's server may well have been the right one.
    let verdict = match dmarc.result() {
        DmarcResult::Pass => Verdict::Pass,
        DmarcResult::Fail(_) if envelope.peer.is_none() => Verdict::None,
        DmarcResult::Fail(_) => Verdict::Fail,
        DmarcResult::TempError(_) => Verdict::TempError,
        DmarcResult::PermError(_) => Verdict::PermError,
        DmarcResult::None => Verdict::None,
    };
    checks.push(Check { method: Method::Dmarc, verdict, domain: named(dmarc.domain()) });
    if !message.ams_headers.is_empty() || message.has_arc_errors {
        let Ok(arc) = timeout_at(end, authenticator.verify_arc(&message)).await else {
            return (checks, Some(reason::DNS));
        };
        checks.push(Check { method: Method::Arc, verdict: of_signature(arc.result()), domain: None });
    }
    let waited = checks.iter().any(|check| check.verdict == Verdict::TempError);
    (checks, waited.then_some(reason::DNS))
}

fn named(domain: &str) -> Option<String> {
    Some(domain.trim_end_matches('.').to_lowercase()).filter(|domain| !domain.is_empty())
}

fn of_dkim(output: &DkimOutput<'_>) -> Check {
    let domain = output.signature().and_then(|signature| named(&signature.d));
    Check { method: Method::Dkim, verdict: of_signature(output.result()), domain }
}

fn of_signature(result: &DkimResult) -> Verdict {
    match result {
        DkimResult::Pass => Verdict::Pass,
        // The mail was changed after it was signed: RFC 6376, 3.9, speaks of a failure.
        DkimResult::Neutral(Error::Dkim(DkimError::FailedBodyHashMatch)) | DkimResult::Fail(_) => Verdict::Fail,
        DkimResult::Neutral(_) => Verdict::Neutral,
        DkimResult::PermError(_) => Verdict::PermError,
        DkimResult::TempError(_) => Verdict::TempError,
        DkimResult::None => Verdict::None,
    }
}

fn of_spf(output: &SpfOutput) -> Check {
    let verdict = match output.result() {
        SpfResult::Pass => Verdict::Pass,
        SpfResult::Fail => Verdict::Fail,
        SpfResult::SoftFail => Verdict::SoftFail,
        SpfResult::Neutral => Verdict::Neutral,
        SpfResult::TempError => Verdict::TempError,
        SpfResult::PermError => Verdict::PermError,
        SpfResult::None => Verdict::None,
    };
    Check { method: Method::Spf, verdict, domain: named(output.domain()) }
}
