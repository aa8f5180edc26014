//! Correlation: of each segment the stretches of those who entered the funnel, then what lies at their beginnings and
//! within them.

use std::collections::BTreeSet;

use super::compile::Compiled;
use super::contingency::{Table, false_discovery_rates};
use super::engine::Context;
use super::funnel::{Found, Plan};
use super::reader::{Reader, Within};
use super::retention_groups::text;
use crate::InsightError;
use crate::definition::{Correlation, CorrelationAnswer, CorrelationCell, Factor, FactorOf, Funnel, FunnelOrder};
use crate::projection::{ColumnKind, PersonSet, Postings, split_person};
use crate::spill::{Sums, Tally, Totals};

const PROPERTIES_MAX: usize = 20;

/// One who entered, from the row of step 1 to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entrant {
    person: u32,
    start: i64,
    /// What counts is before it.
    end: i64,
    converted: bool,
}

impl Entrant {
    fn new(funnel: &Funnel, person: u32, found: Found<'_>) -> Entrant {
        let last = |start: i64| start.saturating_add(funnel.window_ms).saturating_add(1).min(funnel.scope.until_ms);
        let converted = found.outcome.converted_ms.zip(found.outcome.converted_at);
        let stretch = converted.map_or((found.first, last(found.first)), |(ms, at)| (at - ms, at));
        Entrant { person, start: stretch.0, end: stretch.1, converted: converted.is_some() }
    }
}

/// People with a factor: converted, dropped.
type With = (u64, u64);

struct State<'a> {
    /// Of the segment at hand.
    entrants: Vec<Entrant>,
    entered: u64,
    converted: u64,
    /// By property, those of persons behind those of activities, and code.
    values: Tally<'a, (u32, u32), With>,
    activities: Vec<With>,
    postings: Postings<'a>,
}

pub(super) fn answer(context: &Context<'_>, asked: &Correlation) -> Result<CorrelationAnswer, InsightError> {
    check(asked)?;
    let funnel = &asked.funnel;
    let scan = Scan::new(context, asked)?;
    let activities = context.snapshot.ranks().len();
    let new = || State {
        entrants: Vec::new(),
        entered: 0,
        converted: 0,
        values: Tally::new(context.room()),
        activities: vec![(0, 0); activities],
        postings: Postings::default(),
    };
    let plan = Plan::new(context, funnel, context.people(&funnel.scope)?)?;
    let enters = |state: &mut State<'_>, person: u32, found: Found<'_>| {
        state.entrants.push(Entrant::new(funnel, person, found));
    };
    let states = plan.run_then(context, new, enters, |state, reader, segment| {
        let entrants = std::mem::take(&mut state.entrants);
        state.entered += entrants.len() as u64;
        state.converted += entrants.iter().filter(|one| one.converted).count() as u64;
        if !entrants.is_empty() {
            scan.read(state, reader, segment, &entrants);
        }
        state.entrants = entrants;
        state.entrants.clear();
    })?;
    factors(context, asked, &scan, states)
}

/// A factor that is looked for.
#[derive(Clone, Copy)]
enum Wanted {
    /// The place of the property, and the value's code.
    Property(usize, Option<u32>),
    /// The place of the property of persons.
    Trait(usize, Option<u32>),
    Activity(Option<usize>),
}

