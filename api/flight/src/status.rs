//! Refusals as gRPC has them: a status, and the stable code of REST in `footfall-code`.

use footfall_api_sql::Refusal;
use footfall_pipelines_store::query::QueryError;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// The status of a refusal.
pub(crate) fn status(refusal: Refusal) -> Status {
    let (code, name) = match &refusal {
        Refusal::Secret => (Code::Unauthenticated, "token_refused"),
        Refusal::Forbidden(_) => (Code::PermissionDenied, "permission_missing"),
        Refusal::Project(_) => (Code::PermissionDenied, "project_missing"),
        Refusal::Limited => (Code::ResourceExhausted, "rate_limited"),
        Refusal::Busy => (Code::Unavailable, "busy"),
        Refusal::Cancelled => (Code::Cancelled, "cancelled"),
        Refusal::Slow => (Code::Aborted, "slow"),
        Refusal::Internal => (Code::Internal, "internal"),
        Refusal::Query(error) => (code_of(error), error.code()),
    };
    let mut status = Status::new(code, refusal.to_string());
    status.metadata_mut().insert("footfall-code", MetadataValue::from_static(name));
    let position = match &refusal {
        Refusal::Query(error) => error.position(),
        _ => None,
    };
    if let Some(value) = position.and_then(|place| format!("{}:{}", place.line, place.column).parse().ok()) {
        status.metadata_mut().insert("footfall-position", value);
    }
    status
}

fn code_of(error: &QueryError) -> Code {
    match error {
        QueryError::NotReadOnly { .. } => Code::PermissionDenied,
        QueryError::NotSupported { .. } => Code::Unimplemented,
        QueryError::UnknownTable { .. } => Code::NotFound,
        QueryError::TimeLimit { .. } => Code::DeadlineExceeded,
        QueryError::NotTaken => Code::Aborted,
        QueryError::MemoryLimit | QueryError::RowLimit { .. } => Code::ResourceExhausted,
        QueryError::Busy { .. } | QueryError::StoreAway => Code::Unavailable,
        QueryError::Internal => Code::Internal,
        _ => Code::InvalidArgument,
    }
}

/// What would change something.
pub(crate) fn only_reads() -> Status {
    status(Refusal::Query(QueryError::NotReadOnly { statement: "a change".to_owned() }))
}
