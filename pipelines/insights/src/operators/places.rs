//! Places: a person's positions in order of time become visits of cells.

use std::collections::HashMap as Cells;

use h3o::{CellIndex, LatLng, Resolution};

use super::best::Best;
use super::cohort::each_set;
use super::compile::Compiled;
use super::engine::Context;
use super::order::each_person;
use super::reader::{Reader, Within};
use crate::InsightError;
use crate::definition::{Catchment, CatchmentRing, Place, Places, PlacesAnswer, PlacesCell};
use crate::projection::{ColumnKind, PersonSet, Postings};
use crate::spill::{Record, Sums, Tally, Totals};

const RINGS_MAX: u32 = 50;

/// What is counted of a cell; of one person at first.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    rows: u64,
    people: u64,
    visits: u64,
    people_again: u64,
    dwell_ms: u64,
}

struct State<'a> {
    /// By the numbers of cells.
    cells: Tally<'a, u64, Sum>,
    rings: Vec<CatchmentRing>,
    elsewhere: u64,
    postings: Vec<Postings<'a>>,
    positions: Vec<(i64, CellIndex)>,
}

pub(super) fn answer(context: &Context<'_>, asked: &Places) -> Result<PlacesAnswer, InsightError> {
    let scan = Scan::new(context, asked)?;
    let rings = asked.catchment.as_ref().map_or(Ok(Cells::new()), |catchment| rings(catchment, scan.resolution))?;
    let count = asked.catchment.as_ref().map_or(0, |catchment| catchment.rings as usize + 1);
    let new = || State {
        cells: Tally::new(context.room()),
        rings: vec![CatchmentRing::default(); count],
        elsewhere: 0,
        postings: Vec::new(),
        positions: Vec::new(),
    };
    let states = context.each_segment(new, |state, reader, segment| {
        let (cells, of_rings) = (&mut state.cells, &mut state.rings);
        let mut elsewhere = 0;
        scan.read(reader, segment, &mut state.postings, &mut state.positions, &mut elsewhere, |_, positions| {
            let mut nearest = u32::MAX;
            for (_, cell) in positions.iter() {
                if let Some(&ring) = rings.get(cell) {
                    of_rings[ring as usize].rows += 1;
                    nearest = nearest.min(ring);
                }
            }
            if let Some(ring) = of_rings.get_mut(nearest as usize) {
                ring.people += 1;
            }
            visits(positions, asked.gap_ms).into_iter().for_each(|(cell, sum)| cells.add(u64::from(cell), sum));
        });
        state.elsewhere += elsewhere;
    })?;
    let mut of_rings = vec![CatchmentRing::default(); count];
    let (mut rows_elsewhere, mut tallies) = (0, Vec::new());
    for state in states {
        rows_elsewhere += state.elsewhere;
        tallies.push(state.cells);
        for (sum, ring) in of_rings.iter_mut().zip(state.rings) {
            (sum.rows, sum.people) = (sum.rows + ring.rows, sum.people + ring.people);
        }
    }
    for ring in rings.into_values() {
        of_rings[ring as usize].cells += 1;
    }
    let totals = Totals::of(tallies);
    // Names of one resolution are in the order of the numbers.
    let numbers = |keys: &[u64]| keys.to_vec();
    let (mut rows, mut cells) = (0, 0);
    let mut best = Best::new(asked.top);
    totals.each(context, |cell, sum| {
        (rows, cells) = (rows + sum.rows, cells + 1);
        best.offer(cell, sum.rows, &numbers);
        Ok(())
    })?;
    let wanted: Vec<u64> = best.finish(&numbers).0.into_iter().map(|(.., cell)| cell).collect();
    let place_of: Cells<u64, usize> = wanted.iter().copied().zip(0..).collect();
    let mut places: Vec<Option<Place>> = vec![None; wanted.len()];
    totals.each(context, |cell, sum| {
        if let (Some(&place), Ok(cell)) = (place_of.get(&cell), CellIndex::try_from(cell)) {
            places[place] = Some(told(cell, sum));
        }
        Ok(())
    })?;
    for index in 1..of_rings.len() {
        let inner = of_rings[index - 1].clone();
        let ring = &mut of_rings[index];
        (ring.cells, ring.rows, ring.people) =
            (ring.cells + inner.cells, ring.rows + inner.rows, ring.people + inner.people);
    }
    let places = places.into_iter().flatten().collect();
    Ok(PlacesAnswer { rows, rows_elsewhere, cells, places, catchment: of_rings })
}

