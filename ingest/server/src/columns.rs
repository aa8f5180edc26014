//! Fills the common columns from the spellings that the dialects have for them.

use footfall_ingest_activity::{Common, Text};

use crate::json::Value;

type Column<'c, 'a> = &'c mut Option<Text<'a>>;

fn fill<'a>(column: Column<'_, 'a>, value: Value<'a>) {
    if let Some(text) = value.scalar().filter(|text| !text.is_empty()) {
        *column = Some(text);
    }
}

fn fill_if_empty<'a>(column: Column<'_, 'a>, value: Value<'a>) {
    if column.is_none() {
        fill(column, value);
    }
}

/// Segment's `context` object; also takes the column names themselves, which the native dialect allows.
pub(crate) fn from_context<'a>(common: &mut Common<'a>, context: Value<'a>) {
    for (key, value) in context.members() {
        match &*key {
            "ip" => fill(&mut common.ip, value),
            "userAgent" => fill(&mut common.user_agent, value),
            "locale" => fill(&mut common.locale, value),
            "timezone" => fill(&mut common.timezone, value),
            "sessionId" => fill(&mut common.session_id, value),
            "library" if value.is_object() => each(value, |key, value| match key {
                "name" => fill(&mut common.library, value),
                "version" => fill(&mut common.library_version, value),
                _ => {}
            }),
            "page" if value.is_object() => each(value, |key, value| match key {
                "url" => fill(&mut common.page_url, value),
                "path" => fill(&mut common.page_path, value),
                "title" => fill(&mut common.page_title, value),
                "referrer" => fill(&mut common.referrer, value),
                "referring_domain" => fill(&mut common.referring_domain, value),
                _ => {}
            }),
            "campaign" if value.is_object() => each(value, |key, value| campaign(common, key, value)),
            "device" if value.is_object() => each(value, |key, value| match key {
                "id" => fill(&mut common.device_id, value),
                "type" => fill(&mut common.device_type, value),
                "manufacturer" => fill(&mut common.device_manufacturer, value),
                "model" => fill(&mut common.device_model, value),
                _ => {}
            }),
            "os" if value.is_object() => each(value, |key, value| match key {
                "name" => fill(&mut common.os, value),
                "version" => fill(&mut common.os_version, value),
                _ => {}
            }),
            "browser" if value.is_object() => each(value, |key, value| match key {
                "name" => fill(&mut common.browser, value),
                "version" => fill(&mut common.browser_version, value),
                _ => {}
            }),
            "app" if value.is_object() => each(value, |key, value| match key {
                "name" => fill(&mut common.app_name, value),
                "version" => fill(&mut common.app_version, value),
                _ => {}
            }),
            "screen" if value.is_object() => {}
            "location" if value.is_object() => each(value, |key, value| place(common, key, value)),
            "latitude" | "longitude" | "amount" => number(common, &key, value),
            name => {
                if let Some(column) = common.text_mut(name) {
                    fill(column, value);
                }
            }
        }
    }
}

fn each<'a>(object: Value<'a>, mut take: impl FnMut(&str, Value<'a>)) {
    for (key, value) in object.members() {
        take(&key, value);
    }
}

fn campaign<'a>(common: &mut Common<'a>, key: &str, value: Value<'a>) {
    match key {
        "source" => fill(&mut common.campaign_source, value),
        "medium" => fill(&mut common.campaign_medium, value),
        "name" => fill(&mut common.campaign_name, value),
        "term" => fill(&mut common.campaign_term, value),
        "content" => fill(&mut common.campaign_content, value),
        _ => {}
    }
}

fn place<'a>(common: &mut Common<'a>, key: &str, value: Value<'a>) {
    match key {
        "country" => fill(&mut common.country, value),
        "region" => fill(&mut common.region, value),
        "city" => fill(&mut common.city, value),
        _ => number(common, key, value),
    }
}

fn number(common: &mut Common<'_>, key: &str, value: Value<'_>) {
    let Some(number) = value.number() else { return };
    match key {
        "latitude" if number.abs() <= 90.0 => common.latitude = Some(number),
        "longitude" if number.abs() <= 180.0 => common.longitude = Some(number),
        "amount" => common.amount = Some(number),
        _ => {}
    }
}

