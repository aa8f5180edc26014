//! Runs of fresh rows: a batch is taken in once, however often the project is looked at while it stays fresh.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use footfall_pipelines_insights::projection::{Dictionaries, Rows, Run, join};
use footfall_pipelines_store::lake::fresh_columns;
use footfall_pipelines_store::tables::Table;

use crate::error::AskError;
use crate::intake::Intake;

/// Runs for the fresh batches, in their order.
#[derive(Default)]
pub(crate) struct FreshRuns {
    parts: Vec<Part>,
}

/// A run of some batches that follow each other. They are held, so that their addresses name them.
struct Part {
    batches: Vec<RecordBatch>,
    run: Arc<Run>,
}

/// Batches are immutable and shared: the same one lies in the same place.
fn is_same(a: &RecordBatch, b: &RecordBatch) -> bool {
    let (a, b) = (a.columns().first(), b.columns().first());
    a.zip(b).is_some_and(|(a, b)| std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b)) && a.len() == b.len())
}

impl FreshRuns {
    pub fn runs(&self) -> impl Iterator<Item = &Arc<Run>> {
        self.parts.iter().map(|part| &part.run)
    }

    /// Becomes the runs of these batches; whether anything changed.
    pub fn follow(&mut self, batches: &[RecordBatch], intake: &mut Intake<'_>) -> Result<bool, AskError> {
        let mut old = std::mem::take(&mut self.parts);
        let before = old.len();
        let (mut at, mut changed) = (0, false);
        let mut loose: Vec<RecordBatch> = Vec::new();
        while at < batches.len() {
            let fits = |part: &Part| {
                let here = batches.get(at..at + part.batches.len());
                here.is_some_and(|here| here.iter().zip(&part.batches).all(|(a, b)| is_same(a, b)))
            };
            match old.iter().position(fits) {
                Some(index) => {
                    self.seal(&mut loose, intake)?;
                    let part = old.remove(index);
                    at += part.batches.len();
                    self.parts.push(part);
                }
                None => {
                    changed = true;
                    loose.push(batches[at].clone());
                    at += 1;
                }
            }
        }
        self.seal(&mut loose, intake)?;
        changed |= !old.is_empty() || (before > 0 && self.parts.is_empty());
        self.join_small(intake.dictionaries)?;
        Ok(changed)
    }

    fn seal(&mut self, loose: &mut Vec<RecordBatch>, intake: &mut Intake<'_>) -> Result<(), AskError> {
        if loose.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(intake.dictionaries);
        for batch in loose.iter() {
            let read = fresh_columns(Table::Activity, batch, intake.plan.columns(), intake.plan.properties())?;
            intake.take(&read, &mut rows)?;
        }
        let run = Arc::new(rows.into_run(intake.dictionaries)?);
        self.parts.push(Part { batches: std::mem::take(loose), run });
        Ok(())
    }

    /// The last parts are joined while the one before is not much larger, so that there are few.
    fn join_small(&mut self, dictionaries: &Arc<Dictionaries>) -> Result<(), AskError> {
        while let [.., before, last] = self.parts.as_slice()
            && before.run.rows() < last.run.rows() * 3
        {
            let run = Arc::new(join(dictionaries, vec![before.run.clone(), last.run.clone()])?);
            let batches = before.batches.iter().chain(&last.batches).cloned().collect();
            self.parts.truncate(self.parts.len() - 2);
            self.parts.push(Part { batches, run });
        }
        Ok(())
    }
}
