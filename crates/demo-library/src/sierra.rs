//! Sierra (Millennium `WebPAC`): a CAS login, a summary page, and tables of class `patFunc`.
//!
//! Paths: `/iii/cas/login?service=`, `/patroninfo~S1/IIITICKET?ticket=`, `/patroninfo~S1/RECORD/top`, `/items`,
//! `/holds`, `/overdues`, `/logout~S1`. Empty lists have no links.

use std::fmt::Write as _;

use axum::http::Method;

use crate::page::{Page, SiteRequest, escape, percent_encode};
use crate::page_context::PageContext;
use crate::site::{DemoHold, DemoHoldState, DemoLoan, Patron};

/// The cookie with the session's id.
pub(crate) const COOKIE: &str = "III_SESSION_ID";

const SCOPE: &str = "~S1";

/// The names that a changed layout replaces.
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

pub(crate) fn changes_state(request: &SiteRequest) -> bool {
    let query = request.query.to_ascii_lowercase();
    let changing = ["renew", "cancel", "freeze", "update"];
    let in_list = request.path.starts_with("/patroninfo")
        && (changing.iter().any(|word| query.contains(word))
            || request.path.ends_with("/modpinfo"));
    in_list || (request.method != Method::GET && !is_login_path(&request.path))
}

pub(crate) fn page(context: &PageContext<'_>) -> Page {
    let path = context.request.path.as_str();
    if is_login_path(path) {
        return match context.request.method {
            Method::POST => log_in(context),
            _ => login_page(context, None),
        };
    }
    if matches!(path, "/logout" | "/logout~S1" | "/iii/cas/logout") {
        return context.log_out(format!("{}/search{SCOPE}", context.request.base));
    }
    let Some(rest) = path.strip_prefix("/patroninfo") else {
        return match path {
            "/" | "/search~S1" => {
                Page::html(frame(context, "Catalogue", "<p>Search our shelves.</p>"))
            }
            _ => Page::not_found(),
        };
    };
    // The rest is `~S1` or nothing, and then the path within the account.
    let page_in_account = rest.split_once('/').map_or("", |(_, path)| path);
    match page_in_account.trim_end_matches('/') {
        "IIITICKET" => redeem_ticket(context),
        page => account(context, page),
    }
}

fn default_service_url(context: &PageContext<'_>) -> String {
    format!("{}/patroninfo{SCOPE}/IIITICKET", context.request.base)
}

fn requested_service_url(context: &PageContext<'_>) -> String {
    context
        .request
        .parameter("service")
        .filter(|service| !service.is_empty())
        .unwrap_or_else(|| default_service_url(context))
}

fn login_page(context: &PageContext<'_>, error: Option<&str>) -> Page {
    let (id, _) = context.session_or_new();
    let ticket = context.issue_one_time_token(&id);
    let action = escape(&format!(
        "{}/iii/cas/login?service={}",
        context.login_host.as_deref().unwrap_or_default(),
        percent_encode(&requested_service_url(context))
    ));
    let status = error.map_or_else(String::new, |error| {
        format!(
            "<div id=\"status\" class=\"errors\">{}</div>",
            escape(error)
        )
    });
    let name = if context.settings.asks_for_name {
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
        library = context.library(),
    );
    Page::html(html).with_cookie(COOKIE, &id)
}

fn log_in(context: &PageContext<'_>) -> Page {
    let (id, _) = context.session_or_new();
    let given = context
        .request
        .field("lt")
        .and_then(|given| given.strip_prefix("_c"));
    let is_fresh = context.consume_one_time_token(&id, given);
    if !is_fresh || context.request.field("_eventId") != Some("submit") {
        // Without the form's ticket, the form is shown again, without an error.
        return login_page(context, None);
    }
    let number = context.request.field("code").unwrap_or_default();
    let pin = context.request.field("pin").unwrap_or_default();
    let name = context
        .settings
        .asks_for_name
        .then(|| context.request.field("name").unwrap_or_default());
    if !context.log_in(number, pin, name) {
        let error = "Sorry, what you entered was invalid. Please check it and try again.";
        let says_so = !context.settings.refuses_silently;
        return login_page(context, says_so.then_some(error));
    }
    let service = requested_service_url(context);
    if !service.starts_with(&format!("{}/", context.request.base)) {
        return Page::html(frame(
            context,
            "Refused",
            "<p>This service is not one of ours.</p>",
        ))
        .with_status(403);
    }
    let ticket = context.sessions(|sessions| sessions.issue_ticket(number.trim()));
    let joint = if service.contains('?') { '&' } else { '?' };
    Page::redirect(format!("{service}{joint}ticket={ticket}"))
}

/// Exchanges a ticket for a session.
fn redeem_ticket(context: &PageContext<'_>) -> Page {
    let ticket = context.request.parameter("ticket").unwrap_or_default();
    let Some(number) = context.sessions(|sessions| sessions.use_ticket(&ticket)) else {
        return redirect_to_login(context);
    };
    let Some((index, _)) = context.state.patron(&number) else {
        return redirect_to_login(context);
    };
    let (id, _) = context.open_session(&number);
    Page::redirect(format!(
        "{}{}/top",
        context.request.base,
        patron_path(index)
    ))
    .with_cookie(COOKIE, &id)
}

fn redirect_to_login(context: &PageContext<'_>) -> Page {
    Page::redirect(format!(
        "{}/iii/cas/login?service={}",
        context.request.base,
        percent_encode(&default_service_url(context))
    ))
}

