//! A JSON document: an array of items, or a batch with its items and what holds for all of them.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::source::Sink;
use crate::error::AppError;

/// A document is read whole: this much at most. Longer exports come as NDJSON.
const DOCUMENT_BYTES_MAX: u64 = 512 << 20;

/// A context, its values as they are written.
type Members<'a> = BTreeMap<String, &'a RawValue>;

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    batch: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    context: Option<Members<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    context: Option<Members<'a>>,
}

/// Reads a whole file as one document.
pub fn read(path: &Path, file: Box<dyn BufRead + Send>, sink: &mut Sink<'_>) -> Result<(), AppError> {
    let mut text = Vec::new();
    file.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut text).map_err(AppError::file(path))?;
    if text.len() as u64 > DOCUMENT_BYTES_MAX {
        let advice = "a JSON document of this size must be split, or written as one item a line";
        return Err(AppError::Input(path.display().to_string(), advice.to_owned()));
    }
    let mut text = &*text;
    text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    // Several documents may follow each other.
    let mut documents = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    for document in &mut documents {
        match document {
            Ok(document) => {
                if !take_apart(document.get().as_bytes(), sink) {
                    return Ok(());
                }
            }
            Err(error) => return Err(AppError::Input(path.display().to_string(), format!("not JSON: {error}"))),
        }
    }
    Ok(())
}

/// Hands on the items of an array or a batch; anything else is an item itself. False when nobody wants more.
pub fn take_apart(text: &[u8], sink: &mut Sink<'_>) -> bool {
    if let Ok(items) = serde_json::from_slice::<Vec<&RawValue>>(text) {
        return items.iter().all(|item| sink.line(&one_line(item.get())));
    }
    match serde_json::from_slice::<Batch<'_>>(text) {
        Ok(Batch { batch, context: None }) => batch.iter().all(|item| sink.line(&one_line(item.get()))),
        Ok(Batch { batch, context: Some(outer) }) => batch
            .iter()
            .all(|item| sink.line(&with_context(item.get(), &outer).unwrap_or_else(|| one_line(item.get())))),
        Err(_) => sink.line(&one_line(&String::from_utf8_lossy(text))),
    }
}

/// JSON has line ends between its tokens alone.
fn one_line(json: &str) -> Vec<u8> {
    json.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }).collect()
}

/// The item's own context wins over that of the batch. All else of it stays as it is written.
fn with_context(item: &str, outer: &Members<'_>) -> Option<Vec<u8>> {
    let own = serde_json::from_str::<Item<'_>>(item).ok()?.context;
    let mut context = outer.clone();
    context.extend(own.unwrap_or_default());
    let context = serde_json::to_string(&context).ok()?;
    // Of two members of one name the last counts.
    let rest = item.trim_end().strip_suffix('}')?;
    let comma = if rest.trim() == "{" { "" } else { "," };
    Some(one_line(&format!("{rest}{comma}\"context\":{context}}}")))
}
