//! `prove`, `check` and `anchor` as scripts see them.

use std::path::PathBuf;
use std::process::{Command, Output};

use indelible_tools::workload::Workload;
use serde_json::Value;

/// A directory with a log of some events, keys kept in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new(events: u64) -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        let mut text = Vec::new();
        for event in Workload::new(3, events) {
            event.write_native_json(None, None, &mut text);
            text.push(b'\n');
        }
        std::fs::write(place.path("events"), text).expect("written");
        place.run(&["ingest", "log", "events"], 0);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
        command.current_dir(self.0.path()).env("XDG_DATA_HOME", self.path("data")).env_remove("INDELIBLE_SIGN_KEY");
        let Output { status, stdout, stderr } = command.args(arguments).output().expect("the command runs");
        let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert_eq!(status.code(), Some(code), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{text}");
        if code == 0 { String::from_utf8(stdout).expect("UTF-8") } else { text }
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let out = self.run(arguments, 0);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }
}

#[test]
fn a_record_is_proven_and_checked_without_the_log() {
    let place = Place::new(500);
    place.run(&["prove", "log", "--seq", "77", "-o", "proof"], 0);
    std::fs::copy(place.path("log/log.pub"), place.path("pub")).expect("copied");
    std::fs::rename(place.path("log"), place.path("gone")).expect("moved");
    let said = place.run(&["check", "proof", "--key", "pub"], 0);
    assert!(said.contains("record 77 is in the log"), "{said}");
    let rows = place.run(&["check", "proof", "--key", "pub", "--json", "--rows"], 0);
    let row: Value = serde_json::from_str(rows.lines().nth(1).expect("a row")).expect("JSON");
    assert_eq!(row["seq"], 77);
    let mut bytes = std::fs::read(place.path("proof")).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(place.path("proof"), bytes).expect("written");
    let said = place.run(&["check", "proof", "--key", "pub"], 3);
    assert!(said.contains("REFUSED"), "{said}");
    place.run(&["check", "no-such-file", "--key", "pub"], 1);
    place.run(&["check", "proof", "--key", "not+a+key"], 2);
}

#[test]
fn filters_ranges_and_complete_answers() {
    let place = Place::new(500);
    let count = |filter: &[&str]| {
        let arguments = [&["query", "log", "--count"], filter].concat();
        place.run(&arguments, 0).trim().parse::<u64>().expect("a number")
    };
    let severity = ["--severity", "warning"];
    let expected = count(&severity);
    assert!(expected > 0);
    for complete in [&[][..], &["--complete"]] {
        let arguments = [&["prove", "log", "--withhold", "identity", "-o", "proof"], &severity[..], complete].concat();
        place.run(&arguments, 0);
        let report = place.json(&["check", "proof", "--key", "log/log.pub", "--json"]);
        assert_eq!(report["rows"], expected, "{report}");
        assert_eq!(report["disclosed"][1][1], 0, "identity is withheld: {report}");
        let examined = if complete.is_empty() { expected } else { 502 };
        assert_eq!(report["examined"], examined, "{report}");
        assert_eq!(report["reaches_end"], !complete.is_empty(), "{report}");
    }
    place.run(&["prove", "log", "--from-seq", "100", "--to-seq", "299", "-o", "proof"], 0);
    let report = place.json(&["check", "proof", "--key", "log/log.pub", "--json"]);
    assert_eq!((report["rows"].as_u64(), report["claim"]["kind"].as_str()), (Some(200), Some("range")), "{report}");
}

#[test]
fn an_older_checkpoint_is_shown_to_be_a_prefix() {
    let place = Place::new(300);
    let old = place.run(&["checkpoint", "log"], 0);
    std::fs::write(place.path("old"), old).expect("written");
    place.run(&["ingest", "log", "events"], 0);
    place.run(&["prove", "log", "--seq", "500", "--old", "old", "-o", "proof"], 0);
    let said = place.run(&["check", "proof", "--key", "log/log.pub"], 0);
    assert!(said.contains("extends"), "{said}");
}