fn patron_path(index: usize) -> String {
    format!("/patroninfo{SCOPE}/{}", 1_000_001 + index)
}

fn account(context: &PageContext<'_>, requested_path: &str) -> Page {
    let Some((index, patron)) = context.patron() else {
        return redirect_to_login(context);
    };
    let path = patron_path(index);
    let (record, list) = requested_path
        .split_once('/')
        .unwrap_or((requested_path, ""));
    // With this fault, the site shows an account to everyone.
    let may_show = context.other_patron.is_some() || path.ends_with(&format!("/{record}"));
    if record.is_empty() || !may_show {
        return Page::redirect(format!("{}{path}/top", context.request.base));
    }
    let html = match list {
        "" | "top" => summary(context, &path, &patron),
        "items" if patron.loans.len() + context.surplus > 0 => items(context, &path, &patron),
        "holds" if patron.holds.len() + context.surplus > 0 => holds(context, &path, &patron),
        "items" | "holds" | "overdues" => summary(context, &path, &patron),
        _ => return Page::not_found(),
    };
    Page::html(html).showing_account()
}

fn summary(context: &PageContext<'_>, path: &str, patron: &Patron) -> String {
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
    match patron.holds.len() + context.surplus {
        0 => {}
        1 => link("holds", "1 request (hold).".to_owned()),
        many => link("holds", format!("{many} requests (holds).")),
    }
    match patron.loans.len() + context.surplus {
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
    let mut messages = String::new();
    for text in patron.blocked.iter().chain(&patron.messages) {
        let _ = writeln!(messages, "<div class=\"patMessage\">{}</div>", escape(text));
    }
    let main = format!(
        r##"<table><tr><td valign="top">
<div class="patNameAddress">
<strong>{name}</strong><br />
14 Invented Lane<br />
{expiry}<br/>
{messages}{links}</div>
</td><td>
<div><a href="#" onclick="return open_new_window( '{path}/modpinfo' )">Change my details</a></div>
<div><a href="{path}/mylists" target="_self">My lists</a></div>
</td></tr></table>"##,
        name = escape(&printed_name(&patron.name)),
    );
    frame(context, &context.library(), &main)
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

fn items(context: &PageContext<'_>, path: &str, patron: &Patron) -> String {
    let path = format!("{path}/items");
    let rows: String = patron
        .loans
        .iter()
        .enumerate()
        .map(|(index, loan)| item_row(context, index, loan))
        .collect();
    let title = format!("{} ITEMS CHECKED OUT", patron.loans.len() + context.surplus);
    let headers = ["RENEW", "TITLE", "BARCODE", "STATUS", "CALL NUMBER"];
    let renew_all =
        format!("<a href=\"{path}?requestRenewAll=requestRenewAll\">Renew all of them</a>\n");
    frame(
        context,
        &context.library(),
        &(renew_all + &table(&path, &title, &headers, &rows)),
    )
}

fn item_row(context: &PageContext<'_>, index: usize, loan: &DemoLoan) -> String {
    let mark = if loan.renewable {
        format!(
            r#"<input type="checkbox" name="renew{index}" id="renew{index}" value="i{}" />"#,
            loan.id
        )
    } else {
        String::new()
    };
    let late = if loan.due < context.site().today {
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
<td align="left" class="patFuncTitle"><label for="renew{index}"><a href="/record=b{id}{SCOPE}"> {title}{author} </a></label>
<br />
</td>
<td align="left" class="patFuncBarcode"> 3{id:013} </td>
<td align="left" class="patFuncStatus"> DUE {due}{late}{renewed}{reason}
</td>
<td align="left" class="patFuncCallNo"> DEMO {index} </td>
</tr>
"#,
        id = loan.id,
        title = escape(&loan.full_title()),
        author = by(loan.author.as_deref()),
        due = context.site().print_date(loan.due),
    )
}

fn by(author: Option<&str>) -> String {
    author.map_or_else(String::new, |author| format!(" / {}", escape(author)))
}

fn holds(context: &PageContext<'_>, path: &str, patron: &Patron) -> String {
    let path = format!("{path}/holds");
    let rows: String = patron
        .holds
        .iter()
        .map(|hold| hold_row(context, hold))
        .collect();
    let title = format!("{} HOLDS", patron.holds.len() + context.surplus);
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
        context,
        &context.library(),
        &(cancel_all + &table(&path, &title, &headers, &rows)),
    )
}

fn hold_row(context: &PageContext<'_>, hold: &DemoHold) -> String {
    let id = hold.id;
    let status = match (&hold.status, hold.state, hold.pickup_by) {
        (Some(words), _, _) => escape(words),
        (None, DemoHoldState::Ready, Some(date)) => {
            format!(
                "Ready. Must be picked up by {}",
                context.site().print_date(date)
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
        let options: String = context
            .site()
            .branches
            .iter()
            .enumerate()
            .map(|(index, branch)| {
                let selected = if *branch == hold.branch {
                    " selected=\"selected\""
                } else {
                    ""
                };
                format!(
                    "<option value=\"b{index}+++\"{selected}>{}</option>\n",
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
        .map_or_else(String::new, |date| context.site().print_date(date));
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

fn frame(context: &PageContext<'_>, title: &str, main: &str) -> String {
    let menu = &context.state.filler.html;
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
