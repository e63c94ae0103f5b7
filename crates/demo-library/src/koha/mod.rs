//! Koha's OPAC, in two ages: one page is login form and whole account.
//!
//! Paths begin with `/cgi-bin/koha/`: `opac-user.pl` (form, login, account), `opac-account.pl` (charges),
//! `opac-main.pl` (the catalogue; `?logout.x=1` ends the session), and what changes something: `opac-renew.pl`,
//! `opac-modrequest.pl`, `opac-modrequest-suspend.pl`. The older age takes `userid` and `password` and answers with the
//! account itself; the newer takes `login_userid`, `login_password`, `login_op` and a `csrf_token` that belongs to the
//! session of the form, and leads to the account.

mod account;
mod holds;
mod loans;
mod words;

use axum::http::Method;

use self::words::{ENGLISH, GERMAN, Words};
use crate::desk::Desk;
use crate::page::{Asked, Page, escape};
use crate::site::{Generation, Patron};

/// The cookie with the session's id.
pub(crate) const COOKIE: &str = "CGISESSID";

const ROOT: &str = "/cgi-bin/koha/";

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

fn is_newer(desk: &Desk<'_>) -> bool {
    desk.site().generation == Generation::Newer
}

fn words(desk: &Desk<'_>) -> &'static Words {
    if desk.settings.translated {
        &GERMAN
    } else {
        &ENGLISH
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

/// One of the page's two login forms; `m` begins the ids of the one that hides.
fn login_form(desk: &Desk<'_>, token: &str, id: &str, prefix: &str) -> String {
    let (number, pin, hidden) = if is_newer(desk) {
        let hidden = format!(
            "<input type=\"hidden\" name=\"csrf_token\" value=\"{token}\" />\n\
             <input type=\"hidden\" name=\"login_op\" value=\"cud-login\" />\n"
        );
        ("login_userid", "login_password", hidden)
    } else {
        ("userid", "password", String::new())
    };
    format!(
        r#"<form action="{host}{ROOT}opac-user.pl" name="auth" id="{id}" method="post">
{hidden}<input type="hidden" name="koha_login_context" value="opac" />
<fieldset class="brief">
<label for="{prefix}userid">Card</label><input type="text" id="{prefix}userid" name="{number}" />
<label for="{prefix}password">Password</label><input type="password" id="{prefix}password" name="{pin}" />
</fieldset>
<input type="submit" value="{sign_in}" class="btn" />
</form>"#,
        host = escape(desk.login_host.as_deref().unwrap_or_default()),
        sign_in = words(desk).sign_in,
    )
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

/// The number of a patron's record.
fn record(place: usize) -> usize {
    place + 2
}

/// Whom a page is made for.
enum Visitor<'a> {
    Nobody,
    /// Nobody yet: the token of the session that the form belongs to.
    Stranger(&'a str),
    /// The place of the patron's record.
    Patron(usize, &'a Patron),
}

/// A page: its head with the search, and, for strangers and always in the older age, the login form that hides.
fn frame(desk: &Desk<'_>, id: &str, visitor: Visitor<'_>, main: &str) -> String {
    let words = words(desk);
    let members = match visitor {
        Visitor::Patron(place, patron) => format!(
            r#"<span class="loggedinusername" data-borrowernumber="{}" data-branchcode="MS">{}</span>
<a class="logout" id="logout" href="{ROOT}opac-main.pl?logout.x=1">{}</a>"#,
            record(place),
            escape(&patron.name),
            words.leave
        ),
        _ => format!("<a href=\"{ROOT}opac-user.pl\">{}</a>", words.sign_in),
    };
    let token = match visitor {
        Visitor::Stranger(token) => Some(token),
        Visitor::Patron(..) if !is_newer(desk) => Some(""),
        _ => None,
    };
    let modal = token.map_or_else(String::new, |token| {
        format!(
            "<div id=\"loginModal\" class=\"modal hide\">\n{}\n</div>",
            login_form(desk, token, "modalAuth", "m")
        )
    });
    format!(
        r#"<!DOCTYPE html>
<html lang="{language}" class="no-js">
<head><title>{library}</title>
<meta name="generator" content="Koha" />
</head>
<body id="{id}" class="scrollto">
<div id="wrap">
<div id="header-region">{members}</div>
<form name="searchform" method="get" action="{ROOT}opac-search.pl" id="searchform"><input type="text" name="q" /></form>
{modal}
<div class="main">
<ul class="menu">{menu}</ul>
{main}
</div>
</div>
<script>
var shelfSigns = {{{filler}}};
{script}
</script>
</body>
</html>
"#,
        language = words.language,
        library = desk.library(),
        menu = desk.server.filler.html,
        filler = desk.server.filler.json,
        script = date_script(desk),
    )
}

/// Where the page's script tells how the site writes dates; Koha has four ways.
fn date_script(desk: &Desk<'_>) -> String {
    let (preference, calendar) = match desk.site().date_format.as_str() {
        "%m/%d/%Y" => ("us", "mm/dd/yy"),
        "%d/%m/%Y" => ("metric", "dd/mm/yy"),
        "%d.%m.%Y" => ("dmydot", "dd.mm.yy"),
        "%Y-%m-%d" => ("iso", "yy-mm-dd"),
        _ => return String::new(),
    };
    if is_newer(desk) {
        format!("var dateformat_pref = \"{preference}\";")
    } else {
        format!("$.datepicker.regional[''] = {{ dateFormat: '{calendar}', firstDay: 0 }};")
    }
}
