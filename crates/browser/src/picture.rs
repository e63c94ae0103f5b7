//! Fetches the picture of the day.

use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_core::failure::FailureKind;
use hippo_core::picture::{
    MAX_PICTURE_BYTES, Picture, PictureFailure, PictureFailureKind, PictureFetcher, PictureFormat,
    PictureLink, PictureSource, SourceKind, read_document,
};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Method, Request, Response};
use url::Url;

use crate::address::{is_loopback, is_private, resolves_to_public};
use crate::redacted_path::redacted_path;
use crate::redirect::{is_redirect, strip_userinfo_and_fragment, target};
use crate::{BrowserError, BrowserOptions, Connections, decode};

/// The time for the document and the picture together, from the first connection to the last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// How many redirects are followed to the document, and to the picture.
const MAX_REDIRECTS: usize = 5;

const ACCEPT_PICTURE: &str = "image/jpeg,image/png,image/webp,image/gif";
const ACCEPT_DOCUMENT: &str =
    "application/json,application/rss+xml,application/xml;q=0.9,*/*;q=0.8";

/// How far into a feed its XML declaration reaches, in bytes.
const MAX_DECLARATION_BYTES: usize = 256;

/// Fetches pictures over HTTP, within limits.
///
/// A redirect or a link leads to public addresses, or stays on the host of the source's own URL. So
/// a public source never leads into a private network. Names are checked when they are resolved, or
/// before they are left to a proxy.
#[derive(Debug)]
pub struct HttpPictureFetcher {
    connections: Connections,
    timeout: Duration,
}

/// An answer with its body.
struct Answer {
    url: Url,
    content_type: Option<String>,
    body: Vec<u8>,
}

impl HttpPictureFetcher {
    /// Sets up the connections. Sends nothing yet.
    pub fn new(options: &BrowserOptions) -> Result<Self, BrowserError> {
        Ok(Self {
            connections: Connections::new(options)?,
            timeout: FETCH_TIMEOUT,
        })
    }

    async fn fetch(
        &self,
        source: &PictureSource,
        date: NaiveDate,
    ) -> Result<Option<Picture>, PictureFailure> {
        let link = match source.kind {
            SourceKind::Image => Some(PictureLink {
                url: source.url.clone(),
                title: None,
                credit: None,
            }),
            SourceKind::Json | SourceKind::Rss => self.read_link(source, date).await?,
        };
        let Some(link) = link else {
            return Ok(None);
        };
        let is_picture =
            |header: Option<&str>| PictureFormat::from_content_type(header).map(|_| ());
        let answer = self
            .get(&source.url, link.url, ACCEPT_PICTURE, is_picture)
            .await?;
        let Some(answer) = answer else {
            return Ok(None);
        };
        let format =
            PictureFormat::from_header_and_bytes(answer.content_type.as_deref(), &answer.body)?;
        Ok(Some(Picture {
            title: link.title,
            credit: link.credit,
            format,
            bytes: answer.body.into(),
        }))
    }

    /// Fetches the document, and reads the picture's address in it.
    async fn read_link(
        &self,
        source: &PictureSource,
        date: NaiveDate,
    ) -> Result<Option<PictureLink>, PictureFailure> {
        let answer = self
            .get(&source.url, source.url.clone(), ACCEPT_DOCUMENT, |_| Ok(()))
            .await?;
        match answer {
            Some(answer) => read_document(source, &answer.text(), &answer.url, date),
            None => Ok(None),
        }
    }

