//! `footfall erasures`: who is forgotten, as a list that is kept apart from the installation. A backup that is restored forgets them
//! again (docs/operations.md).

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use footfall_ingest_activity::Clock;
use footfall_pipelines_store::lake::read_erasures;
use footfall_pipelines_store::{ErasureRecord, StoreError};
use uuid::Uuid;

use crate::backup::private_file;
use crate::config::Settings;
use crate::console::{grouped, note, say};
use crate::error::AppError;
use crate::wiring;

/// Where the list goes.
#[derive(Debug, clap::Args)]
pub struct ErasuresArgs {
    /// File to write, or to replace; else stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command, while the server runs or not.
pub async fn run(arguments: ErasuresArgs, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let records = of(&settings, clock).await?;
    let text = ErasureRecord::to_lines(&records).map_err(|error| AppError::Internal(error.to_string()))?;
    let Some(path) = arguments.output else {
        text.lines().for_each(say);
        return Ok(());
    };
    // Whoever kills it leaves the list of before.
    let mut draft = path.clone().into_os_string();
    draft.push(".next");
    let draft = PathBuf::from(draft);
    let written =
        private_file(&draft).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(AppError::file(&draft))?;
    fs::rename(&draft, &path).map_err(AppError::file(&path))?;
    note(format!("{} erasures in {}", grouped(records.len() as u64), path.display()));
    Ok(())
}

/// Who is forgotten in the installation that the settings name; nothing is changed there.
pub async fn of(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Vec<ErasureRecord>, AppError> {
    if let Some(root) = wiring::lake_folder(settings) {
        return Ok(wiring::blocking(move || read_erasures(&root)).await??);
    }
    let tables = wiring::open_still(settings, clock).await?;
    let records = tables.store().erasure_records();
    wiring::blocking(move || tables.close()).await?;
    Ok(records)
}

/// Of an installation that goes on while its copy is moved: whom the target does not know to be forgotten.
pub struct Forgetting<'a> {
    from: &'a Settings,
    to: &'a Settings,
    clock: Arc<dyn Clock>,
    known: BTreeSet<Uuid>,
    told: u64,
}

impl<'a> Forgetting<'a> {
    /// What is known in the copy is known in the target.
    pub async fn since(
        copied: &Settings,
        from: &'a Settings,
        to: &'a Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Forgetting<'a>, AppError> {
        let known = of(copied, clock.clone()).await?.iter().map(|record| record.erasure.id).collect();
        Ok(Forgetting { from, to, clock, known, told: 0 })
    }

    /// Has the target forget whom the source has forgotten since the last look; it ends when no answer of the target has them.
    ///
    /// What was read of the log before is appended after it, so that who comes again in it is somebody new in the target too.
    pub async fn look(&mut self) -> Result<(), AppError> {
        let mut new = of(self.from, self.clock.clone()).await?;
        new.retain(|record| !self.known.contains(&record.erasure.id));
        if new.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = new.iter().map(|record| record.erasure.id).collect();
        // Whoever fills the tables of the target goes on doing it.
        let tables = match wiring::open_tables(self.to, self.clock.clone()).await {
            Err(AppError::Store(StoreError::InUse { .. })) => {
                let persons =
                    new.iter().map(|record| format!("{} of {}", record.erasure.person, record.erasure.project));
                let persons = persons.collect::<Vec<_>>().join(", ");
                note(format!("the tables of the target are one process's alone: have it forget {persons}"));
                self.known.extend(ids);
                return Ok(());
            }
            opened => opened?,
        };
        let learned = tables.store().learn_erasures(new).await;
        wiring::blocking(move || tables.close()).await?;
        learned?;
        self.told += ids.len() as u64;
        self.known.extend(ids);
        Ok(())
    }

    /// How many there were.
    pub fn told(&self) -> u64 {
        self.told
    }
}
