//! What a question is made of, gone through once for all who ask: what it needs, how large it is, whether it can be said
//! elsewhere.

use super::{
    AnchorRow, By, ByOf, Cohort, Compare, CompareOf, Condition, Correlation, DistributionOf, Exposures, Funnel,
    GroupComparison, Lately, LatelyOf, Measure, NamedCohort, PartOf, Paths, PeopleOf, PersonValue, Places, Question,
    Retention, Scope, Selector, Sessions, Trend,
};

/// A part of a question.
#[derive(Clone, Copy)]
pub(crate) enum Part<'q> {
    Selector(&'q Selector),
    Condition(&'q Condition),
    Cohort(&'q Cohort),
    Funnel,
    /// A property of activities of which texts are looked at.
    Text(&'q str),
    /// A property of activities of which numbers are.
    Number(&'q str),
    /// A property of persons.
    Trait(&'q str),
    Group(&'q GroupComparison),
    /// What a breakdown is by; the text, number or property of persons that it is is a part beside.
    By(&'q By),
    Sql(&'q str),
}

impl Question {
    /// The lists of people that it names.
    pub fn uploaded(&self) -> std::collections::BTreeSet<&str> {
        let mut names = std::collections::BTreeSet::new();
        self.each_part(&mut |part, _| {
            if let Part::Cohort(Cohort::Uploaded(name)) = part {
                names.insert(name.as_str());
            }
        });
        names
    }

    /// Calls with every selector, those of conditions and cohorts too.
    pub(crate) fn each_selector(&self, see: &mut dyn FnMut(&Selector)) {
        self.each_part(&mut |part, _| {
            if let Part::Selector(select) = part {
                see(select);
            }
        });
    }

    /// Calls with every part and how deep it lies.
    pub(crate) fn each_part<'q>(&'q self, see: &mut dyn FnMut(Part<'q>, usize)) {
        Walk { see }.question(self, 0);
    }
}

struct Walk<'f, 'q> {
    see: &'f mut dyn FnMut(Part<'q>, usize),
}

impl<'q> Walk<'_, 'q> {
    fn question(&mut self, question: &'q Question, depth: usize) {
        match question {
            Question::Trend(asked) => self.trend(asked, depth),
            Question::Funnel(asked) => self.funnel(asked, depth),
            Question::Retention(asked) => self.retention(asked, depth),
            Question::Paths(asked) => self.paths(asked, depth),
            Question::Lifecycle(asked) => self.of(&asked.scope, [&asked.select], depth),
            Question::Stickiness(asked) => self.of(&asked.scope, [&asked.select], depth),
            Question::Sessions(asked) => self.sessions(asked, depth),
            Question::Cohort(asked) => self.cohort(&asked.cohort, depth),
            Question::Distribution(asked) => {
                self.of(&asked.scope, [&asked.select], depth);
                if let DistributionOf::Property(name) = &asked.of {
                    (self.see)(Part::Number(name), depth);
                }
            }
            Question::ActivePeople(asked) => self.of(&asked.scope, [&asked.select], depth),
            Question::TimeBetween(asked) => self.of(&asked.scope, [&asked.from, &asked.to], depth),
            Question::Ranking(asked) => self.of(&asked.scope, [&asked.select], depth),
            Question::Correlation(asked) => self.correlation(asked, depth),
            Question::Compare(asked) => self.compare(asked, depth),
            Question::Places(asked) => self.places(asked, depth),
            Question::People(asked) => self.people_of(asked, depth),
            Question::Activities(asked) => self.people_of(&asked.of, depth),
            Question::Exposures(asked) => self.exposures(asked, depth),
        }
    }

    fn people_of(&mut self, people: &'q PeopleOf, depth: usize) {
        match people {
            PeopleOf::Trend(asked) => self.trend(&asked.question, depth),
            PeopleOf::Funnel(asked) => self.funnel(&asked.question, depth),
            PeopleOf::Retention(asked) => self.retention(&asked.question, depth),
            PeopleOf::Paths(asked) => self.paths(&asked.question, depth),
            PeopleOf::Lifecycle(asked) => self.of(&asked.question.scope, [&asked.question.select], depth),
            PeopleOf::Stickiness(asked) => self.of(&asked.question.scope, [&asked.question.select], depth),
            PeopleOf::Sessions(asked) => self.sessions(&asked.question, depth),
            PeopleOf::Cohort(asked) => self.cohort(&asked.question.cohort, depth),
            PeopleOf::Distribution(asked) => {
                self.of(&asked.question.scope, [&asked.question.select], depth);
                if let DistributionOf::Property(name) = &asked.question.of {
                    (self.see)(Part::Number(name), depth);
                }
            }
            PeopleOf::ActivePeople(asked) => self.of(&asked.question.scope, [&asked.question.select], depth),
            PeopleOf::TimeBetween(asked) => {
                self.of(&asked.question.scope, [&asked.question.from, &asked.question.to], depth);
            }
            PeopleOf::Places(asked) => self.places(&asked.question, depth),
            PeopleOf::Ranking(asked) => self.of(&asked.question.scope, [&asked.question.select], depth),
            PeopleOf::Correlation(asked) => self.correlation(&asked.question, depth),
            PeopleOf::Compare(asked) => self.compare(&asked.question, depth),
        }
    }

    fn correlation(&mut self, asked: &'q Correlation, depth: usize) {
        self.funnel(&asked.funnel, depth);
        asked.properties.iter().for_each(|name| (self.see)(Part::Text(name), depth));
        asked.person_properties.iter().for_each(|name| (self.see)(Part::Trait(name), depth));
    }

    fn compare(&mut self, asked: &'q Compare, depth: usize) {
        self.scope(&asked.scope, depth);
        self.named(&asked.segments, depth);
        match &asked.of {
            CompareOf::Converts { steps, .. } => steps.iter().for_each(|step| self.selector(step, depth)),
            CompareOf::RowsPerPerson(select) => self.selector(select, depth),
            CompareOf::SumPerPerson { select, property } => {
                self.selector(select, depth);
                (self.see)(Part::Number(property), depth);
            }
        }
    }

    fn places(&mut self, asked: &'q Places, depth: usize) {
        self.of(&asked.scope, [&asked.select], depth);
        [&asked.latitude, &asked.longitude].into_iter().for_each(|name| (self.see)(Part::Number(name), depth));
    }

    fn exposures(&mut self, asked: &'q Exposures, depth: usize) {
        asked.sources.iter().for_each(|source| self.selector(source, depth));
        let told = asked.told_by.iter().flat_map(|telling| telling.keys.iter().chain(&telling.values));
        let left_out = asked.left_out.iter().map(|(name, _)| name);
        let dimensions = asked.dimensions.iter().flat_map(|dimension| &dimension.properties);
        let contexts = asked.divided_by.contexts().iter().map(|telling| &telling.property);
        let places = asked.told_where.iter().map(|told| &told.property);
        let texts = told.chain(places).chain(left_out).chain(dimensions).chain(contexts);
        texts.for_each(|name| (self.see)(Part::Text(name), depth));
        for part in asked.measures.iter().flat_map(|measure| &measure.parts) {
            match &part.of {
                PartOf::Rows | PartOf::Happened => {}
                PartOf::Sum(name) | PartOf::Numbers(name) => (self.see)(Part::Number(name), depth),
                PartOf::Different(name) => (self.see)(Part::Text(name), depth),
            }
        }
    }

    fn of<const N: usize>(&mut self, scope: &'q Scope, selectors: [&'q Selector; N], depth: usize) {
        self.scope(scope, depth);
        selectors.into_iter().for_each(|selector| self.selector(selector, depth));
    }

    fn scope(&mut self, scope: &'q Scope, depth: usize) {
        scope.people.iter().for_each(|people| self.cohort(people, depth));
    }

    fn trend(&mut self, trend: &'q Trend, depth: usize) {
        self.scope(&trend.scope, depth);
        for series in &trend.series {
            self.selector(&series.select, depth);
            for measure in &series.measures {
                self.measure(measure, depth);
            }
        }
        trend.breakdown.iter().flat_map(|breakdown| &breakdown.properties).for_each(|by| self.by(by, depth));
        self.named(&trend.cohorts, depth);
    }

    fn sessions(&mut self, sessions: &'q Sessions, depth: usize) {
        self.of(&sessions.scope, [&sessions.select], depth);
        sessions.breakdown.iter().flat_map(|breakdown| &breakdown.properties).for_each(|by| self.by(by, depth));
    }

    fn paths(&mut self, paths: &'q Paths, depth: usize) {
        self.of(&paths.scope, [&paths.select], depth);
        paths.without.iter().for_each(|without| self.selector(without, depth));
        if let Some(AnchorRow::Rows(anchor)) = paths.anchor.row() {
            self.selector(anchor, depth);
        }
    }

    fn by(&mut self, by: &'q By, depth: usize) {
        (self.see)(Part::By(by), depth);
        match by {
            // Rows lie by activity: no column is needed.
            by if by.is_of_events() => {}
            By::Name(name) => (self.see)(Part::Text(name), depth),
            By::Of(ByOf::Property(by)) if by.bounds.is_empty() => (self.see)(Part::Text(&by.property), depth),
            By::Of(ByOf::Property(by)) => (self.see)(Part::Number(&by.property), depth),
            By::Of(ByOf::Person(by)) => (self.see)(Part::Trait(&by.property), depth),
            By::Of(ByOf::Session(_) | ByOf::Group(_)) => {}
        }
    }

    fn retention(&mut self, retention: &'q Retention, depth: usize) {
        self.of(&retention.scope, [&retention.start, &retention.returning], depth);
        retention.breakdown.iter().flat_map(|breakdown| &breakdown.properties).for_each(|by| self.by(by, depth));
        self.named(&retention.cohorts, depth);
    }

    fn named(&mut self, cohorts: &'q [NamedCohort], depth: usize) {
        cohorts.iter().for_each(|named| self.cohort(&named.cohort, depth + 1));
    }

    fn funnel(&mut self, funnel: &'q Funnel, depth: usize) {
        (self.see)(Part::Funnel, depth);
        self.scope(&funnel.scope, depth);
        funnel.steps.iter().for_each(|step| self.selector(step, depth));
        funnel.exclusions.iter().for_each(|exclusion| self.selector(&exclusion.select, depth));
        funnel.breakdown.iter().for_each(|breakdown| self.by(&breakdown.property, depth));
        self.named(&funnel.cohorts, depth);
    }

    fn measure(&mut self, measure: &'q Measure, depth: usize) {
        match measure {
            Measure::Count | Measure::People | Measure::NewPeople | Measure::Sessions | Measure::CountPerPerson => {}
            Measure::PerPerson { value: PersonValue::Rows, .. } => {}
            Measure::PerPerson { value: PersonValue::Sum(name), .. }
            | Measure::Sum(name)
            | Measure::Average(name)
            | Measure::Minimum(name)
            | Measure::Maximum(name)
            | Measure::Percentile(name, _) => (self.see)(Part::Number(name), depth),
        }
    }

    fn selector(&mut self, selector: &'q Selector, depth: usize) {
        (self.see)(Part::Selector(selector), depth);
        selector.condition.iter().for_each(|condition| self.condition(condition, depth));
    }

    fn condition(&mut self, condition: &'q Condition, depth: usize) {
        (self.see)(Part::Condition(condition), depth);
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.condition(part, depth + 1));
            }
            Condition::Not(part) => self.condition(part, depth + 1),
            Condition::Property(comparison) => (self.see)(Part::Text(&comparison.property), depth),
            Condition::Person(comparison) => (self.see)(Part::Trait(&comparison.property), depth),
            Condition::Session(_) => {}
            Condition::Group(comparison) => (self.see)(Part::Group(comparison), depth),
            Condition::Sql(expression) => (self.see)(Part::Sql(expression), depth),
            Condition::Cohort(cohort) => self.cohort(cohort, depth + 1),
        }
    }

    fn cohort(&mut self, cohort: &'q Cohort, depth: usize) {
        (self.see)(Part::Cohort(cohort), depth);
        match cohort {
            Cohort::All(parts) | Cohort::Any(parts) => parts.iter().for_each(|part| self.cohort(part, depth + 1)),
            Cohort::Not(part) => self.cohort(part, depth + 1),
            Cohort::Did { select, .. } | Cohort::DidOften { select, .. } => self.selector(select, depth),
            Cohort::Sequence { steps, .. } => steps.iter().for_each(|step| self.selector(step, depth)),
            Cohort::Lately(Lately { of, .. }) => match of {
                LatelyOf::Did { select, .. } | LatelyOf::DidOften { select, .. } => self.selector(select, depth),
                LatelyOf::Sequence { steps, .. } => steps.iter().for_each(|step| self.selector(step, depth)),
            },
            Cohort::Reached { funnel, .. } => self.funnel(funnel, depth + 1),
            Cohort::InCell(people) => self.people_of(people, depth + 1),
            Cohort::Person(comparison) => (self.see)(Part::Trait(&comparison.property), depth),
            Cohort::Listed(_) | Cohort::Uploaded(_) | Cohort::Cohort(_) => {}
        }
    }
}
