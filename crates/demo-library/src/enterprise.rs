//! `SirsiDynix` Enterprise, in two generations: a login that answers with script, and lists fetched by script.
//!
//! All paths begin with `/client/en_US/default/search/`: `account?`, the login form's action
//! (`patronlogin.loginpageform/…` in the older generation, `patronloginform.loginpageform…` in the newer),
//! `account.checkouts.librarycheckoutsaccordion?` and `account.holds.libraryholdsaccordion?` (with
//! `.accountnonmobile.account` in the newer), `account.logout?`.

use axum::http::Method;
use serde_json::json;

use crate::page::{Page, SiteRequest, escape};
use crate::page_context::PageContext;
use crate::session::Session;
use crate::site::{DemoHold, DemoHoldState, DemoLoan, Generation, Patron};

/// The cookie with the session's id.
pub(crate) const COOKIE: &str = "JSESSIONID";

const ROOT: &str = "/client/en_US/default/search/";

/// The names that a changed layout replaces.
pub(crate) const RENAMED: &[(&str, &str)] = &[
    ("checkoutsList", "lentGrid"),
    ("holdsList", "wishGrid"),
    ("checkoutslist", "lentgrid"),
    ("holdslist", "wishgrid"),
    ("checkoutsDueDate", "lentUntil"),
    ("checkoutsLine", "lentRow"),
    ("pickupHoldsLine", "wishRow"),
    ("hideIE", "workLink"),
    ("loginPageForm", "enterForm"),
    ("loginFormZone", "enterZone"),
    ("loginpageform", "enterform"),
    ("j_username", "card_number"),
    ("j_password", "card_secret"),
    ("RedirectAfterLogin", "goThereNow"),
    ("\"content\"", "\"payload\""),
    ("\"zones\"", "\"places\""),
    ("librarycheckoutsaccordion", "lentpanel"),
    ("libraryholdsaccordion", "wishpanel"),
    ("Total Items Checked Out", "At home"),
];

pub(crate) fn is_login_path(path: &str) -> bool {
    path.contains(".loginpageform")
}

fn is_list_path(path: &str) -> bool {
    path.contains("librarycheckoutsaccordion") || path.contains("libraryholdsaccordion")
}

pub(crate) fn changes_state(request: &SiteRequest) -> bool {
    let path = request.path.as_str();
    let changing = [".renew", ".cancel", ".suspend", ".place"];
    changing.iter().any(|word| path.contains(word))
        || (request.method != Method::GET && !is_login_path(path) && !is_list_path(path))
}

/// The site's own error page.
pub(crate) fn system_error() -> Page {
    let html = r#"<!DOCTYPE html><html><head><title>System Error</title></head>
<body><div id="exceptionblock"><h1>System Error</h1><p>Something broke inside. Please tell the desk.</p></div></body></html>"#;
    Page::html(html.to_owned()).with_status(500)
}

pub(crate) fn page(context: &PageContext<'_>) -> Page {
    let path = context.request.path.as_str();
    let Some(action) = path.strip_prefix(ROOT) else {
        return match path {
            "/" | "/client/en_US/default" => {
                Page::redirect(format!("{}{ROOT}account?", context.request.base))
            }
            _ => Page::not_found(),
        };
    };
    if is_login_path(action) {
        return match context.request.method {
            Method::POST => log_in(context),
            _ => login_page(context),
        };
    }
    if action.ends_with(".logout") {
        return context.log_out(format!("{}{ROOT}account?", context.request.base));
    }
    if is_list_path(action) {
        return list(context);
    }
    if action != "account" {
        return Page::not_found();
    }
    match context.patron() {
        Some((_, patron)) => account_page(context, &patron),
        None => login_page(context),
    }
}

fn is_newer(context: &PageContext<'_>) -> bool {
    context.site().generation == Generation::Newer
}

fn login_action(context: &PageContext<'_>) -> String {
    let host = context.login_host.as_deref().unwrap_or_default();
    let path = if is_newer(context) {
        "patronloginform.loginpageform/true?"
    } else {
        "patronlogin.loginpageform/ent:$002f$002f$002faccount?"
    };
    format!("{host}{ROOT}{path}")
}

fn login_page(context: &PageContext<'_>) -> Page {
    let (id, session) = context.session_or_new();
    Page::html(frame(
        context,
        "Sign in",
        &login_form(context, &session),
        "",
    ))
    .with_cookie(COOKIE, &id)
}

