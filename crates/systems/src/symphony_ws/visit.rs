//! Looks whether the interface is up, logs in, fetches the patron's record with all lists in one request, and logs out.

use hippo_browser::{Form, Session, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use secrecy::ExposeSecret as _;

use super::CLIENT_ID;
use super::description::PATRON;
use crate::json_reader::{Answer, LoggedIn, failure_of, is_object, make_account, parse_answer};

/// The name by which the interface's log knows this program.
const APP_ID: &str = "LibraryHippo";
/// The client id of `SirsiDynix`'s own catalogue, which most sites have.
const USUAL_CLIENT_ID: &str = "DS_CLIENT";

/// The fields to fetch, with those of the records that they refer to.
const FIELDS: &str = "privilegeExpiresDate,standing,\
circRecordList{*,item{barcode,bib{title,author}}},\
holdRecordList{*,bib{title,author},item{barcode,bib{title,author}}},\
blockList{*}";

pub(super) async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let client_id = session.library().options.get(CLIENT_ID);
    let client_id = client_id.map_or(USUAL_CLIENT_ID, String::as_str);
    let headers = [
        ("accept", "application/json"),
        ("sd-originating-app-id", APP_ID),
        ("x-sirs-clientid", client_id),
    ];
    require_interface(session, &headers).await?;
    let logged_in = log_in(session, &headers).await?;
    let token = logged_in.token.expose_secret();
    let [accept, app_id, client_id] = headers;
    let headers = [accept, app_id, client_id, ("x-sirs-sessiontoken", token)];
    session.log_out_by_post_at_end(&session.url("user/patron/logout")?, &headers)?;
    session.mark_logged_in();

    let mut url = session.url(&format!("user/patron/key/{}", logged_in.key))?;
    url.query_pairs_mut().append_pair("includeFields", FIELDS);
    let page = session.get_with(&url, &headers).await?;
    let record = match parse_answer(&PATRON, &page.body, &session.read_context()) {
        Ok(Answer::Account(record)) => *record,
        Ok(Answer::Refusal(refusal)) => return Err(failure_of(refusal)),
        Ok(Answer::LoggedIn(_)) => {
            return Err(Failure::page_changed(
                "a login in place of the patron's record",
            ));
        }
        Err(failure) => return Err(interstitial(&page).unwrap_or(failure)),
    };
    if record.key != logged_in.key {
        return Err(Failure::page_changed("another patron's record"));
    }
    if !record.has_all_lists() {
        return Err(Failure::page_changed(
            "a patron's record without lists of loans and holds",
        ));
    }
    Ok(make_account(record, session.unknown_account()))
}

/// Asks for the description of the login, so that an outage costs no login: a login without an answer isn't repeated
/// that day. A site may not have the description, or not show it.
async fn require_interface(
    session: &mut Session<'_>,
    headers: &[(&str, &str)],
) -> Result<(), Failure> {
    let url = session.url("user/patron/login/describe")?;
    let page = session.probe(&url, headers).await?;
    match interstitial(&page) {
        Some(failure) => Err(failure),
        None if page.status < 300 && !is_object(&page.body) => Err(Failure::page_changed(
            "no programming interface at this address",
        )),
        None => Ok(()),
    }
}

async fn log_in(session: &mut Session<'_>, headers: &[(&str, &str)]) -> Result<LoggedIn, Failure> {
    let mut form = Form::json(session.url("user/patron/login")?);
    let secret = session.secret();
    form.set_secret("login", &secret.number);
    form.set_secret("password", &secret.pin);
    for (name, value) in headers {
        form.header(name, value);
    }
    let page = session.log_in(form).await?;
    let unknown = |what: &str| Err(session.failure_for_unknown_answer(&page, what));
    match parse_answer(&PATRON, &page.body, &session.read_context()) {
        Ok(Answer::LoggedIn(logged_in)) if is_key(&logged_in.key) => Ok(logged_in),
        Ok(Answer::Refusal(Some(refusal))) if refusal.kind != FailureKind::SessionExpired => {
            Err(refusal.failure())
        }
        // It isn't known why; another attempt might lock the card.
        Ok(Answer::Refusal(_)) => unknown("a refused login with an unknown code"),
        Ok(_) => unknown("an unknown answer to the login"),
        Err(failure) => unknown(&failure.detail),
    }
}

/// Whether a key can be part of a path.
fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
