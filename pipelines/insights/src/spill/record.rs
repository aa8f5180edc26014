//! What runs are made of: values that always take the same bytes.

/// A value as little-endian bytes.
pub(crate) trait Record: Copy {
    const BYTES: usize;
    fn put(self, into: &mut Vec<u8>);
    /// Of exactly [`Record::BYTES`].
    fn take(from: &[u8]) -> Self;
}

/// What is added up under a key.
pub(crate) trait Sums: Record + Default {
    fn add(&mut self, other: Self);
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Record for $number {
            const BYTES: usize = size_of::<$number>();

            #[inline]
            fn put(self, into: &mut Vec<u8>) {
                into.extend_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn take(from: &[u8]) -> $number {
                from.try_into().map(<$number>::from_le_bytes).unwrap_or_default()
            }
        })*
    };
}

numbers!(u32 u64 u128 i64);

impl Record for () {
    const BYTES: usize = 0;

    fn put(self, _: &mut Vec<u8>) {}

    fn take(_: &[u8]) {}
}

impl<A: Record, B: Record> Record for (A, B) {
    const BYTES: usize = A::BYTES + B::BYTES;

    #[inline]
    fn put(self, into: &mut Vec<u8>) {
        self.0.put(into);
        self.1.put(into);
    }

    #[inline]
    fn take(from: &[u8]) -> (A, B) {
        let (first, second) = from.split_at(A::BYTES);
        (A::take(first), B::take(second))
    }
}

impl<const N: usize> Record for [u64; N] {
    const BYTES: usize = N * 8;

    #[inline]
    fn put(self, into: &mut Vec<u8>) {
        self.into_iter().for_each(|number| number.put(into));
    }

    #[inline]
    fn take(from: &[u8]) -> [u64; N] {
        std::array::from_fn(|place| u64::take(&from[place * 8..][..8]))
    }
}

impl Sums for u64 {
    #[inline]
    fn add(&mut self, other: u64) {
        *self += other;
    }
}

impl<A: Sums, B: Sums> Sums for (A, B) {
    #[inline]
    fn add(&mut self, other: (A, B)) {
        self.0.add(other.0);
        self.1.add(other.1);
    }
}
