//! Correlation: the stretch of everybody who entered the funnel, then what lies at its beginning and within it.

use hashbrown::HashMap;

use super::compile::Compiled;
use super::contingency::{Table, false_discovery_rates};
use super::engine::Context;
use super::funnel::{Found, Plan};
use super::reader::{Reader, Within};
use super::retention_groups::text;
use crate::InsightError;
use crate::definition::{Correlation, CorrelationAnswer, Factor, FactorOf, FunnelOrder};
use crate::projection::{ColumnKind, Names, Postings, split_person};

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

/// People with a factor: converted, dropped.
type With = (u64, u64);

struct State<'a> {
    /// By property, then code.
    properties: Vec<HashMap<u32, With>>,
    traits: Vec<HashMap<u32, With>>,
    activities: Vec<With>,
    postings: Postings<'a>,
}

pub(super) fn answer(context: &Context<'_>, asked: &Correlation) -> Result<CorrelationAnswer, InsightError> {
    let entrants = entrants(context, asked)?;
    let scan = Scan::new(context, asked)?;
    let activities = context.snapshot.ranks().len();
    let state = || State {
        properties: vec![HashMap::new(); scan.columns.len()],
        traits: vec![HashMap::new(); scan.traits.len()],
        activities: vec![(0, 0); activities],
        postings: Postings::default(),
    };
    let states = context.each_segment(state, |state, reader, segment| {
        let begin = entrants.partition_point(|one| split_person(one.person).0 < segment);
        let end = entrants.partition_point(|one| split_person(one.person).0 <= segment);
        if begin < end {
            scan.read(state, reader, segment, &entrants[begin..end]);
        }
    })?;
    let converted = entrants.iter().filter(|one| one.converted).count() as u64;
    Ok(factors(context, asked, &scan, states, (entrants.len() as u64, converted)))
}

fn entrants(context: &Context<'_>, asked: &Correlation) -> Result<Vec<Entrant>, InsightError> {
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
    let plan = Plan::new(context, funnel, context.people(&funnel.scope)?)?;
    let last = |start: i64| start.saturating_add(funnel.window_ms).saturating_add(1).min(funnel.scope.until_ms);
    let states = plan.run(context, Vec::new, |all: &mut Vec<Entrant>, person, found: Found<'_>| {
        let converted = found.outcome.converted_ms.zip(found.outcome.converted_at);
        let stretch = converted.map_or((found.first, last(found.first)), |(ms, at)| (at - ms, at));
        all.push(Entrant { person, start: stretch.0, end: stretch.1, converted: converted.is_some() });
    })?;
    let mut entrants: Vec<Entrant> = states.into_iter().flatten().collect();
    entrants.sort_unstable();
    Ok(entrants)
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
        for (index, counts) in self.traits.iter().zip(&mut state.traits) {
            for one in entrants {
                count(counts.entry(reader.snapshot.trait_code(*index, one.person)).or_default(), one.converted);
            }
        }
        if !self.counting.contains(&true) {
            return;
        }
        let timeline = reader.timeline(segment);
        let mut seen = vec![u32::MAX; self.counting.len()];
        let mut looked_at = 0;
        for one in entrants {
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
                        count(&mut state.activities[code], one.converted);
                    }
                });
            }
        }
        reader.looked_at(looked_at, 4);
    }

    fn read_properties<'a>(&self, state: &mut State<'a>, reader: &mut Reader<'a>, segment: u32, entrants: &[Entrant]) {
        let dictionaries = &reader.snapshot.dictionaries.columns;
        let names: Vec<_> = self.columns.iter().map(|&column| dictionaries[column].dictionary.names()).collect();
        // Codes of the row where each stretch begins.
        let mut codes: Vec<Option<u32>> = vec![None; entrants.len() * self.columns.len()];
        let within = Within { span: self.span, people: None };
        for &activity in &self.first.activities {
            let postings = &mut state.postings;
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
        for (one, codes) in entrants.iter().zip(codes.chunks(self.columns.len())) {
            for (counts, code) in state.properties.iter_mut().zip(codes) {
                count(counts.entry(code.unwrap_or(0)).or_default(), one.converted);
            }
        }
    }
}

