//! What a question needs kept of activities and persons: which properties, and as what.

use std::collections::BTreeSet;

use super::parts::Part;
use super::{By, ByOf, PeopleOf, Question, Scope, sql_column};
use crate::projection::ColumnKind;

/// Properties that a question looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Of activities: as texts for conditions and breakdowns, as numbers for what is measured.
    pub columns: BTreeSet<(String, ColumnKind)>,
    /// Of persons.
    pub traits: BTreeSet<String>,
    /// Of groups: type and property.
    pub groups: BTreeSet<(String, String)>,
}

impl Question {
    /// The properties that it looks at.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.each_part(&mut |part, _| match part {
            Part::Text(name) => {
                needs.columns.insert((name.to_owned(), ColumnKind::Words));
            }
            Part::Number(name) => {
                needs.columns.insert((name.to_owned(), ColumnKind::Numbers));
            }
            Part::Trait(name) => {
                needs.traits.insert(name.to_owned());
            }
            Part::Group(asked) => {
                needs.columns.insert((asked.column(), ColumnKind::Words));
                needs.groups.extend(asked.property.iter().map(|name| (asked.group.clone(), name.clone())));
            }
            Part::By(By::Of(ByOf::Group(by))) => {
                needs.columns.insert((by.column(), ColumnKind::Words));
                needs.groups.extend(by.property.iter().map(|name| (by.group.clone(), name.clone())));
            }
            Part::Sql(expression) => {
                needs.columns.insert((sql_column(expression), ColumnKind::Words));
            }
            Part::Selector(_) | Part::Condition(_) | Part::Cohort(_) | Part::Funnel | Part::By(_) => {}
        });
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
            Question::Cohort(_) | Question::Exposures(_) => None,
            Question::Distribution(asked) => Some(&asked.scope),
            Question::ActivePeople(asked) => Some(&asked.scope),
            Question::TimeBetween(asked) => Some(&asked.scope),
            Question::Ranking(asked) => Some(&asked.scope),
            Question::Correlation(asked) => Some(&asked.funnel.scope),
            Question::Compare(asked) => Some(&asked.scope),
            Question::Places(asked) => Some(&asked.scope),
            Question::People(asked) => asked.scope(),
            Question::Activities(asked) => asked.of.scope(),
        }
    }
}

impl PeopleOf {
    /// That of its question.
    pub fn scope(&self) -> Option<&Scope> {
        match self {
            PeopleOf::Trend(asked) => Some(&asked.question.scope),
            PeopleOf::Funnel(asked) => Some(&asked.question.scope),
            PeopleOf::Retention(asked) => Some(&asked.question.scope),
            PeopleOf::Paths(asked) => Some(&asked.question.scope),
            PeopleOf::Lifecycle(asked) => Some(&asked.question.scope),
            PeopleOf::Stickiness(asked) => Some(&asked.question.scope),
            PeopleOf::Sessions(asked) => Some(&asked.question.scope),
            PeopleOf::Cohort(_) => None,
            PeopleOf::Distribution(asked) => Some(&asked.question.scope),
            PeopleOf::ActivePeople(asked) => Some(&asked.question.scope),
            PeopleOf::TimeBetween(asked) => Some(&asked.question.scope),
            PeopleOf::Places(asked) => Some(&asked.question.scope),
            PeopleOf::Ranking(asked) => Some(&asked.question.scope),
            PeopleOf::Correlation(asked) => Some(&asked.question.funnel.scope),
            PeopleOf::Compare(asked) => Some(&asked.question.scope),
        }
    }
}
