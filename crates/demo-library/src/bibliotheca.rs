//! Bibliotheca's `WebOPAC`: one page, `index.asp`, with loans above holds.

use std::fmt::Write as _;

use crate::page::escape;
use crate::page_context::PageContext;
use crate::paged::{AccountPage, Address, PagedSite, with_comma};
use crate::site::{DemoHoldState, Patron};

pub(crate) const SITE: PagedSite = PagedSite {
    cookie: "ASPSESSIONIDDEMO",
    login: Address {
        path: "/index.asp",
        query: "",
    },
    number: "AUSWEIS",
    pin: "PWD",
    login_page,
    refusal: "Diese Ausweisnummer oder das Passwort kennen wir so nicht.",
    redirects: false,
    pages: &[AccountPage {
        address: Address {
            path: "/index.asp",
            query: "target=konto",
        },
        render: account,
    }],
    logout: Address {
        path: "/index.asp",
        query: "target=logoff",
    },
    catalogue,
    changing: &[
        "target=verl",
        "target=alleverl",
        "target=delvor",
        "target=pw",
    ],
    renamed: &[
        ("kontotitelzeile", "ausweiszeile"),
        ("tabHeaderKonto", "spaltenkopf"),
        ("kontozeile_center", "mittelzeile"),
        ("kontomeldung", "hinweiskasten"),
        ("Ausstehende", "Offene"),
        ("name=\"AUSWEIS\"", "name=\"NUMMER\""),
        ("name=\"PWD\"", "name=\"GEHEIM\""),
    ],
};

fn frame(context: &PageContext<'_>, main: &str) -> String {
    let menu = &context.state.filler.html;
    format!(
        r#"<!DOCTYPE html>
<html lang="de"><head><title>{library}</title></head>
<body>
<ul class="regal">{menu}</ul>
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
        r#"<p>Suchen Sie in unseren Regalen.</p><p><a href="/index.asp?kontofenster=start">Mein Konto</a></p>"#,
    )
}

fn login_page(context: &PageContext<'_>, error: Option<&str>) -> String {
    let error = error.map_or_else(String::new, |error| {
        format!("<div class=\"kontomeldung\">{}</div>\n", escape(error))
    });
    let form = format!(
        r#"{error}<form action="{base}/index.asp" name="webopac" id="webopac" method="post">
<input type="hidden" name="kontofenster" value="true">
<input type="hidden" name="target" value="konto">
<input type="hidden" name="type" value="K">
<label>Ihre Nummer <input type="text" name="AUSWEIS"></label>
<label>Ihr Passwort <input type="password" name="PWD"></label>
<input type="submit" name="B1" value="weiter">
</form>"#,
        base = escape(context.login_host.as_deref().unwrap_or_default()),
    );
    frame(context, &form)
}

fn account(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut main = format!(
        r#"<form action="/index.asp" name="webopac" id="webopac" method="post">
<div class="kontotitelzeile">Konto für Ausweis Nr: &nbsp;{number}</div>
<div class="kontozeile_center"><br>Ausstehende Gebühren: &nbsp; {fines}&nbsp;€</div>
"#,
        number = escape(&patron.number),
        fines = with_comma(patron.fines_cents),
    );
    // Writing to a String cannot fail.
    if let Some(date) = patron.card_expires {
        let date = context.site().print_date(date);
        let _ = writeln!(
            main,
            "<div class=\"kontozeile_center\">Ausweis gültig bis: &nbsp;{date}</div>"
        );
    }
    for text in patron.blocked.iter().chain(&patron.messages) {
        let _ = writeln!(main, "<div class=\"kontomeldung\">{}</div>", escape(text));
    }
    let loans: String = patron
        .loans
        .iter()
        .enumerate()
        .map(|(index, loan)| {
            let (target, label) = if loan.renewable {
                ("verl", "Verlängern")
            } else {
                ("vermsg", "Hinweis")
            };
            format!(
                r#"<tr class="tabKonto"><td>{author}</td><td>{title}</td><td>{due}</td><td>{id}</td>
<td><a href="/index.asp?kontofenster=true&amp;target={target}_{index}">{label}</a></td></tr>
"#,
                author = escape(loan.author.as_deref().unwrap_or_default()),
                title = escape(&loan.full_title()),
                due = context.site().print_date(loan.due),
                id = loan.id,
            )
        })
        .collect();
    let holds: String = patron
        .holds
        .iter()
        .map(|hold| {
            let ready = match hold.state {
                DemoHoldState::Ready => "ja",
                _ => "&nbsp;",
            };
            format!(
                r#"<tr class="tabKonto"><td>{author}</td><td>{title}</td><td>{ready}</td>
<td><a href="/index.asp?kontofenster=true&amp;target=delvor_{id}">Löschen</a></td></tr>
"#,
                author = escape(hold.author.as_deref().unwrap_or_default()),
                title = escape(&hold.full_title()),
                id = hold.id,
            )
        })
        .collect();
    main += &table(
        "Entliehene Medien:",
        &["Verfasser", "Titel", "Frist", "Buchungsnummer", "&nbsp;"],
        &loans,
        patron.loans.len() + context.surplus,
    );
    main += &table(
        "Vorbestellte Medien:",
        &["Verfasser", "Titel", "Bereit", "&nbsp;"],
        &holds,
        patron.holds.len() + context.surplus,
    );
    main +=
        "<a href=\"/index.asp?kontofenster=true&amp;target=logoff\">Konto verlassen</a>\n</form>";
    frame(context, &main)
}

fn table(heading: &str, headers: &[&str], rows: &str, total: usize) -> String {
    let columns = headers.len();
    let headers: String = headers
        .iter()
        .map(|header| format!("<th class=\"tabHeaderKonto\">{header}</th>"))
        .collect();
    format!(
        r#"<div class="kontozeile_center"><b>{heading}</b></div>
<div class="kontozeile_center"><table>
<tr class="exemplarmenubar">{headers}</tr>
{rows}<tr><td colspan="{columns}"><b>Anzahl: {total}</b></td></tr>
</table></div>
"#
    )
}
