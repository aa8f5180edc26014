//! The seam: transactions, what must happen once, migrations from empty and filled, and refusals.

use footfall_api_access::{Database, DatabaseError, Migration, statement};

on_both!(
    values_come_back,
    a_dropped_transaction_leaves_nothing,
    one_of_many_wins,
    counting_in_parallel_loses_nothing,
    breaches_have_their_names,
    migrates_from_empty_and_filled,
    migrates_once_when_many_start,
    refuses_a_newer_database,
    refuses_an_edited_migration,
    a_failing_migration_changes_nothing,
    one_leads_and_another_follows_it,
    a_transfer_is_of_one_moment,
    who_stands_still_in_a_transaction_holds_nobody_up_for_long,
);

const FIRST: Migration = Migration {
    version: 1,
    name: "things",
    both: "CREATE TABLE things (id TEXT PRIMARY KEY, count BIGINT NOT NULL, note TEXT, spent_at BIGINT);
           CREATE TABLE parts (id TEXT PRIMARY KEY, thing_id TEXT NOT NULL REFERENCES things (id));",
    sqlite: "",
    postgres: "",
};
const SECOND: Migration = Migration {
    version: 2,
    name: "colour",
    both: "ALTER TABLE things ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';
           UPDATE things SET colour = 'red' WHERE count > 5;",
    sqlite: "CREATE TABLE spoken (dialect TEXT); INSERT INTO spoken VALUES ('sqlite');",
    postgres: "CREATE TABLE spoken (dialect TEXT); INSERT INTO spoken VALUES ('postgres');",
};
const BROKEN: Migration = Migration {
    version: 2,
    name: "broken",
    both: "CREATE TABLE half (id TEXT); INSERT INTO nowhere VALUES (1);",
    sqlite: "",
    postgres: "",
};

async fn add(database: &Database, id: &str, count: i64) {
    let insert = statement("INSERT INTO things (id, count) VALUES ($1, $2)").bind(id).bind(count);
    database.execute(insert).await.expect("inserted");
}

async fn count(database: &Database) -> i64 {
    let row = database.read_one(statement("SELECT COUNT(*) AS rows FROM things")).await.expect("counted");
    row.expect("a row").get("rows").expect("a number")
}

mod scenes {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use super::*;
    use crate::stage::Stage;

    pub async fn values_come_back(stage: &Stage) {
        let database = stage.open().await;
        database.migrate(&[FIRST], &*stage.clock).await.expect("migrated");
        let odd = "'; DROP TABLE things; -- \u{1F980} $1";
        let insert = statement("INSERT INTO things (id, count, note, spent_at) VALUES ($1, $2, $1, $3)");
        database.execute(insert.bind(odd).bind(i64::MIN).bind(None::<i64>)).await.expect("inserted");
        let row = database.read_one(statement("SELECT * FROM things WHERE note = $1").bind(odd)).await.expect("read");
        let row = row.expect("a row");
        assert_eq!(row.get::<String>("id").expect("text"), odd);
        assert_eq!(row.get::<i64>("count").expect("a number"), i64::MIN);
        assert_eq!(row.time_if_any("spent_at").expect("nothing"), None);
        let forgotten = database.read(statement("SELECT * FROM things WHERE id = $1 AND count = $2").bind("x")).await;
        assert!(matches!(forgotten, Err(DatabaseError::Values { wanted: 2, given: 1 })));
    }

    pub async fn a_dropped_transaction_leaves_nothing(stage: &Stage) {
        let database = stage.open().await;
        database.migrate(&[FIRST], &*stage.clock).await.expect("migrated");
        let mut transaction = database.write().await.expect("started");
        transaction.execute(statement("INSERT INTO things (id, count) VALUES ('a', 1)")).await.expect("inserted");
        let seen = transaction.one(statement("SELECT id FROM things")).await.expect("read");
        assert!(seen.is_some(), "it sees its own writes");
        assert_eq!(count(&database).await, 0, "others do not");
        drop(transaction);
        assert_eq!(count(&database).await, 0);
        add(&database, "b", 1).await;
        assert_eq!(count(&database).await, 1);
    }

