//! Compaction: new generations of sealed segments, without what somebody decided to remove.
//!
//! ```text
//! checkpoint covers the authority? -> per segment: descriptors -> decisions -> frames, runs, term pages -> new file, synced
//!    -> directory synced -> ONE manifest for all segments -> snapshot -> old files unlinked, directory synced -> report
//! ```
//!
//! Invariants: ids, frames, positions, chain values and leaf hashes of a segment stay; what is not touched is copied byte for
//! byte. Until the manifest is replaced the old generation is the log, from then on the new one; a crash leaves one of the
//! two, and files that the manifest does not name are removed by the next opening for writing, never by a reader. Whoever
//! holds an older view finishes on it: its files are mapped before they are unlinked. It runs in the caller's thread, beside
//! ingest; the only locks it shares with writer and framer are those of manifest and snapshot, for one replacement each.
//!
//! Deliberately not here: what may be removed. The engine knows no policies: whoever calls decides frame by frame, and
//! answers for the checkpoint that must cover the record which authorises it. Specified in `format-spec/04-segment.md`.

mod frame;
mod leftover;
mod material;
mod parallel;
mod report;
mod segment;
mod swap;
mod torn;
mod write;

pub use frame::LazyFrame;
pub(crate) use leftover::remove_leftovers;
pub use report::{CompactReport, Gone, SegmentReport, StubBytes};
pub use torn::TornFile;
pub(crate) use torn::torn_files;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indelible_evidence::commit::Removal;
use indelible_format::manifest::{Manifest, SegmentEntry, SegmentState};
use indelible_format::segment::Authority;
use parking_lot::{Mutex, MutexGuard};

use crate::error::{Error, FormatContext, Result};
use crate::mutant::{Mutant, planted};
use crate::segment::Segment;
use crate::write::shared::Shared;
use crate::write::sign::{CHECKPOINT, read_checkpoint};

/// A segment to be compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentTarget {
    /// Segment id.
    pub id: u64,
    /// The generation to be made: one more than the segment has. A segment that has it already was compacted by an earlier
    /// attempt and is left alone.
    pub generation: u32,
}

/// What to compact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactRequest {
    /// Sealed segments, ascending by id.
    pub segments: Vec<SegmentTarget>,
    /// Frames that the newest signed checkpoint must cover at least: those up to the record that authorises the removal.
    pub covered_by: u64,
    /// The intent and the signed head that covers it: every file that is written carries them ([SEG-20]).
    pub authority: Authority,
}

/// Decides what is removed. Called from several threads, for every frame of the segments once.
pub trait Prune: Sync {
    /// What to take away from this frame. Ask for its records only where the descriptor cannot tell: a frame whose records
    /// nobody asked for, and of which everything or nothing goes, is never decoded.
    ///
    /// # Errors
    /// Any error ends the compaction, and nothing has changed then.
    fn removal(&self, frame: &mut LazyFrame<'_>) -> Result<Removal>;

    /// Asked once more when all new files are durable, right before the manifest names them: whether it may still happen.
    ///
    /// # Errors
    /// Any error ends the compaction, and nothing has changed then.
    fn confirm(&self) -> Result<()> {
        Ok(())
    }
}

impl<F: Fn(&mut LazyFrame<'_>) -> Result<Removal> + Sync> Prune for F {
    fn removal(&self, frame: &mut LazyFrame<'_>) -> Result<Removal> {
        self(frame)
    }
}

/// One compaction at a time, and none after the log was closed.
#[derive(Debug, Default)]
pub(crate) struct Compactions {
    /// Whether the log was closed.
    running: Mutex<bool>,
    cancelled: AtomicBool,
}

impl Compactions {
    /// Ends a compaction that is running, waits for it, and lets no other begin.
    pub(crate) fn close(&self) {
        self.cancelled.store(true, Ordering::Release);
        *self.running.lock() = true;
    }

    fn begin(&self) -> Result<MutexGuard<'_, bool>> {
        let running = self.running.lock();
        if *running { Err(Error::Closed) } else { Ok(running) }
    }

    /// Stops work whose log is being closed.
    fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) }
    }
}

/// Removes cut tails; poisons the log where that cannot be made durable.
pub(crate) fn remove_torn(shared: &Shared, which: &[TornFile]) -> Result<()> {
    let _running = shared.compactions.begin()?;
    shared.poison.check()?;
    let done = torn::remove_torn(shared.storage.as_ref(), which);
    if let Err(error @ Error::Poisoned { .. }) = &done {
        shared.poison.set(error);
    }
    done
}

