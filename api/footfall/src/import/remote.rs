//! Import through the running server.

use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use serde::Deserialize;

use super::source::{Chunk, Chunks};
use super::{Account, Progress, Sent};
use crate::client::{Call, Client};
use crate::error::AppError;

/// Requests under way at a time.
const IN_FLIGHT: usize = 3;
/// Times that the account is asked for without any change before it is given as it is.
const UNCHANGED_MAX: u32 = 1200;

#[derive(Deserialize)]
struct Answer {
    accepted: u64,
    quarantined: u64,
    rejected: u64,
}

/// Sends all chunks, and returns when queries see them.
pub async fn import(server: &Client, import: &str, chunks: Chunks, progress: &Progress) -> Result<Account, AppError> {
    let path = format!("/v1/activity?import={import}");
    let answers = stream::unfold(chunks, |mut chunks| async move { Some((chunks.next().await?, chunks)) })
        .map(|chunk| async { send(server, &path, chunk?).await });
    let mut answers = std::pin::pin!(answers.buffered(IN_FLIGHT));
    let mut sent = Sent::default();
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        sent.kept += answer.accepted + answer.quarantined;
        sent.rejected += answer.rejected;
        progress.add_items(answer.accepted + answer.quarantined + answer.rejected);
    }
    settle(server, import, sent).await
}

async fn send(server: &Client, path: &str, chunk: Chunk) -> Result<Answer, AppError> {
    let too_long = chunk.rejected as u64;
    if chunk.items == 0 {
        return Ok(Answer { accepted: 0, quarantined: 0, rejected: too_long });
    }
    let items = chunk.items as u64;
    let call = Call::post(path, "application/x-ndjson", chunk.text);
    let answer: Answer = match server.json(&call).await {
        // A body of which nothing can be read.
        Err(AppError::Server(_, detail)) if detail.starts_with("answered 400") => {
            Answer { accepted: 0, quarantined: 0, rejected: items }
        }
        answer => answer?,
    };
    Ok(Answer { rejected: answer.rejected + too_long, ..answer })
}

async fn settle(server: &Client, import: &str, sent: Sent) -> Result<Account, AppError> {
    let path = format!("/v1/operator/imports/{import}");
    let (mut last, mut unchanged) = (Account::default(), 0);
    loop {
        let account: Account = server.json(&Call::get(&path)).await?;
        unchanged = if account == last { unchanged + 1 } else { 0 };
        last = account;
        if account.covers(sent) || unchanged > UNCHANGED_MAX {
            return Ok(Account { rejected: sent.rejected, ..account });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
