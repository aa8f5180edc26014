//! How much a function can make of its arguments, and how much work it can have with them.

use datafusion::error::{DataFusionError, Result};

use super::size::{Size, Sizes};

/// What the results of one run may take, as reckoned beforehand.
pub(super) const RUN_BYTES: usize = 32 << 20;
/// What the result of one row may take, as reckoned beforehand.
pub(super) const ROW_BYTES_MAX: usize = 128 << 20;
/// Comparisons in one run: about a tenth of a second.
const RUN_STEPS: usize = 1 << 26;
/// Comparisons for one row: two texts of 16 thousand letters.
pub(super) const ROW_STEPS_MAX: usize = 1 << 28;

/// Functions by name, and how they grow; among them some that only copy, so that the pool knows of many copies. Those that make
/// values of any size out of nothing are not there at all.
pub(super) const GROWING: &[(&str, Growth)] = &[
    ("array_append", Growth::Sum),
    ("array_concat", Growth::Sum),
    ("array_has_all", Growth::Pairs),
    ("array_has_any", Growth::Pairs),
    ("array_prepend", Growth::Sum),
    ("array_replace", Growth::Elements),
    ("array_replace_all", Growth::Elements),
    ("array_replace_n", Growth::Elements),
    ("array_to_string", Growth::Listed),
    ("array_union", Growth::Sum),
    ("arrays_zip", Growth::Zipped),
    ("concat", Growth::Sum),
    ("concat_ws", Growth::Joined),
    ("decode", Growth::Sum),
    ("encode", Growth::Twice),
    ("format", Growth::Twice),
    ("initcap", Growth::Twice),
    ("levenshtein", Growth::LetterPairs),
    ("lower", Growth::Twice),
    ("make_array", Growth::Sum),
    ("map", Growth::Sum),
    ("overlay", Growth::Sum),
    ("quote_ident", Growth::Twice),
    ("regexp_replace", Growth::Matches),
    ("replace", Growth::Replaced),
    ("reverse", Growth::Sum),
    ("split_part", Growth::Sum),
    ("string_to_array", Growth::Split),
    ("to_char", Growth::Written),
    ("translate", Growth::Letters),
    ("upper", Growth::Twice),
];

/// A bound on what comes out of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Growth {
    /// All that was given.
    Sum,
    /// Every letter may become two.
    Twice,
    /// The third argument for every occurrence of the second.
    Replaced,
    /// The third argument, with what it takes of the text, for every match: there are as many as letters.
    Matches,
    /// Another letter for every one.
    Letters,
    /// The first argument between all others.
    Joined,
    /// The third argument for every element.
    Elements,
    /// The further arguments for every element.
    Listed,
    /// A list of what stands between the second argument.
    Split,
    /// As many places as the longest list has, in all.
    Zipped,
    /// A time by a format: two letters of it stand for up to forty.
    Written,
    /// A small result, after every element of the first argument was compared with every one of the second.
    Pairs,
    /// The same with letters.
    LetterPairs,
}

impl Growth {
    fn bytes(self, given: &[Sizes], row: usize) -> usize {
        let at = |place: usize| given.get(place).map_or(Size::default(), |sizes| sizes.at(row));
        let sum = given.iter().map(|sizes| sizes.at(row).bytes).fold(0, usize::saturating_add);
        let text = at(0).bytes;
        match self {
            Growth::Sum => sum,
            Growth::Twice => sum.saturating_mul(2),
            Growth::Replaced => {
                let places = text.checked_div(at(1).bytes).unwrap_or(text + 1);
                text.saturating_add(places.saturating_mul(at(2).bytes))
            }
            Growth::Matches => {
                // One in two letters of the replacement can stand for a group, which is a part of the text.
                let written = at(2).bytes;
                text.saturating_add((text + 1).saturating_mul(written + written / 2))
            }
            Growth::Letters => text.saturating_mul(4),
            Growth::Joined => {
                let items: usize = given.iter().skip(1).map(|sizes| sizes.at(row).items).sum();
                sum.saturating_add(items.saturating_mul(text))
            }
            Growth::Elements => text.saturating_add(at(0).items.saturating_mul(at(2).bytes)),
            Growth::Listed => text.saturating_add(at(0).items.saturating_mul(sum - text)),
            Growth::Split => {
                let pieces = text.checked_div(at(1).bytes).unwrap_or(text) + 1;
                text.saturating_add(pieces.saturating_mul(16))
            }
            Growth::Zipped => {
                let longest = given.iter().map(|sizes| sizes.at(row).items).max().unwrap_or(0);
                sum.saturating_add(longest.saturating_mul(given.len()).saturating_mul(16))
            }
            Growth::Written => at(1).bytes.saturating_mul(20).saturating_add(64),
            Growth::Pairs | Growth::LetterPairs => 8,
        }
    }

    /// Comparisons.
    fn steps(self, given: &[Sizes], row: usize) -> usize {
        let at = |place: usize| given.get(place).map_or(Size::default(), |sizes| sizes.at(row));
        match self {
            Growth::Pairs => at(0).items.saturating_mul(at(1).items),
            Growth::LetterPairs => at(0).bytes.saturating_mul(at(1).bytes),
            _ => 0,
        }
    }

    /// How many rows to take at a time, so that their results take no more than `run_bytes`, or one. The error is for the asker: a
    /// row that cannot be taken at all.
    pub fn runs(self, name: &str, given: &[Sizes], rows: usize, run_bytes: usize) -> Result<Vec<usize>> {
        let mut runs = Vec::new();
        let (mut taken, mut bytes, mut steps) = (0, 0, 0);
        for row in 0..rows {
            let (own_bytes, own_steps) = (self.bytes(given, row), self.steps(given, row));
            if own_bytes > ROW_BYTES_MAX {
                return Err(DataFusionError::ResourcesExhausted(format!("{name}: a value of up to {own_bytes} bytes")));
            }
            if own_steps > ROW_STEPS_MAX {
                return Err(DataFusionError::Execution(format!(
                    "{name} takes {own_steps} steps for values as long as these, at most {ROW_STEPS_MAX}"
                )));
            }
            if taken > 0 && (bytes + own_bytes > run_bytes || steps + own_steps > RUN_STEPS) {
                runs.push(taken);
                (taken, bytes, steps) = (0, 0, 0);
            }
            (taken, bytes, steps) = (taken + 1, bytes + own_bytes, steps + own_steps);
        }
        if taken > 0 {
            runs.push(taken);
        }
        Ok(runs)
    }
}
