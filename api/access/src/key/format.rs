//! How keys look: a prefix that says what they are for, 256 random bits, and a checksum by which scanners tell a leaked key from
//! a text that looks like one, without asking anybody.
//!
//! `ff?_` + 43 characters of base62 + the CRC-32 (IEEE) of all before it as 6 characters of base62; as a pattern
//! `ff[wrcps]_[0-9A-Za-z]{49}`. Keys of earlier versions have 43 characters of URL-safe base64 and no checksum; they stay valid.

use serde::{Deserialize, Serialize};

use crate::policy::{Permission as P, PermissionSet};
use crate::secret::{NoRandomness, random};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Sends activity of one project and reads nothing; it may be public.
    Write,
    /// Reads one project and sends nothing.
    Read,
    /// Evaluates the flags of one project in an app; it may be public.
    Client,
    /// Acts as the account that made it, within its scopes.
    Personal,
    /// A program of an organisation, with scopes of its own.
    Service,
}

impl KeyKind {
    pub const ALL: &[KeyKind] = &[KeyKind::Write, KeyKind::Read, KeyKind::Client, KeyKind::Personal, KeyKind::Service];

    pub const fn prefix(self) -> &'static str {
        match self {
            KeyKind::Write => "ffw_",
            KeyKind::Read => "ffr_",
            KeyKind::Client => "ffc_",
            KeyKind::Personal => "ffp_",
            KeyKind::Service => "ffs_",
        }
    }

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            KeyKind::Write => "write",
            KeyKind::Read => "read",
            KeyKind::Client => "client",
            KeyKind::Personal => "personal",
            KeyKind::Service => "service",
        }
    }

    pub fn named(name: &str) -> Option<KeyKind> {
        KeyKind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// What the kind always permits; `None` where scopes say it.
    pub const fn permissions(self) -> Option<PermissionSet> {
        match self {
            KeyKind::Write => Some(PermissionSet::of(&[P::ActivitySend])),
            KeyKind::Client => Some(PermissionSet::of(&[P::FlagsEvaluate])),
            KeyKind::Read => Some(PermissionSet::of(&[
                P::ProjectsRead,
                P::ActivityRead,
                P::PersonsRead,
                P::QuarantineRead,
                P::SqlRun,
                P::InsightsRead,
                P::DashboardsRead,
                P::ExperimentsRead,
                P::FlagsRead,
                P::ModelsRead,
                P::ContentRead,
                P::JobsRead,
            ])),
            KeyKind::Personal | KeyKind::Service => None,
        }
    }
}

const RANDOM_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new key.
pub(super) fn new_key(kind: KeyKind) -> Result<String, NoRandomness> {
    let mut key = String::from(kind.prefix());
    while key.len() < kind.prefix().len() + RANDOM_LENGTH {
        // Bytes from 248 on are dropped, so that all 62 characters are equally likely.
        for byte in random::<64>()?.into_iter().filter(|byte| *byte < 248) {
            if key.len() < kind.prefix().len() + RANDOM_LENGTH {
                key.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
    }
    let checksum = checksum(&key);
    Ok(key + &checksum)
}

/// The kind of `key`, when it has the form of one; what has not is refused without a look-up.
pub(super) fn kind_of(key: &str) -> Option<KeyKind> {
    let kind = KeyKind::ALL.iter().copied().find(|kind| key.starts_with(kind.prefix()))?;
    let rest = key.strip_prefix(kind.prefix())?;
    let earlier = rest.len() == RANDOM_LENGTH
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && matches!(kind, KeyKind::Write | KeyKind::Read);
    let (start, end) = key.split_at_checked(key.len().checked_sub(CHECKSUM_LENGTH)?)?;
    let fits = rest.len() == RANDOM_LENGTH + CHECKSUM_LENGTH && checksum(start) == end;
    (earlier || fits).then_some(kind)
}

fn checksum(text: &str) -> String {
    let mut number = crc32(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(number % 62) as usize];
        number /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

/// CRC-32 as in zlib and Ethernet (reflected, 0xEDB88320).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_known_by_its_form() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926, "the check value of CRC-32/ISO-HDLC");
        for kind in KeyKind::ALL.iter().copied() {
            let key = new_key(kind).expect("a key");
            assert_eq!((key.len(), kind_of(&key)), (53, Some(kind)));
            assert_ne!(key, new_key(kind).expect("another"));
            assert_eq!(KeyKind::named(kind.name()), Some(kind));
        }
        let earlier = "ffw_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_";
        assert_eq!((earlier.len(), kind_of(earlier)), (47, Some(KeyKind::Write)));
        assert_eq!(kind_of(&earlier.replace("ffw_", "ffs_")), None, "there were no such keys then");
    }

    proptest! {
        #[test]
        fn a_mistyped_key_is_refused_by_its_checksum(at in 4usize..53, to in "[0-9A-Za-z]") {
            let key = new_key(KeyKind::Read).expect("a key");
            let mut mistyped = key.clone();
            mistyped.replace_range(at..=at, &to);
            prop_assert_eq!(kind_of(&mistyped).is_some(), mistyped == key);
        }

        #[test]
        fn any_text_is_judged(text in "\\PC{0,80}") {
            prop_assert_eq!(kind_of(&text), None);
        }
    }
}
