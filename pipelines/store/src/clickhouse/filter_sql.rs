//! Conditions and texts as SQL of ClickHouse. Every value of an outsider becomes a literal here, and nowhere else.

use crate::remote::{Comparison, RowFilter, RowValue};

/// A text as a literal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A name of ours as an identifier.
pub(super) fn name(column: &str) -> String {
    format!("`{}`", column.replace('\\', "\\\\").replace('`', "\\`"))
}

/// The condition.
pub(super) fn condition(filter: &RowFilter) -> String {
    let join = |parts: &[RowFilter], word: &str, none: &str| match parts {
        [] => none.to_owned(),
        parts => format!("({})", parts.iter().map(condition).collect::<Vec<_>>().join(word)),
    };
    match filter {
        RowFilter::All(parts) => join(parts, " AND ", "1"),
        RowFilter::Any(parts) => join(parts, " OR ", "0"),
        RowFilter::Compare { column, is, value } => format!("{} {} {}", name(column), sign(*is), literal(value)),
        RowFilter::OneOf { column, values } => {
            let values: Vec<String> = values.iter().map(literal).collect();
            if values.is_empty() { "0".to_owned() } else { format!("{} IN ({})", name(column), values.join(", ")) }
        }
        RowFilter::IsNull(column) => format!("{} IS NULL", name(column)),
        RowFilter::IsNotNull(column) => format!("{} IS NOT NULL", name(column)),
    }
}

const fn sign(is: Comparison) -> &'static str {
    match is {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

fn literal(value: &RowValue) -> String {
    match value {
        RowValue::Text(text) => quoted(text),
        RowValue::Integer(number) => format!("toInt64({number})"),
        RowValue::Boolean(truth) => truth.to_string(),
        RowValue::Time(millis) => format!("fromUnixTimestamp64Milli(toInt64({millis}), 'UTC')"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_in_their_literals() {
        let hostile = RowValue::Text(r"a\' OR 1 --".to_owned());
        let filter = RowFilter::All(vec![
            RowFilter::Compare { column: "event".to_owned(), is: Comparison::Equal, value: hostile },
            RowFilter::Any(vec![RowFilter::IsNull("a`b".to_owned())]),
            RowFilter::OneOf { column: "x".to_owned(), values: Vec::new() },
        ]);
        assert_eq!(condition(&filter), r"(`event` = 'a\\\' OR 1 --' AND (`a\`b` IS NULL) AND 0)");
    }
}
