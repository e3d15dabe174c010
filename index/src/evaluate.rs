//! Answers filters from a run: keys by binary search, time ranges by zones, and / or / not on bitmaps.
//!
//! ```text
//! And   cheapest branch first by an estimate from the leaf table; stops when nothing is left;
//!       Not inside And subtracts, its complement is never built
//! count single keys from boundaries of lists, the last branch of an And by intersection length
//! ```
//!
//! Filters nest as deep as the caller built them: whoever parses filters bounds their depth.

use roaring::RoaringBitmap;

use crate::columns::{ColumnKind, column_of};
use crate::layout::RUN_POSITIONS_MAX;
use crate::leaf::Leaf;
use crate::postings::{Overlap, overlap};
use crate::reader::{ROWS_SLOT, RunReader, ZONES_SLOT, damaged};
use crate::sequence::Window;
use crate::zones::read_zones;
use crate::{Bounds, Count, Filter, IndexError, Postings, Zone};

/// Keys of one leaf from which on all its entries are read once instead of looking up each key.
const SCAN_KEYS: usize = 24;

/// Rows of an And up to which each is looked for in the next branch's keys, instead of decoding these.
const PROBE_ROWS: u64 = 256;

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
            Filter::And(filters) if filters.len() > 1 => {
                let mut order = self.in_order(filters)?;
                let Some(largest) = order.pop() else { return exact(rows) };
                let first = self.all_of(&order)?;
                if first.is_nothing() {
                    return exact(0);
                }
                let last = self.bounds(largest)?;
                if first.is_exact() && last.is_exact() {
                    return exact(first.sure.intersection_len(&last.sure));
                }
                Ok(first.and(&last).count())
            }
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
    fn bounds(&self, filter: &Filter) -> Result<Bounds, IndexError> {
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
            Filter::And(filters) => self.all_of(&self.in_order(filters)?),
            Filter::Or(filters) => {
                filters.iter().try_fold(Bounds::default(), |bounds, filter| Ok(bounds.or(&self.bounds(filter)?)))
            }
            Filter::Not(inner) => Ok(self.bounds(inner)?.not(&self.present()?)),
        }
    }

    /// Branches of an And, those that are expected to leave the fewest rows first.
    fn in_order<'f>(&self, filters: &'f [Filter]) -> Result<Vec<&'f Filter>, IndexError> {
        let mut order = Vec::with_capacity(filters.len());
        for filter in filters {
            order.push((self.estimate(filter)?, filter));
        }
        order.sort_by_key(|(estimate, _)| *estimate);
        Ok(order.into_iter().map(|(_, filter)| filter).collect())
    }

    fn all_of(&self, order: &[&Filter]) -> Result<Bounds, IndexError> {
        let Some((first, rest)) = order.split_first() else { return Ok(Bounds::exact(self.present()?)) };
        let mut bounds = self.bounds(first)?;
        for filter in rest {
            if bounds.is_nothing() {
                break;
            }
            bounds = match filter {
                Filter::Key { field, keys } if bounds.is_exact() && bounds.sure.len() <= PROBE_ROWS => {
                    self.narrow(bounds.sure, *field, keys)?
                }
                Filter::Not(inner) => bounds.and_not(&self.bounds(inner)?),
                filter => bounds.and(&self.bounds(filter)?),
            };
        }
        Ok(bounds)
    }

    /// Those of a few rows that have one of the keys. What a large key has besides is not decoded.
    fn narrow(&self, rows: RoaringBitmap, field: u8, keys: &[u32]) -> Result<Bounds, IndexError> {
        let (slot, column) = column_of(field)?;
        let within: Vec<u16> = rows.iter().map(|row| row as u16).collect();
        let (mut sure, mut unsure) = (RoaringBitmap::new(), RoaringBitmap::new());
        self.by_leaf(slot, keys, |number, keys| {
            let (entry, leaf) = self.leaf(number)?;
            for key in keys {
                let checked = column.kind == ColumnKind::Fingerprints && *key != 0;
                let found = if checked { &mut unsure } else { &mut sure };
                let read = leaf.positions_within(*key, &within, |position| {
                    found.insert(u32::from(position));
                });
                read.map_err(|why| damaged(&entry, why))?;
            }
            Ok(())
        })?;
        Ok(Bounds { sure, unsure })
    }

    /// About how many rows match, from head and leaf table alone; an upper bound but for Not.
    fn estimate(&self, filter: &Filter) -> Result<u64, IndexError> {
        let rows = u64::from(self.rows());
        Ok(match filter {
            Filter::Nothing => 0,
            Filter::All | Filter::Present { .. } => rows,
            Filter::Key { field, keys } => {
                let (slot, _) = column_of(*field)?;
                let mut sum = 0;
                for key in keys {
                    if let Some(number) = self.leaf_for(slot, *key)? {
                        let entry = self.entry(number)?;
                        sum += (u64::from(entry.count) / u64::from(entry.keys.max(1))).max(1);
                    }
                }
                sum.min(rows)
            }
            Filter::Occurred { from, to } => self.estimate_time(*from, *to, self.head().occurred),
            Filter::Recorded { from, to } => self.estimate_time(*from, *to, self.head().recorded),
            Filter::Ordinals { from, to } => u64::from(to.saturating_sub(*from)).min(rows),
            Filter::And(filters) => {
                filters.iter().try_fold(rows, |least, filter| self.estimate(filter).map(|own| least.min(own)))?
            }
            Filter::Or(filters) => {
                let sum = filters.iter().try_fold(0, |sum, filter| self.estimate(filter).map(|own| own + sum))?;
                rows.min(sum)
            }
            Filter::Not(inner) => rows.saturating_sub(self.estimate(inner)?),
        })
    }

    fn estimate_time(&self, from: Option<i64>, to: Option<i64>, (min, max): (i64, i64)) -> u64 {
        match overlap(from, to, min, max) {
            Overlap::None => 0,
            Overlap::Some | Overlap::All => u64::from(self.rows()),
        }
    }

    /// Calls `each` for every leaf that may hold some of the keys, with those keys, ascending.
    fn by_leaf(
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
        if let [key] = keys {
            return self.rows_of_one(slot, *key);
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
            let read = if keys.len() < SCAN_KEYS {
                keys.iter().try_for_each(|key| leaf.positions_of(*key, |position| words.set(position)))
            } else {
                let mut wanted = keys.iter().copied().peekable();
                leaf.walk(|key, position| {
                    while wanted.next_if(|next| *next < key).is_some() {}
                    if wanted.peek() == Some(&key) {
                        words.set(position);
                    }
                })
            };
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
        let mut positions = Vec::new();
        leaf.positions_of(key, |position| positions.push(u32::from(position))).map_err(|why| damaged(&entry, why))?;
        RoaringBitmap::from_sorted_iter(positions).map_err(|_| damaged(&entry, "positions of a key do not ascend"))
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

/// A plain bit per position of a run.
struct Words(Box<[u64; RUN_POSITIONS_MAX / 64]>);

impl Words {
    fn new() -> Self {
        Self(Box::new([0; RUN_POSITIONS_MAX / 64]))
    }

    #[inline]
    fn set(&mut self, position: u16) {
        self.0[usize::from(position) / 64] |= 1 << (position % 64);
    }

    /// 1 where the position is set.
    #[inline]
    fn has(&self, position: u16) -> u64 {
        self.0[usize::from(position) / 64] >> (position % 64) & 1
    }

    fn add(&mut self, bitmap: &RoaringBitmap) {
        let mut positions = bitmap.range(..RUN_POSITIONS_MAX as u32);
        while let Some(range) = positions.next_range() {
            self.fill(*range.start() as usize, *range.end() as usize);
        }
    }

    /// Positions that are also in a plain bitmap.
    fn common(&self, bits: &[[u8; 8]]) -> u64 {
        let words = self.0.iter().zip(bits);
        words.map(|(word, bytes)| u64::from((word & u64::from_le_bytes(*bytes)).count_ones())).sum()
    }

    /// Adds a plain bitmap, a word of positions at a time.
    fn add_bits(&mut self, bits: &[[u8; 8]]) {
        for (word, bytes) in self.0.iter_mut().zip(bits) {
            *word |= u64::from_le_bytes(*bytes);
        }
    }

    /// Sets positions `first..=last`.
    fn fill(&mut self, first: usize, last: usize) {
        for index in first / 64..=last / 64 {
            let from = first.saturating_sub(index * 64).min(63);
            let to = (last - index * 64).min(63);
            if let Some(word) = self.0.get_mut(index) {
                *word |= (u64::MAX << from) & (u64::MAX >> (63 - to));
            }
        }
    }

    fn into_bitmap(self) -> RoaringBitmap {
        let bytes: Vec<u8> = self.0.iter().flat_map(|word| word.to_le_bytes()).collect();
        RoaringBitmap::from_lsb0_bytes(0, &bytes)
    }
}
