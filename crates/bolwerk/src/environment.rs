//! The configuration's keys as variables of the environment: one table, of which the manual is a copy.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// How the value of a variable is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// As it stands.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// With commas between them.
    List,
}

use Written::{Flag, List, Number, Text};

/// A key of the configuration: its table (`""` is the file itself), its name, how its value is written.
struct Key(&'static str, &'static str, Written);

/// Every key that a file may have. The file is explained in `docs/example.toml`.
const KEYS: [Key; 32] = [
    Key("", "data", Text),
    Key("", "http", Text),
    Key("", "smtp", Text),
    Key("", "lmtp", Text),
    Key("", "address", Text),
    Key("", "hostname", Text),
    Key("relay", "host", Text),
    Key("relay", "port", Number),
    Key("relay", "tls", Text),
    Key("relay", "user", Text),
    Key("relay", "password_file", Text),
    Key("direct", "port", Number),
    Key("direct", "private_addresses", Flag),
    Key("senders", "check", Flag),
    Key("senders", "trusted", Text),
    Key("senders", "trusted_addresses", List),
    Key("dns", "server", Text),
    Key("tls", "certificate", Text),
    Key("tls", "key", Text),
    Key("imap", "host", Text),
    Key("imap", "port", Number),
    Key("imap", "tls", Text),
    Key("imap", "user", Text),
    Key("imap", "password_file", Text),
    Key("imap", "token_file", Text),
    Key("imap", "folder", Text),
    Key("imap", "after", Text),
    Key("imap", "poll_seconds", Number),
    Key("limits", "message_mib", Number),
    Key("limits", "connections", Number),
    Key("limits", "readers", Number),
    Key("", "relay", Text),
];

/// Variables that are no key: which file is read.
const FILE: &str = "BOLWERK_CONFIG";
/// Of tests and tools, which hand the environment that they have on to the program.
const TOOLS: [&str; 9] = ["BIN", "CORPUS", "GOLDEN", "KILL_DIR", "SOAK_S", "SOAK_SEED", "TAMPERINGS", "TOKEN", "URL"];
/// How every variable begins.
const PREFIX: &str = "BOLWERK_";
/// The whole next hop as one value, as on the command line; it is read there.
const RELAY: &str = "BOLWERK_RELAY";

impl Key {
    fn variable(&self) -> String {
        let Key(table, key, _) = self;
        let between = if table.is_empty() { "" } else { "_" };
        format!("{PREFIX}{}", format!("{table}{between}{key}").to_uppercase())
    }

    /// As TOML, or what it has to be.
    fn toml(&self, value: &str) -> Result<String, &'static str> {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        match self.2 {
            Text => Ok(text(value)),
            Number if !value.is_empty() && value.len() < 20 && value.bytes().all(|b| b.is_ascii_digit()) => {
                let digits = value.trim_start_matches('0');
                Ok(if digits.is_empty() { "0".to_owned() } else { digits.to_owned() })
            }
            Number => Err("this is no whole number"),
            Flag if matches!(value, "true" | "false") => Ok(value.to_owned()),
            Flag => Err("this is neither true nor false"),
            List => Ok(format!("[{}]", value.split(',').map(|one| text(one.trim())).collect::<Vec<_>>().join(", "))),
        }
    }
}

/// What the environment says.
#[derive(Debug, Default)]
pub struct Given {
    /// The keys as TOML, a line each.
    pub text: String,
    /// The variable that each line is from.
    pub variables: Vec<String>,
    /// What is wrong already: the variable, what, the cure.
    pub mistakes: Vec<(String, String, String)>,
}

/// What the environment of this process says.
pub fn given() -> Given {
    from(std::env::vars_os())
}

