//! The differences between the systems' sites.

use axum::http::Method;

use crate::page::{Page, SiteRequest};
use crate::page_context::PageContext;
use crate::site::SystemKind;
use crate::{
    bibliocommons, bibliotheca, enterprise, koha, sierra, sisis, symphony_ws, touchpoint, vufind,
    winbiap,
};

/// The behaviour of one system's sites.
pub(crate) struct Dialect {
    /// The name of the session cookie, or of the header with the session's id.
    pub(crate) cookie: &'static str,
    /// The page that answers a request.
    pub(crate) page: fn(&PageContext<'_>) -> Page,
    /// Whether a form is a login, by its target.
    is_login: fn(&SiteRequest) -> bool,
    /// Whether a request would have changed something at a real library.
    pub(crate) changes_state: fn(&SiteRequest) -> bool,
    /// The names that a changed layout replaces.
    pub(crate) renamed: &'static [(&'static str, &'static str)],
    /// The site's own page for status 500.
    pub(crate) system_error: Option<fn() -> Page>,
}

impl Dialect {
    pub(crate) fn of(system: SystemKind) -> Self {
        match system {
            SystemKind::Bibliocommons => Self {
                cookie: bibliocommons::COOKIE,
                page: bibliocommons::page,
                is_login: |request| bibliocommons::is_login_path(&request.path),
                changes_state: bibliocommons::changes_state,
                renamed: bibliocommons::RENAMED,
                system_error: None,
            },
            SystemKind::Sierra => Self {
                cookie: sierra::COOKIE,
                page: sierra::page,
                is_login: |request| sierra::is_login_path(&request.path),
                changes_state: sierra::changes_state,
                renamed: sierra::RENAMED,
                system_error: None,
            },
            SystemKind::Enterprise => Self {
                cookie: enterprise::COOKIE,
                page: enterprise::page,
                is_login: |request| enterprise::is_login_path(&request.path),
                changes_state: enterprise::changes_state,
                renamed: enterprise::RENAMED,
                system_error: Some(enterprise::system_error),
            },
            SystemKind::Koha => Self {
                cookie: koha::COOKIE,
                page: koha::page,
                is_login: koha::is_login,
                changes_state: koha::changes_state,
                renamed: koha::RENAMED,
                system_error: None,
            },
            SystemKind::Bibliotheca => Self {
                cookie: bibliotheca::SITE.cookie,
                page: |context| bibliotheca::SITE.page(context),
                is_login: |request| bibliotheca::SITE.is_login(request),
                changes_state: |request| bibliotheca::SITE.changes_state(request),
                renamed: bibliotheca::SITE.renamed,
                system_error: None,
            },
            SystemKind::Sisis => Self {
                cookie: sisis::SITE.cookie,
                page: |context| sisis::SITE.page(context),
                is_login: |request| sisis::SITE.is_login(request),
                changes_state: |request| sisis::SITE.changes_state(request),
                renamed: sisis::SITE.renamed,
                system_error: None,
            },
            SystemKind::TouchPoint => Self {
                cookie: touchpoint::SITE.cookie,
                page: |context| touchpoint::SITE.page(context),
                is_login: |request| touchpoint::SITE.is_login(request),
                changes_state: |request| touchpoint::SITE.changes_state(request),
                renamed: touchpoint::SITE.renamed,
                system_error: None,
            },
            SystemKind::VuFind => Self {
                cookie: vufind::SITE.cookie,
                page: |context| vufind::SITE.page(context),
                is_login: |request| vufind::SITE.is_login(request),
                changes_state: |request| vufind::SITE.changes_state(request),
                renamed: vufind::SITE.renamed,
                system_error: None,
            },
            SystemKind::WinBiap => Self {
                cookie: winbiap::SITE.cookie,
                page: |context| winbiap::SITE.page(context),
                is_login: |request| winbiap::SITE.is_login(request),
                changes_state: |request| winbiap::SITE.changes_state(request),
                renamed: winbiap::SITE.renamed,
                system_error: None,
            },
            SystemKind::SymphonyWs => Self {
                cookie: symphony_ws::SESSION_HEADER,
                page: symphony_ws::page,
                is_login: |request| symphony_ws::is_login_path(&request.path),
                changes_state: symphony_ws::changes_state,
                renamed: symphony_ws::RENAMED,
                system_error: None,
            },
        }
    }

    /// Whether a request is a login attempt.
    pub(crate) fn is_login(&self, request: &SiteRequest) -> bool {
        request.method == Method::POST && (self.is_login)(request)
    }
}
