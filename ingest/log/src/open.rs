//! The one place that chooses a log backend, by URL.

use std::path::PathBuf;
use std::sync::Arc;

use footfall_ingest_activity::{Checkpoint, Timestamp};

use crate::file::FileLog;
#[cfg(feature = "kafka")]
use crate::kafka::KafkaLog;
use crate::{ActivityLog, LogError, LogOptions, VerifyReport};

/// Opens the log that `url` names: `file:PATH` (relative or absolute; `file:///PATH` is the same), or
/// `kafka://HOST:PORT[,…]/TOPIC[?replication=3&min_insync=2]`.
///
/// # Errors
/// `UnknownUrl`, `InUse`, `Incompatible`, `Kafka`, or `Read`/`Write` when the folder cannot be prepared.
pub async fn open(url: &str, options: LogOptions) -> Result<Arc<dyn ActivityLog>, LogError> {
    match url.split_once(':') {
        Some(("file", path)) => Ok(Arc::new(FileLog::open(path_of(path), options).await?)),
        #[cfg(feature = "kafka")]
        Some(("kafka", rest)) => Ok(Arc::new(KafkaLog::open(rest, options).await?)),
        _ => Err(LogError::UnknownUrl { url: url.to_owned() }),
    }
}

/// Cuts the log in a folder, which must not be open, behind what was appended at `until` or before, as if it had ended then.
/// The offsets at which it ends now.
pub async fn cut(folder: PathBuf, until: Timestamp) -> Result<Checkpoint, LogError> {
    FileLog::cut(folder, until).await
}

/// Reads the whole log that `url` names, checksums and all, and changes nothing. It must not be open.
pub async fn verify(url: &str) -> Result<VerifyReport, LogError> {
    match url.split_once(':') {
        Some(("file", path)) => FileLog::verify(path_of(path)).await,
        Some(("kafka", _)) => {
            let remark = "kept by the brokers of Kafka, which check it themselves".to_owned();
            Ok(VerifyReport { remarks: vec![remark], ..VerifyReport::default() })
        }
        _ => Err(LogError::UnknownUrl { url: url.to_owned() }),
    }
}

fn path_of(rest: &str) -> PathBuf {
    PathBuf::from(rest.strip_prefix("//").unwrap_or(rest))
}
