//! Sierra (Millennium `WebPAC`): a CAS login, a summary page, and tables of class `patFunc`.
//!
//! Paths: `/iii/cas/login?service=`, `/patroninfo~S1/IIITICKET?ticket=`, `/patroninfo~S1/RECORD/top`, `/items`,
//! `/holds`, `/overdues`, `/logout~S1`. Links to a list are absent when it has nothing.

use std::fmt::Write as _;

use axum::http::Method;

use crate::desk::Desk;
use crate::page::{Asked, Page, escape, percent_encode};
use crate::site::{DemoHold, DemoHoldState, DemoLoan, Patron};

/// The cookie with the session's id.
pub(crate) const COOKIE: &str = "III_SESSION_ID";

const SCOPE: &str = "~S1";

/// What a changed layout calls differently.
pub(crate) const RENAMED: &[(&str, &str)] = &[
    ("patFunc", "loanGrid"),
    ("patNameAddress", "whoAndWhere"),
    ("EXP DATE:", "Valid until "),
    ("currently checked out", "at home"),
    ("requests (holds)", "wishes"),
    ("request (hold)", "wish"),
    ("ITEMS CHECKED OUT", "THINGS AT HOME"),
    (" HOLDS", " WISHES"),
    ("DUE ", "back on "),
    ("id=\"fm1\"", "id=\"enter\""),
    ("name=\"code\"", "name=\"card\""),
    ("name=\"pin\"", "name=\"secret\""),
    ("id=\"status\"", "id=\"said\""),
];

pub(crate) fn is_login_path(path: &str) -> bool {
    path == "/iii/cas/login"
}

pub(crate) fn changes_state(asked: &Asked) -> bool {
    let query = asked.query.to_ascii_lowercase();
    let changing = ["renew", "cancel", "freeze", "update"];
    let in_list = asked.path.starts_with("/patroninfo")
        && (changing.iter().any(|word| query.contains(word)) || asked.path.ends_with("/modpinfo"));
    in_list || (asked.method != Method::GET && !is_login_path(&asked.path))
}

pub(crate) fn page(desk: &Desk<'_>) -> Page {
    let path = desk.asked.path.as_str();
    if is_login_path(path) {
        return match desk.asked.method {
            Method::POST => log_in(desk),
            _ => login_page(desk, None),
        };
    }
    if matches!(path, "/logout" | "/logout~S1" | "/iii/cas/logout") {
        return desk.log_out(format!("{}/search{SCOPE}", desk.asked.base));
    }
    let Some(rest) = path.strip_prefix("/patroninfo") else {
        return match path {
            "/" | "/search~S1" => {
                Page::html(frame(desk, "Catalogue", "<p>Search our shelves.</p>"))
            }
            _ => Page::not_found(),
        };
    };
    // What follows is `~S1` or nothing, and then the place in the account.
    let place = rest.split_once('/').map_or("", |(_, place)| place);
    match place.trim_end_matches('/') {
        "IIITICKET" => redeem(desk),
        place => account(desk, place),
    }
}

fn ticket_service(desk: &Desk<'_>) -> String {
    format!("{}/patroninfo{SCOPE}/IIITICKET", desk.asked.base)
}

fn service(desk: &Desk<'_>) -> String {
    desk.asked
        .parameter("service")
        .filter(|service| !service.is_empty())
        .unwrap_or_else(|| ticket_service(desk))
}

fn login_page(desk: &Desk<'_>, error: Option<&str>) -> Page {
    let (id, _) = desk.session_or_new();
    let ticket = desk.one_use_token(&id);
    let action = escape(&format!(
        "{}/iii/cas/login?service={}",
        desk.login_host.as_deref().unwrap_or_default(),
        percent_encode(&service(desk))
    ));
    let status = error.map_or_else(String::new, |error| {
        format!(
            "<div id=\"status\" class=\"errors\">{}</div>",
            escape(error)
        )
    });
    let name = if desk.settings.asks_name {
        r#"<label for="name">Your first and last name:</label>
<div class="loginField"><input id="name" name="name" class="required" type="text" value="" maxlength="40"/></div>"#
    } else {
        ""
    };
    let html = format!(
        r#"<!DOCTYPE HTML>
<html lang="en">
<head><title>Sign in to {library}</title>
</head>
<body id="cas">
<div class="loginPage"><div class="loginArea loginArea1Col">
<form id="fm1" class="fm-v clearfix" method="post" action="{action}">
{status}
<div id="clientmessage"></div>
<div id="login"><fieldset>
{name}
<label for="code">Number on your card:</label>
<div class="loginField"><input id="code" name="code" class="required" type="text" maxlength="40" /></div>
<label for="pin">Your PIN:</label>
<div class="loginField"><input id="pin" name="pin" class="required" type="password" value="" maxlength="40" /></div>
<input type="submit" name="Log In" class="loginSubmit" />
</fieldset></div>
<input type="hidden" name="lt" value="_c{ticket}" />
<input type="hidden" name="_eventId" value="submit" />
</form>
</div></div>
</body></html>
"#,
        library = desk.library(),
    );
    Page::html(html).with_cookie(COOKIE, &id)
}

