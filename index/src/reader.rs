//! Reads a run in place: head and leaf table are checked when it is opened, a leaf when it is first touched.
//!
//! ```text
//! RunReader::open(bytes) -> OpenedRun { head, where each column's leaves are, which leaves were checked } (shareable)
//! RunReader::resume(bytes, opened)      the same run again, without any of that work
//! ```
//!
//! The set of checked leaves only ever gains bits and a lost one costs a second check, so relaxed atomics are enough for
//! readers on several threads. It is no evidence: a map whose file is damaged after the first touch is not checked again;
//! `verify` checks every byte every time.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::IndexError;
use crate::columns::{COLUMN_COUNT, COLUMNS};
use crate::layout::{
    ENTRY_BYTES, HEAD_BYTES, LEAF_BYTES_MAX, LEAF_ZONES_MAX, LeafEntry, LeafKind, ROWS_COLUMN, RUN_POSITIONS_MAX,
    RUN_VERSION, ZONES_COLUMN,
};
use crate::leaf::{Damage, Leaf};

const HEAD: &str = "run head";
const TABLE: &str = "leaf table";

/// Slots of the leaf table: the columns, then rows, then zones.
pub(crate) const ROWS_SLOT: usize = COLUMN_COUNT;
pub(crate) const ZONES_SLOT: usize = COLUMN_COUNT + 1;
const SLOTS: usize = COLUMN_COUNT + 2;

/// The values of a run's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunHead {
    pub first_ordinal: u32,
    pub positions: u32,
    pub rows: u32,
    pub leaves: u32,
    pub occurred: (i64, i64),
    pub recorded: (i64, i64),
    table_crc: u32,
}

/// What is known of a run once it was opened: kept by the caller, shared by all readers of the same bytes.
#[derive(Debug)]
pub struct OpenedRun {
    head: RunHead,
    head_bytes: [u8; HEAD_BYTES],
    length: usize,
    /// Leaf number at which each slot begins, and one past the last.
    starts: [u32; SLOTS + 1],
    checked: Box<[AtomicU64]>,
}

/// A run read in place.
#[derive(Debug, Clone)]
pub struct RunReader<'a> {
    bytes: &'a [u8],
    opened: Arc<OpenedRun>,
}

impl<'a> RunReader<'a> {
    /// Opens a run's payload: checks head and leaf table, touches no leaf.
    ///
    /// # Errors
    /// Truncation, another version, damage or contradictions in head or table.
    pub fn open(bytes: &'a [u8]) -> Result<Self, IndexError> {
        Ok(Self { bytes, opened: Arc::new(OpenedRun::new(bytes)?) })
    }

    /// Reads the same payload again, with what was learned when it was opened.
    ///
    /// # Errors
    /// [`IndexError::Invalid`] where the bytes are not those that were opened.
    pub fn resume(bytes: &'a [u8], opened: Arc<OpenedRun>) -> Result<Self, IndexError> {
        if bytes.len() != opened.length || !bytes.starts_with(&opened.head_bytes) {
            return Err(IndexError::invalid(HEAD, "crc", HEAD_BYTES - 4, "not the run that was opened before"));
        }
        Ok(Self { bytes, opened })
    }

    /// First ordinal and positions of a run, from its first [`RunReader::HEAD_BYTES`] bytes alone.
    ///
    /// # Errors
    /// As [`RunReader::open`], of the head.
    pub fn covers(head: &[u8]) -> Result<(u32, u32), IndexError> {
        let (head, _) = RunHead::read(head)?;
        Ok((head.first_ordinal, head.positions))
    }

    /// Bytes that [`RunReader::covers`] needs.
    pub const HEAD_BYTES: usize = HEAD_BYTES;

    /// What [`RunReader::resume`] takes.
    #[must_use]
    pub fn opened(&self) -> Arc<OpenedRun> {
        Arc::clone(&self.opened)
    }

    pub(crate) fn head(&self) -> &RunHead {
        &self.opened.head
    }

    /// Payload bytes of each column's leaves with their entries: (name, bytes), rows and zones last.
    #[must_use]
    pub fn sizes(&self) -> Vec<(&'static str, u64)> {
        let names = COLUMNS.iter().map(|column| column.name).chain(["rows", "zones"]);
        names
            .enumerate()
            .map(|(slot, name)| {
                let leaves = self.leaves_of(slot).filter_map(|number| self.entry(number).ok());
                (name, leaves.map(|entry| u64::from(entry.length) + ENTRY_BYTES as u64).sum())
            })
            .collect()
    }

    /// Numbers of a slot's leaves.
    pub(crate) fn leaves_of(&self, slot: usize) -> Range<u32> {
        match self.opened.starts.get(slot..slot + 2) {
            Some([from, to]) => *from..*to,
            _ => 0..0,
        }
    }

