//! The fuzz targets as ordinary tests: each goes on building with the crates that it fuzzes, and its seeds break nothing. No fuzzer and no
//! sanitizer here; those are `fuzz/run`'s.
#![allow(unused_attributes, dead_code, reason = "each file is a program of its own there")]

// The targets name the fuzzer's crate: here it is this one.
extern crate self as libfuzzer_sys;

/// What the fuzzer's macro is called with, once for each seed and for nothing at all.
#[macro_export]
macro_rules! fuzz_target {
    (|$data:ident: &[u8]| $body:expr) => {
        #[test]
        fn its_seeds_break_nothing() {
            for seed in $crate::seeds(file!()) {
                let $data: &[u8] = &seed;
                $body;
            }
        }
    };
}

// The reader of the configuration is taken from the program, where its parts know each other by these names.
use bolwerk_config::{config, environment, exit, mistakes};

#[path = "../../../fuzz/src/bin/bolwerk_config.rs"]
mod bolwerk_config;
#[path = "../../../fuzz/src/bin/desk_fact.rs"]
mod desk_fact;
#[path = "../../../fuzz/src/bin/desk_observables.rs"]
mod desk_observables;
#[path = "../../../fuzz/src/bin/desk_reference.rs"]
mod desk_reference;
#[path = "../../../fuzz/src/bin/desk_snapshot.rs"]
mod desk_snapshot;
#[path = "../../../fuzz/src/bin/html.rs"]
mod html;
#[path = "../../../fuzz/src/bin/imap.rs"]
mod imap;
#[path = "../../../fuzz/src/bin/journal_archive.rs"]
mod journal_archive;
#[path = "../../../fuzz/src/bin/journal_keys.rs"]
mod journal_keys;
#[path = "../../../fuzz/src/bin/journal_leaf.rs"]
mod journal_leaf;
#[path = "../../../fuzz/src/bin/journal_location.rs"]
mod journal_location;
#[path = "../../../fuzz/src/bin/journal_note.rs"]
mod journal_note;
#[path = "../../../fuzz/src/bin/journal_proofs.rs"]
mod journal_proofs;
#[path = "../../../fuzz/src/bin/journal_ratchet.rs"]
mod journal_ratchet;
#[path = "../../../fuzz/src/bin/journal_row.rs"]
mod journal_row;
#[path = "../../../fuzz/src/bin/journal_signed.rs"]
mod journal_signed;
#[path = "../../../fuzz/src/bin/mail_addresses.rs"]
mod mail_addresses;
#[path = "../../../fuzz/src/bin/mail_attachment.rs"]
mod mail_attachment;
#[path = "../../../fuzz/src/bin/mail_authenticity.rs"]
mod mail_authenticity;
#[path = "../../../fuzz/src/bin/mail_date.rs"]
mod mail_date;
#[path = "../../../fuzz/src/bin/mail_encoded.rs"]
mod mail_encoded;
#[path = "../../../fuzz/src/bin/mail_mbox.rs"]
mod mail_mbox;
#[path = "../../../fuzz/src/bin/mail_read.rs"]
mod mail_read;
#[path = "../../../fuzz/src/bin/mail_report.rs"]
mod mail_report;
#[path = "../../../fuzz/src/bin/mail_scan.rs"]
mod mail_scan;
#[path = "../../../fuzz/src/bin/mail_worker.rs"]
mod mail_worker;
#[path = "../../../fuzz/src/bin/smtp_relay.rs"]
mod smtp_relay;
#[path = "../../../fuzz/src/bin/smtp_session.rs"]
mod smtp_session;
#[path = "../../../fuzz/src/bin/web_api.rs"]
mod web_api;
#[path = "../../../fuzz/src/bin/web_csv.rs"]
mod web_csv;
#[path = "../../../fuzz/src/bin/web_headers.rs"]
mod web_headers;
#[path = "../../../fuzz/src/bin/web_moment.rs"]
mod web_moment;
#[path = "../../../fuzz/src/bin/web_multipart.rs"]
mod web_multipart;
#[path = "../../../fuzz/src/bin/web_urlencoded.rs"]
mod web_urlencoded;

/// Targets that need what `desk` has for tests alone: only `fuzz/run` builds them.
const AWAY: [&str; 2] = ["desk_hints", "desk_query"];

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The seeds of the target in this file.
fn seeds(file: &str) -> Vec<Vec<u8>> {
    let target = std::path::Path::new(file).file_stem().unwrap().to_str().unwrap();
    let folder = std::fs::read_dir(root().join("seeds").join(target));
    let files = folder.into_iter().flatten().map(|item| std::fs::read(item.unwrap().path()).unwrap());
    files.chain([Vec::new()]).collect()
}

#[test]
fn every_fuzz_target_is_built_here() {
    let here = include_str!("fuzz_targets.rs");
    let mut seeded = 0;
    for item in std::fs::read_dir(root().join("src/bin")).unwrap() {
        let path = item.unwrap().path();
        let target = path.file_stem().unwrap().to_str().unwrap();
        assert!(here.contains(&format!("bin/{target}.rs\"]")) || AWAY.contains(&target), "{target} is missing here");
        seeded += usize::from(seeds(target).len() > 1);
    }
    assert!(seeded > 30, "the seeds are found: {seeded}");
}