    /// Gets a URL, and follows its redirects. `None`: the server says that there is nothing.
    ///
    /// `check_type` sees the header of a successful answer before its body is read.
    async fn get(
        &self,
        origin: &Url,
        mut url: Url,
        accept: &'static str,
        check_type: impl Fn(Option<&str>) -> Result<(), PictureFailure>,
    ) -> Result<Option<Answer>, PictureFailure> {
        strip_userinfo_and_fragment(&mut url);
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(origin, &url, accept).await?;
            let status = response.status();
            let path = redacted_path(&url);
            if is_redirect(status) {
                let location = response.headers().get(LOCATION).map(HeaderValue::as_bytes);
                url = target(&url, status, location, false).map_err(|failure| {
                    PictureFailure::new(PictureFailureKind::BadRedirect, failure.detail)
                })?;
                continue;
            }
            let kind = match status.as_u16() {
                200 => {
                    let header = response.headers().get(CONTENT_TYPE);
                    let content_type = header.and_then(|value| value.to_str().ok());
                    check_type(content_type)?;
                    return Ok(Some(Answer {
                        content_type: content_type.map(str::to_owned),
                        body: self.read_body(response, &path).await?,
                        url,
                    }));
                }
                204 => return Ok(None),
                404 | 410 => PictureFailureKind::NotFound,
                400..500 => PictureFailureKind::Refused,
                _ => PictureFailureKind::SourceDown,
            };
            return Err(PictureFailure::new(
                kind,
                format!("the answer was {} at {path}", status.as_u16()),
            ));
        }
        Err(PictureFailure::new(
            PictureFailureKind::BadRedirect,
            format!("more than {MAX_REDIRECTS} redirects"),
        ))
    }

    async fn send(
        &self,
        origin: &Url,
        url: &Url,
        accept: &'static str,
    ) -> Result<Response, PictureFailure> {
        let client = self.allowed_client(origin, url)?;
        if self.connections.leaves_names_to_proxy && origin.host() != url.host() {
            refuse_private_name(url).await?;
        }
        let mut request = Request::new(Method::GET, url.clone());
        *request.headers_mut() = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        client
            .execute(request)
            .await
            .map_err(|error| self.failure(&error, &redacted_path(url)))
    }

    /// The client that may connect to a URL on the way from `origin`.
    fn allowed_client(&self, origin: &Url, url: &Url) -> Result<&Client, PictureFailure> {
        let is_same_host = origin.host() == url.host();
        if is_same_host || (is_loopback(origin) && is_loopback(url)) {
            return match self.connections.check_url(origin, url) {
                Ok(()) => Ok(self.connections.client(origin, url)),
                Err(_) => Err(private_address(&redacted_path(url))),
            };
        }
        if is_private(url) {
            return Err(private_address(&redacted_path(url)));
        }
        Ok(self.connections.public_client())
    }

    async fn read_body(
        &self,
        mut response: Response,
        path: &str,
    ) -> Result<Vec<u8>, PictureFailure> {
        let too_large = || {
            PictureFailure::new(
                PictureFailureKind::TooLarge,
                format!("more than 5 MB at {path}"),
            )
        };
        if response
            .content_length()
            .is_some_and(|length| length > MAX_PICTURE_BYTES as u64)
        {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.failure(&error, path))?
        {
            if body.len() + chunk.len() > MAX_PICTURE_BYTES {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failure(&self, error: &reqwest::Error, path: &str) -> PictureFailure {
        let failure = self.connections.request_error(error, path).failure;
        let kind = match failure.kind {
            // The name resolves to private addresses only.
            FailureKind::PageChanged => return private_address(path),
            _ if error.is_timeout() => PictureFailureKind::TooSlow,
            _ => PictureFailureKind::SourceDown,
        };
        PictureFailure::new(kind, failure.detail)
    }
}

#[async_trait]
impl PictureFetcher for HttpPictureFetcher {
    async fn fetch_picture(
        &self,
        source: &PictureSource,
        date: NaiveDate,
    ) -> Result<Option<Picture>, PictureFailure> {
        match tokio::time::timeout(self.timeout, self.fetch(source, date)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(PictureFailure::new(
                PictureFailureKind::TooSlow,
                format!(
                    "no complete picture within {} s",
                    self.timeout.as_secs_f32()
                ),
            )),
        }
    }
}

impl Answer {
    /// The body as text, by the header's charset or that of an XML declaration.
    fn text(&self) -> String {
        let header = self.content_type.as_deref();
        let has_charset =
            header.is_some_and(|header| header.to_ascii_lowercase().contains("charset"));
        match charset_of_declaration(&self.body).filter(|_| !has_charset) {
            Some(charset) => decode(&self.body, Some(&format!("text/xml; charset={charset}"))),
            None => decode(&self.body, header),
        }
    }
}

/// The encoding that an XML declaration names.
fn charset_of_declaration(body: &[u8]) -> Option<String> {
    let head = body.get(..MAX_DECLARATION_BYTES.min(body.len()))?;
    let head = String::from_utf8_lossy(head);
    let (declaration, _) = head.trim_start().strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim();
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.find(['"', '\''])?;
    value.get(..end).map(str::to_owned)
}

/// Refuses a name that isn't public, or that this machine can't resolve: a proxy would resolve it, and
/// connect to any address.
async fn refuse_private_name(url: &Url) -> Result<(), PictureFailure> {
    let path = redacted_path(url);
    match resolves_to_public(url).await {
        Some(true) => Ok(()),
        Some(false) => Err(private_address(&path)),
        None => Err(PictureFailure::new(
            PictureFailureKind::PrivateAddress,
            format!(
                "the way to {path} leads to another host, and we can’t tell whether its address is public"
            ),
        )),
    }
}

fn private_address(path: &str) -> PictureFailure {
    PictureFailure::new(
        PictureFailureKind::PrivateAddress,
        format!("the way to {path} leads to an address that is private to a network"),
    )
}

#[cfg(test)]
mod tests;
