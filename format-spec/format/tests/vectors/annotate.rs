//! Which bytes of a structure are which field, for the dumps: records, journal, segment, manifest.
//!
//! Frames are in `annotate_frame`. What is named here follows the chapters, not the codec's decoding, so that bytes a
//! reader refuses are annotated as far as they go.

use indelible_evidence::schema::{Field, FieldType};
use indelible_format::layout;
use serde_json::Value as Json;

use super::annotate_frame::frame;
use super::dump::Notes;

/// Names the bytes of a structure.
pub fn annotate(notes: &mut Notes<'_>, structure: &str, context: &Json) {
    match structure {
        "group" => group(notes, context["group"].as_u64().unwrap_or(0) as u8),
        "record" => record(notes, 0),
        "descriptor" => descriptor(notes),
        "frame" => frame(notes, context["key"].is_string() || context["sealed"] == true),
        "term_page" => term_page(notes),
        "footer" => footer(notes),
        "lookup" => lookup(notes),
        "segment_header" => notes.layout(&layout::SEGMENT_HEADER),
        "block" => block(notes, context["encrypted"] == 1),
        "trailer" => notes.layout(&layout::SEGMENT_TRAILER),
        "segment" => segment(notes),
        "journal_header" => notes.layout(&layout::JOURNAL_HEADER),
        "journal_group" => journal_group(notes, context["key"].is_string()),
        "journal" => journal(notes),
        "live" => notes.layout(&layout::LIVE_FILE),
        "manifest" => manifest(notes),
        "checkpoint" => lines(notes),
        "verifier_key" => lines(notes),
        "b3" => {
            notes.take(notes.left(), "message");
        }
        other => panic!("no annotation for {other}"),
    }
}

/// A group's canonical bytes.
pub fn group(notes: &mut Notes<'_>, k: u8) {
    let head: usize = indelible_evidence::layout::ENVELOPE_HEAD.size();
    let presence = if k == 0 {
        let presence = notes.ahead().get(head - 1).copied().unwrap_or(0);
        notes.layout(&indelible_evidence::layout::ENVELOPE_HEAD);
        presence
    } else {
        notes.number(1, format!("group {k}: presence")) as u8
    };
    for field in Field::of_group(k).filter(|field| presence >> field.spec().bit & 1 == 1) {
        let name = field.name();
        match field.spec().field_type {
            FieldType::Code => {
                notes.take(1, name);
            }
            FieldType::Text => notes.text(name),
            FieldType::Bytes => {
                let length = notes.varint(format!("{name}: length"));
                notes.take(length, name);
            }
            FieldType::Proof => proof(notes),
        }
    }
}

fn proof(notes: &mut Notes<'_>) {
    notes.take(1, "proof: kind");
    let presence = notes.number(1, "proof: presence");
    for (bit, name) in ["proof: data", "proof: url", "proof: hash"].into_iter().enumerate() {
        if presence >> bit & 1 == 1 {
            notes.text(name);
        }
    }
    if presence & 8 != 0 {
        notes.take(8, "proof: captured_at");
    }
}

fn record(notes: &mut Notes<'_>, index: usize) {
    notes.take(8, format!("record {index}: recorded-at"));
    notes.take(2, format!("record {index}: class"));
    let lengths = [0, 1, 2, 3].map(|k| notes.varint(format!("record {index}: length of group {k}")));
    for (k, length) in lengths.into_iter().enumerate() {
        let before = notes.left();
        group(notes, k as u8);
        let used = before - notes.left();
        notes.take(length.saturating_sub(used), format!("group {k}: bytes after its last value"));
    }
}

/// A stored descriptor.
pub fn descriptor(notes: &mut Notes<'_>) {
    let classes = notes.ahead().get(4).copied().unwrap_or(0);
    notes.layout(&indelible_evidence::layout::DESCRIPTOR_HEAD);
    for _ in 0..classes {
        notes.layout(&indelible_evidence::layout::CLASS_ENTRY);
    }
}

fn term_page(notes: &mut Notes<'_>) {
    let head = notes.ahead();
    let compressed = head.get(1) == Some(&1);
    let sections = head.get(2).copied().unwrap_or(0);
    notes.layout(&layout::TERM_PAGE_HEAD);
    let mut counts = Vec::new();
    for _ in 0..sections {
        let entry = notes.ahead();
        counts.push((entry.first().copied().unwrap_or(0), entry.get(8).copied().unwrap_or(0)));
        notes.layout(&layout::TERM_SECTION);
    }
    if compressed {
        notes.take(notes.left(), "data: one zstd frame");
        return;
    }
    for (field, count) in counts {
        for term in 0..count {
            let label = format!("field {field}, term {term} of the section");
            if notes.ahead().first() == Some(&3) {
                notes.take(1, format!("{label}: void"));
            } else {
                notes.text(&label);
            }
        }
    }
}