fn login_form(context: &PageContext<'_>, session: &Session) -> String {
    let token = if is_newer(context) {
        format!(
            r#"<input type="hidden" name="sdcsrf" value="{}" />"#,
            session.access_token
        )
    } else {
        String::new()
    };
    format!(
        r#"<div class="t-zone" id="loginFormZone">
<form class="loginPageForm" id="loginPageForm" method="post" action="{action}">
<div class="t-invisible"><input type="hidden" name="t:formdata" value="{form_data}" />{token}</div>
<label for="j_username">Card number</label><input id="j_username" name="j_username" type="text" maxlength="256" />
<label for="j_password">PIN</label><input id="j_password" name="j_password" type="password" maxlength="256" />
<input type="hidden" name="hidden" value="ENTERPRISE" />
<input type="submit" id="submit_0" name="submit_0" value="Sign in" />
</form></div>"#,
        action = escape(&login_action(context)),
        form_data = session.form_token,
    )
}

fn log_in(context: &PageContext<'_>) -> Page {
    let Some((_, session)) = context.session() else {
        return system_error();
    };
    let has_form_data = context.request.field("t:formdata") == Some(session.form_token.as_str());
    let has_token = !is_newer(context)
        || (context.request.is_from_script()
            && context.request.field("sdcsrf") == Some(session.access_token.as_str())
            && context.request.header("sdcsrf") == Some(session.access_token.as_str()));
    if !has_form_data || !has_token {
        return system_error();
    }
    let number = context.request.field("j_username").unwrap_or_default();
    let pin = context.request.field("j_password").unwrap_or_default();
    if !context.log_in(number, pin, None) {
        let error = if context.settings.refuses_silently {
            ""
        } else {
            "<div class=\"t-error\" id=\"loginError\"><div>Login failed</div><ul><li>The card number or the PIN is wrong.</li></ul></div>"
        };
        let html = error.to_owned() + &login_form(context, &session);
        return login_answer(context, &html, None);
    }
    let (id, _) = context.open_session(number.trim());
    let to = if is_newer(context) {
        format!("{ROOT}account?")
    } else {
        format!("{}{ROOT}account?", context.request.base)
    };
    login_answer(context, "", Some(&format!("RedirectAfterLogin('{to}');")))
        .with_cookie(COOKIE, &id)
}

/// Answers a script with JSON and a plain form with a page. Both may contain a script to run.
fn login_answer(context: &PageContext<'_>, html: &str, script: Option<&str>) -> Page {
    if context.request.is_from_script() {
        let scripts: Vec<_> = script
            .into_iter()
            .map(|script| json!({"script": script}))
            .collect();
        return Page::json(&json!({"content": html, "inits": [], "scripts": scripts}));
    }
    let script = script.map_or_else(String::new, |script| {
        format!("<script type=\"text/javascript\">{script}</script>")
    });
    Page::html(frame(context, "Sign in", html, &script))
}

fn list_address(context: &PageContext<'_>, list: &str) -> String {
    let between = if is_newer(context) {
        "accountnonmobile.account"
    } else {
        ""
    };
    format!("{ROOT}account.{between}{list}.library{list}accordion?")
}

fn account_page(context: &PageContext<'_>, patron: &Patron) -> Page {
    let zones: String = ["checkouts", "holds"]
        .iter()
        .map(|list| {
            format!(
                "<h3><a href=\"#\" id=\"{list}Header\">{list}</a></h3><div class=\"t-zone\" id=\"library{list}Zone\"></div>\n"
            )
        })
        .collect();
    let account_messages: String = patron
        .blocked
        .iter()
        .chain(&patron.messages)
        .map(|text| format!("<div class=\"accountMessage\">{}</div>\n", escape(text)))
        .collect();
    let main = format!(
        r#"<div id="accountOverview" class="accountPage">
<div class="welcome">Hello, <span class="patronName">{name}</span></div>
<a class="logoutLink" id="logoutLink" href="{ROOT}account.logout?">Leave</a>
{account_messages}{zones}<ul class="shelf-menu">{menu}</ul></div>"#,
        name = escape(&patron.name),
        menu = context.state.filler.html,
    );
    let script = if is_newer(context) {
        let token = context
            .session()
            .map(|(_, session)| session.access_token)
            .unwrap_or_default();
        format!(
            r#"<script type="text/javascript">
var __sdcsrf = "{token}";
var accountZones = [
{{"id": "accordionCheckouts", "url": "{}"}},
{{"id": "accordionHolds", "url": "{}"}}
];
</script>"#,
            list_address(context, "checkouts"),
            list_address(context, "holds"),
        )
    } else {
        format!(
            r#"<script type="text/javascript">
Tapestry.init({{"linkZone":[["checkoutsHeader","librarycheckoutsZone","{}"],["holdsHeader","libraryholdsZone","{}"]]}});
</script>"#,
            list_address(context, "checkouts"),
            list_address(context, "holds"),
        )
    };
    Page::html(frame(context, "My account", &main, &script)).showing_account()
}

