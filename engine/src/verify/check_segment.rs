//! One segment: header, trailer and footer, blocks, frames, what is derived, and what the manifest says of it.

use indelible_evidence::schema::Field;
use indelible_format::manifest::{SegmentEntry, SegmentState};
use indelible_format::names::{MANIFEST, segment_file_name};
use indelible_format::segment::{Footer, SegmentHeader, SegmentTrailer};

use super::Run;
use super::chain::Fold;
use super::derived::{check_lookup, compare_entry, compare_footer, expected_footer, read_footer};
use super::findings::Findings;
use super::frames::parallel;
use super::walk::{Damage, Reach, Walked, walk};
use super::window::{Folded, fold_frames};
use crate::error::{Corruption, Result};
use crate::segment::Blocks;
use crate::world::storage::OpenMode;
use crate::write::manifest::load;

/// A segment being checked.
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) entry: &'a SegmentEntry,
    pub(super) blocks: &'a Blocks,
    /// Sealed, or of a closed log: it must be exactly what the manifest says.
    pub(super) complete: bool,
    /// Frames of the log that something says were synced.
    pub(super) durable_frames: u64,
    /// Where the footer's block is, if its trailer is whole.
    pub(super) footer_at: Option<u64>,
}

impl Place<'_> {
    /// Whether it may end unfinished.
    pub(super) fn is_open(&self) -> bool {
        !self.complete
    }

    /// Whether the segment's frame of this index was synced for sure.
    pub(super) fn is_durable(&self, index: usize) -> bool {
        self.complete || self.entry.first_frame + (index as u64) < self.durable_frames
    }
}

/// Checks the `index`-th segment of the manifest and folds its frames.
pub(super) fn check(run: &mut Run<'_>, index: usize, durable_frames: u64, fold: &mut Fold, findings: &mut Findings) {
    let manifest = &run.taken.manifest;
    let Some(taken) = manifest.segments.get(index) else { return };
    let (entry, opened) = open_current(run, taken, findings);
    let entry = &entry;
    let complete = entry.state == SegmentState::Sealed || manifest.closed.is_some();
    let name = segment_file_name(entry.id, entry.generation);
    // The borders inside the manifest fit together ([MAN-1]); the first one must follow from the log's identity.
    if let Some(problem) = fold.border(entry.first_seq, entry.first_frame, &entry.chain_before) {
        findings.broken(Corruption::at(MANIFEST, 0, format!("segment {}: {problem}", entry.id)).in_segment(entry.id));
    }
    match opened {
        Ok(blocks) => {
            let mut place = Place { name: &name, entry, blocks: &blocks, complete, durable_frames, footer_at: None };
            let before = findings.count();
            check_opened(run, &mut place, fold, findings);
            finish(&place, before, fold, findings);
        }
        Err(damage) => {
            let last = (entry.first_seq + entry.records).max(entry.first_seq + 1) - 1;
            findings.broken(damage.in_segment(entry.id).in_frame(entry.first_frame).over(entry.first_seq, last));
            fold.taint();
            if complete {
                fold.border(entry.first_seq + entry.records, entry.first_frame + entry.frames, &entry.chain_after);
            }
        }
    }
}

/// Opens the segment; where its file is gone and the manifest names a newer generation by now, that one: a compaction came
/// between.
fn open_current(
    run: &Run<'_>,
    taken: &SegmentEntry,
    findings: &mut Findings,
) -> (SegmentEntry, Result<Blocks, Corruption>) {
    let opened = open(run, taken);
    if opened.is_ok() {
        return (taken.clone(), opened);
    }
    let Some(newer) = compacted(run, taken) else { return (taken.clone(), opened) };
    match open(run, &newer) {
        Ok(blocks) => {
            findings.note(format!("segment {} was compacted while the log was verified", newer.id));
            (newer, Ok(blocks))
        }
        Err(_) => (taken.clone(), opened),
    }
}

/// The same segment in a newer generation, if that is what the manifest names now.
fn compacted(run: &Run<'_>, taken: &SegmentEntry) -> Option<SegmentEntry> {
    let now = load(run.storage.as_ref(), "the log").ok()?;
    let newer = now.segments.into_iter().find(|entry| entry.id == taken.id && entry.generation > taken.generation)?;
    let begin = |entry: &SegmentEntry| (entry.first_seq, entry.first_frame, entry.chain_before);
    let end = |entry: &SegmentEntry| (entry.records, entry.frames, entry.chain_after);
    let same = begin(&newer) == begin(taken) && (taken.state == SegmentState::Active || end(&newer) == end(taken));
    same.then_some(newer)
}

