//! What a file is: compression by its first bytes, format by its name or its first bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;

use super::Progress;
use crate::error::AppError;

/// Format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Found out by name and content
    Auto,
    /// A JSON document: a Segment batch, or an array
    Segment,
    /// A PostHog export, in whichever of the other formats
    Posthog,
    Csv,
    Parquet,
    Ndjson,
}

const PEEK_BYTES: usize = 64 << 10;

/// A file, unpacked.
pub type Unpacked = Box<dyn BufRead + Send>;

/// Opens a file and undoes its compression; `-` is stdin.
pub fn open(path: &Path, progress: Arc<Progress>) -> Result<Unpacked, AppError> {
    let raw: Box<dyn Read + Send> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(AppError::file(path))?)
    };
    unpack(Box::new(Counted { inner: raw, progress })).map_err(AppError::file(path))
}

fn unpack(raw: Box<dyn Read + Send>) -> io::Result<Unpacked> {
    let mut raw = BufReader::with_capacity(PEEK_BYTES, raw);
    let magic = raw.fill_buf()?;
    if magic.starts_with(b"\x1f\x8b") {
        return Ok(Box::new(BufReader::with_capacity(1 << 20, flate2::bufread::MultiGzDecoder::new(raw))));
    }
    if magic.starts_with(b"\x28\xb5\x2f\xfd") {
        return Ok(Box::new(BufReader::with_capacity(1 << 20, zstd::stream::read::Decoder::with_buffer(raw)?)));
    }
    Ok(Box::new(raw))
}

/// Counts the packed bytes for the progress.
struct Counted {
    inner: Box<dyn Read + Send>,
    progress: Arc<Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.add_bytes(read as u64);
        Ok(read)
    }
}

/// Decides the format of an unpacked file. `Auto` and `Posthog` become one of the others.
pub fn detect(path: &Path, said: FileFormat, file: &mut dyn BufRead) -> io::Result<FileFormat> {
    if !matches!(said, FileFormat::Auto | FileFormat::Posthog) {
        return Ok(said);
    }
    let start = file.fill_buf()?;
    if start.starts_with(b"PAR1") {
        return Ok(FileFormat::Parquet);
    }
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    let is_named_lines = has_extension(path, "ndjson") || has_extension(path, "jsonl");
    Ok(match text.first() {
        Some(b'[') => FileFormat::Segment,
        Some(b'{') if is_one_document(text, is_named_lines) => FileFormat::Segment,
        Some(b'{') | None => FileFormat::Ndjson,
        _ if is_named_lines => FileFormat::Ndjson,
        _ => FileFormat::Csv,
    })
}

/// An object that does not end on its first line, or a batch. In a file of lines the first one may be torn.
fn is_one_document(text: &[u8], is_named_lines: bool) -> bool {
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else {
        return text.get(..4096.min(text.len())).is_some_and(has_batch);
    };
    let line = text.get(..end).unwrap_or_default().trim_ascii_end();
    !line.ends_with(b"}") && !is_named_lines || has_batch(line)
}

fn has_batch(text: &[u8]) -> bool {
    let head = text.get(..4096.min(text.len())).unwrap_or_default();
    head.windows(7).any(|part| part == b"\"batch\"")
        && !head.windows(7).any(|part| part == b"\"event\"" && !after_batch(head))
}

fn after_batch(head: &[u8]) -> bool {
    let place = |word: &[u8]| head.windows(word.len()).position(|part| part == word);
    place(b"\"batch\"") < place(b"\"event\"")
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.to_string_lossy().to_ascii_lowercase().split('.').any(|part| part == extension)
}
