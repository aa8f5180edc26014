//! Names for the columns of a select list, as PostgreSQL gives them: `CAST(x AS …)` is called `x`. ORDER BY then finds the cast
//! and not the column under it. And each is named once, as the engine wants it: the second `x` is `x_2`.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, VisitMut, VisitorMut,
};

/// Gives every unnamed cast of a column that column's name, and what is there twice another.
pub(super) fn name_columns(statement: &mut Statement) {
    match statement {
        Statement::Explain(explain) => name_columns(&mut explain.statement),
        Statement::Statement(statement) => {
            let _: ControlFlow<()> = statement.visit(&mut Lists);
        }
        _ => {}
    }
}

struct Lists;

impl VisitorMut for Lists {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = &mut *query.body {
            let mut names = Names::of(&select.projection);
            for item in &mut select.projection {
                let SelectItem::UnnamedExpr(expr) = item else { continue };
                if let Some(alias) = names.alias(expr) {
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// A column, and the table that it is said to be of.
#[derive(PartialEq, Eq)]
struct Column {
    name: String,
    table: Option<String>,
}

/// What a select list has so far.
#[derive(Default)]
struct Names {
    /// Names that are given.
    aliases: HashSet<String>,
    columns: Vec<Column>,
    /// Everything else, as it is written.
    others: HashSet<String>,
    /// `*` is among them.
    has_all: bool,
    /// Tables of which all columns are.
    whole: HashSet<String>,
}

impl Names {
    fn of(projection: &[SelectItem]) -> Names {
        let mut names = Names::default();
        for item in projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => {
                    names.aliases.insert(spelled(alias));
                }
                SelectItem::Wildcard(_) => names.has_all = true,
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), _) => {
                    let table = table.0.last().and_then(|part| part.as_ident());
                    names.whole.extend(table.map(spelled));
                }
                _ => {}
            }
        }
        names
    }

    /// The name that the next one needs, if it needs one.
    fn alias(&mut self, expr: &Expr) -> Option<Ident> {
        if let Some(column) = column(expr) {
            if !self.is_taken(&column) {
                self.columns.push(column);
                return None;
            }
            return Some(self.fresh(&column.name));
        }
        if let Some((ident, column)) = cast_column(expr) {
            if self.is_taken(&column) || self.columns.iter().any(|known| known.name == column.name) {
                return Some(self.fresh(&column.name));
            }
            self.aliases.insert(column.name);
            return Some(ident);
        }
        let text = expr.to_string();
        if self.others.insert(text.clone()) { None } else { Some(self.fresh(&text)) }
    }

    /// Whether the engine would find this column and another under one name.
    fn is_taken(&self, column: &Column) -> bool {
        let is_one = |known: &Column| {
            known.name == column.name
                && (known.table.is_none() || column.table.is_none() || known.table == column.table)
        };
        let is_of_whole = column.table.as_ref().is_some_and(|table| self.whole.contains(table));
        self.has_all || is_of_whole || self.aliases.contains(&column.name) || self.columns.iter().any(is_one)
    }

    fn fresh(&mut self, name: &str) -> Ident {
        let mut number = 2;
        while !self.aliases.insert(format!("{name}_{number}")) {
            number += 1;
        }
        Ident::with_quote('"', format!("{name}_{number}"))
    }
}

fn spelled(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn column(expr: &Expr) -> Option<Column> {
    match expr {
        Expr::Identifier(name) => Some(Column { name: spelled(name), table: None }),
        Expr::CompoundIdentifier(names) => match names.as_slice() {
            [.., table, name] => Some(Column { name: spelled(name), table: Some(spelled(table)) }),
            _ => None,
        },
        _ => None,
    }
}

/// The column under one or more casts.
fn cast_column(expr: &Expr) -> Option<(Ident, Column)> {
    let Expr::Cast { expr: inner, .. } = expr else { return None };
    match &**inner {
        Expr::Identifier(name) => Some((name.clone(), column(inner)?)),
        Expr::CompoundIdentifier(names) => Some((names.last()?.clone(), column(inner)?)),
        Expr::Nested(inner) => cast_column(inner),
        inner => cast_column(inner),
    }
}
