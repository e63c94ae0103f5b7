//! Logs in by CAS and fetches the patron's summary and the two lists.

use hippo_browser::reading::check_declared_count;
use hippo_browser::{Form, Page, Session};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use super::addresses::{scope_suffix, split_account_path};
use super::login::{self, Login};
use super::pages::{self, AccountPage, ParsedPage};
use super::summary::Summary;

/// Logs in, reads the summary and both lists; the session logs out however this ends.
pub(super) async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let scope = scope_suffix(session.library())?;
    let service = session.url(&format!("patroninfo{scope}/IIITICKET"))?;
    let mut login = session.url("iii/cas/login")?;
    login
        .query_pairs_mut()
        .append_pair("service", service.as_str());
    if let Some(number) = scope.strip_prefix("~S") {
        login.query_pairs_mut().append_pair("scope", number);
    }
    let logout = session.url(&format!("logout{scope}"))?;

    let account = session.url(&format!("patroninfo{scope}"))?;
    let mut form = login_form(session, &login, &account).await?;
    login::fill(&mut form, session)?;
    session.log_out_at_end(&logout);
    let landing = session.log_in(form).await?;
    let location = locate_account(&landing, session)?;

    let summary = match read_account_page(&landing, session) {
        Ok(page)
            if is_summary_url(&landing.url)
                && page
                    .summary
                    .as_ref()
                    .is_some_and(Summary::would_link_to_lists) =>
        {
            page
        }
        Err(failure) if failure.kind != FailureKind::PageChanged => return Err(failure),
        // Some libraries redirect to another account page first. A list's own page may have no link to itself, so that
        // a missing link there proves nothing.
        _ => fetch(session, &location, "top").await?,
    };
    if summary.summary.is_none() {
        return Err(Failure::page_changed("no summary of the patron"));
    }
    let items = fetch(session, &location, "items").await?;
    let holds = fetch(session, &location, "holds").await?;
    join_pages(
        summary,
        items,
        holds,
        &location.record,
        session.unknown_account(),
    )
}

/// The location of the account: `…/patroninfo~S3/1307788`.
struct AccountLocation {
    root: Url,
    record: String,
}

/// Finds the login form: CAS's, or the catalogue's own if an older site has nothing or another page in CAS's place.
async fn login_form(session: &mut Session<'_>, cas: &Url, account: &Url) -> Result<Form, Failure> {
    let failure = match session.get_optional(cas).await? {
        Some(page) => match login::form(&page) {
            Err(failure) if failure.kind == FailureKind::PageChanged => failure,
            outcome => return outcome,
        },
        None => Failure::page_changed("no login page, neither of CAS nor of the catalogue"),
    };
    let page = session.get(account).await?;
    login::form(&page).map_err(|other| match other.kind {
        FailureKind::PageChanged => failure,
        _ => other,
    })
}

