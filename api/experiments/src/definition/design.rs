//! What is divided between the variations: people, clusters of them, or times.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cap, Experiment, Measure};
use crate::catalogue::Catalogue;
use crate::faults::Faults;

/// The last window of a phase; then the variation stays, and a new phase begins anew.
pub const WINDOWS_MAX: usize = 400;
const WINDOW_HOURS_MAX: u32 = 168;

/// The design of an experiment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Design {
    /// Each person for themselves.
    #[default]
    People,
    /// Whole clusters (companies, schools, households) get one variation; people stay what is measured.
    Clusters {
        /// The property of exposures that names the cluster.
        #[schemars(length(min = 1, max = 200))]
        property: String,
    },
    /// Everybody gets the same variation at one time; windows of time are divided, in pairs whose order is drawn.
    Switchback {
        #[schemars(range(min = 1, max = 168))]
        window_hours: u32,
        /// So many minutes from each window's beginning are left out, in which what was shown before may still work.
        #[serde(default)]
        #[schemars(range(min = 0, max = 10_079))]
        carry_over_minutes: u32,
    },
}

impl Design {
    pub fn is_people(&self) -> bool {
        *self == Design::People
    }

    /// Refuses a switchback beside keys for which the server tells exposures: it tells each person once in a phase and variation, and
    /// windows after the first would lack them.
    pub(super) fn check_tellers(&self, catalogue: &Catalogue, faults: &mut Faults) {
        if matches!(self, Design::Switchback { .. }) && !catalogue.recording_keys.is_empty() {
            let keys = catalogue.recording_keys.join(", ");
            faults.here(format!(
                "the server tells exposures for {keys}, each person once in a phase and variation, and a switchback needs them once in a \
                 window: set records_exposures to false at these SDK connections, and let the app tell exposures each time it shows a variation"
            ));
        }
    }

    pub(super) fn check(&self, experiment: &Experiment, is_new: bool, catalogue: &Catalogue, faults: &mut Faults) {
        match self {
            Design::People => {
                let attribute = catalogue.attributes.get(&experiment.hash_attribute);
                if is_new && attribute.is_some_and(|attribute| attribute.group_type_index.is_some()) {
                    faults.here(format!(
                        "{:?} is the key of a group, whose people have one variation together: the design has to be clusters",
                        experiment.hash_attribute
                    ));
                }
                return;
            }
            Design::Clusters { property } => {
                if property.is_empty() {
                    faults.at("property", "must name the property of exposures that tells the cluster");
                }
                faults.line("property", property);
                if ["id", "distinct_id"].contains(&experiment.hash_attribute.as_str()) {
                    faults.here(format!(
                        "whole clusters get one variation, and {:?} tells people apart: hash_attribute must name the cluster",
                        experiment.hash_attribute
                    ));
                }
            }
            Design::Switchback { window_hours, carry_over_minutes } => {
                if !(1..=WINDOW_HOURS_MAX).contains(window_hours) {
                    faults.at("window_hours", format!("must be 1 to {WINDOW_HOURS_MAX}"));
                } else if u64::from(*carry_over_minutes) >= u64::from(*window_hours) * 60 {
                    faults.at("carry_over_minutes", "must leave something of a window");
                }
                if experiment.variations.len() != 2
                    || experiment.weights().iter().any(|weight| (weight - 0.5).abs() > 1e-6)
                {
                    faults.here("windows are drawn in pairs, so that there must be two variations of equal weight");
                }
            }
        }
        if is_new {
            self.check_tellers(catalogue, faults);
        }
        if experiment.bandit.is_some() {
            faults.here("does not go with a bandit");
        }
        let is_quantile = |key: &&str| {
            let metric = catalogue.metrics.get(*key);
            metric.is_some_and(|metric| matches!(metric.measure, Measure::Quantile { .. }))
        };
        if let Some(key) = experiment.metrics().into_iter().find(is_quantile) {
            faults
                .here(format!("the metric {key:?} is a quantile, whose spread is only known where people are divided"));
        }
        let is_switchback = matches!(self, Design::Switchback { .. });
        let is_retention = |key: &&str| {
            let metric = catalogue.metrics.get(*key);
            metric.is_some_and(|metric| matches!(metric.measure, Measure::Retention { .. }))
        };
        if let Some(key) = experiment.metrics().into_iter().find(|key| is_switchback && is_retention(key)) {
            faults.here(format!("the metric {key:?} is a retention, which looks beyond a window"));
        }
        let is_cut_by_data = |key: &&str| {
            let metric = catalogue.metrics.get(*key);
            metric.is_some_and(|metric| matches!(metric.cap, Some(Cap::Quantile(_))))
        };
        if let Some(key) = experiment.metrics().into_iter().find(|key| is_switchback && is_cut_by_data(key)) {
            faults.here(format!("the metric {key:?} is capped at a quantile of people; cap it at a value"));
        }
    }
}
