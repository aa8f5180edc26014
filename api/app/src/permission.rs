//! The permissions of the access layer as routes name them and as JSON has them.

use std::borrow::Cow;

use footfall_api_access::{Permission, PermissionSet};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The permission that a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct May(pub Permission);

impl footfall_api_http::Permission for May {
    fn name(self) -> &'static str {
        self.0.name()
    }
}

/// A permission by its stable name, in requests and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermissionName(pub Permission);

impl PermissionName {
    pub(crate) fn set(names: &[PermissionName]) -> PermissionSet {
        names.iter().map(|name| name.0).collect()
    }

    pub(crate) fn list(set: PermissionSet) -> Vec<PermissionName> {
        set.iter().map(PermissionName).collect()
    }
}

impl Serialize for PermissionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for PermissionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(PermissionName).map_err(de::Error::custom)
    }
}

/// A permission that needs no second factor each time: what a personal token may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenScope(pub(crate) PermissionName);

impl<'de> Deserialize<'de> for TokenScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PermissionName::deserialize(deserializer).map(TokenScope)
    }
}

impl JsonSchema for TokenScope {
    fn schema_name() -> Cow<'static, str> {
        "TokenScope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let harmless = Permission::ALL.iter().filter(|permission| !permission.is_dangerous());
        let names: Vec<&str> = harmless.map(|permission| permission.name()).collect();
        json_schema!({"type": "string", "enum": names, "description": "What a personal token may be for."})
    }
}

impl JsonSchema for PermissionName {
    fn schema_name() -> Cow<'static, str> {
        "Permission".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Permission::ALL.iter().map(|permission| permission.name()).collect();
        json_schema!({"type": "string", "enum": names, "description": "What may be done."})
    }
}
