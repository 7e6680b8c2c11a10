//! Every observable that was seen anywhere, in flat columns: counting 400,000 of them is one pass over a few megabytes.

use crate::ids::{EntryId, IncidentId, ReportId};
use crate::lens::{ClassId, Visible};
use crate::observables::KINDS;
use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// A class that nobody may see: of what was erased or taken back.
pub(super) const NOBODY: ClassId = ClassId(u32::MAX);
/// Kinds that are not in the list count as this one.
const OTHER: u8 = KINDS.len() as u8;
const BENIGN: u8 = 0x80;

/// Where something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Report(ReportId),
    Incident(IncidentId),
}

#[derive(Clone, Debug)]
struct Value {
    kind: u8,
    text: Arc<str>,
    /// Numbers of the sightings.
    seen: Vec<u32>,
}

/// All sightings. A sighting's number is its place in the columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sightings {
    classes: Vec<ClassId>,
    /// Place in the list of kinds; the highest bit: set aside.
    kinds: Vec<u8>,
    values: Vec<u32>,
    places: Vec<Place>,
    known: Vec<Value>,
    by_value: HashMap<(u8, Arc<str>), u32>,
    free: Vec<u32>,
    v4: BTreeMap<u32, u32>,
    v6: BTreeMap<u128, u32>,
    /// Host names with their labels turned around (`be.kwaad.www`), to values.
    hosts: BTreeMap<(Arc<str>, u32), ()>,
    of_report: HashMap<ReportId, std::ops::Range<u32>>,
    of_entry: HashMap<(IncidentId, EntryId), u32>,
}

fn kind_of(kind: &str) -> u8 {
    KINDS.iter().position(|k| *k == kind).map_or(OTHER, |n| n as u8)
}

/// `www.kwaad.be` as `be.kwaad.www.`: everything below a domain begins as the domain does.
pub(super) fn turned(host: &str) -> String {
    let mut turned = String::with_capacity(host.len() + 1);
    for label in host.rsplit('.').filter(|l| !l.is_empty()) {
        turned.push_str(label);
        turned.push('.');
    }
    turned
}

fn host_in<'a>(kind: &str, value: &'a str) -> Option<&'a str> {
    match kind {
        "domain" => Some(value),
        "email" => value.rsplit_once('@').map(|(_, host)| host),
        "url" => crate::observables::host_of(value),
        _ => None,
    }
}

