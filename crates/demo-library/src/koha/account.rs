//! The account summary with its tabs, and the page of charges.

use chrono::{Days, NaiveDate};

use super::frame::{ROOT, Visitor, frame, is_newer, money, record, site_words};
use super::texts::Words;
use super::{holds, loans};
use crate::page::escape;
use crate::page_context::PageContext;
use crate::site::Patron;

/// The page announces a card's expiry this long before it.
const EXPIRY_WARNING_PERIOD: Days = Days::new(30);

pub(super) fn render_summary_page(
    context: &PageContext<'_>,
    index: usize,
    patron: &Patron,
) -> String {
    let words = site_words(context);
    let mut tabs = Tabs {
        is_newer: is_newer(context),
        tabs: String::new(),
        panels: String::new(),
    };
    add_loans_tab(&mut tabs, context, index, patron);
    add_overdues_tab(&mut tabs, context, patron);
    add_fines_tab(&mut tabs, context, patron);
    add_holds_tab(&mut tabs, context, patron);
    let main = format!(
        r##"<div id="userdetails" class="maincontent">
<h1>{hello} {name}</h1>
<p><a href="{ROOT}opac-main.pl?logout.x=1">{leave}</a></p>
{library_messages}<div class="alert alert-info" id="notesaved" style="display:none;"></div>
<div id="opac-user-views" class="toptabs">
<ul>
{tabs}</ul>
<div class="tab-content">
</div>
{panels}</div>
</div>"##,
        hello = words.greeting_prefix,
        leave = words.log_out,
        name = escape(&patron.name),
        library_messages = render_library_messages(context, patron, words),
        tabs = tabs.tabs,
        panels = tabs.panels,
    );
    frame(context, "opac-user", Visitor::Patron(index, patron), &main)
}

fn add_loans_tab(tabs: &mut Tabs, context: &PageContext<'_>, index: usize, patron: &Patron) {
    let words = site_words(context);
    let count = patron.loans.len() + context.surplus;
    let panel = if patron.loans.is_empty() {
        format!(
            "<table class=\"table\"><tr><td>{}</td></tr></table>",
            words.no_loans
        )
    } else {
        loans::table(context, record(index), patron)
    };
    tabs.add("checkouts", words.loans, &count.to_string(), &panel);
}

/// Adds the tab of overdue loans, if there are any.
fn add_overdues_tab(tabs: &mut Tabs, context: &PageContext<'_>, patron: &Patron) {
    let overdue: Vec<_> = patron
        .loans
        .iter()
        .filter(|loan| loan.due < context.site().today)
        .collect();
    if overdue.is_empty() {
        return;
    }
    let panel = loans::overdues(context, &overdue);
    tabs.add(
        "overdues",
        site_words(context).overdue,
        &overdue.len().to_string(),
        &panel,
    );
}

/// Adds the tab of charges or credits, if the patron has a balance.
fn add_fines_tab(tabs: &mut Tabs, context: &PageContext<'_>, patron: &Patron) {
    if patron.fines_cents == 0 || context.settings.hides_columns {
        return;
    }
    let words = site_words(context);
    let (tab, sentence) = if patron.fines_cents > 0 {
        (words.charges, words.amount_owed_label)
    } else {
        (words.credits, words.amount_credited_label)
    };
    let sum = money(context, patron.fines_cents.abs());
    let panel = format!(
        r#"<table class="table"><caption>{tab}</caption><thead><tr><th colspan="2">{tab}</th></tr></thead>
<tbody><tr><td>{sentence}</td><td><a href="{ROOT}opac-account.pl">{sum}</a></td></tr></tbody></table>"#
    );
    tabs.add("fines", tab, &sum, &panel);
}

/// Adds the tab of holds, if there are any.
fn add_holds_tab(tabs: &mut Tabs, context: &PageContext<'_>, patron: &Patron) {
    if patron.holds.is_empty() && context.surplus == 0 {
        return;
    }
    let count = patron.holds.len() + context.surplus;
    let panel = holds::table(context, patron);
    tabs.add(
        "holds",
        site_words(context).holds,
        &count.to_string(),
        &panel,
    );
}

