//! The whole command run small: every job ends, every store answers as a scan does, every table and plot is there.

use std::path::Path;
use std::process::Command;

use indelible_tools::workload::Workload;

fn run(dir: &Path, more: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_indelible-peers"))
        .args(["--quick", "--questions", "6", "--results"])
        .arg(dir.join("RESULTS.md"))
        .args(["--analysis", "nowhere.md", "--raw"])
        .arg(dir.join("raw.json"))
        .arg("--plots")
        .arg(dir.join("plots"))
        .args(more)
        .output()
        .expect("the command starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    (std::fs::read_to_string(dir.join("RESULTS.md")).expect("the tables were written"), said)
}

#[test]
fn everything_runs_and_nothing_fails() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let (text, said) = run(dir.path(), &["--events", "3000", "--curve-max", "2000"]);
    assert!(!said.contains("FAILED") && !text.contains("Not everything ran"), "{said}");
    for store in ["Indelible", "SQLite FULL, chain", "SQLite NORMAL", "redb", "fjall", "limit: append + chain + zstd 1"]
    {
        assert!(text.contains(&format!("| {store}")), "{store} has no row in {text}");
    }
    #[cfg(feature = "all-peers")]
    for store in ["tantivy", "Quipu 0.2, store", "Quipu 0.2, pipeline"] {
        assert!(text.contains(&format!("| {store}")), "{store} has no row in {text}");
    }
    for section in ["Goals", "Questions", "A single durable event", "Size by part", "Purge", "Cost against size"] {
        assert!(text.contains(&format!("## {section}\n")), "no section {section}");
    }
    let plots = std::fs::read_dir(dir.path().join("plots")).expect("plots were written").count();
    assert!(plots >= 14, "{plots} plots");
    // The same tables come from what was kept, without measuring.
    let again = Command::new(env!("CARGO_BIN_EXE_indelible-peers"))
        .args(["--analysis", "nowhere.md", "--from-raw"])
        .arg(dir.path().join("raw.json"))
        .output()
        .expect("the command starts");
    let again = String::from_utf8_lossy(&again.stdout);
    let row = text.lines().find(|line| line.starts_with("| Indelible |")).expect("a row of ours");
    assert!(again.contains(row), "{again}");
}

#[test]
fn other_data_goes_through_the_same() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let file = dir.path().join("events.ndjson");
    let mut lines = Vec::new();
    for (number, mut event) in Workload::new(5, 800).enumerate() {
        if number % 3 == 0 {
            event.actor.name = Some(format!("Ada {number}"));
            event.correlation_id = None;
        }
        event.write_native_json(None, None, &mut lines);
        lines.push(b'\n');
    }
    std::fs::write(&file, lines).expect("the file can be written");
    let file = file.display().to_string();
    let (text, said) =
        run(dir.path(), &["--ndjson", &file, "--events", "700", "--stores", "indelible,redb,sqlite-full"]);
    assert!(!said.contains("FAILED") && text.contains("native events of events.ndjson"), "{said}");
    assert!(!text.contains("## Cost against size"));
}

#[test]
fn a_store_that_fails_is_reported_and_the_others_are_measured() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let file = dir.path().join("broken.ndjson");
    std::fs::write(&file, "{}\n").expect("the file can be written");
    let (text, said) = run(dir.path(), &["--ndjson", &file.display().to_string(), "--stores", "redb"]);
    assert!(said.contains("FAILED: redb, round 1") && text.contains("**Not everything ran.**"), "{said}");
}
