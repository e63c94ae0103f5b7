//! The session of a request.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::audit::Actor;
use hippo_core::sign_in::{PersonId, Session, SignInMethod, Token, is_recipient};
use hippo_core::store::LoadedFamily;

use super::cookies::{CookieName, read_cookie};
use super::next_page::remember_page;
use crate::error::PageError;
use crate::guard::host::RequestOrigin;
use crate::page::{NavigationLink, Page};
use crate::ports::WebPorts;

/// The links of a family's pages.
const FAMILY_LINKS: [NavigationLink; 4] = [
    NavigationLink {
        path: "/family",
        words: "Today",
    },
    NavigationLink {
        path: "/family/cards",
        words: "Cards",
    },
    NavigationLink {
        path: "/family/feeds",
        words: "Feeds",
    },
    NavigationLink {
        path: "/family/settings",
        words: "Settings",
    },
];

/// The operator's link.
const CONSOLE_LINK: NavigationLink = NavigationLink {
    path: "/console",
    words: "Console",
};

/// What can't be undone needs a sign-in within this time.
const RECENT: TimeDelta = TimeDelta::hours(1);

/// Whether a session began lately.
pub(crate) fn is_recent(session: &Session, now: DateTime<Utc>) -> bool {
    now - session.signed_in_at <= RECENT
}

/// Whether somebody may link an identity: the person signed in by email lately. An identity must not
/// bring others in.
pub(crate) fn can_link_identity(session: &Session, now: DateTime<Utc>) -> bool {
    is_recent(session, now) && session.method == SignInMethod::Attempt
}

/// Who is signed in, if anybody.
pub(crate) struct Visitor(pub(crate) Option<Session>);

impl Visitor {
    /// Whether this person is signed in.
    pub(crate) fn is(&self, person: &PersonId) -> bool {
        let session = self.0.as_ref();
        session.is_some_and(|session| session.person == *person)
    }

    /// A page with the links that this visitor can open.
    pub(crate) fn page(&self, title: impl Into<String>) -> Page {
        match &self.0 {
            None => Page::new(title),
            Some(session) => signed_in_page(session, title),
        }
    }
}

impl<S> FromRequestParts<S> for Visitor
where
    WebPorts: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let ports = WebPorts::from_ref(state);
        let is_secure = is_secure(parts);
        let cookie = read_cookie(&parts.headers, CookieName::Session, is_secure);
        let Some(token) = cookie.and_then(Token::from_secret_text) else {
            return Ok(Self(None));
        };
        let session = ports.store.session(&token.hash()).await?;
        let now = ports.clock.now();
        Ok(Self(session.filter(|session| session.is_valid(now))))
    }
}

/// Whether the browser sees https.
fn is_secure(parts: &Parts) -> bool {
    let origin = parts.extensions.get::<RequestOrigin>();
    origin.is_some_and(|origin| origin.is_secure)
}

fn signed_in_page(session: &Session, title: impl Into<String>) -> Page {
    let mut links = Vec::new();
    if session.family.is_some() {
        links.extend(FAMILY_LINKS);
    }
    if session.is_operator {
        links.push(CONSOLE_LINK);
    }
    Page {
        title: title.into(),
        links,
        is_signed_in: true,
    }
}

/// Somebody who is signed in to a family and still is one of its recipients.
pub(crate) struct FamilyMember {
    pub(crate) session: Session,
    /// The family with its cards and their accounts.
    pub(crate) loaded: LoadedFamily,
}

impl FamilyMember {
    /// Who changes something, for the record.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Person(self.session.person.clone())
    }

    /// Refuses a form of another family: the person may have chosen another one in another tab.
    pub(crate) fn require_family(&self, family: &str) -> Result<(), PageError> {
        match self.loaded.family.id.as_str() == family {
            true => Ok(()),
            false => Err(PageError::other_family()),
        }
    }

    /// Whether the person signed in lately, which some changes need.
    pub(crate) fn is_recently_signed_in(&self, now: DateTime<Utc>) -> bool {
        is_recent(&self.session, now)
    }

    /// A page with the family's links.
    pub(crate) fn page(&self, title: impl Into<String>) -> Page {
        signed_in_page(&self.session, title)
    }
}

/// Why somebody can't open a family's page.
pub(crate) enum NoMember {
    /// Nobody is signed in. `next` is the page to open afterwards.
    SignIn {
        next: Option<String>,
        is_secure: bool,
    },
    /// The person hasn't chosen a family.
    Choose,
    /// The person has no family, or the store failed.
    Refused(PageError),
}

impl IntoResponse for NoMember {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn { next, is_secure } => {
                let mut response = Redirect::to("/sign-in").into_response();
                if let Some(next) = next {
                    remember_page(&mut response, &next, is_secure);
                }
                response
            }
            Self::Choose => Redirect::to("/").into_response(),
            Self::Refused(error) => error.into_response(),
        }
    }
}

impl From<PageError> for NoMember {
    fn from(error: PageError) -> Self {
        Self::Refused(error)
    }
}

impl<S> FromRequestParts<S> for FamilyMember
where
    WebPorts: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = NoMember;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NoMember> {
        let Visitor(session) = Visitor::from_request_parts(parts, state).await?;
        let Some(session) = session else {
            let is_read = parts.method == Method::GET;
            let origin = parts.extensions.get::<RequestOrigin>();
            return Err(NoMember::SignIn {
                next: is_read.then(|| parts.uri.path().to_owned()),
                is_secure: origin.is_some_and(|origin| origin.is_secure),
            });
        };
        let Some(id) = &session.family else {
            return Err(match session.families.is_empty() {
                true => NoMember::Refused(PageError::not_found()),
                false => NoMember::Choose,
            });
        };
        let ports = WebPorts::from_ref(state);
        let loaded = ports.store.load_family(id).await.map_err(PageError::from)?;
        // Somebody who was removed loses access at once.
        match loaded.filter(|loaded| is_recipient(&loaded.family, &session.person)) {
            Some(loaded) => Ok(Self { session, loaded }),
            None => Err(NoMember::Refused(PageError::not_found())),
        }
    }
}
