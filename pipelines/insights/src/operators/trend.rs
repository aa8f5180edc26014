//! Trends: rows by bucket and group. A person counts once in a cell: cells carry the last person seen, and rows come
//! person by person.

use std::ops::Range;

use super::coder::Coder;
use super::compile::Compiled;
use super::engine::Context;
use super::order::each_person;
use super::presence::{Presence, each_bit};
use super::reader::{Need, Reader, Within};
use super::sum::Sum;
use super::trend_groups::{Chosen, Groups};
use super::trend_lines;
use super::trend_new;
use super::trend_numbers::{Numbers, rank_of};
use super::trend_others::Others;
use super::trend_persons::PersonNumbers;
use super::trend_sessions;
use super::trend_tally::Tally;
use crate::InsightError;
use crate::definition::{
    Buckets, Label, Measure, PersonStatistic, PersonValue, Scope, Series, Trend, TrendAnswer, TrendLine,
};
use crate::projection::{Column, ColumnKind, PersonSet, Postings, Timeline, join_person};
use crate::spill::{Gather, Ranked, Sorted, number, ordered};

/// Values of a breakdown times buckets, of one series.
const CELLS_MAX: usize = 500_000;
/// For more buckets than this, the bits of all people of a segment would take more memory than they save time.
const PRESENCE_BUCKETS_MAX: usize = 512;

pub(super) fn answer(context: &Context<'_>, trend: &Trend) -> Result<TrendAnswer, InsightError> {
    if !trend.cohorts.is_empty() && trend.breakdown.is_some() {
        return Err(InsightError::question("cohorts", "not together with a breakdown"));
    }
    let mut answer = of_span(context, trend, &trend.scope)?;
    if trend.previous {
        answer.previous = Some(Box::new(of_span(context, trend, &trend.scope.before()?)?));
    }
    Ok(answer)
}

fn of_span(context: &Context<'_>, trend: &Trend, scope: &Scope) -> Result<TrendAnswer, InsightError> {
    let formulas = trend_lines::formulas(trend)?;
    let buckets = Buckets::new(trend.bucket, &scope.zone, scope.from_ms, scope.until_ms, 0)?;
    let groups = Groups::new(context, trend.breakdown.as_ref())?;
    let mut parts: Vec<(Option<Label>, Option<PersonSet>)> = Vec::new();
    for named in &trend.cohorts {
        let people = context.people_and(scope, &named.cohort)?;
        parts.push((Some(Label::Cohort(named.name.clone())), Some(people)));
    }
    if parts.is_empty() {
        parts.push((None, context.people(scope)?));
    }
    let top = trend.breakdown.as_ref().map_or(0, |breakdown| breakdown.top);
    let mut lines = Vec::new();
    for (index, series) in trend.series.iter().enumerate() {
        let compiled = Compiled::new(context, &series.select)?;
        for (cohort, people) in &parts {
            let within = Within { span: (scope.from_ms, scope.until_ms), people: people.as_ref() };
            let chosen = groups.choose(context, &compiled, within, top)?;
            if chosen.labels.len().saturating_mul(buckets.len()) > CELLS_MAX {
                let problem = format!("values by buckets are more than {CELLS_MAX}: take fewer, or longer buckets");
                return Err(InsightError::question("breakdown", problem));
            }
            let scan = Scan::new(context, series, &compiled, &groups, &chosen, &buckets)?;
            let cells = scan.run(context, within)?;
            let line = |(group, label): (usize, &Label)| {
                let measures = series.measures.iter().map(|measure| scan.values(&cells, group, measure));
                let label = cohort.as_ref().unwrap_or(label).clone();
                TrendLine { series: index, label, measures: measures.collect() }
            };
            let mut of_series: Vec<TrendLine> = chosen.labels.iter().enumerate().map(line).collect();
            of_series.sort_by(|a, b| a.label.cmp(&b.label));
            lines.extend(of_series);
        }
    }
    trend_lines::add_formulas(&formulas, trend.series.len(), buckets.len(), &mut lines);
    trend_lines::run(trend.running, &mut lines)?;
    Ok(TrendAnswer { buckets: buckets.starts().to_vec(), lines, previous: None })
}

