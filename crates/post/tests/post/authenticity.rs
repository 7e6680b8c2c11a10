//! Checking senders against a DNS of the test's own, with keys of the test's own.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::arc::ArcSealer;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::DkimSigner;
use mail_auth::{AuthenticatedMessage, AuthenticationResults, MessageAuthenticator};
use post::authenticity::{Check, Envelope, Standing, check, reason, standing};

use crate::dns_stub::Zone;

const MAIL: &str = "From: IT <it@diest.be>\r\nTo: cyber@desk.example\r\nSubject: hulp\r\n\r\nAlles ligt plat.\r\n";
const LONG: Duration = Duration::from_secs(30);

/// The mail signed for a domain, and its key in the zone.
fn signed(zone: Zone, domain: &str, mail: &str) -> (Zone, String) {
    let pkcs8 = Ed25519Key::generate_pkcs8().unwrap();
    let key = Ed25519Key::from_pkcs8_der(&pkcs8).unwrap();
    let public = STANDARD.encode(key.public_key());
    let zone = zone.txt(&format!("s1._domainkey.{domain}"), &format!("v=DKIM1; k=ed25519; p={public}"));
    let signer = DkimSigner::from_key(key).domain(domain).selector("s1").headers(["From", "To", "Subject"]);
    (zone, format!("{}{mail}", signer.sign(mail.as_bytes()).unwrap().to_header()))
}

fn from(address: &str) -> Envelope {
    Envelope { peer: Some("193.191.1.7".parse().unwrap()), helo: "mx.diest.be".into(), from: address.into() }
}

async fn ask(zone: Zone, mail: &str, envelope: Envelope, within: Duration) -> (Vec<Check>, Option<&'static str>) {
    check(&zone.dns().await, Arc::from(mail.as_bytes()), envelope, within).await
}

fn said(checks: &[Check]) -> Vec<String> {
    let word = |c: &Check| format!("{} {} {}", c.method.key(), c.verdict.key(), c.domain.as_deref().unwrap_or("-"));
    checks.iter().map(word).collect()
}

#[tokio::test]
async fn a_signature_holds_and_one_over_another_text_does_not() {
    let (zone, mail) = signed(Zone::default().txt("diest.be", "v=spf1 -all"), "diest.be", MAIL);
    let zone = zone.txt("_dmarc.diest.be", "v=DMARC1; p=reject");
    let (checks, why) = ask(zone.clone(), &mail, from("it@diest.be"), LONG).await;
    assert_eq!(said(&checks), ["dkim pass diest.be", "spf fail diest.be", "dmarc pass diest.be"]);
    assert_eq!((standing("it@diest.be", &checks), why), (Standing::Verified, None));
    for changed in [mail.replace("plat", "goed"), mail.replace("hulp", "geen hulp")] {
        let (checks, _) = ask(zone.clone(), &changed, from("it@diest.be"), LONG).await;
        assert_eq!(said(&checks), ["dkim fail diest.be", "spf fail diest.be", "dmarc fail diest.be"]);
        assert_eq!(standing("it@diest.be", &checks), Standing::Failed);
    }
    // By another way than SMTP nobody knows who sent it: the signature speaks alone.
    let (checks, _) = ask(zone, &mail, Envelope { peer: None, ..from("it@diest.be") }, LONG).await;
    assert_eq!(said(&checks), ["dkim pass diest.be", "dmarc pass diest.be"]);
}

