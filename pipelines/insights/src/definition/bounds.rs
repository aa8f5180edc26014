//! How large a question may be: what outsiders send must not take the memory.

use std::collections::BTreeSet;

use super::parts::Part;
use super::{Cohort, Condition, Needs, Question, Test};
use crate::InsightError;

/// Conditions, cohorts, selectors and values of a question together.
const PARTS_MAX: usize = 2_000;
/// Patterns among them: each may take a MiB and more for as long as the question is worked on.
const PATTERNS_MAX: usize = 100;
/// Ids of listed cohorts together.
const LISTED_MAX: usize = 100_000;
/// Conditions or cohorts within each other.
const DEPTH_MAX: usize = 16;
const SERIES_MAX: usize = 20;
/// Bytes of an expression of SQL.
const SQL_BYTES_MAX: usize = 4_000;
/// Different properties of activities, of persons and of groups, each: they are in memory for as long as the question is worked on.
const PROPERTIES_MAX: usize = 24;
/// Rows of an answer that is a list.
const LIST_MAX: usize = 10_000;
/// Activities of a page.
const PAGE_MAX: usize = 1_000;
/// Ranks and edges.
const MARKS_MAX: usize = 1_000;

/// What has been counted.
#[derive(Default)]
struct Size {
    parts: usize,
    patterns: usize,
    listed: usize,
    depth: usize,
    /// Bytes of the longest expression.
    sql: usize,
}

impl Question {
    /// Refuses a question that is too large.
    pub fn check_size(&self) -> Result<(), InsightError> {
        let mut size = Size::default();
        self.each_part(&mut |part, depth| size.add(part, depth));
        size.check()?;
        self.check_properties()?;
        match self {
            Question::People(asked) => {
                most("limit", asked.page().0, LIST_MAX)?;
                asked.question().check_lists()
            }
            Question::Activities(asked) => {
                most("limit", asked.limit, PAGE_MAX)?;
                most("listed", asked.after.as_ref().map_or(0, |after| after.listed), LISTED_MAX)?;
                asked.of.question().check_lists()
            }
            other => other.check_lists(),
        }
    }

    /// Refuses too many different properties. An experiment may have a hundred metrics of each kind, and asks for all at once: how
    /// many parts there may be is its only bound.
    fn check_properties(&self) -> Result<(), InsightError> {
        if matches!(self, Question::Exposures(_)) {
            return Ok(());
        }
        let Needs { columns, traits, groups } = self.needs();
        // As text and as number it is one property, that is kept twice.
        let names: BTreeSet<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        for (count, of) in [(names.len(), "activities"), (traits.len(), "persons"), (groups.len(), "groups")] {
            if count > PROPERTIES_MAX {
                let problem = format!("names {count} different properties of {of}; there may be {PROPERTIES_MAX}");
                return Err(InsightError::question("question", problem));
            }
        }
        Ok(())
    }

    /// Refuses lists that are too long.
    fn check_lists(&self) -> Result<(), InsightError> {
        match self {
            Question::Trend(asked) => {
                most("series", asked.series.len(), SERIES_MAX)?;
                for series in &asked.series {
                    most("measures", series.measures.len(), SERIES_MAX)?;
                }
                most("formulas", asked.formulas.len(), SERIES_MAX)?;
                most("cohorts", asked.cohorts.len(), SERIES_MAX)?;
                most("top", asked.breakdown.as_ref().map_or(0, |breakdown| breakdown.top), LIST_MAX)
            }
            Question::Funnel(asked) => most("cohorts", asked.cohorts.len(), SERIES_MAX),
            Question::Retention(asked) => {
                most("cohorts", asked.cohorts.len(), SERIES_MAX)?;
                most("top", asked.breakdown.as_ref().map_or(0, |breakdown| breakdown.top), LIST_MAX)
            }
            Question::Paths(asked) => most("top", asked.top, LIST_MAX),
            Question::Cohort(asked) => most("list", asked.list, LIST_MAX),
            Question::Distribution(asked) => {
                most("edges", asked.edges.len(), MARKS_MAX)?;
                most("ranks", asked.ranks.len(), MARKS_MAX)
            }
            Question::TimeBetween(asked) => most("ranks", asked.ranks.len(), MARKS_MAX),
            Question::Ranking(asked) => most("top", asked.top, LIST_MAX),
            Question::Correlation(asked) => {
                most("properties", asked.properties.len().max(asked.person_properties.len()), SERIES_MAX)?;
                most("top", asked.top, MARKS_MAX)
            }
            Question::Compare(asked) => most("segments", asked.segments.len(), 2),
            Question::Places(asked) => most("top", asked.top, LIST_MAX),
            Question::Sessions(asked) => {
                most("top", asked.breakdown.as_ref().map_or(0, |breakdown| breakdown.top), LIST_MAX)
            }
            Question::Lifecycle(_)
            | Question::Stickiness(_)
            | Question::ActivePeople(_)
            | Question::Exposures(_)
            | Question::People(_)
            | Question::Activities(_) => Ok(()),
        }
    }
}

