//! The routes, and the guards in front of all of them.

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::asset::{ICON, STYLE};
use crate::error::PageError;
use crate::feeds;
use crate::guard::{cross_site, headers, host, request_size};
use crate::pages::{
    about, cards, console, family, feeds as feeds_page, home, identity, invitation, resubscribe,
    settings, sign_in, sign_out, unsubscribe,
};
use crate::ports::WebPorts;

/// Builds the router of every page.
///
/// Insert a [`PeerAddress`](crate::PeerAddress) into each request's extensions: the limits of
/// sign-ins by network need it.
pub fn router(ports: WebPorts) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/about", get(about::show))
        .route("/sign-in", get(sign_in::show).post(sign_in::request_mail))
        .route(
            "/sign-in/code",
            get(sign_in::show_code).post(sign_in::try_code),
        )
        .route(
            "/sign-in/link",
            get(sign_in::link::show).post(sign_in::link::use_link),
        )
        .route("/sign-in/family", post(home::choose))
        .route("/sign-in/oidc", get(identity::begin))
        .route("/sign-in/oidc/callback", get(identity::finish))
        .route(
            "/sign-in/oidc/link",
            get(identity::link::show).post(identity::link::save),
        )
        .route("/sign-in/oidc/unlink", post(identity::link::unlink))
        .route("/sign-out", post(sign_out::sign_out))
        .route("/family", get(family::show))
        .route("/family/cards", get(cards::show))
        .route("/family/cards/add", get(cards::add::choose))
        .route(
            "/family/cards/add/{library}",
            get(cards::add::show).post(cards::add::save),
        )
        .route(
            "/family/cards/{id}/pin",
            get(cards::pin::show).post(cards::pin::save),
        )
        .route(
            "/family/cards/{id}/check",
            get(cards::check::show).post(cards::check::start),
        )
        .route(
            "/family/cards/{id}/remove",
            get(cards::remove::show).post(cards::remove::remove),
        )
        .route(
            "/family/cards/{id}/pause",
            get(cards::pause::show).post(cards::pause::pause),
        )
        .route("/family/cards/{id}/resume", post(cards::pause::resume))
        .route("/family/settings", get(settings::show).post(settings::save))
        .route(
            "/family/settings/recipients/invite",
            post(settings::recipients::invite),
        )
        .route(
            "/family/settings/recipients/withdraw",
            post(settings::recipients::withdraw),
        )
        .route(
            "/family/settings/recipients/remove",
            post(settings::recipients::remove),
        )
        .route(
            "/invitation",
            get(invitation::show).post(invitation::accept),
        )
        .route("/family/settings/pause", post(settings::pause))
        .route("/family/settings/resume", post(settings::resume))
        .route("/family/feeds", get(feeds_page::show).post(feeds_page::add))
        .route("/family/feeds/revoke", post(feeds_page::revoke))
        .route(
            "/family/settings/resubscribe",
            post(resubscribe::resubscribe),
        )
        .route(
            "/u/{token}",
            get(unsubscribe::show).post(unsubscribe::unsubscribe_by_one_click),
        )
        .route("/u/{token}/stop", post(unsubscribe::stop))
        .route("/u/{token}/undo", post(unsubscribe::undo))
        .route("/f/{token}/due.ics", get(feeds::show_calendar))
        .route("/f/{token}/now.json", get(feeds::show_now))
        .route("/icon.svg", get(async |query: RawQuery| ICON.serve(query)))
        .route(
            "/style.css",
            get(async |query: RawQuery| STYLE.serve(query)),
        )
        .merge(console::routes(&ports))
        .fallback(async || PageError::not_found())
        .method_not_allowed_fallback(async || PageError::method_not_allowed())
        .layer(DefaultBodyLimit::max(request_size::MAX_BODY_BYTES))
        // The last layer is the outermost.
        .layer(from_fn(cross_site::refuse_cross_site))
        .layer(from_fn(request_size::refuse_long_addresses))
        .layer(from_fn_with_state(
            ports.clone(),
            host::refuse_unknown_hosts,
        ))
        .layer(from_fn(crate::error::render_errors))
        .layer(from_fn_with_state(ports.clone(), headers::add_headers))
        .with_state(ports)
}
