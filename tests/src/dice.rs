//! Seeded chance for schedules: splitmix64, the same on every machine; or bytes of a fuzzer while they last.

/// A repeatable source of choices.
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
    /// Choices to come that somebody else made, the next one last.
    script: Vec<u8>,
}

impl Dice {
    /// Dice that are wholly determined by `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5851_f42d_4c95_7f2d, script: Vec::new() }
    }

    /// Dice whose choices are these bytes, one for each small choice, so that a fuzzer changes one choice with one byte.
    /// When they are used up, chance goes on.
    pub fn scripted(bytes: &[u8]) -> Self {
        Self { script: bytes.iter().rev().copied().collect(), ..Self::new(bytes.len() as u64) }
    }

    /// Whether choices of the script are left.
    pub fn is_scripted(&self) -> bool {
        !self.script.is_empty()
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 for an empty range.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound <= 256
            && let Some(byte) = self.script.pop()
        {
            return (u64::from(byte) * bound) >> 8;
        }
        ((u128::from(self.word()) * u128::from(bound)) >> 64) as u64
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}
