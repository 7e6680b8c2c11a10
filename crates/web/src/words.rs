//! Words: Fluent files, one a capability, Dutch and English complete; French and German for what the public sees.

use desk::house::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::types::FluentNumber;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use maud::{Markup, PreEscaped};
use std::sync::LazyLock;
use unic_langid::LanguageIdentifier;

/// Language, name, content of every file of words; a test holds this table against the folder.
pub(crate) const FILES: &[(Language, &str, &str)] = &[
    (Language::Nl, "accounts", include_str!("../locales/nl/accounts.ftl")),
    (Language::Nl, "common", include_str!("../locales/nl/common.ftl")),
    (Language::Nl, "house", include_str!("../locales/nl/house.ftl")),
    (Language::Nl, "incidents", include_str!("../locales/nl/incidents.ftl")),
    (Language::Nl, "intake", include_str!("../locales/nl/intake.ftl")),
    (Language::Nl, "journal", include_str!("../locales/nl/journal.ftl")),
    (Language::Nl, "outbox", include_str!("../locales/nl/outbox.ftl")),
    (Language::Nl, "phone", include_str!("../locales/nl/phone.ftl")),
    (Language::Nl, "public", include_str!("../locales/nl/public.ftl")),
    (Language::Nl, "register", include_str!("../locales/nl/register.ftl")),
    (Language::Nl, "search", include_str!("../locales/nl/search.ftl")),
    (Language::Nl, "times", include_str!("../locales/nl/times.ftl")),
    (Language::En, "accounts", include_str!("../locales/en/accounts.ftl")),
    (Language::En, "common", include_str!("../locales/en/common.ftl")),
    (Language::En, "house", include_str!("../locales/en/house.ftl")),
    (Language::En, "incidents", include_str!("../locales/en/incidents.ftl")),
    (Language::En, "intake", include_str!("../locales/en/intake.ftl")),
    (Language::En, "journal", include_str!("../locales/en/journal.ftl")),
    (Language::En, "outbox", include_str!("../locales/en/outbox.ftl")),
    (Language::En, "phone", include_str!("../locales/en/phone.ftl")),
    (Language::En, "public", include_str!("../locales/en/public.ftl")),
    (Language::En, "register", include_str!("../locales/en/register.ftl")),
    (Language::En, "search", include_str!("../locales/en/search.ftl")),
    (Language::En, "times", include_str!("../locales/en/times.ftl")),
    (Language::Fr, "common", include_str!("../locales/fr/common.ftl")),
    (Language::Fr, "public", include_str!("../locales/fr/public.ftl")),
    (Language::Fr, "times", include_str!("../locales/fr/times.ftl")),
    (Language::De, "common", include_str!("../locales/de/common.ftl")),
    (Language::De, "public", include_str!("../locales/de/public.ftl")),
    (Language::De, "times", include_str!("../locales/de/times.ftl")),
];

/// What stands where a word is missing; a test looks for it on every page.
pub const MISSING: char = '⟦';

/// The words of one language.
pub struct Words {
    /// Which.
    pub language: Language,
    bundle: FluentBundle<FluentResource>,
    weekdays: [String; 7],
    months: [String; 12],
}

fn build(language: Language) -> Words {
    let tag: LanguageIdentifier = language.tag().parse().expect("language tags are two letters");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(match language {
        Language::En => |value, _| figure(value, ','),
        Language::Fr => |value, _| figure(value, '\u{202f}'),
        Language::Nl | Language::De => |value, _| figure(value, '.'),
    }));
    for (_, name, text) in FILES.iter().filter(|(of, _, _)| *of == language) {
        let resource = FluentResource::try_new((*text).to_owned())
            .unwrap_or_else(|(_, errors)| panic!("{}/{name}.ftl, read by a test: {errors:?}", language.tag()));
        bundle
            .add_resource(resource)
            .unwrap_or_else(|e| panic!("{}/{name}.ftl, read by a test: {e:?}", language.tag()));
    }
    let mut words = Words { language, bundle, weekdays: Default::default(), months: Default::default() };
    words.weekdays = std::array::from_fn(|n| words.of("weekday", &(n + 1).to_string()));
    words.months = std::array::from_fn(|n| words.of("month", &(n + 1).to_string()));
    words
}

