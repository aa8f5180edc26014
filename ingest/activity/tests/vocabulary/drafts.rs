//! From a draft to an activity.

use footfall_ingest_activity::{Activity, Draft, Kind, Limits, Reason, Skew, Source, Timestamp};

const NOW: i64 = 1_795_435_200_000;

fn draft() -> Draft<'static> {
    let mut draft = Draft::new(Kind::Track);
    draft.event = Some("e".into());
    draft.anonymous_id = Some("a".into());
    draft
}

fn source() -> Source<'static> {
    Source::new("p", "native", Timestamp::from_millis(NOW), "{}")
}

fn parsed<'a>(draft: Draft<'a>, source: &Source<'a>) -> Result<Activity<'a>, Reason> {
    Activity::parse(draft, source, &Limits::default()).map_err(|refusal| refusal.reason)
}

#[test]
fn ids_fall_back_on_each_other() {
    assert_eq!(parsed(draft(), &source()).unwrap().distinct_id.as_str(), "a");
    let both = Draft { user_id: Some("u".into()), ..draft() };
    assert_eq!(parsed(both.clone(), &source()).unwrap().distinct_id.as_str(), "u");
    let own = Draft { distinct_id: Some("d".into()), ..both };
    assert_eq!(parsed(own, &source()).unwrap().distinct_id.as_str(), "d");
    let none = Draft { anonymous_id: Some(" ".into()), ..draft() };
    assert_eq!(parsed(none, &source()).unwrap_err(), Reason::DistinctIdMissing);
}

#[test]
fn times_are_corrected_and_bounded() {
    let timed = |time: &'static str| Draft { timestamp: Some(time.into()), ..draft() };
    let sent = |sent_at: i64| Source { sent_at: Some(Timestamp::from_millis(sent_at)), ..source() };
    assert_eq!(parsed(draft(), &source()).unwrap().timestamp.millis(), NOW);
    let hour_slow = parsed(timed("2026-11-23T10:59:00Z"), &sent(NOW - 3_600_000)).unwrap();
    assert_eq!(
        (hour_slow.timestamp.millis(), hour_slow.original_timestamp.unwrap().millis()),
        (NOW - 60_000, NOW - 3_660_000)
    );
    let kept = Draft { keep_clock: true, ..timed("2026-11-23T10:59:00Z") };
    assert_eq!(parsed(kept, &sent(NOW - 3_600_000)).unwrap().timestamp.millis(), NOW - 3_660_000);
    // A day ahead, but the whole clock is: corrected, not clamped.
    let fast = parsed(timed("2026-11-25T11:59:00Z"), &sent(NOW + 2 * 86_400_000)).unwrap();
    assert_eq!(fast.timestamp.millis(), NOW - 60_000);
    assert_eq!(
        parsed(timed("2026-11-24T10:59:00Z"), &source()).unwrap().timestamp.millis(),
        NOW + 22 * 3_600_000 + 3_540_000
    );
    assert_eq!(parsed(timed("2026-11-24T11:01:00Z"), &source()).unwrap().timestamp.millis(), NOW);
    assert_eq!(parsed(timed("1969-12-31T23:59:59Z"), &source()).unwrap_err(), Reason::TimestampTooEarly);
    assert_eq!(parsed(timed("soon"), &source()).unwrap_err(), Reason::TimestampInvalid);
}

#[test]
fn the_device_is_the_key_of_the_clock() {
    let skew = Skew::default();
    let from = |draft: Draft<'static>| {
        let delayed = Source { skew: Some(&skew), sent_at: Some(Timestamp::from_millis(NOW - 5_000)), ..source() };
        parsed(Draft { timestamp: Some("2026-11-23T11:59:50Z".into()), ..draft }, &delayed).unwrap().timestamp.millis()
    };
    assert_eq!(from(draft()), NOW - 5_000);
    let mut other = draft();
    other.common.device_id = Some("d".into());
    from(other);
    from(Draft { user_id: Some("u".into()), ..draft() });
    assert_eq!(skew.len(), 2);
}

#[test]
fn long_names_count_characters() {
    let event = |count: usize| Draft { event: Some("é".repeat(count).into()), ..draft() };
    assert!(parsed(event(200), &source()).is_ok());
    assert_eq!(parsed(event(201), &source()).unwrap_err(), Reason::EventTooLong);
}
