//! Versions as three numbers, and the ranges of `~`, `^` and `*`.

pub(super) type Version = [u64; 3];

/// Reads `v1.2.3-rc.1`; missing numbers are 0, what follows a `-` or `+` does not count, leading zeros are refused.
pub(super) fn parse(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches(['v', 'V']);
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.');
    let major = number(parts.next()?)?;
    let mut next = || match parts.next() {
        Some(part) if !part.is_empty() => number(part),
        _ => Some(0),
    };
    Some([major, next()?, next()?])
}

fn number(part: &str) -> Option<u64> {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let has_leading_zero = part.len() > 1 && part.starts_with('0');
    if is_number && !has_leading_zero { part.parse().ok() } else { None }
}

/// `~1.2.3`: this patch level or a later one.
pub(super) fn tilde(text: &str) -> Option<(Version, Version)> {
    let [major, minor, patch] = parse(text)?;
    Some(([major, minor, patch], [major, minor.saturating_add(1), 0]))
}

/// `^1.2.3`: up to the next change of the first number that is not 0.
pub(super) fn caret(text: &str) -> Option<(Version, Version)> {
    let low = parse(text)?;
    let high = match low {
        [0, 0, patch] => [0, 0, patch.saturating_add(1)],
        [0, minor, _] => [0, minor.saturating_add(1), 0],
        [major, _, _] => [major.saturating_add(1), 0, 0],
    };
    Some((low, high))
}

/// `1.2.*`: all that begin so.
pub(super) fn wildcard(text: &str) -> Option<(Version, Version)> {
    let text = text.trim().trim_start_matches(['v', 'V']).replace('*', "");
    let parts: Option<Vec<u64>> =
        text.trim_end_matches('.').split('.').filter(|part| !part.is_empty()).map(number).collect();
    Some(match parts?.as_slice() {
        [] => return None,
        [major] => ([*major, 0, 0], [major.saturating_add(1), 0, 0]),
        [major, minor] => ([*major, *minor, 0], [*major, minor.saturating_add(1), 0]),
        [major, minor, patch, ..] => ([*major, *minor, *patch], [*major, *minor, patch.saturating_add(1)]),
    })
}
