//! Delivers an answer: whole, with faults, cut or never.

use std::io::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures::{StreamExt as _, stream};

use crate::fault::Fault;
use crate::page::{Page, SiteRequest};

/// The length of a huge body, uncompressed.
pub(crate) const HUGE_BYTES: usize = 50 * 1024 * 1024;

const CHUNK_BYTES: usize = 64 * 1024;

/// How an answer is delivered.
pub(crate) enum Delivery {
    Whole(Page),
    /// Half of the page, then the connection closes.
    CutShort(Page),
    /// Half of the page, then nothing.
    Stall(Page),
    Huge {
        gzip: bool,
    },
    /// An endless body.
    Endless,
    Cut,
    Never,
}

/// Why there is no response.
pub(crate) enum NoAnswer {
    Cut,
    Never,
}

/// The answer of the first fault that replaces the system's page.
pub(crate) fn find_replacement(
    faults: &[Fault],
    request: &SiteRequest,
    system_error: Option<fn() -> Page>,
) -> Option<Delivery> {
    faults
        .iter()
        .find_map(|fault| replacement_for(fault, request, system_error))
}

fn replacement_for(
    fault: &Fault,
    request: &SiteRequest,
    system_error: Option<fn() -> Page>,
) -> Option<Delivery> {
    let page = match fault {
        Fault::Hang => return Some(Delivery::Never),
        Fault::DropConnection => return Some(Delivery::Cut),
        Fault::HugeBody { gzip } => return Some(Delivery::Huge { gzip: *gzip }),
        Fault::EndlessBody => return Some(Delivery::Endless),
        Fault::Down { retry_after } => after(
            notice("Out of order", "The catalogue cannot be reached.").with_status(503),
            *retry_after,
        ),
        Fault::Refuse { retry_after } => after(
            notice("Too many requests", "Please come back later.").with_status(429),
            *retry_after,
        ),
        Fault::Status(status) => notice("Sorry", "Something is not as it should be.").with_status(*status),
        Fault::Maintenance => notice(
            "Scheduled maintenance",
            "The catalogue is down for maintenance while we upgrade it. Your account will be back soon.",
        ),
        Fault::Captcha => Page::html(
            "<!DOCTYPE html><html><head><title>Are you a robot?</title></head><body>\
             <h1>We noticed unusual traffic</h1>\
             <p>Please solve the captcha to go on.</p>\
             <form method=\"post\" action=\"/captcha\"><div class=\"g-recaptcha\" data-sitekey=\"demo\"></div></form>\
             </body></html>"
                .to_owned(),
        ),
        Fault::RedirectLoop => {
            let round: u32 = request
                .parameter("round")
                .and_then(|round| round.parse().ok())
                .unwrap_or(0);
            let next = round.wrapping_add(1);
            Page::redirect(format!("{}{}?round={next}", request.base, request.path))
        }
        Fault::RedirectTo(to) => Page::redirect(to.clone()),
        Fault::RedirectLogin { to, keep_method } => {
            Page::redirect(to.clone()).with_status(if *keep_method { 307 } else { 302 })
        }
        Fault::EmptyBody => Page::html(String::new()),
        Fault::BinaryBody => {
            let mut page = Page::html(String::new());
            page.body = (0..4096_u32)
                .map(|index| (index.wrapping_mul(167) % 251) as u8 | 0x80)
                .collect();
            page
        }
        _ => return None,
    };
    let own_error = system_error.filter(|_| page.status == 500);
    Some(Delivery::Whole(own_error.map_or(page, |own| own())))
}

fn notice(title: &str, text: &str) -> Page {
    Page::html(format!(
        "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"
    ))
}

fn after(page: Page, seconds: Option<u32>) -> Page {
    match seconds {
        Some(seconds) => page.with_header("retry-after", seconds.to_string()),
        None => page,
    }
}