/// Those who entered, with or without a factor.
pub(super) fn people(
    context: &Context<'_>,
    asked: &Correlation,
    cell: &CorrelationCell,
) -> Result<PersonSet, InsightError> {
    check(asked)?;
    let funnel = &asked.funnel;
    let scan = Scan::new(context, asked)?;
    let wanted = cell.factor.as_ref().map(|factor| scan.find(context, asked, factor)).transpose()?;
    let plan = Plan::new(context, funnel, context.people(&funnel.scope)?)?;
    let new = || (PersonSet::default(), Vec::new(), Postings::default());
    let enters = |state: &mut (PersonSet, Vec<Entrant>, Postings<'_>), person: u32, found: Found<'_>| {
        state.1.push(Entrant::new(funnel, person, found));
    };
    let states = plan.run_then(context, new, enters, |(set, entrants, postings), reader, segment| {
        let mut has = vec![wanted.is_none(); entrants.len()];
        match wanted {
            _ if entrants.is_empty() => return,
            None => {}
            Some(Wanted::Property(place, code)) => {
                let codes = scan.begin_codes(postings, reader, segment, entrants);
                let codes = codes.chunks(scan.columns.len());
                has.iter_mut().zip(codes).for_each(|(has, codes)| *has = code.is_some() && codes[place] == code);
            }
            Some(Wanted::Trait(place, code)) => {
                let of = |one: &Entrant| Some(reader.snapshot.trait_code(scan.traits[place], one.person));
                has.iter_mut().zip(entrants.iter()).for_each(|(has, one)| *has = code.is_some() && of(one) == code);
            }
            Some(Wanted::Activity(code)) => {
                scan.each_activity(reader, segment, entrants, |at, found| has[at] |= Some(found) == code);
            }
        }
        for (one, has) in entrants.drain(..).zip(has) {
            if has == (cell.has || wanted.is_none())
                && cell.converted.is_none_or(|converted| converted == one.converted)
            {
                set.insert(one.person);
            }
        }
    })?;
    Ok(states.iter().flat_map(|(set, ..)| set.iter()).collect())
}

fn check(asked: &Correlation) -> Result<(), InsightError> {
    let funnel = &asked.funnel;
    if funnel.breakdown.is_some() || !funnel.cohorts.is_empty() || funnel.trend.is_some() || funnel.times.is_some() {
        return Err(InsightError::question("funnel", "takes no breakdown, cohorts, trend or times here"));
    }
    if funnel.order == FunnelOrder::Unordered {
        return Err(InsightError::question("order", "an unordered funnel has no first step"));
    }
    if asked.properties.len().max(asked.person_properties.len()) > PROPERTIES_MAX {
        return Err(InsightError::question("properties", format!("at most {PROPERTIES_MAX}")));
    }
    // What is named twice would be tested twice, and its dictionary held twice.
    for (field, names) in [("properties", &asked.properties), ("person_properties", &asked.person_properties)] {
        if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            return Err(InsightError::question(field, "names a property twice"));
        }
    }
    Ok(())
}

struct Scan {
    first: Compiled,
    span: (i64, i64),
    columns: Vec<usize>,
    traits: Vec<usize>,
    /// Activities that are factors.
    counting: Vec<bool>,
}

impl Scan {
    fn new(context: &Context<'_>, asked: &Correlation) -> Result<Scan, InsightError> {
        let column = |name: &String| context.snapshot.dictionaries.column_of(name, ColumnKind::Words);
        let steps = Compiled::all(context, &asked.funnel.steps)?;
        let is_step = |code: u16| steps.iter().any(|step| step.activities.contains(&code));
        let counting = (0..context.snapshot.ranks().len() as u16).map(|code| asked.activities && !is_step(code));
        Ok(Scan {
            first: Compiled::new(context, &asked.funnel.steps[0])?,
            span: (asked.funnel.scope.from_ms, asked.funnel.scope.until_ms),
            columns: asked.properties.iter().map(column).collect::<Result<_, _>>()?,
            traits: asked.person_properties.iter().map(|name| context.trait_of(name)).collect::<Result<_, _>>()?,
            counting: counting.collect(),
        })
    }

