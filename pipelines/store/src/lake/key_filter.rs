//! A blocked Bloom filter over message keys: one cache line a question, about 1 % false alarms.
//!
//! Putze, Sanders, Singler: "Cache-, Hash- and Space-Efficient Bloom Filters" (2007). The keys are uniform hashes
//! already, so that their own bits choose block and bits.

const WORDS: usize = 8;
const BITS_PER_KEY: usize = 12;
const PROBES: u32 = 6;

/// The filter; `words` is a whole number of 512-bit blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFilter {
    words: Vec<u64>,
}

impl KeyFilter {
    /// A filter for `keys`.
    pub fn of(keys: &[u128]) -> Self {
        let blocks = (keys.len() * BITS_PER_KEY).div_ceil(WORDS * 64).max(1);
        let mut filter = KeyFilter { words: vec![0; blocks * WORDS] };
        for &key in keys {
            let (block, bits) = filter.place(key);
            for (word, bit) in bits {
                filter.words[block + word] |= 1 << bit;
            }
        }
        filter
    }

    /// From the words that [`KeyFilter::words`] gave; `None` when they are no whole number of blocks.
    pub fn from_words(words: Vec<u64>) -> Option<Self> {
        (!words.is_empty() && words.len().is_multiple_of(WORDS)).then_some(KeyFilter { words })
    }

    /// The bits, to be stored.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// False: the key is certainly not among them.
    pub fn may_contain(&self, key: u128) -> bool {
        let (block, mut bits) = self.place(key);
        bits.all(|(word, bit)| self.words[block + word] >> bit & 1 != 0)
    }

    /// Calls with the place of each key that may be among them. The blocks of many keys are touched before any is looked at, in
    /// a loop so short that the waits for memory overlap.
    pub fn each_that_may(&self, keys: &[u128], mut may: impl FnMut(usize)) {
        const AT_ONCE: usize = 64;
        for (first, some) in (0..).step_by(AT_ONCE).zip(keys.chunks(AT_ONCE)) {
            let touched = some.iter().map(|&key| self.words.get(self.block(key)).copied().unwrap_or(0));
            std::hint::black_box(touched.fold(0, |all, word| all ^ word));
            let mut met = some.iter().zip(0u32..).fold(0u64, |met, (&key, place)| {
                let (block, bits) = self.place(key);
                let all = self
                    .words
                    .get(block..block + WORDS)
                    .map_or(0, |block| bits.fold(1, |all, (word, bit)| all & (block[word] >> bit)));
                met | (all & 1) << place
            });
            while met != 0 {
                may(first + met.trailing_zeros() as usize);
                met &= met - 1;
            }
        }
    }

    /// First word of the key's block.
    #[inline]
    fn block(&self, key: u128) -> usize {
        let blocks = (self.words.len() / WORDS) as u128;
        ((u128::from(key as u64) * blocks) >> 64) as usize * WORDS
    }

    /// First word of the key's block, and word and bit of each probe in it.
    fn place(&self, key: u128) -> (usize, impl Iterator<Item = (usize, usize)> + use<>) {
        let (block, high) = (self.block(key), (key >> 64) as u64);
        // Nine bits a probe from the half that did not choose the block.
        let bits = (0..PROBES).map(move |probe| {
            let nine = (high >> (probe * 9)) as usize & 511;
            (nine / 64, nine % 64)
        });
        (block, bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_128;

    fn keys(from: u64, to: u64) -> Vec<u128> {
        (from..to).map(|n| xxh3_128(&n.to_le_bytes())).collect()
    }

    #[test]
    fn knows_its_keys_and_few_others() {
        let filter = KeyFilter::of(&keys(0, 20_000));
        assert!(keys(0, 20_000).iter().all(|&key| filter.may_contain(key)));
        let alarms = keys(20_000, 120_000).iter().filter(|&&key| filter.may_contain(key)).count();
        assert!(alarms < 1_500, "{alarms} false alarms in 100,000");
        let asked = keys(19_950, 20_200);
        let mut may = Vec::new();
        filter.each_that_may(&asked, |place| may.push(place));
        let one_by_one = (0..asked.len()).filter(|&place| filter.may_contain(asked[place]));
        assert_eq!(may, one_by_one.collect::<Vec<_>>());
    }

    #[test]
    fn empty_filter_knows_nothing() {
        assert!(!KeyFilter::of(&[]).may_contain(7));
        assert!(KeyFilter::from_words(vec![0; 7]).is_none());
    }
}
