//! Who gets which value of a flag: GrowthBook's semantics (SDK specification 0.8.0), compiled once and evaluated often.
//!
//! [`Payload::compile`] reads what the SDKs read. [`Evaluator`] answers for one [`User`].

mod bandit;
mod bucket;
pub mod condition;
mod encryption;
mod evaluate;
mod experiment;
mod feature;
mod outcome;
mod payload;
mod redirect;
mod run;
mod sticky;
mod url_target;
mod user;

pub use bucket::{BucketRange, HashVersion, bucket, bucket_ranges, choose_variation, equal_weights, is_in_namespace};
pub use condition::{Condition, SavedGroups};
pub use encryption::{EncryptionError, decrypt, encrypt};
pub use evaluate::Evaluator;
pub use experiment::Experiment;
pub use feature::Feature;
pub use outcome::{Assignment, Evaluation, Source};
pub use payload::{Payload, PayloadError};
pub use redirect::{Redirects, redirects};
pub use sticky::{StickyBuckets, StickyDocument};
pub use url_target::{UrlTargets, merge_queries, query_string_override};
pub use user::User;
