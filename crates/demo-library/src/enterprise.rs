//! `SirsiDynix` Enterprise, in two ages: a login that answers with script, and lists that script fetches.
//!
//! All paths begin with `/client/en_US/default/search/`: `account?`, the login form's action
//! (`patronlogin.loginpageform/…` in the older age, `patronloginform.loginpageform…` in the newer),
//! `account.checkouts.librarycheckoutsaccordion?` and `account.holds.libraryholdsaccordion?` (with
//! `.accountnonmobile.account` in the newer), `account.logout?`.

use axum::http::Method;
use serde_json::json;

use crate::desk::Desk;
use crate::page::{Asked, Page, escape};
use crate::session::Session;
use crate::site::{DemoHold, DemoHoldState, DemoLoan, Generation, Patron};

/// The cookie with the session's id.
pub(crate) const COOKIE: &str = "JSESSIONID";

const ROOT: &str = "/client/en_US/default/search/";

/// What a changed layout calls differently.
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

pub(crate) fn changes_state(asked: &Asked) -> bool {
    let path = asked.path.as_str();
    let changing = [".renew", ".cancel", ".suspend", ".place"];
    changing.iter().any(|word| path.contains(word))
        || (asked.method != Method::GET && !is_login_path(path) && !is_list_path(path))
}

/// The page on which the site says that it failed.
pub(crate) fn system_error() -> Page {
    let html = r#"<!DOCTYPE html><html><head><title>System Error</title></head>
<body><div id="exceptionblock"><h1>System Error</h1><p>Something broke inside. Please tell the desk.</p></div></body></html>"#;
    Page::html(html.to_owned()).with_status(500)
}

pub(crate) fn page(desk: &Desk<'_>) -> Page {
    let path = desk.asked.path.as_str();
    let Some(place) = path.strip_prefix(ROOT) else {
        return match path {
            "/" | "/client/en_US/default" => {
                Page::redirect(format!("{}{ROOT}account?", desk.asked.base))
            }
            _ => Page::not_found(),
        };
    };
    if is_login_path(place) {
        return match desk.asked.method {
            Method::POST => log_in(desk),
            _ => login_page(desk),
        };
    }
    if place.ends_with(".logout") {
        return desk.log_out(format!("{}{ROOT}account?", desk.asked.base));
    }
    if is_list_path(place) {
        return list(desk);
    }
    if place != "account" {
        return Page::not_found();
    }
    match desk.patron() {
        Some((_, patron)) => account_page(desk, &patron),
        None => login_page(desk),
    }
}

fn is_newer(desk: &Desk<'_>) -> bool {
    desk.site().generation == Generation::Newer
}

fn login_action(desk: &Desk<'_>) -> String {
    let host = desk.login_host.as_deref().unwrap_or_default();
    let place = if is_newer(desk) {
        "patronloginform.loginpageform/true?"
    } else {
        "patronlogin.loginpageform/ent:$002f$002f$002faccount?"
    };
    format!("{host}{ROOT}{place}")
}

fn login_page(desk: &Desk<'_>) -> Page {
    let (id, session) = desk.session_or_new();
    Page::html(frame(desk, "Sign in", &login_form(desk, &session), "")).with_cookie(COOKIE, &id)
}

fn login_form(desk: &Desk<'_>, session: &Session) -> String {
    let token = if is_newer(desk) {
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
        action = escape(&login_action(desk)),
        form_data = session.form_token,
    )
}

fn log_in(desk: &Desk<'_>) -> Page {
    let Some((_, session)) = desk.session() else {
        return system_error();
    };
    let has_form_data = desk.asked.field("t:formdata") == Some(session.form_token.as_str());
    let has_token = !is_newer(desk)
        || (desk.asked.is_from_script()
            && desk.asked.field("sdcsrf") == Some(session.access_token.as_str())
            && desk.asked.header("sdcsrf") == Some(session.access_token.as_str()));
    if !has_form_data || !has_token {
        return system_error();
    }
    let number = desk.asked.field("j_username").unwrap_or_default();
    let pin = desk.asked.field("j_password").unwrap_or_default();
    if !desk.log_in(number, pin, None) {
        let error = if desk.settings.refuses_without_words {
            ""
        } else {
            "<div class=\"t-error\" id=\"loginError\"><div>Login failed</div><ul><li>The card number or the PIN is wrong.</li></ul></div>"
        };
        let html = error.to_owned() + &login_form(desk, &session);
        return login_answer(desk, &html, None);
    }
    let (id, _) = desk.open_session(number.trim());
    let to = if is_newer(desk) {
        format!("{ROOT}account?")
    } else {
        format!("{}{ROOT}account?", desk.asked.base)
    };
    login_answer(desk, "", Some(&format!("RedirectAfterLogin('{to}');"))).with_cookie(COOKIE, &id)
}