fn open(run: &Run<'_>, entry: &SegmentEntry) -> Result<Blocks, Corruption> {
    let name = segment_file_name(entry.id, entry.generation);
    let refuse = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Corruption::at(&name, 0, "the file is missing"),
        _ => Corruption::at(&name, 0, format!("cannot be read: {error}")),
    };
    match entry.state {
        SegmentState::Sealed => Blocks::mapped(run.storage, entry.id, entry.generation).map_err(refuse),
        // It may grow, or be cut when a closed log is opened again: such a file is never mapped.
        SegmentState::Active => run.storage.open(&name, OpenMode::Read).map(Blocks::File).map_err(refuse),
    }
}

fn check_opened(run: &mut Run<'_>, place: &mut Place<'_>, fold: &mut Fold, findings: &mut Findings) {
    let (name, entry) = (place.name, place.entry);
    let mut damages: Vec<Damage> = Vec::new();
    let mut add = |damage: Corruption, reach| damages.push(Damage { damage, frame: 0, reach });
    if let Err(damage) = check_header(run, place) {
        add(damage, Reach::Segment);
    }
    let length = place.blocks.len(name).unwrap_or(0);
    let mut footer = None;
    if place.complete {
        if length != entry.length {
            let problem = format!("the file has {length} bytes, the manifest says {}", entry.length);
            add(Corruption::at(name, length.min(entry.length), problem), Reach::Segment);
        }
        match read_footer(place.blocks, name) {
            Ok((found, at)) => {
                place.footer_at = Some(at);
                if let Err(problem) = compare_entry(entry, &found.totals, found.frames.len() as u64) {
                    add(Corruption::at(name, at, problem), Reach::Segment);
                }
                footer = Some(found);
            }
            Err(damage) => add(damage, Reach::Segment),
        }
    }
    if run.options.quick
        && let Some(footer) = &footer
    {
        fold_footer(footer, fold);
        run.advance(length, 0);
        locate(place, damages, &Folded::default(), findings);
        return;
    }
    // A trailer that cannot be read still takes its place, where the length is right.
    let trailer = if place.complete { SegmentTrailer::SIZE as u64 } else { 0 };
    let with_terms =
        run.wants(entry.first_seq, if place.complete { entry.first_seq + entry.records } else { u64::MAX });
    let walked = walk(place, length.saturating_sub(trailer), footer.as_ref(), with_terms);
    let mut folded = fold_frames(run, place, &walked, fold);
    let whole = walked.damages.is_empty() && folded.damages.is_empty();
    damages.append(&mut folded.damages);
    if place.complete {
        check_derived(run, place, &walked, &mut folded, footer.as_ref(), whole, &mut damages);
    }
    let unfinished = walked.unfinished.or(folded.unfinished.take());
    damages.extend(walked.damages);
    locate(place, damages, &folded, findings);
    if place.is_open() {
        end_of_open(place, unfinished, length, fold, findings);
    }
}

/// Header against manifest and file name ([SEG-2], [SEG-9]).
fn check_header(run: &Run<'_>, place: &Place<'_>) -> Result<(), Corruption> {
    let (name, entry, manifest) = (place.name, place.entry, &run.taken.manifest);
    let header = place.blocks.header(name)?;
    let expected = SegmentHeader {
        encrypted: manifest.encrypted,
        log_id: manifest.log_id,
        segment_id: entry.id,
        generation: entry.generation,
        first_seq: entry.first_seq,
        first_frame: entry.first_frame,
        chain_before: entry.chain_before,
    };
    if header == expected {
        return Ok(());
    }
    Err(Corruption::at(name, 0, format!("the header is {header:?}, the manifest gives {expected:?}")))
}

/// Takes the footer's word for the frames: the checkpoint vouches for their leaf hashes.
fn fold_footer(footer: &Footer, fold: &mut Fold) {
    let ends = footer.frames.iter().skip(1).map(|entry| u64::from(entry.first_ordinal)).chain([footer.totals.records]);
    for (entry, end) in footer.frames.iter().zip(ends) {
        fold.push_leaf(entry.leaf_hash, end.saturating_sub(entry.first_ordinal.into()));
    }
    fold.trust_chain(footer.totals.chain_after);
}

