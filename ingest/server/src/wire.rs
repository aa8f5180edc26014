//! The ways of sending a request, each with its reader and its bounds.

use crate::dialect::Dialect;
use crate::doors::DoorsConfig;
use crate::envelope::{BodyFault, Envelope};
use crate::head::Head;
use crate::{native, posthog_v0, posthog_v1, rudder, segment};

/// A way of sending.
#[derive(Debug, Clone)]
pub(crate) enum Wire {
    SegmentCall(&'static str),
    SegmentBatch,
    RudderPixel(&'static str),
    RudderBeacon,
    PosthogEvent { base64: bool },
    PosthogBatch { base64: bool },
    PosthogV1(posthog_v1::Stamp),
    Native,
}

impl Wire {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Wire::SegmentCall(_) | Wire::SegmentBatch => Dialect::Segment,
            Wire::RudderPixel(_) | Wire::RudderBeacon => Dialect::Rudder,
            Wire::PosthogEvent { .. } | Wire::PosthogBatch { .. } | Wire::PosthogV1(_) => Dialect::Posthog,
            Wire::Native => Dialect::Native,
        }
    }

    /// Largest body, packed or unpacked.
    pub(crate) fn bytes_max(&self, config: &DoorsConfig) -> usize {
        match self {
            Wire::PosthogEvent { .. } => config.posthog_event_bytes_max,
            Wire::PosthogBatch { .. } | Wire::PosthogV1(_) => config.posthog_batch_bytes_max,
            Wire::Native => config.native_body_bytes_max,
            _ => config.segment_body_bytes_max,
        }
    }

    /// The JSON may stand in a form or in base64.
    pub(crate) fn is_wrapped(&self) -> bool {
        matches!(self, Wire::PosthogEvent { .. } | Wire::PosthogBatch { .. })
    }

    pub(crate) fn unwrap_body(&self, body: Vec<u8>) -> Result<Vec<u8>, BodyFault> {
        match self {
            Wire::PosthogEvent { base64 } | Wire::PosthogBatch { base64 } => posthog_v0::unwrap_body(body, *base64),
            _ => Ok(body),
        }
    }

    /// PostHog's token is in the body, and counts before one in the query.
    pub(crate) fn body_key_first(&self) -> bool {
        self.is_wrapped()
    }

    /// The answer names every item.
    pub(crate) fn wants_every_fate(&self) -> bool {
        matches!(self, Wire::PosthogV1(_))
    }

    pub(crate) fn read<'a>(
        &'a self,
        body: &'a [u8],
        head: &'a Head,
        items_max: usize,
    ) -> Result<Envelope<'a>, BodyFault> {
        match self {
            Wire::SegmentCall(call) => segment::single(body, call),
            Wire::SegmentBatch => segment::batch(body, items_max),
            Wire::RudderPixel(call) => rudder::pixel(body, call),
            Wire::RudderBeacon => rudder::beacon(body, items_max),
            Wire::PosthogEvent { .. } | Wire::PosthogBatch { .. } => posthog_v0::read(body, head.sent_at, items_max),
            Wire::PosthogV1(stamp) => posthog_v1::read(body, stamp, items_max),
            Wire::Native => {
                let dialect = if head.import.is_some() { Dialect::Import } else { Dialect::Native };
                native::read(body, dialect, head.lines, items_max)
            }
        }
    }
}