/// A whole number, with the language's separator between thousands.
fn figure(value: &FluentValue<'_>, separator: char) -> Option<String> {
    match value {
        FluentValue::Number(FluentNumber { value, .. }) if value.fract() == 0.0 => {
            Some(grouped(*value as i64, separator))
        }
        _ => None,
    }
}

fn grouped(number: i64, separator: char) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + 4);
    if number < 0 {
        out.push('-');
    }
    for (n, digit) in digits.chars().enumerate() {
        // A year or a port is four signs in a row, a sum of money is not: only figures pass here, and 1.133 is how they are written.
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

/// The words of a language.
pub fn words(language: Language) -> &'static Words {
    static NL: LazyLock<Words> = LazyLock::new(|| build(Language::Nl));
    static EN: LazyLock<Words> = LazyLock::new(|| build(Language::En));
    static FR: LazyLock<Words> = LazyLock::new(|| build(Language::Fr));
    static DE: LazyLock<Words> = LazyLock::new(|| build(Language::De));
    match language {
        Language::Nl => &NL,
        Language::En => &EN,
        Language::Fr => &FR,
        Language::De => &DE,
    }
}

/// One argument of a message.
pub type Arg<'a> = (&'a str, FluentValue<'a>);

/// A count as an argument.
pub fn n(count: usize) -> FluentValue<'static> {
    FluentValue::from(count)
}

/// A text as an argument.
pub fn s(text: &str) -> FluentValue<'_> {
    FluentValue::from(text)
}

impl Words {
    /// The words behind a key.
    pub fn t(&self, key: &str) -> String {
        self.f(key, &[])
    }

