//! What is wrong with a configuration: every mistake of it at once, each with file and line, or variable, and cure.

use crate::config::{File, RelayTls, is_mailbox};
use crate::environment::{self, Given};
use crate::exit::{Failure, Kind};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, Deserializer};

/// Numbers: table, key, the least and the most, and what is usual.
const RANGES: [(&str, &str, u64, Option<u64>, &str); 7] = [
    ("relay", "port", 1, Some(65535), "587 is usual, 465 with tls = \"implicit\"."),
    ("direct", "port", 1, Some(65535), "25 is the port of mail servers."),
    ("imap", "port", 1, Some(65535), "993 is usual."),
    ("imap", "poll_seconds", 1, None, "60 is usual."),
    ("limits", "message_mib", 1, Some(1024), "50 is usual."),
    ("limits", "connections", 1, None, "1000 is usual."),
    ("limits", "readers", 1, Some(16), "One a core is enough."),
];

/// How to make a file with a secret.
const SECRET: &str = "Create it, readable only by the user that runs the desk (chmod 600).";

/// What is written at one key: the table (`""` is the file itself) and the key.
type Place = (String, String);

/// Where a mistake stands.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    /// In the file.
    Line(usize),
    /// In a variable of the environment.
    Variable(String),
}

struct Mistake {
    at: At,
    what: String,
    cure: String,
}

/// The mistakes of one file, and of the variables that go before it, so far. What the variables say stands behind the file's text.
struct Mistakes<'t> {
    text: &'t str,
    given: &'t Given,
    found: Vec<Mistake>,
    /// Keys that were left out because of a mistake: what depends on them is not judged.
    doubtful: HashSet<Place>,
}

/// What the text and the variables say, or every mistake in them.
pub fn read(path: Option<&Path>, text: &str, given: &Given) -> Result<File, Failure> {
    let mut mistakes = Mistakes { text, given, found: Vec::new(), doubtful: HashSet::new() };
    for (variable, what, cure) in &given.mistakes {
        mistakes.found.push(Mistake { at: At::Variable(variable.clone()), what: what.clone(), cure: cure.clone() });
    }
    // Places in it go on where those of the text end.
    let behind = " ".repeat(text.len()) + "\n" + &given.text;
    match (DeTable::parse(text), DeTable::parse(&behind)) {
        // Where the text cannot be taken apart, nothing after that place means anything.
        (Err(error), _) | (_, Err(error)) => {
            mistakes.note(error.span().map_or(0, |s| s.start), error.message(), SYNTAX);
        }
        (Ok(mut root), Ok(variables)) => {
            go_before(root.get_mut(), variables.into_inner());
            let written = root.clone();
            mistakes.ranges(root.get_mut());
            if let Some(file) = mistakes.shape(root) {
                mistakes.sense(written.get_ref(), &file);
                if mistakes.found.is_empty() {
                    return Ok(file);
                }
            }
        }
    }
    Err(mistakes.told(path))
}

/// Puts what the variables say in the place of what the file says.
fn go_before<'t>(root: &mut DeTable<'t>, variables: DeTable<'t>) {
    for (name, mut value) in variables {
        if let (Some(DeValue::Table(there)), DeValue::Table(keys)) =
            (root.get_mut(name.get_ref().as_ref()).map(Spanned::get_mut), value.get_mut())
        {
            for (key, value) in std::mem::take(keys) {
                // The key as well: where it stands is where its mistakes are.
                there.remove(key.get_ref().as_ref());
                there.insert(key, value);
            }
        } else {
            root.remove(name.get_ref().as_ref());
            root.insert(name, value);
        }
    }
}

const SYNTAX: &str =
    "Correct this line and look again: what follows it is not read. docs/example.toml shows every key.";

