//! Functions of PostgreSQL's catalogue that clients call and that have one answer here.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
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
    ("pg_table_size", Says::Zero),
    ("pg_indexes_size", Says::Zero),
    ("inet_client_addr", Says::NoText),
    ("inet_server_addr", Says::NoText),
    ("version", Says::Text(VERSION)),
    ("pg_type_is_visible", Says::True),
    ("pg_function_is_visible", Says::True),
    ("pg_has_role", Says::True),
    ("has_column_privilege", Says::True),
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

/// A setting as PostgreSQL would have it; `None` for one that clients do not ask.
pub fn setting(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "server_version" => "16.6",
        "server_version_num" => "160006",
        "server_encoding" | "client_encoding" => "UTF8",
        "timezone" => "UTC",
        "datestyle" => "ISO, MDY",
        "intervalstyle" => "postgres",
        "search_path" => "public",
        "integer_datetimes" | "standard_conforming_strings" | "transaction_read_only" => "on",
        "default_transaction_read_only" => "on",
        "is_superuser" | "in_hot_standby" => "off",
        "bytea_output" => "hex",
        "transaction_isolation" | "default_transaction_isolation" => "read committed",
        "max_identifier_length" => "63",
        "extra_float_digits" => "1",
        "lc_collate" | "lc_ctype" | "lc_messages" => "C",
        "statement_timeout" | "lock_timeout" | "idle_in_transaction_session_timeout" => "0",
        "max_index_keys" => "32",
        "block_size" => "8192",
        "application_name" | "role" => "",
        _ => return None,
    })
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
            Says::True | Says::False => DataType::Boolean,
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
            Says::Setting => utf8(text(0).and_then(|name| setting(&name)).map(str::to_owned)),
            Says::Second => utf8(text(1)),
        }))
    }
}
