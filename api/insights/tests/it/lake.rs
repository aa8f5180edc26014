//! A lake with a few rows: `examples/serve_insights.rs` has the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray, new_null_array};
use arrow::compute::cast;
use footfall_ingest_activity::{Clock, person_id_of};
use footfall_pipelines_store::lake::{Lake, LakeOptions, ProjectSnapshot};
use footfall_pipelines_store::query::Snapshots;
use footfall_pipelines_store::tables::Table;
use footfall_pipelines_store::{Publication, Store, TableRows};

pub struct LakeSnapshots(pub Arc<Lake>);

impl Snapshots for LakeSnapshots {
    fn snapshot(&self, project: &str) -> Option<Arc<ProjectSnapshot>> {
        Some(self.0.snapshot(project))
    }
}

/// Who, what, when, and with which properties.
pub type Line = (String, &'static str, i64, String);

pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Arc<Lake> {
    Lake::open_folder(folder, LakeOptions::default(), clock).expect("a lake")
}

pub async fn publish(lake: &Lake, project: &str, lines: &[Line], offset: u64) {
    let batches = BTreeMap::from([(Table::Activity, activity(project, lines, offset))]);
    let rows = BTreeMap::from([(Arc::from(project), TableRows { batches, person_changes: Vec::new() })]);
    let checkpoint = [(0, offset + lines.len() as u64)].into_iter().collect();
    let publication =
        Publication { rows, checkpoint, records: lines.len() as u64, message_keys: Vec::new(), erasures: 0 };
    lake.publish(publication).await.expect("published");
}

fn activity(project: &str, lines: &[Line], offset: u64) -> RecordBatch {
    let schema = Table::Activity.fresh_schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let texts = |of: &dyn Fn(usize, &Line) -> String| -> ArrayRef {
            let plain = StringArray::from_iter_values(lines.iter().enumerate().map(|(index, line)| of(index, line)));
            cast(&(Arc::new(plain) as ArrayRef), field.data_type()).expect("texts")
        };
        match field.name().as_str() {
            "message_id" => texts(&|index, _| format!("{}", offset + index as u64)),
            "person_id" => texts(&|_, line| person_id_of(project, &line.0).to_string()),
            "distinct_id" => texts(&|_, line| line.0.clone()),
            "event" => texts(&|_, line| line.1.to_owned()),
            "properties" => texts(&|_, line| line.3.clone()),
            "timestamp" | "received_at" => {
                let times = lines.iter().map(|line| line.2);
                Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
            }
            _ if field.is_nullable() => new_null_array(field.data_type(), lines.len()),
            _ => texts(&|_, _| "x".to_owned()),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).expect("rows")
}
