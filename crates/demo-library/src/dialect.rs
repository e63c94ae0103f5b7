//! The differences between the systems' sites.

use axum::http::Method;

use crate::page::{Page, SiteRequest};
use crate::page_context::PageContext;
use crate::paged::PagedSite;
use crate::site::SystemKind;
use crate::{
    bibliocommons, bibliotheca, enterprise, horizon, koha, polaris, sierra, sisis, symphony_ws,
    touchpoint, vufind, winbiap,
};

/// The behaviour of one system's sites.
pub(crate) struct Dialect {
    /// The name of the session cookie, or of the header with the session's id.
    pub(crate) cookie: &'static str,
    answers: Answers,
    /// The names that a changed layout replaces.
    pub(crate) renamed: &'static [(&'static str, &'static str)],
    /// The site's own page for status 500.
    pub(crate) system_error: Option<fn() -> Page>,
}

/// How a site answers requests.
enum Answers {
    /// By its table of pages.
    ByTable(&'static PagedSite),
    /// By functions of its own.
    ByFunctions {
        page: fn(&PageContext<'_>) -> Page,
        /// Whether a form is a login, by its target.
        is_login: fn(&SiteRequest) -> bool,
        changes_state: fn(&SiteRequest) -> bool,
    },
}

impl Dialect {
    pub(crate) fn for_system(system: SystemKind) -> Self {
        match system {
            SystemKind::Bibliocommons => Self {
                cookie: bibliocommons::COOKIE,
                answers: Answers::ByFunctions {
                    page: bibliocommons::page,
                    is_login: |request| bibliocommons::is_login_path(&request.path),
                    changes_state: bibliocommons::changes_state,
                },
                renamed: bibliocommons::RENAMED,
                system_error: None,
            },
            SystemKind::Sierra => Self {
                cookie: sierra::COOKIE,
                answers: Answers::ByFunctions {
                    page: sierra::page,
                    is_login: |request| sierra::is_login_path(&request.path),
                    changes_state: sierra::changes_state,
                },
                renamed: sierra::RENAMED,
                system_error: None,
            },
            SystemKind::Enterprise => Self {
                cookie: enterprise::COOKIE,
                answers: Answers::ByFunctions {
                    page: enterprise::page,
                    is_login: |request| enterprise::is_login_path(&request.path),
                    changes_state: enterprise::changes_state,
                },
                renamed: enterprise::RENAMED,
                system_error: Some(enterprise::system_error),
            },
            SystemKind::Koha => Self {
                cookie: koha::COOKIE,
                answers: Answers::ByFunctions {
                    page: koha::page,
                    is_login: koha::is_login,
                    changes_state: koha::changes_state,
                },
                renamed: koha::RENAMED,
                system_error: None,
            },
            SystemKind::SymphonyWs => Self {
                cookie: symphony_ws::SESSION_HEADER,
                answers: Answers::ByFunctions {
                    page: symphony_ws::page,
                    is_login: |request| symphony_ws::is_login_path(&request.path),
                    changes_state: symphony_ws::changes_state,
                },
                renamed: symphony_ws::RENAMED,
                system_error: None,
            },
            SystemKind::Bibliotheca => Self::from_table(&bibliotheca::SITE),
            SystemKind::Horizon => Self::from_table(&horizon::SITE),
            SystemKind::Polaris => Self::from_table(&polaris::SITE),
            SystemKind::Sisis => Self::from_table(&sisis::SITE),
            SystemKind::TouchPoint => Self::from_table(&touchpoint::SITE),
            SystemKind::VuFind => Self::from_table(&vufind::SITE),
            SystemKind::WinBiap => Self::from_table(&winbiap::SITE),
        }
    }

    fn from_table(site: &'static PagedSite) -> Self {
        Self {
            cookie: site.cookie,
            answers: Answers::ByTable(site),
            renamed: site.renamed,
            system_error: None,
        }
    }

    /// The site's table of pages, if it has one.
    pub(crate) fn table(&self) -> Option<&'static PagedSite> {
        match self.answers {
            Answers::ByTable(site) => Some(site),
            Answers::ByFunctions { .. } => None,
        }
    }

    /// The page that answers a request.
    pub(crate) fn page(&self, context: &PageContext<'_>) -> Page {
        match self.answers {
            Answers::ByTable(site) => site.page(context),
            Answers::ByFunctions { page, .. } => page(context),
        }
    }

    /// Whether a request is a login attempt.
    pub(crate) fn is_login(&self, request: &SiteRequest) -> bool {
        let is_login = match self.answers {
            Answers::ByTable(site) => site.is_login(request),
            Answers::ByFunctions { is_login, .. } => is_login(request),
        };
        request.method == Method::POST && is_login
    }

    /// Whether a request would have changed something at a real library.
    pub(crate) fn changes_state(&self, request: &SiteRequest) -> bool {
        match self.answers {
            Answers::ByTable(site) => site.changes_state(request),
            Answers::ByFunctions { changes_state, .. } => changes_state(request),
        }
    }
}
