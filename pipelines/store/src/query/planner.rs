//! From SQL text to rows: one statement that reads, its parameters bound, planned and started.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SQLOptions;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Statement as Sql, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_functions_json::udfs::json_union_to_text_udf;

use super::bounded::batch_rows;
use super::column_names::name_columns;
use super::config::{Dialect, Question};
use super::described::Described;
use super::driver_parameters::ParameterKind;
use super::error::QueryError;
use super::parameters::{self, Values};
use super::postgres;
use super::spelled::spell;

/// Longest statement, in words and signs.
const TOKENS_MAX: usize = 20_000;
/// Deepest expression: a chain of operators is as deep as it is long, and planning takes the square of that.
const DEPTH_MAX: usize = 400;
/// Most queries joined by UNION and its like, for the same reason.
const SET_OPERATIONS_MAX: usize = 200;

/// A statement that reads.
pub(super) struct Parsed {
    pub statement: Statement,
    /// It asks about tables, in PostgreSQL's catalogue.
    pub about_catalogue: bool,
}

/// Reads the text as one statement that reads, and binds its parameters.
pub(super) fn parse(question: &Question, sql_bytes_max: usize) -> Result<Parsed, QueryError> {
    let mut parsed = read(question, sql_bytes_max)?;
    let values = match question.values.as_slice() {
        [] => Values::Json(&question.params),
        values => Values::Typed(values),
    };
    parameters::bind(&mut parsed.statement, &values)?;
    Ok(parsed)
}

/// Reads the text and leaves its parameters open.
pub(super) fn read(question: &Question, sql_bytes_max: usize) -> Result<Parsed, QueryError> {
    let sql = question.sql.as_str();
    if sql.len() > sql_bytes_max {
        return Err(QueryError::SqlTooLong { size: sql.len(), unit: "bytes", most: sql_bytes_max });
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| QueryError::SqlSyntax {
        message: error.message.clone(),
        position: Some(error.location.into()),
    })?;
    let count = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).count();
    if count > TOKENS_MAX {
        return Err(QueryError::SqlTooLong { size: count, unit: "words and signs", most: TOKENS_MAX });
    }
    let is_set_operation = |token: &Token| matches!(token, Token::Word(word) if matches!(word.keyword, Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT));
    if tokens.iter().filter(|token| is_set_operation(&token.token)).count() > SET_OPERATIONS_MAX {
        return Err(QueryError::SqlTooDeep { most: SET_OPERATIONS_MAX });
    }
    // PostgreSQL's precedence: properties->>'a' = 'b' compares the property.
    let dialect = PostgreSqlDialect {};
    let about_catalogue = question.dialect == Dialect::Postgres && postgres::is_about_catalogue(&tokens);
    let mut statements = match about_catalogue {
        true => postgres::parse(sql)?,
        false => DFParserBuilder::new(tokens).with_dialect(&dialect).build()?.parse_statements()?,
    };
    match (statements.pop_front(), statements.len()) {
        (None, _) => Err(QueryError::SqlSyntax { message: "there is no statement".into(), position: None }),
        (Some(mut statement), 0) => {
            only_reads(&statement)?;
            not_too_deep(&statement)?;
            name_columns(&mut statement);
            spell(&mut statement)?;
            Ok(Parsed { statement, about_catalogue })
        }
        (Some(_), more) => Err(QueryError::TooManyStatements { count: more + 1 }),
    }
}

fn only_reads(statement: &Statement) -> Result<(), QueryError> {
    match statement {
        Statement::Explain(explain) => only_reads(&explain.statement),
        Statement::Statement(statement) => match &**statement {
            Sql::Query(_) | Sql::ExplainTable { .. } => Ok(()),
            Sql::ShowTables { .. } | Sql::ShowColumns { .. } | Sql::ShowFunctions { .. } => Ok(()),
            other => Err(not_read_only(&other.to_string())),
        },
        other => Err(not_read_only(&other.to_string())),
    }
}

fn not_too_deep(statement: &Statement) -> Result<(), QueryError> {
    match statement {
        Statement::Explain(explain) => not_too_deep(&explain.statement),
        Statement::Statement(statement) => within(statement.as_ref(), DEPTH_MAX),
        _ => Ok(()),
    }
}

/// Refuses what is nested deeper than this.
pub(super) fn within(tree: &impl Visit, most: usize) -> Result<(), QueryError> {
    match tree.visit(&mut Depth { now: 0, most }) {
        ControlFlow::Break(()) => Err(QueryError::SqlTooDeep { most }),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Depth {
    now: usize,
    most: usize,
}

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<()> {
        self.now += 1;
        if self.now > self.most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<()> {
        self.now -= 1;
        ControlFlow::Continue(())
    }
}

fn not_read_only(statement: &str) -> QueryError {
    let word: String = statement.chars().take_while(char::is_ascii_alphabetic).collect();
    QueryError::NotReadOnly { statement: word.to_uppercase() }
}

/// Plans the statement and starts it.
pub(super) async fn run(state: &SessionState, statement: Statement) -> Result<SendableRecordBatchStream, QueryError> {
    let plan = state.statement_to_plan(statement).await?;
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false).verify_plan(&plan)?;
    let plan = unions_as_text(plan)?;
    let physical = state.create_physical_plan(&plan).await?;
    let most = state.config().batch_size();
    let rows = batch_rows(&physical, most)?;
    if rows == most {
        return Ok(execute_stream(physical, state.task_ctx())?);
    }
    // Operators keep the number of rows from when they are planned.
    let mut state = state.clone();
    *state.config_mut() = state.config().clone().with_batch_size(rows);
    let physical = state.create_physical_plan(&plan).await?;
    Ok(execute_stream(physical, state.task_ctx())?)
}

/// The columns and parameters of a statement whose parameters are open. `declared` are the types that the asker gave them.
pub(super) async fn describe(
    state: &SessionState,
    statement: &Statement,
    declared: &[Option<ParameterKind>],
) -> Result<Described, QueryError> {
    let attempt = async |rest: Option<ParameterKind>| {
        let mut statement = statement.clone();
        let count = parameters::bind(&mut statement, &Values::Declared { kinds: declared, rest })?;
        let plan = unions_as_text(state.statement_to_plan(statement).await?)?;
        let mut types = plan.get_parameter_types()?;
        let schema = match types.is_empty() {
            // As the rows will have it.
            true => state.create_physical_plan(&plan).await?.schema(),
            false => Arc::new(plan.schema().as_arrow().clone()),
        };
        let parameters = (1..=count).map(|number| types.remove(&format!("${number}")).flatten()).collect();
        Ok::<_, QueryError>(Described { schema, parameters })
    };
    match attempt(None).await {
        Ok(described) => Ok(described),
        // Where the engine finds no type for a parameter, it is a text.
        Err(_) => attempt(Some(ParameterKind::Text)).await,
    }
}

/// `properties->'key'` is a union of JSON's types, which no format of an answer has: it becomes JSON text.
fn unions_as_text(plan: LogicalPlan) -> Result<LogicalPlan, QueryError> {
    let is_union = |expr: &arrow::datatypes::Field| matches!(expr.data_type(), arrow::datatypes::DataType::Union(..));
    if !plan.schema().fields().iter().any(|field| is_union(field)) {
        return Ok(plan);
    }
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            let column = Expr::Column(Column::from((qualifier, field)));
            match is_union(field) {
                true => json_union_to_text_udf().call(vec![column]).alias(field.name()),
                false => column,
            }
        })
        .collect();
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}
