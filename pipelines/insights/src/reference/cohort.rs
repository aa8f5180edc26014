//! Who is in a cohort, naively.

use super::{World, buckets_of};
use crate::definition::{Cohort, CohortAnswer, CohortPeople, Scope};

impl World {
    pub(super) fn cohort_people(&self, asked: &CohortPeople) -> CohortAnswer {
        let mut listed = self.persons();
        listed.retain(|person| self.is_in(&asked.cohort, person));
        let people = listed.len() as u64;
        listed.truncate(asked.list);
        CohortAnswer { people, listed }
    }

    pub(super) fn is_in(&self, cohort: &Cohort, person: &str) -> bool {
        match cohort {
            Cohort::All(all) => all.iter().all(|one| self.is_in(one, person)),
            Cohort::Any(any) => any.iter().any(|one| self.is_in(one, person)),
            Cohort::Not(one) => !self.is_in(one, person),
            Cohort::Did { select, from_ms, until_ms, at_least, at_most } => {
                let rows = self.rows_of(person).into_iter();
                let times =
                    rows.filter(|row| (*from_ms..*until_ms).contains(&row.time_ms) && self.matches(select, row));
                let times = times.count() as u64;
                times >= *at_least && at_most.is_none_or(|most| times <= most)
            }
            Cohort::DidOften { select, from_ms, until_ms, bucket, zone, at_least, at_most } => {
                let scope = Scope { zone: zone.clone(), ..Scope::utc(*from_ms, *until_ms) };
                let buckets = buckets_of(*bucket, &scope, 0);
                let often = self.present(person, select, &buckets, (*from_ms, *until_ms)).len();
                often >= *at_least && at_most.is_none_or(|most| often <= most)
            }
            Cohort::InCell(of) => self.cell_people(of).iter().any(|one| one == person),
            Cohort::Sequence { steps, window_ms, from_ms, until_ms } => {
                self.ordered_level(person, steps, *window_ms, &[], (*from_ms, *until_ms), (i64::MIN, i64::MAX)).0
                    == steps.len()
            }
            Cohort::Reached { funnel, level } => {
                self.persons_of(&funnel.scope).iter().any(|one| one == person)
                    && self.level(person, funnel, (i64::MIN, i64::MAX)).0 == *level
            }
            Cohort::Person(comparison) => self.person_meets(comparison, person),
            Cohort::Listed(ids) => ids.iter().any(|id| id == person),
            // Nobody keeps cohorts here, or knows when it is asked.
            Cohort::Uploaded(_) | Cohort::Cohort(_) | Cohort::Lately(_) => false,
        }
    }
}
