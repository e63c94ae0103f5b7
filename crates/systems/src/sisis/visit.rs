//! Logs in to SISIS or `TouchPoint`, and fetches the lists.

use hippo_browser::Page;
use hippo_browser::reading::{Css, Element, element_text, first_number};
use hippo_core::failure::Failure;
use url::Url;

use crate::list_reader::{AccountPart, AccountVisit, FurtherPages};

static LOGOUT: Css = Css::new("a[href*='methodToCall=logout']");
/// The link on a page of messages between the login and the account.
static GO_ON: Css = Css::new("a[href*='login.do'][href*='methodToCall=done']");
static MESSAGE: Css = Css::new(".alert, .error, .textrot");
static FURTHER: FurtherPages = FurtherPages {
    links: Css::new(".box-right a, .pagination a"),
    address: find_further_address,
};

/// The page of a list, whose parameter follows.
const LIST: &str = "userAccount.do?methodToCall=showAccount&";

/// The addresses of one of the two systems.
pub(crate) struct ListAddresses {
    /// The account, which asks for the login.
    pub(crate) start: &'static str,
    /// The parameter of the list of loans.
    pub(crate) loans: &'static str,
    /// The parameters of the lists of holds, and the tabs that have their counts.
    pub(crate) holds: [(&'static str, Css); 2],
}

/// Logs in and fetches the lists. A list of holds whose tab says that it is empty is not fetched.
pub(crate) async fn fetch_account(
    visit: &mut AccountVisit<'_, '_>,
    addresses: &'static ListAddresses,
) -> Result<(), Failure> {
    let logout = "login.do?methodToCall=logout";
    let answer = visit.log_in(addresses.start, logout).await?;
    let mut page = pass_messages(visit, answer).await?;
    let loans = format!("{LIST}{}", addresses.loans);
    if visit.is_elsewhere(&page) && visit.ask(&page, |root| LOGOUT.is_in(root))? {
        visit.session.mark_logged_in();
        page = visit.get(&loans).await?;
    }
    let first = visit.read(&page)?;
    if first.has_loans() {
        visit.add_part(first);
    } else {
        page = visit.fetch(&loans).await?;
    }
    visit.fetch_further(&page, &FURTHER).await?;
    for (list, tab) in &addresses.holds {
        if visit.ask(&page, |root| count_in(root, tab))? == Some(0) {
            continue;
        }
        let page = visit.get(&format!("{LIST}{list}")).await?;
        let part = visit.read(&page)?;
        if !part.has_holds() {
            return Err(Failure::page_changed("a page without the list of holds"));
        }
        visit.add_part(part);
        visit.fetch_further(&page, &FURTHER).await?;
    }
    Ok(())
}

/// Goes on from a page of messages to the account, and adds the messages.
async fn pass_messages(visit: &mut AccountVisit<'_, '_>, page: Page) -> Result<Page, Failure> {
    let is_of_patron = |root: Element<'_>| GO_ON.is_in(root) && LOGOUT.is_in(root);
    if visit.shows_login(&page) || !visit.ask(&page, is_of_patron)? {
        return Ok(page);
    }
    visit.session.mark_logged_in();
    let messages = visit.ask(&page, |root| MESSAGE.all(root).map(element_text).collect())?;
    visit.add_part(AccountPart::from_messages(messages));
    visit.get("login.do?methodToCall=done").await
}

fn count_in(root: Element<'_>, tab: &'static Css) -> Option<u32> {
    first_number(&element_text(tab.first(root)?))
}

/// Returns the address of a list's page, which a script or the link has.
fn find_further_address(link: Element<'_>, page: &Url) -> Option<Url> {
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
