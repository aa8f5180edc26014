//! The table `audit`: what was done in the project's organisation, for those who may read it.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use footfall_api_access::{Access, AuditRecord};
use footfall_pipelines_store::query::ExtraTable;

/// Records read at a time.
const PAGE: i64 = 1_000;
/// A longer audit is for `footfall audit export`.
const RECORDS_MAX: usize = 200_000;

type Read = fn(&AuditRecord) -> &str;

/// The columns of text, with what each is.
pub const AUDIT_TEXTS: &[(&str, &str, Read)] = &[
    ("actor_kind", "account, key, operator, system or anonymous.", |record| &record.actor_kind),
    ("actor", "Id of who did it.", |record| &record.actor),
    ("action", "What was done, as key.create.", |record| &record.action),
    ("outcome", "done or refused.", |record| &record.outcome),
    ("object_kind", "What it was done to.", |record| &record.object_kind),
    ("object", "Its id.", |record| &record.object),
    ("project_id", "The project, where it was about one.", |record| &record.project_id),
    ("address", "Where the request came from.", |record| &record.address),
    ("device", "The user agent.", |record| &record.device),
    ("request_id", "The id of the request.", |record| &record.request_id),
    ("before_state", "What it was before, as JSON.", |record| &record.before_state),
    ("after_state", "What it was after, as JSON.", |record| &record.after_state),
    ("hash", "The record's link in the chain.", |record| &record.hash),
];

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let first = [Field::new("sequence", DataType::Int64, false), Field::new("at", time, false)];
    let texts = AUDIT_TEXTS.iter().map(|(name, ..)| Field::new(*name, DataType::Utf8View, false));
    Arc::new(Schema::new(first.into_iter().chain(texts).collect::<Vec<_>>()))
});

/// The audit of one organisation; of all of them for the operator.
pub struct AuditTable {
    pub access: Access,
    pub organisation: Option<Arc<str>>,
}

impl fmt::Debug for AuditTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditTable")
    }
}

#[async_trait]
impl ExtraTable for AuditTable {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn schema(&self) -> SchemaRef {
        SCHEMA.clone()
    }

    async fn rows(&self) -> Result<Vec<RecordBatch>, String> {
        let (mut batches, mut after, mut read) = (Vec::new(), i64::MIN, 0);
        loop {
            let page = self.access.audit_after(self.organisation.as_deref(), after, PAGE).await.map_err(|error| {
                tracing::error!(%error, "the audit cannot be read");
                "the audit cannot be read at the moment".to_owned()
            })?;
            let Some(last) = page.last().map(|record| record.sequence) else { return Ok(batches) };
            (after, read) = (last, read + page.len());
            if read > RECORDS_MAX {
                return Err(format!("the audit has more than {RECORDS_MAX} records: use footfall audit export"));
            }
            batches.push(batch(&page).map_err(|error| error.to_string())?);
        }
    }
}

fn batch(records: &[AuditRecord]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let sequence: ArrayRef = Arc::new(Int64Array::from_iter_values(records.iter().map(|record| record.sequence)));
    let at = TimestampMillisecondArray::from_iter_values(records.iter().map(|record| record.at.millis()));
    let at: ArrayRef = Arc::new(at.with_timezone("UTC"));
    let texts = AUDIT_TEXTS
        .iter()
        .map(|(_, _, read)| -> ArrayRef { Arc::new(StringViewArray::from_iter_values(records.iter().map(read))) });
    RecordBatch::try_new(SCHEMA.clone(), [sequence, at].into_iter().chain(texts).collect())
}
