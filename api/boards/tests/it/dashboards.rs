//! Dashboards and questions: kept byte for byte, faults with pointers and lines, revisions, answers with bound values.

use serde_json::{Value, json};

use crate::gear::{SALES, house};
use crate::stage::Stage;

/// Names and data of events.
fn events(text: &str) -> Vec<(String, Value)> {
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.map(|line| line.trim_start_matches(':').trim_start().to_owned()).unwrap_or_default()
    };
    let told = text.split("\n\n").filter(|event| event.contains("event"));
    told.map(|event| (field(event, "event"), serde_json::from_str(&field(event, "data")).unwrap())).collect()
}

mod scenes {
    use super::*;

    pub async fn files_are_kept_byte_for_byte(stage: &Stage) {
        let house = house(stage).await;
        let made = house.post("dashboards", json!({"key": "sales", "text": SALES})).await.good();
        assert_eq!(made.json()["text"], SALES);
        assert_eq!(made.tag(), "\"r1\"");
        assert_eq!(house.get("dashboards/sales").await.json()["text"], SALES);
        assert_eq!(house.get("dashboards/sales").await.json()["dashboard"]["title"], "Sales");
        // What the page sends is written, and means the same when it is read.
        let mut board = made.json()["dashboard"].clone();
        board["tiles"][0]["width"] = json!(5);
        let changed = house.put("dashboards/sales", json!({"dashboard": board})).await.good();
        assert_eq!(changed.json()["dashboard"], board);
        let text = changed.json()["text"].as_str().unwrap().to_owned();
        let again = house.put("dashboards/sales", json!({"text": text})).await.good();
        assert_eq!((&again.json()["dashboard"], again.tag()), (&board, "\"r3\""));
        let taken = house.post("dashboards", json!({"key": "sales", "text": SALES})).await;
        assert_eq!(taken.refusal().1, "board_key_taken");
        // A change of what was read before is refused.
        let stale = house.ask("PUT", "dashboards/sales", &[("if-match", "\"r1\"")], json!({"text": SALES})).await;
        assert_eq!(stale.refusal().0, 412);
        let none = house.ask("PUT", "dashboards/sales", &[], json!({"text": SALES})).await;
        assert_eq!(none.refusal().0, 428);
        house.delete("dashboards/sales").await.good();
        assert_eq!(house.get("dashboards/sales").await.refusal().1, "board_item_unknown");
        let actions = house.access.audit_after(None, 0, 1_000).await.unwrap();
        let actions: Vec<&str> = actions.iter().map(|record| record.action.as_str()).collect();
        for wanted in ["dashboard.create", "dashboard.change", "dashboard.delete"] {
            assert!(actions.contains(&wanted), "{wanted} is in the audit: {actions:?}");
        }
    }

    pub async fn built_in_ones_can_be_changed_and_come_back(stage: &Stage) {
        let house = house(stage).await;
        let all = house.get("dashboards?limit=3").await.good().json();
        assert_eq!(all["items"][0]["key"], "acquisition");
        assert_eq!(all["items"].as_array().unwrap().len(), 3);
        assert!(all["next_cursor"].is_string());
        let built_in = house.get("dashboards/retention").await.good();
        assert_eq!((built_in.tag(), built_in.json()["is_built_in"].clone()), ("\"r0\"", json!(true)));
        assert_eq!(house.delete("dashboards/retention").await.refusal().1, "built_in");
        let text = built_in.json()["text"].as_str().unwrap().replace("title: Retention", "title: Ours");
        let headers = [("if-match", "\"r0\"")];
        house.ask("PUT", "dashboards/retention", &headers, json!({"text": text})).await.good();
        assert_eq!(house.ask("PUT", "dashboards/retention", &headers, json!({"text": text})).await.refusal().0, 412);
        let listed = house.get("dashboards?limit=200").await.json();
        let ours = listed["items"].as_array().unwrap().iter().find(|item| item["key"] == "retention").unwrap().clone();
        assert_eq!((ours["title"].clone(), ours["is_built_in"].clone()), (json!("Ours"), json!(false)));
        house.delete("dashboards/retention").await.good();
        assert_eq!(house.get("dashboards/retention").await.json()["is_built_in"], true);
    }

