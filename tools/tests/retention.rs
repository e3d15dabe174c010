//! `retain`, `hold`, `purge`, `key` as scripts see them, and the proof of a deletion, checked without the log.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// A directory with a log of 60 events, one a day up to now, keys kept in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        let today = jiff::Timestamp::now().as_second();
        let mut text = String::new();
        for day in (0..60i64).rev() {
            // An hour younger than whole days, so that no age lies on the border of a policy while the test runs.
            let time = jiff::Timestamp::from_second(today - (day * 86_400 - 3_600).max(0)).expect("a time");
            let (workspace, severity) =
                (["acme", "globex"][day as usize % 2], ["info", "critical"][usize::from(day % 5 == 0)]);
            text.push_str(&format!(
                r#"{{"time":"{time}","workspace":"{workspace}","actor":{{"type":"user","id":"u-{}"}},"action":"user.login","target":{{"type":"session","id":"s-{day}"}},"outcome":"success","severity":"{severity}","metadata":{{"secret":"marker-{day}-end"}}}}"#,
                day % 3
            ));
            text.push('\n');
        }
        std::fs::write(place.path("events"), text).expect("written");
        place.run(&["ingest", "log", "events"], 0);
        std::fs::copy(place.path("log/log.pub"), place.path("pub")).expect("copied");
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

    fn count(&self) -> u64 {
        self.run(&["query", "log", "--count"], 0).trim().parse().expect("a number")
    }
}

#[test]
fn purge_with_proof_from_policy_to_check() {
    let place = Place::new();
    let set = place.json(&["retain", "log", "set", "old", "--keep", "30d", "--basis", "event", "--json"]);
    assert_eq!((&set["set"][0]["version"], set["set"][0]["granted_seq"].is_u64()), (&Value::from(1), true), "{set}");
    let dry = place.json(&["purge", "log", "--dry-run", "--json"]);
    assert_eq!((&dry["records"], &dry["dry_run"]), (&Value::from(29), &Value::from(true)), "{dry}");
    assert_eq!(place.count(), 60);
    let purged = place.json(&["purge", "log", "--json"]);
    assert_eq!(purged["records"], 29, "{purged}");
    assert_eq!(place.count(), 31);
    let verified = place.json(&["verify", "log", "--key", "pub", "--json"]);
    assert!(verified["ok"] == true && verified["notes"].to_string().contains("29 records were removed"), "{verified}");
    place.run(&["prove", "log", "--deletions", "-o", "deletions.proof"], 0);
    place.run(&["prove", "log", "--complete", "-o", "range.proof"], 0);
    std::fs::rename(place.path("log"), place.path("gone")).expect("moved");
    let checked = place.json(&["check", "deletions.proof", "--key", "pub", "--json"]);
    assert_eq!(checked["deletions"][0]["records"], 29, "{checked}");
    assert_eq!(checked["deletions"][0]["intent_seq"], purged["deletions"][0]["intent_seq"]);
    let said = place.run(&["check", "deletions.proof", "--key", "pub"], 0);
    assert!(said.contains("deletion    seq") && said.contains("unknown     whether"), "{said}");
    let range = place.json(&["check", "range.proof", "--key", "pub", "--json"]);
    assert_eq!((&range["removed"], &range["reaches_end"]), (&Value::from(29), &Value::from(true)), "{range}");
}

#[test]
fn holds_policies_and_why() {
    let place = Place::new();
    let held = place.json(&["hold", "log", "place", "case-17", "--actor", "u-1", "--json"]);
    assert_eq!(held["held"], 20, "{held}");
    assert!(place.run(&["hold", "log", "place", "case-17"], 1).contains("release it first"));
    place.run(&["retain", "log", "set", "short", "--keep", "10d", "--basis", "event"], 0);
    place.run(&["retain", "log", "set", "long", "--keep", "7y", "--severity", "critical"], 0);
    // What a policy cannot test is no option of it, and refused where an expression names it.
    place.run(&["retain", "log", "set", "who", "--actor", "u-1"], 2);
    assert!(place.run(&["retain", "log", "set", "who", "--where", "actor = 'u-1'"], 1).contains("envelope"));
    place.run(&["retain", "log", "set", "bad", "--keep", "soon"], 2);
    let list = place.json(&["retain", "log", "list", "--json"]);
    assert_eq!(list["policies"].as_array().map(Vec::len), Some(2), "{list}");
    let purged = place.json(&["purge", "log", "--json"]);
    let left = place.count();
    assert_eq!(purged["records"].as_u64().map(|removed| removed + left), Some(60), "{purged}");
    assert_eq!(place.run(&["query", "log", "--count", "--actor", "u-1"], 0).trim(), "20", "held");
    assert_eq!(
        place.run(&["query", "log", "--count", "--severity", "critical"], 0).trim(),
        "12",
        "the longest duty wins"
    );
    let explained = place.json(&["retain", "log", "explain", "--seq", "2", "--json"]);
    assert_eq!(explained["state"], "removed", "{explained}");
    let first_held =
        place.json(&["query", "log", "--actor", "u-1", "--order", "oldest", "--limit", "1", "--format", "ndjson"]);
    let seq = first_held["seq"].to_string();
    let explained = place.run(&["retain", "log", "explain", "--seq", &seq], 0);
    assert!(explained.contains("held      by case-17"), "{explained}");
    assert!(place.run(&["hold", "log", "list"], 0).contains("--actor u-1"));
    place.run(&["hold", "log", "release", "case-17"], 0);
    place.run(&["hold", "log", "release", "case-17"], 1);
    place.run(&["purge", "log"], 0);
    let history = place.json(&["retain", "log", "history", "--json"]);
    assert_eq!(
        (&history["total"]["deletions"], &history["findings"]),
        (&Value::from(2), &serde_json::json!([])),
        "{history}"
    );
    place.run(&["verify", "log"], 0);
}

