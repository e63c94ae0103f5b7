//! `VuFind`, as German libraries run it: the loans and the holds, each a row of lines.

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
    refusal: "Diese Angaben sind nicht korrekt.",
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
    let mut main = "<h2>Ausgeliehen</h2>\n".to_owned();
    for loan in &patron.loans {
        let (id, title) = (loan.id, loan.full_title());
        let box_state = if loan.renewable { "" } else { " disabled" };
        let alert = if loan.renewable {
            String::new()
        } else {
            let reason = loan.reason.as_deref().unwrap_or("ohne Grund");
            let reason = escape(reason);
            format!(
                "<div class=\"alert alert-info\">Nicht mehr verl&auml;ngerbar: {reason}</div>\n"
            )
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            main,
            r#"<div id="record{id}" class="result"><input type="checkbox" name="renewSelectedIDS[]" value="{id}"{box_state}>
{title}{author}<span class="format buch">Buch</span><br>
<strong>Verl&auml;ngert: {renewals}</strong><br>
<strong>R&uuml;ckgabe bis: {due}</strong>
{alert}</div>"#,
            title = title_link(id, &title),
            author = author_link(loan.author.as_deref()),
            renewals = loan.renewals,
            due = context.site().print_date(loan.due),
        );
    }
    if patron.loans.is_empty() {
        main += "<p>Sie haben gerade keine Medien ausgeliehen.</p>\n";
    }
    account_page(context, patron, "checkedout", &main)
}

fn title_link(id: u64, title: &str) -> String {
    let title = escape(title);
    format!("<a href=\"/Record/demo.{id}\" class=\"title\">{title}</a><br>\n")
}

fn author_link(author: Option<&str>) -> String {
    author.map_or_else(String::new, |author| {
        let author = escape(author);
        format!("von: <a href=\"/Author/Home?author=x\">{author}</a><br>\n")
    })
}

fn holds(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut main = "<h2>Vorgemerkt</h2>\n".to_owned();
    for hold in &patron.holds {
        // Writing to a String cannot fail.
        let _ = writeln!(
            main,
            r#"<div id="record{id}" class="result">
{title}{author}<strong>Abholort:</strong> {branch}<br>
{state}</div>"#,
            id = hold.id,
            title = title_link(hold.id, &hold.full_title()),
            author = author_link(hold.author.as_deref()),
            branch = escape(&hold.branch),
            state = state_lines(context, hold),
        );
    }
    if patron.holds.is_empty() {
        main += "<p>Sie haben gerade keine Vorbestellungen.</p>\n";
    }
    account_page(context, patron, "holds", &main)
}

fn state_lines(context: &PageContext<'_>, hold: &DemoHold) -> String {
    let date = |date| context.site().print_date(date);
    let mut lines = match hold.state {
        DemoHoldState::Ready => match hold.pickup_by {
            Some(day) => format!("Abholbereit bis {}<br>\n", date(day)),
            None => "Abholbereit<br>\n".to_owned(),
        },
        DemoHoldState::InTransit => "Unterwegs<br>\n".to_owned(),
        DemoHoldState::Waiting => "Vorgemerkt<br>\n".to_owned(),
        DemoHoldState::Suspended => "Ausgesetzt<br>\n".to_owned(),
    };
    if let (DemoHoldState::Waiting, Some(position)) = (hold.state, hold.position) {
        let _ = writeln!(lines, "Warteposition: {position}<br>");
    }
    if let Some(day) = hold.expires {
        let _ = writeln!(lines, "G&uuml;ltig bis: {}<br>", date(day));
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