    /// The words behind a key, filled in.
    pub fn f(&self, key: &str, args: &[Arg<'_>]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|m| m.value()) else {
            return self.elsewhere(key, args);
        };
        let mut given = FluentArgs::with_capacity(args.len());
        args.iter().for_each(|(name, value)| given.set(*name, value.clone()));
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(&given), &mut errors).into_owned();
        if errors.is_empty() { text } else { format!("{MISSING}{key}: {errors:?}⟧") }
    }

    /// One of a family of words: `of("kind", "contact_registration")` is `kind-contact-registration`.
    pub fn of(&self, family: &str, member: &str) -> String {
        self.t(&format!("{family}-{}", member.replace(['_', '.'], "-").to_lowercase()))
    }

    /// One of a family of words whose members others name (a reason of the reader, a kind of observable); else the words behind `or`.
    pub fn of_or(&self, family: &str, member: &str, or: &str) -> String {
        if self.has(family, member) { self.of(family, member) } else { self.t(or) }
    }

    /// Whether there are words behind a member of a family.
    pub fn has(&self, family: &str, member: &str) -> bool {
        self.bundle.has_message(&format!("{family}-{}", member.replace(['_', '.'], "-").to_lowercase()))
    }

    /// As `f`, with `**words**` in bold. What is filled in is escaped like everything else.
    pub fn rich(&self, key: &str, args: &[Arg<'_>]) -> Markup {
        let text = self.f(key, args);
        let mut html = String::with_capacity(text.len() + 16);
        for (n, part) in text.split("**").enumerate() {
            let escaped = maud::html! { (part) }.into_string();
            if n % 2 == 1 {
                html.push_str("<b>");
                html.push_str(&escaped);
                html.push_str("</b>");
            } else {
                html.push_str(&escaped);
            }
        }
        PreEscaped(html)
    }

    /// A count, with the language's separator between thousands.
    pub fn number(&self, count: usize) -> String {
        let separator = match self.language {
            Language::En => ',',
            Language::Fr => '\u{202f}',
            Language::Nl | Language::De => '.',
        };
        grouped(i64::try_from(count).unwrap_or(i64::MAX), separator)
    }

    /// A count in words up to twelve, capitalised, for the head of a page.
    pub fn spelled(&self, count: usize) -> String {
        if count <= 12 { self.of("spelled", &count.to_string()) } else { self.number(count) }
    }

    /// A size in the unit that a person reads.
    pub fn bytes(&self, size: u64) -> String {
        let (value, unit) = match size {
            0..1_000 => return format!("{size} B"),
            1_000..1_000_000 => (size as f64 / 1e3, "kB"),
            1_000_000..1_000_000_000 => (size as f64 / 1e6, "MB"),
            _ => (size as f64 / 1e9, "GB"),
        };
        let text = if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        let text = if self.language == Language::En { text } else { text.replace('.', ",") };
        format!("{text} {unit}")
    }

    /// Short name of a weekday, 1 is Monday.
    pub fn weekday(&self, number: i8) -> &str {
        &self.weekdays[(number - 1).rem_euclid(7) as usize]
    }

    /// Short name of a month, 1 is January.
    pub fn month(&self, number: i8) -> &str {
        &self.months[(number - 1).rem_euclid(12) as usize]
    }

    /// French and German have only what the public sees; the rest is English there.
    fn elsewhere(&self, key: &str, args: &[Arg<'_>]) -> String {
        match self.language {
            Language::Fr | Language::De => words(Language::En).f(key, args),
            Language::Nl | Language::En => format!("{MISSING}{key}⟧"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    #[test]
    fn figures_are_written_as_the_language_does() {
        assert_eq!(words(Language::Nl).number(1_133), "1.133");
        assert_eq!(words(Language::En).number(1_234_567), "1,234,567");
        assert_eq!(words(Language::Nl).bytes(1_230_000), "1,2 MB");
        assert_eq!(words(Language::En).bytes(41_000_000), "41 MB");
        assert_eq!(words(Language::En).bytes(12), "12 B");
    }

    #[test]
    fn bold_words_cannot_carry_markup() {
        let w = words(Language::Nl);
        let html = w.rich("composer-visible", &[("count", s("<b>**4**</b>")), ("names", s("<i>"))]).into_string();
        assert!(!html.contains("<b><") && !html.contains("<i>"), "{html}");
        assert!(html.contains("&lt;b&gt;"), "{html}");
    }

    fn messages(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut messages = BTreeMap::new();
        let mut key = String::new();
        for line in text.lines() {
            if let Some((name, _)) =
                line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
            {
                assert!(messages.insert(name.to_owned(), BTreeSet::new()).is_none(), "{name} stands there twice");
                key = name.to_owned();
            }
            for variable in line.split('$').skip(1) {
                let name: String = variable.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                messages.get_mut(&key).expect("a variable stands in a message").insert(name);
            }
        }
        messages
    }

    fn all(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let text: Vec<&str> = FILES.iter().filter(|(of, _, _)| *of == language).map(|(_, _, text)| *text).collect();
        messages(&text.join("\n"))
    }

    fn sources(folder: &Path, out: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// Every text between quotes in the sources.
    fn literals() -> Vec<String> {
        let mut source = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
        source.split('"').map(str::to_owned).collect()
    }

    fn families() -> BTreeSet<String> {
        let mut source = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
        let calls = [".of(\"", ".of_or(\"", ".has(\""];
        let named = calls.iter().flat_map(|call| source.split(call).skip(1));
        let mut families: BTreeSet<String> =
            named.filter_map(|rest| rest.split_once('"')).map(|(f, _)| f.to_owned()).collect();
        // Written out where a key is put together by hand.
        families.extend(["done", "event", "problem", "reason", "field", "why"].map(str::to_owned));
        families
    }

    #[test]
    fn dutch_and_english_say_the_same_things_about_the_same_values() {
        assert_eq!(all(Language::Nl), all(Language::En));
    }

    /// Of the words around a page French and German have those that the public sees; of the public pages they have all.
    #[test]
    fn french_and_german_say_the_same_things_about_the_same_values() {
        let (dutch, french) = (all(Language::Nl), all(Language::Fr));
        assert_eq!(french, all(Language::De));
        for (key, values) in &french {
            assert_eq!(dutch.get(key), Some(values), "{key}");
        }
        for name in ["public", "times"] {
            let (_, _, text) = FILES.iter().find(|(of, n, _)| *of == Language::Nl && *n == name).expect("it ships");
            let lacking: Vec<String> = messages(text).into_keys().filter(|k| !french.contains_key(k)).collect();
            assert!(lacking.is_empty(), "{lacking:?}");
        }
    }

    #[test]
    fn no_file_of_words_is_forgotten() {
        for language in Language::ALL {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(language.tag());
            let mut there: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|e| e.unwrap().file_name().to_string_lossy().trim_end_matches(".ftl").to_owned())
                .collect();
            there.sort_unstable();
            let known: Vec<&str> = FILES.iter().filter(|(of, _, _)| *of == language).map(|(_, n, _)| *n).collect();
            assert_eq!(there, known, "{language:?}");
        }
    }

    #[test]
    fn no_word_is_missing_that_a_page_names() {
        let (known, mut source) = (all(Language::Nl), String::new());
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
        let calls = ["w.t(\"", "w.f(\"", "w.rich(\"", "words.t(\"", ".w.t(\"", ".w.f(\""];
        let named = calls.iter().flat_map(|call| source.split(call).skip(1)).filter_map(|rest| rest.split_once('"'));
        let missing: BTreeSet<&str> = named.map(|(key, _)| key).filter(|key| !known.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn no_word_is_left_that_nothing_names() {
        let (literals, families) = (literals().into_iter().collect::<BTreeSet<_>>(), families());
        let used = |key: &str| {
            literals.contains(key)
                || key.match_indices('-').any(|(at, _)| families.contains(&key[..at]))
                || key.strip_suffix("-text").is_some_and(|k| literals.contains(k) || k.starts_with("problem-"))
        };
        let unused: Vec<String> = all(Language::Nl).into_keys().filter(|k| !used(k)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn every_member_of_a_family_has_its_words() {
        let w = words(Language::Nl);
        let mut missing = Vec::new();
        let mut need = |family: &str, members: &[&str]| {
            missing.extend(members.iter().filter(|m| !w.has(family, m)).map(|m| format!("{family}-{m}")));
        };
        need("kind", &desk::intake::Kind::ALL.map(|k| k.key()));
        need("status", &desk::intake::Status::KEYS);
        need("phase", &desk::incidents::Phase::ALL.map(|p| p.key()));
        need("severity", &desk::incidents::Severity::ALL.map(|s| s.label()));
        need("pap", &desk::incidents::Pap::ALL.map(|p| p.label()));
        need("standing", &desk::outbox::StandingKey::ALL.map(|s| s.key()));
        need("standing-since", &desk::outbox::StandingKey::ALL.map(|s| s.key()));
        need("reading", &post::read::reason::ALL);
        need("proof", &desk::intake::Proof::ALL.map(|p| p.key()));
        need("unchecked", &post::authenticity::reason::ALL);
        need("observable", &desk::observables::KINDS);
        need("language-name", &Language::ALL.map(|l| l.tag()));
        need("problem", &crate::problem::KINDS.map(|k| k.key()));
        need("done", crate::pages::DONE);
        for (class, types) in crate::rsit::CLASSES {
            need("rsit-class", &[class]);
            need("rsit", types);
        }
        for kind in crate::problem::KINDS {
            need("problem", &[&format!("{}-text", kind.key())]);
        }
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// What the desk may refuse, as its sources say it: field and reason.
    #[test]
    fn every_refusal_of_the_desk_has_its_words() {
        let mut source = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../desk/src"), &mut source);
        let quoted = |rest: &str| rest.split_once('"').map(|(q, _)| q.to_owned());
        let mut missing = BTreeSet::new();
        let mut need = |family: &str, key: String| {
            if !words(Language::Nl).has(family, &key) {
                missing.insert(format!("{family}-{key}"));
            }
        };
        for rest in source.split("invalid(\"").skip(1) {
            need("field", quoted(rest).expect("a field"));
            let why = rest.split_once("\", \"").and_then(|(_, why)| quoted(why));
            need("why", why.expect("a reason"));
        }
        for rest in source.split("TooLate { why: \"").skip(1) {
            need("why", quoted(rest).expect("a reason"));
        }
        assert!(missing.is_empty(), "{missing:?}");
    }
}
