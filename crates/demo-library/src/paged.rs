//! Sites whose account is a few pages: a table of pages for each system.

use std::fmt::Write as _;

use axum::http::Method;

use crate::page::{Page, SiteRequest};
use crate::page_context::PageContext;
use crate::site::Patron;

/// A system's site.
pub(crate) struct PagedSite {
    /// The session cookie's name.
    pub(crate) cookie: &'static str,
    /// Where the login form is sent.
    pub(crate) login: Address,
    /// The names of the form's fields.
    pub(crate) number: &'static str,
    pub(crate) pin: &'static str,
    /// Renders the login page, with an error or without.
    pub(crate) login_page: fn(&PageContext<'_>, Option<&str>) -> String,
    /// The words that refuse a number or PIN.
    pub(crate) refusal: &'static str,
    /// Whether an accepted login is redirected to the first page, instead of answered with it.
    pub(crate) redirects: bool,
    /// The pages of the account, in the order of a check.
    pub(crate) pages: &'static [AccountPage],
    /// The address that ends the session.
    pub(crate) logout: Address,
    /// The page for everybody.
    pub(crate) catalogue: fn(&PageContext<'_>) -> String,
    /// Parts of the addresses that change something.
    pub(crate) changing: &'static [&'static str],
    /// The names that a changed layout replaces.
    pub(crate) renamed: &'static [(&'static str, &'static str)],
}

/// A page of an account.
pub(crate) struct AccountPage {
    pub(crate) address: Address,
    pub(crate) render: fn(&PageContext<'_>, &Patron) -> String,
}

/// A path, and what its query must contain.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    pub(crate) path: &'static str,
    pub(crate) query: &'static str,
}

impl Address {
    fn is_of(self, request: &SiteRequest) -> bool {
        self.path.eq_ignore_ascii_case(&request.path) && request.query.contains(self.query)
    }

    pub(crate) fn path_and_query(self) -> String {
        match self.query {
            "" => self.path.to_owned(),
            query => format!("{}?{query}", self.path),
        }
    }
}

impl PagedSite {
    pub(crate) fn is_login(&self, request: &SiteRequest) -> bool {
        self.login.is_of(request) && request.field(self.number).is_some()
    }

    pub(crate) fn changes_state(&self, request: &SiteRequest) -> bool {
        let address = request.path_and_query().to_ascii_lowercase();
        let is_login = request.method == Method::POST && self.is_login(request);
        self.changing.iter().any(|part| address.contains(part))
            || (request.method != Method::GET && !is_login)
    }

    /// Answers a request. Letters that are not ASCII become references, so that no wrong charset changes them.
    pub(crate) fn page(&self, context: &PageContext<'_>) -> Page {
        let mut page = self.answer(context);
        if let Ok(body) = str::from_utf8(&page.body) {
            page.body = with_references(body).into_bytes();
        }
        page
    }

    fn answer(&self, context: &PageContext<'_>) -> Page {
        let request = context.request;
        if request.method == Method::POST && self.is_login(request) {
            return self.log_in(context);
        }
        if self.logout.is_of(request) {
            if let Some(id) = request.cookie(self.cookie) {
                context.sessions(|sessions| sessions.close(&id));
            }
            return Page::html((self.catalogue)(context)).without_cookie(self.cookie);
        }
        if let Some(page) = self.pages.iter().find(|page| page.address.is_of(request)) {
            return self.account_page(context, page);
        }
        if self.login.is_of(request) {
            return self.show_login(context, None);
        }
        match request.path.as_str() {
            "/" => Page::html((self.catalogue)(context)),
            _ => Page::not_found(),
        }
    }

    fn account_page(&self, context: &PageContext<'_>, page: &AccountPage) -> Page {
        match context.patron() {
            Some((_, patron)) => Page::html((page.render)(context, &patron)).showing_account(),
            None => self.show_login(context, None),
        }
    }

    fn show_login(&self, context: &PageContext<'_>, error: Option<&str>) -> Page {
        let (id, _) = context.session_or_new();
        Page::html((self.login_page)(context, error)).with_cookie(self.cookie, &id)
    }

    fn log_in(&self, context: &PageContext<'_>) -> Page {
        // A form from another session is shown again, as sites with a token do.
        if context.session().is_none() {
            return self.show_login(context, None);
        }
        let number = context
            .request
            .field(self.number)
            .unwrap_or_default()
            .trim();
        let pin = context.request.field(self.pin).unwrap_or_default();
        if !context.log_in(number, pin, None) {
            let says_so = !context.settings.refuses_silently;
            return self.show_login(context, says_so.then_some(self.refusal));
        }
        let (id, _) = context.open_session(number);
        let shown = context.other_patron.as_deref().unwrap_or(number);
        let (Some(first), Some((_, patron))) = (self.pages.first(), context.patron_of(shown))
        else {
            return self.show_login(context, None);
        };
        let page = if self.redirects {
            let to = first.address.path_and_query();
            Page::redirect(format!("{}{to}", context.request.base))
        } else {
            Page::html((first.render)(context, &patron)).showing_account()
        };
        page.with_cookie(self.cookie, &id)
    }
}

fn with_references(body: &str) -> String {
    let mut ascii = String::with_capacity(body.len());
    for character in body.chars() {
        if character.is_alphabetic() && !character.is_ascii() || "€¬–«»".contains(character)
        {
            // Writing to a String cannot fail.
            let _ = write!(ascii, "&#{};", u32::from(character));
        } else {
            ascii.push(character);
        }
    }
    ascii
}

/// `12,50` for 1250 cents.
pub(crate) fn with_comma(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{},{:02}", cents.abs() / 100, cents.abs() % 100)
}