/// Answers with one of the two lists. For scripts only.
fn list(context: &PageContext<'_>) -> Page {
    let account = format!("{ROOT}account?");
    if !context.request.is_from_script() {
        return Page::redirect(format!("{}{account}", context.request.base));
    }
    let Some((_, patron)) = context.patron() else {
        return Page::json(&json!({"redirectURL": account}));
    };
    let token = context.session().map(|(_, session)| session.access_token);
    let is_allowed = if is_newer(context) {
        context.request.header("sdcsrf") == token.as_deref()
    } else {
        context.request.method == Method::POST && context.request.field("t:zoneid").is_some()
    };
    if !is_allowed {
        return system_error();
    }
    let answer = if context.request.path.contains("checkouts") {
        json!({"content": checkouts(context, &patron)})
    } else if is_newer(context) {
        json!({"zones": {"libraryholdsZone": holds(context, &patron)}})
    } else {
        json!({"content": holds(context, &patron)})
    };
    Page::json(&answer).showing_account()
}

fn table_id(context: &PageContext<'_>, list: &str) -> String {
    let age = if is_newer(context) { "nonmobile" } else { "" };
    format!("{list}{age}_table")
}

fn checkouts(context: &PageContext<'_>, patron: &Patron) -> String {
    let total = if is_newer(context) {
        format!(
            "<div class=\"checkoutsTotal\">Total Items Checked Out: {}</div>\n",
            patron.loans.len() + context.surplus
        )
    } else {
        String::new()
    };
    let rows: String = patron
        .loans
        .iter()
        .enumerate()
        .map(|(index, loan)| checkout_row(context, index, loan))
        .collect();
    format!(
        r#"{total}<a href="{ROOT}account.checkouts.renew?" class="renewAll">Renew</a>
<table id="{id}" class="checkoutsList sortable"><thead>
<tr class="checkoutsHeader"><th class="checkoutsAlert"></th><th class="checkoutsCoverArtHeader sorttable_nosort"></th><th class="checkoutsBookInfo sorttable_alpha"><div class="myAccountHeader_div">Work</div></th><th class="checkoutsRenewCountHeader sorttable_numeric"><div class="myAccountHeader_div">Renewals</div></th><th class="checkoutsDueDateHeader"><div class="myAccountHeader_div">Due</div></th></tr>
</thead>
{rows}</table>"#,
        id = table_id(context, "myCheckouts_checkoutslist"),
    )
}

/// The link with a work's title, for both lists.
fn title_link(kind: &str, index: usize, id: &str, title: &str) -> String {
    format!(
        r##"<div id="{kind}TitleLinkDiv_{id}"><div><div class="detailPanel" id="detailPanel{index}"><div class="t-zone" id="detailZone{index}"></div></div>
<a shape="rect" title="{title}" href="#" zoneid="detailZone{index}" class="hideIE" id="detailClick_{index}">{title}</a></div></div>"##
    )
}

