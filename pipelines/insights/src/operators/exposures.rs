//! Exposures: one pass over the telling rows and those of all measures, person by person; a pass more where data decide the cuts.

use std::ops::Range;

use super::compile::{Compiled, Program};
use super::engine::Context;
use super::exposed::{Exposed, NOBODY, NOWHERE, SEVERAL, Told};
use super::exposed_levels::Levels;
use super::exposure_caps;
use super::exposure_moments::{Cell, PARTS_MAX, Spread, quantiles};
use super::order::each_person;
use super::reader::{Reader, Within};
use crate::InsightError;
use crate::definition::{
    DividedBy, ExposedCell, Exposures, ExposuresAnswer, PartOf, PersonMeasure, QuantileAround, Selector,
};
use crate::projection::{ColumnKind, Postings};
use crate::spill::{Gather, Sorted, ordered};

pub(super) const DAY_MS: i64 = 86_400_000;
/// Cells of a question, before most of them stay empty.
const CELLS_MAX: usize = 1 << 20;
/// As of no number is told that is larger.
const NUMBER_MAX: f64 = 1e300;

pub(super) fn answer(context: &Context<'_>, asked: &Exposures) -> Result<ExposuresAnswer, InsightError> {
    let plan = Plan::new(context, asked)?;
    let caps = exposure_caps::caps(context, asked)?;
    let states = context.each_segment(
        || State::new(context, &plan),
        |state, reader, segment| {
            plan.find(state, reader, segment);
            state.count(&plan);
            plan.each_touched(state, reader, segment, |known, measure, values| {
                if let Some(level) = caps[measure] {
                    values.iter_mut().for_each(|value| *value = value.min(level));
                }
                let index = known.index;
                if plan.asked.measures[measure].quantiles.is_some() {
                    known.gather.push(measure * plan.asked.arms + known.arm, ordered(values[0]));
                }
                if let Some(cell) = known.cells[index].as_mut() {
                    cell.measures[measure].add(values);
                }
            });
        },
    )?;
    let whole = states.into_iter().reduce(|all, state| all.joined(state, &plan));
    match whole {
        Some(state) => state.told(context, &plan, caps),
        None => Ok(plan.nothing(caps)),
    }
}

/// A question ready to be worked on.
pub(super) struct Plan<'a, 'q> {
    pub asked: &'q Exposures,
    told: Told<'a>,
    activities: Vec<Activity>,
    /// Where the values of a measure begin among all, with the end.
    places: Vec<Range<usize>>,
    span: (i64, i64),
    pub first_day: i64,
    /// Days, or times with their contexts.
    pub parts: usize,
    /// With that of people of whom none is known.
    pub contexts: usize,
    /// Two where people are divided by what they did before as well.
    pub sides: usize,
    /// Measures that take their time, each with the first row that is too late for it.
    pub maturing: Vec<(usize, i64)>,
}

/// What the rows of one activity add to.
struct Activity {
    code: u16,
    columns: Vec<usize>,
    conditions: Vec<(usize, Program)>,
    parts: Vec<Part>,
}

struct Part {
    measure: usize,
    place: usize,
    of: Of,
    /// Milliseconds after the first row.
    span: (i64, i64),
    /// Of what was before the first row.
    is_before: bool,
    condition: Option<usize>,
}

/// With the slots of columns.
#[derive(Clone, Copy)]
enum Of {
    Rows,
    Happened,
    Sum(usize),
    Numbers(usize),
    Different(usize),
}

