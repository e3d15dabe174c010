//! Phases two and three of a segment, window by window: frames on several threads, then folded in order.
//!
//! ```text
//! frames 0..512 ── threads ──> fold ──> keys kept until the run over them is due ──> checked with the next window's frames
//! ```
//!
//! Invariant: kept in memory are one window of results and the keys of at most one run's records.

use std::sync::Arc;

use indelible_format::segment::FrameEntry;
use indelible_index::KeyChunk;

use super::Run;
use super::chain::Fold;
use super::check_segment::Place;
use super::derived::check_run;
use super::frames::{Checked, FrameCheck, parallel};
use super::records::Rules;
use super::walk::{Damage, Reach, RunAt, Walked};
use crate::error::Corruption;

/// Frames of a window: as many records as a run has.
const WINDOW_FRAMES: usize = 512;
/// Frames that a thread takes at a time.
const SLICE_FRAMES: usize = 4;

/// What the frames of a segment gave.
#[derive(Default)]
pub(super) struct Folded {
    /// First seq of every frame, and the seq after the last.
    pub(super) firsts: Vec<u64>,
    /// Footer entries and whether there are rows, while every frame was checked and is right.
    pub(super) entries: Option<Vec<(FrameEntry, bool)>>,
    pub(super) recorded_max: i64,
    pub(super) damages: Vec<Damage>,
    pub(super) unfinished: Option<Corruption>,
}

/// A run whose records have all been seen, with their keys where they were checked.
struct DueRun {
    run: RunAt,
    chunks: Option<Vec<Arc<KeyChunk>>>,
}

/// Checks and folds all frames that the walk found.
pub(super) fn fold_frames(run: &mut Run<'_>, place: &Place<'_>, walked: &Walked, fold: &mut Fold) -> Folded {
    let mut window = Window { place, walked, chunks: Vec::new(), next_run: 0, due: Vec::new() };
    let mut folded = Folded { entries: Some(Vec::new()), ..Folded::default() };
    let count = walked.frames.len();
    let mut start = 0;
    let mut at = 0u64;
    loop {
        let end = count.min(start + WINDOW_FRAMES);
        let (checked, runs) = window.check(run, start, end);
        folded.damages.extend(runs);
        let mut records = 0;
        for (index, checked) in (start..end).zip(checked) {
            records += checked.records;
            run.canonical_bytes += checked.canonical_bytes;
            if !take(place, walked, index, checked, fold, &mut folded, &mut window.chunks) {
                start = count;
                break;
            }
        }
        window.find_due(fold.next_seq(), end, &mut folded);
        let reached = end.checked_sub(1).and_then(|last| walked.frames.get(last)).map_or(at, |frame| frame.offset);
        run.advance(reached.saturating_sub(at), records);
        at = at.max(reached);
        start = start.max(end);
        if start >= count && window.due.is_empty() {
            break;
        }
    }
    folded.firsts.push(fold.next_seq());
    let length = place.blocks.len(place.name).unwrap_or(at);
    run.advance(length.saturating_sub(at), 0);
    folded
}

/// Folds one frame; false where an open segment ends with it.
fn take(
    place: &Place<'_>,
    walked: &Walked,
    index: usize,
    checked: Checked,
    fold: &mut Fold,
    folded: &mut Folded,
    chunks: &mut Vec<Arc<KeyChunk>>,
) -> bool {
    let Some(at) = walked.frames.get(index) else { return false };
    if checked.is_torn && place.is_open() && !place.is_durable(index) {
        folded.unfinished = checked.damage;
        return false;
    }
    let Checked { descriptor, chunk, recorded, damage, said, .. } = checked;
    let is_damaged = damage.is_some();
    let mut report = |damage: Corruption| folded.damages.push(Damage { damage, frame: index, reach: Reach::Frame });
    if let Some(damage) = damage {
        report(damage);
    }
    let Some(descriptor) = descriptor else {
        folded.firsts.push(fold.next_seq());
        folded.entries = None;
        fold.skip();
        return true;
    };
    let unsaid = said.filter(|_| !is_damaged).and_then(|said| fold.facts_problem(&descriptor, said));
    let (leaf, problem) = fold.push(&descriptor);
    let problem = problem.or(unsaid);
    folded.firsts.push(fold.next_seq() - u64::from(descriptor.count));
    if is_damaged {
        fold.taint();
    } else if let Some(problem) = problem {
        report(Corruption::at(place.name, at.offset, problem));
    }
    if let Some((first, last)) = recorded
        && let Some(problem) = fold.recorded(first, last)
    {
        report(Corruption::at(place.name, at.offset, problem));
    }
    match (&mut folded.entries, chunk) {
        (Some(entries), Some(chunk)) => {
            // Over the rows that queries see: stub rows have times too, but no part in a footer.
            let zone = chunk.zone();
            folded.recorded_max = folded.recorded_max.max(zone.recorded_last);
            let entry = FrameEntry {
                offset: at.offset,
                length: at.length,
                first_ordinal: chunk.first_ordinal(),
                occurred_min: zone.occurred_min,
                occurred_max: zone.occurred_max,
                recorded_first: zone.recorded_first,
                leaf_hash: leaf,
            };
            entries.push((entry, zone.rows > 0));
            chunks.push(chunk);
        }
        (_, Some(chunk)) => chunks.push(chunk),
        (_, None) => folded.entries = None,
    }
    true
}

