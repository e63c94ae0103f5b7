//! What the sites of one system do otherwise than those of the others.

use axum::http::Method;

use crate::desk::Desk;
use crate::page::{Asked, Page};
use crate::site::SystemKind;
use crate::{bibliocommons, enterprise, koha, sierra};

/// What the sites of one system do otherwise than those of the others.
pub(crate) struct Dialect {
    /// The name of the cookie that holds a session's id.
    pub(crate) cookie: &'static str,
    /// The page that answers a request.
    pub(crate) page: fn(&Desk<'_>) -> Page,
    /// Whether a form is the login's, by where it is sent.
    is_login: fn(&Asked) -> bool,
    /// Whether a request would have changed something at a real library.
    pub(crate) changes_state: fn(&Asked) -> bool,
    /// The names that a changed layout has others for.
    pub(crate) renamed: &'static [(&'static str, &'static str)],
    /// The site's own page in place of a status 500.
    pub(crate) system_error: Option<fn() -> Page>,
}

impl Dialect {
    pub(crate) fn of(system: SystemKind) -> Self {
        match system {
            SystemKind::Bibliocommons => Self {
                cookie: bibliocommons::COOKIE,
                page: bibliocommons::page,
                is_login: |asked| bibliocommons::is_login_path(&asked.path),
                changes_state: bibliocommons::changes_state,
                renamed: bibliocommons::RENAMED,
                system_error: None,
            },
            SystemKind::Sierra => Self {
                cookie: sierra::COOKIE,
                page: sierra::page,
                is_login: |asked| sierra::is_login_path(&asked.path),
                changes_state: sierra::changes_state,
                renamed: sierra::RENAMED,
                system_error: None,
            },
            SystemKind::Enterprise => Self {
                cookie: enterprise::COOKIE,
                page: enterprise::page,
                is_login: |asked| enterprise::is_login_path(&asked.path),
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
        }
    }

    /// Whether a request is a try to log in.
    pub(crate) fn is_login(&self, asked: &Asked) -> bool {
        asked.method == Method::POST && (self.is_login)(asked)
    }
}
