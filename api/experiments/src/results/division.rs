//! Into what the people of an arm are divided, for the insights engine, and what the parts are called in the rows that the SQL gives.

use footfall_ingest_activity::Timestamp;
use footfall_pipelines_insights::definition::{DividedBy, ExposedCell};

use super::dimensions::Dimension;
use super::exposures::ExposureSource;
use super::question::Parts;
use super::strata::{Strata, Stratum};
use crate::definition::{PART_SEPARATOR, leaf_of};

const DAY_MS: i64 = 86_400_000;

/// What the engine divides people by.
pub(super) struct Division<'a> {
    /// Keys of variations, in the order in which the engine counts them.
    pub arms: Vec<&'a str>,
    /// By which people are counted besides.
    pub dimensions: Vec<Dimension>,
    by: By<'a>,
}

enum By<'a> {
    Days,
    /// The one dimension.
    Levels,
    /// Days and strata, with the place of the dimension among those that are asked for.
    Strata {
        strata: Strata<'a>,
        dimension: usize,
    },
    /// Periods of a bandit as they are written and in milliseconds, and the leaves of its contexts, which are as good as none if there
    /// is but that of everybody.
    Periods {
        starts: &'a [String],
        starts_ms: Vec<i64>,
        leaves: Vec<String>,
    },
}

impl<'a> Division<'a> {
    /// None for what the engine is not made for: people of two experiments.
    pub fn of(source: ExposureSource<'a>, parts: Parts<'a>, seeks_causes: bool) -> Option<Division<'a>> {
        let (dimensions, by) = match parts {
            Parts::Days if seeks_causes => (Dimension::ALL.to_vec(), By::Days),
            Parts::Days => (Vec::new(), By::Days),
            Parts::Levels(dimension) => (vec![dimension], By::Levels),
            Parts::Strata(strata) => {
                let dimensions = match strata.levels {
                    _ if seeks_causes => Dimension::ALL.to_vec(),
                    Some((dimension, _)) => vec![dimension],
                    None => Vec::new(),
                };
                let own = strata.levels.and_then(|(own, _)| dimensions.iter().position(|dimension| *dimension == own));
                (dimensions, By::Strata { strata, dimension: own.unwrap_or(0) })
            }
            Parts::Periods(starts) => {
                let times = source.phase.periods().map(|(start, _)| Timestamp::from(start).millis());
                let contexts = source.experiment.contexts().map_or(0, <[_]>::len);
                let mut leaves: Vec<String> = match contexts {
                    0 => Vec::new(),
                    _ => (0..=contexts).map(|context| leaf_of(context, contexts)).collect(),
                };
                // Of two exposures at one time in one variation the lesser leaf counts.
                leaves.sort_unstable();
                (Vec::new(), By::Periods { starts, starts_ms: times.collect(), leaves })
            }
            Parts::Beside(_) => return None,
        };
        Some(Division { arms: source.arms(), dimensions, by })
    }

    pub fn divided_by(&self, source: &ExposureSource<'_>) -> DividedBy {
        match &self.by {
            By::Days => DividedBy::Days,
            By::Levels => DividedBy::Dimension(0),
            By::Strata { strata: Strata { levels: None, .. }, .. } => DividedBy::Days,
            By::Strata { strata: Strata { levels: Some((_, levels)), .. }, dimension } => {
                DividedBy::DaysAndLevels { dimension: *dimension, levels: levels.to_vec() }
            }
            By::Periods { starts_ms, leaves, .. } => {
                let contexts = if leaves.is_empty() { Vec::new() } else { source.context_tellings(leaves) };
                DividedBy::Times { starts_ms: starts_ms.clone(), contexts }
            }
        }
    }

    /// Whether people who did anything before are told apart.
    pub fn by_activity(&self) -> bool {
        matches!(self.by, By::Strata { strata: Strata { by_activity: true, .. }, .. })
    }

    /// What a cell's part is called.
    pub fn part(&self, cell: &ExposedCell) -> String {
        match &self.by {
            By::Days => day(cell.part),
            By::Levels => cell.level.clone(),
            By::Strata { strata, .. } => {
                let is_active = strata.by_activity.then_some(cell.is_active);
                format!("{}{PART_SEPARATOR}{}", day(cell.part), Stratum { level: cell.context, is_active }.code())
            }
            By::Periods { starts, leaves, .. } => {
                let place = usize::try_from(cell.part).unwrap_or(usize::MAX);
                let start = starts.get(place).map_or("", String::as_str);
                let leaf = cell.context.and_then(|context| leaves.get(context)).map_or("", String::as_str);
                if leaves.is_empty() { start.to_owned() } else { format!("{start}{PART_SEPARATOR}{leaf}") }
            }
        }
    }
}

fn day(since_1970: i64) -> String {
    let start = jiff::Timestamp::from_millisecond(since_1970.saturating_mul(DAY_MS)).unwrap_or_default();
    start.to_string().chars().take(10).collect()
}
