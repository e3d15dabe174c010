//! Checks every byte of a run: checksums, order, completeness, and that it is the one encoding of what it holds.
//!
//! Reads check what they touch; this checks that columns, rows and zones agree with each other, which no read needs.
//! Whether postings agree with the records is for the engine, which has both.

use roaring::RoaringBitmap;

use crate::columns::{COLUMN_COUNT, COLUMNS, ColumnKind};
use crate::layout::{LEAF_ROWS_MAX, LEAF_ZONES_MAX, LIST_ROWS_MAX, LeafEntry, LeafKind};
use crate::leaf::{Damage, Leaf};
use crate::reader::{ROWS_SLOT, RunReader, ZONES_SLOT, damaged};
use crate::zones::{read_zones, write_zones};
use crate::{FINGERPRINT_BITS, IndexError, Postings};

impl RunReader<'_> {
    /// Verifies the whole run; touches every byte.
    ///
    /// # Errors
    /// The first damage or contradiction found.
    pub fn verify(&self) -> Result<(), IndexError> {
        for slot in 0..=ZONES_SLOT {
            for number in self.leaves_of(slot) {
                self.leaf_bytes(number, &self.entry(number)?, true)?;
            }
        }
        let present = self.verify_rows()?;
        for slot in 0..COLUMN_COUNT {
            self.verify_column(slot, &present)?;
        }
        self.verify_zones(&present)
    }

    fn verify_rows(&self) -> Result<RoaringBitmap, IndexError> {
        let mut present = RoaringBitmap::new();
        for number in self.leaves_of(ROWS_SLOT) {
            let (entry, leaf) = self.leaf(number)?;
            let checked = leaf.bitmap().and_then(|bitmap| leaf.is_strict().map(|strict| (bitmap, strict)));
            match checked {
                Ok((bitmap, true)) if bitmap.max() < Some(self.positions()) => present = bitmap,
                Ok(_) => return Err(damaged(&entry, "rows beyond the run, or not the one encoding")),
                Err(why) => return Err(damaged(&entry, why)),
            }
        }
        Ok(present)
    }

    fn verify_column(&self, slot: usize, present: &RoaringBitmap) -> Result<(), IndexError> {
        let kind = COLUMNS.get(slot).map(|column| column.kind);
        let mut seen = RoaringBitmap::new();
        let mut last_key = None;
        let mut before: Option<LeafEntry> = None;
        for number in self.leaves_of(slot) {
            let (entry, leaf) = self.leaf(number)?;
            let found = verify_leaf(&entry, &leaf, &mut seen).map_err(|why| damaged(&entry, why))?;
            if last_key >= Some(found.first) {
                return Err(damaged(&entry, "keys do not ascend from leaf to leaf"));
            }
            let bits = match kind {
                Some(ColumnKind::Codes) => 8,
                Some(ColumnKind::Fingerprints) => FINGERPRINT_BITS,
                _ => 32,
            };
            if u64::from(found.last) >> bits != 0 {
                return Err(damaged(&entry, "key is out of range for its column"));
            }
            if before.is_some_and(|before| has_room(&before, &entry, found.first_rows)) {
                return Err(damaged(&entry, "leaf before was cut too early"));
            }
            last_key = Some(found.last);
            before = Some(entry);
        }
        match before {
            Some(entry) if seen != *present => Err(damaged(&entry, "a column does not have every row once")),
            _ => Ok(()),
        }
    }

    fn verify_zones(&self, present: &RoaringBitmap) -> Result<(), IndexError> {
        let head = *self.head();
        let mut times: Option<[i64; 4]> = None;
        let mut next = 0;
        let mut last: Option<LeafEntry> = None;
        for number in self.leaves_of(ZONES_SLOT) {
            let entry = self.entry(number)?;
            let bytes = self.leaf_bytes(number, &entry, false)?;
            let mut zones = Vec::new();
            read_zones(&entry, bytes, &mut zones).map_err(|why| damaged(&entry, why))?;
            let mut again = Vec::with_capacity(bytes.len());
            write_zones(&mut again, &zones);
            if again != bytes {
                return Err(damaged(&entry, "zones are not in their one encoding"));
            }
            if entry.first_key != next || last.is_some_and(|last| usize::from(last.keys) < LEAF_ZONES_MAX) {
                return Err(damaged(&entry, "zones do not follow each other, or their leaf was cut too early"));
            }
            for zone in &zones {
                let end = zone.first + zone.positions;
                if present.range_cardinality(zone.first..end) != u64::from(zone.rows) {
                    return Err(damaged(&entry, "a zone does not have the rows it says"));
                }
                let spread = zone.occurred_min < zone.occurred_max || zone.recorded_first < zone.recorded_last;
                if zone.rows == 1 && spread {
                    return Err(damaged(&entry, "a zone with one row has two times"));
                }
                if zone.rows > 0 {
                    let own = [zone.occurred_min, zone.occurred_max, zone.recorded_first, zone.recorded_last];
                    let [a, b, c, d] = times.unwrap_or(own);
                    times = Some([a.min(own[0]), b.max(own[1]), c.min(own[2]), d.max(own[3])]);
                }
                next = end;
            }
            last = Some(entry);
        }
        let [a, b, c, d] = times.unwrap_or_default();
        if (head.occurred, head.recorded) != ((a, b), (c, d)) {
            return Err(IndexError::invalid("run head", "occurred_min", 24, "times are not those of the zones"));
        }
        Ok(())
    }
}

