//! Fuzz target `index_model`; what it checks stands in the library of this folder.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| indelible_fuzz::index_model::index_model(data));
