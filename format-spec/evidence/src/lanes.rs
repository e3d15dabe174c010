//! Many B3 of equal padded length side by side: the one file that uses BLAKE3's hidden lane interface.
//!
//! ```text
//! inputs: [each bytes][each bytes][each bytes] ...   ->  out: hash, hash, hash, ...     up to 16 in step
//! ```
//!
//! An input of at most 1,024 bytes is a single BLAKE3 chunk, so its hash is a chain of block compressions that only differ
//! in flags: first block CHUNK_START, last block CHUNK_END and ROOT, all of them DERIVE_KEY_MATERIAL under the context's
//! key. `Platform::hash_many` runs such chains in SIMD lanes: about ten times the speed of one small input after another.
//!
//! Invariants: results equal [`crate::hash::b3`], which is the oracle in tests and the path for longer inputs. The interface
//! is not covered by semantic versioning: the crate's version is pinned exactly, and the tests decide about another.

use std::sync::OnceLock;

use blake3::IncrementCounter;
use blake3::platform::{Platform, words_from_le_bytes_32};

use crate::hash::{BLOCK, Hash, Purpose, b3};

/// Longest padded input that the lanes take: one BLAKE3 chunk.
pub(crate) const LANE_BYTES_MAX: usize = blake3::CHUNK_LEN;

/// Inputs handed to the lanes in one call: enough to fill the widest lanes several times over.
const BATCH: usize = 64;

const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;
const DERIVE_KEY_MATERIAL: u8 = 1 << 6;

/// Appends to `out` the B3 of every `each` bytes of `inputs`.
///
/// `each` is a multiple of 64 (inputs are padded already) and above zero; bytes after the last whole input are ignored.
/// Above 1,024 the plain path is taken.
pub(crate) fn b3_many(purpose: Purpose, inputs: &[u8], each: usize, out: &mut Vec<Hash>) {
    debug_assert!(each > 0 && each.is_multiple_of(BLOCK), "inputs are padded to blocks");
    match each / BLOCK {
        1 => lanes::<64>(purpose, inputs, out),
        2 => lanes::<128>(purpose, inputs, out),
        3 => lanes::<192>(purpose, inputs, out),
        4 => lanes::<256>(purpose, inputs, out),
        5 => lanes::<320>(purpose, inputs, out),
        6 => lanes::<384>(purpose, inputs, out),
        7 => lanes::<448>(purpose, inputs, out),
        8 => lanes::<512>(purpose, inputs, out),
        9 => lanes::<576>(purpose, inputs, out),
        10 => lanes::<640>(purpose, inputs, out),
        11 => lanes::<704>(purpose, inputs, out),
        12 => lanes::<768>(purpose, inputs, out),
        13 => lanes::<832>(purpose, inputs, out),
        14 => lanes::<896>(purpose, inputs, out),
        15 => lanes::<960>(purpose, inputs, out),
        16 => lanes::<1024>(purpose, inputs, out),
        _ => out.extend(inputs.chunks_exact(each.max(1)).map(|input| b3(purpose, input))),
    }
}

fn lanes<const N: usize>(purpose: Purpose, inputs: &[u8], out: &mut Vec<Hash>) {
    static PLATFORM: OnceLock<Platform> = OnceLock::new();
    let platform = PLATFORM.get_or_init(Platform::detect);
    let key = words_from_le_bytes_32(purpose.context_key());
    let (inputs, _) = inputs.as_chunks::<N>();
    let start = out.len();
    out.resize(start + inputs.len(), [0u8; 32]);
    let results = out.get_mut(start..).unwrap_or_default();
    for (batch, hashes) in inputs.chunks(BATCH).zip(results.chunks_mut(BATCH)) {
        let Some(first) = batch.first() else { continue };
        let mut pointers = [first; BATCH];
        for (pointer, input) in pointers.iter_mut().zip(batch) {
            *pointer = input;
        }
        let hash = |pointers: &[&[u8; N]], hashes: &mut [Hash]| {
            let out = hashes.as_flattened_mut();
            let (start, end) = (CHUNK_START, CHUNK_END | ROOT);
            platform.hash_many(pointers, &key, 0, IncrementCounter::No, DERIVE_KEY_MATERIAL, start, end, out);
        };
        let used = fill_lanes(batch.len(), platform.simd_degree());
        if used == batch.len() {
            hash(pointers.get(..used).unwrap_or_default(), hashes);
            continue;
        }
        let mut padded = [[0u8; 32]; BATCH];
        hash(pointers.get(..used).unwrap_or_default(), &mut padded);
        for (place, hash) in hashes.iter_mut().zip(padded) {
            *place = hash;
        }
    }
}

/// Inputs to hash for `count` wanted ones: a last step that is not full runs in narrower lanes, which takes several times
/// as long as filling it up with copies of the first input. A single one is left alone.
fn fill_lanes(count: usize, degree: usize) -> usize {
    let filled = count.next_multiple_of(degree.max(1));
    if count % degree.max(1) == 1 || filled > BATCH { count } else { filled }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize, seed: usize) -> Vec<u8> {
        (0..length).map(|i| (i.wrapping_mul(31) ^ seed.wrapping_mul(2_654_435_761) ^ (i >> 5)) as u8).collect()
    }

    #[test]
    fn lanes_equal_the_plain_path_at_every_length_and_count() {
        for each in (64..=1_024).step_by(64).chain([1_088, 4_096]) {
            for count in 0..=40 {
                let inputs = bytes(each * count, each + count);
                let mut hashes = vec![[7u8; 32]];
                b3_many(Purpose::Group, &inputs, each, &mut hashes);
                let plain: Vec<Hash> = inputs.chunks(each).map(|input| b3(Purpose::Group, input)).collect();
                assert_eq!(hashes.split_first(), Some((&[7u8; 32], &plain[..])), "{count} inputs of {each} bytes");
            }
        }
    }

    #[test]
    fn lanes_know_every_purpose_and_more_than_one_batch() {
        for purpose in Purpose::ALL {
            let inputs = bytes(64 * 200, 9);
            let mut hashes = Vec::new();
            b3_many(purpose, &inputs, 64, &mut hashes);
            let plain: Vec<Hash> = inputs.chunks(64).map(|input| b3(purpose, input)).collect();
            assert_eq!(hashes, plain, "{purpose:?}");
        }
    }
}
