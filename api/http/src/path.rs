//! Text of others in headers and addresses: encoded so that it cannot end a header, leave its place or this server.

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Unreserved characters of RFC 3986 stay.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path of this server, each segment encoded.
pub fn path(segments: &[&str]) -> HeaderValue {
    let encoded = segments.iter().map(|segment| match *segment {
        // Dots alone would climb.
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        other => utf8_percent_encode(other, KEPT).to_string(),
    });
    let path = encoded.fold(String::new(), |path, segment| format!("{path}/{segment}"));
    HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"))
}

/// `text` if it is a path of this server to send a browser back to after signing in; `None` for everything that could
/// lead elsewhere: other origins, `//host`, `/\host`, control characters that browsers drop.
pub fn return_path(text: &str) -> Option<&str> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let stays = text.starts_with('/') && !text[1..].starts_with('/');
    let base = url::Url::parse("https://here.invalid").ok()?;
    let same = || base.join(text).is_ok_and(|joined| joined.origin() == base.origin());
    (text.len() <= 2000 && is_plain && stays && same()).then_some(text)
}

/// `Content-Disposition` that offers a download as `name` (RFC 6266, RFC 8187).
pub fn attachment(name: &str) -> HeaderValue {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = base
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_. ".contains(letter) { letter } else { '_' })
        .collect();
    let encoded = utf8_percent_encode(base, KEPT);
    let value = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_own_paths_are_returned_to() {
        for own in ["/", "/notes", "/notes/1?tab=2#x", "/a//b", "/@host"] {
            assert_eq!(return_path(own), Some(own));
        }
        let foreign = [
            "",
            "notes",
            "//host",
            "/\\host",
            "\\\\host",
            "https://host",
            "javascript:alert(1)",
            "/\thost",
            "/\t/host",
            "/\n/host",
            " /x",
            "///host",
            "/ä",
        ];
        foreign.into_iter().for_each(|text| assert_eq!(return_path(text), None, "{text:?}"));
    }

    proptest! {
        #[test]
        fn a_segment_stays_one_segment(segment in ".{0,20}") {
            let header = path(&["v1", &segment, "end"]);
            let text = header.to_str().unwrap();
            prop_assert_eq!(text.matches('/').count(), 3);
            let ends = text.contains(['\r', '\n', '?', '#']);
            prop_assert!(!ends);
            let url = url::Url::parse("https://here.invalid").unwrap().join(text).unwrap();
            prop_assert_eq!(url.origin().ascii_serialization(), "https://here.invalid");
        }

        #[test]
        fn whatever_is_returned_to_stays_here(text in r"[/\\a-z:.@\t\r\n?#%]{0,12}") {
            if let Some(text) = return_path(&text) {
                let base = url::Url::parse("https://here.invalid").unwrap();
                prop_assert_eq!(base.join(text).unwrap().origin(), base.origin());
            }
        }

        #[test]
        fn a_file_name_cannot_end_its_header(name in "(?s).{0,30}") {
            let header = attachment(&name);
            let text = header.to_str().unwrap();
            prop_assert_eq!(text.matches('"').count(), 2);
            prop_assert_eq!(text.matches(';').count(), 2);
        }
    }
}