fn footer(notes: &mut Notes<'_>) {
    let counts: Vec<usize> = notes.ahead().chunks(4).skip(1).take(4).map(|count| usize::from(count[0])).collect();
    notes.layout(&layout::FOOTER_HEAD);
    let entries = [&layout::FRAME_ENTRY, &layout::PAGE_ENTRY, &layout::BLOCK_ENTRY, &layout::BLOCK_ENTRY];
    for (count, entry) in counts.into_iter().zip(entries) {
        (0..count).for_each(|_| notes.layout(entry));
    }
}

fn lookup(notes: &mut Notes<'_>) {
    notes.take(2, "version");
    notes.take(1, "field");
    notes.take(1, "width");
    notes.take(4, "count");
    notes.take(notes.left(), "ordinals, packed");
}

fn block(notes: &mut Notes<'_>, sealed: bool) {
    let header = notes.ahead();
    let kind = header.get(4).copied().unwrap_or(0);
    let length = header.get(16..20).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")));
    notes.layout(&layout::BLOCK_HEADER);
    let mut inner = Notes::new(&notes.ahead()[..(length as usize).min(notes.left())]);
    match kind {
        2 => frame(&mut inner, sealed),
        1 if !sealed => term_page(&mut inner),
        4 if !sealed => lookup(&mut inner),
        5 if !sealed => footer(&mut inner),
        _ => {
            inner.take(length as usize, "payload");
        }
    }
    notes.adopt(inner);
}

fn segment(notes: &mut Notes<'_>) {
    let sealed = notes.ahead().get(12) == Some(&1);
    notes.layout(&layout::SEGMENT_HEADER);
    while notes.ahead().starts_with(b"IBLK") {
        block(notes, sealed);
    }
    notes.layout(&layout::SEGMENT_TRAILER);
}

fn journal_group(notes: &mut Notes<'_>, sealed: bool) {
    let header = notes.ahead();
    let number =
        |at: usize| header.get(at..at + 4).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")));
    let (count, length) = (number(40), number(44));
    notes.layout(&layout::GROUP_HEADER);
    let mut inner = Notes::new(&notes.ahead()[..(length as usize).min(notes.left())]);
    if sealed {
        inner.take(24, "nonce");
        inner.take(inner.left().saturating_sub(16), "ciphertext");
        inner.take(16, "tag");
    } else {
        (0..count as usize).for_each(|index| record(&mut inner, index));
    }
    notes.adopt(inner);
}

fn journal(notes: &mut Notes<'_>) {
    notes.layout(&layout::JOURNAL_HEADER);
    while notes.ahead().starts_with(b"IGRP") {
        journal_group(notes, false);
    }
}

fn manifest(notes: &mut Notes<'_>) {
    notes.layout(&layout::MANIFEST_HEAD);
    notes.take(16, "log_id");
    for name in ["origin", "key"] {
        let length = notes.number(8, format!("{name}: length"));
        notes.take(length, name);
    }
    notes.take(8, "created_at");
    notes.take(1, "encrypted");
    notes.take(8, "revision");
    notes.take(8, "incarnation");
    if notes.number(1, "closed: present") == 1 {
        for name in ["journal_no", "journal_length", "next_seq", "frames"] {
            notes.take(8, format!("closed: {name}"));
        }
    }
    notes.take(8, "journal_first");
    notes.take(8, "next_segment");
    let segments = notes.number(8, "segments: count");
    let times = ["occurred_min", "occurred_max", "recorded_min", "recorded_max"];
    for index in 0..segments.min(1_000) {
        let mut field = |size, name: &str| {
            notes.take(size, format!("segment entry {index}: {name}"));
        };
        [(8, "id"), (4, "generation"), (1, "state")].into_iter().for_each(|(size, name)| field(size, name));
        ["first_seq", "first_frame", "records", "frames", "length"].into_iter().for_each(|name| field(8, name));
        times.into_iter().for_each(|name| field(8, name));
        ["chain_before", "chain_after"].into_iter().for_each(|name| field(32, name));
    }
}

fn lines(notes: &mut Notes<'_>) {
    while notes.left() > 0 {
        let line = notes.ahead().split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
        let shown = String::from_utf8_lossy(line).escape_debug().to_string();
        notes.take(line.len(), format!("line: {shown}"));
    }
}
