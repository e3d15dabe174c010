//! A skewed workload like the reference one, as keys: what a segment's columns look like to the index.

use std::sync::Arc;

use indelible_index::{KeyChunk, KeyChunkBuilder, RowKeys, fingerprint};

use super::model::Rng;

/// Zipf-like ranks with exponent 1 by inverse of the harmonic sum.
pub struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    pub fn new(values: usize) -> Self {
        let sums = (1..=values)
            .scan(0.0, |sum, rank| {
                *sum += 1.0 / rank as f64;
                Some(*sum)
            })
            .collect();
        Self { sums }
    }

    pub fn draw(&self, rng: &mut Rng) -> u64 {
        let total = self.sums.last().copied().unwrap_or(1.0);
        let wanted = (rng.next() >> 11) as f64 / (1_u64 << 53) as f64 * total;
        self.sums.partition_point(|sum| *sum < wanted) as u64
    }
}

/// Term ordinals in order of first use, as a segment gives them out.
#[derive(Default)]
struct Terms(std::collections::HashMap<u64, u32>);

impl Terms {
    fn key(&mut self, value: u64) -> u32 {
        let next = self.0.len() as u32 + 1;
        *self.0.entry(value).or_insert(next)
    }
}

/// Chunks of full frames over `rows` events of one segment, the first at ordinal 0.
pub fn chunks(rows: usize) -> Vec<Arc<KeyChunk>> {
    let mut rng = Rng(2026);
    let zipfs = [50, 200, 10, 120, 30, 2_000, 100_000].map(Zipf::new);
    let mut terms: [Terms; 8] = Default::default();
    let mut chunks = Vec::new();
    let mut correlations: Vec<(u64, u64, u64)> = Vec::new();
    let mut recorded = 1_760_000_000_000_000_000_i64;
    let gap = 30 * 86_400 * 1_000_000_000 / 1_000_000;
    let mut builder = KeyChunkBuilder::new(0);
    for number in 0..rows {
        recorded += rng.below(2 * gap) as i64;
        // About forty sessions are busy at a time; each makes five events under one correlation id.
        if correlations.len() < 40 {
            correlations.push((rng.next(), rng.below(20_000), 5));
        }
        let busy = rng.below(correlations.len() as u64) as usize;
        let (correlation, session, left) = correlations[busy];
        correlations[busy].2 = left - 1;
        if left == 1 {
            correlations.swap_remove(busy);
        }
        let severity = match rng.below(100) {
            0 => 3,
            1..=9 => 2,
            _ => 1,
        };
        let outcome = if rng.below(100) < 95 { 1 } else { 2 + rng.below(3) as u32 };
        let draws = zipfs.each_ref().map(|zipf| zipf.draw(&mut rng));
        let [workspace, lane, service, action, target_type, actor, target] = draws;
        let row = RowKeys {
            keys: [
                terms[0].key(workspace),
                terms[1].key(lane),
                terms[2].key(service),
                terms[3].key(action),
                severity,
                outcome,
                1 + rng.below(4) as u32,
                terms[4].key(target_type),
                terms[5].key(actor),
                terms[6].key(target),
                terms[7].key(session),
                fingerprint(&number.to_le_bytes()).get(),
                fingerprint(&correlation.to_le_bytes()).get(),
                1,
            ],
            occurred: recorded - rng.below(2_000_000_000) as i64,
            recorded,
        };
        builder.push_row(&row).expect("a chunk has room for 128");
        if (number + 1) % 128 == 0 || number + 1 == rows {
            let full = std::mem::replace(&mut builder, KeyChunkBuilder::new(number as u32 + 1));
            chunks.push(Arc::new(full.finish().expect("not empty")));
        }
    }
    chunks
}
