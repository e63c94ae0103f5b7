//! One card's visit.

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

/// One card's visit: a cookie jar of its own, on connections that all share.
///
/// Until a login was sent, a page that is not answered for a passing reason is asked for once more;
/// after it, nothing is: what a session remembers of half a request is not known. Failures name a
/// page by its path without numbers, and never tell what it says.
pub struct Session<'a> {
    connections: &'a Connections,
    library: &'a Library,
    secret: &'a CardSecret,
    permit: &'a dyn LoginPermit,
    jar: CookieStore,
    login_sent: bool,
    shown_logged_in: bool,
    /// A page showed us logged in, and the permit was not told yet.
    is_to_be_settled: bool,
    log_out_at_end: Option<Url>,
    /// Whether the page that came last was led to by a redirect.
    was_redirected: bool,
    /// The text of the page that came last.
    last_page: Option<String>,
}

/// A request before cookies are added.
struct HttpRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    fields: Option<String>,
    /// What it is for, where a recording tells it.
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

    fn post(url: &Url, mut headers: HeaderMap, fields: String) -> Self {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        Self {
            method: Method::POST,
            url: url.clone(),
            headers,
            fields: Some(fields),
            step: None,
        }
    }

    /// What a recording keeps of it; no answer where none came.
    fn seen(&self, headers: HeaderMap, began: Instant, answer: Option<&HttpResponse>) -> Exchange {
        Exchange {
            method: self.method.clone(),
            url: self.url.clone(),
            headers,
            fields: self.fields.clone(),
            step: self.step,
            began,
            took: began.elapsed(),
            answer: answer.cloned(),
        }
    }

    /// Goes on to where a redirect leads: a GET without fields. Headers that a system added stay
    /// with their host.
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
    /// A session for this card; nothing is sent yet.
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
            is_to_be_settled: false,
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

    /// What reading this card's pages needs to know.
    pub fn read_context(&self) -> ReadContext<'a> {
        ReadContext {
            base_url: &self.library.base_url,
            date_format: self.library.date_format.as_deref(),
            timezone: self.library.timezone,
            card_number: Some(&self.secret.number),
        }
    }

    /// An account of the library's system of which nothing is known yet.
    pub fn unknown_account(&self) -> Account {
        Account::unknown(self.library.system.clone())
    }

    /// The address of a path at the library, below the path of `base_url` (a leading `/` changes
    /// nothing): `/user/login` at `https://x.test/opac` is `https://x.test/opac/user/login`.
    pub fn url(&self, path: &str) -> Result<Url, Failure> {
        let mut base = self.library.base_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            let folder = format!("{}/", base.path());
            base.set_path(&folder);
        }
        // “./” keeps what looks like a scheme or a host inside the path.
        base.join(&format!("./{}", path.trim_start_matches('/')))
            .map_err(|_| Failure::page_changed("a path that makes no address with base_url"))
    }

    /// Fetches a page: a 2xx with text in it. Anything else is a failure.
    ///
    /// 429 is `site_refused`, 5xx `site_down`, 401 after a page that showed us logged in is
    /// `session_expired`, 403 before a login `site_refused`; what else is no such page, an empty one
    /// included, is `page_changed`.
    pub async fn get(&mut self, url: &Url) -> Result<Page, Failure> {
        self.get_with(url, &[]).await
    }

    /// Fetches a page as [`Self::get`] does, with these headers.
    pub async fn get_with(&mut self, url: &Url, headers: &[(&str, &str)]) -> Result<Page, Failure> {
        let ask = HttpRequest::get(url, header_map(headers)?);
        let answer = self.fetch(ask, None).await?;
        self.page(answer)
    }

    /// As [`Self::get`]; `None` where there is nothing at this address (404, 410).
    pub async fn get_optional(&mut self, url: &Url) -> Result<Option<Page>, Failure> {
        let answer = self
            .fetch(HttpRequest::get(url, HeaderMap::new()), None)
            .await?;
        if matches!(answer.status.as_u16(), 404 | 410) {
            return Ok(None);
        }
        self.page(answer).map(Some)
    }

    /// Posts fields to read something, as a page's script does; the page as in [`Self::get`].
    ///
    /// Never for a number or PIN: that is [`Self::log_in`]. Never tried again.
    pub async fn post(
        &mut self,
        url: &Url,
        fields: &[(String, String)],
        headers: &[(&str, &str)],
    ) -> Result<Page, Failure> {
        let fields = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let ask = HttpRequest::post(url, header_map(headers)?, fields);
        let answer = self.fetch(ask, None).await?;
        self.page(answer)
    }

    /// Sends a form that holds no number or PIN, to read something: a search, a filter, a step of
    /// single sign-on. The page as in [`Self::get`].
    pub async fn submit(&mut self, form: Form) -> Result<Page, Failure> {
        if form.has_secret() {
            return Err(Failure::page_changed(
                "a form with a number or PIN is sent as a login only",
            ));
        }
        let sent = form.send()?;
        let ask = if sent.is_post {
            HttpRequest::post(&sent.url, sent.headers, sent.fields)
        } else {
            HttpRequest::get(&sent.url, sent.headers)
        };
        let answer = self.fetch(ask, None).await?;
        self.page(answer)
    }

    /// Sends the login form, exactly once, right after the permit was given, and follows the
    /// answer's redirects as GETs.
    ///
    /// Comes back with the page for any 2xx and 4xx but 429 (some sites answer a wrong PIN with
    /// 401); it may be empty. Nothing is sent, and no permit asked, where the form lacks a field
    /// that was set, is no POST, or goes anywhere but by https to the library's host or one of its
    /// login hosts. A redirect that would carry the PIN on (307, 308) is `page_changed`.
    pub async fn log_in(&mut self, form: Form) -> Result<Page, Failure> {
        login::check_login_target(self.library, form.from(), &form.action)?;
        let sent = form.send()?;
        if !sent.is_post {
            return Err(Failure::page_changed(
                "the login form would put the PIN into the address; nothing was sent",
            ));
        }
        self.check_url(&sent.url)?;
        let slot = self.connections.slot(&self.library.base_url).await?;
        self.permit.about_to_log_in().await?;
        self.login_sent = true;
        let mut ask = HttpRequest::post(&sent.url, sent.headers, sent.fields);
        ask.step = Some(LoginStep::LogIn);
        let answer = self.fetch(ask, Some(slot)).await?;
        let (here, code) = (redacted_path(&answer.url), answer.status);
        if code.is_success() || code.is_client_error() {
            return self.keep(Page::from_answer(answer)?);
        }
        Err(Failure::page_changed(format!(
            "status {} for a login at {here}",
            code.as_u16()
        )))
    }

    /// The value of a cookie that the library's host is sent, for a header of the same site.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar
            .iter_unexpired()
            .find(|cookie| cookie.name() == name && cookie.domain.matches(&self.library.base_url))
            .map(|cookie| cookie.value().to_owned())
    }

    /// A page showed us logged in: from here on a login page means `session_expired`.
    ///
    /// The permit is told before anything else is asked for.
    pub fn mark_logged_in(&mut self) {
        self.is_to_be_settled |= self.login_sent && !self.shown_logged_in;
        self.shown_logged_in = true;
    }

    /// Tells the permit of a login that was accepted, unless it was told.
    pub async fn settle_login(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.is_to_be_settled) {
            self.permit.settle_login(LoginOutcome::Accepted).await?;
        }
        Ok(())
    }

    /// Whether a page showed us logged in.
    pub fn is_logged_in(&self) -> bool {
        self.shown_logged_in
    }

    /// Whether the page that came last was not the answer itself to what was asked, but led to by it.
    pub fn was_redirected(&self) -> bool {
        self.was_redirected
    }

    /// Whether a login was sent: then there may be something to log out of.
    pub fn is_login_sent(&self) -> bool {
        self.login_sent
    }

    /// What to say of a login page, known as such, where an account's page was asked for.
    ///
    /// After a page that showed us logged in it is `session_expired`. After a login that was sent,
    /// with nothing that showed us logged in, it is `wrong_credentials`: many sites refuse without a
    /// word, and who tries again then locks the patron out. That the site did not take the form's
    /// token instead cannot be told from it; but the token was fetched a moment before, in the same
    /// session, so it hardly ever is that, and to stop is the safer mistake. Where the site says so
    /// (its words, a 422 without the form), a system says `page_changed` before it comes here.
    ///
    /// A page that stands in for the form ([`interstitial`]), or ends within it, refuses nobody.
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

    /// A page says that a session is over: `page_changed` unless one showed us logged in, for then none was.
    pub fn without_session(&self, failure: Failure) -> Failure {
        if failure.kind == FailureKind::SessionExpired && !self.shown_logged_in {
            Failure {
                kind: FailureKind::PageChanged,
                ..failure
            }
        } else {
            failure
        }
    }

    /// What to say of an answer to the login that is neither a login page nor an account's: what
    /// stands in for it, `wrong_credentials` for a 401, whatever it says; else `page_changed`.
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

    /// Logs out at the end of the visit by fetching this, if a login was sent, however the visit
    /// ends: also after an error, and when the card's time is over.
    ///
    /// Name it right before the login.
    pub fn log_out_at_end(&mut self, url: &Url) {
        self.log_out_at_end = Some(url.clone());
    }

    /// Logs out now, if a login was sent, with a time limit of its own; best effort: a failure
    /// changes nothing.
    pub async fn log_out(&mut self, url: &Url) {
        self.log_out_at_end = None;
        if !self.login_sent {
            return;
        }
        self.shown_logged_in = false;
        let limit = self.connections.limits.log_out;
        let outcome = tokio::time::timeout(limit, self.leave(url)).await;
        let failure = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::debug!(library.id = %self.library.id, failure, "the logout failed");
    }

    /// Asks for a logout, and no more than that: where it leads, to the catalogue or a form, does not
    /// matter, unless it is another logout (a central login has its own).
    async fn leave(&mut self, url: &Url) -> Result<(), Failure> {
        let mut ask = HttpRequest::get(url, HeaderMap::new());
        ask.step = Some(LoginStep::LogOut);
        redirect::tidy(&mut ask.url);
        for _ in 0..=MAX_REDIRECTS {
            self.check_url(&ask.url)?;
            let slot = self.connections.slot(&self.library.base_url).await?;
            let answer = self
                .exchange(&ask, slot)
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
            if next == ask.url || !next.path().to_ascii_lowercase().contains("logout") {
                return Ok(());
            }
            ask.follow(next);
        }
        Ok(())
    }

    /// Ends the visit: the logout that was named, if it is not done yet.
    pub async fn end(&mut self) {
        if let Some(url) = self.log_out_at_end.take() {
            self.log_out(&url).await;
        }
    }

    /// Sends a request and follows where it leads; the answer is neither a redirect, nor a refusal
    /// or breakdown of the site.
    async fn fetch(
        &mut self,
        mut ask: HttpRequest,
        mut slot: Option<RequestSlot>,
    ) -> Result<HttpResponse, Failure> {
        self.settle_login().await?;
        redirect::tidy(&mut ask.url);
        let mut may_retry = ask.method == Method::GET && !self.login_sent;
        let mut seen: Vec<Url> = Vec::new();
        for _ in 0..=MAX_REDIRECTS {
            self.check_url(&ask.url)?;
            let answer = loop {
                let slot = match slot.take() {
                    Some(slot) => slot,
                    None => self.connections.slot(&self.library.base_url).await?,
                };
                let outcome = self.exchange(&ask, slot).await;
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
                self.was_redirected = !seen.is_empty();
                return Ok(answer);
            }
            let location = answer.headers.get(LOCATION).map(HeaderValue::as_bytes);
            let posted = ask.method == Method::POST;
            let next = redirect::target(&answer.url, answer.status, location, posted)?;
            // Once back to the same address is common: a site sets a cookie so.
            if seen.iter().filter(|url| **url == next).count() > 1 {
                return Err(Failure::page_changed(format!(
                    "redirects in a loop at {}",
                    redacted_path(&next)
                )));
            }
            seen.push(next.clone());
            ask.follow(next);
        }
        Err(Failure::page_changed(format!(
            "more than {MAX_REDIRECTS} redirects, the last to {}",
            redacted_path(&ask.url)
        )))
    }

    /// One request with the cookies that belong to it.
    ///
    /// The answer's own are kept before its body is there: an answer to a login that breaks off may
    /// have opened a session all the same, and only its cookie can end it.
    async fn exchange(
        &mut self,
        ask: &HttpRequest,
        slot: RequestSlot,
    ) -> Result<HttpResponse, super::connections::RequestError> {
        let mut headers = ask.headers.clone();
        let cookies: Vec<String> = self
            .jar
            .get_request_values(&ask.url)
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
                ask.method.clone(),
                &ask.url,
                headers,
                ask.fields.clone(),
                slot,
                |headers| keep_cookies(&mut self.jar, headers, &ask.url),
            )
            .await;
        if let Some((observer, headers, began)) = sent {
            observer.observe_exchange(ask.seen(headers, began, outcome.as_ref().ok()));
        }
        tracing::debug!(
            library.id = %self.library.id,
            method = %ask.method,
            place = redacted_path(&ask.url),
            status = outcome.as_ref().ok().map(|answer| answer.status.as_u16()),
            "asked the site"
        );
        outcome
    }

    /// Says no to a URL that is never asked for in this session.
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

    /// What the page is made of that came last, without what it says.
    pub fn skeleton(&self) -> Option<Skeleton> {
        self.last_page.as_deref().and_then(skeleton)
    }

    fn keep(&mut self, page: Page) -> Result<Page, Failure> {
        self.last_page = Some(page.body.clone());
        Ok(page)
    }

    /// Reads an answer as a page that was asked for.
    fn page(&mut self, answer: HttpResponse) -> Result<Page, Failure> {
        let here = redacted_path(&answer.url);
        let code = answer.status;
        if code.is_success() {
            let page = Page::from_answer(answer)?;
            if page.body.trim().is_empty() {
                return Err(Failure::page_changed(format!("an empty page at {here}")));
            }
            return self.keep(page);
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

/// Keeps the cookies of an answer, each only where its own host may set it (RFC 6265).
fn keep_cookies(jar: &mut CookieStore, headers: &HeaderMap, url: &Url) {
    for header in headers.get_all(SET_COOKIE) {
        let Ok(text) = std::str::from_utf8(header.as_bytes()) else {
            continue;
        };
        let Ok(cookie) = Cookie::parse(text, url) else {
            continue;
        };
        // A cookie for a whole top-level domain would travel to strangers.
        let domain = cookie.domain.as_cow().unwrap_or_default().into_owned();
        if !domain.contains('.') && url.host_str() != Some(&domain) {
            continue;
        }
        // Not kept is what the host may not set, and what is over already (that deletes).
        let _ = jar.insert(cookie.into_owned(), url);
    }
}

/// Shows nothing of the card, its cookies or its pages.
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