/// Compacts; poisons the log where a sync or the manifest's replacement failed.
pub(crate) fn compact(shared: &Shared, request: &CompactRequest, prune: &dyn Prune) -> Result<CompactReport> {
    let _running = shared.compactions.begin()?;
    shared.poison.check()?;
    let done = check_covered(shared, request).and_then(|()| run(shared, request, prune));
    if let Err(error @ Error::Poisoned { .. }) = &done {
        shared.poison.set(error);
    }
    done
}

fn run(shared: &Shared, request: &CompactRequest, prune: &dyn Prune) -> Result<CompactReport> {
    let manifest = shared.manifest.get();
    let targets = targets(shared, &manifest, request)?;
    // What an earlier attempt of this process left, because the disk was full or a removal failed.
    remove_leftovers(shared.storage.as_ref(), &manifest)?;
    let mut report = CompactReport::default();
    let mut made = Vec::new();
    let built = targets.iter().try_for_each(|target| {
        match target {
            Target::Done(entry) => report.segments.push(SegmentReport::unchanged(entry)),
            Target::Old(old) => {
                let work = segment::Work::new(shared, old, prune, &request.authority)?;
                match work.build()? {
                    None => report.segments.extend(old.entry().map(SegmentReport::unchanged)),
                    Some((new, figures)) => {
                        made.push(new);
                        report.segments.push(figures);
                    }
                }
            }
        }
        Ok(())
    });
    let swapped = built.and_then(|()| swap::swap(shared, &made, prune));
    if let Err(error) = &swapped
        && !matches!(error, Error::Poisoned { .. })
    {
        // Nothing names the new files, so this is tidiness, and room on a full disk.
        let _ = remove_leftovers(shared.storage.as_ref(), &shared.manifest.get());
    }
    swapped.map(|()| report)
}

/// Refuses a removal that nobody could have learnt of before: the authority must be in a signed checkpoint.
fn check_covered(shared: &Shared, request: &CompactRequest) -> Result<()> {
    if planted(Mutant::CompactUncovered) {
        return Ok(());
    }
    let signed = signed_frames(shared)?;
    if signed < request.covered_by || request.covered_by == 0 {
        return Err(Error::NotCovered { needed: request.covered_by, signed });
    }
    let (head, _) = shared.keys.trail.read().open(&request.authority.note).in_file(CHECKPOINT, 0)?;
    if head.size < request.covered_by {
        return Err(Error::NotCovered { needed: request.covered_by, signed: head.size });
    }
    Ok(())
}

/// Frames that the stored checkpoint covers, 0 where there is none.
fn signed_frames(shared: &Shared) -> Result<u64> {
    let Some(note) = read_checkpoint(shared.storage.as_ref())? else { return Ok(0) };
    let (checkpoint, _) = shared.keys.trail.read().open(&note).in_file(CHECKPOINT, 0)?;
    Ok(checkpoint.size)
}

/// A segment of the request.
enum Target {
    /// It has the generation already.
    Done(SegmentEntry),
    /// To be compacted.
    Old(Arc<Segment>),
}

/// The segments of the request, each sealed, covered, and of the generation before the one to be made.
fn targets(shared: &Shared, manifest: &Manifest, request: &CompactRequest) -> Result<Vec<Target>> {
    let snapshot = shared.published.load();
    let mut targets = Vec::with_capacity(request.segments.len());
    let mut before = None;
    for target in &request.segments {
        let refuse = |problem: String| Error::Compaction { segment: target.id, problem };
        let entry = manifest.segments.iter().find(|entry| entry.id == target.id);
        let Some(entry) = entry.filter(|entry| entry.state == SegmentState::Sealed) else {
            return Err(refuse("there is no sealed segment of this id: seal the active one first".to_owned()));
        };
        if before.replace(target.id).is_some_and(|before| before >= target.id) {
            return Err(refuse("segments must ascend and come once".to_owned()));
        }
        if entry.generation == target.generation {
            targets.push(Target::Done(entry.clone()));
            continue;
        }
        if entry.generation.checked_add(1) != Some(target.generation) {
            let problem = format!("it has generation {}, so {} is not the next", entry.generation, target.generation);
            return Err(refuse(problem));
        }
        if entry.first_frame + entry.frames > request.covered_by {
            return Err(refuse(format!(
                "its frames go on to {}, the checkpoint of the removal covers {}",
                entry.first_frame + entry.frames,
                request.covered_by
            )));
        }
        let segment = snapshot.sealed.iter().find(|segment| segment.id == target.id);
        let segment = segment.ok_or_else(|| refuse("no view shows it".to_owned()))?;
        targets.push(Target::Old(Arc::clone(segment)));
    }
    Ok(targets)
}
