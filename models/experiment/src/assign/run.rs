//! Running one experiment for one user, in the order of checks that all SDKs share.

use super::bucket::choose_variation;
use super::evaluate::{Evaluator, Met};
use super::experiment::{Experiment, State};
use super::outcome::Assignment;
use super::sticky::Earlier;
use super::url_target::query_string_override;
use crate::Value;

/// Who decided the variation.
enum Decision {
    /// Nobody: the user is out.
    Out,
    /// Out, because an earlier version of the experiment bars the user.
    Barred,
    /// A person, not the hash; the variation may not exist.
    Forced(Option<usize>),
    Hashed {
        variation: usize,
        bucket: f64,
        is_sticky: bool,
    },
}

impl<'a> Evaluator<'a> {
    /// Runs an experiment that belongs to no feature.
    pub fn run(&mut self, experiment: &'a Experiment) -> Assignment<'a> {
        self.run_for(experiment, None)
    }

    #[inline]
    pub(super) fn run_for(&mut self, experiment: &'a Experiment, feature: Option<&'a str>) -> Assignment<'a> {
        let leaf = experiment.bandit.as_ref().map(|bandit| bandit.leaf(&self.user.attributes));
        let ranges = leaf.map_or(&experiment.ranges, |leaf| &leaf.ranges);
        let is_sticky = self.sticky.is_some() && experiment.sticky.is_some();
        let (attribute, unit) = experiment.unit.of(self.user, is_sticky);
        let out = Assignment {
            experiment,
            feature,
            in_experiment: false,
            hash_used: false,
            variation: 0,
            attribute,
            unit,
            bucket: None,
            sticky_used: false,
            leaf,
        };
        match self.decide(experiment, unit, ranges) {
            Decision::Out => out,
            Decision::Barred => Assignment { sticky_used: true, ..out },
            Decision::Forced(variation) => {
                match variation.filter(|variation| *variation < experiment.variations.len()) {
                    Some(variation) => Assignment { in_experiment: true, variation, ..out },
                    None => out,
                }
            }
            Decision::Hashed { variation, bucket, is_sticky } => {
                // More ranges than variations lead nowhere, yet the hash was used.
                let exists = variation < experiment.variations.len();
                let assignment = Assignment {
                    in_experiment: exists,
                    hash_used: true,
                    variation: if exists { variation } else { 0 },
                    bucket: Some(bucket),
                    sticky_used: is_sticky,
                    ..out
                };
                self.note(assignment);
                assignment
            }
        }
    }

    fn decide(
        &mut self,
        experiment: &'a Experiment,
        unit: Option<&'a Value>,
        ranges: &[super::BucketRange],
    ) -> Decision {
        let variations = experiment.variations.len();
        if variations < 2 || !self.user.enabled {
            return Decision::Out;
        }
        if experiment.urls.as_ref().is_some_and(|urls| !urls.include(&self.user.url)) {
            return Decision::Out;
        }
        if let Some(variation) = query_string_override(&experiment.key, &self.user.url, variations) {
            return Decision::Forced(Some(variation));
        }
        if let Some(forced) = self.user.forced_variations.get(&experiment.key) {
            let number = forced.as_number().filter(|number| *number >= 0.0 && number.fract() == 0.0);
            return Decision::Forced(number.map(|number| number as usize));
        }
        if experiment.state == State::Inactive {
            return Decision::Out;
        }
        let Some(unit) = unit else {
            if self.is_meant(experiment) {
                self.note_lack(&experiment.unit.attribute);
            }
            return Decision::Out;
        };
        let earlier = self.earlier(experiment);
        if !matches!(earlier, Earlier::Variation(_)) && !self.is_eligible(experiment, unit) {
            return Decision::Out;
        }
        let Some(bucket) = experiment.seed.place(unit) else { return Decision::Out };
        let (variation, is_sticky) = match earlier {
            Earlier::Blocked => return Decision::Barred,
            Earlier::Variation(variation) => (variation, true),
            Earlier::None => match choose_variation(bucket, ranges) {
                Some(variation) => (variation, false),
                None => return Decision::Out,
            },
        };
        if let Some(forced) = experiment.force {
            return Decision::Forced(forced);
        }
        if self.user.is_qa || experiment.state == State::Stopped {
            return Decision::Out;
        }
        Decision::Hashed { variation, bucket, is_sticky }
    }

    fn is_eligible(&mut self, experiment: &'a Experiment, unit: &Value) -> bool {
        let in_share = match (&experiment.filters, &experiment.namespace) {
            (Some(filters), _) => filters.iter().all(|filter| filter.includes(self.user)),
            (None, Some(namespace)) => namespace.contains(unit),
            (None, None) => true,
        };
        in_share && self.is_meant(experiment)
    }

    /// True if the user is among those whom the experiment divides, wherever they fall.
    fn is_meant(&mut self, experiment: &'a Experiment) -> bool {
        experiment.condition.as_ref().is_none_or(|condition| condition.holds(&self.user.attributes))
            && experiment.prerequisites.iter().all(|prerequisite| self.prerequisite(prerequisite) == Met::Yes)
    }

    fn earlier(&self, experiment: &Experiment) -> Earlier {
        match (self.sticky.as_deref(), &experiment.sticky) {
            (Some(buckets), Some(rule)) => {
                let attributes = (&*experiment.unit.attribute, experiment.unit.fallback.as_deref());
                let keys = experiment.meta.iter().map(|meta| meta.key.as_deref());
                buckets.earlier(self.user, attributes, rule, keys)
            }
            _ => Earlier::None,
        }
    }

    /// Remembers the variation, and notes the exposure once.
    fn note(&mut self, assignment: Assignment<'a>) {
        let experiment = assignment.experiment;
        if let (Some(buckets), Some(rule), Some(unit)) =
            (self.sticky.as_deref_mut(), &experiment.sticky, assignment.unit)
        {
            let key = experiment.variation_key(assignment.variation);
            buckets.remember(assignment.attribute, unit, rule, &key);
        }
        if let Some(exposures) = self.exposures.as_mut().filter(|_| assignment.in_experiment) {
            let is_same = |known: &Assignment<'_>| {
                known.experiment.key == experiment.key
                    && known.variation == assignment.variation
                    && known.attribute == assignment.attribute
            };
            if !exposures.iter().any(is_same) {
                exposures.push(assignment);
            }
        }
    }
}
