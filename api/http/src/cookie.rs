//! Cookies: read without doubt, written so that no page script reads them and, under TLS, no other host sets them.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use crate::stack::Client;

/// The name as it stands in the header.
fn name_in(client: &Client, name: &str) -> String {
    format!("{}{name}", if client.is_secure { "__Host-" } else { "" })
}

/// The value of a cookie; `None` where it is missing or there more than once.
pub fn cookie<'a>(headers: &'a HeaderMap, client: &Client, name: &str) -> Option<&'a str> {
    let name = name_in(client, name);
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(given, value)| *given == name && !value.is_empty()).map(|(_, value)| value);
    let only = values.next()?;
    values.next().is_none().then_some(only)
}

/// `Set-Cookie`, for pages of this host alone; a `max_age` of zero removes it. `None` for a value that is no plain token.
pub fn set_cookie(client: &Client, name: &str, value: &str, max_age: Duration) -> Option<HeaderValue> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte);
    let name = name_in(client, name);
    let secure = if client.is_secure { "; Secure" } else { "" };
    let age = max_age.as_secs();
    let text = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    value.bytes().all(is_plain).then(|| HeaderValue::try_from(text).ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn cookies_are_bound_to_this_host_under_tls() {
        let (open, secure) = (Client::default(), Client { is_secure: true, ..Client::default() });
        let set = |value: &str, client| set_cookie(client, "session", value, Duration::from_secs(60));
        assert_eq!(set("abc", &open).unwrap(), "session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        assert_eq!(
            set("abc", &secure).unwrap(),
            "__Host-session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        for wrong in ["a;b", "a\r\nb", "a b", "a,b", "ä", "\"a\""] {
            assert!(set(wrong, &open).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_cookie_that_is_there_twice_is_none() {
        let read = |values: &[&'static str], client: &Client| {
            let pairs = values.iter().map(|value| (header::COOKIE, HeaderValue::from_static(value)));
            let mut headers = HeaderMap::new();
            pairs.for_each(|(name, value)| assert!(headers.append(name, value) || !headers.is_empty()));
            cookie(&headers, client, "session").map(str::to_owned)
        };
        let (open, secure) = (Client::default(), Client { is_secure: true, ..Client::default() });
        assert_eq!(read(&["a=b; session=abc=; c=d"], &open).as_deref(), Some("abc="));
        assert_eq!(read(&["session=abc; session=def"], &open), None);
        assert_eq!(read(&["session=abc", "session=def"], &open), None);
        assert_eq!(read(&["session="], &open), None);
        assert_eq!(read(&["session=planted; __Host-session=own"], &secure).as_deref(), Some("own"));
        assert_eq!(read(&["session=planted"], &secure), None);
    }
}
