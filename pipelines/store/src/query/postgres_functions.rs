//! Functions of PostgreSQL's catalogue that clients call and that have one answer here.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

/// The version that clients are told: what they may use depends on it.
pub const VERSION: &str = "PostgreSQL 16.6 (Footfall)";

/// What a function answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Says {
    NoText,
    Text(&'static str),
    True,
    False,
    Zero,
    /// Whether the privilege that the last argument names only reads.
    Reads,
    /// The first argument with the others in the places of %s, %I and %L.
    Format,
    /// The setting that the first argument names.
    Setting,
    /// The second argument.
    Second,
}

const FUNCTIONS: &[(&str, Says)] = &[
    ("obj_description", Says::NoText),
    ("col_description", Says::NoText),
    ("shobj_description", Says::NoText),
    ("pg_get_viewdef", Says::NoText),
    ("pg_get_indexdef", Says::NoText),
    ("pg_get_triggerdef", Says::NoText),
    ("pg_get_ruledef", Says::NoText),
    ("pg_get_functiondef", Says::NoText),
    ("pg_get_function_arguments", Says::NoText),
    ("pg_get_function_identity_arguments", Says::NoText),
    ("pg_get_function_result", Says::NoText),
    ("pg_get_serial_sequence", Says::NoText),
    ("pg_tablespace_location", Says::NoText),
    ("to_regtype", Says::NoText),
    ("to_regclass", Says::NoText),
    ("pg_size_pretty", Says::NoText),
    ("pg_get_function_arg_default", Says::NoText),
    ("pg_get_statisticsobjdef", Says::NoText),
    ("pg_get_partition_constraintdef", Says::NoText),
    ("pg_relation_filepath", Says::NoText),
    ("pg_advisory_unlock_all", Says::NoText),
    ("json_build_object", Says::NoText),
    ("to_regnamespace", Says::NoText),
    ("to_regproc", Says::NoText),
    ("to_regrole", Says::NoText),
    ("pg_client_encoding", Says::Text("UTF8")),
    ("getdatabaseencoding", Says::Text("UTF8")),
    ("inet_client_port", Says::Zero),
    ("inet_server_port", Says::Zero),
    ("pg_my_temp_schema", Says::Zero),
    ("pg_current_xact_id", Says::Zero),
    ("pg_relation_is_updatable", Says::Zero),
    ("age", Says::Zero),
    ("pg_collation_is_visible", Says::True),
    ("pg_conversion_is_visible", Says::True),
    ("pg_operator_is_visible", Says::True),
    ("pg_opclass_is_visible", Says::True),
    ("pg_opfamily_is_visible", Says::True),
    ("pg_statistics_obj_is_visible", Says::True),
    ("pg_ts_config_is_visible", Says::True),
    ("pg_ts_dict_is_visible", Says::True),
    ("pg_ts_parser_is_visible", Says::True),
    ("pg_ts_template_is_visible", Says::True),
    ("has_language_privilege", Says::Reads),
    ("has_type_privilege", Says::Reads),
    ("has_tablespace_privilege", Says::False),
    ("has_foreign_data_wrapper_privilege", Says::False),
    ("has_server_privilege", Says::False),
    ("pg_column_is_updatable", Says::False),
    ("pg_index_column_has_property", Says::False),
    ("pg_is_other_temp_schema", Says::False),
    ("pg_jit_available", Says::False),
    ("pg_table_size", Says::Zero),
    ("pg_indexes_size", Says::Zero),
    ("inet_client_addr", Says::NoText),
    ("inet_server_addr", Says::NoText),
    ("version", Says::Text(VERSION)),
    ("pg_type_is_visible", Says::True),
    ("pg_function_is_visible", Says::True),
    ("pg_has_role", Says::True),
    ("has_any_column_privilege", Says::Reads),
    ("has_column_privilege", Says::Reads),
    ("has_database_privilege", Says::Reads),
    ("has_schema_privilege", Says::Reads),
    ("has_table_privilege", Says::Reads),
    ("format", Says::Format),
    ("has_function_privilege", Says::True),
    ("has_sequence_privilege", Says::False),
    ("pg_is_in_recovery", Says::False),
    ("row_security_active", Says::False),
    ("pg_database_size", Says::Zero),
    ("txid_current", Says::Zero),
    ("current_setting", Says::Setting),
    ("set_config", Says::Second),
];

/// All of them.
pub(super) fn functions() -> impl Iterator<Item = ScalarUDF> {
    FUNCTIONS.iter().map(|(name, says)| ScalarUDF::from(Told::new(name, *says)))
}

