//! Places, naively.

use std::collections::{BTreeMap, BTreeSet};

use h3o::{CellIndex, LatLng, Resolution};

use super::{Row, World};
use crate::definition::{CatchmentRing, Place, Places, PlacesAnswer};

impl World {
    pub(super) fn places(&self, asked: &Places) -> PlacesAnswer {
        let rows = self.matching(&asked.scope, &asked.select);
        let located: Vec<(&Row, CellIndex)> =
            rows.iter().filter_map(|row| Some((*row, cell_of(asked, row)?))).collect();
        let cells: BTreeSet<CellIndex> = located.iter().map(|one| one.1).collect();
        let mut places: Vec<Place> = cells.iter().map(|&cell| place(asked, &located, cell)).collect();
        places.sort_by_key(|place| std::cmp::Reverse(place.rows));
        places.truncate(asked.top);
        let catchment = asked.catchment.iter().flat_map(|catchment| {
            let located = &located;
            (0..=catchment.rings).map(move |rings| {
                let disk = disk(asked, rings);
                let inside: Vec<_> = located.iter().filter(|one| disk.contains(&one.1)).collect();
                let people: BTreeSet<&String> = inside.iter().map(|one| &one.0.person).collect();
                CatchmentRing { cells: disk.len() as u64, rows: inside.len() as u64, people: people.len() as u64 }
            })
        });
        PlacesAnswer {
            rows: located.len() as u64,
            rows_elsewhere: (rows.len() - located.len()) as u64,
            cells: cells.len() as u64,
            catchment: catchment.collect(),
            places,
        }
    }

    /// A person's visits: cell, first and last time, rows.
    pub(super) fn visits(&self, asked: &Places, person: &str) -> Vec<(CellIndex, i64, i64, u64)> {
        let rows = self.matching(&asked.scope, &asked.select).into_iter().filter(|row| row.person == person);
        let located: Vec<(&Row, CellIndex)> = rows.filter_map(|row| Some((row, cell_of(asked, row)?))).collect();
        visits(asked, &located)
    }
}

/// Cells within so many rings of the catchment.
pub(super) fn disk(asked: &Places, rings: u32) -> BTreeSet<CellIndex> {
    let catchment = asked.catchment.as_ref().unwrap();
    let centre = LatLng::new(catchment.latitude, catchment.longitude).unwrap();
    centre.to_cell(Resolution::try_from(asked.resolution).unwrap()).grid_disk_safe(rings).collect()
}

pub(super) fn cell_of(asked: &Places, row: &Row) -> Option<CellIndex> {
    let (latitude, longitude) = (*row.numbers.get(&asked.latitude)?, *row.numbers.get(&asked.longitude)?);
    if latitude.abs() > 90.0 || longitude.abs() > 180.0 {
        return None;
    }
    Some(LatLng::new(latitude, longitude).unwrap().to_cell(Resolution::try_from(asked.resolution).unwrap()))
}

fn visits(asked: &Places, of_person: &[(&Row, CellIndex)]) -> Vec<(CellIndex, i64, i64, u64)> {
    let mut rows: Vec<(i64, CellIndex)> = of_person.iter().map(|(row, cell)| (row.time_ms, *cell)).collect();
    rows.sort();
    let mut visits: Vec<(CellIndex, i64, i64, u64)> = Vec::new();
    for (time, cell) in rows {
        match visits.last_mut() {
            Some(last) if last.0 == cell && time - last.2 <= asked.gap_ms => (last.2, last.3) = (time, last.3 + 1),
            _ => visits.push((cell, time, time, 1)),
        }
    }
    visits
}

fn place(asked: &Places, located: &[(&Row, CellIndex)], cell: CellIndex) -> Place {
    let mut by_person: BTreeMap<&String, Vec<(&Row, CellIndex)>> = BTreeMap::new();
    located.iter().for_each(|one| by_person.entry(&one.0.person).or_default().push(*one));
    let here = |rows: &Vec<(&Row, CellIndex)>| {
        let mut all = visits(asked, rows);
        all.retain(|visit| visit.0 == cell);
        all
    };
    let visits: Vec<Vec<(CellIndex, i64, i64, u64)>> = by_person.values().map(here).collect();
    Place {
        cell: cell.to_string(),
        latitude: LatLng::from(cell).lat(),
        longitude: LatLng::from(cell).lng(),
        rows: visits.iter().flatten().map(|visit| visit.3).sum(),
        people: visits.iter().filter(|visits| !visits.is_empty()).count() as u64,
        visits: visits.iter().flatten().count() as u64,
        people_again: visits.iter().filter(|visits| visits.len() > 1).count() as u64,
        dwell_ms: visits.iter().flatten().map(|visit| (visit.2 - visit.1) as u64).sum(),
    }
}
