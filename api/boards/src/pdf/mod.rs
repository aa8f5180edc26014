//! A table as a PDF: title, when it was asked, rows over pages with numbers. Which rows is decided elsewhere.

mod arabic;
mod fonts;
mod layout;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod write;

pub use table::{Column, Table};

use footfall_ingest_activity::Timestamp;

use crate::error::BoardError;

/// What is printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    pub title: String,
    /// Lines under the title.
    pub about: Vec<String>,
    pub table: Table,
    /// What the file says of its making.
    pub made: Timestamp,
}

/// The bytes of the file.
pub fn of(sheet: &Sheet) -> Result<Vec<u8>, BoardError> {
    let mut fonts = fonts::Fonts::open()?;
    let pages = layout::pages(sheet, &mut fonts);
    write::file(sheet, pages, fonts)
}
