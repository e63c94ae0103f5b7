//! Converts a request and its answer to a HAR entry.
//!
//! Every recording begins at the same moment, in 1970. The real day, compared with a report's date, would reveal
//! by how many days the dates are shifted.

use std::time::Duration;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use hippo_browser::{Exchange, HttpResponse, decode};
use url::Url;

use super::har::{Content, Entry, Named, Nothing, PostData, Request, Response, Timings};
use super::redact::{Redactor, cookies_of_answer, cookies_of_request};

/// Builds the entry of a request that was sent `after` the first one.
pub(super) fn entry(redactor: &mut Redactor, exchange: &Exchange, after: Duration) -> Entry {
    let started = NaiveDate::default().and_time(NaiveTime::MIN)
        + TimeDelta::from_std(after).unwrap_or_default();
    let time = (exchange.duration.as_secs_f64() * 1000.0).round();
    Entry {
        started_date_time: started.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        time,
        request: request(redactor, exchange),
        response: match &exchange.response {
            Some(answer) => response(redactor, answer),
            None => no_response(),
        },
        cache: Nothing {},
        timings: Timings {
            send: 0.0,
            wait: time,
            receive: 0.0,
        },
        step: exchange.step,
        resource_type: None,
    }
}

fn request(redactor: &mut Redactor, exchange: &Exchange) -> Request {
    let post_data = exchange
        .fields
        .as_deref()
        .map(|fields| post_data(redactor, fields));
    let url = redactor.redact_url(exchange.url.as_str());
    let query_string = Url::parse(&url)
        .map(|url| {
            url.query_pairs()
                .map(|(name, value)| Named {
                    name: name.into_owned(),
                    value: value.into_owned(),
                })
                .collect()
        })
        .unwrap_or_default();
    Request {
        method: exchange.method.to_string(),
        url,
        http_version: "HTTP/1.1".to_owned(),
        cookies: cookies_of_request(redactor, &exchange.headers),
        headers: redactor.redact_headers(&exchange.headers),
        query_string,
        post_data,
        headers_size: -1,
        body_size: -1,
    }
}

/// Redacts the fields of a form, or of a JSON object.
fn post_data(redactor: &mut Redactor, fields: &str) -> PostData {
    let object: Option<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(fields).ok();
    let is_json = object.is_some();
    let pairs: Vec<(String, String)> = match object {
        Some(object) => object
            .into_iter()
            .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        None => url::form_urlencoded::parse(fields.as_bytes())
            .into_owned()
            .collect(),
    };
    let params: Vec<Named> = pairs
        .iter()
        .map(|(name, value)| Named {
            name: redactor.name(name),
            value: redactor.redact_parameter(value),
        })
        .collect();
    let named = params.iter().map(|field| (&field.name, &field.value));
    let (mime_type, text) = if is_json {
        let object: serde_json::Map<_, _> = named
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        (
            "application/json",
            serde_json::Value::Object(object).to_string(),
        )
    } else {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        (
            "application/x-www-form-urlencoded",
            form.extend_pairs(named).finish(),
        )
    };
    PostData {
        mime_type: mime_type.to_owned(),
        params,
        text,
        encoding: None,
    }
}

fn response(redactor: &mut Redactor, answer: &HttpResponse) -> Response {
    let headers = redactor.redact_headers(&answer.headers);
    let value = |name: &str| {
        headers
            .iter()
            .find(|header| header.name == name)
            .map(|header| header.value.clone())
            .unwrap_or_default()
    };
    let body = text_of(answer);
    let is_text = !body.contains('\0') && !value("content-type").starts_with("image/");
    let text = is_text.then(|| redactor.redact_body(&body));
    Response {
        status: answer.status.as_u16(),
        status_text: answer
            .status
            .canonical_reason()
            .unwrap_or_default()
            .to_owned(),
        http_version: "HTTP/1.1".to_owned(),
        cookies: cookies_of_answer(redactor, &answer.headers),
        content: Content {
            size: text
                .as_ref()
                .map_or(0, |text| i64::try_from(text.len()).unwrap_or(-1)),
            mime_type: value("content-type"),
            comment: (!is_text).then(|| "No text; left out.".to_owned()),
            text,
            encoding: None,
        },
        redirect_url: value("location"),
        headers,
        headers_size: -1,
        body_size: -1,
    }
}

/// The response of a request without an answer, as browsers write it.
fn no_response() -> Response {
    Response {
        status: 0,
        status_text: String::new(),
        http_version: String::new(),
        cookies: Vec::new(),
        headers: Vec::new(),
        content: Content::default(),
        redirect_url: String::new(),
        headers_size: -1,
        body_size: -1,
    }
}

/// The decoded body of an answer.
pub(super) fn text_of(answer: &HttpResponse) -> String {
    let declared = answer
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    decode(&answer.body, declared)
}
