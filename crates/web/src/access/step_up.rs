//! Signing in again before a sensitive change, and coming back afterwards.

use axum::response::{IntoResponse as _, Redirect, Response};

use super::next_page::remember_page;
use super::session::FamilyMember;
use crate::guard::host::RequestOrigin;
use crate::ports::WebPorts;

/// Sends somebody who signed in long ago to the sign-in page; `None`: the sign-in is recent.
///
/// `back` is the page to open afterwards.
pub(crate) fn sign_in_again(
    ports: &WebPorts,
    member: &FamilyMember,
    origin: &RequestOrigin,
    back: &str,
) -> Option<Response> {
    let is_recent = member.is_recently_signed_in(ports.clock.now());
    (!is_recent).then(|| redirect_to_sign_in(origin, back))
}

/// Leads to the sign-in page, and back to this page afterwards.
pub(super) fn redirect_to_sign_in(origin: &RequestOrigin, back: &str) -> Response {
    let mut response = Redirect::to("/sign-in?again=yes").into_response();
    remember_page(&mut response, back, origin.is_secure);
    response
}
