//! What the documents say of the tests.

use std::collections::HashSet;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Names of all functions below a folder.
fn functions(folder: &Path, found: &mut HashSet<String>) {
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            let names = text.split("fn ").skip(1).map(|rest| rest.split(['(', '<']).next().unwrap_or_default());
            found.extend(names.map(|name| name.trim().to_owned()));
        }
    }
}

/// Words in back-ticks that are as long as the name of a test.
fn named(text: &str) -> Vec<&str> {
    let is_test = |word: &&str| {
        word.split('_').count() > 3 && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split('`').skip(1).step_by(2).filter(is_test).collect()
}

#[test]
fn every_test_that_a_document_names_is_there() {
    assert_eq!(named("a `word`, `no_test`, and `this_is_a_test`."), ["this_is_a_test"]);
    let mut there = HashSet::new();
    functions(&root().join("crates"), &mut there);
    for document in ["SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/tests.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        let names = named(&text);
        let gone: Vec<_> = names.iter().filter(|name| !there.contains(**name)).collect();
        assert!(gone.is_empty(), "{document} names tests that are not there: {gone:?}");
        assert!(!names.is_empty() || document == "ARCHITECTURE.md", "{document} names no test");
    }
}

#[test]
fn every_request_that_the_guide_to_the_api_shows_is_one_that_the_desk_takes() {
    let guide = std::fs::read_to_string(root().join("docs/api.md")).unwrap();
    let described = std::fs::read_to_string(root().join("crates/web/tests/golden/openapi.json")).unwrap();
    let described: serde_json::Value = serde_json::from_str(&described).unwrap();
    let requests: Vec<&str> = guide.lines().filter(|line| line.trim_start().starts_with("curl ")).collect();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let (_, address) = request.split_once("$DESK").unwrap();
        let path = address.split(['?', '"']).next().unwrap();
        let method = if request.contains("--json") { "post" } else { "get" };
        assert!(described["paths"][path][method].is_object(), "{method} {path}");
        assert!(request.contains("Authorization: Bearer $TOKEN"), "{request}");
    }
}

#[test]
fn every_fuzz_target_has_its_line_of_results() {
    let results = std::fs::read_to_string(root().join("fuzz/results.md")).unwrap();
    let mut targets = 0;
    for item in std::fs::read_dir(root().join("fuzz/src/bin")).unwrap() {
        let path = item.unwrap().path();
        let target = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            results.contains(&format!("\n| {target} | ")),
            "{target}: `fuzz/run {target}`, or a line with 0 seconds"
        );
        targets += 1;
    }
    assert_eq!(results.matches("\n| ").count(), targets + 1, "and no line of a target that is gone");
}
