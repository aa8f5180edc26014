//! Every route of a project asks for a permission of dashboards, and reads need no more than reading.

use crate::gear::house;
use crate::stage::Stage;

#[tokio::test]
async fn every_route_of_a_project_asks_for_a_permission_of_dashboards() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    const TAGS: [&str; 7] = ["dashboards", "tiles", "shares", "shared", "questions", "annotations", "schedules"];
    let mut operations = 0;
    for (path, methods) in house.document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if !TAGS.contains(&operation["tags"][0].as_str().unwrap()) {
                continue;
            }
            operations += 1;
            let permission = operation["x-permission"].as_str();
            let is_asking = path.ends_with("/answers");
            let wanted = match (path.starts_with("/v1/shared/"), method.as_str()) {
                (true, _) => None,
                (_, "get") if !path.ends_with("/shares") => Some("dashboards.read"),
                _ if is_asking => Some("dashboards.read"),
                _ => Some("dashboards.write"),
            };
            assert_eq!(permission, wanted, "{method} {path}");
        }
    }
    assert!(operations > 25, "{operations}");
}
