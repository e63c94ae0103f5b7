//! Logs in by CAS and fetches the patron's summary and the two lists.

use hippo_browser::reading::parse_page;
use hippo_browser::{Form, Page, Session};
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use super::addresses::{scope_suffix, split_account_path};
use super::login;
use super::summary::Summary;
use crate::list_reader::{AccountPart, AccountVisit, PageKind};

/// Logs in, reads the summary and both lists.
pub(super) async fn fetch_account(visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
    let session = &mut *visit.session;
    let scope = scope_suffix(session.library())?;
    let service = session.url(&format!("patroninfo{scope}/IIITICKET"))?;
    let mut cas = session.url("iii/cas/login")?;
    cas.query_pairs_mut()
        .append_pair("service", service.as_str());
    if let Some(number) = scope.strip_prefix("~S") {
        cas.query_pairs_mut().append_pair("scope", number);
    }
    let logout = session.url(&format!("logout{scope}"))?;
    let account = session.url(&format!("patroninfo{scope}"))?;
    let mut form = fetch_form(session, &cas, &account).await?;
    login::fill_form(&mut form, session)?;
    session.log_out_at_end(&logout);
    let landing = session.log_in(form).await?;
    let location = locate_account(&landing, visit)?;
    let (record, _) = split_account_path(location.path()).unwrap_or_default();

    let summary = match read_page(&landing, visit) {
        Ok(page) if is_summary_url(&landing.url) && page.would_link_to_lists() => page,
        Err(failure) if failure.kind != FailureKind::PageChanged => return Err(failure),
        // Some libraries redirect to another account page first. A list's own page may have no link to itself, so that
        // a missing link there proves nothing.
        _ => fetch_page(visit, &location, "top").await?,
    };
    if summary.summary.is_none() {
        return Err(Failure::page_changed("no summary of the patron"));
    }
    let items = fetch_page(visit, &location, "items").await?;
    let holds = fetch_page(visit, &location, "holds").await?;
    for part in choose_parts(summary, items, holds, record)? {
        visit.add_part(part);
    }
    Ok(())
}

/// A page of the account.
struct AccountPage {
    part: AccountPart,
    /// Its summary, if it has one.
    summary: Option<Summary>,
    /// Whether the page is complete.
    is_whole: bool,
}

impl AccountPage {
    fn new(part: AccountPart, body: &str) -> Result<Self, Failure> {
        Ok(Self {
            part,
            summary: Summary::find(parse_page(body)?.root_element()),
            is_whole: is_whole(body),
        })
    }

    /// Whether the page would link to a list with entries.
    fn would_link_to_lists(&self) -> bool {
        let summary = self.summary.as_ref();
        summary.is_some_and(Summary::would_link_to_lists)
    }
}

/// Fetches the login form: CAS's, or the catalogue's own if an older site has nothing or another page in CAS's place.
async fn fetch_form(session: &mut Session<'_>, cas: &Url, account: &Url) -> Result<Form, Failure> {
    let failure = match session.get_optional(cas).await? {
        Some(page) => match login::find_form(&page) {
            Err(failure) if failure.kind == FailureKind::PageChanged => failure,
            outcome => return outcome,
        },
        None => Failure::page_changed("no login page, neither of CAS nor of the catalogue"),
    };
    let page = session.get(account).await?;
    login::find_form(&page).map_err(|other| match other.kind {
        FailureKind::PageChanged => failure,
        _ => other,
    })
}

/// Locates the account from the response to the login.
///
/// CAS also shows the form without a message if its ticket (`lt`) was used before. Ours is
/// fresh, so the form counts as a refusal.
fn locate_account(landing: &Page, visit: &AccountVisit<'_, '_>) -> Result<Url, Failure> {
    let session = &*visit.session;
    match visit.kind_of(landing) {
        // The catalogue refuses in the response or through its login page, and redirects a patron whom it accepted.
        Ok(PageKind::Login)
            if !visit.shows_login(landing)
                && session.was_redirected()
                && !is_login_url(&landing.url) => {}
        Ok(PageKind::Failed(failure)) if failure.kind != FailureKind::SessionExpired => {
            return Err(failure);
        }
        Ok(PageKind::Login | PageKind::Failed(_)) => {
            return Err(session.failure_for_login_page(landing, "the account"));
        }
        _ => {}
    }
    account_location(&landing.url).ok_or_else(|| {
        login::interstitial_failure(landing).unwrap_or_else(|| {
            session
                .failure_for_unknown_answer(landing, "the login led to a page outside the account")
        })
    })
}