/// Applies the faults that change the system's page.
pub(crate) fn apply_faults(
    mut page: Page,
    faults: &[Fault],
    cookie: &'static str,
    renamed: &[(&str, &str)],
    latin_1: bool,
) -> Delivery {
    for fault in faults {
        match fault {
            Fault::CookieTwice { wrong_last } => set_cookies_twice(&mut page, *wrong_last),
            Fault::ForeignCookies => page.headers.extend(foreign_cookies(cookie)),
            Fault::HtmlForJson => page = without_json(page),
            Fault::ScriptLinks => page.body = with_script_links(&page.body),
            _ => {}
        }
    }
    if faults.contains(&Fault::ChangedLayout) {
        let mut text = String::from_utf8_lossy(&page.body).into_owned();
        for (from, to) in renamed {
            text = text.replace(from, to);
        }
        page.body = text.into_bytes();
    }
    if latin_1 && page.content_type.starts_with("text/html") {
        page = into_latin_1(page);
    }
    // Last, so that it overrides the charset.
    if let Some(name) = faults.iter().find_map(|fault| match fault {
        Fault::WrongCharset(name) => Some(name),
        _ => None,
    }) {
        let kind = page.content_type.split(';').next().unwrap_or_default();
        page.content_type = format!("{kind}; charset={name}").into();
    }
    if faults.contains(&Fault::HalfPage) {
        page.body = first_half(&page.body);
    }
    if faults.contains(&Fault::CutShort) {
        Delivery::CutShort(page)
    } else if faults.contains(&Fault::Stall) {
        Delivery::Stall(page)
    } else {
        Delivery::Whole(page)
    }
}

/// A cookie value that the site doesn't know.
const WRONG_COOKIE_VALUE: &str = "00000000000000000000000000000000";

fn set_cookies_twice(page: &mut Page, wrong_last: bool) {
    let mut headers = Vec::new();
    for (name, value) in std::mem::take(&mut page.headers) {
        let cookie = value.split_once('=').map(|(cookie, _)| cookie.to_owned());
        let is_kept = name == "set-cookie" && !value.contains("Max-Age=0");
        let wrong = cookie.filter(|_| is_kept).map(|cookie| {
            (
                name,
                format!("{cookie}={WRONG_COOKIE_VALUE}; Path=/; HttpOnly"),
            )
        });
        let right = Some((name, value));
        headers.extend(if wrong_last {
            [right, wrong]
        } else {
            [wrong, right]
        });
    }
    page.headers = headers.into_iter().flatten().collect();
}

/// Cookies that this site may not set, and one for another path.
fn foreign_cookies(cookie: &str) -> impl Iterator<Item = (&'static str, String)> {
    let of = move |attributes: &str| {
        (
            "set-cookie",
            format!("{cookie}={WRONG_COOKIE_VALUE}{attributes}"),
        )
    };
    [
        of("; Path=/; Domain=elsewhere.test"),
        of("; Path=/; Domain=test"),
        of("; Path=/; Domain=.0.0.1"),
        of("; Path=/; Domain=1"),
        of("; Path=/; Domain=elsewhere.test; Max-Age=0"),
        of("; Path=/nowhere"),
    ]
    .into_iter()
}

/// Replaces a JSON answer with an HTML page, and JSON within a page with markup.
fn without_json(page: Page) -> Page {
    if page.content_type.starts_with("application/json") {
        let html = notice("Catalogue", "Search our shelves.");
        return Page {
            headers: page.headers,
            ..html
        };
    }
    let text = String::from_utf8_lossy(&page.body).into_owned();
    let Some((before, from)) = text.split_once("<script type=\"application/json\"") else {
        return page;
    };
    let (tag, _) = from.split_once('>').unwrap_or((from, ""));
    let (_, after) = from.split_once("</script>").unwrap_or((from, ""));
    let body =
        format!("{before}<script type=\"application/json\"{tag}><p>Hello.</p></script>{after}");
    Page {
        body: body.into_bytes(),
        ..page
    }
}

/// Turns all links of a page, or of HTML within JSON, into scripts.
fn with_script_links(body: &[u8]) -> Vec<u8> {
    let link = "javascript:alert(1)//";
    String::from_utf8_lossy(body)
        .replace("href=\"", &format!("href=\"{link}"))
        .replace("href=\\\"", &format!("href=\\\"{link}"))
        .into_bytes()
}

