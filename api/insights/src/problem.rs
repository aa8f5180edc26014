//! Why a question has no answer, as problems.

use std::time::Duration;

use footfall_api_http::{Fault, Kind, Place, Problem};
use footfall_pipelines_insights::InsightError;
use footfall_pipelines_insights::definition::Question;
use footfall_pipelines_insights_feed::AskError;
use http::StatusCode as Status;

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(pub(crate) static $name: Kind = Kind::new(Status::$status, $code, $title);)*
        /// All of them.
        pub(crate) static RAISED: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    REFUSED = UNPROCESSABLE_ENTITY, "insight_refused", "The question cannot be answered as it is.";
    NO_PROJECT = NOT_FOUND, "insight_project_unknown", "There is no such project, or it is not yours to know.";
    UNNAMED = BAD_REQUEST, "project_missing", "The request does not say which project it is about.";
    TOO_MANY_VALUES = UNPROCESSABLE_ENTITY, "insight_values_too_many", "The property has too many different values.";
    RESTRICTED = FORBIDDEN, "insight_restricted", "The role sees a part of the activity only.";
    PREPARING = SERVICE_UNAVAILABLE, "insight_preparing", "The project's activity is being prepared for insights.";
    TOO_LONG = SERVICE_UNAVAILABLE, "insight_time_limit", "The answer took too long.";
    TOO_LARGE = UNPROCESSABLE_ENTITY, "insight_memory", "The question takes too much memory.";
    TOO_LARGE_ON_DISK = UNPROCESSABLE_ENTITY, "insight_disk", "The question takes too much of the disk.";
    TOO_MANY = SERVICE_UNAVAILABLE, "insight_busy", "Too many questions wait for their turn.";
}

/// As the API says it, with a pointer to what has to change in the question.
pub(crate) fn refusal(error: AskError, question: &Question) -> Problem {
    let detail = error.to_string();
    match error {
        AskError::Question(error) => {
            let fault = Fault::new(Place::Body, pointer(&error, question), error.to_string());
            Problem::new(&REFUSED).detail(detail).faults(vec![fault])
        }
        AskError::TooManyValues { name } => Problem::new(&TOO_MANY_VALUES).detail(detail).member("property", name),
        AskError::TooManyActivities { .. } | AskError::TooManyPeople { .. } => {
            Problem::new(&TOO_MANY_VALUES).detail(detail)
        }
        AskError::Preparing { rows_done, rows_all } => Problem::retry(&PREPARING, Duration::from_secs(1))
            .detail(detail)
            .member("rows_done", rows_done)
            .member("rows_all", rows_all),
        AskError::TimeLimit { .. } => Problem::retry(&TOO_LONG, Duration::from_secs(5)).detail(detail),
        AskError::Memory { limit } => Problem::new(&TOO_LARGE)
            .detail(format!("{detail}: take a shorter span, fewer values of a breakdown, or no percentiles."))
            .member("limit_bytes", limit),
        AskError::Spill { limit } => Problem::new(&TOO_LARGE_ON_DISK)
            .detail(format!(
                "{detail}: take a shorter span, fewer values of a breakdown, or ask it when others are done."
            ))
            .member("limit_bytes", limit),
        AskError::Busy => Problem::retry(&TOO_MANY, Duration::from_secs(1)),
        // The feed has traced why.
        AskError::Store(store) if store.is_passing() => {
            Problem::retry(&footfall_api_http::kinds::UNAVAILABLE, Duration::from_secs(1))
        }
        AskError::Store(_) | AskError::Engine(_) | AskError::Closed => Problem::internal(error),
    }
}

/// Where in the body the fault lies.
fn pointer(error: &InsightError, question: &Question) -> String {
    // Of people and activities the body is what stands below their kind.
    let body = match question {
        Question::People(of) => below(serde_json::to_value(of)),
        Question::Activities(asked) => below(serde_json::to_value(&asked.of)),
        other => serde_json::to_value(other).unwrap_or_default(),
    };
    match error {
        // The body is the question; in JSON the word is the tag of its kind.
        InsightError::Question { field: "question", .. } => String::new(),
        InsightError::Question { field, .. } => find(&body, &|name, _| name == *field),
        InsightError::UnknownZone(zone) => find(&body, &|name, value| name == "zone" && value.as_str() == Some(zone)),
        InsightError::UnknownProperty { name: property, .. } | InsightError::PropertyKind { name: property, .. } => {
            find(&body, &|_, value| value.as_str() == Some(property))
        }
        _ => String::new(),
    }
}

fn below(value: serde_json::Result<serde_json::Value>) -> serde_json::Value {
    match value {
        Ok(serde_json::Value::Object(members)) => members.into_iter().next().map(|member| member.1).unwrap_or_default(),
        _ => serde_json::Value::Null,
    }
}

/// The pointer to the first member or item that `is` the one; empty for the whole.
fn find(value: &serde_json::Value, is: &impl Fn(&str, &serde_json::Value) -> bool) -> String {
    fn walk(value: &serde_json::Value, at: &str, is: &impl Fn(&str, &serde_json::Value) -> bool) -> Option<String> {
        let inner: Vec<(String, &serde_json::Value)> = match value {
            serde_json::Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
            serde_json::Value::Array(items) => {
                items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
            }
            _ => return None,
        };
        for (name, value) in inner {
            let here = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            if is(&name, value) {
                return Some(here);
            }
            if let Some(found) = walk(value, &here, is) {
                return Some(found);
            }
        }
        None
    }
    walk(value, "", is).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_lead_to_the_member_or_the_name() {
        let body = json!({"scope": {"from_ms": 1}, "series": [{"measures": ["count", {"sum": "a/b"}]}]});
        assert_eq!(find(&body, &|name, _| name == "measures"), "/series/0/measures");
        assert_eq!(find(&body, &|_, value| value == "a/b"), "/series/0/measures/1/sum");
        assert_eq!(find(&body, &|name, _| name == "nothing"), "");
    }
}
