//! Makes frames of synced records, appends them to the active segment, seals segments, signs checkpoints.
//!
//! ```text
//! pending groups -> batch (frames, pages, run) -> one write -> published -> sync -> framed_to -> tree -> checkpoint
//! ```
//!
//! Invariants: only records that are durable in the journal come here. A frame enters the tree only after its segment is
//! synced. A batch that could not be written is kept and written later.
//! No thread and no clock in here but what is given: a simulation drives it step by step. Signing is in `sign`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use indelible_evidence::commit::{FrameFacts, RecordRef};
use indelible_evidence::descriptor::Hash;
use indelible_evidence::merkle::LogTree;
use indelible_format::manifest::{SegmentEntry, SegmentState};
use indelible_format::segment::SegmentHeader;

use super::active::{Active, day_of};
use super::batch::{Batch, FrameMaker, FrameState, next_frame_len};
use super::queue::Settled;
use super::shared::Shared;
use crate::error::{Error, IoContext, Result};
use crate::mutant::{Mutant, planted};
use crate::segment::{Blocks, Segment};
use crate::snapshot::TailGroup;

/// Bytes of one batch after which it is written.
const BATCH_RECORDS: usize = 4_096;

/// Where framing goes on.
pub(crate) enum Growth {
    /// No segment is active.
    None,
    /// A cleanly closed segment, reopened when there is something to append.
    Closed(Arc<Segment>),
    /// A segment that grows.
    Active(Active),
}

/// What the manifest of a closed log says.
#[derive(Debug)]
pub(crate) struct CloseFacts {
    /// Entry of the active segment, if there is one.
    pub(crate) active: Option<SegmentEntry>,
    /// Frames in the log.
    pub(crate) frames: u64,
}

/// Makes frames.
pub(crate) struct Framer {
    pub(super) shared: Arc<Shared>,
    growth: Growth,
    maker: FrameMaker,
    pending: VecDeque<Arc<TailGroup>>,
    /// Records of the first pending group that are framed already.
    taken: usize,
    unwritten: Option<Batch>,
    state: FrameState,
    /// Seq after the last framed record.
    next_seq: u64,
    pub(super) tree: Option<LogTree>,
    pub(super) last_checkpoint: Option<String>,
}

impl Framer {
    /// A framer that goes on after the frames of the published snapshot.
    pub(crate) fn new(shared: Arc<Shared>, growth: Growth, facts: FrameFacts, chain: Hash) -> Self {
        let snapshot = shared.published.load();
        let next_ordinal = match &growth {
            Growth::None => 0,
            Growth::Closed(segment) => segment.records(),
            Growth::Active(active) => active.segment.records(),
        };
        let maker = FrameMaker::new(shared.options.zstd_level);
        Self {
            growth,
            maker,
            pending: snapshot.tail.iter().cloned().collect(),
            taken: snapshot
                .tail
                .first()
                .map_or(0, |group| group.records.iter().take_while(|record| record.seq < snapshot.framed_seq).count()),
            unwritten: None,
            state: FrameState { facts, chain, next_ordinal },
            next_seq: snapshot.framed_seq,
            tree: None,
            last_checkpoint: None,
            shared,
        }
    }

    /// Key epoch of the newest frame.
    pub(super) fn key_epoch(&self) -> u32 {
        self.state.facts.key_epoch
    }

    /// Takes a group of synced records.
    pub(crate) fn push(&mut self, group: Arc<TailGroup>) {
        self.pending.push_back(group);
    }

