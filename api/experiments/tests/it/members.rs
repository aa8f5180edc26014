//! Saved groups that are a cohort: their values follow it, within limits, and stay when it cannot be asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use footfall_api_access::KeyKind;
use footfall_api_experiments::{ExperimentError, Facts, Rows, groups_of_cohorts};
use serde_json::{Value, json};

use crate::gear::{House, house_with};
use crate::stage::Stage;

/// Who is in every cohort just now, or why that cannot be said.
struct People(Mutex<Result<Vec<String>, String>>);

#[async_trait]
impl Facts for People {
    async fn query(&self, _: &str, _: &str, _: Value) -> Result<Rows, ExperimentError> {
        Ok(Rows::default())
    }

    async fn members(&self, project: &str, cohort: &str, most: usize) -> Result<Vec<String>, ExperimentError> {
        assert_eq!((project, cohort), ("shop", "keen"));
        let people = self.0.lock().unwrap().clone().map_err(ExperimentError::Facts)?;
        Ok(people.into_iter().take(most).collect())
    }
}

async fn looked_up(house: &House) -> bool {
    let groups = groups_of_cohorts(house.access.database()).await.unwrap();
    assert_eq!(groups.iter().map(|group| group.key.as_str()).collect::<Vec<_>>(), ["regulars"]);
    house.experiments.look_up_members(&groups[0]).await.unwrap()
}

mod scenes {
    use super::*;

    pub async fn a_group_follows_its_cohort(stage: &Stage) {
        let people = Arc::new(People(Mutex::new(Ok(vec!["ada".to_owned(), "eve".to_owned()]))));
        let house = house_with(stage, Some(people.clone())).await;
        house.make("saved-groups", "friends", json!({"attribute": "id", "values": ["cohort"]})).await;
        let both = json!({"attribute": "id", "cohort": "keen", "values": ["x"]});
        let refused = house.post("saved-groups", json!({"key": "regulars", "definition": both})).await.refusal();
        assert_eq!(refused.2, ["/definition/values"]);
        house.make("saved-groups", "regulars", json!({"attribute": "id", "cohort": "keen"})).await;
        let rule =
            json!({"id": "r", "condition": {"id": {"$inGroup": "regulars"}}, "serve": {"force": {"value": true}}});
        house
            .make("features", "lounge", json!({"value_type": "boolean", "default_value": false, "rules": [rule]}))
            .await;
        let (_, key) = house.key(KeyKind::Client).await;
        let values = async || {
            house.experiments.payloads().catch_up().await.unwrap();
            house.raw("GET", &format!("/api/features/{key}"), &[], Value::Null).await.good().json()["savedGroups"]
                ["regulars"]
                .clone()
        };
        assert_eq!(values().await, json!([]), "nobody, until it was looked up");
        assert!(looked_up(&house).await && !looked_up(&house).await, "once: nothing is written where nothing changed");
        assert_eq!(values().await, json!(["ada", "eve"]));
        let shown = async || house.get("saved-groups/regulars").await.good().json();
        let first = shown().await;
        assert_eq!((&first["revision"], &first["definition"]["values"]), (&json!(1), &json!([])), "no revision");

        *people.0.lock().unwrap() = Ok(vec!["eve".to_owned(), "zoe".to_owned()]);
        assert!(looked_up(&house).await);
        assert_eq!(values().await, json!(["eve", "zoe"]));
        // It cannot be asked, or has too many: who was in it stays, and it is said.
        *people.0.lock().unwrap() = Err("the tables are away".to_owned());
        assert!(looked_up(&house).await && !looked_up(&house).await);
        assert!(shown().await["state"]["fault"].as_str().unwrap().contains("the tables are away"));
        *people.0.lock().unwrap() = Ok((0..30_000).map(|id| format!("{id:05}")).collect());
        assert!(looked_up(&house).await);
        assert!(shown().await["state"]["fault"].as_str().unwrap().contains("more than 20000"));
        assert_eq!(values().await, json!(["eve", "zoe"]));
        *people.0.lock().unwrap() = Ok(Vec::new());
        assert!(looked_up(&house).await);
        assert_eq!((values().await, &shown().await["state"]["fault"]), (json!([]), &Value::Null));
    }
}

on_both!(a_group_follows_its_cohort);