impl Mistakes<'_> {
    fn note(&mut self, at: usize, what: impl Into<String>, cure: impl Into<String>) {
        let ends =
            |text: &str, at: usize| text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count();
        let variable =
            at.checked_sub(self.text.len() + 1).and_then(|at| self.given.variables.get(ends(&self.given.text, at)));
        let at = variable.map_or_else(|| At::Line(ends(self.text, at) + 1), |name| At::Variable(name.clone()));
        self.found.push(Mistake { at, what: what.into(), cure: cure.into() });
    }

    fn told(mut self, path: Option<&Path>) -> Failure {
        self.found.sort_by(|one, other| one.at.cmp(&other.at));
        let file = path.map_or(String::new(), |path| path.display().to_string());
        let told = self.found.into_iter().map(|Mistake { at, what, cure }| {
            let what = match at {
                At::Line(line) => format!("{file}:{line}: {what}"),
                At::Variable(name) => format!("{name}: {what}"),
            };
            Failure::new(Kind::Invalid, what).hint(cure)
        });
        told.reduce(Failure::and).unwrap_or_else(|| Failure::new(Kind::Invalid, file))
    }

    /// Takes out numbers that are too small or too large.
    fn ranges(&mut self, root: &mut DeTable<'_>) {
        for (table, key, least, most, usual) in RANGES {
            let Some(DeValue::Table(keys)) = root.get_mut(table).map(Spanned::get_mut) else { continue };
            let Some(value) = keys.get(key) else { continue };
            let Some(integer) = value.get_ref().as_integer() else { continue };
            let number = u64::from_str_radix(integer.as_str(), integer.radix());
            if number.is_ok_and(|n| n >= least && most.is_none_or(|most| n <= most)) {
                continue;
            }
            let range = most.map_or(format!("at least {least}"), |most| format!("{least} to {most}"));
            self.note(value.span().start, format!("{key}: must be {range}"), usual);
            keys.remove(key);
            self.doubtful.insert((table.to_owned(), key.to_owned()));
        }
    }

    /// Reads the keys; each mistake is taken out, and the rest is read again.
    fn shape(&mut self, mut root: Spanned<DeTable<'_>>) -> Option<File> {
        loop {
            let error = match serde::Deserialize::deserialize(Deserializer::from(root.clone())) {
                Ok(file) => return Some(file),
                Err(error) => error,
            };
            let error: toml::de::Error = error;
            let at = error.span().unwrap_or(0..0);
            let place = find(root.get_ref(), &at);
            if let (Some(key), Some((table, _))) = (missing(error.message()), &place) {
                // Something stands in for it, so that the rest can be read; it was there when it was only wrong.
                if self.doubtful.insert((table.clone(), key.to_owned())) {
                    let or =
                        environment::variable_of(table, key).map_or(String::new(), |name| format!(", or give {name}"));
                    self.note(
                        at.start,
                        format!("[{table}]: {}", error.message()),
                        format!("Add the missing key to this table{or}."),
                    );
                }
                let DeValue::Table(keys) = root.get_mut().get_mut(table.as_str())?.get_mut() else { return None };
                let stands_in = DeValue::String(DeString::Borrowed("-"));
                keys.insert(Spanned::new(at.clone(), DeString::Owned(key.to_owned())), Spanned::new(at, stands_in));
                continue;
            }
            let (what, cure) = explain(error.message());
            self.note(at.start, what, cure);
            let (table, key) = place?;
            take_out(root.get_mut(), &table, &key)?;
            self.doubtful.insert((table, key));
        }
    }
}

/// The key that a message says is missing.
fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// The innermost key that is written there, or has its value there. A whole table is a place without a key.
fn find(root: &DeTable<'_>, at: &Range<usize>) -> Option<Place> {
    let covers = |span: Range<usize>| span.start <= at.start && at.start < span.end.max(span.start + 1);
    for (table, value) in root {
        let name = table.get_ref().to_string();
        if let DeValue::Table(keys) = value.get_ref() {
            if let Some((key, _)) = keys.iter().find(|(key, value)| covers(key.span()) || covers(value.span())) {
                return Some((name, key.get_ref().to_string()));
            }
            if covers(table.span()) || covers(value.span()) {
                return Some((name, String::new()));
            }
        } else if covers(table.span()) || covers(value.span()) {
            return Some((String::new(), name));
        }
    }
    None
}

fn take_out(root: &mut DeTable<'_>, table: &str, key: &str) -> Option<()> {
    if table.is_empty() || key.is_empty() {
        return root.remove(if table.is_empty() { key } else { table }).map(|_| ());
    }
    let DeValue::Table(keys) = root.get_mut(table)?.get_mut() else { return None };
    keys.remove(key).map(|_| ())
}

/// A message of the parser in the words of whoever writes the file, and the cure.
fn explain(message: &str) -> (String, &'static str) {
    let words = ["u16", "u64", "usize"].iter().fold(message.to_owned(), |said, number| {
        said.replace(&format!("expected {number}"), "expected a number, 0 or more")
    });
    let (before, table) = words.split_once("expected struct ").unwrap_or((&words, ""));
    let words = if table.is_empty() { words.clone() } else { format!("{before}expected a table") };
    let cure = if message.starts_with("unknown field") {
        "Remove the key, or correct its name; the names that exist are listed above."
    } else if message.starts_with("unknown variant") {
        "Write one of the values that are listed above."
    } else if message.contains("socket address") {
        "Write address and port (at most 65535), such as \"127.0.0.1:8080\" or \"[::1]:25\"."
    } else if message.contains("IP address") {
        "Write addresses without a port, such as \"192.0.2.25\" or \"2001:db8::25\"."
    } else if !table.is_empty() {
        "Write the table's name in brackets on a line of its own, such as [relay], and its keys below it."
    } else if message.contains("invalid type") {
        "Correct the kind of value: texts stand in double quotes, numbers do not."
    } else {
        "Correct this line; docs/example.toml shows every key."
    };
    (words, cure)
}

