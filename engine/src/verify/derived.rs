//! What a segment holds besides data: runs, lookups, footer, trailer. Never evidence, but a reader believes it, so it must
//! be exactly what the data gives ([SEG-5] to [SEG-7]).

use std::sync::Arc;

use indelible_evidence::record::TextRef;
use indelible_evidence::schema::Field;
use indelible_format::manifest::SegmentEntry;
use indelible_format::segment::{
    BlockEntry, BlockHeader, BlockKind, Footer, FooterTotals, FrameEntry, LookupView, PageEntry, SegmentTrailer,
    TermTable,
};
use indelible_index::{KeyChunk, RunReader, build_run};

use super::check_segment::Place;
use super::walk::{RunAt, Walked};
use crate::error::{Corruption, FormatContext};
use crate::segment::Blocks;

/// The footer and where its block begins, by the trailer at the end of the file.
pub(super) fn read_footer(blocks: &Blocks, name: &str) -> Result<(Footer, u64), Corruption> {
    let length = blocks.len(name)?;
    let size = SegmentTrailer::SIZE;
    let trailer_at = length.saturating_sub(size as u64);
    let bytes = blocks.bytes(name, trailer_at, size.min(length as usize))?;
    let at = SegmentTrailer::decode(&bytes).in_file(name, trailer_at)?.footer_offset;
    let footer_length = trailer_at.checked_sub(at).and_then(|length| u32::try_from(length).ok());
    let footer_length = footer_length.filter(|length| *length as usize >= BlockHeader::SIZE).ok_or_else(|| {
        Corruption::at(name, trailer_at, format!("the trailer points at byte {at}, where no footer can be"))
    })?;
    let block = blocks.block(name, at, footer_length)?;
    if block.header.kind != BlockKind::Footer {
        return Err(Corruption::at(name, at, "the trailer does not point at a footer"));
    }
    Ok((Footer::decode(block.payload()).in_file(name, at + BlockHeader::SIZE as u64)?, at))
}

/// What the footer says of the segment against what the manifest says ([MAN-3]).
pub(super) fn compare_entry(entry: &SegmentEntry, totals: &FooterTotals, frames: u64) -> Result<(), String> {
    let times = |t: &FooterTotals| [t.occurred_min, t.occurred_max, t.recorded_min, t.recorded_max];
    let own = [entry.occurred_min, entry.occurred_max, entry.recorded_min, entry.recorded_max];
    if (totals.records, frames) != (entry.records, entry.frames) {
        return Err(format!(
            "{} records in {frames} frames, the manifest says {} in {}",
            totals.records, entry.records, entry.frames
        ));
    }
    if totals.chain_after != entry.chain_after {
        return Err("the chain value after the last frame is not the manifest's".to_owned());
    }
    if times(totals) != own {
        return Err(format!("the times are {:?}, the manifest says {own:?}", times(totals)));
    }
    Ok(())
}

/// The footer that the blocks give; `recorded_last` is the latest recorded-at.
pub(super) fn expected_footer(
    walked: &Walked,
    frames: Vec<(FrameEntry, bool)>,
    totals: (u64, i64, [u8; 32]),
) -> Footer {
    let (records, recorded_max, chain_after) = totals;
    let with_rows = || frames.iter().filter(|(_, has_rows)| *has_rows).map(|(entry, _)| entry);
    let mut pages: Vec<PageEntry> = walked.pages.clone();
    pages.sort_by_key(|page| (page.field, page.first));
    Footer {
        totals: FooterTotals {
            records,
            occurred_min: with_rows().map(|entry| entry.occurred_min).min().unwrap_or(0),
            occurred_max: with_rows().map(|entry| entry.occurred_max).max().unwrap_or(0),
            recorded_min: with_rows().map(|entry| entry.recorded_first).next().unwrap_or(0),
            recorded_max,
            chain_after,
        },
        frames: frames.iter().map(|(entry, _)| *entry).collect(),
        pages,
        runs: walked.runs.iter().map(|run| run.entry).collect(),
        lookups: walked.lookups.clone(),
    }
}

