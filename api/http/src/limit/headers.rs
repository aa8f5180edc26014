//! `RateLimit-Policy` and `RateLimit`, lists of structured fields (RFC 9651).

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Taken;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Tells a caller the quotas that apply, and what is left of each.
pub(crate) fn tell(headers: &mut HeaderMap, taken: &[Taken]) {
    let policies = taken.iter().map(|Taken { policy, quota, .. }| {
        format!("\"{policy}\";q={};w={}", quota.requests(), quota.window().as_secs().max(1))
    });
    let levels = taken.iter().map(|Taken { policy, level, .. }| {
        let seconds = level.full_in.as_millis().div_ceil(1000);
        format!("\"{policy}\";r={};t={seconds}", level.remaining)
    });
    for (name, items) in [(POLICY, policies.collect::<Vec<_>>()), (LIMIT, levels.collect())] {
        if let Ok(value) = HeaderValue::try_from(items.join(", "))
            && !items.is_empty()
        {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::limit::{Level, Quota};
    use std::time::Duration;

    #[test]
    fn all_quotas_are_told() {
        let taken = |policy, remaining, millis| Taken {
            policy,
            quota: Quota::new(100, Duration::from_secs(60)),
            level: Level { remaining, full_in: Duration::from_millis(millis), wait: None },
        };
        let mut headers = HeaderMap::new();
        tell(&mut headers, &[]);
        assert!(headers.is_empty());
        tell(&mut headers, &[taken("address", 99, 600), taken("account", 7, 59_001)]);
        assert_eq!(headers["ratelimit-policy"], "\"address\";q=100;w=60, \"account\";q=100;w=60");
        assert_eq!(headers["ratelimit"], "\"address\";r=99;t=1, \"account\";r=7;t=60");
    }
}
