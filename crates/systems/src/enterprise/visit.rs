//! The way there: the login page, the account page and the two lists that its script fetches.

use hippo_browser::{Form, Page, Session, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use url::Url;

use super::addresses::folder;
use super::answer;
use super::pages::{self, PageKind, Part};

const FROM_SCRIPT: (&str, &str) = ("X-Requested-With", "XMLHttpRequest");

/// The field and header of a newer site's token.
const TOKEN: &str = "sdcsrf";

/// One of the two lists: what its address contains, and the zone of the page that asks for it.
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
    let folder = folder(session.library())?;
    let account_url = below(&folder, "account?")?;
    let login_page = session.get(&account_url).await?;
    let form = filled(&login_page, session)?;
    let gives_tokens = form.has(TOKEN);
    session.log_out_at_end(&below(&folder, "account.logout?")?);
    let answer = session.log_in(form).await?;
    // Sites may say nothing at all: whether that was a login, the account page tells.
    let place = after_login(&answer, &folder, session)?.unwrap_or(account_url);

    let account_page = session.get(&place).await?;
    let overview = overview(&account_page, session)?;
    if let Some(logout) = overview
        .logout
        .as_deref()
        .and_then(|href| same_site(href, &account_page.url, &folder))
    {
        session.log_out_at_end(&logout);
    }
    let place = ListLocation {
        account_page: &account_page,
        folder: &folder,
        gives_tokens,
    };
    let loans = fetch(session, &place, &LOANS).await?;
    let loans = Part {
        holds: None,
        ..loans
    };
    if loans.loans.is_none() {
        return Err(Failure::page_changed("no list of loans"));
    }
    let holds = fetch(session, &place, &HOLDS).await?;
    let holds = Part {
        loans: None,
        declared_loans: None,
        ..holds
    };
    if holds.holds.is_none() {
        return Err(Failure::page_changed("no list of holds"));
    }
    let overview = Part {
        loans: None,
        holds: None,
        ..overview
    };
    pages::join_parts(vec![overview, loans, holds], session.unknown_account())
}

/// The login form with the number and PIN in it, and what its script would send along.
fn filled(page: &Page, session: &Session<'_>) -> Result<Form, Failure> {
    if matches!(classify(page, session), Ok(PageKind::Broken)) {
        return Err(broken());
    }
    let mut form = Form::find(page, "form#loginPageForm")
        .map_err(|failure| interstitial(page).unwrap_or(failure))?;
    let secret = session.secret();
    form.set_secret("j_username", &secret.number);
    form.set_secret("j_password", &secret.pin);
    // The older form is sent by its button, which a person presses.
    if form.has("submit_0") {
        form.press("submit_0");
    }
    if let Some(token) = form.value(TOKEN).map(str::to_owned) {
        form.header(TOKEN, &token);
        form.header(FROM_SCRIPT.0, FROM_SCRIPT.1);
    }
    Ok(form)
}

/// Where the answer to the login leads; `None`: it does not say.
fn after_login(page: &Page, folder: &Url, session: &Session<'_>) -> Result<Option<Url>, Failure> {
    let Some(answer) = answer::unwrap(&page.body) else {
        return Err(Failure::page_changed(
            "an answer to the login that is cut short or malformed",
        ));
    };
    if let Some(address) = answer::redirect_after_login(&answer.script) {
        return match same_site(&address, &page.url, folder) {
            Some(url) => Ok(Some(url)),
            None => Err(Failure::page_changed("the login leads to another site")),
        };
    }
    // The page that script would make of the answer.
    let shown = Page {
        body: answer.html.clone(),
        ..page.clone()
    };
    match pages::answer_to_login(&answer)? {
        PageKind::Broken => return Err(broken()),
        PageKind::Login(Some(failure)) => return Err(session.without_session(failure)),
        PageKind::Login(None) => return Err(session.failure_for_login_page(&shown, "the account")),
        PageKind::Account(_) | PageKind::Unknown => {}
    }
    if page.status >= 400 {
        let what = "an answer to the login that leads nowhere";
        return Err(session.failure_for_unknown_answer(&shown, what));
    }
    interstitial(&shown).map_or(Ok(None), Err)
}

