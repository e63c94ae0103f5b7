//! Logs in and fetches the account page and the two lists of its script.

use hippo_browser::reading::{Css, parse_page};
use hippo_browser::{Page, interstitial};
use hippo_core::failure::Failure;
use url::Url;

use super::addresses::{same_site, site_folder, take_token, url_below};
use super::pages::{FRAGMENTS, HOLDS, LOANS, classify_login_answer};
use super::script::{find_token, quoted_address, redirect_after_login};
use crate::list_reader::{AccountPart, AccountVisit, PageKind, ScriptAnswer};

static LOGOUT: Css = Css::new("a[href*=logout]");

const SCRIPT_HEADER: (&str, &str) = ("X-Requested-With", "XMLHttpRequest");

/// The field and header with the token of newer sites.
const TOKEN: &str = "sdcsrf";

/// Logs in and fetches both lists; the session logs out however this ends.
pub(super) async fn fetch_account(visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
    let folder = site_folder(visit.session.library())?;
    let account_url = url_below(&folder, "account?")?;
    let login_page = visit.session.get(&account_url).await?;
    let mut form = visit.fill_form(&login_page)?;
    // The older form is submitted by its button, as a person would.
    if form.has("submit_0") {
        form.press("submit_0");
    }
    if let Some(token) = form.value(TOKEN).map(str::to_owned) {
        form.header(TOKEN, &token);
        form.header(SCRIPT_HEADER.0, SCRIPT_HEADER.1);
    }
    let has_tokens = form.has(TOKEN);
    let logout = url_below(&folder, "account.logout?")?;
    visit.session.log_out_at_end(&logout);
    let answer = visit.session.log_in(form).await?;
    // The response may not show whether the login succeeded; the account page does.
    let account_url = login_redirect(visit, &answer, &folder)?.unwrap_or(account_url);
    let page = visit.session.get(&account_url).await?;
    read_overview(visit, &page, &folder)?;
    let lists = AccountPage {
        page,
        folder,
        has_tokens,
    };
    let loans = lists.fetch(visit, LOANS, "checkouts", "libraryCheckoutsAccordion");
    let loans = loans.await?;
    if !loans.has_loans() {
        return Err(Failure::page_changed("no list of loans"));
    }
    visit.add_part(loans.without_holds());
    let holds = lists.fetch(visit, HOLDS, "holds", "libraryHoldsAccordion");
    let holds = holds.await?;
    visit.add_part(holds.without_loans());
    Ok(())
}

/// Returns where the response to the login redirects; `None` if it doesn't.
fn login_redirect(
    visit: &AccountVisit<'_, '_>,
    page: &Page,
    folder: &Url,
) -> Result<Option<Url>, Failure> {
    let Some(answer) = ScriptAnswer::unwrap(&page.body, FRAGMENTS) else {
        return Err(Failure::page_changed(
            "a truncated or malformed response to the login",
        ));
    };
    if let Some(address) = redirect_after_login(&answer.script) {
        return match same_site(&address, &page.url, folder) {
            Some(url) => Ok(Some(url)),
            None => Err(Failure::page_changed("the login leads to another site")),
        };
    }
    let kind = classify_login_answer(&answer)?;
    // The page that the script would make of the response.
    let shown = Page {
        body: answer.html.into_owned(),
        ..page.clone()
    };
    let is_elsewhere = matches!(kind, PageKind::Account | PageKind::Unknown);
    if !is_elsewhere || page.status >= 400 {
        return Err(visit.failure_of(kind, &shown));
    }
    interstitial(&shown).map_or(Ok(None), Err)
}

/// Reads the account page: its messages, its total, and its logout link.
fn read_overview(
    visit: &mut AccountVisit<'_, '_>,
    page: &Page,
    folder: &Url,
) -> Result<(), Failure> {
    if matches!(visit.kind_of(page)?, PageKind::Unknown) {
        // Older account pages hold nothing else that is known.
        return interstitial(page).map_or(Ok(()), Err);
    }
    let part = visit.read(page)?;
    visit.add_part(part.without_lists());
    let parsed = parse_page(&page.body)?;
    let links = LOGOUT.all(parsed.root_element());
    // The path must be the logout's own; a link that only mentions it may do something else.
    let mut addresses = links.filter_map(|link| link.attr("href"));
    let logout = addresses.find(|href| {
        let path = href.split(['?', '#']).next().unwrap_or_default();
        path.contains("logout")
    });
    if let Some(logout) = logout.and_then(|href| same_site(href, &page.url, folder)) {
        visit.session.log_out_at_end(&logout);
    }
    Ok(())
}

/// The page that requests the lists.
struct AccountPage {
    page: Page,
    folder: Url,
    /// Whether the login form had a token, as on newer sites.
    has_tokens: bool,
}

impl AccountPage {
    /// Fetches a list as the page's script does, by the name that its address ends with. `zone` is the part of the page
    /// that requests it.
    async fn fetch(
        &self,
        visit: &mut AccountVisit<'_, '_>,
        name: &str,
        kind: &str,
        zone: &str,
    ) -> Result<AccountPart, Failure> {
        let mut url = match quoted_address(&self.page.body, name) {
            Some(address) => {
                same_site(&address, &self.page.url, &self.folder).ok_or_else(|| {
                    Failure::page_changed("the account page has its list at another site")
                })?
            }
            None => url_below(&self.folder, &format!("account.{kind}.{name}?"))?,
        };
        // Some addresses contain the token; the script sends it as a header.
        let token = take_token(&mut url, TOKEN).or_else(|| find_token(&self.page.body));
        let page = match token {
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
