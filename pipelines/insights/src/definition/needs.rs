//! What a question needs kept of activities and persons: which properties, and as what.

use std::collections::BTreeSet;

use super::{Cohort, Condition, DistributionOf, Funnel, Measure, Question, Scope, Selector};
use crate::projection::ColumnKind;

/// Properties that a question looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Of activities: as texts for conditions and breakdowns, as numbers for what is measured.
    pub columns: BTreeSet<(String, ColumnKind)>,
    /// Of persons.
    pub traits: BTreeSet<String>,
}

impl Question {
    /// The properties that it looks at.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        needs.question(self);
        needs
    }

    /// Span, zone and people; a cohort alone has none.
    pub fn scope(&self) -> Option<&Scope> {
        match self {
            Question::Trend(asked) => Some(&asked.scope),
            Question::Funnel(asked) => Some(&asked.scope),
            Question::Retention(asked) => Some(&asked.scope),
            Question::Paths(asked) => Some(&asked.scope),
            Question::Lifecycle(asked) => Some(&asked.scope),
            Question::Stickiness(asked) => Some(&asked.scope),
            Question::Sessions(asked) => Some(&asked.scope),
            Question::Cohort(_) => None,
            Question::Distribution(asked) => Some(&asked.scope),
            Question::ActivePeople(asked) => Some(&asked.scope),
            Question::TimeBetween(asked) => Some(&asked.scope),
            Question::Ranking(asked) => Some(&asked.scope),
        }
    }
}

impl Needs {
    fn question(&mut self, question: &Question) {
        if let Some(cohort) = question.scope().and_then(|scope| scope.people.as_ref()) {
            self.cohort(cohort);
        }
        match question {
            Question::Trend(trend) => {
                for series in &trend.series {
                    self.selector(&series.select);
                    series.measures.iter().for_each(|measure| self.measure(measure));
                }
                trend.breakdown.iter().flat_map(|breakdown| &breakdown.properties).for_each(|name| self.text(name));
            }
            Question::Funnel(funnel) => self.funnel(funnel),
            Question::Retention(retention) => {
                self.selector(&retention.start);
                self.selector(&retention.returning);
            }
            Question::Lifecycle(lifecycle) => self.selector(&lifecycle.select),
            Question::Stickiness(stickiness) => self.selector(&stickiness.select),
            Question::Cohort(people) => self.cohort(&people.cohort),
            Question::Distribution(distribution) => {
                self.selector(&distribution.select);
                if let DistributionOf::Property(name) = &distribution.of {
                    self.number(name);
                }
            }
            Question::ActivePeople(active) => self.selector(&active.select),
            Question::TimeBetween(between) => {
                self.selector(&between.from);
                self.selector(&between.to);
            }
            Question::Ranking(ranking) => self.selector(&ranking.select),
            Question::Paths(_) | Question::Sessions(_) => {}
        }
    }

    fn funnel(&mut self, funnel: &Funnel) {
        funnel.steps.iter().for_each(|step| self.selector(step));
        funnel.exclusions.iter().for_each(|exclusion| self.selector(&exclusion.select));
        funnel.breakdown.iter().for_each(|breakdown| self.text(&breakdown.property));
    }

    fn text(&mut self, name: &str) {
        self.columns.insert((name.to_owned(), ColumnKind::Words));
    }

    fn number(&mut self, name: &str) {
        self.columns.insert((name.to_owned(), ColumnKind::Numbers));
    }

    fn measure(&mut self, measure: &Measure) {
        match measure {
            Measure::Count | Measure::People | Measure::Sessions | Measure::CountPerPerson => {}
            Measure::Sum(name)
            | Measure::Average(name)
            | Measure::Minimum(name)
            | Measure::Maximum(name)
            | Measure::Percentile(name, _) => self.number(name),
        }
    }

    fn selector(&mut self, selector: &Selector) {
        selector.condition.iter().for_each(|condition| self.condition(condition));
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| self.condition(part)),
            Condition::Not(part) => self.condition(part),
            Condition::Property(comparison) => self.text(&comparison.property),
            Condition::Person(comparison) => {
                self.traits.insert(comparison.property.clone());
            }
        }
    }

    fn cohort(&mut self, cohort: &Cohort) {
        match cohort {
            Cohort::All(parts) | Cohort::Any(parts) => parts.iter().for_each(|part| self.cohort(part)),
            Cohort::Not(part) => self.cohort(part),
            Cohort::Did { select, .. } => self.selector(select),
            Cohort::Sequence { steps, .. } => steps.iter().for_each(|step| self.selector(step)),
            Cohort::Reached { funnel, .. } => {
                self.funnel(funnel);
                funnel.scope.people.iter().for_each(|people| self.cohort(people));
            }
            Cohort::Person(comparison) => {
                self.traits.insert(comparison.property.clone());
            }
            Cohort::Listed(_) => {}
        }
    }
}
