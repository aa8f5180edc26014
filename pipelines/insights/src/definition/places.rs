//! Places: where people do it, by cells of the H3 grid.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Scope, Selector};

/// Such rows with a position, by H3 cell. A row without two numbers within ±90 and ±180 degrees is left out, and counted.
///
/// A person's rows with a position, by time, then cell, make *visits*: rows that follow each other in one cell without a
/// gap above `gap_ms`. The *dwell* of a cell is the time between the rows of its visits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Places {
    pub scope: Scope,
    #[serde(default)]
    pub select: Selector,
    /// The property with the latitude.
    #[serde(default = "latitude")]
    pub latitude: String,
    #[serde(default = "longitude")]
    pub longitude: String,
    /// 0 (cells of a continent) to 15 (a square metre); 8 is about 0.7 km².
    #[schemars(range(max = 15))]
    pub resolution: u8,
    #[serde(default = "half_an_hour")]
    pub gap_ms: i64,
    /// So many cells with most rows are answered.
    #[serde(default = "thousand")]
    #[schemars(range(max = 10_000))]
    pub top: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catchment: Option<Catchment>,
}

/// The surroundings of a point: the cell in which it lies, and rings of cells around that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Catchment {
    pub latitude: f64,
    pub longitude: f64,
    #[schemars(range(max = 50))]
    pub rings: u32,
}

fn latitude() -> String {
    "$geoip_latitude".to_owned()
}

fn longitude() -> String {
    "$geoip_longitude".to_owned()
}

fn half_an_hour() -> i64 {
    30 * 60_000
}

fn thousand() -> usize {
    1_000
}

/// The cells with most rows, then by name.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlacesAnswer {
    pub rows: u64,
    /// Such rows without a position.
    pub rows_elsewhere: u64,
    /// All cells with rows.
    pub cells: u64,
    pub places: Vec<Place>,
    /// Within 0, 1, 2 … rings; those of fewer rings included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub catchment: Vec<CatchmentRing>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct Place {
    /// The cell's H3 name, as `881f1d4887fffff`.
    pub cell: String,
    /// Its centre.
    pub latitude: f64,
    pub longitude: f64,
    pub rows: u64,
    pub people: u64,
    pub visits: u64,
    /// People with two visits or more.
    pub people_again: u64,
    pub dwell_ms: u64,
}

/// The surroundings within so many rings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct CatchmentRing {
    pub cells: u64,
    pub rows: u64,
    pub people: u64,
}
