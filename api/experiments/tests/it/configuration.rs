//! Definitions: made, validated, changed, rolled back, removed; who and why; all on both databases.

use footfall_api_access::statement;
use serde_json::json;

use crate::gear::house;
use crate::stage::Stage;

on_both!(
    a_definition_lives,
    what_is_wrong_is_told_where,
    references_hold,
    a_schedule_is_kept,
    what_is_due_together_is_done_in_order,
    what_was_interrupted_is_done_again,
    what_comes_behind_an_interrupted_change_waits_for_it
);

/// A process hangs between its claim and the change, and another has taken the change for interrupted meanwhile: who comes late does
/// nothing. The trigger claims it anew as soon as it was claimed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_late_with_a_change_does_nothing() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    house.make("features", "banner", json!({"value_type": "boolean", "default_value": false})).await;
    let change = json!({"kind": "feature", "key": "banner", "due_at": "2026-11-24T13:00:00Z",
        "change": {"patch": {"default_value": true}}});
    house.post("scheduled-changes", change).await.good();
    let other = "CREATE TRIGGER other AFTER UPDATE ON flag_schedule WHEN OLD.outcome = '' AND NEW.outcome = 'begun'
                 BEGIN UPDATE flag_schedule SET done_at = NEW.done_at + 1 WHERE id = NEW.id; END";
    house.access.database().execute(statement(other)).await.unwrap();
    stage.pass(3_600_000);
    house.experiments.do_what_is_due().await.unwrap();
    let banner = house.get("features/banner").await.json();
    assert_eq!((&banner["definition"]["default_value"], &banner["revision"]), (&json!(false), &json!(1)));
    assert_eq!(house.get("scheduled-changes").await.json()["items"][0]["outcome"], "begun", "the other is at it");
    house.access.database().execute(statement("DROP TRIGGER other")).await.unwrap();
    stage.pass(301_000);
    assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 1);
    assert_eq!(house.get("features/banner").await.json()["definition"]["default_value"], true);
    assert_eq!(house.get("scheduled-changes").await.json()["items"][0]["outcome"], "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_a_hundred_characters_is_found_again() {
    let stage = Stage::sqlite().await.expect("SQLite is built in");
    let house = house(&stage).await;
    let key = "k".repeat(100);
    house.make("features", &key, json!({"value_type": "boolean", "default_value": false})).await;
    let path = format!("features/{key}");
    assert_eq!(house.get(&path).await.good().json()["key"], json!(key));
    house.patch(&path, json!({"default_value": true})).await.good();
}

mod scenes {
    use footfall_api_access::{KeyKind, statement};
    use serde_json::{Value, json};

    use crate::gear::house;
    use crate::stage::Stage;

    pub async fn a_definition_lives(stage: &Stage) {
        let house = house(stage).await;
        let flag = json!({"value_type": "string", "default_value": "blue"});
        let made = house.post("features", json!({"key": "colour", "definition": flag, "reason": "first"})).await.good();
        assert_eq!((made.status.as_u16(), made.header("location")), (201, "/v1/projects/shop/features/colour"));
        assert_eq!(made.header("etag"), "\"r1\"");
        let again = house.post("features", json!({"key": "colour", "definition": flag})).await;
        assert_eq!(again.refusal().1, "key_taken");

        let stale = house.ask("PATCH", "features/colour", &[("if-match", "\"r7\"")], json!({"definition": {}})).await;
        assert_eq!(stale.status, 412);
        let unsaid = house.ask("PATCH", "features/colour", &[], json!({"definition": {}})).await;
        assert_eq!(unsaid.status, 428);
        let patch = json!({"definition": {"default_value": "red", "owner": "ada"}, "reason": "brand"});
        let changed = house.ask("PATCH", "features/colour", &[("if-match", "\"r1\"")], patch).await.good();
        assert_eq!(changed.json()["definition"]["default_value"], "red");
        assert_eq!(changed.header("etag"), "\"r2\"");

        let history = house.get("features/colour/revisions").await.good().json();
        let newest = &history["items"][0];
        assert_eq!((&newest["reason"], &newest["act"]), (&json!("brand"), &json!("change")));
        let pointers: Vec<&Value> = newest["changes"].as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
        assert_eq!(pointers, ["/definition/default_value", "/definition/owner"]);

        let back = house.post("features/colour/rollback", json!({"revision": 1, "reason": "no"})).await.good();
        assert_eq!((&back.json()["definition"]["default_value"], back.header("etag")), (&json!("blue"), "\"r3\""));

        house.make("features", "zebra", flag).await;
        let first = house.get("features?limit=1").await.good().json();
        assert_eq!(first["items"][0]["key"], "colour");
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = house.get(&format!("features?limit=1&cursor={cursor}")).await.good().json();
        assert_eq!((&second["items"][0]["key"], &second["next_cursor"]), (&json!("zebra"), &Value::Null));

        house.ask("DELETE", "features/zebra?reason=old", &[("if-match", "\"r1\"")], Value::Null).await.good();
        assert_eq!(house.get("features/zebra").await.refusal().1, "definition_unknown");
        assert_eq!(house.get("features/zebra/revisions").await.good().json()["items"][0]["reason"], "old");
        house.make("features", "zebra", json!({"value_type": "boolean", "default_value": true})).await;
        assert_eq!(house.get("features/zebra").await.good().json()["revision"], 3, "revisions go on");

        let records = house.access.audit_after(None, 0, 1000).await.unwrap();
        let acts: Vec<&str> =
            records.iter().map(|record| record.action.as_str()).filter(|act| act.starts_with("feature.")).collect();
        assert_eq!(
            acts,
            [
                "feature.create",
                "feature.change",
                "feature.change",
                "feature.create",
                "feature.delete",
                "feature.create"
            ]
        );

        let read = house.key(KeyKind::Read).await.1;
        let bearer = format!("Bearer {read}");
        let reader = [("authorization", bearer.as_str()), ("if-match", "*")];
        assert_eq!(house.raw("GET", "/v1/projects/shop/features", &reader, Value::Null).await.status, 200);
        let wanted = json!({"is_on": false});
        assert_eq!(house.raw("PUT", "/v1/projects/shop/features/colour/switch", &reader, wanted).await.status, 403);
    }

