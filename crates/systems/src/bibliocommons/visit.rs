//! Logs in and fetches only pages with entries.

use hippo_browser::{Form, Page, Session, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};

use super::account::join_pages;
use super::description::{LOANS_PATH, hold_states};
use super::login::{self, LoginPage};
use super::pages::{AccountPage, ParsedPage, names_user, parse_page_body};
use crate::json_reader::{ListPage, ListPart};

/// The maximum number of pages that a list may state.
const MAX_LIST_PAGES: u32 = 40;

/// Logs in and reads the whole account; the session logs out when it ends.
pub(super) async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let is_first = |loans: &ListPage<_>| loans.number == 1 && loans.part == ListPart::Whole;
    let loans = match log_in(session).await? {
        // The login usually redirects to the loans.
        Some(page) if page.loans.as_ref().is_some_and(is_first) => page,
        _ => fetch(session, LOANS_PATH).await?,
    };
    session.mark_logged_in();
    let states: Vec<String> = match &loans.totals.holds {
        Some(totals) => totals.by_state.keys().cloned().collect(),
        None => hold_states().into_iter().map(str::to_owned).collect(),
    };
    let count = page_count(loans.loans.as_ref(), LOANS_PATH)?;
    let mut pages = vec![loans];
    fetch_further(session, LOANS_PATH, count, &mut pages).await?;
    for state in states {
        let path = hold_path(&state)?;
        let holds = fetch(session, &path).await?;
        let count = page_count(holds.holds.as_ref(), &path)?;
        pages.push(holds);
        fetch_further(session, &path, count, &mut pages).await?;
    }
    let account = join_pages(pages, session.unknown_account(), &session.read_context())?;
    if account.loans.is_none() || account.holds.is_none() {
        return Err(Failure::page_changed(
            "the fetched pages are not the whole account",
        ));
    }
    Ok(account)
}

/// Sends the login form; returns the account page if the login leads to one.
async fn log_in(session: &mut Session<'_>) -> Result<Option<AccountPage>, Failure> {
    let mut url = session.url("/user/login")?;
    url.query_pairs_mut().append_pair("destination", LOANS_PATH);
    let page = session.get(&url).await?;
    if let Some(LoginPage::Refused(failure)) = login::classify_login_page(&page.body, None)
        && failure.kind == FailureKind::SiteDown
    {
        // The site accepts no logins now, so no PIN is sent.
        return Err(failure);
    }
    let mut form =
        Form::find(&page, login::FORM).map_err(|failure| explain_failure(&page, failure))?;
    if !form.has("name") || !form.has("user_pin") {
        return Err(Failure::page_changed(
            "the login form has no name or user_pin",
        ));
    }
    if !form.has("authenticity_token")
        && let Some(token) = login::find_token(&page.body)
    {
        form.set_extra("authenticity_token", &token);
    }
    let secret = session.secret();
    form.set_secret("name", &secret.number);
    form.set_secret("user_pin", &secret.pin);
    session.log_out_at_end(&session.url("/user/logout")?);
    let page = session.log_in(form).await?;
    require_set_up(&page, session)?;
    if let Some(answer) = login::parse_json_response(&page.body) {
        answer.map_err(|failure| session.expired_only_after_login(failure))?;
        session.mark_logged_in();
        return Ok(None);
    }
    match parse_page_body(&page.body, &session.read_context()) {
        Ok(ParsedPage::Account(account_page)) => {
            session.mark_logged_in();
            Ok(Some(*account_page))
        }
        Ok(ParsedPage::Login(LoginPage::Refused(failure))) => {
            Err(session.expired_only_after_login(failure))
        }
        Ok(ParsedPage::Login(LoginPage::FormOnly)) => {
            Err(session.failure_for_login_page(&page, "the account"))
        }
        // A dashboard or a notice: the page of the loans shows whether the login succeeded.
        Ok(ParsedPage::Anonymous) if page.status < 400 => Ok(None),
        Ok(ParsedPage::Anonymous) => {
            Err(session.failure_for_unknown_answer(&page, "a page without a logged-in user"))
        }
        // Without a form, 422 means that the token was rejected: the PIN was not checked.
        Err(failure) if page.status >= 400 && failure.kind == FailureKind::PageChanged => {
            Err(session.failure_for_unknown_answer(&page, &failure.detail))
        }
        Err(failure) => {
            let failure = explain_account_failure(&page, "the login", failure, session);
            if page.status >= 400 || page.url.path().ends_with(LOANS_PATH) {
                return Err(failure);
            }
            interstitial(&page).map_or(Ok(None), Err)
        }
    }
}

