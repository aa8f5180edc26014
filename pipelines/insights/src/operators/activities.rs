//! The activities behind a number: the rows that it counts, all counted and a page of them kept.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use h3o::CellIndex;

use super::compile::Compiled;
use super::engine::Context;
use super::order::bucket_of;
use super::places::{cell_at, wanted_cells};
use super::reader::Within;
use super::trend_groups::{Chosen, Groups};
use super::{active, distribution, lifecycle, places, ranking, retention, stickiness, trend_people};
use crate::InsightError;
use crate::definition::{
    ActivePeople, ActivePeopleCell, ActivitiesAnswer, ActivitiesOf, ActivityPlace, Bucket, Buckets, CountedActivity,
    CountedColumn, Distribution, DistributionCell, DistributionOf, Label, Lifecycle, LifecycleCell, LifecycleStanding,
    Measure, PeopleOf, PersonValue, Places, PlacesCell, Retention, RetentionCell, Scope, Selector, Trend, TrendCell,
};
use crate::projection::{Column, ColumnKind, PersonSet, Postings, join_person};

pub(super) fn answer(context: &Context<'_>, asked: &ActivitiesOf) -> Result<ActivitiesAnswer, InsightError> {
    match rows_of(context, &asked.of)? {
        Some(rows) => rows.page(context, asked.limit, asked.after.as_ref()),
        None => Ok(ActivitiesAnswer { activities: 0, columns: Vec::new(), listed: Vec::new(), next: None }),
    }
}

/// Which rows a number counts.
struct Rows<'a> {
    compiled: Compiled,
    people: Option<PersonSet>,
    span: (i64, i64),
    /// What they are divided by, and which part of it.
    part: Option<(Groups<'a>, Chosen, usize)>,
    only: Only,
}

/// What else is asked of a row.
enum Only {
    Nothing,
    /// A number, if so in one bin.
    Number {
        column: usize,
        bin: Option<(Vec<f64>, usize)>,
    },
    Position {
        columns: [usize; 2],
        cells: BTreeSet<CellIndex>,
    },
}

impl Only {
    fn columns(&self) -> &[usize] {
        match self {
            Only::Nothing => &[],
            Only::Number { column, .. } => std::slice::from_ref(column),
            Only::Position { columns, .. } => columns,
        }
    }

    fn is_met(&self, columns: &[Column<'_>], row: usize) -> bool {
        let number = |place: usize| columns.get(place).and_then(|column| column.number(row));
        match self {
            Only::Nothing => true,
            Only::Number { bin: None, .. } => number(0).is_some(),
            Only::Number { bin: Some((edges, bin)), .. } => {
                number(0).is_some_and(|number| edges.partition_point(|&edge| edge <= number) == *bin)
            }
            Only::Position { cells, .. } => {
                let resolution = cells.first().map(|cell| cell.resolution());
                let cell = number(0).zip(number(1)).zip(resolution);
                let cell =
                    cell.and_then(|((latitude, longitude), resolution)| cell_at(latitude, longitude, resolution));
                cell.is_some_and(|cell| cells.contains(&cell))
            }
        }
    }
}

/// `None` where there are none.
fn rows_of<'a>(context: &Context<'a>, of: &PeopleOf) -> Result<Option<Rows<'a>>, InsightError> {
    match of {
        PeopleOf::Trend(asked) => of_trend(context, &asked.question, &asked.cell),
        PeopleOf::Retention(asked) => of_retention(context, &asked.question, &asked.cell),
        PeopleOf::Lifecycle(asked) => of_lifecycle(context, &asked.question, &asked.cell).map(Some),
        PeopleOf::Stickiness(asked) => {
            let people = stickiness::people(context, &asked.question, &asked.cell)?;
            plain(context, &asked.question.select, span_of(&asked.question.scope), Some(people)).map(Some)
        }
        PeopleOf::Distribution(asked) => of_distribution(context, &asked.question, &asked.cell).map(Some),
        PeopleOf::ActivePeople(asked) => of_active(context, &asked.question, &asked.cell).map(Some),
        PeopleOf::Places(asked) => of_places(context, &asked.question, &asked.cell).map(Some),
        PeopleOf::Ranking(asked) => {
            let (compiled, people) = ranking::rows_of(context, &asked.question, &asked.cell)?;
            let span = span_of(&asked.question.scope);
            Ok(Some(Rows { compiled, people, span, part: None, only: Only::Nothing }))
        }
        PeopleOf::Funnel(_)
        | PeopleOf::Paths(_)
        | PeopleOf::Sessions(_)
        | PeopleOf::Cohort(_)
        | PeopleOf::Correlation(_)
        | PeopleOf::Compare(_)
        | PeopleOf::TimeBetween(_) => {
            Err(InsightError::question("question", "its numbers are of people: ask for these, and for what each did"))
        }
    }
}

