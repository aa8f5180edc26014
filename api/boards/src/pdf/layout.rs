//! Where everything stands: columns as wide as what is in them, rows over pages, the names of the columns on each.

use pdf_writer::{Content, Name, Str};

use super::fonts::{Fonts, Glyph};
use super::table::{Column, Table};
use super::text::{from_left, lines, ready};
use super::{Sheet, fonts};

/// A4, in points.
const SHORT: f32 = 595.0;
const LONG: f32 = 842.0;
const MARGIN: f32 = 40.0;
const SIZE: f32 = 8.0;
const TITLE_SIZE: f32 = 15.0;
const LINE: f32 = 10.5;
const GAP: f32 = 8.0;
const PADDING: f32 = 2.5;
const COLUMN_WIDTH_MAX: f32 = 240.0;
/// More do not fit on a page that can be read.
const COLUMNS_MAX: usize = 24;
const CELL_LINES_MAX: usize = 12;
/// Rows that are measured for the widths of columns.
const ROWS_MEASURED: usize = 500;

/// Pages, their numbers not yet on them.
pub(super) struct Pages {
    pub width: f32,
    pub height: f32,
    pub contents: Vec<Content>,
}

struct Press<'f> {
    fonts: &'f mut Fonts,
    pages: Pages,
    /// How high above the foot of the page the next line's top is.
    top: f32,
}

impl Press<'_> {
    fn turn(&mut self) {
        self.pages.contents.push(Content::new());
        self.top = self.pages.height - MARGIN;
    }

    fn text(&mut self, text: &str, (x, y): (f32, f32), size: f32) {
        if let Some(page) = self.pages.contents.last_mut() {
            draw(page, self.fonts, text, (x, y), size);
        }
    }

    /// Lines of a paragraph over the whole width.
    fn paragraph(&mut self, text: &str, size: f32) {
        let width = (self.pages.width - 2.0 * MARGIN) / size;
        for line in lines(text, width, 4, self.fonts) {
            self.text(&line, (MARGIN, self.top - size), size);
            self.top -= size * 1.35;
        }
    }

    fn height_of(cells: &[Vec<String>]) -> f32 {
        cells.iter().map(Vec::len).max().unwrap_or(1) as f32 * LINE + 2.0 * PADDING
    }

    fn row(&mut self, cells: &[Vec<String>], columns: &[Column], widths: &[f32], is_head: bool) {
        let height = Self::height_of(cells);
        if let Some(page) = self.pages.contents.last_mut() {
            let (x, y, width) = (MARGIN, self.top - height, self.pages.width - 2.0 * MARGIN);
            if is_head {
                page.set_fill_gray(0.92).rect(x, y, width, height).fill_nonzero().set_fill_gray(0.0);
            }
            page.set_stroke_gray(0.8).set_line_width(0.4).move_to(x, y).line_to(x + width, y).stroke();
        }
        let mut x = MARGIN + GAP / 2.0;
        for ((cell, column), width) in cells.iter().zip(columns).zip(widths) {
            for (at, line) in cell.iter().enumerate() {
                let free = width - self.fonts.width(line) * SIZE;
                let x = if column.is_number { x + free.max(0.0) } else { x };
                self.text(line, (x, self.top - PADDING - SIZE - at as f32 * LINE), SIZE);
            }
            x += width + GAP;
        }
        self.top -= height;
    }
}

/// Draws a line of text whose left end is at this place.
fn draw(page: &mut Content, fonts: &mut Fonts, text: &str, (x, y): (f32, f32), size: f32) {
    let glyphs: Vec<Glyph> = from_left(text).chars().map(|character| fonts.glyph(character)).collect();
    if glyphs.is_empty() {
        return;
    }
    page.begin_text().next_line(x, y);
    for run in glyphs.chunk_by(|one, other| one.font == other.font) {
        let bytes: Vec<u8> = run.iter().flat_map(|glyph| glyph.number.to_be_bytes()).collect();
        page.set_font(Name(name_of(run[0].font)), size).show(Str(&bytes));
    }
    page.end_text();
}

