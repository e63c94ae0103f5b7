//! A visit to a described account: logs in, fetches its pages, and collects what they say.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use hippo_browser::reading::{Css, Element, element_text};
use hippo_browser::{Form, Page, Session, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use super::account::{join_parts, read_account};
use super::description::{AccountDescription, PageKind};
use super::login::LoginDescription;
use super::page::OpenPage;
use super::part::AccountPart;

/// The most pages that follow a list's first; a page has at least ten entries.
const MAX_FURTHER_PAGES: usize = 100;

/// A visit to a card's account, with what its pages said so far.
pub(crate) struct AccountVisit<'a, 's> {
    pub(crate) session: &'a mut Session<'s>,
    account: &'static AccountDescription,
    pub(super) login: &'static LoginDescription,
    parts: Vec<AccountPart>,
    /// The page that was opened last, since most are asked for several things.
    opened: RefCell<Option<Rc<OpenPage<'static>>>>,
}

/// The links to a list's second and further pages: those whose text is the page's number.
pub(crate) struct FurtherPages {
    pub(crate) links: Css,
    /// Returns the address of a link on this page. `None` if it leads elsewhere.
    pub(crate) address: fn(Element<'_>, &Url) -> Option<Url>,
}

impl FurtherPages {
    /// Finds the addresses of the list's pages but the first.
    fn find_addresses(&'static self, root: Element<'_>, page: &Url, first: &Url) -> Vec<Url> {
        let is_further = |link: &Element<'_>| {
            let number = element_text(*link).parse::<u32>();
            number.is_ok_and(|number| number > 1)
        };
        let links = self.links.all(root).filter(is_further);
        links
            .filter_map(|link| (self.address)(link, page))
            .filter(|url| url.origin() == page.origin() && url != first)
            .collect()
    }
}

impl<'a, 's> AccountVisit<'a, 's> {
    pub(super) fn new(
        account: &'static AccountDescription,
        login: &'static LoginDescription,
        session: &'a mut Session<'s>,
    ) -> Self {
        Self {
            session,
            account,
            login,
            parts: Vec::new(),
            opened: RefCell::new(None),
        }
    }

    /// Fetches the page with the login form, fills the form in and sends it, once. The visit ends with the logout.
    pub(crate) async fn log_in(&mut self, form: &str, logout: &str) -> Result<Page, Failure> {
        let page = self.get(form).await?;
        let logout = self.session.url(logout)?;
        self.log_in_on(&page, &logout).await
    }

    /// Fetches the page with the login form where several sites may have a central one. A site that has nothing or another
    /// page there has a page of its own.
    pub(crate) async fn fetch_login(&mut self, central: &Url, own: &Url) -> Result<Page, Failure> {
        let page = self.session.get_optional(central).await?;
        match page.map(|page| self.find_form(&page).map(|_| page)) {
            Some(Ok(page)) => Ok(page),
            Some(Err(failure)) if failure.kind != FailureKind::PageChanged => Err(failure),
            _ => self.session.get(own).await,
        }
    }

    /// Like [`Self::log_in`], with a page that was fetched.
    pub(crate) async fn log_in_on(&mut self, page: &Page, logout: &Url) -> Result<Page, Failure> {
        let form = self.fill_form(page)?;
        self.session.log_out_at_end(logout);
        self.session.log_in(form).await
    }

    /// Fills in the login form of a page.
    pub(crate) fn fill_form(&self, page: &Page) -> Result<Form, Failure> {
        let mut form = self.find_form(page)?;
        self.login.fill_in(&mut form, self.session)?;
        Ok(form)
    }

    /// Finds the login form of a page. The site's own error page in its place is the failure that it means.
    fn find_form(&self, page: &Page) -> Result<Form, Failure> {
        let open = self.open(page)?;
        match open.kind {
            PageKind::Broken => Err(PageKind::Broken.into_failure()),
            _ => self.login.find_form(page, &open.parsed),
        }
    }

    /// Fetches any page.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Page, Failure> {
        let url = self.session.url(path)?;
        self.session.get(&url).await
    }

    /// Fetches a page of the account, and adds what it says.
    pub(crate) async fn fetch(&mut self, path: &str) -> Result<Page, Failure> {
        let page = self.get(path).await?;
        self.add(&page)?;
        Ok(page)
    }

    /// Fetches the pages on which the list of a page goes on, each once, and adds what they say.
    pub(crate) async fn fetch_further(
        &mut self,
        first: &Page,
        further: &'static FurtherPages,
    ) -> Result<(), Failure> {
        let (mut known, mut in_order) = (HashSet::new(), Vec::new());
        let mut found = further.find_addresses(self.open(first)?.root(), &first.url, &first.url);
        for fetched in 0.. {
            for url in found {
                if known.insert(url.clone()) {
                    in_order.push(url);
                }
                if in_order.len() > MAX_FURTHER_PAGES {
                    return Err(Failure::page_changed("a list on too many pages"));
                }
            }
            let Some(next) = in_order.get(fetched) else {
                break;
            };
            let page = self.session.get(next).await?;
            self.add(&page)?;
            found = further.find_addresses(self.open(&page)?.root(), &page.url, &first.url);
        }
        Ok(())
    }

    /// Adds what a page of the account says that was fetched, perhaps the answer to the login.
    pub(crate) fn add(&mut self, page: &Page) -> Result<(), Failure> {
        let part = self.read(page)?;
        self.add_part(part);
        Ok(())
    }

    pub(crate) fn add_part(&mut self, part: AccountPart) {
        self.parts.push(part);
    }

    /// Adds an overview, and what is at the addresses of the two lists. A list counts only from its own address, since
    /// another page may repeat it.
    ///
    /// A list that isn't there is empty if neither the page in its place nor the overview links to it.
    pub(crate) fn add_lists(
        &mut self,
        overview: AccountPart,
        mut loans: AccountPart,
        mut holds: AccountPart,
    ) -> Result<(), Failure> {
        let has_loans = loans.loans.add_unlinked(&overview.loans);
        if !holds.holds.add_unlinked(&overview.holds) || !has_loans {
            return Err(Failure::page_changed(
                "a list is missing, but no overview without a link to it says that it is empty",
            ));
        }
        loans.holds = loans.holds.only_total();
        holds.loans = holds.loans.only_total();
        self.parts.extend([overview.without_lists(), loans, holds]);
        Ok(())
    }

    /// Reads a page of the account. Another page is the failure that it means.
    pub(crate) fn read(&mut self, page: &Page) -> Result<AccountPart, Failure> {
        let open = self.open(page)?;
        if matches!(open.kind, PageKind::Account) {
            self.session.mark_logged_in();
            return read_account(self.account, &open, &self.session.read_context());
        }
        Err(self.failure_of(open.kind.clone(), page))
    }

    /// Tells what a page is.
    pub(crate) fn kind_of(&self, page: &Page) -> Result<PageKind, Failure> {
        Ok(self.open(page)?.kind.clone())
    }

    /// Opens a page, once for all that it is asked for.
    fn open(&self, page: &Page) -> Result<Rc<OpenPage<'static>>, Failure> {
        let mut opened = self.opened.borrow_mut();
        if let Some(open) = opened.as_ref().filter(|open| open.body == page.body) {
            return Ok(Rc::clone(open));
        }
        let body = Cow::Owned(page.body.clone());
        let open = OpenPage::open(body, self.account, self.login)
            .map_err(|failure| interstitial(page).unwrap_or(failure))?;
        Ok(Rc::clone(opened.insert(Rc::new(open))))
    }

    /// Asks something of a page that was fetched.
    pub(crate) fn ask<T>(
        &self,
        page: &Page,
        question: impl FnOnce(Element<'_>) -> T,
    ) -> Result<T, Failure> {
        Ok(question(self.open(page)?.root()))
    }

    /// Returns the failure of a page in place of one of the account.
    pub(crate) fn failure_of(&self, kind: PageKind, page: &Page) -> Failure {
        let session = &*self.session;
        match kind {
            // A refusal after a page that showed us logged in is about something else.
            PageKind::Failed(failure)
                if failure.kind != FailureKind::WrongCredentials || !session.is_logged_in() =>
            {
                session.expired_only_after_login(failure)
            }
            PageKind::Login | PageKind::Failed(_) => {
                session.failure_for_login_page(page, "the account")
            }
            PageKind::Broken => PageKind::Broken.into_failure(),
            PageKind::Account | PageKind::Unknown => {
                session.failure_for_unknown_answer(page, "neither the account nor the login form")
            }
        }
    }

    /// Whether a page has the login form.
    pub(crate) fn shows_login(&self, page: &Page) -> bool {
        self.open(page)
            .is_ok_and(|open| self.login.is_shown(open.root()))
    }

    /// Whether a page is neither one of the account, nor the login form, nor has a message that refuses the login.
    pub(crate) fn is_elsewhere(&self, page: &Page) -> bool {
        matches!(self.kind_of(page), Ok(PageKind::Unknown))
    }

    /// Whether a page so far has the answer to a question.
    pub(crate) fn knows(&self, answers: fn(&AccountPart) -> bool) -> bool {
        self.parts.iter().any(answers)
    }

    /// Joins the pages. A list that none of them has must be one that the site says is empty.
    pub(super) fn join(self) -> Result<Account, Failure> {
        let mut account = join_parts(self.account, self.parts, self.session.unknown_account())?;
        // The site's own total of none is its word for an empty list.
        if account.declared.loans == Some(0) {
            account.loans.get_or_insert_default();
        }
        if account.declared.holds == Some(0) {
            account.holds.get_or_insert_default();
        }
        match (&account.loans, &account.holds) {
            (Some(_), Some(_)) => Ok(account),
            (None, _) => Err(Failure::page_changed(
                "no list of loans, and no word that there are none",
            )),
            (_, None) => Err(Failure::page_changed(
                "no list of holds, and no word that there are none",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use hippo_browser::reading::parse_page;

    static FURTHER: FurtherPages = FurtherPages {
        links: Css::new("nav a"),
        address: |link, page| page.join(link.attr("href")?).ok(),
    };

    #[test]
    fn further_pages_are_those_with_a_number_at_the_same_site() {
        let links = "<nav><a href=?page=1>1</a><a href=?page=2>2</a><a href=?page=3>3</a><a href=?page=2>next</a>\
                     <a href=https://other.test/?page=4>4</a></nav><a href=?page=5>5</a>";
        let first = Url::parse("https://books.test/loans").unwrap();
        let page = Url::parse("https://books.test/loans?page=3").unwrap();
        let parsed = parse_page(links).unwrap();
        let root = parsed.root_element();
        let found = FURTHER.find_addresses(root, &page, &first);
        let found: Vec<_> = found.iter().filter_map(Url::query).collect();
        assert_eq!(found, ["page=2", "page=3"]);
        let found = FURTHER.find_addresses(root, &page, &page);
        assert_eq!(found.len(), 1, "the first page was read already");
    }
}
