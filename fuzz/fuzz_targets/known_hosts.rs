#![no_main]

#[path = "../src/known_hosts.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
