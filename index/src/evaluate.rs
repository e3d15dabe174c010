//! Answers filters from a run: keys by binary search, time ranges by zones, and / or / not on bitmaps.
//!
//! ```text
//! And   see `conjunction`
//! count single keys from boundaries of lists, the last branch of an And by intersection length
//! ```
//!
//! Filters nest as deep as the caller built them: whoever parses filters bounds their depth.

use roaring::RoaringBitmap;

use crate::columns::{ColumnKind, column_of};
use crate::few::{FEW_ROWS, bitmap_of, each_of_keys};
use crate::layout::RUN_POSITIONS_MAX;
use crate::leaf::Leaf;
use crate::postings::{Overlap, overlap};
use crate::reader::{ROWS_SLOT, RunReader, ZONES_SLOT, damaged};
use crate::sequence::Window;
use crate::words::Words;
use crate::zones::read_zones;
use crate::{Bounds, Count, Filter, IndexError, Postings, Zone};

/// Which of the two times.
#[derive(Debug, Clone, Copy)]
enum Clock {
    Occurred,
    Recorded,
}

impl Postings for RunReader<'_> {
    fn first_ordinal(&self) -> u32 {
        self.head().first_ordinal
    }

    fn positions(&self) -> u32 {
        self.head().positions
    }

    fn rows(&self) -> u32 {
        self.head().rows
    }

    fn present(&self) -> Result<RoaringBitmap, IndexError> {
        let head = self.head();
        if head.rows == head.positions {
            return Ok(range(0, head.positions));
        }
        match self.leaves_of(ROWS_SLOT).next() {
            Some(number) => self.bitmap(number),
            None => Ok(RoaringBitmap::new()),
        }
    }

    fn evaluate(&self, filter: &Filter) -> Result<Bounds, IndexError> {
        let bounds = self.bounds(filter)?;
        let last = bounds.sure.max().max(bounds.unsure.max());
        if last.is_some_and(|last| last >= self.positions()) {
            return Err(IndexError::invalid("leaf", "positions", 0, "a position lies beyond the run"));
        }
        Ok(bounds)
    }

    fn count(&self, filter: &Filter) -> Result<Count, IndexError> {
        let exact = |rows: u64| Ok(Count { sure: rows, maybe: rows });
        let rows = u64::from(self.rows());
        match filter {
            Filter::All => exact(rows),
            Filter::Nothing => exact(0),
            Filter::Key { field, keys } => self.count_keys(*field, keys),
            Filter::Present { field } => {
                let absent = self.count_keys(*field, &[0])?;
                exact(rows.saturating_sub(absent.sure))
            }
            Filter::Not(inner) => {
                let inner = self.count(inner)?;
                Ok(Count { sure: rows.saturating_sub(inner.maybe), maybe: rows.saturating_sub(inner.sure) })
            }
            Filter::And(filters) if filters.len() > 1 => self.count_all_of(filters),
            _ => Ok(self.evaluate(filter)?.count()),
        }
    }

    fn count_by(&self, field: u8, within: &RoaringBitmap) -> Result<Vec<(u32, u64)>, IndexError> {
        let (slot, _) = column_of(field)?;
        if self.present()?.is_subset(within) {
            return self.keys(field);
        }
        let mut words = Words::new();
        words.add(within);
        let window = window_of(within);
        let mut counts = Vec::new();
        for number in self.leaves_of(slot) {
            let (entry, leaf) = self.leaf(number)?;
            if let Leaf::Bitmap { key, .. } = leaf {
                let hits = match leaf.plain_bits() {
                    Some(bits) => words.common(bits),
                    None => self.bitmap(number)?.intersection_len(within),
                };
                if hits > 0 {
                    counts.push((key, hits));
                }
                continue;
            }
            if let Some(window) = &window {
                let has = |position| words.has(position);
                let counted = leaf.counts_in(window, &has, |key, count| counts.push((key, count)));
                if counted.map_err(|why| damaged(&entry, why))? {
                    continue;
                }
            }
            let mut own = (0_u32, 0_u64);
            let read = leaf.walk(|key, position| {
                if key != own.0 {
                    if own.1 > 0 {
                        counts.push(own);
                    }
                    own = (key, 0);
                }
                own.1 += words.has(position);
            });
            read.map_err(|why| damaged(&entry, why))?;
            if own.1 > 0 {
                counts.push(own);
            }
        }
        Ok(counts)
    }

    fn keys(&self, field: u8) -> Result<Vec<(u32, u64)>, IndexError> {
        let (slot, _) = column_of(field)?;
        let mut counts = Vec::new();
        for number in self.leaves_of(slot) {
            let (entry, leaf) = self.leaf(number)?;
            leaf.counts(|key, count| counts.push((key, count))).map_err(|why| damaged(&entry, why))?;
        }
        Ok(counts)
    }

    fn zones(&self) -> Result<Vec<Zone>, IndexError> {
        let mut zones = Vec::new();
        for number in self.leaves_of(ZONES_SLOT) {
            let entry = self.entry(number)?;
            let bytes = self.leaf_bytes(number, &entry, false)?;
            read_zones(&entry, bytes, &mut zones).map_err(|why| damaged(&entry, why))?;
        }
        Ok(zones)
    }
}

