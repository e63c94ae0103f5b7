//! What all pages of a Koha site have around them, and in which words.

use super::words::{ENGLISH, GERMAN, Words};
use crate::desk::Desk;
use crate::page::escape;
use crate::site::{Generation, Patron};

pub(super) const ROOT: &str = "/cgi-bin/koha/";

pub(super) fn is_newer(desk: &Desk<'_>) -> bool {
    desk.site().generation == Generation::Newer
}

pub(super) fn words(desk: &Desk<'_>) -> &'static Words {
    if desk.settings.translated {
        &GERMAN
    } else {
        &ENGLISH
    }
}

/// The number of a patron's record.
pub(super) fn record(place: usize) -> usize {
    place + 2
}

/// Whom a page is made for.
pub(super) enum Visitor<'a> {
    Nobody,
    /// Nobody yet: the token of the session that the form belongs to.
    Stranger(&'a str),
    /// The place of the patron's record.
    Patron(usize, &'a Patron),
}

/// A page: its head with the search, and, for strangers and always in the older age, the login form that hides.
pub(super) fn frame(desk: &Desk<'_>, id: &str, visitor: Visitor<'_>, main: &str) -> String {
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
        menu = desk.state.filler.html,
        filler = desk.state.filler.json,
        script = date_script(desk),
    )
}

/// One of the page's two login forms; `m` begins the ids of the one that hides.
pub(super) fn login_form(desk: &Desk<'_>, token: &str, id: &str, prefix: &str) -> String {
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

/// `1,204.50`, and `1.204,50` in the other language.
pub(super) fn money(desk: &Desk<'_>, cents: i64) -> String {
    let (group, point) = if desk.settings.translated {
        ('.', ',')
    } else {
        (',', '.')
    };
    let whole = (cents / 100).to_string();
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(group);
        }
        grouped.push(digit);
    }
    format!("{grouped}{point}{:02}", cents % 100)
}
