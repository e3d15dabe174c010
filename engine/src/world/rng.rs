//! Randomness as an argument: salts, keys and ids take their bytes from [`Rng`], never from the machine directly.
//!
//! ```text
//! OsRng      ── the operating system's generator: the only one fit for salts and keys
//! SeededRng  ── splitmix64 from a 64-bit seed: repeatable, NOT secret, for tests and simulation
//! ```
//!
//! Invariants: [`OsRng`] fills the whole buffer with unpredictable bytes or panics; it never returns fewer, and never
//! falls back to something weaker. [`SeededRng`] gives the same bytes for the same seed and the same sequence of
//! request lengths on every platform.
//!
//! Deliberately not here: distributions and shuffles, and any generator of our own for secrets.

use parking_lot::Mutex;

/// Where the engine takes random bytes from.
pub trait Rng: Send + Sync {
    /// Fills all of `out`.
    fn fill(&self, out: &mut [u8]);
}

/// The operating system's generator (`getrandom`).
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRng;

impl Rng for OsRng {
    /// # Panics
    /// When the operating system has no randomness to give. Going on with predictable salts would let erased records be
    /// guessed from their hashes, for ever and without anyone noticing; stopping is the only safe answer.
    fn fill(&self, out: &mut [u8]) {
        if let Err(error) = getrandom::fill(out) {
            panic!("the operating system gave no random bytes ({error}); refusing to go on with predictable salts");
        }
    }
}

/// A repeatable generator for tests and simulation.
///
/// **Not secret:** its whole output follows from 64 bits and can be recovered from any 8 bytes of it. A log whose salts
/// or keys came from it protects nothing.
///
/// ```
/// use indelible_engine::world::rng::{Rng, SeededRng};
///
/// let (mut a, mut b) = ([0; 12], [0; 12]);
/// SeededRng::new(7).fill(&mut a);
/// SeededRng::new(7).fill(&mut b);
/// assert_eq!(a, b);
/// ```
#[derive(Debug)]
pub struct SeededRng {
    state: Mutex<SplitMix>,
}

impl SeededRng {
    /// A generator that is entirely determined by `seed`.
    pub fn new(seed: u64) -> Self {
        SeededRng { state: Mutex::new(SplitMix::new(seed)) }
    }
}

impl Rng for SeededRng {
    fn fill(&self, out: &mut [u8]) {
        // One lock for the whole buffer, so that concurrent callers never interleave inside one request.
        let mut state = self.state.lock();
        for chunk in out.chunks_mut(8) {
            let bytes = state.next_word().to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(bytes) {
                *to = from;
            }
        }
    }
}

/// The splitmix64 sequence of Steele, Lea and Flood: one addition and a mixing function. Any seed, zero included, is good.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix {
    state: u64,
}

impl SplitMix {
    pub(crate) fn new(seed: u64) -> Self {
        SplitMix { state: seed }
    }

    /// The next 64 bits.
    pub(crate) fn next_word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 for an empty range. The bias of at most `bound / 2^64` does not matter to a simulation.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next_word()) * u128::from(bound);
        (wide >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(rng: &dyn Rng, len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        rng.fill(&mut out);
        out
    }

    #[test]
    fn seeded_bytes_are_the_published_sequence() {
        // The first outputs of splitmix64 for seed 0, as published with the algorithm.
        let expected = [0xe220_a839_7b1d_cdaf_u64, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f];
        let expected: Vec<u8> = expected.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(bytes(&SeededRng::new(0), 24), expected);
        assert_eq!(bytes(&SeededRng::new(0), 13), expected[..13]);
    }

    #[test]
    fn seeds_and_positions_differ() {
        let rng = SeededRng::new(1);
        let first = bytes(&rng, 32);
        assert_ne!(first, bytes(&rng, 32));
        assert_ne!(first, bytes(&SeededRng::new(2), 32));
    }

    #[test]
    fn system_bytes_fill_the_whole_buffer() {
        // 64 bytes repeat or stay zero in their last 16 with probability 2^-128.
        let (a, b) = (bytes(&OsRng, 64), bytes(&OsRng, 64));
        assert_ne!(a, b);
        assert_ne!(a[48..], [0; 16]);
        assert!(bytes(&OsRng, 0).is_empty());
    }

    #[test]
    fn below_stays_in_range_and_reaches_all_of_it() {
        let mut rng = SplitMix::new(3);
        let mut seen = [0; 5];
        for _ in 0..500 {
            seen[rng.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
        assert_eq!(rng.below(0), 0);
    }
}
