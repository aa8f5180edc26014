//! How plans look on the wire.

use footfall_api_http::Time;
use footfall_ingest_plan::{OnViolation, Unplanned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::plans::Wanted;
use crate::storage::{Found, Head, Kept, Revised};

/// What becomes of activities whose names are not in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnplannedActivities {
    /// They are taken; so are always those whose names begin with `$`.
    Allow,
    /// They are taken and counted as violations.
    Count,
    /// They are quarantined and counted as violations.
    Refuse,
}

impl From<Unplanned> for UnplannedActivities {
    fn from(unplanned: Unplanned) -> Self {
        match unplanned {
            Unplanned::Allow => UnplannedActivities::Allow,
            Unplanned::Count => UnplannedActivities::Count,
            Unplanned::Refuse => UnplannedActivities::Refuse,
        }
    }
}

impl From<UnplannedActivities> for Unplanned {
    fn from(unplanned: UnplannedActivities) -> Self {
        match unplanned {
            UnplannedActivities::Allow => Unplanned::Allow,
            UnplannedActivities::Count => Unplanned::Count,
            UnplannedActivities::Refuse => Unplanned::Refuse,
        }
    }
}

/// What becomes of an activity whose properties do not fit the schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Violating {
    /// It is taken and counted.
    #[default]
    Count,
    /// It is quarantined and counted.
    Refuse,
}

/// A project's plan as a whole.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TrackingPlan {
    pub unplanned: UnplannedActivities,
    /// Every change of the plan counts; 0: there is none.
    pub revision: i64,
    pub updated_at: Option<Time>,
    /// The account or key.
    pub updated_by: Option<String>,
}

impl From<Head> for TrackingPlan {
    fn from(head: Head) -> Self {
        let (updated_at, updated_by) = head.changed.map(|(at, by)| (at.into(), by)).unzip();
        TrackingPlan { unplanned: head.unplanned.into(), revision: head.revision, updated_at, updated_by }
    }
}

/// A plan as it is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedTrackingPlan {
    pub unplanned: UnplannedActivities,
}

/// An activity of the plan.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PlannedActivity {
    pub activity: String,
    description: String,
    owner: String,
    /// JSON Schema of its properties; absent where they may be anything.
    schema: Option<Map<String, Value>>,
    on_violation: Violating,
    revision: i64,
    created_at: Time,
    updated_at: Time,
    /// The account or key.
    updated_by: String,
}

impl From<Kept> for PlannedActivity {
    fn from(kept: Kept) -> Self {
        PlannedActivity {
            activity: kept.activity,
            description: kept.description,
            owner: kept.owner,
            schema: kept.schema.and_then(|schema| match schema {
                Value::Object(members) => Some(members),
                _ => None,
            }),
            on_violation: match kept.on_violation {
                OnViolation::Count => Violating::Count,
                OnViolation::Refuse => Violating::Refuse,
            },
            revision: kept.revision,
            created_at: kept.created_at.into(),
            updated_at: kept.updated_at.into(),
            updated_by: kept.updated_by,
        }
    }
}

/// What is said of an activity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedPlannedActivity {
    #[serde(default)]
    #[schemars(length(max = 4000))]
    description: String,
    /// Who answers for it.
    #[serde(default)]
    #[schemars(length(max = 200))]
    owner: String,
    /// JSON Schema (2020-12) of its properties, at most 64 KiB: without references, patterns in linear time.
    schema: Option<Map<String, Value>>,
    #[serde(default)]
    on_violation: Violating,
}

/// A new activity of the plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPlannedActivity {
    #[schemars(length(min = 1, max = 200))]
    pub activity: String,
    #[serde(default)]
    #[schemars(length(max = 4000))]
    description: String,
    /// Who answers for it.
    #[serde(default)]
    #[schemars(length(max = 200))]
    owner: String,
    /// JSON Schema (2020-12) of its properties, at most 64 KiB: without references, patterns in linear time.
    schema: Option<Map<String, Value>>,
    #[serde(default)]
    on_violation: Violating,
}

impl NewPlannedActivity {
    pub fn split(self) -> (String, WantedPlannedActivity) {
        let NewPlannedActivity { activity, description, owner, schema, on_violation } = self;
        (activity, WantedPlannedActivity { description, owner, schema, on_violation })
    }
}

impl From<WantedPlannedActivity> for Wanted {
    fn from(wanted: WantedPlannedActivity) -> Wanted {
        let on_violation = match wanted.on_violation {
            Violating::Count => OnViolation::Count,
            Violating::Refuse => OnViolation::Refuse,
        };
        let WantedPlannedActivity { description, owner, schema, .. } = wanted;
        Wanted { description, owner, schema: schema.map(Value::Object), on_violation }
    }
}

/// A revision of an activity of the plan.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PlanRevision {
    pub revision: i64,
    /// Description, owner, schema and on_violation; null where it was removed.
    content: Option<Map<String, Value>>,
    changed_at: Time,
    changed_by: String,
}

impl From<Revised> for PlanRevision {
    fn from(revised: Revised) -> Self {
        PlanRevision {
            revision: revised.revision,
            content: revised.content.as_object().cloned(),
            changed_at: revised.changed_at.into(),
            changed_by: revised.changed_by,
        }
    }
}

/// What was otherwise than planned.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PlanViolation {
    pub activity: String,
    /// The keyword of the schema that did not hold; `unplanned`, `not_checked`.
    pub kind: String,
    /// Which property, as a JSON pointer, places in lists as `*`; `…` for those beyond 200 kinds and places of one activity.
    pub path: String,
    /// `accepted` or `quarantined`.
    pub fate: String,
    /// How often it was received, what was sent twice counted twice.
    times: i64,
    first_at: Time,
    last_at: Time,
    /// The newest: a message id of `activity`, or an id of `quarantine`. Values are read there, by whoever may.
    example_id: String,
    /// The activity's time, or when the quarantined item was received.
    example_at: Time,
}

impl From<Found> for PlanViolation {
    fn from(found: Found) -> Self {
        let Found { activity, kind, path, fate, times, first_at, last_at, example_id, example_at } = found;
        let (first_at, last_at, example_at) = (first_at.into(), last_at.into(), example_at.into());
        PlanViolation { activity, kind, path, fate, times, first_at, last_at, example_id, example_at }
    }
}
