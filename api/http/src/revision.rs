//! Revisions of resources: the strong `ETag`, and what `If-Match` and `If-None-Match` make of it (RFC 9110, section 13).

use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::json;

use crate::problem::{Fault, Place, Problem, kinds};
use crate::table::{Describe, Operation};

/// Counts the changes of one resource. Its `ETag` is `"r7"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"r{}\"", self.0)
    }
}

impl Revision {
    pub fn next(self) -> Revision {
        Revision(self.0.saturating_add(1))
    }

    pub(crate) fn tag(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).unwrap_or(HeaderValue::from_static("\"r0\""))
    }

    fn parse(tag: &str) -> Option<Revision> {
        let number = tag.strip_prefix("\"r")?.strip_suffix('"')?;
        let revision = Revision(number.parse().ok()?);
        (revision.to_string() == tag).then_some(revision)
    }
}

/// `If-Match`: the change is meant for these revisions alone. The route needs it; without it the answer is 428.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever revision there is.
    Any,
    /// Tags of ours among those given; perhaps none.
    Revisions(Vec<Revision>),
}

impl IfMatch {
    /// Refuses with 412 unless `current` is meant. A database does better to compare in the `UPDATE` itself.
    pub fn check(&self, current: Revision) -> Result<(), Problem> {
        match self {
            IfMatch::Any => Ok(()),
            IfMatch::Revisions(meant) if meant.contains(&current) => Ok(()),
            IfMatch::Revisions(_) => Err(IfMatch::stale(current)),
        }
    }

    /// 412 with the current `ETag`.
    pub fn stale(current: Revision) -> Problem {
        Problem::new(&kinds::REVISION_STALE)
            .detail(format!("It is at {current}. Read it again, and repeat the change on what it is now."))
            .header(header::ETAG, current.tag())
    }

    fn read(headers: &HeaderMap) -> Result<IfMatch, Problem> {
        let tags = tags(headers, &header::IF_MATCH)?;
        match tags.as_slice() {
            [] => Err(Problem::new(&kinds::REVISION_REQUIRED).detail(
                "Send the ETag that you read as If-Match, so that nobody's change is lost; * if you do not mind.",
            )),
            [only] if only == "*" => Ok(IfMatch::Any),
            // Weak tags never match here, and foreign ones name none of ours.
            tags => Ok(IfMatch::Revisions(tags.iter().filter_map(|tag| Revision::parse(tag)).collect())),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<IfMatch, Problem> {
        IfMatch::read(&parts.headers)
    }
}

impl Describe for IfMatch {
    fn describe(operation: &mut Operation<'_>) {
        let tag = "\"[!#-~]*\"";
        let pattern = format!("^(\\*|{tag}(, *{tag})*)$");
        let schema = json!({"type": "string", "pattern": pattern, "examples": ["*"]});
        // It is needed, but whoever leaves it out gets 428, which says more than «parameter missing».
        operation.header("If-Match", true, schema, "The ETag that was read, or `*`.");
        [&kinds::REVISION_REQUIRED, &kinds::REVISION_STALE, &kinds::HEADER_INVALID]
            .into_iter()
            .for_each(|kind| operation.raises(kind));
    }
}

/// True when `If-None-Match` of the request names `tag`, so that the reader has it already.
pub(crate) fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    let known = tags(request, &header::IF_NONE_MATCH).unwrap_or_default();
    known.iter().any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// The entity tags of a list header. Commas may stand inside a tag.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, Problem> {
    let invalid = || {
        let fault = Fault::new(Place::Header, format!("/{name}"), "must be entity tags in double quotes, or *");
        Problem::new(&kinds::HEADER_INVALID).detail(format!("{name} is no list of entity tags.")).faults(vec![fault])
    };
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        let mut rest = value.to_str().map_err(|_| invalid())?.trim();
        if rest == "*" {
            tags.push(rest.to_owned());
            continue;
        }
        while !rest.is_empty() {
            let start = rest.strip_prefix("W/").unwrap_or(rest);
            let inner = start.strip_prefix('"').ok_or_else(invalid)?;
            let end = inner.find('"').ok_or_else(invalid)?;
            let length = rest.len() - inner.len() + end + 1;
            tags.push(rest[..length].to_owned());
            rest = rest[length..].trim_start();
            rest = match rest.strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if rest.is_empty() => rest,
                None => return Err(invalid()),
            };
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn if_match_names_revisions() {
        let read = |value: &str| IfMatch::read(&headers(header::IF_MATCH, value)).map_err(|problem| problem.code());
        assert_eq!(read("*"), Ok(IfMatch::Any));
        assert_eq!(read("\"r3\""), Ok(IfMatch::Revisions(vec![Revision(3)])));
        assert_eq!(read("\"a,b\" , \"r3\",\"r4\""), Ok(IfMatch::Revisions(vec![Revision(3), Revision(4)])));
        assert_eq!(read("W/\"r3\", \"r03\", \"r+3\""), Ok(IfMatch::Revisions(vec![])));
        for wrong in ["r3", "\"r3", "\"r3\" \"r4\"", "**", "W/r3"] {
            assert_eq!(read(wrong), Err("header_invalid"), "{wrong}");
        }
        assert_eq!(IfMatch::read(&HeaderMap::new()).unwrap_err().code(), "revision_required");
    }

    #[test]
    fn only_the_current_revision_may_be_changed() {
        let meant = IfMatch::Revisions(vec![Revision(3)]);
        assert!(meant.check(Revision(3)).is_ok() && IfMatch::Any.check(Revision(9)).is_ok());
        assert_eq!(meant.check(Revision(4)).unwrap_err().code(), "revision_stale");
    }

    #[test]
    fn readers_compare_weakly() {
        let known = |value: &str| is_known(&headers(header::IF_NONE_MATCH, value), &Revision(3).tag());
        assert!(known("\"r3\"") && known("W/\"r3\"") && known("*") && known("\"x\", \"r3\""));
        assert!(!known("\"r4\"") && !known("r3") && !known("\"r33\""));
    }

    proptest! {
        #[test]
        fn tags_of_revisions_are_read_again(number in any::<u64>()) {
            prop_assert_eq!(Revision::parse(&Revision(number).to_string()), Some(Revision(number)));
        }

        #[test]
        fn no_header_breaks_the_reader(value in "[ -~]{0,30}") {
            drop(IfMatch::read(&headers(header::IF_MATCH, &value)));
            is_known(&headers(header::IF_NONE_MATCH, &value), &Revision(1).tag());
        }
    }
}