#[test]
fn what_cannot_be_proven_is_said() {
    let place = Place::new(50);
    for (arguments, code) in [
        (&["prove", "log", "-o", "proof"][..], 2),
        (&["prove", "log", "--seq", "3", "--complete", "-o", "proof"], 2),
        (&["prove", "log", "--from-seq", "9", "--to-seq", "3", "-o", "proof"], 2),
        (&["prove", "log", "--actor", "u-*", "--complete", "-o", "proof"], 1),
        (&["prove", "log", "--actor", "u-*", "--withhold", "identity", "-o", "proof"], 1),
        (&["prove", "log", "--seq", "9999", "-o", "proof"], 1),
        (&["prove", "log", "--lane", "no-such-lane", "-o", "proof"], 1),
        (&["prove", "log", "--from", "2000-01-01", "--limit", "3", "-o", "proof"], 1),
        (&["prove", "nowhere", "--seq", "3", "-o", "proof"], 1),
    ] {
        place.run(arguments, code);
        assert!(!place.path("proof").exists(), "{arguments:?} left a file");
    }
}

#[test]
fn the_anchor_is_remembered_and_refuses_an_older_copy() {
    let place = Place::new(50);
    let copied = Command::new("cp").args(["-a", "log", "copy"]).current_dir(place.0.path()).status();
    assert!(copied.expect("cp runs").success());
    place.run(&["anchor", "log", "log/inside"], 1);
    place.run(&["anchor", "log"], 2);
    place.run(&["anchor", "log", "heads"], 0);
    place.run(&["ingest", "log", "events"], 0);
    let moved = place.run(&["anchor", "log"], 0);
    assert!(moved.contains("holds"), "{moved}");
    std::fs::rename(place.path("log"), place.path("newer")).expect("moved");
    std::fs::rename(place.path("copy"), place.path("log")).expect("moved");
    let refused = place.run(&["ingest", "log", "events"], 1);
    assert!(refused.contains("behind its anchor"), "{refused}");
    place.run(&["query", "log"], 0);
    place.run(&["anchor", "log"], 1);
    let accepted = place.run(&["anchor", "log", "--accept-loss"], 0);
    assert!(accepted.contains("recorded at seq"), "{accepted}");
    place.run(&["ingest", "log", "events"], 0);
    let count = place.run(&["query", "log", "--system", "--action", "log.loss", "--count"], 0);
    assert_eq!(count.trim(), "1");
}

#[test]
fn cosignatures_are_kept_and_asked_for() {
    use indelible_evidence::witness::WitnessSigner;
    let place = Place::new(50);
    let witness = |seed: u8| WitnessSigner::new([seed; 32], &format!("witness.example/{seed}")).expect("a name");
    let policy = format!("quorum 2\nwitness {}\nwitness {}\n", witness(1).verifier(), witness(2).verifier());
    std::fs::write(place.path("policy"), policy).expect("written");
    let note = place.run(&["checkpoint", "log"], 0);
    for seed in [1, 2] {
        std::fs::write(place.path("note"), witness(seed).cosign(&note, 1_795_000_000).expect("a note"))
            .expect("written");
        let said = place.run(&["cosign", "log", "note", "--witnesses", "policy"], 0);
        assert_eq!(said.contains("quorum    reached"), seed == 2, "{said}");
        place.run(&["prove", "log", "--seq", "3", "-o", "proof"], 0);
        let code = if seed == 2 { 0 } else { 3 };
        place.run(&["check", "proof", "--key", "log/log.pub", "--witnesses", "policy"], code);
    }
    place.run(&["verify", "log"], 0);
    let forged = witness(3).cosign(&note, 1).expect("a note").replace("witness.example/3", "witness.example/1");
    std::fs::write(place.path("note"), forged).expect("written");
    place.run(&["cosign", "log", "note", "--witnesses", "policy"], 0);
    place.run(&["ingest", "log", "events"], 0);
    place.run(&["cosign", "log", "note", "--witnesses", "policy"], 1);
}
