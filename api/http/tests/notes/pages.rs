//! Lists in pages: stable while notes come and go.

use footfall_ingest_activity::Clock;
use proptest::prelude::*;
use serde_json::Value;

use crate::gear::{Desk, desk};

/// The path and query of `Link: <…>; rel="next"`.
fn next(link: &str) -> Option<String> {
    Some(link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?.to_owned())
}

fn titles(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|note| note["title"].as_str().unwrap().to_owned()).collect()
}

async fn walk(desk: &Desk, first: &str) -> Vec<String> {
    let (mut all, mut uri) = (Vec::new(), Some(first.to_owned()));
    while let Some(at) = uri {
        let page = desk.get("ada", &at).await;
        assert_eq!(page.status, 200, "{}", page.text);
        all.extend(titles(&page.json()));
        uri = next(page.header("link"));
        assert_eq!(uri.is_some(), page.json()["next_cursor"].is_string());
    }
    all
}

#[tokio::test]
async fn all_pages_together_are_the_list() {
    let desk = desk();
    for number in 0..7 {
        desk.clock.set(desk.clock.now().plus_millis(number / 3));
        desk.write(&format!("n{number}")).await;
    }
    let mut sorted = walk(&desk, "/v1/notes?limit=200").await;
    for limit in 1..9 {
        assert_eq!(walk(&desk, &format!("/v1/notes?limit={limit}")).await, sorted, "{limit}");
    }
    sorted.sort();
    assert_eq!(sorted, ["n0", "n1", "n2", "n3", "n4", "n5", "n6"]);
    assert_eq!(walk(&desk, "/v1/notes?limit=1&title=n3&mood=calm").await, ["n3"]);
    assert_eq!(walk(&desk, "/v1/notes?mood=cross").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list_and_cannot_be_made_up() {
    let desk = desk();
    for number in 0..3 {
        desk.write(&format!("n{number}")).await;
    }
    let page = desk.get("ada", "/v1/notes?limit=1").await;
    let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(
        desk.get("ada", &format!("/v1/notes?limit=2&cursor={cursor}")).await.status,
        200,
        "another limit is fine"
    );
    for uri in [
        format!("/v1/notes?mood=calm&cursor={cursor}"),
        "/v1/notes?cursor=abc".into(),
        format!("/v1/notes?cursor={cursor}A"),
    ] {
        assert_eq!(desk.get("ada", &uri).await.code(), "cursor_invalid", "{uri}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_stays_comes_once_whatever_happens_between_pages(
        steps in prop::collection::vec((0usize..3, 0usize..30), 1..30), limit in 1usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(async {
            let desk = desk();
            let mut paths = Vec::new();
            for number in 0..15i64 {
                desk.clock.set(desk.clock.now().plus_millis(number % 2));
                paths.push((format!("n{number}"), desk.write(&format!("n{number}")).await));
            }
            let (mut seen, mut uri) = (Vec::new(), format!("/v1/notes?limit={limit}"));
            let mut steps = steps.into_iter();
            loop {
                let page = desk.get("ada", &uri).await;
                seen.extend(titles(&page.json()));
                match steps.next() {
                    Some((0, _)) => drop(desk.write("new").await),
                    Some((1, at)) if !paths.is_empty() => {
                        let (_, path) = paths.remove(at % paths.len());
                        desk.ask("ada", "DELETE", &path, &[("if-match", "*")], Value::Null).await;
                    }
                    _ => {}
                }
                match next(page.header("link")) {
                    Some(more) => uri = more,
                    None => return (seen, paths),
                }
            }
        });
        let (seen, paths) = outcome;
        for (title, _) in &paths {
            prop_assert_eq!(seen.iter().filter(|seen| *seen == title).count(), 1, "{} in {:?}", title, seen);
        }
    }
}