fn span_of(scope: &Scope) -> (i64, i64) {
    (scope.from_ms, scope.until_ms)
}

fn plain<'a>(
    context: &Context<'a>,
    select: &Selector,
    span: (i64, i64),
    people: Option<PersonSet>,
) -> Result<Rows<'a>, InsightError> {
    Ok(Rows { compiled: Compiled::new(context, select)?, people, span, part: None, only: Only::Nothing })
}

fn of_trend<'a>(context: &Context<'a>, trend: &Trend, cell: &TrendCell) -> Result<Option<Rows<'a>>, InsightError> {
    let scope = if cell.previous { trend.scope.before()? } else { trend.scope.clone() };
    let missing = |field, what| InsightError::question(field, format!("the question has no such {what}"));
    let series = trend.series.get(cell.series).ok_or_else(|| missing("series", "series"))?;
    let measure = cell.measure.map(|place| series.measures.get(place).ok_or_else(|| missing("measure", "measure")));
    let measure = measure.transpose()?;
    let people = match measure {
        Some(Measure::NewPeople) => Some(trend_people::people(context, trend, cell)?),
        _ => trend_people::of_label(context, &scope, &trend.cohorts, &cell.label)?,
    };
    let mut rows = plain(context, &series.select, span_of(&scope), people)?;
    // The top is that of the whole span.
    if let Some(breakdown) = &trend.breakdown
        && matches!(cell.label, Label::Values(_) | Label::Other)
    {
        let groups = Groups::new(context, Some(breakdown))?;
        let all = trend_people::of_label(context, &scope, &trend.cohorts, &cell.label)?;
        let whole = Within { span: rows.span, people: all.as_ref() };
        let chosen = groups.choose(context, &rows.compiled, whole, breakdown.top)?;
        let Some(group) = chosen.labels.iter().position(|label| *label == cell.label) else { return Ok(None) };
        rows.part = Some((groups, chosen, group));
    } else if matches!(cell.label, Label::Values(_) | Label::Other) {
        return Ok(None);
    }
    let buckets = Buckets::new(trend.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
    if let Some(time) = cell.bucket_ms.filter(|_| measure != Some(&Measure::NewPeople)) {
        let bucket = bucket_of(&buckets, "bucket_ms", time)?;
        rows.span = (buckets.starts()[bucket].max(scope.from_ms), buckets.end(bucket).min(scope.until_ms));
    }
    if let Some(
        Measure::Sum(name)
        | Measure::Average(name)
        | Measure::Minimum(name)
        | Measure::Maximum(name)
        | Measure::Percentile(name, _)
        | Measure::PerPerson { value: PersonValue::Sum(name), .. },
    ) = measure
    {
        let column = context.snapshot.dictionaries.column_of(name, ColumnKind::Numbers)?;
        rows.only = Only::Number { column, bin: None };
    }
    Ok(Some(rows))
}

