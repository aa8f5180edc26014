//! Which passwords are taken: long enough, not among those many people chose, not made of the account itself.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::error::AccessError;

/// Shortest password in characters. OWASP ASVS 5, V6.2.1 asks for 8; NIST SP 800-63B-4, 3.1.1.2 for 8 beside a second
/// factor and 15 alone. Ten with the list below is what people accept without a second factor; `Settings` can raise it.
pub const PASSWORD_LENGTH_MIN: usize = 10;
/// Longest, in characters (V6.2.9: at least 64 must be possible). A bound, so that nobody sends megabytes to be hashed.
pub const PASSWORD_LENGTH_MAX: usize = 256;

/// 28,000 passwords from leaks (README.md beside). V6.2.4 asks for 3,000.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Rows of keyboards and alphabets that people walk along.
const WALKS: &[&str] =
    &["abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "qazwsxedcrfvtgbyhnujmikolp"];

/// Takes or refuses a new password; `own` are words that belong to the account: its address, name, the product.
///
/// No rules about classes of characters, no expiry: they make passwords worse (V6.2.5, V6.2.10).
pub fn check_password(password: &str, length_min: usize, own: &[&str]) -> Result<(), AccessError> {
    let refuse = |problem: String| Err(AccessError::invalid("password", problem));
    let length = password.chars().count();
    if length < length_min {
        return refuse(format!("it needs at least {length_min} characters; a few words in a row are good"));
    }
    if length > PASSWORD_LENGTH_MAX {
        return refuse(format!("it may have at most {PASSWORD_LENGTH_MAX} characters"));
    }
    let folded = password.to_lowercase();
    if is_common(&folded) {
        return refuse("many people use it or nearly it, and it is tried first; choose another".to_owned());
    }
    if is_monotonous(&folded) {
        return refuse("it repeats or counts; choose another".to_owned());
    }
    // V6.2.11: words of the context.
    let named = own.iter().map(|word| word.to_lowercase()).filter(|word| word.chars().count() >= 4);
    for word in named {
        if folded.replace(&word, "").chars().count() < 6 {
            return refuse("it is mostly your name, address or the product's name; choose another".to_owned());
        }
    }
    Ok(())
}

/// In the list as it is, with what people put around it taken off, with look-alikes undone, or doubled.
fn is_common(folded: &str) -> bool {
    let ornament = |c: char| c.is_ascii_digit() || c.is_ascii_punctuation();
    let plain: String = folded.chars().map(undo_look_alike).collect();
    let bare = folded.trim_matches(ornament);
    let plain_bare = plain.trim_matches(ornament);
    let half = folded.get(..folded.len() / 2).filter(|half| half.repeat(2) == folded);
    // What is left must be most of it: "dragon-in-1987-and-so-on" is no "dragon".
    let mostly = |core: &str| folded.len() <= core.len() + 6 && COMMON.contains(core);
    COMMON.contains(folded)
        || COMMON.contains(plain.as_str())
        || mostly(bare)
        || mostly(plain_bare)
        || half.is_some_and(|half| COMMON.contains(half))
}

fn undo_look_alike(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Few different characters, one short piece again and again, or a walk along a row.
fn is_monotonous(folded: &str) -> bool {
    let characters: Vec<char> = folded.chars().collect();
    if characters.iter().collect::<HashSet<_>>().len() < 4 {
        return true;
    }
    if (1..=4).any(|piece| characters.iter().zip(characters.iter().skip(piece)).all(|(a, b)| a == b)) {
        return true;
    }
    let backwards: String = characters.iter().rev().collect();
    WALKS.iter().any(|walk| walk.contains(folded) || walk.contains(&backwards))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn refused(password: &str) -> bool {
        check_password(password, PASSWORD_LENGTH_MIN, &["ada.lovelace@example.org", "ada.lovelace", "Footfall"])
            .is_err()
    }

    #[test]
    fn refuses_what_is_tried_first() {
        for password in [
            "short",
            "password123",
            "P@ssw0rd1234",
            "dragon2024",
            "1234567890",
            "9876543210",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "monkeymonkey",
            "ada.lovelace1",
            "Footfall2026",
            "!!letmein!!",
            "iloveyou12",
        ] {
            assert!(refused(password), "{password}");
        }
        assert!(refused(&"long ".repeat(60)));
    }

    #[test]
    fn takes_what_is_its_own() {
        for password in [
            "correct horse battery",
            "mein Rad hat drei Räder",
            "xK9#mQ2$vL",
            "dragons in 1987 sang",
            "パスワードは長いほうがよい",
        ] {
            assert!(!refused(password), "{password}");
        }
    }

    #[test]
    fn the_list_is_as_long_as_the_standard_asks() {
        let fitting = COMMON.iter().filter(|word| word.chars().count() >= 8).count();
        assert!(fitting >= 3_000, "{fitting}");
    }
}
