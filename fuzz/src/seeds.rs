//! Seeds for the fuzzer, made by the encoders: small, valid, and the same every time.
//!
//! The first byte of a seed says whether checksums are to be repaired (see the crate's header). The names of seeds are the names
//! of files in the corpus.

use std::sync::Arc;

use indelible_evidence::LogId;
use indelible_evidence::checkpoint::{Checkpoint, sign_checkpoint};
use indelible_evidence::commit::{FrameFacts, FrameView, RecordRef, Removal, Salts, commit_frame, prune};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::key::{SigningKey, VerifierKey};
use indelible_evidence::record::{Groups, GroupsWriter, Record, put_transit};
use indelible_evidence::schema::{Field, Kind};
use indelible_format::frame::{FrameEncoder, FrameOptions};
use indelible_format::journal::{GroupFacts, JournalHeader, put_close_mark, put_group};
use indelible_format::live::Live;
use indelible_format::manifest::{Closed, Manifest, SegmentEntry, SegmentState};
use indelible_format::segment::{
    BlockEntry, BlockHeader, BlockKind, Footer, FooterTotals, FrameEntry, PageEntry, SegmentHeader, SegmentTrailer,
    TermTable, encode_lookup, put_block,
};
use indelible_index::{KeyChunkBuilder, RowKeys, build_run};

const LOG: LogId = LogId([7; 16]);
const ORIGIN: &str = "example.org/fuzz";
/// 2026-11-20T10:00:00Z in nanoseconds.
const NOW: i64 = 1_795_168_800_000_000_000;

/// The seeds of a target: name and bytes.
pub fn of(target: &str) -> Vec<(&'static str, Vec<u8>)> {
    let plain: Vec<(&'static str, Vec<u8>)> = match target {
        "journal" => vec![("closed", journal(true)), ("open", journal(false))],
        "record" => vec![("event", transit(&event(0))), ("small", transit(&small(0)))],
        "frame" => {
            let stubs = Removal::new().group(1, 6).group(2, 6).group(3, 6);
            vec![
                ("whole", frame(&Removal::new())),
                ("pruned", frame(&Removal::new().records(5))),
                ("stub-rows", frame(&stubs)),
                ("expired", frame(&Removal::new().records(u128::MAX >> 120))),
            ]
        }
        "descriptor" => vec![("one", committed().1.encode())],
        "segment" => vec![("sealed", segment())],
        "term_page" => {
            let pages = terms().since(&TermTable::new().mark());
            let voided = pages.iter().map(|page| page.retain(|_, ordinal| ordinal.is_multiple_of(2)));
            let with_voids = voided.map(|page| ("voids", encoded_page(&page)));
            pages.iter().map(|page| ("terms", encoded_page(page))).chain(with_voids).collect()
        }
        "index_run" => vec![("run", run(300)), ("one", run(1))],
        "manifest" => vec![("closed", manifest())],
        "live" => vec![("live", live())],
        "checkpoint" => checkpoints(),
        "bundle" => bundles(),
        "native_event" => texts(&[("full", NATIVE), ("small", NATIVE_SMALL)]),
        "filter" => texts(&[
            (
                "expression",
                r#"(severity = "critical" or not exists lane) and action like "document.*" and actor in ("a", "b")"#,
            ),
            ("unknown", r#"outcome = "unknown(9)" and actor != "u-7""#),
            ("time", "2026-11-20T10:00:00Z"),
            ("relative", "-90m"),
        ]),
        "import_auto" => {
            texts(&[("mixed", MIXED), ("broken", "{\"a\":1}\n[[[\n\u{feff}{}\n"), ("native", NATIVE_SMALL)])
        }
        "import_cloudtrail" => texts(&[("records", CLOUDTRAIL)]),
        "import_windows" => texts(&[("nxlog", WINDOWS), ("winlogbeat", WINLOGBEAT)]),
        "import_kubernetes" => texts(&[("audit", KUBERNETES)]),
        "cursor" => texts(&[("newest", &cursor(1)), ("time", &cursor(3))]),
        "index_model" => vec![("stretches", choices(300)), ("few", choices(40))],
        "log_files" => return log_edits(),
        "engine_steps" => vec![("short", choices(60)), ("long", choices(400))],
        "canary" => return vec![("version", b"CNRY\x01".to_vec())],
        _ => Vec::new(),
    };
    plain.into_iter().map(|(name, bytes)| (name, [vec![0], bytes].concat())).collect()
}

/// A cursor in its printed form.
fn cursor(order: u8) -> String {
    let shown: Vec<u8> = [1, order].into_iter().chain([7; 20]).collect();
    let crc = crc32fast::hash(&shown).to_le_bytes();
    shown.iter().chain(&crc).map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that choose: nothing about them matters but that they differ.
fn choices(count: u32) -> Vec<u8> {
    (0..count).map(|n| (n.wrapping_mul(0x9e37_79b1) >> 21) as u8).collect()
}

/// Edits of the files of a log, the mode in the first byte.
fn log_edits() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("none", vec![0]),
        ("closed", vec![2]),
        ("flip", vec![0, 3, 0, 70, 0, 9, 0]),
        ("repaired", vec![3, 4, 1, 200, 1, 9, 7, 0, 2, 30, 0, 1, 1]),
        ("cut", vec![2, 2, 3, 100, 0, 0, 0]),
    ]
}

