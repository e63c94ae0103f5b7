//! The way there: the login form, and the account that answers it.

use hippo_browser::{Page, Session, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use super::addresses::{ACCOUNT, CHARGES, LOGOUT, root};
use super::login::{self, Login};
use super::pages::{self, Audience, PageKind, Part};

/// Logs in and reads the summary that this leads to; the session logs out however this ends.
pub(super) async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let account = below(session, ACCOUNT)?;
    let logout = below(session, LOGOUT)?;
    // The token in the form is good only with the cookie that comes with it.
    let page = session.get(&account).await?;
    let preexisting_messages = login::messages_beside_form(&page.body);
    let form = login::filled(&page, session)?;
    session.log_out_at_end(&logout);
    let landing = session.log_in(form).await?;
    let part = match after_login(&landing, &preexisting_messages, session)? {
        Some(part) => part,
        None => {
            let page = session.get(&account).await?;
            summary(&page, session)?
        }
    };
    let mut parts = vec![part];
    if parts.iter().any(Part::needs_charges) {
        parts.extend(charges(session).await);
    }
    pages::join_parts(parts, session.unknown_account())
}

/// The page of all charges, whose structure tells a debt from a credit in any language.
///
/// `None` where it is not there or not to be read: then the sum's sign stays unknown, and all else is known.
async fn charges(session: &mut Session<'_>) -> Option<Part> {
    let address = below(session, CHARGES).ok()?;
    let page = session.get_optional(&address).await.ok()??;
    match pages::classify_page(&page.body, &[], &session.read_context()) {
        Ok(PageKind::Account(part)) if !part.is_summary => Some(part),
        _ => None,
    }
}

fn below(session: &Session<'_>, path: &str) -> Result<Url, Failure> {
    root(session.library())
        .join(path)
        .map_err(|_| Failure::page_changed("a path that makes no address with base_url"))
}

/// Judges the answer to the login; `None`: logged in, on another page of the catalogue.
fn after_login(
    page: &Page,
    preexisting_messages: &[String],
    session: &mut Session<'_>,
) -> Result<Option<Part>, Failure> {
    let refused = Failure::wrong_credentials;
    match pages::classify_page(&page.body, preexisting_messages, &session.read_context()) {
        Ok(PageKind::Account(part)) => {
            session.mark_logged_in();
            Ok(Some(part).filter(|part| part.is_summary))
        }
        // Koha refuses in the answer itself, and leads on whom it let in. What it says at the place where
        // that leads, if not of a password, is that the session got lost on the way: whether the PIN was
        // right is in doubt.
        Ok(PageKind::Login(Login::Refused { is_of_password, .. }))
            if !is_of_password && session.was_redirected() =>
        {
            Err(Failure::page_changed(
                "the login led to the login form, with a word beside it that is not of a password",
            ))
        }
        Ok(PageKind::Login(Login::Refused { .. })) => {
            Err(refused("the login form again, with a word beside it"))
        }
        Ok(PageKind::Login(Login::NoForm)) => Err(refused(
            "a word in place of the login form, as for a password that has expired",
        )),
        Ok(PageKind::Login(Login::Asked)) => {
            Err(session.failure_for_login_page(page, "the account"))
        }
        Err(failure) if failure.kind == FailureKind::CardBlocked => {
            session.mark_logged_in();
            Err(failure)
        }
        // What stands beside the form: a captcha, an outage.
        Err(failure) if failure.kind != FailureKind::PageChanged => Err(failure),
        Err(failure) => {
            match pages::audience(&page.body) {
                Audience::Account => {
                    session.mark_logged_in();
                    Err(failure)
                }
                Audience::Elsewhere => {
                    session.mark_logged_in();
                    Ok(None)
                }
                // Among others, the plain text of a token that was not taken (status 403).
                Audience::Nobody => Err(session.failure_for_unknown_answer(
                    page,
                    "an answer to the login that we do not know",
                )),
            }
        }
    }
}

