//! The body of a request on its way in: bounded in size and in time, whoever reads it.
//!
//! A sender may be slow, but not endlessly: after a grace period the average rate must not fall below a minimum, and the
//! whole must not take longer than the limit. Otherwise a few connections could hold everything (slow POST).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::problem::{Problem, kinds};

/// How slowly a body may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// No rate is asked for in the first while.
    pub grace: Duration,
    /// Afterwards, on average since the start.
    pub bytes_per_second_min: u64,
    /// In all, however steady.
    pub time_max: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { grace: Duration::from_secs(5), bytes_per_second_min: 500, time_max: Duration::from_secs(60) }
    }
}

impl Pace {
    /// Until when the next byte must be there, counted from the start, when `bytes` are.
    pub fn patience(&self, bytes: u64) -> Duration {
        let earned = match self.bytes_per_second_min {
            0 => self.time_max,
            rate => Duration::from_millis(bytes.saturating_mul(1000) / rate),
        };
        self.grace.saturating_add(earned).min(self.time_max)
    }
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    #[error("the body arrives too slowly")]
    TooSlow,
    #[error("the body broke off")]
    Broken,
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Problem {
        match fault {
            BodyFault::TooLarge(most) => {
                Problem::new(&kinds::BODY_TOO_LARGE).detail(format!("Send at most {most} bytes."))
            }
            BodyFault::TooSlow => Problem::new(&kinds::BODY_SLOW).detail("Send it again over a better connection."),
            BodyFault::Broken => Problem::new(&kinds::BODY_UNREADABLE).detail("Send the whole body."),
        }
    }
}

/// A body within bounds; its error is a [`BodyFault`].
pub(crate) struct Guarded {
    inner: Body,
    bytes_max: usize,
    bytes_read: usize,
    pace: Pace,
    clock: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Guarded {
    pub(crate) fn around(inner: Body, bytes_max: usize, pace: Pace) -> Body {
        if inner.is_end_stream() {
            return inner;
        }
        Body::new(Guarded { inner, bytes_max, bytes_read: 0, pace, clock: None })
    }

    /// Pending while the sender may still take its time.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<BodyFault> {
        let patience = self.pace.patience(self.bytes_read as u64);
        let (start, alarm) = self.clock.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(tokio::time::sleep_until(now + patience)))
        });
        let due = *start + patience;
        if alarm.deadline() != due {
            alarm.as_mut().reset(due);
        }
        alarm.as_mut().poll(context).map(|()| BodyFault::TooSlow)
    }
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) else {
            return self.wait(context).map(|fault| Some(Err(fault)));
        };
        let frame = match frame {
            None => return Poll::Ready(None),
            Some(Err(_)) => return Poll::Ready(Some(Err(BodyFault::Broken))),
            Some(Ok(frame)) => frame,
        };
        self.bytes_read = self.bytes_read.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if self.bytes_read > self.bytes_max {
            return Poll::Ready(Some(Err(BodyFault::TooLarge(self.bytes_max))));
        }
        // A steady trickle is told here, where no wait comes between its frames.
        if let Some((start, _)) = &self.clock
            && start.elapsed() > self.pace.patience(self.bytes_read as u64)
        {
            return Poll::Ready(Some(Err(BodyFault::TooSlow)));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Reads a guarded body whole.
pub(crate) async fn collect(body: Body) -> Result<Bytes, Problem> {
    match body.collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) => Err(fault(&error.into_inner()).into()),
    }
}

/// The fault inside an error of a body, however wrapped.
fn fault(error: &axum::BoxError) -> BodyFault {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<BodyFault>() {
            return *fault;
        }
        cause = error.source();
    }
    BodyFault::Broken
}

/// What the sender says that the body will have.
pub(crate) fn length_announced(headers: &http::HeaderMap) -> Option<usize> {
    headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use futures::stream;
    use proptest::prelude::*;

    fn body(pieces: Vec<Result<&'static str, std::io::Error>>) -> Body {
        Body::from_stream(stream::iter(pieces))
    }

    fn endless() -> Body {
        use futures::StreamExt;
        Body::from_stream(stream::iter([Ok::<_, std::io::Error>("a")]).chain(stream::pending()))
    }

    #[tokio::test]
    async fn size_is_counted_while_it_arrives() {
        let read = async |bytes_max| {
            collect(Guarded::around(body(vec![Ok("abc"), Ok("def")]), bytes_max, Pace::default())).await
        };
        assert_eq!(read(6).await.unwrap(), "abcdef");
        assert_eq!(read(5).await.unwrap_err().code(), "body_too_large");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_or_stalls_is_told_apart() {
        let broken = body(vec![Ok("a"), Err(std::io::Error::other("gone"))]);
        let read =
            async |body| collect(Guarded::around(body, 100, Pace { grace: Duration::ZERO, ..Pace::default() })).await;
        assert_eq!(read(broken).await.unwrap_err().code(), "body_unreadable");
        assert_eq!(read(endless()).await.unwrap_err().code(), "body_slow");
    }

    proptest! {
        #[test]
        fn more_bytes_never_shorten_the_patience_and_it_has_an_end(few in any::<u32>(), more in any::<u32>(), rate in 0u64..10_000) {
            let pace = Pace { bytes_per_second_min: rate, ..Pace::default() };
            let (few, more) = (u64::from(few.min(more)), u64::from(few.max(more)));
            prop_assert!(pace.patience(few) <= pace.patience(more));
            prop_assert!(pace.patience(more) <= pace.time_max);
            prop_assert!(pace.patience(few) >= pace.grace);
        }
    }
}