/// How one series is read.
struct Scan<'s> {
    compiled: &'s Compiled,
    groups: &'s Groups<'s>,
    chosen: &'s Chosen,
    buckets: &'s Buckets,
    /// Columns read: those of the breakdown, then those of measures.
    columns: Vec<usize>,
    /// For each property measured its name.
    numbers: Vec<String>,
    rows: bool,
    people: bool,
    sessions: bool,
    new_people: bool,
    /// For each number of persons the place of the property that is summed; rows are counted without.
    persons: Vec<Option<usize>>,
    /// Whether all numbers are kept, for percentiles.
    values: bool,
    /// Of all that is kept in order, what is wanted.
    ranks: Vec<f64>,
}

/// What is known of the rows of each group and bucket, at `group * buckets + bucket`.
#[derive(Default)]
struct Cells {
    rows: Vec<u64>,
    people: Vec<u64>,
    last_person: Vec<u32>,
    sessions: Vec<u64>,
    last_session: Vec<u64>,
    new_people: Vec<u64>,
    /// For each property.
    numbers: Vec<Vec<Numbers>>,
    persons: Vec<PersonNumbers>,
    /// The cells of each property, then those of each number of persons; and the sums of the latter.
    ranked: Vec<Ranked>,
    sums: Vec<Sum>,
}

