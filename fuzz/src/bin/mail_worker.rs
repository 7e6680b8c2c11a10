#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| post::fuzzing::worker(data));
