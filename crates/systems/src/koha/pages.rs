//! The description of Koha's pages: the patron's summary, and the page of all charges.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use hippo_browser::ReadContext;
use hippo_browser::reading::Css;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::login::LoginPage;
use super::summary::Summary;
use super::{dates, fines};
use crate::list_reader::{AccountDescription, AccountPart, Fact, PageKind};

/// The patron's details with the lists: present only when somebody is logged in.
static DETAILS: Css = Css::new("#userdetails");
/// The page of all charges. A patron who owes nothing gets a sentence instead of the table.
static CHARGES: Css = Css::new("#finestable, #useraccount");
/// The numbers of the patron records in a page's head and forms.
static PATRON: Css =
    Css::new("[name=borrowernumber][value], .loggedinusername[data-borrowernumber]");

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    classify: Some(classify),
    date_format: dates::stated_format,
    // Koha shows the card's expiry only when it is near or past.
    card_expires: vec![Fact::at("#userdetails :is(#warnexpired, #warndeparture)")],
    // Blocks, restrictions, warnings and notes of the staff. Newer pages list a card's restrictions below their heading.
    // A box may be empty for the page's script, or have a visit's savings.
    messages: Some(Css::visible(
        "#userdetails :is(.alert, #warnexpired, #warndeparture, #blockedonfines)\
         :not(#notesaved, #savings, #opac-user-views *, :has(li)), \
         #userdetails :is(.alert, #warnexpired, #warndeparture, #blockedonfines)\
         :not(#notesaved, #savings, #opac-user-views *) li:not(li li)",
    )),
    patrons: find_patrons,
    complete: |part, root, context| match DETAILS.first(root) {
        Some(details) => read_summary(part, details, context),
        None => {
            fines::read_charges(part, root);
            Ok(())
        }
    },
    ..AccountDescription::default()
});

/// Whether a page is one of the account. Every page has a hidden login form, so the account is looked for first.
pub(super) fn is_account(root: ElementRef<'_>) -> bool {
    DETAILS.is_in(root) || CHARGES.is_in(root)
}

fn classify(root: ElementRef<'_>) -> PageKind {
    if is_account(root) {
        return PageKind::Account;
    }
    match LoginPage::find(root, &[]) {
        Ok(login) => login.map_or(PageKind::Unknown, |login| login.kind()),
        Err(failure) => PageKind::Failed(failure),
    }
}

fn read_summary(
    part: &mut AccountPart,
    details: ElementRef<'_>,
    context: &ReadContext<'_>,
) -> Result<(), Failure> {
    let summary = Summary::new(details, *context)?;
    part.set_lists(summary.read_loans()?, summary.read_holds()?);
    fines::read_summary(part, &summary)
}

fn find_patrons(root: ElementRef<'_>) -> BTreeSet<String> {
    let number = |element: ElementRef<'_>| {
        let number = element.attr("data-borrowernumber");
        let number = number.or_else(|| element.attr("value"))?.trim();
        (!number.is_empty()).then(|| number.to_owned())
    };
    PATRON.all(root).filter_map(number).collect()
}
