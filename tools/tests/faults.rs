//! Faults that people met, as scripts see them: exit codes, outputs, keys, repeats, waits. One test for each, named after it.
//!
//! Not here: what the verbs do where nothing is wrong (`command.rs`, `tour.rs`).

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A directory with a log, keys kept in it.
struct Place(tempfile::TempDir);

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let ran = Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        ran
    }

    #[track_caller]
    fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        // Messages are wrapped where the terminal ends.
        let flat = self.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(flat.contains(text), "{text:?} is missing in\n{}", self.err);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path()).env("XDG_DATA_HOME", self.path("data")).env("NO_COLOR", "1");
        command.env_remove("INDELIBLE_SIGN_KEY").env_remove("INDELIBLE_KEY_FILE").stdin(Stdio::null()).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(env!("CARGO_BIN_EXE_indelible"), arguments).output().expect("the command runs"))
    }

    /// Runs a line of shell in which `$I` is the command.
    fn shell(&self, line: &str) -> Ran {
        let mut command = self.command("sh", &["-c", line]);
        Ran::of(command.env("I", env!("CARGO_BIN_EXE_indelible")).output().expect("a shell"))
    }

    fn count(&self, log: &str, filters: &[&str]) -> u64 {
        let arguments = [&["query", log, "--count"], filters].concat();
        self.run(&arguments).code(0).out.trim().parse().expect("a number")
    }

    /// Every file of the log with its bytes.
    fn bytes_of(&self, log: &str) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(dir: &std::path::Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
                match entry.path() {
                    path if path.is_dir() => walk(&path, found),
                    path => found.push((path.clone(), std::fs::read(path).expect("readable"))),
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path(log), &mut found);
        found.sort();
        found
    }
}

fn event(actor: &str) -> String {
    serde_json::json!({"workspace": "w", "actor": {"type": "user", "id": actor}, "action": "a.b",
        "target": {"type": "t", "id": "1"}, "outcome": "success"})
    .to_string()
}

#[test]
fn a_missing_file_keeps_no_other_from_being_stored() {
    let place = Place::new();
    place.write("1.json", event("a"));
    place.write("3.json", event("b"));
    let ran =
        place.run(&["ingest", "log", "1.json", "2.json", "3.json", "--json"]).code(1).says("2.json: No such file");
    let summary = ran.json();
    assert_eq!((&summary["stored"], &summary["missing"], &summary["signed"]), (&2.into(), &1.into(), &true.into()));
    assert_eq!(place.count("log", &[]), 2);
    place.run(&["ingest", "log", "1.json", "2.json", "3.json", "--allow-rejects"]).code(0).says("2.json: No such file");
    // Strict stops at the first, in the order in which they were named.
    place.run(&["ingest", "log", "1.json", "2.json", "3.json", "--strict"]).code(1).says("cannot be read: 2.json");
    assert_eq!(place.count("log", &[]), 5);
    place.run(&["ingest", "none", "2.json"]).code(1);
    assert!(!place.path("none").exists(), "nothing to read creates nothing");
}

#[test]
fn rejects_alone_make_the_exit_code_1() {
    let place = Place::new();
    place.write("bad", "not json\n");
    place.run(&["ingest", "log", "bad"]).code(1).says("1 inputs were rejected (not kept)");
    place.run(&["ingest", "log", "bad", "--allow-rejects"]).code(0);
    place.run(&["ingest", "log", "bad", "--allow-rejects", "--strict"]).code(2);
}

