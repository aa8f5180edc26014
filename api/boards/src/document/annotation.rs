//! What happened when: shown on charts over time.

use footfall_api_http::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Content, Kind};
use crate::faults::Faults;

/// A moment, and what happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Annotation {
    pub at: Time,
    /// As "App 4.2 is out".
    pub text: String,
}

impl Content for Annotation {
    const KIND: Kind = Kind::Annotation;

    fn check(&self, faults: &mut Faults<'_>) {
        faults.line("text", &self.text);
    }

    fn title(&self) -> &str {
        &self.text
    }
}
