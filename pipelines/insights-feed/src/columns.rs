//! Which columns and properties of activity a projection keeps, and where their values come from.

use std::collections::BTreeSet;
use std::sync::Arc;

use footfall_pipelines_insights::definition::{GROUP_COLUMN, Needs, SQL_COLUMN};
use footfall_pipelines_insights::projection::{ColumnKind, Dictionaries};
use footfall_pipelines_store::lake::ProjectSnapshot;
use footfall_pipelines_store::query::RowExpression;
use footfall_pipelines_store::tables::{self, Table};

/// In questions, `activity.os` is the column `os` of the table.
const OF_TABLE: &str = "activity.";
/// `properties.x` is the property `x`, as is `x` alone.
const OF_PROPERTIES: &str = "properties.";

/// Columns of the table that are kept from the start: few different values, often asked about.
const USUAL: &[&str] = &[
    "kind",
    "device_type",
    "device_manufacturer",
    "device_model",
    "os",
    "os_version",
    "browser",
    "app_name",
    "app_version",
    "locale",
    "timezone",
    "country",
    "region",
    "city",
    "page_path",
    "referring_domain",
    "screen",
    "campaign_source",
    "campaign_medium",
    "campaign_name",
    "library",
    "currency",
    "dialect",
];
/// Properties that files have columns for are kept from the start too, so many of them.
const PROMOTED_MAX: usize = 24;

/// Columns that every intake reads, before those of the plan.
pub(crate) const ALWAYS: [&str; 3] = ["person_id", "event", "timestamp"];

/// Where the values of a column of the projection come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Column(&'static str),
    Property(String),
    /// The key of the row's group of a type.
    Group(String),
    /// Whether an expression is true.
    Expression(String),
}

/// The column that has the groups of a row.
const GROUPS: &str = "groups";

/// How the values of a column of the projection are got out of a batch.
#[derive(Clone)]
pub(crate) enum Reading {
    /// As they stand in the batch, at this place.
    Plain(usize),
    /// A member of the JSON at this place.
    Member(usize, String),
    Expression(Arc<RowExpression>),
    /// An expression that is none any more: no row has a value.
    Nothing,
}

/// The columns of a projection, in order, and how they are read.
#[derive(Clone)]
pub(crate) struct Plan {
    kept: Vec<(String, ColumnKind)>,
    /// For each, how it is read from a batch of [`Plan::columns`] and [`Plan::properties`].
    readings: Vec<Reading>,
    columns: Vec<&'static str>,
    properties: Vec<String>,
}

impl Plan {
    /// The usual columns, and those that were asked for.
    pub fn new(snapshot: &ProjectSnapshot, asked: &[(String, ColumnKind)]) -> Plan {
        let mut wanted: BTreeSet<(String, ColumnKind)> = asked.iter().cloned().collect();
        wanted.extend(USUAL.iter().map(|name| (format!("{OF_TABLE}{name}"), ColumnKind::Words)));
        let files = snapshot.table(Table::Activity).files.iter().rev();
        let promoted = files.flat_map(|file| &file.promoted).collect::<Vec<_>>();
        let mut seen = BTreeSet::new();
        let promoted = promoted.into_iter().filter(|name| seen.insert(*name)).take(PROMOTED_MAX);
        wanted.extend(promoted.filter(|name| spelled(name)).map(|name| (name.clone(), ColumnKind::Words)));
        Plan::of(wanted.into_iter().collect())
    }

