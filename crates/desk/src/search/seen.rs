//! Every observable that was seen anywhere, in flat columns: counting 400,000 of them is one pass over a few megabytes.

use crate::ids::{EntryId, IncidentId, ReportId};
use crate::lens::{ClassId, Visible};
use crate::observables::KINDS;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Kinds that are not in the list count as this one.
const OTHER: u8 = KINDS.len() as u8;
const BENIGN: u8 = 0x80;
/// Domains above a host that are looked at: nobody asks for the twentieth.
const LABELS_MAX: usize = 12;
/// From so many values on a pass over all sightings is cheaper than looking each value up.
const MANY_VALUES: usize = 500;

/// Where something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    pub(super) classes: Vec<ClassId>,
    /// Place in the list of kinds; the highest bit: set aside.
    kinds: Vec<u8>,
    values: Vec<u32>,
    places: Vec<Place>,
    known: Vec<Value>,
    /// One map for each kind.
    by_value: [HashMap<Arc<str>, u32>; OTHER as usize + 1],
    free: Vec<u32>,
    /// Addresses with their values, in the order in which they were first seen: a network is one pass over them.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u32)>,
    /// Every ending of a host (`login.kwaad.be`, `kwaad.be`, `be`) by its hash, to the values under it.
    below: HashMap<u64, Vec<u32>>,
    hash: RandomState,
    of_report: HashMap<ReportId, std::ops::Range<u32>>,
    pub(super) of_entry: BTreeMap<(IncidentId, EntryId), u32>,
}

fn kind_of(kind: &str) -> u8 {
    KINDS.iter().position(|k| *k == kind).map_or(OTHER, |n| n as u8)
}

/// The host in a value of this kind.
fn host_in<'a>(kind: &str, value: &'a str) -> Option<&'a str> {
    match kind {
        "domain" => Some(value),
        "email" => value.rsplit_once('@').map(|(_, host)| host),
        "url" => crate::observables::host_of(value),
        _ => None,
    }
}

/// A host and every domain above it.
fn endings(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |at| at.split_once('.').map(|(_, above)| above)).take(LABELS_MAX)
}

