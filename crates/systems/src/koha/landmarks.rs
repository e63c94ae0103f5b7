//! Where the parts of an account stand on its page, found in one walk: to ask a selector for each of
//! them would go through the page as often as there are parts.

use std::collections::BTreeSet;

use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::messages::{check_alert_count, is_alert};
use super::table::has_class;

/// What the whole page says of itself.
#[derive(Debug, Default)]
pub(super) struct PageLandmarks<'a> {
    /// The patron's details, the lists among them: only there when somebody is logged in.
    pub(super) details: Option<ElementRef<'a>>,
    /// It is the page of all charges.
    pub(super) has_charges: bool,
    /// The numbers of the patrons' records that it names, in its head and in its forms.
    pub(super) patrons: BTreeSet<String>,
}

impl<'a> PageLandmarks<'a> {
    pub(super) fn find_in(root: ElementRef<'a>) -> Self {
        let mut page = Self::default();
        for element in elements(root) {
            let tag = element.value();
            match tag.attr("id") {
                Some("userdetails") if page.details.is_none() => page.details = Some(element),
                // Who owes nothing is shown a sentence in place of the table.
                Some("finestable" | "useraccount") => page.has_charges = true,
                _ => {}
            }
            let number = if tag.attr("name") == Some("borrowernumber") {
                tag.attr("value")
            } else if has_class(element, "loggedinusername") {
                tag.attr("data-borrowernumber")
            } else {
                None
            };
            if let Some(number) = number.map(str::trim).filter(|number| !number.is_empty()) {
                page.patrons.insert(number.to_owned());
            }
        }
        page
    }
}

/// The parts of a patron's details.
#[derive(Debug, Default)]
pub(super) struct Landmarks<'a> {
    /// The box of the tabs and the lists below them.
    pub(super) views: Option<ElementRef<'a>>,
    pub(super) loans_panel: Option<ElementRef<'a>>,
    pub(super) fines_panel: Option<ElementRef<'a>>,
    pub(super) loans: Option<ElementRef<'a>>,
    pub(super) overdues: Option<ElementRef<'a>>,
    pub(super) holds: Option<ElementRef<'a>>,
    /// Further loans, of files.
    pub(super) digital_loans: Option<ElementRef<'a>>,
    /// Further holds, from closed stacks.
    pub(super) stack_requests: Option<ElementRef<'a>>,
    pub(super) recalls: Option<ElementRef<'a>>,
    /// The patron may place no holds for what they owe.
    pub(super) is_blocked_for_fines: bool,
    /// Where it says until when the card is good.
    pub(super) expiry: Option<ElementRef<'a>>,
    /// What the library tells the patron.
    pub(super) alerts: Vec<ElementRef<'a>>,
}

impl<'a> Landmarks<'a> {
    /// Walks through a patron's details; `page_changed` where a list is there twice, for then which of
    /// them is the list is not known.
    pub(super) fn find_in(details: ElementRef<'a>) -> Result<Self, Failure> {
        let mut marks = Self::default();
        for element in elements(details) {
            let is_table = element.value().name() == "table";
            match element.attr("id") {
                Some("checkoutst") if is_table => only(&mut marks.loans, element, "loans")?,
                Some("overduest") if is_table => {
                    only(&mut marks.overdues, element, "overdue loans")?
                }
                Some("holdst") if is_table => only(&mut marks.holds, element, "holds")?,
                Some("divibibcheckoutst") if is_table => {
                    only(&mut marks.digital_loans, element, "digital loans")?
                }
                Some("closed-stack-requests-table") if is_table => only(
                    &mut marks.stack_requests,
                    element,
                    "requests from closed stacks",
                )?,
                Some("recalls-table") if is_table => only(&mut marks.recalls, element, "recalls")?,
                Some("blockedonfines") => marks.is_blocked_for_fines = true,
                Some("opac-user-checkouts" | "opac-user-checkouts_panel") => {
                    marks.loans_panel.get_or_insert(element);
                }
                Some("opac-user-fines" | "opac-user-fines_panel") => {
                    marks.fines_panel.get_or_insert(element);
                }
                Some("opac-user-views") => {
                    marks.views.get_or_insert(element);
                }
                Some("warnexpired" | "warndeparture") => {
                    marks.expiry.get_or_insert(element);
                }
                _ => {}
            }
            if marks.views.is_none() && has_class(element, "toptabs") {
                marks.views = Some(element);
            }
            if is_alert(element) {
                marks.alerts.push(element);
                check_alert_count(marks.alerts.len())?;
            }
        }
        Ok(marks)
    }
}

fn elements<'a>(of: ElementRef<'a>) -> impl Iterator<Item = ElementRef<'a>> {
    of.descendants().filter_map(ElementRef::wrap)
}

fn only<'a>(
    place: &mut Option<ElementRef<'a>>,
    table: ElementRef<'a>,
    what: &str,
) -> Result<(), Failure> {
    match place.replace(table) {
        None => Ok(()),
        Some(_) => Err(Failure::page_changed(format!(
            "more than one table of {what}"
        ))),
    }
}
