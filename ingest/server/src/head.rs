//! What a request says outside its body, in every dialect's spelling.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use footfall_ingest_activity::Timestamp;
use http::{HeaderMap, Uri};

/// The head of a request, owned, so that its body can be read on another thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    /// The write key: Basic user, Bearer, `X-Write-Key`, or a query parameter.
    pub(crate) key: Option<String>,
    /// `X-Footfall-Project`, for operators.
    pub(crate) project: Option<String>,
    /// `?import=`, for operators.
    pub(crate) import: Option<String>,
    /// `?verbose=true`.
    pub(crate) verbose: bool,
    /// `Content-Encoding`.
    pub(crate) encoding: String,
    /// `Content-Type` says NDJSON.
    pub(crate) lines: bool,
    /// `?compression=base64`.
    pub(crate) base64: bool,
    /// `?_=` or `?sent_at=`.
    pub(crate) sent_at: Option<Timestamp>,
}

impl Head {
    pub(crate) fn of(headers: &HeaderMap, uri: &Uri) -> Head {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let content_type = header("content-type").unwrap_or_default().to_ascii_lowercase();
        let mut head = Head {
            key: header("authorization").and_then(key_of_authorization),
            project: header("x-footfall-project").map(str::to_owned),
            encoding: header("content-encoding").unwrap_or_default().to_owned(),
            lines: ["ndjson", "jsonl", "json-lines"].iter().any(|name| content_type.contains(name)),
            ..Head::default()
        };
        head.key = header("x-write-key").map(str::to_owned).or(head.key);
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                "writeKey" | "api_key" | "token" if head.key.is_none() => head.key = Some(value.into_owned()),
                "import" if !value.is_empty() => head.import = Some(value.chars().take(200).collect()),
                "verbose" => head.verbose = matches!(&*value, "true" | "1" | ""),
                "compression" => head.base64 = value == "base64",
                "_" | "sent_at" => head.sent_at = Timestamp::parse(&value).ok(),
                _ => {}
            }
        }
        head
    }
}

/// `Basic base64(key:)` or `Bearer key`.
fn key_of_authorization(header: &str) -> Option<String> {
    let (scheme, value) = header.trim().split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (user, _) = decoded.split_once(':').unwrap_or((&decoded, ""));
    Some(user.to_owned()).filter(|user| !user.is_empty())
}
