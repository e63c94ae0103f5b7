//! Requests, pages, and their encodings.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::http::{HeaderMap, Method, header};

/// A parsed request.
pub(crate) struct SiteRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The site's origin as the client sees it: `http://HOST` or `https://HOST`.
    pub(crate) base: String,
    pub(crate) headers: HeaderMap,
    pub(crate) form: Vec<(String, String)>,
}

impl SiteRequest {
    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// The first value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        decode_form(&self.query)
            .into_iter()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The first value of a form field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.form
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    /// A header as text. `None` if it is absent or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .find_map(|pair| {
                let (key, value) = pair.trim().split_once('=')?;
                (key == name).then(|| value.to_owned())
            })
    }

    /// The session's id: in the cookie of this name, or in the header of this name.
    pub(crate) fn session_id(&self, name: &str) -> Option<String> {
        self.cookie(name)
            .or_else(|| self.header(name).map(str::to_owned))
    }

    /// Whether a page's script sent this.
    pub(crate) fn is_from_script(&self) -> bool {
        self.header("x-requested-with") == Some("XMLHttpRequest")
    }
}

/// An answer, before faults are applied.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) content_type: Cow<'static, str>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether this page shows that its patron is logged in.
    pub(crate) shows_account: bool,
}

impl Page {
    pub(crate) fn html(body: String) -> Self {
        Self {
            status: 200,
            content_type: "text/html; charset=utf-8".into(),
            headers: Vec::new(),
            body: body.into_bytes(),
            shows_account: false,
        }
    }

    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self {
            content_type: "application/json;charset=UTF-8".into(),
            ..Self::html(value.to_string())
        }
    }

    pub(crate) fn redirect(to: String) -> Self {
        Self {
            status: 302,
            ..Self::html(String::new()).with_header("location", to)
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::html("<html><body><h1>No such page</h1></body></html>".to_owned()).with_status(404)
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets a cookie for the whole site.
    pub(crate) fn with_cookie(self, name: &str, value: &str) -> Self {
        self.with_header(
            "set-cookie",
            format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax"),
        )
    }

    /// Tells the client to forget a cookie.
    pub(crate) fn without_cookie(self, name: &str) -> Self {
        self.with_header("set-cookie", format!("{name}=; Path=/; Max-Age=0"))
    }

    pub(crate) fn showing_account(mut self) -> Self {
        self.shows_account = true;
        self
    }
}

/// Escapes text for element content and quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// JSON that is safe inside a `script` element.
pub(crate) fn script_json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// Percent-encodes everything except letters, digits and `-._~`.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Decodes the pairs of a JSON object's texts. Empty for anything else.
pub(crate) fn decode_json_object(text: &str) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(text) else {
        return Vec::new();
    };
    let texts = fields.into_iter();
    texts
        .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// Decodes the pairs of a query or a form's body.
pub(crate) fn decode_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key), percent_decode(value))
        })
        .collect()
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Option<(u8, u8)> = {
                    let mut ahead = rest.clone();
                    hex(ahead.next()).zip(hex(ahead.next()))
                };
                if let Some((high, low)) = digits {
                    bytes.push(high * 16 + low);
                    rest.next();
                    rest.next();
                } else {
                    bytes.push(b'%');
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(byte: Option<u8>) -> Option<u8> {
    let digit = char::from(byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_form_is_decoded() {
        let text = "ü/ &=+%ß";
        let encoded = format!("t%3Aformdata={}&empty=&bare", percent_encode(text));
        assert_eq!(
            decode_form(&encoded),
            [
                ("t:formdata".to_owned(), text.to_owned()),
                ("empty".to_owned(), String::new()),
                ("bare".to_owned(), String::new()),
            ]
        );
        assert_eq!(decode_form("a=%zz%4"), [("a".into(), "%zz%4".into())]);
    }

    #[test]
    fn markup_in_a_title_is_escaped() {
        assert_eq!(
            escape("<b>\"Tom\" & 'Jerry'</b>"),
            "&lt;b&gt;&quot;Tom&quot; &amp; &#39;Jerry&#39;&lt;/b&gt;"
        );
        assert!(!script_json(&serde_json::json!("</script>")).contains('<'));
    }
}