    pub async fn what_is_wrong_is_told_where(stage: &Stage) {
        let house = house(stage).await;
        house.experiment(json!({})).await;
        house.make("attributes", "country", json!({"type": "string"})).await;
        let patch = |definition: Value| async { house.patch("experiments/exp", definition).await.refusal() };
        let weights = json!({"variations": [{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.6}]});
        assert_eq!(patch(weights).await.2, ["/definition/variations"]);
        let twice = json!({"variations": [{"key": "a", "weight": 0.5}, {"key": "a", "weight": 0.5}]});
        assert_eq!(patch(twice).await.2[0], "/definition/variations/1");
        assert_eq!(patch(json!({"condition": {"cuntry": "DE"}})).await.2, ["/definition/condition/cuntry"]);
        assert_eq!(patch(json!({"hash_attribute": "country"})).await.2, ["/definition/hash_attribute"]);
        assert_eq!(patch(json!({"goals": ["sold"]})).await.2, ["/definition/goals/0"]);
        assert_eq!(patch(json!({"analysis": {"alpha": 2.0}})).await.2, ["/definition/analysis/alpha"]);
        assert_eq!(patch(json!({"coverage": "half"})).await.2, ["/definition/coverage"]);
        let renamed = json!({"variations": [{"key": "control", "weight": 0.5}, {"key": "other", "weight": 0.5}]});
        let (_, _, pointers) = patch(renamed).await;
        assert_eq!(pointers, ["/definition"], "the feature has no value for it");
        let places = json!({"variations": [{"key": "1", "weight": 0.5}, {"key": "2", "weight": 0.5}]});
        let (_, _, pointers) = patch(places).await;
        assert_eq!(pointers[..2], ["/definition/variations/0/key", "/definition/variations/1/key"]);

        house.make("features", "a", json!({"value_type": "boolean", "default_value": true})).await;
        house
            .make(
                "features",
                "b",
                json!({"value_type": "boolean", "default_value": true, "prerequisites": [{"feature": "a"}]}),
            )
            .await;
        let circle = house.patch("features/a", json!({"prerequisites": [{"feature": "b"}]})).await;
        assert!(circle.text.contains("a → b → a"), "{}", circle.text);
        let wrong_type = house.patch("features/a", json!({"default_value": "yes"})).await;
        assert_eq!(wrong_type.refusal().2, ["/definition/default_value"]);
        let unknown = json!({"key": "c", "definition": {"value_type": "boolean", "default_value": true, "rulez": []}});
        assert_eq!(house.post("features", unknown).await.refusal().2, ["/definition/rulez"]);

        house.make("namespaces", "checkout", json!({})).await;
        let share = |start: f64, end: f64| json!({"namespace": {"namespace": "checkout", "start": start, "end": end}});
        house.patch("experiments/exp", share(0.0, 0.5)).await.good();
        let mut other = house.get("experiments/exp").await.json()["definition"].clone();
        footfall_api_http::merge(&mut other, share(0.4, 1.0));
        let overlap = house.post("experiments", json!({"key": "other", "definition": other})).await;
        assert_eq!(overlap.refusal().2, ["/definition/namespace"]);
        footfall_api_http::merge(&mut other, share(0.5, 1.0));
        house.make("attributes", "device", json!({"type": "string", "identifies": true})).await;
        let mut by_device = other.clone();
        footfall_api_http::merge(&mut by_device, json!({"hash_attribute": "device"}));
        let apart = house.post("experiments", json!({"key": "other", "definition": by_device})).await;
        assert_eq!(apart.refusal().2, ["/definition/namespace"]);
        house.make("experiments", "other", other).await;

        let plan = json!({"plan": {"baseline_mean": 0.1, "baseline_variance": 0.09, "users_per_day": 100, "days": 7, "minimum_effect": 0.02}});
        house.patch("experiments/exp", plan).await.good();
        let start = house.post("experiments/exp/start", json!({"without_review": true})).await;
        assert_eq!(start.refusal().2, ["/definition/plan"]);
        assert!(start.text.contains("underpowered"), "{}", start.text);
        assert_eq!(house.get("experiments/exp/power").await.good().json()["is_underpowered"], true);
        house.patch("experiments/exp", json!({"plan": {"accepts_low_power": true}})).await.good();
        house.post("experiments/exp/start", json!({"without_review": true})).await.good();
    }

