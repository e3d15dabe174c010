//! Files of one structure: manifest, live file, checkpoint, verifier key; and bytes that are none of a log's.

use std::io;

use indelible::Timestamp;
use indelible_evidence::checkpoint::Checkpoint;
use indelible_format::layout;
use indelible_format::live::Live;
use indelible_format::manifest::{Manifest, SegmentEntry, SegmentState};

use super::report::{Part, Report};
use super::{Depth, part};

/// Shows a manifest and its segments.
pub(super) fn manifest(bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    match Manifest::decode(bytes) {
        Ok(manifest) => {
            let created = Timestamp(manifest.created_at as i64).to_string();
            report.part(
                &Part::at("manifest", 0, 0, bytes.len())
                    .fact("log_id", manifest.log_id.to_string())
                    .fact("origin", manifest.origin.as_str())
                    .fact("key", manifest.key.as_str())
                    .fact("created_at", created)
                    .fact("encrypted", manifest.encrypted)
                    .fact("revision", manifest.revision)
                    .fact("incarnation", manifest.incarnation)
                    .fact("closed", manifest.closed.is_some())
                    .fact("journal_first", manifest.journal_first)
                    .fact("next_segment", manifest.next_segment)
                    .fact("segments", manifest.segments.len()),
            )?;
            if let Some(closed) = &manifest.closed {
                report.part(
                    &Part::at("closed", 1, 0, 0)
                        .fact("journal_no", closed.journal_no)
                        .fact("journal_length", closed.journal_length)
                        .fact("next_seq", closed.next_seq)
                        .fact("frames", closed.frames),
                )?;
            }
            for entry in &manifest.segments {
                report.part(&segment_entry(entry))?;
            }
        }
        Err(error) => report.problem(0, bytes.len(), &error.to_string())?,
    }
    if depth.bytes {
        let head = report.layout(layout::MANIFEST_HEAD.fields, 0, bytes)?;
        report.raw("body", head, part(bytes, head, usize::MAX))?;
    }
    Ok(())
}

fn segment_entry(entry: &SegmentEntry) -> Part {
    let state = match entry.state {
        SegmentState::Active => "active",
        SegmentState::Sealed => "sealed",
    };
    Part::at(format!("segment {}", entry.id), 1, 0, 0)
        .fact("generation", entry.generation)
        .fact("state", state)
        .fact("first_seq", entry.first_seq)
        .fact("first_frame", entry.first_frame)
        .fact("records", entry.records)
        .fact("frames", entry.frames)
        .fact("file_length", entry.length)
}

/// Shows a live file.
pub(super) fn live(bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    match Live::decode(bytes) {
        Ok(live) => report.part(
            &Part::at("live", 0, 0, bytes.len())
                .fact("log_id", live.log_id.to_string())
                .fact("incarnation", live.incarnation)
                .fact("journal_no", live.journal_no)
                .fact("durable_end", live.durable_end)
                .fact("framed_to", live.framed_to),
        )?,
        Err(error) => report.problem(0, bytes.len(), &error.to_string())?,
    }
    if depth.bytes {
        report.layout(layout::LIVE_FILE.fields, 0, bytes)?;
    }
    Ok(())
}

/// Shows a checkpoint; its signatures are listed, not checked.
pub(super) fn checkpoint(bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    let text = String::from_utf8_lossy(bytes);
    let (body, signatures) = text.split_once("\n\n").unwrap_or((&text, ""));
    match Checkpoint::parse_text(&format!("{body}\n")) {
        Ok(checkpoint) => {
            let root: String = checkpoint.root.iter().map(|byte| format!("{byte:02x}")).collect();
            report.part(
                &Part::at("checkpoint", 0, 0, bytes.len())
                    .fact("origin", checkpoint.origin.as_str())
                    .fact("size", checkpoint.size)
                    .fact("root", root),
            )?;
        }
        Err(error) => report.problem(0, bytes.len(), &error.to_string())?,
    }
    for signature in signatures.lines() {
        report.part(&Part::at("signature", 1, 0, signature.len()).fact("line", signature))?;
    }
    if depth.bytes {
        report.raw("text", 0, bytes)?;
    }
    Ok(())
}

/// Shows a rotation: the new key, then the checkpoint that both keys signed.
pub(super) fn rotation(bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
    let (first, rest) = bytes.split_at(end);
    key(first, depth, report)?;
    checkpoint(rest, depth, report)
}

/// Shows a verifier key.
pub(super) fn key(bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    let text = String::from_utf8_lossy(bytes);
    report.part(&Part::at("verifier key", 0, 0, bytes.len()).fact("key", text.trim_end()))?;
    if depth.bytes {
        report.raw("text", 0, bytes)?;
    }
    Ok(())
}

/// Shows how many bytes there are, and with `--bytes` which.
pub(super) fn opaque(name: &str, bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    report.part(&Part::at(name, 0, 0, bytes.len()))?;
    if depth.bytes {
        report.raw("", 0, bytes)?;
    }
    Ok(())
}
