//! A draft: a record as a caller hands it over, encoded but without a place in the log; and the receipt for it.
//!
//! ```text
//! emit: Draft -> ring (ticket) -> writer: seq, recorded-at -> written -> durable
//!         `-> Receipt: waits on the writer's watermark over tickets; the cell tells the seq
//! ```
//!
//! Invariant: a cell is set before the watermark passes its ticket, so whoever waited finds it set.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indelible_evidence::record::{EnvelopeHead, GROUPS, Groups, GroupsWriter};
use indelible_evidence::schema::{Field, Kind};
use indelible_evidence::{FRAME_BYTES_MAX, FormatError};

use crate::error::{Error, Result};
use crate::spare;
use crate::watermark::{WaitOutcome, Watermark};

/// An encoded record without seq and recorded-at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    bytes: Vec<u8>,
    ends: [u32; GROUPS],
    /// Retention class.
    pub class: u16,
    /// Whether the writer first looks whether the same record, by event id and content, exists, and then stores nothing.
    pub once: bool,
    /// Whether occurred-at is to be set to recorded-at.
    pub stamp: bool,
}

impl Draft {
    /// A draft from groups that were written with `fill`.
    pub fn write(kind: Kind, occurred_at: Option<i64>, class: u16, fill: impl FnOnce(&mut GroupsWriter<'_>)) -> Self {
        let mut bytes = spare::take();
        let mut writer = GroupsWriter::new(&mut bytes, kind, occurred_at.unwrap_or(0));
        fill(&mut writer);
        let ends = writer.finish();
        Self { bytes, ends, class, once: false, stamp: occurred_at.is_none() }
    }

    /// A system record of class 0 with a JSON body.
    pub fn system(kind: Kind, log_id: &indelible_evidence::LogId, body: &str) -> Self {
        Self::write(kind, None, 0, |groups| {
            groups.text(Field::ACTION, &format!("log.{}", kind.name()));
            groups.code(Field::SEVERITY, 1);
            groups.code(Field::OUTCOME, 1);
            groups.code(Field::ACTOR_TYPE, 3);
            groups.text(Field::TARGET_TYPE, "log");
            groups.text(Field::ACTOR_ID, "indelible");
            groups.text(Field::TARGET_ID, &log_id.to_string());
            groups.text(Field::METADATA, body);
        })
    }

    /// A draft of nothing, which only wakes the writer.
    pub(crate) fn empty() -> Self {
        Self { bytes: Vec::new(), ends: [0; GROUPS], class: 0, once: false, stamp: false }
    }

    /// Bytes of the groups together.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none, which no valid draft has.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The groups.
    pub fn slices(&self) -> [&[u8]; GROUPS] {
        let mut start = 0;
        self.ends.map(|end| {
            let slice = self.bytes.get(start..end as usize).unwrap_or_default();
            start = end as usize;
            slice
        })
    }

    /// The groups, moved out; the draft is empty after it.
    pub(crate) fn take_groups(&mut self) -> Groups {
        Groups::from_parts(std::mem::take(&mut self.bytes), std::mem::take(&mut self.ends)).unwrap_or_default()
    }

    /// Sets occurred-at where the draft left it to the log.
    pub(crate) fn stamp_at(&mut self, recorded_at: i64) {
        if self.stamp
            && let Some(place) = self.bytes.get_mut(2..10)
        {
            place.copy_from_slice(&recorded_at.to_le_bytes());
        }
    }

    /// Whether two group-0 slices differ in nothing but occurred-at.
    pub(crate) fn same_but_for_time(one: &[u8], other: &[u8]) -> bool {
        one.get(..2) == other.get(..2) && one.get(10..) == other.get(10..)
    }

    /// Refuses what no frame can hold: in the journal it would wait for ever, and everything behind it. Debug builds refuse
    /// what is not canonical too; to decode every record would double the price of an emit.
    pub(crate) fn check_admissible(&self) -> Result<()> {
        if self.len() <= FRAME_BYTES_MAX {
            return if cfg!(debug_assertions) { self.check() } else { Ok(()) };
        }
        let why = format!("{} bytes, and a record may have at most {FRAME_BYTES_MAX}", self.len());
        Err(Error::Record(FormatError::invalid("record", "length", 0, why)))
    }

    /// Decodes everything once, so that only canonical records reach the disk.
    ///
    /// # Errors
    /// [`Error::Record`].
    pub fn check(&self) -> Result<()> {
        Groups::from_slices(self.slices()).check().map_err(Error::Record)
    }

    /// Kind code of the record.
    pub fn kind(&self) -> u8 {
        EnvelopeHead::decode(self.slices()[0]).map_or(0, |head| head.kind)
    }
}

/// How far a record has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Ack {
    /// In the ring: the writer will take it.
    Accepted,
    /// In the journal file, not yet synced.
    Written,
    /// Synced to the device.
    Durable,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stored at this seq.
    Stored(u64),
    /// The same record, with its event id and its content, was there already, at this seq; nothing was stored.
    Duplicate(u64),
    /// Stored at this seq, though its event id belongs to another record with other content: one of the two is not what it
    /// says it is. Only of records that were to be stored once.
    Conflict(u64),
}

