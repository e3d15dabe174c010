//! One event, every format.

use indelible::{ActorType, AuditEvent};

use super::*;

fn event(actor: &str) -> AuditEvent {
    AuditEvent::in_workspace("acme")
        .action("document.publish")
        .actor(ActorType::User, actor)
        .target("document", "d-42")
        .failed("E1", "refused")
        .severity(Severity::Critical)
        .time(Timestamp(1_795_168_800_123_456_789))
        .build()
        .expect("a valid event")
}

fn write(format: Format, actors: &[&str], cursor: Option<&str>) -> (String, bool) {
    let mut out = Vec::new();
    let mut writer = RowWriter::new(format, Look::default(), &mut out);
    for (at, actor) in actors.iter().enumerate() {
        let event = event(actor);
        let row = RowRef { seq: at as u64 + 5, recorded_at: Timestamp(0), kind: Kind::Event, event: &event };
        writer.row(row).expect("memory");
    }
    let flagged = writer.finish(cursor).expect("memory");
    (String::from_utf8(out).expect("UTF-8"), flagged)
}

#[test]
fn ndjson_rows_are_native_events() {
    let (text, _) = write(Format::Ndjson, &["u-7", "a\u{202e}b"], Some("c"));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].ends_with(r#""seq":5,"recorded_at":"1970-01-01T00:00:00.000000000Z"}"#), "{text}");
    assert!(lines[1].contains(r#""id":"a\u202eb""#), "{text}");
    for (line, actor) in lines.iter().zip(["u-7", "a\u{202e}b"]) {
        let read = AuditEvent::from_native_json(line, &indelible::Limits::default()).expect("native");
        assert_eq!(read, event(actor));
    }
}

#[test]
fn json_is_one_document_with_the_cursor() {
    for (actors, cursor) in [(&["a", "b"][..], Some("abc")), (&[], None)] {
        let (text, _) = write(Format::Json, actors, cursor);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["rows"].as_array().map(Vec::len), Some(actors.len()));
        assert_eq!(value["next_cursor"].as_str(), cursor);
    }
}

#[test]
fn csv_has_every_column_and_names_what_it_escaped() {
    let (text, _) = write(Format::Csv, &["u-7", "=1\u{1b}\n"], None);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    assert_eq!(header.iter().collect::<Vec<_>>(), COLUMNS);
    let at = |name: &str| header.iter().position(|column| column == name).expect("a column");
    let records: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("CSV");
    assert_eq!(records.len(), 2, "a line feed in the data makes no record");
    assert_eq!(records[0].get(at("actor_id")), Some("u-7"));
    assert_eq!(records[0].get(at("flagged")), Some(""));
    assert_eq!(records[1].get(at("actor_id")), Some(r"'=1\u{1b}\u{a}"));
    assert_eq!(records[1].get(at("flagged")), Some("escape line"));
    assert_eq!(records[1].get(at("error_message")), Some("refused"));
    assert_eq!(records[1].get(at("time")), Some("2026-11-20T10:00:00.123456789Z"));
    assert_eq!(write(Format::Csv, &[], None).0.lines().count(), 1, "the header stands even alone");
}

#[test]
fn tables_escape_and_mark() {
    let (text, flagged) = write(Format::Table, &["u-7", "x\u{1b}[1A\r\n│ forged"], None);
    assert!(flagged);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.contains("2026-11-20 10:00:00.123Z") && text.contains(r"user:x\u{1b}[1A\u{d}\u{a}\u{2502} forged"));
    assert!(!write(Format::Table, &["u-7"], None).1);
    assert_eq!(write(Format::Table, &[], None).0, "");
}

#[test]
fn lines_stay_lines() {
    let mut out = Vec::new();
    let mut writer = RowWriter::new(Format::Table, Look::default(), &mut out);
    let event = event("a\nb");
    writer.line(RowRef { seq: 1, recorded_at: Timestamp(0), kind: Kind::Event, event: &event }).expect("memory");
    assert!(writer.finish(None).expect("memory"), "flagged");
    let text = String::from_utf8(out).expect("UTF-8");
    assert_eq!(text.lines().count(), 1);
    assert!(text.starts_with("! ") && text.contains(r"user:a\u{a}b"), "{text}");
}
