//! Koha's OPAC, in two generations: one page is both login form and account.
//!
//! Paths begin with `/cgi-bin/koha/`: `opac-user.pl` (form, login, account), `opac-account.pl` (charges),
//! `opac-main.pl` (the catalogue; `?logout.x=1` ends the session), and scripts that change something: `opac-renew.pl`,
//! `opac-modrequest.pl`, `opac-modrequest-suspend.pl`. The older generation takes `userid` and `password`, and answers
//! with the account. The newer takes `login_userid`, `login_password`, `login_op` and the session's `csrf_token`, and
//! redirects to the account.

mod account;
mod frame;
mod holds;
mod loans;
mod texts;

use axum::http::Method;

use self::frame::{ROOT, Visitor, frame, is_newer, login_form, site_words};
use crate::page::{Page, SiteRequest};
use crate::page_context::PageContext;

/// The cookie with the session's id.
pub(crate) const COOKIE: &str = "CGISESSID";

/// The names that a changed layout replaces.
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

/// Scripts that change something with any method.
const CHANGING_SCRIPTS: [&str; 6] = [
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

pub(crate) fn is_login(request: &SiteRequest) -> bool {
    let has_fields = ["userid", "login_userid"]
        .iter()
        .any(|name| request.field(name).is_some());
    request.method == Method::POST && script(&request.path) == "opac-user.pl" && has_fields
}

pub(crate) fn changes_state(request: &SiteRequest) -> bool {
    CHANGING_SCRIPTS.contains(&script(&request.path))
        || (request.method != Method::GET && !is_login(request))
}

pub(crate) fn page(context: &PageContext<'_>) -> Page {
    match script(&context.request.path) {
        "opac-user.pl" if is_login(context.request) => log_in(context),
        "opac-user.pl" => match context.patron() {
            Some((index, patron)) => {
                Page::html(account::render_summary_page(context, index, &patron)).showing_account()
            }
            None => login_page(context, false),
        },
        "opac-account.pl" => match context.patron() {
            Some((index, patron)) => {
                Page::html(account::render_charges_page(context, index, &patron)).showing_account()
            }
            None => login_page(context, false),
        },
        "opac-main.pl" if context.request.parameter("logout.x").is_some() => log_out(context),
        "/" | "opac-main.pl" => catalogue(context),
        _ => Page::not_found(),
    }
}

fn catalogue(context: &PageContext<'_>) -> Page {
    Page::html(frame(
        context,
        "opac-main",
        Visitor::Nobody,
        "<p>Search our shelves.</p>",
    ))
}

fn log_out(context: &PageContext<'_>) -> Page {
    if let Some(id) = context.request.cookie(COOKIE) {
        context.sessions(|sessions| sessions.close(&id));
    }
    Page::html(frame(
        context,
        "opac-main",
        Visitor::Nobody,
        "<p>Until next time.</p>",
    ))
    .without_cookie(COOKIE)
}

fn login_page(context: &PageContext<'_>, is_refused: bool) -> Page {
    let (id, session) = context.session_or_new();
    let words = site_words(context);
    let error = if is_refused && !context.settings.refuses_silently {
        format!(
            "<div class=\"alert alert-info\">\n<p>{}</p>\n</div>\n",
            words.login_error
        )
    } else {
        String::new()
    };
    let main = format!(
        r#"<div id="opac-auth" class="maincontent">
<h1>{sign_in}</h1>
{error}{form}
</div>"#,
        sign_in = words.sign_in,
        form = login_form(context, &session.form_token, "auth", ""),
    );
    Page::html(frame(
        context,
        "opac-login-page",
        Visitor::Stranger(&session.form_token),
        &main,
    ))
    .with_cookie(COOKIE, &id)
}

fn log_in(context: &PageContext<'_>) -> Page {
    let (number, pin) = if is_newer(context) {
        ("login_userid", "login_password")
    } else {
        ("userid", "password")
    };
    if is_newer(context) {
        let token = context.session().map(|(_, session)| session.form_token);
        let is_fresh = token.is_some() && context.request.field("csrf_token") == token.as_deref();
        if !is_fresh || context.request.field("login_op") != Some("cud-login") {
            return Page {
                content_type: "text/plain".into(),
                ..Page::html("Wrong CSRF token".to_owned()).with_status(403)
            };
        }
    }
    let number = context.request.field(number).unwrap_or_default();
    if !context.log_in(number, context.request.field(pin).unwrap_or_default(), None) {
        return login_page(context, true);
    }
    let (id, _) = context.open_session(number.trim());
    if is_newer(context) {
        return Page::redirect(format!("{}{ROOT}opac-user.pl", context.request.base))
            .with_status(303)
            .with_cookie(COOKIE, &id);
    }
    let number = context.other_patron.as_deref().unwrap_or(number.trim());
    match context.patron_of(number) {
        Some((index, patron)) => Page::html(account::render_summary_page(context, index, &patron))
            .showing_account()
            .with_cookie(COOKIE, &id),
        None => login_page(context, true),
    }
}
