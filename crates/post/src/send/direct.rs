//! Mail straight to the servers of its recipient's domain (RFC 5321, 5.1), by order of preference.
//!
//! Encrypted where a server offers it, without proof of who it is: neither DANE nor MTA-STS is looked at.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use super::client::Fault;
use super::{Delivery, Relay, Timeouts, Tls, Trust, connect_to, hand_to, introduce, unlawful};
use crate::dns::{Dns, DnsFault, is_public};

/// Connections tried for one mail at one time; the next try comes later.
const TRIES_MAX: usize = 6;
/// Addresses of one server that are tried.
const ADDRESSES_MAX: usize = 2;
/// Servers of a domain that are looked at.
const SERVERS_MAX: usize = 10;

/// How mail is delivered without a relay.
#[derive(Clone, Debug)]
pub struct Direct {
    pub dns: Dns,
    /// 25, but in tests.
    pub port: u16,
    /// Whether a domain may lead to this machine or to a private network: its DNS belongs to strangers.
    pub private_addresses: bool,
}

/// Where mail for a domain goes, or why nowhere.
enum Way {
    Servers(Vec<String>),
    Nowhere(Delivery),
}

/// Hands over one mail for one recipient at the servers of its domain. `raw` gets CR LF line ends and stuffed dots on the way. An empty
/// `envelope_from` is the null sender.
pub async fn deliver_direct(
    direct: &Direct,
    helo: &str,
    envelope_from: &str,
    to: &str,
    raw: &[u8],
    timeouts: &Timeouts,
) -> Delivery {
    if let Some(refused) = unlawful(envelope_from, to) {
        return refused;
    }
    let Some(domain) = to.rsplit_once('@').and_then(|(_, domain)| idna::domain_to_ascii(domain).ok()) else {
        return Delivery::refused(553, "The address has no domain that can be looked up");
    };
    let servers = match way(&direct.dns, &domain, raw).await {
        Way::Servers(servers) => servers,
        Way::Nowhere(why) => return why,
    };
    let (mut tries, mut failure, mut private) = (0, None, false);
    for server in servers.iter().take(SERVERS_MAX) {
        let addresses = match direct.dns.addresses(server).await {
            Ok(addresses) => addresses,
            Err(why) => {
                failure.get_or_insert(Delivery::unasked(format!("{server}: {why}")));
                continue;
            }
        };
        let usable = |address: &IpAddr| direct.private_addresses || is_public(*address);
        private |= !addresses.iter().any(usable);
        for address in addresses.into_iter().filter(usable).take(ADDRESSES_MAX) {
            if tries == TRIES_MAX {
                break;
            }
            tries += 1;
            match at(SocketAddr::new(address, direct.port), server, helo, timeouts).await {
                // From here on this server answers for the mail: what it says counts.
                Ok(client) => return hand_to(client, envelope_from, to, raw, timeouts).await,
                Err(fault) => failure = Some(Delivery::unopened(fault)),
            }
        }
    }
    match failure {
        Some(why) => why,
        None if private => {
            Delivery::refused(550, "The domain's mail server has an address that is not of the public internet")
        }
        None => Delivery::unasked(format!("No server takes mail for {domain}")),
    }
}

/// A conversation with one server: encrypted where it offers that, and in the clear when its encryption does not work.
async fn at(
    address: SocketAddr,
    server: &str,
    helo: &str,
    timeouts: &Timeouts,
) -> Result<super::client::Client, Fault> {
    let mut relay = Relay { host: server.to_owned(), port: address.port(), tls: Tls::StartTlsIfOffered, user: None };
    let trust = Trust::system();
    let stream = connect_to(address, timeouts.connect).await.map_err(Fault::Connect)?;
    match introduce(stream, address.ip(), &relay, &trust, helo, timeouts).await {
        Err(Fault::Handshake(_)) => {
            relay.tls = Tls::Off;
            let stream = connect_to(address, timeouts.connect).await.map_err(Fault::Connect)?;
            introduce(stream, address.ip(), &relay, &trust, helo, timeouts).await
        }
        other => other,
    }
}

/// The servers of a domain, the preferred ones first, those of one preference in an order that differs from mail to mail. A domain
/// without any is its own (RFC 5321, 5.1).
async fn way(dns: &Dns, domain: &str, raw: &[u8]) -> Way {
    let mut exchanges = match dns.exchanges(domain).await {
        Ok(exchanges) => exchanges,
        Err(DnsFault::NoRecord) => return Way::Servers(vec![domain.to_owned()]),
        Err(DnsFault::NoName) => return Way::Nowhere(Delivery::refused(550, "The domain does not exist")),
        Err(why @ DnsFault::Later(_)) => return Way::Nowhere(Delivery::unasked(why.to_string())),
    };
    exchanges.retain(|(_, server)| !server.is_empty());
    if exchanges.is_empty() {
        return Way::Nowhere(Delivery::refused(556, "The domain takes no mail (null MX)"));
    }
    exchanges.sort_by_cached_key(|(preference, server)| {
        let mut hasher = DefaultHasher::new();
        (raw, server).hash(&mut hasher);
        (*preference, hasher.finish())
    });
    Way::Servers(exchanges.into_iter().map(|(_, server)| server).collect())
}