fn most(field: &'static str, count: usize, most: usize) -> Result<(), InsightError> {
    if count <= most { Ok(()) } else { Err(InsightError::question(field, format!("at most {most}"))) }
}

impl Size {
    fn check(&self) -> Result<(), InsightError> {
        let too_large = |problem: String| Err(InsightError::question("question", problem));
        match self {
            Size { depth, .. } if *depth > DEPTH_MAX => too_large(format!("is nested more than {DEPTH_MAX} deep")),
            Size { parts, .. } if *parts > PARTS_MAX => too_large(format!("has more than {PARTS_MAX} parts")),
            Size { patterns, .. } if *patterns > PATTERNS_MAX => {
                too_large(format!("has more than {PATTERNS_MAX} patterns"))
            }
            Size { listed, .. } if *listed > LISTED_MAX => too_large(format!("lists more than {LISTED_MAX} ids")),
            Size { sql, .. } if *sql > SQL_BYTES_MAX => most("sql", *sql, SQL_BYTES_MAX),
            _ => Ok(()),
        }
    }

    fn add(&mut self, part: Part<'_>, depth: usize) {
        self.depth = self.depth.max(depth);
        self.parts += 1;
        match part {
            Part::Selector(selector) => self.parts += selector.activities.len(),
            Part::Condition(Condition::Property(comparison) | Condition::Person(comparison))
            | Part::Cohort(Cohort::Person(comparison)) => self.test(&comparison.test),
            Part::Condition(Condition::Session(comparison)) => self.test(&comparison.test),
            Part::Group(comparison) => self.test(&comparison.test),
            Part::By(by) => self.parts += by.bounds().len(),
            Part::Sql(expression) => self.sql = self.sql.max(expression.len()),
            Part::Cohort(Cohort::Listed(ids)) => self.listed += ids.len(),
            _ => {}
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Is(texts) | Test::IsNot(texts) => self.parts += texts.len(),
            Test::Regex(_) | Test::NotRegex(_) => self.patterns += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{
        CohortPeople, Comparison, DividedBy, Exposures, GroupComparison, PartOf, PersonMeasure, PersonPart, Selector,
    };

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

    #[test]
    fn patterns_are_few() {
        let asked = |count: usize, test: Test| {
            let person = Cohort::Person(Comparison { property: "plan".to_owned(), test });
            Question::Cohort(CohortPeople { cohort: Cohort::Any(vec![person; count]), list: 0 }).check_size()
        };
        for pattern in [Test::Regex, Test::NotRegex] {
            assert!(asked(PATTERNS_MAX, pattern("a".to_owned())).is_ok());
            assert!(asked(PATTERNS_MAX + 1, pattern("a".to_owned())).is_err());
        }
        assert!(asked(PATTERNS_MAX + 1, Test::Contains("a".to_owned())).is_ok());
    }

    #[test]
    fn different_properties_are_few() {
        let asked = |of: &dyn Fn(String) -> Condition, names: usize| {
            // Each is named twice.
            let conditions = (0..names).chain(0..names).map(|name| of(name.to_string())).collect();
            let select = Selector::any().only(Condition::Any(conditions));
            let cohort = Cohort::Did { select, from_ms: 0, until_ms: 1, at_least: 1, at_most: None };
            Question::Cohort(CohortPeople { cohort, list: 0 }).check_size()
        };
        let activity = |property: String| Condition::Property(Comparison { property, test: Test::Set });
        let person = |property: String| Condition::Person(Comparison { property, test: Test::Set });
        let expression = |number: String| Condition::Sql(format!("amount > {number}"));
        let group = |property: String| {
            let (group, property) = ("company".to_owned(), Some(property));
            Condition::Group(GroupComparison { group, property, test: Test::Set })
        };
        let kinds: [&dyn Fn(String) -> Condition; 4] = [&activity, &person, &expression, &group];
        for of in kinds {
            assert!(asked(of, PROPERTIES_MAX).is_ok());
            assert!(asked(of, PROPERTIES_MAX + 1).is_err());
        }
        let said = asked(&person, 30).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains("30 different properties of persons; there may be 24"), "{said}");
    }

    #[test]
    fn experiments_measure_what_they_may() {
        let measure = |metric: usize| {
            let of = PartOf::Sum(format!("property {metric}"));
            let part = PersonPart { source: 0, of, after_ms: 0, before_ms: None };
            PersonMeasure { parts: vec![part], cap: None, quantiles: None, matures_ms: None }
        };
        let asked = Exposures {
            from_ms: 0,
            until_ms: 1,
            arms: 2,
            told_by: Vec::new(),
            told_where: None,
            left_out: Vec::new(),
            sources: vec![Selector::any()],
            measures: (0..300).map(measure).collect(),
            counts_first: false,
            dimensions: Vec::new(),
            divided_by: DividedBy::Days,
            by_activity: false,
        };
        assert!(Question::Exposures(asked).check_size().is_ok());
    }
}
