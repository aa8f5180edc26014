//! What clients of PostgreSQL write about the catalogue and the engine does not plan, in words that it does.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, GroupByExpr, Ident, LimitClause, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr,
    TableFactor, Value, ValueWithSpan, Visit, Visitor, VisitorMut,
};

use super::postgres_tables;

/// Columns of keys, of which there are none.
const OF_KEYS: &[&str] = &["conkey", "confkey"];
/// The place of a column in a key, as SQLAlchemy calls it. No order of nothing is wrong, and the engine has no plan for this one.
const PLACE_IN_KEY: &[&str] = &["ord"];
/// Columns of `pg_type` that name a function, as a text here.
const OF_FUNCTIONS: &[&str] =
    &["typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout", "typanalyze", "typsubscript"];
/// Columns of names that a cast such as `'pg_catalog.int4'::regtype` is looked up in.
const OF_NAMES: &[&str] = &["proname", "typname"];
/// Tables of the catalogue that describe none of our tables.
const NOTHING_IN: &[&str] = &["pg_attrdef", "pg_sequence", "pg_constraint", "pg_index", "pg_trigger", "pg_inherits"];
const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "array_agg",
    "string_agg",
    "bool_and",
    "bool_or",
    "every",
    "first_value",
    "last_value",
];

/// Puts one way of saying it in place of another.
pub(super) struct Rewrites;

impl VisitorMut for Rewrites {
    type Break = ();

    /// Tables of the catalogue are found without its name. One of them is a function, too.
    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args, .. } = factor
            && args.is_some()
            && last_of(name).is_some_and(|name| name == "pg_show_all_settings")
        {
            (*name, *args) = (ObjectName::from(vec![Ident::new(postgres_tables::SETTINGS_TABLE)]), None);
        }
        if let TableFactor::Table { name, args: None, .. } = factor
            && let [ObjectNamePart::Identifier(only)] = name.0.as_slice()
            && postgres_tables::is_own(&only.value.to_ascii_lowercase())
        {
            name.0.insert(0, ObjectNamePart::Identifier(Ident::new("pg_catalog")));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let found = match expr {
            // The object of a name that is only worked out with the rows is not known.
            Expr::Cast { expr: name, data_type, .. } => {
                let is_object = data_type.to_string().to_ascii_lowercase().ends_with("regclass");
                (is_object && matches!(**name, Expr::Function(_))).then_some(Value::Null)
            }
            Expr::AnyOp { right, .. } => is_column(right, OF_KEYS).then_some(Value::Boolean(false)),
            Expr::Function(call) => match call_of(in_any_order(call)) {
                Some(Replaced::By(value)) => Some(value),
                Some(Replaced::Array(query)) => {
                    *expr = Expr::Subquery(query);
                    None
                }
                None => None,
            },
            Expr::Subquery(query) => one_value(query),
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                match in_pairs(left, right) {
                    Some(pairs) => *expr = pairs,
                    None => by_name(left, right),
                }
                None
            }
            // The transaction that wrote a row of the catalogue: there was none.
            Expr::Identifier(name) => is_row_version(name),
            Expr::CompoundIdentifier(names) => names.last().and_then(is_row_version),
            _ => None,
        };
        if let Some(value) = found {
            *expr = Expr::Value(value.with_empty_span());
        }
        ControlFlow::Continue(())
    }
}

enum Replaced {
    By(Value),
    /// By this subquery.
    Array(Box<Query>),
}

fn number(digits: &str) -> Value {
    Value::Number(digits.to_owned(), false)
}

fn is_row_version(name: &Ident) -> Option<Value> {
    (name.quote_style.is_none() && name.value.eq_ignore_ascii_case("xmin")).then(|| number("0"))
}

fn last_of(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(ObjectNamePart::as_ident).map(|ident| ident.value.to_ascii_lowercase())
}

fn is_column(expr: &Expr, among: &[&str]) -> bool {
    let name = match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(names) => names.last(),
        _ => None,
    };
    name.is_some_and(|name| among.contains(&name.value.to_ascii_lowercase().as_str()))
}

