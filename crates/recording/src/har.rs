//! HAR 1.2, as much of it as recordings are written and read with
//! (<http://www.softwareishard.com/blog/har-12-spec/>).
//!
//! What a reader does not need may be missing in a file: other programs write HAR too.

use hippo_browser::{LoginStep, ReadContext};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Har {
    /// The one thing in it.
    pub log: Log,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// `1.2`.
    #[serde(default, deserialize_with = "lenient")]
    pub version: String,
    /// Which program wrote it.
    #[serde(default, deserialize_with = "lenient")]
    pub creator: Creator,
    /// The requests with their answers, in order.
    pub entries: Vec<Entry>,
    /// For people.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub comment: Option<String>,
    /// How to read it, in recordings of ours.
    #[serde(default, rename = "_library", skip_serializing_if = "Option::is_none")]
    pub library: Option<RecordedLibrary>,
}

/// A program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Creator {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What reading the pages needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedLibrary {
    /// The software behind the site.
    pub system: String,
    /// Where the site's paths begin, with an example for the host.
    pub base_url: String,
    /// How visible dates are written (strftime).
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub date_format: Option<String>,
    /// The zone in which the library's days are counted.
    pub timezone: chrono_tz::Tz,
}

impl RecordedLibrary {
    /// For reading the pages; `base_url` is this library's, parsed.
    pub fn context<'a>(&'a self, base_url: &'a url::Url) -> ReadContext<'a> {
        ReadContext {
            base_url,
            date_format: self.date_format.as_deref(),
            timezone: self.timezone,
            card_number: None,
        }
    }
}

/// A request with its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When it was sent (RFC 3339); recordings of ours begin all at one moment, long ago.
    #[serde(default, deserialize_with = "lenient")]
    pub started_date_time: String,
    /// How long it took, in milliseconds.
    #[serde(default, deserialize_with = "lenient")]
    pub time: f64,
    /// What was asked.
    pub request: Request,
    /// What was answered.
    pub response: Response,
    /// Nothing: nothing is cached.
    #[serde(default, deserialize_with = "lenient")]
    pub cache: Nothing,
    /// How long it took, in its parts.
    #[serde(default, deserialize_with = "lenient")]
    pub timings: Timings,
    /// What the visit did with it, in recordings of ours.
    #[serde(default, rename = "_step", skip_serializing_if = "Option::is_none")]
    pub step: Option<LoginStep>,
    /// What a browser asked for it for (`document`, `xhr`, `image`), in files of browsers.
    #[serde(
        default,
        rename = "_resourceType",
        skip_serializing_if = "Option::is_none"
    )]
    pub resource_type: Option<String>,
}

/// An object without members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// Milliseconds; −1: not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// To send.
    #[serde(default, deserialize_with = "lenient")]
    pub send: f64,
    /// Until the first byte of the answer.
    #[serde(default, deserialize_with = "lenient")]
    pub wait: f64,
    /// To read the answer.
    #[serde(default, deserialize_with = "lenient")]
    pub receive: f64,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// `HTTP/1.1`.
    #[serde(default, deserialize_with = "lenient")]
    pub http_version: String,
    /// Those that were sent.
    #[serde(default, deserialize_with = "lenient")]
    pub cookies: Vec<Cookie>,
    /// Those that this visit added, but for cookies.
    #[serde(default, deserialize_with = "lenient")]
    pub headers: Vec<Named>,
    /// The parameters of the address.
    #[serde(default, deserialize_with = "lenient")]
    pub query_string: Vec<Named>,
    /// The form that was sent.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub post_data: Option<PostData>,
    /// Bytes; −1: not known.
    #[serde(default = "unknown", deserialize_with = "lenient_size")]
    pub headers_size: i64,
    /// Bytes; −1: not known.
    #[serde(default = "unknown", deserialize_with = "lenient_size")]
    pub body_size: i64,
}

/// A form that was sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostData {
    /// `application/x-www-form-urlencoded`.
    #[serde(default, deserialize_with = "lenient")]
    pub mime_type: String,
    /// Its fields.
    #[serde(default, deserialize_with = "lenient")]
    pub params: Vec<Named>,
    /// The same, as it is sent.
    #[serde(default, deserialize_with = "lenient")]
    pub text: String,
    /// `base64`, in files of other programs.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub encoding: Option<String>,
}

/// What was answered; status 0: nothing was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Its words.
    #[serde(default, deserialize_with = "lenient")]
    pub status_text: String,
    /// `HTTP/1.1`.
    #[serde(default, deserialize_with = "lenient")]
    pub http_version: String,
    /// Those that were set.
    #[serde(default, deserialize_with = "lenient")]
    pub cookies: Vec<Cookie>,
    /// But for cookies.
    #[serde(default, deserialize_with = "lenient")]
    pub headers: Vec<Named>,
    /// The page.
    #[serde(default, deserialize_with = "lenient")]
    pub content: Content,
    /// Where a redirect leads.
    #[serde(default, rename = "redirectURL", deserialize_with = "lenient")]
    pub redirect_url: String,
    /// Bytes; −1: not known.
    #[serde(default = "unknown", deserialize_with = "lenient_size")]
    pub headers_size: i64,
    /// Bytes; −1: not known.
    #[serde(default = "unknown", deserialize_with = "lenient_size")]
    pub body_size: i64,
}

/// The body of an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// Bytes.
    #[serde(default, deserialize_with = "lenient")]
    pub size: i64,
    /// The header `Content-Type`.
    #[serde(default, deserialize_with = "lenient")]
    pub mime_type: String,
    /// The text; none for what is not text.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub text: Option<String>,
    /// `base64`, in files of other programs.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub encoding: Option<String>,
    /// For people.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub comment: Option<String>,
}

/// A name with its value: a header, a parameter, a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(default, deserialize_with = "lenient")]
    pub value: String,
}

/// A cookie.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(default, deserialize_with = "lenient")]
    pub value: String,
    /// Where it is sent.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub path: Option<String>,
    /// To whom it is sent.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub domain: Option<String>,
    /// Only by https.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub secure: Option<bool>,
    /// Not to scripts.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub http_only: Option<bool>,
}

fn unknown() -> i64 {
    -1
}

/// Reads a value that no reader depends on: other programs write `null` and other kinds there.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

fn lenient_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let size: Option<i64> = lenient(deserializer)?;
    Ok(size.unwrap_or_else(unknown))
}
