//! What all pages share: the frame.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// What the frame of a page shows.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// The title, without the name of the program.
    pub(crate) title: String,
    /// The links at the top: what this person can open.
    pub(crate) links: Vec<NavigationLink>,
    /// Whether the person can sign out.
    pub(crate) is_signed_in: bool,
}

/// A link at the top of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NavigationLink {
    pub(crate) path: &'static str,
    pub(crate) words: &'static str,
}

impl Page {
    /// A page for somebody who isn't signed in.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            links: Vec::new(),
            is_signed_in: false,
        }
    }
}

/// Renders a page.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Result<Response, askama::Error> {
    let body = page.render()?;
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8")];
    Ok((status, headers, body).into_response())
}
