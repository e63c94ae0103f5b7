//! The operator's console: what ran, what comes, and what needs a person.
//!
//! A page is one request with a number of reads that depends on no number of labels or runs. It shows
//! no title, no card's number and no address, and reading it changes nothing.

mod audit;
mod coming;
mod families;
mod forecast;
mod grid;
mod late;
mod libraries;
mod load;
mod notices;
mod overview;
mod rows;
mod run;
mod schedules;
mod start;
mod view;

use axum::Router;
use axum::extract::RawQuery;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::access::operator::require_operator;
use crate::asset::{CONSOLE_STYLE, SCRIPT};
use crate::ports::WebPorts;

/// The routes of the console, each behind the check of the operator's session.
pub(crate) fn routes(ports: &WebPorts) -> Router<WebPorts> {
    Router::new()
        .route("/console", get(overview::show))
        .route("/console/schedules", get(schedules::show))
        .route("/console/schedules/pause", post(schedules::pause))
        .route("/console/schedules/resume", post(schedules::resume))
        .route(
            "/console/schedules/run",
            get(start::confirm).post(start::run_now),
        )
        .route("/console/runs/again", post(start::run_again))
        .route("/console/runs/{job}/{label}/{time}", get(run::show))
        .route("/console/notices", get(notices::show))
        .route("/console/notices/resend", post(notices::resend))
        .route("/console/libraries", get(libraries::show))
        .route("/console/families", get(families::show))
        .route("/console/audit", get(audit::show))
        // It guards the routes above it, and no others.
        .route_layer(from_fn_with_state(ports.clone(), require_operator))
        .route(
            "/console.css",
            get(async |query: RawQuery| CONSOLE_STYLE.serve(query)),
        )
        .route("/htmx.js", get(async |query: RawQuery| SCRIPT.serve(query)))
}