/// Whether this is the catalogue's login page: `…/patroninfo~S3`, without a patron's record.
fn is_login_url(url: &Url) -> bool {
    let last = url.path().trim_end_matches('/').rsplit('/').next();
    last.is_some_and(|last| last.starts_with("patroninfo"))
}

/// Whether this is the summary's own page, `…/1307788/top`.
fn is_summary_url(url: &Url) -> bool {
    split_account_path(url.path()).is_some_and(|(_, part)| part == "top")
}

/// Returns the address of the account of a page in it: `…/patroninfo~S3/1307788`.
fn account_location(url: &Url) -> Option<Url> {
    let (record, _) = split_account_path(url.path())?;
    let (before, _) = url.path().split_once(&format!("/{record}"))?;
    let mut location = url.clone();
    location.set_path(&format!("{before}/{record}"));
    location.set_query(None);
    location.set_fragment(None);
    Some(location)
}

async fn fetch_page(
    visit: &mut AccountVisit<'_, '_>,
    location: &Url,
    name: &str,
) -> Result<AccountPage, Failure> {
    let mut url = location.clone();
    url.set_path(&format!("{}/{name}", location.path()));
    let page = visit.session.get(&url).await?;
    read_page(&page, visit)
}

/// Reads a page after the login. A page of the account's may have the catalogue's own login form at its top, so that the
/// form proves nothing there.
fn read_page(page: &Page, visit: &mut AccountVisit<'_, '_>) -> Result<AccountPage, Failure> {
    let has_small_form = matches!(visit.kind_of(page), Ok(PageKind::Login))
        && !visit.shows_login(page)
        && account_location(&page.url).is_some();
    let part = if has_small_form {
        Err(Failure::page_changed("a login form without the account"))
    } else {
        visit.read(page)
    };
    let part = part.map_err(|failure| login::interstitial_failure(page).unwrap_or(failure))?;
    AccountPage::new(part, &page.body)
}

/// Whether a page is complete: it has its end tag, or ends with the comment that names its template.
fn is_whole(body: &str) -> bool {
    let lower = body.to_ascii_lowercase();
    let last_comment = lower.trim_end().strip_suffix("-->");
    let last_comment = last_comment.and_then(|before| before.rsplit_once("<!--"));
    lower.contains("</html>")
        || last_comment.is_some_and(|(_, comment)| comment.contains("<screens/patronview"))
}

/// Chooses what each page is read for: one list only, so that a repeated list isn't counted twice. A list that its page
/// doesn't have must be empty.
fn choose_parts(
    summary: AccountPage,
    mut items: AccountPage,
    mut holds: AccountPage,
    record: &str,
) -> Result<[AccountPart; 3], Failure> {
    for page in [&summary, &items, &holds] {
        if page.part.patrons.iter().any(|other| other != record) {
            return Err(Failure::page_changed("a page of another patron's record"));
        }
    }
    if !items.part.has_loans() {
        require_empty_list(&summary, record, "items", AccountPart::counts_no_loans)?;
        require_empty_list(&items, record, "items", AccountPart::counts_no_loans)?;
        items.part.state_no_loans();
    }
    if !holds.part.has_holds() {
        require_empty_list(&summary, record, "holds", AccountPart::counts_no_holds)?;
        require_empty_list(&holds, record, "holds", AccountPart::counts_no_holds)?;
        holds.part.state_no_holds();
    }
    items.part.forget_holds();
    holds.part.forget_loans();
    Ok([summary.part.without_lists(), items.part, holds.part])
}

/// Checks the site's way to state that a list is empty: the complete summary without a link to the list.
///
/// Both the summary and the page at the list's own address are checked; the latter shows the summary
/// when the list is empty. Each must link to the patron's record in the known way. Otherwise the link to the list
/// may be there, too, but go unrecognised.
fn require_empty_list(
    page: &AccountPage,
    record: &str,
    list: &str,
    counts_none: fn(&AccountPart) -> bool,
) -> Result<(), Failure> {
    let lacks = match &page.summary {
        Some(summary) if page.is_whole => {
            if !page.part.patrons.contains(record) {
                "a summary without a link to the patron's record"
            } else if !summary.would_link_to_lists() {
                "neither the patron's box nor a link to another list"
            } else if summary.links_to(list) && !counts_none(&page.part) {
                "a summary that links to it"
            } else {
                return Ok(());
            }
        }
        _ => "no complete summary that states it is empty",
    };
    Err(Failure::page_changed(format!(
        "no list of {list}, and {lacks}"
    )))
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
            AccountPage::new(part, &page).unwrap()
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
