//! Limits the size of requests.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::access::waiting_identity::CALLBACK_PAGE;
use crate::error::PageError;

/// The most bytes of a form.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024;

/// The most bytes of an address's path and query.
const MAX_ADDRESS_BYTES: usize = 2 * 1024;

/// The same of an identity provider's redirect: some have codes of more than a thousand letters.
const MAX_CALLBACK_BYTES: usize = 8 * 1024;

/// Refuses a request with a very long address.
pub(crate) async fn refuse_long_addresses(request: Request, next: Next) -> Response {
    let length = request
        .uri()
        .path_and_query()
        .map_or(0, |part| part.as_str().len());
    let limit = match request.uri().path() {
        CALLBACK_PAGE => MAX_CALLBACK_BYTES,
        _ => MAX_ADDRESS_BYTES,
    };
    if length > limit {
        return PageError::too_long().into_response();
    }
    next.run(request).await
}
