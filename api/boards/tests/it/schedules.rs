//! Schedules: asked when they are due, once, with their fate on record; alerts tell when they begin and when they are over.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::gear::{House, house};
use crate::stage::Stage;

pub const MINUTE: i64 = 60_000;

pub async fn question(house: &House) {
    let content = json!({"title": "Orders", "ask": {"sql": "SELECT name, number FROM orders"}});
    house.post("questions", json!({"key": "orders", "content": content})).await.good();
}

pub async fn schedule(house: &House, key: &str, task: Value) {
    let content = json!({"title": "Orders", "question": "orders", "every": {"minutes": 5}, "task": task,
        "to": {"emails": ["owner@example.org"]}});
    house.post("schedules", json!({"key": key, "content": content})).await.good();
}

pub async fn fates(house: &House, key: &str) -> Vec<String> {
    let runs = house.get(&format!("schedules/{key}/runs")).await.good().json();
    runs["items"].as_array().unwrap().iter().map(|run| run["fate"].as_str().unwrap().to_owned()).collect()
}

/// The mails that were sent so far, as text.
pub async fn mails(house: &House, stage: &Stage) -> Vec<String> {
    house.access.send_mails().await.unwrap();
    let folder = stage.folder.path().join("mails");
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "eml")).collect();
    files.sort();
    files.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// The next question is not answered before the notification.
fn hold(house: &House) -> Arc<Notify> {
    let go_on = Arc::new(Notify::new());
    *house.echo.holds.lock().unwrap() = Some(go_on.clone());
    go_on
}

fn is_held(house: &House) -> bool {
    house.echo.holds.lock().unwrap().is_none()
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("{what} in time"));
}

pub async fn reports(house: &House, stage: &Stage) -> usize {
    mails(house, stage).await.iter().filter(|mail| mail.contains("Subject: Orders")).count()
}

mod scenes {
    use super::*;

