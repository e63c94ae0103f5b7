//! `VuFind`, as German libraries run it: the loans and the holds, each a row of lines, in the words of its own language
//! file. The menu with totals is the library's.

use std::fmt::Write as _;

use crate::page::escape;
use crate::page_context::PageContext;
use crate::paged::{AccountPage, Address, PagedSite, with_comma};
use crate::site::{DemoHold, DemoHoldState, Patron};

pub(crate) const SITE: PagedSite = PagedSite {
    cookie: "VUFIND_SESSION_DEMO",
    login: Address {
        path: "/MyResearch/Home",
        query: "",
    },
    number: "username",
    pin: "password",
    login_page,
    refusal: "Ungültige Loginangaben -- Bitte versuchen Sie es erneut.",
    redirects: true,
    pages: &[
        AccountPage {
            address: Address {
                path: "/MyResearch/CheckedOut",
                query: "",
            },
            render: loans,
        },
        AccountPage {
            address: Address {
                path: "/MyResearch/Holds",
                query: "",
            },
            render: holds,
        },
    ],
    logout: Address {
        path: "/MyResearch/Logout",
        query: "",
    },
    catalogue,
    changing: &["renewall", "renewselected", "cancelall", "cancelselected"],
    renamed: &[
        ("list-group", "kontoliste"),
        ("class=\"result\"", "class=\"treffer\""),
        ("template-name-", "vorlage-"),
        ("name=\"username\"", "name=\"nummer\""),
        ("name=\"password\"", "name=\"geheim\""),
    ],
};

fn frame(context: &PageContext<'_>, template: &str, main: &str, sidebar: &str) -> String {
    let menu = &context.state.filler.html;
    format!(
        r#"<!DOCTYPE html>
<html lang="de"><head><title>{library}</title></head>
<body class="template-dir-myresearch template-name-{template}">
<ul class="regal">{menu}</ul>
<form class="searchForm" method="get" action="/Search/Results"><input type="text" name="lookfor"></form>
<div id="content" class="container"><div class="mainbody">
{main}</div>
{sidebar}</div>
<p><a href="/">Zum Katalog</a></p>
</body></html>
"#,
        library = context.library()
    )
}

fn catalogue(context: &PageContext<'_>) -> String {
    frame(
        context,
        "home",
        r#"<p>Suchen Sie in unseren Regalen.</p><p><a href="/MyResearch/Home">Konto</a></p>"#,
        "",
    )
}

fn login_page(context: &PageContext<'_>, error: Option<&str>) -> String {
    let error = error.map_or_else(String::new, |error| {
        format!(
            "<div class=\"alert alert-danger\">{}</div>\n",
            escape(error)
        )
    });
    let form = format!(
        r#"{error}<form method="post" action="{base}/MyResearch/Home" name="loginForm" class="form-login">
<input type="hidden" name="auth_method" value="ILS"><input type="hidden" name="csrf" value="demo">
<label>Ihre Nummer <input type="text" name="username"></label>
<label>Ihr Passwort <input type="password" name="password"></label>
<input type="submit" name="processLogin" value="weiter">
</form>
"#,
        base = escape(context.login_host.as_deref().unwrap_or_default()),
    );
    frame(context, "login", &form, "")
}

fn loans(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut rows = String::new();
    for loan in &patron.loans {
        let id = loan.id;
        let (tick, alert) = if loan.renewable {
            let tick =
                format!("<input type=\"checkbox\" name=\"renewSelectedIDS[]\" value=\"{id}\">");
            (tick, String::new())
        } else {
            let reason = escape(loan.reason.as_deref().unwrap_or("ohne Grund"));
            let alert = format!(
                "<div class=\"alert alert-info\">Diese Ausleihfrist kann nicht verl&auml;ngert werden: {reason}</div>\n"
            );
            (" ".to_owned(), alert)
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            rows,
            r#"<li id="record{id}" class="result"><div class="checkbox"><label>{tick}</label></div>
{title}<span class="format buch">Buch</span><br>
<strong>Strichcode:</strong> {id}<br>
<strong>Verl&auml;ngert:</strong> {renewals} / 9<br>
<strong>R&uuml;ckgabedatum: {due}</strong>
{alert}</li>"#,
            title = title_lines(id, &loan.full_title(), loan.author.as_deref()),
            renewals = loan.renewals,
            due = context.site().print_date(loan.due),
        );
    }
    let none = "Sie haben nichts von uns ausgeliehen.\n";
    let main = list("Ihre ausgeliehenen Exemplare", &rows, none);
    account_page(context, patron, "checkedout", &main)
}

