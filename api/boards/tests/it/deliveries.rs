//! What stands between an answer and who waits for it: engines that are busy, files that are too large, readers that are gone.

use footfall_api_access::statement;
use serde_json::json;

use crate::gear::{PROJECT, house};
use crate::schedules::{MINUTE, fates, mails, question, reports, schedule};
use crate::stage::Stage;

mod scenes {
    use super::*;

    /// An engine that is busy, or still reads the activity after a restart, does not cost a week's report.
    pub async fn what_has_no_answer_yet_is_asked_again(stage: &Stage) {
        let house = house(stage).await;
        let put = async |sql: &str| {
            let content = json!({"content": {"title": "Orders", "ask": {"sql": sql}}});
            house.put("questions/orders", content).await.good();
        };
        let ask = async || house.boards.ask_what_is_due().await.unwrap();
        let failures = async || {
            let sent = mails(&house, stage).await;
            sent.iter().filter(|mail| mail.contains("Subject: Failed: Orders")).count()
        };
        question(&house).await;
        put("SELECT later").await;
        let content = json!({"title": "Orders", "question": "orders", "every": {"monday_at": 6}, "task": {"send": "csv"},
            "to": {"emails": ["owner@example.org"]}});
        house.post("schedules", json!({"key": "week", "content": content})).await.good();
        stage.pass(7 * 24 * 60 * MINUTE);
        assert_eq!((ask().await, ask().await), (1, 0));
        let runs = house.get("schedules/week/runs").await.good().json();
        assert_eq!(runs["items"][0]["fate"], "interrupted");
        assert!(runs["items"][0]["detail"].as_str().unwrap().contains("busy; it is asked again at"), "{runs}");
        stage.pass(MINUTE);
        put("SELECT name, number FROM orders").await;
        assert_eq!((ask().await, fates(&house, "week").await), (1, vec!["sent".to_owned(), "interrupted".to_owned()]));
        assert_eq!((reports(&house, stage).await, failures().await, ask().await), (1, 0, 0));
        // Not for ever.
        put("SELECT later").await;
        stage.pass(7 * 24 * 60 * MINUTE);
        for tries in 1..=7 {
            assert_eq!((ask().await, failures().await), (1, usize::from(tries == 7)), "{tries}");
            stage.pass(60 * MINUTE);
        }
        assert_eq!((ask().await, fates(&house, "week").await[0].as_str()), (0, "failed"));
        // What is asked again soon anyway has failed.
        let often = json!({"title": "Orders", "question": "orders", "every": {"minutes": 1},
            "task": {"alert": {"below": 1.0}}, "to": {"emails": ["owner@example.org"]}});
        house.post("schedules", json!({"key": "often", "content": often})).await.good();
        stage.pass(MINUTE);
        assert_eq!((ask().await, fates(&house, "often").await), (1, vec!["failed".to_owned()]));
        assert_eq!(failures().await, 2);
    }

    /// A report that nobody can be sent is a failure, and whoever waits for it hears of it.
    pub async fn a_file_that_is_too_large_has_failed(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        schedule(&house, "mail", json!({"send": "csv"})).await;
        *house.echo.numbers.lock().unwrap() = vec![1.0; 600_000];
        stage.pass(5 * MINUTE);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 1);
        assert_eq!(fates(&house, "mail").await, ["failed"]);
        let runs = house.get("schedules/mail/runs").await.good().json();
        assert!(runs["items"][0]["detail"].as_str().unwrap().contains("at most 5242880 are sent"), "{runs}");
        let sent = mails(&house, stage).await;
        assert_eq!(sent.iter().filter(|mail| mail.contains("Subject: Failed: Orders")).count(), 1);
    }

    pub async fn who_stands_there_twice_is_sent_one(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        let content = json!({"title": "Orders", "question": "orders", "every": {"minutes": 5}, "task": {"send": "csv"},
            "to": {"emails": ["owner@example.org", "Owner@Example.org"]}});
        house.post("schedules", json!({"key": "mail", "content": content})).await.good();
        stage.pass(5 * MINUTE);
        house.boards.ask_what_is_due().await.unwrap();
        assert_eq!((fates(&house, "mail").await, reports(&house, stage).await), (vec!["sent".to_owned()], 1));
    }

    /// A report whose last reader is gone is not sent.
    pub async fn what_nobody_is_sent_has_failed(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        let organisation = house.access.organisation_of(PROJECT).unwrap();
        let webhooks = format!("/v1/organisations/{organisation}/webhooks");
        let made = house.post(&webhooks, json!({"name": "Chat", "url": "https://hooks.example.org/"})).await.good();
        let webhook = made.json()["id"].as_str().unwrap().to_owned();
        let content = json!({"title": "Orders", "question": "orders", "every": {"minutes": 5}, "task": {"send": "csv"},
            "to": {"webhooks": [webhook]}});
        house.post("schedules", json!({"key": "chat", "content": content})).await.good();
        stage.pass(5 * MINUTE);
        house.boards.ask_what_is_due().await.unwrap();
        assert_eq!(fates(&house, "chat").await, ["sent"]);
        let off = statement("UPDATE webhooks SET is_enabled = 0 WHERE id = $1").bind(&webhook);
        house.access.database().execute(off).await.unwrap();
        stage.pass(5 * MINUTE);
        house.boards.ask_what_is_due().await.unwrap();
        assert_eq!(fates(&house, "chat").await, ["failed", "sent"]);
        let runs = house.get("schedules/chat/runs").await.good().json();
        assert!(runs["items"][0]["detail"].as_str().unwrap().contains(&format!("not told: {webhook}")), "{runs}");
    }

    /// What another version of the program has written waits for it.
    pub async fn a_schedule_that_cannot_be_read_is_kept(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        schedule(&house, "mail", json!({"send": "csv"})).await;
        let database = house.access.database();
        let content = statement("SELECT content FROM board_items WHERE kind = 'schedule'");
        let content: String = database.read_one(content).await.unwrap().unwrap().get("content").unwrap();
        let write = async |content: &str| {
            let update = statement("UPDATE board_items SET content = $1 WHERE kind = 'schedule'").bind(content);
            database.execute(update).await.unwrap();
        };
        write(&content.replace("send", "sing")).await;
        stage.pass(5 * MINUTE);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 0);
        write(&content).await;
        stage.pass(61 * MINUTE);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 1);
        assert_eq!(fates(&house, "mail").await, ["sent"]);
    }
}

on_both!(
    what_has_no_answer_yet_is_asked_again,
    a_file_that_is_too_large_has_failed,
    what_nobody_is_sent_has_failed,
    who_stands_there_twice_is_sent_one,
    a_schedule_that_cannot_be_read_is_kept,
);
