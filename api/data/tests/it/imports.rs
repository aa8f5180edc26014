//! Several processes account for one import, and each reads what the others have.

use std::sync::Arc;

use footfall_api_access::Access;
use footfall_api_data::{ImportCounts, ImportLedger};
use footfall_ingest_activity::Clock;

use crate::gear::open;
use crate::stage::Stage;

on_both!(what_processes_count_of_an_import_is_one_account);

async fn ledger(stage: &Stage, access: &Access, writer: &str) -> ImportLedger {
    let clock: Arc<dyn Clock> = stage.clock.clone();
    ImportLedger::open(access.clone(), clock, writer.to_owned()).await.expect("migrated")
}

fn counts(stored: u64, duplicate: u64) -> ImportCounts {
    ImportCounts { stored, duplicate, quarantined: 1, erased: 2 }
}

mod scenes {
    use super::*;

    pub async fn what_processes_count_of_an_import_is_one_account(stage: &Stage) {
        let access = open(stage).await;
        let [one, other, reader] = [
            ledger(stage, &access, "one").await,
            ledger(stage, &access, "other").await,
            ledger(stage, &access, "reader").await,
        ];
        assert_eq!(reader.of_others("a").await.unwrap(), ImportCounts::default());
        one.note(&[("a".to_owned(), counts(10, 0)), ("b".to_owned(), counts(1, 1))]).await.unwrap();
        // What is written again stands in the place of what was there.
        one.note(&[("a".to_owned(), counts(15, 5))]).await.unwrap();
        other.note(&[("a".to_owned(), counts(100, 7))]).await.unwrap();
        let both = ImportCounts { stored: 115, duplicate: 12, quarantined: 2, erased: 4 };
        assert_eq!(reader.of_others("a").await.unwrap(), both);
        assert_eq!(one.of_others("a").await.unwrap(), counts(100, 7));
        assert_eq!(reader.of_others("b").await.unwrap(), counts(1, 1));
        // Nobody asks for it any more.
        stage.pass(8 * 24 * 60 * 60 * 1000);
        one.note(&[("c".to_owned(), counts(1, 0))]).await.unwrap();
        assert_eq!(reader.of_others("a").await.unwrap(), ImportCounts::default());
    }
}