fn first_half(body: &[u8]) -> Vec<u8> {
    body.iter().take(body.len() / 2).copied().collect()
}

/// Encodes the page as ISO-8859-1, declared only in its `meta`. Other characters become references.
fn into_latin_1(mut page: Page) -> Page {
    let text = String::from_utf8_lossy(&page.body).replacen(
        "<head>",
        r#"<head><meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1">"#,
        1,
    );
    page.content_type = "text/html".into();
    page.body = text
        .chars()
        .flat_map(|character| match u8::try_from(u32::from(character)) {
            Ok(byte) => vec![byte],
            Err(_) => format!("&#{};", u32::from(character)).into_bytes(),
        })
        .collect();
    page
}

impl Delivery {
    /// The response to send, or why there is none.
    pub(crate) fn into_response(self) -> Result<Response, NoAnswer> {
        match self {
            Self::Cut => Err(NoAnswer::Cut),
            Self::Never => Err(NoAnswer::Never),
            Self::Whole(page) => Ok(response(&page, Body::from(page.body.clone()), None)),
            Self::CutShort(page) => {
                let half = stream::iter([Ok(Bytes::from(first_half(&page.body)))]);
                // The pause lets the first half be sent before the connection is closed.
                let end = stream::once(async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
                });
                let length = page.body.len();
                Ok(response(
                    &page,
                    Body::from_stream(half.chain(end)),
                    Some(length),
                ))
            }
            Self::Stall(page) => {
                let half: [std::io::Result<Bytes>; 1] = [Ok(Bytes::from(first_half(&page.body)))];
                let body = stream::iter(half).chain(stream::pending());
                let length = page.body.len();
                Ok(response(&page, Body::from_stream(body), Some(length)))
            }
            Self::Huge { gzip: false } => {
                let chunks = endless_chunks().take(HUGE_BYTES / CHUNK_BYTES);
                let body = Body::from_stream(chunks);
                Ok(response(&Page::html(String::new()), body, None))
            }
            Self::Endless => {
                let body = Body::from_stream(endless_chunks());
                Ok(response(&Page::html(String::new()), body, None))
            }
            Self::Huge { gzip: true } => Ok(response(
                &Page::html(String::new()).with_header("content-encoding", "gzip".to_owned()),
                Body::from(compressed_huge_body()),
                None,
            )),
        }
    }
}

fn response(page: &Page, body: Body, length: Option<usize>) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(&page.content_type) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    for (name, value) in &page.headers {
        // An invalid value comes from a test's fault, and is omitted.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    response
}

fn endless_chunks() -> impl stream::Stream<Item = std::io::Result<Bytes>> {
    let chunk = Bytes::from(huge_chunk());
    stream::repeat_with(move || Ok(chunk.clone()))
}

fn huge_chunk() -> Vec<u8> {
    b"<p>More and more and more.</p>\n\n"
        .iter()
        .copied()
        .cycle()
        .take(CHUNK_BYTES)
        .collect()
}

/// The huge body in gzip, compressed once per process.
fn compressed_huge_body() -> Bytes {
    static COMPRESSED: OnceLock<Bytes> = OnceLock::new();
    COMPRESSED
        .get_or_init(|| {
            let chunk = huge_chunk();
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            for _ in 0..HUGE_BYTES / CHUNK_BYTES {
                // Writing to a Vec cannot fail.
                let _ = packer.write_all(&chunk);
            }
            Bytes::from(packer.finish().unwrap_or_default())
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_1_writes_other_characters_as_references() {
        let page = into_latin_1(Page::html("<head></head>é€".to_owned()));
        assert_eq!(page.content_type, "text/html");
        assert!(page.body.ends_with(b"</head>\xe9&#8364;"));
    }

    #[test]
    fn compressed_body_is_small_and_expands_to_50_mb() {
        let packed = compressed_huge_body();
        assert!(packed.len() < 1024 * 1024, "{}", packed.len());
        let mut unpacked = flate2::read::GzDecoder::new(packed.as_ref());
        let length = std::io::copy(&mut unpacked, &mut std::io::sink()).unwrap();
        assert_eq!(length, HUGE_BYTES as u64);
    }
}
