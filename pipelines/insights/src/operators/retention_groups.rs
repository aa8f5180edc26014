//! A breakdown of retention: the value of the row that starts, and the top of all values.

use hashbrown::HashMap;

use super::best::Best;
use super::division::{Division, Values};
use super::engine::Context;
use super::retention::{Counts, Scan};
use crate::InsightError;
use crate::definition::{Buckets, Label, Retention, RetentionGroup};
use crate::projection::{Names, Postings};
use crate::spill::{Tally, Totals};

/// Groups times the square of buckets.
const CELLS_MAX: usize = 8_000_000;

/// For each person and bucket of a segment the time and code of the first row.
#[derive(Default)]
pub(super) struct Codes {
    first: HashMap<(u16, u32), (i64, u32)>,
}

impl Codes {
    pub fn clear(&mut self) {
        self.first.clear();
    }

    pub fn add(&mut self, postings: &Postings<'_>, buckets: &Buckets, values: &Values<'_>) {
        let Some(column) = postings.columns.first() else { return };
        for (row, (&local, &time)) in postings.persons.iter().zip(&postings.times).enumerate() {
            let code = column.word(row);
            let first = self.first.entry((local, buckets.of(time) as u32)).or_insert((time, code));
            let is_before = time < first.0 || (time == first.0 && values.text(code) < values.text(first.1));
            if is_before {
                *first = (time, code);
            }
        }
    }

    pub fn of(&self, local: usize, bucket: usize) -> u32 {
        self.first.get(&(local as u16, bucket as u32)).map_or(0, |first| first.1)
    }
}

/// The text of a code of a column; 0 is a missing one.
pub(super) fn text(names: &Names, code: u32) -> Option<&str> {
    code.checked_sub(1).map(|code| names.text(code))
}

/// Which values stand for themselves.
#[derive(Default)]
pub(super) struct Chosen {
    pub labels: Vec<Label>,
    group_of: HashMap<u32, usize>,
}

impl Chosen {
    /// The `top` codes with most, ties by text; the rest is one group.
    pub fn new(
        context: &Context<'_>,
        counts: &Totals<'_, u32, u64>,
        top: usize,
        values: &Values<'_>,
    ) -> Result<Chosen, InsightError> {
        let texts = |codes: &[u32]| -> Vec<Option<String>> {
            codes.iter().map(|code| values.text(*code).map(str::to_owned)).collect()
        };
        let mut best = Best::new(top);
        counts.each(context, |code, count| {
            best.offer(code, count, &texts);
            Ok(())
        })?;
        let (ranked, others) = best.finish(&texts);
        let mut chosen = Chosen::default();
        for (place, (_, text, code)) in ranked.into_iter().enumerate() {
            chosen.group_of.insert(code, place);
            chosen.labels.push(Label::Values(vec![text]));
        }
        if others {
            chosen.labels.push(Label::Other);
        }
        Ok(chosen)
    }

    pub fn group(&self, code: u32) -> usize {
        self.group_of.get(&code).copied().unwrap_or(self.group_of.len())
    }
}

pub(super) fn division<'a>(context: &Context<'a>, retention: &Retention) -> Result<Option<Division<'a>>, InsightError> {
    let Some(breakdown) = &retention.breakdown else { return Ok(None) };
    let [property] = breakdown.properties.as_slice() else {
        return Err(InsightError::question("breakdown", "retention takes one property"));
    };
    Division::new(context, property).map(Some)
}

/// Counts the starts of each value and takes the top.
pub(super) fn choose(context: &Context<'_>, scan: &Scan<'_, '_>) -> Result<Chosen, InsightError> {
    let (Some(division), Some(breakdown)) = (&scan.division, &scan.retention.breakdown) else {
        return Ok(Chosen::default());
    };
    let new = || Tally::<u32, u64>::new(context.room());
    let tallies = scan.run(context, new, |counts, _, _, code, _: &[u64]| counts.add(code, 1))?;
    let chosen = Chosen::new(context, &Totals::of(tallies), breakdown.top, &division.values())?;
    if chosen.labels.len() * scan.buckets.len() * scan.buckets.len() > CELLS_MAX {
        let problem = format!("values by buckets by buckets are more than {CELLS_MAX}: take fewer, or longer buckets");
        return Err(InsightError::question("breakdown", problem));
    }
    Ok(chosen)
}

/// The groups, by value; others last.
pub(super) fn answer(context: &Context<'_>, scan: &Scan<'_, '_>) -> Result<Vec<RetentionGroup>, InsightError> {
    let chosen = choose(context, scan)?;
    let (n, unbounded) = (scan.buckets.len(), scan.retention.unbounded);
    let new = || vec![Counts::new(n); chosen.labels.len()];
    let mut sums = new();
    let states = scan.run(context, new, |counts: &mut Vec<Counts>, _, w, code, returns| {
        if let Some(counts) = counts.get_mut(chosen.group(code)) {
            counts.add(w, returns, unbounded);
        }
    })?;
    for state in states {
        sums.iter_mut().zip(&state).for_each(|(sum, counts)| sum.join(counts));
    }
    let labelled = chosen.labels.iter().zip(sums);
    let group = |(label, counts): (&Label, Counts)| RetentionGroup {
        label: label.clone(),
        cohorts: counts.finish(&scan.buckets, unbounded),
    };
    let mut groups: Vec<RetentionGroup> = labelled.map(group).collect();
    groups.sort_by(|a, b| a.label.cmp(&b.label));
    Ok(groups)
}