/// Script gets JSON, a plain form gets a page; either may hold script to run.
fn login_answer(desk: &Desk<'_>, html: &str, script: Option<&str>) -> Page {
    if desk.asked.is_from_script() {
        let scripts: Vec<_> = script
            .into_iter()
            .map(|script| json!({"script": script}))
            .collect();
        return Page::json(&json!({"content": html, "inits": [], "scripts": scripts}));
    }
    let script = script.map_or_else(String::new, |script| {
        format!("<script type=\"text/javascript\">{script}</script>")
    });
    Page::html(frame(desk, "Sign in", html, &script))
}

fn list_address(desk: &Desk<'_>, list: &str) -> String {
    let between = if is_newer(desk) {
        "accountnonmobile.account"
    } else {
        ""
    };
    format!("{ROOT}account.{between}{list}.library{list}accordion?")
}

fn account_page(desk: &Desk<'_>, patron: &Patron) -> Page {
    let zones: String = ["checkouts", "holds"]
        .iter()
        .map(|list| {
            format!(
                "<h3><a href=\"#\" id=\"{list}Header\">{list}</a></h3><div class=\"t-zone\" id=\"library{list}Zone\"></div>\n"
            )
        })
        .collect();
    let said: String = patron
        .blocked
        .iter()
        .chain(&patron.messages)
        .map(|text| format!("<div class=\"accountMessage\">{}</div>\n", escape(text)))
        .collect();
    let main = format!(
        r#"<div id="accountOverview" class="accountPage">
<div class="welcome">Hello, <span class="patronName">{name}</span></div>
<a class="logoutLink" id="logoutLink" href="{ROOT}account.logout?">Leave</a>
{said}{zones}<ul class="shelf-menu">{menu}</ul></div>"#,
        name = escape(&patron.name),
        menu = desk.state.filler.html,
    );
    let script = if is_newer(desk) {
        let token = desk
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
            list_address(desk, "checkouts"),
            list_address(desk, "holds"),
        )
    } else {
        format!(
            r#"<script type="text/javascript">
Tapestry.init({{"linkZone":[["checkoutsHeader","librarycheckoutsZone","{}"],["holdsHeader","libraryholdsZone","{}"]]}});
</script>"#,
            list_address(desk, "checkouts"),
            list_address(desk, "holds"),
        )
    };
    Page::html(frame(desk, "My account", &main, &script)).showing_account()
}

/// One of the two lists, for script only.
fn list(desk: &Desk<'_>) -> Page {
    let account = format!("{ROOT}account?");
    if !desk.asked.is_from_script() {
        return Page::redirect(format!("{}{account}", desk.asked.base));
    }
    let Some((_, patron)) = desk.patron() else {
        return Page::json(&json!({"redirectURL": account}));
    };
    let token = desk.session().map(|(_, session)| session.access_token);
    let is_allowed = if is_newer(desk) {
        desk.asked.header("sdcsrf") == token.as_deref()
    } else {
        desk.asked.method == Method::POST && desk.asked.field("t:zoneid").is_some()
    };
    if !is_allowed {
        return system_error();
    }
    let answer = if desk.asked.path.contains("checkouts") {
        json!({"content": checkouts(desk, &patron)})
    } else if is_newer(desk) {
        json!({"zones": {"libraryholdsZone": holds(desk, &patron)}})
    } else {
        json!({"content": holds(desk, &patron)})
    };
    Page::json(&answer).showing_account()
}

fn table_id(desk: &Desk<'_>, list: &str) -> String {
    let age = if is_newer(desk) { "nonmobile" } else { "" };
    format!("{list}{age}_table")
}

