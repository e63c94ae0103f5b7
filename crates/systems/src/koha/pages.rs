//! The description of Koha's pages: the patron's summary, and the page of all charges.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use hippo_browser::ReadContext;
use hippo_browser::reading::Css;
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;

use super::summary::Summary;
use super::{dates, fines};
use crate::list_reader::{AccountDescription, AccountPart, Fact};

/// The patron's details with the lists: present only when somebody is logged in.
static DETAILS: Css = Css::new("#userdetails");
/// The page that is shown instead of any other until the patron agrees to how the library keeps their data.
static CONSENTS: Css = Css::new("#patronconsents");
/// The numbers of the patron records in a page's head and forms.
static PATRON: Css =
    Css::new("[name=borrowernumber][value], .loggedinusername[data-borrowernumber]");

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    is_account: Css::new("#userdetails, #finestable, #useraccount, #patronconsents"),
    is_broken: Css::new("#opac-maintenance-message"),
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
    complete: read_page,
    ..AccountDescription::default()
});

/// Reads the summary, or the page of all charges. A patron who owes nothing gets a sentence instead of its table.
fn read_page(
    part: &mut AccountPart,
    root: ElementRef<'_>,
    context: &ReadContext<'_>,
) -> Result<(), Failure> {
    if CONSENTS.is_in(root) {
        return Err(Failure::new(
            FailureKind::CardBlocked,
            "the library asks the patron for consent before it shows the account",
        ));
    }
    let Some(details) = DETAILS.first(root) else {
        fines::read_charges(part, root);
        return Ok(());
    };
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