fn list(heading: &str, rows: &str, none: &str) -> String {
    if rows.is_empty() {
        format!("<h2>{heading}</h2>\n{none}")
    } else {
        format!("<h2>{heading}</h2>\n<ul class=\"record-list\">\n{rows}</ul>\n")
    }
}

fn title_lines(id: u64, title: &str, author: Option<&str>) -> String {
    let title = escape(title);
    let author = author.map_or_else(String::new, |author| {
        let author = escape(author);
        format!(
            "<span class=\"authors\">von: <a href=\"/Author/Home?author=x\">{author}</a><br></span>"
        )
    });
    format!("<h2><a href=\"/Record/demo.{id}\" class=\"title\">{title}</a>\n{author}</h2>\n")
}

fn holds(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut rows = String::new();
    for hold in &patron.holds {
        // Writing to a String cannot fail.
        let _ = writeln!(
            rows,
            r#"<li class="result"><div class="checkbox"><label><input type="checkbox" name="selectedIDS[]" value="{id}"></label></div>
{title}<strong>Abholung in Bibliothek:</strong> {branch}<br>
{state}</li>"#,
            id = hold.id,
            title = title_lines(hold.id, &hold.full_title(), hold.author.as_deref()),
            branch = escape(&hold.branch),
            state = state_lines(context, hold),
        );
    }
    let none = "Es liegen keine Vormerkungen oder Bestellungen vor.\n";
    let main = list("Ihre offenen Bestellungen und Vormerkungen", &rows, none);
    account_page(context, patron, "holds", &main)
}

fn state_lines(context: &PageContext<'_>, hold: &DemoHold) -> String {
    let date = |date| context.site().print_date(date);
    let mut lines = hold.expires.map_or_else(String::new, |day| {
        format!("<strong>Ablaufdatum:</strong> {}<br>\n", date(day))
    });
    lines += &match (hold.state, hold.pickup_by, hold.position) {
        (DemoHoldState::Ready, Some(day), _) => {
            format!(
                "<div class=\"text-success\">Zur Abholung bereit bis am {}</div>\n",
                date(day)
            )
        }
        (DemoHoldState::Ready, None, _) => {
            "<div class=\"text-success\">Abholbereit</div>\n".to_owned()
        }
        (DemoHoldState::InTransit, ..) => {
            "<div class=\"text-success\">Unterwegs zum Abholort</div>\n".to_owned()
        }
        (DemoHoldState::Waiting | DemoHoldState::Suspended, _, Some(position)) => {
            format!("<p><strong>Position in der Warteschlange:</strong> {position}</p>\n")
        }
        (DemoHoldState::Waiting, ..) => "<p>In Bearbeitung</p>\n".to_owned(),
        (DemoHoldState::Suspended, ..) => String::new(),
    };
    if hold.state == DemoHoldState::Suspended {
        let until = hold
            .suspended_until
            .map(|day| format!(" bis {}", date(day)));
        let until = until.unwrap_or_default();
        let _ = writeln!(
            lines,
            "<p><strong>Gesperrt (vor&uuml;bergehend deaktiviert){until}</strong></p>"
        );
    }
    lines
}

fn account_page(context: &PageContext<'_>, patron: &Patron, template: &str, main: &str) -> String {
    let mut main = main.to_owned();
    for text in patron.blocked.iter().chain(&patron.messages) {
        let _ = writeln!(main, "<div class=\"flash-message\">{}</div>", escape(text));
    }
    let expires = patron.card_expires.map_or_else(String::new, |day| {
        let day = context.site().print_date(day);
        format!("<li><a class=\"list-group-item\">G&uuml;ltig bis : {day}</a></li>")
    });
    let sidebar = format!(
        r#"<div class="sidebar"><div class="list-group">
<a href="/MyResearch/CheckedOut" class="list-group-item">Ausgeliehene Medien : {loans}</a>
<a href="/MyResearch/Holds" class="list-group-item">Vorbestellungen : {holds}</a>
<a href="/MyResearch/Fines" class="list-group-item">Geb&uuml;hren : {fines} &euro;</a>
<a href="/MyResearch/Logout" class="list-group-item">Abmelden</a></div>
<ul><li><a class="list-group-item">Ausweis : {number}</a></li>{expires}</ul></div>
"#,
        loans = patron.loans.len() + context.surplus,
        holds = patron.holds.len() + context.surplus,
        fines = with_comma(patron.fines_cents),
        number = escape(&patron.number),
    );
    frame(context, template, &main, &sidebar)
}