fn log_in(desk: &Desk<'_>) -> Page {
    let (id, _) = desk.session_or_new();
    let given = desk
        .asked
        .field("lt")
        .and_then(|given| given.strip_prefix("_c"));
    let is_fresh = desk.take_one_use(&id, given);
    if !is_fresh || desk.asked.field("_eventId") != Some("submit") {
        // Without the form's own ticket the form is shown once more, with no word on number and PIN.
        return login_page(desk, None);
    }
    let number = desk.asked.field("code").unwrap_or_default();
    let pin = desk.asked.field("pin").unwrap_or_default();
    let name = desk
        .settings
        .asks_name
        .then(|| desk.asked.field("name").unwrap_or_default());
    if !desk.log_in(number, pin, name) {
        let error = "Sorry, what you entered was invalid. Please check it and try again.";
        let says_so = !desk.settings.refuses_without_words;
        return login_page(desk, says_so.then_some(error));
    }
    let service = service(desk);
    if !service.starts_with(&format!("{}/", desk.asked.base)) {
        return Page::html(frame(
            desk,
            "Refused",
            "<p>This service is not one of ours.</p>",
        ))
        .with_status(403);
    }
    let ticket = desk.sessions(|sessions| sessions.issue_ticket(number.trim()));
    let joint = if service.contains('?') { '&' } else { '?' };
    Page::redirect(format!("{service}{joint}ticket={ticket}"))
}

/// Turns a ticket into a session.
fn redeem(desk: &Desk<'_>) -> Page {
    let ticket = desk.asked.parameter("ticket").unwrap_or_default();
    let Some(number) = desk.sessions(|sessions| sessions.use_ticket(&ticket)) else {
        return to_login(desk);
    };
    let Some((place, _)) = desk.state.patron(&number) else {
        return to_login(desk);
    };
    let (id, _) = desk.open_session(&number);
    Page::redirect(format!("{}{}/top", desk.asked.base, account_path(place)))
        .with_cookie(COOKIE, &id)
}

fn to_login(desk: &Desk<'_>) -> Page {
    Page::redirect(format!(
        "{}/iii/cas/login?service={}",
        desk.asked.base,
        percent_encode(&ticket_service(desk))
    ))
}

fn account_path(place: usize) -> String {
    format!("/patroninfo{SCOPE}/{}", 1_000_001 + place)
}

fn account(desk: &Desk<'_>, asked_place: &str) -> Page {
    let Some((place, patron)) = desk.patron() else {
        return to_login(desk);
    };
    let path = account_path(place);
    let (record, list) = asked_place.split_once('/').unwrap_or((asked_place, ""));
    let is_own = desk.other_patron.is_some() || path.ends_with(&format!("/{record}"));
    if record.is_empty() || !is_own {
        return Page::redirect(format!("{}{path}/top", desk.asked.base));
    }
    let html = match list {
        "" | "top" => summary(desk, &path, &patron),
        "items" if patron.loans.len() + desk.surplus > 0 => items(desk, &path, &patron),
        "holds" if patron.holds.len() + desk.surplus > 0 => holds(desk, &path, &patron),
        "items" | "holds" | "overdues" => summary(desk, &path, &patron),
        _ => return Page::not_found(),
    };
    Page::html(html).showing_account()
}

