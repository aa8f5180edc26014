//! Idempotency keys and their answers in the database: a restart forgets none, and all processes know the same.

use async_trait::async_trait;
use axum::body::Bytes;
use footfall_api_access::{Database, DatabaseError, Row, statement};
use footfall_api_http::idempotency::{
    Begun, Fingerprint, IdempotencyError, IdempotencyStore, Keeping, Recorded, Scope, Ticket,
};
use footfall_ingest_activity::Timestamp;
use http::{HeaderName, HeaderValue, StatusCode};

use super::hex;

/// Keys of all processes of one database. Runs out by itself; `Access::prune` removes the rows.
#[derive(Clone)]
pub struct DatabaseIdempotency {
    database: Database,
    keeping: Keeping,
}

impl DatabaseIdempotency {
    /// `database` is migrated: that of an open `Access`.
    pub fn new(database: Database, keeping: Keeping) -> DatabaseIdempotency {
        DatabaseIdempotency { database, keeping }
    }
}

/// A row that has run out is as good as none. One statement decides which of several is first.
const BEGIN: &str = "INSERT INTO idempotency_keys (scope, fingerprint, ticket, ends_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (scope) DO UPDATE SET fingerprint = excluded.fingerprint, ticket = excluded.ticket,
        ends_at = excluded.ends_at, status = NULL, headers = NULL, body = NULL
    WHERE idempotency_keys.ends_at <= $5
    RETURNING ticket";
const FIND: &str = "SELECT fingerprint, status, headers, body FROM idempotency_keys WHERE scope = $1";
const FINISH: &str = "UPDATE idempotency_keys SET status = $1, headers = $2, body = $3, ends_at = $4
    WHERE scope = $5 AND ticket = $6 AND status IS NULL";
const RELEASE: &str = "DELETE FROM idempotency_keys WHERE scope = $1 AND ticket = $2 AND status IS NULL";

/// Between a refused `BEGIN` and `FIND` the row may be released: then it is this one's turn after all.
const ROUNDS: usize = 8;

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> IdempotencyError {
    IdempotencyError(error.into())
}

fn broken(error: DatabaseError) -> IdempotencyError {
    failed(error)
}

fn after(now: Timestamp, span: std::time::Duration) -> Timestamp {
    now.plus_millis(i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 4))
}

/// Random, so that a ticket whose row was released and made anew is not taken for its successor's.
fn new_ticket() -> Result<Ticket, IdempotencyError> {
    Ok(Ticket(getrandom::u64().map_err(|error| failed(error.to_string()))? >> 1))
}

fn signed(ticket: Ticket) -> i64 {
    i64::try_from(ticket.0).unwrap_or(i64::MAX)
}

#[async_trait]
impl IdempotencyStore for DatabaseIdempotency {
    async fn begin(&self, scope: Scope, fingerprint: Fingerprint, now: Timestamp) -> Result<Begun, IdempotencyError> {
        let (scope, print) = (hex(&scope.0), hex(&fingerprint.0));
        for _ in 0..ROUNDS {
            let ticket = new_ticket()?;
            let begin = statement(BEGIN).bind(&scope).bind(&print).bind(signed(ticket));
            let begin = begin.bind(after(now, self.keeping.lease)).bind(now);
            if self.database.write_one(begin).await.map_err(broken)?.is_some() {
                return Ok(Begun::Fresh(ticket));
            }
            if let Some(row) = self.database.read_one(statement(FIND).bind(&scope)).await.map_err(broken)? {
                return known(&row, &print);
            }
        }
        Err(failed("the key is taken and released again and again"))
    }

    async fn finish(
        &self,
        scope: Scope,
        ticket: Ticket,
        answer: Recorded,
        now: Timestamp,
    ) -> Result<(), IdempotencyError> {
        let headers: Vec<(&str, &str)> = answer
            .headers
            .iter()
            .map(|(name, value)| Ok((name.as_str(), value.to_str().map_err(failed)?)))
            .collect::<Result<_, IdempotencyError>>()?;
        let headers = serde_json::to_string(&headers).map_err(failed)?;
        let finish = statement(FINISH).bind(i64::from(answer.status.as_u16())).bind(headers).bind(hex(&answer.body));
        let finish = finish.bind(after(now, self.keeping.answer)).bind(hex(&scope.0)).bind(signed(ticket));
        self.database.execute(finish).await.map(drop).map_err(broken)
    }

    async fn release(&self, scope: Scope, ticket: Ticket) -> Result<(), IdempotencyError> {
        let release = statement(RELEASE).bind(hex(&scope.0)).bind(signed(ticket));
        self.database.execute(release).await.map(drop).map_err(broken)
    }
}

fn known(row: &Row, fingerprint: &str) -> Result<Begun, IdempotencyError> {
    if row.get::<String>("fingerprint").map_err(broken)? != fingerprint {
        return Ok(Begun::Differs);
    }
    let Some(status) = row.get::<Option<i64>>("status").map_err(broken)? else { return Ok(Begun::Running) };
    let text = |column| row.get::<Option<String>>(column).map(Option::unwrap_or_default).map_err(broken);
    let headers: Vec<(String, String)> = serde_json::from_str(&text("headers")?).map_err(failed)?;
    let header = |(name, value): &(String, String)| -> Result<(HeaderName, HeaderValue), IdempotencyError> {
        Ok((name.parse().map_err(failed)?, value.parse().map_err(failed)?))
    };
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    Ok(Begun::Done(Recorded {
        status: status.ok_or_else(|| failed("a recorded status is none"))?,
        headers: headers.iter().map(header).collect::<Result<_, _>>()?,
        body: from_hex(&text("body")?).ok_or_else(|| failed("a recorded body is damaged"))?,
    }))
}

fn from_hex(text: &str) -> Option<Bytes> {
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?);
    text.as_bytes().chunks(2).map(pair).collect::<Option<Vec<u8>>>().map(Bytes::from)
}