    pub async fn faults_have_pointers_and_lines(stage: &Stage) {
        let house = house(stage).await;
        let at = |text: String| {
            let house = &house;
            async move {
                let refused = house.post("dashboards", json!({"key": "x", "text": text})).await;
                let first = refused.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
                let (status, code, pointers) = refused.refusal();
                assert_eq!((status, code.as_str()), (422, "document_invalid"));
                (pointers[0].clone(), first)
            }
        };
        let tile = |part: &str| {
            format!(
                "footfall: dashboard/1\ntitle: x\ntiles:\n  - id: a\n    x: 0\n    y: 0\n    width: 6\n    height: 2\n    {part}\n"
            )
        };
        let (pointer, detail) = at(tile("ask: {sql: 'SELECT $who'}")).await;
        assert_eq!(pointer, "/dashboard/tiles/0/ask/sql");
        assert!(detail.contains("$who") && detail.contains("line 9"), "{detail}");
        let (pointer, detail) =
            at(tile("ask: {insight: {question: trend, bucket: day, series: [{select: {}, mesures: [people]}]}}")).await;
        assert_eq!(pointer, "/dashboard/tiles/0/ask/insight");
        assert!(detail.contains("mesures"), "{detail}");
        assert_eq!(at(tile("show: pie\n    ask: {text: x}")).await.0, "/dashboard/tiles/0/show");
        assert_eq!(at(tile("ask: {insight: {question: trend, scope: {}}}")).await.0, "/dashboard/tiles/0/ask/insight");
        assert_eq!(at("footfall: dashboard/1\ntitle: [".to_owned()).await.0, "/text");
        assert_eq!(at("footfall: dashboard/2\ntitle: x".to_owned()).await.0, "/dashboard/footfall");
        let twice = "footfall: dashboard/1\ntitle: x\ntiles:\n  - {id: a, x: 0, y: 0, width: 6, height: 2, ask: {text: x}}\n  - {id: a, x: 3, y: 1, width: 10, height: 2, ask: {text: x}}\n";
        let refused = house.post("dashboards", json!({"key": "x", "text": twice})).await;
        let (_, _, pointers) = refused.refusal();
        assert_eq!(pointers, ["/dashboard/tiles/1/width", "/dashboard/tiles/1/x", "/dashboard/tiles/1"]);
        assert_eq!(house.post("dashboards", json!({"key": "Not a key", "text": SALES})).await.refusal().2, ["/key"]);
        assert_eq!(house.post("dashboards", json!({"key": "x"})).await.refusal().2, ["/text"]);
    }

    pub async fn tiles_ask_with_bound_values(stage: &Stage) {
        let house = house(stage).await;
        house.post("dashboards", json!({"key": "sales", "text": SALES})).await.good();
        *house.echo.numbers.lock().unwrap() = vec![2.0, 5.0];
        let answer =
            house.post("dashboards/sales/answers", json!({"tile": "buyers", "variables": {"plan": "pro"}})).await;
        let answer = answer.good().json();
        assert_eq!(answer["answer"]["lines"][0]["measures"][0], json!([2.0, 5.0]));
        let asked = house.asked();
        // 2026-11-24 at noon in Berlin: seven days that end with that day.
        assert_eq!(asked["scope"]["until_ms"], 1_795_561_200_000_i64);
        assert_eq!(asked["scope"]["from_ms"], 1_795_561_200_000_i64 - 7 * 86_400_000);
        let condition = &asked["series"][0]["select"]["condition"]["all"];
        assert_eq!(condition[1], json!({"property": {"property": "plan", "test": {"is": ["pro"]}}}));
        assert_eq!(condition[0]["property"]["property"], "secret", "its own condition stays");
        // Without a value nothing is filtered.
        house.post("dashboards/sales/answers", json!({"tile": "buyers"})).await.good();
        assert_eq!(house.asked()["series"][0]["select"]["condition"], condition[0]);
        let nasty = json!({"tile": "rows", "variables": {"plan": "free", "least": 9}});
        let answer = house.post("dashboards/sales/answers", nasty).await.good().json();
        assert_eq!(answer["rows"], json!([["a", 2.0], ["a", 5.0]]));
        let asked = house.asked();
        assert_eq!(asked["sql"], "SELECT $plan, $least, $from");
        assert_eq!(asked["params"]["plan"], "free");
        assert_eq!(asked["params"]["least"], 9);
        for (variables, pointer) in [
            (json!({"plan": "' OR 1=1"}), "/variables/plan"),
            (json!({"least": "9"}), "/variables/least"),
            (json!({"other": 1}), "/variables/other"),
        ] {
            let refused = house.post("dashboards/sales/answers", json!({"tile": "rows", "variables": variables})).await;
            assert_eq!(refused.refusal().2, [pointer]);
        }
        for tile in ["words", "none"] {
            let refused = house.post("dashboards/sales/answers", json!({"tile": tile})).await;
            assert_eq!(refused.refusal().1, "board_item_unknown", "{tile}");
        }
    }

