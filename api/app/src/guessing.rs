//! Slows guessing, and mails to one address, without letting a stranger lock anybody out.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_http::limit::{Bucket, Buckets, BucketsError, Quota};
use footfall_api_http::{
    Attempt, Client, Problem, SignInSettings, SignInThrottle, Tried, Verdict, cookie, kinds, set_cookie,
};
use footfall_ingest_activity::Clock;
use http::{HeaderMap, HeaderValue};

/// Invitations to one address within an hour, whoever sends them: somebody may be invited to many projects.
const INVITATIONS: u32 = 20;

/// Names the device to the accounts that signed in on it.
const DEVICE_COOKIE: &str = "footfall_device";

pub(crate) struct Guessing {
    throttle: SignInThrottle,
    device_age: Duration,
    mails: Quota,
    buckets: Arc<dyn Buckets>,
    clock: Arc<dyn Clock>,
}

impl Guessing {
    pub(crate) fn new(
        settings: SignInSettings,
        mails: Quota,
        secret: footfall_api_http::Secret,
        buckets: Arc<dyn Buckets>,
        clock: Arc<dyn Clock>,
    ) -> Guessing {
        let device_age = settings.device_age;
        let throttle = SignInThrottle::new(settings, secret, buckets.clone(), clock.clone());
        Guessing { throttle, device_age, mails, buckets, clock }
    }

    /// Charges an attempt at `account` (folded). `None`: its password is not to be looked at.
    pub(crate) async fn judge(
        &self,
        account: &str,
        client: &Client,
        headers: &HeaderMap,
    ) -> Result<Option<Tried>, Problem> {
        let device = cookie(headers, client, DEVICE_COOKIE);
        let verdict = self.throttle.judge(Attempt { account, address: client.address, device }).await;
        match verdict.map_err(unreachable)? {
            Verdict::Try(tried) => Ok(Some(tried)),
            Verdict::Confirm => Ok(None),
            Verdict::Wait(wait) => Err(Problem::retry(&kinds::RATE_LIMITED, wait)
                .detail("Too many attempts. Wait as long as Retry-After says.")),
        }
    }

    /// It was right: only failures cost.
    pub(crate) async fn succeeded(&self, tried: Tried) -> Result<(), Problem> {
        self.throttle.succeeded(tried).await.map_err(unreachable)
    }

    /// Whether one more mail of this kind may go to `address`. Answers are the same either way.
    pub(crate) async fn may_mail(&self, kind: &str, address: &str) -> Result<bool, Problem> {
        Ok(self.wait_to_mail(kind, address, self.mails).await?.is_none())
    }

    /// Refuses one more link to confirm `address` (folded) when there were enough.
    pub(crate) async fn confirm(&self, address: &str) -> Result<(), Problem> {
        enough(self.wait_to_mail("confirmation", address, self.mails).await?)
    }

    /// Refuses one more invitation of `address` (folded) when there were enough.
    pub(crate) async fn invite(&self, address: &str) -> Result<(), Problem> {
        let quota = Quota::new(INVITATIONS, Duration::from_secs(3600));
        enough(self.wait_to_mail("invitation", address, quota).await?)
    }

    /// Counts a mail, unless there were enough: until when there were.
    async fn wait_to_mail(&self, kind: &str, address: &str, quota: Quota) -> Result<Option<Duration>, Problem> {
        let bucket = Bucket::of("mail", &format!("{kind}\0{address}"));
        let level = self.buckets.take(bucket, quota, 1, self.clock.now()).await.map_err(unreachable)?;
        Ok(level.wait)
    }

    /// `Set-Cookie` that makes the device known to `account` (folded).
    pub(crate) fn device_cookie(&self, account: &str, client: &Client) -> Result<HeaderValue, Problem> {
        let value = self.throttle.device_cookie(account).map_err(Problem::internal)?;
        set_cookie(client, DEVICE_COOKIE, &value, self.device_age)
            .ok_or_else(|| Problem::internal("the device cookie cannot be written"))
    }
}

fn enough(wait: Option<Duration>) -> Result<(), Problem> {
    wait.map_or(Ok(()), |wait| {
        let detail = "Enough mails went to this address. Wait as long as Retry-After says.";
        Err(Problem::retry(&kinds::RATE_LIMITED, wait).detail(detail))
    })
}

/// Without its counters a guesser would have no bounds, so nobody is let through.
fn unreachable(error: BucketsError) -> Problem {
    tracing::error!(%error, "attempts cannot be counted, so none is let through");
    Problem::retry(&kinds::UNAVAILABLE, Duration::from_secs(5)).detail("Try again in a moment.")
}
