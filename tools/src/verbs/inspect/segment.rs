//! A segment file: header, blocks, trailer; past damage on to the next block whose header is right.

use std::io;

use indelible_format::layout;
use indelible_format::segment::{
    BlockHeader, BlockKind, SegmentHeader, SegmentTrailer, TermPage, TermTable, check_payload,
};

use super::report::{Part, Report};
use super::{Depth, frame, index, part};

/// What was seen on the way.
#[derive(Default)]
struct Seen {
    blocks: [u64; 5],
    bytes: [u64; 5],
    seqs: Option<(u64, u64)>,
    sealed: bool,
}

const NAMES: [&str; 5] = ["terms", "frame", "run", "lookup", "footer"];

/// Shows a segment.
pub(super) fn show(bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    let encrypted = header(bytes, depth, report)?;
    let mut terms = TermTable::new();
    let mut seen = Seen::default();
    let mut at = SegmentHeader::SIZE;
    while at < bytes.len() {
        let rest = part(bytes, at, usize::MAX);
        if rest.len() == SegmentTrailer::SIZE
            && let Ok(trailer) = SegmentTrailer::decode(rest)
        {
            seen.sealed = true;
            report.part(&Part::at("trailer", 1, at, rest.len()).fact("footer_offset", trailer.footer_offset))?;
            if depth.bytes {
                report.layout(layout::SEGMENT_TRAILER.fields, at, rest)?;
            }
            break;
        }
        at = match block(bytes, at, encrypted, &mut terms, &mut seen, depth, report)? {
            Some(next) => next,
            None => {
                let next = next_block(bytes, at + 1).unwrap_or(bytes.len());
                report.problem(at, next - at, &format!("{} bytes are skipped up to the next block", next - at))?;
                next
            }
        };
    }
    summary(&seen, bytes.len(), report)
}

/// Shows the file header; true where payloads are encrypted.
fn header(bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<bool> {
    let mut encrypted = false;
    match SegmentHeader::decode(bytes) {
        Ok(header) => {
            encrypted = header.encrypted;
            report.part(
                &Part::at("segment header", 0, 0, SegmentHeader::SIZE)
                    .fact("log_id", header.log_id.to_string())
                    .fact("segment", header.segment_id)
                    .fact("generation", header.generation)
                    .fact("first_seq", header.first_seq)
                    .fact("first_frame", header.first_frame)
                    .fact("encrypted", header.encrypted),
            )?;
        }
        Err(error) => report.problem(0, SegmentHeader::SIZE.min(bytes.len()), &error.to_string())?,
    }
    if depth.bytes {
        report.layout(layout::SEGMENT_HEADER.fields, 0, bytes)?;
    }
    Ok(encrypted)
}

/// Shows the block at `at`; the place of the next one, `None` where there is no block here.
fn block(
    bytes: &[u8],
    at: usize,
    encrypted: bool,
    terms: &mut TermTable,
    seen: &mut Seen,
    depth: Depth,
    report: &mut Report<'_>,
) -> io::Result<Option<usize>> {
    let header = match BlockHeader::decode(part(bytes, at, BlockHeader::SIZE)) {
        Ok(header) => header,
        Err(error) => {
            report.problem(at, 0, &error.to_string())?;
            return Ok(None);
        }
    };
    let payload_at = at + BlockHeader::SIZE;
    let payload = part(bytes, payload_at, header.length as usize);
    if payload.len() < header.length as usize {
        let missing = header.length as usize - payload.len();
        report.problem(at, bytes.len() - at, &format!("the block goes {missing} bytes beyond the end of the file"))?;
        return Ok(None);
    }
    let kind = header.kind as usize;
    if let (Some(blocks), Some(sum)) = (seen.blocks.get_mut(kind - 1), seen.bytes.get_mut(kind - 1)) {
        *blocks += 1;
        *sum += u64::from(header.total());
    }
    let wanted = if header.kind == BlockKind::Frame { depth.frames } else { depth.index };
    if wanted {
        let name = format!("{} block", NAMES.get(kind - 1).unwrap_or(&"unknown"));
        report.part(&Part::at(name, 1, at, header.total() as usize).fact("number", header.number))?;
        if depth.bytes {
            report.layout(layout::BLOCK_HEADER.fields, at, part(bytes, at, BlockHeader::SIZE))?;
        }
    }
    let next = Some(payload_at + payload.len());
    if let Err(error) = check_payload(&header, payload) {
        // Said, and then read anyway: much of a damaged payload may still make sense.
        report.problem(payload_at, payload.len(), &error.to_string())?;
    }
    if encrypted || header.encrypted {
        if wanted && depth.bytes {
            report.raw("sealed", payload_at, payload)?;
        }
        return Ok(next);
    }
    content(&header, payload, payload_at, terms, seen, depth, report)?;
    Ok(next)
}

fn content(
    header: &BlockHeader,
    payload: &[u8],
    at: usize,
    terms: &mut TermTable,
    seen: &mut Seen,
    depth: Depth,
    report: &mut Report<'_>,
) -> io::Result<()> {
    match header.kind {
        BlockKind::Terms => match TermPage::decode(payload) {
            Ok(page) => {
                if let Err(error) = terms.load_page(&page) {
                    report.problem(at, payload.len(), &error.to_string())?;
                }
                if depth.index {
                    index::page(&page, at, payload.len(), report)?;
                }
            }
            Err(error) => report.problem(at, payload.len(), &error.to_string())?,
        },
        BlockKind::Frame => {
            if let Some((first, count)) = frame::show(payload, at, terms, depth, report)? {
                let end = first + count;
                seen.seqs = Some(seen.seqs.map_or((first, end), |(from, to)| (from.min(first), to.max(end))));
            }
        }
        BlockKind::Run if depth.index => index::run(payload, at, depth, report)?,
        BlockKind::Lookup if depth.index => index::lookup(payload, at, depth, report)?,
        BlockKind::Footer if depth.index => index::footer(payload, at, depth, report)?,
        _ => {}
    }
    Ok(())
}

/// The next place from `from` on where a block header is right.
fn next_block(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = bytes.get(at..)?.windows(4).position(|window| window == b"IBLK")?;
        at += found;
        if BlockHeader::decode(part(bytes, at, BlockHeader::SIZE)).is_ok() {
            return Some(at);
        }
        at += 1;
    }
}

fn summary(seen: &Seen, length: usize, report: &mut Report<'_>) -> io::Result<()> {
    let mut shown = Part::at("segment", 0, 0, length);
    for ((name, blocks), bytes) in NAMES.into_iter().zip(seen.blocks).zip(seen.bytes) {
        if blocks > 0 {
            shown = shown.fact(name, serde_json::json!({"blocks": blocks, "bytes": bytes}));
        }
    }
    if let Some((first, end)) = seen.seqs {
        shown = shown.fact("first_seq", first).fact("last_seq", end.saturating_sub(1));
    }
    report.part(&shown.fact("trailer", seen.sealed))
}
