//! The commitments of a whole frame, written straight from the prose: one hash after the other, no lanes, no buffers.
//!
//! The oracle of the tests beside this file. It shares nothing with the pipeline but the context strings' wording.

use super::RecordRef;
use crate::descriptor::Hash;

/// Everything the prose names, by class and rank.
#[derive(Debug)]
pub(super) struct NaiveClass {
    pub class: u16,
    pub positions: Vec<usize>,
    pub keys: [Hash; 4],
    pub salts: Vec<[[u8; 16]; 4]>,
    pub g: Vec<[Hash; 4]>,
    pub leaves: Vec<Hash>,
    pub roots: [Hash; 4],
    /// Earliest and latest recorded-at, latest occurred-at, in seconds.
    pub times: [i64; 3],
}

pub(super) fn b3(purpose: &str, parts: &[&[u8]]) -> Hash {
    let mut input = parts.concat();
    while input.is_empty() || input.len() % 64 != 0 {
        input.push(0);
    }
    blake3::derive_key(&format!("indelible 2026-11 {purpose} v1"), &input)
}

fn tree(hashes: &[Hash]) -> Hash {
    if hashes.len() == 1 {
        return hashes[0];
    }
    let mut left = 1;
    while left * 2 < hashes.len() {
        left *= 2;
    }
    b3("node", &[&tree(&hashes[..left]), &tree(&hashes[left..])])
}

fn occurred_seconds(record: &RecordRef<'_>) -> i64 {
    let nanoseconds = i64::from_le_bytes(record.groups[0][2..10].try_into().unwrap());
    (nanoseconds as i128).div_euclid(1_000_000_000) as i64
}

fn class_of(records: &[RecordRef<'_>], class: u16, frame_salt_key: &Hash) -> NaiveClass {
    let positions: Vec<usize> = (0..records.len()).filter(|&position| records[position].class == class).collect();
    let keys = [0u8, 1, 2, 3].map(|k| b3("salt-key", &[frame_salt_key, &class.to_le_bytes(), &[k]]));
    let mut naive = NaiveClass {
        class,
        keys,
        salts: Vec::new(),
        g: Vec::new(),
        leaves: Vec::new(),
        roots: [[0; 32]; 4],
        times: [i64::MAX, i64::MIN, i64::MIN],
        positions: positions.clone(),
    };
    for (rank, &position) in positions.iter().enumerate() {
        let record = &records[position];
        let salts: [[u8; 16]; 4] =
            keys.map(|key| *b3("salt", &[&key, &(rank as u32).to_le_bytes()]).first_chunk().unwrap());
        let g = [0, 1, 2, 3].map(|k: usize| {
            let bytes = record.groups[k];
            b3("group", &[&salts[k], &[k as u8], &[0], &[0, 0], &(bytes.len() as u32).to_le_bytes(), bytes])
        });
        let occurred = occurred_seconds(record);
        let leaf: [&[u8]; 6] = [
            &record.seq.to_le_bytes(),
            &record.recorded_at.to_le_bytes(),
            &occurred.to_le_bytes(),
            &class.to_le_bytes(),
            &[0, 0, 0],
            &g[0],
        ];
        naive.salts.push(salts);
        naive.g.push(g);
        naive.leaves.push(b3("leaf", &leaf));
        let recorded = (record.recorded_at as i128).div_euclid(1_000_000_000) as i64;
        let [min, max, occurred_max] = naive.times;
        naive.times = [min.min(recorded), max.max(recorded), occurred_max.max(occurred)];
    }
    naive.roots = [0, 1, 2, 3].map(|k: usize| match k {
        0 => tree(&naive.leaves),
        _ => tree(&naive.g.iter().map(|g| g[k]).collect::<Vec<_>>()),
    });
    naive
}

/// Every class of a frame, ascending.
pub(super) fn classes(records: &[RecordRef<'_>], frame_salt_key: &Hash) -> Vec<NaiveClass> {
    let present: std::collections::BTreeSet<u16> = records.iter().map(|record| record.class).collect();
    present.into_iter().map(|class| class_of(records, class, frame_salt_key)).collect()
}

/// The frame root.
pub(super) fn frame_root(classes: &[NaiveClass]) -> Hash {
    let roots: Vec<&[u8]> = classes.iter().flat_map(|class| class.roots.iter().map(|root| &root[..])).collect();
    b3("frame", &roots)
}
