//! Signing in by email: an address, then the link or the code that is mailed to it.
//!
//! Every address gets the same answers. Opening a page changes nothing: a mail scanner opens links too.

pub(crate) mod link;

use askama::Template;
use axum::Extension;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use hippo_core::email_address::EmailAddress;
use hippo_core::message::{MessageRequest, SignInRequest};
use hippo_core::sign_in::{
    ADDRESS_LIMITS, ATTEMPT_LIFETIME, Grant, NETWORK_LIMITS, PersonId, RateKey, Session,
    SignInAttempt, SignInCode, SignInMethod, SignInUse, Token,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::access::cookies::{CookieName, delete_cookie, read_cookie, set_cookie};
use crate::access::form_token::{FormToken, check_form_token, form_token};
use crate::access::next_page::next_page;
use crate::access::session::Visitor;
use crate::access::waiting_identity::{LINK_PAGE, has_waiting_identity};
use crate::error::{HasOwnPage, PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::guard::network::client_network;
use crate::page::{Page, html};
use crate::permit::Permit;
use crate::ports::WebPorts;

/// How often an attempt is read again after another request came first.
const MAX_RETRIES: u32 = 5;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct AddressPage {
    page: Page,
    form_token: String,
    problem: Option<&'static str>,
    /// Whether the person is signed in, but too long for a change.
    is_renewal: bool,
    /// What people call the identity provider, if there is one.
    provider: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct CodePage {
    page: Page,
    form_token: String,
    problem: Option<String>,
}

/// What all handlers of this page read of a request.
pub(crate) struct Browser<'a> {
    headers: &'a HeaderMap,
    is_secure: bool,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(headers: &'a HeaderMap, origin: &RequestOrigin) -> Self {
        Self {
            headers,
            is_secure: origin.is_secure,
        }
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    fn form_token(&self) -> Result<FormToken, PageError> {
        form_token(self.headers, self.is_secure)
    }

    fn check_form_token(&self, field: &str) -> Result<(), PageError> {
        check_form_token(self.headers, self.is_secure, field)
    }

    /// The attempt that this browser began.
    fn attempt(&self) -> Option<AttemptToken> {
        AttemptToken::from_text(read_cookie(
            self.headers,
            CookieName::Attempt,
            self.is_secure,
        )?)
    }

    fn session(&self) -> Option<Token> {
        Token::from_secret_text(read_cookie(
            self.headers,
            CookieName::Session,
            self.is_secure,
        )?)
    }
}

/// An attempt's id and one of its tokens, as in a link or a cookie.
pub(crate) struct AttemptToken {
    pub(crate) id: Uuid,
    pub(crate) token: Token,
}

impl AttemptToken {
    fn from_text(text: &str) -> Option<Self> {
        let (id, token) = text.split_once('.')?;
        Some(Self {
            id: Uuid::try_parse(id).ok()?,
            token: Token::from_secret_text(token)?,
        })
    }

    pub(crate) fn to_secret_text(&self) -> String {
        format!("{}.{}", self.id.simple(), self.token.to_secret_text())
    }
}

/// Adds a cookie to a page.
fn with_cookie(mut response: Response, cookie: Option<axum::http::HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Marks a page of an error's status as its own.
fn mark_as_rendered(mut response: Response) -> Response {
    response.extensions_mut().insert(HasOwnPage);
    response
}

/// What the page's address says.
#[derive(Deserialize)]
pub(crate) struct AddressQuery {
    /// Present: a change needs a recent sign-in.
    #[serde(default)]
    again: Option<String>,
}

/// Shows the form for an address.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    visitor: Visitor,
    Query(query): Query<AddressQuery>,
) -> PageResult {
    let browser = Browser::new(&headers, &origin);
    let page = visitor.page("Sign in");
    show_address_page(&ports, &browser, page, None, query.again.is_some())
}

fn show_address_page(
    ports: &WebPorts,
    browser: &Browser<'_>,
    page: Page,
    problem: Option<&'static str>,
    is_renewal: bool,
) -> PageResult {
    let token = browser.form_token()?;
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let provider = ports.identity_provider.as_ref();
    let shown = AddressPage {
        page,
        form_token: token.field,
        problem,
        is_renewal,
        provider: provider.map(|provider| provider.name().to_owned()),
    };
    Ok(mark_as_rendered(with_cookie(
        html(status, &shown)?,
        token.cookie,
    )))
}

/// The form for an address.
#[derive(Deserialize)]
pub(crate) struct AddressForm {
    form_token: String,
    address: String,
}

/// Begins an attempt for any address, and asks for its mail.
pub(crate) async fn request_mail(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    extensions: Extensions,
    headers: HeaderMap,
    visitor: Visitor,
    Form(form): Form<AddressForm>,
) -> PageResult {
    let browser = Browser::new(&headers, &origin);
    browser.check_form_token(&form.form_token)?;
    let Ok(address) = form.address.trim().parse::<EmailAddress>() else {
        let page = visitor.page("Sign in");
        let problem = Some("That isn’t an email address. Write it like pat@example.org.");
        return show_address_page(&ports, &browser, page, problem, false);
    };
    let network = RateKey::network(client_network(&extensions, &headers));
    let Some(network_permit) = Permit::take(&ports, network, &NETWORK_LIMITS).await? else {
        return Err(PageError::too_many_sign_ins());
    };
    let key = RateKey::address(&PersonId::from_address(&address));
    let address_permit = Permit::take(&ports, key, &ADDRESS_LIMITS).await?;
    let mailed_to = address_permit.as_ref().map(|_| address);
    let attempt = match begin_attempt(&ports, mailed_to).await {
        Ok(attempt) => attempt,
        Err(error) => {
            // No email is on its way, so none counts.
            for permit in [Some(network_permit), address_permit].into_iter().flatten() {
                permit.give_back(&ports).await;
            }
            return Err(error);
        }
    };
    let value = attempt.to_secret_text();
    let cookie = set_cookie(
        CookieName::Attempt,
        value,
        Some(ATTEMPT_LIFETIME),
        browser.is_secure,
    );
    let to_code = Redirect::to("/sign-in/code").into_response();
    Ok(with_cookie(to_code, cookie))
}

/// Begins an attempt, and asks for its mail unless the address has had too many.
async fn begin_attempt(
    ports: &WebPorts,
    mailed_to: Option<EmailAddress>,
) -> Result<AttemptToken, PageError> {
    let token = Token::generate().map_err(PageError::internal)?;
    let attempt = SignInAttempt::begin(&token, ports.clock.now());
    ports.store.add_attempt(&attempt).await?;
    let id = attempt.id;
    match mailed_to {
        Some(address) => {
            let request = SignInRequest {
                attempt: id,
                address,
            };
            let sent = ports.messages.send(MessageRequest::SignIn(request)).await;
            sent.map_err(PageError::unavailable)?;
        }
        None => tracing::info!("A limit of sign-in mails was reached."),
    }
    Ok(AttemptToken { id, token })
}

/// Shows the form for a code.
pub(crate) async fn show_code(
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    visitor: Visitor,
) -> PageResult {
    let browser = Browser::new(&headers, &origin);
    if browser.attempt().is_none() {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    show_code_page(&browser, visitor.page("Enter the code"), None)
}

fn show_code_page(browser: &Browser<'_>, page: Page, problem: Option<String>) -> PageResult {
    let token = browser.form_token()?;
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let shown = CodePage {
        page,
        form_token: token.field,
        problem,
    };
    Ok(mark_as_rendered(with_cookie(
        html(status, &shown)?,
        token.cookie,
    )))
}

/// The form for a code.
#[derive(Deserialize)]
pub(crate) struct CodeForm {
    form_token: String,
    code: String,
}

/// Tries a code.
pub(crate) async fn try_code(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    visitor: Visitor,
    Form(form): Form<CodeForm>,
) -> PageResult {
    let browser = Browser::new(&headers, &origin);
    browser.check_form_token(&form.form_token)?;
    let page = visitor.page("Enter the code");
    let Some(AttemptToken { id, token }) = browser.attempt() else {
        // After a double click, the first request has signed in and forgotten the attempt.
        let next = visitor.0.map_or("/sign-in", |_| "/");
        return Ok(Redirect::to(next).into_response());
    };
    let Some(code) = SignInCode::from_typed(&form.code) else {
        let problem = "The code has six digits. Type it as it is in the email.".to_owned();
        return show_code_page(&browser, page, Some(problem));
    };
    let now = ports.clock.now();
    let try_it = |attempt: &SignInAttempt| attempt.try_code(&token, &code, now);
    match use_attempt(&ports, &browser, id, try_it).await? {
        Used::Accepted(session) => Ok(session.open(&browser)),
        Used::Wrong { tries_left } => {
            let tries = match tries_left {
                0 => "Ask for a new email.".to_owned(),
                1 => "You have one more try.".to_owned(),
                left => format!("You have {left} more tries."),
            };
            let problem = format!("That isn’t the code. {tries}");
            show_code_page(&browser, page, Some(problem))
        }
        Used::Before(person) if visitor.is(&person) => Ok(Redirect::to("/").into_response()),
        Used::Before(_) => {
            let problem = "This code was already used. If you pressed the button twice, you may be signed in: open \
                           the first page. Otherwise ask for a new email.";
            show_code_page(&browser, page, Some(problem.to_owned()))
        }
        Used::Over => {
            let problem = "This code no longer works. Ask for a new email.".to_owned();
            show_code_page(&browser, page, Some(problem))
        }
    }
}

/// The result of using an attempt, after it was stored.
enum Used {
    /// It signs in, with this session.
    Accepted(NewSession),
    Wrong {
        tries_left: u32,
    },
    /// It was used before, by this person.
    Before(PersonId),
    Over,
}

/// Uses an attempt, in one conditional write.
///
/// Its session is stored before that: if the store fails, the link and the code still work. Nobody has the token
/// of a session whose attempt could not be used.
async fn use_attempt(
    ports: &WebPorts,
    browser: &Browser<'_>,
    id: Uuid,
    use_it: impl Fn(&SignInAttempt) -> SignInUse + Send + Sync,
) -> Result<Used, PageError> {
    for _ in 0..MAX_RETRIES {
        let Some(attempt) = ports.store.attempt(id).await? else {
            return Ok(Used::Over);
        };
        let (after, used) = match use_it(&attempt) {
            SignInUse::Accepted(after, grant) => {
                let method = SignInMethod::Attempt;
                let session = NewSession::store(ports, browser, grant, method).await?;
                (after, Used::Accepted(session))
            }
            SignInUse::Wrong(after) => {
                let tries_left = after.tries_left;
                (after, Used::Wrong { tries_left })
            }
            SignInUse::UsedBefore(person) => return Ok(Used::Before(person)),
            SignInUse::Over => return Ok(Used::Over),
        };
        let replaced = ports.store.replace_attempt(attempt.revision, &after).await;
        if matches!(replaced, Ok(true)) {
            return Ok(used);
        }
        if let Used::Accepted(session) = used {
            session.discard(ports).await;
        }
        replaced?;
    }
    Ok(Used::Over)
}

/// Begins a session with a new token, and ends the browser's old one.
pub(crate) async fn begin_session(
    ports: &WebPorts,
    browser: &Browser<'_>,
    grant: Grant,
    method: SignInMethod,
) -> PageResult {
    let session = NewSession::store(ports, browser, grant, method).await?;
    Ok(session.open(browser))
}

/// A session that is stored, with its token.
struct NewSession {
    session: Session,
    token: Token,
}

impl NewSession {
    /// Stores a session with a new token, and ends the browser's old one.
    async fn store(
        ports: &WebPorts,
        browser: &Browser<'_>,
        grant: Grant,
        method: SignInMethod,
    ) -> Result<Self, PageError> {
        let token = Token::generate().map_err(PageError::internal)?;
        let mut session = Session::begin(&token, grant, method, ports.clock.now());
        let old = match browser.session() {
            Some(token) => ports.store.session(&token.hash()).await?,
            None => None,
        };
        // Who signs in again goes on with the same family.
        if let Some(same) = old.as_ref().filter(|old| old.person == session.person)
            && let Some(family) = &same.family
            && let Some(chosen) = session.with_family(family)
        {
            session = chosen;
        }
        ports.store.add_session(&session).await?;
        let new = Self { session, token };
        if let Some(old) = old
            && let Err(error) = ports.store.remove_session(&old).await
        {
            new.discard(ports).await;
            return Err(error.into());
        }
        Ok(new)
    }

    /// Removes it, since it signs nobody in. If that fails, it still has a token that nobody knows.
    async fn discard(self, ports: &WebPorts) {
        if let Err(error) = ports.store.remove_session(&self.session).await {
            tracing::warn!(%error, "A session that nobody uses could not be removed.");
        }
    }

    /// Gives the browser the session, and leads to the page that the person came for.
    fn open(self, browser: &Browser<'_>) -> Response {
        let Self { session, token } = self;
        let is_operator = session.is_operator;
        tracing::info!(is_operator, "Somebody signed in.");
        let is_secure = browser.is_secure;
        let cookie = set_cookie(
            CookieName::Session,
            token.to_secret_text(),
            Some(session.expires_at - session.signed_in_at),
            is_secure,
        );
        let response = match has_waiting_identity(browser.headers, is_secure) {
            // It may be linked now. The page to open comes after that.
            true => with_cookie(Redirect::to(LINK_PAGE).into_response(), cookie),
            false => {
                let next = next_page(browser.headers, is_secure, &session);
                let next = Redirect::to(next.as_deref().unwrap_or("/")).into_response();
                let response = with_cookie(next, cookie);
                with_cookie(response, delete_cookie(CookieName::Next, is_secure))
            }
        };
        with_cookie(response, delete_cookie(CookieName::Attempt, is_secure))
    }
}