/// Settings as PostgreSQL would have them.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("server_version", "16.6"),
    ("server_version_num", "160006"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("timezone", "UTC"),
    ("datestyle", "ISO, MDY"),
    ("intervalstyle", "postgres"),
    ("search_path", "public"),
    ("integer_datetimes", "on"),
    ("standard_conforming_strings", "on"),
    ("transaction_read_only", "on"),
    ("default_transaction_read_only", "on"),
    ("is_superuser", "off"),
    ("in_hot_standby", "off"),
    ("bytea_output", "hex"),
    ("transaction_isolation", "read committed"),
    ("default_transaction_isolation", "read committed"),
    ("transaction_deferrable", "off"),
    ("max_identifier_length", "63"),
    ("extra_float_digits", "1"),
    ("lc_collate", "C"),
    ("lc_ctype", "C"),
    ("lc_messages", "C"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("max_index_keys", "32"),
    ("block_size", "8192"),
    ("application_name", ""),
    ("role", "none"),
    ("session_authorization", "postgres"),
];

/// A setting as PostgreSQL would have it; `None` for one that clients do not ask.
pub fn setting(name: &str) -> Option<&'static str> {
    SETTINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Told {
    name: &'static str,
    says: Says,
    signature: Signature,
}

impl Told {
    fn new(name: &'static str, says: Says) -> Told {
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        Told { name, says, signature: Signature::one_of(any, Volatility::Stable) }
    }
}

impl ScalarUDFImpl for Told {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.says {
            Says::True | Says::False | Says::Reads => DataType::Boolean,
            Says::Zero => DataType::Int64,
            _ => DataType::Utf8,
        })
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let text = |place: usize| match given.args.get(place) {
            Some(ColumnarValue::Scalar(value)) => value.try_as_str().flatten().map(str::to_owned),
            _ => None,
        };
        let utf8 = |text: Option<String>| ScalarValue::Utf8(text);
        Ok(ColumnarValue::Scalar(match self.says {
            Says::NoText => utf8(None),
            Says::Text(text) => utf8(Some(text.to_owned())),
            Says::True => ScalarValue::Boolean(Some(true)),
            Says::False => ScalarValue::Boolean(Some(false)),
            Says::Zero => ScalarValue::Int64(Some(0)),
            Says::Reads => {
                let last = given.args.last().map(|last| match last {
                    ColumnarValue::Scalar(value) => value.try_as_str().flatten().map(str::to_ascii_lowercase),
                    ColumnarValue::Array(_) => None,
                });
                ScalarValue::Boolean(Some(last.flatten().is_some_and(|last| reads(&last))))
            }
            Says::Format => return format_all(&given),
            Says::Setting => utf8(text(0).and_then(|name| match name.eq_ignore_ascii_case("timezone") {
                true => given.config_options.execution.time_zone.clone(),
                false => setting(&name).map(str::to_owned),
            })),
            Says::Second => {
                let zone = given.config_options.execution.time_zone.as_deref();
                let is_zone = text(0).is_some_and(|name| name.eq_ignore_ascii_case("timezone"));
                if is_zone && text(1).as_deref() != zone {
                    return exec_err!("a session's zone is set by SET TIME ZONE");
                }
                utf8(text(1))
            }
        }))
    }
}

/// A list of privileges is had when one of them is.
fn reads(privileges: &str) -> bool {
    privileges.split(',').any(|one| matches!(one.trim(), "select" | "usage" | "connect"))
}

/// `format`, without positions and widths.
fn format_all(given: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let mut columns = Vec::with_capacity(given.args.len());
    for value in &given.args {
        columns.push(cast(&value.to_array(given.number_rows)?, &DataType::Utf8)?);
    }
    let columns: Vec<&StringArray> = columns.iter().map(|column| column.as_string::<i32>()).collect();
    let Some((pattern, values)) = columns.split_first() else { return exec_err!("format takes a text") };
    let mut written = StringBuilder::new();
    for row in 0..given.number_rows {
        match pattern.is_null(row) {
            true => written.append_null(),
            false => written.append_value(format_one(pattern.value(row), values, row)?),
        }
    }
    let written: ArrayRef = Arc::new(written.finish());
    let is_one = given.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
    Ok(match is_one {
        true => ColumnarValue::Scalar(ScalarValue::try_from_array(&written, 0)?),
        false => ColumnarValue::Array(written),
    })
}

fn format_one(pattern: &str, values: &[&StringArray], row: usize) -> Result<String> {
    let (mut out, mut values, mut letters) = (String::new(), values.iter(), pattern.chars());
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let kind = letters.next();
        if kind == Some('%') {
            out.push('%');
            continue;
        }
        let Some(value) = values.next() else { return exec_err!("format has too few arguments") };
        let value = (!value.is_null(row)).then(|| value.value(row));
        match (kind, value) {
            (Some('s'), value) => out.push_str(value.unwrap_or_default()),
            (Some('I'), Some(value)) => out.push_str(&quoted_name(value)),
            (Some('L'), Some(value)) => out.push_str(&format!("'{}'", value.replace('\'', "''"))),
            (Some('L'), None) => out.push_str("NULL"),
            _ => return exec_err!("format knows %s, %I and %L"),
        }
    }
    Ok(out)
}

fn quoted_name(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