    /// Whether records wait that do not fill a frame.
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty() || self.unwritten.is_some()
    }

    /// Frames what is pending: full frames, and with `partial` the rest too. Returns records and bytes that were written.
    pub(crate) fn frame(&mut self, partial: bool) -> Result<(usize, usize)> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| self.frame_pending(partial))
    }

    /// Makes the frames written so far durable and moves the synced marks.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| self.sync_frames())
    }

    /// Frames everything, syncs, and signs the tree head unless that is what the last checkpoint says.
    pub(crate) fn checkpoint(&mut self) -> Result<String> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| {
            self.frame_pending(true)?;
            if planted(Mutant::SignBeforeSync) {
                self.mark_synced();
                let note = self.sign()?;
                self.sync_frames()?;
                return Ok(note);
            }
            self.sync_frames()?;
            self.sign()
        })
    }

    /// Frames everything and syncs; with `seal` seals the active segment too, where it holds anything.
    pub(crate) fn settle(&mut self, seal: bool) -> Result<Settled> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| {
            self.frame_pending(true)?;
            self.sync_frames()?;
            let empty = matches!(&self.growth, Growth::Active(active) if active.segment.records() == 0);
            if seal && !empty {
                self.seal()?;
            }
            let snapshot = shared.published.load();
            let sealed_seq = snapshot.sealed.last().map_or(0, |last| last.first_seq + u64::from(last.records()));
            Ok(Settled { framed_seq: self.next_seq, sealed_seq })
        })
    }

    /// Frames everything, syncs, writes the footer of the active segment and signs.
    pub(crate) fn close(&mut self) -> Result<CloseFacts> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| self.finish())
    }

    pub(super) fn frame_pending(&mut self, partial: bool) -> Result<(usize, usize)> {
        let mut done = (0, 0);
        let mut count = |batch: (usize, usize)| {
            done.0 += batch.0;
            done.1 += batch.1;
        };
        if self.unwritten.is_some() {
            count(self.write_batch()?);
        }
        while self.make_batch(partial)? {
            count(self.write_batch()?);
            self.sync_if_due()?;
            self.seal_if_full()?;
        }
        Ok(done)
    }

    pub(super) fn sync_frames(&mut self) -> Result<()> {
        if let Growth::Active(active) = &mut self.growth {
            active.sync()?;
        }
        self.mark_synced();
        Ok(())
    }

    /// Says that everything written is synced.
    fn mark_synced(&self) {
        if self.unwritten.is_none() {
            self.shared.framed.seq.store(self.next_seq, Ordering::Release);
            self.shared.framed.frames.store(self.state.facts.frame_no, Ordering::Release);
        }
    }

    fn finish(&mut self) -> Result<CloseFacts> {
        self.frame_pending(true)?;
        self.sync_frames()?;
        let entry = match &mut self.growth {
            Growth::Active(active) => Some(active.finish(false, SegmentState::Active)?),
            Growth::Closed(segment) => segment.entry().cloned(),
            Growth::None => None,
        };
        if self.may_sign() && self.state.facts.frame_no > 0 {
            self.sign()?;
        }
        Ok(CloseFacts { active: entry, frames: self.state.facts.frame_no })
    }

    /// Encodes the next frames into `unwritten`; false where there is nothing to frame.
    fn make_batch(&mut self, partial: bool) -> Result<bool> {
        let mut frames: Vec<Vec<RecordRef<'_>>> = Vec::new();
        let day = self.segment_day();
        let per_day = self.shared.options.segment_per_day;
        let mut batch_day = day;
        let mut taken = 0;
        while taken < BATCH_RECORDS {
            let waiting = || records_of(&self.pending, self.taken + taken);
            let first_day = waiting().next().map(|record| day_of(record.recorded_at));
            if per_day && frames.is_empty() && day.is_some() && first_day.is_some() && day != first_day {
                // The next record belongs to a new day: the segment of the last one is finished first.
                self.seal()?;
                return self.make_batch(partial);
            }
            batch_day = batch_day.or(first_day);
            let same_day = |record: &RecordRef<'_>| !per_day || Some(day_of(record.recorded_at)) == batch_day;
            match next_frame_len(waiting(), partial, same_day) {
                None | Some(0) => break,
                Some(count) => {
                    frames.push(waiting().take(count).collect());
                    taken += count;
                }
            }
        }
        if frames.is_empty() {
            return Ok(false);
        }
        let active = ensure_active(&mut self.growth, &self.shared, &mut self.state, self.next_seq)?;
        let batch = {
            let directory = active.segment.directory()?.read();
            let mut terms = active.terms.write();
            self.maker.batch(&frames, &mut self.state, &mut terms, &directory, self.shared.rng.as_ref())?
        };
        active.day = active.day.or(batch_day);
        self.unwritten = Some(batch);
        Ok(true)
    }

    /// Appends the batch and publishes it. On a full disk the batch stays and the file is cut back.
    fn write_batch(&mut self) -> Result<(usize, usize)> {
        let (Some(batch), Growth::Active(active)) = (&self.unwritten, &mut self.growth) else { return Ok((0, 0)) };
        if let Err(error) = active.file.write_at(&batch.bytes, batch.start) {
            let _ = active.file.set_len(batch.start);
            return Err(error).doing("append to", &active.segment.name);
        }
        active.unsynced += batch.bytes.len() as u64;
        self.shared.written.framed.fetch_add(batch.bytes.len() as u64, Ordering::Relaxed);
        let records = {
            let mut directory = active.segment.directory()?.write();
            for pages in &batch.pages {
                directory.push_pages(pages);
            }
            for frame in &batch.frames {
                directory.push_frame(
                    frame.entry,
                    frame.count,
                    Arc::clone(&frame.chunk),
                    frame.chain,
                    frame.recorded_last,
                );
            }
            if let Some((entry, positions)) = batch.run {
                directory.push_run(entry, positions);
            }
            directory.records()
        };
        let (segment, end_seq) = (Arc::clone(&active.segment), batch.end_seq);
        self.shared.published.update(|snapshot| {
            snapshot.active = Some((segment, records));
            snapshot.framed_seq = end_seq;
            snapshot.tail.retain(|group| group.end_seq() > end_seq);
        });
        let done = (batch.records, batch.record_bytes);
        self.next_seq = end_seq;
        if planted(Mutant::UnlinkEarly) {
            self.shared.framed.seq.store(end_seq, Ordering::Release);
        }
        self.unwritten = None;
        self.drop_framed(end_seq);
        Ok(done)
    }

    fn drop_framed(&mut self, end_seq: u64) {
        while self.pending.front().is_some_and(|group| group.end_seq() <= end_seq) {
            self.pending.pop_front();
        }
        self.taken = self
            .pending
            .front()
            .map_or(0, |group| group.records.iter().take_while(|record| record.seq < end_seq).count());
    }

    fn sync_if_due(&mut self) -> Result<()> {
        match &self.growth {
            Growth::Active(active) if active.unsynced >= self.shared.options.frame_unsynced_bytes_max => {
                self.sync_frames()
            }
            _ => Ok(()),
        }
    }

    fn seal_if_full(&mut self) -> Result<()> {
        let full = match &self.growth {
            Growth::Active(active) => active.segment.directory()?.read().end >= self.shared.options.segment_bytes_max,
            _ => false,
        };
        if full { self.seal() } else { Ok(()) }
    }

    /// Finishes the active segment: footer, sync, manifest, map; then readers see it sealed.
    fn seal(&mut self) -> Result<()> {
        self.sync_frames()?;
        if let Growth::Closed(_) = &self.growth {
            ensure_active(&mut self.growth, &self.shared, &mut self.state, self.next_seq)?;
        }
        let Growth::Active(active) = &mut self.growth else { return Ok(()) };
        let entry = active.finish(true, SegmentState::Sealed)?;
        let name = active.segment.name.clone();
        let journal_first = self.shared.framed.journal_first.load(Ordering::Acquire);
        let sealed = entry.clone();
        self.shared.manifest.update(|manifest| {
            manifest.journal_first = manifest.journal_first.max(journal_first);
            if let Some(last) = manifest.segments.last_mut() {
                *last = sealed;
            }
        })?;
        let blocks = Blocks::lazy(Arc::clone(&self.shared.storage), entry.id, entry.generation);
        let segment = Arc::new(Segment::with_footer(entry, name, blocks, Arc::clone(&self.shared.cache)));
        self.shared.published.update(|snapshot| {
            Arc::make_mut(&mut snapshot.sealed).push(segment);
            snapshot.active = None;
        });
        self.growth = Growth::None;
        self.state.next_ordinal = 0;
        Ok(())
    }

    fn segment_day(&self) -> Option<i64> {
        match &self.growth {
            Growth::None => None,
            Growth::Active(active) => active.day,
            Growth::Closed(segment) => segment.entry().map(|entry| day_of(entry.recorded_min)),
        }
    }
}

