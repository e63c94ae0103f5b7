//! Renders account pages without a server, to test their readers.

use std::cell::RefCell;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::dialect::Dialect;
use crate::page::SiteRequest;
use crate::page_context::PageContext;
use crate::server::DemoLibrary;
use crate::site::{Generation, SystemKind};
use crate::state::SiteState;

/// A request for a page: the path with its query, and whether it is a POST.
struct PageRequest {
    path: String,
    is_post: bool,
}

impl DemoLibrary {
    /// The pages of a patron's account, in the order of a check. Empty for an unknown number. Without faults, and
    /// not logged.
    #[must_use]
    pub fn account_pages(&self, number: &str) -> Vec<String> {
        let state = self.state();
        let Some((index, patron)) = state.patron(number) else {
            return Vec::new();
        };
        let (id, session) = state.with_sessions(|sessions| sessions.open(Some(number)));
        let pages = page_requests(state, index, patron.loans.len())
            .into_iter()
            .map(|page_request| render(state, number, &id, &session.access_token, page_request))
            .collect();
        state.with_sessions(|sessions| sessions.close(&id));
        pages
    }
}

fn page_requests(state: &SiteState, index: usize, loans: usize) -> Vec<PageRequest> {
    let get = |path: &str| PageRequest {
        path: path.to_owned(),
        is_post: false,
    };
    if let Some(site) = Dialect::for_system(state.site.system).table() {
        let pages = site.pages.iter();
        return pages
            .map(|page| get(&page.address.path_and_query()))
            .collect();
    }
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
            .map(|list| get(&format!("/patroninfo~S1/{}/{list}", 1_000_001 + index)))
            .into(),
        SystemKind::Enterprise => {
            let root = "/client/en_US/default/search/account";
            let is_newer = state.site.generation == Generation::Newer;
            let list = |list: &str| PageRequest {
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
        SystemKind::SymphonyWs => vec![get(&crate::symphony_ws::patron_path(index))],
        // The other sites have tables.
        _ => Vec::new(),
    }
}

fn render(
    state: &SiteState,
    number: &str,
    id: &str,
    token: &str,
    page_request: PageRequest,
) -> String {
    let dialect = Dialect::for_system(state.site.system);
    let cookie = dialect.cookie;
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, value: &str| {
        // Can't fail: ids are hexadecimal.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(name, value);
        }
    };
    add(header::COOKIE, &format!("{cookie}={id}"));
    if state.site.system == SystemKind::SymphonyWs {
        add(HeaderName::from_static(cookie), id);
    }
    if state.site.system == SystemKind::Bibliocommons {
        add(header::COOKIE, &format!("bc_access_token={token}"));
    }
    if page_request.path.contains("accordion") {
        add(
            HeaderName::from_static("x-requested-with"),
            "XMLHttpRequest",
        );
        add(HeaderName::from_static("sdcsrf"), token);
    }
    let (path, query) = page_request
        .path
        .split_once('?')
        .unwrap_or((&page_request.path, ""));
    let zone = ("t:zoneid".to_owned(), "zone".to_owned());
    let request = SiteRequest {
        method: if page_request.is_post {
            Method::POST
        } else {
            Method::GET
        },
        path: path.to_owned(),
        query: query.to_owned(),
        base: "http://127.0.0.1".to_owned(),
        headers,
        form: page_request.is_post.then_some(zone).into_iter().collect(),
    };
    let context = PageContext {
        state,
        request: &request,
        settings: state.switches.settings(),
        cookie,
        surplus: 0,
        login_host: None,
        other_patron: None,
        tricky_titles: false,
        request_patron: RefCell::new(Some(number.to_owned())),
    };
    let page = dialect.page(&context);
    String::from_utf8_lossy(&page.body).into_owned()
}
