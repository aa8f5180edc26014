//! Time-based one-time passwords (RFC 6238) with the parameters that every authenticator knows: SHA-1, six digits, 30 seconds.
//!
//! SHA-1 here is HMAC-SHA-1, whose strength does not rest on collisions; other choices are ignored by common authenticators.

use ring::hmac;

/// Bytes of a secret: as long as the hash (RFC 4226, 4, R6 recommends 160 bits).
pub(super) const SECRET_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
/// Steps before and after now that are taken: one, for slow hands and clocks (RFC 6238, 5.2).
const WINDOW: i64 = 1;

/// The code of `step`.
pub(super) fn code_at(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    // RFC 4226, 5.3: four bytes from where the last nibble points, without the sign.
    let offset = usize::from(tag[19] & 15);
    let number = tag[offset..offset + 4].iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The step that `code` belongs to at `now_millis`, if it is later than `last_step`: a step is good once (RFC 6238, 5.2).
pub(super) fn step_of(secret: &[u8], code: &str, now_millis: i64, last_step: i64) -> Option<i64> {
    let now = now_millis.div_euclid(1000).div_euclid(STEP_SECONDS);
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    // All steps are looked at, so that time does not tell which one fits.
    (now - WINDOW..=now + WINDOW).fold(None, |found, step| {
        let fits = crate::secret::same(code_at(secret, step).as_bytes(), code.as_bytes()) && step > last_step;
        if fits && found.is_none() { Some(step) } else { found }
    })
}

/// Base32 without padding (RFC 4648, 6): what authenticators read and people can type.
pub(super) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut text, mut bits, mut waiting) = (String::new(), 0u32, 0u32);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        waiting += 8;
        while waiting >= 5 {
            waiting -= 5;
            text.push(char::from(ALPHABET[(bits >> waiting & 31) as usize]));
        }
    }
    if waiting > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - waiting) & 31) as usize]));
    }
    text
}

/// The address that authenticators read from a QR code (Google Authenticator's key URI format).
pub(super) fn otpauth_url(secret: &[u8], issuer: &str, account: &str) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let (issuer, account, secret) = (encode(issuer), encode(account), base32(secret));
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    /// RFC 6238, appendix B, the SHA-1 rows; six of their eight digits.
    #[test]
    fn agrees_with_the_rfc() {
        let secret = b"12345678901234567890";
        let rows = [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ];
        for (seconds, eight) in rows {
            assert_eq!(code_at(secret, seconds / 30), eight[2..], "{seconds}");
            assert_eq!(step_of(secret, &eight[2..], seconds * 1000, 0), Some(seconds / 30));
        }
        // RFC 4648, 10, without padding.
        assert_eq!([base32(b"f"), base32(b"foob"), base32(b"foobar")], ["MY", "MZXW6YQ", "MZXW6YTBOI"]);
    }

    #[test]
    fn a_step_is_good_once_and_for_a_while() {
        let secret = b"12345678901234567890";
        let now = 1_000_000_000_000;
        let step = now / 30_000;
        for (at, expected) in [(-2, None), (-1, Some(step - 1)), (0, Some(step)), (1, Some(step + 1)), (2, None)] {
            assert_eq!(step_of(secret, &code_at(secret, step + at), now, 0), expected, "{at}");
        }
        let code = code_at(secret, step);
        assert_eq!(step_of(secret, &code, now, step), None, "used");
        assert_eq!(step_of(secret, &format!("{} {}", &code[..3], &code[3..]), now, 0), Some(step), "as shown");
        for wrong in ["", "1", "1234567", "abcdef", "００００００"] {
            assert_eq!(step_of(secret, wrong, now, 0), None, "{wrong}");
        }
    }

    #[test]
    fn the_address_is_what_authenticators_read() {
        let url = otpauth_url(b"12345678901234567890", "Foot & Fall", "ada+x@example.org");
        assert_eq!(
            url,
            "otpauth://totp/Foot%20%26%20Fall:ada%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Foot%20%26%20Fall&algorithm=SHA1&digits=6&period=30"
        );
    }
}
