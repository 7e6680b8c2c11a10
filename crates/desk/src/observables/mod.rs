//! Observables: what in a text an investigator looks for elsewhere. Read also when defanged, kept in one canonical form.
//!
//! One pass over the text, whatever it holds: every piece is looked at a bounded number of times.

mod benign;
mod checks;
mod header;
mod punycode;
mod refang;
mod shapes;

pub use header::in_header;
pub(crate) use shapes::host_of;

use crate::intake::Observable;
use std::collections::HashSet;

/// Observables found in one text, at most.
pub const FOUND_MAX: usize = 500;

/// Kinds, in the order in which they are shown.
pub const KINDS: [&str; 13] =
    ["ipv4", "ipv6", "domain", "url", "email", "md5", "sha1", "sha256", "sha512", "cve", "asn", "btc", "eth"];

/// What is found while a text is read.
pub(crate) struct Finder<'a> {
    own: Option<&'a str>,
    seen: HashSet<(&'static str, String)>,
    found: Vec<Observable>,
}

impl Finder<'_> {
    fn add(&mut self, kind: &'static str, value: String) {
        self.add_marked(kind, value, None);
    }

    fn add_marked(&mut self, kind: &'static str, value: String, mark: Option<&'static str>) {
        if self.is_full() || !self.seen.insert((kind, value.clone())) {
            return;
        }
        let benign = mark.or_else(|| benign::reason(kind, &value, self.own)).map(str::to_owned);
        self.found.push(Observable { kind: kind.to_owned(), value, benign, ..Observable::default() });
    }

    fn is_full(&self) -> bool {
        self.found.len() >= FOUND_MAX
    }
}

/// Observables found in a text, in order, each once, at most [`FOUND_MAX`]. `own` is the desk's address: it and its domain are set aside,
/// and so are well-known ones; they are marked, not dropped.
pub fn find(text: &str, own: Option<&str>) -> Vec<Observable> {
    let mut finder = Finder { own, seen: HashSet::new(), found: Vec::new() };
    let plain = refang::refanged(text);
    let mut before = "";
    for chunk in plain.split(|c: char| c.is_whitespace() || is_fence(c)).filter(|c| !c.is_empty()) {
        if finder.is_full() {
            break;
        }
        shapes::chunk(&mut finder, chunk, before);
        before = chunk;
    }
    finder.found
}

/// The one observable that a text is, such as a person types it; `None` when it is none, or several.
pub fn single(text: &str) -> Option<Observable> {
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return None;
    }
    let found = find(text, None);
    // Of an address with a scheme both the whole and the host are found; the whole is meant.
    let url = found.iter().find(|o| o.kind == "url");
    url.or_else(|| found.first().filter(|_| found.len() == 1)).cloned()
}

/// As it is shown: nobody opens it by a click, and [`find`] reads it back.
pub fn defanged(observable: &Observable) -> String {
    let value = &observable.value;
    let dots = |text: &str| text.replace('.', "[.]");
    match observable.kind.as_str() {
        "ipv4" | "domain" => dots(value),
        "ipv6" => match value.rsplit_once(':') {
            Some((front, end)) => format!("{front}[:]{end}"),
            None => value.clone(),
        },
        "email" => match value.rsplit_once('@') {
            Some((local, domain)) => format!("{local}[@]{}", dots(domain)),
            None => dots(value),
        },
        "url" => match value.split_once("://") {
            Some((scheme, rest)) => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                let scheme = scheme.replacen("http", "hxxp", 1).replacen("ftp", "fxp", 1);
                // An address inside the path would still open by itself.
                let path = rest[end..].replace("://", "[://]");
                format!("{scheme}[://]{}{path}", dots(&rest[..end]))
            }
            None => dots(value),
        },
        _ => value.clone(),
    }
}

/// Place of a kind in lists; unknown ones come last.
pub(crate) fn order(kind: &str) -> usize {
    KINDS.iter().position(|k| *k == kind).unwrap_or(KINDS.len())
}

