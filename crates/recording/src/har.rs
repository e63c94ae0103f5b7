//! The parts of HAR 1.2 that recordings use (<http://www.softwareishard.com/blog/har-12-spec/>).
//!
//! Fields that the reader doesn't need may be missing, because other programs write HAR too.

use hippo_browser::{LoginStep, ReadContext};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Har {
    /// The session.
    pub log: Log,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// `1.2`.
    #[serde(default, deserialize_with = "lenient")]
    pub version: String,
    /// The program that wrote it.
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
    /// The library, in our recordings.
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

/// The library's data that reading the pages needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedLibrary {
    /// The software behind the site.
    pub system: String,
    /// The site's root, with an example host.
    pub base_url: String,
    /// The format of visible dates (strftime).
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub date_format: Option<String>,
    /// The library's timezone.
    pub timezone: chrono_tz::Tz,
}

impl RecordedLibrary {
    /// The context for reading the pages. `base_url` is this library's, parsed.
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
    /// When it was sent (RFC 3339). Our recordings all begin in 1970.
    #[serde(default, deserialize_with = "lenient")]
    pub started_date_time: String,
    /// How long it took, in milliseconds.
    #[serde(default, deserialize_with = "lenient")]
    pub time: f64,
    /// The request.
    pub request: Request,
    /// The response.
    pub response: Response,
    /// Always empty.
    #[serde(default, deserialize_with = "lenient")]
    pub cache: Nothing,
    /// How long it took, in its parts.
    #[serde(default, deserialize_with = "lenient")]
    pub timings: Timings,
    /// Its part in the login or logout, in our recordings.
    #[serde(default, rename = "_step", skip_serializing_if = "Option::is_none")]
    pub step: Option<LoginStep>,
    /// Why a browser requested it (`document`, `xhr`, `image`), in browsers' files.
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

/// Times in milliseconds. −1 means unknown.
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

/// A request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// `HTTP/1.1`.
    #[serde(default, deserialize_with = "lenient")]
    pub http_version: String,
    /// The cookies that were sent.
    #[serde(default, deserialize_with = "lenient")]
    pub cookies: Vec<Cookie>,
    /// The headers that the visit added, without cookies.
    #[serde(default, deserialize_with = "lenient")]
    pub headers: Vec<Named>,
    /// The parameters of the URL.
    #[serde(default, deserialize_with = "lenient")]
    pub query_string: Vec<Named>,
    /// The form that was sent.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub post_data: Option<PostData>,
    /// In bytes. −1 means unknown.
    #[serde(default = "unknown", deserialize_with = "lenient_size")]
    pub headers_size: i64,
    /// In bytes. −1 means unknown.
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
    /// The same, encoded.
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

/// A response. Status 0 means that there was none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The reason phrase.
    #[serde(default, deserialize_with = "lenient")]
    pub status_text: String,
    /// `HTTP/1.1`.
    #[serde(default, deserialize_with = "lenient")]
    pub http_version: String,
    /// The cookies that were set.
    #[serde(default, deserialize_with = "lenient")]
    pub cookies: Vec<Cookie>,
    /// The headers, without cookies.
    #[serde(default, deserialize_with = "lenient")]
    pub headers: Vec<Named>,
    /// The page.
    #[serde(default, deserialize_with = "lenient")]
    pub content: Content,
    /// Where a redirect leads.
    #[serde(default, rename = "redirectURL", deserialize_with = "lenient")]
    pub redirect_url: String,
    /// In bytes. −1 means unknown.
    #[serde(default = "unknown", deserialize_with = "lenient_size")]
    pub headers_size: i64,
    /// In bytes. −1 means unknown.
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
    /// The text. `None` for binary content.
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
    /// The path it is sent to.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub path: Option<String>,
    /// The domain it is sent to.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub domain: Option<String>,
    /// Whether it is sent only by https.
    #[serde(
        default,
        deserialize_with = "lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub secure: Option<bool>,
    /// Whether it is hidden from scripts.
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

/// Deserializes an optional value. Other programs write `null` and other types there.
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
