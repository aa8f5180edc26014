//! `person_overrides`: ids whose person is not their own. Readers of the bare Parquet files join it to `activity`.

use super::ColumnKind::Text;
use super::{Column, column};

pub(super) const COLUMNS: &[Column] = &[
    column("person_id", Text, "Own person of an id, as it stands in the files of activity."),
    column("canonical_person_id", Text, "The person that it is now."),
];