impl<'a, 'q> Plan<'a, 'q> {
    pub fn new(context: &Context<'a>, asked: &'q Exposures) -> Result<Plan<'a, 'q>, InsightError> {
        let mut places = Vec::new();
        let mut end = 0;
        for measure in &asked.measures {
            if measure.parts.len() > PARTS_MAX || measure.parts.is_empty() {
                return Err(InsightError::question("measures", format!("have 1 to {PARTS_MAX} parts")));
            }
            if measure.parts.iter().any(|part| part.source >= asked.sources.len()) {
                return Err(InsightError::question("measures", "name a source that is not there"));
            }
            places.push(end..end + measure.parts.len());
            end += measure.parts.len();
        }
        let earliest = asked.measures.iter().flat_map(|measure| &measure.parts).map(|part| part.after_ms).min();
        let first_day = asked.from_ms.div_euclid(DAY_MS);
        let last_day = asked.until_ms.div_euclid(DAY_MS);
        let contexts = asked.divided_by.contexts_told().saturating_add(1);
        let parts = match &asked.divided_by {
            DividedBy::Days => usize::try_from(last_day - first_day + 1).unwrap_or(0),
            DividedBy::Dimension(index) if *index < asked.dimensions.len() => 1,
            DividedBy::DaysAndLevels { dimension, .. } if *dimension < asked.dimensions.len() => {
                usize::try_from(last_day - first_day + 1).unwrap_or(0).saturating_mul(contexts)
            }
            DividedBy::Dimension(_) | DividedBy::DaysAndLevels { .. } => {
                return Err(InsightError::question("divided_by", "is no dimension"));
            }
            DividedBy::Times { starts_ms, .. } if starts_ms.is_empty() || !starts_ms.is_sorted() => {
                return Err(InsightError::question("divided_by", "has no times in their order"));
            }
            DividedBy::Times { starts_ms, .. } => starts_ms.len().saturating_mul(contexts),
        };
        let sides = if asked.by_activity { 2 } else { 1 };
        let is_too_much = parts.saturating_mul(asked.arms * sides) > CELLS_MAX || contexts > usize::from(NOWHERE);
        if is_too_much || asked.arms >= usize::from(SEVERAL) {
            return Err(InsightError::question("arms", format!("at most {CELLS_MAX} with days, times and contexts")));
        }
        let maturing = asked.measures.iter().enumerate();
        let maturing = maturing.filter_map(|(index, measure)| {
            Some((index, asked.until_ms.saturating_sub(measure.matures_ms?).saturating_add(1)))
        });
        let mut plan = Plan {
            asked,
            sides,
            maturing: maturing.collect(),
            told: Told::new(context, asked)?,
            activities: Vec::new(),
            places,
            span: (asked.from_ms.saturating_add(earliest.unwrap_or(0).min(0)), asked.until_ms),
            first_day,
            parts,
            contexts,
        };
        for (index, source) in asked.sources.iter().enumerate() {
            plan.read(context, index, source)?;
        }
        Ok(plan)
    }

    /// Adds what a source's rows are wanted for.
    fn read(&mut self, context: &Context<'a>, index: usize, source: &Selector) -> Result<(), InsightError> {
        let hot = &context.snapshot.dictionaries;
        let codes = Compiled::new(context, source)?.activities;
        for code in codes {
            let Compiled { columns, condition, .. } = Compiled::new(context, source)?;
            let place = self.activities.iter().position(|known| known.code == code);
            let place = place.unwrap_or_else(|| {
                let (columns, conditions, parts) = (Vec::new(), Vec::new(), Vec::new());
                self.activities.push(Activity { code, columns, conditions, parts });
                self.activities.len() - 1
            });
            let activity = &mut self.activities[place];
            let condition = condition.map(|program| {
                activity.conditions.push((activity.columns.len(), program));
                activity.conditions.len() - 1
            });
            activity.columns.extend(columns);
            for (measure, asked) in self.asked.measures.iter().enumerate() {
                for (offset, part) in asked.parts.iter().enumerate().filter(|(_, part)| part.source == index) {
                    let mut slot = |name: &str, kind: ColumnKind| {
                        activity.columns.push(hot.column_of(name, kind)?);
                        Ok::<_, InsightError>(activity.columns.len() - 1)
                    };
                    let of = match &part.of {
                        PartOf::Rows => Of::Rows,
                        PartOf::Happened => Of::Happened,
                        PartOf::Sum(name) => Of::Sum(slot(name, ColumnKind::Numbers)?),
                        PartOf::Numbers(name) => Of::Numbers(slot(name, ColumnKind::Numbers)?),
                        PartOf::Different(name) => Of::Different(slot(name, ColumnKind::Words)?),
                    };
                    let span = (part.after_ms, part.before_ms.unwrap_or(i64::MAX));
                    let place = self.places[measure].start + offset;
                    let is_before = span.1 <= 0;
                    activity.parts.push(Part { measure, place, of, span, is_before, condition });
                }
            }
        }
        Ok(())
    }

