//! Records and groups, and the log they belong to: everything fixed.

use indelible_evidence::LogId;
use indelible_evidence::key::SigningKey;
use indelible_evidence::record::{Groups, GroupsWriter, Record, put_transit};
use indelible_evidence::schema::{Field, Kind};
use serde_json::json;

use super::Vector;

/// The log of every vector.
pub const LOG_ID: LogId = LogId(*b"\x01\x95\xf3\xa2\x00\x00\x7a\xbc\x8d\xef\x00\x11\x22\x33\x44\x55");
/// Its origin.
pub const ORIGIN: &str = "example.com/log";
/// 2026-11-20T12:00:00Z.
pub const START: i64 = 1_795_176_000_000_000_000;
/// A UUID of version 7.
pub const UUID: &str = "0195f3a2-0000-7abc-8def-001122334455";

/// The key that signs its checkpoints: its seed is 32 times 07.
pub fn key() -> SigningKey {
    SigningKey::generate([7; 32], ORIGIN).expect("an origin that is allowed")
}

/// A record from what `fill` writes.
pub fn record(seq: u64, class: u16, kind: Kind, occurred_at: i64, fill: impl FnOnce(&mut GroupsWriter<'_>)) -> Record {
    let mut bytes = Vec::new();
    let mut writer = GroupsWriter::new(&mut bytes, kind, occurred_at);
    fill(&mut writer);
    let ends = writer.finish();
    let groups = Groups::from_parts(bytes, ends).expect("a writer's ends ascend");
    Record { seq, recorded_at: START + seq as i64 * 1_500_000, class, groups }
}

/// An event with nothing but its head.
pub fn minimal(seq: u64) -> Record {
    record(seq, 1, Kind::Event, 0, |_| {})
}

/// An event with every field.
pub fn full(seq: u64, class: u16) -> Record {
    record(seq, class, Kind::Event, START - 1_000_000_007, |groups| {
        groups.text(Field::WORKSPACE, "acme");
        groups.text(Field::LANE, UUID);
        groups.text(Field::SERVICE, "documents");
        groups.text(Field::ACTION, "document.publish");
        groups.code(Field::SEVERITY, 1);
        groups.code(Field::OUTCOME, 2);
        groups.code(Field::ACTOR_TYPE, 255);
        groups.text(Field::TARGET_TYPE, "");
        groups.text(Field::ACTOR_ID, "user-17");
        groups.text(Field::ACTOR_NAME, "Zoë Müller");
        groups.text(Field::ACTOR_ROLE, "editor");
        groups.text(Field::ACTOR_IP, "2001:db8::1");
        groups.text(Field::AUTH_METHOD, "passkey");
        groups.text(Field::TARGET_ID, "0195F3A2-0000-7ABC-8DEF-001122334455");
        groups.text(Field::SESSION, "00000000-0000-0000-0000-000000000000");
        groups.text(Field::EVENT_ID, UUID);
        groups.text(Field::CORRELATION_ID, "trace 4bf92f35");
        groups.text(Field::PARENT_ID, "ffffffff-ffff-ffff-ffff-ffffffffffff");
        groups.text(Field::REQUEST_ID, "{0195f3a2-0000-7abc-8def-001122334455}");
        groups.proof(2, [Some("{\"status\":200}"), Some("https://example.com/a"), Some("")], Some(-1));
        groups.text(Field::REASON, "asked for by the owner");
        groups.text(Field::ERROR_CODE, "E1");
        groups.text(Field::ERROR_MESSAGE, &"not saved ".repeat(13));
        groups.text(Field::METADATA, "{\"pages\": 3, \"size\": 12345678901234567890}");
        groups.text(Field::ORIGINAL_FORMAT, "test");
        groups.bytes(Field::ORIGINAL, &[0, 1, 0xfe, 0xff]);
    })
}

/// A system record with its fixed fields and a body.
pub fn system(seq: u64, kind: Kind, body: &str) -> Record {
    let class = if kind == Kind::Access { 9 } else { 0 };
    record(seq, class, kind, START, |groups| {
        groups.text(Field::ACTION, &format!("log.{}", kind.name()));
        groups.code(Field::ACTOR_TYPE, 3);
        groups.text(Field::TARGET_TYPE, "log");
        groups.text(Field::ACTOR_ID, "indelible");
        groups.text(Field::TARGET_ID, &LOG_ID.to_string());
        groups.text(Field::METADATA, body);
    })
}

/// The body that a record of a kind has in the vectors.
pub fn body(kind: Kind) -> String {
    let key = key().verifier();
    match kind {
        Kind::Genesis => format!(r#"{{"log_id":"{LOG_ID}","origin":"{ORIGIN}","key":"{key}","format_version":1}}"#),
        Kind::Key => format!(r#"{{"epoch":1,"key":"{key}","role":"purge","action":"add"}}"#),
        Kind::Schedule => {
            r#"{"version":1,"rules":[{"class":2,"label":"critical","severity":3}],"default":1}"#.to_owned()
        }
        Kind::Gap => r#"{"lost":12}"#.to_owned(),
        Kind::Recovery => concat!(
            r#"{"incarnation":2,"journal_file":1,"journal_offset":160,"cut_bytes":9,"#,
            r#""cut_crc":"00c0ffee","segment_cut_bytes":0}"#
        )
        .to_owned(),
        _ => "{}".to_owned(),
    }
}

/// The first record of the log.
pub fn genesis() -> Record {
    system(0, Kind::Genesis, &body(Kind::Genesis))
}

/// An event whose number decides which fields it has, and in which forms.
pub fn event(seq: u64) -> Record {
    let class = [1, 2, 1, 1, 7][seq as usize % 5];
    record(seq, class, Kind::Event, START + (seq as i64 % 7) * 1_000_000, |groups| {
        groups.text(Field::WORKSPACE, &format!("workspace-{}", seq % 3));
        groups.text(Field::ACTION, ["user.login", "user.logout", "document.publish"][seq as usize % 3]);
        groups.code(Field::SEVERITY, 1 + (seq % 3) as u8);
        groups.optional(Field::TARGET_TYPE, seq.is_multiple_of(4).then_some("document"));
        groups.text(Field::ACTOR_ID, &format!("0195f3a2-0000-7abc-8def-{:012x}", seq % 11));
        groups.text(Field::TARGET_ID, &format!("doc-{}", seq % 29));
        groups.text(Field::EVENT_ID, &format!("0195f3a2-{:04x}-7abc-8def-{seq:012x}", seq % 4096));
        groups.text(Field::CORRELATION_ID, &format!("0195f3a2-0000-4abc-8dee-{:012x}", seq / 5));
        groups.optional(
            Field::PARENT_ID,
            (seq % 6 == 1).then(|| format!("5c0ffee0-0000-4000-8000-{seq:012x}")).as_deref(),
        );
        groups.optional(Field::REQUEST_ID, (seq % 3 != 2).then(|| format!("request {seq}")).as_deref());
        groups.text(Field::METADATA, &format!("{{\"n\":{seq},\"text\":\"some metadata of event {seq}\"}}"));
    })
}

/// A record's transit form.
pub fn transit(record: &Record) -> Vec<u8> {
    let mut out = Vec::new();
    put_transit(&mut out, record.recorded_at, record.class, record.groups.slices());
    out
}

/// Vectors of groups and records.
pub fn vectors() -> Vec<Vector> {
    let mut out = Vec::new();
    let mut add = |name: &str, record: &Record, about: &str| {
        let context = json!({"seq": record.seq});
        out.push(Vector::good(format!("record/{name}"), "record", context, transit(record), about));
    };
    add("minimal", &minimal(5), "An event without a single field: eleven bytes and three presence bytes.");
    add(
        "full",
        &full(6, 2),
        "Every field; UUIDs in sixteen bytes, upper case and braces as text, empty texts, unknown codes.",
    );
    let early = record(7, 65_535, Kind::Event, -1, |groups| groups.text(Field::ACTION, "before 1970"));
    add("before-1970", &early, "A negative time: one nanosecond before 1970, so second -1; the highest class.");
    for &(kind, name) in &Kind::ALL[1..] {
        let seq = if kind == Kind::Genesis { 0 } else { 10 + kind as u64 };
        add(&format!("system-{name}"), &system(seq, kind, &body(kind)), &format!("A system record of kind {name}."));
    }
    let mut add = |name: &str, k: u8, record: &Record, about: &str| {
        let bytes = record.groups.group(usize::from(k)).to_vec();
        out.push(Vector::good(format!("group/{name}"), "group", json!({"group": k}), bytes, about));
    };
    add("envelope-bare", 0, &minimal(5), "Group 0 without fields.");
    add("identity-bare", 1, &minimal(5), "A group without fields is its presence byte.");
    add("envelope-full", 0, &full(6, 2), "Every field of group 0; lane is a UUID, target type an empty text.");
    add("identity-full", 1, &full(6, 2), "An upper-case UUID is text, the nil UUID is a UUID.");
    add("correlation-full", 2, &full(6, 2), "UUID, text, UUID of all ones, text with braces.");
    add("payload-full", 3, &full(6, 2), "A proof with all parts, a text of 130 bytes (prefix of two bytes), bytes.");
    let empty = record(8, 1, Kind::Event, 0, |groups| {
        groups.proof(5, [None, None, None], None);
        groups.bytes(Field::ORIGINAL, &[]);
    });
    add("payload-empty-values", 3, &empty, "A proof with no parts and no bytes of an original: present, both of them.");
    for (name, message) in [("empty", vec![]), ("64-bytes", (0..64).collect()), ("65-bytes", (0..65).collect())] {
        let about = "The hash of a message for every purpose, zero-padded to a multiple of 64 bytes.";
        out.push(Vector::good(format!("hash/b3-{name}"), "b3", json!({}), message, about));
    }
    let long = (0..2_000u32).map(|i| (i % 251) as u8).collect();
    out.push(Vector::good("hash/b3-2000-bytes", "b3", json!({}), long, "A message of more than one BLAKE3 chunk."));
    out
}
