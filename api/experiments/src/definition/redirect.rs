//! Experiments on whole pages: visitors of some addresses are sent to others, by the variation that they fall into.

use std::collections::BTreeMap;

use footfall_models_experiment::pattern::Pattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Experiment;
use crate::catalogue::Catalogue;
use crate::faults::Faults;

const PAGES_MAX: usize = 50;
const ENVIRONMENTS_MAX: usize = 100;
const ADDRESS_BYTES_MAX: usize = 2_000;

/// Where visitors of pages are sent. SDKs do it by themselves, without a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirects {
    /// Which pages: any that one of these includes, and none that one of these excludes.
    #[schemars(length(min = 1, max = 50))]
    pub pages: Vec<Page>,
    /// By the key of a variation; visitors stay where a variation has none.
    pub addresses: BTreeMap<String, String>,
    /// The query of the page goes along.
    #[serde(default)]
    pub keeps_query: bool,
    /// Where visitors are sent: everywhere where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100), inner(length(max = 100)))]
    pub environments: Option<Vec<String>>,
}

/// Pages by their addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    pub by: PageBy,
    #[schemars(length(min = 1, max = 2000))]
    pub pattern: String,
    #[serde(default)]
    pub excludes: bool,
}

/// How a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PageBy {
    /// An address or a path, in which `*` stands for anything.
    Simple,
    /// A regular expression over the address.
    Regex,
}

/// Users who keep the variation that they once had, where their SDK remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sticky {
    /// Another one forgets what users had.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub bucket_version: u32,
    /// Users who had a variation in an earlier version take part no more.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub min_bucket_version: u32,
    /// Nothing is remembered.
    pub is_off: bool,
}

impl Sticky {
    pub(super) fn is_usual(&self) -> bool {
        *self == Sticky::default()
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        if self.min_bucket_version > self.bucket_version {
            faults.at("min_bucket_version", "must be at most bucket_version, or nobody would take part");
        }
        for (member, version) in
            [("bucket_version", self.bucket_version), ("min_bucket_version", self.min_bucket_version)]
        {
            if version > 1_000_000 {
                faults.at(member, "must be at most 1000000");
            }
        }
    }
}

impl Redirects {
    /// True if visitors are sent in this environment.
    pub fn is_in(&self, environment: &str) -> bool {
        self.environments.as_ref().is_none_or(|all| all.iter().any(|one| one == environment))
    }

    pub(super) fn check(&self, experiment: &Experiment, catalogue: &Catalogue, faults: &mut Faults) {
        for (index, environment) in self.environments.iter().flatten().enumerate() {
            faults.within("environments", |faults| catalogue.check_environment(index, environment, faults));
        }
        faults.count("environments", self.environments.iter().flatten().count(), ENVIRONMENTS_MAX);

        if !self.pages.iter().any(|page| !page.excludes) {
            faults.at("pages", "must include some");
        }
        faults.count("pages", self.pages.len(), PAGES_MAX);
        faults.each("pages", &self.pages, |faults, _, page| {
            faults.line("pattern", &page.pattern);
            if page.pattern.is_empty() || page.pattern.len() > ADDRESS_BYTES_MAX {
                faults.at("pattern", format!("must have 1 to {ADDRESS_BYTES_MAX} bytes"));
            }
            if page.by == PageBy::Regex && Pattern::compile(&page.pattern, false).is_err() {
                faults.at("pattern", "is no regular expression");
            }
        });
        if self.addresses.is_empty() {
            faults.at("addresses", "must send somebody somewhere");
        }
        faults.within("addresses", |faults| {
            for (variation, address) in &self.addresses {
                if !experiment.variations.iter().any(|known| known.key == *variation) {
                    faults.at(variation, "is no variation");
                }
                let is_web = Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
                if !is_web || address.len() > ADDRESS_BYTES_MAX {
                    faults.at(
                        variation,
                        format!("must be an http or https address of at most {ADDRESS_BYTES_MAX} bytes"),
                    );
                }
            }
        });
        if experiment.contexts().is_some_and(|contexts| !contexts.is_empty()) {
            faults.here("does not go with contexts, which are of features");
        }
    }
}