    pub fn find(&self, state: &mut State<'a>, reader: &mut Reader<'a>, segment: u32) {
        self.told.find(reader, segment, &mut state.telling, &mut state.exposed);
    }

    /// Calls for each measure that a person has rows of, with the values.
    pub fn each_touched(
        &self,
        state: &mut State<'a>,
        reader: &mut Reader<'a>,
        segment: u32,
        mut call: impl FnMut(&mut Known<'_, 'a>, usize, &mut [f64]),
    ) {
        let mut masks: Vec<Vec<Vec<bool>>> = Vec::with_capacity(self.activities.len());
        for (activity, postings) in self.activities.iter().zip(&mut state.postings) {
            let within = Within { span: self.span, people: None };
            reader.load(segment, activity.code, &activity.columns, within, None, postings);
            let mask = |(base, program): &(usize, Program)| program.mask(reader.snapshot, segment, postings, *base);
            masks.push(activity.conditions.iter().map(mask).collect());
        }
        let State { exposed, postings, values, different, touched, cells, gather, levels, strata, .. } = state;
        each_person(postings, |local, rows| {
            let person = usize::from(local);
            let arm = exposed.arms[person];
            if arm >= SEVERAL {
                return;
            }
            let first = exposed.first[person];
            let mut is_active = false;
            for (((activity, postings), masks), rows) in self.activities.iter().zip(&*postings).zip(&masks).zip(rows) {
                for row in rows.clone() {
                    let after = postings.times[row] - first;
                    for part in &activity.parts {
                        let counts = part.span.0 <= after
                            && after < part.span.1
                            && part.condition.is_none_or(|condition| masks[condition][row]);
                        if counts {
                            touched[part.measure] = true;
                            is_active |= part.is_before;
                            part.add(postings, row, &mut values[part.place], &mut different[part.place]);
                        }
                    }
                }
            }
            let mut index = self.cell_of(exposed, person, (levels, strata));
            if is_active && self.sides > 1 {
                self.becomes_active(cells, index, first);
                index += self.asked.arms;
            }
            let is_immature =
                |measure: usize| self.maturing.iter().any(|(known, late)| *known == measure && first >= *late);
            let mut known = Known { arm: usize::from(arm), index, cells, gather };
            for (measure, touched) in touched.iter_mut().enumerate().filter(|(_, touched)| **touched) {
                *touched = false;
                let places = self.places[measure].clone();
                for place in places.clone() {
                    let texts = &mut different[place];
                    if !texts.is_empty() {
                        texts.sort_unstable();
                        texts.dedup();
                        values[place] = texts.len() as f64;
                        texts.clear();
                    }
                }
                let values = &mut values[places];
                if !is_immature(measure) {
                    call(&mut known, measure, values);
                }
                values.fill(0.0);
            }
        });
    }

    fn nothing(&self, caps: Vec<Option<f64>>) -> ExposuresAnswer {
        ExposuresAnswer {
            dimensions: vec![Vec::new(); self.asked.dimensions.len()],
            caps,
            quantiles: vec![Vec::new(); self.asked.measures.len()],
            ..ExposuresAnswer::default()
        }
    }
}

