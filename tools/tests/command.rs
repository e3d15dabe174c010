//! The command as scripts see it: real logs, real files, exit codes.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use indelible_tools::workload::Workload;
use serde_json::Value;

/// A directory with a log, keys kept in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
        command.current_dir(self.0.path()).env("XDG_DATA_HOME", self.path("data")).env_remove("INDELIBLE_SIGN_KEY");
        command.env_remove("INDELIBLE_KEY_FILE").stdin(Stdio::null()).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("the command runs"))
    }

    fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self.spawn(arguments);
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // The command may end before it has read everything.
            let _ = stdin.write_all(&input);
        });
        let ran = Ran::of(child.wait_with_output().expect("the command ends"));
        writer.join().expect("no panic");
        ran
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the command starts")
    }
}

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
    fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

fn events(count: u64) -> Vec<u8> {
    let mut text = Vec::new();
    for event in Workload::new(3, count) {
        event.write_native_json(None, None, &mut text);
        text.push(b'\n');
    }
    text
}

fn native(actor: &str) -> String {
    serde_json::json!({"workspace": "acme", "actor": {"type": "user", "id": actor}, "action": "a.b",
        "target": {"type": "t", "id": "1"}, "outcome": "success"})
    .to_string()
}

/// Every file below a directory with its bytes.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.clone(), std::fs::read(path).expect("readable")));
        }
    }
    found.sort();
    found
}

#[test]
fn a_log_from_init_to_checkpoint() {
    let place = Place::new();
    let created = place.run(&["init", "log", "--origin", "test.example/log", "--json"]).ok().json();
    assert_eq!(created["origin"], "test.example/log");
    let key = PathBuf::from(created["sign_key_file"].as_str().expect("a path"));
    assert!(key.starts_with(place.path("data")) && !key.starts_with(place.path("log")));
    let summary = place.run_with(&["ingest", "log", "--json", "--acks", "acks"], &events(1_000)).ok().json();
    let number = |name: &str| summary[name].as_u64().unwrap_or_else(|| panic!("{name} in {summary}"));
    assert_eq!((number("read"), number("stored"), number("rejected")), (1_000, 1_000, 0));
    assert_eq!(number("last_seq") - number("first_seq"), 999);
    assert!(summary["seconds"].is_number());
    let acks = std::fs::read_to_string(place.path("acks")).expect("the acks file");
    let last: u64 =
        acks.lines().last().and_then(|line| line.strip_prefix("durable ")).expect("a line").parse().expect("a seq");
    assert!(last >= number("last_seq"), "{acks}");
    assert_eq!(place.run(&["query", "log", "--count"]).ok().out, "1000\n");
    let rows = place.run(&["query", "log", "--format", "ndjson", "--limit", "0", "--order", "oldest"]).ok().out;
    let stored: Vec<String> =
        rows.lines().map(|line| line.split(",\"seq\":").next().unwrap_or("").to_owned() + "}").collect();
    let given = String::from_utf8(events(1_000)).expect("UTF-8");
    assert!(given.lines().eq(stored.iter().map(String::as_str)), "every event comes back as it was given, in order");
    let note = place.run(&["checkpoint", "log"]).ok().out;
    assert!(note.starts_with("test.example/log\n") && note.contains("\n\n\u{2014} test.example/log "), "{note}");
    place.run(&["verify", "log"]).ok();
}

