//! How often each path is, by the codes of its activities as one number.

use crate::spill::Tally;

/// Keys of at most so many bits are counted in an array.
const DENSE_BITS_MAX: u32 = 20;

/// Codes of a path as one number, `bits` for each; places of a shorter path without a row have the code `none`.
pub(super) struct Counts<'a> {
    codes: PathCodes,
    pub dense: Vec<u32>,
    pub sparse: Tally<'a, u128, u64>,
}

#[derive(Clone, Copy)]
pub(super) struct PathCodes {
    pub bits: u32,
    pub none: usize,
    pub length: usize,
}

impl<'a> Counts<'a> {
    pub fn new(codes: PathCodes, sparse: Tally<'a, u128, u64>) -> Counts<'a> {
        let all = codes.bits * codes.length as u32;
        Counts { codes, dense: vec![0; if all <= DENSE_BITS_MAX { 1 << all } else { 0 }], sparse }
    }

    #[inline]
    pub fn add(&mut self, path: impl Iterator<Item = usize>) {
        let bits = self.codes.bits;
        if self.dense.is_empty() {
            let key = path.fold(0u128, |key, code| key << bits | code as u128);
            self.sparse.add(key, 1);
        } else {
            let key = path.fold(0usize, |key, code| key << bits | code);
            self.dense[key] += 1;
        }
    }
}

impl PathCodes {
    /// The code in a place of a path.
    pub fn code(&self, key: u128, place: usize) -> usize {
        (key >> (self.bits as usize * (self.length - 1 - place))) as usize & ((1 << self.bits) - 1)
    }
}
