//! Writing a run, segment by segment.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::directory::{self, Chunk, ColumnPlace, Segment, TimelinePlace, Times};
use super::run::MAGIC;
use super::timeline::Codes;
use super::{Column, Postings, Run, Timeline};
use crate::InsightError;

/// Writes segments, ascending, and then the directory.
pub(super) struct RunWriter<W> {
    out: W,
    position: u64,
    checksum: Xxh3,
    segments: Vec<Segment>,
    columns: usize,
}

impl<W: Write> RunWriter<W> {
    pub fn new(out: W, columns: usize) -> io::Result<RunWriter<W>> {
        let mut writer = RunWriter { out, position: 0, checksum: Xxh3::new(), segments: Vec::new(), columns };
        writer.section(&MAGIC.to_le_bytes())?;
        writer.align()?;
        Ok(writer)
    }

    /// Appends a segment: its timeline and for each activity, ascending, its postings with every hot column.
    pub fn segment<'p>(
        &mut self,
        index: u32,
        timeline: &Timeline<'_>,
        postings: impl Iterator<Item = io::Result<(u16, Cow<'p, Postings<'p>>)>>,
    ) -> io::Result<()> {
        let start = self.position;
        self.checksum = Xxh3::new();
        let line = self.timeline(timeline)?;
        let mut chunks = Vec::new();
        for item in postings {
            let (activity, postings) = item?;
            if !postings.persons.is_empty() {
                chunks.push(self.chunk(activity, &postings)?);
            }
        }
        let rows = timeline.rows() as u32;
        let (end, checksum) = (self.position, self.checksum.digest());
        self.segments.push(Segment { index, rows, timeline: line, chunks, start, end, checksum });
        Ok(())
    }

    /// Writes the directory; the sink holds the whole run then.
    pub fn finish(mut self) -> io::Result<W> {
        let words = directory::encode(&self.segments, self.columns);
        let place = self.position;
        let bytes: &[u8] = bytemuck::cast_slice(&words);
        self.out.write_all(bytes)?;
        for word in [place, words.len() as u64, xxh3_64(bytes), MAGIC] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn timeline(&mut self, timeline: &Timeline<'_>) -> io::Result<TimelinePlace> {
        let (code_bytes, codes) = match &timeline.codes {
            Codes::Narrow(codes) => (1, self.section(codes)?),
            Codes::Wide(codes) => (2, self.section(bytemuck::cast_slice(codes))?),
        };
        Ok(TimelinePlace {
            persons: timeline.persons() as u32,
            sessions: timeline.starts.len() as u32,
            code_bytes,
            codes,
            starts: self.times(&timeline.starts)?,
            person_sessions: self.section(bytemuck::cast_slice(&timeline.person_sessions))?,
            durations: self.section(bytemuck::cast_slice(&timeline.durations))?,
            first_rows: self.section(bytemuck::cast_slice(&timeline.first_rows))?,
            deltas_low: self.section(bytemuck::cast_slice(&timeline.deltas_low))?,
            deltas_high: self.section(&timeline.deltas_high)?,
        })
    }

    fn chunk(&mut self, activity: u16, postings: &Postings<'_>) -> io::Result<Chunk> {
        let most = postings.persons.chunk_by(|a, b| a == b).map(<[u16]>::len).max().unwrap_or(0);
        Ok(Chunk {
            activity,
            rows: postings.persons.len() as u32,
            most: most as u32,
            persons: self.section(bytemuck::cast_slice(&postings.persons))?,
            times: self.times(&postings.times)?,
            columns: postings
                .columns
                .iter()
                .map(|column| self.column(column, postings.persons.len()))
                .collect::<io::Result<_>>()?,
        })
    }

    fn times(&mut self, times: &[i64]) -> io::Result<Times> {
        let base = times.iter().copied().min().unwrap_or(0);
        let last = times.iter().copied().max().unwrap_or(0);
        let offset = |time: &i64| (time - base) as u64;
        let low: Vec<u32> = times.iter().map(|time| offset(time) as u32).collect();
        let low = self.section(bytemuck::cast_slice(&low))?;
        let (high_bytes, high) = match (last - base) >> 32 {
            0 => (0, Vec::new()),
            1..=0xFF => (1, times.iter().map(|time| (offset(time) >> 32) as u8).collect()),
            _ => (2, times.iter().flat_map(|time| ((offset(time) >> 32) as u16).to_le_bytes()).collect::<Vec<u8>>()),
        };
        Ok(Times { base, last, high_bytes, low, high: self.section(&high)? })
    }

    fn column(&mut self, column: &Column<'_>, rows: usize) -> io::Result<ColumnPlace> {
        let numbers = match column {
            Column::Numbers(numbers) if numbers.iter().any(|number| !number.is_nan()) => numbers,
            Column::Numbers(_) | Column::NoNumbers => return Ok(ColumnPlace::default()),
            words => return self.words(words, rows),
        };
        Ok(ColumnPlace { bytes: 8, place: self.section(bytemuck::cast_slice(numbers))? })
    }

    fn words(&mut self, column: &Column<'_>, rows: usize) -> io::Result<ColumnPlace> {
        let codes: Vec<u32> = (0..rows).map(|row| column.word(row)).collect();
        let (least, most) = codes.iter().fold((u32::MAX, 0), |(least, most), &code| (least.min(code), most.max(code)));
        let (bytes, place) = match most {
            _ if least >= most => (0, u64::from(most)),
            0..=0xFF => (1, self.section(&codes.iter().map(|&code| code as u8).collect::<Vec<_>>())?),
            0x100..=0xFFFF => {
                let codes: Vec<u16> = codes.iter().map(|&code| code as u16).collect();
                (2, self.section(bytemuck::cast_slice(&codes))?)
            }
            _ => (4, self.section(bytemuck::cast_slice(&codes))?),
        };
        Ok(ColumnPlace { bytes, place })
    }

    fn section(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let place = self.position;
        self.write(bytes)?;
        self.align()?;
        Ok(place)
    }

    fn align(&mut self) -> io::Result<()> {
        let missing = (64 - self.position % 64) % 64;
        self.write(&[0; 64][..missing as usize])
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.checksum.update(bytes);
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// Writes a run to a file under another name, and gives it its name. Whoever relies on it after a crash syncs it.
pub(super) fn to_file(
    path: &Path,
    columns: usize,
    fill: impl FnOnce(&mut RunWriter<BufWriter<File>>) -> Result<(), InsightError>,
) -> Result<Run, InsightError> {
    let next = path.with_extension("next");
    let error = |source| InsightError::File { action: "writing", path: next.clone(), source };
    let out = BufWriter::with_capacity(1 << 20, File::create(&next).map_err(error)?);
    let mut writer = RunWriter::new(out, columns).map_err(error)?;
    fill(&mut writer)?;
    writer.finish().map_err(error)?;
    fs::rename(&next, path).map_err(InsightError::file("renaming", &next))?;
    Run::open(path)
}