/// What a font is called on a page.
pub(super) fn name_of(font: usize) -> &'static [u8] {
    if font == 0 { b"F0" } else { b"F1" }
}

/// The width of each column, without the gap.
fn widths(table: &Table, usable: f32, fonts: &mut Fonts) -> Vec<f32> {
    let mut natural = Vec::new();
    for (at, column) in table.columns.iter().enumerate().take(COLUMNS_MAX) {
        let cells = table.rows.iter().take(ROWS_MEASURED).filter_map(|row| row.get(at));
        let widest = cells.chain([&column.name]).map(|text| fonts.width(&ready(text))).fold(1.0, f32::max);
        natural.push((widest * SIZE + 0.5).min(COLUMN_WIDTH_MAX));
    }
    let free = usable - natural.len() as f32 * GAP;
    // Narrow columns keep what they need; the others share the rest.
    let mut share = free / natural.len().max(1) as f32;
    let mut wide: Vec<f32> = natural.clone();
    while natural.iter().sum::<f32>() > free {
        let before = wide.len();
        wide.retain(|width| *width > share);
        let left = free - natural.iter().filter(|width| **width <= share).sum::<f32>();
        let next = left / wide.len().max(1) as f32;
        if wide.len() == before || next <= share {
            share = next;
            break;
        }
        share = next;
    }
    match natural.iter().sum::<f32>() > free {
        true => natural.into_iter().map(|width| width.min(share)).collect(),
        false => natural,
    }
}

/// Everything but the numbers of the pages.
pub(super) fn pages(sheet: &Sheet, fonts: &mut Fonts) -> Pages {
    let table = &sheet.table;
    let upright = widths(table, f32::INFINITY, fonts);
    let needed = upright.iter().map(|width| width + GAP).sum::<f32>();
    let (width, height) = if needed > SHORT - 2.0 * MARGIN { (LONG, SHORT) } else { (SHORT, LONG) };
    let widths = widths(table, width - 2.0 * MARGIN, fonts);
    let columns = &table.columns[..widths.len()];
    let mut press = Press { fonts, pages: Pages { width, height, contents: Vec::new() }, top: 0.0 };
    press.turn();
    press.paragraph(&sheet.title, TITLE_SIZE);
    sheet.about.iter().for_each(|line| press.paragraph(line, SIZE + 1.0));
    let left_out = table.columns.len() - columns.len();
    if left_out > 0 {
        press.paragraph(
            &format!("{left_out} further columns have no room here; CSV and Parquet have them."),
            SIZE + 1.0,
        );
    }
    press.top -= LINE;
    let broken = |texts: &mut dyn Iterator<Item = &String>, fonts: &mut Fonts| -> Vec<Vec<String>> {
        texts.zip(&widths).map(|(text, width)| lines(text, width / SIZE, CELL_LINES_MAX, fonts)).collect()
    };
    let head = broken(&mut columns.iter().map(|column| &column.name), press.fonts);
    press.row(&head, columns, &widths, true);
    for row in &table.rows {
        let cells = broken(&mut row.iter(), press.fonts);
        if press.top - Press::height_of(&cells) < MARGIN + LINE {
            press.turn();
            press.row(&head, columns, &widths, true);
        }
        press.row(&cells, columns, &widths, false);
    }
    let unknown = fonts::UNKNOWN;
    if press.fonts.has_unknown {
        if press.top < MARGIN + 5.0 * LINE {
            press.turn();
        }
        press.top -= LINE;
        let told =
            format!("{unknown} stands for characters that this file has no font for; CSV and Parquet have them.");
        press.paragraph(&told, SIZE);
    }
    let Press { fonts, mut pages, .. } = press;
    let count = pages.contents.len();
    for (at, page) in pages.contents.iter_mut().enumerate() {
        let text = format!("Page {} of {count}", at + 1);
        let width = fonts.width(&text) * SIZE;
        draw(page, fonts, &text, (pages.width - MARGIN - width, MARGIN / 2.0), SIZE);
    }
    pages
}
