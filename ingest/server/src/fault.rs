//! Why a request as a whole is not taken, and what every client is told of it in common.

use footfall_ingest_log::LogError;

use crate::envelope::BodyFault;

/// A request that is not taken. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Body(#[from] BodyFault),
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("the context of the batch, written into each of its items, is larger than {bytes_max} bytes")]
    CopiesTooLarge { bytes_max: usize },
    #[error("the content encoding is none of gzip, deflate, br, zstd")]
    EncodingUnknown,
    #[error("the content type must be application/json")]
    MediaType,
    #[error("the write key is missing")]
    KeyMissing,
    #[error("the write key is unknown or revoked")]
    KeyUnknown,
    #[error("the body did not arrive in time")]
    Slow,
    #[error("the connection broke while the body was read")]
    Disconnected,
    #[error("the server is busy")]
    Busy,
    #[error("the tables are behind; come again soon")]
    Behind,
    #[error("the log does not take the activity now")]
    Log(#[from] LogError),
    #[error("the request could not be processed")]
    Internal,
}

impl Fault {
    /// The stable code, in answers and in metrics.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Fault::Body(fault) => fault.code(),
            Fault::TooLarge { .. } | Fault::CopiesTooLarge { .. } => "body_too_large",
            Fault::EncodingUnknown => "encoding_unknown",
            Fault::MediaType => "media_type_unknown",
            Fault::KeyMissing => "key_missing",
            Fault::KeyUnknown => "key_unknown",
            Fault::Slow => "body_timeout",
            Fault::Disconnected => "body_incomplete",
            Fault::Busy => "busy",
            Fault::Behind => "behind",
            Fault::Log(LogError::DiskFull) => "disk_full",
            Fault::Log(_) => "log_unavailable",
            Fault::Internal => "internal",
        }
    }

    /// Status by the plain meaning of HTTP; dialects differ from it where their clients do.
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Fault::Body(BodyFault::MixedKeys | BodyFault::PersonalKey) | Fault::KeyMissing | Fault::KeyUnknown => 401,
            Fault::Body(_) | Fault::Disconnected => 400,
            Fault::TooLarge { .. } | Fault::CopiesTooLarge { .. } => 413,
            Fault::EncodingUnknown | Fault::MediaType => 415,
            Fault::Slow => 408,
            Fault::Busy | Fault::Behind | Fault::Log(_) => 503,
            Fault::Internal => 500,
        }
    }

    /// Seconds after which the client may try again.
    pub(crate) const fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Fault::Log(LogError::DiskFull) => Some(5),
            Fault::Busy | Fault::Behind | Fault::Log(_) => Some(1),
            _ => None,
        }
    }
}
