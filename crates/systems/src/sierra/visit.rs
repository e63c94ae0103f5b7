//! The way there: the CAS login, the patron's summary and the two lists.

use hippo_browser::reading::must_agree;
use hippo_browser::{Form, Page, Session};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use super::addresses::scope;
use super::login::{self, Login};
use super::pages::{self, PageKind, Part, place_in_account};

/// Logs in, reads the summary and both lists; the session logs out however this ends.
pub(super) async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let scope = scope(session.library())?;
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
    let place = locate_account(&landing, session)?;

    let summary = match part(&landing, session) {
        Ok(part) if part.summary.is_some() => part,
        Err(failure) if failure.kind != FailureKind::PageChanged => return Err(failure),
        // Some libraries lead to another page of the account first.
        _ => fetch(session, &place, "top").await?,
    };
    if summary.summary.is_none() {
        return Err(Failure::page_changed("no summary of the patron"));
    }
    let items = fetch(session, &place, "items").await?;
    let holds = fetch(session, &place, "holds").await?;
    whole_account(
        summary,
        items,
        holds,
        &place.record,
        session.unknown_account(),
    )
}

/// Where the account is: `…/patroninfo~S3/1307788`.
struct AccountLocation {
    root: Url,
    record: String,
}

/// The login form: CAS's, or of an older catalogue, which has nothing or another page in CAS's place, its own.
async fn login_form(session: &mut Session<'_>, cas: &Url, account: &Url) -> Result<Form, Failure> {
    let failure = match session.get_optional(cas).await? {
        Some(page) => match login::form(&page) {
            Err(failure) if failure.kind == FailureKind::PageChanged => failure,
            outcome => return outcome,
        },
        None => Failure::page_changed("no login page, neither CAS's nor the catalogue's own"),
    };
    let page = session.get(account).await?;
    login::form(&page).map_err(|other| match other.kind {
        FailureKind::PageChanged => failure,
        _ => other,
    })
}

/// Judges the answer to the login form.
///
/// The form without a word is what a CAS also shows for a ticket (`lt`) that was used before. Ours
/// came with the form a moment ago, so it is taken for a refusal.
fn locate_account(landing: &Page, session: &Session<'_>) -> Result<AccountLocation, Failure> {
    match pages::classify_page(&landing.body, &session.read_context()) {
        // The catalogue refuses in the answer itself, or by way of its login page, and leads on whom it let in.
        Ok(PageKind::Login(login))
            if login != Login::AskedByCatalogue
                || !session.was_redirected()
                || is_login_place(&landing.url) =>
        {
            Err(login.failure(|| session.failure_for_login_page(landing, "the account")))
        }
        Err(failure) if failure.kind != FailureKind::PageChanged => Err(failure),
        _ => place_of(&landing.url).ok_or_else(|| {
            login::stand_in(landing).unwrap_or_else(|| {
                session.failure_for_unknown_answer(
                    landing,
                    "the login led to a page outside the account",
                )
            })
        }),
    }
}

/// Whether this is where the catalogue asks for a login: `…/patroninfo~S3`, without a patron's record.
fn is_login_place(url: &Url) -> bool {
    let last = url.path().trim_end_matches('/').rsplit('/').next();
    last.is_some_and(|last| last.starts_with("patroninfo"))
}

fn place_of(url: &Url) -> Option<AccountLocation> {
    let (record, _) = place_in_account(url.path())?;
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
    place: &AccountLocation,
    name: &str,
) -> Result<Part, Failure> {
    let mut url = place.root.clone();
    url.set_path(&format!("{}/{name}", place.root.path()));
    let page = session.get(&url).await?;
    part(&page, session)
}

/// A page of the account, once logged in.
fn part(page: &Page, session: &mut Session<'_>) -> Result<Part, Failure> {
    let says = pages::classify_page(&page.body, &session.read_context());
    match says {
        Ok(PageKind::Account(part)) => {
            session.mark_logged_in();
            Ok(part)
        }
        Ok(PageKind::Login(Login::AskedByCatalogue)) if place_of(&page.url).is_some() => {
            Err(login::stand_in(page).unwrap_or_else(|| {
                Failure::page_changed("a login form, but nothing of the account")
            }))
        }
        Ok(PageKind::Login(_)) => Err(session.failure_for_login_page(page, "an account page")),
        Err(failure) => match login::stand_in(page) {
            Some(other) => Err(other),
            None => {
                if failure.kind == FailureKind::PageChanged && pages::is_of_account(&page.body) {
                    session.mark_logged_in();
                }
                Err(failure)
            }
        },
    }
}

/// Puts the three pages together; both lists are known then.
fn whole_account(
    summary: Part,
    mut items: Part,
    mut holds: Part,
    record: &str,
    account: Account,
) -> Result<Account, Failure> {
    for part in [&summary, &items, &holds] {
        if part.records.iter().any(|other| other != record) {
            return Err(Failure::page_changed("a page of another patron's record"));
        }
    }
    if items.loans.is_none() {
        must_show_nothing(&summary, record, "loans")?;
        must_show_nothing(&items, record, "loans")?;
        items.loans = Some(pages::List::none());
    }
    if holds.holds.is_none() {
        must_show_nothing(&summary, record, "holds")?;
        must_show_nothing(&holds, record, "holds")?;
        holds.holds = Some(pages::List::none());
    }
    // Each page says what it is asked for; what it repeats of the other list is not counted twice.
    items.holds = None;
    holds.loans = None;
    let summary = Part {
        loans: None,
        holds: None,
        ..summary
    };
    pages::join_parts(vec![summary, items, holds], account)
}

/// The site's way to say that a list is empty: the patron's summary, whole, without a link to it.
///
/// It is asked of the summary and of the page at the list's own address, which shows the summary
/// when there is nothing to list. Each must link to the patron's record in the way that we know:
/// else the link to the list may be there as well, and not be seen.
fn must_show_nothing(part: &Part, record: &str, what: &str) -> Result<(), Failure> {
    let Some(summary) = part.summary.as_ref().filter(|_| part.is_whole) else {
        return Err(Failure::page_changed(format!(
            "no list of {what}, and no whole summary that says there is none"
        )));
    };
    if !part.records.contains(record) {
        return Err(Failure::page_changed(format!(
            "no list of {what}, and a summary without a link to the patron's record"
        )));
    }
    let (is_linked, declared) = match what {
        "loans" => (summary.links_to_loans, summary.declared.loans),
        _ => (summary.links_to_holds, summary.declared.holds),
    };
    must_agree(declared, 0, what)?;
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

    /// A summary with this in the patron's box.
    fn part(links: &str) -> Part {
        let base_url = Url::parse("https://library.test").unwrap();
        let context = ReadContext {
            base_url: &base_url,
            date_format: None,
            timezone: chrono_tz::UTC,
            card_number: None,
        };
        let page = format!("<html><div class=patNameAddress>DOE, JO.{links}</div></html>");
        match pages::classify_page(&page, &context).unwrap() {
            PageKind::Account(part) => part,
            says => panic!("{says:?}"),
        }
    }

    fn read(summary: &str, list: &str) -> Result<Account, Failure> {
        {
            let account = Account::unknown("sierra".parse().unwrap());
            whole_account(part(summary), part(list), part(list), RECORD, account)
        }
    }

    #[test]
    fn a_summary_without_the_links_that_we_know_says_nothing_of_lists() {
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
