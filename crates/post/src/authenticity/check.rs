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

use super::{Check, Method, Verdict, organisation, reason};
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
    let began = Instant::now();
    let work = move || runtime.block_on(verify(&authenticator, &raw, &envelope, began, within));
    tokio::task::spawn_blocking(work).await.unwrap_or((Vec::new(), Some(reason::FAULT)))
}

fn signatures(raw: &[u8]) -> usize {
    let signs = |name: &[u8]| {
        let name = name.to_ascii_lowercase();
        name.starts_with(b"dkim") || name.starts_with(b"arc-") || name == b"message-instance"
    };
    scan::fields_within(raw, HEADER_MAX_BYTES).filter(|field| signs(field.name)).count()
}

/// What speaks for the author is asked first, each with time of its own. Whoever forges an author may name servers of his own beside it that
/// never answer: they take no time from the others.
async fn verify(
    authenticator: &MessageAuthenticator,
    raw: &[u8],
    envelope: &Envelope,
    began: Instant,
    within: Duration,
) -> (Vec<Check>, Option<&'static str>) {
    let Some(mut message) = AuthenticatedMessage::parse(raw) else { return (Vec::new(), None) };
    let (first, second, end) = (began + within * 2 / 5, began + within * 4 / 5, began + within);
    let author =
        message.from.first().and_then(|from| from.rsplit_once('@')).map_or("", |(_, domain)| domain).to_owned();
    let authors = organisation(&author);
    let of_author = |domain: &str| organisation(domain) == authors;
    let signed = message.dkim_headers.len();
    message.dkim_headers.retain(|signature| of_author(&signature.header.d));
    let others_signed = message.dkim_headers.len() < signed;

    let domain = envelope.from.rsplit_once('@').map_or(envelope.helo.as_str(), |(_, domain)| domain);
    let (dkim, spf) = tokio::join!(
        timeout_at(first, authenticator.verify_dkim(&message)),
        timeout_at(first, spf_of(authenticator, envelope, domain)),
    );
    let silent = |method, domain: &str| Check { method, verdict: Verdict::TempError, domain: named(domain) };
    let mut checks = match &dkim {
        Ok(found) => found.iter().map(of_dkim).collect(),
        Err(_) => vec![silent(Method::Dkim, &author)],
    };
    let spf = spf.unwrap_or_else(|_| SpfOutput::new(domain.to_owned()).with_result(SpfResult::TempError));
    if envelope.peer.is_some() {
        checks.push(of_spf(&spf));
    }
    // What may still speak for the author is no failure.
    let unsure = checks
        .iter()
        .any(|check| check.verdict == Verdict::TempError && check.domain.as_deref().is_some_and(of_author));
    let asked = DmarcParameters::new(&message, dkim.as_deref().unwrap_or_default(), domain, &spf);
    checks.push(match timeout_at(second, authenticator.verify_dmarc(asked)).await {
        Ok(dmarc) => {
            let verdict = match dmarc.result() {
                DmarcResult::Pass => Verdict::Pass,
                // Without SPF nothing fails: the sender's server may well have been the right one.
                DmarcResult::Fail(_) if envelope.peer.is_none() => Verdict::None,
                DmarcResult::Fail(_) if unsure => Verdict::TempError,
                DmarcResult::Fail(_) => Verdict::Fail,
                DmarcResult::TempError(_) => Verdict::TempError,
                DmarcResult::PermError(_) => Verdict::PermError,
                DmarcResult::None => Verdict::None,
            };
            Check { method: Method::Dmarc, verdict, domain: named(dmarc.domain()) }
        }
        Err(_) => silent(Method::Dmarc, &author),
    });
    checks.extend(others(authenticator, raw, &message, others_signed.then_some(of_author), end).await);
    let waited = checks.iter().any(|check| check.verdict == Verdict::TempError);
    (checks, waited.then_some(reason::DNS))
}

async fn spf_of(authenticator: &MessageAuthenticator, envelope: &Envelope, domain: &str) -> SpfOutput {
    let Some(peer) = envelope.peer else { return SpfOutput::new(domain.to_owned()).with_result(SpfResult::None) };
    let asked = match envelope.from.is_empty() {
        true => SpfParameters::verify_ehlo(peer, &envelope.helo, "bolwerk"),
        false => SpfParameters::verify_mail_from(peer, &envelope.helo, "bolwerk", &envelope.from),
    };
    authenticator.verify_spf(asked).await
}

/// What others than the author's organisation signed, and what the way of the mail says.
async fn others(
    authenticator: &MessageAuthenticator,
    raw: &[u8],
    message: &AuthenticatedMessage<'_>,
    of_author: Option<impl Fn(&str) -> bool>,
    end: Instant,
) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(of_author) = of_author
        && let Some(mut rest) = AuthenticatedMessage::parse(raw)
    {
        rest.dkim_headers.retain(|signature| !of_author(&signature.header.d));
        // These are told with the author's.
        rest.errors.clear();
        match timeout_at(end, authenticator.verify_dkim(&rest)).await {
            Ok(found) => checks.extend(found.iter().map(of_dkim)),
            Err(_) => checks.push(Check { method: Method::Dkim, verdict: Verdict::TempError, domain: None }),
        }
    }
    if !message.ams_headers.is_empty() || message.has_arc_errors {
        let verdict = match timeout_at(end, authenticator.verify_arc(message)).await {
            Ok(arc) => of_signature(arc.result()),
            Err(_) => Verdict::TempError,
        };
        checks.push(Check { method: Method::Arc, verdict, domain: None });
    }
    checks
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
