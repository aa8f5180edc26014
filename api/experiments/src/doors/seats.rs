//! Places of those who listen to changes. Keys of apps are public, so that one outsider could take all of them: each key and each address has a share.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use footfall_api_http::limit::network;

/// Who listens in this process.
const TAKEN: &str = "footfall_flag_streams";
/// Who was sent away, by the limit.
const REFUSED: &str = "footfall_flag_streams_refused_total";

/// Streams at one time, in this process; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatLimits {
    pub all: Option<usize>,
    /// Of one client or write key.
    pub key: Option<usize>,
    /// Of one address (IPv6: one /64).
    pub address: Option<usize>,
}

impl Default for SeatLimits {
    fn default() -> SeatLimits {
        SeatLimits { all: Some(8_000), key: Some(6_000), address: Some(500) }
    }
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    All,
    Key,
    Address,
}

impl Full {
    /// When somebody may have gone.
    pub const AGAIN: Duration = Duration::from_secs(30);
    const ALL: [Full; 3] = [Full::All, Full::Key, Full::Address];

    const fn name(self) -> &'static str {
        match self {
            Full::All => "all",
            Full::Key => "key",
            Full::Address => "address",
        }
    }

    pub const fn sentence(self) -> &'static str {
        match self {
            Full::All => "Too many listen already.",
            Full::Key => "Too many listen with this key already.",
            Full::Address => "Too many listen from this address already.",
        }
    }
}

/// All places of one process.
#[derive(Debug)]
pub(super) struct Seats {
    limits: SeatLimits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    keys: HashMap<Arc<str>, usize>,
    addresses: HashMap<String, usize>,
}

/// A listener's place, given back when it goes.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    key: Arc<str>,
    address: String,
}

impl Seats {
    pub fn new(limits: SeatLimits) -> Seats {
        metrics::gauge!(TAKEN).increment(0.0);
        for full in Full::ALL {
            metrics::counter!(REFUSED, "limit" => full.name()).increment(0);
        }
        Seats { limits, taken: Mutex::default() }
    }

    /// A place for who listens with the key of this id from an address.
    pub fn take(self: &Arc<Self>, key: &Arc<str>, address: IpAddr) -> Result<Seat, Full> {
        let address = network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |limit: Option<usize>, now: usize| limit.is_some_and(|limit| now >= limit);
        let own = |taken: Option<&usize>| taken.copied().unwrap_or_default();
        // Whose own share is used up is told so, whether or not there is room for others.
        let full = if is_full(self.limits.address, own(taken.addresses.get(&address))) {
            Some(Full::Address)
        } else if is_full(self.limits.key, own(taken.keys.get(key))) {
            Some(Full::Key)
        } else if is_full(self.limits.all, taken.all) {
            Some(Full::All)
        } else {
            None
        };
        if let Some(full) = full {
            metrics::counter!(REFUSED, "limit" => full.name()).increment(1);
            return Err(full);
        }
        taken.all += 1;
        *taken.keys.entry(key.clone()).or_default() += 1;
        *taken.addresses.entry(address.clone()).or_default() += 1;
        metrics::gauge!(TAKEN).increment(1.0);
        Ok(Seat { seats: self.clone(), key: key.clone(), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        leave(&mut taken.keys, &self.key);
        leave(&mut taken.addresses, &self.address);
        metrics::gauge!(TAKEN).decrement(1.0);
    }
}

/// Nothing is kept of who has gone.
fn leave<K: Eq + Hash>(taken: &mut HashMap<K, usize>, own: &K) {
    if let Some(count) = taken.get_mut(own) {
        *count -= 1;
        if *count == 0 {
            taken.remove(own);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nobody_takes_the_places_of_others() {
        let limits = SeatLimits { all: Some(5), key: Some(3), address: Some(2) };
        let seats = Arc::new(Seats::new(limits));
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let from = |last: u8| IpAddr::from([198, 51, 100, last]);
        let take = |key: &Arc<str>, last: u8| seats.take(key, from(last));
        let mut held = vec![take(&one, 1).unwrap(), take(&one, 1).unwrap()];
        assert_eq!(take(&one, 1).unwrap_err(), Full::Address);
        assert_eq!(take(&other, 1).unwrap_err(), Full::Address, "whatever its key");
        held.push(take(&one, 2).unwrap());
        assert_eq!(take(&one, 3).unwrap_err(), Full::Key, "whatever its address");
        held.push(take(&other, 3).unwrap());
        held.push(take(&other, 4).unwrap());
        assert_eq!(take(&other, 5).unwrap_err(), Full::All);
        drop(held.remove(0));
        held.push(take(&one, 1).unwrap());
        held.clear();
        let taken = seats.taken.lock().unwrap();
        assert!(taken.all == 0 && taken.keys.is_empty() && taken.addresses.is_empty(), "{taken:?}");
    }

    /// A customer of IPv6 has more addresses than there are places.
    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let seats = Arc::new(Seats::new(SeatLimits { all: None, key: None, address: Some(1) }));
        let key: Arc<str> = "one".into();
        let held = seats.take(&key, "2001:db8:1:2::3".parse().unwrap()).unwrap();
        assert_eq!(seats.take(&key, "2001:db8:1:2:ffff::4".parse().unwrap()).unwrap_err(), Full::Address);
        let next = seats.take(&key, "2001:db8:1:3::3".parse().unwrap());
        assert!(next.is_ok());
        drop(held);
    }
}
