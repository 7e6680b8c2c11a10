//! What is set aside: the desk's own, what everybody knows, what cannot be routed. From `data/benign.csv`.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// By what a row is about, then by value: the reason.
type Table = HashMap<&'static str, HashMap<&'static str, &'static str>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows = include_str!("../../data/benign.csv").lines().skip(1).filter(|line| !line.trim().is_empty());
    let mut table = Table::new();
    for row in rows {
        let mut fields = row.trim_end().split(',');
        let mut next = || fields.next().expect("a row has three fields; a test reads them all");
        table.entry(next()).or_default().insert(next(), next());
    }
    table
});

/// Why an observable is set aside, if it is.
pub(super) fn reason(kind: &str, value: &str, own: Option<&str>) -> Option<&'static str> {
    match kind {
        "ipv4" => table("ipv4", value).or_else(|| value.parse().ok().and_then(unroutable)),
        "ipv6" => table("ipv6", value).or_else(|| value.parse().ok().and_then(unroutable6)),
        "domain" => is_own(value, own).or_else(|| host("domain", value)),
        "email" => own.filter(|o| o.eq_ignore_ascii_case(value)).map(|_| "own"),
        "url" => {
            let host_of = super::shapes::host_of(value)?;
            is_own(host_of, own).or_else(|| host("site", host_of))
        }
        "md5" | "sha1" | "sha256" | "sha512" => table("hash", value),
        _ => None,
    }
}

fn table(what: &'static str, value: &str) -> Option<&'static str> {
    TABLE.get(what)?.get(value).copied()
}

/// By the host itself or a domain above it; where anybody can publish nothing is set aside.
fn host(what: &'static str, host: &str) -> Option<&'static str> {
    let mut above = Some(host);
    while let Some(name) = above {
        if table("open", name).is_some() {
            return None;
        }
        if let Some(reason) = table(what, name) {
            return Some(reason);
        }
        above = name.split_once('.').map(|(_, rest)| rest);
    }
    None
}

fn is_own(host: &str, own: Option<&str>) -> Option<&'static str> {
    let (_, domain) = own?.rsplit_once('@')?;
    let below = host.len() > domain.len()
        && host.as_bytes()[host.len() - domain.len() - 1] == b'.'
        && host.as_bytes()[host.len() - domain.len()..].eq_ignore_ascii_case(domain.as_bytes());
    (below || host.eq_ignore_ascii_case(domain)).then_some("own")
}

fn unroutable(ip: Ipv4Addr) -> Option<&'static str> {
    let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
    if ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared {
        Some("private")
    } else if ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() || ip.octets()[0] == 0 {
        Some("special")
    } else {
        None
    }
}

fn unroutable6(ip: Ipv6Addr) -> Option<&'static str> {
    let head = ip.segments()[0];
    if ip.is_loopback() || head & 0xffc0 == 0xfe80 || head & 0xfe00 == 0xfc00 {
        Some("private")
    } else if ip.is_unspecified() || ip.is_multicast() {
        Some("special")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_ships_is_well_formed() {
        assert_eq!(TABLE.len(), 6);
        for (what, rows) in TABLE.iter() {
            assert!(["domain", "site", "open", "hash", "ipv4", "ipv6"].contains(what), "{what}");
            for (value, reason) in rows {
                assert!(!value.is_empty() && !reason.is_empty());
                assert_eq!(*value, value.to_lowercase());
            }
        }
    }
}
