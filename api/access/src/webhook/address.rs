//! Where a webhook may lead: against requests that this program would be talked into (SSRF; OWASP ASVS 5, V1.3.6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::WebhookSettings;
use crate::error::AccessError;

const LENGTH_MAX: usize = 2_000;

/// Reads a webhook's address. Names are looked at again when they are resolved, each time.
pub(super) fn read_address(text: &str, settings: WebhookSettings) -> Result<Url, AccessError> {
    let fail = |problem: &str| AccessError::invalid("url", problem);
    if text.len() > LENGTH_MAX {
        return Err(fail("it has more than 2000 bytes"));
    }
    let url = Url::parse(text).map_err(|_| fail("this is no address; write https://host/path"))?;
    match url.scheme() {
        "https" => {}
        "http" if settings.private_addresses => {}
        _ => return Err(fail("it has to begin with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fail("it must not hold a name or password; the signature tells who sends"));
    }
    if url.fragment().is_some() {
        return Err(fail("nothing may follow a #"));
    }
    let literal = match url.host() {
        None => return Err(fail("it has no host")),
        Some(Host::Domain(_)) => None,
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
    };
    if literal.is_some_and(|address| !may_reach(address, settings)) {
        return Err(fail("it leads into a private network"));
    }
    Ok(url)
}

/// Whether a connection to `address` may be made.
pub(super) fn may_reach(address: IpAddr, settings: WebhookSettings) -> bool {
    let address = address.to_canonical();
    let is_one_host =
        !address.is_multicast() && !address.is_unspecified() && address != IpAddr::V4(Ipv4Addr::BROADCAST);
    is_one_host && (settings.private_addresses || is_public(address))
}

/// True for addresses of the open internet (IANA's registries of special-purpose addresses).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b)) // shared by a provider's customers
        || (a == 192 && b == 0 && c == 0) // protocols
        || (a == 192 && b == 88 && c == 99) // 6to4 relays
        || (a == 198 && (18..20).contains(&b)) // benchmarks
        || a >= 224; // groups, reserved, everybody
    !is_special
}

/// Of IPv6, only global unicast, and of that nothing that carries an IPv4 address inside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_global = a & 0xe000 == 0x2000;
    // Below 2001:200::, protocols and Teredo; 2001:db8:: is for documents.
    let is_special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8))
        || a == 0x2002 // 6to4
        || (a == 0x3fff && b < 0x1000);
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    const STRICT: WebhookSettings = WebhookSettings { private_addresses: false };
    const OPEN: WebhookSettings = WebhookSettings { private_addresses: true };

    #[test]
    fn private_places_are_not_reached() {
        let closed = [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fec0::1",
        ];
        for text in closed {
            assert!(!may_reach(text.parse().expect("an address"), STRICT), "{text}");
        }
        for text in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(may_reach(text.parse().expect("an address"), STRICT), "{text}");
        }
        for text in ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254"] {
            assert!(may_reach(text.parse().expect("an address"), OPEN), "{text}");
        }
        for text in ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "::ffff:0.0.0.0"] {
            assert!(!may_reach(text.parse().expect("an address"), OPEN), "{text}");
        }
    }

    #[test]
    fn addresses_in_every_spelling_are_one() {
        let refused = [
            "http://hooks.example.org/",
            "ftp://hooks.example.org/",
            "file:///etc/passwd",
            "gopher://x/",
            "https://",
            "https://user@hooks.example.org/",
            "https://u:p@hooks.example.org/",
            "https://hooks.example.org/#x",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest",
            "https://１２７.０.０.１/",
            "hooks.example.org",
            "//hooks.example.org",
            "javascript:alert(1)",
            "",
        ];
        for text in refused {
            assert!(read_address(text, STRICT).is_err(), "{text}");
        }
        assert!(read_address(&format!("https://hooks.example.org/{}", "x".repeat(2_000)), STRICT).is_err());
        for text in ["https://hooks.example.org/a?b=c", "https://hooks.example.org:8443/", "https://1.1.1.1/"] {
            assert!(read_address(text, STRICT).is_ok(), "{text}");
        }
        assert!(read_address("http://127.0.0.1:9000/", OPEN).is_ok());
        assert!(read_address("http://u:p@127.0.0.1:9000/", OPEN).is_err());
    }
}