fn checkouts(desk: &Desk<'_>, patron: &Patron) -> String {
    let total = if is_newer(desk) {
        format!(
            "<div class=\"checkoutsTotal\">Total Items Checked Out: {}</div>\n",
            patron.loans.len() + desk.surplus
        )
    } else {
        String::new()
    };
    let rows: String = patron
        .loans
        .iter()
        .enumerate()
        .map(|(place, loan)| checkout_row(desk, place, loan))
        .collect();
    format!(
        r#"{total}<a href="{ROOT}account.checkouts.renew?" class="renewAll">Renew</a>
<table id="{id}" class="checkoutsList sortable"><thead>
<tr class="checkoutsHeader"><th class="checkoutsAlert"></th><th class="checkoutsCoverArtHeader sorttable_nosort"></th><th class="checkoutsBookInfo sorttable_alpha"><div class="myAccountHeader_div">Work</div></th><th class="checkoutsRenewCountHeader sorttable_numeric"><div class="myAccountHeader_div">Renewals</div></th><th class="checkoutsDueDateHeader"><div class="myAccountHeader_div">Due</div></th></tr>
</thead>
{rows}</table>"#,
        id = table_id(desk, "myCheckouts_checkoutslist"),
    )
}

/// The link with a work's title, as both lists have it.
fn title_link(kind: &str, place: usize, id: &str, title: &str) -> String {
    format!(
        r##"<div id="{kind}TitleLinkDiv_{id}"><div><div class="detailPanel" id="detailPanel{place}"><div class="t-zone" id="detailZone{place}"></div></div>
<a shape="rect" title="{title}" href="#" zoneid="detailZone{place}" class="hideIE" id="detailClick_{place}">{title}</a></div></div>"##
    )
}

fn checkout_row(desk: &Desk<'_>, place: usize, loan: &DemoLoan) -> String {
    let barcode = format!("3{:013}", loan.id);
    let title = escape(&loan.full_title());
    let (mark, remark) = if loan.renewable {
        (
            format!(r#"class="checkoutsCheckbox" id="checkbox_{place}" name="checkbox""#),
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
    let alert = if loan.due < desk.site().today {
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
        link = title_link("checkout", place, &barcode, &title),
        author = escape(loan.author.as_deref().unwrap_or_default()),
        renewals = loan.renewals,
        due = desk.site().print_date(loan.due),
    )
}

fn holds(desk: &Desk<'_>, patron: &Patron) -> String {
    let rows: String = patron
        .holds
        .iter()
        .enumerate()
        .map(|(place, hold)| hold_row(desk, place, hold))
        .collect();
    format!(
        r#"<a href="{ROOT}account.holds.cancel?" class="cancelAll">Cancel</a>
<table id="{id}" class="holdsList sortable"><thead>
<tr class="holdsHeader"><td class="holdsAlert"></td><td class="sorttable_nosort"></td><td class="holdsID sorttable_alpha"><div class="myAccountHeader_div">Work</div></td><td class="holdsStatus sorttable_alpha"><div class="myAccountHeader_div">State</div></td><td class="holdsPickup sorttable_alpha"><div class="myAccountHeader_div">Branch</div></td><td class="holdsDate"><div class="myAccountHeader_div">Lapses</div></td><td class="holdsRank sorttable_numeric"><div class="myAccountHeader_div">Rank</div></td></tr>
</thead>
{rows}</table>"#,
        id = table_id(desk, "myHolds_holdslist"),
    )
}

fn hold_row(desk: &Desk<'_>, place: usize, hold: &DemoHold) -> String {
    let id = hold.id.to_string();
    let title = escape(&hold.full_title());
    let print = |date| desk.site().print_date(date);
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
<td class="holdsCoverArt"><input title="Select {title}" class="{mark}" id="checkbox_h{place}" name="checkbox" type="checkbox"/>
<div id="docId_{place}" class="hidden">ent://SD_ILS/0/SD_ILS:{id}|{id}</div>
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
        link = title_link("hold", place, &id, &title),
        branch = escape(&hold.branch),
        expires = hold.expires.map_or_else(String::new, print),
    )
}

fn frame(desk: &Desk<'_>, title: &str, main: &str, script: &str) -> String {
    let library = desk.library();
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
