//! Fuzz target `engine_steps`; what it checks stands in the library of this folder.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| indelible_fuzz::logs::engine_steps(data));
