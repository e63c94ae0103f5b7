//! The way there: the login form, and the account that answers it.

use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use super::login::{self, Login};
use super::pages::{self, Part, Says, Shown};
use super::{ACCOUNT, LOGOUT, root, unknown_account};
use crate::browser::{Page, Session, interstitial};

/// Logs in and reads the summary that this leads to; the session logs out however this ends.
pub(super) async fn visit(session: &mut Session<'_>) -> Result<Account, Failure> {
    let account = below(session, ACCOUNT)?;
    let logout = below(session, LOGOUT)?;
    // The token in the form is good only with the cookie that comes with it.
    let page = session.get(&account).await?;
    let form = login::filled(&page, session)?;
    session.log_out_at_end(&logout);
    let landing = session.log_in(form).await?;
    let part = match after_login(&landing, session)? {
        Some(part) => part,
        None => {
            let page = session.get(&account).await?;
            summary(&page, session)?
        }
    };
    pages::account(vec![part], unknown_account()?)
}

fn below(session: &Session<'_>, path: &str) -> Result<Url, Failure> {
    root(session.library())
        .join(path)
        .map_err(|_| Failure::page_changed("a path that makes no address with base_url"))
}

/// Judges the answer to the login; `None`: logged in, on another page of the catalogue.
fn after_login(page: &Page, session: &mut Session<'_>) -> Result<Option<Part>, Failure> {
    let refused = Failure::wrong_credentials;
    match pages::says(&page.body, &session.read_context()) {
        Ok(Says::Account(part)) => {
            session.note_logged_in();
            Ok(Some(part).filter(|part| part.is_summary))
        }
        Ok(Says::Login(Login::Refused)) => {
            Err(refused("the login form again, with a word beside it"))
        }
        Ok(Says::Login(Login::NoForm)) => Err(refused(
            "a word in place of the login form, as for a password that has expired",
        )),
        Ok(Says::Login(Login::Asked)) => Err(session.login_page_instead(page, "the account")),
        // What stands beside the form: a captcha, an outage.
        Err(failure) if failure.kind != FailureKind::PageChanged => Err(failure),
        Err(failure) => {
            match pages::shown(&page.body) {
                Shown::Account => {
                    session.note_logged_in();
                    Err(failure)
                }
                Shown::Elsewhere => {
                    session.note_logged_in();
                    Ok(None)
                }
                // Among others, the plain text of a token that was not taken (status 403).
                Shown::Nobody => Err(session
                    .unknown_answer_to_login(page, "an answer to the login that we do not know")),
            }
        }
    }
}

/// The summary, once logged in.
fn summary(page: &Page, session: &mut Session<'_>) -> Result<Part, Failure> {
    match pages::says(&page.body, &session.read_context()) {
        Ok(Says::Account(part)) if part.is_summary => Ok(part),
        Ok(Says::Account(_)) => Err(Failure::page_changed("charges in place of the summary")),
        Ok(Says::Login(_)) => Err(session.login_page_instead(page, "the account")),
        Err(failure) => Err(interstitial(page).unwrap_or(failure)),
    }
}