fn told(cell: CellIndex, sum: Sum) -> Place {
    let centre = LatLng::from(cell);
    Place {
        cell: cell.to_string(),
        latitude: centre.lat(),
        longitude: centre.lng(),
        rows: sum.rows,
        people: sum.people,
        visits: sum.visits,
        people_again: sum.people_again,
        dwell_ms: sum.dwell_ms,
    }
}

/// People who were in a cell, or in the surroundings.
pub(super) fn people(context: &Context<'_>, asked: &Places, cell: &PlacesCell) -> Result<PersonSet, InsightError> {
    let scan = Scan::new(context, asked)?;
    let wanted = wanted_cells(asked, cell)?;
    let least = if let PlacesCell::Cell { again: true, .. } = cell { 2 } else { 1 };
    each_set(context, |reader, segment, set, _| {
        let (mut postings, mut positions) = (Vec::new(), Vec::new());
        scan.read(reader, segment, &mut postings, &mut positions, &mut 0, |local, positions| {
            let all = visits(positions, asked.gap_ms);
            if all.iter().any(|(cell, sum)| sum.visits >= least && wanted.contains(cell)) {
                set.insert(local);
            }
        });
    })
}

/// The cells that a number is of.
pub(super) fn wanted_cells(asked: &Places, cell: &PlacesCell) -> Result<Vec<CellIndex>, InsightError> {
    let resolution = resolution(asked)?;
    let no_cell = || InsightError::question("cell", "is no H3 cell of the question's resolution");
    let wanted: Option<Vec<CellIndex>> = match (cell, &asked.catchment) {
        (PlacesCell::Cell { cell, .. }, _) => {
            let cell: CellIndex = cell.parse().map_err(|_| no_cell())?;
            Some(vec![cell]).filter(|_| cell.resolution() == resolution)
        }
        (PlacesCell::Within { rings: most }, Some(catchment)) if *most > catchment.rings => {
            return Err(InsightError::question("rings", "the question's catchment has fewer"));
        }
        (PlacesCell::Within { rings: most }, Some(catchment)) => {
            let all = rings(catchment, resolution)?.into_iter();
            Some(all.filter(|(_, ring)| ring <= most).map(|(cell, _)| cell).collect())
        }
        (PlacesCell::Within { .. }, None) => {
            return Err(InsightError::question("rings", "the question has no catchment"));
        }
    };
    wanted.ok_or_else(no_cell)
}

fn resolution(asked: &Places) -> Result<Resolution, InsightError> {
    let too_fine = |_| InsightError::question("resolution", "is 0 to 15");
    Resolution::try_from(asked.resolution).map_err(too_fine)
}

/// Cells of the surroundings with their rings.
fn rings(catchment: &Catchment, resolution: Resolution) -> Result<Cells<CellIndex, u32>, InsightError> {
    if catchment.rings > RINGS_MAX {
        return Err(InsightError::question("rings", format!("at most {RINGS_MAX}")));
    }
    let outside = || InsightError::question("catchment", "its point is none");
    let centre = cell_at(catchment.latitude, catchment.longitude, resolution).ok_or_else(outside)?;
    let all: Vec<(CellIndex, u32)> = centre.grid_disk_distances(catchment.rings);
    Ok(all.into_iter().collect())
}

/// The cell of a position.
pub(super) fn cell_at(latitude: f64, longitude: f64, resolution: Resolution) -> Option<CellIndex> {
    let is_one = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    LatLng::new(latitude, longitude).ok().filter(|_| is_one).map(|position| position.to_cell(resolution))
}

