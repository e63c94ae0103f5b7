//! The operator's session, which every page of the console needs.

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use hippo_core::sign_in::Session;

use super::next_page::remember_page;
use super::session::{Visitor, is_recent};
use super::step_up::redirect_to_sign_in;
use crate::error::PageError;
use crate::guard::host::RequestOrigin;
use crate::page::{NavigationLink, Page};
use crate::ports::WebPorts;

/// The links of the console.
const CONSOLE_LINKS: [NavigationLink; 6] = [
    NavigationLink {
        path: "/console",
        words: "Console",
    },
    NavigationLink {
        path: "/console/schedules",
        words: "Schedules",
    },
    NavigationLink {
        path: "/console/notices",
        words: "Notices",
    },
    NavigationLink {
        path: "/console/libraries",
        words: "Libraries",
    },
    NavigationLink {
        path: "/console/families",
        words: "Families",
    },
    NavigationLink {
        path: "/console/audit",
        words: "Changes",
    },
];

/// Somebody who is signed in as the operator.
#[derive(Clone)]
pub(crate) struct Operator {
    session: Session,
}

impl Operator {
    /// A page with the console's links.
    pub(crate) fn page(&self, title: impl Into<String>) -> Page {
        let mut links = CONSOLE_LINKS.to_vec();
        if self.session.family.is_some() {
            links.push(NavigationLink {
                path: "/family",
                words: "My family",
            });
        }
        Page {
            title: title.into(),
            links,
            is_signed_in: true,
        }
    }

    /// Sends an operator who signed in long ago to the sign-in page; `None`: the sign-in is recent.
    ///
    /// `back` is the page to open afterwards.
    pub(crate) fn sign_in_again(
        &self,
        ports: &WebPorts,
        origin: &RequestOrigin,
        back: &str,
    ) -> Option<Response> {
        let is_recent = is_recent(&self.session, ports.clock.now());
        (!is_recent).then(|| redirect_to_sign_in(origin, back))
    }
}

/// Lets only the operator through, and hands the session on.
pub(crate) async fn require_operator(
    State(ports): State<WebPorts>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let session = match Visitor::from_request_parts(&mut parts, &ports).await {
        Ok(Visitor(Some(session))) => session,
        Ok(Visitor(None)) => {
            let mut response = Redirect::to("/sign-in").into_response();
            let origin = parts.extensions.get::<RequestOrigin>();
            if parts.method == Method::GET {
                let is_secure = origin.is_some_and(|origin| origin.is_secure);
                remember_page(&mut response, parts.uri.path(), is_secure);
            }
            return response;
        }
        Err(error) => return error.into_response(),
    };
    if !session.is_operator {
        return PageError::not_found().into_response();
    }
    parts.extensions.insert(Operator { session });
    next.run(Request::from_parts(parts, body)).await
}
