//! Logs in by CAS and fetches the patron's summary and the two lists.

use hippo_browser::reading::parse_page;
use hippo_browser::{Form, Page};
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use super::addresses::{scope_suffix, split_account_path};
use super::login;
use super::summary::{links_to, would_link_to_lists};
use crate::links::at_path;
use crate::list_reader::{AccountPart, AccountVisit, PageKind};

/// Logs in, reads the summary and both lists.
pub(super) async fn fetch_account(visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
    let session = &*visit.session;
    let scope = scope_suffix(session.library())
        .ok_or_else(|| Failure::page_changed("the library's option “scope” must look like S3"))?;
    let service = session.url(&format!("patroninfo{scope}/IIITICKET"))?;
    let mut cas = session.url("iii/cas/login")?;
    cas.query_pairs_mut()
        .append_pair("service", service.as_str());
    if let Some(number) = scope.strip_prefix("~S") {
        cas.query_pairs_mut().append_pair("scope", number);
    }
    let logout = session.url(&format!("logout{scope}"))?;
    let account = session.url(&format!("patroninfo{scope}"))?;
    let mut form = fetch_form(visit, &cas, &account).await?;
    login::fill_form(&mut form, visit.session)?;
    visit.session.log_out_at_end(&logout);
    let landing = visit.session.log_in(form).await?;
    let location = locate_account(&landing, visit)?;
    // Some libraries redirect to another account page first. A list's own page may have no link to itself, so that a
    // missing link there proves nothing.
    let summary = if is_summary_url(&landing.url) {
        AccountPage::read(landing, visit)?
    } else {
        fetch_page(visit, &location, "top").await?
    };
    let items = fetch_page(visit, &location, "items").await?;
    let holds = fetch_page(visit, &location, "holds").await?;
    let (record, _) = split_account_path(location.path()).unwrap_or_default();
    for part in choose_parts(summary, items, holds, record)? {
        visit.add_part(part);
    }
    Ok(())
}

/// Fetches the login form: CAS's, or the catalogue's own if an older site has nothing or another page in CAS's place.
async fn fetch_form(
    visit: &mut AccountVisit<'_, '_>,
    cas: &Url,
    account: &Url,
) -> Result<Form, Failure> {
    if let Some(page) = visit.session.get_optional(cas).await? {
        match login::find_form(&page, visit) {
            Err(failure) if failure.kind == FailureKind::PageChanged => {}
            outcome => return outcome,
        }
    }
    let page = visit.session.get(account).await?;
    login::find_form(&page, visit)
}

/// Locates the account from the response to the login.
///
/// CAS also shows the form without a message if its ticket (`lt`) was used before. Ours is
/// fresh, so the form counts as a refusal.
fn locate_account(landing: &Page, visit: &AccountVisit<'_, '_>) -> Result<Url, Failure> {
    let kind = visit.kind_of(landing)?;
    let location = account_location(&landing.url);
    // The catalogue refuses in the response or through its login page, `…/patroninfo~S3`, and redirects a patron whom it
    // accepted.
    let is_elsewhere = location.is_some() || !landing.url.path().contains("/patroninfo");
    let is_accepted =
        has_small_form(landing, visit) && visit.session.was_redirected() && is_elsewhere;
    if matches!(kind, PageKind::Login | PageKind::Failed(_)) && !is_accepted {
        return Err(visit.failure_of(kind, landing));
    }
    location.ok_or_else(|| visit.failure_of(PageKind::Unknown, landing))
}

/// Whether a page has only the catalogue's own login form, which may be at the top of any page.
fn has_small_form(page: &Page, visit: &AccountVisit<'_, '_>) -> bool {
    matches!(visit.kind_of(page), Ok(PageKind::Login)) && !visit.shows_login(page)
}

/// Whether this is the summary's own page, `…/1307788/top`.
fn is_summary_url(url: &Url) -> bool {
    split_account_path(url.path()).is_some_and(|(_, part)| part == "top")
}

/// Returns the address of the account of a page in it: `…/patroninfo~S3/1307788`.
fn account_location(url: &Url) -> Option<Url> {
    let (record, _) = split_account_path(url.path())?;
    let (before, _) = url.path().split_once(&format!("/{record}"))?;
    Some(at_path(url, &format!("{before}/{record}")))
}

async fn fetch_page(
    visit: &mut AccountVisit<'_, '_>,
    location: &Url,
    name: &str,
) -> Result<AccountPage, Failure> {
    let url = at_path(location, &format!("{}/{name}", location.path()));
    let page = visit.session.get(&url).await?;
    AccountPage::read(page, visit)
}

/// A page of the account.
struct AccountPage {
    page: Page,
    part: AccountPart,
}

