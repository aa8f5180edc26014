//! Names of settings in their spellings, and the nearest one to a misspelt name.

/// Prefix of the variables that set something.
pub(super) const PREFIX: &str = "FOOTFALL_";

/// Variables with the prefix that are no setting: read elsewhere in `wiring.rs`.
pub(super) const OTHER_VARIABLES: &[&str] = &["FOOTFALL_CONFIG", "FOOTFALL_KEY"];

/// `log.segment_bytes` is `FOOTFALL_LOG_SEGMENT_BYTES`; `FOOTFALL_LOG__SEGMENT_BYTES` means the same.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

/// The key that a variable sets.
pub(super) fn key_of_variable<'k>(variable: &str, mut keys: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let plain = variable.replace("__", "_");
    keys.find(|key| variable_of(key) == plain)
}

/// The name most like `wrong`, if any is like it at all.
pub(super) fn nearest(wrong: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    names
        .map(|name| {
            let whole = strsim::jaro_winkler(wrong, &name);
            // A right name in no section or in the wrong one is the commonest slip.
            let part = strsim::jaro_winkler(&last(wrong), &last(&name)) * 0.98;
            (whole.max(part), name)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.7)
        .map(|(_, name)| name)
}
