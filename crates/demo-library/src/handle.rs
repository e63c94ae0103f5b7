//! Handles requests: parses, logs, delays and answers them.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::answer::answer;
use crate::connection::Cutter;
use crate::delivery::NoAnswer;
use crate::log::LoggedRequest;
use crate::page::{SiteRequest, decode_form, decode_json_object};
use crate::state::SiteState;

/// The largest form. Larger ones count as empty.
const MAX_FORM_BYTES: usize = 1 << 20;

/// Answers one request.
pub(crate) async fn handle(
    State(state): State<Arc<SiteState>>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    request: Request,
) -> Response {
    let _in_flight = state.track_in_flight();
    let (parts, body) = request.into_parts();
    let path_and_query = parts
        .uri
        .path_and_query()
        .map_or("/", axum::http::uri::PathAndQuery::as_str)
        .to_owned();
    let text_of = |name: header::HeaderName| {
        let value = parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    let scheme = if state.switches.settings().https {
        "https"
    } else {
        "http"
    };
    let host = text_of(header::HOST).unwrap_or_default();
    let base = format!("{scheme}://{host}");
    let user_agent = text_of(header::USER_AGENT);
    let body = axum::body::to_bytes(body, MAX_FORM_BYTES)
        .await
        .unwrap_or_default();
    let is_json = text_of(header::CONTENT_TYPE).is_some_and(|kind| kind.contains("json"));
    let decode = if is_json {
        decode_json_object
    } else {
        decode_form
    };
    let form = decode(&String::from_utf8_lossy(&body));
    let log_number = state.push(LoggedRequest {
        method: parts.method.to_string(),
        path: path_and_query.clone(),
        status: None,
        at: SystemTime::now(),
        answered_at: None,
        patron: None,
        user_agent,
        cookies: cookie_names(&parts.headers),
        fields: form.iter().map(|(name, _)| name.clone()).collect(),
        is_login: false,
        changes_state: false,
    });
    let request = SiteRequest {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
        base,
        headers: parts.headers,
        form,
    };
    let answer = answer(&state, &request, log_number, &path_and_query);
    if !answer.delay.is_zero() {
        state.wait(Some(answer.delay)).await;
    }
    cutter.drip(answer.drip);
    match answer.delivery.into_response() {
        Ok(response) => {
            state.update(log_number, |entry| {
                entry.status = Some(response.status().as_u16());
                entry.answered_at = Some(SystemTime::now());
            });
            response
        }
        Err(NoAnswer::Never) => {
            state.wait(None).await;
            cutter.cut();
            Response::default()
        }
        Err(NoAnswer::Cut) => {
            cutter.cut();
            Response::default()
        }
    }
}

fn cookie_names(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs
        .filter_map(|pair| Some(pair.trim().split_once('=')?.0.to_owned()))
        .collect()
}
