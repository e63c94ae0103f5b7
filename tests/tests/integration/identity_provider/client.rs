//! A client that keeps cookies and follows redirects, as a browser does.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, StatusCode, Url};

/// The most redirects of one request.
const MAX_REDIRECTS: usize = 10;

/// A client without cookies at first.
pub(super) struct WebClient {
    client: Client,
    /// By origin, name and path.
    cookies: BTreeMap<(String, String, String), String>,
}

/// The page at the end of the redirects.
#[derive(Debug)]
pub(super) struct WebPage {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl WebPage {
    /// The value of a hidden field.
    pub(super) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&start).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl WebClient {
    pub(super) fn new() -> Self {
        let client = hippo_tests::client_builder()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Self {
            client: client.unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    /// Opens a page.
    pub(super) async fn open(&mut self, url: &str) -> WebPage {
        self.follow(Method::GET, url.parse().unwrap(), None).await
    }

    /// Sends a page's form to an address.
    pub(super) async fn submit(
        &mut self,
        page: &WebPage,
        action: &str,
        fields: &[(&str, &str)],
    ) -> WebPage {
        let mut form = reqwest::Url::parse("form:").unwrap();
        form.query_pairs_mut().extend_pairs(fields);
        let body = form.query().unwrap().to_owned();
        let url = page.url.join(action).unwrap();
        self.follow(Method::POST, url, Some(body)).await
    }

    async fn follow(&mut self, method: Method, url: Url, body: Option<String>) -> WebPage {
        let (mut method, mut url, mut body) = (method, url, body);
        for _ in 0..MAX_REDIRECTS {
            let mut request = self
                .client
                .request(method, url.clone())
                .header(COOKIE, self.cookies_for(&url));
            if let Some(body) = body.take() {
                request = request
                    .header("sec-fetch-site", "same-origin")
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(body);
            }
            let response = request.send().await.unwrap();
            for cookie in response.headers().get_all(SET_COOKIE) {
                self.keep(&url, cookie.to_str().unwrap());
            }
            let Some(location) = response.headers().get(LOCATION) else {
                return WebPage {
                    url,
                    status: response.status(),
                    body: response.text().await.unwrap(),
                };
            };
            url = url.join(location.to_str().unwrap()).unwrap();
            method = Method::GET;
        }
        panic!("too many redirects: {url}");
    }

    fn cookies_for(&self, url: &Url) -> String {
        let origin = url.origin().ascii_serialization();
        let cookies = self.cookies.iter();
        let fitting =
            cookies.filter(|((of, _, path), _)| *of == origin && url.path().starts_with(path));
        let pairs: Vec<String> = fitting
            .map(|((_, name, _), value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn keep(&mut self, url: &Url, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let attribute = |name: &str| {
            let mut attributes = attributes.iter();
            attributes.find(|(key, _)| key.eq_ignore_ascii_case(name))
        };
        let path = attribute("path").map_or("/", |(_, path)| path).to_owned();
        let key = (url.origin().ascii_serialization(), name.to_owned(), path);
        if value.is_empty() || attribute("max-age").is_some_and(|(_, age)| *age == "0") {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, value.to_owned());
        }
    }
}
