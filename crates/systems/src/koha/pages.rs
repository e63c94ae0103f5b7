//! The description of Koha's pages: the patron's summary, and the page of all charges.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use hippo_browser::reading::{Css, Element, element_text};

use super::lists;
use super::phrases::{CHARGES, CREDITS, PASSWORDS, TABS};
use crate::list_reader::{AccountDescription, Balance, DateSetting, Fact, LoginDescription, Tabs};

/// The numbers of the patron records in a page's head and forms.
static PATRON: Css =
    Css::new("[name=borrowernumber][value], .loggedinusername[data-borrowernumber]");
/// The totals of the page of all charges.
const CHARGES_TOTAL: &str = ":is(#finestable, #useraccount table:only-of-type:not([id])) > tfoot";
static SUMS: Css = Css::new("td.sum");
static CREDIT: Css = Css::new("td.credit");

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    // `#userdetails` has the lists, and is present only when somebody is logged in.
    account_marker: Css::new("#userdetails, #finestable, #useraccount, #patronconsents"),
    error_page_marker: Css::new("#opac-maintenance-message"),
    agreement: Css::new("#patronconsents"),
    tabs: Some(Tabs {
        place: Css::new("#userdetails"),
        list: Css::new("#opac-user-views > ul, .toptabs > ul"),
        before_name: "#opac-user-",
        after_name: "_panel",
        names: TABS,
        balance: Balance {
            panel: Css::new("#opac-user-fines, #opac-user-fines_panel"),
            sum: Css::new("a[href*='opac-account.pl']"),
            around: Css::new("#opac-user-fines, #opac-user-fines_panel, tr"),
            tab: "fines",
            // A patron who is blocked for an amount owes it.
            debt_sign: Css::new("#blockedonfines"),
            debts: CHARGES,
            credits: CREDITS,
        },
    }),
    loans: lists::loans(),
    holds: lists::holds(),
    // The setting of the site, newest Koha first, and that of the calendar.
    date_format: DateSetting {
        names: &["dateformat_pref", "var dformat", "dateFormat:"],
        formats: &[
            (&["us", "mm/dd/yy"], "%m/%d/%Y"),
            (&["metric", "dd/mm/yy"], "%d/%m/%Y"),
            (&["dmydot", "dd.mm.yy"], "%d.%m.%Y"),
            (&["iso", "yy-mm-dd"], "%Y-%m-%d"),
        ],
    },
    // Older pages have one table without an id, or none and say so.
    fines: vec![
        Fact::read(CHARGES_TOTAL, read_balance),
        Fact::with(
            "#useraccount:not(:has(table)) :is(h1, h2, h3, p)",
            &["no fines"],
        ),
    ],
    // Koha shows the card's expiry only when it is near or past; older pages have no id for it.
    card_expires: vec![
        Fact::at("#userdetails :is(#warnexpired, #warndeparture)"),
        Fact::after("#userdetails .alert", &["your card will expire on"]),
    ],
    // Blocks, restrictions, warnings and notes of the staff. Newer pages list a card's restrictions below their heading.
    // A box may be empty for the page's script, or have a visit's savings.
    messages: Some(Css::visible(
        "#userdetails :is(.alert, #warnexpired, #warndeparture, #blockedonfines)\
         :not(#notesaved, #savings, #opac-user-views *, :has(li)), \
         #userdetails :is(.alert, #warnexpired, #warndeparture, #blockedonfines)\
         :not(#notesaved, #savings, #opac-user-views *) li:not(li li), #userdetails > .dialog.message li:not(li li)",
    )),
    patrons: find_patrons,
    ..AccountDescription::default()
});

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    // Another form is hidden on every page until its script shows it. The box is there without a form if the password has
    // expired, or must be set first.
    form: Css::new(
        ":root:not(:has(#userdetails, #patronconsents)) :is(form#auth, #opac-auth form, #opac-auth)",
    ),
    // From 24.05, `login_` is before both.
    number: &["userid"],
    pin: &["password"],
    // Not the library's login instructions, within the form and below it.
    messages: Css::visible(
        ":is(#opac-auth, :has(> form#auth)) .alert:not(form .alert, #nologininstructions .alert)",
    ),
    has_only_errors: true,
    // The patron's name, on every page for somebody who is logged in.
    logged_in: Css::new(".loggedinusername, #userdetails"),
    pin_words: PASSWORDS,
    ..LoginDescription::default()
});

/// Reads the balance below all charges, where a credit has its sign. With debts and credits, the credits are below the
/// sum of the debts, and the balance is below them.
fn read_balance(totals: Element<'_>) -> Option<String> {
    let sums: Vec<Element<'_>> = SUMS.all(totals).collect();
    match (sums.as_slice(), CREDIT.is_in(totals)) {
        ([sum], false) | ([_, sum], true) => Some(element_text(*sum)),
        _ => None,
    }
}

fn find_patrons(root: Element<'_>) -> BTreeSet<String> {
    let number = |element: Element<'_>| {
        let number = element.attr("data-borrowernumber");
        let number = number.or_else(|| element.attr("value"))?.trim();
        (!number.is_empty()).then(|| number.to_owned())
    };
    PATRON.all(root).filter_map(number).collect()
}