    pub async fn a_transfer_is_of_one_moment(stage: &Stage) {
        let source = stage.open().await;
        source.migrate(&[FIRST], &*stage.clock).await.expect("migrated");
        source
            .migrate_area("other", &[Migration { version: 7, both: "", ..FIRST }], &*stage.clock)
            .await
            .expect("migrated");
        assert_eq!(
            source.versions().await.expect("versions"),
            BTreeMap::from([(String::new(), 1), ("other".to_owned(), 7)])
        );
        // Each thing has its part, made in one transaction with it.
        let writing = tokio::spawn({
            let source = source.clone();
            async move {
                for number in 0i64.. {
                    let id = format!("{number:08}");
                    let mut transaction = source.write().await.expect("started");
                    let thing = statement("INSERT INTO things (id, count) VALUES ($1, $2)").bind(&id).bind(number);
                    transaction.execute(thing).await.expect("inserted");
                    let part = statement("INSERT INTO parts (id, thing_id) VALUES ($1, $1)").bind(&id);
                    transaction.execute(part).await.expect("inserted");
                    transaction.commit().await.expect("committed");
                }
            }
        });
        let mut sizes = BTreeSet::new();
        for number in 0.. {
            let file = stage.folder.path().join(format!("copy-{number}.db"));
            let copy = Database::open(&format!("sqlite:{}", file.display())).await.expect("a file");
            copy.migrate(&[FIRST], &*stage.clock).await.expect("migrated");
            let taken = copy.take_over(&source).await.expect("taken over");
            assert_eq!(taken["things"].rows, taken["parts"].rows, "of two moments");
            assert_eq!(copy.sums().await.expect("sums"), taken);
            sizes.insert(taken["things"].rows);
            copy.close().await;
            if sizes.len() >= 4 {
                break;
            }
            assert!(!writing.is_finished() && number < 1_000, "nobody writes");
        }
        writing.abort();
        drop(writing.await);
    }

    pub async fn one_of_many_wins(stage: &Stage) {
        let database = stage.open().await;
        database.migrate(&[FIRST], &*stage.clock).await.expect("migrated");
        add(&database, "code", 1).await;
        let spend = |at: i64| {
            let database = database.clone();
            tokio::spawn(async move {
                let sql = "UPDATE things SET spent_at = $1 WHERE id = 'code' AND spent_at IS NULL RETURNING id";
                let mut transaction = database.write().await.expect("started");
                let won = transaction.one(statement(sql).bind(at)).await.expect("tried").is_some();
                transaction.commit().await.expect("committed");
                won
            })
        };
        let mut wins = 0;
        for task in (0..24).map(spend).collect::<Vec<_>>() {
            wins += usize::from(task.await.expect("no panic"));
        }
        assert_eq!(wins, 1);
    }

