//! Random numbers that are the same for the same seed (SplitMix64, G. Steele et al. 2014), so that a failure can be repeated.

/// A stream of random numbers. `FOOTFALL_TEST_SEED` chooses another one.
pub struct Seed(u64);

impl Seed {
    /// The stream of this test, announced so that it can be repeated.
    pub fn announced(test: &str) -> Self {
        let seed = std::env::var("FOOTFALL_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_123);
        crate::gear::say(&format!("seed of {test}: FOOTFALL_TEST_SEED={seed}"));
        Seed(seed)
    }

    /// A stream of its own for a part of the test.
    pub fn fork(&mut self) -> Self {
        Seed(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}
