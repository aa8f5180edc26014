//! A dashboard: tiles on a grid of twelve columns, variables and filters across them, how often it asks again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::question::{DAYS_MAX, check_zone};
use super::{Asked, Filter, Variable, check_asked};
use crate::faults::{Faults, is_key};

/// The only format so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BoardFormat")]
pub enum Format {
    #[default]
    #[serde(rename = "dashboard/1")]
    One,
}

/// A dashboard as its file says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Board {
    pub footfall: Format,
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Asked again after so many seconds; never by itself if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_seconds: Option<u32>,
    /// Whole days that end with today.
    #[serde(default = "thirty")]
    pub days: u32,
    /// Whose days.
    #[serde(default = "utc")]
    pub zone: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    #[serde(default)]
    pub tiles: Vec<Tile>,
}

const fn thirty() -> u32 {
    30
}

fn utc() -> String {
    "UTC".to_owned()
}

/// How an answer is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "TileShow")]
pub enum Show {
    /// As its kind is usually drawn.
    #[default]
    Usual,
    Line,
    Bar,
    Table,
    /// Large numbers of the whole span: of a trend each line's, of lifecycle, sessions and funnels theirs, of SQL the first cell.
    /// Of other kinds there are none, and they are drawn as usual.
    Number,
}

/// One tile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BoardTile")]
pub struct Tile {
    /// Unique in the dashboard.
    pub id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Columns from the left.
    pub x: u32,
    /// Rows from the top.
    pub y: u32,
    pub width: u32,
    pub height: u32,
    #[serde(default)]
    pub show: Show,
    /// Instead of the dashboard's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    pub ask: Ask,
}

/// What a tile shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "TileAsk")]
pub enum Ask {
    Insight(Value),
    Sql(String),
    /// The key of a saved question.
    Saved(String),
    /// Words, as they stand.
    Text(String),
}

impl Ask {
    /// The question itself, unless it is kept elsewhere or none.
    pub fn asked(&self) -> Option<Asked> {
        match self {
            Ask::Insight(insight) => Some(Asked::Insight(insight.clone())),
            Ask::Sql(sql) => Some(Asked::Sql(sql.clone())),
            Ask::Saved(_) | Ask::Text(_) => None,
        }
    }
}

pub const COLUMNS: u32 = 12;
const ROWS_MAX: u32 = 500;
const HEIGHT_MAX: u32 = 40;
const TILES_MAX: usize = 60;
const VARIABLES_MAX: usize = 20;
const FILTERS_MAX: usize = 20;
const REFRESH_MIN: u32 = 5;
const REFRESH_MAX: u32 = 86_400;

impl Board {
    pub fn check(&self, faults: &mut Faults<'_>) {
        faults.line("title", &self.title);
        faults.text("description", &self.description);
        if let Some(seconds) = self.refresh_seconds {
            faults.range("refresh_seconds", seconds, REFRESH_MIN, REFRESH_MAX);
        }
        faults.range("days", self.days, 1, DAYS_MAX);
        check_zone(&self.zone, faults);
        faults.count("variables", self.variables.len(), VARIABLES_MAX);
        faults.each("variables", &self.variables, |faults, _, variable| variable.check(faults));
        faults.distinct("variables", "name", self.variables.iter().map(|variable| variable.name.as_str()));
        faults.count("filters", self.filters.len(), FILTERS_MAX);
        faults.each("filters", &self.filters, |faults, _, filter| filter.check(&self.variables, faults));
        faults.count("tiles", self.tiles.len(), TILES_MAX);
        faults.each("tiles", &self.tiles, |faults, at, tile| {
            tile.check(&self.variables, faults);
            if let Some(other) = self.tiles[..at].iter().find(|other| other.overlaps(tile)) {
                faults.at("x", format!("lies over the tile {}", other.id));
            }
        });
        faults.distinct("tiles", "id", self.tiles.iter().map(|tile| tile.id.as_str()));
    }

    pub fn tile(&self, id: &str) -> Option<&Tile> {
        self.tiles.iter().find(|tile| tile.id == id)
    }

    /// A tile asks in SQL of its own.
    pub fn asks_sql(&self) -> bool {
        self.tiles.iter().any(|tile| matches!(tile.ask, Ask::Sql(_)))
    }
}

impl Tile {
    fn check(&self, variables: &[Variable], faults: &mut Faults<'_>) {
        if !is_key(&self.id) {
            faults.at("id", "must be 1 to 64 lower-case letters, digits, - and _, the first a letter or digit");
        }
        if !self.title.is_empty() {
            faults.line("title", &self.title);
        }
        faults.text("description", &self.description);
        faults.range("x", self.x, 0, COLUMNS - 1);
        faults.range("width", self.width, 1, COLUMNS.saturating_sub(self.x).max(1));
        faults.range("y", self.y, 0, ROWS_MAX);
        faults.range("height", self.height, 1, HEIGHT_MAX);
        if let Some(days) = self.days {
            faults.range("days", days, 1, DAYS_MAX);
        }
        faults.within("ask", |faults| match &self.ask {
            Ask::Text(text) => faults.text("text", text),
            Ask::Saved(key) if !is_key(key) => faults.at("saved", "is no key of a question"),
            Ask::Saved(_) => {}
            Ask::Insight(_) | Ask::Sql(_) => {
                if let Some(asked) = self.ask.asked() {
                    check_asked(&asked, variables, faults);
                }
            }
        });
    }

    fn overlaps(&self, other: &Tile) -> bool {
        let apart =
            |a: u32, a_size: u32, b: u32, b_size: u32| a.saturating_add(a_size) <= b || b.saturating_add(b_size) <= a;
        !apart(self.x, self.width, other.x, other.width) && !apart(self.y, self.height, other.y, other.height)
    }
}