    pub async fn references_hold(stage: &Stage) {
        let house = house(stage).await;
        house.experiment(json!({})).await;
        for (path, user) in [("metrics/bought", "experiment exp"), ("experiments/exp", "feature checkout")] {
            let kept = house.ask("DELETE", path, &[("if-match", "*")], Value::Null).await;
            assert_eq!(kept.refusal().1, "in_use");
            assert!(kept.text.contains(user), "{}", kept.text);
        }
        house.ask("DELETE", "features/checkout", &[("if-match", "*")], Value::Null).await.good();
        house.ask("DELETE", "experiments/exp", &[("if-match", "*")], Value::Null).await.good();
        house.ask("DELETE", "metrics/bought", &[("if-match", "*")], Value::Null).await.good();
        assert_eq!(house.ask("DELETE", "metrics/bought", &[("if-match", "*")], Value::Null).await.status, 404);
    }

    /// A process took a change, and ended before it was done.
    pub async fn what_was_interrupted_is_done_again(stage: &Stage) {
        let house = house(stage).await;
        house.make("features", "banner", json!({"value_type": "boolean", "default_value": false})).await;
        let change = json!({"kind": "feature", "key": "banner", "due_at": "2026-11-24T13:00:00Z",
            "change": {"patch": {"default_value": true}}});
        house.post("scheduled-changes", change).await.good();
        stage.pass(3_600_000);
        let begun = statement("UPDATE flag_schedule SET outcome = 'begun', done_at = $1").bind(house.experiments.now());
        house.access.database().execute(begun).await.unwrap();
        stage.pass(60_000);
        assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 0, "it may still be at it");
        stage.pass(300_000);
        assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 1);
        assert_eq!(house.get("features/banner").await.json()["definition"]["default_value"], true);
        assert_eq!(house.get("scheduled-changes").await.json()["items"][0]["outcome"], "done");
        assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 0, "once");
    }

    /// A change of a flag that is due on the day, at this time, named by its reason.
    fn change(key: &str, time: &str, value: &str) -> Value {
        json!({"kind": "feature", "key": key, "due_at": format!("2026-11-24T{time}:00Z"), "reason": value,
            "change": {"patch": {"default_value": value}}})
    }

    /// Changes of one flag whose time has come while nobody looked, two of them at the same moment. Their ids tell the order of those,
    /// whatever order the database finds them in.
    pub async fn what_is_due_together_is_done_in_order(stage: &Stage) {
        let house = house(stage).await;
        house.make("features", "banner", json!({"value_type": "string", "default_value": "none"})).await;
        for (id, time, value) in [("a", "13:30", "third"), ("c", "13:00", "second"), ("b", "13:00", "first")] {
            house.post("scheduled-changes", change("banner", time, value)).await.good();
            let named = statement("UPDATE flag_schedule SET id = $1 WHERE reason = $2").bind(id).bind(value);
            house.access.database().execute(named).await.unwrap();
        }
        stage.pass(2 * 3_600_000);
        assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 3);
        let banner = house.get("features/banner").await.json();
        assert_eq!((&banner["definition"]["default_value"], &banner["revision"]), (&json!("third"), &json!(4)));
        let history = house.get("features/banner/revisions").await.json();
        for (place, value) in ["third", "second", "first"].into_iter().enumerate() {
            let reason = history["items"][place]["reason"].as_str().unwrap();
            assert!(reason.ends_with(value), "{place}: {history}");
        }
        let listed = house.get("scheduled-changes").await.good().json();
        let listed = listed["items"].as_array().unwrap().iter().map(|item| (&item["reason"], &item["outcome"]));
        let done = json!("done");
        let values = [json!("first"), json!("second"), json!("third")];
        assert_eq!(listed.collect::<Vec<_>>(), values.iter().map(|value| (value, &done)).collect::<Vec<_>>());
    }

    /// A process took the first of two changes and ended: the second one waits for it, and that of another flag does not.
    pub async fn what_comes_behind_an_interrupted_change_waits_for_it(stage: &Stage) {
        let house = house(stage).await;
        for key in ["banner", "other"] {
            house.make("features", key, json!({"value_type": "string", "default_value": "none"})).await;
        }
        for (key, value) in [("banner", "first"), ("banner", "second"), ("other", "on")] {
            house.post("scheduled-changes", change(key, "13:00", value)).await.good();
        }
        stage.pass(3_600_000);
        let begun = statement("UPDATE flag_schedule SET outcome = 'begun', done_at = $1 WHERE reason = 'first'");
        house.access.database().execute(begun.bind(house.experiments.now())).await.unwrap();
        stage.pass(60_000);
        assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 1);
        let value = async |key: &str| {
            let flag = house.get(&format!("features/{key}")).await.json();
            flag["definition"]["default_value"].as_str().unwrap().to_owned()
        };
        assert_eq!((value("banner").await, value("other").await), ("none".to_owned(), "on".to_owned()));
        stage.pass(300_000);
        assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 2);
        assert_eq!(value("banner").await, "second");
    }

    pub async fn a_schedule_is_kept(stage: &Stage) {
        let house = house(stage).await;
        house.make("features", "banner", json!({"value_type": "boolean", "default_value": false})).await;
        let change = |due: &str, patch: Value| {
            json!({
            "kind": "feature", "key": "banner", "due_at": due, "change": {"patch": patch}, "reason": "Christmas"})
        };
        let past = house.post("scheduled-changes", change("2026-11-24T11:00:00Z", json!({}))).await;
        assert_eq!(past.refusal().2, ["/due_at"]);
        let wrong = house.post("scheduled-changes", change("2026-11-24T13:00:00Z", json!({"rulez": 1}))).await;
        assert_eq!(wrong.refusal().1, "definition_invalid");
        house.post("scheduled-changes", change("2026-11-24T13:00:00Z", json!({"default_value": true}))).await.good();
        let bad = house
            .post("scheduled-changes", change("2026-11-24T13:30:00Z", json!({"default_value": "yes"})))
            .await
            .good();
        assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 0);
        stage.pass(3_600_000);
        assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 1);
        let features = house.get("features/banner").await.json();
        assert_eq!((&features["definition"]["default_value"], &features["revision"]), (&json!(true), &json!(2)));
        assert_eq!(house.experiments.do_what_is_due().await.unwrap(), 0, "once");
        stage.pass(3_600_000);
        house.experiments.do_what_is_due().await.unwrap();
        let listed = house.get("scheduled-changes").await.good().json();
        assert_eq!(listed["items"][0]["outcome"], "done");
        assert!(listed["items"][1]["outcome"].as_str().unwrap().contains("default_value"), "{listed}");
        let id = bad.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(
            house.ask("DELETE", &format!("scheduled-changes/{id}"), &[], Value::Null).await.status,
            404,
            "it is done"
        );
        let history = house.get("features/banner/revisions").await.json();
        assert!(history["items"][0]["reason"].as_str().unwrap().contains("Christmas"));
        assert_eq!(history["items"][0]["actor"], "system");
        // Three weeks later nobody needs it.
        stage.pass(21 * 24 * 3_600_000);
        let (_, key) = house.key(KeyKind::Read).await;
        let bearer = format!("Bearer {key}");
        let stale =
            house.raw("GET", "/v1/projects/shop/stale-features", &[("authorization", &bearer)], Value::Null).await;
        assert_eq!(
            stale.good().json()["items"],
            json!([{"key": "banner", "reason": "no_rules", "unchanged_days": 21}])
        );
    }
}