impl AccountPage {
    /// Reads a page after the login. The catalogue's own login form at its top proves nothing.
    fn read(page: Page, visit: &mut AccountVisit<'_, '_>) -> Result<Self, Failure> {
        if has_small_form(&page, visit) && account_location(&page.url).is_some() {
            return Err(visit.failure_of(PageKind::Unknown, &page));
        }
        let part = visit.read(&page)?;
        Ok(Self { page, part })
    }

    /// Whether the page is complete: it has its end tag, or ends with the comment that names its template.
    fn is_whole(&self) -> bool {
        let lower = self.page.body.to_ascii_lowercase();
        let last_comment = lower.trim_end().rsplit("<!--").next().unwrap_or_default();
        lower.contains("</html>")
            || (last_comment.contains("<screens/patronview") && last_comment.ends_with("-->"))
    }

    /// Whether the page states that a list is empty: it is a complete summary without a link to the list.
    ///
    /// It must link to the patron's record in the known way. Otherwise the link to the list may be there, too, but go
    /// unrecognised.
    fn lacks_link(&self, record: &str, list: &str, counts_none: bool) -> bool {
        let root = parse_page(&self.page.body);
        root.is_ok_and(|page| {
            let root = page.root_element();
            self.is_whole()
                && self.part.patrons.contains(record)
                && would_link_to_lists(root)
                && (counts_none || !links_to(root, list))
        })
    }
}

/// Chooses what each page is read for: one list only, so that a repeated list isn't counted twice.
///
/// A list that its page doesn't have must be empty. Both the summary and the page at the list's own address must state
/// it; the latter shows the summary when the list is empty.
fn choose_parts(
    summary: AccountPage,
    items: AccountPage,
    holds: AccountPage,
    record: &str,
) -> Result<[AccountPart; 3], Failure> {
    let states_none = |list: &AccountPage, name, counts_none: fn(&AccountPart) -> bool| {
        let mut pages = [&summary, list].into_iter();
        pages.all(|page| page.lacks_link(record, name, counts_none(&page.part)))
    };
    let has_no_items = states_none(&items, "items", AccountPart::counts_no_loans);
    let has_no_holds = states_none(&holds, "holds", AccountPart::counts_no_holds);
    let mut parts = [summary.part.without_lists(), items.part, holds.part];
    let [_, items, holds] = &mut parts;
    if !items.has_loans() && has_no_items {
        items.state_no_loans();
    }
    if !holds.has_holds() && has_no_holds {
        holds.state_no_holds();
    }
    if !items.has_loans() || !holds.has_holds() {
        return Err(Failure::page_changed(
            "a list is missing, but no summary without a link to it says that it is empty",
        ));
    }
    items.forget_holds();
    holds.forget_loans();
    for part in &mut parts {
        // No page may be another patron's.
        part.patrons.insert(record.to_owned());
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page_reader::PageReader as _;
    use crate::sierra::Sierra;
    use hippo_browser::ReadContext;
    use hippo_core::account::Account;

    const RECORD: &str = "1000007";

    fn read(summary: &str, list: &str) -> Result<Account, Failure> {
        let base_url = Url::parse("https://library.test").unwrap();
        let context = ReadContext {
            base_url: &base_url,
            date_format: None,
            timezone: chrono_tz::UTC,
            card_number: None,
        };
        let page = |links: &str| {
            let page = format!("<html><div class=patNameAddress>DOE, JO.{links}</div></html>");
            let part = Sierra.read_page(&page, &context).unwrap();
            let page = Page {
                url: base_url.clone(),
                status: 200,
                content_type: None,
                body: page,
            };
            AccountPage { page, part }
        };
        let parts = choose_parts(page(summary), page(list), page(list), RECORD)?;
        let account = Account::unknown("sierra".parse().unwrap());
        Sierra.join_parts(parts.into(), account, &context)
    }

    #[test]
    fn summary_is_believed_only_at_its_own_address() {
        for (path, expected) in [
            ("patroninfo~S3/1000007/top", true),
            ("patroninfo/1000007/top", true),
            ("patroninfo~S3/1000007/items", false),
            ("patroninfo~S3/1000007", false),
        ] {
            let url = Url::parse(&format!("https://library.test/{path}")).unwrap();
            assert_eq!(is_summary_url(&url), expected, "{path}");
        }
    }

    #[test]
    fn summary_without_the_known_links_states_no_empty_list() {
        let known = "<a href=/patroninfo~S1/1000007/mylists>My lists</a>";
        let account = read(known, known).unwrap();
        assert_eq!((account.loans, account.holds), (Some(vec![]), Some(vec![])));
        for other in [
            "",
            "<a href='/myaccount/1000007/items'>2 Items</a>",
            "<a href='#' onclick=go()>2 Items</a>",
        ] {
            for (summary, list) in [(known, other), (other, known), (other, other)] {
                let failure = read(summary, list).unwrap_err();
                assert_eq!(failure.kind, FailureKind::PageChanged);
                assert!(failure.detail.contains("without a link"), "{failure}");
            }
        }
    }
}