/// The account page itself: its words to the patron, and its link out.
fn overview(page: &Page, session: &mut Session<'_>) -> Result<Part, Failure> {
    match of_account(page, session)? {
        PageKind::Account(part) => {
            session.mark_logged_in();
            Ok(part)
        }
        PageKind::Broken => Err(broken()),
        PageKind::Login(Some(failure)) => Err(session.without_session(failure)),
        PageKind::Login(None) => Err(session.failure_for_login_page(page, "the account")),
        // What an older site's account page holds besides its lists is not known.
        PageKind::Unknown => match interstitial(page) {
            Some(failure) => Err(failure),
            None => Ok(Part::default()),
        },
    }
}

/// Where the lists are asked for.
struct ListLocation<'a> {
    account_page: &'a Page,
    folder: &'a Url,
    /// The site gave the login form a token, as newer ones do.
    gives_tokens: bool,
}

/// Fetches a list as the account page's script does.
async fn fetch(
    session: &mut Session<'_>,
    place: &ListLocation<'_>,
    list: &List,
) -> Result<Part, Failure> {
    let ListLocation {
        account_page,
        folder,
        gives_tokens,
    } = *place;
    let mut url = match answer::quoted_address(&account_page.body, list.address_part) {
        Some(address) => same_site(&address, &account_page.url, folder).ok_or_else(|| {
            Failure::page_changed("the account page has its list at another site")
        })?,
        None => below(folder, list.default_path)?,
    };
    let mut token = answer::token(&account_page.body);
    // Some addresses carry the token themselves; script sends it as a header.
    if let Some(own) = take_token(&mut url) {
        token = Some(own);
    }
    let page = match token {
        Some(token) => {
            session
                .get_with(&url, &[FROM_SCRIPT, (TOKEN, token.as_str())])
                .await?
        }
        // Asked as older sites are, it would break down, and be taken for a site that is down.
        None if gives_tokens => {
            return Err(interstitial(account_page).unwrap_or_else(|| {
                Failure::page_changed("an account page without the token that its lists need")
            }));
        }
        None => {
            let zone = [("t:zoneid".to_owned(), list.zone.to_owned())];
            session.post(&url, &zone, &[FROM_SCRIPT]).await?
        }
    };
    match of_account(&page, session)? {
        PageKind::Account(part) => {
            session.mark_logged_in();
            Ok(part)
        }
        PageKind::Broken => Err(broken()),
        PageKind::Login(_) => Err(session.failure_for_login_page(&page, "a list")),
        PageKind::Unknown => Err(interstitial(&page)
            .unwrap_or_else(|| Failure::page_changed("neither loans nor holds in a list"))),
    }
}

/// What a page says that was asked for after the login; one with a list shows us logged in, read or not.
fn of_account(page: &Page, session: &mut Session<'_>) -> Result<PageKind, Failure> {
    classify(page, session).inspect_err(|_| {
        if interstitial(page).is_none() && pages::is_of_account(&page.body) {
            session.mark_logged_in();
        }
    })
}

fn classify(page: &Page, session: &Session<'_>) -> Result<PageKind, Failure> {
    pages::classify_page(&page.body, &session.read_context())
        .map_err(|failure| interstitial(page).unwrap_or(failure))
}

fn broken() -> Failure {
    Failure::site_down("the site's own page of a system error")
}

fn below(folder: &Url, path: &str) -> Result<Url, Failure> {
    folder
        .join(path)
        .map_err(|_| Failure::page_changed("a path that makes no address"))
}

/// An address that the site gave, if it stays at the site.
fn same_site(address: &str, page: &Url, folder: &Url) -> Option<Url> {
    let url = page.join(address).ok()?;
    let is_web =
        url.scheme() == folder.scheme() || (url.scheme() == "https" && folder.scheme() == "http");
    let is_here = url.host_str() == folder.host_str() || url.origin() == page.origin();
    (is_web && is_here).then_some(url)
}

/// Takes the token out of an address.
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
    fn only_addresses_of_the_site_are_gone_to(#[case] address: &str, #[case] expected: bool) {
        let page = Url::parse("https://library.test/client/en_US/x/search/login").unwrap();
        assert_eq!(same_site(address, &page, &page).is_some(), expected);
    }

    #[test]
    fn a_token_is_taken_out_of_an_address() {
        let mut url = Url::parse("https://library.test/a?x=1&sdcsrf=t&y=2").unwrap();
        assert_eq!(take_token(&mut url).as_deref(), Some("t"));
        assert_eq!(url.as_str(), "https://library.test/a?x=1&y=2");
        assert_eq!(take_token(&mut url), None);
    }
}
