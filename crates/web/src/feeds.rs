//! The feeds: a family's calendar and numbers, for anyone who knows a feed's link.
//!
//! The token in the path is all the authority that there is: no cookie is read or set.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hippo_core::feed::ics::render_calendar;
use hippo_core::feed::{Feed, FeedSource, FeedToken, compute_entity_tag};

use crate::error::{HasOwnPage, PageError, PageResult};
use crate::ports::WebPorts;

/// A reader may keep a feed, but asks each time whether it changed.
const CACHE_POLICY: &str = "private, no-cache";

/// The path's token, or why there is none.
type TokenPath = Result<Path<String>, PathRejection>;

/// Sends a family's calendar.
pub(crate) async fn show_calendar(
    State(ports): State<WebPorts>,
    token: TokenPath,
    headers: HeaderMap,
) -> PageResult {
    let Some((feed, source)) = find_feed(&ports, token).await? else {
        return Ok(no_such_feed());
    };
    let events = source.calendar(feed.shows_titles);
    let text = render_calendar(source.family_name(), &events);
    Ok(feed_response(
        "text/calendar; charset=utf-8",
        text,
        &headers,
    ))
}

/// Sends a family's numbers.
pub(crate) async fn show_now(
    State(ports): State<WebPorts>,
    token: TokenPath,
    headers: HeaderMap,
) -> PageResult {
    let Some((_, source)) = find_feed(&ports, token).await? else {
        return Ok(no_such_feed());
    };
    let text = source.now().to_json().map_err(PageError::internal)?;
    Ok(feed_response("application/json", text, &headers))
}

/// Finds the feed of a token and what it shows; stores its use.
async fn find_feed(
    ports: &WebPorts,
    token: TokenPath,
) -> Result<Option<(Feed, FeedSource)>, PageError> {
    let Some(token) = token
        .ok()
        .and_then(|Path(text)| text.parse::<FeedToken>().ok())
    else {
        return Ok(None);
    };
    let Some(feed) = ports.store.feed(&token.hash()).await? else {
        return Ok(None);
    };
    let now = ports.clock.now();
    let Some((family, source)) = FeedSource::load(&*ports.store, &feed.family, now).await? else {
        return Ok(None);
    };
    // Their feeds are revoked when they leave. This holds even if that failed, as for their sessions.
    if feed.has_creator_left(&family) {
        return Ok(None);
    }
    let today = source.today();
    if feed.should_record_use(today)
        && let Err(error) = ports.store.mark_feed_used(&feed.token_hash, today).await
    {
        // The feed itself can be read.
        tracing::warn!(family.id = %feed.family, %error, "Couldn't store a feed's use.");
    }
    Ok(Some((feed, source)))
}

/// The answer for a token that is unknown, malformed or revoked: always the same.
fn no_such_feed() -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    let text = "There is no such feed.\n";
    let mut response = (StatusCode::NOT_FOUND, headers, text).into_response();
    response.extensions_mut().insert(HasOwnPage);
    response
}

/// Sends a feed, unless the reader has it already.
fn feed_response(content_type: &'static str, text: String, request: &HeaderMap) -> Response {
    let tag = compute_entity_tag(&text);
    let mut response = match has_entity(request, &tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(CONTENT_TYPE, content_type)], text).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(CACHE_POLICY));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// Whether `If-None-Match` lists this entity tag. Weak tags count, as RFC 9110 says.
fn has_entity(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(IF_NONE_MATCH).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
