//! The id of a request: the caller's if it is a sane one, else a new one.

use std::sync::Arc;

use footfall_ingest_activity::Clock;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::{NoContext, Uuid};

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Handlers get it as an `Extension`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    pub(super) fn of(headers: &HeaderMap, clock: &dyn Clock) -> RequestId {
        let given = headers.get(HEADER).and_then(|id| id.to_str().ok()).filter(|id| is_sane(id));
        RequestId(given.map_or_else(|| new(clock), Arc::from))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("none"))
    }
}

/// 1 to 128 letters, digits and `-_.:`, so that it can stand in any log.
fn is_sane(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

fn new(clock: &dyn Clock) -> Arc<str> {
    let millis = u64::try_from(clock.now().millis()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, millis / 1000, nanos));
    id.to_string().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use footfall_ingest_activity::{FixedClock, Timestamp};

    #[test]
    fn sane_ids_are_taken_and_others_replaced() {
        let clock = FixedClock::at(Timestamp::from_millis(1_764_000_000_000));
        let of = |value: &'static [u8]| {
            let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_bytes(value).unwrap())]);
            RequestId::of(&headers, &clock).as_str().to_owned()
        };
        assert_eq!(of(b"abc-1_2.3:4"), "abc-1_2.3:4");
        for wrong in [&b""[..], b"a b", b"a\tb", b"<script>", b"\xff", &[b'a'; 129]] {
            assert_eq!(of(wrong).len(), 36, "{wrong:?}");
        }
    }
}
