//! The operator's token: who has it runs this installation.

use std::fmt;
use std::sync::Arc;

/// A token of this run of the program. Its text is neither printed nor compared byte by byte until the first difference.
#[derive(Clone)]
pub struct OperatorToken(Arc<str>);

impl OperatorToken {
    /// A token; `None` when `token` is shorter than 16 bytes and so could be guessed.
    pub fn new(token: &str) -> Option<OperatorToken> {
        (token.len() >= 16).then(|| OperatorToken(token.into()))
    }

    /// True when `presented` is the token. Takes the same time wherever they differ.
    pub fn matches(&self, presented: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), presented.as_bytes());
        let differing = own
            .iter()
            .enumerate()
            .fold(0u8, |differing, (at, byte)| differing | (byte ^ other.get(at).copied().unwrap_or(!byte)));
        std::hint::black_box(differing) == 0 && own.len() == other.len()
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn only_the_whole_token_matches() {
        let token = OperatorToken::new("0123456789abcdef").expect("long enough");
        assert!(token.matches("0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0", "x123456789abcdef"] {
            assert!(!token.matches(other), "{other}");
        }
        assert!(OperatorToken::new("too short").is_none());
        assert_eq!(format!("{token:?}"), "OperatorToken(…)");
    }
}
