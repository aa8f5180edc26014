//! Addresses behind proxies: what may be believed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn proxies(trusted: &[&str], told_by: ForwardedBy) -> Proxies {
    Proxies { trusted: trusted.iter().map(|network| network.parse().unwrap()).collect(), told_by }
}

fn seen(proxies: &Proxies, peer: &str, headers: &[(HeaderName, &str)]) -> String {
    let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
    let mut map = HeaderMap::new();
    headers.for_each(|(name, value)| assert!(map.append(name, value) || !map.is_empty()));
    let (address, is_secure) = proxies.see_through(Peer { address: peer.parse().unwrap(), is_tls: false }, &map);
    format!("{address}{}", if is_secure { " tls" } else { "" })
}

#[test]
fn nobody_is_believed_by_default() {
    let headers =
        [(FORWARDED_FOR, "1.2.3.4"), (FORWARDED_PROTO, "https"), (header::FORWARDED, "for=1.2.3.4;proto=https")];
    assert_eq!(seen(&Proxies::default(), "9.9.9.9", &headers), "9.9.9.9");
    assert_eq!(seen(&proxies(&["10.0.0.0/8"], ForwardedBy::XForwardedFor), "9.9.9.9", &headers), "9.9.9.9");
}

#[test]
fn the_list_is_read_from_the_right_while_proxies_are_trusted() {
    let own = proxies(&["10.0.0.0/8", "::1"], ForwardedBy::XForwardedFor);
    let list = |list| seen(&own, "10.0.0.1", &[(FORWARDED_FOR, list), (FORWARDED_PROTO, "https")]);
    assert_eq!(list("6.6.6.6, 1.2.3.4"), "1.2.3.4 tls");
    assert_eq!(list("6.6.6.6, 1.2.3.4, 10.7.7.7"), "1.2.3.4 tls");
    assert_eq!(list("6.6.6.6, unknown, 10.7.7.7"), "10.7.7.7 tls");
    assert_eq!(list("1.2.3.4:5555"), "1.2.3.4 tls");
    assert_eq!(list("[2001:db8::1]:80"), "2001:db8::1 tls");
    assert_eq!(list("2001:db8::1"), "2001:db8::1 tls");
    assert_eq!(list("::ffff:1.2.3.4"), "1.2.3.4 tls");
    assert_eq!(list(""), "10.0.0.1 tls");
    let two = [(FORWARDED_FOR, "6.6.6.6"), (FORWARDED_FOR, "1.2.3.4")];
    assert_eq!(seen(&own, "::ffff:10.0.0.1", &two), "1.2.3.4");
}

#[test]
fn forwarded_is_read_where_it_is_the_configured_header() {
    let own = proxies(&["10.0.0.0/8"], ForwardedBy::Forwarded);
    let list = |list| seen(&own, "10.0.0.1", &[(header::FORWARDED, list), (FORWARDED_FOR, "6.6.6.6")]);
    assert_eq!(list("for=6.6.6.6, for=1.2.3.4;proto=https;by=10.0.0.1"), "1.2.3.4 tls");
    assert_eq!(list("For=\"[2001:db8::1]:4711\";Proto=http"), "2001:db8::1");
    assert_eq!(list("for=_hidden"), "10.0.0.1");
    assert_eq!(seen(&own, "10.0.0.1", &[(FORWARDED_FOR, "6.6.6.6")]), "10.0.0.1");
}

#[test]
fn networks_are_read_and_hold_what_they_should() {
    let holds = |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
    assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
    assert!(holds("0.0.0.0/0", "9.9.9.9") && !holds("0.0.0.0/0", "::1"));
    assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
    assert!(holds("::1", "::1") && !holds("::1", "::2") && holds("192.0.2.1", "::ffff:192.0.2.1"));
    for wrong in ["", "10.0.0.0/33", "10.0.0", "host", "::1/129", "10.0.0.0/"] {
        assert!(wrong.parse::<Network>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn what_a_client_invents_changes_nothing(invented in "[0-9a-f:., \"\\[\\]]{0,40}") {
        let own = proxies(&["10.0.0.0/8"], ForwardedBy::XForwardedFor);
        let list = format!("{invented}, 1.2.3.4");
        prop_assert_eq!(seen(&own, "10.0.0.1", &[(FORWARDED_FOR, &list)]), "1.2.3.4");
    }
}
