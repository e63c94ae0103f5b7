//! Logs in and fetches the account page and the two lists of its script.

use hippo_browser::{Form, Page, Session, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use url::Url;

use super::addresses::site_folder;
use super::answer;
use super::pages::{self, AccountPage, ParsedPage};

const SCRIPT_HEADER: (&str, &str) = ("X-Requested-With", "XMLHttpRequest");

/// The field and header with the token of newer sites.
const TOKEN: &str = "sdcsrf";

/// One of the two lists: a part of its address, and the page's zone that requests it.
struct List {
    address_part: &'static str,
    default_path: &'static str,
    zone: &'static str,
}

const LOANS: List = List {
    address_part: "librarycheckoutsaccordion",
    default_path: "account.checkouts.librarycheckoutsaccordion?",
    zone: "libraryCheckoutsAccordion",
};
const HOLDS: List = List {
    address_part: "libraryholdsaccordion",
    default_path: "account.holds.libraryholdsaccordion?",
    zone: "libraryHoldsAccordion",
};

/// Logs in and reads both lists; the session logs out however this ends.
pub(super) async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let folder = site_folder(session.library())?;
    let account_url = url_below(&folder, "account?")?;
    let login_page = session.get(&account_url).await?;
    let form = fill_login_form(&login_page, session)?;
    let has_tokens = form.has(TOKEN);
    session.log_out_at_end(&url_below(&folder, "account.logout?")?);
    let answer = session.log_in(form).await?;
    // The response may not show whether the login succeeded; the account page does.
    let account_url = login_redirect(&answer, &folder, session)?.unwrap_or(account_url);

    let account_page = session.get(&account_url).await?;
    let overview = read_overview(&account_page, session)?;
    if let Some(logout) = overview
        .logout
        .as_deref()
        .and_then(|href| same_site(href, &account_page.url, &folder))
    {
        session.log_out_at_end(&logout);
    }
    let location = ListLocation {
        account_page: &account_page,
        folder: &folder,
        has_tokens,
    };
    let loans = fetch(session, &location, &LOANS).await?;
    let loans = AccountPage {
        holds: None,
        ..loans
    };
    if loans.loans.is_none() {
        return Err(Failure::page_changed("no list of loans"));
    }
    let holds = fetch(session, &location, &HOLDS).await?;
    let holds = AccountPage {
        loans: None,
        declared_loans: None,
        ..holds
    };
    if holds.holds.is_none() {
        return Err(Failure::page_changed("no list of holds"));
    }
    let overview = AccountPage {
        loans: None,
        holds: None,
        ..overview
    };
    pages::join_parts(vec![overview, loans, holds], session.unknown_account())
}

/// Fills the login form, with the fields and headers that its script would add.
fn fill_login_form(page: &Page, session: &Session<'_>) -> Result<Form, Failure> {
    if matches!(parse_response(page, session), Ok(ParsedPage::Broken)) {
        return Err(broken_site());
    }
    let mut form = Form::find(page, "form#loginPageForm")
        .map_err(|failure| interstitial(page).unwrap_or(failure))?;
    let secret = session.secret();
    form.set_secret("j_username", &secret.number);
    form.set_secret("j_password", &secret.pin);
    // The older form is submitted by its button, as a person would.
    if form.has("submit_0") {
        form.press("submit_0");
    }
    if let Some(token) = form.value(TOKEN).map(str::to_owned) {
        form.header(TOKEN, &token);
        form.header(SCRIPT_HEADER.0, SCRIPT_HEADER.1);
    }
    Ok(form)
}

/// Returns where the response to the login redirects; `None` if it doesn't.
fn login_redirect(
    page: &Page,
    folder: &Url,
    session: &Session<'_>,
) -> Result<Option<Url>, Failure> {
    let Some(answer) = answer::unwrap(&page.body) else {
        return Err(Failure::page_changed(
            "a truncated or malformed response to the login",
        ));
    };
    if let Some(address) = answer::redirect_after_login(&answer.script) {
        return match same_site(&address, &page.url, folder) {
            Some(url) => Ok(Some(url)),
            None => Err(Failure::page_changed("the login leads to another site")),
        };
    }
    // The page that the script would make of the response.
    let shown = Page {
        body: answer.html.clone(),
        ..page.clone()
    };
    match pages::parse_login_response(&answer)? {
        ParsedPage::Broken => return Err(broken_site()),
        ParsedPage::Login(Some(failure)) => return Err(session.expired_only_after_login(failure)),
        ParsedPage::Login(None) => {
            return Err(session.failure_for_login_page(&shown, "the account"));
        }
        ParsedPage::Account(_) | ParsedPage::Unknown => {}
    }
    if page.status >= 400 {
        let what = "a response to the login that leads nowhere";
        return Err(session.failure_for_unknown_answer(&shown, what));
    }
    interstitial(&shown).map_or(Ok(None), Err)
}