fn of_retention<'a>(
    context: &Context<'a>,
    retention: &Retention,
    cell: &RetentionCell,
) -> Result<Option<Rows<'a>>, InsightError> {
    let people = Some(retention::people(context, retention, cell)?);
    let scope = &retention.scope;
    let buckets = Buckets::new(retention.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
    let start = bucket_of(&buckets, "start_ms", cell.start_ms)?;
    let inside =
        |first: usize, last: usize| (buckets.starts()[first].max(scope.from_ms), buckets.end(last).min(scope.until_ms));
    match cell.after {
        None => plain(context, &retention.start, inside(start, start), people).map(Some),
        // They did nothing that could be listed.
        Some(_) if !cell.returned => Ok(None),
        Some(after) => {
            let last = if retention.unbounded { buckets.len() - 1 } else { start + after };
            plain(context, &retention.returning, inside(start + after, last), people).map(Some)
        }
    }
}

fn of_lifecycle<'a>(
    context: &Context<'a>,
    lifecycle: &Lifecycle,
    cell: &LifecycleCell,
) -> Result<Rows<'a>, InsightError> {
    let people = lifecycle::people(context, lifecycle, cell)?;
    let scope = &lifecycle.scope;
    let buckets = Buckets::new(lifecycle.bucket, &scope.zone, scope.from_ms, scope.until_ms, 1)?;
    let at = bucket_of(&buckets, "bucket_ms", cell.bucket_ms)?;
    let at = if cell.standing == LifecycleStanding::Dormant { at.saturating_sub(1) } else { at };
    plain(context, &lifecycle.select, (buckets.starts()[at], buckets.end(at)), Some(people))
}

fn of_distribution<'a>(
    context: &Context<'a>,
    asked: &Distribution,
    cell: &DistributionCell,
) -> Result<Rows<'a>, InsightError> {
    let people = distribution::people(context, asked, cell)?;
    let mut rows = plain(context, &asked.select, span_of(&asked.scope), Some(people))?;
    if let DistributionOf::Property(name) = &asked.of {
        let column = context.snapshot.dictionaries.column_of(name, ColumnKind::Numbers)?;
        rows.only = Only::Number { column, bin: cell.bin.map(|bin| (asked.edges.clone(), bin)) };
    }
    Ok(rows)
}

fn of_active<'a>(
    context: &Context<'a>,
    asked: &ActivePeople,
    cell: &ActivePeopleCell,
) -> Result<Rows<'a>, InsightError> {
    let scope = &asked.scope;
    let days = Buckets::new(Bucket::Day, &scope.zone, scope.from_ms, scope.until_ms, active::MONTH - 1)?;
    let day = active::day_of(&days, cell)?;
    let first = (day + 1).saturating_sub(cell.period.days());
    plain(context, &asked.select, (days.starts()[first], days.end(day)), context.people(scope)?)
}

fn of_places<'a>(context: &Context<'a>, asked: &Places, cell: &PlacesCell) -> Result<Rows<'a>, InsightError> {
    let column = |name: &str| context.snapshot.dictionaries.column_of(name, ColumnKind::Numbers);
    let people = match cell {
        PlacesCell::Cell { again: true, .. } => Some(places::people(context, asked, cell)?),
        _ => context.people(&asked.scope)?,
    };
    let mut rows = plain(context, &asked.select, span_of(&asked.scope), people)?;
    let cells = wanted_cells(asked, cell)?.into_iter().collect();
    rows.only = Only::Position { columns: [column(&asked.latitude)?, column(&asked.longitude)?], cells };
    Ok(rows)
}

