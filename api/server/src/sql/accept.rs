//! Which format an `Accept` header prefers (RFC 9110, 12.5.1).

use footfall_api_http::{Kind, Problem};
use footfall_pipelines_store::query::Format;
use http::{HeaderMap, StatusCode, header};

pub(super) static NOT_ACCEPTABLE: Kind =
    Kind::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "Answers do not come in such a format.");

/// In the order in which the server prefers them.
pub(super) const FORMATS: &[(&str, Format)] = &[
    ("application/json", Format::Json),
    ("text/csv", Format::Csv),
    ("application/x-ndjson", Format::Ndjson),
    ("application/vnd.apache.arrow.stream", Format::ArrowStream),
    ("application/vnd.apache.parquet", Format::Parquet),
];

/// The format with the greatest weight; JSON without a header.
pub(super) fn choose(headers: &HeaderMap) -> Result<Format, Problem> {
    if !headers.contains_key(header::ACCEPT) {
        return Ok(Format::Json);
    }
    let accepted: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    let mut best: Option<(f32, Format)> = None;
    for &(name, format) in FORMATS {
        let weight = weight_of(name, &accepted);
        if weight > best.as_ref().map_or(0.0, |(weight, _)| *weight) {
            best = Some((weight, format));
        }
    }
    best.map(|(_, format)| format).ok_or_else(|| {
        let known = FORMATS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        Problem::new(&NOT_ACCEPTABLE).detail(format!("Answers can be {known}."))
    })
}

/// The weight of the most specific range that `name` falls in; 0 when it falls in none.
fn weight_of(name: &str, accepted: &[&str]) -> f32 {
    let mut best = (0u8, 0.0);
    for range in accepted {
        let mut parts = range.split(';').map(str::trim);
        let pattern = parts.next().unwrap_or_default();
        let specific = match pattern.split_once('/') {
            _ if pattern.eq_ignore_ascii_case(name) => 3,
            Some(("*", "*")) => 1,
            Some((group, "*")) if name.split('/').next().is_some_and(|own| own.eq_ignore_ascii_case(group)) => 2,
            _ => continue,
        };
        let weight =
            parts.find_map(|p| p.strip_prefix("q=").or(p.strip_prefix("Q="))).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if specific > best.0 {
            best = (specific, weight);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use http::HeaderValue;

    use super::*;

    fn chosen(accept: &str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        choose(&headers).ok()
    }

    #[test]
    fn the_greatest_weight_wins_then_the_more_specific_range() {
        assert_eq!(choose(&HeaderMap::new()).ok(), Some(Format::Json));
        assert_eq!(chosen("*/*"), Some(Format::Json));
        assert_eq!(chosen("TEXT/csv"), Some(Format::Csv));
        assert_eq!(chosen("text/*"), Some(Format::Csv));
        assert_eq!(chosen("application/json;q=0.5, text/csv;q=0.9"), Some(Format::Csv));
        assert_eq!(chosen("application/json;q=0, */*;q=0.1"), Some(Format::Csv));
        assert_eq!(chosen("text/html, application/vnd.apache.parquet, */*;q=0.1"), Some(Format::Parquet));
        assert_eq!(chosen("text/html"), None);
        assert_eq!(chosen("application/json;q=0"), None);
    }
}