impl<'s> Scan<'s> {
    fn new(
        context: &Context<'_>,
        series: &Series,
        compiled: &'s Compiled,
        groups: &'s Groups<'s>,
        chosen: &'s Chosen,
        buckets: &'s Buckets,
    ) -> Result<Scan<'s>, InsightError> {
        let mut scan = Scan {
            compiled,
            groups,
            chosen,
            buckets,
            columns: groups.columns.clone(),
            numbers: Vec::new(),
            rows: false,
            people: false,
            sessions: false,
            new_people: false,
            persons: Vec::new(),
            values: false,
            ranks: Vec::new(),
        };
        for measure in &series.measures {
            match measure {
                Measure::Count => scan.rows = true,
                Measure::People => scan.people = true,
                Measure::NewPeople => scan.new_people = true,
                Measure::CountPerPerson => (scan.rows, scan.people) = (true, true),
                Measure::Sessions => scan.sessions = true,
                Measure::Sum(property)
                | Measure::Average(property)
                | Measure::Minimum(property)
                | Measure::Maximum(property) => {
                    scan.number(context, property)?;
                }
                Measure::PerPerson { value, statistic } => {
                    if matches!(statistic, PersonStatistic::Percentile(rank) if !(0.0..=1.0).contains(rank)) {
                        return Err(InsightError::question("percentile", "a rank is 0 to 1"));
                    }
                    if let PersonValue::Sum(property) = value {
                        scan.number(context, property)?;
                    }
                    let place = scan.place(value);
                    if !scan.persons.contains(&place) {
                        scan.persons.push(place);
                    }
                    scan.ranks.extend(rank_of(*statistic));
                }
                Measure::Percentile(property, rank) => {
                    if !(0.0..=1.0).contains(rank) {
                        return Err(InsightError::question("percentile", "a rank is 0 to 1"));
                    }
                    scan.number(context, property)?;
                    scan.values = true;
                    scan.ranks.push(*rank);
                }
            }
        }
        Ok(scan)
    }

    /// Cells of each property and number.
    fn cells(&self) -> usize {
        self.chosen.labels.len() * self.buckets.len()
    }

    /// Where the property of a person's number is.
    fn place(&self, value: &PersonValue) -> Option<usize> {
        match value {
            PersonValue::Rows => None,
            PersonValue::Sum(property) => self.numbers.iter().position(|known| known == property),
        }
    }

    fn number(&mut self, context: &Context<'_>, property: &str) -> Result<(), InsightError> {
        let column = context.snapshot.dictionaries.column_of(property, ColumnKind::Numbers)?;
        if !self.numbers.iter().any(|known| known == property) {
            self.numbers.push(property.to_owned());
            self.columns.push(column);
        }
        Ok(())
    }

    fn run(&self, context: &Context<'_>, within: Within<'_>) -> Result<Cells, InsightError> {
        let is_of_new_alone = self.new_people && self.is_of_rows() && !self.rows && !self.people;
        let mut cells = if is_of_new_alone { Cells::new(self) } else { self.run_rows(context, within)? };
        if self.new_people {
            cells.new_people =
                trend_new::count(context, self.compiled, (self.groups, self.chosen), self.buckets, within)?;
        }
        Ok(cells)
    }

    fn run_rows(&self, context: &Context<'_>, within: Within<'_>) -> Result<Cells, InsightError> {
        if self.is_coded() {
            return self.run_coded(context, within);
        }
        if self.is_of_presence() {
            return self.run_presence(context, within);
        }
        if self.is_of_sessions() {
            let sessions = trend_sessions::count(context, self.buckets, within)?;
            return Ok(Cells { sessions, ..Cells::new(self) });
        }
        let state = || (Cells::new(self), Gather::new(context.room()), Vec::new(), Vec::new());
        let states = context.each_segment(state, |(cells, gather, postings, order), reader, segment| {
            self.read(reader, segment, within, postings);
            let timeline = self.sessions.then(|| reader.timeline_until(segment, within.span.1));
            match postings.as_slice() {
                [one] => self.add(cells, gather, segment, one, 0..one.len(), timeline.as_ref()),
                several => each_person(several, |_, rows| {
                    if timeline.is_none() {
                        for (one, rows) in several.iter().zip(rows) {
                            self.add(cells, gather, segment, one, rows.clone(), None);
                        }
                        return;
                    }
                    // A session counts once in a cell only if its rows come together.
                    order.clear();
                    for (index, (one, rows)) in several.iter().zip(rows).enumerate() {
                        order.extend(rows.clone().map(|row| (one.times[row], index, row)));
                    }
                    order.sort_unstable();
                    for &(_, index, row) in order.iter() {
                        self.add(cells, gather, segment, &several[index], row..row + 1, timeline.as_ref());
                    }
                }),
            }
        })?;
        let mut sum = Cells::new(self);
        let mut gathers = Vec::new();
        for (mut cells, mut gather, ..) in states {
            cells.persons.iter_mut().for_each(|persons| persons.finish(&mut gather));
            sum.join(cells);
            gathers.push(gather);
        }
        if self.values || !self.persons.is_empty() {
            let sorted = Sorted::of(gathers, (self.numbers.len() + self.persons.len()) * self.cells());
            sum.ranked = sorted.ranked(context, &self.ranks)?;
            let first = self.numbers.len() * self.cells();
            sum.sums = vec![Sum::default(); self.persons.len() * self.cells()];
            sorted.each(context, |cell, value| {
                if let Some(sum) = cell.checked_sub(first).and_then(|cell| sum.sums.get_mut(cell)) {
                    sum.add(number(value));
                }
            })?;
        }
        Ok(sum)
    }

    fn read<'a>(&self, reader: &mut Reader<'a>, segment: u32, within: Within<'_>, postings: &mut Vec<Postings<'a>>) {
        postings.resize_with(self.compiled.activities.len(), Postings::default);
        for (&activity, postings) in self.compiled.activities.iter().zip(postings.iter_mut()) {
            reader.select(segment, activity, self.compiled, &self.columns, within, postings);
            self.groups.put(reader.snapshot, segment, postings);
        }
    }

    #[inline]
    fn add(
        &self,
        cells: &mut Cells,
        gather: &mut Gather<'_>,
        segment: u32,
        postings: &Postings<'_>,
        rows: Range<usize>,
        timeline: Option<&Timeline<'_>>,
    ) {
        let (by, numbers) = postings.columns.split_at(self.groups.len().min(postings.columns.len()));
        for row in rows {
            let (time, local) = (postings.times[row], postings.persons[row]);
            let group = if by.is_empty() { 0 } else { self.groups.group(self.chosen, by, row) };
            let cell = group * self.buckets.len() + self.buckets.of(time);
            cells.rows[cell] += 1;
            if self.people {
                cells.see(cell, join_person(segment, local) + 1);
            }
            if let Some(timeline) = timeline {
                let sessions = timeline.sessions_of(usize::from(local));
                let starts = &timeline.starts[sessions.clone()];
                let session = sessions.start + starts.partition_point(|&start| start <= time);
                let name = u64::from(segment) << 32 | session as u64;
                if cells.last_session[cell] != name {
                    cells.last_session[cell] = name;
                    cells.sessions[cell] += 1;
                }
            }
            for (place, persons) in self.persons.iter().zip(&mut cells.persons) {
                let number = place.map_or(Some(1.0), |place| numbers[place].number(row));
                if let Some(number) = number {
                    persons.add(cell, join_person(segment, local), number, gather);
                }
            }
            for (place, (numbers, column)) in cells.numbers.iter_mut().zip(numbers).enumerate() {
                if let Some(number) = column.number(row) {
                    numbers[cell].add(number);
                    if self.values {
                        gather.push(place * self.cells() + cell, ordered(number));
                    }
                }
            }
        }
    }

    /// Whether rows and people are all that is asked for, of one activity or each activity alone, or rows alone.
    fn is_coded(&self) -> bool {
        let apart = self.groups.is_of_events() && self.buckets.len() <= PRESENCE_BUCKETS_MAX;
        self.is_of_rows() && (self.compiled.activities.len() == 1 || !self.people || apart)
    }

    /// The group in which people of several activities are, where activities tell groups apart.
    fn others(&self) -> Option<usize> {
        let others = || self.chosen.labels.iter().position(|label| *label == Label::Other);
        if self.people && self.groups.is_of_events() { others() } else { None }
    }

    /// Whether nothing but rows and people are asked for.
    fn is_of_rows(&self) -> bool {
        self.numbers.is_empty() && self.persons.is_empty() && !self.sessions
    }

    /// Whether people of several activities are all that is asked for: nobody needs to know which of them it was.
    fn is_of_presence(&self) -> bool {
        self.is_of_rows() && !self.rows && self.groups.is_empty() && self.buckets.len() <= PRESENCE_BUCKETS_MAX
    }

    /// Whether sessions of any rows are all that is asked for.
    fn is_of_sessions(&self) -> bool {
        let others = self.rows || self.people || !self.numbers.is_empty() || !self.persons.is_empty();
        let any = self.compiled.everything && self.groups.is_empty() && self.buckets.len() <= PRESENCE_BUCKETS_MAX;
        self.sessions && !others && any
    }

    fn run_presence(&self, context: &Context<'_>, within: Within<'_>) -> Result<Cells, InsightError> {
        let all = self.buckets.len();
        let state = || (Presence::new(all), vec![0u64; all], Postings::default());
        let states = context.each_segment(state, |(presence, people, postings), reader, segment| {
            presence.fill(reader, segment, self.compiled, self.buckets, within, postings);
            presence.people().for_each(|(_, bits)| each_bit(bits, |bucket| people[bucket] += 1));
        })?;
        let mut cells = Cells::new(self);
        for (_, people, _) in states {
            cells.people.iter_mut().zip(people).for_each(|(sum, people)| *sum += people);
        }
        Ok(cells)
    }

    fn run_coded(&self, context: &Context<'_>, within: Within<'_>) -> Result<Cells, InsightError> {
        let coder = Coder::new(self.buckets, within.span);
        let others = self.others();
        let state = || {
            let tally = Tally::new(self.chosen.labels.len(), coder.outside(), self.people);
            (tally, Others::new(if others.is_some() { coder.outside() } else { 0 }), Postings::default())
        };
        let states = context.each_segment(state, |(tally, of_others, postings), reader, segment| {
            for &activity in &self.compiled.activities {
                let columns = &self.groups.columns;
                let need = self.groups.need(Need::Buckets);
                reader.select_with(need, segment, activity, self.compiled, columns, within, postings);
                self.groups.put(reader.snapshot, segment, postings);
                if self.groups.is_empty() {
                    tally.plain(&coder, postings);
                } else if let [Column::Same(_)] = postings.columns.as_slice() {
                    let group = self.groups.group(self.chosen, &postings.columns, 0);
                    tally.grouped(&coder, segment, postings, |_| group);
                    if others == Some(group) {
                        of_others.see(&coder, postings);
                    }
                } else if let Some((codes, groups)) = self.groups.table(self.chosen, &postings.columns) {
                    tally.grouped(&coder, segment, postings, |row| usize::from(groups[usize::from(codes[row])]));
                } else {
                    let group = |row: usize| self.groups.group(self.chosen, &postings.columns, row);
                    tally.grouped(&coder, segment, postings, group);
                }
            }
            of_others.count();
        })?;
        let mut cells = Cells::new(self);
        states.iter().for_each(|(tally, ..)| tally.add_to(&mut cells.rows, &mut cells.people));
        if let Some(group) = others {
            // Who did several of the others is one of them.
            let people = &mut cells.people[group * self.buckets.len()..][..self.buckets.len()];
            people.fill(0);
            states.iter().for_each(|(_, of_others, _)| of_others.add_to(people));
        }
        Ok(cells)
    }

    fn values(&self, cells: &Cells, group: usize, measure: &Measure) -> Vec<Option<f64>> {
        let place = |property: &String| self.numbers.iter().position(|known| known == property).unwrap_or(0);
        let ranked = |cell: usize, rank: f64| {
            let place = self.ranks.iter().position(|known| *known == rank)?;
            cells.ranked.get(cell)?.at.get(place).map(|value| number(*value))
        };
        let value = |cell: usize| {
            let numbers = |property: &String| &cells.numbers[place(property)][cell];
            match measure {
                Measure::Count => Some(cells.rows[cell] as f64),
                Measure::People => Some(cells.people[cell] as f64),
                Measure::NewPeople => Some(cells.new_people[cell] as f64),
                Measure::Sessions => Some(cells.sessions[cell] as f64),
                Measure::CountPerPerson => {
                    (cells.people[cell] > 0).then(|| cells.rows[cell] as f64 / cells.people[cell] as f64)
                }
                Measure::Sum(property) => Some(numbers(property).sum.value()),
                Measure::Average(property) => {
                    let numbers = numbers(property);
                    (numbers.count > 0).then(|| numbers.sum.value() / numbers.count as f64)
                }
                Measure::Minimum(property) => numbers(property).minimum,
                Measure::Maximum(property) => numbers(property).maximum,
                Measure::Percentile(property, rank) => ranked(place(property) * self.cells() + cell, *rank),
                Measure::PerPerson { value, statistic } => {
                    let place = self.place(value);
                    let at = self.persons.iter().position(|known| *known == place)? * self.cells() + cell;
                    let gathered = self.numbers.len() * self.cells() + at;
                    match rank_of(*statistic) {
                        Some(rank) => ranked(gathered, rank),
                        None => {
                            let count = cells.ranked.get(gathered).map_or(0, |ranked| ranked.count);
                            (count > 0).then(|| cells.sums[at].value() / count as f64)
                        }
                    }
                }
            }
        };
        let first = group * self.buckets.len();
        (first..first + self.buckets.len()).map(value).collect()
    }
}

