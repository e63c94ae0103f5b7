//! Horizon Information Portal: every page is `ipac20/ipac.jsp`, and layout tables are in layout tables.

use std::fmt::Write as _;

use crate::page::escape;
use crate::page_context::PageContext;
use crate::paged::{AccountPage, Address, PagedSite};
use crate::site::{DemoHold, DemoHoldState, Patron};

const PATH: &str = "/ipac20/ipac.jsp";

/// The session in the addresses. The cookie decides, so that one is as good as another.
const SESSION: &str = "12B4L07.31";

pub(crate) const SITE: PagedSite = PagedSite {
    cookie: "JSESSIONIDDEMO",
    login: address(""),
    number: "sec1",
    pin: "sec2",
    login_page,
    refusal: "Login failed: this desk knows no such card and PIN.",
    redirects: false,
    pages: &[
        AccountPage {
            address: address("submenu=itemsout"),
            render: loans_page,
        },
        AccountPage {
            address: address("submenu=holds"),
            render: holds_page,
        },
        AccountPage {
            address: address("submenu=blocks"),
            render: blocks_page,
        },
    ],
    logout: address("logout=true"),
    catalogue,
    changing: &["renewitems", "renewitemkeys", "changestatus", "cancelhold"],
    renamed: &[
        ("logout=true", "farewell=yes"),
        ("navBarCurrent", "shelfCurrent"),
        ("navBarAnchor", "shelfAnchor"),
        ("submenu=", "drawer="),
        ("mediumBoldAnchor", "workAnchor"),
        ("name=\"sec1\"", "name=\"card\""),
        ("name=\"sec2\"", "name=\"word\""),
    ],
};

const fn address(query: &'static str) -> Address {
    Address { path: PATH, query }
}

/// The address of a page of the account.
fn link(context: &PageContext<'_>, query: &str) -> String {
    format!(
        "{base}{PATH}?session={SESSION}&amp;profile=brook&amp;{query}",
        base = context.request.base
    )
}

fn catalogue(context: &PageContext<'_>) -> String {
    format!(
        r#"<html><head><title>{library}</title></head><body>
<p>Ask for a book.</p><a href="{PATH}?menu=account">Your shelf</a>
</body></html>
"#,
        library = context.library()
    )
}

fn login_page(context: &PageContext<'_>, error: Option<&str>) -> String {
    let error = error.map_or_else(String::new, |error| {
        format!("<a class=\"boldRedFont1\">{}</a>\n", escape(error))
    });
    format!(
        r#"<html><head><title>{library}</title></head><body>
{error}<form name="security" method="POST" action="{host}{PATH}">
<input type="hidden" name="session" value="{SESSION}">
<input type="hidden" name="profile" value="brook">
<input type="hidden" name="menu" value="account">
<input type="hidden" name="submenu" value="itemsout">
<input type="hidden" name="login_prompt" value="true">
Card <input type="text" name="sec1"> PIN <input type="password" name="sec2">
<input type="submit" name="button" value="Open">
</form><a href="/">Books</a></body></html>
"#,
        library = context.library(),
        host = escape(context.login_host.as_deref().unwrap_or_default()),
    )
}

/// A page of the account, within its layout table.
fn frame(context: &PageContext<'_>, current: &str, patron: &Patron, main: &str) -> String {
    let tabs: String = ["overview", "itemsout", "holds", "blocks"]
        .map(|tab| {
            let class = if tab == current {
                "navBarCurrent"
            } else {
                "navBarAnchor"
            };
            let to = link(
                context,
                &format!("menu=account&amp;submenu={tab}&amp;ts=17"),
            );
            format!("<td><a class=\"{class}\" href=\"{to}\">{tab}</a></td>")
        })
        .concat();
    format!(
        r#"<html><head><title>{library}</title></head><body><form name="ipac" method="POST" action="{PATH}">
<input type="hidden" name="session" value="{SESSION}"><input type="hidden" name="profile" value="brook">
<table width="100%"><tr><td title="Name">Hello {name}<ul>{filler}</ul></td><td><a class="globalAnchor" href="{logout}">Leave</a></td></tr>
<tr>{tabs}</tr></table>
<a class="big">Your shelf</a><br>
{main}
<input type="hidden" name="menu" value="account"><input type="hidden" name="submenu" value="{current}">
<table><tr><td>Thank you</td></tr></table></form></body></html>
"#,
        library = context.library(),
        name = escape(&patron.name),
        logout = link(context, "logout=true&amp;date=17"),
        filler = context.state.filler.html,
    )
}

/// A list: a layout table around a table with headers that sort it.
fn list(context: &PageContext<'_>, tick: &str, headers: &[(&str, String)], rows: &str) -> String {
    let headers: String = headers
        .iter()
        .map(|(label, sort)| {
            let to = link(context, &format!("menu=account&amp;{sort}"));
            format!(
                "<td bgcolor=\"navy\"><a class=\"boldWhiteFont2\" href=\"{to}\">{label}</a></td>"
            )
        })
        .collect();
    format!(
        r#"<table class="tableBackground"><tr><td>
<table class="tableBackgroundHighlight"><tr><td bgcolor="navy">{tick}</td>{headers}</tr>
{rows}</table>
</td></tr></table>
"#
    )
}

/// The title cell: a table of its own.
fn work(
    context: &PageContext<'_>,
    title: &str,
    author: Option<&str>,
    id: u64,
    line: &str,
) -> String {
    let to = link(
        context,
        &format!("uri=full=3100001~!{id}~!0&amp;ri=1&amp;menu=search&amp;source=~!horizon"),
    );
    let author = author.map_or_else(
        || "&nbsp;".to_owned(),
        |author| format!("by {}", escape(author)),
    );
    format!(
        r#"<td bgcolor="white"><table class="tableBackground"><tr><td><a class="mediumBoldAnchor" href="{to}">{title} /</a></td></tr>
    <tr><td><a class="normalBlackFont1">{author}</a></td></tr><tr><td>{line}</td></tr></table></td>"#,
        title = escape(title),
    )
}

