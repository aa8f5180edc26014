//! Cohorts: groups of people by what they did, who they are, or a list; usable as a filter of every question.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bucket, Comparison, Funnel, Lately, PeopleOf, Selector};

/// A group of people. The universe, of which `Not` takes the rest, is everybody who has any activity at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cohort {
    All(Vec<Cohort>),
    Any(Vec<Cohort>),
    Not(Box<Cohort>),
    /// Did it at least, and at most, so many times in the span. `at_least: 0, at_most: 0` is "did not".
    Did {
        select: Selector,
        from_ms: i64,
        until_ms: i64,
        at_least: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<u64>,
    },
    /// Did it in at least, and at most, so many different days (weeks …) of the span: `at_least` n of k days.
    DidOften {
        select: Selector,
        from_ms: i64,
        until_ms: i64,
        bucket: Bucket,
        /// IANA name of the zone in which days and weeks are cut.
        #[serde(default = "utc")]
        zone: String,
        /// 1 or more.
        at_least: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<usize>,
    },
    /// Did these in this order within the window, as an ordered funnel counts it.
    Sequence {
        steps: Vec<Selector>,
        window_ms: i64,
        from_ms: i64,
        until_ms: i64,
    },
    /// One of these three in the last days before the question is asked: it has its span by then.
    Lately(Lately),
    /// Who got exactly so far in a funnel: dropped after step `level` (from 1), or with the last converted.
    Reached {
        funnel: Box<Funnel>,
        level: usize,
    },
    /// The people of one number of another question's answer.
    InCell(Box<PeopleOf>),
    /// A property of the person.
    Person(Comparison),
    /// Persons by their ids; an id that is now another person counts as that person.
    Listed(Vec<String>),
    /// A list of persons that was uploaded for a saved cohort; it stands there alone, and questions name the cohort.
    Uploaded(String),
    /// A saved cohort by its key, whose definition stands here when the question is asked.
    Cohort(String),
}

/// A group with the name that it has in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedCohort {
    pub name: String,
    pub cohort: Cohort,
}

pub(super) fn utc() -> String {
    "UTC".to_owned()
}

/// How many, and if wished who, are in a cohort.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CohortPeople {
    pub cohort: Cohort,
    /// At most so many ids are listed.
    #[serde(default)]
    pub list: usize,
}

/// Size and ids of a cohort.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CohortAnswer {
    pub people: u64,
    /// Person ids, ascending by bytes, as many as were asked for.
    pub listed: Vec<String>,
}
