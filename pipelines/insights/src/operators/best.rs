//! The keys with the largest counts of a stream, of which only so many are held.

use std::cmp::Reverse;

/// Keys that are held before the smaller ones are left out.
const FRESH_MAX: usize = 1 << 16;

/// The `top` keys with most; ties by their names, ascending. Names are made of those alone that may be among them.
pub(super) struct Best<K, N> {
    top: usize,
    ranked: Vec<(Reverse<u64>, N, K)>,
    fresh: Vec<(u64, K)>,
    /// Less than this does not reach the top.
    least: u64,
    offered: usize,
}

impl<K: Copy + Ord, N: Ord> Best<K, N> {
    pub fn new(top: usize) -> Best<K, N> {
        let least = if top == 0 { u64::MAX } else { 0 };
        Best { top, ranked: Vec::new(), fresh: Vec::new(), least, offered: 0 }
    }

    /// Each key comes once.
    #[inline]
    pub fn offer(&mut self, key: K, count: u64, names: &impl Fn(&[K]) -> Vec<N>) {
        self.offered += 1;
        if count < self.least || self.top == 0 {
            return;
        }
        self.fresh.push((count, key));
        if self.fresh.len() >= FRESH_MAX.max(self.top) {
            self.sift(names);
        }
    }

    #[cold]
    fn sift(&mut self, names: &impl Fn(&[K]) -> Vec<N>) {
        let fresh = &mut self.fresh;
        if let Some(last) = self.top.checked_sub(1).filter(|&last| last < fresh.len()) {
            let least = fresh.select_nth_unstable_by(last, |a, b| b.0.cmp(&a.0)).1.0;
            self.least = self.least.max(least);
        }
        fresh.retain(|(count, _)| *count >= self.least);
        let keys: Vec<K> = fresh.iter().map(|(_, key)| *key).collect();
        let named = fresh.drain(..).zip(names(&keys));
        self.ranked.extend(named.map(|((count, key), name)| (Reverse(count), name, key)));
        self.ranked.sort_unstable();
        self.ranked.truncate(self.top);
        if self.ranked.len() == self.top {
            self.least = self.ranked.last().map_or(u64::MAX, |last| last.0.0);
        }
    }

    /// Those with most first, and whether there were others.
    pub fn finish(mut self, names: &impl Fn(&[K]) -> Vec<N>) -> (Vec<(u64, N, K)>, bool) {
        self.sift(names);
        let others = self.offered > self.ranked.len();
        (self.ranked.into_iter().map(|(Reverse(count), name, key)| (count, name, key)).collect(), others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_by_name_however_many_there_are() {
        let names = |keys: &[u64]| keys.iter().map(|key| format!("{:08}", u64::MAX - key)).collect::<Vec<_>>();
        for top in [0, 1, 3, FRESH_MAX + 7] {
            let mut best = Best::new(top);
            let all = 3 * FRESH_MAX as u64;
            (0..all).for_each(|key| best.offer(key, u64::from(key % 50_000 == 7) + 1, &names));
            let mut want: Vec<(u64, u64)> = (0..all).map(|key| (u64::from(key % 50_000 == 7) + 1, key)).collect();
            want.sort_by_key(|&(count, key)| (Reverse(count), Reverse(key)));
            want.truncate(top);
            let (found, others) = best.finish(&names);
            assert!(others);
            assert!(found.iter().map(|(count, _, key)| (*count, *key)).eq(want), "{top}");
        }
        let mut few = Best::new(5);
        (0..5u64).for_each(|key| few.offer(key, 1, &names));
        assert!(!few.finish(&names).1);
    }
}