/// An empty variable counts as one that is not there.
fn from(variables: impl Iterator<Item = (OsString, OsString)>) -> Given {
    let ours = |(name, value): (OsString, OsString)| {
        let name = name.to_str().filter(|name| name.starts_with(PREFIX))?.to_owned();
        (!value.is_empty()).then_some((name, value))
    };
    let mut ours: BTreeMap<String, OsString> = variables.filter_map(ours).collect();
    let mut given = Given::default();
    let part_of_relay = format!("{RELAY}_");
    if ours.contains_key(RELAY) && ours.keys().any(|name| name.starts_with(&part_of_relay)) {
        let what = format!("this is the whole next hop, and {part_of_relay}… are parts of it");
        given.mistakes.push((RELAY.to_owned(), what, format!("Give {RELAY}, or the others.")));
    }
    for known in TOOLS.map(|tool| format!("{PREFIX}{tool}")).iter().map(String::as_str).chain([FILE, RELAY]) {
        ours.remove(known);
    }
    let mut table = "";
    for key in KEYS.iter().filter(|key| key.variable() != RELAY) {
        let name = key.variable();
        let Some(value) = ours.remove(&name) else { continue };
        match value.to_str().ok_or("this is no text").and_then(|value| key.toml(value)) {
            Err(what) => given.mistakes.push((name, what.to_owned(), "Correct the variable, or remove it.".to_owned())),
            Ok(value) => {
                if table != key.0 {
                    table = key.0;
                    given.line(&format!("[{table}]"), &name);
                }
                given.line(&format!("{} = {value}", key.1), &name);
            }
        }
    }
    for name in ours.into_keys() {
        let cure = format!("Did you mean {}? docs/operator.md lists every variable.", nearest(&name));
        given.mistakes.push((name, "there is no such variable".to_owned(), cure));
    }
    given
}

impl Given {
    fn line(&mut self, line: &str, variable: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.variables.push(variable.to_owned());
    }
}

/// The variable that goes on where this name ends, or whose name takes the fewest changes.
fn nearest(name: &str) -> String {
    let all = KEYS.iter().map(Key::variable).chain([FILE.to_owned()]);
    all.min_by_key(|known| (!known.starts_with(name), edits(name, known))).unwrap_or_default()
}

/// Letters to change, add or leave out (Levenshtein). Names are short.
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let changed = before + usize::from(a != b);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