impl Outcome {
    /// The seq of the record, stored now or before.
    pub fn seq(self) -> u64 {
        match self {
            Outcome::Stored(seq) | Outcome::Duplicate(seq) | Outcome::Conflict(seq) => seq,
        }
    }
}

const UNSET: u64 = u64::MAX;
const DUPLICATE: u64 = 1 << 63;
const CONFLICT: u64 = 1 << 62;

/// Cells that are allocated together, for records that one thread emits one after the other.
const CELLS: usize = 32;

/// Where the writer leaves a record's outcome: one place of a block that the thread's next records share, so that not every
/// emit allocates. A clone is the same cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    block: Arc<[AtomicU64; CELLS]>,
    /// Below [`CELLS`].
    at: usize,
}

thread_local! {
    /// The block that this thread takes cells from; those before `at` are given out.
    static NEXT: RefCell<Option<Cell>> = const { RefCell::new(None) };
}

impl Cell {
    /// A cell that is not set, and was never given out.
    pub(crate) fn new() -> Self {
        let next = NEXT.try_with(|next| {
            let mut next = next.try_borrow_mut().ok()?;
            let own = next.take().unwrap_or_else(Self::of_new_block);
            if own.at + 1 < CELLS {
                *next = Some(Self { block: Arc::clone(&own.block), at: own.at + 1 });
            }
            Some(own)
        });
        // A thread that is ending has no block any more.
        next.ok().flatten().unwrap_or_else(Self::of_new_block)
    }

    fn of_new_block() -> Self {
        Self { block: Arc::new([const { AtomicU64::new(UNSET) }; CELLS]), at: 0 }
    }

    pub(crate) fn set(&self, outcome: Outcome) {
        let value = match outcome {
            Outcome::Stored(seq) => seq,
            Outcome::Duplicate(seq) => seq | DUPLICATE,
            Outcome::Conflict(seq) => seq | CONFLICT,
        };
        // Release pairs with the Acquire in `get`; the watermark that waiters wait on is advanced after it anyway.
        if let Some(cell) = self.block.get(self.at) {
            cell.store(value, Ordering::Release);
        }
    }

    pub(crate) fn get(&self) -> Option<Outcome> {
        match self.block.get(self.at)?.load(Ordering::Acquire) {
            UNSET => None,
            value if value & DUPLICATE != 0 => Some(Outcome::Duplicate(value & !DUPLICATE)),
            value if value & CONFLICT != 0 => Some(Outcome::Conflict(value & !CONFLICT)),
            seq => Some(Outcome::Stored(seq)),
        }
    }
}

/// The writer's progress over tickets.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) written: Watermark,
    pub(crate) durable: Watermark,
}

/// Proof that an event was accepted; waits for more.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub(crate) ticket: u64,
    pub(crate) cell: Cell,
    pub(crate) progress: Arc<Progress>,
}

impl Receipt {
    /// Waits until the record has come as far as `ack`; `Accepted` returns at once without a seq.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after `deadline`; [`Error::Poisoned`] where a sync failed: whether it is durable is indeterminate.
    pub fn wait(&self, ack: Ack, deadline: Option<Instant>) -> Result<Option<Outcome>> {
        let watermark = match ack {
            Ack::Accepted => return Ok(self.outcome()),
            Ack::Written => &self.progress.written,
            Ack::Durable => &self.progress.durable,
        };
        match watermark.wait_for(self.ticket + 1, deadline) {
            WaitOutcome::Reached => Ok(self.outcome()),
            WaitOutcome::TimedOut => Err(Error::TimedOut { what: "the record to be stored" }),
            WaitOutcome::Poisoned => Err(Error::Poisoned { reason: "the writer stopped".to_owned() }),
        }
    }

    /// What became of the record, once the writer has taken it.
    pub fn outcome(&self) -> Option<Outcome> {
        self.cell.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_one_block_are_set_one_by_one() {
        let cells: Vec<Cell> = (0..CELLS * 3).map(|_| Cell::new()).collect();
        for (at, cell) in cells.iter().enumerate() {
            assert_eq!(cell.get(), None, "cell {at} was set before it was given out, or with another");
            let outcome = match at % 3 {
                0 => Outcome::Stored(at as u64),
                1 => Outcome::Duplicate(at as u64),
                _ => Outcome::Conflict(at as u64),
            };
            cell.clone().set(outcome);
            assert_eq!(cell.get(), Some(outcome));
        }
    }
}
