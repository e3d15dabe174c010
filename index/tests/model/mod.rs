//! The naive model: rows as plain values, a filter decided row by row, random rows and filters from a seed.
#![allow(dead_code, reason = "each test binary uses a part of the model")]

use std::sync::Arc;

use indelible_index::{COLUMN_COUNT, COLUMNS, ColumnKind, Filter, KeyChunk, KeyChunkBuilder, RowKeys, column_of};

/// A small generator (splitmix64), so that a seed is all a failure needs.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `limit - 1`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// Rows by position; `None` where the record was removed.
pub struct Model {
    pub first_ordinal: u32,
    pub rows: Vec<Option<RowKeys>>,
    pub chunks: Vec<Arc<KeyChunk>>,
}

/// Distinct values of a column in random rows: constants, few, skewed and many, so that every leaf form occurs.
fn random_key(rng: &mut Rng, slot: usize, shape: u64) -> u32 {
    let limit = match (COLUMNS[slot].kind, (slot as u64 + shape) % 5) {
        (_, 0) => 1,
        (ColumnKind::Codes, _) => 5,
        (_, 1) => 3,
        (_, 2) => 60,
        (_, 3) => 3000,
        (_, _) => 1 << 23,
    };
    let draw = rng.below(limit);
    (if slot.is_multiple_of(2) { draw.min(rng.below(limit)) } else { draw }) as u32 + (shape % 2) as u32
}

pub fn random_model(seed: u64, positions: usize, removed_in_100: u64) -> Model {
    let mut rng = Rng(seed);
    let first_ordinal = rng.below(3) as u32 * 65_536;
    let shape = rng.below(5);
    let mut recorded = 1_700_000_000_000_000_000_i64;
    let rows = (0..positions)
        .map(|_| {
            recorded += rng.below(2_000_000) as i64;
            let mut row =
                RowKeys { occurred: recorded - rng.below(500_000_000) as i64, recorded, ..RowKeys::default() };
            for slot in 0..COLUMN_COUNT {
                row.keys[slot] = random_key(&mut rng, slot, shape);
            }
            (rng.below(100) >= removed_in_100).then_some(row)
        })
        .collect();
    from_rows(first_ordinal, rows, seed)
}

/// A model of chunks that exist, every position with its row.
pub fn from_chunks(chunks: Vec<Arc<KeyChunk>>) -> Model {
    let rows = chunks.iter().flat_map(|chunk| (0..chunk.positions() as usize).map(move |at| row_of(chunk, at)));
    let rows = rows.map(Some).collect();
    Model { first_ordinal: chunks.first().map_or(0, |chunk| chunk.first_ordinal()), rows, chunks }
}

fn row_of(chunk: &KeyChunk, at: usize) -> RowKeys {
    let mut row = RowKeys { occurred: chunk.occurred()[at], recorded: chunk.recorded()[at], ..RowKeys::default() };
    for slot in 0..COLUMN_COUNT {
        row.keys[slot] = chunk.column(slot)[at];
    }
    row
}

/// Cuts rows into chunks of 1 to 128 positions (most of them full) as frames would be.
pub fn from_rows(first_ordinal: u32, rows: Vec<Option<RowKeys>>, seed: u64) -> Model {
    let mut rng = Rng(!seed);
    let mut chunks = Vec::new();
    let mut rest = rows.as_slice();
    let mut next = first_ordinal;
    while !rest.is_empty() {
        let len = if rng.below(4) == 0 { 1 + rng.below(128) as usize } else { 128 }.min(rest.len());
        let (now, later) = rest.split_at(len);
        let mut builder = KeyChunkBuilder::new(next);
        for row in now {
            match row {
                Some(row) => builder.push_row(row).expect("a chunk has room for 128"),
                None => builder.push_missing().expect("a chunk has room for 128"),
            }
        }
        chunks.push(Arc::new(builder.finish().expect("not empty")));
        next += len as u32;
        rest = later;
    }
    Model { first_ordinal, rows, chunks }
}

/// [IDX-1] Whether a hit on a fingerprint is the value that was asked for: any answer must lie within the bounds.
fn is_no_stranger(row: &RowKeys) -> bool {
    row.occurred % 3 != 0
}

