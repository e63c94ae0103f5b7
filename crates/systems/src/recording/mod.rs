//! Recording a visit for a bug report: what the site sent, with nothing in it that is the patron's.
//!
//! A [`Recorder`] in [`crate::SitesOptions`] sees each request with its answer, in memory only.
//! [`Recorder::finish`] replaces every text and value that is not on an allow-list by a filler of the same
//! length and kind, the same for the same word, and makes a HAR file of it; [`read()`] reads that as a visit would.
//! What may stay: the names of tags, classes, ids and fields; small numbers and sums; words of the system
//! ([`crate::System::kept_words`]); dates, all moved by the same number of days, which nobody is told.

mod dates;
mod filler;
pub mod har;
mod kept;
mod read;
mod redact;
mod words;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use hippo_core::card::CardSecret;
use hippo_core::library::Library;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use url::Url;
use zeroize::Zeroize as _;

use self::dates::Dates;
use self::filler::Filler;
use self::har::{
    Content, Creator, Entry, Har, Log, Named, Nothing, PostData, RecordedLibrary, Request,
    Response, Timings,
};
use self::redact::{Redactor, cookies_of_answer, cookies_of_request};
use self::words::Words;
use crate::System;
use crate::browser::decode;

#[cfg(test)]
mod tests;

pub use self::har::Step;
pub use self::kept::Kept;
pub use self::read::read;
pub use self::words::KeptWords;

/// By how many days at most, and at least, dates are moved.
const DAYS: std::ops::Range<u32> = 30..700;

/// A session of more requests than this is not recorded further.
const MOST_ENTRIES: usize = 200;

/// A secret shorter than this may well stand in a page by chance: a number of four digits is a year.
const SHORTEST_SOUGHT: usize = 6;

/// Sees the requests of one visit with their answers.
#[derive(Default)]
pub struct Recorder {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    exchanges: Vec<Exchange>,
    /// What may stand nowhere, whatever a rule says.
    secrets: Vec<String>,
}

/// One request with its answer, as it was.
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) fields: Option<String>,
    pub(crate) step: Option<Step>,
    pub(crate) began: Instant,
    pub(crate) took: Duration,
    /// None: no answer came.
    pub(crate) answer: Option<Answered>,
}

/// An answer, as it was.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A session with the patron's own taken out of it.
#[derive(Debug, Clone)]
pub struct Recording {
    /// What is written to a file.
    pub har: Har,
    /// What was kept as it was.
    pub kept: Kept,
}

/// Why a session cannot be given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRecording {
    /// The site was asked for nothing.
    #[error("Nothing was recorded: the site was asked for nothing.")]
    Nothing,
    /// There is no key for fillers.
    #[error("Nothing was recorded: the machine gave no random numbers.")]
    NoRandomNumbers,
    /// A rule has a hole.
    #[error(
        "The recording was not written: the card's number or PIN would stand in it. Please report that, with the library's system."
    )]
    HoldsSecret,
}

impl Recorder {
    /// Keeps one more request.
    pub(crate) fn note(&self, exchange: Exchange) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.exchanges.len() < MOST_ENTRIES {
            seen.exchanges.push(exchange);
        }
    }

    /// Learns the card's number and PIN, to keep them out whatever a rule says.
    pub(crate) fn note_secret(&self, secret: &CardSecret) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.secrets.extend(secrets(secret));
    }

    /// Makes the recording of what was seen, and forgets it. `today` is the day on which it was seen.
    pub fn finish(
        &self,
        system: &dyn System,
        library: &Library,
        today: NaiveDate,
    ) -> Result<Recording, NoRecording> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let Seen {
            exchanges: seen,
            mut secrets,
        } = seen;
        if seen.is_empty() {
            return Err(NoRecording::Nothing);
        }
        let filler = Filler::new(secrets.clone()).ok_or(NoRecording::NoRandomNumbers)?;
        let number = filler.secret_number(2 * (DAYS.end - DAYS.start));
        let days = i64::from(DAYS.start + number / 2) * if number % 2 == 0 { 1 } else { -1 };
        let mut redactor = Redactor::new(
            filler,
            Words::new(&system.kept_words()),
            Dates::new(library.date_format.as_deref(), days),
        );
        let base_url = redactor.url(library.base_url.as_str());
        let began = seen.first().map(|exchange| exchange.began);
        let day = redactor.day(today);
        let entries: Vec<Entry> = seen
            .iter()
            .map(|exchange| {
                let after = began.map(|began| exchange.began.duration_since(began));
                entry(&mut redactor, exchange, day, after.unwrap_or_default())
            })
            .collect();
        redactor.kept.requests = entries.len();
        let har = Har {
            log: Log {
                version: "1.2".to_owned(),
                creator: Creator {
                    name: "LibraryHippo".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                },
                entries,
                comment: Some(
                    "Texts and values are fillers; dates are moved, all by the same number of days.".to_owned(),
                ),
                library: Some(RecordedLibrary {
                    system: system.name().to_owned(),
                    base_url,
                    date_format: library.date_format.clone(),
                    timezone: library.timezone,
                }),
            },
        };
        let sound = !holds_any(&har, &secrets);
        secrets.iter_mut().for_each(|secret| secret.zeroize());
        if sound {
            Ok(Recording {
                har,
                kept: redactor.kept,
            })
        } else {
            Err(NoRecording::HoldsSecret)
        }
    }
}

