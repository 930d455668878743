#![no_main]

#[path = "../src/ini.rs"]
mod body;
#[path = "../src/caught.rs"]
mod caught;
#[allow(dead_code, reason = "each target uses some of it")]
#[path = "../src/reading.rs"]
mod reading;

libfuzzer_sys::fuzz_target!(init: caught::let_be(), |data: &[u8]| body::run(data));
