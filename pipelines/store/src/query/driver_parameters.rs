//! Parameters as drivers send them: text with the type that the driver says. They become literal nodes, as those of REST.

use datafusion::sql::sqlparser::ast::{
    Array, CastKind, DataType as SqlType, ExactNumberInfo, Expr, TimezoneInfo, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::error::QueryError;
use super::parameters::LITERAL_BYTES;

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// The driver leaves it to us: a text that takes the type of what it is compared with.
    Unknown,
    Boolean,
    Integer,
    Float,
    Decimal,
    Text,
    Date,
    /// Without a zone.
    Timestamp,
    /// With one.
    Instant,
}

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterValue {
    pub kind: ParameterKind,
    pub content: ParameterContent,
}

/// What a parameter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterContent {
    Null,
    /// As text, in PostgreSQL's spelling.
    One(String),
    /// A list of them.
    Many(Vec<ParameterValue>),
}

impl ParameterValue {
    /// A single value.
    pub fn one(kind: ParameterKind, text: impl Into<String>) -> Self {
        ParameterValue { kind, content: ParameterContent::One(text.into()) }
    }

    /// No value.
    pub fn null(kind: ParameterKind) -> Self {
        ParameterValue { kind, content: ParameterContent::Null }
    }

    /// What it takes as a node of the statement, about.
    pub(super) fn bytes(&self) -> usize {
        match &self.content {
            ParameterContent::Null => LITERAL_BYTES,
            ParameterContent::One(text) => LITERAL_BYTES + text.len(),
            ParameterContent::Many(items) => items.iter().map(ParameterValue::bytes).sum(),
        }
    }

    /// As a node of the statement.
    pub(super) fn literal(&self, name: &str, span: Span) -> Result<Expr, QueryError> {
        let refused = |given: &'static str| QueryError::ParameterType { name: name.to_owned(), given };
        let value = |value: Value| Expr::Value(ValueWithSpan { value, span });
        let text = match &self.content {
            ParameterContent::Null => return Ok(self.kind.null()),
            ParameterContent::Many(items) => {
                let elem = items.iter().map(|item| item.literal(name, span)).collect::<Result<Vec<_>, _>>()?;
                return Ok(Expr::Array(Array { elem, named: true }));
            }
            ParameterContent::One(text) => text,
        };
        Ok(match self.kind {
            ParameterKind::Boolean => match text.to_ascii_lowercase().as_str() {
                "t" | "true" | "1" | "y" | "yes" | "on" => value(Value::Boolean(true)),
                "f" | "false" | "0" | "n" | "no" | "off" => value(Value::Boolean(false)),
                _ => return Err(refused("a text that is neither true nor false")),
            },
            ParameterKind::Integer => match text.trim().parse::<i64>() {
                Ok(number) => value(Value::Number(number.to_string(), false)),
                Err(_) => return Err(refused("a text that is no whole number")),
            },
            ParameterKind::Unknown | ParameterKind::Text => value(Value::SingleQuotedString(text.clone())),
            _ => self.kind.cast(value(Value::SingleQuotedString(text.clone()))),
        })
    }
}

impl ParameterKind {
    /// A null of this type.
    pub(super) fn null(self) -> Expr {
        let null = Expr::Value(ValueWithSpan { value: Value::Null, span: Span::empty() });
        if self == ParameterKind::Unknown { null } else { self.cast(null) }
    }

    fn cast(self, expr: Expr) -> Expr {
        let data_type = match self {
            ParameterKind::Boolean => SqlType::Boolean,
            ParameterKind::Integer => SqlType::BigInt(None),
            ParameterKind::Float => SqlType::DoublePrecision,
            ParameterKind::Decimal => SqlType::Decimal(ExactNumberInfo::PrecisionAndScale(38, 10)),
            ParameterKind::Date => SqlType::Date,
            ParameterKind::Timestamp => SqlType::Timestamp(None, TimezoneInfo::None),
            ParameterKind::Instant => SqlType::Timestamp(None, TimezoneInfo::WithTimeZone),
            ParameterKind::Unknown | ParameterKind::Text => SqlType::Varchar(None),
        };
        Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
    }
}