/// One person's positions, sorted here, as sums by cell.
fn visits(positions: &mut [(i64, CellIndex)], gap_ms: i64) -> Vec<(CellIndex, Sum)> {
    positions.sort_unstable();
    let mut all: Vec<(CellIndex, Sum)> = Vec::new();
    for visit in positions.chunk_by(|a, b| a.1 == b.1 && b.0 - a.0 <= gap_ms) {
        let (start, end) = (visit[0], visit[visit.len() - 1]);
        let (rows, dwell_ms) = (visit.len() as u64, (end.0 - start.0) as u64);
        all.push((start.1, Sum { rows, people: 1, visits: 1, people_again: 0, dwell_ms }));
    }
    all.sort_by_key(|one| one.0);
    all.dedup_by(|one, sum| {
        let same = one.0 == sum.0;
        if same {
            sum.1.add(one.1);
            (sum.1.people, sum.1.people_again) = (1, 1);
        }
        same
    });
    all
}

impl Record for Sum {
    const BYTES: usize = <[u64; 5]>::BYTES;

    fn put(self, into: &mut Vec<u8>) {
        [self.rows, self.people, self.visits, self.people_again, self.dwell_ms].put(into);
    }

    fn take(from: &[u8]) -> Sum {
        let [rows, people, visits, people_again, dwell_ms] = <[u64; 5]>::take(from);
        Sum { rows, people, visits, people_again, dwell_ms }
    }
}

impl Sums for Sum {
    fn add(&mut self, other: Sum) {
        self.rows += other.rows;
        self.people += other.people;
        self.visits += other.visits;
        self.people_again += other.people_again;
        self.dwell_ms += other.dwell_ms;
    }
}

/// Where positions are, and of which rows.
struct Scan {
    compiled: Compiled,
    people: Option<PersonSet>,
    span: (i64, i64),
    columns: [usize; 2],
    resolution: Resolution,
}

impl Scan {
    fn new(context: &Context<'_>, asked: &Places) -> Result<Scan, InsightError> {
        let column = |name: &str| context.snapshot.dictionaries.column_of(name, ColumnKind::Numbers);
        Ok(Scan {
            compiled: Compiled::new(context, &asked.select)?,
            people: context.people(&asked.scope)?,
            span: (asked.scope.from_ms, asked.scope.until_ms),
            columns: [column(&asked.latitude)?, column(&asked.longitude)?],
            resolution: resolution(asked)?,
        })
    }

    /// Calls with the positions of each person of a segment who has any.
    fn read<'a>(
        &self,
        reader: &mut Reader<'a>,
        segment: u32,
        postings: &mut Vec<Postings<'a>>,
        positions: &mut Vec<(i64, CellIndex)>,
        elsewhere: &mut u64,
        mut person: impl FnMut(u16, &mut Vec<(i64, CellIndex)>),
    ) {
        let within = Within { span: self.span, people: self.people.as_ref() };
        postings.resize_with(self.compiled.activities.len(), Postings::default);
        for (&activity, postings) in self.compiled.activities.iter().zip(postings.iter_mut()) {
            reader.select(segment, activity, &self.compiled, &self.columns, within, postings);
        }
        // Who does not move is looked up once.
        let mut last: Option<(f64, f64, Option<CellIndex>)> = None;
        each_person(postings, |local, rows| {
            positions.clear();
            for (one, rows) in postings.iter().zip(rows) {
                for row in rows.clone() {
                    let position = one.columns.first().and_then(|column| column.number(row));
                    let position = position.zip(one.columns.get(1).and_then(|column| column.number(row)));
                    let cell = position.and_then(|(latitude, longitude)| match last {
                        Some((a, b, cell)) if a == latitude && b == longitude => cell,
                        _ => {
                            let cell = cell_at(latitude, longitude, self.resolution);
                            last = Some((latitude, longitude, cell));
                            cell
                        }
                    });
                    match cell {
                        Some(cell) => positions.push((one.times[row], cell)),
                        None => *elsewhere += 1,
                    }
                }
            }
            if !positions.is_empty() {
                person(local, positions);
            }
        });
    }
}