impl Part {
    fn add(&self, postings: &Postings<'_>, row: usize, value: &mut f64, different: &mut Vec<u32>) {
        let number = |slot: usize| postings.columns[slot].number(row).filter(|number| number.abs() <= NUMBER_MAX);
        match self.of {
            Of::Rows => *value += 1.0,
            Of::Happened => *value = 1.0,
            Of::Sum(slot) => *value += number(slot).unwrap_or(0.0),
            Of::Numbers(slot) => *value += f64::from(u8::from(number(slot).is_some())),
            Of::Different(slot) => different.extend(Some(postings.columns[slot].word(row)).filter(|&code| code != 0)),
        }
    }
}

/// A person whose values are called with, and where they go.
pub(super) struct Known<'s, 'a> {
    arm: usize,
    index: usize,
    cells: &'s mut Vec<Option<Box<Cell>>>,
    /// By measure, then arm.
    gather: &'s mut Gather<'a>,
}

/// What one thread works with, and what it has found.
pub(super) struct State<'a> {
    pub exposed: Exposed,
    telling: Postings<'a>,
    postings: Vec<Postings<'a>>,
    values: Vec<f64>,
    different: Vec<Vec<u32>>,
    touched: Vec<bool>,
    several: u64,
    cells: Vec<Option<Box<Cell>>>,
    levels: Vec<Levels<'a>>,
    /// Where levels divide beside days: by the place of a level that of its part.
    strata: Vec<usize>,
    /// Values for quantiles, by measure, then arm.
    gather: Gather<'a>,
    gathered: Vec<Gather<'a>>,
}

