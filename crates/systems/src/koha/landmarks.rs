//! Finds the parts of an account page in one walk. A selector for each part would walk the page
//! once per part.

use std::collections::BTreeSet;

use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::messages::{check_alert_count, is_alert};
use super::table::has_class;

/// The landmarks of the whole page.
#[derive(Debug, Default)]
pub(super) struct PageLandmarks<'a> {
    /// The patron's details with the lists: present only when somebody is logged in.
    pub(super) details: Option<ElementRef<'a>>,
    /// Whether it is the page of all charges.
    pub(super) has_charges: bool,
    /// The numbers of the patron records in its head and forms.
    pub(super) patrons: BTreeSet<String>,
}

impl<'a> PageLandmarks<'a> {
    pub(super) fn find_in(root: ElementRef<'a>) -> Self {
        let mut page = Self::default();
        for element in elements(root) {
            let tag = element.value();
            match tag.attr("id") {
                Some("userdetails") if page.details.is_none() => page.details = Some(element),
                // A patron who owes nothing gets a sentence instead of the table.
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
    /// The box with the tabs and the lists.
    pub(super) views: Option<ElementRef<'a>>,
    pub(super) loans_panel: Option<ElementRef<'a>>,
    pub(super) fines_panel: Option<ElementRef<'a>>,
    pub(super) loans: Option<ElementRef<'a>>,
    pub(super) overdues: Option<ElementRef<'a>>,
    pub(super) holds: Option<ElementRef<'a>>,
    /// Digital loans.
    pub(super) digital_loans: Option<ElementRef<'a>>,
    /// Holds from closed stacks.
    pub(super) stack_requests: Option<ElementRef<'a>>,
    pub(super) recalls: Option<ElementRef<'a>>,
    /// Whether the patron may place no holds because of fines.
    pub(super) is_blocked_for_fines: bool,
    /// The element with the card's expiry.
    pub(super) expiry: Option<ElementRef<'a>>,
    /// The library's messages to the patron.
    pub(super) alerts: Vec<ElementRef<'a>>,
}

impl<'a> Landmarks<'a> {
    /// Finds the parts in a patron's details; `page_changed` if a list occurs twice, because it is then unclear which
    /// one is the list.
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
    slot: &mut Option<ElementRef<'a>>,
    table: ElementRef<'a>,
    what: &str,
) -> Result<(), Failure> {
    match slot.replace(table) {
        None => Ok(()),
        Some(_) => Err(Failure::page_changed(format!(
            "more than one table of {what}"
        ))),
    }
}
