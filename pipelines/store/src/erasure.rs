//! How far the forgetting of a person is.

use footfall_ingest_activity::{Erasure, Timestamp};
use serde::{Deserialize, Serialize};

/// An erasure and its steps, each with the time at which it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRecord {
    #[serde(flatten)]
    pub erasure: Erasure,
    /// No answer shows the person from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_at: Option<Timestamp>,
    /// All files that had its rows are replaced; the old ones wait for their readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewritten_at: Option<Timestamp>,
    /// No file of the tables has its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_at: Option<Timestamp>,
    /// No segment of the log has its records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_at: Option<Timestamp>,
}

impl ErasureRecord {
    /// Asked for, and nothing done yet.
    pub fn new(erasure: Erasure) -> ErasureRecord {
        ErasureRecord { erasure, hidden_at: None, rewritten_at: None, files_at: None, log_at: None }
    }

    /// When the last step was done.
    pub fn done_at(&self) -> Option<Timestamp> {
        Some(self.files_at?.max(self.log_at?))
    }

    /// The list of an installation: lines of JSON, one for each step; of an id the last one counts. The end of a line that
    /// somebody who was killed did not finish is left out.
    ///
    /// # Errors
    /// Which line is none of such a list.
    pub fn of_lines(text: &str) -> Result<Vec<ErasureRecord>, String> {
        let (mut records, whole) = ErasureRecord::of_whole_lines(text)?;
        let rest = text.get(whole..).unwrap_or_default().trim();
        match serde_json::from_str(rest) {
            Ok(last) => put(&mut records, last),
            Err(_) if rest.is_empty() || rest.starts_with('{') => {}
            Err(error) => return Err(format!("the last line: {error}")),
        }
        Ok(records)
    }

    /// Those of lines that end, and how many bytes they are.
    pub(crate) fn of_whole_lines(text: &str) -> Result<(Vec<ErasureRecord>, usize), String> {
        let (mut records, mut whole) = (Vec::new(), 0);
        for (place, line) in text.split_inclusive('\n').take_while(|line| line.ends_with('\n')).enumerate() {
            match serde_json::from_str(line) {
                Ok(record) => put(&mut records, record),
                Err(_) if line.trim().is_empty() => {}
                Err(error) => return Err(format!("line {}: {error}", place + 1)),
            }
            whole += line.len();
        }
        Ok((records, whole))
    }

    /// The list as lines.
    ///
    /// # Errors
    /// Never, as far as is known.
    pub fn to_lines(records: &[ErasureRecord]) -> Result<String, serde_json::Error> {
        let lines = records.iter().map(|record| serde_json::to_string(record).map(|line| line + "\n"));
        lines.collect()
    }
}

/// Takes a step in: what is said last of an erasure counts, and it stays where it was in the list.
pub(crate) fn put(records: &mut Vec<ErasureRecord>, record: ErasureRecord) {
    match records.iter_mut().find(|known| known.erasure.id == record.erasure.id) {
        Some(known) => *known = record,
        None => records.push(record),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn record(id: u128) -> ErasureRecord {
        let (project, at) = ("p".into(), Timestamp::from_millis(7));
        let persons = [Uuid::from_u128(9)].into();
        ErasureRecord::new(Erasure { id: Uuid::from_u128(id), project, person: Uuid::nil(), persons, at })
    }

    #[test]
    fn the_last_line_of_an_erasure_counts_and_half_a_line_does_not() {
        let hidden = ErasureRecord { hidden_at: Some(Timestamp::from_millis(8)), ..record(1) };
        let whole = ErasureRecord::to_lines(&[record(1), record(2), hidden.clone()]).unwrap();
        let (records, bytes) = ErasureRecord::of_whole_lines(&format!("{whole}{{\"id\":")).unwrap();
        assert_eq!((records, bytes), (vec![hidden, record(2)], whole.len()));
        assert_eq!(ErasureRecord::of_lines("").unwrap(), []);
        // Nobody was told of what has no end, as far as the file of a store goes; a list that somebody gives may.
        assert_eq!(ErasureRecord::of_whole_lines(whole.trim_end()).unwrap().0.len(), 2);
        assert_eq!(ErasureRecord::of_lines(whole.trim_end()).unwrap().len(), 2);
        assert_eq!(ErasureRecord::of_lines(&format!("\n{whole}\n")).unwrap().len(), 2, "of files joined by hand");
        assert!(ErasureRecord::of_lines("no list").is_err());
        let error = ErasureRecord::of_lines(&format!("{whole}no list\n{whole}")).unwrap_err();
        assert!(error.starts_with("line 4: "), "{error}");
    }
}