impl RunReader<'_> {
    pub(crate) fn bounds(&self, filter: &Filter) -> Result<Bounds, IndexError> {
        match filter {
            Filter::All => Ok(Bounds::exact(self.present()?)),
            Filter::Nothing => Ok(Bounds::default()),
            Filter::Key { field, keys } => self.key_bounds(*field, keys),
            Filter::Present { field } => {
                let absent = self.key_bounds(*field, &[0])?;
                Ok(Bounds::exact(self.present()? - absent.sure))
            }
            Filter::Occurred { from, to } => self.time_bounds(Clock::Occurred, *from, *to),
            Filter::Recorded { from, to } => self.time_bounds(Clock::Recorded, *from, *to),
            Filter::Ordinals { from, to } => {
                let first = self.first_ordinal();
                let asked = range(from.saturating_sub(first), to.saturating_sub(first).min(self.positions()));
                let whole = self.rows() == self.positions();
                Ok(Bounds::exact(if whole { asked } else { asked & self.present()? }))
            }
            Filter::And(filters) => self.all_of(filters),
            Filter::Or(filters) => {
                filters.iter().try_fold(Bounds::default(), |bounds, filter| Ok(bounds.or(&self.bounds(filter)?)))
            }
            Filter::Not(inner) => Ok(self.bounds(inner)?.not(&self.present()?)),
        }
    }

    /// Calls `each` for every leaf that may hold some of the keys, with those keys, ascending.
    pub(crate) fn by_leaf(
        &self,
        slot: usize,
        keys: &[u32],
        mut each: impl FnMut(u32, &[u32]) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut sorted = std::borrow::Cow::Borrowed(keys);
        if !keys.is_sorted_by(|a, b| a < b) {
            sorted.to_mut().sort_unstable();
            sorted.to_mut().dedup();
        }
        let end = self.leaves_of(slot).end;
        let mut rest: &[u32] = &sorted;
        while let Some(first) = rest.first() {
            let Some(number) = self.leaf_for(slot, *first)? else {
                // Below the smallest key of the column: no leaf can hold it.
                rest = rest.get(1..).unwrap_or(&[]);
                continue;
            };
            let here = if number + 1 < end {
                let next = self.entry(number + 1)?.first_key;
                rest.partition_point(|key| *key < next)
            } else {
                rest.len()
            };
            let (keys, later) = rest.split_at(here.max(1).min(rest.len()));
            each(number, keys)?;
            rest = later;
        }
        Ok(())
    }

    fn count_keys(&self, field: u8, keys: &[u32]) -> Result<Count, IndexError> {
        let (slot, column) = column_of(field)?;
        let checked = column.kind == ColumnKind::Fingerprints;
        let mut count = Count::default();
        self.by_leaf(slot, keys, |number, keys| {
            let (entry, leaf) = self.leaf(number)?;
            for key in keys {
                let rows = leaf.count_of(*key).map_err(|why| damaged(&entry, why))?;
                count.maybe += rows;
                count.sure += if checked && *key != 0 { 0 } else { rows };
            }
            Ok(())
        })?;
        Ok(count)
    }

    /// Rows that have one of the keys; hits on a fingerprint are unsure.
    fn key_bounds(&self, field: u8, keys: &[u32]) -> Result<Bounds, IndexError> {
        let (slot, column) = column_of(field)?;
        if column.kind != ColumnKind::Fingerprints {
            return Ok(Bounds::exact(self.rows_of(slot, keys)?));
        }
        let hashes: Vec<u32> = keys.iter().copied().filter(|key| *key != 0).collect();
        let absent: &[u32] = if hashes.len() < keys.len() { &[0] } else { &[] };
        Ok(Bounds { sure: self.rows_of(slot, absent)?, unsure: self.rows_of(slot, &hashes)? })
    }

    /// Rows that have one of the keys of a slot.
    fn rows_of(&self, slot: usize, keys: &[u32]) -> Result<RoaringBitmap, IndexError> {
        match keys {
            [] => return Ok(RoaringBitmap::new()),
            [key] => return self.rows_of_one(slot, *key),
            _ => {}
        }
        let expected = self.estimate_keys(slot, keys)?;
        if expected <= FEW_ROWS {
            return bitmap_of(&self.few_of(slot, keys, expected)?);
        }
        let mut words = Words::new();
        self.by_leaf(slot, keys, |number, keys| {
            let (entry, leaf) = self.leaf(number)?;
            if let Leaf::Bitmap { key, .. } = leaf {
                match leaf.plain_bits() {
                    _ if !keys.contains(&key) => {}
                    Some(bits) => words.add_bits(bits),
                    None => words.add(&self.bitmap(number)?),
                }
                return Ok(());
            }
            let read = each_of_keys(&leaf, keys, |position| words.set(position));
            read.map_err(|why| damaged(&entry, why))
        })?;
        Ok(words.into_bitmap())
    }

    fn rows_of_one(&self, slot: usize, key: u32) -> Result<RoaringBitmap, IndexError> {
        let Some(number) = self.leaf_for(slot, key)? else { return Ok(RoaringBitmap::new()) };
        let (entry, leaf) = self.leaf(number)?;
        if let Leaf::Bitmap { key: own, .. } = leaf {
            return if own == key { self.bitmap(number) } else { Ok(RoaringBitmap::new()) };
        }
        let mut rows = Vec::new();
        leaf.positions_of(key, |position| rows.push(position)).map_err(|why| damaged(&entry, why))?;
        bitmap_of(&rows)
    }

    /// Rows whose zone lies in the half-open time range for sure, or is cut by it.
    fn time_bounds(&self, clock: Clock, from: Option<i64>, to: Option<i64>) -> Result<Bounds, IndexError> {
        let (min, max) = match clock {
            Clock::Occurred => self.head().occurred,
            Clock::Recorded => self.head().recorded,
        };
        if self.rows() == 0 {
            return Ok(Bounds::default());
        }
        match overlap(from, to, min, max) {
            Overlap::None => return Ok(Bounds::default()),
            Overlap::All => return Ok(Bounds::exact(self.present()?)),
            Overlap::Some => {}
        }
        let mut bounds = Bounds::default();
        for zone in self.zones()?.iter().filter(|zone| zone.rows > 0) {
            let (min, max) = match clock {
                Clock::Occurred => (zone.occurred_min, zone.occurred_max),
                Clock::Recorded => (zone.recorded_first, zone.recorded_last),
            };
            let place = match overlap(from, to, min, max) {
                Overlap::None => continue,
                Overlap::All => &mut bounds.sure,
                Overlap::Some => &mut bounds.unsure,
            };
            place.insert_range(zone.first..zone.first.saturating_add(zone.positions));
        }
        if self.rows() < self.positions() {
            let present = self.present()?;
            bounds.sure &= &present;
            bounds.unsure &= &present;
        }
        Ok(bounds)
    }

    /// The bitmap of a bitmap leaf.
    fn bitmap(&self, number: u32) -> Result<RoaringBitmap, IndexError> {
        let (entry, leaf) = self.leaf(number)?;
        leaf.bitmap().map_err(|why| damaged(&entry, why))
    }
}

/// Shortest middle of a window for which it is worth to find where buckets begin.
const MIDDLE_MIN: u32 = 4_096;

/// What a time range leaves of a run it cuts is mostly one stretch: that stretch, if it is long, and what lies around it.
fn window_of(within: &RoaringBitmap) -> Option<Window> {
    let (from, last) = (within.min()?, within.max().filter(|last| *last < RUN_POSITIONS_MAX as u32)?);
    let mut ranges = within.iter();
    let mut longest = 0..0;
    while let Some(range) = ranges.next_range() {
        let (start, end) = (*range.start(), *range.end() + 1);
        if end - start > longest.end - longest.start {
            longest = start..end;
        }
    }
    (longest.end - longest.start >= MIDDLE_MIN).then_some(Window { from, middle: longest, last })
}

/// Positions `from..to`.
fn range(from: u32, to: u32) -> RoaringBitmap {
    let mut bitmap = RoaringBitmap::new();
    bitmap.insert_range(from..to.max(from));
    bitmap
}