fn check_derived(
    run: &Run<'_>,
    place: &Place<'_>,
    walked: &Walked,
    folded: &mut Folded,
    footer: Option<&Footer>,
    whole: bool,
    damages: &mut Vec<Damage>,
) {
    let mut add = |damage: Corruption| damages.push(Damage { damage, frame: 0, reach: Reach::Segment });
    if walked.footer_at != place.footer_at && footer.is_some() {
        add(Corruption::at(
            place.name,
            place.footer_at.unwrap_or(0),
            "the trailer does not point at the block behind the lookups",
        ));
    }
    if walked.terms_lost.is_none()
        && !walked.limits.is_empty()
        && run.wants(place.entry.first_seq, place.entry.first_seq + place.entry.records)
    {
        let fields: Vec<Field> = Field::all().filter(|field| field.has_terms()).collect();
        let checked = parallel(run.threads(), fields.len(), |_, job| match fields.get(job) {
            Some(&field) => check_lookup(place, &walked.terms, &walked.lookups, field),
            None => Ok(()),
        });
        checked.into_iter().filter_map(Result::err).for_each(&mut add);
    } else {
        for entry in &walked.lookups {
            if let Err(damage) = place.blocks.block(place.name, entry.offset, entry.length) {
                add(damage);
            }
        }
    }
    if let (true, Some(footer), Some(entries)) = (whole, footer, folded.entries.take()) {
        let chain = footer.totals.chain_after;
        let expected = expected_footer(walked, entries, (place.entry.records, folded.recorded_max, chain));
        if let Err(problem) = compare_footer(footer, &expected) {
            add(Corruption::at(place.name, place.footer_at.unwrap_or(0), problem));
        }
    }
}

/// Gives damage its segment, frame and seqs, and takes it down in the order of the file.
fn locate(place: &Place<'_>, mut damages: Vec<Damage>, folded: &Folded, findings: &mut Findings) {
    damages.sort_by_key(|found| found.damage.offset);
    let entry = place.entry;
    let end = entry.first_seq + entry.records;
    let end = if place.complete { end } else { folded.firsts.last().copied().unwrap_or(end) };
    let last = end.max(entry.first_seq + 1) - 1;
    for Damage { damage, frame, reach } in damages {
        let first = folded.firsts.get(frame).copied().unwrap_or(entry.first_seq).min(last);
        // Behind the last frame the manifest knows better than a frame that could not be read.
        let next =
            folded.firsts.get(frame + 1).copied().filter(|_| frame + 2 < folded.firsts.len()).unwrap_or(last + 1);
        let damage = damage.in_segment(entry.id);
        let frame_no = entry.first_frame + frame as u64;
        findings.broken(match reach {
            Reach::Frame => damage.in_frame(frame_no).over(first, next.max(first + 1) - 1),
            Reach::Rest => damage.in_frame(frame_no).over(first, last),
            Reach::Segment => damage.over(entry.first_seq, last),
        });
    }
}

/// Where an open segment stops: enough frames must be there, and what follows them is unfinished.
fn end_of_open(
    place: &Place<'_>,
    unfinished: Option<Corruption>,
    length: u64,
    fold: &mut Fold,
    findings: &mut Findings,
) {
    let name = place.name;
    if fold.frames() < place.durable_frames {
        let at = unfinished.as_ref().map_or(length, |unfinished| unfinished.offset);
        let problem = format!("{} frames were synced, {} are there", place.durable_frames, fold.frames());
        let damage = Corruption::at(name, at, problem).in_segment(place.entry.id).in_frame(fold.frames());
        findings.broken(damage.over(fold.next_seq(), fold.next_seq()));
        fold.taint();
    } else if let Some(unfinished) = unfinished {
        findings.torn(format!(
            "{name}: from byte {} on the segment is unfinished ({}); its records are in the journal",
            unfinished.offset, unfinished.problem
        ));
    }
}

/// The end of the segment against the manifest.
fn finish(place: &Place<'_>, breaks_before: usize, fold: &mut Fold, findings: &mut Findings) {
    if !place.complete {
        return;
    }
    let entry = place.entry;
    let end = (entry.first_seq + entry.records, entry.first_frame + entry.frames);
    let problem = fold.border(end.0, end.1, &entry.chain_after);
    if let Some(problem) = problem.filter(|_| findings.count() == breaks_before) {
        let last = end.0.max(entry.first_seq + 1) - 1;
        let damage = Corruption::at(place.name, entry.length, problem).in_segment(entry.id);
        findings.broken(damage.over(entry.first_seq, last));
    }
}