impl Rows<'_> {
    fn page(
        &self,
        context: &Context<'_>,
        limit: usize,
        after: Option<&ActivityPlace>,
    ) -> Result<ActivitiesAnswer, InsightError> {
        let by = self.part.as_ref().map_or(0, |(groups, ..)| groups.len());
        let of_part = self.part.iter().flat_map(|(groups, ..)| &groups.columns);
        let looked_at: BTreeSet<usize> =
            self.compiled.columns.iter().chain(of_part.clone()).chain(self.only.columns()).copied().collect();
        let looked_at: Vec<usize> = looked_at.into_iter().collect();
        let wanted: Vec<usize> = of_part.chain(self.only.columns()).chain(&looked_at).copied().collect();
        let within = Within { span: self.span, people: self.people.as_ref() };
        let own = self.only.columns().len();
        let state = || (0u64, Page::new(limit, after), Postings::default());
        let states = context.each_segment(state, |(count, page, postings), reader, segment| {
            for &activity in &self.compiled.activities {
                reader.select(segment, activity, &self.compiled, &wanted, within, postings);
                if postings.is_empty() {
                    continue;
                }
                if let Some((groups, ..)) = &self.part {
                    groups.put(reader.snapshot, segment, postings);
                }
                let (of_groups, rest) = postings.columns.split_at(by);
                let (of_only, values) = rest.split_at(own);
                for (row, (&local, &time)) in postings.persons.iter().zip(&postings.times).enumerate() {
                    let is_of_part = |(groups, chosen, group): &(Groups<'_>, Chosen, usize)| {
                        groups.group(chosen, of_groups, row) == *group
                    };
                    if !self.part.as_ref().is_none_or(is_of_part) || !self.only.is_met(of_only, row) {
                        continue;
                    }
                    *count += 1;
                    if page.is_near(time) {
                        let values = values.iter().map(|column| bits(column, row)).collect();
                        page.offer(context, Counted { time, person: join_person(segment, local), activity, values });
                    }
                }
            }
        })?;
        let activities = states.iter().map(|(count, ..)| count).sum();
        let mut all = Page::new(limit, after);
        all.kept = states.into_iter().flat_map(|(_, page, _)| page.kept).collect();
        Ok(told(context, &looked_at, activities, all.finish(context), after))
    }
}

/// A page with the names of what it lists.
fn told(
    context: &Context<'_>,
    columns: &[usize],
    activities: u64,
    Listed { known, listed, is_more }: Listed,
    after: Option<&ActivityPlace>,
) -> ActivitiesAnswer {
    let dictionaries = &context.snapshot.dictionaries;
    let value = |(&column, &bits): (&usize, &u64)| {
        let column = &dictionaries.columns[column];
        match column.kind {
            ColumnKind::Numbers => Some(f64::from_bits(bits)).filter(|n| !n.is_nan()).map(|n| n.to_string()),
            ColumnKind::Words => {
                let code = (bits as u32).checked_sub(1)?;
                Some(column.dictionary.names().text(code).to_owned())
            }
        }
    };
    let one = |(place, one): (usize, &Counted)| CountedActivity {
        time_ms: one.time,
        person: dictionaries.persons.names().text(one.person).to_owned(),
        activity: dictionaries.activities.names().text(u32::from(one.activity)).to_owned(),
        nth: known.iter().chain(&listed[..place]).filter(|before| *before == one).count(),
        values: columns.iter().zip(&one.values).map(value).collect(),
    };
    let all: Vec<CountedActivity> = listed.iter().enumerate().map(one).collect();
    let next = all.last().zip(listed.last()).filter(|_| is_more).map(|(last, row)| {
        let own = listed.iter().rev().take_while(|one| one.is_same(row)).count();
        let is_after = |after: &&ActivityPlace| {
            after.time_ms == last.time_ms && after.person_id == last.person && after.activity == last.activity
        };
        let before = after.filter(is_after).map_or(0, |after| after.listed);
        let (person_id, activity) = (last.person.clone(), last.activity.clone());
        ActivityPlace { time_ms: last.time_ms, person_id, activity, listed: own + before }
    });
    let column = |&column: &usize| {
        let column = &dictionaries.columns[column];
        CountedColumn { name: column.name.clone(), is_number: column.kind == ColumnKind::Numbers }
    };
    ActivitiesAnswer { activities, columns: columns.iter().map(column).collect(), listed: all, next }
}

