//! Insights as table functions of SQL.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use footfall_pipelines_store::query::{Engine, EngineConfig, Policy, Question};
use serde_json::json;

use crate::asking::{DAY, START, house_with_desk, lines, scope, trend};
use crate::gear::PROJECT;
use crate::lake::{self, LakeSnapshots};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn sql_gives_the_answers_of_the_routes() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let (house, lake, desk) = house_with_desk(&stage).await;
    let (owner, _) = house.owner().await;
    lake::publish(&lake, PROJECT, &lines(), 0).await;
    let views = json!({"select": {"activities": ["view"]}, "from_ms": 0, "until_ms": START + 9 * DAY, "at_least": 2});
    let draft = json!({"key": "keen", "name": "keen", "definition": {"did": views}});
    house.post(&owner, &format!("/v1/projects/{PROJECT}/cohorts"), draft).await.good();
    let engine =
        Engine::new(Arc::new(LakeSnapshots(lake.clone())), EngineConfig::new(stage.folder.path().join("spill")));
    let engine = engine.expect("started");
    let project: Arc<str> = PROJECT.into();
    let asked = async |sql: &str, params: serde_json::Value, policy: Policy| {
        let question = Question::new(sql).with_params(params).calling(desk.functions(&project));
        let mut answer =
            engine.query(PROJECT, question.under(Arc::new(policy))).await.map_err(|error| error.to_string())?;
        let mut rows: Vec<RecordBatch> = Vec::new();
        while let Some(batch) = answer.next().await {
            rows.push(batch.map_err(|error| error.to_string())?);
        }
        Ok::<String, String>(pretty_format_batches(&rows).expect("rows").to_string())
    };
    let open = Policy::default;
    let sql = "SELECT bucket::date AS day, value FROM trend($1) WHERE measure = 0 AND value > 0 ORDER BY day";
    let days = asked(sql, json!([trend().to_string()]), open()).await.unwrap();
    // Days begin at midnight of the zone, which is the evening before in UTC.
    assert!(days.contains("| 2025-08-31 | 2.0   |") && days.contains("| 2025-09-02 | 2.0   |"), "{days}");
    let same = asked(&sql.replace("trend($1)", "insight('trend', $1)"), json!([trend().to_string()]), open()).await;
    assert_eq!(same.unwrap(), days);
    let steps = json!([{"activities": ["view"]}, {"activities": ["buy"]}]);
    let funnel = json!({"scope": scope(), "steps": steps, "window_ms": DAY}).to_string();
    let reached = asked("SELECT step, people FROM funnel($1) ORDER BY step", json!([funnel]), open()).await.unwrap();
    assert!(reached.contains("| 1    | 3      |") && reached.contains("| 2    | 1      |"), "{reached}");
    // The people of a cohort beside the rows of the table.
    let sql = "SELECT distinct_id, count(*) AS n FROM activity WHERE person_id IN (SELECT person_id FROM cohort('keen')) GROUP BY 1";
    let rows = asked(sql, json!([]), open()).await.unwrap();
    assert!(rows.contains("| bob         | 2 |") && !rows.contains("ada"), "{rows}");
    for (sql, says) in [
        ("SELECT * FROM trend('{}')", "scope"),
        ("SELECT * FROM insight('tend', '{}')", "there is no kind"),
        ("SELECT * FROM cohort('nobody')", "there is no cohort"),
        ("SELECT * FROM trend(1)", "takes texts"),
    ] {
        let refused = asked(sql, json!([]), open()).await.unwrap_err();
        assert!(refused.contains(says), "{sql}: {refused}");
    }
    // Answers are made of all rows: whoever sees a part of them has no functions.
    let masked = Policy { masked: ["plan".into()].into_iter().collect(), ..Policy::default() };
    assert!(asked("SELECT * FROM cohort('keen')", json!([]), masked).await.is_err());
}