impl<'a> State<'a> {
    pub fn new(context: &Context<'a>, plan: &Plan<'a, '_>) -> State<'a> {
        let (arms, measures) = (plan.asked.arms, plan.asked.measures.len());
        let parts = plan.places.last().map_or(0, |places| places.end);
        let cells = if plan.dimension().is_some() { 0 } else { plan.parts * plan.sides * arms };
        State {
            exposed: Exposed::new(plan.asked),
            telling: Postings::default(),
            postings: plan.activities.iter().map(|_| Postings::default()).collect(),
            values: vec![0.0; parts],
            different: vec![Vec::new(); parts],
            touched: vec![false; measures],
            several: 0,
            cells: (0..cells).map(|_| None).collect(),
            levels: plan.told.dimensions.iter().map(|dimension| Levels::new(dimension.clone(), arms)).collect(),
            strata: Vec::new(),
            gather: Gather::new(context.room()),
            gathered: Vec::new(),
        }
    }

    /// Counts the people of a segment, whether they did anything or not.
    fn count(&mut self, plan: &Plan<'a, '_>) {
        let arms = plan.asked.arms;
        for person in 0..self.exposed.arms.len() {
            let arm = self.exposed.arms[person];
            if arm == NOBODY {
                continue;
            }
            if arm == SEVERAL {
                self.several += 1;
                continue;
            }
            let arm = usize::from(arm);
            for (levels, codes) in self.levels.iter_mut().zip(&self.exposed.levels) {
                levels.count(codes[person], arm);
            }
            if let DividedBy::DaysAndLevels { dimension, levels } = &plan.asked.divided_by {
                for place in self.strata.len()..self.levels[*dimension].len() {
                    let text = self.levels[*dimension].text(place);
                    self.strata.push(levels.iter().position(|level| *level == text).unwrap_or(levels.len()));
                }
            }
            let index = plan.cell_of(&self.exposed, person, (&self.levels, &self.strata));
            if let Some(dimension) = plan.dimension() {
                let cells = self.levels[dimension].len() * plan.sides * arms;
                self.cells.resize_with(cells.max(self.cells.len()), || None);
            }
            let cell = self.cells[index].get_or_insert_with(|| Box::new(plan.empty_cell()));
            cell.people += 1;
            let first = self.exposed.first[person];
            for (immature, (_, late)) in cell.immature.iter_mut().zip(&plan.maturing) {
                *immature += u64::from(first >= *late);
            }
        }
    }

    fn joined(mut self, other: State<'a>, plan: &Plan<'a, '_>) -> State<'a> {
        let arms = plan.asked.arms * plan.sides;
        self.several += other.several;
        let places: Vec<Vec<usize>> =
            self.levels.iter_mut().zip(&other.levels).map(|(own, other)| own.join(other)).collect();
        if let Some(dimension) = plan.dimension() {
            let cells = self.levels[dimension].len() * arms;
            self.cells.resize_with(cells.max(self.cells.len()), || None);
        }
        self.gathered.push(other.gather);
        self.gathered.extend(other.gathered);
        for (index, cell) in other.cells.into_iter().enumerate() {
            let Some(cell) = cell else { continue };
            let index = match plan.dimension() {
                Some(dimension) => places[dimension][index / arms] * arms + index % arms,
                None => index,
            };
            match &mut self.cells[index] {
                Some(known) => {
                    known.people += cell.people;
                    known.immature.iter_mut().zip(&cell.immature).for_each(|(known, count)| *known += count);
                    let measures = known.measures.iter_mut().zip(&cell.measures).zip(&plan.places);
                    measures.for_each(|((known, one), places)| known.join(one, places.len()));
                }
                empty => *empty = Some(cell),
            }
        }
        self
    }

    fn told(
        mut self,
        context: &Context<'a>,
        plan: &Plan<'a, '_>,
        caps: Vec<Option<f64>>,
    ) -> Result<ExposuresAnswer, InsightError> {
        let arms = plan.asked.arms;
        let mut people_of = vec![0; arms];
        let mut cells = Vec::new();
        for (index, cell) in self.cells.iter().enumerate() {
            let Some(cell) = cell.as_ref().filter(|cell| cell.people > 0) else { continue };
            let told = plan.cell(index, &self.levels);
            people_of[told.arm] += cell.people;
            let mature = |measure: usize| {
                let place = plan.maturing.iter().position(|(known, _)| *known == measure);
                cell.people - place.map_or(0, |place| cell.immature[place])
            };
            let measures = cell.measures.iter().zip(&plan.places).zip(&caps).enumerate();
            let measures = measures
                .map(|(index, ((measure, places), cap))| measure.of_all(mature(index), nothing(*cap), places.len()));
            cells.push(ExposedCell { people: cell.people as f64, measures: measures.collect(), ..told });
        }
        let mut spreads = Vec::new();
        for (measure, asked) in plan.asked.measures.iter().enumerate() {
            spreads.extend(people_of.iter().map(|&people| Spread {
                people,
                nothing: nothing(caps[measure]),
                levels: asked.quantiles.map(|asked| around(people, asked)).unwrap_or_default(),
            }));
        }
        self.gathered.push(self.gather);
        let sorted = Sorted::of(self.gathered, spreads.len());
        let mut found = quantiles(context, &sorted, &spreads)?.into_iter();
        let of_measure = |asked: &PersonMeasure| -> Vec<Option<[f64; 3]>> {
            let arms: Vec<Vec<Option<f64>>> = found.by_ref().take(arms).collect();
            let three = |of_arm: &Vec<Option<f64>>| match of_arm.as_slice() {
                [at, below, above] => Some([(*at)?, (*below)?, (*above)?]),
                _ => None,
            };
            if asked.quantiles.is_some() { arms.iter().map(three).collect() } else { Vec::new() }
        };
        let quantiles = plan.asked.measures.iter().map(of_measure).collect();
        let dimensions = self.levels.iter().map(Levels::most).collect();
        Ok(ExposuresAnswer { several: self.several, cells, dimensions, caps, quantiles })
    }
}

/// The value of somebody who did nothing.
fn nothing(cap: Option<f64>) -> f64 {
    cap.map_or(0.0, |level| level.min(0.0))
}

/// The level, and those between which it lies.
fn around(people: u64, asked: QuantileAround) -> Vec<f64> {
    let QuantileAround { level, z } = asked;
    let half = z * (level * (1.0 - level) / (people as f64).max(1.0)).sqrt();
    [level, level - half, level + half].map(|level| level.clamp(0.0, 1.0)).to_vec()
}
