//! OCLC SISIS's `webOPACClient`: a tab for the loans, the orders and the reservations.

use std::fmt::Write as _;

use chrono::Days;

use crate::page::escape;
use crate::page_context::PageContext;
use crate::paged::{AccountPage, Address, PagedSite, with_comma};
use crate::site::{DemoHold, DemoHoldState, DemoLoan, Patron};

pub(crate) const SITE: PagedSite = PagedSite {
    cookie: "USERSESSIONDEMO",
    login: Address {
        path: "/login.do",
        query: "",
    },
    number: "username",
    pin: "password",
    login_page,
    refusal: "Benutzernummer oder Passwort stimmt nicht.",
    redirects: true,
    pages: &[
        AccountPage {
            address: Address {
                path: "/userAccount.do",
                query: "methodToCall=show&type=1",
            },
            render: loans,
        },
        AccountPage {
            address: Address {
                path: "/userAccount.do",
                query: "typ=6",
            },
            render: orders,
        },
        AccountPage {
            address: Address {
                path: "/userAccount.do",
                query: "typ=7",
            },
            render: reservations,
        },
    ],
    logout: Address {
        path: "/login.do",
        query: "methodToCall=logout",
    },
    catalogue,
    changing: &["renewalpossible", "methodtocall=cancel", "methodtocall=del"],
    renamed: &[
        ("UserAccountForm", "KontoFormular"),
        ("showAccount", "zeigeKonto"),
        ("class=\"data\"", "class=\"liste\""),
        ("id=\"label", "id=\"reiter"),
        ("id=\"active1\"", "id=\"aktiv\""),
        ("name=\"username\"", "name=\"nummer\""),
        ("name=\"password\"", "name=\"geheim\""),
    ],
};

/// The list that a page shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Loans,
    Orders,
    Reservations,
}

/// Whether a hold is an order, and no reservation.
pub(crate) fn is_order(hold: &DemoHold) -> bool {
    matches!(hold.state, DemoHoldState::Ready | DemoHoldState::InTransit)
}

/// The words for a hold's state.
pub(crate) fn state_words(context: &PageContext<'_>, hold: &DemoHold) -> String {
    let date = |date| context.site().print_date(date);
    match hold.state {
        DemoHoldState::Ready => match hold.pickup_by {
            Some(day) => format!("abholbereit bis {}", date(day)),
            None => "abholbereit".to_owned(),
        },
        DemoHoldState::InTransit => "unterwegs".to_owned(),
        DemoHoldState::Waiting => match hold.expires {
            Some(day) => format!("vorgemerkt bis {}", date(day)),
            None => "vorgemerkt".to_owned(),
        },
        DemoHoldState::Suspended => "ausgesetzt".to_owned(),
    }
}

/// What the site says about renewing a loan.
pub(crate) fn renewal_words(loan: &DemoLoan, address: &str) -> String {
    if loan.renewable {
        return format!(
            "<a href=\"{address}\"><span class=\"textgruen\">Wir verl&auml;ngern gern.</span></a>"
        );
    }
    let reason = loan
        .reason
        .as_deref()
        .map_or_else(String::new, |reason| format!(": {}", escape(reason)));
    format!("<span class=\"textrot\">Wird nicht verl&auml;ngert{reason}</span>")
}

/// The number that the site prints for an item or a hold, with a shelf.
pub(crate) fn number_line(id: u64) -> String {
    format!("{id:09}&nbsp;/&nbsp;Regal C")
}

fn frame(context: &PageContext<'_>, main: &str) -> String {
    let menu = &context.state.filler.html;
    format!(
        r#"<!DOCTYPE html>
<html lang="de"><head><title>{library}</title></head>
<body>
<ul class="regal">{menu}</ul>
<form id="AdvancedSearchForm" method="post" action="/search.do"><input type="hidden" name="methodToCall" value="submit"><input type="hidden" name="CSId" value="demo"><input type="text" name="searchString"></form>
{main}
<p><a href="/">Zum Katalog</a></p>
</body></html>
"#,
        library = context.library()
    )
}

fn catalogue(context: &PageContext<'_>) -> String {
    frame(
        context,
        r#"<p>Suchen Sie in unseren Regalen.</p><p><a href="/userAccount.do?methodToCall=show&amp;type=1">Konto</a></p>"#,
    )
}

/// The login form, as both systems have it.
pub(crate) fn login_form(context: &PageContext<'_>, error: Option<&str>) -> String {
    let error = error.map_or_else(String::new, |error| {
        format!("<div class=\"alert error\">{}</div>\n", escape(error))
    });
    format!(
        r#"<form id="LoginBean" method="post" action="{base}/login.do">
<input type="hidden" name="methodToCall" value="submit"><input type="hidden" name="CSId" value="demo">
{error}<label>Ihre Nummer <input type="text" name="username"></label>
<label>Ihr Passwort <input type="password" name="password"></label>
<input type="submit" name="login_action" value="weiter">
</form>"#,
        base = escape(context.login_host.as_deref().unwrap_or_default()),
    )
}

fn login_page(context: &PageContext<'_>, error: Option<&str>) -> String {
    frame(context, &login_form(context, error))
}