impl Sightings {
    pub(super) fn in_report<'a>(
        &mut self,
        report: ReportId,
        class: ClassId,
        observables: impl Iterator<Item = (&'a str, &'a str, bool)>,
    ) {
        let from = self.classes.len() as u32;
        for (kind, value, benign) in observables {
            self.add(Place::Report(report), class, kind, value, benign);
        }
        self.of_report.insert(report, from..self.classes.len() as u32);
    }

    pub(super) fn in_entry(
        &mut self,
        incident: IncidentId,
        entry: EntryId,
        class: ClassId,
        observable: &crate::intake::Observable,
    ) {
        let benign = observable.benign.is_some();
        let number = self.add(Place::Incident(incident), class, &observable.kind, &observable.value, benign);
        self.of_entry.insert((incident, entry), number);
    }

    fn add(&mut self, place: Place, class: ClassId, kind: &str, value: &str, benign: bool) -> u32 {
        let number = u32::try_from(self.classes.len()).expect("sightings are far fewer than 2^32");
        let value = self.value(kind, value);
        self.classes.push(class);
        self.kinds.push(kind_of(kind) | if benign { BENIGN } else { 0 });
        self.values.push(value);
        self.places.push(place);
        self.known[value as usize].seen.push(number);
        number
    }

    fn value(&mut self, kind: &str, value: &str) -> u32 {
        let text: Arc<str> = value.into();
        let key = (kind_of(kind), text.clone());
        if let Some(known) = self.by_value.get(&key) {
            return *known;
        }
        let new = Value { kind: key.0, text: text.clone(), seen: Vec::new() };
        let number = match self.free.pop() {
            Some(number) => {
                self.known[number as usize] = new;
                number
            }
            None => {
                self.known.push(new);
                self.known.len() as u32 - 1
            }
        };
        match kind {
            "ipv4" => drop(value.parse::<Ipv4Addr>().map(|ip| self.v4.insert(ip.into(), number))),
            "ipv6" => drop(value.parse::<Ipv6Addr>().map(|ip| self.v6.insert(ip.into(), number))),
            _ => {}
        }
        if let Some(host) = host_in(kind, value) {
            self.hosts.insert((turned(host).into(), number), ());
        }
        self.by_value.insert(key, number);
        number
    }

    pub(super) fn readdress_report(&mut self, report: ReportId, class: ClassId) {
        if let Some(range) = self.of_report.get(&report) {
            self.classes[range.start as usize..range.end as usize].fill(class);
        }
    }

    pub(super) fn readdress_entries(&mut self, incident: IncidentId, moved: &HashMap<ClassId, ClassId>) {
        for ((of, _), number) in &self.of_entry {
            if *of == incident
                && let Some(to) = moved.get(&self.classes[*number as usize])
            {
                self.classes[*number as usize] = *to;
            }
        }
    }

    pub(super) fn forget_report(&mut self, report: ReportId) {
        if let Some(range) = self.of_report.remove(&report) {
            range.for_each(|number| self.forget(number));
        }
    }

    pub(super) fn forget_entry(&mut self, incident: IncidentId, entry: EntryId) {
        if let Some(number) = self.of_entry.remove(&(incident, entry)) {
            self.forget(number);
        }
    }

    fn forget(&mut self, number: u32) {
        self.classes[number as usize] = NOBODY;
        let value = self.values[number as usize];
        let known = &mut self.known[value as usize];
        known.seen.retain(|n| *n != number);
        if !known.seen.is_empty() {
            return;
        }
        let text = std::mem::replace(&mut known.text, "".into());
        let kind = known.kind;
        self.by_value.remove(&(kind, text.clone()));
        let name = KINDS.get(usize::from(kind)).copied().unwrap_or_default();
        match name {
            "ipv4" => drop(text.parse::<Ipv4Addr>().map(|ip| self.v4.remove(&u32::from(ip)))),
            "ipv6" => drop(text.parse::<Ipv6Addr>().map(|ip| self.v6.remove(&u128::from(ip)))),
            _ => {}
        }
        if let Some(host) = host_in(name, &text) {
            self.hosts.remove(&(turned(host).into(), value));
        }
        self.free.push(value);
    }

    /// How many sightings of each kind somebody may see, those set aside apart: `(kind, seen, set aside)`.
    pub(super) fn counts(&self, visible: &Visible) -> Vec<(&'static str, usize, usize)> {
        let mut counts = [[0usize; 2]; 256];
        for (class, kind) in self.classes.iter().zip(&self.kinds) {
            let may = usize::from(visible.has(*class));
            counts[usize::from(kind & !BENIGN)][usize::from(kind & BENIGN != 0)] += may;
        }
        let of = |n: usize| (KINDS.get(n).copied().unwrap_or("other"), counts[n][0], counts[n][1]);
        (0..=usize::from(OTHER)).map(of).filter(|(_, seen, aside)| seen + aside > 0).collect()
    }

    /// Where a value was seen, as far as somebody may see.
    pub(super) fn places_of<'a>(
        &'a self,
        visible: &'a Visible,
        kind: &str,
        value: &str,
    ) -> impl Iterator<Item = Place> + 'a {
        let known = self.by_value.get(&(kind_of(kind), Arc::from(value)));
        known.into_iter().flat_map(move |v| self.places_of_value(visible, *v))
    }

    pub(super) fn places_of_value<'a>(&'a self, visible: &'a Visible, value: u32) -> impl Iterator<Item = Place> + 'a {
        let seen = self.known[value as usize].seen.iter();
        seen.filter(|n| visible.has(self.classes[**n as usize])).map(|n| self.places[*n as usize])
    }

    pub(super) fn text(&self, value: u32) -> (&'static str, &str) {
        let known = &self.known[value as usize];
        (KINDS.get(usize::from(known.kind)).copied().unwrap_or("other"), &known.text)
    }

    /// The value itself, of whatever kind.
    pub(super) fn exactly(&self, text: &str) -> Vec<u32> {
        let text: Arc<str> = text.into();
        (0..=OTHER).filter_map(|kind| self.by_value.get(&(kind, text.clone()))).copied().collect()
    }

    /// Addresses in a network (RFC 4632).
    pub(super) fn in_network(&self, address: std::net::IpAddr, prefix: u8) -> Vec<u32> {
        match address {
            std::net::IpAddr::V4(ip) if prefix <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                let first = u32::from(ip) & mask;
                self.v4.range(first..=first | !mask).map(|(_, v)| *v).collect()
            }
            std::net::IpAddr::V6(ip) if prefix <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                let first = u128::from(ip) & mask;
                self.v6.range(first..=first | !mask).map(|(_, v)| *v).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Names, addresses of mail and of pages at a domain and below it.
    pub(super) fn at_domain(&self, domain: &str) -> Vec<u32> {
        let from: Arc<str> = turned(domain).into();
        let range = self.hosts.range((from.clone(), 0)..).map(|(key, ())| key);
        range.take_while(|(host, _)| host.starts_with(&*from)).map(|(_, value)| *value).collect()
    }

    #[cfg(test)]
    pub(super) fn holds(&self, text: &str) -> bool {
        self.known.iter().any(|v| v.text.contains(text)) || self.by_value.keys().any(|(_, t)| t.contains(text))
    }
}
