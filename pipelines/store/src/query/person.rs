//! From an id's own person to the person it is now.
//!
//! [`ResolvePerson`] applies the merges to a column; [`OwnPersons`] turns a comparison of its result into one of the
//! stored column, so that asking for one person skips the files' pages that do not hold it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
    lit,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use uuid::Uuid;

use crate::lake::Overrides;

/// SQL name of the function in the views.
const NAME: &str = "resolve_person";

/// `resolve_person(person_id)`: the person that the id's own person is now.
#[derive(Debug)]
pub(super) struct ResolvePerson {
    signature: Signature,
    overrides: Arc<Overrides>,
}

impl ResolvePerson {
    pub fn new(overrides: Arc<Overrides>) -> Self {
        ResolvePerson { signature: Signature::exact(vec![DataType::Utf8View], Volatility::Immutable), overrides }
    }
}

impl PartialEq for ResolvePerson {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.overrides, &other.overrides)
    }
}

impl Eq for ResolvePerson {}

impl Hash for ResolvePerson {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.overrides).hash(state);
    }
}

impl ScalarUDFImpl for ResolvePerson {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Array(ids)) => Ok(ColumnarValue::Array(resolve(ids, &self.overrides))),
            Some(ColumnarValue::Scalar(id)) => {
                let now = id.try_as_str().flatten().map(|id| match canonical(id, &self.overrides) {
                    Some(person) => person.to_string(),
                    None => id.to_owned(),
                });
                Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(now)))
            }
            None => exec_err!("{NAME} takes one argument"),
        }
    }
}

fn canonical(own: &str, overrides: &Overrides) -> Option<Uuid> {
    overrides.get(&Uuid::try_parse(own).ok()?).copied()
}

/// Rows of one person lie together, so equal neighbours are looked up once; a batch without merged ids is not copied.
fn resolve(ids: &ArrayRef, overrides: &Overrides) -> ArrayRef {
    let texts = ids.as_string_view();
    let mut changes: Vec<(usize, Uuid)> = Vec::new();
    let mut last: Option<(&str, Option<Uuid>)> = None;
    for (row, own) in texts.iter().enumerate() {
        let Some(own) = own else { continue };
        let now = match last {
            Some((before, now)) if before == own => now,
            _ => canonical(own, overrides),
        };
        last = Some((own, now));
        changes.extend(now.map(|person| (row, person)));
    }
    if changes.is_empty() {
        return ids.clone();
    }
    let mut resolved = StringViewBuilder::with_capacity(texts.len());
    let mut buffer = Uuid::encode_buffer();
    let mut changes = changes.into_iter().peekable();
    for (row, own) in texts.iter().enumerate() {
        match changes.next_if(|(changed, _)| *changed == row) {
            Some((_, person)) => resolved.append_value(person.hyphenated().encode_lower(&mut buffer)),
            None => resolved.append_option(own),
        }
    }
    Arc::new(resolved.finish())
}

/// Rewrites `resolve_person(x) = 'person'` (and `<>`, `IN`, `NOT IN`) to `x IN (ids of the person)`.
#[derive(Debug)]
pub(super) struct OwnPersons {
    overrides: Arc<Overrides>,
}

impl OwnPersons {
    pub fn new(overrides: Arc<Overrides>) -> Self {
        OwnPersons { overrides }
    }

    fn rewrite_expr(&self, expr: Expr) -> Transformed<Expr> {
        let compared = match &expr {
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Eq | Operator::NotEq), right }) => {
                let negated = *op == Operator::NotEq;
                match (argument(left), text(right), argument(right), text(left)) {
                    (Some(id), Some(person), _, _) | (_, _, Some(id), Some(person)) => {
                        Some((id, vec![person], negated))
                    }
                    _ => None,
                }
            }
            Expr::InList(InList { expr, list, negated }) => {
                let persons: Option<Vec<&str>> = list.iter().map(text).collect();
                argument(expr).zip(persons).map(|(id, persons)| (id, persons, *negated))
            }
            _ => None,
        };
        match compared {
            Some((id, persons, negated)) => {
                let list = self.own_ids(&persons).into_iter().map(utf8_view).collect();
                Transformed::yes(Expr::InList(InList { expr: Box::new(id.clone()), list, negated }))
            }
            None => Transformed::no(expr),
        }
    }

    /// Stored ids whose person is one of `persons`.
    fn own_ids(&self, persons: &[&str]) -> Vec<String> {
        let mut own: Vec<String> = Vec::new();
        let mut wanted: Vec<Uuid> = Vec::new();
        for person in persons {
            // Results are canonical text: another spelling of the same UUID equals none of them.
            let uuid = Uuid::try_parse(person).ok().filter(|uuid| uuid.to_string() == **person);
            wanted.extend(uuid);
            let moved = uuid.is_some_and(|uuid| self.overrides.contains_key(&uuid));
            if !moved {
                own.push((*person).to_owned());
            }
        }
        let merged = self.overrides.iter().filter(|(_, now)| wanted.contains(now)).map(|(own, _)| own.to_string());
        own.extend(merged);
        own.sort();
        own.dedup();
        own
    }
}

fn argument(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::ScalarFunction(call) if call.func.inner().is::<ResolvePerson>() => call.args.first(),
        Expr::Alias(alias) => argument(&alias.expr),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn utf8_view(text: String) -> Expr {
    lit(ScalarValue::Utf8View(Some(text)))
}

impl OptimizerRule for OwnPersons {
    fn name(&self) -> &str {
        "own_persons"
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        plan.transform_down_with_subqueries(|node| {
            if !matches!(node, LogicalPlan::Filter(_) | LogicalPlan::TableScan(_)) {
                return Ok(Transformed::no(node));
            }
            node.map_expressions(|expr| expr.transform_up(|expr| Ok(self.rewrite_expr(expr))))
        })
    }
}
