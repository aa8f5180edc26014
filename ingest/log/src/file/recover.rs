//! What is found in a partition's folder when the log is opened. Only the last segment is read whole:
//! damage in older ones is found when they are read, or by `verify`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::context::Context;
use super::disk::OpenFile;
use super::folder::{read_error, segments_in, write_error};
use super::format::{FORMAT_VERSION, SEGMENT_HEADER_BYTES, SegmentHeader, segment_name};
use super::partition::Segment;
use super::scan::{Scan, Step};
use crate::LogError;

/// A partition as it was left by the last process.
pub(super) struct Recovered {
    pub segments: Vec<Segment>,
    pub end_offset: u64,
    pub torn_bytes: u64,
    /// The last segment, ready to be written on.
    pub active: Option<OpenFile>,
}

/// Reads the headers of all segments and repairs the end of the last one.
pub(super) fn recover(context: &Context, partition: u32, folder: &Path) -> Result<Recovered, LogError> {
    let offsets = segments_in(folder).map_err(read_error(folder))?;
    for &first_offset in &offsets {
        // A segment that was being written anew: the old one counts.
        match context.disk.remove(&folder.join(segment_name(first_offset)).with_extension("next")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(read_error(folder)(error)),
            _ => {}
        }
    }
    let mut found = Recovered { segments: Vec::new(), end_offset: 0, torn_bytes: 0, active: None };
    for (place, &first_offset) in offsets.iter().enumerate() {
        let path = folder.join(segment_name(first_offset));
        let is_last = place + 1 == offsets.len();
        let file = File::open(&path).map_err(read_error(&path))?;
        let bytes = file.metadata().map_err(read_error(&path))?.len();
        if is_last && bytes < SEGMENT_HEADER_BYTES as u64 {
            // It was just being created; the writer makes it anew.
            found.torn_bytes = bytes;
            found.end_offset = first_offset;
            break;
        }
        let header = check_header(context, partition, &file, &path, first_offset)?;
        let created_at = header.map_or_else(|| context.options.clock.now(), |header| header.created_at);
        found.segments.push(Segment { first_offset, bytes, created_at });
        if is_last {
            repair_last(context, partition, &path, header.is_none(), &mut found)?;
        }
    }
    Ok(found)
}

/// The header if it can be read; an error if it belongs elsewhere.
fn check_header(
    context: &Context,
    partition: u32,
    file: &File,
    path: &Path,
    first_offset: u64,
) -> Result<Option<SegmentHeader>, LogError> {
    let incompatible = |detail: String| LogError::Incompatible { path: path.to_owned(), detail };
    match read_header(file).map_err(read_error(path))? {
        Some(header) if header.version != FORMAT_VERSION => {
            Err(incompatible(format!("format {}, this program reads format {FORMAT_VERSION}", header.version)))
        }
        Some(header) if header.partition != partition || header.first_offset != first_offset => Err(incompatible(
            format!("it is of partition {}, offset {}: it was moved or renamed", header.partition, header.first_offset),
        )),
        Some(header) => Ok(Some(header)),
        None => {
            metrics::counter!("footfall_log_errors_total", "kind" => "header").increment(1);
            tracing::warn!(partition, path = %path.display(), folder = %context.folder.display(),
                "the header of a segment is damaged; its name tells what is needed");
            Ok(None)
        }
    }
}

/// Reads a segment's header; `None` when it is damaged or cut.
pub(super) fn read_header(file: &File) -> std::io::Result<Option<SegmentHeader>> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(SegmentHeader::decode(&bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn repair_last(
    context: &Context,
    partition: u32,
    path: &Path,
    header_is_damaged: bool,
    found: &mut Recovered,
) -> Result<(), LogError> {
    let Some(segment) = found.segments.last_mut() else { return Ok(()) };
    let active = context.disk.open(path).map_err(write_error(path))?;
    let file = active.file.try_clone().map_err(read_error(path))?;
    let mut scan = Scan::new(file, segment.bytes, segment.first_offset, u64::MAX);
    loop {
        match scan.step().map_err(read_error(path))? {
            Step::Frame { .. } => {}
            Step::Damaged(stretch) => {
                context.set_aside(partition, path, scan.file(), &stretch);
            }
            Step::Torn { position, bytes } => {
                keep_torn(context, partition, path, scan.file(), position, bytes);
                context.disk.truncate(&active, position).map_err(write_error(path))?;
                segment.bytes = position;
                found.torn_bytes = bytes;
            }
            Step::End => break,
        }
    }
    if header_is_damaged {
        let header = SegmentHeader {
            version: FORMAT_VERSION,
            partition,
            first_offset: segment.first_offset,
            created_at: segment.created_at,
        };
        context.disk.write(&active, &header.encode(), 0).map_err(write_error(path))?;
    }
    // Whole frames that nobody acknowledged are kept and shown to readers: now they must be durable.
    context.disk.sync(&active).map_err(write_error(path))?;
    found.end_offset = scan.expected;
    found.active = Some(active);
    Ok(())
}

/// A torn end was never acknowledged, but it could also be damage: its bytes are kept for whoever wants to look.
fn keep_torn(context: &Context, partition: u32, path: &Path, file: &File, position: u64, bytes: u64) {
    let kept = context.copy_aside(partition, path, file, position, bytes);
    metrics::counter!("footfall_log_errors_total", "kind" => "torn").increment(1);
    tracing::warn!(
        partition,
        segment = %path.display(),
        bytes,
        kept_in = %kept.unwrap_or_default().display(),
        "cut a torn end off the log"
    );
}