#[test]
fn an_interrupted_ingest_does_not_end_with_0() {
    for strict in [&[][..], &["--strict"]] {
        let place = Place::new();
        let arguments = [&["ingest", "log", "-", "--json", "--acks", "acks"], strict].concat();
        let mut command = place.command(env!("CARGO_BIN_EXE_indelible"), &arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut ingest = command.spawn().expect("starts");
        let mut stdin = ingest.stdin.take().expect("piped");
        writeln!(stdin, "{}", event("a")).expect("written");
        let started = Instant::now();
        while std::fs::metadata(place.path("acks")).map_or(0, |metadata| metadata.len()) == 0 {
            assert!(started.elapsed() < Duration::from_secs(60), "nothing became durable");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(Command::new("kill").args(["-TERM", &ingest.id().to_string()]).status().expect("kill runs").success());
        let ran = Ran::of(ingest.wait_with_output().expect("ends")).code(4).says("before everything was read");
        drop(stdin);
        assert_eq!((&ran.json()["stored"], &ran.json()["interrupted"]), (&1.into(), &true.into()));
        assert_eq!(place.count("log", &[]), 1);
    }
}

#[test]
fn rejects_are_never_read_again() {
    let place = Place::new();
    place.write("a.ndjson", "not json\n");
    place.shell("$I ingest log *.ndjson --rejects rejects.ndjson").code(1);
    let before = std::fs::read(place.path("rejects.ndjson")).expect("kept");
    for line in [
        "$I ingest log *.ndjson --rejects rejects.ndjson",
        "ln -f rejects.ndjson hard; $I ingest log hard --rejects rejects.ndjson",
        "ln -sf rejects.ndjson soft; $I ingest log soft --rejects rejects.ndjson",
        "$I ingest log a.ndjson rejects.ndjson --acks rejects.ndjson",
        "$I ingest log - --rejects rejects.ndjson < rejects.ndjson",
    ] {
        place.shell(line).code(2).says("is also an input");
        assert_eq!(std::fs::read(place.path("rejects.ndjson")).expect("kept"), before, "{line}");
    }
    // In a folder nobody named it: it is left out, and that is said.
    std::fs::create_dir(place.path("in")).expect("made");
    place.shell("cp a.ndjson in; $I ingest log in --rejects in/rejects").code(1);
    place.shell("$I ingest log in --rejects in/rejects").code(1).says("in/rejects: not read: this run writes it");
    assert_eq!(std::fs::read_to_string(place.path("in/rejects")).expect("kept").lines().count(), 2);
}

#[test]
fn no_output_goes_into_a_log() {
    let place = Place::new();
    place.write("e.json", event("a"));
    for log in ["log", "other"] {
        place.run(&["ingest", log, "e.json"]).code(0);
    }
    std::os::unix::fs::symlink(place.path("log/checkpoint"), place.path("link")).expect("linked");
    let before = (place.bytes_of("log"), place.bytes_of("other"));
    let cases: [&[&str]; 11] = [
        &["prove", "log", "--seq", "2", "-o", "log/MANIFEST"],
        &["prove", "log", "--seq", "2", "-o", "other/new"],
        &["ingest", "log", "e.json", "--acks", "log/checkpoint"],
        &["ingest", "log", "e.json", "--acks", "link"],
        &["ingest", "log", "e.json", "--rejects", "other/segments/x"],
        &["ingest", "new", "e.json", "--rejects", "other/live"],
        &["--head-file", "log/log.pub", "ingest", "log", "e.json"],
        &["--head-file", "other/log.pub", "checkpoint", "log"],
        &["--head-file", "log/log.pub", "anchor", "log"],
        &["anchor", "log", "log/anchor"],
        &["anchor", "log", "other/anchor"],
    ];
    for arguments in cases {
        let ran = place.run(arguments);
        assert!(matches!(ran.code, Some(1 | 2)), "{arguments:?}: {:?} {}{}", ran.code, ran.out, ran.err);
        assert!(before == (place.bytes_of("log"), place.bytes_of("other")), "{arguments:?} changed a log");
    }
    assert!(!place.path("new").exists());
    place.run(&["init", "log/new"]).code(2).says("lies in the log");
    place.run(&["demo", "--events", "10", "--dir", "log/demo"]).code(2).says("lies in the log");
    assert!(before == (place.bytes_of("log"), place.bytes_of("other")));
    place.run(&["init", "created", "--sign-key", "created/key"]).code(1).says("lies in a log");
    place.run(&["key", "log", "rotate", "--new-key", "other/key"]).code(1).says("lies in a log");
    for log in ["log", "other"] {
        place.run(&["verify", log]).code(0);
    }
}

#[test]
fn rights_do_not_follow_the_umask() {
    let place = Place::new();
    place.write("e.json", format!("{}\nbad\n", event("a")));
    place.shell("umask 000; $I ingest log e.json --rejects rejects --acks acks").code(1);
    place.shell("umask 000; $I anchor log anchor && $I --head-file heads checkpoint log && $I key log rotate").code(0);
    place.shell("umask 000; $I --head-file heads anchor log; $I prove log --seq 2 -o bundle").code(0);
    let mode = |name: &str| std::fs::metadata(place.path(name)).expect(name).permissions().mode() & 0o777;
    for (name, expected) in [
        ("data/indelible/keys", 0o700),
        ("data/indelible", 0o700),
        ("log", 0o700),
        ("log/MANIFEST", 0o600),
        ("rejects", 0o600),
        ("bundle", 0o600),
        ("acks", 0o644),
        ("anchor", 0o600),
        ("heads", 0o600),
    ] {
        assert_eq!(mode(name), expected, "{name}: {:o}", mode(name));
    }
    for entry in std::fs::read_dir(place.path("data/indelible/keys")).expect("keys").flatten() {
        assert_eq!(entry.metadata().expect("there").permissions().mode() & 0o022, 0, "{:?}", entry.path());
    }
}

#[test]
fn a_file_size_limit_is_said() {
    let place = Place::new();
    let text: String = (0..20_000).map(|n| event(&format!("u-{n}")) + "\n").collect();
    place.write("e.ndjson", text);
    place.run(&["init", "log"]).code(0);
    place.shell("ulimit -f 64; $I ingest log e.ndjson").code(1).says("ulimit -f");
    place.run(&["verify", "log"]).code(0);
    place.write("bad", "x\n".repeat(2_000));
    place.shell("ulimit -f 64; $I ingest log bad --rejects rejects").code(1).says("ulimit -f");
}

#[test]
fn without_its_key_a_log_is_not_written() {
    let place = Place::new();
    place.write("e.json", event("a"));
    place.run(&["ingest", "log", "e.json"]).code(0);
    std::fs::rename(place.path("data"), place.path("elsewhere")).expect("moved");
    let before = place.bytes_of("log");
    let cases: [&[&str]; 9] = [
        &["ingest", "log", "e.json"],
        &["retain", "log", "set", "all", "--keep", "1d"],
        &["retain", "log", "set", "--profile", "severity"],
        &["retain", "log", "retire", "all"],
        &["hold", "log", "place", "h"],
        &["hold", "log", "release", "h"],
        &["key", "log", "rotate"],
        &["key", "log", "grant", "--role", "purge"],
        &["purge", "log"],
    ];
    for arguments in cases {
        place.run(arguments).code(1).says("the signing key of the log is not there");
        assert!(place.bytes_of("log") == before, "{arguments:?} changed the log");
    }
    // What is signed already can be read by anybody.
    place.run(&["checkpoint", "log"]).code(0).says("the newest checkpoint there is");
    assert!(place.bytes_of("log") == before, "a checkpoint was made without a key");
    let ran = place.run(&["ingest", "log", "e.json", "--unsigned", "--json"]).code(0);
    assert_eq!((&ran.json()["stored"], &ran.json()["signed"]), (&1.into(), &false.into()));
    assert!(place.run(&["ingest", "log", "e.json", "--unsigned"]).code(0).out.contains("NOT SIGNED"));
    std::fs::rename(place.path("elsewhere"), place.path("data")).expect("moved back");
    assert!(place.run(&["ingest", "log", "e.json"]).code(0).out.contains("; signed"));
    place.run(&["retain", "log", "set", "all", "--keep", "1d"]).code(0);
}

#[test]
fn another_event_under_a_used_id_is_kept_and_said() {
    let place = Place::new();
    let with_id = |workspace: &str, action: &str| {
        serde_json::json!({"id": "1001", "time": "2026-01-01T00:00:00Z", "workspace": workspace,
            "actor": {"type": "user", "id": "ann"}, "action": action, "target": {"type": "t", "id": "7"}, "outcome": "success"})
        .to_string()
    };
    place.write("e.ndjson", format!("{}\n{}\n", with_id("billing", "invoice.view"), with_id("hr", "salary.change")));
    let ran = place.run(&["ingest", "log", "e.ndjson", "--once", "--json"]).code(0).says("e.ndjson:2: conflict");
    let summary = ran.json();
    assert_eq!((&summary["stored"], &summary["conflicts"], &summary["duplicates"]), (&2.into(), &1.into(), &0.into()));
    assert_eq!(place.count("log", &["--id", "1001"]), 2);
    assert_eq!(place.count("log", &["--action", "salary.change"]), 1);
    let again = place.run(&["ingest", "log", "e.ndjson", "--once", "--json"]).code(0).json();
    assert_eq!((&again["stored"], &again["conflicts"], &again["duplicates"]), (&0.into(), &0.into(), &2.into()));
}

#[test]
fn patterns_and_printed_forms_find_what_they_mean() {
    let place = Place::new();
    place.write("e.ndjson", std::fs::read(case("wildcards")).expect("the case"));
    place.run(&["ingest", "log", "e.ndjson"]).code(0);
    for (filter, expected) in [
        (&["--action", "*Delete*"][..], 2),
        (&["--action", "*User"], 1),
        (&["--action", "s3:*Bucket"], 1),
        (&["--action", "!*User"], 1),
        (&["--action", "=*User"], 0),
        (&["--actor", "user:u-7"], 1),
        (&["--actor", "!user:u-7"], 1),
        (&["--actor", "agent:u-7"], 0),
        (&["--target", "bucket:logs"], 1),
        (&["--target", "bucket:l*s"], 1),
        (&["--where", "action like '*Delete*' and actor = 'user:u-8'"], 1),
    ] {
        assert_eq!(place.count("log", filter), expected, "{filter:?}");
    }
    let hold = ["hold", "log", "place", "h", "--action", "*Delete*"];
    place.run(&hold).code(1).says("names values, or the text that they begin with");
    place.run(&["query", "log", "--outcome", "*cess"]).code(2).says("no prefixes or patterns");
}

/// An input of the cases that came with the report, written out here.
fn case(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(format!("{name}.ndjson"))
}

#[test]
fn reasons_name_the_field_and_no_type_of_the_program() {
    let place = Place::new();
    let line = |time: &str| event("a").replacen('{', &format!("{{\"time\":{time},"), 1);
    let stored = [r#""2026-01-01T00:00:00.123456789123Z""#, r#""2026-01-01T00:00:00+23:59""#];
    for time in stored {
        place.write("e.ndjson", line(time));
        place.run(&["ingest", "log", "e.ndjson"]).code(0);
    }
    let row = place.run(&["query", "log", "--order", "oldest", "--limit", "1", "--format", "ndjson"]).code(0).json();
    assert_eq!(row["time"], "2026-01-01T00:00:00.123456789Z");
    for (text, reason) in [
        (
            line(r#""9999-12-31T23:59:59Z""#),
            "field `time` cannot be read: \"9999-12-31T23:59:59Z\" is not an RFC 3339 time",
        ),
        (line(r#""9999-12-31T23:59:59Z""#), "outside the years 1677 to 2262"),
        (line(r#""2026-01-01T00:00:00+0200""#), "an offset is written with a colon"),
        (line(r#""2026-01-01T00:00:00+25:00""#), "two digits of hours, up to 23"),
        (line(r#""2026-01-01T00:00:00,5Z""#), "not a comma"),
        (line("[1]"), "field `time` cannot be read"),
        (line("1.5"), "field `time` cannot be read"),
        (event("a").replace(r#"{"id":"a","type":"user"}"#, r#""ann""#), "an object for the actor, with type and id"),
        (event("a").replace(r#"{"id":"1","type":"t"}"#, "7"), "an object for the target, with type and id"),
    ] {
        place.write("e.ndjson", &text);
        let ran = place.run(&["ingest", "log", "e.ndjson", "--format", "native"]).code(1).says(reason);
        assert!(!ran.err.contains("struct") && !ran.err.contains("Native"), "{}", ran.err);
    }
    for from in ["2026-01-01T00:00:00+25:00", "2026-01-01T00:00:00,5Z", "9999-12-31T23:59:59Z"] {
        place.run(&["query", "log", "--from", from]).code(2).says("is not a time");
    }
    place.run(&["query", "log", "--from", "2026-01-01T00:00:00.123456789123Z"]).code(0);
}

#[test]
fn seconds_taken_for_nanoseconds_are_noticed() {
    let place = Place::new();
    let line = |time: &str| event("a").replacen('{', &format!("{{\"time\":{time},"), 1) + "\n";
    place.write("seconds", line("1700000000").repeat(2));
    place.write("good", line("1700000000000000000"));
    let ran = place
        .run(&["ingest", "log", "seconds", "good"])
        .code(0)
        .says("seconds: warning: all 2 times lie in January 1970");
    assert_eq!(ran.err.matches("January").count(), 1);
}

#[test]
fn a_large_record_is_refused_with_the_option_or_stored() {
    let place = Place::new();
    let body = serde_json::json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": "b-1",
        "stage": "ResponseComplete", "requestURI": "/x", "verb": "create", "user": {"username": "ann"},
        "objectRef": {"resource": "configmaps", "namespace": "d", "name": "c"},
        "requestObject": {"data": {"x": "y".repeat(20_000)}}, "stageTimestamp": "2025-01-01T00:00:00Z"});
    place.write("b.json", body.to_string());
    place.run(&["ingest", "log", "b.json", "--record-bytes-max", "16384"]).code(1).says("--record-bytes-max");
    place.run(&["ingest", "log", "b.json"]).code(0);
    place.run(&["ingest", "log", "b.json", "--record-bytes-max", "1"]).code(2);
    let most = indelible::RECORD_BYTES_MAX.to_string();
    place.run(&["ingest", "log", "b.json", "--record-bytes-max", &most]).code(0);
    place.write("huge.json", body.to_string().replace("yyy", &"y".repeat(indelible::RECORD_BYTES_MAX / 1_000)));
    place.run(&["ingest", "log", "huge.json"]).code(1).says("--record-bytes-max");
}

#[test]
fn help_offers_no_filter_that_is_always_refused() {
    let place = Place::new();
    let help = place.run(&["retain", "log", "set", "--help"]).code(0).out;
    for refused in
        ["--actor ", "--target ", "--session", "--correlation", "--id ", "--from", "--to ", "--recorded", "--system"]
    {
        assert!(!help.contains(refused), "{refused} in\n{help}");
    }
    place.write("e.json", event("a"));
    place.run(&["ingest", "log", "e.json"]).code(0);
    for offered in [
        ["--workspace", "w"],
        ["--lane", "l"],
        ["--actor-type", "user"],
        ["--action", "a*"],
        ["--target-type", "t"],
        ["--outcome", "success"],
        ["--severity", "info"],
        ["--service", "s"],
        ["--where", "workspace = w"],
    ] {
        assert!(help.contains(offered[0]), "{help}");
        place.run(&[&["retain", "log", "set", "p", "--keep", "9d"], &offered[..]].concat()).code(0);
    }
}

#[test]
fn a_hold_says_its_times_absolutely() {
    let place = Place::new();
    place.write("e.json", event("a"));
    place.run(&["ingest", "log", "e.json"]).code(0);
    place.run(&["hold", "log", "place", "h", "--actor", "a", "--from", "-7d"]).code(0);
    let listed = place.run(&["hold", "log", "list"]).code(0).out;
    assert!(listed.contains("--actor a --from 20") && !listed.contains("-7d"), "{listed}");
}

#[test]
fn verify_beside_a_writer_counts_the_journal() {
    let place = Place::new();
    let mut command = place.command(env!("CARGO_BIN_EXE_indelible"), &["ingest", "log", "-", "--acks", "acks"]);
    let mut ingest = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let mut stdin = ingest.stdin.take().expect("piped");
    writeln!(stdin, "{}", event("a")).expect("written");
    let started = Instant::now();
    while std::fs::metadata(place.path("acks")).map_or(0, |metadata| metadata.len()) == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing became durable");
        std::thread::sleep(Duration::from_millis(5));
    }
    let out = place.run(&["verify", "log"]).code(0).out;
    assert!(out.contains("and 3 in the journal that are in no frame yet"), "{out}");
    drop(stdin);
    assert!(ingest.wait().expect("ends").success());
    let out = place.run(&["verify", "log", "--from-seq", "1", "--to-seq", "1"]).code(0).out;
    assert!(out.contains("records 1 to 1") && !out.contains("every record"), "{out}");
    assert!(!out.contains("in no frame yet"), "{out}");
}

#[test]
fn text_and_bytes_at_rest_are_read() {
    let place = Place::new();
    let (one, two) = (event("one"), event("two"));
    let skippable =
        [b"\x50\x2a\x4d\x18\x04\0\0\0abcd".to_vec(), zstd::encode_all(one.as_bytes(), 3).expect("memory")].concat();
    let cases: [(&str, Vec<u8>, u64); 4] = [
        ("skippable.zst", skippable, 1),
        ("rotated", [&[0; 4_096][..], one.as_bytes(), b"\n", two.as_bytes(), b"\n", &[0; 512]].concat(), 2),
        ("sequence", format!("\u{1e}{one}\n\u{1e}{two}\n").into_bytes(), 2),
        ("folder/a", one.clone().into_bytes(), 1),
    ];
    std::fs::create_dir(place.path("folder")).expect("made");
    for (name, bytes, expected) in cases {
        place.write(name, bytes);
        let input = if name == "folder/a" { "folder" } else { name };
        let summary = place.run(&["ingest", "log", input, "--json"]).code(0).json();
        assert_eq!((&summary["read"], &summary["stored"]), (&expected.into(), &expected.into()), "{name}");
    }
    // What a query prints can be stored elsewhere.
    for format in ["json", "ndjson"] {
        place.write("rows", place.run(&["query", "log", "--format", format, "--limit", "0"]).code(0).out);
        for given in ["auto", "native"] {
            let summary = place
                .run(&["ingest", &format!("{format}-{given}"), "rows", "--json", "--format", given])
                .code(0)
                .json();
            assert_eq!(summary["stored"], 6, "{format} {given}");
        }
    }
    // The root of a file system of its own.
    std::fs::create_dir_all(place.path("mounted/lost+found")).expect("made");
    place.run(&["ingest", "mounted", "rotated"]).code(0);
    place.run(&["verify", "mounted"]).code(0);
    place.run(&["query", "mounted", "--count"]).code(0);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let place = Place::new();
    place.write("e.json", event("a"));
    place.run(&["init", "log", "--sign-key", "k"]).code(0);
    std::fs::set_permissions(place.path("k"), std::fs::Permissions::from_mode(0o644)).expect("set");
    place.run(&["--sign-key", "k", "ingest", "log", "e.json"]).code(1).says("chmod 600 k");
    place.run(&["init", "other", "--sign-key", "k"]).code(1).says("chmod 600 k");
    std::fs::set_permissions(place.path("k"), std::fs::Permissions::from_mode(0o600)).expect("set");
    place.run(&["--sign-key", "k", "ingest", "log", "e.json"]).code(0);
    std::fs::copy(place.path("k"), place.path("log/k")).expect("copied");
    place.run(&["--sign-key", "log/k", "ingest", "log", "e.json"]).code(1).says("lies in a log");
}

/// Texts of a log in every place where a verb prints one.
#[test]
fn names_cannot_draw() {
    let place = Place::new();
    // Names have no control characters; everything else in them has to be shown harmlessly.
    let evil = "x\u{202e}\u{2028}\u{200b}";
    let bad = ['\u{1b}', '\u{9b}', '\u{202e}', '\u{2028}', '\u{200b}', '\r'];
    let created = place.run(&["init", "log", "--origin", "a\u{202e}b"]).code(0).out;
    assert!(!created.contains(bad), "{created}");
    let driving = format!("{evil}\u{9b}2K\u{1b}[2K");
    place.write("e.json", event(&driving));
    place.run(&["ingest", "log", "e.json"]).code(0);
    place.run(&["hold", "log", "place", evil, "--actor", evil]).code(0);
    place.run(&["retain", "log", "set", evil, "--keep", "9d", "--workspace", evil]).code(0);
    place.run(&["prove", "log", "--seq", "2", "-o", "bundle"]).code(0);
    std::fs::copy(place.path("log/log.pub"), place.path("key")).expect("copied");
    let named = format!("log/segments/{evil}");
    let runs: [&[&str]; 18] = [
        &["hold", "log", "list"],
        &["hold", "log", "list", "--json"],
        &["retain", "log", "list"],
        &["retain", "log", "list", "--json"],
        &["retain", "log", "explain", "--seq", "2"],
        &["retain", "log", "explain", "--seq", "2", "--json"],
        &["key", "log", "list"],
        &["key", "log", "list", "--json"],
        &["check", "bundle", "--key", "key", "--rows"],
        &["check", "bundle", "--key", "key", "--rows", "--json"],
        &["query", "log", "--format", "json"],
        &["inspect", "log", "--records"],
        &["inspect", "log", "--records", "--json"],
        &["ingest", "log", evil],
        &["prove", "log", "--seq", "2", "-o", evil],
        &["verify", "log"],
        &["verify", "log", "--json"],
        &["purge", "log", "--dry-run"],
    ];
    place.write(&named, "");
    for arguments in runs {
        let ran = place.run(arguments);
        assert!(!ran.out.contains(bad) && !ran.err.contains(bad), "{arguments:?}\n{}{}", ran.out, ran.err);
    }
    let rows = place.run(&["check", "bundle", "--key", "key", "--rows"]).code(0).out;
    let row: Value = serde_json::from_str(rows.lines().last().expect("a row")).expect("JSON");
    assert_eq!(row["actor_id"], driving.as_str(), "the value stays what it is");
    let holds = place.run(&["hold", "log", "list", "--json"]).code(0).json();
    assert_eq!(holds["holds"][0]["name"], evil);
}