fn texts(list: &[(&'static str, &str)]) -> Vec<(&'static str, Vec<u8>)> {
    list.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect()
}

const NATIVE_SMALL: &str = r#"{"workspace":"acme","actor":{"type":"user","id":"u-7"},"action":"a","target":{"type":"t","id":"d"},"outcome":"success"}"#;
const NATIVE: &str = concat!(
    r#"{"id":"0195d1a0-0000-7000-8000-000000000001","time":"2026-11-20T10:00:00Z","workspace":"acme","lane":"api","session":"s-1","#,
    r#""correlation_id":"c","parent_id":null,"actor":{"type":"user","id":"u-7","name":"Ann","role":"admin","ip":"10.0.0.1","#,
    r#""auth_method":"oidc"},"action":"document.publish","target":{"type":"document","id":"d-42"},"outcome":"failure","#,
    r#""severity":"warning","service":"web","proof":{"kind":"hash","hash":"ab"},"reason":"r\u0000\u202e","metadata":{"n":1e400}}"#
);
const CLOUDTRAIL: &str = concat!(
    r#"{"Records":[{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","userName":"ann","accountId":"1"},"eventTime":"2026-11-20T10:00:00Z","#,
    r#""eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","sourceIPAddress":"10.0.0.1","errorCode":"AccessDenied","#,
    r#""requestID":"r","eventID":"0195d1a0-0000-4000-8000-000000000001","requestParameters":{"n":9007199254740993}},{"eventName":1}]}"#
);
const WINDOWS: &str = concat!(
    r#"{"EventTime":"2020-10-01 10:00:00","Hostname":"WS5","EventID":4624,"SourceName":"Microsoft-Windows-Security-Auditing","#,
    r#""Channel":"Security","RecordNumber":1,"SubjectUserSid":"S-1-5-18","TargetUserName":"ann","Keywords":-9214364837600034816}"#
);
const WINLOGBEAT: &str = concat!(
    r#"{"@timestamp":"2020-10-01T10:00:00.000Z","winlog":{"event_id":4624,"channel":"Security","computer_name":"WS5","record_id":"1","#,
    r#""provider_name":"p","event_data":{"TargetUserName":"ann"}},"event":{"code":4624}}"#
);
const KUBERNETES: &str = concat!(
    r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"0195d1a0-0000-4000-8000-000000000001","stage":"ResponseComplete","#,
    r#""requestURI":"/api/v1/pods","verb":"list","user":{"username":"admin"},"sourceIPs":["10.0.0.1"],"objectRef":{"resource":"pods","name":"p"},"#,
    r#""responseStatus":{"code":403},"requestReceivedTimestamp":"2026-11-20T10:00:00.000000Z","stageTimestamp":"2026-11-20T10:00:00.000000Z"}"#
);
const MIXED: &str = "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"auditID\":\"a\",\"stage\":\"Panic\",\"verb\":\"get\",\"requestURI\":\"/\"}\n\
                     \n{\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"x\",\"eventTime\":\"2026-11-20T10:00:00Z\"}\nnot json\n[{\"EventID\":1}]\n";

/// The key whose checkpoints the target opens.
pub fn signing_key() -> SigningKey {
    SigningKey::generate([9; 32], ORIGIN).expect("the origin is a name")
}

/// Terms that frames of the seeds use.
pub fn terms() -> TermTable {
    let mut table = TermTable::new();
    let (records, descriptor, salts) = committed();
    encode(
        &descriptor,
        &salts,
        &records.iter().map(|record| Some(RecordRef::from(record))).collect::<Vec<_>>(),
        &mut table,
    );
    table
}

fn encoded_page(page: &indelible_format::segment::TermPage) -> Vec<u8> {
    page.encode(1).expect("a page of a table can be encoded")
}

/// A record that uses many fields; its class follows from its seq.
fn event(seq: u64) -> Record {
    let mut bytes = Vec::new();
    let mut writer = GroupsWriter::new(&mut bytes, Kind::Event, NOW - seq as i64 * 1_000_000);
    // Fields ascend by id.
    writer.text(field("workspace"), "acme");
    writer.text(field("action"), "document.publish");
    writer.code(field("severity"), 1 + (seq % 3) as u8);
    writer.code(field("outcome"), 1);
    writer.code(field("actor_type"), 1);
    writer.text(field("target_type"), "document");
    writer.text(field("actor_id"), &format!("u-{}", seq % 3));
    writer.text(field("target_id"), "d-42");
    writer.text(field("event_id"), &format!("0195d1a0-0000-7000-8000-{seq:012x}"));
    writer.text(field("correlation_id"), "0195d1a0-0000-7000-8000-00000000cccc");
    writer.proof(3, [None, None, Some("ab")], Some(NOW));
    writer.text(field("metadata"), r#"{"duration_ms":12}"#);
    let ends = writer.finish();
    let groups = Groups::from_parts(bytes, ends).expect("a writer's ends ascend");
    Record { seq, recorded_at: NOW + seq as i64, class: 1 + (seq % 2) as u16, groups }
}

fn small(seq: u64) -> Record {
    let mut bytes = Vec::new();
    let ends = GroupsWriter::new(&mut bytes, Kind::Event, NOW).finish();
    Record { seq, recorded_at: NOW, class: 1, groups: Groups::from_parts(bytes, ends).expect("a writer's ends ascend") }
}

fn field(name: &str) -> Field {
    Field::from_name(name).expect("a field of the schema")
}

fn transit(record: &Record) -> Vec<u8> {
    let mut out = Vec::new();
    put_transit(&mut out, record.recorded_at, record.class, record.groups.slices());
    out
}

fn journal(closed: bool) -> Vec<u8> {
    let mut out = JournalHeader { encrypted: false, log_id: LOG, incarnation: 1, file_no: 1, first_seq: 0 }.encode();
    let mut facts =
        GroupFacts { log_id: LOG, incarnation: 1, first_seq: 0, previous_crc: 0, durable_to: 0, framed_to: 0 };
    for first in [0, 3] {
        let payload: Vec<u8> = (first..first + 3).flat_map(|seq| transit(&event(seq))).collect();
        facts = GroupFacts { first_seq: first, durable_to: first, ..facts };
        facts.previous_crc = put_group(&mut out, &facts, 3, &payload).expect("a small group");
    }
    if closed {
        put_close_mark(&mut out, &GroupFacts { first_seq: 6, durable_to: 6, ..facts }).expect("a close mark");
    }
    out
}

/// Eight records, what they commit to, and what opens it.
fn committed() -> (Vec<Record>, Descriptor, Salts) {
    let records: Vec<Record> = (0..8).map(event).collect();
    let facts = FrameFacts { log_id: LOG, frame_no: 0, schedule_version: 1, key_epoch: 0, lost_events: 0 };
    let refs: Vec<RecordRef<'_>> = records.iter().map(RecordRef::from).collect();
    let descriptor = commit_frame(&facts, &refs, &[3; 32]).expect("eight records are a frame");
    (records, descriptor, Salts::Whole([3; 32]))
}

fn encode(descriptor: &Descriptor, salts: &Salts, records: &[Option<RecordRef<'_>>], terms: &mut TermTable) -> Vec<u8> {
    FrameEncoder::new(FrameOptions::default())
        .encode(descriptor, salts, records, terms)
        .expect("records fit their salts")
}

/// A frame block's payload, of which this is gone.
fn frame(removal: &Removal) -> Vec<u8> {
    let (records, descriptor, salts) = committed();
    let records: Vec<Option<Record>> = records.into_iter().map(Some).collect();
    let view = FrameView { descriptor: &descriptor, salts: &salts, records: &records };
    let left = prune(&view, removal).expect("the frame verifies");
    let refs: Vec<Option<RecordRef<'_>>> =
        left.records.iter().map(|record| record.as_ref().map(RecordRef::from)).collect();
    encode(&descriptor, &left.salts, &refs, &mut terms())
}

/// Keys of `rows` records in frames of 128.
fn run(rows: u32) -> Vec<u8> {
    let mut chunks = Vec::new();
    for first in (0..rows).step_by(128) {
        let mut builder = KeyChunkBuilder::new(first);
        for ordinal in first..rows.min(first + 128) {
            let mut row = RowKeys {
                occurred: NOW + i64::from(ordinal % 7),
                recorded: NOW + i64::from(ordinal),
                ..RowKeys::default()
            };
            for (slot, key) in row.keys.iter_mut().enumerate() {
                *key = ordinal % (slot as u32 + 2);
            }
            builder.push_row(&row).expect("keys are small");
        }
        chunks.push(Arc::new(builder.finish().expect("a chunk with rows")));
    }
    build_run(&chunks).expect("consecutive chunks")
}

/// A small sealed segment: a term page, a frame, a run, a lookup, footer and trailer.
fn segment() -> Vec<u8> {
    let (_, descriptor, _) = committed();
    let mut out = SegmentHeader {
        encrypted: false,
        log_id: LOG,
        segment_id: 1,
        generation: 0,
        first_seq: 0,
        first_frame: 0,
        chain_before: [1; 32],
    }
    .encode();
    let table = terms();
    let mut put = |kind: BlockKind, number: u64, payload: &[u8]| {
        let offset = out.len() as u64;
        put_block(&mut out, kind, false, number, payload).expect("a small block");
        (offset, (BlockHeader::SIZE + payload.len()) as u32)
    };
    let page = table.since(&TermTable::new().mark()).remove(0);
    let (page_offset, page_length) = put(BlockKind::Terms, 0, &encoded_page(&page));
    let (frame_offset, frame_length) = put(BlockKind::Frame, 0, &frame(&Removal::new()));
    let (run_offset, run_length) = put(BlockKind::Run, 0, &run(8));
    let workspace = field("workspace");
    let lookup = encode_lookup(workspace, &table.sorted_ordinals(workspace));
    let (lookup_offset, lookup_length) = put(BlockKind::Lookup, u64::from(workspace.id()), &lookup);
    let (occurred_min, occurred_max) = (NOW - 7_000_000, NOW);
    let footer = Footer {
        totals: FooterTotals {
            records: u64::from(descriptor.count),
            occurred_min,
            occurred_max,
            recorded_min: NOW,
            recorded_max: NOW + 7,
            chain_after: [2; 32],
        },
        frames: vec![FrameEntry {
            offset: frame_offset,
            length: frame_length,
            first_ordinal: 0,
            occurred_min,
            occurred_max,
            recorded_first: NOW,
            leaf_hash: [4; 32],
        }],
        pages: page
            .sections
            .iter()
            .map(|section| PageEntry {
                offset: page_offset,
                length: page_length,
                first: section.first,
                count: section.len() as u32,
                field: section.field,
            })
            .collect(),
        runs: vec![BlockEntry { offset: run_offset, length: run_length, number: 0 }],
        lookups: vec![BlockEntry { offset: lookup_offset, length: lookup_length, number: u32::from(workspace.id()) }],
    };
    let (footer_offset, _) = put(BlockKind::Footer, 0, &footer.encode());
    out.extend_from_slice(&SegmentTrailer { footer_offset }.encode());
    out
}

/// Bundle vectors of the format, small ones of every claim.
fn bundles() -> Vec<(&'static str, Vec<u8>)> {
    macro_rules! vector {
        ($name:literal) => {
            (
                $name.strip_prefix("bundle-").unwrap_or($name),
                include_bytes!(concat!("../../format-spec/bundle-vectors/", $name, ".bundle")).to_vec(),
            )
        };
    }
    vec![
        vector!("bundle-record"),
        vector!("bundle-withheld"),
        vector!("bundle-header"),
        vector!("bundle-id"),
        vector!("bundle-witnessed"),
        vector!("bundle-envelope"),
        vector!("deletions"),
        vector!("deletions-twice"),
        vector!("deletions-complete"),
        vector!("rotated-record"),
    ]
}

/// The verifier keys of the bundle vectors: of the log without deletions, and of the one with.
pub(crate) fn bundle_keys() -> [VerifierKey; 2] {
    [(0x2a, "log.example/bundle"), (1, "log.example/retention")]
        .map(|(seed, name)| SigningKey::generate([seed; 32], name).expect("a name that keys may have").verifier())
}

fn manifest() -> Vec<u8> {
    let sealed = SegmentEntry {
        id: 1,
        generation: 0,
        state: SegmentState::Sealed,
        first_seq: 0,
        first_frame: 0,
        records: 8,
        frames: 1,
        length: 4_096,
        occurred_min: NOW,
        occurred_max: NOW + 1,
        recorded_min: NOW,
        recorded_max: NOW + 7,
        chain_before: [1; 32],
        chain_after: [2; 32],
    };
    let manifest = Manifest {
        log_id: LOG,
        origin: ORIGIN.to_owned(),
        key: signing_key().verifier().to_string(),
        created_at: NOW as u64,
        encrypted: false,
        revision: 4,
        incarnation: 2,
        closed: Some(Closed { journal_no: 2, journal_length: 160, next_seq: 8, frames: 1 }),
        journal_first: 2,
        next_segment: 2,
        segments: vec![sealed],
    };
    manifest.encode().expect("a manifest that readers accept")
}

fn live() -> Vec<u8> {
    Live { log_id: LOG, incarnation: 2, journal_no: 3, durable_end: 4_096, framed_to: 1 }.encode()
}

fn checkpoints() -> Vec<(&'static str, Vec<u8>)> {
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: 12, root: [5; 32] };
    let key = signing_key();
    vec![
        ("text", checkpoint.to_text().into_bytes()),
        ("signed", sign_checkpoint(&checkpoint, &key).expect("key and origin agree").into_bytes()),
        ("verifier-key", key.verifier().to_string().into_bytes()),
        ("signing-key", key.to_text().as_bytes().to_vec()),
    ]
}
