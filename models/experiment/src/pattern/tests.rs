//! JavaScript's dialect, compared with what Node 20 answers, and bounded time.

#![allow(clippy::expect_used)]

use super::*;

fn is_match(pattern: &str, text: &str) -> bool {
    Pattern::compile(pattern, false).unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(text)
}

#[test]
fn the_dialect_is_javascripts() {
    let cases: &[(&str, &str, bool)] = &[
        (r"^\d+$", "123", true),
        (r"^\d+$", "\u{0661}\u{0662}", false),
        (r"^\w+$", "caf\u{e9}", false),
        (r"^\s$", "\u{feff}", true),
        (r"^a.b$", "a\u{2028}b", false),
        (r"^a.b$", "a\rb", false),
        (r"\/home\/", "/home/", true),
        ("a/b", "a/b", true),
        (r"^[^]$", "\n", true),
        (r"a[]b", "ab", false),
        (r"^[a-z&&[b]]$", "&]", true),
        (r"^x{,3}$", "x{,3}", true),
        (r"^x{2,3}$", "xx", true),
        (r"^{a}$", "{a}", true),
        (r"^a]$", "a]", true),
        (r"^\u0041\x42\cJ$", "AB\n", true),
        (r"^\u{2}$", "uu", true),
        (r"^\ud83d\ude00$", "\u{1F600}", true),
        (r"^\p{L}$", "p{L}", true),
        (r"^(a)\1$", "aa", true),
        (r"^(?<x>a)\k<x>$", "aa", true),
        (r"^\1$", "\u{1}", true),
        (r"^(?:(a)|b)\1c$", "bc", true),
        (r"^(?:(a)|b)\1c$", "ac", false),
        (r"(?<=a+b*)c", "aabc", true),
        (r"(?<!a+b*)c", "aabc", false),
        (r"^(?!foo).*bar$", "xbar", true),
        (r"^(?!foo).*bar$", "foobar", false),
        (r"(?<=\$)\d+", "$42", true),
        (r"(?<!\$)\b\d+", "$42", false),
        (r"\bcat\b", "a cat!", true),
        (r"\bcat\b", "concat", false),
        (r"^[\w-]+@[\w.-]+$", "a-b@c.d", true),
        (r"^[a-\d]$", "-", true),
        (r"^[\b]$", "\u{8}", true),
        (r"^(?:a|b)*?c$", "ababc", true),
        (r"[.]", "x", false),
        (r"^\i\-\#\ $", "i-# ", true),
        ("^a$", "a\n", false),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(is_match(pattern, text), *expected, "/{pattern}/.test({text:?})");
    }
}

#[test]
fn what_javascript_refuses_is_refused() {
    let cases = [
        "(", ")", "[", "*a", "a**", "a*+", "+", "?", "a|*", "(?a)", "(?<>x)", "\\", "[b-a]", "{1}", "a{3,2}", "(?<n>a",
        "(?:", "^*",
    ];
    for pattern in cases {
        assert!(Pattern::compile(pattern, false).is_err(), "{pattern}");
    }
    assert!(matches!(Pattern::compile(&"a".repeat(10_001), false), Err(PatternError::TooLong(10_001))));
}

#[test]
fn case_can_be_ignored() {
    let pattern = Pattern::compile("^h[A-C]llo|\u{e9}$", true).expect("a pattern");
    assert!(pattern.is_match("HbLLO"));
    assert!(pattern.is_match("\u{c9}"));
    assert!(!pattern.is_match("hdllo"));
}

/// Patterns that take exponential time in a backtracking engine end here: either in linear time or at the limit.
#[test]
fn no_pattern_runs_away() {
    let text = "a".repeat(2_000);
    for pattern in [r"^(a+)+$", r"(a|aa)+b", r"(?=(a+)+b)c", r"^(a|a)*\1?b", r"(.*)*(.*)*\2b", r"^(?:(?:a*)*)*(?!a)b"] {
        let pattern = Pattern::compile(pattern, false).expect("a pattern");
        let _ = pattern.is_match(&text);
    }
    assert!(!is_match(r"(?=a)a", &"a".repeat(FANCY_TEXT_BYTES_MAX + 1)));
    assert!(is_match(r"a$", &"a".repeat(FANCY_TEXT_BYTES_MAX + 1)));
}
