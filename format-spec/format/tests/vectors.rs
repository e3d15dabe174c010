//! The vectors of `format-spec/vectors`: what the codec reads from each, what it refuses, and that none changed silently.
//!
//! The Python reader runs the same files; see `tests/tests/python_reader.rs`.

#[path = "vectors/mod.rs"]
mod set;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use set::{Described, describe, parse_dump};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors")
}

/// Every file below the folder by its path in it.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below the folder").to_string_lossy().into_owned();
                found.insert(name, std::fs::read_to_string(&path).expect("text"));
            }
        }
    }
    found
}

/// Name, description and bytes of every committed vector.
fn committed() -> Vec<(String, Json, Vec<u8>)> {
    let files = files(&folder());
    let names = files.keys().filter_map(|name| name.strip_suffix(".hex"));
    let vector = |name: &str| {
        let description = files.get(&format!("{name}.json")).unwrap_or_else(|| panic!("{name}.json is missing"));
        let bytes = parse_dump(&files[&format!("{name}.hex")]);
        (name.to_owned(), serde_json::from_str(description).expect("JSON"), bytes)
    };
    names.map(vector).collect()
}

/// [CONV-4] What is accepted is what `NAME.json` says, and comes out the same when it is written again.
#[test]
fn good_vectors_are_read_and_written_again() {
    let mut checked = 0;
    for (name, description, bytes) in committed() {
        let Some(expected) = description.get("expect") else { continue };
        let structure = description["structure"].as_str().expect("a structure");
        let found = describe(structure, &description["context"], &bytes);
        let Described { value, again } = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(&value, expected, "{name}");
        assert_eq!(again, bytes, "{name}: written again");
        checked += 1;
    }
    assert!(checked > 50, "only {checked} vectors to accept");
}

/// What must be refused is; the printed reasons are to be read after a change of the vectors.
#[test]
fn bad_vectors_are_refused() {
    let mut checked = 0;
    for (name, description, bytes) in committed() {
        if description.get("refuse").is_none() {
            continue;
        }
        let structure = description["structure"].as_str().expect("a structure");
        let found = describe(structure, &description["context"], &bytes);
        match found {
            Err(error) => println!("{name}: {error}"),
            Ok(found) => panic!("{name} is accepted: {}", found.value),
        }
        checked += 1;
    }
    assert!(checked > 80, "only {checked} vectors to refuse");
}

/// The committed files are exactly those that `cargo run -p indelible-format --example make_vectors` writes.
#[test]
fn no_vector_changed_silently() {
    let mut made = BTreeMap::new();
    for vector in set::all() {
        let (hex, json) = (vector.hex(), vector.json());
        assert_eq!(parse_dump(&hex), vector.bytes, "{}: a dump gives its bytes", vector.name);
        assert!(made.insert(format!("{}.hex", vector.name), hex).is_none(), "{} twice", vector.name);
        made.insert(format!("{}.json", vector.name), json);
    }
    let mut found = files(&folder());
    found.remove("README.md");
    // Acts are the evidence crate's: `make_act_vectors` writes them, and a test there compares them.
    found.retain(|name, _| !name.starts_with("act/"));
    assert_eq!(made.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "files");
    for (name, text) in &made {
        let found = &found[name];
        // Objects are compared as such: in which order their members are printed is not the format's.
        let json = |text: &str| -> Json { serde_json::from_str(text).expect("JSON") };
        let same = if name.ends_with(".json") { json(found) == json(text) } else { found == text };
        assert!(same, "{name} is not what make_vectors writes: changed on purpose? then run it");
    }
}
