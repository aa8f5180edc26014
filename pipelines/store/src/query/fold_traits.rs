//! `fold_traits(traits)`: parts of person properties to the properties, as JSON text.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use crate::traits::Traits;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FoldTraits {
    signature: Signature,
}

impl FoldTraits {
    pub fn new() -> Self {
        FoldTraits { signature: Signature::exact(vec![DataType::Utf8View], Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for FoldTraits {
    fn name(&self) -> &str {
        "fold_traits"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Folding::Nothing))
    }
}

/// Most persons have one part, which is not read before the end.
#[derive(Debug)]
enum Folding {
    Nothing,
    One(String),
    Many { traits: Traits, bytes: usize },
}

impl Folding {
    fn add(&mut self, part: &str) {
        match self {
            Folding::Nothing => *self = Folding::One(part.to_owned()),
            Folding::One(first) => {
                let mut traits = Traits::from_state(first);
                let bytes = first.len() + part.len();
                traits.merge_state(part);
                *self = Folding::Many { traits, bytes };
            }
            Folding::Many { traits, bytes } => {
                traits.merge_state(part);
                *bytes += part.len();
            }
        }
    }

    fn add_all(&mut self, parts: &ArrayRef) {
        parts.as_string_view().iter().flatten().for_each(|part| self.add(part));
    }
}

impl Accumulator for Folding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values.iter().for_each(|parts| self.add_all(parts));
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states.iter().for_each(|parts| self.add_all(parts));
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = match self {
            Folding::Nothing => None,
            Folding::One(part) => Some(std::mem::take(part)),
            Folding::Many { traits, .. } => Some(traits.to_state()),
        };
        Ok(vec![ScalarValue::Utf8View(state)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let properties = match self {
            Folding::Nothing => "{}".to_owned(),
            Folding::One(part) => Traits::from_state(part).to_properties(),
            Folding::Many { traits, .. } => traits.to_properties(),
        };
        Ok(ScalarValue::Utf8View(Some(properties)))
    }

    fn size(&self) -> usize {
        let heap = match self {
            Folding::Nothing => 0,
            Folding::One(part) => part.capacity(),
            // A tree of parts of the text: about twice it, and no more than all that came.
            Folding::Many { bytes, .. } => bytes * 2,
        };
        size_of_val(self) + heap
    }
}
