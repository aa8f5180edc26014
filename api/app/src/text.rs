//! What texts in requests may look like: patterns that the document states and the schema's check enforces.
//!
//! Written in what Rust, JavaScript and Python understand alike.

/// One line that is not blank.
pub(crate) const ONE_LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";

/// An address as mails are sent to: no quoted local part, no literal address, domains as DNS has them.
pub(crate) const EMAIL: &str = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$";

/// The id of a project.
pub(crate) const PROJECT_ID: &str = r"^[A-Za-z0-9_.-]+$";

/// An address that webhooks may have; `http` and private ones where the operator allows them.
pub(crate) const HTTPS_URL: &str = r"^https?://[A-Za-z0-9.\-\[\]:]+(/[!-~]*)?$";

/// URL-safe base64 without padding.
pub(crate) const BASE64URL: &str = r"^[A-Za-z0-9_-]+$";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use footfall_api_access::Email;
    use proptest::prelude::*;

    /// The same with few repetitions, so that what it generates is seldom too long.
    fn short() -> String {
        let bare = EMAIL.trim_start_matches('^').trim_end_matches('$');
        bare.replace("]+(", "]{1,9}(").replace("]+)*", "]{1,9}){0,3}").replace(")?)*", ")?){0,2}")
    }

    proptest! {
        #[test]
        fn what_the_pattern_of_addresses_promises_is_taken(
            email in proptest::string::string_regex(&short()).unwrap()
        ) {
            prop_assume!(email.len() <= 254);
            prop_assert!(Email::parse(&email).is_ok(), "{email}");
        }
    }
}