/// The records waiting from the `skip`-th on.
fn records_of(pending: &VecDeque<Arc<TailGroup>>, skip: usize) -> impl Iterator<Item = RecordRef<'_>> {
    let mut left = skip;
    pending.iter().flat_map(move |group| {
        let from = left.min(group.records.len());
        left -= from;
        group.records.get(from..).unwrap_or_default().iter().map(RecordRef::from)
    })
}

/// The segment to append to, made or reopened.
fn ensure_active<'a>(
    growth: &'a mut Growth,
    shared: &Shared,
    state: &mut FrameState,
    next_seq: u64,
) -> Result<&'a mut Active> {
    let opened = match &*growth {
        Growth::Active(_) => None,
        Growth::Closed(segment) => {
            let active = Active::reopen(&shared.storage, &shared.cache, segment)?;
            let (segment, records) = (Arc::clone(&active.segment), active.segment.records());
            shared.published.update(|snapshot| snapshot.active = Some((segment, records)));
            Some(active)
        }
        Growth::None => {
            state.next_ordinal = 0;
            let manifest = shared.manifest.get();
            let header = SegmentHeader {
                encrypted: false,
                log_id: manifest.log_id,
                segment_id: manifest.next_segment,
                generation: 0,
                first_seq: next_seq,
                first_frame: state.facts.frame_no,
                chain_before: state.chain,
            };
            Some(Active::create(&shared.storage, &shared.manifest, &shared.cache, header)?)
        }
    };
    if let Some(active) = opened {
        *growth = Growth::Active(active);
    }
    match growth {
        Growth::Active(active) => Ok(active),
        _ => Err(Error::Closed),
    }
}
