//! Logs in and fetches the account page and the two lists of its script.

use hippo_browser::reading::{Css, Element};
use hippo_browser::{Page, interstitial};
use hippo_core::failure::Failure;
use url::Url;

use super::addresses::{same_site, site_folder, take_token};
use super::login::classify_answer;
use super::pages::FRAGMENTS;
use super::script::{find_token, quoted_address, redirect_after_login};
use crate::list_reader::{AccountPart, AccountVisit, PageKind, ScriptAnswer};

static LOGOUT: Css = Css::new("a[href*=logout]");

const SCRIPT_HEADER: (&str, &str) = ("X-Requested-With", "XMLHttpRequest");

/// The field and header with the token of newer sites.
const TOKEN: &str = "sdcsrf";

/// Logs in and fetches both lists; the session logs out however this ends.
pub(super) async fn fetch_account(visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
    let folder = site_folder(visit.session.library()).ok_or_else(|| {
        Failure::page_changed("the library's options “profile” and “locale” make no address")
    })?;
    let account_url = same_site("account?", &folder, &folder)?;
    let login_page = visit.session.get(&account_url).await?;
    let mut form = visit.fill_form(&login_page)?;
    let token = form.value(TOKEN).map(str::to_owned);
    if let Some(token) = &token {
        form.header(TOKEN, token);
        form.header(SCRIPT_HEADER.0, SCRIPT_HEADER.1);
    }
    let logout = same_site("account.logout?", &folder, &folder)?;
    visit.session.log_out_at_end(&logout);
    let answer = visit.session.log_in(form).await?;
    // The response may not show whether the login succeeded; the account page does.
    let account_url = match find_redirect(visit, &answer)? {
        Some(address) => same_site(&address, &answer.url, &folder)?,
        None => account_url,
    };
    let page = visit.session.get(&account_url).await?;
    if visit.is_elsewhere(&page) {
        // Older account pages hold nothing that is known.
        interstitial(&page).map_or(Ok(()), Err)?;
    } else {
        let overview = visit.read(&page)?;
        visit.add_part(overview.without_lists());
        let logout = visit.ask(&page, |root| find_logout(root, &page.url, &folder));
        if let Some(logout) = logout? {
            visit.session.log_out_at_end(&logout);
        }
    }
    let lists = AccountPage {
        page,
        folder,
        has_tokens: token.is_some(),
    };
    let loans = lists.fetch(visit, "checkouts", "libraryCheckoutsAccordion");
    let loans = loans.await?;
    visit.add_part(loans.without_holds());
    let holds = lists.fetch(visit, "holds", "libraryHoldsAccordion").await?;
    visit.add_part(holds.without_loans());
    Ok(())
}

/// Finds where the response to the login redirects; `None` if it doesn't.
fn find_redirect(visit: &AccountVisit<'_, '_>, page: &Page) -> Result<Option<String>, Failure> {
    let answer = ScriptAnswer::unwrap(&page.body, FRAGMENTS)?;
    if let Some(address) = redirect_after_login(&answer.script) {
        return Ok(Some(address));
    }
    let kind = classify_answer(&answer)?;
    // The page that the script would make of the response.
    let shown = Page {
        body: answer.html.into_owned(),
        ..page.clone()
    };
    match kind {
        PageKind::Account | PageKind::Unknown if page.status < 400 => {
            interstitial(&shown).map_or(Ok(None), Err)
        }
        kind => Err(visit.failure_of(kind, &shown)),
    }
}

/// Finds the address of a page's logout. The path must be the logout's own; a link that only mentions it may do
/// something else.
fn find_logout(root: Element<'_>, page: &Url, folder: &Url) -> Option<Url> {
    let links = LOGOUT.all(root);
    let mut urls = links.filter_map(|link| same_site(link.attr("href")?, page, folder).ok());
    urls.find(|url| url.path().contains("logout"))
}

/// The page that requests the lists.
struct AccountPage {
    page: Page,
    folder: Url,
    /// Whether the login form had a token, as on newer sites.
    has_tokens: bool,
}

impl AccountPage {
    /// Fetches a list as the page's script does. `zone` is the part of the page that requests it.
    async fn fetch(
        &self,
        visit: &mut AccountVisit<'_, '_>,
        list: &str,
        zone: &str,
    ) -> Result<AccountPart, Failure> {
        let name = zone.to_ascii_lowercase();
        let mut url = match quoted_address(&self.page.body, &name) {
            Some(address) => same_site(&address, &self.page.url, &self.folder)?,
            None => {
                let address = format!("account.{list}.{name}?");
                same_site(&address, &self.folder, &self.folder)?
            }
        };
        // Some addresses contain the token; the script sends it as a header.
        let page = match take_token(&mut url, TOKEN).or_else(|| find_token(&self.page.body)) {
            Some(token) => {
                let headers = [SCRIPT_HEADER, (TOKEN, token.as_str())];
                visit.session.get_with(&url, &headers).await?
            }
            // An older-style request would fail and look like an outage.
            None if self.has_tokens => {
                return Err(interstitial(&self.page).unwrap_or_else(|| {
                    Failure::page_changed("an account page without the token that its lists need")
                }));
            }
            None => {
                let zone = [("t:zoneid".to_owned(), zone.to_owned())];
                visit.session.post(&url, &zone, &[SCRIPT_HEADER]).await?
            }
        };
        visit.read(&page)
    }
}
