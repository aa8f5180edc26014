//! The OpenAPI document of these routes is the committed one, and every route has its permission.

use serde_json::Value;

use crate::gear::house;
use crate::stage::Stage;

/// `FOOTFALL_WRITE_DOCUMENT=1 cargo test -p footfall-api-experiments document` writes it anew.
const COMMITTED: &str = include_str!("../openapi.json");

/// The operations of this crate, with the schemas that they name.
fn own_part(document: &Value) -> Value {
    const TAGS: [&str; 14] = [
        "environments",
        "attributes",
        "saved_groups",
        "namespaces",
        "holdouts",
        "features",
        "experiments",
        "metrics",
        "lifecycle",
        "scheduled_changes",
        "sdk_connections",
        "stale_features",
        "results",
        "evaluation",
    ];
    let mut paths = document["paths"].as_object().unwrap().clone();
    paths.retain(|_, methods| {
        let operation = methods.as_object().unwrap().values().next().unwrap();
        TAGS.contains(&operation["tags"][0].as_str().unwrap())
    });
    Value::Object(paths)
}

#[tokio::test]
async fn the_document_is_the_committed_one() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    let now = serde_json::to_string_pretty(&own_part(&house.document)).unwrap() + "\n";
    if std::env::var_os("FOOTFALL_WRITE_DOCUMENT").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi.json"), &now).unwrap();
        return;
    }
    let differing = now.lines().zip(COMMITTED.lines()).enumerate().find(|(_, (now, committed))| now != committed);
    assert!(now == COMMITTED, "openapi.json has drifted at {differing:?}: write it anew, and look at the difference");
}

#[tokio::test]
async fn every_route_of_a_project_asks_for_a_permission_of_flags_or_experiments() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    let own = own_part(&house.document);
    let mut operations = 0;
    for (path, methods) in own.as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            let permission = operation["x-permission"].as_str().unwrap_or_default();
            // The evaluation of a flag changes nothing, and takes a body.
            let is_read = method == "get" || path.ends_with("/evaluation");
            let wanted =
                [["flags.write", "experiments.write"], ["flags.read", "experiments.read"]][usize::from(is_read)];
            assert!(wanted.contains(&permission), "{method} {path}: {permission}");
        }
    }
    assert!(operations > 80, "{operations}");
}
