//! What is tidied up behind the chain of publications, and who was halted meanwhile.

use std::time::{Duration, Instant};

use footfall_ingest_activity::Timestamp;
use uuid::Uuid;

use super::{Given, count, expected, ids, server};
use crate::clickhouse::attempt::fingerprint;
use crate::clickhouse::{ClickHouse, ClickHouseOptions, Role, upkeep};
use crate::contract::{publication, until};
use crate::{Publication, Store};

/// Numbers, and persons who are somebody else from then on.
fn joined(numbers: std::ops::Range<u64>) -> Publication {
    let mut publication = publication("p", numbers);
    let rows = publication.rows.get_mut("p").unwrap();
    rows.person_changes = (0..10).map(|own| (Uuid::from_u128(own), Uuid::from_u128(1_000))).collect();
    publication
}

async fn links(store: &ClickHouse) -> u64 {
    count(store, "SELECT count() FROM publications").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_is_kept_short_also_where_nothing_was_left_out() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let store = given.open(ClickHouseOptions::default()).await;
    for n in 0..3 {
        store.publish(publication("p", n..n + 1)).await.unwrap();
    }
    upkeep::tidy(&store.shared, &[]).await.unwrap();
    assert_eq!(links(&store).await, 4, "whoever follows slowly may ask for them");
    // As after a day.
    store.shared.change_view(|view| view.visible.head = 1_000_000);
    upkeep::tidy(&store.shared, &[]).await.unwrap();
    let begun = Instant::now();
    while links(&store).await != 1 {
        assert!(begun.elapsed() < Duration::from_secs(240), "they stay");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(count(&store, "SELECT toUInt64(is_barrier) AS count FROM publications").await, 1, "it is not settled");
    given.drop(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_left_out_while_others_are_settled_stays_left_out() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let store = given.open(ClickHouseOptions::default()).await;
    assert_eq!(*store.shared.view().visible.void, [1]);
    // The database was asked for what is left before the writer left out another one.
    store.shared.change_view(|view| view.visible.void = [1, 77].into());
    upkeep::tidy(&store.shared, &[1]).await.unwrap();
    assert_eq!(*store.shared.view().visible.void, [77]);
    assert_eq!(count(&store, "SELECT publication AS count FROM settled_publications").await, 1);
    given.drop(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_halted_until_links_were_cleared_away_reads_everything_anew() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let store = given.open(ClickHouseOptions::default()).await;
    store.publish(publication("p", 0..5)).await.unwrap();
    // Nothing runs behind it.
    let halted = given.open(ClickHouseOptions { role: Role::Still, ..ClickHouseOptions::default() }).await;
    store.publish(joined(5..6)).await.unwrap();
    let link = store.head();
    store.publish(publication("p", 6..9)).await.unwrap();
    let cleared = format!("ALTER TABLE publications DELETE WHERE publication <= {link}");
    store.shared.database.execute(&cleared, &[("mutations_sync", "1".to_owned())]).await.unwrap();

    upkeep::catch_up(&halted.shared, &mut Instant::now()).await.unwrap();
    assert_eq!((halted.head(), halted.durable_checkpoint()), (store.head(), until(9)));
    assert_eq!(halted.snapshot("p").overrides.len(), 10, "who was somebody else is told by a link that is gone");
    assert_eq!(halted.snapshot("p").overrides, store.snapshot("p").overrides);
    assert_eq!(ids(&halted).await, expected(9));
    given.drop(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_so_long_that_it_may_be_forgotten_takes_another_number() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    for (attempt_max, steps) in [(Duration::from_secs(3_600), 1), (Duration::ZERO, 3)] {
        let store = given.open(ClickHouseOptions { attempt_max, ..ClickHouseOptions::default() }).await;
        let (from, head) = (store.durable_checkpoint().next_offset(0), store.head());
        let again = publication("p", from..from + 5);
        if attempt_max.is_zero() {
            // Taken, and forgotten: the database does not know the name of it any more.
            let token = "forgotten";
            store.shared.insert_all(&again, head + 1, Timestamp::from_millis(0), token).await.unwrap();
        }
        store.shared.note_attempt(fingerprint(&again)).await;
        store.publish(again).await.unwrap();
        assert_eq!(store.head(), head + steps);
        assert_eq!(ids(&store).await, expected(from + 5), "nothing is there twice");
    }
    let store = given.open(ClickHouseOptions { role: Role::Still, ..ClickHouseOptions::default() }).await;
    given.drop(&store).await;
}
