//! How large the values of an argument are, row by row.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;

/// What a number or a time is as text, at most.
const FIXED_BYTES: usize = 32;
/// What an element of a list takes beside its own bytes.
const ELEMENT_BYTES: usize = 16;

/// A value: its bytes, and of how many it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub bytes: usize,
    /// Elements of a list, down to the deepest; one for everything else.
    pub items: usize,
}

impl Size {
    fn one(bytes: usize) -> Size {
        Size { bytes, items: 1 }
    }
}

/// The sizes of an argument.
#[derive(Debug)]
pub(super) enum Sizes {
    /// The same in every row.
    All(Size),
    Each(Vec<Size>),
}

impl Sizes {
    pub fn of(value: &ColumnarValue) -> Result<Sizes> {
        Ok(match value {
            ColumnarValue::Array(array) => Sizes::Each(of_array(array)),
            ColumnarValue::Scalar(value) => Sizes::All(match value.try_as_str() {
                Some(text) => Size::one(text.map_or(0, str::len)),
                None => of_array(&value.to_array()?).first().copied().unwrap_or_default(),
            }),
        })
    }

    /// Nothing, where there is no such row.
    pub fn at(&self, row: usize) -> Size {
        match self {
            Sizes::All(size) => *size,
            Sizes::Each(sizes) => sizes.get(row).copied().unwrap_or_default(),
        }
    }
}

fn of_array(array: &ArrayRef) -> Vec<Size> {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().offsets().lengths().map(Size::one).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().offsets().lengths().map(Size::one).collect(),
        DataType::Binary => array.as_binary::<i32>().offsets().lengths().map(Size::one).collect(),
        DataType::LargeBinary => array.as_binary::<i64>().offsets().lengths().map(Size::one).collect(),
        DataType::Utf8View => of_views(array.as_string_view().views()),
        DataType::BinaryView => of_views(array.as_binary_view().views()),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let first = list.offsets().first().map_or(0, |&first| first as usize);
            of_lists(list.values(), first, list.offsets().lengths())
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let first = list.offsets().first().map_or(0, |&first| first as usize);
            of_lists(list.values(), first, list.offsets().lengths())
        }
        DataType::FixedSizeList(_, length) => {
            let length = usize::try_from(*length).unwrap_or(0);
            // The elements of a slice are cut with it.
            of_lists(array.as_fixed_size_list().values(), 0, std::iter::repeat_n(length, array.len()))
        }
        other => {
            let average = || array.get_array_memory_size() / array.len().max(1);
            let is_fixed = other.is_primitive() || matches!(other, DataType::Boolean | DataType::Null);
            vec![Size::one(if is_fixed { FIXED_BYTES } else { average() }); array.len()]
        }
    }
}

/// The length of a view is in its lowest bits.
fn of_views(views: &[u128]) -> Vec<Size> {
    views.iter().map(|view| Size::one(*view as u32 as usize)).collect()
}

/// Lists of these lengths, one after the other from `first`.
fn of_lists(values: &ArrayRef, first: usize, lengths: impl Iterator<Item = usize>) -> Vec<Size> {
    let rest = values.slice(first, values.len() - first);
    let mut elements = of_array(&rest).into_iter();
    let add = |sum: Size, element: Size| Size {
        bytes: sum.bytes + element.bytes + ELEMENT_BYTES,
        items: sum.items + element.items,
    };
    lengths.map(|length| elements.by_ref().take(length).fold(Size::default(), add)).collect()
}
