//! datronic's `WinBIAP`: an overview, and a page each for the loans and the holds.

use std::fmt::Write as _;

use crate::page::escape;
use crate::page_context::PageContext;
use crate::paged::{AccountPage, Address, PagedSite};
use crate::site::{DemoHoldState, DemoLoan, Patron};

pub(crate) const SITE: PagedSite = PagedSite {
    cookie: "ASP.NET_SessionIdDemo",
    login: Address {
        path: "/user/login.aspx",
        query: "",
    },
    number: "ctl00$ContentPlaceHolderMain$TextBoxLoginName",
    pin: "ctl00$ContentPlaceHolderMain$TextBoxLoginPassword",
    login_page,
    refusal: "Ihre Nummer oder Ihr Passwort ist falsch.",
    redirects: true,
    pages: &[
        AccountPage {
            address: Address {
                path: "/user/overview.aspx",
                query: "",
            },
            render: overview,
        },
        AccountPage {
            address: Address {
                path: "/user/borrow.aspx",
                query: "",
            },
            render: loans,
        },
        AccountPage {
            address: Address {
                path: "/user/reservations.aspx",
                query: "",
            },
            render: holds,
        },
    ],
    logout: Address {
        path: "/user/logout.aspx",
        query: "",
    },
    catalogue,
    changing: &["userservice.ashx", "prolong"],
    renamed: &[
        ("menuUserAccount", "kontomenu"),
        ("_menuBorrows", "_ausleihen"),
        ("_menuReservations", "_vormerken"),
        ("LabelAccountTableResult", "LabelSumme"),
        ("BorrowDetailList", "AusleihListe"),
        ("reservationDetailList", "VormerkListe"),
        ("logout.aspx", "ende.aspx"),
        ("TextBoxLoginName", "TextBoxNummer"),
        ("TextBoxLoginPassword", "TextBoxGeheim"),
    ],
};

const MAIN: &str = "ContentPlaceHolderMain";

fn frame(context: &PageContext<'_>, account: &str, main: &str) -> String {
    let menu = &context.state.filler.html;
    format!(
        r#"<!DOCTYPE html>
<html lang="de"><head><title>{library}</title></head>
<body id="body">
<ul class="regal">{menu}</ul>
<form method="post" action="{base}/user/login.aspx" id="formMain">
<input type="hidden" name="__VIEWSTATEFIELDCOUNT" value="2"><input type="hidden" name="__VIEWSTATE" value="demo"><input type="hidden" name="__VIEWSTATE1" value="demo">
<p><a href="/user/overview.aspx">Leserkonto</a></p>
{account}<div id="Content">{main}</div>
</form>
<p><a href="/">Zum Katalog</a> <a href="https://www.datronic.de/">datronic</a></p>
</body></html>
"#,
        library = context.library(),
        base = escape(context.login_host.as_deref().unwrap_or_default()),
    )
}

fn catalogue(context: &PageContext<'_>) -> String {
    frame(context, "", "<p>Suchen Sie in unseren Regalen.</p>")
}

fn login_page(context: &PageContext<'_>, error: Option<&str>) -> String {
    let error = error.map_or_else(String::new, |error| {
        format!(
            "<span id=\"{MAIN}_LabelLoginMessage\" class=\"Login_Error\">{}</span>\n",
            escape(error)
        )
    });
    let fields = format!(
        r#"{error}<label>Ihre Nummer <input type="text" name="{number}"></label>
<label>Ihr Passwort <input type="password" name="{pin}"></label>
<input type="submit" name="ctl00$ContentPlaceHolderMain$ButtonLogin" value="weiter">"#,
        number = SITE.number,
        pin = SITE.pin,
    );
    frame(context, "", &fields)
}

fn account_page(context: &PageContext<'_>, patron: &Patron, main: &str) -> String {
    let menu = format!(
        r#"<ul id="menuUserAccount"><li><a href="/user/overview.aspx">Ins Leserkonto ({number})</a></li>
<li id="menu_menuBorrows"><a href="/user/borrow.aspx">Entleihungen ({loans})</a></li>
<li id="menu_menuReservations"><a href="/user/reservations.aspx">Vorbestellungen ({holds})</a></li>
<li><a href="/user/logout.aspx">Abmelden</a></li></ul>
"#,
        number = escape(&patron.number),
        loans = patron.loans.len() + context.surplus,
        holds = patron.holds.len() + context.surplus,
    );
    frame(context, &menu, main)
}

fn overview(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut main = String::new();
    if patron.fines_cents == 0 {
        main += &format!("<p id=\"{MAIN}_LabelCharges\">Kontostand: ausgeglichen</p>");
    }
    for text in patron.blocked.iter().chain(&patron.messages) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            main,
            "<p id=\"{MAIN}_lblDefaultPasswordWarning\">{}</p>",
            escape(text)
        );
    }
    account_page(context, patron, &main)
}

