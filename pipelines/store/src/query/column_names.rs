//! Names for casts in a select list, as PostgreSQL gives them: `CAST(x AS …)` is called `x`. ORDER BY then finds the cast
//! and not the column under it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr, VisitMut, VisitorMut};

/// Gives every unnamed cast of a column that column's name.
pub(super) fn name_casts(statement: &mut Statement) {
    match statement {
        Statement::Explain(explain) => name_casts(&mut explain.statement),
        Statement::Statement(statement) => {
            let _: ControlFlow<()> = statement.visit(&mut Casts);
        }
        _ => {}
    }
}

struct Casts;

impl VisitorMut for Casts {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = &mut *query.body {
            for item in &mut select.projection {
                let SelectItem::UnnamedExpr(expr) = item else { continue };
                if let Some(alias) = cast_column(expr) {
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// The column under one or more casts.
fn cast_column(expr: &Expr) -> Option<Ident> {
    let Expr::Cast { expr: inner, .. } = expr else { return None };
    match &**inner {
        Expr::Identifier(name) => Some(name.clone()),
        Expr::CompoundIdentifier(names) => names.last().cloned(),
        Expr::Nested(inner) => cast_column(inner),
        inner => cast_column(inner),
    }
}
