//! The configuration file. Its reader is part of the program, so it is taken from there.
#![no_main]
#![allow(dead_code)]

#[path = "../../../crates/bolwerk/src/config.rs"]
pub mod config;
#[path = "../../../crates/bolwerk/src/environment.rs"]
pub mod environment;
#[path = "../../../crates/bolwerk/src/exit.rs"]
pub mod exit;
#[path = "../../../crates/bolwerk/src/mistakes.rs"]
pub mod mistakes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("bolwerk-fuzz-{}.toml", std::process::id()));
    std::fs::write(&path, data).expect("a temporary file can be written");
    match config::read(Some(&path), &environment::Given::default()) {
        Ok(file) => assert!((1..=1024).contains(&file.limits.message_mib)),
        Err(failure) if data.is_ascii() => assert!(failure.hint.is_some(), "a mistake without a cure: {failure}"),
        // What is no text says so itself.
        Err(_) => {}
    }
});
