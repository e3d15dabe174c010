//! The act vectors: committed files are those that the example writes, and the codec makes of each what it says.

#[path = "act/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use indelible_evidence::act::{Act, HoldText, Note, Statement};
use indelible_evidence::key::VerifierKey;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// [ACT-1] [ACT-9] The committed files are what `cargo run -p indelible-evidence --example make_act_vectors` writes.
#[test]
fn no_vector_changed_silently() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/act");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        found.insert(name, std::fs::read(&path).expect("a file"));
    }
    let made = vectors::files();
    assert_eq!(found.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
    let json = |bytes: &[u8]| -> Value { serde_json::from_slice(bytes).expect("JSON") };
    for (name, bytes) in &made {
        assert_eq!(
            json(&found[name]),
            json(bytes),
            "{name} is not what make_act_vectors writes: on purpose? then run it"
        );
    }
}

/// [ACT-1] [ACT-2] [ACT-9] [ACT-18]
#[test]
fn vectors_are_read_and_refused() {
    let (mut read, mut refused) = (0, 0);
    for (name, bytes) in vectors::files() {
        let description: Value = serde_json::from_slice(&bytes).expect("JSON");
        let Some(text) = description["text"].as_str() else { continue };
        let again = match description["structure"].as_str() {
            Some("act") => Act::parse(text).and_then(|act| act.to_text()),
            Some("statement") => Statement::parse(text).and_then(|statement| statement.to_text()),
            _ => HoldText::parse(text).map(|hold| hold.encode()),
        };
        if description.get("refuse").is_some() {
            assert!(again.is_err(), "{name} is accepted");
            refused += 1;
            continue;
        }
        assert_eq!(again.as_deref(), Ok(text), "{name}");
        read += 1;
        let Some(record) = description["expect"]["record"].as_str() else { continue };
        let note = Note::of_act(record).or_else(|_| Note::of_statement(record)).expect("a note");
        let keys = description["expect"]["keys"].as_array().expect("keys");
        let verified = |key: &Value| {
            let key = VerifierKey::parse(key.as_str().expect("text")).expect("a key");
            note.signatures().iter().any(|line| line.verifies(&key, text))
        };
        assert!(note.text() == text && keys.iter().all(verified), "{name}");
    }
    assert!(read > 20 && refused > 20, "{read} {refused}");
}

/// [ACT-23]
#[test]
fn ed25519_one_equation() {
    let cases = vectors::equation::cases();
    assert!(cases.len() > 120, "{}", cases.len());
    for case in &cases {
        let by_definition = vectors::equation::oracle(&case.key, &case.message, &case.signature);
        assert_eq!(by_definition, case.accepted, "the oracle, {}", case.about);
        let key = VerifierKey::parse(&key_text(&case.key));
        let accepted = key.is_ok_and(|key| key.verify(&case.message, &case.signature).is_ok());
        assert_eq!(accepted, case.accepted, "{}", case.about);
    }
    let right = cases.iter().filter(|case| case.accepted).count();
    assert!(right >= 4 + 7 + 7, "{right} to accept");
    // A cofactored verifier would take these: they are what two readers would disagree about.
    assert!(cases.iter().any(|case| !case.accepted && case.about.contains("only with the cofactor")));
}

/// The text form of a key of any 32 bytes.
fn key_text(public: &[u8; 32]) -> String {
    let id = Sha256::new().chain_update("a\n\u{1}").chain_update(public).finalize();
    let typed = [&[1][..], public].concat();
    let id: String = id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("a+{id}+{}", base64::engine::general_purpose::STANDARD.encode(typed))
}