pub fn matches(filter: &Filter, ordinal: u32, row: &RowKeys) -> bool {
    let key = |field: u8| row.keys[column_of(field).expect("indexed").0];
    let within = |time: i64, from: &Option<i64>, to: &Option<i64>| {
        from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to)
    };
    match filter {
        Filter::All => true,
        Filter::Nothing => false,
        Filter::Key { field, keys } => {
            let fingerprint = column_of(*field).expect("indexed").1.kind == ColumnKind::Fingerprints;
            keys.contains(&key(*field)) && (!fingerprint || key(*field) == 0 || is_no_stranger(row))
        }
        Filter::Present { field } => key(*field) != 0,
        Filter::Occurred { from, to } => within(row.occurred, from, to),
        Filter::Recorded { from, to } => within(row.recorded, from, to),
        Filter::Ordinals { from, to } => (*from..*to).contains(&ordinal),
        Filter::And(all) => all.iter().all(|filter| matches(filter, ordinal, row)),
        Filter::Or(any) => any.iter().any(|filter| matches(filter, ordinal, row)),
        Filter::Not(filter) => !matches(filter, ordinal, row),
    }
}

/// Positions that match.
pub fn truth(model: &Model, filter: &Filter) -> roaring::RoaringBitmap {
    (0_u32..)
        .zip(&model.rows)
        .filter(|(position, row)| row.is_some_and(|row| matches(filter, model.first_ordinal + position, &row)))
        .map(|(position, _)| position)
        .collect()
}

/// What a filter asks of times and fingerprints: where answers need not be exact.
pub fn asks(filter: &Filter) -> (bool, bool) {
    match filter {
        Filter::Occurred { .. } | Filter::Recorded { .. } => (true, false),
        Filter::Key { field, .. } => (false, column_of(*field).expect("indexed").1.kind == ColumnKind::Fingerprints),
        Filter::And(filters) | Filter::Or(filters) => {
            filters.iter().map(asks).fold((false, false), |(a, b), (c, d)| (a | c, b | d))
        }
        Filter::Not(filter) => asks(filter),
        _ => (false, false),
    }
}

pub fn random_filter(rng: &mut Rng, model: &Model, depth: u64) -> Filter {
    let some_row = |rng: &mut Rng| {
        let row = model.rows[rng.below(model.rows.len() as u64) as usize];
        row.unwrap_or_default()
    };
    match rng.below(if depth == 0 { 7 } else { 11 }) {
        0 => [Filter::All, Filter::Nothing][rng.below(2) as usize].clone(),
        1..=3 => {
            let slot = rng.below(COLUMN_COUNT as u64) as usize;
            let count = [0, 1, 1, 1, 2, 5, 12, 40, 400][rng.below(9) as usize];
            let keys = (0..count)
                .map(|_| if rng.below(8) == 0 { rng.below(1 << 24) as u32 } else { some_row(rng).keys[slot] })
                .collect();
            Filter::Key { field: COLUMNS[slot].field, keys }
        }
        4 => Filter::Present { field: COLUMNS[rng.below(COLUMN_COUNT as u64) as usize].field },
        5 => {
            let (a, b) = (some_row(rng), some_row(rng));
            let ends = |a, b, rng: &mut Rng| ((rng.below(4) > 0).then_some(a), (rng.below(4) > 0).then_some(b));
            if rng.below(2) == 0 {
                let (from, to) = ends(a.occurred, b.occurred, rng);
                Filter::Occurred { from, to }
            } else {
                let (from, to) = ends(a.recorded, b.recorded, rng);
                Filter::Recorded { from, to }
            }
        }
        6 => {
            let at = |rng: &mut Rng| {
                (model.first_ordinal + rng.below(model.rows.len() as u64 * 5 / 4 + 2) as u32).saturating_sub(3)
            };
            Filter::Ordinals { from: at(rng), to: at(rng) }
        }
        7 | 8 => Filter::And((0..rng.below(4)).map(|_| random_filter(rng, model, depth - 1)).collect()),
        9 => Filter::Or((0..rng.below(4)).map(|_| random_filter(rng, model, depth - 1)).collect()),
        _ => Filter::Not(Box::new(random_filter(rng, model, depth - 1))),
    }
}