fn cell(words: &str) -> String {
    format!("<td bgcolor=\"white\" align=\"center\"><a class=\"normalBlackFont2\">{words}</a></td>")
}

fn loans_page(context: &PageContext<'_>, patron: &Patron) -> String {
    let total = patron.loans.len() + context.surplus;
    let mut main = format!(
        "<a class=\"normalBlackFont2\">Checked Out: {total}</a><br><a class=\"normalBlackFont2\">Overdue: 0</a>\n"
    );
    let rows: String = patron
        .loans
        .iter()
        .map(|loan| {
            let tick = if loan.renewable {
                format!(
                    "<input type=\"checkbox\" name=\"renewitemkeys\" value=\"{}\">",
                    loan.id
                )
            } else {
                let reason = loan.reason.as_deref().unwrap_or("Not again");
                format!("<center>{}</center>", escape(reason))
            };
            format!(
                "<tr><td bgcolor=\"white\">{tick}</td>{work}{out}{due}{renewals}</tr>\n",
                work = work(
                    context,
                    &loan.full_title(),
                    loan.author.as_deref(),
                    loan.id,
                    &format!("barcode: {}", loan.id),
                ),
                out = cell("&nbsp;"),
                due = cell(&context.site().print_date(loan.due)),
                renewals = cell(&loan.renewals.to_string()),
            )
        })
        .collect();
    if !rows.is_empty() {
        let sort = |key: &str| format!("submenu=itemsout&amp;sortby={key}");
        main += &list(
            context,
            "<input type=\"checkbox\" name=\"renewall\">",
            &[
                ("Book or film", sort("sorttitle")),
                ("Since", sort("ckodate")),
                ("Back by", sort("duedate")),
                ("Kept on", sort("numrenewals")),
            ],
            &rows,
        );
    }
    frame(context, "itemsout", patron, &main)
}

fn holds_page(context: &PageContext<'_>, patron: &Patron) -> String {
    let is_ready = |hold: &&DemoHold| hold.state == DemoHoldState::Ready;
    let mut main = String::new();
    let date = |date: Option<_>| {
        date.map_or_else(
            || "&nbsp;".to_owned(),
            |date| context.site().print_date(date),
        )
    };
    let title = |hold: &DemoHold| {
        work(
            context,
            &hold.full_title(),
            hold.author.as_deref(),
            hold.id,
            &format!("Pickup Location: {}", escape(&hold.branch)),
        )
    };
    let tick = |kind: &str, hold: &DemoHold| {
        format!(
            "<td bgcolor=\"white\"><input type=\"checkbox\" name=\"{kind}holdselected\" value=\"{}:0\"></td>",
            hold.id
        )
    };
    let ready: String = patron
        .holds
        .iter()
        .filter(is_ready)
        .map(|hold| {
            format!(
                "<tr>{}{}{}</tr>\n",
                tick("ready", hold),
                title(hold),
                cell(&date(hold.pickup_by))
            )
        })
        .collect();
    let waiting: String = patron
        .holds
        .iter()
        .filter(|hold| !is_ready(hold))
        .map(|hold| {
            let state = match hold.state {
                DemoHoldState::InTransit => "In transit",
                DemoHoldState::Suspended => "Suspended",
                _ => "Active",
            };
            let position = match (hold.position, hold.queue_length) {
                (Some(position), Some(of)) => format!("{position} of {of}"),
                _ => "&nbsp;".to_owned(),
            };
            format!(
                "<tr>{tick}{title}{state}{position}{expires}{until}</tr>\n",
                tick = tick("waiting", hold),
                title = title(hold),
                state = cell(state),
                position = cell(&position),
                expires = cell(&date(hold.expires)),
                until = cell(&date(hold.suspended_until)),
            )
        })
        .collect();
    if !ready.is_empty() {
        let sort = |key: &str| format!("submenu=holds&amp;ready_sortby={key}");
        main += "<a class=\"normalBlackFont2\">On the shelf for you</a>\n";
        main += &list(
            context,
            "&nbsp;",
            &[
                ("Book or film", sort("sorttitle")),
                ("Pickup by", sort("expiredate")),
            ],
            &ready,
        );
    }
    if !waiting.is_empty() {
        let sort = |key: &str| format!("submenu=holds&amp;sortby={key}");
        main += "<a class=\"normalBlackFont2\">Still to come</a>\n";
        main += &list(
            context,
            "&nbsp;",
            &[
                ("Book or film", sort("sorttitle")),
                ("Status", sort("status")),
                ("Position", sort("position")),
                ("Expires", sort("expiredate")),
                ("Reactivate", sort("reactivate")),
            ],
            &waiting,
        );
    }
    if patron.holds.is_empty() {
        main += "<a class=\"normalBlackFont2\">You have no hold requests on this shelf.</a>\n";
    }
    frame(context, "holds", patron, &main)
}

fn blocks_page(context: &PageContext<'_>, patron: &Patron) -> String {
    let mut main = String::new();
    for text in patron.blocked.iter().chain(&patron.messages) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            main,
            "<a class=\"normalBlackFont1\">{}</a><br>",
            escape(text)
        );
    }
    let _ = writeln!(
        main,
        "<a class=\"normalBlackFont2\">Total owed: {}</a>",
        crate::paged::in_dollars(patron.fines_cents)
    );
    frame(context, "blocks", patron, &main)
}
