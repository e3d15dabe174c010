//! What the fuzz targets check, one function for each decoder, and a few for what is made of them: any bytes give a value or an error, and a value that was decoded
//! encodes to the bytes it came from.
//!
//! ```text
//! fuzz_targets/NAME.rs -> check of NAME (here) -> decoder
//! seeds (encoders) -> corpus/NAME/* -> fuzzer -> bytes, first one: 0 as they are, 1 with checksums repaired
//! ```
//!
//! The checks know no fuzzer, so that they run on the stable toolchain over the seeds (`cargo test` in this folder). Without the
//! repair nearly every input would end at a checksum, and what lies behind it would never be reached.
//!
//! Not here: whether values are right (property tests in the crates), and whether damage to a log is found (`tests/`).

pub mod bytes;
pub mod canary;
pub mod domain;
pub mod index_model;
pub mod logs;
pub mod postings;
pub mod repair;
pub mod seeds;

/// A check: panics where the decoder breaks a promise.
pub type Check = fn(&[u8]);

/// Every target by name. A test compares the list with the manifest and the corpus.
pub const TARGETS: [(&str, Check); 22] = [
    ("journal", bytes::journal),
    ("record", bytes::record),
    ("frame", bytes::frame),
    ("descriptor", bytes::descriptor),
    ("segment", bytes::segment),
    ("term_page", bytes::term_page),
    ("index_run", postings::index_run),
    ("manifest", bytes::manifest),
    ("live", bytes::live),
    ("checkpoint", bytes::checkpoint),
    ("bundle", bytes::bundle),
    ("native_event", domain::native_event),
    ("filter", domain::filter),
    ("import_auto", domain::import_auto),
    ("import_cloudtrail", domain::import_cloudtrail),
    ("import_windows", domain::import_windows),
    ("import_kubernetes", domain::import_kubernetes),
    ("cursor", domain::cursor),
    ("index_model", index_model::index_model),
    ("log_files", logs::log_files),
    ("engine_steps", logs::engine_steps),
    ("canary", canary::canary),
];

/// The bytes of an input behind its first byte, with checksums repaired where that byte is odd.
fn prepared(data: &[u8], repair: fn(&mut [u8])) -> Vec<u8> {
    let (&mode, rest) = data.split_first().unwrap_or((&0, &[]));
    let mut bytes = rest.to_vec();
    if mode & 1 == 1 {
        repair(&mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    fn here() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// Seeds and every prefix and single-bit neighbour of the short ones: a fuzzer's first minutes, repeatable.
    #[test]
    fn seeds_and_their_neighbours_keep_the_promises() {
        // The canary's neighbours meet its bug, and are meant to.
        for (name, check) in TARGETS.into_iter().filter(|(name, _)| *name != "canary") {
            for (seed_name, seed) in seeds::of(name) {
                check(&seed);
                let step = (seed.len() / 200).max(1);
                for at in (0..seed.len()).step_by(step) {
                    check(&seed[..at]);
                    let mut flipped = seed.clone();
                    flipped[at] ^= 1 << (at % 8);
                    check(&flipped);
                    if let Some(mode) = flipped.first_mut() {
                        *mode |= 1;
                    }
                    check(&flipped);
                }
                assert!(seed.len() < 64 << 10, "{name}/{seed_name} has {} bytes: seeds are small", seed.len());
            }
        }
    }

    #[test]
    fn the_canary_has_its_bug() {
        canary::canary(b"CNRY\x01\x01\x09ab");
        assert!(std::panic::catch_unwind(|| canary::canary(b"CNRY\x02\x01\x09ab")).is_err());
    }

    /// A seed that a decoder refuses would teach a fuzzer nothing about what lies behind the first check.
    #[test]
    fn seeds_are_what_decoders_accept() {
        use indelible_format::frame::FrameReader;
        use indelible_importers::{Format, ImportContext, Item, import};

        for (name, seed) in seeds::of("frame") {
            let reader = FrameReader::open(&seed[1..]).unwrap_or_else(|error| panic!("frame/{name}: {error}"));
            reader.check().unwrap_or_else(|error| panic!("frame/{name}: {error}"));
            reader.all_records(&seeds::terms()).unwrap_or_else(|error| panic!("frame/{name}: {error}"));
        }
        for (_, seed) in seeds::of("index_run") {
            indelible_index::RunReader::open(&seed[1..]).and_then(|run| run.verify()).expect("runs of seeds verify");
        }
        for target in ["native_event", "import_cloudtrail", "import_windows", "import_kubernetes"] {
            for (name, seed) in seeds::of(target) {
                let limits = indelible::Limits::default();
                let mut sink = |item: Item| {
                    if let Item::Reject(rejected) = item {
                        assert_eq!(name, "records", "{target}/{name}: {}", rejected.reason);
                    }
                    std::ops::ControlFlow::Continue(())
                };
                let summary = import(&seed[1..], Format::Auto, &limits, &ImportContext::new(name), &mut sink);
                assert!(summary.is_ok_and(|summary| summary.events == 1), "{target}/{name} holds one good record");
            }
        }
    }

    #[test]
    fn the_corpus_is_what_the_seeds_make() {
        for (name, _) in TARGETS {
            let dir = here().join("corpus").join(name);
            let names: BTreeSet<String> = fs::read_dir(&dir)
                .unwrap_or_else(|error| {
                    panic!("{}: {error}; make it with the command in fuzz/README.md", dir.display())
                })
                .map(|entry| entry.expect("directory entry").file_name().to_string_lossy().into_owned())
                .collect();
            for (seed_name, seed) in seeds::of(name) {
                assert!(names.contains(seed_name), "corpus/{name}/{seed_name} is missing");
                let stored = fs::read(dir.join(seed_name)).expect("corpus file can be read");
                assert_eq!(stored, seed, "corpus/{name}/{seed_name} is not what its seed makes");
            }
        }
    }

    #[test]
    fn every_target_is_a_binary_with_seeds() {
        let manifest = fs::read_to_string(here().join("Cargo.toml")).expect("the manifest can be read");
        for (name, _) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is no binary of the manifest");
            let source =
                fs::read_to_string(here().join("fuzz_targets").join(format!("{name}.rs"))).expect("a target file");
            assert!(source.contains(&format!("::{name}(data)")), "{name}.rs runs another check");
            assert!(!seeds::of(name).is_empty(), "{name} has no seeds");
        }
        assert_eq!(manifest.matches("\npath = \"fuzz_targets/").count(), TARGETS.len());
    }
}