    /// Reads what a segment's entrants, ascending, have.
    fn read<'a>(&self, state: &mut State<'a>, reader: &mut Reader<'a>, segment: u32, entrants: &[Entrant]) {
        if !self.columns.is_empty() {
            self.read_properties(state, reader, segment, entrants);
        }
        for (place, index) in (self.columns.len() as u32..).zip(&self.traits) {
            for one in entrants {
                let code = reader.snapshot.trait_code(*index, one.person);
                state.values.add((place, code), with(one.converted));
            }
        }
        if !self.counting.contains(&true) {
            return;
        }
        let activities = &mut state.activities;
        self.each_activity(reader, segment, entrants, |at, code| activities[code].add(with(entrants[at].converted)));
    }

    /// What a factor is here.
    fn find(&self, context: &Context<'_>, asked: &Correlation, factor: &FactorOf) -> Result<Wanted, InsightError> {
        let none = || InsightError::question("factor", "is none of the question's");
        let place = |names: &[String], name: &String| names.iter().position(|known| known == name).ok_or_else(none);
        Ok(match factor {
            FactorOf::Property { name, value } => {
                let place = place(&asked.properties, name)?;
                let column = &context.snapshot.dictionaries.columns[self.columns[place]];
                Wanted::Property(place, column.dictionary.find(value).map(|code| code + 1))
            }
            FactorOf::PersonProperty { name, value } => {
                let place = place(&asked.person_properties, name)?;
                let found = context.snapshot.traits[self.traits[place]].dictionary.find(value);
                Wanted::Trait(place, found.map(|code| code + 1))
            }
            FactorOf::Activity(name) => {
                let found = context.snapshot.dictionaries.activities.find(name).map(|code| code as usize);
                Wanted::Activity(found)
            }
        })
    }

    /// Calls once for each entrant, by place, and activity within the stretch.
    fn each_activity<'a>(
        &self,
        reader: &mut Reader<'a>,
        segment: u32,
        entrants: &[Entrant],
        mut each: impl FnMut(usize, usize),
    ) {
        let timeline = reader.timeline(segment);
        let mut seen = vec![u32::MAX; self.counting.len()];
        let mut looked_at = 0;
        for (at, one) in entrants.iter().enumerate() {
            for session in timeline.sessions_of(usize::from(split_person(one.person).1)) {
                let start = timeline.starts[session];
                if start >= one.end || start + timeline.duration(session) <= one.start {
                    continue;
                }
                looked_at += timeline.rows_of(session).len();
                timeline.walk(session, |time, row| {
                    let code = usize::from(timeline.code(row));
                    let counts = one.start < time && time < one.end && self.counting[code];
                    if counts && seen[code] != one.person {
                        seen[code] = one.person;
                        each(at, code);
                    }
                });
            }
        }
        reader.looked_at(looked_at, 4);
    }

    fn read_properties<'a>(&self, state: &mut State<'a>, reader: &mut Reader<'a>, segment: u32, entrants: &[Entrant]) {
        let codes = self.begin_codes(&mut state.postings, reader, segment, entrants);
        for (one, codes) in entrants.iter().zip(codes.chunks(self.columns.len())) {
            for (place, code) in (0u32..).zip(codes) {
                state.values.add((place, code.unwrap_or(0)), with(one.converted));
            }
        }
    }

    /// Codes of the row where each stretch begins, by entrant, then property.
    fn begin_codes<'a>(
        &self,
        postings: &mut Postings<'a>,
        reader: &mut Reader<'a>,
        segment: u32,
        entrants: &[Entrant],
    ) -> Vec<Option<u32>> {
        let dictionaries = &reader.snapshot.dictionaries.columns;
        let names: Vec<_> = self.columns.iter().map(|&column| dictionaries[column].dictionary.names()).collect();
        let mut codes: Vec<Option<u32>> = vec![None; entrants.len() * self.columns.len()];
        let within = Within { span: self.span, people: None };
        for &activity in &self.first.activities {
            reader.select(segment, activity, &self.first, &self.columns, within, postings);
            let mut at = 0;
            for (row, (&local, &time)) in postings.persons.iter().zip(&postings.times).enumerate() {
                while entrants.get(at).is_some_and(|one| split_person(one.person).1 < local) {
                    at += 1;
                }
                let Some(one) = entrants.get(at) else { break };
                if split_person(one.person).1 != local || one.start != time {
                    continue;
                }
                for (place, column) in postings.columns.iter().enumerate() {
                    let known = &mut codes[at * self.columns.len() + place];
                    let code = column.word(row);
                    let is_less = |known: u32| text(&names[place], code) < text(&names[place], known);
                    if known.is_none_or(is_less) {
                        *known = Some(code);
                    }
                }
            }
        }
        codes
    }
}

/// One person with a factor.
fn with(converted: bool) -> With {
    (u64::from(converted), u64::from(!converted))
}

