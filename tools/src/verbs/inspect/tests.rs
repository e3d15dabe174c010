//! Any bytes can be inspected, and what is whole is shown.

use indelible_evidence::LogId;
use indelible_evidence::record::{GroupsWriter, put_transit};
use indelible_evidence::schema::{Field, Kind};
use indelible_format::journal::{GroupFacts, JournalHeader, put_close_mark, put_group};
use indelible_format::segment::{BlockKind, SegmentHeader, put_block};

use super::*;

const LOG: LogId = LogId([7; 16]);
const DEEP: Depth = Depth { frames: true, records: true, index: true, bytes: true };

fn shown(name: &str, bytes: &[u8], depth: Depth, json: bool) -> String {
    let mut out = Vec::new();
    let mut report = Report::new(&mut out, json);
    report.file(name);
    show(Path::new(name), bytes, depth, &mut report).expect("memory");
    report.finish().expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

/// Three groups of one record each and a close mark.
fn journal() -> (Vec<u8>, Vec<usize>) {
    let header = JournalHeader { encrypted: false, log_id: LOG, incarnation: 1, file_no: 0, first_seq: 0 };
    let mut bytes = header.encode();
    let mut places = Vec::new();
    let mut facts =
        GroupFacts { log_id: LOG, incarnation: 1, first_seq: 0, previous_crc: 0, durable_to: 0, framed_to: 0 };
    for seq in 0..3u64 {
        let mut groups = Vec::new();
        let mut writer = GroupsWriter::new(&mut groups, Kind::Event, 5);
        writer.text(Field::WORKSPACE, "acme");
        writer.text(Field::ACTION, "a\u{1b}[2J");
        let ends = writer.finish();
        let mut start = 0;
        let slices = ends.map(|end| {
            let slice = &groups[start..end as usize];
            start = end as usize;
            slice
        });
        let mut payload = Vec::new();
        put_transit(&mut payload, 9, 1, slices);
        places.push(bytes.len());
        facts.first_seq = seq;
        facts.previous_crc = put_group(&mut bytes, &facts, 1, &payload).expect("a group");
    }
    facts.first_seq = 3;
    facts.durable_to = 3;
    put_close_mark(&mut bytes, &facts).expect("a close mark");
    (bytes, places)
}

#[test]
fn a_journal_is_shown_down_to_its_records() {
    let (bytes, _) = journal();
    let text = shown("0000000000000000.jnl", &bytes, DEEP, false);
    for expected in
        ["journal header", "records=3", "closed=true", "record 2", r"action=a\u{1b}[2J", "durable_to", "IGRP"]
    {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains("! "), "{text}");
    for line in shown("0000000000000000.jnl", &bytes, DEEP, true).lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(value["structure"].is_string() && value["offset"].is_u64(), "{line}");
    }
}

#[test]
fn reading_goes_on_past_a_damaged_group() {
    let (mut bytes, places) = journal();
    bytes[places[1] + 10] ^= 1;
    let text = shown("x.jnl", &bytes, DEEP, false);
    assert!(text.contains("record 0") && !text.contains("record 1") && text.contains("record 2"), "{text}");
    assert!(text.contains("skipped up to the next group") && text.contains("closed=true"), "{text}");
}

#[test]
fn a_damaged_magic_is_overruled_by_the_name() {
    let (mut bytes, _) = journal();
    bytes[0] ^= 1;
    let text = shown("x.jnl", &bytes, DEEP, false);
    assert!(text.contains("not the expected magic") && text.contains("records=3"), "{text}");
    assert!(shown("x", &bytes, DEEP, false).contains("no file of a log"));
}

#[test]
fn reading_goes_on_past_a_damaged_block() {
    let header = SegmentHeader {
        encrypted: false,
        log_id: LOG,
        segment_id: 0,
        generation: 0,
        first_seq: 0,
        first_frame: 0,
        chain_before: [0; 32],
    };
    let mut bytes = header.encode();
    put_block(&mut bytes, BlockKind::Lookup, false, 1, b"nonsense").expect("a block");
    let second = bytes.len();
    put_block(&mut bytes, BlockKind::Lookup, false, 2, b"nonsense").expect("a block");
    let third = bytes.len();
    put_block(&mut bytes, BlockKind::Run, false, 3, b"nonsense").expect("a block");
    bytes[second + 8] ^= 1;
    let text = shown("x.seg", &bytes, DEEP, false);
    assert!(text.contains("skipped up to the next block") && text.contains(&format!("{third}    run block")), "{text}");
    assert!(text.contains("segment header") && text.contains("trailer=false"), "{text}");
}

#[test]
fn no_bytes_make_it_fail() {
    let (bytes, _) = journal();
    for name in ["MANIFEST", "checkpoint", "log.pub", "live", "x.seg", "x.jnl", "x.cut", "x.note", "other"] {
        for cut in 0..bytes.len() {
            shown(name, &bytes[..cut], DEEP, cut % 2 == 0);
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            shown(name, &damaged, DEEP, false);
        }
    }
}
