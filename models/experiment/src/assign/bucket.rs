//! Where a unit falls in [0, 1) and which variation has that place: FNV-1a hashes, ranges, weights, namespaces.

use crate::Value;

const FNV_START: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;

/// A part of [0, 1): the start belongs to it, the end does not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BucketRange {
    pub start: f64,
    pub end: f64,
}

/// How a unit is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashVersion {
    /// Biased, in steps of 1/1,000; kept for experiments that run with it.
    One,
    /// In steps of 1/10,000.
    Two,
    /// A version of the future, which puts nobody anywhere.
    Unknown,
}

/// A seed with its hash begun, so that version 2 need not read it again for each unit.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    text: Box<str>,
    begun: u32,
    version: HashVersion,
}

impl BucketRange {
    #[inline]
    pub fn contains(&self, place: f64) -> bool {
        place >= self.start && place < self.end
    }

    /// What is no range contains nothing.
    const NOTHING: BucketRange = BucketRange { start: f64::NAN, end: f64::NAN };

    /// Reads `[start, end]`.
    pub(super) fn read(value: &Value) -> BucketRange {
        match value.as_array().unwrap_or_default() {
            [start, end, ..] => BucketRange { start: start.to_number(), end: end.to_number() },
            _ => BucketRange::NOTHING,
        }
    }

    /// Each keeps its place among the variations, whatever it is.
    pub(super) fn read_all(value: &Value) -> Vec<BucketRange> {
        value.as_array().unwrap_or_default().iter().map(BucketRange::read).collect()
    }
}

impl HashVersion {
    /// The version of a rule's `hashVersion`; nothing, 0 and `false` mean `default`.
    pub(super) fn read(value: Option<&Value>, default: HashVersion) -> HashVersion {
        match value {
            Some(value) if value.is_truthy() => match value {
                Value::Number(1.0) => HashVersion::One,
                Value::Number(2.0) => HashVersion::Two,
                _ => HashVersion::Unknown,
            },
            _ => default,
        }
    }
}

impl Seed {
    pub(super) fn new(text: &str, version: HashVersion) -> Seed {
        Seed { text: text.into(), begun: fnv(FNV_START, text), version }
    }

    /// The place of a unit, by the text of its attribute.
    #[inline]
    pub(super) fn place(&self, unit: &Value) -> Option<f64> {
        match unit {
            Value::String(text) => self.place_of_text(text),
            other => self.place_of_text(&other.to_text()),
        }
    }

    #[inline]
    fn place_of_text(&self, unit: &str) -> Option<f64> {
        match self.version {
            HashVersion::One => Some(f64::from(fnv(fnv(FNV_START, unit), &self.text) % 1_000) / 1_000.0),
            HashVersion::Two => Some(f64::from(fnv_of_decimal(fnv(self.begun, unit)) % 10_000) / 10_000.0),
            HashVersion::Unknown => None,
        }
    }
}

/// FNV-1a with 32 bits over the UTF-16 code units of a text.
#[inline]
fn fnv(start: u32, text: &str) -> u32 {
    let step = |hash: u32, unit: u32| (hash ^ unit).wrapping_mul(FNV_PRIME);
    if text.is_ascii() {
        text.bytes().fold(start, |hash, byte| step(hash, u32::from(byte)))
    } else {
        text.encode_utf16().fold(start, |hash, unit| step(hash, u32::from(unit)))
    }
}

/// The hash of a number's decimal digits.
#[inline]
fn fnv_of_decimal(number: u32) -> u32 {
    let mut digits = [0u8; 10];
    let (mut start, mut rest) = (digits.len(), number);
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    digits[start..].iter().fold(FNV_START, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(FNV_PRIME))
}

/// The place of `unit` in [0, 1); none for an unknown version.
pub fn bucket(seed: &str, unit: &str, version: HashVersion) -> Option<f64> {
    Seed::new(seed, version).place_of_text(unit)
}

/// The same weight for each of `count` variations.
pub fn equal_weights(count: usize) -> Vec<f64> {
    vec![1.0 / count as f64; count]
}

/// One range per variation. Coverage is cut to [0, 1]; weights of another number than the variations, or that do not
/// sum to 1 within 0.01, are replaced by equal ones.
pub fn bucket_ranges(variations: usize, coverage: f64, weights: Option<&[f64]>) -> Vec<BucketRange> {
    let coverage = if coverage.is_nan() { coverage } else { coverage.clamp(0.0, 1.0) };
    let equal = equal_weights(variations);
    let fits = |weights: &&[f64]| {
        let total: f64 = weights.iter().sum();
        weights.len() == variations && (total.is_nan() || (0.99..=1.01).contains(&total))
    };
    let mut start = 0.0;
    let range = |weight: &f64| {
        let range = BucketRange { start, end: start + coverage * weight };
        start += weight;
        range
    };
    weights.filter(fits).unwrap_or(&equal).iter().map(range).collect()
}

/// The first range that has the place.
#[inline]
pub fn choose_variation(place: f64, ranges: &[BucketRange]) -> Option<usize> {
    ranges.iter().position(|range| range.contains(place))
}

/// A share of the users that only the experiments of one namespace divide among them.
#[derive(Clone, Debug)]
pub(super) struct Namespace {
    seed: Seed,
    range: BucketRange,
}

impl Namespace {
    pub(super) fn new(name: &str, range: BucketRange) -> Namespace {
        Namespace { seed: Seed::new(&format!("__{name}"), HashVersion::One), range }
    }

    /// Reads `[name, start, end]`; nobody is in what is none.
    pub(super) fn read(value: &Value) -> Namespace {
        match value.as_array().unwrap_or_default() {
            [name, start, end, ..] => {
                let range = BucketRange { start: start.to_number(), end: end.to_number() };
                Namespace::new(&name.to_text(), range)
            }
            _ => Namespace::new("", BucketRange::NOTHING),
        }
    }

    pub(super) fn contains(&self, unit: &Value) -> bool {
        self.seed.place(unit).is_some_and(|place| self.range.contains(place))
    }
}

/// True if the unit is in this part of a namespace.
pub fn is_in_namespace(unit: &str, name: &str, start: f64, end: f64) -> bool {
    Namespace::new(name, BucketRange { start, end }).contains(&Value::from(unit))
}
