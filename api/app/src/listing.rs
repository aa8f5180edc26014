//! Pages of short lists that the access layer gives whole.

use footfall_api_http::{Page, Paging};
use serde::Serialize;

/// The page of `items`, sorted by `position`, which has to tell them all apart.
pub(crate) fn page<T, F, K: Serialize + Ord, R>(
    mut items: Vec<T>,
    paging: &Paging<F, K>,
    position: impl Fn(&T) -> K,
    shown: impl Fn(T) -> R,
) -> Page<R> {
    items.sort_by_cached_key(&position);
    let rest = items.into_iter().filter(|item| paging.after.as_ref().is_none_or(|after| position(item) > *after));
    Page::of(rest.take(paging.limit + 1).collect(), paging, position, shown)
}
