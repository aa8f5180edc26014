//! From a catalogue to what SDKs read.

pub mod growthbook;
pub mod posthog;
mod redirects;