/// Whether a host is a domain or below it.
fn is_at(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|below| below.is_empty() || below.ends_with('.'))
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
        let place = kind_of(kind);
        if let Some(known) = self.by_value[usize::from(place)].get(value) {
            return *known;
        }
        let text: Arc<str> = value.into();
        let new = Value { kind: place, text: text.clone(), seen: Vec::new() };
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
        self.file(kind, value, number);
        self.by_value[usize::from(place)].insert(text, number);
        number
    }

    /// Files a value under its address or its host.
    fn file(&mut self, kind: &str, value: &str, number: u32) {
        match kind {
            "ipv4" => self.v4.extend(value.parse::<Ipv4Addr>().map(|ip| (ip.into(), number))),
            "ipv6" => self.v6.extend(value.parse::<Ipv6Addr>().map(|ip| (ip.into(), number))),
            _ => {}
        }
        if let Some(host) = host_in(kind, value) {
            for ending in endings(host) {
                self.below.entry(self.hash.hash_one(ending)).or_default().push(number);
            }
        }
    }

    /// Kind, value and place of a sighting.
    pub(super) fn row(&self, number: u32) -> (u8, u32, Place) {
        let number = number as usize;
        (self.kinds[number], self.values[number], self.places[number])
    }

    /// Kind and text of a value.
    pub(super) fn known_as(&self, value: u32) -> (u8, &str) {
        let known = &self.known[value as usize];
        (known.kind, &known.text)
    }

    /// The next value of a snapshot.
    pub(super) fn known_again(&mut self, kind: u8, text: &str) {
        let kind = kind.min(OTHER);
        self.value(KINDS.get(usize::from(kind)).copied().unwrap_or_default(), text);
    }

    /// The next sighting of a snapshot: its number, or `None` where there is no such value.
    pub(super) fn row_again(&mut self, class: ClassId, kind: u8, value: u32, place: Place) -> Option<u32> {
        let number = u32::try_from(self.classes.len()).ok()?;
        self.known.get_mut(value as usize)?.seen.push(number);
        self.classes.push(class);
        self.kinds.push(kind);
        self.values.push(value);
        self.places.push(place);
        if let Place::Report(report) = place {
            let range = self.of_report.entry(report).or_insert(number..number);
            *range = if range.end == number { range.start } else { number }..number + 1;
        }
        Some(number)
    }

    pub(super) fn readdress_report(&mut self, report: ReportId, class: ClassId) {
        if let Some(range) = self.of_report.get(&report) {
            self.classes[range.start as usize..range.end as usize].fill(class);
        }
    }

    pub(super) fn readdress_entries(&mut self, incident: IncidentId, lines: &[ClassId]) {
        let entries = self.of_entry.range((incident, EntryId(0))..=(incident, EntryId(u32::MAX)));
        for ((_, entry), number) in entries {
            self.classes[*number as usize] = lines[entry.index()];
        }
    }

    pub(super) fn forget_report(&mut self, report: ReportId) {
        if let Some(range) = self.of_report.remove(&report) {
            range.for_each(|number| self.forget(number));
        }
    }

    pub(super) fn forget_incident(&mut self, incident: IncidentId) {
        let entries: Vec<EntryId> = self.of_entry.keys().filter(|(of, _)| *of == incident).map(|(_, e)| *e).collect();
        entries.into_iter().for_each(|entry| self.forget_entry(incident, entry));
    }

    pub(super) fn forget_entry(&mut self, incident: IncidentId, entry: EntryId) {
        if let Some(number) = self.of_entry.remove(&(incident, entry)) {
            self.forget(number);
        }
    }

    fn forget(&mut self, number: u32) {
        self.classes[number as usize] = ClassId::NOBODY;
        let value = self.values[number as usize];
        let known = &mut self.known[value as usize];
        known.seen.retain(|n| *n != number);
        if !known.seen.is_empty() {
            return;
        }
        let text = std::mem::replace(&mut known.text, "".into());
        let kind = known.kind;
        self.by_value[usize::from(kind)].remove(&text);
        match KINDS.get(usize::from(kind)).copied() {
            Some("ipv4") => self.v4.retain(|(_, v)| *v != value),
            Some("ipv6") => self.v6.retain(|(_, v)| *v != value),
            Some(name) => {
                for ending in host_in(name, &text).into_iter().flat_map(endings) {
                    if let Some(under) = self.below.get_mut(&self.hash.hash_one(ending)) {
                        under.retain(|v| *v != value);
                    }
                }
            }
            None => {}
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
        let known = self.by_value[usize::from(kind_of(kind))].get(value);
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
        self.by_value.iter().filter_map(|values| values.get(text)).copied().collect()
    }

    /// Hashes that begin like this.
    pub(super) fn hashes_beginning(&self, with: &str) -> Vec<u32> {
        let of_hashes = ["md5", "sha1", "sha256"].map(|kind| &self.by_value[usize::from(kind_of(kind))]);
        let all = of_hashes.into_iter().flatten().filter(|(text, _)| text.starts_with(with));
        all.map(|(_, value)| *value).collect()
    }

    /// Addresses in a network (RFC 4632).
    pub(super) fn in_network(&self, address: std::net::IpAddr, prefix: u8) -> Vec<u32> {
        match address {
            std::net::IpAddr::V4(ip) if prefix <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                let first = u32::from(ip) & mask;
                self.v4.iter().filter(|(ip, _)| ip & mask == first).map(|(_, v)| *v).collect()
            }
            std::net::IpAddr::V6(ip) if prefix <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                let first = u128::from(ip) & mask;
                self.v6.iter().filter(|(ip, _)| ip & mask == first).map(|(_, v)| *v).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Names, addresses of mail and of pages at a domain and below it.
    pub(super) fn at_domain(&self, domain: &str) -> Vec<u32> {
        let under = self.below.get(&self.hash.hash_one(domain)).into_iter().flatten().copied();
        let host = |value: &u32| {
            let (kind, text) = self.text(*value);
            host_in(kind, text).is_some_and(|host| is_at(host, domain))
        };
        // A host may be filed twice under one hash; and a hash is no proof.
        let mut values: Vec<u32> = under.filter(host).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Calls `each` with every place where one of these values (in order) was seen, as far as somebody may see; gives back the values
    /// that were.
    pub(super) fn visit(&self, visible: &Visible, values: &[u32], mut each: impl FnMut(Place)) -> Vec<u32> {
        if values.len() < MANY_VALUES {
            let seen = |value: &u32| {
                let mut any = false;
                self.places_of_value(visible, *value).for_each(|place| {
                    each(place);
                    any = true;
                });
                any
            };
            return values.iter().copied().filter(seen).collect();
        }
        let mut asked = vec![0u8; self.known.len()];
        values.iter().for_each(|v| asked[*v as usize] = 1);
        for ((class, value), place) in self.classes.iter().zip(&self.values).zip(&self.places) {
            if asked[*value as usize] > 0 && visible.has(*class) {
                asked[*value as usize] = 2;
                each(*place);
            }
        }
        values.iter().copied().filter(|v| asked[*v as usize] == 2).collect()
    }

    /// Values seen at a place, as far as somebody may see.
    pub(super) fn values_at(&self, visible: &Visible, place: Place) -> Vec<u32> {
        let numbers: Vec<u32> = match place {
            Place::Report(report) => self.of_report.get(&report).cloned().into_iter().flatten().collect(),
            Place::Incident(incident) => {
                let entries = self.of_entry.range((incident, EntryId(0))..=(incident, EntryId(u32::MAX)));
                entries.map(|(_, number)| *number).collect()
            }
        };
        let may = |n: &u32| visible.has(self.classes[*n as usize]);
        numbers.into_iter().filter(may).map(|n| self.values[n as usize]).collect()
    }
}
