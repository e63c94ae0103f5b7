//! Logs in, and reads the account.

use hippo_browser::Session;
use hippo_browser::reading::parse_page;
use hippo_core::account::Account;
use hippo_core::failure::Failure;

use super::description::{LOANS_PATH, STATE};
use super::login::{LOGIN, find_token, refusal_in_json};
use crate::json_reader;

/// The field of the token.
const TOKEN: &str = "authenticity_token";

/// Logs in and reads the whole account; the session logs out when it ends.
pub(super) async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let mut url = session.url("/user/login")?;
    url.query_pairs_mut().append_pair("destination", LOANS_PATH);
    let page = session.get(&url).await?;
    let mut form = LOGIN.find_form(&page, &parse_page(&page.body)?)?;
    LOGIN.fill_in(&mut form, session)?;
    if !form.has(TOKEN)
        && let Some(token) = find_token(&page.body)
    {
        form.set_extra(TOKEN, &token);
    }
    session.log_out_at_end(&session.url("/user/logout")?);
    let answer = session.log_in(form).await?;
    if let Some(failure) = refusal_in_json(&answer.body) {
        return Err(session.expired_only_after_login(failure));
    }
    json_reader::read_account(&STATE, &answer, session).await
}

#[cfg(test)]
mod tests {
    use hippo_core::failure::FailureKind;
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
