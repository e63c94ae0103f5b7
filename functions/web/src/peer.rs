//! Tells the pages where a request comes from.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderName;
use axum::middleware::Next;
use axum::response::Response;
use hippo_web::PeerAddress;
use lambda_http::request::RequestContext;

/// The header that a client can begin itself. The API adds to it, so it isn't needed.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Inserts the address that the API saw, and removes what the client may say about it.
pub(crate) async fn insert_peer(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(X_FORWARDED_FOR);
    let peer = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    if let Some(peer) = peer.and_then(|peer| peer.parse::<IpAddr>().ok()) {
        request.extensions_mut().insert(PeerAddress(peer));
    }
    next.run(request).await
}
