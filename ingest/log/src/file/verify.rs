//! Reads a whole log, every checksum, and says what is wrong, without changing anything.

use std::fs::File;
use std::path::Path;

use super::block::Block;
use super::folder::{lock, partition_folder, read_error, read_meta, segments_in};
use super::format::{FORMAT_VERSION, SEGMENT_HEADER_BYTES, segment_name};
use super::recover::read_header;
use super::scan::{Scan, Step};
use crate::{Damage, LogError, VerifiedPartition, VerifyReport};

/// Verifies the log in `folder`, which must not be open.
pub(super) fn verify(folder: &Path) -> Result<VerifyReport, LogError> {
    let Some(meta) = read_meta(folder)? else {
        return Err(LogError::Incompatible { path: folder.to_owned(), detail: "there is no log here".to_owned() });
    };
    let _lock = lock(folder)?;
    let mut report = VerifyReport::default();
    for partition in 0..meta.partitions {
        verify_partition(&partition_folder(folder, partition), partition, &mut report)?;
    }
    Ok(report)
}

fn verify_partition(folder: &Path, partition: u32, report: &mut VerifyReport) -> Result<(), LogError> {
    let offsets = if folder.exists() { segments_in(folder).map_err(read_error(folder))? } else { Vec::new() };
    let first_offset = offsets.first().copied().unwrap_or(0);
    let mut walk = Walk {
        report,
        seen: VerifiedPartition {
            partition,
            segments: offsets.len(),
            frames: 0,
            records: 0,
            first_offset,
            end_offset: first_offset,
            bytes: 0,
        },
    };
    for (place, &first_offset) in offsets.iter().enumerate() {
        let path = folder.join(segment_name(first_offset));
        walk.segment(&path, first_offset, offsets.get(place + 1).copied())?;
    }
    let seen = walk.seen;
    report.partitions.push(seen);
    Ok(())
}

struct Walk<'a> {
    report: &'a mut VerifyReport,
    seen: VerifiedPartition,
}

impl Walk<'_> {
    /// Walks one segment. `next` is the first offset of the one after it, if there is one.
    fn segment(&mut self, path: &Path, first_offset: u64, next: Option<u64>) -> Result<(), LogError> {
        let file = File::open(path).map_err(read_error(path))?;
        let bytes = file.metadata().map_err(read_error(path))?.len();
        self.seen.bytes += bytes;
        self.seen.end_offset = self.seen.end_offset.max(first_offset);
        if next.is_none() && bytes < SEGMENT_HEADER_BYTES as u64 {
            self.report.torn_bytes += bytes;
            return Ok(());
        }
        self.header(&file, path, first_offset)?;
        let mut scan = Scan::new(file, bytes, first_offset, next.unwrap_or(u64::MAX));
        loop {
            match scan.step().map_err(read_error(path))? {
                Step::Frame { header, stored, .. } => match Block::decode(&header, stored) {
                    Ok(block) => {
                        self.seen.frames += 1;
                        self.seen.records += u64::from(block.records);
                    }
                    Err(detail) => self.damage(path, header.first_offset, header.end_offset(), detail),
                },
                Step::Damaged(stretch) if stretch.from_offset < stretch.to_offset => {
                    self.damage(path, stretch.from_offset, stretch.to_offset, stretch.detail);
                }
                Step::Damaged(stretch) => self.report.remarks.push(format!(
                    "{}: {} bytes at {} are no frame; no offset is missing",
                    path.display(),
                    stretch.bytes,
                    stretch.position
                )),
                Step::Torn { bytes, .. } if next.is_none() => self.report.torn_bytes += bytes,
                Step::Torn { .. } => {}
                Step::End => break,
            }
        }
        if let Some(next) = next.filter(|next| scan.expected < *next) {
            self.damage(path, scan.expected, next, "the segment ends early, or the one after it is missing");
        }
        self.seen.end_offset = next.unwrap_or(scan.expected);
        Ok(())
    }

    fn header(&mut self, file: &File, path: &Path, first_offset: u64) -> Result<(), LogError> {
        let path_text = path.display();
        match read_header(file).map_err(read_error(path))? {
            None => self.report.remarks.push(format!("{path_text}: the header is damaged; the records are not")),
            Some(header) if header.version != FORMAT_VERSION => {
                return Err(LogError::Incompatible {
                    path: path.to_owned(),
                    detail: format!("format {}, this program reads format {FORMAT_VERSION}", header.version),
                });
            }
            Some(header) if header.partition != self.seen.partition || header.first_offset != first_offset => {
                self.report.remarks.push(format!("{path_text}: the file was moved or renamed"));
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn damage(&mut self, path: &Path, from_offset: u64, to_offset: u64, detail: &str) {
        self.report.damages.push(Damage {
            partition: self.seen.partition,
            from_offset,
            to_offset,
            kept_in: path.display().to_string(),
            detail: detail.to_owned(),
        });
    }
}
