//! Fetches an account whose pages have their state in a script: only those with entries.

use hippo_browser::{Page, Session, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};

use super::description::StateDescription;
use super::paged_list::{ListPage, ListPart};
use super::state::{AccountState, StatePage, join_states, open_state, read_state};

/// The maximum number of pages that a list may state.
const MAX_LIST_PAGES: u32 = 40;

/// A visit to a card's account, with what its pages said so far.
struct StateVisit<'a, 's> {
    description: &'static StateDescription,
    session: &'a mut Session<'s>,
    pages: Vec<AccountState>,
}

/// Reads the whole account after the login, whose answer may be the first page of the loans.
pub(crate) async fn read_account(
    description: &'static StateDescription,
    answer: &Page,
    session: &mut Session<'_>,
) -> Result<Account, Failure> {
    let pages = Vec::new();
    let mut visit = StateVisit {
        description,
        session,
        pages,
    };
    visit.fetch_account(answer).await?;
    let (session, pages) = (visit.session, visit.pages);
    let context = session.read_context();
    let account = join_states(description, pages, session.unknown_account(), &context)?;
    if account.loans.is_none() || account.holds.is_none() {
        return Err(Failure::page_changed(
            "the fetched pages are not the whole account",
        ));
    }
    Ok(account)
}

impl StateVisit<'_, '_> {
    async fn fetch_account(&mut self, answer: &Page) -> Result<(), Failure> {
        let (loans, holds) = (&self.description.loans, &self.description.holds);
        let is_first = |page: &AccountState| {
            let page = page.loans.as_ref();
            page.is_some_and(|page| page.number == 1 && page.part == ListPart::Whole)
        };
        let first = match self.read_answer(answer)?.filter(is_first) {
            Some(page) => page,
            None => self.fetch(loans.address, None).await?,
        };
        let states: Vec<String> = match &first.totals.holds {
            Some(totals) => totals.by_state.keys().cloned().collect(),
            None => holds.states().map(str::to_owned).collect(),
        };
        let pages = count_pages(first.loans.as_ref(), loans.address)?;
        self.pages.push(first);
        self.fetch_further(loans.address, pages).await?;
        for state in states {
            let address = address_of_state(holds.address, &state)?;
            let first = self.fetch(&address, None).await?;
            let pages = count_pages(first.holds.as_ref(), &address)?;
            self.pages.push(first);
            self.fetch_further(&address, pages).await?;
        }
        Ok(())
    }

    /// Fetches the second and further pages of a list.
    async fn fetch_further(&mut self, address: &str, pages: u32) -> Result<(), Failure> {
        for number in 2..=pages {
            let page = self.fetch(address, Some(number)).await?;
            self.pages.push(page);
        }
        Ok(())
    }

    async fn fetch(&mut self, address: &str, number: Option<u32>) -> Result<AccountState, Failure> {
        let mut url = self.session.url(address)?;
        if let Some(number) = number {
            let parameter = self.description.number_parameter;
            url.query_pairs_mut()
                .append_pair(parameter, &number.to_string());
        }
        let page = self.session.get(&url).await?;
        let failure = match self.read(&page) {
            Ok(FetchedPage::Account(account)) => return Ok(*account),
            Ok(FetchedPage::Anonymous) => self.session.failure_for_login_page(&page, "the account"),
            Ok(FetchedPage::Unknown(failure)) => interstitial(&page).unwrap_or(failure),
            Err(failure) => failure,
        };
        let detail = format!("{address}: {}", failure.detail);
        Err(Failure { detail, ..failure })
    }

    /// Reads the answer to the login. `None` for a page that doesn't show whether the login succeeded, such as a
    /// dashboard or a notice: the page of the loans does.
    fn read_answer(&mut self, page: &Page) -> Result<Option<AccountState>, Failure> {
        let detail = match self.read(page)? {
            FetchedPage::Account(account) => return Ok(Some(*account)),
            FetchedPage::Anonymous => "a page without a logged-in user".to_owned(),
            FetchedPage::Unknown(failure) => failure.detail,
        };
        // Without a form, 422 means that the token was rejected: the PIN was not checked.
        if page.status >= 400 {
            return Err(self.session.failure_for_unknown_answer(page, &detail));
        }
        interstitial(page).map_or(Ok(None), Err)
    }

    /// Reads a page. A login form, or a demand of the site, is the failure that it means.
    fn read(&mut self, page: &Page) -> Result<FetchedPage, Failure> {
        let demand = &self.description.demand;
        let opened = if demand.is_at(page.url.path()) {
            Err(demand.failure())
        } else {
            open_state(self.description, &page.body)
        };
        match opened {
            Ok(StatePage::Account(state)) => {
                self.session.mark_logged_in();
                let context = self.session.read_context();
                let account = read_state(self.description, &state, &context)?;
                Ok(FetchedPage::Account(Box::new(account)))
            }
            Ok(StatePage::Anonymous) => Ok(FetchedPage::Anonymous),
            // A refusal after a page that showed us logged in is about something else.
            Ok(StatePage::Login(Some(failure))) if !self.session.is_logged_in() => {
                Err(self.session.expired_only_after_login(failure))
            }
            Ok(StatePage::Login(_)) => {
                Err(self.session.failure_for_login_page(page, "the account"))
            }
            // The site demands something only of who is logged in.
            Err(failure) if failure.kind == FailureKind::CardBlocked => {
                self.session.mark_logged_in();
                Err(failure)
            }
            Err(failure) => Ok(FetchedPage::Unknown(failure)),
        }
    }
}

/// A fetched page, by what it is.
enum FetchedPage {
    Account(Box<AccountState>),
    /// One with its state, while nobody is logged in.
    Anonymous,
    /// Another page, and why it can't be read.
    Unknown(Failure),
}

/// Returns the number of pages of the list on the page at this address.
fn count_pages<E>(page: Option<&ListPage<E>>, address: &str) -> Result<u32, Failure> {
    let no_list = || Failure::page_changed(format!("{address} has no list"));
    let pages = page.ok_or_else(no_list)?.pages;
    if pages > MAX_LIST_PAGES {
        let detail = format!("{address} claims to have {pages} pages");
        return Err(Failure::page_changed(detail));
    }
    Ok(pages)
}

/// Returns the address of the entries in a state: `SUSPENDED` is at `holds/suspended`.
fn address_of_state(list: &str, state: &str) -> Result<String, Failure> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if state.is_empty() || !state.bytes().all(is_plain) {
        return Err(Failure::page_changed("a state with an unusual name"));
    }
    Ok(format!("{list}/{}", state.to_ascii_lowercase()))
}