#[tokio::test]
async fn the_servers_that_a_domain_names_pass_and_others_do_not() {
    let zone = |policy: &str| Zone::default().txt("diest.be", policy);
    for (policy, expected) in [
        ("v=spf1 ip4:193.191.1.0/24 -all", "spf pass diest.be"),
        ("v=spf1 ip4:193.191.2.0/24 ~all", "spf softfail diest.be"),
        ("v=spf1 ip4:193.191.2.0/24 -all", "spf fail diest.be"),
        ("v=spf1 ?all", "spf neutral diest.be"),
        ("no policy", "spf none diest.be"),
        ("v=spf1 include:diest.be -all", "spf permerror diest.be"),
    ] {
        let (checks, _) = ask(zone(policy), MAIL, from("it@diest.be"), LONG).await;
        assert_eq!(said(&checks)[0], expected, "{policy}");
    }
    let (checks, _) =
        ask(zone("v=spf1 -all").txt("mx.diest.be", "v=spf1 ip4:193.191.1.7 -all"), MAIL, from(""), LONG).await;
    assert_eq!(said(&checks)[0], "spf pass mx.diest.be", "the null sender is checked by the server's own name");
}

#[tokio::test]
async fn a_strangers_domain_does_not_stand_for_an_address() {
    let zone = Zone::default().txt("evil.example", "v=spf1 +all").txt("_dmarc.diest.be", "v=DMARC1; p=none");
    let (zone, mail) = signed(zone, "evil.example", MAIL);
    let (checks, _) = ask(zone, &mail, from("x@evil.example"), LONG).await;
    assert_eq!(said(&checks), ["spf pass evil.example", "dmarc fail diest.be", "dkim pass evil.example"]);
    assert_eq!(standing("it@diest.be", &checks), Standing::Failed);
}

/// The mail with the seal of one more hop on top (RFC 8617), and the hop's key in the zone.
async fn sealed(zone: Zone, hop: &str, mail: &str) -> (Zone, String) {
    let pkcs8 = Ed25519Key::generate_pkcs8().unwrap();
    let key = Ed25519Key::from_pkcs8_der(&pkcs8).unwrap();
    let public = STANDARD.encode(key.public_key());
    let message = AuthenticatedMessage::parse(mail.as_bytes()).unwrap();
    let before = MessageAuthenticator(zone.clone().resolver().await).verify_arc(&message).await;
    assert!(before.can_be_sealed());
    let results = AuthenticationResults::new(hop);
    let sealer = ArcSealer::from_key(key).domain(hop).selector("arc").headers(["From", "To", "Subject"]);
    let set = sealer.seal(&message, &results, &before).unwrap().to_header();
    (zone.txt(&format!("arc._domainkey.{hop}"), &format!("v=DKIM1; k=ed25519; p={public}")), format!("{set}{mail}"))
}

/// Two hops pass a mail on; the first one, a list, marks its subject, which breaks the author's signature.
#[tokio::test]
async fn a_chain_of_hops_holds_until_something_changes_after_it_and_never_stands_for_the_author() {
    let (zone, mail) = signed(Zone::default(), "diest.be", MAIL);
    let zone = zone.txt("_dmarc.diest.be", "v=DMARC1; p=reject").txt("lijst.example", "v=spf1 ip4:193.191.1.7 -all");
    let marked = mail.replace("Subject: hulp", "Subject: [lijst] hulp");
    let (zone, first) = sealed(zone, "lijst.example", &marked).await;
    let (zone, chain) = sealed(zone, "mx.team.example", &first).await;
    let asked = async |mail: &str| said(&ask(zone.clone(), mail, from("bounce@lijst.example"), LONG).await.0);
    for whole in [&first, &chain] {
        let (checks, why) = ask(zone.clone(), whole, from("bounce@lijst.example"), LONG).await;
        let expected = ["dkim fail diest.be", "spf pass lijst.example", "dmarc fail diest.be", "arc pass -"];
        assert_eq!(said(&checks), expected);
        assert_eq!(why, None);
        assert_eq!(standing("it@diest.be", &checks), Standing::Failed, "anybody can seal a chain of their own");
    }
    let first_seal = chain.find("ARC-Seal: i=1").expect("the list sealed it");
    let changed = [
        chain.replace("plat", "goed"),
        chain.replace("[lijst] hulp", "[lijst] factuur"),
        chain.replace("From: IT <it@diest.be>", "From: IT <it@antwerpen.be>"),
        // The list's seal is not there any more, or says something else.
        format!("{}X-{}", &chain[..first_seal], &chain[first_seal..]),
        chain.replace(
            "ARC-Authentication-Results: i=1; lijst.example",
            "ARC-Authentication-Results: i=1; mx.evil.example",
        ),
    ];
    for broken in changed {
        assert_ne!(broken, chain);
        let said = asked(&broken).await;
        let arc: Vec<_> = said.iter().filter(|check| check.starts_with("arc ")).collect();
        assert!(matches!(arc[..], [only] if only == "arc fail -" || only == "arc neutral -"), "{said:?}\n{broken}");
    }
    assert!(!asked(&mail).await.iter().any(|check| check.starts_with("arc ")), "without a seal nothing is said of one");
}

