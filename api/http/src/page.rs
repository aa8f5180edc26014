//! Lists in pages. A cursor says after which item the next page begins; it is signed, and belongs to one list with one
//! set of filters, so that nobody can make one up or carry it elsewhere.
//!
//! The order has to be total (end it with the id), and a page asks for what comes *after* a position instead of counting:
//! then items that appear or go meanwhile make none of the others come twice or be missed.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, StatusCode, header, request::Parts};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::extract::{facts, parameters_query, query_pairs};
use crate::problem::{Problem, kinds};
use crate::secret::Secret;
use crate::table::{Answer, Describe, Operation};

/// Most items of a page.
pub const LIMIT_MAX: u16 = 200;
const LIMIT: u16 = 50;
const CURSOR_MAX: usize = 2000;
const PURPOSE: &str = "cursor";

/// A list route has no filters.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unfiltered {}

/// The parameters of every list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Turn {
    /// Most items of the page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[schemars(length(min = 1, max = 2000))]
    cursor: Option<String>,
}

/// What page of a list is asked for: filters `F` of the query, and the position `K` of the last item seen.
#[derive(Debug)]
pub struct Paging<F, K> {
    pub filter: F,
    /// How many items the page may have. Ask for one more to learn whether another page follows.
    pub limit: usize,
    /// The page begins behind this position; at the beginning without one.
    pub after: Option<K>,
    link: Link,
}

/// What the link to the next page is made of.
#[derive(Debug)]
struct Link {
    secret: Secret,
    path: String,
    /// The query without the cursor.
    pairs: Vec<(String, String)>,
    /// The list and its filters.
    scope: String,
}

impl Link {
    fn cursor<K: Serialize>(&self, position: &K) -> Option<String> {
        let position = serde_json::to_vec(position).ok()?;
        let mut cursor = self.secret.sign(PURPOSE, &[self.scope.as_bytes(), &position]).to_vec();
        cursor.extend(position);
        Some(URL_SAFE_NO_PAD.encode(cursor))
    }

    fn position<K: DeserializeOwned>(&self, cursor: &str) -> Option<K> {
        let bytes = (cursor.len() <= CURSOR_MAX).then(|| URL_SAFE_NO_PAD.decode(cursor).ok())??;
        let (signature, position) = bytes.split_at_checked(16)?;
        let genuine = self.secret.verify(PURPOSE, &[self.scope.as_bytes(), position], signature);
        genuine.then(|| serde_json::from_slice(position).ok())?
    }

    fn next(&self, cursor: &str) -> Option<HeaderValue> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.pairs).append_pair("cursor", cursor);
        HeaderValue::try_from(format!("<{}?{}>; rel=\"next\"", self.path, query.finish())).ok()
    }
}

impl<S, F, K> FromRequestParts<S> for Paging<F, K>
where
    S: Send + Sync,
    F: DeserializeOwned + JsonSchema + Send + 'static,
    K: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Paging<F, K>, Problem> {
        let facts = facts(parts)?;
        let mut pairs = query_pairs(parts);
        let names: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
        let others: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !["limit", "cursor"].contains(name)).collect();
        let turn: Turn = parameters_query(parts, &others)?;
        let filter: F = parameters_query(parts, &["limit", "cursor"])?;
        pairs.retain(|(name, _)| name != "cursor");
        let mut filters: Vec<_> = pairs.iter().filter(|(name, _)| name != "limit").collect();
        filters.sort();
        let path = parts.uri.path().to_owned();
        let scope = serde_json::to_string(&(&facts.operation_id, &path, filters)).map_err(Problem::internal)?;
        let link = Link { secret: facts.secret.clone(), path, pairs, scope };
        let refused = || {
            Problem::new(&kinds::CURSOR_INVALID)
                .detail("Take next_cursor of the page before with the same filters, or leave it out to begin anew.")
        };
        let after = turn.cursor.map(|cursor| link.position(&cursor).ok_or_else(refused)).transpose()?;
        Ok(Paging { filter, limit: usize::from(turn.limit.unwrap_or(LIMIT)), after, link })
    }
}

impl<F: JsonSchema + 'static, K> Describe for Paging<F, K> {
    fn describe(operation: &mut Operation<'_>) {
        operation.queries::<F>();
        operation.queries::<Turn>();
        operation.raises(&kinds::CURSOR_INVALID);
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    items: Vec<T>,
    next: Option<(String, HeaderValue)>,
}

/// The body of a page.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
struct PageBody<T> {
    items: Vec<T>,
    /// For the parameter `cursor`; `null` on the last page.
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The page of up to `limit + 1` `rows`, of which the surplus one shows that another page follows; `position` tells
    /// where an item stands.
    pub fn of<R, F, K: Serialize>(
        mut rows: Vec<R>,
        paging: &Paging<F, K>,
        position: impl Fn(&R) -> K,
        item: impl Fn(R) -> T,
    ) -> Page<T> {
        let is_last = rows.len() <= paging.limit;
        rows.truncate(paging.limit);
        let cursor = rows.last().filter(|_| !is_last).and_then(|last| paging.link.cursor(&position(last)));
        let next = cursor.and_then(|cursor| Some((cursor.clone(), paging.link.next(&cursor)?)));
        Page { items: rows.into_iter().map(item).collect(), next }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let (cursor, link) = self.next.unzip();
        let mut response = Json(PageBody { items: self.items, next_cursor: cursor }).into_response();
        response.headers_mut().extend(link.map(|link| (header::LINK, link)));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response
    }
}

impl<T: Serialize + JsonSchema> Answer for Page<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.answer_schema::<PageBody<T>>();
        operation.replies(StatusCode::OK, "A page of the list.", &["Link"], vec![("application/json", schema)]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn link(scope: &str) -> Link {
        let pairs = vec![("q".to_owned(), "a b&c>\r\n".to_owned())];
        Link { secret: Secret::new([7; 32]), path: "/v1/notes".into(), pairs, scope: scope.into() }
    }

    #[test]
    fn a_link_cannot_be_broken_out_of() {
        let next = link("notes").next("abc").unwrap();
        assert_eq!(next, "</v1/notes?q=a+b%26c%3E%0D%0A&cursor=abc>; rel=\"next\"");
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_in_its_own_list_alone(key in any::<(i64, u32)>(), at in any::<usize>(), letter in "[A-Za-z0-9_-]") {
            let cursor = link("notes").cursor(&key).unwrap();
            prop_assert_eq!(link("notes").position(&cursor), Some(key));
            prop_assert_eq!(link("other").position::<(i64, u32)>(&cursor), None);
            let at = at % cursor.len();
            let mut forged = cursor.clone();
            forged.replace_range(at..=at, &letter);
            let position: Option<(i64, u32)> = link("notes").position(&forged);
            prop_assert!(position.is_none() || forged == cursor || position == Some(key));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,60}") {
            prop_assert_eq!(link("notes").position::<(i64, u32)>(&text), None);
        }
    }
}