    pub async fn tiles_tell_how_far_they_are(stage: &Stage) {
        let house = house(stage).await;
        house.post("dashboards", json!({"key": "sales", "text": SALES})).await.good();
        let stream = [("accept", "text/event-stream")];
        let ask =
            async |tile: &str| house.ask("POST", "dashboards/sales/answers", &stream, json!({"tile": tile})).await;
        *house.echo.numbers.lock().unwrap() = vec![2.0, 5.0];
        let answer = ask("buyers").await.good();
        assert_eq!(answer.headers["content-type"], "text/event-stream");
        let told = events(&answer.text);
        let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["partial", "progress", "answer"]);
        assert_eq!(told[0].1["share"], 0.25);
        assert_eq!(told[0].1["answer"]["answer"]["lines"], json!([]));
        assert_eq!(told[1].1["state"], "asking");
        let plain = house.post("dashboards/sales/answers", json!({"tile": "buyers"})).await.good().json();
        assert_eq!(told[2].1, plain);
        // A part is drawn as the whole is.
        for name in ["show", "question", "is_filtered"] {
            assert_eq!(told[0].1["answer"][name], plain[name], "{name}");
        }
        // Something may fail when a part was told already.
        house.echo.numbers.lock().unwrap().clear();
        let told = events(&ask("buyers").await.good().text);
        let (name, last) = told.last().unwrap();
        assert_eq!((name.as_str(), last["code"].as_str()), ("problem", Some("answer_later")));
        // SQL has no parts; what is refused before anything is asked is refused as always.
        let told = events(&ask("rows").await.good().text);
        assert_eq!(told.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["answer"]);
        assert_eq!(ask("none").await.refusal().1, "board_item_unknown");
    }

    pub async fn questions_are_kept_with_their_parameters(stage: &Stage) {
        let house = house(stage).await;
        let content = json!({"title": "Plans", "ask": {"sql": "SELECT $plan, $until"},
            "parameters": [{"name": "plan", "type": "text", "default": "pro"}]});
        house.post("questions", json!({"key": "plans", "content": content})).await.good();
        house.post("questions/plans/answers", json!({})).await.good();
        assert_eq!(house.asked()["params"]["plan"], "pro");
        house.post("questions/plans/answers", json!({"variables": {"plan": "free"}})).await.good();
        assert_eq!(house.asked()["params"]["plan"], "free");
        // A tile shows it; the dashboard's variable of the name goes first.
        let board = |variables: Value| {
            json!({"footfall": "dashboard/1", "title": "x", "variables": variables,
            "tiles": [{"id": "a", "x": 0, "y": 0, "width": 3, "height": 3, "ask": {"saved": "plans"}}]})
        };
        house.post("dashboards", json!({"key": "b", "dashboard": board(json!([]))})).await.good();
        house.post("dashboards/b/answers", json!({"tile": "a"})).await.good();
        assert_eq!(house.asked()["params"]["plan"], "pro");
        house
            .put("dashboards/b", json!({"dashboard": board(json!([{"name": "plan", "default": "team"}]))}))
            .await
            .good();
        house.post("dashboards/b/answers", json!({"tile": "a"})).await.good();
        assert_eq!(house.asked()["params"]["plan"], "team");
        let wrong = json!({"content": {"title": "", "ask": {"sql": "SELECT $nobody"}}});
        assert_eq!(house.put("questions/plans", wrong).await.refusal().2, ["/content/title", "/content/ask/sql"]);
        let refused = json!({"content": {"title": "x", "ask": {"sql": "SELECT no_such_column"}}});
        house.put("questions/plans", refused).await.good();
        let refused = house.post("questions/plans/answers", json!({})).await;
        assert_eq!((refused.refusal().1.as_str(), refused.json()["line"].clone()), ("question_refused", json!(1)));
        house.delete("questions/plans").await.good();
        let gone = house.post("dashboards/b/answers", json!({"tile": "a"})).await;
        assert_eq!(gone.refusal().1, "board_item_unknown");
        let note = json!({"content": {"at": "2026-11-20T12:00:00Z", "text": "App 4.2 is out"}});
        house.post("annotations", note).await.good();
        assert_eq!(house.get("annotations").await.json()["items"][0]["content"]["text"], "App 4.2 is out");
    }

    pub async fn questions_are_files_too(stage: &Stage) {
        let house = house(stage).await;
        let file = "footfall: question/1   # who pays\ntitle: 'Plans'\nask: {sql: 'SELECT $plan'}\nparameters: [{name: plan, default: pro}]\n";
        let made = house.post("questions", json!({"key": "plans", "text": file})).await.good();
        assert_eq!((made.json()["text"].as_str(), made.tag()), (Some(file), "\"r1\""));
        assert_eq!(house.get("questions/plans").await.json()["text"], file);
        assert_eq!(house.get("questions").await.json()["items"][0]["content"]["title"], "Plans");
        house.post("questions/plans/answers", json!({})).await.good();
        assert_eq!(house.asked()["params"]["plan"], "pro");
        // What the page sends is written, and means the same when it is read.
        let content = json!({"title": "Plans", "ask": {"sql": "SELECT $plan"}, "parameters": [{"name": "plan", "default": "free"}]});
        let changed = house.put("questions/plans", json!({"content": content})).await.good().json();
        let text = changed["text"].as_str().unwrap();
        assert!(text.starts_with("footfall: question/1\ntitle: Plans\n"), "{text}");
        let again = house.put("questions/plans", json!({"text": text})).await.good();
        assert_eq!((again.json()["content"].clone(), again.tag()), (changed["content"].clone(), "\"r3\""));
        house.post("questions/plans/answers", json!({})).await.good();
        assert_eq!(house.asked()["params"]["plan"], "free");
        // A schedule is about it.
        let schedule = json!({"content": {"title": "x", "question": "plans", "every": {"minutes": 5}, "task": {"send": "csv"}, "to": {"emails": ["owner@example.org"]}}});
        house.post("schedules", schedule).await.good();
        for (wrong, at) in [
            (json!({"text": "title: x"}), "/question/footfall"),
            (json!({"text": "footfall: question/1\ntitle: x\nask: {sql: 'SELECT $who'}"}), "/question/ask/sql"),
            (json!({"text": "- {"}), "/text"),
            (json!({"text": text, "content": content}), "/content"),
            (json!({}), "/content"),
        ] {
            let refused = house.put("questions/plans", wrong.clone()).await.refusal();
            assert_eq!(
                (refused.0, refused.1.as_str(), refused.2[0].as_str()),
                (422, "document_invalid", at),
                "{wrong}"
            );
        }
    }
}

on_both!(
    files_are_kept_byte_for_byte,
    built_in_ones_can_be_changed_and_come_back,
    faults_have_pointers_and_lines,
    tiles_ask_with_bound_values,
    tiles_tell_how_far_they_are,
    questions_are_kept_with_their_parameters,
    questions_are_files_too,
);