/// Amount, currency and place, which every dialect may have among the properties; PostHog's `$` names likewise.
pub(crate) fn from_properties<'a>(common: &mut Common<'a>, properties: Value<'a>) {
    let mut amount: Option<(u8, f64)> = None;
    for (key, value) in properties.members() {
        match key.as_bytes().first() {
            Some(b'$') => dollar(common, &key, value),
            Some(b'u') if key.starts_with("utm_") => utm(common, &key, value),
            Some(b'r' | b'v' | b'a' | b'p' | b't' | b'c' | b'l') => match &*key {
                "currency" => fill_if_empty(&mut common.currency, value),
                "latitude" | "longitude" => number(common, &key, value),
                _ => {}
            },
            _ => {}
        }
        if let Some(rank) = amount_rank(&key).filter(|rank| amount.is_none_or(|(best, _)| *rank <= best)) {
            amount = value.number().map(|number| (rank, number)).or(amount);
        }
    }
    common.amount = common.amount.or(amount.map(|(_, number)| number));
}

/// Which property is the amount when there are several: the lowest.
fn amount_rank(key: &str) -> Option<u8> {
    match key {
        "revenue" | "$revenue" => Some(0),
        "value" => Some(1),
        "amount" => Some(2),
        "total" => Some(3),
        "price" => Some(4),
        _ => None,
    }
}

fn utm<'a>(common: &mut Common<'a>, key: &str, value: Value<'a>) {
    let column = match key {
        "utm_source" => &mut common.campaign_source,
        "utm_medium" => &mut common.campaign_medium,
        "utm_campaign" => &mut common.campaign_name,
        "utm_term" => &mut common.campaign_term,
        "utm_content" => &mut common.campaign_content,
        _ => return,
    };
    fill_if_empty(column, value);
}

fn dollar<'a>(common: &mut Common<'a>, key: &str, value: Value<'a>) {
    let column = match key {
        "$session_id" => &mut common.session_id,
        "$device_id" => &mut common.device_id,
        "$device_type" => &mut common.device_type,
        "$device_manufacturer" => &mut common.device_manufacturer,
        "$device_model" | "$device" => &mut common.device_model,
        "$os" | "$os_name" => &mut common.os,
        "$os_version" => &mut common.os_version,
        "$browser" => &mut common.browser,
        "$browser_version" => &mut common.browser_version,
        "$app_name" => &mut common.app_name,
        "$app_version" => &mut common.app_version,
        "$locale" | "$browser_language" => &mut common.locale,
        "$timezone" => &mut common.timezone,
        "$geoip_country_code" => &mut common.country,
        "$geoip_subdivision_1_name" => &mut common.region,
        "$geoip_city_name" => &mut common.city,
        "$ip" => &mut common.ip,
        "$raw_user_agent" | "$user_agent" => &mut common.user_agent,
        "$current_url" => &mut common.page_url,
        "$pathname" => &mut common.page_path,
        "$title" => &mut common.page_title,
        "$referrer" => &mut common.referrer,
        "$referring_domain" => &mut common.referring_domain,
        "$screen_name" => &mut common.screen,
        "$lib" => &mut common.library,
        "$lib_version" => &mut common.library_version,
        "$currency" => &mut common.currency,
        "$geoip_latitude" => return number(common, "latitude", value),
        "$geoip_longitude" => return number(common, "longitude", value),
        _ => return,
    };
    fill_if_empty(column, value);
}

/// What Segment's page call keeps among its properties.
pub(crate) fn from_page_properties<'a>(common: &mut Common<'a>, properties: Value<'a>) {
    for (key, value) in properties.members() {
        match &*key {
            "url" => fill_if_empty(&mut common.page_url, value),
            "path" => fill_if_empty(&mut common.page_path, value),
            "title" => fill_if_empty(&mut common.page_title, value),
            "referrer" => fill_if_empty(&mut common.referrer, value),
            _ => {}
        }
    }
}

/// `library/version`, as clients write it in headers.
pub(crate) fn from_sdk_info<'a>(common: &mut Common<'a>, sdk_info: &'a str) {
    let (library, version) = sdk_info.split_once('/').unwrap_or((sdk_info, ""));
    common.library = common.library.take().or(Some(library.into()));
    if !version.is_empty() {
        common.library_version = common.library_version.take().or(Some(version.into()));
    }
}