/// Locates the account from the response to the login.
///
/// CAS also shows the form without a message if its ticket (`lt`) was used before. Ours is
/// fresh, so the form counts as a refusal.
fn locate_account(landing: &Page, session: &Session<'_>) -> Result<AccountLocation, Failure> {
    match pages::parse_page_body(&landing.body, &session.read_context()) {
        // The catalogue refuses in the response or through its login page, and redirects a patron whom it accepted.
        Ok(ParsedPage::Login(login))
            if login != Login::CatalogueForm
                || !session.was_redirected()
                || is_login_url(&landing.url) =>
        {
            Err(login.failure(|| session.failure_for_login_page(landing, "the account")))
        }
        Err(failure) if failure.kind != FailureKind::PageChanged => Err(failure),
        _ => account_location(&landing.url).ok_or_else(|| {
            login::interstitial_failure(landing).unwrap_or_else(|| {
                session.failure_for_unknown_answer(
                    landing,
                    "the login led to a page outside the account",
                )
            })
        }),
    }
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

fn account_location(url: &Url) -> Option<AccountLocation> {
    let (record, _) = split_account_path(url.path())?;
    let path_end = url.path().find(&format!("/{record}"))? + 1 + record.len();
    let mut root = url.clone();
    root.set_path(url.path().get(..path_end)?);
    root.set_query(None);
    root.set_fragment(None);
    Some(AccountLocation {
        root,
        record: record.to_owned(),
    })
}

async fn fetch(
    session: &mut Session<'_>,
    location: &AccountLocation,
    name: &str,
) -> Result<AccountPage, Failure> {
    let mut url = location.root.clone();
    url.set_path(&format!("{}/{name}", location.root.path()));
    let page = session.get(&url).await?;
    read_account_page(&page, session)
}

/// Reads an account page after the login.
fn read_account_page(page: &Page, session: &mut Session<'_>) -> Result<AccountPage, Failure> {
    let parsed = pages::parse_page_body(&page.body, &session.read_context());
    match parsed {
        Ok(ParsedPage::Account(account_page)) => {
            session.mark_logged_in();
            Ok(account_page)
        }
        Ok(ParsedPage::Login(Login::CatalogueForm)) if account_location(&page.url).is_some() => {
            Err(login::interstitial_failure(page)
                .unwrap_or_else(|| Failure::page_changed("a login form without the account")))
        }
        Ok(ParsedPage::Login(_)) => Err(session.failure_for_login_page(page, "an account page")),
        Err(failure) => match login::interstitial_failure(page) {
            Some(other) => Err(other),
            None => {
                if failure.kind == FailureKind::PageChanged && pages::is_account_page(&page.body) {
                    session.mark_logged_in();
                }
                Err(failure)
            }
        },
    }
}

/// Joins the three pages; both lists are then known.
fn join_pages(
    summary: AccountPage,
    mut items: AccountPage,
    mut holds: AccountPage,
    record: &str,
    account: Account,
) -> Result<Account, Failure> {
    for page in [&summary, &items, &holds] {
        if page.records.iter().any(|other| other != record) {
            return Err(Failure::page_changed("a page of another patron's record"));
        }
    }
    if items.loans.is_none() {
        require_empty_list(&summary, record, "loans")?;
        require_empty_list(&items, record, "loans")?;
        items.loans = Some(pages::List::none());
    }
    if holds.holds.is_none() {
        require_empty_list(&summary, record, "holds")?;
        require_empty_list(&holds, record, "holds")?;
        holds.holds = Some(pages::List::none());
    }
    // Each page is read for one list only, so that a repeated list isn't counted twice.
    items.holds = None;
    holds.loans = None;
    let summary = AccountPage {
        loans: None,
        holds: None,
        ..summary
    };
    pages::join_parts(vec![summary, items, holds], account)
}

/// Checks the site's way to state that a list is empty: the complete summary without a link to the list.
///
/// Both the summary and the page at the list's own address are checked; the latter shows the summary
/// when the list is empty. Each must link to the patron's record in the known way. Otherwise the link to the list
/// may be there, too, but go unrecognised.
fn require_empty_list(page: &AccountPage, record: &str, what: &str) -> Result<(), Failure> {
    let Some(summary) = page.summary.as_ref().filter(|_| page.is_whole) else {
        return Err(Failure::page_changed(format!(
            "no list of {what}, and no complete summary that states it is empty"
        )));
    };
    if !page.records.contains(record) {
        return Err(Failure::page_changed(format!(
            "no list of {what}, and a summary without a link to the patron's record"
        )));
    }
    if !summary.would_link_to_lists() {
        return Err(Failure::page_changed(format!(
            "no list of {what}, and neither the patron's box nor a link to another list"
        )));
    }
    let (is_linked, declared) = match what {
        "loans" => (summary.links_to_loans, summary.declared.loans),
        _ => (summary.links_to_holds, summary.declared.holds),
    };
    check_declared_count(declared, 0, what)?;
    if is_linked && declared.is_none() {
        return Err(Failure::page_changed(format!(
            "the summary links to {what}, but none are listed"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::ReadContext;

    const RECORD: &str = "1000007";

    /// Builds a summary with these links in the patron's box.
    fn account_page(links: &str) -> AccountPage {
        let base_url = Url::parse("https://library.test").unwrap();
        let context = ReadContext {
            base_url: &base_url,
            date_format: None,
            timezone: chrono_tz::UTC,
            card_number: None,
        };
        let page = format!("<html><div class=patNameAddress>DOE, JO.{links}</div></html>");
        match pages::parse_page_body(&page, &context).unwrap() {
            ParsedPage::Account(account_page) => account_page,
            other => panic!("{other:?}"),
        }
    }

    fn read(summary: &str, list: &str) -> Result<Account, Failure> {
        let account = Account::unknown("sierra".parse().unwrap());
        let [summary, items, holds] = [summary, list, list].map(account_page);
        join_pages(summary, items, holds, RECORD, account)
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
