//! The operator's console: what ran, what comes, and what needs a person.
//!
//! A page is one request with a number of reads that depends on no number of labels or runs. It shows
//! no title, no card's number and no address, and reading it changes nothing.

mod audit;
mod coming;
mod families;
mod grid;
mod late;
mod libraries;
mod load;
mod notices;
mod overview;
mod run;
mod schedules;
mod start;
mod view;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::access::operator::require_operator;
use crate::ports::WebPorts;

/// The routes of the console, each behind the check of the operator's session.
pub(crate) fn routes(ports: &WebPorts) -> Router<WebPorts> {
    Router::new()
        .route("/console", get(overview::show))
        .route("/console/schedules", get(schedules::show))
        .route("/console/schedules/pause", post(schedules::pause))
        .route("/console/schedules/resume", post(schedules::resume))
        .route("/console/schedules/run", post(start::run_now))
        .route("/console/runs/again", post(start::run_again))
        .route("/console/runs/{job}/{label}/{time}", get(run::show))
        .route("/console/notices", get(notices::show))
        .route("/console/notices/resend", post(notices::resend))
        .route("/console/libraries", get(libraries::show))
        .route("/console/families", get(families::show))
        .route("/console/audit", get(audit::show))
        // It guards the routes above it, and no others.
        .route_layer(from_fn_with_state(ports.clone(), require_operator))
        .route("/console.css", get(style_sheet))
}

async fn style_sheet() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, include_str!("../../../assets/console.css")).into_response()
}
