#![no_main]

#[path = "../src/yaml.rs"]
mod body;
#[allow(dead_code, reason = "each target uses some of it")]
#[path = "../src/reading.rs"]
mod reading;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
