//! One card's session at a library's site.

use std::fmt;
use std::time::Instant;

use cookie_store::{Cookie, CookieStore};
use hippo_core::account::Account;
use hippo_core::card::{CardSecret, LoginOutcome};
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use hippo_core::site::LoginPermit;
use hippo_core::skeleton::Skeleton;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use url::Url;

use super::connections::{Connections, RequestSlot};
use super::headers::header_map;
use super::redacted_path::redacted_path;
use super::redirect::{self, MAX_REDIRECTS};
use super::{Form, Page, interstitial, login, status};
use crate::reading::skeleton;
use crate::{Exchange, HttpResponse, LoginStep, ReadContext};

/// One card's session at a site: its own cookie jar, on connections that all cards share.
///
/// Before the login, a page that fails for a transient reason is requested once more. After it,
/// nothing is retried, because a half-answered request may have changed the session. Failures name a
/// page by its path without numbers, and never quote it.
pub struct Session<'a> {
    connections: &'a Connections,
    library: &'a Library,
    secret: &'a CardSecret,
    permit: &'a dyn LoginPermit,
    jar: CookieStore,
    login_sent: bool,
    shown_logged_in: bool,
    /// A page showed us logged in, and the permit doesn't know yet.
    has_unrecorded_login: bool,
    log_out_at_end: Option<HttpRequest>,
    /// Whether the last page was reached by a redirect.
    was_redirected: bool,
    /// The text of the last page.
    last_page: Option<String>,
}

/// A request before cookies are added.
struct HttpRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    fields: Option<String>,
    /// Its part in the login or logout, for a recording.
    step: Option<LoginStep>,
}

impl HttpRequest {
    fn get(url: &Url, headers: HeaderMap) -> Self {
        Self {
            method: Method::GET,
            url: url.clone(),
            headers,
            fields: None,
            step: None,
        }
    }

    fn post(url: &Url, mut headers: HeaderMap, fields: String, content_type: HeaderValue) -> Self {
        headers.insert(CONTENT_TYPE, content_type);
        Self {
            method: Method::POST,
            url: url.clone(),
            headers,
            fields: Some(fields),
            step: None,
        }
    }

    /// The exchange for a recording. `response` is `None` if none came.
    fn to_exchange(
        &self,
        headers: HeaderMap,
        started_at: Instant,
        response: Option<&HttpResponse>,
    ) -> Exchange {
        Exchange {
            method: self.method.clone(),
            url: self.url.clone(),
            headers,
            fields: self.fields.clone(),
            step: self.step,
            started_at,
            duration: started_at.elapsed(),
            response: response.cloned(),
        }
    }

    /// Changes the request to follow a redirect: a GET without fields. Headers that a system added are
    /// sent to their own origin only.
    fn follow(&mut self, next: Url) {
        if self.url.origin() != next.origin() {
            self.headers.clear();
        }
        self.headers.remove(CONTENT_TYPE);
        self.method = Method::GET;
        self.fields = None;
        self.step = self.step.filter(|step| *step == LoginStep::LogOut);
        self.url = next;
    }
}

impl<'a> Session<'a> {
    /// A session for this card. Sends nothing yet.
    pub fn new(
        connections: &'a Connections,
        library: &'a Library,
        secret: &'a CardSecret,
        permit: &'a dyn LoginPermit,
    ) -> Self {
        connections.announce_secret(secret);
        Self {
            connections,
            library,
            secret,
            permit,
            jar: CookieStore::new(),
            login_sent: false,
            shown_logged_in: false,
            has_unrecorded_login: false,
            log_out_at_end: None,
            was_redirected: false,
            last_page: None,
        }
    }

