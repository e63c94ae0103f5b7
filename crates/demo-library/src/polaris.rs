//! Polaris PAC: ASP.NET pages whose elements have ids with fixed ends.

use std::fmt::Write as _;

use crate::page::escape;
use crate::page_context::PageContext;
use crate::paged::{AccountPage, Address, PagedSite, in_dollars};
use crate::site::{DemoHold, DemoHoldState, Patron};

pub(crate) const SITE: PagedSite = PagedSite {
    cookie: "ASP.NET_SessionId",
    login: address("/logon.aspx"),
    number: "textboxBarcodeUsername",
    pin: "textboxPassword",
    login_page,
    refusal: "This desk finds the card number or the password incorrect.",
    redirects: true,
    pages: &[
        AccountPage {
            address: address("/patronaccount/default.aspx"),
            render: |context, patron| frame(context, patron, "<p>Good to see you.</p>"),
        },
        AccountPage {
            address: address("/patronaccount/itemsout.aspx"),
            render: loans_page,
        },
        AccountPage {
            address: address("/patronaccount/requests.aspx"),
            render: requests_page,
        },
        AccountPage {
            address: address("/patronaccount/finesfees.aspx"),
            render: fines_page,
        },
    ],
    logout: Address {
        path: "/logon.aspx",
        query: "logoff=1",
    },
    catalogue,
    changing: &["linkbuttonrenew", "selfregister", "changelogon"],
    renamed: &[
        ("logoff=1", "goodbye=1"),
        ("ctrlBasicInfo", "ctrlReader"),
        ("datagrid", "cardgrid"),
        ("textboxBarcodeUsername", "textboxNumber"),
        ("textboxPassword", "textboxWord"),
    ],
};

const fn address(path: &'static str) -> Address {
    Address { path, query: "" }
}

const STATE: &str = r#"<input type="hidden" name="__EVENTTARGET" id="__EVENTTARGET" value="">
<input type="hidden" name="__VIEWSTATE" id="__VIEWSTATE" value="dDwtMTk3OzsdemoPg==">
<input type="hidden" name="__EVENTVALIDATION" id="__EVENTVALIDATION" value="L3dFZGVtbw==">"#;

fn catalogue(context: &PageContext<'_>) -> String {
    format!(
        r#"<html><head><title>{library}</title></head><body><form name="formMain" method="post" action="/default.aspx">
<p>Look for a title.</p><a href="/patronaccount/default.aspx">Reader's desk</a></form></body></html>
"#,
        library = context.library()
    )
}

fn login_page(context: &PageContext<'_>, error: Option<&str>) -> String {
    let error = error.map_or_else(String::new, |error| {
        format!("<p class=\"ErrorMessage\">{}</p>\n", escape(error))
    });
    format!(
        r#"<html><head><title>{library}</title></head><body>
<form name="formMain" method="post" action="{host}/logon.aspx?src=patronaccount" id="formMain">
{STATE}
<div id="panelLogonMain">{error}<table id="tableLogon">
<tr><td>Card</td><td><input name="textboxBarcodeUsername" type="text" id="textboxBarcodeUsername"></td></tr>
<tr><td>Password</td><td><input name="textboxPassword" type="password" id="textboxPassword"></td></tr>
</table><input type="submit" name="buttonSubmit" value="Come in" id="buttonSubmit"></div>
<a href="/">Titles</a></form></body></html>
"#,
        library = context.library(),
        host = escape(context.login_host.as_deref().unwrap_or_default()),
    )
}

/// A page of the account: a layout table around the patron's box and what the page is about.
fn frame(context: &PageContext<'_>, patron: &Patron, main: &str) -> String {
    let total = patron.loans.len() + context.surplus;
    let expires = patron
        .card_expires
        .map(|date| context.site().print_date(date));
    let hidden: String = patron
        .number
        .char_indices()
        .map(|(at, digit)| {
            if at + 4 < patron.number.len() {
                '*'
            } else {
                digit
            }
        })
        .collect();
    let mut blocks = String::new();
    for text in patron.blocked.iter().chain(&patron.messages) {
        // Writing to a String cannot fail.
        let _ = write!(
            blocks,
            "<span id=\"labelCurrentBlocks\">{}</span>",
            escape(text)
        );
    }
    format!(
        r#"<html><head><title>{library}</title></head><body>
<form name="formMain" method="post" action="itemsout.aspx" id="formMain">
{STATE}
<table id="tableMain"><tr><td>
<a href="/logon.aspx?logoff=1&amp;src=default.aspx">Go out</a>
<a href="/patronaccount/default.aspx">Desk</a> <a href="/patronaccount/itemsout.aspx">Books</a>
<a href="/patronaccount/requests.aspx">Wishes</a> <a href="/patronaccount/finesfees.aspx">Money</a>
<ul>{filler}</ul></td><td><table id="tableBody"><tr><td>
<table id="ctrlBasicInfo_tableBasicInfo">
<tr><td>Reader</td><td><span id="ctrlBasicInfo_labelPatron">{name}</span></td></tr>
<tr><td>Card</td><td><span id="ctrlBasicInfo_labelBarcode">{hidden}</span></td></tr>
<tr><td>Good until</td><td><span id="ctrlBasicInfo_labelExpirationDate">{expires}</span></td>
<td><a href="./itemsout.aspx">{total}&nbsp;items checked out</a> <a href="./requests.aspx">{requests}&nbsp;requests</a></td></tr>
</table>
{blocks}{main}
</td></tr></table></td></tr></table></form></body></html>
"#,
        library = context.library(),
        requests = patron.holds.len() + context.surplus,
        name = escape(&patron.name),
        expires = expires.unwrap_or_default(),
        filler = context.state.filler.html,
    )
}