struct Window<'a> {
    place: &'a Place<'a>,
    walked: &'a Walked,
    /// Keys that a run which is not due yet needs.
    chunks: Vec<Arc<KeyChunk>>,
    next_run: usize,
    due: Vec<DueRun>,
}

impl Window<'_> {
    /// Checks frames `start..end`, and the runs that are due, side by side.
    fn check(&mut self, run: &Run<'_>, start: usize, end: usize) -> (Vec<Checked>, Vec<Damage>) {
        let due = std::mem::take(&mut self.due);
        // Of `run` only this may go to other threads: its progress callback may not.
        let (options, manifest) = (run.options, &run.taken.manifest);
        let wants = |first: u64, last: u64| {
            !options.quick
                && options.from_seq.is_none_or(|from| last >= from)
                && options.to_seq.is_none_or(|to| first <= to)
        };
        let check = FrameCheck { place: self.place, walked: self.walked, rules: Rules::new(manifest), wants: &wants };
        let slices = (end - start).div_ceil(SLICE_FRAMES);
        let place = self.place;
        // Runs are the longest jobs, so they go first.
        let results = parallel(run.threads(), due.len() + slices, |checker, job| match due.get(job) {
            Some(due) => (Vec::new(), check_run(place, &due.run, due.chunks.as_deref()).err()),
            None => {
                let from = start + (job - due.len()) * SLICE_FRAMES;
                let to = end.min(from + SLICE_FRAMES);
                ((from..to).map(|index| check.check(checker, index)).collect(), None)
            }
        });
        let (mut checked, mut damages) = (Vec::with_capacity(end - start), Vec::new());
        for (frames, damage) in results {
            checked.extend(frames);
            damages.extend(damage.map(|damage| Damage { damage, frame: 0, reach: Reach::Segment }));
        }
        (checked, damages)
    }

    /// Moves runs whose records have all been seen to the due ones; seqs below `next_seq` and `frames` were seen.
    fn find_due(&mut self, next_seq: u64, frames: usize, folded: &mut Folded) {
        let first_seq = self.place.entry.first_seq;
        let records = next_seq.saturating_sub(first_seq);
        while let Some(&run) = self.walked.runs.get(self.next_run) {
            let (first, end) = (run.entry.number, u64::from(run.entry.number) + u64::from(run.positions));
            let mut report = |problem: String| {
                let damage = Corruption::at(self.place.name, run.entry.offset, problem);
                folded.damages.push(Damage { damage, frame: 0, reach: Reach::Segment });
            };
            if end > records {
                if frames >= self.walked.frames.len() && self.walked.frames.iter().all(|frame| !frame.lost) {
                    report(format!("the run indexes records up to ordinal {end}, the frames hold {records}"));
                }
                break;
            }
            // A run stands behind the frames that it indexes ([SEG-2]).
            let last = folded.firsts.partition_point(|&seq| seq < first_seq + end).checked_sub(1);
            if last.and_then(|last| self.walked.frames.get(last)).is_some_and(|frame| frame.offset > run.entry.offset) {
                report("the run stands before a frame that it indexes".to_owned());
            }
            let covered = |chunk: &&Arc<KeyChunk>| (u64::from(first)..end).contains(&u64::from(chunk.first_ordinal()));
            let chunks: Vec<Arc<KeyChunk>> = self.chunks.iter().filter(covered).cloned().collect();
            let positions: u32 = chunks.iter().map(|chunk| chunk.positions()).sum();
            if positions != run.positions && folded.entries.is_some() {
                report("the run does not begin and end with frames".to_owned());
            }
            let chunks = (positions == run.positions).then_some(chunks);
            self.due.push(DueRun { run, chunks });
            self.next_run += 1;
        }
        let needed_from = self.walked.runs.get(self.next_run).map_or(u32::MAX, |run| run.entry.number);
        self.chunks.retain(|chunk| chunk.first_ordinal() >= needed_from);
    }
}
