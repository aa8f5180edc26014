//! Which cell a person is in: by arm, by what divides, and by whether they did anything before their first row.

use super::exposed::Exposed;
use super::exposed_levels::Levels;
use super::exposure_moments::Cell;
use super::exposures::{DAY_MS, Plan};
use crate::definition::{DividedBy, ExposedCell};

impl Plan<'_, '_> {
    /// Somebody who was counted among those who did nothing before is one of the others.
    pub(super) fn becomes_active(&self, cells: &mut [Option<Box<Cell>>], index: usize, first: i64) {
        let late = || self.maturing.iter().map(|(_, late)| u64::from(first >= *late));
        if let Some(cell) = cells[index].as_mut() {
            cell.people -= 1;
            cell.immature.iter_mut().zip(late()).for_each(|(count, late)| *count -= late);
        }
        let cell = cells[index + self.asked.arms].get_or_insert_with(|| Box::new(self.empty_cell()));
        cell.people += 1;
        cell.immature.iter_mut().zip(late()).for_each(|(count, late)| *count += late);
    }

    pub(super) fn empty_cell(&self) -> Cell {
        Cell::new(self.asked.measures.len(), self.maturing.len())
    }

    /// The place of a person's cell; levels have the places that counting gave them. Of two sides it is that of people who did nothing before;
    /// the other is so many arms further on.
    pub(super) fn cell_of(
        &self,
        exposed: &Exposed,
        person: usize,
        (levels, strata): (&[Levels<'_>], &[usize]),
    ) -> usize {
        let arm = usize::from(exposed.arms[person]);
        let part = match &self.asked.divided_by {
            DividedBy::Dimension(dimension) => levels[*dimension].find(exposed.levels[*dimension][person]).unwrap_or(0),
            DividedBy::Days => self.day_of(exposed, person).min(self.parts.saturating_sub(1)),
            DividedBy::DaysAndLevels { dimension, .. } => {
                let place = levels[*dimension].find(exposed.levels[*dimension][person]);
                let place = place.and_then(|place| strata.get(place).copied()).unwrap_or(self.contexts - 1);
                self.day_of(exposed, person).min(self.parts / self.contexts - 1) * self.contexts + place
            }
            DividedBy::Times { starts_ms, .. } => {
                let first = exposed.first[person];
                let time = starts_ms.partition_point(|start| *start <= first).saturating_sub(1);
                time * self.contexts + usize::from(exposed.contexts[person]).min(self.contexts - 1)
            }
        };
        part * self.sides * self.asked.arms + arm
    }

    pub(super) fn day_of(&self, exposed: &Exposed, person: usize) -> usize {
        usize::try_from(exposed.first[person].div_euclid(DAY_MS) - self.first_day).unwrap_or(0)
    }

    /// The dimension whose levels divide, as many as there are.
    pub(super) fn dimension(&self) -> Option<usize> {
        match self.asked.divided_by {
            DividedBy::Dimension(dimension) => Some(dimension),
            DividedBy::Days | DividedBy::DaysAndLevels { .. } | DividedBy::Times { .. } => None,
        }
    }

    /// A cell without people, in its place.
    pub(super) fn cell(&self, place: usize, levels: &[Levels<'_>]) -> ExposedCell {
        let (arm, place) = (place % self.asked.arms, place / self.asked.arms);
        let (is_active, place) = (place % self.sides == 1, place / self.sides);
        let cell = ExposedCell { arm, part: self.first_day, is_active, ..ExposedCell::default() };
        match self.asked.divided_by {
            DividedBy::Dimension(dimension) => ExposedCell { level: levels[dimension].text(place), ..cell },
            DividedBy::Days => ExposedCell { part: self.first_day + place as i64, ..cell },
            DividedBy::DaysAndLevels { .. } | DividedBy::Times { .. } => {
                let (time, context) = (place / self.contexts, place % self.contexts);
                let context = Some(context).filter(|&context| context + 1 < self.contexts);
                let first = if matches!(self.asked.divided_by, DividedBy::Times { .. }) { 0 } else { self.first_day };
                ExposedCell { part: first + time as i64, context, ..cell }
            }
        }
    }
}
