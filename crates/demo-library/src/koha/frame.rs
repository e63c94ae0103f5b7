//! The frame of all pages of a Koha site.

use super::texts::{ENGLISH, GERMAN, Words};
use crate::page::escape;
use crate::page_context::PageContext;
use crate::site::{Generation, Patron};

pub(super) const ROOT: &str = "/cgi-bin/koha/";

pub(super) fn is_newer(context: &PageContext<'_>) -> bool {
    context.site().generation == Generation::Newer
}

pub(super) fn site_words(context: &PageContext<'_>) -> &'static Words {
    if context.settings.translated {
        &GERMAN
    } else {
        &ENGLISH
    }
}

/// The record number of a patron.
pub(super) fn record(index: usize) -> usize {
    index + 2
}

/// The visitor of a page.
pub(super) enum Visitor<'a> {
    Nobody,
    /// An anonymous visitor with the token of the form's session.
    Stranger(&'a str),
    /// A patron, with the index of their record.
    Patron(usize, &'a Patron),
}

/// A page with its search form. For anonymous visitors, and always in the older generation, it has a hidden login
/// form.
pub(super) fn frame(
    context: &PageContext<'_>,
    id: &str,
    visitor: Visitor<'_>,
    main: &str,
) -> String {
    let words = site_words(context);
    let members = match visitor {
        Visitor::Patron(index, patron) => format!(
            r#"<span class="loggedinusername" data-borrowernumber="{}" data-branchcode="MS">{}</span>
<a class="logout" id="logout" href="{ROOT}opac-main.pl?logout.x=1">{}</a>"#,
            record(index),
            escape(&patron.name),
            words.log_out
        ),
        _ => format!("<a href=\"{ROOT}opac-user.pl\">{}</a>", words.sign_in),
    };
    let token = match visitor {
        Visitor::Stranger(token) => Some(token),
        Visitor::Patron(..) if !is_newer(context) => Some(""),
        _ => None,
    };
    let modal = token.map_or_else(String::new, |token| {
        format!(
            "<div id=\"loginModal\" class=\"modal hide\">\n{}\n</div>",
            login_form(context, token, "modalAuth", "m")
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
        library = context.library(),
        menu = context.state.filler.html,
        filler = context.state.filler.json,
        script = date_script(context),
    )
}

/// One of the page's two login forms. The ids of the hidden one begin with `m`.
pub(super) fn login_form(context: &PageContext<'_>, token: &str, id: &str, prefix: &str) -> String {
    let (number, pin, hidden) = if is_newer(context) {
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
        host = escape(context.login_host.as_deref().unwrap_or_default()),
        sign_in = site_words(context).sign_in,
    )
}

/// The script that states the site's date format. Koha has four.
fn date_script(context: &PageContext<'_>) -> String {
    let (preference, calendar) = match context.site().date_format.as_str() {
        "%m/%d/%Y" => ("us", "mm/dd/yy"),
        "%d/%m/%Y" => ("metric", "dd/mm/yy"),
        "%d.%m.%Y" => ("dmydot", "dd.mm.yy"),
        "%Y-%m-%d" => ("iso", "yy-mm-dd"),
        _ => return String::new(),
    };
    if is_newer(context) {
        format!("var dateformat_pref = \"{preference}\";")
    } else {
        format!("$.datepicker.regional[''] = {{ dateFormat: '{calendar}', firstDay: 0 }};")
    }
}

/// A sum: `1,204.50`, or `1.204,50` in German.
pub(super) fn money(context: &PageContext<'_>, cents: i64) -> String {
    let (group, point) = if context.settings.translated {
        ('.', ',')
    } else {
        (',', '.')
    };
    let whole = (cents / 100).to_string();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(group);
        }
        grouped.push(digit);
    }
    format!("{grouped}{point}{:02}", cents % 100)
}
