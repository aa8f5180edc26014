//! What every bus has to do. Its own tests call [`suite`] with two ends of a fresh one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use crate::bus::{Bus, Heard, Listener, NEWS_BYTES_MAX, Topic};

/// Longest time until news are heard.
const SOON: Duration = Duration::from_secs(1);

/// All of it: `one` and `other` are ends of one bus, of one process or of two. Panics at the first breach.
pub async fn suite(one: &dyn Bus, other: &dyn Bus) {
    let (mut near, mut far) = (one.listen(), other.listen());
    connected(one, &mut near, &mut far).await;
    heard_in_order(one, &mut near, &mut far).await;
    any_text_passes(one, &mut far).await;
    too_much_is_dropped(one, &mut far).await;
    who_does_not_listen_misses_some(one, other).await;
}

async fn news(listener: &mut Listener) -> (Topic, String) {
    loop {
        let heard = tokio::time::timeout(SOON, listener.next()).await.expect("soon").expect("a bus");
        if let Heard::News(news) = heard {
            return (news.topic, news.text.to_string());
        }
    }
}

/// Tells until it is heard: an end may still be connecting.
async fn connected(one: &dyn Bus, near: &mut Listener, far: &mut Listener) {
    for turn in 0.. {
        assert!(turn < 100, "the other end hears nothing");
        one.tell(Topic::Access, "hello");
        news(near).await;
        let heard = tokio::time::timeout(Duration::from_millis(100), far.next()).await;
        if matches!(heard, Ok(Some(Heard::News(_)))) {
            break;
        }
    }
    one.tell(Topic::Access, "begin");
    while news(far).await.1 != "begin" {}
    while news(near).await.1 != "begin" {}
}

async fn heard_in_order(one: &dyn Bus, near: &mut Listener, far: &mut Listener) {
    for number in 0..200 {
        one.tell(if number % 2 == 0 { Topic::Flags } else { Topic::Live }, &number.to_string());
    }
    for listener in [near, far] {
        for number in 0..200 {
            let topic = if number % 2 == 0 { Topic::Flags } else { Topic::Live };
            assert_eq!(news(listener).await, (topic, number.to_string()));
        }
    }
}

async fn any_text_passes(one: &dyn Bus, far: &mut Listener) {
    for text in ["", "\n\n", "{\"a\":\"ü🙂\"}", &"x".repeat(NEWS_BYTES_MAX)] {
        one.tell(Topic::Flags, text);
        assert_eq!(news(far).await.1, text);
    }
}

async fn too_much_is_dropped(one: &dyn Bus, far: &mut Listener) {
    one.tell(Topic::Flags, &"x".repeat(NEWS_BYTES_MAX + 1));
    one.tell(Topic::Flags, "after");
    assert_eq!(news(far).await.1, "after");
}

async fn who_does_not_listen_misses_some(one: &dyn Bus, other: &dyn Bus) {
    let (mut slow, mut quick) = (other.listen(), other.listen());
    for number in 0..3_000 {
        one.tell(Topic::Live, &number.to_string());
        // Told one by one, so that none waits for the way.
        while news(&mut quick).await.1 != number.to_string() {}
    }
    assert_eq!(slow.next().await, Some(Heard::Missed));
    // And goes on with what is kept.
    assert!(matches!(slow.next().await, Some(Heard::News(_))));
}