fn checkout_row(context: &PageContext<'_>, index: usize, loan: &DemoLoan) -> String {
    let barcode = format!("3{:013}", loan.id);
    let title = escape(&loan.full_title());
    let (mark, remark) = if loan.renewable {
        (
            format!(r#"class="checkoutsCheckbox" id="checkbox_{index}" name="checkbox""#),
            "<span class=\"checkoutsRenewed\"></span>".to_owned(),
        )
    } else {
        let reason = loan
            .reason
            .as_deref()
            .unwrap_or("This item cannot be renewed.");
        (
            r#"disabled="true" class="disabledCheckoutsCheckbox""#.to_owned(),
            format!("<span class=\"checkoutsError\">{}</span>", escape(reason)),
        )
    };
    let alert = if loan.due < context.site().today {
        r#"<img alt="Overdue" src="/client/images/account-icons/late.png" title="Overdue"/>"#
    } else {
        ""
    };
    format!(
        r#"<tr class="checkoutsLine">
<td class="checkoutsAlert">{alert}</td>
<td class="checkoutsCoverArt"><input title="Select {title}." {mark} type="checkbox"/>
<div id="checkoutInitialCover_{barcode}" class="myAccountCoverArt"><div title="Cover of {title}" class="no_image_text">{title}</div></div></td>
<td class="checkoutsBookInfo">{link}
<p class="authBreak">
{author}
<br/>
<span>{barcode}</span>
<br/>
{remark}
</p></td>
<td class="checkoutsRenewCount">{renewals}</td>
<td class="checkoutsDueDate">{due}</td>
</tr>
"#,
        link = title_link("checkout", index, &barcode, &title),
        author = escape(loan.author.as_deref().unwrap_or_default()),
        renewals = loan.renewals,
        due = context.site().print_date(loan.due),
    )
}

fn holds(context: &PageContext<'_>, patron: &Patron) -> String {
    let rows: String = patron
        .holds
        .iter()
        .enumerate()
        .map(|(index, hold)| hold_row(context, index, hold))
        .collect();
    format!(
        r#"<a href="{ROOT}account.holds.cancel?" class="cancelAll">Cancel</a>
<table id="{id}" class="holdsList sortable"><thead>
<tr class="holdsHeader"><td class="holdsAlert"></td><td class="sorttable_nosort"></td><td class="holdsID sorttable_alpha"><div class="myAccountHeader_div">Work</div></td><td class="holdsStatus sorttable_alpha"><div class="myAccountHeader_div">State</div></td><td class="holdsPickup sorttable_alpha"><div class="myAccountHeader_div">Branch</div></td><td class="holdsDate"><div class="myAccountHeader_div">Lapses</div></td><td class="holdsRank sorttable_numeric"><div class="myAccountHeader_div">Rank</div></td></tr>
</thead>
{rows}</table>"#,
        id = table_id(context, "myHolds_holdslist"),
    )
}

fn hold_row(context: &PageContext<'_>, index: usize, hold: &DemoHold) -> String {
    let id = hold.id.to_string();
    let title = escape(&hold.full_title());
    let print = |date| context.site().print_date(date);
    let status = match (&hold.status, hold.state, hold.pickup_by) {
        (Some(words), _, _) => escape(words),
        (None, DemoHoldState::Ready, Some(date)) => format!("Pickup by: {}", print(date)),
        (None, DemoHoldState::Ready, None) => "Available".to_owned(),
        (None, DemoHoldState::InTransit, _) => "In Transit".to_owned(),
        (None, DemoHoldState::Waiting, _) => "Pending".to_owned(),
        (None, DemoHoldState::Suspended, _) => "Suspended".to_owned(),
    };
    let mark = if hold.state == DemoHoldState::Ready {
        "readyHoldsCheckbox"
    } else {
        "holdsCheckbox"
    };
    let author = hold
        .author
        .as_ref()
        .map_or_else(String::new, |author| format!("{},", escape(author)));
    let rank = hold
        .position
        .map_or_else(String::new, |position| position.to_string());
    format!(
        r#"<tr class="pickupHoldsLine">
<td class="holdsAlert"></td>
<td class="holdsCoverArt"><input title="Select {title}" class="{mark}" id="checkbox_h{index}" name="checkbox" type="checkbox"/>
<div id="docId_{index}" class="hidden">ent://SD_ILS/0/SD_ILS:{id}|{id}</div>
<div id="holdInitialCover_{id}" class="myAccountCoverArt"><div title="Cover of {title}" class="no_image_text">{title}</div></div></td>
<td class="holdsID">{link}
<p class="authBreak">{author}<br/>
<span id="holdItemIdSpan_{id}">3{id:0>13}</span>
</p></td>
<td class="holdsStatus">{status}</td>
<td class="holdsPickup">{branch}</td>
<td class="holdsDate">{expires}</td>
<td class="holdsRank">{rank}</td>
</tr>
"#,
        link = title_link("hold", index, &id, &title),
        branch = escape(&hold.branch),
        expires = hold.expires.map_or_else(String::new, print),
    )
}

fn frame(context: &PageContext<'_>, title: &str, main: &str, script: &str) -> String {
    let library = context.library();
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head><title>{title} - {library}</title>
</head>
<body>
<form id="searchForm" method="get" action="/client/en_US/default/search/results"><input id="q" name="qu" type="text"/></form>
<div id="content">
{main}
</div>
{script}
</body></html>
"#
    )
}