impl Cells {
    fn new(scan: &Scan<'_>) -> Cells {
        let all = scan.cells();
        let if_asked = |asked: bool| if asked { all } else { 0 };
        Cells {
            rows: vec![0; all],
            people: vec![0; if_asked(scan.people)],
            last_person: vec![0; if_asked(scan.people)],
            sessions: vec![0; if_asked(scan.sessions)],
            last_session: vec![u64::MAX; if_asked(scan.sessions)],
            new_people: vec![0; if_asked(scan.new_people)],
            numbers: vec![vec![Numbers::default(); all]; scan.numbers.len()],
            persons: (scan.numbers.len()..)
                .zip(&scan.persons)
                .map(|(place, _)| PersonNumbers::new(place * all, all))
                .collect(),
            ranked: Vec::new(),
            sums: Vec::new(),
        }
    }

    #[inline]
    fn see(&mut self, cell: usize, person: u32) {
        let last = &mut self.last_person[cell];
        self.people[cell] += u64::from(*last != person);
        *last = person;
    }

    fn join(&mut self, other: Cells) {
        let add =
            |sums: &mut Vec<u64>, counts: Vec<u64>| sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        add(&mut self.rows, other.rows);
        add(&mut self.people, other.people);
        add(&mut self.sessions, other.sessions);
        for (sums, numbers) in self.numbers.iter_mut().zip(other.numbers) {
            sums.iter_mut().zip(numbers).for_each(|(sum, numbers)| sum.join(numbers));
        }
    }
}
