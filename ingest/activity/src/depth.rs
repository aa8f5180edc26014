//! Looks at an item's text without parsing it: how deep it nests, and whether it has broken surrogate pairs.

/// True when objects and arrays in `json` nest deeper than `depth_max`.
pub(crate) fn exceeds(json: &str, depth_max: usize) -> bool {
    brackets(json.as_bytes()) > depth_max && deepest(json.as_bytes()) > depth_max
}

/// How many opening brackets there are, in strings too. Few cannot nest deep, and counting them is nearly free:
/// '[' and '{' differ only in bit 0x20, and sums of bytes over short chunks become vector instructions.
fn brackets(json: &[u8]) -> usize {
    json.chunks(128).map(|chunk| usize::from(chunk.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>())).sum()
}

fn deepest(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for &byte in json {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// True when `json` has a `\uD800`–`\uDFFF` escape that is not half of a proper pair.
pub fn has_lone_surrogate(json: &str) -> bool {
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += found;
        match unit_at(bytes, at) {
            None => at += 2,
            Some(0xD800..=0xDBFF) => match unit_at(bytes, at + 6) {
                Some(0xDC00..=0xDFFF) => at += 12,
                _ => return true,
            },
            Some(0xDC00..=0xDFFF) => return true,
            Some(_) => at += 6,
        }
    }
    false
}

/// The code unit of the `\uXXXX` escape that starts at `at`.
fn unit_at(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_outside_strings_only() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!exceeds(&nested(64), 64));
        assert!(exceeds(&nested(65), 64));
        assert!(!exceeds(&format!("{:?}", "[".repeat(1000)), 64));
        assert!(!exceeds(&format!("[{}]", "{},".repeat(1000)), 64));
        assert!(!exceeds(r#"["\"[[[[[[[[\\", "\\\"[[[["]"#, 3));
    }

    #[test]
    fn lone_surrogates_are_found() {
        assert!(has_lone_surrogate(r#""\ud800""#));
        assert!(has_lone_surrogate(r#""\udc00\ud800""#));
        assert!(has_lone_surrogate(r#""\ud83d\u0041""#));
        assert!(!has_lone_surrogate(r#""\ud83d\ude00""#));
        assert!(!has_lone_surrogate(r#""\\ud800""#));
        assert!(!has_lone_surrogate(r#""A plain \n""#));
    }
}
