//! Errors, and the one page that shows all of them.

use std::fmt::Display;

use askama::Template;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hippo_core::jobs::JobError;
use hippo_core::store::StoreError;
use uuid::Uuid;

use crate::page::{Page, html};

/// Why a page can't be shown.
#[derive(Debug, Clone)]
pub(crate) struct PageError {
    status: StatusCode,
    title: &'static str,
    advice: &'static str,
    /// What happened, for the log: no address, token or text from a form.
    cause: Option<String>,
}

/// The result of a page.
pub(crate) type PageResult = Result<Response, PageError>;

impl PageError {
    fn new(status: StatusCode, title: &'static str, advice: &'static str) -> Self {
        Self {
            status,
            title,
            advice,
            cause: None,
        }
    }

    fn caused_by(mut self, cause: impl Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Page not found",
            "This page doesn’t exist, or you aren’t allowed to see it.",
        )
    }

    pub(crate) fn old_link() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "This link doesn’t work",
            "It may be too old. Use the link in a newer email, or sign in and open the settings.",
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Not possible here",
            "Go back and use the page’s own buttons.",
        )
    }

    pub(crate) fn unknown_host() -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "Wrong address",
            "LibraryHippo isn’t at this address.",
        )
    }

    pub(crate) fn cross_site() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Refused",
            "This form didn’t come from LibraryHippo’s own page. Open the page and try again.",
        )
    }

    pub(crate) fn stale_form() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This form is too old",
            "Open the page again, and fill in the form there. Your browser must accept cookies.",
        )
    }

    pub(crate) fn malformed_form() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "Not understood",
            "Go back to the page and fill in the form again.",
        )
    }

    pub(crate) fn other_family() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "Another family’s page",
            "You chose another family after you opened this page. Nothing was changed. Go back to the first page.",
        )
    }

    pub(crate) fn card_removed() -> Self {
        Self::new(
            StatusCode::GONE,
            "This card was removed",
            "Somebody removed it from your family after you opened this page. Nothing else was changed.",
        )
    }

    pub(crate) fn still_running() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "It’s already running",
            "The earlier run hasn’t finished, or started less than a minute ago. We didn’t start another. The console shows its progress.",
        )
    }

    pub(crate) fn check_not_started(cause: impl Display) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "We couldn’t start the check",
            "Nothing was changed. Please try again in a few minutes. The scheduled checks go on as usual.",
        )
        .caused_by(cause)
    }

    pub(crate) fn checked_lately() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Checked a short while ago",
            "You can have a card checked once an hour. The scheduled checks go on as usual.",
        )
    }

    pub(crate) fn changed_meanwhile() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "This has changed",
            "Somebody else changed this at the same time, so your change wasn’t saved. Open the page again.",
        )
    }

    pub(crate) fn too_many_sign_ins() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many emails",
            "Your network asked for too many emails. Please try again in an hour.",
        )
    }

    pub(crate) fn unavailable(cause: impl Display) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not possible right now",
            "Nothing is lost. Please try again in a few minutes.",
        )
        .caused_by(cause)
    }

    /// The same failure, of somebody whose browser forgets the session.
    pub(crate) fn signed_out_only_here(self) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "You’re signed out only in this browser",
            advice: "We can’t reach our data now. To end the session everywhere, sign in later and press “Sign out everywhere” in the settings.",
            ..self
        }
    }

    pub(crate) fn too_long() -> Self {
        Self::new(
            StatusCode::URI_TOO_LONG,
            "Address too long",
            "Open the page from the start.",
        )
    }

    pub(crate) fn internal(cause: impl Display) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong",
            "Nothing was changed. Please try again.",
        )
        .caused_by(cause)
    }

    /// The error for a response that has no page of its own.
    fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(
                status,
                "Too much at once",
                "This form holds more than we accept.",
            ),
            status if status.is_server_error() => Self::internal("a response without a page"),
            status => Self {
                status,
                ..Self::malformed_form()
            },
        }
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "We can’t reach our data",
                "Nothing is lost. Please try again in a few minutes.",
            )
            .caused_by(error),
            // Another tab, or somebody else, has just removed it. The log says what.
            StoreError::NotFound(_) => Self::not_found().caused_by(error),
            error => Self::internal(error),
        }
    }
}

impl From<JobError> for PageError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Marks a response with an error's status that has a page of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HasOwnPage;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: Page,
    error: &'a PageError,
    id: String,
}

/// Gives every error the same page, with an id that is also in the log.
pub(crate) async fn render_errors(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let has_page = response.extensions().get::<HasOwnPage>().is_some();
    if has_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let error = response.extensions().get::<PageError>().cloned();
    let error = error.unwrap_or_else(|| PageError::from_status(status));
    let id = Uuid::new_v4().simple().to_string();
    let id = id.get(..12).unwrap_or_default().to_owned();
    let cause = error.cause.as_deref().unwrap_or(error.title);
    if error.status.is_server_error() {
        tracing::error!(
            error.id = id,
            http.status = error.status.as_u16(),
            "A page failed: {cause}"
        );
    } else if error.cause.is_some() {
        tracing::info!(
            error.id = id,
            http.status = error.status.as_u16(),
            "A page wasn't shown: {cause}"
        );
    } else {
        tracing::debug!(
            error.id = id,
            http.status = error.status.as_u16(),
            "Refused a request: {cause}"
        );
    }
    let shown = ErrorPage {
        page: Page::new(error.title),
        error: &error,
        id,
    };
    match html(error.status, &shown) {
        Ok(page) => {
            // Keeps headers such as Allow.
            let (parts, _) = response.into_parts();
            let mut page = page;
            for (name, value) in &parts.headers {
                if !page.headers().contains_key(name) && name != "content-length" {
                    page.headers_mut().append(name, value.clone());
                }
            }
            page
        }
        Err(_) => response,
    }
}
