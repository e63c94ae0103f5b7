//! What one page says about an account.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use hippo_core::account::{Hold, Loan};
use rust_decimal::Decimal;

/// What one page says about an account.
#[derive(Debug, Default)]
pub(crate) struct AccountPart {
    pub(super) loans: ListPart<Loan>,
    pub(super) holds: ListPart<Hold>,
    /// What the patron owes.
    pub(crate) fines: Option<Decimal>,
    /// A sum that is owed or a credit; the page doesn't say which.
    pub(crate) sum_without_sign: Option<Decimal>,
    /// The currency of the fines.
    pub(crate) currency: Option<&'static str>,
    /// The card's last day.
    pub(crate) card_expires: Option<NaiveDate>,
    pub(super) messages: Vec<String>,
    /// The site's own numbers of the patrons whom the page names.
    pub(crate) patrons: BTreeSet<String>,
}

/// What one page, or all of them, say about a list.
#[derive(Debug)]
pub(super) struct ListPart<E> {
    /// `None` if the page does not have the list.
    pub(super) entries: Option<Vec<E>>,
    pub(super) declared: Option<u32>,
    pub(super) states_none: bool,
    /// How many entries were dropped because they are over. The site's total may count them.
    pub(super) dropped: usize,
    pub(super) site_ids: Vec<String>,
    /// Whether the page is an overview that doesn't link to the list.
    pub(super) is_unlinked: bool,
}

impl AccountPart {
    /// A page with nothing but messages.
    pub(crate) fn from_messages(messages: Vec<String>) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }

    /// Whether the page has the list of loans.
    pub(crate) fn has_loans(&self) -> bool {
        self.loans.entries.is_some()
    }

    /// Whether the page has a list of holds.
    pub(crate) fn has_holds(&self) -> bool {
        self.holds.entries.is_some()
    }

    /// Whether the page's own total of the loans is 0.
    pub(crate) fn counts_no_loans(&self) -> bool {
        self.loans.declared == Some(0)
    }

    /// Whether the page's own total of the holds is 0.
    pub(crate) fn counts_no_holds(&self) -> bool {
        self.holds.declared == Some(0)
    }

    /// Whether the page says what is owed.
    pub(crate) fn has_fines(&self) -> bool {
        self.fines.is_some()
    }

    /// Drops the holds that are over. A list with nothing else is empty.
    pub(crate) fn drop_holds(&mut self, is_over: fn(&Hold) -> bool) {
        let Some(holds) = &mut self.holds.entries else {
            return;
        };
        let listed = holds.len();
        holds.retain(|hold| !is_over(hold));
        self.holds.dropped = listed.saturating_sub(holds.len());
        self.holds.states_none |= self.holds.dropped > 0 && holds.is_empty();
    }

    /// What the page says about all but the loans.
    pub(crate) fn without_loans(self) -> Self {
        Self {
            loans: ListPart::default(),
            ..self
        }
    }

    /// What the page says about all but the holds.
    pub(crate) fn without_holds(self) -> Self {
        Self {
            holds: ListPart::default(),
            ..self
        }
    }

    /// What the page says outside of its lists, such as their totals.
    pub(crate) fn without_lists(self) -> Self {
        Self {
            loans: self.loans.only_total(),
            holds: self.holds.only_total(),
            ..self
        }
    }
}

impl<E> ListPart<E> {
    /// The list of a page that states its total, which matches.
    pub(super) fn of_total(entries: Vec<E>) -> Self {
        Self {
            declared: u32::try_from(entries.len()).ok(),
            entries: Some(entries),
            ..Self::default()
        }
    }

    /// The page's total. The list is read from another page.
    pub(super) fn only_total(&self) -> Self {
        Self {
            declared: self.declared,
            ..Self::default()
        }
    }

    /// Adds that the list is empty if neither its page nor the overview links to it. Returns whether the list is known.
    pub(super) fn add_unlinked(&mut self, overview: &Self) -> bool {
        if self.entries.is_none() && self.is_unlinked && overview.is_unlinked {
            *self = self.none();
        }
        self.entries.is_some()
    }

    /// The list if the page says that it is empty.
    pub(super) fn none(&self) -> Self {
        Self {
            entries: Some(Vec::new()),
            states_none: true,
            ..self.only_total()
        }
    }
}

impl<E> Default for ListPart<E> {
    fn default() -> Self {
        Self {
            entries: None,
            declared: None,
            states_none: false,
            dropped: 0,
            site_ids: Vec::new(),
            is_unlinked: false,
        }
    }
}
