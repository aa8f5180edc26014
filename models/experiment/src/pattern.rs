//! Regular expressions of flags and targeting: JavaScript's dialect, in bounded time (docs/experiments/assignment.md).

mod class;
mod translate;

use thiserror::Error;

/// A pattern may take back this many steps before it counts as not matching.
const BACKTRACKS_MAX: usize = 20_000;
/// Memory of one compiled pattern, in bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;
const PATTERN_BYTES_MAX: usize = 10_000;
/// A text longer than this is not matched by patterns with look-around or references, whose time is not linear.
const FANCY_TEXT_BYTES_MAX: usize = 2_048;

/// A compiled regular expression, written in JavaScript's dialect without the flag `u`.
#[derive(Debug, Clone)]
pub struct Pattern {
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    /// Time linear in the text, whatever the pattern.
    Linear(regex::Regex),
    /// Look-around and references: the engine goes back, up to a limit.
    Fancy(Box<fancy_regex::Regex>),
}

/// Why a pattern cannot be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum PatternError {
    #[error("the pattern has {0} bytes, at most {PATTERN_BYTES_MAX} are allowed")]
    TooLong(usize),
    #[error("the pattern is no regular expression: {reason} at character {at}")]
    Syntax { at: usize, reason: &'static str },
    #[error("the pattern is not supported: {0}")]
    Unsupported(String),
}

impl Pattern {
    /// Compiles a pattern that is found anywhere in a text.
    pub fn compile(javascript: &str, ignore_case: bool) -> Result<Pattern, PatternError> {
        if javascript.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong(javascript.len()));
        }
        let translated = translate::translate(javascript)?;
        Pattern::build(&translated.text, translated.is_linear, ignore_case)
    }

    /// Compiles a pattern in the dialect of Rust's `regex`, which PostHog's flags are written in, with look-around.
    pub fn compile_rust(pattern: &str) -> Result<Pattern, PatternError> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong(pattern.len()));
        }
        Pattern::build(pattern, true, false).or_else(|_| Pattern::build(pattern, false, false))
    }

    fn build(text: &str, is_linear: bool, ignore_case: bool) -> Result<Pattern, PatternError> {
        let unsupported = |reason: String| PatternError::Unsupported(reason);
        let engine = if is_linear {
            let builder =
                regex::RegexBuilder::new(text).case_insensitive(ignore_case).size_limit(COMPILED_BYTES_MAX).build();
            Engine::Linear(builder.map_err(|error| unsupported(error.to_string()))?)
        } else {
            let builder = fancy_regex::RegexBuilder::new(text)
                .case_insensitive(ignore_case)
                .backtrack_limit(BACKTRACKS_MAX)
                .delegate_size_limit(COMPILED_BYTES_MAX)
                .build();
            Engine::Fancy(Box::new(builder.map_err(|error| unsupported(error.to_string()))?))
        };
        Ok(Pattern { engine })
    }

    /// True if the pattern is found in the text; false also when it would take too long to tell.
    pub fn is_match(&self, text: &str) -> bool {
        match &self.engine {
            Engine::Linear(regex) => regex.is_match(text),
            Engine::Fancy(regex) => text.len() <= FANCY_TEXT_BYTES_MAX && regex.is_match(text).unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests;