fn call_of(call: &Function) -> Option<Replaced> {
    let name = last_of(&call.name)?;
    match &call.args {
        FunctionArguments::Subquery(query) if name == "array" => array_of(query.clone()),
        FunctionArguments::List(list) => match list.args.as_slice() {
            // Beside an `unnest` of keys, of which there are none.
            [_, _] if name == "generate_subscripts" => Some(Replaced::By(number("1"))),
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(first)), _] if is_column(first, OF_KEYS) => {
                Some(Replaced::By(Value::Boolean(false)))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The columns of a key without their order.
fn in_any_order(call: &mut Function) -> &Function {
    if let FunctionArguments::List(list) = &mut call.args
        && last_of(&call.name).is_some_and(|name| name == "array_agg")
    {
        let is_place = |clause: &FunctionArgumentClause| matches!(clause, FunctionArgumentClause::OrderBy(by) if by.iter().all(|one| is_column(&one.expr, PLACE_IN_KEY)));
        list.clauses.retain(|clause| !is_place(clause));
    }
    call
}

/// `ARRAY(SELECT x …)` as `(SELECT array_agg(x) …)`.
fn array_of(mut query: Box<Query>) -> Option<Replaced> {
    // What a role belongs to, by way of others: nothing.
    if query.with.is_some() {
        return Some(Replaced::By(Value::Null));
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    if !is_plain(select) || query.limit_clause.is_some() || query.fetch.is_some() {
        return None;
    }
    let is_of_list = |factor: &TableFactor| match factor {
        TableFactor::Table { args, .. } => args.is_some(),
        factor => matches!(factor, TableFactor::UNNEST { .. } | TableFactor::Function { .. }),
    };
    // Lists in the catalogue, such as a table's options, are empty.
    if select.from.iter().any(|from| is_of_list(&from.relation)) {
        return Some(Replaced::By(Value::Null));
    }
    let item = only_item(select)?;
    *item = call("array_agg", item.clone());
    query.order_by = None;
    Some(Replaced::Array(query))
}

/// The engine takes a subquery about the row around it for one value when it is an aggregate. It is one value in PostgreSQL too,
/// so that it is the first; a value for it, where there can be no rows.
fn one_value(query: &mut Query) -> Option<Value> {
    let mut names = Names::default();
    let _: ControlFlow<()> = Visit::visit(&*query, &mut names);
    let is_about_rows_around = !names.columns_of.is_subset(&names.tables);
    let is_one = matches!(&query.limit_clause, Some(LimitClause::LimitOffset { limit: Some(Expr::Value(ValueWithSpan { value: Value::Number(digits, _), .. })), offset: None, .. }) if digits == "1");
    let is_simple = query.with.is_none() && query.order_by.is_none() && query.fetch.is_none();
    if !is_about_rows_around || names.has_aggregate || !is_simple || !(is_one || query.limit_clause.is_none()) {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    if !is_plain(select) {
        return None;
    }
    if let [from] = select.from.as_slice()
        && let TableFactor::Table { name, args: None, .. } = &from.relation
        && last_of(name).is_some_and(|name| NOTHING_IN.contains(&name.as_str()))
    {
        return Some(Value::Null);
    }
    let item = only_item(select)?;
    *item = call("first_value", item.clone());
    query.limit_clause = None;
    None
}

fn is_plain(select: &Select) -> bool {
    let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    !is_grouped && select.having.is_none() && select.distinct.is_none()
}

fn only_item(select: &mut Select) -> Option<&mut Expr> {
    match select.projection.as_mut_slice() {
        [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] => Some(item),
        _ => None,
    }
}

fn call(name: &str, argument: Expr) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        args: FunctionArguments::List(FunctionArgumentList {
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))],
            duplicate_treatment: None,
            clauses: vec![],
        }),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// The tables of a query and of those within it, and the tables that its columns are said to be of.
#[derive(Default)]
struct Names {
    tables: HashSet<String>,
    columns_of: HashSet<String>,
    has_aggregate: bool,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let (alias, name) = match factor {
            TableFactor::Table { alias, name, .. } => (alias, last_of(name)),
            TableFactor::Derived { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::NestedJoin { alias, .. } => (alias, None),
            _ => return ControlFlow::Continue(()),
        };
        self.tables.extend(alias.as_ref().map(|alias| alias.name.value.to_ascii_lowercase()).or(name));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundIdentifier(names) => {
                if let [.., table, _] = names.as_slice() {
                    self.columns_of.insert(table.value.to_ascii_lowercase());
                }
            }
            Expr::Function(call) => {
                self.has_aggregate |= last_of(&call.name).is_some_and(|name| AGGREGATES.contains(&name.as_str()));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `(a, b) = (c, d)` as `a = c AND b = d`.
fn in_pairs(left: &Expr, right: &Expr) -> Option<Expr> {
    let (Expr::Tuple(left), Expr::Tuple(right)) = (left, right) else { return None };
    let both = |left: Expr, op: BinaryOperator, right: Expr| Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    };
    let pairs = left.iter().zip(right).filter(|_| left.len() == right.len()).map(|(left, right)| {
        let (mut left, mut right) = (left.clone(), right.clone());
        by_name(&mut left, &mut right);
        both(left, BinaryOperator::Eq, right)
    });
    pairs.reduce(|all, pair| both(all, BinaryOperator::And, pair))
}

/// `p.oid = t.typreceive` and `t.typinput = 'array_in'::regproc`: functions are compared by their names.
fn by_name(left: &mut Expr, right: &mut Expr) {
    if is_column(right, OF_FUNCTIONS) {
        named(left);
    } else if is_column(left, OF_FUNCTIONS) {
        named(right);
    } else if is_column(left, OF_NAMES)
        && let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name), .. }) = right
        && let Some(bare) = name.strip_prefix("pg_catalog.")
    {
        *name = bare.to_owned();
    }
}

/// The name of a function instead of its object id.
fn named(expr: &mut Expr) {
    match expr {
        Expr::Identifier(column) if column.value.eq_ignore_ascii_case("oid") => *column = Ident::new("proname"),
        Expr::CompoundIdentifier(names) => {
            if let Some(column) = names.last_mut().filter(|column| column.value.eq_ignore_ascii_case("oid")) {
                *column = Ident::new("proname");
            }
        }
        Expr::Subquery(query) => {
            if let Some(name) = looked_up(query) {
                *expr = Expr::Value(Value::SingleQuotedString(name).with_empty_span());
            }
        }
        _ => {}
    }
}

/// The name that a cast to `regproc` looks up.
fn looked_up(query: &Query) -> Option<String> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let Some(Expr::BinaryOp { left, op: BinaryOperator::Eq, right }) = &select.selection else { return None };
    match &**right {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name), .. }) if is_column(left, &["proname"]) => {
            Some(name.clone())
        }
        _ => None,
    }
}
