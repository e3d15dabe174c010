//! Importers on recorded logs: every record of every file, with its original bytes.
//!
//! The files are found through `INDELIBLE_DATA` or beside the workspace; without them the tests say so and pass.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use indelible::{AuditEvent, Limits, Timestamp};
use indelible_importers::{Format, ImportContext, Item, import};
use serde_json::Value;
use serde_json::value::RawValue;

fn files(folder: &str) -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("INDELIBLE_DATA").map_or(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        println!("skipped: no {folder} under {}; set INDELIBLE_DATA", root.display());
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files
}

fn whole_text(path: &Path) -> String {
    let file = std::fs::File::open(path).expect("a readable file");
    let mut bytes = Vec::new();
    if path.extension().is_some_and(|extension| extension == "zst") {
        let mut decoder = zstd::stream::read::Decoder::new(file).expect("a zstd file");
        decoder.window_log_max(27).expect("a legal window");
        decoder.read_to_end(&mut bytes).expect("whole");
    } else {
        std::io::BufReader::new(file).read_to_end(&mut bytes).expect("whole");
    }
    String::from_utf8(bytes).expect("the files are UTF-8")
}

/// The records of a text, by a JSON parser that holds all of it.
fn records(text: &str) -> Vec<&str> {
    if let Ok(raws) = serde_json::from_str::<Vec<&RawValue>>(text) {
        return raws.into_iter().map(RawValue::get).collect();
    }
    if let Ok(envelope) = serde_json::from_str::<BTreeMap<&str, Vec<&RawValue>>>(text) {
        return envelope.into_values().flatten().map(RawValue::get).collect();
    }
    text.lines().filter(|line| !line.trim().is_empty()).collect()
}

/// Imports a file and compares, record by record, what came out with what is in it; gives the events.
fn check_file(path: &Path, format: &str, rejects: &[&str], mut event_of: impl FnMut(&AuditEvent, &str)) -> usize {
    let text = whole_text(path);
    let mut expected = records(&text).into_iter();
    let (mut events, mut rejected) = (0, Vec::new());
    let input = std::fs::File::open(path).expect("a readable file");
    let context = ImportContext::new(path.display().to_string());
    let summary = import(input, Format::Auto, &Limits::default(), &context, &mut |item| {
        let record = expected.next().expect("no more records come out than went in");
        match item {
            Item::Event(imported) => {
                let original = imported.event.original.as_ref().expect("imported");
                assert_eq!(original.format, format);
                assert!(
                    original.bytes == record.as_bytes(),
                    "{}:{}: not the exact record",
                    path.display(),
                    imported.line
                );
                event_of(&imported.event, record);
                events += 1;
            }
            Item::Reject(reject) => {
                assert_eq!(reject.bytes, record.as_bytes());
                rejected.push(record.to_owned());
            }
        }
        ControlFlow::Continue(())
    })
    .expect("a readable file");
    assert_eq!(expected.next(), None, "{}: records are missing", path.display());
    assert_eq!((summary.read, summary.events), (summary.events + summary.rejected, events as u64));
    assert_eq!(rejected, rejects, "{}", path.display());
    events
}

fn nanos(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[test]
fn all_cloudtrail_files() {
    let mut total = 0;
    for folder in ["cloudtrail-invictus", "cloudtrail-otrf", "cloudtrail-stratus"] {
        for path in files(folder) {
            total += check_file(&path, "cloudtrail", &[], |event, record| {
                let value: Value = serde_json::from_str(record).expect("JSON");
                let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
                assert_eq!(event.id.as_deref(), text("/eventID"));
                assert_eq!(event.time, nanos(text("/eventTime").or(text("/@timestamp")).expect("a time")));
                assert_eq!(Some(event.workspace.as_str()), text("/recipientAccountId"));
                assert_eq!(event.request_id.as_deref(), text("/requestID"));
                assert_eq!(event.error.as_ref().and_then(|error| error.code.as_deref()), text("/errorCode"));
                assert!(event.action.ends_with(text("/eventName").expect("a name")));
                let actor = text("/userIdentity/arn").or(text("/userIdentity/invokedBy"));
                assert_eq!(Some(event.actor.id.as_str()), actor);
            });
        }
    }
    assert!(total == 1_478 || total == 0, "{total}");
}

#[test]
fn all_kubernetes_files() {
    let mut total = 0;
    for folder in ["k8s-audit-audit2rbac", "k8s-audit-crowdsec", "k8s-audit-falco"] {
        for path in files(folder) {
            // One file is a fuzzer's finding: an object that is no audit event.
            let broken: &[&str] = if path.ends_with("fal_01_003.json") { &["{\"kind\": 0}"] } else { &[] };
            total += check_file(&path, "kubernetes", broken, |event, record| {
                let value: Value = serde_json::from_str(record).expect("JSON");
                let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
                assert_eq!(event.correlation_id.as_deref(), text("/auditID"));
                assert_eq!(event.lane.as_deref(), text("/objectRef/namespace"));
                assert_eq!(Some(event.actor.id.as_str()), text("/user/username"));
                assert_eq!(event.time, nanos(text("/stageTimestamp").or(text("/timestamp")).expect("a time")));
                let failed = value.pointer("/responseStatus/code").and_then(Value::as_u64) >= Some(400);
                assert_eq!(event.outcome == indelible::Outcome::Failure, failed);
            });
        }
    }
    assert!(total == 79 || total == 0, "{total}");
}

#[test]
fn all_windows_files() {
    let mut total = 0;
    for path in files("windows-otrf") {
        let mut seen = 0_usize;
        total += check_file(&path, "windows", &[], |event, record| {
            assert!(event.time.is_some() && !event.actor.id.is_empty());
            seen += 1;
            // A tree of values for every record would take most of the test's time.
            if !seen.is_multiple_of(50) {
                return;
            }
            let value: Value = serde_json::from_str(record).expect("JSON");
            let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
            assert!(event.action.ends_with(&format!(".{}", value["EventID"])), "{}", event.action);
            assert_eq!(event.lane.as_deref(), text("/Hostname"));
            assert_eq!(event.service.as_deref(), text("/SourceName"));
            let written = event.time.expect("checked").0;
            let stamp = nanos(text("/@timestamp").expect("a time")).expect("with a zone").0;
            assert!((stamp - written).abs() < 3_600_000_000_000, "the zone of a local time is found: {record}");
        });
    }
    assert!(total == 186_382 || total == 0, "{total}");
}
