//! Random questions to the running program, and the same definitions in DuckDB's SQL over the lake's Parquet files: the answers
//! are equal, of activity that is late, tied in time, resent, and of ids that turned out to be one person.

use serde_json::{Value, json};

use crate::gear::{interpreter, say, script, skip};
use crate::seed::Seed;
use crate::server::Server;

/// 2026-05-04T00:00:00Z, a Monday.
const START: i64 = 1_777_852_800_000;
const PEOPLE: u64 = 40;
const COUNT: usize = 3_000;

/// RFC 3339 of a time in May 2026.
fn text_of(time: i64) -> String {
    let since = time - START;
    let (day, rest) = (4 + since / 86_400_000, since % 86_400_000);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("2026-05-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1000)
}

/// Of few people some do much; times are often equal, and follow each other closely or not.
fn activity(seed: &mut Seed) -> Vec<Value> {
    let one = |number: usize, seed: &mut Seed| {
        let name = ["view", "view", "view", "save", "save", "buy", "open"][seed.below(7) as usize];
        let person = seed.below(PEOPLE).min(seed.below(PEOPLE));
        let minute = seed.below(27 * 24 * 2) * 30 + seed.below(4) * seed.below(8);
        let time = START + minute as i64 * 60_000;
        let mut properties = json!({"price": seed.below(40) as f64 / 4.0});
        if let Some(plan) = ["free", "pro", "team"].get(seed.below(4) as usize) {
            properties["plan"] = json!(plan);
        }
        if seed.below(5) == 0 {
            properties.as_object_mut().expect("an object").remove("price");
        }
        // The last ones begin without a name.
        let who = if person >= PEOPLE - 6 { "anonymousId" } else { "distinctId" };
        json!({"type": "track", "event": name, who: format!("p{person}"), "messageId": format!("m{number}"),
            "timestamp": text_of(time), "properties": properties})
    };
    (0..COUNT).map(|number| one(number, seed)).collect()
}

#[tokio::test]
async fn random_questions_have_the_answers_of_duckdb() {
    if let Err(missing) = interpreter("insights_duckdb.py") {
        return skip("insights on DuckDB", &missing);
    }
    let mut seed = Seed::announced("insights on DuckDB");
    let mut server = Server::start_with(&[("FOOTFALL_STORE_FLUSH_ROWS", "500")]).await;
    let items = activity(&mut seed);
    for batch in items.chunks(250) {
        // Some are sent again with others, at once or later, in any order.
        let mut sent: Vec<Value> = batch.to_vec();
        sent.extend((0..60).map(|_| items[seed.below(COUNT as u64) as usize].clone()));
        seed.shuffle(&mut sent);
        assert_eq!(server.post(&json!(sent)).await.json()["accepted"], sent.len());
    }
    // Two who were nobody turn out to be one, another to be somebody known.
    let links = [("ada", 34), ("ada", 35), ("p3", 36)].map(|(user, anonymous)| {
        json!({"type": "identify", "userId": user, "anonymousId": format!("p{anonymous}"), "messageId": format!("i{anonymous}"), "timestamp": text_of(START)})
    });
    assert_eq!(server.post(&json!(links)).await.json()["accepted"], 3);
    assert_eq!(server.until("SELECT count(*) FROM activity", COUNT as i64 + 3).await, COUNT as i64 + 3);
    server.stop().await; // everything is in files now
    server.restart().await;
    let (lake, from) = (server.data().join("lake"), seed.next().to_string());
    let environment = [
        ("FOOTFALL_URL", server.url()),
        ("FOOTFALL_READ_KEY", server.read_key().to_owned()),
        ("FOOTFALL_LAKE", lake.display().to_string()),
        ("FOOTFALL_TEST_SEED", from),
    ];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let told = script("insights_duckdb.py", &environment).await;
    let differences = told["different"].as_array().expect("a list");
    assert!(differences.is_empty(), "{} differ, the first: {:#}", differences.len(), differences[0]);
    let equal = told["equal"].as_object().expect("by kind");
    say(&format!("equal on DuckDB: {}", told["equal"]));
    assert!(equal.len() == 12 && equal.values().all(|count| count.as_u64() >= Some(5)), "{equal:?}");
}
