//! What strangers can do to an account, and what they cannot.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_ingest_activity::FixedClock;
use proptest::prelude::*;

use super::*;
use crate::limit::MemoryBuckets;

const START: i64 = 1_764_000_000_000;

struct Door {
    throttle: SignInThrottle,
    clock: Arc<FixedClock>,
    runtime: tokio::runtime::Runtime,
}

impl Door {
    fn new() -> Door {
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(START)));
        let buckets = Arc::new(MemoryBuckets::default());
        let throttle = SignInThrottle::new(SignInSettings::default(), Secret::new([3; 32]), buckets, clock.clone());
        Door { throttle, clock, runtime: tokio::runtime::Builder::new_current_thread().build().unwrap() }
    }

    fn judge(&self, account: &str, address: IpAddr, device: Option<&str>) -> Verdict {
        self.runtime.block_on(self.throttle.judge(Attempt { account, address, device })).unwrap()
    }

    fn pass(&self, millis: i64) {
        self.clock.set(self.clock.now().plus_millis(millis));
    }

    fn cookie(&self, account: &str) -> String {
        self.throttle.device_cookie(account).unwrap()
    }
}

fn address(number: u32) -> IpAddr {
    IpAddr::V4((0x0A00_0000 | number & 0xFF_FFFF).into())
}

fn is_tried(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Try(_))
}

#[test]
fn one_network_gets_few_guesses_and_then_waits() {
    let door = Door::new();
    let tried = (0..50).filter(|_| is_tried(&door.judge("ada", address(1), None))).count();
    assert_eq!(tried, 5);
    let Verdict::Wait(wait) = door.judge("ada", address(1), None) else { panic!("it has to wait") };
    door.pass(i64::try_from(wait.as_millis()).unwrap());
    assert!(is_tried(&door.judge("ada", address(1), None)));
}

#[test]
fn many_networks_are_sent_to_the_owner_and_the_owner_gets_in() {
    let door = Door::new();
    let cookie = door.cookie("ada");
    let guesses = (0..1000).filter(|number| is_tried(&door.judge("ada", address(*number), None))).count();
    assert_eq!(guesses, 50);
    assert!(is_tried(&door.judge("ada", address(5000), Some(&cookie))), "the owner's device");
    assert_eq!(door.judge("ada", address(5001), None), Verdict::Confirm, "the owner's new device: a link");
    assert!(is_tried(&door.judge("bob", address(5002), None)), "others are not touched");
}

#[test]
fn one_password_tried_everywhere_is_slowed_by_network() {
    let door = Door::new();
    let guesses = (0..1000).filter(|number| is_tried(&door.judge(&format!("account{number}"), address(1), None)));
    assert_eq!(guesses.count(), 60);
}

#[test]
fn an_ipv6_customer_is_one_network() {
    let door = Door::new();
    let of = |low: u16| IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, low));
    assert_eq!((0..50).filter(|low| is_tried(&door.judge("ada", of(*low), None))).count(), 5);
}

#[test]
fn success_costs_nothing() {
    let door = Door::new();
    for _ in 0..100 {
        let Verdict::Try(tried) = door.judge("ada", address(1), None) else { panic!("successes add up") };
        door.runtime.block_on(door.throttle.succeeded(tried)).unwrap();
    }
}

#[test]
fn a_stolen_or_old_cookie_helps_little() {
    let door = Door::new();
    let cookie = door.cookie("ada");
    assert_eq!((0..50).filter(|_| is_tried(&door.judge("ada", address(1), Some(&cookie)))).count(), 10);
    let tried = |account: &str, cookie: &str| match door.judge(account, address(2), Some(cookie)) {
        Verdict::Try(tried) => tried.is_known_device(),
        _ => false,
    };
    assert!(!tried("bob", &cookie), "of another account");
    assert!(tried("ada", &door.cookie("ada")));
    door.pass(91 * 24 * 3600 * 1000);
    assert!(!tried("ada", &cookie), "too old");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_stranger_locks_the_owner_out(
        steps in prop::collection::vec((0u32..2000, 0i64..60_000, ".{0,50}", any::<bool>()), 1..300),
    ) {
        let door = Door::new();
        let cookie = door.cookie("ada");
        let (mut elapsed, mut guesses) = (0i64, 0i64);
        for (number, pause, forged, has_cookie) in &steps {
            door.pass(*pause);
            elapsed += pause;
            let verdict = door.judge("ada", address(*number), has_cookie.then_some(forged.as_str()));
            guesses += i64::from(is_tried(&verdict));
        }
        prop_assert!(guesses <= 50 + elapsed / (3_600_000 / 50), "{} guesses in {} ms", guesses, elapsed);
        // From wherever, even from a stranger's network.
        let own = door.judge("ada", address(steps[0].0), Some(&cookie));
        prop_assert!(is_tried(&own), "the owner's device gets {:?}", own);
        // A new device in a network of its own is never told to wait.
        let new = door.judge("ada", address(0xFF_FFFF), None);
        prop_assert!(!matches!(new, Verdict::Wait(_)), "{:?}", new);
    }
}