    pub(crate) fn entry(&self, number: u32) -> Result<LeafEntry, IndexError> {
        entry_at(self.bytes, number)
    }

    /// Number of the leaf that holds a key of a slot, if any does.
    pub(crate) fn leaf_for(&self, slot: usize, key: u32) -> Result<Option<u32>, IndexError> {
        let Range { start, end } = self.leaves_of(slot);
        let (mut low, mut high) = (start, end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entry(middle)?.first_key <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.checked_sub(1).filter(|number| *number >= start))
    }

    /// A leaf's bytes, their checksum checked the first time (every time where `always`).
    pub(crate) fn leaf_bytes(&self, number: u32, entry: &LeafEntry, always: bool) -> Result<&'a [u8], IndexError> {
        let (offset, length) = (entry.offset as usize, usize::from(entry.length));
        let bytes = self.bytes.get(offset..offset + length).ok_or(IndexError::Truncated {
            structure: "leaf",
            field: "bytes",
            offset: u64::from(entry.offset),
            needed: length as u64,
            left: self.bytes.len().saturating_sub(offset) as u64,
        })?;
        let checked = self.opened.checked.get(number as usize / 64);
        let bit = 1_u64 << (number % 64);
        if always || checked.is_none_or(|word| word.load(Ordering::Relaxed) & bit == 0) {
            let computed = crc32fast::hash(bytes);
            if computed != entry.crc {
                return Err(IndexError::Checksum {
                    structure: "leaf",
                    offset: u64::from(entry.offset),
                    found: entry.crc,
                    computed,
                });
            }
            if let Some(word) = checked {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(bytes)
    }

    /// A leaf of postings.
    pub(crate) fn leaf(&self, number: u32) -> Result<(LeafEntry, Leaf<'a>), IndexError> {
        let entry = self.entry(number)?;
        let bytes = self.leaf_bytes(number, &entry, false)?;
        let leaf = Leaf::open(&entry, bytes).map_err(|why| damaged(&entry, why))?;
        Ok((entry, leaf))
    }
}

/// A leaf that cannot be what it says.
pub(crate) fn damaged(entry: &LeafEntry, why: Damage) -> IndexError {
    IndexError::invalid("leaf", "bytes", entry.offset as usize, why)
}

fn entry_at(bytes: &[u8], number: u32) -> Result<LeafEntry, IndexError> {
    let offset = HEAD_BYTES + number as usize * ENTRY_BYTES;
    let entry = bytes.get(offset..).and_then(|rest| rest.first_chunk()).and_then(LeafEntry::read);
    entry.ok_or_else(|| IndexError::invalid(TABLE, "kind", offset, "no such leaf, or no such kind of leaf"))
}

impl RunHead {
    fn read(bytes: &[u8]) -> Result<(Self, [u8; HEAD_BYTES]), IndexError> {
        let head = bytes.first_chunk::<HEAD_BYTES>().ok_or(IndexError::Truncated {
            structure: HEAD,
            field: "version",
            offset: 0,
            needed: HEAD_BYTES as u64,
            left: bytes.len() as u64,
        })?;
        let word = |at: usize| crate::packed::word_at(head, at);
        let version = word(0) as u16;
        if version != RUN_VERSION {
            return Err(IndexError::Version { found: version, reads: RUN_VERSION });
        }
        let (found, computed) = (word(60) as u32, crc32fast::hash(head.get(..60).unwrap_or(head)));
        if found != computed {
            return Err(IndexError::Checksum { structure: HEAD, offset: 0, found, computed });
        }
        let values = Self {
            first_ordinal: word(4) as u32,
            positions: word(8) as u32,
            rows: word(12) as u32,
            leaves: word(16) as u32,
            occurred: (word(24) as i64, word(32) as i64),
            recorded: (word(40) as i64, word(48) as i64),
            table_crc: word(56) as u32,
        };
        let refuse = |field, offset, why| Err(IndexError::invalid(HEAD, field, offset, why));
        if (word(0) >> 16) as u16 != 0 || word(20) as u32 != 0 {
            return refuse("reserved", 2, "reserved bytes are not zero");
        }
        if values.positions == 0 || values.positions as usize > RUN_POSITIONS_MAX {
            return refuse("positions", 8, "a run has 1 to 65,536 positions");
        }
        if values.first_ordinal.checked_add(values.positions).is_none() {
            return refuse("first_ordinal", 4, "the last ordinal is beyond 32 bits");
        }
        if values.rows > values.positions {
            return refuse("rows", 12, "more rows than positions");
        }
        if values.occurred.0 > values.occurred.1 || values.recorded.0 > values.recorded.1 {
            return refuse("occurred_min", 24, "an earliest time is after the latest");
        }
        Ok((values, *head))
    }
}

impl OpenedRun {
    fn new(bytes: &[u8]) -> Result<Self, IndexError> {
        let (head, head_bytes) = RunHead::read(bytes)?;
        let needed = u64::from(head.leaves) * ENTRY_BYTES as u64;
        let left = (bytes.len() - HEAD_BYTES) as u64;
        let truncated =
            IndexError::Truncated { structure: TABLE, field: "column", offset: HEAD_BYTES as u64, needed, left };
        if needed > left {
            return Err(truncated);
        }
        let table = bytes.get(HEAD_BYTES..HEAD_BYTES + needed as usize).ok_or(truncated)?;
        let computed = crc32fast::hash(table);
        if computed != head.table_crc {
            let found = head.table_crc;
            return Err(IndexError::Checksum { structure: TABLE, offset: HEAD_BYTES as u64, found, computed });
        }
        let starts = check_table(bytes, &head)?;
        let checked = (0..head.leaves.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { head, head_bytes, length: bytes.len(), starts, checked })
    }
}

fn slot_of(column: u8) -> Option<usize> {
    match column {
        ROWS_COLUMN => Some(ROWS_SLOT),
        ZONES_COLUMN => Some(ZONES_SLOT),
        field => COLUMNS.iter().position(|column| column.field == field),
    }
}

/// Checks that leaves lie in order without gaps to the end and that every column has all its rows; where slots begin.
fn check_table(bytes: &[u8], head: &RunHead) -> Result<[u32; SLOTS + 1], IndexError> {
    let mut starts = [head.leaves; SLOTS + 1];
    let mut counts = [0_u64; SLOTS];
    let mut next_offset = HEAD_BYTES + head.leaves as usize * ENTRY_BYTES;
    let mut last: Option<(usize, u32)> = None;
    for number in 0..head.leaves {
        let at = HEAD_BYTES + number as usize * ENTRY_BYTES;
        let refuse = |field, by: usize, why| IndexError::invalid(TABLE, field, at + by, why);
        let entry = entry_at(bytes, number)?;
        let slot = slot_of(entry.column).ok_or_else(|| refuse("column", 0, "no such column"))?;
        if last.is_some_and(|last| last >= (slot, entry.first_key)) {
            return Err(refuse("first_key", 4, "leaves do not ascend by column and key"));
        }
        if last.is_none_or(|(before, _)| before < slot) {
            let from = last.map_or(0, |(before, _)| before + 1);
            starts.iter_mut().take(slot + 1).skip(from).for_each(|start| *start = number);
        }
        check_kind(&entry, slot).map_err(|why| refuse("kind", 1, why))?;
        if entry.offset as usize != next_offset {
            return Err(refuse("offset", 8, "leaves do not follow each other without gaps"));
        }
        if entry.length == 0 || usize::from(entry.length) > LEAF_BYTES_MAX {
            return Err(refuse("length", 12, "a leaf has 1 to 16,384 bytes"));
        }
        next_offset += usize::from(entry.length);
        if let Some(count) = counts.get_mut(slot) {
            *count += u64::from(entry.count);
        }
        last = Some((slot, entry.first_key));
    }
    if next_offset != bytes.len() {
        let why = "leaves do not end where the payload does";
        return Err(IndexError::invalid(TABLE, "length", HEAD_BYTES, why));
    }
    let expected = |slot| u64::from(if slot == ZONES_SLOT { head.positions } else { head.rows });
    if counts.iter().enumerate().any(|(slot, count)| *count != expected(slot)) {
        return Err(IndexError::invalid(TABLE, "count", HEAD_BYTES, "a column does not have every row once"));
    }
    Ok(starts)
}

/// Whether a leaf of this kind may stand in this slot with these counts.
fn check_kind(entry: &LeafEntry, slot: usize) -> Result<(), Damage> {
    let keys = u32::from(entry.keys);
    if keys == 0 || keys > entry.count {
        return Err("a leaf has one key at least, and no key without a row");
    }
    let fits = match (slot, entry.kind) {
        (ZONES_SLOT, LeafKind::Zones) => keys as usize <= LEAF_ZONES_MAX,
        (ZONES_SLOT, _) | (_, LeafKind::Zones) => false,
        (ROWS_SLOT, kind) => kind == LeafKind::Bitmap && entry.first_key == 0 && keys == 1,
        (_, LeafKind::Bitmap) => keys == 1,
        (_, kind) => crate::layout::form_of(keys as usize, entry.count as usize) == kind,
    };
    if fits { Ok(()) } else { Err("a leaf of this kind cannot stand in this column with these counts") }
}
