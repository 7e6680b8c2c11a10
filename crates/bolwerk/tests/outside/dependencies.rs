//! What the project depends on: licences, sources, duplicates.

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Licences that go with the EUPL-1.2 and ask for nothing but their notice. MPL-2.0 covers single files.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that may stand in the tree in more than one version: `age` still uses the generation of ciphers before ours, the PostgreSQL
/// client that of hashes and iterators, what checks certificates on a Mac two of its system's library.
const DOUBLES_MAX: usize = 32;

fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    // Not offline: what only other systems need was not fetched by the build, and cargo wants to look into it.
    let done = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path", manifest])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let metadata: Value = serde_json::from_slice(&done.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or_default()
}

/// Whether an SPDX expression can be met with allowed licences: one side of each OR, both of each AND.
fn allowed(expression: &str) -> bool {
    fn any(words: &mut std::iter::Peekable<std::slice::Iter<'_, String>>) -> bool {
        let mut met = all(words);
        while words.next_if(|w| *w == "OR").is_some() {
            // Both sides are read before they are combined: reading moves on.
            let other = all(words);
            met |= other;
        }
        met
    }
    fn all(words: &mut std::iter::Peekable<std::slice::Iter<'_, String>>) -> bool {
        let mut met = one(words);
        while words.next_if(|w| *w == "AND").is_some() {
            let other = one(words);
            met &= other;
        }
        met
    }
    fn one(words: &mut std::iter::Peekable<std::slice::Iter<'_, String>>) -> bool {
        if words.next_if(|w| *w == "(").is_some() {
            let met = any(words);
            words.next_if(|w| *w == ")");
            return met;
        }
        let met = words.next().is_some_and(|w| LICENCES.contains(&w.as_str()));
        if words.next_if(|w| *w == "WITH").is_some() {
            words.next();
        }
        met
    }
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    let mut words = words.iter().peekable();
    any(&mut words) && words.peek().is_none()
}

#[test]
fn every_dependency_has_a_licence_that_goes_with_ours() {
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|p| !p["source"].is_null() && !allowed(text(p, "license")))
        .map(|p| format!("{} {}: {}", text(p, "name"), text(p, "version"), text(p, "license")))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_dependency_comes_from_the_registry() {
    let foreign = |p: &&Value| !p["source"].is_null() && !text(p, "source").starts_with("registry+");
    let wrong: Vec<String> = packages().iter().filter(foreign).map(|p| text(p, "name").to_owned()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn few_crates_stand_in_the_tree_twice() {
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for package in packages() {
        *versions.entry(text(&package, "name").to_owned()).or_default() += 1;
    }
    let doubles: Vec<&String> = versions.iter().filter(|(_, n)| **n > 1).map(|(name, _)| name).collect();
    assert!(doubles.len() <= DOUBLES_MAX, "{}: {doubles:?}", doubles.len());
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    assert!(allowed("MIT OR GPL-2.0-only"));
    assert!(allowed("(Apache-2.0 OR GPL-3.0-only) AND BSD-3-Clause"));
    assert!(allowed("Apache-2.0 WITH LLVM-exception"));
    assert!(allowed("Unlicense/MIT"));
    assert!(!allowed("MIT AND GPL-3.0-only"));
    assert!(!allowed("GPL-3.0-only"));
    assert!(!allowed(""));
}
