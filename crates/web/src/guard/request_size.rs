//! Limits the size of requests.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::error::PageError;

/// The most bytes of a form.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024;

/// The most bytes of an address's path and query.
const MAX_ADDRESS_BYTES: usize = 2 * 1024;

/// Refuses a request with a very long address.
pub(crate) async fn refuse_long_addresses(request: Request, next: Next) -> Response {
    let length = request
        .uri()
        .path_and_query()
        .map_or(0, |part| part.as_str().len());
    if length > MAX_ADDRESS_BYTES {
        return PageError::too_long().into_response();
    }
    next.run(request).await
}
