//! Names of activities in paths: their own, or those that patterns give them.

use regex::Regex;

use super::engine::Context;
use crate::InsightError;
use crate::definition::{Paths, Pattern, regex};

const NAMES_MAX: usize = 100;

/// For each activity the group it is in; groups have different names.
pub(super) struct PathNames {
    pub group_of: Vec<u32>,
    pub texts: Vec<String>,
}

impl PathNames {
    pub fn new(context: &Context<'_>, paths: &Paths) -> Result<PathNames, InsightError> {
        if paths.names.len() > NAMES_MAX {
            return Err(InsightError::question("names", format!("at most {NAMES_MAX}")));
        }
        let patterns = paths.names.iter().map(|one| pattern(&one.pattern)).collect::<Result<Vec<Regex>, _>>()?;
        let names = context.snapshot.dictionaries.activities.names();
        let mut found = PathNames { group_of: Vec::new(), texts: Vec::new() };
        let mut codes = hashbrown::HashMap::new();
        for code in 0..context.snapshot.ranks().len() as u32 {
            let own = names.text(code);
            let given = patterns.iter().zip(&paths.names).find(|(pattern, _)| pattern.is_match(own));
            let text = given.map_or(own, |(_, one)| one.name.as_str());
            let group = *codes.entry(text.to_owned()).or_insert_with(|| {
                found.texts.push(text.to_owned());
                found.texts.len() as u32 - 1
            });
            found.group_of.push(group);
        }
        Ok(found)
    }

    /// The group of a name.
    pub fn find(&self, text: &str) -> Option<u32> {
        self.texts.iter().position(|one| one == text).map(|group| group as u32)
    }
}

/// A pattern for whole names or for any part of them.
fn pattern(pattern: &Pattern) -> Result<Regex, InsightError> {
    match pattern {
        Pattern::Regex(text) => regex(text),
        Pattern::Like(text) => {
            let parts: Vec<String> = text.split('*').map(::regex::escape).collect();
            regex(&format!("(?s)^{}$", parts.join(".*")))
        }
    }
}
