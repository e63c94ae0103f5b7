//! Koha's OPAC, in two ages: one page is login form and whole account.
//!
//! Paths begin with `/cgi-bin/koha/`: `opac-user.pl` (form, login, account), `opac-account.pl` (charges),
//! `opac-main.pl` (the catalogue; `?logout.x=1` ends the session), and what changes something: `opac-renew.pl`,
//! `opac-modrequest.pl`, `opac-modrequest-suspend.pl`. The older age takes `userid` and `password` and answers with the
//! account itself; the newer takes `login_userid`, `login_password`, `login_op` and a `csrf_token` that belongs to the
//! session of the form, and leads to the account.

mod account;
mod frame;
mod holds;
mod loans;
mod words;

use axum::http::Method;

use self::frame::{ROOT, Visitor, frame, is_newer, login_form, words};
use crate::desk::Desk;
use crate::page::{Asked, Page};

/// The cookie with the session's id.
pub(crate) const COOKIE: &str = "CGISESSID";

/// What a changed layout calls differently.
pub(crate) const RENAMED: &[(&str, &str)] = &[
    ("userdetails", "patronsheet"),
    ("loggedinusername", "whoishere"),
    ("opac-user-", "sheet-"),
    ("checkoutst", "lentgrid"),
    ("overduest", "lategrid"),
    ("holdst", "wishgrid"),
    ("date_due", "lent_until"),
    ("id=\"auth\"", "id=\"enter\""),
    ("id=\"modalAuth\"", "id=\"enterModal\""),
    ("opac-auth", "entrance"),
    ("name=\"userid\"", "name=\"card\""),
    ("name=\"login_userid\"", "name=\"card\""),
    ("name=\"password\"", "name=\"secret\""),
    ("name=\"login_password\"", "name=\"secret\""),
];

/// Scripts that change something, whatever the method.
const CHANGING: [&str; 6] = [
    "opac-renew.pl",
    "opac-modrequest.pl",
    "opac-modrequest-suspend.pl",
    "opac-reserve.pl",
    "opac-issue-note.pl",
    "opac-dismiss-message.pl",
];

fn script(path: &str) -> &str {
    path.strip_prefix(ROOT).unwrap_or(path)
}

pub(crate) fn is_login(asked: &Asked) -> bool {
    let has_fields = ["userid", "login_userid"]
        .iter()
        .any(|name| asked.field(name).is_some());
    asked.method == Method::POST && script(&asked.path) == "opac-user.pl" && has_fields
}

pub(crate) fn changes_state(asked: &Asked) -> bool {
    CHANGING.contains(&script(&asked.path)) || (asked.method != Method::GET && !is_login(asked))
}

pub(crate) fn page(desk: &Desk<'_>) -> Page {
    match script(&desk.asked.path) {
        "opac-user.pl" if is_login(desk.asked) => log_in(desk),
        "opac-user.pl" => match desk.patron() {
            Some((place, patron)) => {
                Page::html(account::summary(desk, place, &patron)).showing_account()
            }
            None => login_page(desk, false),
        },
        "opac-account.pl" => match desk.patron() {
            Some((place, patron)) => {
                Page::html(account::charges(desk, place, &patron)).showing_account()
            }
            None => login_page(desk, false),
        },
        "opac-main.pl" if desk.asked.parameter("logout.x").is_some() => leave(desk),
        "/" | "opac-main.pl" => catalogue(desk),
        _ => Page::not_found(),
    }
}

fn catalogue(desk: &Desk<'_>) -> Page {
    Page::html(frame(
        desk,
        "opac-main",
        Visitor::Nobody,
        "<p>Search our shelves.</p>",
    ))
}

fn leave(desk: &Desk<'_>) -> Page {
    if let Some(id) = desk.asked.cookie(COOKIE) {
        desk.sessions(|sessions| sessions.close(&id));
    }
    Page::html(frame(
        desk,
        "opac-main",
        Visitor::Nobody,
        "<p>Until next time.</p>",
    ))
    .without_cookie(COOKIE)
}

fn login_page(desk: &Desk<'_>, is_refused: bool) -> Page {
    let (id, session) = desk.session_or_new();
    let words = words(desk);
    let said = if is_refused && !desk.settings.refuses_without_words {
        format!(
            "<div class=\"alert alert-info\">\n<p>{}</p>\n</div>\n",
            words.refused
        )
    } else {
        String::new()
    };
    let main = format!(
        r#"<div id="opac-auth" class="maincontent">
<h1>{sign_in}</h1>
{said}{form}
</div>"#,
        sign_in = words.sign_in,
        form = login_form(desk, &session.form_token, "auth", ""),
    );
    Page::html(frame(
        desk,
        "opac-login-page",
        Visitor::Stranger(&session.form_token),
        &main,
    ))
    .with_cookie(COOKIE, &id)
}

fn log_in(desk: &Desk<'_>) -> Page {
    let (number, pin) = if is_newer(desk) {
        ("login_userid", "login_password")
    } else {
        ("userid", "password")
    };
    if is_newer(desk) {
        let token = desk.session().map(|(_, session)| session.form_token);
        let is_fresh = token.is_some() && desk.asked.field("csrf_token") == token.as_deref();
        if !is_fresh || desk.asked.field("login_op") != Some("cud-login") {
            return Page {
                content_type: "text/plain".into(),
                ..Page::html("Wrong CSRF token".to_owned()).with_status(403)
            };
        }
    }
    let number = desk.asked.field(number).unwrap_or_default();
    if !desk.log_in(number, desk.asked.field(pin).unwrap_or_default(), None) {
        return login_page(desk, true);
    }
    let (id, _) = desk.open_session(number.trim());
    if is_newer(desk) {
        return Page::redirect(format!("{}{ROOT}opac-user.pl", desk.asked.base))
            .with_status(303)
            .with_cookie(COOKIE, &id);
    }
    let number = desk.other_patron.as_deref().unwrap_or(number.trim());
    match desk.patron_of(number) {
        Some((place, patron)) => Page::html(account::summary(desk, place, &patron))
            .showing_account()
            .with_cookie(COOKIE, &id),
        None => login_page(desk, true),
    }
}