/// Where the footer differs from the one that the blocks give ([SEG-5]).
pub(super) fn compare_footer(found: &Footer, expected: &Footer) -> Result<(), String> {
    if found.totals != expected.totals {
        return Err(format!("the footer says {:?}, the blocks give {:?}", found.totals, expected.totals));
    }
    compare_list("frame", &found.frames, &expected.frames)?;
    compare_list("page", &found.pages, &expected.pages)?;
    compare_list("run", &found.runs, &expected.runs)?;
    compare_list("lookup", &found.lookups, &expected.lookups)
}

fn compare_list<T: PartialEq + std::fmt::Debug>(what: &str, found: &[T], expected: &[T]) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("the footer has {} {what} entries, the blocks give {}", found.len(), expected.len()));
    }
    match found.iter().zip(expected).position(|(found, expected)| found != expected) {
        Some(i) => {
            Err(format!("{what} entry {i} of the footer is {:?}, the blocks give {:?}", found.get(i), expected.get(i)))
        }
        None => Ok(()),
    }
}

/// Checks a run by itself, and against the one built again from the keys of the frames that it covers, where all of these
/// are at hand.
pub(super) fn check_run(place: &Place<'_>, run: &RunAt, chunks: Option<&[Arc<KeyChunk>]>) -> Result<(), Corruption> {
    let (name, at) = (place.name, run.entry.offset);
    let block = place.blocks.block(name, at, run.entry.length)?;
    let inside = at + BlockHeader::SIZE as u64;
    // What is the builder's output byte for byte needs no look of its own.
    let built = chunks.map(build_run).transpose().in_file(name, at)?;
    if built.as_deref() == Some(block.payload()) {
        return Ok(());
    }
    RunReader::open(block.payload()).and_then(|reader| reader.verify()).in_file(name, inside)?;
    let Some(again) = built else { return Ok(()) };
    let differs = again.iter().zip(block.payload()).position(|(a, b)| a != b);
    let offset = inside + differs.unwrap_or(again.len().min(block.payload().len())) as u64;
    Err(Corruption::at(name, offset, "the run is not the one that the records give"))
}

/// Checks that a lookup is there for each field with terms that are not void, and sorts them strictly ([SEG-6]).
pub(super) fn check_lookup(
    place: &Place<'_>,
    terms: &TermTable,
    lookups: &[BlockEntry],
    field: Field,
) -> Result<(), Corruption> {
    let name = place.name;
    let count = (0..terms.len(field)).filter(|&ordinal| terms.get(field, ordinal).is_some()).count();
    let found = lookups.iter().find(|entry| entry.number == u32::from(field.id()));
    let Some(entry) = found else {
        let missing =
            || Corruption::at(name, place.footer_at.unwrap_or(0), format!("there is no lookup of {}", field.name()));
        return if count == 0 { Ok(()) } else { Err(missing()) };
    };
    let block = place.blocks.block(name, entry.offset, entry.length)?;
    let inside = entry.offset + BlockHeader::SIZE as u64;
    let lookup = LookupView::open(block.payload()).in_file(name, inside)?;
    let refuse = |problem: String| Err(Corruption::at(name, inside, problem));
    if lookup.field() != field || lookup.len() != count {
        return refuse(format!(
            "the lookup is of {} terms of {}, expected were {count} of {}",
            lookup.len(),
            lookup.field().name(),
            field.name()
        ));
    }
    lookup.check(terms.len(field)).in_file(name, inside)?;
    let mut before: Option<String> = None;
    for rank in 0..lookup.len() {
        let text = lookup.get(rank).and_then(|ordinal| terms.get(field, ordinal)).map(text_of);
        let Some(text) = text else { return refuse(format!("rank {rank} is no term")) };
        if before.is_some_and(|before| before.as_bytes() >= text.as_bytes()) {
            return refuse(format!("the term at rank {rank} does not follow the one before it"));
        }
        before = Some(text);
    }
    Ok(())
}

/// The text of a value that a decoded term page holds, which is always a text.
fn text_of(value: &[u8]) -> String {
    let mut reader = indelible_evidence::bytes::Reader::new("term", value);
    TextRef::take(&mut reader, "term").map(|text| text.text().into_owned()).unwrap_or_default()
}