fn count(with: &mut With, converted: bool) {
    with.0 += u64::from(converted);
    with.1 += u64::from(!converted);
}

/// Values of several threads as one, without the missing one.
fn joined(states: &[HashMap<u32, With>], names: &Names) -> Vec<(String, With)> {
    let mut sums: HashMap<u32, With> = HashMap::new();
    for (&code, with) in states.iter().flatten() {
        let sum = sums.entry(code).or_default();
        *sum = (sum.0 + with.0, sum.1 + with.1);
    }
    let named = |(code, with): (u32, With)| Some((text(names, code)?.to_owned(), with));
    sums.into_iter().filter_map(named).collect()
}

fn factors(
    context: &Context<'_>,
    asked: &Correlation,
    scan: &Scan,
    mut states: Vec<State<'_>>,
    (entered, converted): (u64, u64),
) -> CorrelationAnswer {
    let mut found: Vec<(FactorOf, With)> = Vec::new();
    for (place, name) in asked.properties.iter().enumerate() {
        let counts: Vec<_> = states.iter_mut().map(|state| std::mem::take(&mut state.properties[place])).collect();
        let names = context.snapshot.dictionaries.columns[scan.columns[place]].dictionary.names();
        let of = |(value, with)| (FactorOf::Property { name: name.clone(), value }, with);
        found.extend(joined(&counts, &names).into_iter().map(of));
    }
    for (place, name) in asked.person_properties.iter().enumerate() {
        let counts: Vec<_> = states.iter_mut().map(|state| std::mem::take(&mut state.traits[place])).collect();
        let names = context.snapshot.traits[scan.traits[place]].dictionary.names();
        let of = |(value, with)| (FactorOf::PersonProperty { name: name.clone(), value }, with);
        found.extend(joined(&counts, &names).into_iter().map(of));
    }
    let names = context.snapshot.dictionaries.activities.names();
    for code in (0..scan.counting.len()).filter(|&code| scan.counting[code]) {
        let add = |sum: With, state: &State<'_>| (sum.0 + state.activities[code].0, sum.1 + state.activities[code].1);
        let with = states.iter().fold((0, 0), add);
        found.push((FactorOf::Activity(names.text(code as u32).to_owned()), with));
    }
    of_counts(asked, entered, converted, found)
}

/// The factors of what was counted.
pub(crate) fn of_counts(
    asked: &Correlation,
    entered: u64,
    converted: u64,
    found: Vec<(FactorOf, With)>,
) -> CorrelationAnswer {
    let least = asked.people_least.max(1);
    let enough = |with: &With| with.0 + with.1 >= least && entered - (with.0 + with.1) >= least;
    let factor = |(of, (a, b)): (FactorOf, With)| {
        let table = Table { a, b, c: converted - a, d: entered - converted - b };
        let (p, test) = table.p_value();
        Factor {
            of,
            converted_with: table.a,
            dropped_with: table.b,
            converted_without: table.c,
            dropped_without: table.d,
            odds_ratio: table.odds_ratio(),
            p,
            q: 1.0,
            test,
        }
    };
    let mut factors: Vec<Factor> = found.into_iter().filter(|(_, with)| enough(with)).map(factor).collect();
    let p_values: Vec<f64> = factors.iter().map(|factor| factor.p).collect();
    factors.iter_mut().zip(false_discovery_rates(&p_values)).for_each(|(factor, q)| factor.q = q);
    let strength = |factor: &Factor| -factor.odds_ratio.ln().abs();
    factors.sort_by(|a, b| {
        a.q.total_cmp(&b.q).then_with(|| strength(a).total_cmp(&strength(b))).then_with(|| a.of.cmp(&b.of))
    });
    let tested = factors.len() as u64;
    factors.truncate(asked.top);
    CorrelationAnswer { entered, converted, tested, factors }
}
