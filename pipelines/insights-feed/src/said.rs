//! The columns of a projection as SQL over the table `activity`: how the rows of a number are found again.

use crate::columns::{Source, source};

/// The expression that gives as a text what a projection keeps under this name.
pub fn column_sql(name: &str) -> String {
    match source(name) {
        Source::Column(name) => format!("CAST({} AS VARCHAR)", named(name)),
        Source::Property(name) => format!("properties->>{}", quoted(&name)),
        Source::Group(name) => format!("groups->>{}", quoted(&name)),
        // It was read as an expression before, and a comment at its end takes no more than its line.
        Source::Expression(text) => format!("CAST(({text}\n) AS VARCHAR)"),
    }
}

fn named(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_expressions_and_stay_names() {
        assert_eq!(column_sql("activity.country"), "CAST(\"country\" AS VARCHAR)");
        assert_eq!(column_sql("it's"), "properties->>'it''s'");
        assert_eq!(column_sql("group.company"), "groups->>'company'");
        assert_eq!(column_sql("sql:amount > 1 -- much"), "CAST((amount > 1 -- much\n) AS VARCHAR)");
    }
}
