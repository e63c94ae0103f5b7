//! OCLC `TouchPoint`: loans, orders and reservations, with a list of them in `account-nav`.

use std::fmt::Write as _;

use crate::page::escape;
use crate::page_context::PageContext;
use crate::paged::{AccountPage, Address, PagedSite, with_comma};
use crate::sisis::{is_order, login_form, number_line, renewal_words, state_words};
use crate::site::Patron;

pub(crate) const SITE: PagedSite = PagedSite {
    cookie: "TPSESSIONDEMO",
    login: Address {
        path: "/login.do",
        query: "",
    },
    number: "username",
    pin: "password",
    login_page,
    refusal: "Diese Nummer ist nicht korrekt, oder das Passwort.",
    redirects: true,
    pages: &[
        AccountPage {
            address: Address {
                path: "/userAccount.do",
                query: "methodToCall=start",
            },
            render: loans,
        },
        AccountPage {
            address: Address {
                path: "/userAccount.do",
                query: "accountTyp=ordered",
            },
            render: orders,
        },
        AccountPage {
            address: Address {
                path: "/userAccount.do",
                query: "accountTyp=requested",
            },
            render: reservations,
        },
    ],
    logout: Address {
        path: "/login.do",
        query: "methodToCall=logout",
    },
    catalogue,
    changing: &["renewal.do", "methodtocall=cancel"],
    renamed: &[
        ("account-nav", "konto-menu"),
        ("account-data", "konto-liste"),
        ("id=\"loaned\"", "id=\"aus\""),
        ("name=\"username\"", "name=\"nummer\""),
        ("name=\"password\"", "name=\"geheim\""),
    ],
};

fn frame(context: &PageContext<'_>, main: &str) -> String {
    let menu = &context.state.filler.html;
    format!(
        r#"<!DOCTYPE html>
<html lang="de"><head><title>{library}</title></head>
<body>
<ul class="regal">{menu}</ul>
<div id="ajaxUrlSolrAutoCompletion">demo</div>
<form id="AdvancedSearchForm" method="get" action="/search.do"><input type="hidden" name="methodToCallParameter" value="submitSearch"><input type="hidden" name="CSId" value="demo"><input type="text" name="searchString"></form>
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
        r#"<p>Suchen Sie in unseren Regalen.</p><p><a href="/userAccount.do?methodToCall=start">Konto</a></p>"#,
    )
}

fn login_page(context: &PageContext<'_>, error: Option<&str>) -> String {
    frame(context, &login_form(context, error))
}

fn loans(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut rows = String::new();
    for (index, loan) in patron.loans.iter().enumerate() {
        let state = format!(
            "<span>R&uuml;ckgabe: </span>{due}<br>Oak Park<br>Anzahl Verl&auml;ngerungen: {renewals}",
            due = context.site().print_date(loan.due),
            renewals = loan.renewals,
        );
        let renewal = renewal_words(
            loan,
            &format!("/renewal.do?methodToCall=renewal&amp;pos={index}"),
        );
        let remark = format!("<p class=\"status-text\">{renewal}</p>");
        let (title, author) = (loan.full_title(), loan.author.as_deref());
        add_row(&mut rows, index, loan.id, &title, author, &remark, &state);
    }
    page(context, patron, "loaned", &rows)
}

fn add_row(
    rows: &mut String,
    index: usize,
    id: u64,
    title: &str,
    author: Option<&str>,
    remark: &str,
    state: &str,
) {
    let author = author.map_or_else(String::new, |author| format!("{}<br>", escape(author)));
    // Writing to a String cannot fail.
    let _ = writeln!(
        rows,
        r#"<tr><td class="accountDisplayNo">{count}.</td><td class="mediaTypeIcon"></td>
<td class="account-display-title"><a href="/perma.do?q={id}"><strong>{title}</strong></a><br>{author}{number}<br>{remark}</td>
<td class="account-display-state">{state}</td></tr>"#,
        count = index + 1,
        title = escape(title),
        number = number_line(id),
    );
}

fn orders(context: &PageContext<'_>, patron: &Patron) -> String {
    page(
        context,
        patron,
        "ordered",
        &hold_rows(context, patron, true),
    )
}

fn reservations(context: &PageContext<'_>, patron: &Patron) -> String {
    let rows = hold_rows(context, patron, false);
    page(context, patron, "requested", &rows)
}

fn hold_rows(context: &PageContext<'_>, patron: &Patron, orders: bool) -> String {
    let mut rows = String::new();
    let holds = patron.holds.iter().filter(|hold| is_order(hold) == orders);
    for (index, hold) in holds.enumerate() {
        let state = format!(
            "von {today}<br>{state}<br>{branch}",
            today = context.site().print_date(context.site().today),
            state = state_words(context, hold),
            branch = escape(&hold.branch),
        );
        let (title, author) = (hold.full_title(), hold.author.as_deref());
        add_row(&mut rows, index, hold.id, &title, author, "", &state);
    }
    rows
}

fn page(context: &PageContext<'_>, patron: &Patron, list: &str, rows: &str) -> String {
    let orders = patron.holds.iter().filter(|hold| is_order(hold)).count();
    let tab = |id: &str, name: &str, count: usize| {
        let words = format!("{name}&nbsp;({})", count + context.surplus);
        if id == list {
            return format!("<li id=\"{id}\">{words}</li>");
        }
        format!(
            "<li id=\"{id}\"><a href=\"/userAccount.do?methodToCall=showAccount&amp;accountTyp={id}\">{words}</a></li>"
        )
    };
    let tabs = [
        tab("loaned", "Ausleihen", patron.loans.len()),
        tab("ordered", "Bestellungen", orders),
        tab("requested", "Vormerkungen", patron.holds.len() - orders),
    ]
    .concat();
    let last = if list == "loaned" {
        "R&uuml;ckgabe am"
    } else {
        "Stand"
    };
    let rows = if rows.is_empty() {
        "<tr><td colspan=\"4\">Hier sind keine Daten.</td></tr>\n"
    } else {
        rows
    };
    let mut main = format!(
        r#"<div id="loginInfo"><span>Benutzernummer:&nbsp; {number}</span></div><p><a href="/login.do?methodToCall=logout">Abmelden</a></p>
<ul id="account-nav">{tabs}<li id="fees"><a href="/userAccount.do?methodToCall=showAccount&amp;accountTyp=fees">Geb&uuml;hren</a> ({fines}&nbsp;&euro;)</li></ul>
<div id="account-data"><table class="data"><thead><tr><th colspan="2">Nr.</th><th>Titel/Verfasser</th><th>{last}</th></tr></thead>
<tbody>{rows}</tbody></table></div>
<div id="right">"#,
        number = escape(&patron.number),
        fines = with_comma(patron.fines_cents),
    );
    if let Some(date) = patron.card_expires {
        let date = context.site().print_date(date);
        let _ = writeln!(
            main,
            "<div class=\"box1\">Ausweis g&uuml;ltig bis: {date}</div>"
        );
    }
    for text in patron.blocked.iter().chain(&patron.messages) {
        let _ = writeln!(main, "<div class=\"alert\">{}</div>", escape(text));
    }
    main += "</div>";
    frame(context, &main)
}