#[tokio::test]
async fn a_dns_that_says_nothing_costs_its_time_and_no_more() {
    let (zone, mail) = signed(Zone::default(), "diest.be", MAIL);
    let zone = zone.silent("s1._domainkey.diest.be");
    let (checks, why) = ask(zone, &mail, from("it@diest.be"), Duration::from_millis(50)).await;
    assert_eq!(said(&checks)[0], "dkim temperror diest.be");
    assert_eq!((standing("it@diest.be", &checks), why), (Standing::Unproven, Some(reason::DNS)));
}

#[tokio::test]
async fn a_mail_full_of_signatures_is_not_looked_at() {
    let (zone, mail) = signed(Zone::default(), "diest.be", MAIL);
    let field = mail.split("From:").next().unwrap().to_owned();
    let (checks, why) = ask(zone.clone(), &format!("{}{MAIL}", field.repeat(11)), from("it@diest.be"), LONG).await;
    assert_eq!((checks, why), (Vec::new(), Some(reason::SIZE)));
    let long = format!("X-Long: {}\r\n{mail}", "a".repeat(300_000));
    assert_eq!(ask(zone, &long, from("it@diest.be"), LONG).await.1, Some(reason::SIZE));
}

#[tokio::test]
async fn damaged_signatures_are_survived() {
    let (zone, mail) = signed(Zone::default(), "diest.be", MAIL);
    let (zone, first) = sealed(zone, "lijst.example", &mail).await;
    let (zone, chain) = sealed(zone, "mx.team.example", &first).await;
    let dns = zone.dns().await;
    for (mail, step) in [(mail, 3), (chain, 17)] {
        for at in (0..mail.len()).step_by(step) {
            for byte in [b';', b'=', 0xff] {
                let mut damaged = mail.clone().into_bytes();
                damaged[at] = byte;
                let (_, why) = check(&dns, Arc::from(damaged), Envelope::default(), LONG).await;
                assert_ne!(why, Some(reason::FAULT), "byte {at} as {byte}");
            }
        }
    }
}

#[tokio::test]
async fn servers_that_a_forger_names_take_no_time_from_those_of_the_author() {
    let zone = Zone::default()
        .txt("_dmarc.diest.be", "v=DMARC1; p=reject")
        .txt("evil.example", "v=spf1 ip4:198.51.100.7 -all")
        .silent("s1._domainkey.slow.example");
    let (zone, mail) = signed(zone, "slow.example", MAIL);
    let (checks, why) = ask(zone, &mail, from("x@evil.example"), Duration::from_secs(2)).await;
    assert!(said(&checks).iter().any(|check| check == "dmarc fail diest.be"), "{checks:?}");
    assert_eq!(why, Some(reason::DNS), "that the other signature was not checked is said");
    assert_eq!(standing("it@diest.be", &checks), Standing::Failed);
}

#[tokio::test]
async fn a_resolver_that_answers_is_told_from_one_that_is_silent() {
    let within = Duration::from_millis(500);
    assert!(Zone::default().dns().await.answers(within).await, "also one that knows nothing");
    assert!(!Zone::default().silent("").dns().await.answers(within).await);
}
