//! `footfall check`: reads the log and the tables, checksums and all, and says whether they are whole.

use std::io;

use crate::config::Settings;
use crate::console::{grouped, say};
use crate::error::AppError;
use crate::operator::Presence;
use crate::wiring;

/// Runs the command; damage is an error.
pub async fn run(settings: Settings) -> Result<(), AppError> {
    if let Some(server) = Presence::find(&settings.data_dir).await {
        return Err(AppError::Usage(format!("the server at {} is running; stop it first", server.base())));
    }
    if !settings.data_dir.exists() {
        return Err(AppError::File(settings.data_dir, io::Error::from(io::ErrorKind::NotFound)));
    }
    let log = footfall_ingest_log::verify(&settings.log.url).await?;
    say(format!("log {}", settings.log.url));
    for part in &log.partitions {
        say(format!(
            "  partition {}: {} records in {} segments, {} bytes, offsets {} to {}",
            part.partition,
            grouped(part.records),
            part.segments,
            grouped(part.bytes),
            part.first_offset,
            part.end_offset
        ));
    }
    if log.torn_bytes > 0 {
        say(format!("  {} bytes of an unfinished write at the end: the next start cuts them", log.torn_bytes));
    }
    log.remarks.iter().for_each(|remark| say(format!("  {remark}")));
    for damage in &log.damages {
        let (from, to) = (damage.from_offset, damage.to_offset);
        say(format!("  DAMAGED partition {} offsets {from} to {to}: {}", damage.partition, damage.detail));
    }
    let Some(lake) = wiring::verify_lake(&settings).await? else {
        say("tables in a database, which checks its files itself");
        if !log.damages.is_empty() {
            return Err(AppError::Damaged);
        }
        say("whole");
        return Ok(());
    };
    say(format!("tables {}", settings.store.url));
    say(format!(
        "  {} files, {} rows, {} activities, {} message ids, {} files to be cleared away",
        lake.files,
        grouped(lake.rows),
        grouped(lake.activities),
        grouped(lake.message_keys),
        lake.orphans
    ));
    lake.problems.iter().for_each(|problem| say(format!("  DAMAGED {problem}")));
    let faults = log.damages.len() + lake.problems.len();
    if faults > 0 {
        say(format!("{faults} faults"));
        return Err(AppError::Damaged);
    }
    say("whole");
    Ok(())
}
