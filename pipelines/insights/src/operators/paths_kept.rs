//! Paths of some rows alone, or whose anchor is more than a name: the rows that are left of each person are listed.

use super::compile::Compiled;
use super::engine::Context;
use super::order::each_person;
use super::paths::Scan;
use super::reader::{Reader, Within};
use crate::InsightError;
use crate::definition::{AnchorRow, Paths, Selector};
use crate::operators::ALWAYS;
use crate::projection::{PersonSet, Postings};

/// Which rows are there, and which of them are the anchor.
pub(super) struct Kept {
    select: Compiled,
    without: Option<Compiled>,
    anchor: Option<Compiled>,
}

/// Rows of a person that are left: time, place of the name, whether another row is the anchor rather, and the activity.
type Row = (i64, u16, bool, u16);

#[derive(Default)]
pub(super) struct Scratch<'a> {
    postings: Vec<Postings<'a>>,
    /// For each row of each postings whether it is there, and whether it is the anchor.
    kept: Vec<Vec<(bool, bool)>>,
    rows: Vec<Row>,
    times: Vec<i64>,
}

impl Kept {
    /// `None` where all rows are there and the anchor is one activity, as are most.
    pub fn new(context: &Context<'_>, paths: &Paths) -> Result<Option<Kept>, InsightError> {
        let is_plain = |anchor: &AnchorRow| anchor.name().is_some();
        if paths.select.is_any() && paths.without.is_none() && paths.anchor.row().is_none_or(is_plain) {
            return Ok(None);
        }
        let anchor = paths.anchor.row().map(|anchor| match anchor {
            AnchorRow::Name(name) => Compiled::new(context, &Selector::named(name)),
            AnchorRow::Rows(selector) => Compiled::new(context, selector),
        });
        let without = paths.without.as_ref().map(|without| Compiled::new(context, without)).transpose()?;
        Ok(Some(Kept { select: Compiled::new(context, &paths.select)?, without, anchor: anchor.transpose()? }))
    }

    /// Calls with the activities of each path, and whether it leads to its anchor.
    pub fn each<'a>(
        &self,
        scan: &Scan<'_>,
        reader: &mut Reader<'a>,
        segment: u32,
        people: Option<&PersonSet>,
        scratch: &mut Scratch<'a>,
        mut path: impl FnMut(u16, &mut dyn ExactSizeIterator<Item = u16>, bool),
    ) {
        let Scratch { postings, kept, rows, times } = scratch;
        let activities = &self.select.activities;
        postings.resize_with(activities.len(), Postings::default);
        kept.resize_with(activities.len(), Vec::new);
        for (&activity, (postings, kept)) in activities.iter().zip(postings.iter_mut().zip(kept.iter_mut())) {
            self.read(reader, segment, activity, Within { span: ALWAYS, people }, postings, kept);
        }
        let ranks = reader.snapshot.ranks();
        each_person(postings, |local, places| {
            rows.clear();
            for ((&activity, one), (kept, places)) in
                activities.iter().zip(postings.iter()).zip(kept.iter().zip(places))
            {
                let rank = ranks[usize::from(activity)];
                let is_there = places.clone().filter(|&row| kept[row].0);
                rows.extend(is_there.map(|row| (one.times[row], rank, !kept[row].1, activity)));
            }
            rows.sort_unstable();
            times.clear();
            times.extend(rows.iter().map(|row| row.0));
            let rows: &[Row] = rows;
            let is_anchor = self.anchor.as_ref().map(|_| move |place: usize| !rows[place].2);
            scan.each(times, is_anchor, |found, before| {
                path(local, &mut rows[found].iter().map(|row| row.3), before);
            });
        });
    }

    fn read<'a>(
        &self,
        reader: &mut Reader<'a>,
        segment: u32,
        activity: u16,
        within: Within<'_>,
        postings: &mut Postings<'a>,
        kept: &mut Vec<(bool, bool)>,
    ) {
        let of = |compiled: &'_ Compiled| compiled.activities.contains(&activity);
        let without = self.without.as_ref().filter(|without| of(without));
        let anchor = self.anchor.as_ref().filter(|anchor| of(anchor));
        let all = [Some(&self.select), without, anchor];
        let columns: Vec<usize> = all.iter().flatten().flat_map(|compiled| compiled.columns.iter().copied()).collect();
        reader.load(segment, activity, &columns, within, None, postings);
        let mut base = 0;
        let [is_there, is_not, is_anchor] = all.map(|compiled| {
            let compiled = compiled?;
            let mask = compiled.condition.as_ref().map_or_else(
                || vec![true; postings.len()],
                |condition| condition.mask(reader.snapshot, segment, postings, base),
            );
            base += compiled.columns.len();
            Some(mask)
        });
        let met = |mask: &Option<Vec<bool>>, row: usize| mask.as_ref().is_some_and(|mask| mask[row]);
        kept.clear();
        kept.extend((0..postings.len()).map(|row| (met(&is_there, row) && !met(&is_not, row), met(&is_anchor, row))));
    }
}
