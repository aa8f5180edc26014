//! The value of a feature for one user: rules in order, with prerequisites that are features themselves.

use super::feature::{Action, Feature, Prerequisite, Rule};
use super::outcome::{Assignment, Evaluation, Source};
use super::payload::Payload;
use super::sticky::StickyBuckets;
use super::user::User;
use crate::value::NULL;

/// A chain of prerequisites longer than this counts as a circle.
const DEPTH_MAX: usize = 200;
/// So many evaluations of prerequisites may one evaluation need.
const EVALUATIONS_MAX: usize = 20_000;

/// Answers for one user. It borrows what it answers, and remembers what it has found on the way.
#[derive(Debug)]
pub struct Evaluator<'a> {
    pub(super) payload: &'a Payload,
    pub(super) user: &'a User,
    pub(super) sticky: Option<&'a mut StickyBuckets>,
    pub(super) exposures: Option<Vec<Assignment<'a>>>,
    /// Features being evaluated, outermost first.
    path: Vec<usize>,
    /// Prerequisites known already; only those in no circle, whose answer does not depend on the path.
    known: Vec<(usize, Evaluation<'a>)>,
    evaluations: usize,
    /// Attributes that the user lacks.
    lacked: Vec<&'a str>,
}

impl<'a> Evaluator<'a> {
    pub fn new(payload: &'a Payload, user: &'a User) -> Evaluator<'a> {
        Evaluator {
            payload,
            user,
            sticky: None,
            exposures: None,
            path: Vec::new(),
            known: Vec::new(),
            evaluations: 0,
            lacked: Vec::new(),
        }
    }

    /// Reads and writes sticky buckets.
    pub fn with_sticky_buckets(mut self, buckets: &'a mut StickyBuckets) -> Self {
        self.sticky = Some(buckets);
        self
    }

    /// Notes each experiment that the user takes part in, once; see [`Evaluator::exposures`].
    pub fn with_exposures(mut self) -> Self {
        self.exposures = Some(Vec::new());
        self
    }

    /// What there was to record so far.
    pub fn exposures(&self) -> &[Assignment<'a>] {
        self.exposures.as_deref().unwrap_or_default()
    }

    /// Attributes by which the last evaluation would have hashed this user, who has none of them: with them the value might be another. Rules
    /// that are not for this user, or that were not reached, lack nothing.
    pub fn lacked(&self) -> &[&'a str] {
        &self.lacked
    }

    pub(super) fn note_lack(&mut self, attribute: &'a str) {
        if !self.lacked.contains(&attribute) {
            self.lacked.push(attribute);
        }
    }

    /// The value of a feature.
    #[inline]
    pub fn evaluate(&mut self, feature: &str) -> Evaluation<'a> {
        self.lacked.clear();
        if let Some(forced) = self.forced(feature) {
            return forced;
        }
        let found = self.payload.find(feature).and_then(|index| Some((index, self.payload.features().get(index)?)));
        match found {
            Some((index, feature)) => {
                self.evaluations = 0;
                self.known.clear();
                self.feature(index, feature)
            }
            None => answer(Source::UnknownFeature),
        }
    }

    fn forced(&self, feature: &str) -> Option<Evaluation<'a>> {
        let value = self.user.forced_features.get(feature)?;
        Some(Evaluation { value, source: Source::Override, rule: "", assignment: None })
    }

    fn feature(&mut self, index: usize, feature: &'a Feature) -> Evaluation<'a> {
        self.path.push(index);
        let found = feature.rules.iter().find_map(|rule| self.rule(feature, rule));
        self.path.pop();
        found.unwrap_or(Evaluation {
            value: &feature.default,
            source: Source::DefaultValue,
            rule: "",
            assignment: None,
        })
    }

    /// None if the rule does not apply.
    fn rule(&mut self, feature: &'a Feature, rule: &'a Rule) -> Option<Evaluation<'a>> {
        for prerequisite in &rule.prerequisites {
            match self.prerequisite(prerequisite) {
                Met::Yes => {}
                Met::Cyclic => return Some(answer(Source::CyclicPrerequisite)),
                Met::No if prerequisite.is_gate => return Some(answer(Source::Prerequisite)),
                Met::No => return None,
            }
        }
        if let Some(filters) = &rule.filters
            && let Some(filter) = filters.iter().find(|filter| !filter.includes(self.user))
        {
            if let Some(attribute) = filter.lacks(self.user) {
                self.note_lack(attribute);
            }
            return None;
        }
        match &rule.action {
            Action::Force(force) => {
                let is_sticky = self.sticky.is_some();
                if !force.applies(self.user, is_sticky) {
                    if let Some(attribute) = force.lacks(self.user, is_sticky) {
                        self.note_lack(attribute);
                    }
                    return None;
                }
                Some(Evaluation { value: &force.value, source: Source::Force, rule: &rule.id, assignment: None })
            }
            Action::Run(experiment) => {
                let assignment = self.run_for(experiment, Some(&feature.key));
                let counts = assignment.in_experiment && !assignment.is_passthrough();
                counts.then(|| Evaluation {
                    value: assignment.value().unwrap_or(&NULL),
                    source: Source::Experiment,
                    rule: &rule.id,
                    assignment: Some(assignment),
                })
            }
            Action::Nothing => None,
        }
    }

    pub(super) fn prerequisite(&mut self, prerequisite: &'a Prerequisite) -> Met {
        let evaluation = self.parent(prerequisite);
        if evaluation.source == Source::CyclicPrerequisite {
            return Met::Cyclic;
        }
        let asked = crate::Value::Object([("value", evaluation.value.clone())].into_iter().collect());
        if prerequisite.condition.holds(&asked) { Met::Yes } else { Met::No }
    }

    fn parent(&mut self, prerequisite: &'a Prerequisite) -> Evaluation<'a> {
        if prerequisite.index.is_some_and(|index| self.path.contains(&index)) {
            return answer(Source::CyclicPrerequisite);
        }
        if let Some(forced) = self.forced(&prerequisite.feature) {
            return forced;
        }
        let found = prerequisite.index.and_then(|index| Some((index, self.payload.features().get(index)?)));
        let Some((index, feature)) = found else { return answer(Source::UnknownFeature) };
        if let Some((_, known)) = self.known.iter().find(|(known, _)| *known == index) {
            return *known;
        }
        self.evaluations += 1;
        if self.path.len() >= DEPTH_MAX || self.evaluations > EVALUATIONS_MAX {
            return answer(Source::CyclicPrerequisite);
        }
        let evaluation = self.feature(index, feature);
        if evaluation.source != Source::CyclicPrerequisite {
            self.known.push((index, evaluation));
        }
        evaluation
    }
}

/// Whether a prerequisite is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    Yes,
    No,
    Cyclic,
}

/// An answer without a value.
fn answer<'a>(source: Source) -> Evaluation<'a> {
    Evaluation { value: &NULL, source, rule: "", assignment: None }
}