/// The variable of a key that a table lacks.
pub fn variable_of(table: &str, key: &str) -> Option<String> {
    KEYS.iter().find(|k| k.0 == table && k.1 == key).map(Key::variable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn read(variables: &[(&str, &str)]) -> Result<config::File, String> {
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        config::read(None, &from(variables)).map_err(|failure| failure.to_string())
    }

    /// The keys that the reader of a table says it knows.
    fn keys_of(table: &str) -> Vec<String> {
        let header = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        let error = toml::from_str::<config::File>(&format!("{header}nonsense = 1\n")).unwrap_err().to_string();
        let listed = error.split_once("expected").expect(&error).1;
        listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_key_of_the_file_has_a_variable_and_no_other_has() {
        let (tables, single): (Vec<String>, Vec<String>) = keys_of("").into_iter().partition(|key| {
            toml::from_str::<config::File>(&format!("[{key}]\nnonsense = 1\n"))
                .unwrap_err()
                .to_string()
                .contains("unknown field `nonsense`")
        });
        assert!(tables.len() > 5 && single.len() > 4, "{tables:?} {single:?}");
        let mut expected: Vec<String> = single.iter().map(|key| format!(".{key}")).collect();
        for table in &tables {
            expected.extend(keys_of(table).iter().map(|key| format!("{table}.{key}")));
        }
        expected.push(".relay".to_owned());
        expected.sort();
        let mut ours: Vec<String> = KEYS.iter().map(|key| format!("{}.{}", key.0, key.1)).collect();
        ours.sort();
        assert_eq!(ours, expected);
    }

    #[test]
    fn variables_say_what_a_file_says() {
        let secret =
            [("BOLWERK_IMAP_HOST", "h"), ("BOLWERK_IMAP_USER", "u"), ("BOLWERK_IMAP_PASSWORD_FILE", "/not/there")];
        assert!(
            read(&secret)
                .unwrap_err()
                .starts_with("BOLWERK_IMAP_PASSWORD_FILE: password_file: /not/there is not there")
        );
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "x").unwrap();
        let file = read(&[
            ("BOLWERK_IMAP_HOST", "imap.team.example"),
            ("BOLWERK_IMAP_USER", "a \"b\"\\"),
            ("BOLWERK_IMAP_PASSWORD_FILE", secret.to_str().unwrap()),
            ("BOLWERK_IMAP_POLL_SECONDS", "007"),
            ("BOLWERK_DIRECT_PRIVATE_ADDRESSES", "true"),
            ("BOLWERK_SENDERS_TRUSTED", "mx.team.example"),
            ("BOLWERK_SENDERS_TRUSTED_ADDRESSES", "192.0.2.25, 2001:db8::25"),
            ("BOLWERK_LIMITS_READERS", "3"),
            ("BOLWERK_LMTP", ""),
            ("BOLWERK_CORPUS", "/somewhere"),
            ("PATH", "/bin"),
        ]);
        let file = file.unwrap();
        let imap = file.imap.unwrap();
        assert_eq!((imap.user.as_str(), imap.poll_seconds, imap.port), ("a \"b\"\\", 7, 993));
        assert!(file.direct.unwrap().private_addresses && file.lmtp.is_none());
        assert_eq!((file.senders.trusted_addresses.len(), file.limits.readers), (2, 3));
    }

    #[test]
    fn a_variable_goes_before_the_file_and_its_mistakes_are_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bolwerk.toml");
        std::fs::write(
            &path,
            "http = \"127.0.0.1:1\"\n[relay]\nhost = \"in.file\"\nport = 1\n[limits]\nreaders = 99\n",
        )
        .unwrap();
        let read = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
            config::read(Some(&path), &from(variables)).map_err(|failure| failure.to_string())
        };
        let file = read(&[("BOLWERK_RELAY_PORT", "2525"), ("BOLWERK_LIMITS_READERS", "2")]).unwrap();
        let relay = file.relay.unwrap();
        assert_eq!((relay.host.as_str(), relay.port, file.limits.readers), ("in.file", 2525, 2));
        let told =
            read(&[("BOLWERK_RELAY_PORT", "70000"), ("BOLWERK_TLS_KEY", "k"), ("BOLWERK_SMTP", "x")]).unwrap_err();
        let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with("  ")).collect();
        assert!(lines[0].ends_with("bolwerk.toml:6: readers: must be 1 to 16"), "{told}");
        assert_eq!(lines[1], "BOLWERK_RELAY_PORT: port: must be 1 to 65535");
        assert!(lines[2].starts_with("BOLWERK_SMTP: invalid socket address"), "{told}");
        assert!(lines[3].starts_with("BOLWERK_TLS_KEY: [tls]: missing field `certificate`"), "{told}");
        assert!(told.contains("or give BOLWERK_TLS_CERTIFICATE"), "{told}");
    }

    #[test]
    fn a_variable_that_is_not_known_is_a_mistake_with_the_nearest_name() {
        for (wrong, right) in [
            ("BOLWERK_HTPP", "BOLWERK_HTTP"),
            ("BOLWERK_IMAP_PASSWORD", "BOLWERK_IMAP_PASSWORD_FILE"),
            ("BOLWERK_RELAY_TSL", "BOLWERK_RELAY_TLS"),
            ("BOLWERK_CONFG", "BOLWERK_CONFIG"),
        ] {
            let told = read(&[(wrong, "x")]).unwrap_err();
            assert!(
                told.starts_with(&format!("{wrong}: there is no such variable\n  Did you mean {right}?")),
                "{told}"
            );
        }
        assert!(
            read(&[("BOLWERK_LIMITS_READERS", "two")])
                .unwrap_err()
                .starts_with("BOLWERK_LIMITS_READERS: this is no whole number")
        );
        assert!(read(&[("BOLWERK_SENDERS_CHECK", "yes")]).unwrap_err().contains("neither true nor false"));
        assert!(
            read(&[("BOLWERK_RELAY", "a:25"), ("BOLWERK_RELAY_USER", "b")]).unwrap_err().starts_with("BOLWERK_RELAY: ")
        );
    }

    #[test]
    fn the_manual_lists_every_variable() {
        let row = |key: &Key| {
            let place = if key.0.is_empty() { key.1.to_owned() } else { format!("[{}] {}", key.0, key.1) };
            let written = match (key.variable().as_str(), key.2) {
                (RELAY, _) => "host:port, instead of the whole table",
                (_, Text) => "text",
                (_, Number) => "whole number",
                (_, Flag) => "`true` or `false`",
                (_, List) => "with commas between them",
            };
            format!("| `{}` | `{place}` | {written} |\n", key.variable())
        };
        let table: String = KEYS.iter().map(row).collect();
        let table = format!("| variable | key | value |\n|---|---|---|\n{table}");
        let manual = include_str!("../../../docs/operator.md");
        assert!(manual.contains(&table), "docs/operator.md is to have this table:\n\n{table}");
    }
}
