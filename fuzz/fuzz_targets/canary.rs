//! Fuzz target `canary`; what it checks stands in the library of this folder.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| indelible_fuzz::canary::canary(data));
