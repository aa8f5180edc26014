//! Statements that are spelled as PostgreSQL does, in the engine's words: patterns of times, names of types and functions, FETCH FIRST.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LimitClause,
    ObjectName, ObjectNamePart, Query, Value, ValueWithSpan, VisitMut, VisitorMut,
};

use super::error::QueryError;

/// Functions whose second argument is a pattern.
const OF_PATTERNS: &[&str] = &["to_char", "to_timestamp", "to_date"];
/// Functions that are `now()`.
const NOW: &[&str] = &["clock_timestamp", "statement_timestamp", "transaction_timestamp"];

/// Types that are text, beside those of the standard.
const TEXTS: &[&str] = &["bpchar", "name", "char", "citext", "xml"];

/// Parts of PostgreSQL's patterns in any case, the longer ones first, and what the engine calls them.
const PARTS: &[(&str, &str)] = &[
    ("yyyy", "%Y"),
    ("iyyy", "%G"),
    ("hh24", "%H"),
    ("hh12", "%I"),
    ("ddd", "%j"),
    ("yy", "%y"),
    ("mm", "%m"),
    ("dd", "%d"),
    ("hh", "%I"),
    ("mi", "%M"),
    ("ss", "%S"),
    ("ms", "%3f"),
    ("us", "%6f"),
    ("iw", "%V"),
    ("id", "%u"),
    ("q", "%q"),
];
/// Parts whose case says how they are written.
const NAMES: &[(&str, &str)] = &[
    ("FMMonth", "%B"),
    ("FMDay", "%A"),
    ("Mon", "%b"),
    ("Dy", "%a"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
];

/// Puts the engine's words in place of PostgreSQL's.
pub(super) fn spell(statement: &mut Statement) -> Result<(), QueryError> {
    match statement {
        Statement::Explain(explain) => spell(&mut explain.statement),
        Statement::Statement(statement) => match statement.visit(&mut Words) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        },
        _ => Ok(()),
    }
}

struct Words;

impl VisitorMut for Words {
    type Break = QueryError;

    /// `FETCH FIRST n ROWS ONLY` is LIMIT.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<QueryError> {
        let Some(fetch) = query.fetch.take_if(|fetch| !fetch.with_ties && !fetch.percent) else {
            return ControlFlow::Continue(());
        };
        let one = || Expr::Value(Value::Number("1".to_owned(), false).with_empty_span());
        let quantity = fetch.quantity.unwrap_or_else(one);
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit, .. }) => drop(limit.get_or_insert(quantity)),
            Some(LimitClause::OffsetCommaLimit { .. }) => {}
            none => *none = Some(LimitClause::LimitOffset { limit: Some(quantity), offset: None, limit_by: vec![] }),
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        match expr {
            Expr::Cast { data_type, .. } => {
                if let Some(known) = known(data_type) {
                    *data_type = known;
                }
            }
            Expr::Function(call) => match of_call(call) {
                Ok(Some(other)) => *expr = other,
                Ok(None) => {}
                Err(error) => return ControlFlow::Break(error),
            },
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Types that are text here. JSON is text, which the engine's functions and operators of JSON take.
fn known(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::CharacterVarying(_) | DataType::CharVarying(_) | DataType::JSON | DataType::JSONB => {
            Some(DataType::Varchar(None))
        }
        DataType::Custom(name, arguments) if arguments.is_empty() => {
            let is_text = bare(name).is_some_and(|name| TEXTS.contains(&name.as_str()));
            is_text.then_some(DataType::Varchar(None))
        }
        _ => None,
    }
}

fn bare(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(ObjectNamePart::as_ident).map(|ident| ident.value.to_ascii_lowercase())
}

fn nested(expr: &Expr) -> Box<Expr> {
    Box::new(Expr::Nested(Box::new(expr.clone())))
}

/// Another expression in place of the call.
fn of_call(call: &mut Function) -> Result<Option<Expr>, QueryError> {
    let Some(name) = bare(&call.name) else { return Ok(None) };
    if NOW.contains(&name.as_str()) {
        call.name = ObjectName::from(vec![Ident::new("now")]);
        return Ok(None);
    }
    let FunctionArguments::List(list) = &mut call.args else { return Ok(None) };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(first)), FunctionArg::Unnamed(FunctionArgExpr::Expr(second))] =
        list.args.as_mut_slice()
    else {
        return Ok(None);
    };
    if name == "mod" {
        let rest = Expr::BinaryOp { left: nested(first), op: BinaryOperator::Modulo, right: nested(second) };
        return Ok(Some(Expr::Nested(Box::new(rest))));
    }
    if OF_PATTERNS.contains(&name.as_str())
        && let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(pattern), .. }) = second
        // The engine's own patterns have signs of percent.
        && !pattern.contains('%')
    {
        *pattern = pattern_of(pattern).ok_or_else(|| QueryError::NotSupported {
            message: format!("{name} does not know the pattern {pattern:?}: YYYY, MM, DD, HH24, HH12, MI, SS, MS, US, AM, Mon, Dy, FMMonth, FMDay, DDD, Q, IYYY, IW and ID are known, and other letters stand in double quotes"),
        })?;
    }
    Ok(None)
}

/// The engine's pattern for one of PostgreSQL's.
fn pattern_of(pattern: &str) -> Option<String> {
    let (mut written, mut rest) = (String::new(), pattern);
    while let Some(letter) = rest.chars().next() {
        let starts =
            |part: &&(&str, &str)| rest.get(..part.0.len()).is_some_and(|start| start.eq_ignore_ascii_case(part.0));
        let part = NAMES.iter().find(|part| rest.starts_with(part.0)).or_else(|| PARTS.iter().find(starts));
        if let Some((part, known)) = part {
            written.push_str(known);
            rest = &rest[part.len()..];
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (text, behind) = quoted.split_once('"')?;
            written.push_str(text);
            rest = behind;
        } else if letter.is_alphabetic() {
            return None;
        } else {
            written.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::pattern_of;

    #[test]
    fn patterns_are_put_in_the_engines_words() {
        for (theirs, ours) in [
            ("YYYY-MM-DD HH24:MI:SS.US", "%Y-%m-%d %H:%M:%S.%6f"),
            ("yyyy-mm-dd\"T\"hh24:mi:ss", "%Y-%m-%dT%H:%M:%S"),
            ("Dy, DD Mon YY", "%a, %d %b %y"),
            ("HH12:MI am", "%I:%M %P"),
            ("IYYY-IW-ID, DDD", "%G-%V-%u, %j"),
            ("", ""),
        ] {
            assert_eq!(pattern_of(theirs).as_deref(), Some(ours), "{theirs}");
        }
        for unknown in ["Month", "MON", "TZ", "YYYY\"x", "J"] {
            assert_eq!(pattern_of(unknown), None, "{unknown}");
        }
    }
}