/// A code, or the bits of a number.
fn bits(column: &Column<'_>, row: usize) -> u64 {
    match column {
        Column::NoNumbers => f64::NAN.to_bits(),
        Column::Numbers(numbers) => numbers[row].to_bits(),
        words => u64::from(words.word(row)),
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Counted {
    time: i64,
    person: u32,
    activity: u16,
    values: Box<[u64]>,
}

impl Counted {
    fn is_same(&self, other: &Counted) -> bool {
        (self.time, self.person, self.activity) == (other.time, other.person, other.activity)
    }
}

/// A page.
struct Listed {
    /// Those that earlier pages had of the moment, person and name with which this one begins.
    known: Vec<Counted>,
    listed: Vec<Counted>,
    is_more: bool,
}

/// Rows more than a page, before the page is cut out of them.
const ROOM: usize = 4_096;

/// The newest rows behind a place. Those of one moment are told apart by names only when the page is cut.
struct Page<'p> {
    after: Option<&'p ActivityPlace>,
    limit: usize,
    /// Of the last that is kept, once there are enough.
    least: i64,
    kept: Vec<Counted>,
}

impl<'p> Page<'p> {
    fn new(limit: usize, after: Option<&'p ActivityPlace>) -> Page<'p> {
        Page { after, limit, least: i64::MIN, kept: Vec::new() }
    }

    /// With one more than the page, which tells whether there is another.
    fn size(&self) -> usize {
        self.limit.saturating_add(1).saturating_add(self.after.map_or(0, |after| after.listed))
    }

    #[inline]
    fn is_near(&self, time: i64) -> bool {
        self.least <= time && self.after.is_none_or(|after| time <= after.time_ms)
    }

    fn offer(&mut self, context: &Context<'_>, one: Counted) {
        self.kept.push(one);
        if self.kept.len() > self.size() * 2 + ROOM {
            self.cut(context);
        }
    }

    fn cut(&mut self, context: &Context<'_>) {
        let size = self.size();
        let dictionaries = &context.snapshot.dictionaries;
        let (persons, activities) = (dictionaries.persons.names(), dictionaries.activities.names());
        let names = |one: &Counted| (persons.text(one.person), activities.text(u32::from(one.activity)));
        if let Some(after) = self.after {
            let place = (after.person_id.as_str(), after.activity.as_str());
            self.kept.retain(|one| one.time < after.time_ms || (one.time == after.time_ms && names(one) >= place));
        }
        let order = |a: &Counted, b: &Counted| {
            b.time.cmp(&a.time).then_with(|| match a.is_same(b) {
                true => Ordering::Equal,
                false => names(a).cmp(&names(b)),
            })
        };
        let order = |a: &Counted, b: &Counted| order(a, b).then_with(|| a.values.cmp(&b.values));
        self.kept.sort_unstable_by(order);
        self.kept.truncate(size);
        if self.kept.len() == size {
            self.least = self.kept.last().map_or(i64::MIN, |last| last.time);
        }
    }

    fn finish(mut self, context: &Context<'_>) -> Listed {
        self.cut(context);
        let mut known = Vec::new();
        if let Some(after) = self.after {
            let dictionaries = &context.snapshot.dictionaries;
            let person = dictionaries.persons.find(&after.person_id);
            let activity = dictionaries.activities.find(&after.activity);
            let is_same = |one: &&Counted| {
                one.time == after.time_ms && person == Some(one.person) && activity == Some(u32::from(one.activity))
            };
            let count = self.kept.iter().take_while(is_same).count().min(after.listed);
            known = self.kept.drain(..count).collect();
        }
        let is_more = self.kept.len() > self.limit;
        self.kept.truncate(self.limit);
        Listed { known, listed: self.kept, is_more }
    }
}
