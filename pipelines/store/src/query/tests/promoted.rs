//! Promoted properties: chosen well, equal to what the JSON gives, and read instead of it.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::fixture::{Fixture, activity, person};
use super::select::two_files_and_fresh;
use crate::lake::promote;
use crate::query::Question;
use crate::tables::Table;

/// JSON texts of values, among them odd ones.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|truth| truth.to_string()),
        any::<i32>().prop_map(|number| number.to_string()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?",
        "\\PC{0,20}".prop_map(|text| json!(text).to_string()),
        Just(r#""caf\u00e9 \ud83d\ude00 \"q\" \\ \/ \n""#.to_owned()),
        Just(r#""lone \ud83d surrogate""#.to_owned()),
        Just(r#"{"a": [1, {"b": "c"}], "d": null}"#.to_owned()),
        Just("[1, 2, \"3\"]".to_owned()),
    ]
}

/// An object with few names, written with blanks; names may repeat.
fn object() -> impl Strategy<Value = String> {
    let key = prop_oneof![Just("a"), Just("b c"), Just("d'e"), Just("é"), Just("f\\\"g"), Just("\\u0061")];
    let entry = (key, value(), "[ \\n\\t]{0,2}");
    prop::collection::vec(entry, 0..7).prop_map(|entries| {
        let entries: Vec<String> = entries
            .into_iter()
            .map(|(key, value, blank)| format!("{blank}\"{key}\"{blank}:{blank}{value}{blank}"))
            .collect();
        format!("{{{}}}", entries.join(","))
    })
}

const KEYS: &[&str] = &["a", "b c", "d'e", "é", "f\"g", "missing"];

fn rows_of(objects: &[String]) -> Vec<Value> {
    objects
        .iter()
        .enumerate()
        .map(|(id, object)| activity(id, &format!("u{}", id % 3), "e", id as i64, object))
        .collect()
}

fn ask_all() -> String {
    let columns: Vec<String> =
        KEYS.iter().enumerate().map(|(n, key)| format!("properties->>'{}' AS k{n}", key.replace('\'', "''"))).collect();
    format!("SELECT message_id, {} FROM activity ORDER BY message_id", columns.join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_promoted_column_equals_the_json(objects in prop::collection::vec(object(), 1..40), some in 0usize..6) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let rows = rows_of(&objects);
        let third = rows.len() / 3;
        let answers: Vec<Vec<Map<String, Value>>> = [&[][..], KEYS, &KEYS[..some]]
            .iter()
            .map(|promoted| {
                let mut fixture = Fixture::new();
                // One file with the columns, one without, and fresh rows.
                fixture.file(Table::Activity, &rows[..third], promoted);
                fixture.file(Table::Activity, &rows[third..2 * third], &[]);
                fixture.fresh(Table::Activity, &rows[2 * third..]);
                runtime.block_on(fixture.ask(&ask_all()))
            })
            .collect();
        prop_assert_eq!(&answers[0], &answers[1]);
        prop_assert_eq!(&answers[0], &answers[2]);
    }

    #[test]
    fn a_filter_on_a_promoted_property_finds_the_same(objects in prop::collection::vec(object(), 1..30)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let rows = rows_of(&objects);
        let sql = "SELECT message_id, properties->>'a' AS a FROM activity WHERE properties->>'a' >= '0'
                   OR properties->>'b c' IS NULL AND properties->>'d''e' <> 'true' ORDER BY 1";
        let [plain, promoted] = [&[][..], KEYS].map(|keys| {
            let mut fixture = Fixture::new();
            fixture.file(Table::Activity, &rows, keys);
            runtime.block_on(fixture.ask(sql))
        });
        prop_assert_eq!(plain, promoted);
    }
}

/// Bytes that scans read, by the engine's own account.
async fn bytes_scanned(fixture: &Fixture, sql: &str) -> u64 {
    let rows = fixture.ask(&format!("EXPLAIN ANALYZE {sql}")).await;
    let plan = rows[0]["plan"].as_str().unwrap();
    let (_, rest) = plan.split_once("bytes_scanned=").unwrap_or_else(|| panic!("{sql}\n{plan}"));
    let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let unit = rest[number.len()..].trim_start();
    let factor = if unit.starts_with('K') {
        1e3
    } else if unit.starts_with('M') {
        1e6
    } else {
        1.0
    };
    (number.parse::<f64>().unwrap() * factor) as u64
}

#[tokio::test]
async fn properties_are_not_read_where_the_column_is() {
    let noise = |id: usize| (0..2_000).map(|n| char::from(b'a' + ((id * 7 + n * n) % 26) as u8)).collect::<String>();
    let rows: Vec<Value> = (0..300)
        .map(|id| {
            let properties = format!(r#"{{"plan": "p{}", "noise": "{}"}}"#, id % 3, noise(id));
            activity(id, &format!("u{}", id % 5), "e", id as i64, &properties)
        })
        .collect();
    let questions = [
        "SELECT properties->>'plan' AS plan FROM activity",
        "SELECT properties->>'plan' AS plan, count(*) FROM activity GROUP BY 1",
        "SELECT count(*) FROM activity WHERE properties->>'plan' = 'p1'",
        "SELECT person_id, count(DISTINCT properties->>'plan') FROM activity WHERE event = 'e' GROUP BY 1",
        "SELECT a.properties->>'plan' AS plan, count(*) FROM activity AS a JOIN persons AS p ON a.person_id = p.person_id
         WHERE lower(a.properties->>'plan') LIKE 'p%' GROUP BY a.properties->>'plan' ORDER BY 2 DESC LIMIT 3",
        "WITH x AS (SELECT * FROM activity WHERE timestamp < '2023-01-01') SELECT max(properties->>'plan') FROM x",
    ];
    for merged in [false, true] {
        let [mut plain, mut promoted] = [Fixture::new(), Fixture::new()];
        plain.file(Table::Activity, &rows, &[]);
        promoted.file(Table::Activity, &rows, &["plan"]);
        let ids: Vec<Value> =
            (0..5).map(|n| format!("u{n}")).map(|id| json!({"person_id": person(&id), "distinct_id": id})).collect();
        for fixture in [&mut plain, &mut promoted] {
            fixture.fresh(Table::Identities, &ids);
            if merged {
                fixture.merged("u1", "u2");
            }
        }
        for sql in questions {
            // With merged ids the text is read (docs/decisions/022).
            if !merged {
                let (all, few) = (bytes_scanned(&plain, sql).await, bytes_scanned(&promoted, sql).await);
                assert!(few * 4 < all, "{few} of {all}: {sql}\n{}", promoted.plan(sql).await);
            }
            let ordered = |rows: Vec<Map<String, Value>>| {
                let mut rows: Vec<String> = rows.iter().map(|row| json!(row).to_string()).collect();
                rows.sort();
                rows
            };
            assert_eq!(ordered(plain.ask(sql).await), ordered(promoted.ask(sql).await), "{sql}");
        }
    }
}

/// Reading a property out of one side of a join must not take the merges away from that side.
#[tokio::test]
async fn a_join_on_the_person_sees_merges_whatever_is_read_beside_it() {
    let rows: Vec<Value> = (0..60)
        .map(|id| activity(id, &format!("u{}", id % 6), ["bought", "seen"][id / 6 % 2], id as i64, r#"{"price": 2}"#))
        .collect();
    for in_files in [false, true] {
        let mut fixture = Fixture::new();
        match in_files {
            true => fixture.file(Table::Activity, &rows, &["price"]),
            false => fixture.fresh(Table::Activity, &rows),
        };
        fixture.merged("u0", "u1").merged("u2", "u3");
        let join = "WITH people AS (SELECT person_id, min(timestamp) AS first FROM activity GROUP BY person_id)
                    SELECT count(*) AS n, sum(TRY_CAST(a.properties->>'price' AS DOUBLE)) AS price, count(DISTINCT a.person_id) AS people
                    FROM people AS p JOIN activity AS a ON a.person_id = p.person_id AND a.event = 'bought'";
        assert_eq!(
            json!(fixture.ask(join).await),
            json!([{"n": 30, "price": 60.0, "people": 4}]),
            "in files: {in_files}"
        );
        let each = "SELECT a.person_id, sum(TRY_CAST(a.properties->>'price' AS DOUBLE)) AS price
                    FROM activity AS a JOIN activity AS b ON a.message_id = b.message_id AND b.properties->>'price' = '2'
                    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2";
        let mut expected = [person("u1"), person("u3")];
        expected.sort();
        let expected: Vec<Value> = expected.iter().map(|id| json!({"person_id": id, "price": 40.0})).collect();
        assert_eq!(json!(fixture.ask(each).await), json!(expected), "in files: {in_files}");
    }
}

#[tokio::test]
async fn files_with_and_without_the_column_answer_together() {
    let fixture = two_files_and_fresh();
    let sql = "SELECT properties->>'plan' AS plan, count(*) AS n FROM activity GROUP BY 1 ORDER BY 1";
    let expected = json!([{"plan": "p0", "n": 117}, {"plan": "p1", "n": 117}, {"plan": "p2", "n": 116}]);
    assert_eq!(json!(fixture.ask(sql).await), expected);
    let key = Question::new(sql.replace("'plan'", "$key")).with_params(json!({"key": "plan"}));
    assert_eq!(fixture.rows(key).await.unwrap().len(), 3);
}

#[test]
fn hot_properties_are_chosen() {
    let properties = |id: usize| {
        let rare = if id.is_multiple_of(50) { r#", "rare": 1"# } else { "" };
        let often = if id.is_multiple_of(10) { r#", "often": 1.5"# } else { "" };
        let nested = if id == 77 { r#", "mixed": {}"# } else { r#", "mixed": 1"# };
        format!(r#"{{"plan": "p", "long": "{}", "nothing": null, "list": [1]{rare}{often}{nested}}}"#, "x".repeat(100))
    };
    let rows: Vec<Value> = (0..200).map(|id| activity(id, "u", "e", 0, &properties(id))).collect();
    let batches =
        [super::fixture::batch(Table::Activity, &rows[..90]), super::fixture::batch(Table::Activity, &rows[90..])];
    assert_eq!(promote::choose(&batches, 24).unwrap(), ["plan", "often"]);
    assert_eq!(promote::choose(&batches, 1).unwrap(), ["plan"]);
    assert_eq!(promote::choose(&[], 24).unwrap(), Vec::<String>::new());
}