impl Recording {
    /// The file's text.
    pub fn to_json(&self) -> String {
        // It has no keys but texts.
        serde_json::to_string_pretty(&self.har).unwrap_or_default()
    }
}

/// Number and PIN, and the parts of a number that is written `Name|number`.
fn secrets(secret: &CardSecret) -> Vec<String> {
    let number = secret.number.expose_secret();
    number
        .split('|')
        .flat_map(|part| std::iter::once(part).chain(part.split_whitespace()))
        .chain(std::iter::once(secret.pin.expose_secret()))
        .map(|text| text.trim().to_owned())
        .filter(|text| text.chars().count() > 2)
        .collect()
}

/// The last look: whether a secret that is long enough to stand there by no chance stands in the file.
fn holds_any(har: &Har, secrets: &[String]) -> bool {
    let text = serde_json::to_string(har).unwrap_or_default();
    secrets
        .iter()
        .filter(|secret| {
            secret.len() >= SHORTEST_SOUGHT && secret.bytes().any(|byte| byte.is_ascii_digit())
        })
        .any(|secret| text.contains(secret.as_str()))
}

fn entry(redactor: &mut Redactor, exchange: &Exchange, day: NaiveDate, after: Duration) -> Entry {
    let started = day.and_time(NaiveTime::MIN) + TimeDelta::from_std(after).unwrap_or_default();
    let time = (exchange.took.as_secs_f64() * 1000.0).round();
    Entry {
        started_date_time: started.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        time,
        request: request(redactor, exchange),
        response: match &exchange.answer {
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
    }
}

fn request(redactor: &mut Redactor, exchange: &Exchange) -> Request {
    let post_data = exchange.fields.as_deref().map(|fields| {
        let params: Vec<Named> = url::form_urlencoded::parse(fields.as_bytes())
            .map(|(name, value)| Named {
                name: redactor.name(&name),
                value: redactor.parameter(&value),
            })
            .collect();
        let text = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(params.iter().map(|field| (&field.name, &field.value)))
            .finish();
        PostData {
            mime_type: "application/x-www-form-urlencoded".to_owned(),
            params,
            text,
        }
    });
    let url = redactor.url(exchange.url.as_str());
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
        headers: redactor.headers(&exchange.headers),
        query_string,
        post_data,
        headers_size: -1,
        body_size: -1,
    }
}

fn response(redactor: &mut Redactor, answer: &Answered) -> Response {
    let headers = redactor.headers(&answer.headers);
    let value = |name: &str| {
        headers
            .iter()
            .find(|header| header.name == name)
            .map(|header| header.value.clone())
            .unwrap_or_default()
    };
    let declared = answer
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    let body = decode(&answer.body, declared);
    let is_text = !body.contains('\0') && !value("content-type").starts_with("image/");
    let text = is_text.then(|| redactor.body(&body));
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

/// As browsers write an answer that did not come.
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

/// Shows how much was seen, and nothing of it.
impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Recorder")
            .field("seen", &seen.exchanges.len())
            .finish_non_exhaustive()
    }
}