fn factors(
    context: &Context<'_>,
    asked: &Correlation,
    scan: &Scan,
    states: Vec<State<'_>>,
) -> Result<CorrelationAnswer, InsightError> {
    let (mut entered, mut converted) = (0, 0);
    let mut activities: Vec<With> = vec![(0, 0); scan.counting.len()];
    let mut tallies = Vec::new();
    for state in states {
        (entered, converted) = (entered + state.entered, converted + state.converted);
        activities.iter_mut().zip(state.activities).for_each(|(sum, with)| sum.add(with));
        tallies.push(state.values);
    }
    let mut weighed = Weighed { asked, entered, converted, found: Vec::new() };
    Totals::of(tallies).each(context, |(place, code), with| {
        // The missing value is no factor.
        if code != 0 {
            weighed.add((place, code), with);
        }
        Ok(())
    })?;
    let of_activities = (scan.columns.len() + scan.traits.len()) as u32;
    for (code, with) in (0u32..).zip(activities).filter(|(code, _)| scan.counting[*code as usize]) {
        weighed.add((of_activities, code), with);
    }
    Ok(weighed.told(|&(place, code)| {
        let place = place as usize;
        if let (Some(name), Some(&column)) = (asked.properties.get(place), scan.columns.get(place)) {
            let value = context.snapshot.dictionaries.columns[column].dictionary.text(code - 1);
            return FactorOf::Property { name: name.clone(), value };
        }
        let of_person = place.wrapping_sub(scan.columns.len());
        if let (Some(name), Some(&index)) = (asked.person_properties.get(of_person), scan.traits.get(of_person)) {
            let value = context.snapshot.traits[index].dictionary.text(code - 1);
            return FactorOf::PersonProperty { name: name.clone(), value };
        }
        FactorOf::Activity(context.snapshot.dictionaries.activities.text(code))
    }))
}

/// Factors with enough people, each with how likely chance is. Names are made of those alone that are told.
struct Weighed<'q, K> {
    asked: &'q Correlation,
    entered: u64,
    converted: u64,
    found: Vec<(f64, With, K)>,
}

impl<K> Weighed<'_, K> {
    fn add(&mut self, of: K, with: With) {
        let (least, people) = (self.asked.people_least.max(1), with.0 + with.1);
        if people >= least && self.entered - people >= least {
            self.found.push((self.table(with).p_value().0, with, of));
        }
    }

    fn table(&self, (a, b): With) -> Table {
        Table { a, b, c: self.converted - a, d: self.entered - self.converted - b }
    }

    fn told(mut self, name: impl Fn(&K) -> FactorOf) -> CorrelationAnswer {
        let p_values: Vec<f64> = self.found.iter().map(|(p, ..)| *p).collect();
        let rates = false_discovery_rates(&p_values);
        let found = std::mem::take(&mut self.found);
        let mut weighed: Vec<(f64, f64, With, K)> = found
            .into_iter()
            .zip(rates)
            .map(|((_, with, of), q)| (q, -self.table(with).odds_ratio().ln().abs(), with, of))
            .collect();
        let tested = weighed.len() as u64;
        let by_weight =
            |a: &(f64, f64, With, K), b: &(f64, f64, With, K)| a.0.total_cmp(&b.0).then_with(|| a.1.total_cmp(&b.1));
        weighed.sort_unstable_by(by_weight);
        // Whoever ties with the last that is told may come before it by name.
        if let Some(last) = self.asked.top.checked_sub(1).and_then(|last| weighed.get(last)) {
            let last = (last.0, last.1);
            let ties = |one: &(f64, f64, With, K)| (one.0, one.1) == last;
            let end = self.asked.top + weighed[self.asked.top..].iter().take_while(|one| ties(one)).count();
            weighed.truncate(end);
        }
        let factor = |(q, _, with, of): (f64, f64, With, K)| {
            let table = self.table(with);
            let (p, test) = table.p_value();
            Factor {
                of: name(&of),
                converted_with: table.a,
                dropped_with: table.b,
                converted_without: table.c,
                dropped_without: table.d,
                odds_ratio: table.odds_ratio(),
                p,
                q,
                test,
            }
        };
        let mut factors: Vec<Factor> = weighed.into_iter().map(factor).collect();
        let strength = |factor: &Factor| -factor.odds_ratio.ln().abs();
        factors.sort_by(|a, b| {
            a.q.total_cmp(&b.q).then_with(|| strength(a).total_cmp(&strength(b))).then_with(|| a.of.cmp(&b.of))
        });
        factors.truncate(self.asked.top);
        CorrelationAnswer { entered: self.entered, converted: self.converted, tested, factors }
    }
}

/// The factors of what was counted.
#[cfg(any(test, feature = "reference"))]
pub(crate) fn of_counts(
    asked: &Correlation,
    entered: u64,
    converted: u64,
    found: Vec<(FactorOf, With)>,
) -> CorrelationAnswer {
    let mut weighed = Weighed { asked, entered, converted, found: Vec::new() };
    found.into_iter().for_each(|(of, with)| weighed.add(of, with));
    weighed.told(FactorOf::clone)
}