/// The summary, once logged in.
fn summary(page: &Page, session: &mut Session<'_>) -> Result<Part, Failure> {
    match pages::classify_page(&page.body, &[], &session.read_context()) {
        Ok(PageKind::Account(part)) if part.is_summary => Ok(part),
        Ok(PageKind::Account(_)) => Err(Failure::page_changed("charges in place of the summary")),
        Ok(PageKind::Login(_)) => Err(session.failure_for_login_page(page, "the account")),
        Err(failure) if failure.kind != FailureKind::PageChanged => Err(failure),
        Err(failure) => Err(interstitial(page).unwrap_or(failure)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use hippo_core::site::LibrarySite as _;
    use rstest::rstest;

    use super::*;
    use crate::Sites;
    use hippo_browser::test_site::{
        Permit, Reply, TestSite, library, options, page, redirect, reply, secret,
    };

    const FORM: &str =
        "<form id=auth method=post><input name=userid><input type=password name=password></form>";
    const PAST: &str = "<div class=alert>Sorry, your session is over. Please log in again.</div>";
    const WRONG: &str = "<div class=alert>Wrong name or password.</div>";
    const NEWS: &str = "<div class=alert>We are down for maintenance on Sunday.</div>";

    fn login_page(said: &str) -> String {
        format!("<html><body><div id=opac-auth>{said}{FORM}</div></body></html>")
    }

    /// What a login comes to at a site that says this before it, leads on or not, and says that after it.
    async fn outcome(before: &str, is_led_on: bool, after: &str) -> (Failure, Vec<String>) {
        let (before, after) = (login_page(before), login_page(after));
        let is_sent = AtomicBool::new(false);
        let site = TestSite::start(move |request| {
            if request.starts_with("POST") {
                is_sent.store(true, Ordering::SeqCst);
                return if is_led_on {
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
        let checked = sites.check(&library, &secret(), &Permit::default()).await;
        let checked = checked.map_err(Failure::from);
        (checked.unwrap_err(), site.lines())
    }

    #[rstest]
    #[case::closed_in_the_meantime(
        "<div id=opac-maintenance-message>Bis bald.</div>",
        "site_down",
        true
    )]
    #[case::a_consent_first(
        "<span class=loggedinusername></span><div id=patronconsents><div class=alert>Please agree.</div></div>",
        "card_blocked",
        false
    )]
    #[tokio::test]
    async fn a_page_in_place_of_the_account_is_no_refused_pin(
        #[case] shown: &str,
        #[case] expected: &str,
        #[case] is_in_doubt: bool,
    ) {
        let (failure, asked) = outcome("", true, shown).await;
        assert_eq!(failure.kind.as_str(), expected, "{failure}");
        assert_eq!(failure.login_in_doubt, is_in_doubt);
        let read = asked.iter().filter(|line| line.starts_with("GET")).count();
        assert_eq!(
            read, 3,
            "the form, where the login led, and the logout: {asked:?}"
        );
    }

    #[tokio::test]
    async fn no_pin_is_sent_while_the_catalogue_is_closed() {
        let closed = "<body id=opac_maintenance><div id=opac-maintenance-message>Bis bald.</div>";
        let site = TestSite::start(move |_| page(closed)).await;
        let mut library = library(&site.url);
        library.system = "koha".parse().unwrap();
        let sites = Sites::new(options()).unwrap();
        let checked = sites.check(&library, &secret(), &Permit::default()).await;
        let checked = checked.map_err(Failure::from);
        assert_eq!(checked.unwrap_err().kind, FailureKind::SiteDown);
        assert_eq!(site.lines().len(), 1);
    }

    /// An account with a sum of which its words tell nothing.
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

    /// The check of an account whose page of charges answers so, and what was asked for.
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
        let checked = sites.check(&library, &secret(), &Permit::default()).await;
        let checked = checked.map_err(Failure::from);
        (checked, site.lines())
    }

    #[rstest]
    #[case::debt("5.00")]
    #[case::credit("-5.00")]
    #[tokio::test]
    async fn page_of_charges_tells_sign_that_words_do_not(#[case] sum: &'static str) {
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
    #[case::not_there(|| reply("404 Not Found", &[], "x"))]
    #[case::not_known(|| page("<html><body>Xyzzy</body></html>"))]
    #[case::down(|| reply("500 Internal Server Error", &[], "x"))]
    #[tokio::test]
    async fn sum_without_sign_is_neither_fine_nor_credit_but_told(#[case] charges: fn() -> Reply) {
        let (checked, _) = check_with_charges(charges).await;
        let account = checked.unwrap();
        assert_eq!(account.fines, None);
        let expected = "Fines or credit: 5.00, see the library's page.";
        assert_eq!(account.messages, [expected]);
    }

    #[rstest]
    #[case::of_another_patron("8", "5.00")]
    #[case::of_another_sum("7", "6.00")]
    #[tokio::test]
    async fn charges_that_do_not_fit_the_account_are_a_changed_page(
        #[case] record: &'static str,
        #[case] sum: &'static str,
    ) {
        let (checked, _) = check_with_charges(move || charges_of(record, sum)).await;
        assert_eq!(checked.unwrap_err().kind, FailureKind::PageChanged);
    }

    #[rstest]
    #[case::a_session_that_got_lost("", true, PAST, "page_changed")]
    #[case::refused_elsewhere("", true, WRONG, "wrong_credentials")]
    #[case::refused_without_a_word("", true, "", "wrong_credentials")]
    #[case::refused("", false, WRONG, "wrong_credentials")]
    #[case::a_word_in_the_answer_itself("", false, PAST, "wrong_credentials")]
    #[case::refused_below_what_stood_there(NEWS, false, "{NEWS}{WRONG}", "wrong_credentials")]
    #[case::an_outage("", false, NEWS, "site_down")]
    #[tokio::test]
    async fn a_pin_is_sent_once_and_is_wrong_only_where_it_was_refused(
        #[case] before: &str,
        #[case] is_led_on: bool,
        #[case] after: &str,
        #[case] expected: &str,
    ) {
        let after = after.replace("{NEWS}", NEWS).replace("{WRONG}", WRONG);
        let (failure, asked) = outcome(before, is_led_on, &after).await;
        assert_eq!(failure.kind.as_str(), expected, "{failure}");
        assert_eq!(failure.login_in_doubt, expected != "wrong_credentials");
        let sent = asked.iter().filter(|line| line.starts_with("POST"));
        assert_eq!(sent.count(), 1, "{asked:?}");
    }
}
