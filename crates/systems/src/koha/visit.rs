//! Logs in and fetches the account.

use hippo_core::failure::Failure;

use super::url_below;
use crate::list_reader::{AccountPart, AccountVisit};

/// The page of all charges and payments.
const CHARGES: &str = "cgi-bin/koha/opac-account.pl";
/// The logout: a GET that ends the session and shows the catalogue.
const LOGOUT: &str = "cgi-bin/koha/opac-main.pl?logout.x=1";

/// Logs in and reads the summary, at `page`; the session logs out however this ends.
pub(super) async fn fetch_account(
    visit: &mut AccountVisit<'_, '_>,
    page: &str,
) -> Result<(), Failure> {
    let library = visit.session.library();
    let url = |page| {
        let url = url_below(library, page);
        url.ok_or_else(|| Failure::page_changed("a path that gives no valid address with base_url"))
    };
    let (account, charges, logout) = (url(page)?, url(CHARGES)?, url(LOGOUT)?);
    // The form's token is valid only with the cookie of the same response.
    let form = visit.session.get(&account).await?;
    visit.log_in_to_account(&form, &logout).await?;
    if !visit.knows(AccountPart::has_loans) {
        let page = visit.session.get(&account).await?;
        visit.add(&page)?;
    }
    // The structure of the page of charges tells a debt from a credit in any language. If it is missing or unreadable,
    // only the amount's sign stays unknown.
    if visit.knows(|part| part.sum_without_sign.is_some())
        && let Ok(Some(page)) = visit.session.get_optional(&charges).await
        && let Ok(part) = visit.read(&page)
        && !part.has_loans()
    {
        visit.add_part(part);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use hippo_core::account::Account;
    use hippo_core::failure::FailureKind;
    use hippo_core::site::LibrarySite as _;
    use rstest::rstest;

    use super::*;
    use crate::Sites;
    use hippo_browser::test_site::{
        Reply, TestLoginPermit, TestSite, library, options, page, redirect, reply, secret,
    };

    const FORM: &str =
        "<form id=auth method=post><input name=userid><input type=password name=password></form>";
    const PAST: &str = "<div class=alert>Sorry, your session is over. Please log in again.</div>";
    const WRONG: &str = "<div class=alert>Wrong name or password.</div>";
    const NEWS: &str = "<div class=alert>We are down for maintenance on Sunday.</div>";

    fn login_page(message: &str) -> String {
        format!("<html><body><div id=opac-auth>{message}{FORM}</div></body></html>")
    }

    /// Logs in at a site with this login page, which redirects the login or not, and then shows the other page.
    async fn log_in_at(before: &str, is_redirected: bool, after: &str) -> (Failure, Vec<String>) {
        let (before, after) = (login_page(before), login_page(after));
        let is_sent = AtomicBool::new(false);
        let site = TestSite::start(move |request| {
            if request.starts_with("POST") {
                is_sent.store(true, Ordering::SeqCst);
                return if is_redirected {
                    redirect("302 Found", "/cgi-bin/koha/opac-user.pl")
                } else {
                    page(&after)
                };
            }
            page(if is_sent.load(Ordering::SeqCst) {
                &after
            } else {
                &before
            })
        })
        .await;
        let mut library = library(&site.url);
        library.system = "koha".parse().unwrap();
        let sites = Sites::new(options()).unwrap();
        let checked = sites
            .check(&library, &secret(), &TestLoginPermit::default())
            .await;
        let checked = checked.map_err(Failure::from);
        (checked.unwrap_err(), site.lines())
    }

    #[rstest]
    #[case::closed_meanwhile("<div id=opac-maintenance-message>Bis bald.</div>", "site_down", true)]
    #[case::consent_required(
        "<span class=loggedinusername></span><div id=patronconsents><div class=alert>Please agree.</div></div>",
        "card_blocked",
        false
    )]
    #[tokio::test]
    async fn interstitial_instead_of_the_account_is_no_wrong_pin(
        #[case] shown: &str,
        #[case] expected: &str,
        #[case] is_in_doubt: bool,
    ) {
        let (failure, asked) = log_in_at("", true, shown).await;
        assert_eq!(failure.kind.as_str(), expected, "{failure}");
        assert_eq!(failure.login_in_doubt, is_in_doubt);
        let read = asked.iter().filter(|line| line.starts_with("GET")).count();
        assert_eq!(
            read, 3,
            "the form, the redirect's target, and the logout: {asked:?}"
        );
    }

    #[tokio::test]
    async fn no_pin_is_sent_while_the_catalogue_is_closed() {
        let closed = "<body id=opac_maintenance><div id=opac-maintenance-message>Bis bald.</div>";
        let site = TestSite::start(move |_| page(closed)).await;
        let mut library = library(&site.url);
        library.system = "koha".parse().unwrap();
        let sites = Sites::new(options()).unwrap();
        let checked = sites
            .check(&library, &secret(), &TestLoginPermit::default())
            .await;
        let checked = checked.map_err(Failure::from);
        assert_eq!(checked.unwrap_err().kind, FailureKind::SiteDown);
        assert_eq!(site.lines().len(), 1);
    }

    /// An account with an amount whose words don't tell its sign.
    const ACCOUNT_IN_UNKNOWN_WORDS: &str = "<html><body><span class=loggedinusername data-borrowernumber=7>Jo</span>\
        <div id=userdetails><div id=opac-user-views><ul><li><a href='#opac-user-checkouts'>A (0)</a></li>\
        <li><a href='#opac-user-fines'>B (5.00)</a></li></ul>\
        <div id=opac-user-checkouts><table><tr><td>C</td></tr></table></div>\
        <div id=opac-user-fines><table><tr><td>D</td><td><a href='/cgi-bin/koha/opac-account.pl'>5.00</a></td></tr></table>\
        </div></div></div></body></html>";

    fn charges_of(record: &str, sum: &str) -> Reply {
        page(&format!(
            "<html><body><span class=loggedinusername data-borrowernumber={record}>Jo</span><div id=useraccount>\
             <table id=finestable><tfoot><tr><td class=sum>{sum}</td></tr></tfoot></table></div></body></html>"
        ))
    }

    /// Checks an account with this page of charges; returns the requests as well.
    async fn check_with_charges(
        charges: impl Fn() -> Reply + Send + Sync + 'static,
    ) -> (Result<Account, Failure>, Vec<String>) {
        let is_sent = AtomicBool::new(false);
        let site = TestSite::start(move |request| {
            if request.starts_with("POST") {
                is_sent.store(true, Ordering::SeqCst);
            }
            if request.starts_with("GET /cgi-bin/koha/opac-account.pl") {
                charges()
            } else if is_sent.load(Ordering::SeqCst) {
                page(ACCOUNT_IN_UNKNOWN_WORDS)
            } else {
                page(&login_page(""))
            }
        })
        .await;
        let mut library = library(&site.url);
        library.system = "koha".parse().unwrap();
        let sites = Sites::new(options()).unwrap();
        let checked = sites
            .check(&library, &secret(), &TestLoginPermit::default())
            .await;
        let checked = checked.map_err(Failure::from);
        (checked, site.lines())
    }

    #[rstest]
    #[case::debt("5.00")]
    #[case::credit("-5.00")]
    #[tokio::test]
    async fn page_of_charges_has_the_sign_that_words_lack(#[case] sum: &'static str) {
        let (checked, asked) = check_with_charges(move || charges_of("7", sum)).await;
        let account = checked.unwrap();
        assert_eq!(account.fines, Some(sum.parse().unwrap()));
        assert!(account.messages.is_empty(), "{:?}", account.messages);
        let asked_for: Vec<_> = asked
            .iter()
            .filter(|line| line.contains("opac-account"))
            .collect();
        assert_eq!(asked_for, ["GET /cgi-bin/koha/opac-account.pl"]);
    }

    #[rstest]
    #[case::missing(|| reply("404 Not Found", &[], "x"))]
    #[case::unknown(|| page("<html><body>Xyzzy</body></html>"))]
    #[case::down(|| reply("500 Internal Server Error", &[], "x"))]
    #[tokio::test]
    async fn amount_without_sign_is_only_a_message(#[case] charges: fn() -> Reply) {
        let (checked, _) = check_with_charges(charges).await;
        let account = checked.unwrap();
        assert_eq!(account.fines, None);
        let expected = "Fines or credit: 5.00, see the library's page.";
        assert_eq!(account.messages, [expected]);
    }

    #[rstest]
    #[case::another_patron("8", "5.00")]
    #[case::another_amount("7", "6.00")]
    #[tokio::test]
    async fn charges_of_another_account_are_a_changed_page(
        #[case] record: &'static str,
        #[case] sum: &'static str,
    ) {
        let (checked, _) = check_with_charges(move || charges_of(record, sum)).await;
        assert_eq!(checked.unwrap_err().kind, FailureKind::PageChanged);
    }

    #[rstest]
    #[case::lost_session("", true, PAST, "page_changed")]
    #[case::refused_elsewhere("", true, WRONG, "wrong_credentials")]
    #[case::refused_without_a_message("", true, "", "wrong_credentials")]
    #[case::refused("", false, WRONG, "wrong_credentials")]
    #[case::message_in_the_response("", false, PAST, "wrong_credentials")]
    #[case::refused_below_existing_news(NEWS, false, "{NEWS}{WRONG}", "wrong_credentials")]
    #[case::outage("", false, NEWS, "site_down")]
    #[tokio::test]
    async fn pin_is_sent_once_and_wrong_only_if_refused(
        #[case] before: &str,
        #[case] is_redirected: bool,
        #[case] after: &str,
        #[case] expected: &str,
    ) {
        let after = after.replace("{NEWS}", NEWS).replace("{WRONG}", WRONG);
        let (failure, asked) = log_in_at(before, is_redirected, &after).await;
        assert_eq!(failure.kind.as_str(), expected, "{failure}");
        assert_eq!(failure.login_in_doubt, expected != "wrong_credentials");
        let sent = asked.iter().filter(|line| line.starts_with("POST"));
        assert_eq!(sent.count(), 1, "{asked:?}");
    }
}
