//! How large a question may be: what outsiders send must not take the memory.

use super::{Cohort, Condition, Funnel, Question, Selector, Test};
use crate::InsightError;

/// Conditions, cohorts, selectors and values of a question together.
const PARTS_MAX: usize = 2_000;
/// Ids of listed cohorts together.
const LISTED_MAX: usize = 100_000;
/// Conditions or cohorts within each other.
const DEPTH_MAX: usize = 16;
const SERIES_MAX: usize = 20;
/// Rows of an answer that is a list.
const LIST_MAX: usize = 10_000;
/// Ranks and edges.
const MARKS_MAX: usize = 1_000;

/// What has been counted.
#[derive(Default)]
struct Size {
    parts: usize,
    listed: usize,
    depth: usize,
}

impl Question {
    /// Refuses a question that is too large.
    pub fn check_size(&self) -> Result<(), InsightError> {
        let mut size = Size::default();
        if let Some(cohort) = self.scope().and_then(|scope| scope.people.as_ref()) {
            size.cohort(cohort, 0);
        }
        let most = |field: &'static str, count: usize, most: usize| match count <= most {
            true => Ok(()),
            false => Err(InsightError::question(field, format!("at most {most}"))),
        };
        match self {
            Question::Trend(asked) => {
                most("series", asked.series.len(), SERIES_MAX)?;
                for series in &asked.series {
                    most("measures", series.measures.len(), SERIES_MAX)?;
                    size.selector(&series.select);
                }
                most("formulas", asked.formulas.len(), SERIES_MAX)?;
                most("top", asked.breakdown.as_ref().map_or(0, |breakdown| breakdown.top), LIST_MAX)?;
            }
            Question::Funnel(asked) => size.funnel(asked),
            Question::Retention(asked) => {
                size.selector(&asked.start);
                size.selector(&asked.returning);
            }
            Question::Paths(asked) => most("top", asked.top, LIST_MAX)?,
            Question::Lifecycle(asked) => size.selector(&asked.select),
            Question::Stickiness(asked) => size.selector(&asked.select),
            Question::Sessions(_) => {}
            Question::Cohort(asked) => {
                size.cohort(&asked.cohort, 0);
                most("list", asked.list, LIST_MAX)?;
            }
            Question::Distribution(asked) => {
                size.selector(&asked.select);
                most("edges", asked.edges.len(), MARKS_MAX)?;
                most("ranks", asked.ranks.len(), MARKS_MAX)?;
            }
            Question::ActivePeople(asked) => size.selector(&asked.select),
            Question::TimeBetween(asked) => {
                size.selector(&asked.from);
                size.selector(&asked.to);
                most("ranks", asked.ranks.len(), MARKS_MAX)?;
            }
            Question::Ranking(asked) => {
                size.selector(&asked.select);
                most("top", asked.top, LIST_MAX)?;
            }
        }
        size.check()
    }
}

impl Size {
    fn check(&self) -> Result<(), InsightError> {
        let too_large = |problem: String| Err(InsightError::question("question", problem));
        match self {
            Size { depth, .. } if *depth > DEPTH_MAX => too_large(format!("is nested more than {DEPTH_MAX} deep")),
            Size { parts, .. } if *parts > PARTS_MAX => too_large(format!("has more than {PARTS_MAX} parts")),
            Size { listed, .. } if *listed > LISTED_MAX => too_large(format!("lists more than {LISTED_MAX} ids")),
            _ => Ok(()),
        }
    }

    fn funnel(&mut self, funnel: &Funnel) {
        funnel.steps.iter().for_each(|step| self.selector(step));
        funnel.exclusions.iter().for_each(|exclusion| self.selector(&exclusion.select));
    }

    fn selector(&mut self, selector: &Selector) {
        self.parts += 1 + selector.activities.len();
        selector.condition.iter().for_each(|condition| self.condition(condition, 0));
    }

    fn condition(&mut self, condition: &Condition, depth: usize) {
        self.parts += 1;
        self.depth = self.depth.max(depth);
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.condition(part, depth + 1));
            }
            Condition::Not(part) => self.condition(part, depth + 1),
            Condition::Property(comparison) | Condition::Person(comparison) => self.test(&comparison.test),
        }
    }

    fn test(&mut self, test: &Test) {
        if let Test::Is(texts) | Test::IsNot(texts) = test {
            self.parts += texts.len();
        }
    }

    fn cohort(&mut self, cohort: &Cohort, depth: usize) {
        self.parts += 1;
        self.depth = self.depth.max(depth);
        match cohort {
            Cohort::All(parts) | Cohort::Any(parts) => parts.iter().for_each(|part| self.cohort(part, depth + 1)),
            Cohort::Not(part) => self.cohort(part, depth + 1),
            Cohort::Did { select, .. } => self.selector(select),
            Cohort::Sequence { steps, .. } => steps.iter().for_each(|step| self.selector(step)),
            Cohort::Reached { funnel, .. } => {
                self.funnel(funnel);
                funnel.scope.people.iter().for_each(|people| self.cohort(people, depth + 1));
            }
            Cohort::Person(comparison) => self.test(&comparison.test),
            Cohort::Listed(ids) => self.listed += ids.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::CohortPeople;

    fn nested(depth: usize) -> Question {
        let innermost = Cohort::Listed(Vec::new());
        let cohort = (0..depth).fold(innermost, |inner, _| Cohort::Not(Box::new(inner)));
        Question::Cohort(CohortPeople { cohort, list: 0 })
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(nested(DEPTH_MAX).check_size().is_ok());
        assert!(nested(DEPTH_MAX + 1).check_size().is_err());
        let listing = |cohort: Cohort, list: usize| Question::Cohort(CohortPeople { cohort, list });
        let ids = vec![String::new(); LISTED_MAX];
        assert!(listing(Cohort::Listed(ids.clone()), 10).check_size().is_ok());
        let twice = vec![Cohort::Listed(ids), Cohort::Listed(vec![String::new()])];
        assert!(listing(Cohort::Any(twice), 10).check_size().is_err());
        assert!(listing(Cohort::Any(Vec::new()), LIST_MAX + 1).check_size().is_err());
        assert!(listing(Cohort::Any(vec![Cohort::Any(Vec::new()); PARTS_MAX]), 0).check_size().is_err());
    }
}
