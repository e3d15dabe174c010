//! What readers see: an immutable snapshot of the log, published by the writer and the framer.
//!
//! ```text
//! sealed segments | active segment up to `active_records` | tail: durable groups not yet framed
//! 0 ............................................ framed_seq ......................... next_seq
//! ```
//!
//! Invariants: the three parts adjoin without gap or overlap; everything in a snapshot is durable in the journal or a synced
//! frame; snapshots only grow. The framer trims the tail and extends the active segment in one publication, so that no
//! record is ever in neither.

mod swap;

use std::sync::Arc;

use indelible_evidence::record::Record;
use parking_lot::Mutex;

use crate::segment::Segment;
use crate::spare;
use crate::watermark::Watermark;
use swap::Swap;

/// Consecutive durable records that are not framed yet: one journal group.
#[derive(Debug)]
pub struct TailGroup {
    /// Records in seq order, never empty.
    pub records: Vec<Record>,
    /// Canonical bytes of them together.
    pub bytes: usize,
}

impl TailGroup {
    /// A group of these records.
    pub fn new(records: Vec<Record>) -> Self {
        let bytes = records.iter().map(|record| record.groups.len()).sum();
        Self { records, bytes }
    }

    /// Seq after the last record.
    pub fn end_seq(&self) -> u64 {
        self.records.last().map_or(0, |record| record.seq + 1)
    }
}

impl Drop for TailGroup {
    /// Whoever is last to look at the group gives its buffers to those who encode the next records.
    fn drop(&mut self) {
        spare::give_back(self.records.drain(..).map(|record| record.groups.into_bytes()));
    }
}

/// An immutable view of the log's content.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Sealed segments, ascending.
    pub sealed: Arc<Vec<Arc<Segment>>>,
    /// The growing segment and how many of its records this snapshot shows.
    pub active: Option<(Arc<Segment>, u32)>,
    /// Groups that are durable but not wholly framed, ascending; the first may begin before `framed_seq`.
    pub tail: Vec<Arc<TailGroup>>,
    /// Seq after the last framed record.
    pub framed_seq: u64,
    /// Seq after the last durable record.
    pub next_seq: u64,
}

impl Snapshot {
    /// Records of the tail that are not in a segment, ascending.
    pub fn tail_records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        let framed = self.framed_seq;
        self.tail.iter().flat_map(|group| group.records.iter()).filter(move |record| record.seq >= framed)
    }

    /// Sealed and active segments, ascending, each with how many records may be read.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = (&Arc<Segment>, u32)> {
        let sealed = self.sealed.iter().map(|segment| (segment, segment.records()));
        sealed.chain(self.active.iter().map(|(segment, records)| (segment, *records)))
    }
}

impl Snapshot {
    /// Puts a fresh segment in the place of each sealed one that is open. Views that were handed out keep theirs.
    pub(crate) fn close_segments(&mut self) {
        for segment in Arc::make_mut(&mut self.sealed) {
            if let Some(closed) = segment.closed_again() {
                *segment = Arc::new(closed);
            }
        }
    }
}

/// The place where the newest snapshot stands.
#[derive(Debug)]
pub struct Published {
    current: Swap<Snapshot>,
    /// Taken by whoever publishes, so that a change builds on the one before.
    change: Mutex<()>,
    /// Seq up to which everything is durable and published; followers wait on it.
    pub durable: Watermark,
}

impl Published {
    /// Publishes a first snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        let durable = Watermark::new(snapshot.next_seq);
        Self { current: Swap::new(Arc::new(snapshot)), change: Mutex::new(()), durable }
    }

    /// The newest snapshot.
    pub fn load(&self) -> Arc<Snapshot> {
        self.current.load()
    }

    /// Publishes what `change` makes of the newest snapshot, then moves the durable watermark to its end.
    pub fn update(&self, change: impl FnOnce(&mut Snapshot)) {
        let _changing = self.change.lock();
        let mut next = Snapshot::clone(&self.current.load());
        change(&mut next);
        let next_seq = next.next_seq;
        self.current.store(Arc::new(next));
        self.durable.advance(next_seq);
    }
}
