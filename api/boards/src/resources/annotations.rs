//! Annotations: what happened when.

use footfall_api_app::May;
use footfall_api_http::Routes;

use super::items::routes as items;
use crate::boards::Boards;
use crate::document::Annotation;

pub(super) fn routes() -> Routes<Boards, May> {
    items!(Annotation, "annotations", "What happened when, for charts over time.", "annotations",)
}
