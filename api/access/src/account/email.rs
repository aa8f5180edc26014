//! E-mail addresses: taken as written, compared folded.

use crate::error::AccessError;

/// An address that can be written to, and its folded form by which accounts are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    pub written: String,
    pub folded: String,
}

impl Email {
    /// Reads an address. Case does not matter when comparing: two accounts that differ by it alone would be one person to
    /// everybody but the program.
    pub fn parse(text: &str) -> Result<Email, AccessError> {
        let written = text.trim();
        let fail = || AccessError::invalid("email", "this is no e-mail address");
        // RFC 5321, 4.5.3.1.3. Control characters could write headers.
        if written.len() > 254 || written.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(fail());
        }
        let address: lettre::Address = written.parse().map_err(|_| fail())?;
        Ok(Email { written: address.to_string(), folded: written.to_lowercase() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::Email;

    #[test]
    fn folds_case_and_refuses_what_is_none() {
        let email = Email::parse(" Ada.Lovelace@Example.ORG ").expect("an address");
        assert_eq!(email.written, "Ada.Lovelace@Example.ORG");
        assert_eq!(email.folded, "ada.lovelace@example.org");
        for text in ["", "ada", "@example.org", "ada@", "a@b@c", "ada@example.org\r\nBcc: x@y.z", "ada lovelace@x.org"]
        {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse(&format!("{}@example.org", "a".repeat(300))).is_err());
    }
}