    /// The card's library.
    pub fn library(&self) -> &'a Library {
        self.library
    }

    /// The card's number and PIN.
    pub fn secret(&self) -> &'a CardSecret {
        self.secret
    }

    /// The context for reading this card's pages.
    pub fn read_context(&self) -> ReadContext<'a> {
        ReadContext {
            base_url: &self.library.base_url,
            date_format: self.library.date_format.as_deref(),
            timezone: self.library.timezone,
            card_number: Some(&self.secret.number),
        }
    }

    /// An account of the library's system with nothing known yet.
    pub fn unknown_account(&self) -> Account {
        Account::unknown(self.library.system.clone())
    }

    /// The URL of a path below the path of `base_url`. A leading `/` changes nothing: `/user/login` at
    /// `https://x.test/opac` is `https://x.test/opac/user/login`.
    pub fn url(&self, path: &str) -> Result<Url, Failure> {
        let mut base = self.library.base_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            let folder = format!("{}/", base.path());
            base.set_path(&folder);
        }
        // “./” keeps a path that looks like a scheme or a host inside the path.
        base.join(&format!("./{}", path.trim_start_matches('/')))
            .map_err(|_| Failure::page_changed("a path that makes no address with base_url"))
    }

    /// Fetches a page: a 2xx with text in it. Anything else is a failure.
    ///
    /// 429 is `site_refused`, 5xx `site_down`. 401 after a page that showed us logged in is
    /// `session_expired`, 403 before a login `site_refused`. Everything else, such as an empty page,
    /// is `page_changed`.
    pub async fn get(&mut self, url: &Url) -> Result<Page, Failure> {
        self.get_with(url, &[]).await
    }

    /// Fetches a page like [`Self::get`], with these headers.
    pub async fn get_with(&mut self, url: &Url, headers: &[(&str, &str)]) -> Result<Page, Failure> {
        let request = HttpRequest::get(url, header_map(headers)?);
        let answer = self.fetch(request, None).await?;
        self.page(answer)
    }

    /// Fetches a page like [`Self::get`]. `None` for 404 and 410.
    pub async fn get_optional(&mut self, url: &Url) -> Result<Option<Page>, Failure> {
        let answer = self
            .fetch(HttpRequest::get(url, HeaderMap::new()), None)
            .await?;
        if matches!(answer.status.as_u16(), 404 | 410) {
            return Ok(None);
        }
        self.page(answer).map(Some)
    }

    /// Fetches an answer with these headers, to see whether a programming interface is up before the login.
    ///
    /// Returns the page for any 2xx, and any 4xx except 403 and 429. It may be empty. An answer from another site
    /// is `page_changed`.
    pub async fn probe(&mut self, url: &Url, headers: &[(&str, &str)]) -> Result<Page, Failure> {
        let request = HttpRequest::get(url, header_map(headers)?);
        let answer = self.fetch(request, None).await?;
        let here = redacted_path(&answer.url);
        if answer.url.origin() != url.origin() {
            return Err(Failure::page_changed(format!(
                "another site answers at {here}"
            )));
        }
        match answer.status.as_u16() {
            403 => Err(Failure::new(
                FailureKind::SiteRefused,
                format!("status 403 at {here}"),
            )),
            200..=299 | 400..=499 => self.remember(Page::from_answer(answer)?),
            other => Err(Failure::page_changed(format!("status {other} at {here}"))),
        }
    }

    /// Posts fields to read something, as a page's script does. Returns the page like [`Self::get`].
    ///
    /// Never for a number or PIN: use [`Self::log_in`]. Never retried.
    pub async fn post(
        &mut self,
        url: &Url,
        fields: &[(String, String)],
        headers: &[(&str, &str)],
    ) -> Result<Page, Failure> {
        let fields = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let request = HttpRequest::post(url, header_map(headers)?, fields, form);
        let answer = self.fetch(request, None).await?;
        self.page(answer)
    }

    /// Sends a form without number or PIN, to read something: a search, a filter, a step of single
    /// sign-on. Returns the page like [`Self::get`].
    pub async fn submit(&mut self, form: Form) -> Result<Page, Failure> {
        if form.has_secret() {
            return Err(Failure::page_changed(
                "a form with a number or PIN may only be sent as a login",
            ));
        }
        let encoded = form.encode()?;
        let request = if encoded.is_post {
            HttpRequest::post(
                &encoded.url,
                encoded.headers,
                encoded.fields,
                encoded.content_type,
            )
        } else {
            HttpRequest::get(&encoded.url, encoded.headers)
        };
        let answer = self.fetch(request, None).await?;
        self.page(answer)
    }

    /// Sends the login form exactly once, right after the permit was given, and follows redirects as
    /// GETs.
    ///
    /// Returns the page for any 2xx, and any 4xx except 429 (some sites answer a wrong PIN with 401).
    /// It may be empty. Sends nothing, and doesn't ask the permit, if the form lacks a field that was
    /// set, isn't a POST, or isn't sent by https to the library's host or one of its login hosts. A
    /// redirect that would send the PIN on (307, 308) is `page_changed`.
    pub async fn log_in(&mut self, form: Form) -> Result<Page, Failure> {
        login::check_login_target(self.library, form.from(), &form.action)?;
        let encoded = form.encode()?;
        if !encoded.is_post {
            return Err(Failure::page_changed(
                "the login form would put the PIN into the URL; nothing was sent",
            ));
        }
        self.check_url(&encoded.url)?;
        let slot = self.connections.slot(&self.library.base_url).await?;
        self.permit.permit_login().await?;
        self.login_sent = true;
        let mut request = HttpRequest::post(
            &encoded.url,
            encoded.headers,
            encoded.fields,
            encoded.content_type,
        );
        request.step = Some(LoginStep::LogIn);
        let answer = self.fetch(request, Some(slot)).await?;
        let (here, code) = (redacted_path(&answer.url), answer.status);
        if code.is_success() || code.is_client_error() {
            return self.remember(Page::from_answer(answer)?);
        }
        Err(Failure::page_changed(format!(
            "status {} for a login at {here}",
            code.as_u16()
        )))
    }

    /// The value of a cookie for the library's host, to be sent in a header to the same site.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar
            .iter_unexpired()
            .find(|cookie| cookie.name() == name && cookie.domain.matches(&self.library.base_url))
            .map(|cookie| cookie.value().to_owned())
    }

    /// Records that a page showed us logged in. From now on a login page means `session_expired`.
    ///
    /// The accepted login is recorded before the next request.
    pub fn mark_logged_in(&mut self) {
        self.has_unrecorded_login |= self.login_sent && !self.shown_logged_in;
        self.shown_logged_in = true;
    }

    /// Records an accepted login with the permit, once.
    pub async fn record_accepted_login(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.has_unrecorded_login) {
            self.permit
                .record_login_outcome(LoginOutcome::Accepted)
                .await?;
        }
        Ok(())
    }

    /// Whether a page showed us logged in.
    pub fn is_logged_in(&self) -> bool {
        self.shown_logged_in
    }

    /// Whether the last page was reached by a redirect.
    pub fn was_redirected(&self) -> bool {
        self.was_redirected
    }

    /// Whether a login was sent, so that there may be a session to log out of.
    pub fn is_login_sent(&self) -> bool {
        self.login_sent
    }

    /// The failure for a login page in place of an account page.
    ///
    /// After a page that showed us logged in it is `session_expired`. After a login, with nothing that
    /// showed us logged in, it is `wrong_credentials`: many sites refuse without a message, and a retry
    /// would lock the patron out. The site may instead have rejected the form's token, which looks the
    /// same. But the token was fetched a moment before in the same session, so that is rare, and
    /// stopping is the safer mistake. If the site says that it rejected the token (a message, or a 422
    /// without the form), the system returns `page_changed` and doesn't call this.
    ///
    /// An [`interstitial()`], or a page that breaks off within the form, is no refusal.
    pub fn failure_for_login_page(&self, page: &Page, of: &str) -> Failure {
        if let Some(failure) = interstitial(page) {
            return failure;
        }
        let detail = format!("a login page in place of {of}");
        if self.shown_logged_in {
            Failure::new(FailureKind::SessionExpired, detail)
        } else if self.login_sent && page.ends_its_forms() {
            Failure::wrong_credentials(format!("{detail}, after the login: refused without a word"))
        } else {
            Failure::page_changed(detail)
        }
    }

    /// Turns `session_expired` into `page_changed` if no page showed us logged in.
    pub fn expired_only_after_login(&self, failure: Failure) -> Failure {
        if failure.kind == FailureKind::SessionExpired && !self.shown_logged_in {
            Failure {
                kind: FailureKind::PageChanged,
                ..failure
            }
        } else {
            failure
        }
    }

    /// The failure for an answer to the login that is neither a login page nor an account page.
    ///
    /// The [`interstitial()`]'s failure, `wrong_credentials` for any other 401, else `page_changed`.
    pub fn failure_for_unknown_answer(&self, page: &Page, what: &str) -> Failure {
        interstitial(page).unwrap_or_else(|| {
            let detail = format!("{what} (status {})", page.status);
            if self.login_sent && !self.shown_logged_in && page.status == 401 {
                Failure::wrong_credentials(detail)
            } else {
                Failure::page_changed(detail)
            }
        })
    }

    /// Sets the logout URL to fetch at the end of the visit, if a login was sent. It is fetched after
    /// an error or timeout too.
    ///
    /// Call it right before the login.
    pub fn log_out_at_end(&mut self, url: &Url) {
        self.log_out_at_end = Some(HttpRequest::get(url, HeaderMap::new()));
    }

    /// Like [`Self::log_out_at_end`], for a programming interface: posts an empty object with these headers.
    pub fn log_out_by_post_at_end(
        &mut self,
        url: &Url,
        headers: &[(&str, &str)],
    ) -> Result<(), Failure> {
        let json = HeaderValue::from_static("application/json");
        let request = HttpRequest::post(url, header_map(headers)?, "{}".to_owned(), json);
        self.log_out_at_end = Some(request);
        Ok(())
    }

    /// Logs out now, if a login was sent. It has its own time limit, and a failure is only logged.
    pub async fn log_out(&mut self, url: &Url) {
        self.send_logout(HttpRequest::get(url, HeaderMap::new()))
            .await;
    }

    async fn send_logout(&mut self, request: HttpRequest) {
        self.log_out_at_end = None;
        if !self.login_sent {
            return;
        }
        self.shown_logged_in = false;
        let limit = self.connections.limits.log_out;
        let outcome = tokio::time::timeout(limit, self.request_logout(request)).await;
        let failure = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::debug!(library.id = %self.library.id, failure, "the logout failed");
    }

    /// Requests the logout. Follows a redirect only to another logout, which a central login has.
    async fn request_logout(&mut self, mut request: HttpRequest) -> Result<(), Failure> {
        request.step = Some(LoginStep::LogOut);
        redirect::strip_userinfo_and_fragment(&mut request.url);
        for _ in 0..=MAX_REDIRECTS {
            self.check_url(&request.url)?;
            let slot = self.connections.slot(&self.library.base_url).await?;
            let answer = self
                .exchange(&request, slot)
                .await
                .map_err(|fault| fault.failure)?;
            let here = redacted_path(&answer.url);
            if let Some(failure) = status::refusal(answer.status, &answer.headers, &here) {
                return Err(failure);
            }
            if !redirect::is_redirect(answer.status) {
                return Ok(());
            }
            let location = answer.headers.get(LOCATION).map(HeaderValue::as_bytes);
            let next = redirect::target(&answer.url, answer.status, location, false)?;
            if next == request.url || !next.path().to_ascii_lowercase().contains("logout") {
                return Ok(());
            }
            request.follow(next);
        }
        Ok(())
    }

    /// Ends the visit: logs out if [`Self::log_out_at_end`] was called and it isn't done yet.
    pub async fn end(&mut self) {
        if let Some(request) = self.log_out_at_end.take() {
            self.send_logout(request).await;
        }
    }

    /// Sends a request and follows redirects. Returns neither redirects nor refusals (429, 5xx).
    async fn fetch(
        &mut self,
        mut request: HttpRequest,
        mut slot: Option<RequestSlot>,
    ) -> Result<HttpResponse, Failure> {
        self.record_accepted_login().await?;
        redirect::strip_userinfo_and_fragment(&mut request.url);
        let mut may_retry = request.method == Method::GET && !self.login_sent;
        let mut visited: Vec<Url> = Vec::new();
        for _ in 0..=MAX_REDIRECTS {
            self.check_url(&request.url)?;
            let answer = loop {
                let slot = match slot.take() {
                    Some(slot) => slot,
                    None => self.connections.slot(&self.library.base_url).await?,
                };
                let outcome = self.exchange(&request, slot).await;
                let is_transient = match &outcome {
                    Ok(answer) => status::is_transient(answer.status, &answer.headers),
                    Err(fault) => fault.is_transient,
                };
                if may_retry && is_transient {
                    may_retry = false;
                    tokio::time::sleep(self.connections.limits.pause_before_retry).await;
                    continue;
                }
                break outcome.map_err(|fault| fault.failure)?;
            };
            if let Some(failure) =
                status::refusal(answer.status, &answer.headers, &redacted_path(&answer.url))
            {
                return Err(failure);
            }
            if !redirect::is_redirect(answer.status) {
                self.was_redirected = !visited.is_empty();
                return Ok(answer);
            }
            let location = answer.headers.get(LOCATION).map(HeaderValue::as_bytes);
            let posted = request.method == Method::POST;
            let next = redirect::target(&answer.url, answer.status, location, posted)?;
            // One redirect back to the same address is common: sites set a cookie that way.
            if visited.iter().filter(|url| **url == next).count() > 1 {
                return Err(Failure::page_changed(format!(
                    "redirects in a loop at {}",
                    redacted_path(&next)
                )));
            }
            visited.push(next.clone());
            request.follow(next);
        }
        Err(Failure::page_changed(format!(
            "more than {MAX_REDIRECTS} redirects, the last to {}",
            redacted_path(&request.url)
        )))
    }

    /// Sends one request with its cookies.
    ///
    /// Stores the answer's cookies before its body arrives: an answer to a login that breaks off may
    /// have opened a session, and only its cookie can end it.
    async fn exchange(
        &mut self,
        request: &HttpRequest,
        slot: RequestSlot,
    ) -> Result<HttpResponse, super::connections::RequestError> {
        let mut headers = request.headers.clone();
        let cookies: Vec<String> = self
            .jar
            .get_request_values(&request.url)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty()
            && let Ok(mut value) = HeaderValue::from_str(&cookies.join("; "))
        {
            value.set_sensitive(true);
            headers.insert(COOKIE, value);
        }
        let observer = self.connections.observer.as_deref();
        let sent = observer.map(|observer| (observer, headers.clone(), Instant::now()));
        let outcome = self
            .connections
            .exchange(
                &self.library.base_url,
                request.method.clone(),
                &request.url,
                headers,
                request.fields.clone(),
                slot,
                |headers| keep_cookies(&mut self.jar, headers, &request.url),
            )
            .await;
        if let Some((observer, headers, began)) = sent {
            observer.observe_exchange(request.to_exchange(headers, began, outcome.as_ref().ok()));
        }
        tracing::debug!(
            library.id = %self.library.id,
            method = %request.method,
            place = redacted_path(&request.url),
            status = outcome.as_ref().ok().map(|answer| answer.status.as_u16()),
            "asked the site"
        );
        outcome
    }

    /// Refuses a URL that this session never requests.
    fn check_url(&self, url: &Url) -> Result<(), Failure> {
        self.connections.check_url(&self.library.base_url, url)?;
        if self.library.base_url.scheme() == "https" && url.scheme() != "https" {
            return Err(Failure::page_changed(format!(
                "a link to {} without https; not followed",
                redacted_path(url)
            )));
        }
        Ok(())
    }

    /// The skeleton of the last page, without its text.
    pub fn skeleton(&self) -> Option<Skeleton> {
        self.last_page.as_deref().and_then(skeleton)
    }

    fn remember(&mut self, page: Page) -> Result<Page, Failure> {
        self.last_page = Some(page.body.clone());
        Ok(page)
    }

    /// Reads an answer as the requested page.
    fn page(&mut self, answer: HttpResponse) -> Result<Page, Failure> {
        let here = redacted_path(&answer.url);
        let code = answer.status;
        if code.is_success() {
            let page = Page::from_answer(answer)?;
            if page.body.trim().is_empty() {
                return Err(Failure::page_changed(format!("an empty page at {here}")));
            }
            return self.remember(page);
        }
        let detail = format!("status {} at {here}", code.as_u16());
        if let Ok(page) = Page::from_answer(answer)
            && let Some(failure) = interstitial(&page)
        {
            return Err(failure);
        }
        let kind = match code.as_u16() {
            401 if self.shown_logged_in => FailureKind::SessionExpired,
            403 if !self.login_sent => FailureKind::SiteRefused,
            _ => FailureKind::PageChanged,
        };
        Err(Failure::new(kind, detail))
    }
}

/// Stores an answer's cookies that its host may set (RFC 6265).
fn keep_cookies(jar: &mut CookieStore, headers: &HeaderMap, url: &Url) {
    for header in headers.get_all(SET_COOKIE) {
        let Ok(text) = std::str::from_utf8(header.as_bytes()) else {
            continue;
        };
        let Ok(cookie) = Cookie::parse(text, url) else {
            continue;
        };
        // A cookie for a whole top-level domain would be sent to other organisations.
        let domain = cookie.domain.as_cow().unwrap_or_default().into_owned();
        if !domain.contains('.') && url.host_str() != Some(&domain) {
            continue;
        }
        // Fails for a cookie that the host may not set. An expired one deletes the stored one.
        let _ = jar.insert(cookie.into_owned(), url);
    }
}

/// Shows no card data, cookies or pages.
impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("library", &self.library.id)
            .field("login_sent", &self.login_sent)
            .field("shown_logged_in", &self.shown_logged_in)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
