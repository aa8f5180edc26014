//! The one place that chooses a log backend, by URL.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use footfall_ingest_activity::{Checkpoint, Timestamp};

use crate::file::FileLog;
#[cfg(feature = "kafka")]
use crate::kafka::KafkaLog;
use crate::{ActivityLog, LogError, LogOptions, Timeline, VerifyReport};

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

/// The offset after the last record of a segment file of a log that is not open, or of a copy of one; 0 if it has none. A longer file
/// need not have more: whoever takes records out makes it shorter.
///
/// # Errors
/// `Read`, when the file cannot be read.
pub fn segment_end(path: &Path) -> Result<u64, LogError> {
    FileLog::segment_end(path)
}

/// The timeline of a log in files, as its `meta.json` says it, or a copy of that, whatever its name; `None` when there is no such file.
///
/// # Errors
/// `Incompatible`, when it is of another format or damaged; `Read`.
pub fn timeline_of(meta: &Path) -> Result<Option<Timeline>, LogError> {
    FileLog::timeline_of(meta)
}

/// Writes down what timeline the log in `folder` is of from now on. It must not be open.
///
/// # Errors
/// `InUse`, `Incompatible` when there is no log, `Read`, `Write`, `DiskFull`.
pub fn set_timeline(folder: &Path, timeline: Timeline) -> Result<(), LogError> {
    FileLog::set_timeline(folder, timeline)
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
