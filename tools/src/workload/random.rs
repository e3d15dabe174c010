//! Pseudo-random numbers that are the same on every machine, and draws from a skewed distribution in constant time.
//!
//! Not for secrets: anyone who has seen a few numbers knows the rest.

/// xoshiro256++, seeded through splitmix64.
#[derive(Debug, Clone)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        let mut counter = seed;
        let state = std::array::from_fn(|_| {
            counter = counter.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (counter ^ (counter >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^ (mixed >> 31)
        });
        Self { state }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number below `bound`, which is not 0; the bias of one part in 2^32 or less does not matter here.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(bound);
        (product >> 64) as u64
    }

    /// True in `percent` of 100 draws.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Draws 0 to n - 1 with weights 1, 1/2, 1/3 and so on, by the alias method.
///
/// Exponent 1, because division is exact everywhere and other powers are not: the same seed gives the same events on
/// every machine.
#[derive(Debug, Clone)]
pub struct Zipf {
    /// Per slot: draws below the threshold (of 2^32) give the slot itself, the others its alias.
    slots: Vec<(u32, u32)>,
}

impl Zipf {
    /// Over `n` values, at least 1.
    pub fn new(n: usize) -> Self {
        let n = n.clamp(1, u32::MAX as usize);
        let total: f64 = (1..=n).map(|rank| 1.0 / rank as f64).sum();
        let mut weights: Vec<f64> = (1..=n).map(|rank| n as f64 / (rank as f64 * total)).collect();
        let mut slots: Vec<(u32, u32)> = (0..n).map(|slot| (u32::MAX, slot as u32)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&slot| weights[slot] < 1.0);
        while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
            small.pop();
            slots[poor] = ((weights[poor] * 4_294_967_296.0) as u32, rich as u32);
            weights[rich] -= 1.0 - weights[poor];
            if weights[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Self { slots }
    }

    /// The next draw.
    pub fn draw(&self, random: &mut Random) -> usize {
        let bits = random.bits();
        let slot = (((bits >> 32) * self.slots.len() as u64) >> 32) as usize;
        match self.slots.get(slot) {
            Some(&(threshold, alias)) if bits as u32 > threshold => alias as usize,
            _ => slot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // State 1, 2, 3, 4 of the reference implementation of xoshiro256++.
        let mut random = Random { state: [1, 2, 3, 4] };
        let drawn: Vec<u64> = (0..6).map(|_| random.bits()).collect();
        let published =
            [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386, 9_228_616_714_210_784_205];
        assert_eq!(drawn.get(..5), Some(published.as_slice()));
    }

    #[test]
    fn draws_follow_the_weights() {
        let (zipf, mut random) = (Zipf::new(1_000), Random::new(7));
        let mut counts = vec![0u32; 1_000];
        for _ in 0..1_000_000 {
            counts[zipf.draw(&mut random)] += 1;
        }
        // The harmonic number of 1,000 is 7.4855, so rank r is drawn 133,592 / r times on average.
        for rank in [1u32, 2, 5, 50] {
            let expected = 133_592 / rank;
            let found = counts[rank as usize - 1];
            assert!(found.abs_diff(expected) < expected / 10 + 150, "rank {rank}: {found}, expected {expected}");
        }
        assert!(counts.iter().all(|&count| count > 0), "the rarest of 1,000 is drawn 134 times on average");
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut random = Random::new(1);
        assert!((0..10_000).all(|_| random.below(7) < 7));
        assert!((0..10_000).all(|_| Zipf::new(1).draw(&mut random) == 0));
    }
}