fn loans(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut main = format!(
        "<span id=\"{MAIN}_LabelAccountTableResult\">Medien entliehen: {}</span>\n",
        patron.loans.len() + context.surplus
    );
    main += "<div id=\"borrowTables\">\n";
    for (name, renewable) in [("Extendable", true), ("NoProlongation", false)] {
        let loans = patron.loans.iter().enumerate();
        let rows: String = loans
            .filter(|(_, loan)| loan.renewable == renewable)
            .map(|(index, loan)| loan_rows(context, name, index, loan))
            .collect();
        if !rows.is_empty() {
            let _ = writeln!(
                main,
                r#"<table id="{MAIN}_BorrowDetailList{name}" class="detailTable">
<thead><tr><th>Wahl</th><th>Autor</th><th>Titel</th><th>Entl.</th><th>F&auml;llig</th></tr></thead>
<tbody><tr class="group-header"><td colspan="5"><span>Medien</span></td></tr>
{rows}</tbody></table>"#
            );
        }
    }
    main += "</div>";
    account_page(context, patron, &main)
}

fn loan_rows(context: &PageContext<'_>, list: &str, index: usize, loan: &DemoLoan) -> String {
    let id = |name: &str| format!("{MAIN}_BorrowDetailList{list}_{name}_{index}");
    let tick = if loan.renewable {
        format!("<input type=\"checkbox\" name=\"ctl00$row{index}$chkSelect\">")
    } else {
        String::new()
    };
    let reason = if loan.renewable {
        String::new()
    } else {
        let reason = loan.reason.as_deref().unwrap_or("Keine weitere Frist");
        format!(
            "<span id=\"{}\">{}</span>",
            id("labelNotRenewableReason"),
            escape(reason)
        )
    };
    format!(
        r#"<tr id="{row}" class="toggleDetails"><td>{tick}</td><td><span id="{author_id}" class="autor">{author}</span></td>
<td><span id="{title_id}" class="title">{title}</span></td><td>{today}</td><td><span id="{due_id}" class="matureDate">{due}</span></td></tr>
<tr class="rowDetails"><td colspan="5"><strong><span id="{number_header}">Mediennummer: </span></strong><span id="{number_id}">{number}</span>
<span id="{renewals_id}">Bisherige Verl&auml;ngerungen: {renewals}</span>{reason}</td></tr>
"#,
        row = id("rowBorrow"),
        author_id = id("LabelAutor"),
        author = escape(loan.author.as_deref().unwrap_or_default()),
        title_id = id("LabelTitle"),
        title = escape(&loan.full_title()),
        today = context.site().print_date(context.site().today),
        due_id = id("LabelMatureDate"),
        due = context.site().print_date(loan.due),
        number_header = id("labelMediennrHeader"),
        number_id = id("labelMediennr"),
        number = loan.id,
        renewals_id = id("labelCountRenew"),
        renewals = loan.renewals,
    )
}

fn holds(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut rows = String::new();
    for (index, hold) in patron.holds.iter().enumerate() {
        let id = |name: &str| format!("{MAIN}_reservationDetailList_{name}_{index}");
        let state = match (hold.state, hold.pickup_by) {
            (DemoHoldState::Ready, Some(day)) => {
                format!("Abholbereit bis {}", context.site().print_date(day))
            }
            (DemoHoldState::Ready, None) => "Abholbereit".to_owned(),
            (DemoHoldState::InTransit, _) => "Unterwegs".to_owned(),
            (DemoHoldState::Waiting, _) => "Noch nicht verf&uuml;gbar".to_owned(),
            (DemoHoldState::Suspended, _) => "Ausgesetzt".to_owned(),
        };
        let position = match hold.state {
            DemoHoldState::Waiting => hold.position,
            _ => None,
        };
        let position = position.map_or_else(String::new, |position| format!("Platz {position}"));
        // Writing to a String cannot fail.
        let _ = writeln!(
            rows,
            r#"<tr class="group-header"><td colspan="5"><span>{state}</span></td></tr>
<tr id="{row}" class="toggleDetails"><td><span id="{author_id}" class="autor">{author}</span></td>
<td><span id="{title_id}" class="title">{title}</span></td><td>{today}</td>
<td><span id="{branch_id}" class="pickupPlace">{branch}</span></td><td></td></tr>
<tr class="rowDetails"><td colspan="5"><strong>Status:</strong> <span id="{state_id}">{state}</span>
<span id="{number_id}">{number}</span><span id="{position_id}">{position}</span></td></tr>"#,
            row = id("rowBorrow"),
            author_id = id("LabelAutor"),
            author = escape(hold.author.as_deref().unwrap_or_default()),
            title_id = id("LabelTitle"),
            title = escape(&hold.full_title()),
            today = context.site().print_date(context.site().today),
            branch_id = id("LabelPickupPlace"),
            branch = escape(&hold.branch),
            state_id = id("labelStatus"),
            number_id = id("labelMediennr"),
            number = hold.id,
            position_id = id("labelPosition"),
        );
    }
    let count = patron.holds.len() + context.surplus;
    let mut main = format!(
        "<span id=\"{MAIN}_LabelAccountTableResult\">Sie haben derzeit {count} Medien vorbestellt!</span>\n"
    );
    if !rows.is_empty() {
        let _ = writeln!(
            main,
            r#"<table id="{MAIN}_reservationDetailList" class="detailTable">
<thead><tr><th>Autor</th><th>Titel</th><th>vorbestellt</th><th>Abholort</th></tr></thead>
<tbody>{rows}</tbody></table>"#
        );
    }
    account_page(context, patron, &main)
}