#[test]
fn pages_join_without_gaps_or_repeats() {
    let place = Place::new();
    place.run_with(&["ingest", "log"], &events(500)).ok();
    for order in ["newest", "oldest", "time"] {
        let mut seqs = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut arguments = vec!["query", "log", "--order", order, "--limit", "120", "--format", "json"];
            if let Some(cursor) = &cursor {
                arguments.extend(["--cursor", cursor]);
            }
            let page = place.run(&arguments).ok().json();
            seqs.extend(page["rows"].as_array().expect("rows").iter().filter_map(|row| row["seq"].as_u64()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        seqs.sort_unstable();
        seqs.dedup();
        assert_eq!(seqs.len(), 500, "{order}");
    }
}

#[test]
fn filters_and_counts_agree_with_the_events() {
    let place = Place::new();
    place.run_with(&["ingest", "log"], &events(2_000)).ok();
    let all: Vec<indelible::AuditEvent> = Workload::new(3, 2_000).collect();
    type Holds = fn(&indelible::AuditEvent) -> bool;
    let cases: [(&[&str], Holds); 7] = [
        (&["--workspace", "ws-00"], |event| event.workspace == "ws-00"),
        (&["--workspace", "ws-0*", "--workspace", "!ws-00"], |event| {
            event.workspace.starts_with("ws-0") && event.workspace != "ws-00"
        }),
        (&["--severity", "critical", "--severity", "warning"], |event| event.severity != indelible::Severity::Info),
        (&["--outcome", "!success"], |event| event.outcome != indelible::Outcome::Success),
        (&["--action", "=document.publish"], |event| event.action == "document.publish"),
        (&["--where", r#"not (lane like "api*" or target_type in (document, 'token'))"#], |event| {
            !(event.lane.as_deref().is_some_and(|lane| lane.starts_with("api"))
                || ["document", "token"].contains(&event.target.kind.as_str()))
        }),
        (&["--from", "2026-10-25", "--to", "2026-10-26T12:00:00Z"], |event| {
            let time = event.time.map_or(0, |time| time.0);
            (1_792_886_400_000_000_000..1_793_016_000_000_000_000).contains(&time)
        }),
    ];
    for (filter, holds) in cases {
        let expected = all.iter().filter(|event| holds(event)).count();
        let arguments: Vec<&str> = ["query", "log", "--count"].iter().chain(filter).copied().collect();
        assert_eq!(place.run(&arguments).ok().out.trim(), expected.to_string(), "{filter:?}");
    }
    let stats =
        place.run(&["stats", "log", "--by", "severity", "outcome", "--bucket", "1d", "--format", "json"]).ok().json();
    let rows = stats["rows"].as_array().expect("rows");
    let sum: u64 = rows.iter().filter_map(|row| row["count"].as_u64()).sum();
    assert_eq!(sum, 2_000);
    assert!(rows.iter().all(|row| row["bucket"].is_string() && row["severity"].is_string()), "{stats}");
}

#[test]
fn bad_inputs_are_named_counted_and_kept() {
    let place = Place::new();
    let mut mixed = format!("{}\n{{\"workspace\": 1}}\n\n{}\n", native("a"), native("b")).into_bytes();
    mixed.extend_from_slice(b"\xff\xfe\n");
    mixed.extend_from_slice(native("c").as_bytes());
    std::fs::write(place.path("mixed.ndjson"), &mixed).expect("written");
    let ran = place.run(&["ingest", "log", "mixed.ndjson", "--format", "native", "--json", "--rejects", "rejects"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let summary = ran.json();
    assert_eq!((&summary["read"], &summary["stored"], &summary["rejected"]), (&5.into(), &3.into(), &2.into()));
    let reported: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("mixed.ndjson:")).collect();
    assert_eq!(reported.len(), 2, "{}", ran.err);
    assert!(reported[0].starts_with("mixed.ndjson:2: ") && reported[1].starts_with("mixed.ndjson:5: "), "{}", ran.err);
    let rejects = std::fs::read_to_string(place.path("rejects")).expect("the rejects file");
    let kept: Vec<Value> = rejects.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(kept[0]["text"], "{\"workspace\": 1}");
    assert_eq!((&kept[1]["bytes_base64"], &kept[1]["line"]), (&"//4=".into(), &5.into()));
    let strict = place.run(&["ingest", "log2", "mixed.ndjson", "--format", "native", "--strict", "--json"]);
    assert_eq!(strict.code, Some(1));
    assert_eq!(strict.json()["stored"], 1, "what came before the bad input is stored");
    assert_eq!(place.run(&["query", "log2", "--count"]).ok().out, "1\n");
}

#[test]
fn compressed_inputs_and_files_in_order() {
    let place = Place::new();
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    };
    std::fs::write(place.path("1.gz"), gzip(&native("one"))).expect("written");
    std::fs::write(place.path("2.zst"), zstd::encode_all(native("two").as_bytes(), 3).expect("memory"))
        .expect("written");
    let ran = place.run_with(&["ingest", "log", "1.gz", "2.zst", "-", "--json"], native("three").as_bytes()).ok();
    assert_eq!(ran.json()["stored"], 3);
    let rows = place.run(&["query", "log", "--order", "oldest", "--format", "ndjson"]).ok().out;
    let actors: Vec<Value> =
        rows.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["actor"]["id"].clone()).collect();
    assert_eq!(actors, ["one", "two", "three"]);
}

#[test]
fn once_reports_what_was_there_already() {
    let place = Place::new();
    let input = events(100);
    place.run_with(&["ingest", "log"], &input).ok();
    let again = place.run_with(&["ingest", "log", "--once", "--json"], &input).ok().json();
    assert_eq!((&again["read"], &again["stored"], &again["duplicates"]), (&100.into(), &0.into(), &100.into()));
    assert!(again["first_seq"].is_null());
    assert_eq!(
        place.run_with(&["ingest", "log", "--json"], &input).ok().json()["stored"],
        100,
        "repeats are kept unless asked"
    );
}

#[test]
fn attacks_in_events_cannot_forge_output() {
    let place = Place::new();
    let evil = "x\u{1b}[2K\r\n\u{202e}nimda\u{2028}│ success";
    place.run_with(&["ingest", "log"], native(evil).as_bytes()).ok();
    let bad = ['\u{1b}', '\r', '\u{202e}', '\u{2028}'];
    for format in ["table", "csv", "ndjson", "json"] {
        let ran = place.run(&["query", "log", "--format", format]).ok();
        assert!(!ran.out.contains(bad) && !ran.err.contains(bad), "{format}");
    }
    let table = place.run(&["query", "log"]).ok();
    assert_eq!(table.out.lines().count(), 5, "{}", table.out);
    assert!(table.err.contains("! marks rows"));
    let row: Value =
        serde_json::from_str(place.run(&["query", "log", "--format", "ndjson"]).ok().out.trim()).expect("JSON");
    assert_eq!(row["actor"]["id"], evil, "the evidence itself is unchanged");
    assert!(!place.run(&["stats", "log", "--by", "actor"]).ok().out.contains(bad));
    assert!(!place.run(&["inspect", "log", "--records"]).ok().out.contains(bad));
    assert!(!place.run(&["tail", "log", "--limit", "1"]).ok().out.contains(bad));
}

#[test]
fn tail_shows_the_backlog_and_what_arrives() {
    let place = Place::new();
    place.run_with(&["ingest", "log"], &events(10)).ok();
    let mut tail = place.spawn(&["tail", "log", "--format", "ndjson", "--limit", "13"]);
    let mut lines = BufReader::new(tail.stdout.take().expect("piped")).lines();
    let first: Vec<String> = lines.by_ref().take(10).map(|line| line.expect("a line")).collect();
    assert_eq!(first.len(), 10);
    let mut ingest = place.spawn(&["ingest", "log", "-"]);
    let mut stdin = ingest.stdin.take().expect("piped");
    for actor in ["a", "b", "c"] {
        writeln!(stdin, "{}", native(actor)).expect("written");
        stdin.flush().expect("written");
        let line = lines.next().expect("a row").expect("a line");
        assert!(line.contains(&format!("\"id\":\"{actor}\"")), "{line}");
    }
    drop(stdin);
    assert!(ingest.wait().expect("ends").success() && tail.wait().expect("ends").success());
}

#[test]
fn a_signal_ends_an_ingest_cleanly() {
    let place = Place::new();
    let mut ingest = place.spawn(&["ingest", "log", "--json", "--acks", "acks"]);
    let mut stdin = ingest.stdin.take().expect("piped");
    stdin.write_all(&events(50)).expect("written");
    stdin.flush().expect("written");
    let started = Instant::now();
    // The genesis and schedule records come first, so a seq of 50 means that most events were taken.
    while !std::fs::read_to_string(place.path("acks")).unwrap_or_default().contains("durable 5") {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing became durable");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = ingest.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
    let ran = Ran::of(ingest.wait_with_output().expect("ends"));
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    drop(stdin);
    let summary = ran.json();
    assert_eq!(summary["interrupted"], true);
    assert_eq!(place.run(&["query", "log", "--count"]).ok().out.trim(), summary["stored"].to_string());
    let inspected = place.run(&["inspect", "log", "--json"]).ok().out;
    assert!(
        inspected.lines().any(|line| line.contains("\"structure\":\"manifest\"") && line.contains("\"closed\":true")),
        "{inspected}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    place.run_with(&["ingest", "log"], &events(5_000)).ok();
    for arguments in [
        &["query", "log", "--limit", "0", "--format", "ndjson"][..],
        &["inspect", "log", "--records", "--bytes", "--json"],
    ] {
        let mut child = place.spawn(arguments);
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
        let ran = Ran::of(child.wait_with_output().expect("ends"));
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let place = Place::new();
    let mut writer = place.spawn(&["ingest", "log", "--acks", "acks"]);
    let mut stdin = writer.stdin.take().expect("piped");
    stdin.write_all(&events(10)).expect("written");
    stdin.flush().expect("written");
    let started = Instant::now();
    while std::fs::metadata(place.path("acks")).map_or(0, |metadata| metadata.len()) == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing became durable");
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = place.run_with(&["ingest", "log"], &events(1));
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("another writer"), "{}", second.err);
    place.run(&["query", "log", "--count"]).ok();
    drop(stdin);
    assert!(writer.wait().expect("ends").success());
    assert_eq!(place.run(&["query", "log", "--count"]).ok().out, "10\n");
}

#[test]
fn rubbish_gets_a_message_and_changes_nothing() {
    let place = Place::new();
    place.run_with(&["ingest", "log"], &events(10)).ok();
    std::fs::create_dir(place.path("empty")).expect("made");
    std::fs::create_dir(place.path("other")).expect("made");
    std::fs::write(place.path("other/file"), "not a log").expect("written");
    std::fs::write(place.path("file"), "").expect("written");
    std::fs::create_dir(place.path("hollow")).expect("made");
    std::fs::write(place.path("hollow/MANIFEST"), "").expect("written");
    std::fs::create_dir(place.path("newer")).expect("made");
    let mut manifest = std::fs::read(place.path("log/MANIFEST")).expect("a manifest");
    manifest[8] = 2;
    std::fs::write(place.path("newer/MANIFEST"), manifest).expect("written");
    let before = contents(place.0.path());
    let verbs: [&[&str]; 6] = [
        &["query", "LOG"],
        &["stats", "LOG", "--by", "lane"],
        &["tail", "LOG"],
        &["verify", "LOG"],
        &["checkpoint", "LOG"],
        &["ingest", "LOG", "--no-create"],
    ];
    for log in ["nowhere", "empty", "other", "file", "hollow", "newer"] {
        for verb in verbs {
            let arguments: Vec<&str> = verb.iter().map(|&word| if word == "LOG" { log } else { word }).collect();
            let ran = place.run(&arguments);
            assert!(matches!(ran.code, Some(1 | 3)), "{arguments:?}: {:?} {}{}", ran.code, ran.out, ran.err);
            assert!(!ran.err.trim().is_empty(), "{arguments:?} says nothing");
        }
    }
    for log in ["other", "file", "hollow", "newer"] {
        for verb in ["init", "ingest"] {
            let ran = place.run(&[verb, log]);
            assert_eq!(ran.code, Some(1), "{verb} {log}: {}", ran.err);
        }
    }
    for (arguments, code) in [
        (&["query", "log", "--actor-type", "human"][..], 2),
        (&["query", "log", "--from", "yesterday"], 2),
        (&["query", "log", "--where", "lane ="], 2),
        (&["query", "log", "--cursor", "rubbish"], 2),
        (&["stats", "log", "--by", "colour"], 2),
        (&["stats", "log", "--by", "lane", "--bucket", "0d"], 2),
        (&["verify", "log", "--from-seq", "9", "--to-seq", "1"], 2),
        (&["ingest", "log", "--format", "xml"], 2),
        (&["ingest", "log", "-", "-"], 2),
        (&["ingest", "new", "no-such-file"], 1),
        (&["ingest", "new", "empty"], 1),
        (&["ingest", "new", "log"], 1),
        (&["init", "new", "--encrypt", "--key-file", "k"], 1),
        (&["init", "new", "--schema", "s"], 1),
        (&["init", "new", "--origin", "white space"], 1),
        (&["inspect", "nowhere"], 1),
        (&["inspect", "empty"], 1),
        (&["nonsense"], 2),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(!ran.err.trim().is_empty(), "{arguments:?} says nothing");
    }
    let after = contents(place.0.path());
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after));
    assert!(before == after, "a refused command changed a file");
}

#[test]
fn help_and_completions_go_to_stdout() {
    let place = Place::new();
    for verb in ["init", "ingest", "query", "stats", "tail", "verify", "inspect", "checkpoint", "demo", "completions"] {
        let ran = place.run(&[verb, "--help"]).ok();
        assert!(ran.out.contains("Example") && ran.err.is_empty(), "{verb}: {}{}", ran.out, ran.err);
    }
    assert!(place.run(&["completions", "bash"]).ok().out.contains("_indelible"));
}

#[test]
fn the_demo_tells_its_story() {
    let place = Place::new();
    let ran = place.run(&["demo", "--events", "3000", "--dir", "demo"]).ok();
    for expected in
        ["ingested 3,000 events", "Q7", "Statistics", "B/event", "verified", "Tampering", "Summary", "caught"]
    {
        assert!(ran.out.contains(expected), "{expected} is missing in\n{}{}", ran.out, ran.err);
    }
    assert!(place.path("demo/log/MANIFEST").exists() && !place.path("demo/tampered").exists());
    assert_eq!(
        place.run(&["demo", "--events", "10", "--dir", "demo"]).code,
        Some(1),
        "an earlier demo is not overwritten"
    );
}
