//! The pages of an account without a server in between: for tests of what reads them.

use std::cell::RefCell;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::desk::Desk;
use crate::dialect::Dialect;
use crate::page::Asked;
use crate::server::DemoLibrary;
use crate::site::{Generation, SystemKind};
use crate::state::SiteState;

/// What a visitor asks for: the path with its query, and whether script posts for it.
struct Ask {
    path: String,
    is_post: bool,
}

impl DemoLibrary {
    /// The pages of a patron's account, as a check gets them and in its order; none for a number that is not
    /// known. Faults do not touch them, and the log does not see them.
    #[must_use]
    pub fn account_pages(&self, number: &str) -> Vec<String> {
        let state = self.state();
        let Some((place, patron)) = state.patron(number) else {
            return Vec::new();
        };
        let (id, session) = state.with_sessions(|sessions| sessions.open(Some(number)));
        let pages = asks(state, place, patron.loans.len())
            .into_iter()
            .map(|ask| render(state, number, &id, &session.access_token, ask))
            .collect();
        state.with_sessions(|sessions| sessions.close(&id));
        pages
    }
}

fn asks(state: &SiteState, place: usize, loans: usize) -> Vec<Ask> {
    let get = |path: &str| Ask {
        path: path.to_owned(),
        is_post: false,
    };
    match state.site.system {
        SystemKind::Bibliocommons => {
            let pages = loans.div_ceil(state.switches.settings().page_size).max(1);
            let lists = (1..=pages).map(|page| get(&format!("/v2/checkedout?page={page}")));
            let holds = [
                "in_transit",
                "not_yet_available",
                "ready_for_pickup",
                "suspended",
            ];
            lists
                .chain(holds.map(|state| get(&format!("/v2/holds/{state}"))))
                .collect()
        }
        SystemKind::Sierra => ["top", "items", "holds"]
            .map(|list| get(&format!("/patroninfo~S1/{}/{list}", 1_000_001 + place)))
            .into(),
        SystemKind::Enterprise => {
            let root = "/client/en_US/default/search/account";
            let is_newer = state.site.generation == Generation::Newer;
            let list = |list: &str| Ask {
                path: if is_newer {
                    format!("{root}.accountnonmobile.account{list}.library{list}accordion?")
                } else {
                    format!("{root}.{list}.library{list}accordion?")
                },
                is_post: !is_newer,
            };
            vec![get(&format!("{root}?")), list("checkouts"), list("holds")]
        }
        SystemKind::Koha => ["opac-user.pl", "opac-account.pl"]
            .map(|script| get(&format!("/cgi-bin/koha/{script}")))
            .into(),
    }
}

fn render(state: &SiteState, number: &str, id: &str, token: &str, ask: Ask) -> String {
    let dialect = Dialect::of(state.site.system);
    let cookie = dialect.cookie;
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, value: &str| {
        // Ids are hexadecimal, so each is a header.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(name, value);
        }
    };
    add(header::COOKIE, &format!("{cookie}={id}"));
    if state.site.system == SystemKind::Bibliocommons {
        add(header::COOKIE, &format!("bc_access_token={token}"));
    }
    if ask.path.contains("accordion") {
        add(
            HeaderName::from_static("x-requested-with"),
            "XMLHttpRequest",
        );
        add(HeaderName::from_static("sdcsrf"), token);
    }
    let (path, query) = ask.path.split_once('?').unwrap_or((&ask.path, ""));
    let zone = ("t:zoneid".to_owned(), "zone".to_owned());
    let asked = Asked {
        method: if ask.is_post {
            Method::POST
        } else {
            Method::GET
        },
        path: path.to_owned(),
        query: query.to_owned(),
        base: "http://127.0.0.1".to_owned(),
        headers,
        form: ask.is_post.then_some(zone).into_iter().collect(),
    };
    let desk = Desk {
        state,
        asked: &asked,
        settings: state.switches.settings(),
        cookie,
        surplus: 0,
        login_host: None,
        other_patron: None,
        tricky_titles: false,
        patron_seen: RefCell::new(Some(number.to_owned())),
    };
    let page = (dialect.page)(&desk);
    String::from_utf8_lossy(&page.body).into_owned()
}