fn loans(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut rows = String::new();
    for (index, loan) in patron.loans.iter().enumerate() {
        let author = author_line(loan.author.as_deref());
        let start = loan.due.checked_sub_days(Days::new(28)).unwrap_or(loan.due);
        // Writing to a String cannot fail.
        let _ = writeln!(
            rows,
            r#"<tr><th scope="row">{count}.</th><td><strong>{title}</strong><br>{author}{number}<br>{renewal}</td>
<td>{start} - {due}<br>Oak Park<br>Anzahl Verl&auml;ngerungen: {renewals}</td></tr>"#,
            count = index + 1,
            title = escape(&loan.full_title()),
            number = number_line(loan.id),
            renewal = renewal_words(
                loan,
                &format!("/userAccount.do?methodToCall=renewalPossible&amp;actPos={index}")
            ),
            start = context.site().print_date(start),
            due = context.site().print_date(loan.due),
            renewals = loan.renewals,
        );
    }
    page(context, patron, Tab::Loans, &rows)
}

fn author_line(author: Option<&str>) -> String {
    author.map_or_else(String::new, |author| format!("{}<br>", escape(author)))
}

fn orders(context: &PageContext<'_>, patron: &Patron) -> String {
    page(
        context,
        patron,
        Tab::Orders,
        &hold_rows(context, patron, true),
    )
}

fn reservations(context: &PageContext<'_>, patron: &Patron) -> String {
    let rows = hold_rows(context, patron, false);
    page(context, patron, Tab::Reservations, &rows)
}

fn hold_rows(context: &PageContext<'_>, patron: &Patron, orders: bool) -> String {
    let mut rows = String::new();
    let holds = patron.holds.iter().filter(|hold| is_order(hold) == orders);
    for (index, hold) in holds.enumerate() {
        let _ = writeln!(
            rows,
            r#"<tr><th scope="row">{count}.</th><td><strong>{title}</strong><br>{author}{number}</td>
<td>{state}<br>von {today}<br>{branch}</td></tr>"#,
            count = index + 1,
            title = escape(&hold.full_title()),
            author = author_line(hold.author.as_deref()),
            number = number_line(hold.id),
            state = state_words(context, hold),
            today = context.site().print_date(context.site().today),
            branch = escape(&hold.branch),
        );
    }
    rows
}

fn page(context: &PageContext<'_>, patron: &Patron, tab: Tab, rows: &str) -> String {
    let orders = patron.holds.iter().filter(|hold| is_order(hold)).count();
    let counted = |name: &str, count: usize| format!("{name}&nbsp;({})", count + context.surplus);
    let label = |own: Tab, id: u32, words: String| {
        if own == tab {
            return format!("<li id=\"current1\"><div id=\"active1\">{words}</div></li>");
        }
        format!(
            "<li id=\"tab{id}\"><div id=\"label{id}\"><a href=\"/userAccount.do?methodToCall=showAccount&amp;typ={id}\">{words}</a></div></li>"
        )
    };
    let tabs = [
        label(Tab::Loans, 1, counted("Ausleihen", patron.loans.len())),
        label(Tab::Orders, 6, counted("Bestellungen", orders)),
        label(
            Tab::Reservations,
            7,
            counted("Vormerkungen", patron.holds.len() - orders),
        ),
    ]
    .concat();
    let (heading, last) = match tab {
        Tab::Loans => ("Ausleihen", "Leihfrist,&nbsp;Zweigstelle"),
        Tab::Orders => ("Bestellungen", "Stand,&nbsp;Ausgabe"),
        Tab::Reservations => ("Vormerkungen", "Stand,&nbsp;Ausgabe"),
    };
    let rows = if rows.is_empty() {
        "<tr><td colspan=\"3\">Hier sind keine Daten.</td></tr>\n"
    } else {
        rows
    };
    let mut main = format!(
        r#"<div id="login"><strong>Benutzernummer</strong> {number} <a href="/login.do?methodToCall=logout">Abmelden</a></div>
<div id="tab"><ul>{tabs}<li id="tab8"><div id="label8"><a href="/userAccount.do?methodToCall=showAccount&amp;typ=8">Geb&uuml;hren ({fines}&nbsp;&euro;)</a></div></li></ul></div>
<div id="tab-content"><h2>{heading}</h2>
<table class="data"><tr><th scope="col">Nr.</th><th scope="col">Titel,&nbsp;Verfasser</th><th scope="col">{last}</th></tr>
{rows}</table></div>
<form id="UserAccountForm" method="post" action="/userAccount.do"><input type="hidden" name="methodToCall" value="mail"><input type="hidden" name="CSId" value="demo"></form>
"#,
        number = escape(&patron.number),
        fines = with_comma(patron.fines_cents),
    );
    if let Some(date) = patron.card_expires {
        let date = context.site().print_date(date);
        let _ = writeln!(
            main,
            "<div class=\"box3-content\"><strong>Ausweis g&uuml;ltig bis</strong><br>{date}</div>"
        );
    }
    for text in patron.blocked.iter().chain(&patron.messages) {
        let _ = writeln!(main, "<div class=\"alert\">{}</div>", escape(text));
    }
    frame(context, &main)
}
