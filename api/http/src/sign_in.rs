//! Slows guessing of passwords without letting a stranger lock anybody out.
//!
//! Three facts about an attempt count: whether the device signed in to this account before (a signed cookie says so), the
//! network it comes from, and the account. Strangers spend budgets of their own; a known device spends its own one, which
//! no stranger can touch. Where many networks together guess at one account, passwords of unknown devices are no longer
//! looked at for a while: those get a link by e-mail instead ([`Verdict::Confirm`]), so that the owner gets in on a new
//! device as well. After OWASP's «Slow Down Online Guessing Attacks with Device Cookies».
//!
//! Unknown accounts are treated as known ones, so that nothing here tells who has an account.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footfall_ingest_activity::{Clock, Timestamp};

use crate::limit::{Bucket, Buckets, BucketsError, Quota, network};
use crate::secret::Secret;

const PURPOSE: &str = "device";
const NONCE_BYTES: usize = 16;

/// Failed attempts that are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInSettings {
    /// Of a known device at its account.
    pub device: Quota,
    /// Of one network at one account.
    pub account_in_network: Quota,
    /// Of all unknown devices together at one account.
    pub account: Quota,
    /// Of one network at all accounts together: against one password tried everywhere.
    pub network: Quota,
    /// How long a device stays known.
    pub device_age: Duration,
}

impl Default for SignInSettings {
    fn default() -> SignInSettings {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        SignInSettings {
            device: Quota::new(10, minutes(60)),
            account_in_network: Quota::new(5, minutes(15)),
            account: Quota::new(50, minutes(60)),
            network: Quota::new(60, minutes(15)),
            device_age: minutes(60 * 24 * 90),
        }
    }
}

/// Somebody wants to sign in.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The account's name as it was typed, in one spelling.
    pub account: &'a str,
    pub address: IpAddr,
    /// The device cookie, if one came.
    pub device: Option<&'a str>,
}

/// What to do with an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Check the password; tell [`SignInThrottle::succeeded`] where it was right.
    Try(Tried),
    /// Do not check it. 429 with this wait, whatever the account.
    Wait(Duration),
    /// Do not check it. Send the owner a link, and answer as always then, whatever the account.
    Confirm,
}

/// What an attempt has been charged to; given back when it succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried(Vec<(Bucket, Quota)>);

impl Tried {
    /// Whether the device was known.
    pub fn is_known_device(&self) -> bool {
        self.0.len() == 1
    }
}

/// Judges attempts. Charged before the password is checked, so that many at once gain nothing.
pub struct SignInThrottle {
    settings: SignInSettings,
    secret: Secret,
    buckets: Arc<dyn Buckets>,
    clock: Arc<dyn Clock>,
}

impl SignInThrottle {
    pub fn new(
        settings: SignInSettings,
        secret: Secret,
        buckets: Arc<dyn Buckets>,
        clock: Arc<dyn Clock>,
    ) -> SignInThrottle {
        SignInThrottle { settings, secret, buckets, clock }
    }

    /// Charges the attempt and says what to do with it.
    pub async fn judge(&self, attempt: Attempt<'_>) -> Result<Verdict, BucketsError> {
        let now = self.clock.now();
        if let Some(nonce) = attempt.device.and_then(|cookie| self.nonce(cookie, attempt.account, now)) {
            let own = (Bucket::of("sign_in_device", &nonce), self.settings.device);
            return Ok(match self.charge(own, now).await? {
                None => Verdict::Try(Tried(vec![own])),
                Some(wait) => Verdict::Wait(wait),
            });
        }
        let network = network(attempt.address);
        let both = format!("{network}\0{}", attempt.account);
        let settings = &self.settings;
        let budgets = [
            (Bucket::of("sign_in_network", &network), settings.network),
            (Bucket::of("sign_in_account_in_network", &both), settings.account_in_network),
        ];
        for budget in budgets {
            if let Some(wait) = self.charge(budget, now).await? {
                return Ok(Verdict::Wait(wait));
            }
        }
        let strangers = (Bucket::of("sign_in_account", attempt.account), settings.account);
        Ok(match self.charge(strangers, now).await? {
            None => Verdict::Try(Tried(budgets.into_iter().chain([strangers]).collect())),
            Some(_) => Verdict::Confirm,
        })
    }

    async fn charge(&self, (bucket, quota): (Bucket, Quota), now: Timestamp) -> Result<Option<Duration>, BucketsError> {
        Ok(self.buckets.take(bucket, quota, 1, now).await?.wait)
    }

    /// The password was right: only failures cost.
    pub async fn succeeded(&self, tried: Tried) -> Result<(), BucketsError> {
        for (bucket, quota) in tried.0 {
            self.buckets.give_back(bucket, quota, 1, self.clock.now()).await?;
        }
        Ok(())
    }

    /// The cookie that makes a device known to `account` from now on; after a complete sign-in, second factor included.
    pub fn device_cookie(&self, account: &str) -> Result<String, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let issued = self.clock.now().millis().to_be_bytes();
        let signature = self.secret.sign(PURPOSE, &[account.as_bytes(), &nonce, &issued]);
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &issued, &signature].concat()))
    }

    /// The device's name, if the cookie is ours, of this account and not too old.
    fn nonce(&self, cookie: &str, account: &str, now: Timestamp) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_BYTES)?;
        let (issued, signature) = rest.split_at_checked(8)?;
        if !self.secret.verify(PURPOSE, &[account.as_bytes(), nonce, issued], signature) {
            return None;
        }
        let age = now.millis_since(Timestamp::from_millis(i64::from_be_bytes(issued.try_into().ok()?)));
        (u128::try_from(age).unwrap_or(0) < self.settings.device_age.as_millis()).then(|| URL_SAFE_NO_PAD.encode(nonce))
    }
}

#[cfg(test)]
mod tests;