/// What a leaf turned out to hold.
struct Found {
    first: u32,
    first_rows: usize,
    last: u32,
}

/// Walks a leaf: keys ascend, positions ascend by key, no position twice in the column, counts as the table says.
fn verify_leaf(entry: &LeafEntry, leaf: &Leaf<'_>, seen: &mut RoaringBitmap) -> Result<Found, Damage> {
    let (mut rows, mut keys, mut own_rows, mut first_rows) = (0_u32, 0_u32, 0_usize, 0_usize);
    let mut last: Option<(u32, u16)> = None;
    let mut problem = None;
    leaf.walk(|key, position| {
        if last.is_some_and(|last| last >= (key, position)) {
            problem = Some("keys or positions do not ascend");
        }
        if last.is_none_or(|(before, _)| before != key) {
            keys += 1;
            own_rows = 0;
        }
        own_rows += 1;
        if own_rows > LIST_ROWS_MAX && entry.kind != LeafKind::Bitmap {
            problem = Some("a key with more than 4,096 rows is not a bitmap");
        }
        if keys == 1 {
            first_rows = own_rows;
        }
        rows += 1;
        if !seen.insert(u32::from(position)) {
            problem = Some("a row has two keys of one column");
        }
        last = Some((key, position));
    })?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    if rows != entry.count || keys != u32::from(entry.keys) {
        return Err("a leaf does not hold what its counts say");
    }
    if entry.kind == LeafKind::Bitmap && first_rows <= LIST_ROWS_MAX {
        return Err("a key with at most 4,096 rows is a bitmap");
    }
    if keys > 1 && rows as usize > LEAF_ROWS_MAX {
        return Err("a leaf of several keys has more than 2,048 rows");
    }
    let Some((last_key, _)) = last else { return Err("a leaf is empty") };
    let mut in_order = entry.first_key;
    if leaf.counts(|key, _| in_order = in_order.max(key)).is_err() || in_order != last_key {
        return Err("boundaries do not agree with the keys");
    }
    if !leaf.is_strict()? || !leaf.ends_with(last_key) {
        return Err("not the one encoding of what it holds");
    }
    let first = leaf.first_key();
    if leaf.count_of(first)? != first_rows as u64 {
        return Err("first key is not that of the table");
    }
    Ok(Found { first, first_rows, last: last_key })
}

/// Whether the next leaf's first key would still have fitted into the leaf before.
fn has_room(before: &LeafEntry, next: &LeafEntry, first_rows: usize) -> bool {
    let shared = before.kind != LeafKind::Bitmap && next.kind != LeafKind::Bitmap;
    shared && before.count as usize + first_rows <= LEAF_ROWS_MAX
}
