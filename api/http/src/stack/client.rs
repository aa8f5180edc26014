//! Who is at the other end, seen through proxies that the operator trusts.
//!
//! Each proxy appends whom it got the request from. So the list is read from its right end, and only as long as the one
//! who wrote the entry is trusted: what stands further left, anybody may have invented.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use axum::extract::Request;
use http::{HeaderMap, HeaderName, header};

/// The other end of the connection. The server puts it into the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub address: IpAddr,
    pub is_tls: bool,
}

/// Who sends a request. Handlers get it as an `Extension`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub address: IpAddr,
    /// TLS all the way to us or to a trusted proxy.
    pub is_secure: bool,
    /// What the client thinks that we are called.
    pub host: Option<String>,
    pub user_agent: Option<String>,
}

impl Default for Client {
    fn default() -> Client {
        Client { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), is_secure: false, host: None, user_agent: None }
    }
}

impl Client {
    /// Who sends `request` over the connection of `peer`.
    pub fn of(peer: Option<Peer>, request: &Request, proxies: &Proxies) -> Client {
        let headers = request.headers();
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let host = text(header::HOST).or_else(|| request.uri().host().map(str::to_owned));
        let user_agent = text(header::USER_AGENT).map(|agent| agent.chars().take(256).collect());
        let Some(peer) = peer else { return Client { host, user_agent, ..Client::default() } };
        let (address, is_secure) = proxies.see_through(peer, headers);
        Client { address, is_secure, host, user_agent }
    }

    /// The origin of our own pages, as this client sees us.
    pub(crate) fn origin(&self) -> Option<String> {
        let scheme = if self.is_secure { "https" } else { "http" };
        Some(format!("{scheme}://{}", self.host.as_ref()?.to_ascii_lowercase()))
    }
}

/// The header in which proxies tell whom they speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedBy {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Proxies in front of us. By default there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxies {
    pub trusted: Vec<Network>,
    pub told_by: ForwardedBy,
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Nobody stands behind more proxies.
const HOPS_MAX: usize = 16;

/// One entry of the list: an address, unless it is hidden or garbled, and whether TLS was used.
type Hop = (Option<IpAddr>, Option<bool>);

impl Proxies {
    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    fn see_through(&self, peer: Peer, headers: &HeaderMap) -> (IpAddr, bool) {
        let (mut address, mut is_secure) = (peer.address.to_canonical(), peer.is_tls);
        if !self.trusts(address) {
            return (address, is_secure);
        }
        let hops = match self.told_by {
            ForwardedBy::XForwardedFor => {
                let proto = list(headers, &FORWARDED_PROTO).last().map(|proto| proto.eq_ignore_ascii_case("https"));
                is_secure = proto.unwrap_or(is_secure);
                list(headers, &FORWARDED_FOR).map(|entry| (node(entry), None)).collect()
            }
            ForwardedBy::Forwarded => list(headers, &header::FORWARDED).map(element).collect::<Vec<Hop>>(),
        };
        for (next, secure) in hops.into_iter().rev().take(HOPS_MAX) {
            is_secure = secure.unwrap_or(is_secure);
            let Some(next) = next else { break };
            address = next;
            if !self.trusts(address) {
                break;
            }
        }
        (address, is_secure)
    }
}

fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// `for=…;proto=…` of one proxy.
fn element(text: &str) -> Hop {
    let pairs = || text.split(';').filter_map(|pair| pair.trim().split_once('='));
    let value = |name: &str| {
        pairs().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_matches('"'))
    };
    (value("for").and_then(node), value("proto").map(|proto| proto.eq_ignore_ascii_case("https")))
}

/// An address, perhaps with a port: `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None if text.matches(':').count() == 1 => text.split(':').next()?,
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Addresses with a common beginning: `10.0.0.0/8`, `::1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The text names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network: write an address, or an address and its length as 10.0.0.0/8")]
pub struct NetworkError(pub String);

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let ((own, own_length), (other, other_length)) = (bits(self.address), bits(address.to_canonical()));
        let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
        own_length == other_length && own & mask == other & mask
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let error = || NetworkError(text.chars().take(64).collect());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| error())?;
        if bits > most { Err(error()) } else { Ok(Network { address, bits }) }
    }
}

#[cfg(test)]
mod tests;