/// Signs that end any observable.
fn is_fence(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '|' | '^' | '{' | '}' | '\\')
        || matches!(c, '“' | '”' | '„' | '«' | '»' | '‘' | '’' | '‹' | '›')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<String> {
        find(text, None).into_iter().map(|o| format!("{} {}", o.kind, o.value)).collect()
    }

    #[test]
    fn every_kind_is_found_in_a_letter() {
        let text = "Wij zagen 203.0.113.7 en 2001:DB8:0:0::17, beide naar https://Evil.Example.be:8443/a/b?x=1 (via www.kwaad.be). \
            Mail van Jan.Peeters@stad-voorbeeld.be; hash 9E107D9D372BB6826BD81D3542A419D6, \
            sha1=2fd4e1c67a2d28fced849ee1bb76e7391b93eb12. CVE-2022-41040/CVE-2022-41082 op AS64496. \
            Betaal op 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa of 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed.";
        assert_eq!(
            values(text),
            [
                "ipv4 203.0.113.7",
                "ipv6 2001:db8::17",
                "url https://evil.example.be:8443/a/b?x=1",
                "domain evil.example.be",
                "domain www.kwaad.be",
                "email jan.peeters@stad-voorbeeld.be",
                "md5 9e107d9d372bb6826bd81d3542a419d6",
                "sha1 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
                "cve CVE-2022-41040",
                "cve CVE-2022-41082",
                "asn AS64496",
                "btc 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
                "eth 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            ]
        );
    }

    #[test]
    fn numbers_of_networks_are_read_as_people_write_them() {
        for (text, value) in [
            ("AS64500", "AS64500"),
            ("ASN64500", "AS64500"),
            ("asn64500:", "AS64500"),
            ("as64502", "AS64502"),
            ("(AS 64503)", "AS64503"),
            ("ASN 64503,", "AS64503"),
            ("AS13", "AS13"),
        ] {
            assert_eq!(values(text), [format!("asn {value}")], "{text}");
        }
    }

    #[test]
    fn defanged_forms_are_read() {
        for (text, value) in [
            ("hxxp://kwaad[.]be/x", "url http://kwaad.be/x"),
            ("hXXps[:]//kwaad(.)be/", "url https://kwaad.be"),
            ("hxxps[://]kwaad{.}be/a.b", "url https://kwaad.be/a.b"),
            ("kwaad[dot]be", "domain kwaad.be"),
            ("kwaad (dot) be", "domain kwaad.be"),
            ("203[.]0[.]113[.]9", "ipv4 203.0.113.9"),
            ("203.0.113[.]9", "ipv4 203.0.113.9"),
            ("jan (at) kwaad [dot] be", "email jan@kwaad.be"),
            ("jan[@]kwaad[.]be", "email jan@kwaad.be"),
            ("jan AT kwaad DOT be", ""),
            ("2001[:]db8::5", "ipv6 2001:db8::5"),
        ] {
            assert_eq!(values(text).first().map_or("", String::as_str), value, "{text}");
        }
    }

    #[test]
    fn observables_cannot_be_clicked_or_resolved_by_mistake() {
        for (kind, value, shown) in [
            ("url", "https://kwaad.example/a.b?c=1", "hxxps[://]kwaad[.]example/a.b?c=1"),
            ("ipv4", "192.0.2.7", "192[.]0[.]2[.]7"),
            ("ipv6", "2001:db8::1", "2001:db8:[:]1"),
            ("email", "a.b@kwaad.example", "a.b[@]kwaad[.]example"),
            ("sha256", "ab", "ab"),
        ] {
            let one = Observable { kind: kind.to_owned(), value: value.to_owned(), ..Observable::default() };
            assert_eq!(defanged(&one), shown);
        }
    }

    #[test]
    fn an_address_inside_an_address_is_shown_so_that_it_does_not_open() {
        for value in [
            "http://kwaad.be/gahttp://anders.be/x",
            "https://kwaad.be/?naar=ftp://anders.be/a",
            "http://kwaad.be/http://een.be/http://twee.be/x",
        ] {
            let url = Observable { kind: "url".to_owned(), value: value.to_owned(), ..Observable::default() };
            let shown = defanged(&url);
            assert!(!shown.replace("[://]", "").contains("://"), "{shown}");
            assert!(values(&shown).contains(&format!("url {value}")), "{shown}: {:?}", values(&shown));
        }
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for text in [
            "LEESMIJ.txt",
            "backup.zip",
            "script.sh",
            "README.md",
            "versie 10.0.19045.2",
            "versie 10.0.19.1",
            "12:30:45",
            "a::b",
            "std::string",
            "e.g. dit",
            "gedaan.In de",
            "a.u.b.",
            "1.2.3",
            "256.1.1.1",
            "01.02.03.04",
            "0000000000000000000000000000000000",
            "CVE-22-1",
            "AS400",
            "as64496x",
            "as 13 mensen",
            "as 64500",
            "As 3665",
            "as13",
            "AS 13",
            "AS7",
            "tas64500",
            "ASN 400",
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsy",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
            "server01.gemeente.local",
            "@twitter",
            "jan@localhost",
            "http:%@kwaad.be",
            "http://",
            "http://intranet/",
            "...",
            "::",
            "00:1b:44:11:3a:b7",
            "€ 1.250.000",
            "14.12.2022",
        ] {
            assert_eq!(values(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn an_address_ends_where_the_sentence_goes_on() {
        for (text, value) in [
            ("(zie http://a.kwaad.be/x_(y))", "http://a.kwaad.be/x_(y)"),
            ("[link](http://a.kwaad.be/x).", "http://a.kwaad.be/x"),
            ("<http://a.kwaad.be/x>", "http://a.kwaad.be/x"),
            ("href='http://a.kwaad.be/x'", "http://a.kwaad.be/x"),
            ("http://a.kwaad.be/x, en", "http://a.kwaad.be/x"),
            ("http://user:pass@a.kwaad.be/x", "http://user:pass@a.kwaad.be/x"),
            ("http://[2001:db8::1]:80/x", "http://[2001:db8::1]:80/x"),
        ] {
            assert_eq!(values(text)[0], format!("url {value}"), "{text}");
        }
        assert_eq!(
            values("http://a.kwaad.be/1,http://b.kwaad.be/2"),
            ["url http://a.kwaad.be/1", "domain a.kwaad.be", "url http://b.kwaad.be/2", "domain b.kwaad.be"]
        );
    }

    #[test]
    fn a_wrapped_address_is_unwrapped() {
        let text = "https://eur02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fkwaad.be%2Fx%3Fa%3D1&data=05";
        let found = find(text, None);
        let inner =
            found.iter().find(|o| o.value == "https://kwaad.be/x?a=1").expect("the address inside is what matters");
        assert_eq!(inner.benign, None);
        let outer = found.iter().find(|o| o.value.contains("safelinks")).expect("nothing is dropped");
        assert_eq!(outer.benign.as_deref(), Some("wrapper"));
    }

    #[test]
    fn lookalikes_lose_their_disguise() {
        // The second one is written with a Cyrillic letter.
        assert_eq!(values("www.münchen.de"), ["domain www.xn--mnchen-3ya.de"]);
        assert_eq!(values("http://mіcrosoft.com/x")[1], "domain xn--mcrosoft-thh.com");
        assert_eq!(values("jan@bücher.example"), ["email jan@xn--bcher-kva.example"]);
    }

    #[test]
    fn own_and_well_known_ones_are_marked_and_kept() {
        let own = Some("cyberresponse@voorbeeld-vlaanderen.be");
        let text = "cyberresponse@voorbeeld-vlaanderen.be www.voorbeeld-vlaanderen.be http://www.w3.org/1999/xhtml 8.8.8.8 192.168.1.7 \
            docs.google.com https://docs.google.com/forms/x microsoft.com notmicrosoft.com https://evil.microsoft.com.kwaad.be/";
        let marks: Vec<(String, Option<String>)> = find(text, own).into_iter().map(|o| (o.value, o.benign)).collect();
        let mark = |value: &str| marks.iter().find(|(v, _)| v == value).and_then(|(_, b)| b.as_deref());
        assert_eq!(mark("cyberresponse@voorbeeld-vlaanderen.be"), Some("own"));
        assert_eq!(mark("www.voorbeeld-vlaanderen.be"), Some("own"));
        assert_eq!(mark("http://www.w3.org/1999/xhtml"), Some("well-known"));
        assert_eq!(mark("8.8.8.8"), Some("public-resolver"));
        assert_eq!(mark("192.168.1.7"), Some("private"));
        assert_eq!(mark("microsoft.com"), Some("well-known"));
        assert_eq!(mark("docs.google.com"), None);
        assert_eq!(mark("https://docs.google.com/forms/x"), None);
        assert_eq!(mark("notmicrosoft.com"), None);
        assert_eq!(mark("https://evil.microsoft.com.kwaad.be"), None);
        assert_eq!(marks.len(), 12);
    }

    #[test]
    fn hostile_texts_cost_one_pass() {
        let length = 1 << 18;
        for piece in [
            "a.",
            "://",
            "http://",
            "[.]",
            "(at)",
            "h",
            ":",
            "@",
            "1.",
            "ffff:",
            "((((",
            "x@x.",
            "[",
            "hxxp[:]//a[.]be,",
        ] {
            let text = piece.repeat(length / piece.len());
            assert!(find(&text, None).len() <= FOUND_MAX, "{piece}");
        }
    }

    #[test]
    fn one_observable_is_read_as_a_person_types_it() {
        assert_eq!(single(" hxxps://kwaad[.]be/x ").map(|o| o.kind), Some("url".to_owned()));
        assert_eq!(single("kwaad[.]be").map(|o| o.value), Some("kwaad.be".to_owned()));
        assert_eq!(single("dit is niets"), None);
        assert_eq!(single("8.8.8.8,9.9.9.9"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_values_are_canonical(text in "(\\PC|[\\[\\].:/@]|http|bc1|be|com){0,120}") {
            for observable in find(&text, Some("a@b.be")) {
                prop_assert!(KINDS.contains(&observable.kind.as_str()));
                // Canonical: what was found is found again as the same, alone and defanged.
                let again = find(&observable.value, None);
                prop_assert!(again.iter().any(|o| (&o.kind, &o.value) == (&observable.kind, &observable.value)),
                    "{observable:?} -> {again:?}");
                let fanged = find(&defanged(&observable), None);
                prop_assert!(fanged.iter().any(|o| (&o.kind, &o.value) == (&observable.kind, &observable.value)),
                    "{} -> {fanged:?}", defanged(&observable));
            }
        }

        #[test]
        fn addresses_of_the_internet_are_found_wherever_they_stand(a: u32, b: u128, before in "[ (\\[=,;'/]", after in "[ )\\],;'.!?]") {
            let four = std::net::Ipv4Addr::from(a);
            let six = std::net::Ipv6Addr::from(b | 0x2000 << 112);
            let text = format!("x{before}{four}{after} {before}{six}{after}");
            let found = find(&text, None);
            prop_assert!(found.iter().any(|o| o.value == four.to_string()), "{text}: {found:?}");
            prop_assert!(found.iter().any(|o| o.value == six.to_string()), "{text}: {found:?}");
        }
    }
}