    /// These, in this order.
    pub fn of(kept: Vec<(String, ColumnKind)>) -> Plan {
        let (mut columns, mut properties): (Vec<&'static str>, Vec<String>) = (ALWAYS.to_vec(), Vec::new());
        let parse = |text: &String| RowExpression::parse(text).ok().map(Arc::new);
        let sources: Vec<(Source, Option<Arc<RowExpression>>)> = kept
            .iter()
            .map(|(name, _)| match source(name) {
                Source::Expression(text) => (Source::Expression(text.clone()), parse(&text)),
                other => (other, None),
            })
            .collect();
        let mut add = |name: &'static str| {
            if !columns.contains(&name) {
                columns.push(name);
            }
        };
        for (one, expression) in &sources {
            match one {
                Source::Column(name) => add(name),
                Source::Group(_) => add(GROUPS),
                Source::Expression(_) => {
                    expression.iter().flat_map(|expression| expression.columns()).for_each(|name| add(name));
                }
                Source::Property(name) if !properties.contains(name) => properties.push(name.clone()),
                Source::Property(_) => {}
            }
        }
        let column = |name: &str| columns.iter().position(|known| *known == name).unwrap_or_default();
        let property = |name: &str| properties.iter().position(|known| known == name).unwrap_or_default();
        let reading = |(one, expression): (Source, Option<Arc<RowExpression>>)| match one {
            Source::Column(name) => Reading::Plain(column(name)),
            Source::Property(name) => Reading::Plain(columns.len() + property(&name)),
            Source::Group(group) => Reading::Member(column(GROUPS), group),
            Source::Expression(_) => expression.map_or(Reading::Nothing, Reading::Expression),
        };
        let readings = sources.into_iter().map(reading).collect();
        Plan { kept, readings, columns, properties }
    }

    /// Dictionaries for it, without words.
    pub fn dictionaries(&self) -> Arc<Dictionaries> {
        let columns: Vec<(&str, ColumnKind)> = self.kept.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        Dictionaries::new(&columns)
    }

    pub fn has(&self, needs: &Needs) -> bool {
        needs.columns.iter().all(|need| self.kept.contains(need))
    }

    pub fn kept(&self) -> &[(String, ColumnKind)] {
        &self.kept
    }

    /// How each column is read from a batch.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    pub fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    pub fn properties(&self) -> &[String] {
        &self.properties
    }
}

/// Whether a name alone is the property of this name.
fn spelled(name: &str) -> bool {
    source(name) == Source::Property(name.to_owned())
}

/// An unknown column of the table reads as a property of that name.
pub(crate) fn source(name: &str) -> Source {
    let is_value = |column: &&tables::Column| {
        use tables::ColumnKind::{Float, Text, Word};
        matches!(column.kind, Float | Text | Word)
    };
    let known = |name: &str| Table::Activity.columns().iter().filter(is_value).find(|column| column.name == name);
    if let Some(group) = name.strip_prefix(GROUP_COLUMN) {
        return Source::Group(group.to_owned());
    }
    if let Some(expression) = name.strip_prefix(SQL_COLUMN) {
        return Source::Expression(expression.to_owned());
    }
    match name.strip_prefix(OF_TABLE).and_then(known) {
        Some(column) => Source::Column(column.name),
        None => Source::Property(name.strip_prefix(OF_PROPERTIES).unwrap_or(name).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_columns_or_properties() {
        assert_eq!(source("activity.os"), Source::Column("os"));
        assert_eq!(source("activity.amount"), Source::Column("amount"));
        assert_eq!(source("os"), Source::Property("os".to_owned()));
        assert_eq!(source("properties.activity.os"), Source::Property("activity.os".to_owned()));
        assert_eq!(source("group.company"), Source::Group("company".to_owned()));
        assert_eq!(source("properties.group.company"), Source::Property("group.company".to_owned()));
        assert_eq!(source("sql:amount > 1"), Source::Expression("amount > 1".to_owned()));
        assert_eq!(source("activity.nothing"), Source::Property("activity.nothing".to_owned()));
    }

    #[test]
    fn one_source_is_read_once() {
        let both = [ColumnKind::Words, ColumnKind::Numbers].map(|kind| ("price".to_owned(), kind));
        let plan = Plan::of(both.to_vec());
        assert_eq!(plan.properties(), ["price"]);
        let place = |reading: &Reading| matches!(reading, Reading::Plain(place) if *place == ALWAYS.len());
        assert!(plan.readings().len() == 2 && plan.readings().iter().all(place));
    }
}