fn summary(desk: &Desk<'_>, path: &str, patron: &Patron) -> String {
    let expiry = patron.card_expires.map_or_else(String::new, |date| {
        format!("EXP DATE:{}<br />\n", date.format("%m-%d-%Y"))
    });
    let mut links = String::new();
    let mut link = |list: &str, text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(
            links,
            r#"<div><a href="{path}/{list}" target="_self">{text}</a></div>"#
        );
    };
    match patron.holds.len() + desk.surplus {
        0 => {}
        1 => link("holds", "1 request (hold).".to_owned()),
        many => link("holds", format!("{many} requests (holds).")),
    }
    match patron.loans.len() + desk.surplus {
        0 => {}
        1 => link("items", "1 Item currently checked out".to_owned()),
        many => link("items", format!("{many} Items currently checked out")),
    }
    if patron.fines_cents > 0 {
        link(
            "overdues",
            format!("{} in unpaid fines and bills", dollars(patron.fines_cents)),
        );
    }
    let mut said = String::new();
    for text in patron.blocked.iter().chain(&patron.messages) {
        let _ = writeln!(said, "<div class=\"patMessage\">{}</div>", escape(text));
    }
    let main = format!(
        r##"<table><tr><td valign="top">
<div class="patNameAddress">
<strong>{name}</strong><br />
14 Invented Lane<br />
{expiry}<br/>
{said}{links}</div>
</td><td>
<div><a href="#" onclick="return open_new_window( '{path}/modpinfo' )">Change my details</a></div>
<div><a href="{path}/mylists" target="_self">My lists</a></div>
</td></tr></table>"##,
        name = escape(&printed_name(&patron.name)),
    );
    frame(desk, &desk.library(), &main)
}

/// `LAST, FIRST.` in capitals, as the system prints names.
fn printed_name(name: &str) -> String {
    let (first, last) = name.rsplit_once(' ').unwrap_or(("", name));
    format!("{last}, {first}.").to_uppercase()
}