#[test]
fn keys_are_rotated_and_proofs_follow() {
    let place = Place::new();
    place.run(&["retain", "log", "set", "old", "--keep", "30d", "--basis", "event"], 0);
    let rotated = place.json(&["key", "log", "rotate", "--json"]);
    assert_eq!((&rotated["epoch"], &rotated["purge_moved"]), (&Value::from(1), &Value::from(true)), "{rotated}");
    place.run(&["purge", "log"], 0);
    place.run(&["key", "log", "rotate"], 0);
    let keys = place.json(&["key", "log", "list", "--json"]);
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(6), "{keys}");
    place.run(&["verify", "log", "--key", "pub"], 0);
    place.run(&["prove", "log", "--seq", "50", "-o", "one.proof"], 0);
    place.run(&["prove", "log", "--deletions", "-o", "deletions.proof"], 0);
    for proof in ["one.proof", "deletions.proof"] {
        let said = place.run(&["check", proof, "--key", "pub"], 0);
        assert!(said.contains("rotated 2 times"), "{said}");
    }
}

#[test]
fn heads_go_where_they_are_sent() {
    let place = Place::new();
    place.run(&["checkpoint", "log", "--head-file", "heads"], 0);
    place.run(&["anchor", "log", "--head-file", "remembered", "--head-command", "cat > copy"], 0);
    std::fs::write(place.path("more"), std::fs::read_to_string(place.path("events")).expect("read")).expect("written");
    place.run(&["ingest", "log", "more"], 0);
    let newest = std::fs::read_to_string(place.path("log/checkpoint")).expect("checkpoint");
    assert!(std::fs::read_to_string(place.path("remembered")).expect("heads").contains(&newest));
    assert_eq!(std::fs::read_to_string(place.path("copy")).expect("copy"), newest);
    let failed = place.run(&["anchor", "log", "--head-command", "exit 9"], 1);
    assert!(failed.contains("nothing was remembered"), "{failed}");
}

#[test]
fn a_killed_purge_is_given_up_or_done_by_whoever_opens_the_log_next() {
    let place = Place::new();
    place.run(&["retain", "log", "set", "old", "--keep", "30d", "--basis", "event"], 0);
    for round in 0..8u64 {
        // Each copy goes on from the head that was kept when it was made.
        for (from, to) in [("log", "killed"), ("data", "data.before")] {
            let copied = Command::new("cp").args(["-a", from, to]).current_dir(place.0.path()).status();
            assert!(copied.expect("cp runs").success());
        }
        let mut purge = Command::new(env!("CARGO_BIN_EXE_indelible"));
        purge.current_dir(place.0.path()).env("XDG_DATA_HOME", place.path("data")).env_remove("INDELIBLE_SIGN_KEY");
        let mut child = purge.args(["purge", "killed"]).stdout(std::process::Stdio::null()).spawn().expect("started");
        std::thread::sleep(std::time::Duration::from_millis(round * round * 2));
        let _ = child.kill();
        child.wait().expect("ended");
        // Old or new, never both or neither; and the next opening for writing changes nothing of that.
        let left = place.run(&["query", "killed", "--count"], 0).trim().to_owned();
        assert!(left == "60" || left == "31", "round {round}: {left}");
        place.run(&["checkpoint", "killed"], 0);
        assert_eq!(place.run(&["query", "killed", "--count"], 0).trim(), left, "round {round}");
        let history = place.json(&["retain", "killed", "history", "--json"]);
        for deletion in history["deletions"].as_array().expect("a list") {
            let (done, abandoned) = (deletion["done_seq"].is_u64(), deletion["abandoned_seq"].is_u64());
            assert_eq!((done, abandoned), (left == "31", left == "60"), "round {round}: {history}");
        }
        // The next purge plans anew, and ends in the same.
        place.run(&["purge", "killed"], 0);
        assert_eq!(place.run(&["query", "killed", "--count"], 0).trim(), "31", "round {round}");
        place.run(&["verify", "killed", "--key", "pub"], 0);
        let history = place.json(&["retain", "killed", "history", "--json"]);
        assert_eq!((&history["total"]["records"], &history["findings"]), (&Value::from(29), &serde_json::json!([])));
        for gone in ["killed", "data"] {
            std::fs::remove_dir_all(place.path(gone)).expect("removed");
        }
        std::fs::rename(place.path("data.before"), place.path("data")).expect("moved back");
    }
}
