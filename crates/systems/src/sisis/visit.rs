//! Logs in to SISIS or `TouchPoint`, and fetches the lists.

use hippo_browser::reading::{Css, element_text, first_number, parse_page};
use hippo_browser::{Page, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use scraper::ElementRef;
use url::Url;

use crate::list_reader::{
    AccountDescription, LoginDescription, fetch_further, is_account_page, join_visited,
    log_in_by_button, read_part,
};

static BUTTON: Css = Css::new("input[type=submit][name=login_action]");
static LOGOUT: Css = Css::new("a[href*='methodToCall=logout']");
/// The link on a page of messages between the login and the account.
static GO_ON: Css = Css::new("a[href*='login.do'][href*='methodToCall=done']");
static MESSAGE: Css = Css::new(".alert, .error, .textrot");
static PAGES: Css = Css::new(".box-right a, .pagination a");

/// The addresses of one of the two systems.
pub(crate) struct Addresses {
    /// The account, which asks for the login.
    pub(crate) start: &'static str,
    pub(crate) loans: &'static str,
    /// The lists of holds, and the tabs that have their counts.
    pub(crate) holds: [(&'static str, Css); 2],
}

/// The descriptions of one of the two systems.
#[derive(Clone, Copy)]
pub(crate) struct Descriptions {
    pub(crate) account: &'static AccountDescription,
    pub(crate) login: &'static LoginDescription,
}

/// Logs in and reads the lists. A list of holds whose tab says that it is empty is not fetched.
pub(crate) async fn read_account(
    session: &mut Session<'_>,
    addresses: &'static Addresses,
    descriptions: Descriptions,
) -> Result<Account, Failure> {
    let Descriptions { account, login } = descriptions;
    let start = session.url(addresses.start)?;
    let logout = session.url("login.do?methodToCall=logout")?;
    let page = session.get(&start).await?;
    let answer = log_in_by_button(session, login, &BUTTON, &page, &logout).await?;
    let (mut page, messages) = pass_messages(session, login, answer).await?;
    let loans = session.url(addresses.loans)?;
    let is_elsewhere = !is_account_page(account, login, &page.body) && login.is_passed(&page);
    if is_elsewhere && shows(&page, &LOGOUT) {
        session.mark_logged_in();
        page = session.get(&loans).await?;
    }
    let mut first = read_part(session, account, login, &page)?;
    if first.loans().0.is_none() {
        page = session.get(&loans).await?;
        first = read_part(session, account, login, &page)?;
    }
    for message in messages {
        first.add_message(message);
    }
    let mut parts = vec![first];
    parts.extend(fetch_further(session, account, login, &page, find_further).await?);
    for (address, tab) in &addresses.holds {
        if count_of(&page, tab)? == Some(0) {
            continue;
        }
        let address = session.url(address)?;
        let page = session.get(&address).await?;
        let part = read_part(session, account, login, &page)?;
        if part.holds().0.is_none() {
            return Err(Failure::page_changed("a page without the list of holds"));
        }
        parts.push(part);
        parts.extend(fetch_further(session, account, login, &page, find_further).await?);
    }
    join_visited(session, account, parts)
}

/// Goes on from a page of messages to the account, and returns the messages.
async fn pass_messages(
    session: &mut Session<'_>,
    login: &'static LoginDescription,
    page: Page,
) -> Result<(Page, Vec<String>), Failure> {
    let is_passed = !shows(&page, &login.is_form);
    if !(is_passed && shows(&page, &GO_ON) && shows(&page, &LOGOUT)) {
        return Ok((page, Vec::new()));
    }
    session.mark_logged_in();
    let messages = parse_page(&page.body)?;
    let messages = MESSAGE
        .all(messages.root_element())
        .map(element_text)
        .collect();
    let next = session.url("login.do?methodToCall=done")?;
    Ok((session.get(&next).await?, messages))
}

fn shows(page: &Page, css: &'static Css) -> bool {
    parse_page(&page.body).is_ok_and(|page| css.is_in(page.root_element()))
}

fn count_of(page: &Page, tab: &'static Css) -> Result<Option<u32>, Failure> {
    let page = parse_page(&page.body)?;
    let tab = tab.first(page.root_element());
    Ok(tab.and_then(|tab| first_number(&element_text(tab))))
}

/// Finds the addresses of a list's second and further pages: links whose text is the page's number.
fn find_further(root: ElementRef<'_>, page: &Url) -> Vec<Url> {
    let is_further = |link: &ElementRef<'_>| {
        let number = element_text(*link).parse::<u32>();
        number.is_ok_and(|number| number > 1)
    };
    PAGES
        .all(root)
        .filter(is_further)
        .filter_map(|link| address_of(link, page))
        .collect()
}

fn address_of(link: ElementRef<'_>, page: &Url) -> Option<Url> {
    let script = link.attr("onclick").unwrap_or_default();
    if let Some(place) = script.split_once("navigate('").map(|(_, place)| place) {
        let (list, rest) = place.split_once("','")?;
        let (position, _) = rest.split_once('\'')?;
        let mut url = page.join("userAccount.do").ok()?;
        url.query_pairs_mut()
            .append_pair("methodToCall", "pos")
            .append_pair("accountTyp", list)
            .append_pair("anzPos", position);
        return Some(url);
    }
    let url = page.join(link.attr("href")?).ok()?;
    let only_reads = url
        .query_pairs()
        .any(|(name, value)| name == "methodToCall" && matches!(&*value, "pos" | "showAccount"));
    (url.path().ends_with("/userAccount.do") && only_reads).then_some(url)
}