/// A value that makes no sense: where, the keys that it is judged by, why, and the cure.
struct Judged<'a, 't, 'm> {
    written: &'a DeTable<'a>,
    mistakes: &'m mut Mistakes<'t>,
}

impl Judged<'_, '_, '_> {
    fn wrong(&mut self, table: &str, keys: &[&str], why: &str, cure: &str) {
        let place = |key: &&str| (table.to_owned(), (*key).to_owned());
        if keys.iter().any(|key| self.mistakes.doubtful.contains(&place(key))) {
            return;
        }
        let header = self.written.get_key_value(table);
        let inside = header.and_then(|(_, value)| value.get_ref().as_table());
        let within = if table.is_empty() { Some(self.written) } else { inside };
        let key = keys.iter().find_map(|key| within?.get_key_value(*key));
        let at = key.or(header).map_or(0, |(key, _)| key.span().start);
        let name = keys.first().copied().unwrap_or(table);
        self.mistakes.note(at, format!("{name}: {why}"), cure);
    }

    /// A file that has to be there.
    fn file(&mut self, table: &str, key: &str, file: Option<&Path>, cure: &str) {
        if let Some(file) = file.filter(|f| !f.is_file()) {
            self.wrong(table, &[key], &format!("{} is not there", file.display()), cure);
        }
    }
}

impl Mistakes<'_> {
    /// Whether the values make sense, and go together.
    fn sense(&mut self, written: &DeTable<'_>, file: &File) {
        let mut judge = Judged { written, mistakes: self };
        if file.address.as_deref().is_some_and(|a| !is_mailbox(a)) {
            let cure = "Write one address, such as \"cyberresponse@vlaanderen.example\".";
            judge.wrong("", &["address"], "this is not a mailbox", cure);
        }
        if file.lmtp.as_deref().is_some_and(|l| l.parse::<SocketAddr>().is_err() && !l.starts_with("unix:")) {
            let cure = "Write \"127.0.0.1:24\" or \"unix:/run/bolwerk/lmtp\".";
            judge.wrong("", &["lmtp"], "neither an address nor unix:PATH", cure);
        }
        if let Some(relay) = &file.relay {
            if relay.user.is_some() != relay.password_file.is_some() {
                let why = "user and password_file belong together";
                judge.wrong("relay", &["user", "password_file"], why, "Give both, or neither.");
            }
            if relay.user.is_some() && relay.tls == RelayTls::Off {
                let cure = "Use tls = \"required\" or \"implicit\".";
                judge.wrong("relay", &["tls", "user"], "a password would be sent in the clear", cure);
            }
            judge.file("relay", "password_file", relay.password_file.as_deref(), SECRET);
        }
        if file.relay.is_some() && file.direct.is_some() {
            judge.wrong("direct", &[], "mail leaves by one way", "Remove either [relay] or [direct].");
        }
        let trusted = file.senders.trusted.as_deref();
        if trusted.is_some_and(|name| name.is_empty() || name.contains([' ', ';', '(', '"'])) {
            let cure = "Write what stands first in Authentication-Results, such as \"mx.team.example\".";
            judge.wrong("senders", &["trusted"], "this is not a name", cure);
        }
        if !file.senders.trusted_addresses.is_empty() && trusted.is_none() {
            let cure = "Give trusted, the name of that mail server, too.";
            judge.wrong("senders", &["trusted_addresses", "trusted"], "whose are they?", cure);
        }
        if let Some(tls) = &file.tls {
            judge.file("tls", "certificate", Some(&tls.certificate), "Give the path of a PEM file.");
            judge.file("tls", "key", Some(&tls.key), "Give the path of a PEM file.");
        }
        if let Some(imap) = &file.imap {
            if imap.password_file.is_some() == imap.token_file.is_some() {
                let cure = "Give either password_file or token_file in [imap].";
                judge.wrong("imap", &["user", "password_file", "token_file"], "how does it sign in?", cure);
            }
            judge.file("imap", "password_file", imap.password_file.as_deref(), SECRET);
            judge.file("imap", "token_file", imap.token_file.as_deref(), SECRET);
        }
    }
}
