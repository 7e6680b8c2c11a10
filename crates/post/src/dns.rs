//! Names and their records, asked within bounds of time: where mail for a domain goes, and which address a server has.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::time::timeout;

/// Longest wait for one answer of one server.
const ANSWER: Duration = Duration::from_secs(2);
/// How often a server is asked again that does not answer.
const ATTEMPTS: usize = 2;
/// Longest wait for all answers to one question.
const QUESTION: Duration = Duration::from_secs(10);
/// Answers that are remembered, for as long as they say.
const REMEMBERED: u64 = 4_096;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsFault {
    /// Nothing has this name (NXDOMAIN).
    #[error("no such name")]
    NoName,
    /// The name has no record of this kind.
    #[error("no such record")]
    NoRecord,
    /// Nobody could say: try again.
    #[error("the DNS does not answer: {0}")]
    Later(String),
}

/// A resolver. Cheap to clone.
#[derive(Clone)]
pub struct Dns {
    resolver: Arc<TokioResolver>,
    pub(crate) within: Duration,
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dns").field("within", &self.within).finish_non_exhaustive()
    }
}

impl Dns {
    /// The resolvers that this machine is configured with.
    pub fn system() -> Result<Self, String> {
        let (config, _) = hickory_resolver::system_conf::read_system_conf().map_err(|why| why.to_string())?;
        let servers = config.name_servers().to_vec();
        Self::of(servers)
    }

    /// The resolver at this address.
    pub fn at(server: SocketAddr) -> Result<Self, String> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut way| {
            way.port = server.port();
            way
        });
        Self::of(vec![NameServerConfig::new(server.ip(), true, connections.to_vec())])
    }

    /// Another bound for one question.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    // Without the machine's search list: `mail` is not `mail.team.example`.
    fn of(servers: Vec<NameServerConfig>) -> Result<Self, String> {
        let mut options = ResolverOpts::default();
        options.timeout = ANSWER;
        options.attempts = ATTEMPTS;
        options.cache_size = REMEMBERED;
        options.ndots = 0;
        let config = ResolverConfig::from_name_servers(servers);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let resolver = builder.with_options(options).build().map_err(|why| why.to_string())?;
        Ok(Self { resolver: Arc::new(resolver), within: QUESTION })
    }

    pub(crate) fn resolver(&self) -> TokioResolver {
        (*self.resolver).clone()
    }

    /// Whether the resolver says anything at all, in at most this time: asked for the root, which every resolver knows or refuses at once.
    pub async fn answers(&self, within: Duration) -> bool {
        let asked = timeout(within, self.resolver.lookup(Name::root(), RecordType::NS)).await;
        asked.is_ok_and(|answer| !answer.is_err_and(|why| matches!(why, NetError::Timeout)))
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Lookup, DnsFault> {
        let mut name = Name::from_ascii(name).map_err(|_| DnsFault::NoName)?;
        name.set_fqdn(true);
        match timeout(self.within, self.resolver.lookup(name, kind)).await {
            Err(_) => Err(DnsFault::Later("it took too long".to_owned())),
            Ok(Ok(found)) => Ok(found),
            Ok(Err(why)) => Err(fault(&why)),
        }
    }

    /// Preference and name of the servers that take mail for a domain (RFC 5321, 5.1), as they stand in the DNS. A null MX (RFC 7505) has
    /// an empty name.
    pub async fn exchanges(&self, domain: &str) -> Result<Vec<(u16, String)>, DnsFault> {
        let found = self.ask(domain, RecordType::MX).await?;
        let exchange = |data: &RData| match data {
            RData::MX(mx) => Some((mx.preference, mx.exchange.to_ascii().trim_end_matches('.').to_lowercase())),
            _ => None,
        };
        let all: Vec<_> = found.answers().iter().filter_map(|record| exchange(&record.data)).collect();
        if all.is_empty() { Err(DnsFault::NoRecord) } else { Ok(all) }
    }

    /// Addresses of a server, IPv4 first: more mail servers expect it.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsFault> {
        let (four, six) = tokio::join!(self.ask(host, RecordType::A), self.ask(host, RecordType::AAAA));
        let fault = match (&four, &six) {
            (Err(DnsFault::Later(why)), _) | (_, Err(DnsFault::Later(why))) => DnsFault::Later(why.clone()),
            (Err(DnsFault::NoName), _) => DnsFault::NoName,
            _ => DnsFault::NoRecord,
        };
        let address = |data: &RData| match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(a) => Some(IpAddr::V6(a.0)),
            _ => None,
        };
        let found = [four, six].into_iter().flatten();
        let all: Vec<IpAddr> = found
            .flat_map(|found| found.answers().iter().filter_map(|r| address(&r.data)).collect::<Vec<_>>())
            .collect();
        if all.is_empty() { Err(fault) } else { Ok(all) }
    }
}

fn fault(why: &NetError) -> DnsFault {
    if why.is_nx_domain() {
        DnsFault::NoName
    } else if why.is_no_records_found() {
        DnsFault::NoRecord
    } else {
        DnsFault::Later(why.to_string())
    }
}

/// Whether an address is one of the public internet: not this machine, not a network behind it, not one that leads there by a
/// translation.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, _] = four.octets();
            !(four.is_private()
                || four.is_loopback()
                || four.is_link_local()
                || four.is_documentation()
                || a == 0
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(six) => {
            let s = six.segments();
            // 2000::/3 is what is given out; Teredo, 6to4 and documentation in it are not.
            s[0] & 0xe000 == 0x2000 && s[0] != 0x2002 && !(s[0] == 0x2001 && (s[1] == 0 || s[1] == 0x0db8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_public_internet_is_known() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "198.18.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2001::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "193.191.245.1", "100.128.0.1", "2a00:1450::1", "2001:67c::1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
