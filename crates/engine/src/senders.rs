//! Is a mail from whom it says? Checked while it is read, never before it is acknowledged; shown, not assumed.

use crate::engine::Engine;
use desk::intake::{Arrival, Authenticity, AuthenticityCheck, Proof, Via};
use post::authenticity::{self, Check, Envelope, Standing, Verdict, reason, standing};
use post::dns::{Dns, is_public};
use post::read::Reading;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Longest time that checking adds to the reading of one mail.
const CHECK: Duration = Duration::from_secs(5);
/// After the resolver was silent, this long nothing is asked: a dead one must not slow every mail down.
const REST: Duration = Duration::from_secs(30);
/// Longest wait for a sign of life of the resolver.
const ALIVE: Duration = Duration::from_secs(1);
/// Mails that are checked at once, at most. Others are read unchecked: answers that are long in coming must not hold up what can be read.
pub(crate) const CHECKS_MAX: usize = 32;

/// Who says whether a mail is from whom it says.
#[derive(Clone, Debug, Default)]
pub struct Senders {
    /// The mail server in front, whose `Authentication-Results` are believed.
    pub trusted: Option<TrustedHop>,
    /// The DNS, where this desk may check by itself.
    pub dns: Option<Dns>,
}

/// A mail server in front of the desk.
#[derive(Clone, Debug)]
pub struct TrustedHop {
    /// The name that it writes into the field (`authserv-id`).
    pub name: String,
    /// From where it brings mail by SMTP, besides this machine. By LMTP and IMAP all mail has passed it.
    pub addresses: Vec<IpAddr>,
}

/// What was found here.
pub(crate) type Own = (Vec<Check>, Option<&'static str>);

/// Checks a mail by the DNS, if that is allowed. Old mail that is moved in is not checked: keys and servers change.
pub(crate) async fn check(engine: &Engine, via: Via, arrival: &Arrival, raw: &Arc<[u8]>) -> Option<Own> {
    let dns = engine.inner.senders.dns.as_ref().filter(|_| via.is_mail() && via != Via::Import)?;
    let rests = || engine.inner.dns_rests_until.lock().is_some_and(|until| Instant::now() < until);
    let unchecked = (Vec::new(), Some(reason::DNS));
    let Ok(_place) = engine.inner.checks.try_acquire() else { return Some(unchecked) };
    if rests() {
        return Some(unchecked);
    }
    // A peer on this machine or in its network is a mail server in front, not the sender's own.
    let peer = arrival.peer.as_deref().and_then(|p| p.parse().ok()).filter(|p| via == Via::Smtp && is_public(*p));
    let envelope = Envelope {
        peer: peer.filter(|p| !engine.inner.senders.trusted.iter().any(|hop| hop.addresses.contains(p))),
        helo: arrival.helo.clone().unwrap_or_default(),
        from: arrival.envelope_from.clone().unwrap_or_default(),
    };
    let own = authenticity::check(dns, raw.clone(), envelope, CHECK).await;
    // A sender names servers as he likes, also some that never answer: only a resolver that is silent itself is left alone.
    if own.1 == Some(reason::DNS) && silent(&own.0) && !dns.answers(ALIVE).await {
        *engine.inner.dns_rests_until.lock() = Some(Instant::now() + REST);
    }
    Some(own)
}

/// Whether nobody answered.
fn silent(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.verdict == Verdict::TempError)
}

/// What the trusted hop says in a mail, as written and as understood.
fn of_hop(senders: &Senders, via: Via, arrival: &Arrival, reading: &Reading) -> Option<(String, String, Vec<Check>)> {
    let hop = senders.trusted.as_ref().filter(|_| via.is_mail())?;
    let peer: Option<IpAddr> = arrival.peer.as_deref().and_then(|p| p.parse().ok());
    // Whoever reaches the door without passing the hop can write its name too.
    let passed = via != Via::Smtp || peer.is_some_and(|p| p.is_loopback() || hop.addresses.contains(&p));
    let (field, checks) = authenticity::results_of(&reading.authentication, &hop.name).filter(|_| passed)?;
    Some((hop.name.clone(), field.to_owned(), checks))
}

/// What both say together: the field of the trusted hop as written, and what follows.
pub(crate) fn judge(
    senders: &Senders,
    via: Via,
    arrival: &Arrival,
    reading: &Reading,
    own: Option<Own>,
) -> (Vec<String>, Option<Box<Authenticity>>) {
    let hop = of_hop(senders, via, arrival, reading);
    if hop.is_none() && own.is_none() {
        return (Vec::new(), None);
    }
    let (own, not_checked) = own.unwrap_or_default();
    let said = |by: Option<&str>, check: &Check| AuthenticityCheck {
        by: by.map(str::to_owned),
        method: check.method.key().to_owned(),
        result: check.verdict.key().to_owned(),
        domain: check.domain.clone(),
    };
    let (fields, mut checks, mut all) = match hop {
        Some((name, field, found)) => (vec![field], found.iter().map(|c| said(Some(&name), c)).collect(), found),
        None => (Vec::new(), Vec::new(), Vec::new()),
    };
    checks.extend(own.iter().map(|c| said(None, c)));
    all.extend(own);
    let from = reading.from_address.as_deref().unwrap_or_default();
    let standing = match standing(from, &all) {
        _ if silent(&all) => Proof::Unchecked,
        Standing::Verified => Proof::Verified,
        Standing::Unproven => Proof::Unproven,
        Standing::Failed => Proof::Failed,
    };
    let not_checked = not_checked.map(str::to_owned);
    (fields, Some(Box::new(Authenticity { standing, checks, not_checked })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(via: Via, peer: &str, fields: &[&str]) -> Option<Proof> {
        let addresses = vec!["192.0.2.1".parse().unwrap()];
        let senders = Senders { trusted: Some(TrustedHop { name: "mx.team.example".into(), addresses }), dns: None };
        let reading = Reading {
            from_address: Some("it@diest.be".into()),
            authentication: fields.iter().map(|f| (*f).to_owned()).collect(),
            ..Reading::default()
        };
        let arrival = Arrival { peer: Some(peer.to_owned()), ..Arrival::default() };
        judge(&senders, via, &arrival, &reading, None).1.map(|a| a.standing)
    }

    #[test]
    fn only_who_passed_the_trusted_hop_brings_its_word() {
        let (good, bad) = ("mx.team.example; dmarc=pass header.from=diest.be", "mx.team.example; dmarc=fail");
        assert_eq!(judged(Via::Lmtp, "", &[good]), Some(Proof::Verified));
        assert_eq!(judged(Via::Imap, "", &[bad, good]), Some(Proof::Failed));
        assert_eq!(judged(Via::Smtp, "127.0.0.1", &[good]), Some(Proof::Verified));
        assert_eq!(judged(Via::Smtp, "192.0.2.1", &[good]), Some(Proof::Verified));
        assert_eq!(judged(Via::Smtp, "192.0.2.2", &[good]), None, "written by whoever came straight to the door");
        assert_eq!(judged(Via::Lmtp, "", &["mx.evil.example; dmarc=pass header.from=diest.be"]), None);
        assert_eq!(judged(Via::Form, "", &[good]), None);
    }
}