fn dollars(cents: i64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

fn table(path: &str, title: &str, headers: &[&str], rows: &str) -> String {
    let columns = headers.len();
    let headers: String = headers
        .iter()
        .map(|header| format!("<th class=\"patFuncHeaders\"> {header} </th>\n"))
        .collect();
    format!(
        r#"<form name="checkout_form" method="post" id="checkout_form" action="{path}">
<table lang="en" class="patFunc">
<tr class="patFuncTitle"><th colspan="{columns}" class="patFuncTitle">
{title}
</th></tr>
<tr class="patFuncHeaders">
{headers}</tr>
{rows}</table>
</form>"#
    )
}

fn items(desk: &Desk<'_>, path: &str, patron: &Patron) -> String {
    let path = format!("{path}/items");
    let rows: String = patron
        .loans
        .iter()
        .enumerate()
        .map(|(place, loan)| item_row(desk, place, loan))
        .collect();
    let title = format!("{} ITEMS CHECKED OUT", patron.loans.len() + desk.surplus);
    let headers = ["RENEW", "TITLE", "BARCODE", "STATUS", "CALL NUMBER"];
    let renew_all =
        format!("<a href=\"{path}?requestRenewAll=requestRenewAll\">Renew all of them</a>\n");
    frame(
        desk,
        &desk.library(),
        &(renew_all + &table(&path, &title, &headers, &rows)),
    )
}

fn item_row(desk: &Desk<'_>, place: usize, loan: &DemoLoan) -> String {
    let mark = if loan.renewable {
        format!(
            r#"<input type="checkbox" name="renew{place}" id="renew{place}" value="i{}" />"#,
            loan.id
        )
    } else {
        String::new()
    };
    let late = if loan.due < desk.site().today {
        " OVERDUE"
    } else {
        ""
    };
    let renewed = match loan.renewals {
        0 => String::new(),
        1 => " <span class=\"patFuncRenewCount\">Renewed 1 time</span>".to_owned(),
        many => format!(" <span class=\"patFuncRenewCount\">Renewed {many} times</span>"),
    };
    let reason = loan.reason.as_ref().map_or_else(String::new, |reason| {
        format!(" <em class=\"patFuncReason\">{}</em>", escape(reason))
    });
    format!(
        r#"<tr class="patFuncEntry">
<td align="left" class="patFuncMark">{mark}</td>
<td align="left" class="patFuncTitle"><label for="renew{place}"><a href="/record=b{id}{SCOPE}"> {title}{author} </a></label>
<br />
</td>
<td align="left" class="patFuncBarcode"> 3{id:013} </td>
<td align="left" class="patFuncStatus"> DUE {due}{late}{renewed}{reason}
</td>
<td align="left" class="patFuncCallNo"> DEMO {place} </td>
</tr>
"#,
        id = loan.id,
        title = escape(&loan.full_title()),
        author = by(loan.author.as_deref()),
        due = desk.site().print_date(loan.due),
    )
}

fn by(author: Option<&str>) -> String {
    author.map_or_else(String::new, |author| format!(" / {}", escape(author)))
}

fn holds(desk: &Desk<'_>, path: &str, patron: &Patron) -> String {
    let path = format!("{path}/holds");
    let rows: String = patron
        .holds
        .iter()
        .map(|hold| hold_row(desk, hold))
        .collect();
    let title = format!("{} HOLDS", patron.holds.len() + desk.surplus);
    let headers = [
        "CANCEL",
        "TITLE",
        "STATUS",
        "PICKUP LOCATION",
        "CANCEL IF NOT FILLED BY",
        "FREEZE",
    ];
    let cancel_all =
        format!("<a href=\"{path}?cancelall=1&amp;updateholdssome=YES\">Cancel all of them</a>\n");
    frame(
        desk,
        &desk.library(),
        &(cancel_all + &table(&path, &title, &headers, &rows)),
    )
}

fn hold_row(desk: &Desk<'_>, hold: &DemoHold) -> String {
    let id = hold.id;
    let status = match (&hold.status, hold.state, hold.pickup_by) {
        (Some(words), _, _) => escape(words),
        (None, DemoHoldState::Ready, Some(date)) => {
            format!(
                "Ready. Must be picked up by {}",
                desk.site().print_date(date)
            )
        }
        (None, DemoHoldState::Ready, None) => "READY.".to_owned(),
        (None, DemoHoldState::InTransit, _) => "IN TRANSIT".to_owned(),
        (None, DemoHoldState::Waiting | DemoHoldState::Suspended, _) => format!(
            "{} of {} holds",
            hold.position.unwrap_or(1),
            hold.queue_length.unwrap_or(1)
        ),
    };
    let can_move = matches!(
        hold.state,
        DemoHoldState::Waiting | DemoHoldState::Suspended
    );
    let pickup = if can_move {
        let options: String = desk
            .site()
            .branches
            .iter()
            .enumerate()
            .map(|(place, branch)| {
                let selected = if *branch == hold.branch {
                    " selected=\"selected\""
                } else {
                    ""
                };
                format!(
                    "<option value=\"b{place}+++\"{selected}>{}</option>\n",
                    escape(branch)
                )
            })
            .collect();
        format!("<select name=loc{id}>\n{options}</select>")
    } else {
        escape(&hold.branch)
    };
    let cancel = hold
        .expires
        .map_or_else(String::new, |date| desk.site().print_date(date));
    let frozen = if hold.state == DemoHoldState::Suspended {
        " checked=\"checked\""
    } else {
        ""
    };
    let freeze = if can_move {
        format!("<input type=\"checkbox\" name=\"freezeb{id}\"{frozen} />")
    } else {
        String::new()
    };
    format!(
        r#"<tr class="patFuncEntry">
<td class="patFuncMark" align="center"><input type="checkbox" name="cancelb{id}x00" /></td>
<td class="patFuncTitle"><a href="/record=b{id}{SCOPE}"> {title}{author} </a>
<br />
</td>
<td class="patFuncStatus"> {status} </td>
<td class="patFuncPickup">{pickup}</td>
<td class="patFuncCancel">{cancel}</td>
<td class="patFuncFreeze" align="center">{freeze}</td>
</tr>
"#,
        title = escape(&hold.full_title()),
        author = by(hold.author.as_deref()),
    )
}

fn frame(desk: &Desk<'_>, title: &str, main: &str) -> String {
    let menu = &desk.state.filler.html;
    format!(
        r#"<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<title>{title}</title>
<base target="_self"/>
</head>
<body>
<div id="header"><a href="/search{SCOPE}/">Catalogue</a></div>
<ul class="shelf-menu">{menu}</ul>
{main}
<div class="patActionsLinks"><p><a href="/logout{SCOPE}" target="_self">Leave</a></p></div>
</body></html>
"#
    )
}
