//! `activity`: one row for each activity, however often it was sent.

use std::sync::LazyLock;

use footfall_ingest_activity::Common;

use super::ColumnKind::{Float, Json, Text, Time, Word};
use super::{Column, column, nullable};

const OWN: &[Column] = &[
    column("message_id", Text, "The client's id of the activity, unique in the project."),
    column("event", Word, "Event name; page, screen, identify, group and alias calls have $-names such as $pageview."),
    column("kind", Word, "The call: track, identify, page, screen, group, alias or merge."),
    column("person_id", Text, "The person, a UUID: follows merges and their undoing."),
    column("distinct_id", Text, "The user id if there is one, else the anonymous id."),
    nullable("user_id", Text, "The user id as sent."),
    nullable("anonymous_id", Text, "The anonymous id as sent."),
    column("timestamp", Time, "When it happened, corrected for the device's clock."),
    nullable("original_timestamp", Time, "The client's own time, uncorrected."),
    nullable("sent_at", Time, "When the client sent the request, by its own clock."),
    column("received_at", Time, "When the server had the request."),
];

const REST: &[Column] = &[
    nullable("amount", Float, "Money or value, in currency."),
    nullable("latitude", Float, "Degrees north."),
    nullable("longitude", Float, "Degrees east."),
    nullable("groups", Json, "Group type to group key."),
    column("properties", Json, "The properties as sent; ask for one as properties->>'name'."),
    nullable("context", Json, "The SDK's context object as sent."),
    column("dialect", Word, "How it came: segment, posthog, rudder, native or import."),
];

pub(super) static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let common = Common::TEXT_COLUMNS.iter().map(|name| nullable(name, Word, about(name)));
    OWN.iter().copied().chain(common).chain(REST.iter().copied()).collect()
});

fn about(common: &str) -> &'static str {
    match common {
        "session_id" => "The client's own session id; the 30-minute sessions are in the table sessions.",
        "device_id" => "The device or installation.",
        "device_type" => "Mobile, Desktop, Tablet … in the client's word.",
        "device_manufacturer" => "Maker of the device.",
        "device_model" => "Model of the device.",
        "os" => "Operating system.",
        "os_version" => "Version of the operating system.",
        "browser" => "Browser.",
        "browser_version" => "Version of the browser.",
        "app_name" => "Name of the app.",
        "app_version" => "Version of the app.",
        "locale" => "Language and region, as en-US.",
        "timezone" => "The device's time zone.",
        "country" => "Country, ISO 3166-1 alpha-2 where the client sent it so.",
        "region" => "State or province.",
        "city" => "City.",
        "ip" => "Address the client gave.",
        "user_agent" => "User agent.",
        "page_url" => "Full address of the page.",
        "page_path" => "Path of the page.",
        "page_title" => "Title of the page.",
        "referrer" => "Address of the page before.",
        "referring_domain" => "Host of the page before.",
        "screen" => "Screen of an app.",
        "campaign_source" => "utm_source.",
        "campaign_medium" => "utm_medium.",
        "campaign_name" => "utm_campaign.",
        "campaign_term" => "utm_term.",
        "campaign_content" => "utm_content.",
        "library" => "The SDK.",
        "library_version" => "Version of the SDK.",
        "currency" => "Currency of the amount, ISO 4217.",
        _ => "",
    }
}
