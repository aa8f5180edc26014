//! The header's value, what it is unique in, and what makes two requests the same.

use http::{HeaderMap, HeaderName, Method, Uri};
use sha2::{Digest, Sha256};

use crate::problem::{Fault, Place, Problem, kinds};

pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const LENGTH_MAX: usize = 255;

/// A key within its account and route: a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(pub [u8; 32]);

/// A digest of method, address and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Scope {
    pub fn new(account: &str, operation_id: &str, key: &str) -> Scope {
        Scope(digest(&[account.as_bytes(), operation_id.as_bytes(), key.as_bytes()]))
    }
}

impl Fingerprint {
    pub fn new(method: &Method, uri: &Uri, media_type: &str, body: &[u8]) -> Fingerprint {
        let (path, query) = (uri.path().as_bytes(), uri.query().unwrap_or_default().as_bytes());
        Fingerprint(digest(&[method.as_str().as_bytes(), path, query, media_type.as_bytes(), body]))
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// The key of a request; `None` without one. A structured string, `"…"`, or the bare text that most clients send.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let invalid = |detail: &str| {
        let fault = Fault::new(Place::Header, "/idempotency-key", detail);
        Problem::new(&kinds::IDEMPOTENCY_KEY_INVALID)
            .detail(
                "Send one key of 1 to 255 visible ASCII characters, as a UUID, the same for every try of one request.",
            )
            .faults(vec![fault])
    };
    let mut all = headers.get_all(HEADER).iter();
    let Some(value) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(invalid("is there twice"));
    }
    let text = value.to_str().map_err(|_| invalid("is not ASCII"))?.trim();
    let key = match text.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').ok_or_else(|| invalid("lacks its closing quote"))?,
        None => text,
    };
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
    match key.len() {
        1..=LENGTH_MAX if is_visible => Ok(Some(key.to_owned())),
        _ => Err(invalid("must have 1 to 255 visible characters, none of them a quote or a backslash")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use http::HeaderValue;

    #[test]
    fn keys_are_read_quoted_and_bare() {
        let read = |text: &str| {
            let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_str(text).unwrap())]);
            read(&headers).map_err(|problem| problem.code())
        };
        assert_eq!(read("\"8e03978e-40d5\""), Ok(Some("8e03978e-40d5".into())));
        assert_eq!(read(" 8e03978e-40d5 "), Ok(Some("8e03978e-40d5".into())));
        for wrong in ["", "\"", "\"a", "a b", "a\"b", "ä", &"x".repeat(256)] {
            assert_eq!(read(wrong), Err("idempotency_key_invalid"), "{wrong}");
        }
    }

    #[test]
    fn scopes_and_fingerprints_keep_their_parts_apart() {
        assert_ne!(Scope::new("a", "bc", "d"), Scope::new("ab", "c", "d"));
        let print = |uri: &'static str, body: &str| {
            Fingerprint::new(&Method::POST, &Uri::from_static(uri), "application/json", body.as_bytes())
        };
        assert_eq!(print("/a?b", "c"), print("/a?b", "c"));
        assert_ne!(print("/a?b", "c"), print("/a", "c"));
        assert_ne!(print("/a", "c"), print("/a", "d"));
    }
}
