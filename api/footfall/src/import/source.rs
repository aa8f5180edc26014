//! Files, read on a thread of their own and handed on as chunks of NDJSON.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::format::{self, FileFormat};
use super::{Progress, csv_rows, document, lines, parquet_rows};
use crate::error::AppError;

/// Items of a chunk at most.
pub const ITEMS_MAX: usize = 1000;
/// A chunk is handed on when it has this many bytes.
pub const CHUNK_BYTES: usize = 1 << 20;
/// A line longer than this is rejected without being kept in memory.
pub const LINE_BYTES_MAX: usize = 8 << 20;

/// Some lines of JSON.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub text: Vec<u8>,
    pub items: usize,
    /// Lines that were too long to be read.
    pub rejected: usize,
}

/// Where readers put lines.
pub struct Sink<'a> {
    chunk: Chunk,
    give: &'a mut dyn FnMut(Chunk) -> bool,
}

impl<'a> Sink<'a> {
    /// A sink that hands chunks to `give`, which says whether it wants more.
    pub fn new(give: &'a mut dyn FnMut(Chunk) -> bool) -> Sink<'a> {
        Sink { chunk: Chunk::default(), give }
    }

    /// Adds a line; false when nobody wants more.
    pub fn line(&mut self, line: &[u8]) -> bool {
        self.chunk.text.extend_from_slice(line);
        self.chunk.text.push(b'\n');
        self.chunk.items += 1;
        let full = self.chunk.items >= ITEMS_MAX || self.chunk.text.len() >= CHUNK_BYTES;
        !full || self.flush()
    }

    /// Counts an item that cannot be read.
    pub fn reject(&mut self) {
        self.chunk.rejected += 1;
    }

    /// Hands on what there is.
    pub fn flush(&mut self) -> bool {
        let chunk = std::mem::take(&mut self.chunk);
        (chunk.items == 0 && chunk.rejected == 0) || (self.give)(chunk)
    }
}

/// The chunks of all files in order.
pub struct Chunks(mpsc::Receiver<Result<Chunk, AppError>>);

impl Chunks {
    /// Starts reading.
    pub fn read(files: Vec<PathBuf>, format: FileFormat, progress: Arc<Progress>) -> Chunks {
        let (sender, receiver) = mpsc::channel(8);
        tokio::task::spawn_blocking(move || {
            for path in files {
                let mut give = |chunk| sender.blocking_send(Ok(chunk)).is_ok();
                if let Err(error) = read_file(&path, format, &progress, &mut give) {
                    drop(sender.blocking_send(Err(error)));
                    return;
                }
            }
        });
        Chunks(receiver)
    }

    /// The next chunk; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Chunk, AppError>> {
        self.0.recv().await
    }
}

/// Reads one file from beginning to end.
pub fn read_file(
    path: &Path,
    said: FileFormat,
    progress: &Arc<Progress>,
    give: &mut dyn FnMut(Chunk) -> bool,
) -> Result<(), AppError> {
    let mut file = format::open(path, progress.clone())?;
    let format = format::detect(path, said, &mut *file).map_err(AppError::file(path))?;
    let mut sink = Sink::new(give);
    match format {
        FileFormat::Parquet => parquet_rows::read(path, file, progress, &mut sink),
        FileFormat::Csv => csv_rows::read(path, file, &mut sink),
        FileFormat::Segment => document::read(path, file, &mut sink),
        _ => lines::read(&mut *file, &mut sink).map_err(AppError::file(path)),
    }?;
    sink.flush();
    Ok(())
}
