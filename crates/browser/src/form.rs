//! HTML forms with all their fields, including hidden ones.

mod controls;

use std::fmt;

use hippo_core::failure::Failure;
use reqwest::header::{HeaderMap, HeaderValue};
use scraper::{Html, Selector};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Page;
use super::headers::header_map;
use super::redacted_path::redacted_path;
use crate::reading::parse_page;

/// How a form is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET: fields in the query.
    Get,
    /// POST: fields in the body.
    Post,
}

/// A form with the fields that a browser would send (the HTML standard's “entry list”).
///
/// Fill it in and send it with [`super::Session::log_in`] or [`super::Session::submit`]. Setting a
/// missing field is an error when it is sent, and then nothing is sent.
#[derive(Clone)]
pub struct Form {
    /// The URL to send it to, resolved against `<base>` and the page. The page itself by default.
    pub action: Url,
    /// How it is sent.
    pub method: Method,
    /// Whether its fields are sent as a JSON object.
    is_json: bool,
    from: Url,
    fields: Vec<Field>,
    /// Controls that would not be sent as they are: unticked boxes, buttons.
    inactive: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    missing: Vec<String>,
}

#[derive(Clone)]
struct Field {
    name: String,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Plain(String),
    Secret(SecretString),
}

/// A form encoded for sending.
pub(super) struct EncodedForm {
    pub(super) url: Url,
    pub(super) is_post: bool,
    pub(super) fields: String,
    pub(super) content_type: HeaderValue,
    pub(super) headers: HeaderMap,
}

impl Form {
    /// A login for a programming interface, which no page has: its fields are posted as a JSON object.
    ///
    /// It has every field that is set.
    pub fn json(action: Url) -> Self {
        Self {
            from: action.clone(),
            action,
            method: Method::Post,
            is_json: true,
            fields: Vec::new(),
            inactive: Vec::new(),
            headers: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Finds the first form that matches the CSS selector or contains a match. `page_changed` without
    /// one.
    pub fn find(page: &Page, css: &str) -> Result<Self, Failure> {
        Self::find_usable(page, css, |_| true)?.ok_or_else(|| {
            Failure::page_changed(format!("no form “{css}” at {}", redacted_path(&page.url)))
        })
    }

    /// Finds the first usable form that matches the CSS selector or contains a match, in page order.
    pub fn find_usable(
        page: &Page,
        css: &str,
        is_usable: impl FnMut(&Self) -> bool,
    ) -> Result<Option<Self>, Failure> {
        Self::find_usable_in(parse_page(&page.body)?.html(), &page.url, css, is_usable)
    }

    /// Like [`Self::find_usable`], in a page from this URL that was parsed.
    pub fn find_usable_in(
        html: &Html,
        url: &Url,
        css: &str,
        mut is_usable: impl FnMut(&Self) -> bool,
    ) -> Result<Option<Self>, Failure> {
        let selector = Selector::parse(css)
            .map_err(|_| Failure::page_changed(format!("“{css}” is not a CSS selector")))?;
        let base = controls::find_base(html, url);
        Ok(controls::find_forms(html, &selector)
            .iter()
            .map(|parts| controls::read_form(parts, &base, url))
            .find(|form| is_usable(form)))
    }

    /// Whether the form has a field of this name, even one that would not be sent.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
            || self.inactive.iter().any(|(inactive, _)| inactive == name)
    }

    /// The value of the first field of this name. `None` if there is none, or for a secret.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .and_then(|field| match &field.value {
                Value::Plain(text) => Some(text.as_str()),
                Value::Secret(_) => None,
            })
    }

    /// The names of the fields that would be sent, in order.
    pub fn names(&self) -> Vec<&str> {
        self.fields
            .iter()
            .map(|field| field.name.as_str())
            .collect()
    }

    /// Sets a field. If the form has no such field, sending it is `page_changed`.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.fill(name, Value::Plain(value.to_owned()), false)
    }

    /// Sets a field to a number or PIN, which nothing shows. If the form has no such field, sending it
    /// is `page_changed`.
    pub fn set_secret(&mut self, name: &str, value: &SecretString) -> &mut Self {
        self.fill(name, Value::Secret(value.clone()), false)
    }

    /// Sets a field, or adds it as a page's script would.
    pub fn set_extra(&mut self, name: &str, value: &str) -> &mut Self {
        self.fill(name, Value::Plain(value.to_owned()), true)
    }

    /// Presses the submit button of this name, so that its value is sent. If the form has no such
    /// button, sending it is `page_changed`.
    pub fn press(&mut self, name: &str) -> &mut Self {
        match self.inactive.iter().find(|(inactive, _)| inactive == name) {
            Some((_, value)) => {
                let value = Value::Plain(value.clone());
                self.fill(name, value, false)
            }
            None => {
                self.missing.push(name.to_owned());
                self
            }
        }
    }

    /// Adds a header, which is sent to the form's origin only.
    pub fn header(&mut self, name: &str, value: &str) -> &mut Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn fill(&mut self, name: &str, value: Value, may_add: bool) -> &mut Self {
        let mut value = Some(value);
        self.fields.retain_mut(|field| {
            if field.name != name {
                return true;
            }
            // The first field gets the value. Others of that name (radio buttons) are removed.
            match value.take() {
                Some(value) => {
                    field.value = value;
                    true
                }
                None => false,
            }
        });
        if let Some(value) = value {
            if may_add || self.is_json || self.has(name) {
                self.fields.push(Field {
                    name: name.to_owned(),
                    value,
                });
            } else {
                self.missing.push(name.to_owned());
            }
        }
        self
    }

    /// The URL of the form's page.
    pub(super) fn from(&self) -> &Url {
        &self.from
    }

    pub(super) fn has_secret(&self) -> bool {
        self.fields
            .iter()
            .any(|field| matches!(field.value, Value::Secret(_)))
    }

    /// Encodes the form. `page_changed` if it lacks a field that was set.
    pub(super) fn encode(self) -> Result<EncodedForm, Failure> {
        if !self.missing.is_empty() {
            return Err(Failure::page_changed(format!(
                "the form at {} has no field “{}”; nothing was sent",
                redacted_path(&self.from),
                self.missing.join("”, “")
            )));
        }
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let headers = header_map(&headers)?;
        let fields = if self.is_json {
            self.encode_as_json()
        } else {
            self.encode_as_form()
        };
        let content_type = HeaderValue::from_static(if self.is_json {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        });
        let mut url = self.action;
        let is_post = self.method == Method::Post;
        if !is_post {
            url.set_query(Some(&fields));
        }
        Ok(EncodedForm {
            url,
            is_post,
            fields,
            content_type,
            headers,
        })
    }

    fn encode_as_form(&self) -> String {
        let mut encoder = url::form_urlencoded::Serializer::new(String::new());
        for field in &self.fields {
            encoder.append_pair(&field.name, &crlf(field.value.text()));
        }
        encoder.finish()
    }

    fn encode_as_json(&self) -> String {
        let fields = self.fields.iter();
        let object: serde_json::Map<String, serde_json::Value> = fields
            .map(|field| (field.name.clone(), field.value.text().into()))
            .collect();
        serde_json::Value::Object(object).to_string()
    }
}