/// A grid, or the words that there is nothing in it.
fn grid(id: &str, headers: &[&str], rows: &str, nothing: &str) -> String {
    if rows.is_empty() {
        return format!("<div id=\"panelMessage\"><p>{nothing}</p></div>");
    }
    let headers: String = headers
        .iter()
        .map(|header| format!("<td class=\"TableHeader\">{header}</td>"))
        .collect();
    format!(
        "<table id=\"{id}\" rules=\"all\"><tr class=\"ColumnHeader\">{headers}</tr>\n{rows}</table>"
    )
}

fn loans_page(context: &PageContext<'_>, patron: &Patron) -> String {
    let rows: String = patron
        .loans
        .iter()
        .zip(2..)
        .map(|(loan, row)| {
            let id = format!("datagridItemsOut__ctl{row}");
            let author = loan.author.as_deref().map_or_else(String::new, |author| {
                format!("<br>by {}", escape(author))
            });
            format!(
                r#"<tr class="Headings1"><td><input id="{id}_checkBoxItem" type="checkbox" name="datagridItemsOut:_ctl{row}:checkBoxItem"></td>
<td><span id="{id}_labelTitle">{title}{author}</span></td><td><span id="{id}_labelDueDate">{due}</span></td>
<td><span id="{id}_labelRenewalsLeft">{left}</span></td></tr>
"#,
                title = escape(&loan.full_title()),
                due = context.site().print_date(loan.due),
                left = if loan.renewable { 2 } else { 0 },
            )
        })
        .collect();
    let main = grid(
        "datagridItemsOut",
        &["&nbsp;", "Book or film", "Back by", "Renewals Left"],
        &rows,
        "There are no items checked out on this card.",
    );
    frame(context, patron, &main)
}

/// The words for a request's state, and what a site adds in parentheses.
fn state_of(context: &PageContext<'_>, hold: &DemoHold) -> String {
    let date = |date| context.site().print_date(date);
    match (hold.state, hold.pickup_by, hold.suspended_until) {
        (DemoHoldState::Ready, Some(until), _) => format!("Held (until {})", date(until)),
        (DemoHoldState::Ready, None, _) => "Held".to_owned(),
        (DemoHoldState::InTransit, ..) => "Shipped (yesterday)".to_owned(),
        (DemoHoldState::Suspended, _, Some(until)) => format!("Inactive (until {})", date(until)),
        (DemoHoldState::Suspended, ..) => "Inactive".to_owned(),
        (DemoHoldState::Waiting, ..) => "Active".to_owned(),
    }
}

fn requests_page(context: &PageContext<'_>, patron: &Patron) -> String {
    let rows: String = patron
        .holds
        .iter()
        .zip(2..)
        .map(|(hold, row)| {
            let id = format!("datagridRequests__ctl{row}");
            let author = hold.author.as_deref().map_or_else(String::new, |author| {
                format!("<br><span class='HoldsAuthor'>by {}</span>", escape(author))
            });
            let position = match (hold.position, hold.queue_length) {
                (Some(position), Some(of)) => format!("{position} of {of}"),
                _ => "&nbsp;".to_owned(),
            };
            format!(
                r#"<tr class="Headings1"><td><input id="{id}_checkBoxItem" type="checkbox" name="datagridRequests:_ctl{row}:checkBoxItem"></td>
<td><span id="{id}_labelTitle"><a href="/view.aspx?cn={number}">{title}</a>{author}</span></td>
<td><span id="{id}_labelStatus">{state}</span></td><td>{position}</td><td>{branch}</td></tr>
"#,
                number = hold.id,
                title = escape(&hold.full_title()),
                state = state_of(context, hold),
                branch = escape(&hold.branch),
            )
        })
        .collect();
    let main = grid(
        "datagridRequests",
        &[
            "&nbsp;",
            "Book or film",
            "Status",
            "Hold Position",
            "Pickup Library",
        ],
        &rows,
        "You have no requests at this desk.",
    );
    frame(context, patron, &main)
}

fn fines_page(context: &PageContext<'_>, patron: &Patron) -> String {
    let main = format!("<p>Total owed: {}</p>", in_dollars(patron.fines_cents));
    frame(context, patron, &main)
}
