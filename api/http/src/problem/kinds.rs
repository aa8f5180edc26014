//! The kinds of problems that the conventions themselves raise. A resource declares its own beside its routes.

use http::StatusCode;

use super::Kind;

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(#[doc = $title] pub static $name: Kind = Kind::new(StatusCode::$status, $code, $title);)*
    };
}

kinds! {
    BODY_INVALID = BAD_REQUEST, "body_invalid", "The body does not have the expected form.";
    BODY_SYNTAX = BAD_REQUEST, "body_syntax", "The body is not JSON.";
    BODY_UNREADABLE = BAD_REQUEST, "body_unreadable", "The body broke off.";
    PATH_INVALID = BAD_REQUEST, "path_invalid", "A part of the path does not have the expected form.";
    QUERY_INVALID = BAD_REQUEST, "query_invalid", "The query does not have the expected form.";
    HEADER_INVALID = BAD_REQUEST, "header_invalid", "A header does not have the expected form.";
    CURSOR_INVALID = UNPROCESSABLE_ENTITY, "cursor_invalid", "The cursor is none of this list.";
    CREDENTIALS_AMBIGUOUS = BAD_REQUEST, "credentials_ambiguous", "There is more than one Authorization header.";
    IDEMPOTENCY_KEY_INVALID = BAD_REQUEST, "idempotency_key_invalid", "The idempotency key has a wrong form.";
    IDEMPOTENCY_KEY_MISSING = BAD_REQUEST, "idempotency_key_missing", "This needs an idempotency key.";
    CREDENTIALS_MISSING = UNAUTHORIZED, "credentials_missing", "This needs credentials.";
    CSRF_REFUSED = FORBIDDEN, "csrf_refused", "The request may have been forged by another site.";
    ROUTE_UNKNOWN = NOT_FOUND, "route_unknown", "Nothing is here.";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method_not_allowed", "The method does not go with this path.";
    BODY_SLOW = REQUEST_TIMEOUT, "body_slow", "The body arrived too slowly.";
    IDEMPOTENCY_RUNNING = CONFLICT, "idempotency_running", "A request with this idempotency key is under way.";
    REVISION_STALE = PRECONDITION_FAILED, "revision_stale", "It has changed since it was read.";
    BODY_TOO_LARGE = PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large.";
    URI_TOO_LONG = URI_TOO_LONG, "uri_too_long", "The address is too long.";
    MEDIA_TYPE_UNSUPPORTED = UNSUPPORTED_MEDIA_TYPE, "media_type_unsupported", "The media type of the body is not read here.";
    IDEMPOTENCY_KEY_REUSED = UNPROCESSABLE_ENTITY, "idempotency_key_reused", "The idempotency key was used for another request.";
    REVISION_REQUIRED = PRECONDITION_REQUIRED, "revision_required", "This needs If-Match.";
    RATE_LIMITED = TOO_MANY_REQUESTS, "rate_limited", "Too many requests.";
    HEADERS_TOO_LARGE = REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", "The headers are too large.";
    INTERNAL = INTERNAL_SERVER_ERROR, "internal", "Something went wrong here.";
    UNAVAILABLE = SERVICE_UNAVAILABLE, "unavailable", "This cannot be done at the moment.";
    TIME_LIMIT = SERVICE_UNAVAILABLE, "time_limit", "The answer took too long.";
}