impl Value {
    fn text(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose_secret(),
        }
    }
}

/// Converts line ends to CRLF, as forms send them.
fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\n', "\r\n")
}

/// Shows the names of the fields, never their values.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("host", &self.action.host_str())
            .field("place", &redacted_path(&self.action))
            .field("method", &self.method)
            .field("fields", &self.names())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Page {
        Page {
            url: "https://books.test/account/login?service=1"
                .parse()
                .unwrap(),
            status: 200,
            content_type: None,
            body: body.to_owned(),
        }
    }

    fn form(body: &str) -> Form {
        Form::find(&page(body), "form").unwrap()
    }

    fn sent(form: Form) -> String {
        form.encode().unwrap().fields
    }

    #[test]
    fn hidden_fields_and_defaults_are_sent_in_page_order() {
        let form = form(
            "<form method=POST action=/in>\
             <input name=lt type=hidden value='LT &amp; 1'><input name=user>\
             <input name=pin type=password><input value=nameless><input name=''>\
             <input type=checkbox name=keep checked><input type=checkbox name=spam value=1>\
             <input type=radio name=where value=a><input type=radio name=where value=b checked>\
             <select name=one><option value=1>x<option> two  words </select>\
             <select name=picked><option value=1><option value=2 selected></select>\
             <select name=many multiple><option selected>a<option>b<option selected>c</select>\
             <select name=none multiple><option>a</select>\
             <textarea name=text>\none\ntwo</textarea>\
             <input type=submit name=go value=Go><input type=image name=pic>\
             <input type=file name=f><button name=b value=1>x</button></form>",
        );
        assert_eq!(form.method, Method::Post);
        assert_eq!(form.action.as_str(), "https://books.test/in");
        assert_eq!(
            sent(form),
            "lt=LT+%26+1&user=&pin=&keep=on&where=b&one=1&picked=2&many=a&many=c\
             &text=one%0D%0Atwo"
        );
    }

    #[test]
    fn json_form_posts_an_object_and_hides_its_secrets() {
        let url: Url = "https://books.test/user/login".parse().unwrap();
        let mut form = Form::json(url.clone());
        form.set_secret("login", &"22\"7".into())
            .set_secret("password", &"canary".into());
        assert!(form.has_secret() && !format!("{form:?}").contains("canary"));
        let encoded = form.encode().unwrap();
        assert_eq!(encoded.fields, r#"{"login":"22\"7","password":"canary"}"#);
        assert_eq!((encoded.url, encoded.is_post), (url, true));
        assert_eq!(encoded.content_type, "application/json");
    }

    #[test]
    fn disabled_controls_are_not_sent() {
        let form = form(
            "<form><input name=a disabled value=1><fieldset disabled><input name=b></fieldset>\
             <select name=c><option disabled value=1><option value=2></select>\
             <select name=d disabled><option value=1></select><input name=e></form>",
        );
        assert_eq!(sent(form), "c=2&e=");
    }

    #[test]
    fn action_is_resolved_against_base_and_page() {
        for (body, expected) in [
            ("<form>", "https://books.test/account/login?service=1"),
            (
                "<base href=/x/><form action=''>",
                "https://books.test/account/login?service=1",
            ),
            ("<form action=in>", "https://books.test/account/in"),
            (
                "<form action='?a=b#c'>",
                "https://books.test/account/login?a=b#c",
            ),
            ("<base href=/x/><form action=in>", "https://books.test/x/in"),
            (
                "<base target=_top><base href='https://cas.test/y/z'><form action=' in '>",
                "https://cas.test/y/in",
            ),
            (
                "<base href='javascript:1'><form action=in>",
                "https://books.test/account/in",
            ),
            ("<form action=//cas.test/in>", "https://cas.test/in"),
        ] {
            assert_eq!(form(body).action.as_str(), expected, "{body}");
        }
    }

    #[test]
    fn fields_outside_belong_to_a_form_by_id() {
        let page = page(
            "<input name=before form=f value=1><form id=f><input name=own value=2>\
             <input name=other form=g value=3></form><form id=g></form>\
             <input name=after form=f value=4><input name=nobody value=5>",
        );
        let fields = |css: &str| sent(Form::find(&page, css).unwrap());
        assert_eq!(fields("#f"), "before=1&own=2&after=4");
        assert_eq!(fields("#g"), "other=3");
    }

    #[test]
    fn form_inside_a_table_keeps_its_fields() {
        let page = page(
            "<table><form id=f action=/in><tr><td><input type=hidden name=lt value=1>\
             <input name=user></td></tr></form></table><input name=nobody>\
             <form id=g><input name=x></form>",
        );
        assert_eq!(sent(Form::find(&page, "#f").unwrap()), "lt=1&user=");
        assert_eq!(sent(Form::find(&page, "#g").unwrap()), "x=");
    }

    #[test]
    fn forms_after_the_first_usable_are_not_read() {
        let page =
            page("<form id=a><input name=q></form><form id=b><input name=pin></form><form id=c>");
        let mut read = 0;
        let found = Form::find_usable(&page, "form", |form| {
            read += 1;
            form.has("pin")
        });
        assert_eq!(found.unwrap().unwrap().names(), ["pin"]);
        assert_eq!(read, 2);
    }

    #[test]
    fn form_is_found_by_a_field() {
        let page = page("<form id=a><input name=q></form><form id=b><input name=pin></form>");
        let found = Form::find(&page, "input[name=pin]").unwrap();
        assert_eq!(found.names(), ["pin"]);
        let mut names = Vec::new();
        let none = Form::find_usable(&page, "form, input", |form| {
            names.extend(form.names().into_iter().map(str::to_owned));
            false
        });
        assert!(none.unwrap().is_none());
        assert_eq!(names, ["q", "pin"]);
        let failure = Form::find(&page, "#missing").unwrap_err();
        assert_eq!(failure.kind.as_str(), "page_changed");
        Form::find(&page, "form[").unwrap_err();
    }

    #[test]
    fn filling_replaces_fields_and_presses_buttons() {
        let body = "<form method=post><input name=a value=1><input type=radio name=r value=1>\
                    <input type=submit name=go value=Go></form>";
        let mut filled = form(body);
        filled
            .set("a", "é&")
            .set("r", "2")
            .set_extra("x", "3")
            .press("go");
        assert_eq!(filled.value("a"), Some("é&"));
        assert_eq!(sent(filled), "a=%C3%A9%26&r=2&x=3&go=Go");
        for wrong in [
            form(body).set("absent", "1").clone(),
            form(body).press("absent").clone(),
            form(body).set_secret("absent", &"1".into()).clone(),
        ] {
            let failure = wrong.encode().map(|_| ()).unwrap_err();
            assert!(failure.detail.contains("absent"), "{failure}");
        }
        form(body)
            .header("X-Token", "a\nb")
            .clone()
            .encode()
            .map(|_| ())
            .unwrap_err();
    }

    #[test]
    fn get_form_replaces_the_query() {
        let form = form("<form action='/s?old=1'><input name=q value='a b'></form>");
        assert_eq!(
            form.encode().unwrap().url.as_str(),
            "https://books.test/s?q=a+b"
        );
    }

    #[test]
    fn debug_shows_only_field_names() {
        let mut form = form(
            "<form action='/in/12345?t=canary'><input name=pin><input name=lt value=canary></form>",
        );
        form.set_secret("pin", &"canary".into())
            .header("X", "canary");
        assert_eq!(form.value("pin"), None);
        let shown = format!("{form:?}");
        assert!(
            !shown.contains("canary") && !shown.contains("12345"),
            "{shown}"
        );
        assert!(shown.contains("\"pin\", \"lt\""), "{shown}");
    }
}