/// Fetches an account page.
async fn fetch(session: &mut Session<'_>, path: &str) -> Result<AccountPage, Failure> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut url = session.url(path)?;
    url.set_query(Some(query).filter(|query| !query.is_empty()));
    let page = session.get(&url).await?;
    require_set_up(&page, session)?;
    match parse_page_body(&page.body, &session.read_context()) {
        Ok(ParsedPage::Account(account_page)) => Ok(*account_page),
        Ok(ParsedPage::Login(LoginPage::Refused(failure))) if !session.is_logged_in() => {
            Err(session.expired_only_after_login(failure))
        }
        Ok(_) => Err(session.failure_for_login_page(&page, path)),
        Err(failure) => Err(explain_account_failure(&page, path, failure, session)),
    }
}

/// Fetches the second and further pages of a list.
async fn fetch_further(
    session: &mut Session<'_>,
    path: &str,
    count: u32,
    pages: &mut Vec<AccountPage>,
) -> Result<(), Failure> {
    for number in 2..=count {
        pages.push(fetch(session, &format!("{path}?page={number}")).await?);
    }
    Ok(())
}

/// Fails if the login succeeded, but the site wants the patron to set up the account.
fn require_set_up(page: &Page, session: &mut Session<'_>) -> Result<(), Failure> {
    let failure = if login::is_setup_path(page.url.path()) {
        Some(login::setup_required())
    } else {
        // Account pages with a state may mention the setup, and so may an outage page.
        (!page.body.contains("data-iso-key") && interstitial(page).is_none())
            .then(|| login::find_setup_failure(&page.body))
            .flatten()
    };
    if failure.is_some() {
        session.mark_logged_in();
    }
    failure.map_or(Ok(()), Err)
}

/// Adds a page's name and status to its failure. The page may show us logged in.
fn explain_account_failure(
    page: &Page,
    what: &str,
    failure: Failure,
    session: &mut Session<'_>,
) -> Failure {
    if interstitial(page).is_none() && names_user(&page.body) {
        session.mark_logged_in();
    }
    let detail = format!("{what} (status {}): {}", page.status, failure.detail);
    explain_failure(page, Failure { detail, ..failure })
}

/// Prefers the failure of an interstitial page, which explains more.
fn explain_failure(page: &Page, failure: Failure) -> Failure {
    interstitial(page).unwrap_or(failure)
}

/// Returns the number of pages of the list on the page at this path.
fn page_count<T>(list_page: Option<&ListPage<T>>, path: &str) -> Result<u32, Failure> {
    let pages = match list_page {
        Some(list_page) => list_page.pages,
        None => return Err(Failure::page_changed(format!("{path} has no list"))),
    };
    if pages > MAX_LIST_PAGES {
        let detail = format!("{path} claims to have {pages} pages");
        return Err(Failure::page_changed(detail));
    }
    Ok(pages)
}

/// Builds the path of a state's page: `SUSPENDED` is at `/v2/holds/suspended`.
fn hold_path(state: &str) -> Result<String, Failure> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if state.is_empty() || !state.bytes().all(is_plain) {
        return Err(Failure::page_changed(
            "a state of holds has an unusual name",
        ));
    }
    Ok(format!("/v2/holds/{}", state.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use hippo_core::site::LibrarySite as _;
    use rstest::rstest;

    use super::*;
    use crate::Sites;
    use hippo_browser::test_site::{
        TestLoginPermit, TestSite, library, options, page, redirect, secret,
    };

    const FORM: &str = "<form class=loginForm method=post action=/user/login><input name=name>\
        <input type=password name=user_pin></form>";
    const SETUP: &str = "<p>Choose a name for yourself.</p>";

    #[rstest]
    #[case::redirected("/user/registration")]
    #[case::redirected_from_the_loans("/user_dashboard")]
    #[tokio::test]
    async fn required_account_setup_is_no_wrong_pin(#[case] leads_to: &'static str) {
        let site = TestSite::start(move |request| {
            let path = request.split(' ').nth(1).unwrap_or_default();
            if request.starts_with("POST") {
                return redirect("302 Found", leads_to);
            }
            match path {
                "/user/registration" => page(SETUP),
                "/v2/checkedout" => redirect("302 Found", "/user/registration"),
                "/user_dashboard" => page("<p>Hello.</p>"),
                _ => page(FORM),
            }
        })
        .await;
        let mut library = library(&site.url);
        library.system = "bibliocommons".parse().unwrap();
        let sites = Sites::new(options()).unwrap();
        let checked = sites
            .check(&library, &secret(), &TestLoginPermit::default())
            .await;
        let checked = checked.map_err(Failure::from);
        let failure = checked.unwrap_err();
        assert_eq!(failure.kind, FailureKind::CardBlocked, "{failure}");
        assert!(!failure.login_in_doubt);
        let last = site.lines().pop();
        assert_eq!(last.as_deref(), Some("GET /user/logout"));
    }
}
