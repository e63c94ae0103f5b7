//! What LibraryHippo is, and what it knows about people.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;

use crate::access::session::Visitor;
use crate::error::PageResult;
use crate::page::{Page, html};
use crate::ports::WebPorts;

#[derive(Template)]
#[template(path = "about.html")]
struct AboutPage {
    page: Page,
    contact: Option<String>,
}

/// Shows the page.
pub(crate) async fn show(State(ports): State<WebPorts>, visitor: Visitor) -> PageResult {
    Ok(html(
        StatusCode::OK,
        &AboutPage {
            page: visitor.page("About"),
            contact: ports.settings.contact.clone(),
        },
    )?)
}
