//! NDJSON: a line is an item, or a batch that is taken apart.

use std::io::{self, BufRead};

use super::document;
use super::source::{LINE_BYTES_MAX, Sink};

/// Reads all lines.
pub fn read(file: &mut dyn BufRead, sink: &mut Sink<'_>) -> io::Result<()> {
    let mut line = Vec::new();
    let mut first = true;
    while next_line(file, &mut line, sink)? {
        let mut text = line.trim_ascii();
        if std::mem::take(&mut first) {
            text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        }
        if text.is_empty() {
            continue;
        }
        let more = if is_batch(text) { document::take_apart(text, sink) } else { sink.line(text) };
        if !more {
            return Ok(());
        }
    }
    Ok(())
}

/// Begins like a batch: cheap enough to ask of every line.
fn is_batch(line: &[u8]) -> bool {
    line.starts_with(b"{\"batch\"") || line.starts_with(b"[")
}

/// Reads a line without its end; one that is too long is passed over and counted. False at the end of the file.
fn next_line(file: &mut dyn BufRead, line: &mut Vec<u8>, sink: &mut Sink<'_>) -> io::Result<bool> {
    line.clear();
    let (mut seen, mut too_long) = (false, false);
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        seen = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        too_long |= line.len() + part.len() > LINE_BYTES_MAX;
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        file.consume(used);
        if end.is_some() {
            break;
        }
    }
    if too_long {
        line.clear();
        sink.reject();
    }
    Ok(seen)
}