    pub async fn counting_in_parallel_loses_nothing(stage: &Stage) {
        let database = stage.open().await;
        database.migrate(&[FIRST], &*stage.clock).await.expect("migrated");
        add(&database, "counter", 0).await;
        let tasks = (0..20).map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    let add = statement("UPDATE things SET count = count + 1 WHERE id = 'counter'");
                    database.execute(add).await.expect("counted");
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("no panic");
        }
        let row = database.read_one(statement("SELECT count FROM things")).await.expect("read").expect("a row");
        assert_eq!(row.get::<i64>("count").expect("a number"), 100);
    }

    pub async fn breaches_have_their_names(stage: &Stage) {
        let database = stage.open().await;
        database.migrate(&[FIRST], &*stage.clock).await.expect("migrated");
        add(&database, "a", 1).await;
        let twice = database.execute(statement("INSERT INTO things (id, count) VALUES ('a', 2)")).await;
        assert!(matches!(twice, Err(DatabaseError::Unique)), "{twice:?}");
        let orphan = database.execute(statement("INSERT INTO parts (id, thing_id) VALUES ('p', 'none')")).await;
        assert!(matches!(orphan, Err(DatabaseError::ForeignKey)), "{orphan:?}");
    }

    pub async fn migrates_from_empty_and_filled(stage: &Stage) {
        let database = stage.open().await;
        assert_eq!(database.migrate(&[FIRST], &*stage.clock).await.expect("migrated"), 1);
        assert_eq!(database.migrate(&[FIRST], &*stage.clock).await.expect("nothing to do"), 0);
        add(&database, "few", 1).await;
        add(&database, "many", 9).await;
        database.close().await;

        let database = stage.open().await;
        assert_eq!(database.migrate(&[FIRST, SECOND], &*stage.clock).await.expect("migrated"), 1);
        let rows = database.read(statement("SELECT colour FROM things ORDER BY id")).await.expect("read");
        let colours: Vec<String> = rows.iter().map(|row| row.get("colour").expect("text")).collect();
        assert_eq!(colours, ["grey", "red"]);
        let spoken = database.read_one(statement("SELECT dialect FROM spoken")).await.expect("read").expect("a row");
        assert!(stage.url.starts_with(&spoken.get::<String>("dialect").expect("text")));
    }

    pub async fn migrates_once_when_many_start(stage: &Stage) {
        let start = || {
            let (url, clock) = (stage.url.clone(), stage.clock.clone());
            tokio::spawn(async move {
                let database = Database::open(&url).await.expect("opened");
                database.migrate(&[FIRST, SECOND], &*clock).await.expect("migrated")
            })
        };
        let mut applied = 0;
        for task in (0..6).map(|_| start()).collect::<Vec<_>>() {
            applied += task.await.expect("no panic");
        }
        assert_eq!(applied, 2);
    }

    pub async fn refuses_a_newer_database(stage: &Stage) {
        let database = stage.open().await;
        database.migrate(&[FIRST, SECOND], &*stage.clock).await.expect("migrated");
        let refused = database.migrate(&[FIRST], &*stage.clock).await.expect_err("newer");
        assert!(matches!(refused, DatabaseError::Newer { found: 2, known: 1 }));
        let text = refused.to_string();
        assert!(text.contains("version 2") && text.contains("up to 1") && text.contains("newer Footfall"), "{text}");
    }

    pub async fn refuses_an_edited_migration(stage: &Stage) {
        let database = stage.open().await;
        database.migrate(&[FIRST], &*stage.clock).await.expect("migrated");
        let edited = Migration { both: "CREATE TABLE things (id TEXT)", ..FIRST };
        let refused = database.migrate(&[edited], &*stage.clock).await;
        assert!(matches!(refused, Err(DatabaseError::Edited { version: 1, .. })));
    }

    pub async fn a_failing_migration_changes_nothing(stage: &Stage) {
        let database = stage.open().await;
        let refused = database.migrate(&[FIRST, BROKEN], &*stage.clock).await;
        assert!(matches!(refused, Err(DatabaseError::Migration { version: 2, name: "broken", .. })));
        assert_eq!(database.migrate(&[FIRST, SECOND], &*stage.clock).await.expect("migrated"), 2);
    }

    pub async fn one_leads_and_another_follows_it(stage: &Stage) {
        let soon = Duration::from_secs(120);
        let (one, other) = (stage.open().await, stage.open().await);
        let lead = tokio::time::timeout(soon, one.lead("work")).await.expect("the first leads");
        let apart = tokio::time::timeout(soon, other.lead("another work")).await.expect("works are apart");
        drop(apart);
        if stage.url.starts_with("sqlite:") {
            return;
        }
        let waiting = tokio::spawn({
            let other = other.clone();
            async move { other.lead("work").await }
        });
        let held = "SELECT COUNT(*) AS held FROM pg_locks WHERE locktype = 'advisory' AND granted";
        let before: i64 = one.read_one(statement(held)).await.unwrap().unwrap().get("held").unwrap();
        assert!(before >= 1 && !waiting.is_finished());
        drop(lead);
        let second = tokio::time::timeout(soon, waiting).await.expect("the next one leads").expect("no panic");
        // Its session is ended from outside, as with a restart of the server.
        let end = "SELECT COUNT(pg_terminate_backend(pid)) AS ended FROM pg_locks
                   WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
                     AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND ((classid::bigint << 32) | objid::bigint) = ($1 # hashtextextended(current_schema()::text, 0))";
        let key = i64::from_ne_bytes(key_of("work").to_ne_bytes());
        let ended: i64 = one.read_one(statement(end).bind(key)).await.unwrap().unwrap().get("ended").unwrap();
        assert_eq!(ended, 1, "one session holds the lead");
        tokio::time::timeout(soon, second.lost()).await.expect("it hears that it leads no more");
        let third = tokio::time::timeout(soon, one.lead("work")).await.expect("it is free again");
        drop(third);
    }

    pub async fn who_stands_still_in_a_transaction_holds_nobody_up_for_long(stage: &Stage) {
        let (one, other) = (stage.open().await, stage.open().await);
        if !one.is_server() {
            return;
        }
        one.migrate(&[FIRST], &*stage.clock).await.expect("migrated");
        add(&one, "a", 1).await;
        let raise = || statement("UPDATE things SET count = count + 1 WHERE id = $1").bind("a");
        let mut silent = one.write().await.expect("started");
        silent.execute(raise()).await.expect("raised, and not committed");
        let raised = tokio::time::timeout(Duration::from_secs(120), other.execute(raise())).await;
        assert_eq!(raised.expect("it does not wait for ever").expect("raised"), 1);
        assert!(silent.execute(raise()).await.is_err(), "its transaction is over");
        let row = other.read_one(statement("SELECT count FROM things")).await.expect("read").expect("a row");
        assert_eq!(row.get::<i64>("count").expect("a number"), 2);
    }

    /// FNV-1a, as the lock is named.
    fn key_of(what: &str) -> u64 {
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        what.bytes().fold(0xcbf2_9ce4_8422_2325, hash)
    }
}

#[tokio::test]
async fn addresses_that_are_none_are_refused_without_their_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let with_option = format!("sqlite:{}?synchronous=off", folder.path().join("x.db").display());
    let with_parameter = "postgres:///db?user=me&password=secret&port=none";
    for url in
        ["mysql://me:secret@host/db", with_parameter, "", "sqlite:", "sqlite::memory:", "footfall.db", &with_option]
    {
        let Err(error) = Database::open(url).await else { panic!("{url} was opened") };
        assert!(matches!(error, DatabaseError::Url { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/footfall.db");
    let database = Database::open(&format!("sqlite:{}", path.display())).await.expect("opened");
    database.execute(statement("CREATE TABLE t (x BIGINT)")).await.expect("written");
    for name in ["footfall.db", "footfall.db-wal", "footfall.db-shm"] {
        let mode = std::fs::metadata(folder.path().join("deep").join(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}
