//! Builds a column of few different words as a dictionary. A missing word costs a counter's increment.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringDictionaryBuilder};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

/// A column of `Dictionary(Int32, Utf8)` in the making.
#[derive(Default)]
pub struct Words {
    builder: StringDictionaryBuilder<Int32Type>,
    /// Rows without a word since the last one with.
    missing: usize,
}

impl Words {
    /// Adds the row's word.
    pub fn append(&mut self, word: &str) -> Result<(), ArrowError> {
        if self.missing > 0 {
            self.builder.append_nulls(std::mem::take(&mut self.missing));
        }
        self.builder.append(word)?;
        Ok(())
    }

    /// Adds the row's word, if it has one.
    pub fn append_option(&mut self, word: Option<&str>) -> Result<(), ArrowError> {
        match word {
            Some(word) => self.append(word),
            None => {
                self.missing += 1;
                Ok(())
            }
        }
    }

    /// The column.
    pub fn finish(mut self) -> ArrayRef {
        self.builder.append_nulls(self.missing);
        Arc::new(self.builder.finish())
    }
}