/// Reads the account page: its messages, and its logout link.
fn read_overview(page: &Page, session: &mut Session<'_>) -> Result<AccountPage, Failure> {
    match parse_account_page(page, session)? {
        ParsedPage::Account(content) => {
            session.mark_logged_in();
            Ok(content)
        }
        ParsedPage::Broken => Err(broken_site()),
        ParsedPage::Login(Some(failure)) => Err(session.expired_only_after_login(failure)),
        ParsedPage::Login(None) => Err(session.failure_for_login_page(page, "the account")),
        // Older account pages hold nothing else that is known.
        ParsedPage::Unknown => match interstitial(page) {
            Some(failure) => Err(failure),
            None => Ok(AccountPage::default()),
        },
    }
}

/// The page that requests the lists.
struct ListLocation<'a> {
    account_page: &'a Page,
    folder: &'a Url,
    /// Whether the login form had a token, as on newer sites.
    has_tokens: bool,
}

/// Fetches a list as the account page's script does.
async fn fetch(
    session: &mut Session<'_>,
    location: &ListLocation<'_>,
    list: &List,
) -> Result<AccountPage, Failure> {
    let ListLocation {
        account_page,
        folder,
        has_tokens,
    } = *location;
    let mut url = match answer::quoted_address(&account_page.body, list.address_part) {
        Some(address) => same_site(&address, &account_page.url, folder).ok_or_else(|| {
            Failure::page_changed("the account page has its list at another site")
        })?,
        None => url_below(folder, list.default_path)?,
    };
    let mut token = answer::find_token(&account_page.body);
    // Some addresses contain the token; the script sends it as a header.
    if let Some(own) = take_token(&mut url) {
        token = Some(own);
    }
    let page = match token {
        Some(token) => {
            session
                .get_with(&url, &[SCRIPT_HEADER, (TOKEN, token.as_str())])
                .await?
        }
        // An older-style request would fail and look like an outage.
        None if has_tokens => {
            return Err(interstitial(account_page).unwrap_or_else(|| {
                Failure::page_changed("an account page without the token that its lists need")
            }));
        }
        None => {
            let zone = [("t:zoneid".to_owned(), list.zone.to_owned())];
            session.post(&url, &zone, &[SCRIPT_HEADER]).await?
        }
    };
    match parse_account_page(&page, session)? {
        ParsedPage::Account(content) => {
            session.mark_logged_in();
            Ok(content)
        }
        ParsedPage::Broken => Err(broken_site()),
        ParsedPage::Login(_) => Err(session.failure_for_login_page(&page, "a list")),
        ParsedPage::Unknown => Err(interstitial(&page)
            .unwrap_or_else(|| Failure::page_changed("neither loans nor holds in a list"))),
    }
}

/// Parses a page after the login. A page with a list shows that we are logged in, even if it can't be read.
fn parse_account_page(page: &Page, session: &mut Session<'_>) -> Result<ParsedPage, Failure> {
    parse_response(page, session).inspect_err(|_| {
        if interstitial(page).is_none() && pages::contains_account_list(&page.body) {
            session.mark_logged_in();
        }
    })
}

fn parse_response(page: &Page, session: &Session<'_>) -> Result<ParsedPage, Failure> {
    pages::parse_page_body(&page.body, &session.read_context())
        .map_err(|failure| interstitial(page).unwrap_or(failure))
}

fn broken_site() -> Failure {
    Failure::site_down("the site's own error page")
}

fn url_below(folder: &Url, path: &str) -> Result<Url, Failure> {
    folder
        .join(path)
        .map_err(|_| Failure::page_changed("a path that gives no valid address"))
}

/// Resolves an address of the site, if it stays at the site.
fn same_site(address: &str, page: &Url, folder: &Url) -> Option<Url> {
    let url = page.join(address).ok()?;
    let is_web =
        url.scheme() == folder.scheme() || (url.scheme() == "https" && folder.scheme() == "http");
    let is_here = url.host_str() == folder.host_str() || url.origin() == page.origin();
    (is_web && is_here).then_some(url)
}

/// Removes the token from an address and returns it.
fn take_token(url: &mut Url) -> Option<String> {
    let token = url
        .query_pairs()
        .find_map(|(name, value)| (name == TOKEN).then(|| value.into_owned()))?;
    let rest: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != TOKEN)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(rest);
    Some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/client/en_US/x/search/account?", true)]
    #[case("https://library.test/x", true)]
    #[case("http://library.test/x", false)]
    #[case("https://elsewhere.test/x", false)]
    #[case("//elsewhere.test/x", false)]
    #[case("javascript:alert(1)", false)]
    fn only_addresses_of_the_site_are_followed(#[case] address: &str, #[case] expected: bool) {
        let page = Url::parse("https://library.test/client/en_US/x/search/login").unwrap();
        assert_eq!(same_site(address, &page, &page).is_some(), expected);
    }

    #[test]
    fn token_is_removed_from_an_address() {
        let mut url = Url::parse("https://library.test/a?x=1&sdcsrf=t&y=2").unwrap();
        assert_eq!(take_token(&mut url).as_deref(), Some("t"));
        assert_eq!(url.as_str(), "https://library.test/a?x=1&y=2");
        assert_eq!(take_token(&mut url), None);
    }
}
