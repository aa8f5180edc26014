//! Headers that tell browsers what not to do. A handler that knows better has set its own.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Answers to programs: nothing in them is to be run, shown or framed.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// Pages: what comes from here, and no inline script.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static ALWAYS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self)",
    ),
];

pub(super) fn add(headers: &mut HeaderMap, hsts: Option<Duration>) {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let policy = if kind.starts_with("text/html") { PAGE_POLICY } else { DATA_POLICY };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    for (name, value) in &ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let strict =
        hsts.and_then(|age| HeaderValue::try_from(format!("max-age={}; includeSubDomains", age.as_secs())).ok());
    headers.extend(strict.map(|strict| (header::STRICT_TRANSPORT_SECURITY, strict)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_data_have_their_own_policies_and_a_handler_its_own() {
        let policy = |kind: &'static str, own: Option<&'static str>| {
            let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
            headers.extend(own.map(|own| (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(own))));
            add(&mut headers, None);
            assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            headers[header::CONTENT_SECURITY_POLICY].clone()
        };
        assert_eq!(policy("application/json", None), DATA_POLICY);
        assert_eq!(policy("text/html; charset=utf-8", None), PAGE_POLICY);
        assert_eq!(policy("text/html", Some("default-src 'self'")), "default-src 'self'");
    }

    #[test]
    fn browsers_are_told_to_insist_on_tls() {
        let mut headers = HeaderMap::new();
        add(&mut headers, Some(Duration::from_secs(60)));
        assert_eq!(headers[header::STRICT_TRANSPORT_SECURITY], "max-age=60; includeSubDomains");
    }
}