    /// Who wants to see once what a schedule sends that is off does not switch it on.
    pub async fn what_is_off_is_asked_once_when_somebody_wants_it(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        let content = json!({"title": "Orders", "question": "orders", "every": {"minutes": 5}, "task": {"send": "csv"},
            "to": {"emails": ["owner@example.org"]}, "is_enabled": false});
        house.post("schedules", json!({"key": "mail", "content": content})).await.good();
        house.ask("POST", "schedules/mail/runs", &[], Value::Null).await.good();
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 1);
        assert_eq!((fates(&house, "mail").await, reports(&house, stage).await), (vec!["sent".to_owned()], 1));
        stage.pass(60 * MINUTE);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 0, "it is off");
    }

    /// An alarm that stands is about what was watched: something else begins anew.
    pub async fn what_is_watched_instead_alarms_anew(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        let refunds = json!({"title": "Refunds", "ask": {"sql": "SELECT name, number FROM refunds"}});
        house.post("questions", json!({"key": "refunds", "content": refunds})).await.good();
        schedule(&house, "watch", json!({"alert": {"above": 100.0}})).await;
        *house.echo.numbers.lock().unwrap() = vec![150.0];
        let alerts = async || {
            stage.pass(5 * MINUTE);
            assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 1);
            let sent = mails(&house, stage).await;
            sent.iter().filter(|mail| mail.contains("Subject: Alert: Orders")).count()
        };
        assert_eq!((alerts().await, alerts().await), (1, 1));
        let put = async |question: &str, above: f64, minutes: u32| {
            let content = json!({"title": "Orders", "question": question, "every": {"minutes": minutes},
                "task": {"alert": {"above": above}}, "to": {"emails": ["owner@example.org"]}});
            house.put("schedules/watch", json!({"content": content})).await.good();
        };
        put("orders", 100.0, 1).await;
        assert_eq!(alerts().await, 1, "the same is watched more often");
        put("refunds", 100.0, 1).await;
        assert_eq!((alerts().await, alerts().await), (2, 2));
        put("refunds", 120.0, 1).await;
        assert_eq!(alerts().await, 3);
    }

    /// A process ends in the middle of a question, as in a rolling restart.
    pub async fn what_was_interrupted_is_asked_again(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        schedule(&house, "mail", json!({"send": "csv"})).await;
        stage.pass(5 * MINUTE);
        for tries in 1..=2 {
            hold(&house);
            tokio::select! {
                () = house.boards.run(std::future::pending()) => unreachable!("nobody stops it"),
                () = until("it is asked", async || is_held(&house)) => {}
            }
            let mut expected = vec!["interrupted"; tries];
            expected[0] = "running";
            assert_eq!(fates(&house, "mail").await, expected);
        }
        tokio::select! {
            () = house.boards.run(std::future::pending()) => unreachable!("nobody stops it"),
            () = until("it is sent", async || fates(&house, "mail").await[0] == "sent") => {}
        }
        assert_eq!(fates(&house, "mail").await, ["sent", "interrupted", "interrupted"]);
        assert_eq!(reports(&house, stage).await, 1);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 0, "its next time is to come");
    }

    /// What ends the program each time is not asked for ever.
    pub async fn what_is_interrupted_again_and_again_is_left(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        schedule(&house, "mail", json!({"send": "csv"})).await;
        stage.pass(5 * MINUTE);
        for _ in 0..3 {
            hold(&house);
            tokio::select! {
                () = house.boards.run(std::future::pending()) => unreachable!("nobody stops it"),
                () = until("it is asked", async || is_held(&house)) => {}
            }
        }
        let interrupted = async || fates(&house, "mail").await.iter().all(|fate| fate == "interrupted");
        tokio::select! {
            () = house.boards.run(std::future::pending()) => unreachable!("nobody stops it"),
            () = until("the last is taken up", interrupted) => {}
        }
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 0);
        assert_eq!((fates(&house, "mail").await.len(), reports(&house, stage).await), (3, 0));
        stage.pass(5 * MINUTE);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 1, "its next time is as good as any");
    }

    /// A process hangs in the middle of a question, another leads and asks, and the first one goes on.
    pub async fn who_hangs_and_goes_on_tells_nobody_again(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        schedule(&house, "mail", json!({"send": "csv"})).await;
        stage.pass(5 * MINUTE);
        let go_on = hold(&house);
        let hangs = tokio::spawn({
            let boards = house.boards.clone();
            async move { boards.ask_what_is_due().await }
        });
        until("it is asked", async || is_held(&house)).await;
        tokio::select! {
            () = house.boards.run(std::future::pending()) => unreachable!("nobody stops it"),
            () = until("another sends it", async || fates(&house, "mail").await[0] == "sent") => {}
        }
        go_on.notify_one();
        hangs.await.unwrap().unwrap();
        assert_eq!(fates(&house, "mail").await, ["sent", "interrupted"]);
        assert_eq!(reports(&house, stage).await, 1);
    }

    pub async fn answers_are_sent_once_for_each_time(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        schedule(&house, "mail", json!({"send": "csv"})).await;
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 0, "not yet");
        stage.pass(5 * MINUTE);
        // Two that look at the same time, as two processes would.
        let (one, two) = tokio::join!(house.boards.ask_what_is_due(), house.boards.ask_what_is_due());
        assert_eq!(one.unwrap() + two.unwrap(), 1);
        assert_eq!(fates(&house, "mail").await, ["sent"]);
        let sent = mails(&house, stage).await;
        assert_eq!(sent.iter().filter(|mail| mail.contains("Subject: Orders")).count(), 1);
        let mail = sent.iter().find(|mail| mail.contains("Subject: Orders")).unwrap();
        assert!(mail.contains("mail.csv") && mail.contains("owner@example.org"), "{mail}");
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 0);
        // A time that was missed is asked once, and not as often as it was missed.
        stage.pass(60 * MINUTE);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 1);
        house.ask("POST", "schedules/mail/runs", &[], Value::Null).await.good();
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 1, "at once, besides its times");
        // Off, it is not asked.
        let content = json!({"title": "Orders", "question": "orders", "every": {"minutes": 5}, "task": {"send": "csv"},
            "to": {"emails": ["owner@example.org"]}, "is_enabled": false});
        house.put("schedules/mail", json!({"content": content})).await.good();
        stage.pass(60 * MINUTE);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 0);
    }

    pub async fn pages_are_sent_as_pdf(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        schedule(&house, "print", json!({"send": "pdf"})).await;
        stage.pass(5 * MINUTE);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 1);
        assert_eq!(fates(&house, "print").await, ["sent"]);
        let runs = house.get("schedules/print/runs").await.good().json();
        let detail = runs["items"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("bytes") && detail.contains("mail.url"), "it says that no mail has left: {detail}");
        let sent = mails(&house, stage).await;
        let mail = sent.iter().find(|mail| mail.contains("print.pdf")).unwrap();
        // `%PDF-` in base64.
        assert!(mail.contains("application/pdf") && mail.contains("JVBERi0"), "{mail}");
    }

    pub async fn alerts_tell_when_they_begin_and_when_they_are_over(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        schedule(&house, "watch", json!({"alert": {"above": 100.0}})).await;
        for (number, fate) in
            [(50.0, "quiet"), (150.0, "alarmed"), (160.0, "alarmed"), (80.0, "recovered"), (70.0, "quiet")]
        {
            *house.echo.numbers.lock().unwrap() = vec![1.0, number];
            stage.pass(5 * MINUTE);
            assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 1);
            assert_eq!(fates(&house, "watch").await[0], fate, "{number}");
        }
        let sent = mails(&house, stage).await;
        let count = |subject: &str| sent.iter().filter(|mail| mail.contains(&format!("Subject: {subject}"))).count();
        assert_eq!(
            (count("Alert: Orders"), count("Over: Orders")),
            (1, 1),
            "once when it begins, once when it is over"
        );
        // A question that fails is a fate of its own, and no alarm.
        let broken = json!({"content": {"title": "Orders", "ask": {"sql": "SELECT no_such_column"}}});
        house.put("questions/orders", broken).await.good();
        stage.pass(5 * MINUTE);
        house.boards.ask_what_is_due().await.unwrap();
        let runs = house.get("schedules/watch/runs").await.json();
        assert_eq!(runs["items"][0]["fate"], "failed");
        assert!(runs["items"][0]["detail"].as_str().unwrap().contains("no_such_column"));
        house.delete("schedules/watch").await.good();
        stage.pass(5 * MINUTE);
        assert_eq!(house.boards.ask_what_is_due().await.unwrap(), 0);
    }

    /// Whoever waits for an alarm hears once that there is none any more; and what has no numbers in order is not watched.
    pub async fn a_question_that_fails_is_told_once(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        schedule(&house, "watch", json!({"alert": {"above": 100.0}})).await;
        *house.echo.numbers.lock().unwrap() = vec![1.0];
        let put = async |sql: &str| {
            let content = json!({"content": {"title": "Orders", "ask": {"sql": sql}}});
            house.put("questions/orders", content).await.good();
        };
        let told = async || {
            stage.pass(5 * MINUTE);
            house.boards.ask_what_is_due().await.unwrap();
            let sent = mails(&house, stage).await;
            sent.iter().filter(|mail| mail.contains("Subject: Failed: Orders")).count()
        };
        assert_eq!(told().await, 0);
        put("SELECT no_such_column").await;
        assert_eq!((told().await, told().await), (1, 1), "once, however often it fails");
        put("SELECT name, number FROM orders").await;
        assert_eq!(told().await, 1);
        put("SELECT no_such_column").await;
        assert_eq!(told().await, 2, "after it has worked it is news again");
        assert_eq!(fates(&house, "watch").await, ["failed", "quiet", "failed", "failed", "quiet"]);
        // It is changed, and then made anew under its key, for whoever is told now.
        let content = house.get("schedules/watch").await.good().json()["content"].clone();
        house.put("schedules/watch", json!({"content": content})).await.good();
        assert_eq!((told().await, told().await), (3, 3));
        house.delete("schedules/watch").await.good();
        schedule(&house, "watch", json!({"alert": {"above": 100.0}})).await;
        assert_eq!(fates(&house, "watch").await, [""; 0], "it was not asked yet");
        assert_eq!((told().await, told().await), (4, 4));
    }

    pub async fn alerts_watch_numbers_in_their_order_alone(stage: &Stage) {
        let house = house(stage).await;
        let series = json!([{"select": {}, "measures": ["people"]}]);
        let trend = json!({"question": "trend", "bucket": "day", "series": series});
        let mut divided = trend.clone();
        divided["breakdown"] = json!({"properties": ["plan"], "top": 3});
        let sessions = json!({"question": "sessions", "bucket": "day"});
        for (key, insight) in [("trend", &trend), ("divided", &divided), ("sessions", &sessions)] {
            let content = json!({"title": key, "ask": {"insight": insight}});
            house.post("questions", json!({"key": key, "content": content})).await.good();
        }
        let body = |question: &str, task: Value| {
            json!({"content": {"title": "x", "question": question, "every": {"minutes": 5}, "task": task,
                "to": {"emails": ["owner@example.org"]}}})
        };
        let below = json!({"alert": {"below": 1.0}});
        for question in ["divided", "sessions"] {
            let refused = house.post("schedules", body(question, below.clone())).await.refusal();
            assert_eq!((refused.0, refused.2), (422, vec!["/content/question".to_owned()]), "{question}");
            house.post("schedules", body(question, json!({"send": "csv"}))).await.good();
        }
        let mut made = body("trend", below);
        made["key"] = json!("watch");
        house.post("schedules", made).await.good();
        // It becomes what cannot be watched: that fails, and is no silence.
        house.put("questions/trend", json!({"content": {"title": "x", "ask": {"insight": sessions}}})).await.good();
        stage.pass(5 * MINUTE);
        house.boards.ask_what_is_due().await.unwrap();
        assert_eq!(fates(&house, "watch").await, ["failed"]);
    }

    /// What can never be said is refused, and no silence.
    pub async fn alerts_watch_one_line_of_enough_buckets(stage: &Stage) {
        let house = house(stage).await;
        let one = json!({"select": {}, "measures": ["people"]});
        let trend = |bucket: &str, series: &[&Value]| json!({"question": "trend", "bucket": bucket, "series": series});
        let mut rate = trend("day", &[&one, &one]);
        rate["formulas"] = json!(["A / B"]);
        let mut rates = rate.clone();
        rates["formulas"] = json!(["A / B", "B / A"]);
        let measures = json!({"select": {}, "measures": ["people", "count"]});
        let below = json!({"below": 1.0});
        let unusual = json!({"unusual": {"deviations": 4.0, "of_last": 28, "direction": "down"}});
        for (at, (is_kept, insight, days, alert)) in [
            (true, rate, 30, &below),
            (false, rates, 30, &below),
            (false, trend("day", &[&one, &one]), 30, &below),
            (false, trend("day", &[&measures]), 30, &below),
            (false, trend("whole", &[&one]), 30, &below),
            (false, trend("hour", &[&one]), 1, &below),
            (true, trend("hour", &[&one]), 2, &below),
            (false, trend("day", &[&one]), 1, &below),
            (true, trend("day", &[&one]), 2, &below),
            (false, trend("week", &[&one]), 13, &below),
            (true, trend("week", &[&one]), 14, &below),
            (false, trend("month", &[&one]), 30, &below),
            (true, trend("month", &[&one]), 62, &below),
            (false, trend("day", &[&one]), 6, &unusual),
            (true, trend("day", &[&one]), 7, &unusual),
        ]
        .into_iter()
        .enumerate()
        {
            let key = format!("q{at}");
            let content = json!({"title": "x", "ask": {"insight": insight}, "days": days});
            house.post("questions", json!({"key": key, "content": content})).await.good();
            let content = json!({"title": "x", "question": key, "every": {"minutes": 5}, "task": {"alert": alert},
                "to": {"emails": ["owner@example.org"]}});
            let told = house.post("schedules", json!({"content": content})).await;
            if is_kept {
                told.good();
            } else {
                let refused = told.refusal();
                assert_eq!((refused.0, refused.2), (422, vec!["/content/question".to_owned()]), "{at}");
            }
        }
    }

    pub async fn nobody_outside_is_sent_anything(stage: &Stage) {
        let house = house(stage).await;
        question(&house).await;
        let content = |to: Value, question: &str| {
            json!({"content": {"title": "x", "question": question, "every": {"minutes": 0},
            "task": {"send": "csv"}, "to": to}})
        };
        let refused = house.post("schedules", content(json!({}), "orders")).await.refusal();
        assert_eq!(refused.2, ["/content/every/minutes", "/content/to/emails"]);
        let ok = |to: Value, question: &str| {
            let mut body = content(to, question);
            body["content"]["every"]["minutes"] = json!(5);
            body
        };
        let stranger = json!({"emails": ["owner@example.org", "thief@example.com"]});
        assert_eq!(house.post("schedules", ok(stranger, "orders")).await.refusal().2, ["/content/to/emails/1"]);
        let webhook = json!({"webhooks": ["none"]});
        assert_eq!(house.post("schedules", ok(webhook, "orders")).await.refusal().2, ["/content/to/webhooks/0"]);
        let owner = json!({"emails": ["owner@example.org"]});
        assert_eq!(house.post("schedules", ok(owner, "nothing")).await.refusal().2, ["/content/question"]);
    }
}

on_both!(
    answers_are_sent_once_for_each_time,
    pages_are_sent_as_pdf,
    alerts_tell_when_they_begin_and_when_they_are_over,
    a_question_that_fails_is_told_once,
    alerts_watch_numbers_in_their_order_alone,
    alerts_watch_one_line_of_enough_buckets,
    what_is_off_is_asked_once_when_somebody_wants_it,
    what_is_watched_instead_alarms_anew,
    nobody_outside_is_sent_anything,
    what_was_interrupted_is_asked_again,
    what_is_interrupted_again_and_again_is_left,
    who_hangs_and_goes_on_tells_nobody_again,
);