/// The tabs and their panels.
struct Tabs {
    is_newer: bool,
    tabs: String,
    panels: String,
}

impl Tabs {
    fn add(&mut self, name: &str, words: &str, in_brackets: &str, panel: &str) {
        let (id, link) = if self.is_newer {
            let id = format!("opac-user-{name}_panel");
            (
                id.clone(),
                format!(
                    "<a href=\"#{id}\" id=\"opac-user-{name}-tab\" data-tabname=\"opac-user-{name}\"><span>{words} ({in_brackets})</span></a>"
                ),
            )
        } else {
            let id = format!("opac-user-{name}");
            (
                id.clone(),
                format!("<a href=\"#{id}\">{words} ({in_brackets})</a>"),
            )
        };
        self.tabs += &format!("<li>{link}</li>\n");
        self.panels += &format!("<div id=\"{id}\">\n{panel}\n</div>\n");
    }
}

/// Renders the library's messages to the patron.
fn render_library_messages(context: &PageContext<'_>, patron: &Patron, words: &Words) -> String {
    let mut library_messages = String::new();
    if !patron.messages.is_empty() {
        let entries: String = patron
            .messages
            .iter()
            .map(|text| format!("<li><strong>{}</strong></li>\n", escape(text)))
            .collect();
        library_messages += &format!(
            "<div class=\"alert alert-info\"><h3>{}</h3><ul>\n{entries}</ul></div>\n",
            words.messages_title
        );
    }
    if let Some(expiry) = patron.card_expires {
        let day = context.site().print_date(expiry);
        if expiry < context.site().today {
            library_messages += &format!(
                "<div class=\"alert alert-warning\" id=\"warnexpired\"><strong>{}</strong> <span>{} {day}.</span></div>\n",
                words.please_note, words.card_expired_prefix
            );
        } else if is_expiry_near(context.site().today, expiry) {
            library_messages += &format!(
                "<div class=\"alert alert-warning\" id=\"warndeparture\"><strong>{}</strong> <span>{} <span id=\"warndeparture_date\">{day}</span>.</span></div>\n",
                words.please_note, words.card_expires_prefix
            );
        }
    }
    if let Some(reason) = &patron.blocked {
        library_messages += &format!(
            "<div class=\"alert alert-warning\"><ul><li id=\"userdebarred\"><strong>{}</strong> {} {}</li></ul></div>\n",
            words.please_note,
            words.card_blocked_prefix,
            escape(reason)
        );
    }
    library_messages
}

fn is_expiry_near(today: NaiveDate, expiry: NaiveDate) -> bool {
    today
        .checked_add_days(EXPIRY_WARNING_PERIOD)
        .is_some_and(|until| expiry <= until)
}

/// Renders the page of charges, with the balance as its only row.
pub(super) fn render_charges_page(
    context: &PageContext<'_>,
    index: usize,
    patron: &Patron,
) -> String {
    let words = site_words(context);
    let sign = if patron.fines_cents < 0 { "-" } else { "" };
    let sum = format!("{sign}{}", money(context, patron.fines_cents.abs()));
    let kind = if patron.fines_cents < 0 {
        "credit"
    } else {
        "debit"
    };
    let today = context.site().today;
    let main = format!(
        r#"<div id="useraccount" class="maincontent">
<h1>{charges}</h1>
<table class="table" id="finestable">
<thead><tr><th>1</th><th>2</th></tr></thead>
<tbody><tr><td><span title="{today}">{day}</span></td><td class="{kind}">{sum}</td></tr></tbody>
<tfoot><tr><th class="sum">{owes}</th><td class="sum">{sum}</td></tr></tfoot>
</table>
</div>"#,
        charges = words.charges,
        owes = words.amount_owed_label,
        day = context.site().print_date(today),
    );
    frame(
        context,
        "opac-account",
        Visitor::Patron(index, patron),
        &main,
    )
}
