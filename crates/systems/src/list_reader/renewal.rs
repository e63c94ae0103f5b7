//! Reads the cell that offers a renewal, or says why there is none.

use hippo_browser::reading::{Css, Element, element_text, element_text_without};

use super::stems::Stems;

/// The cell with the control that renews a loan, or with words in its place.
pub(crate) struct RenewalCell {
    /// The controls that offer a renewal; never followed, never sent.
    pub(crate) controls: Css,
    /// Remarks that are no reason: the cost of a renewal, or that it is automatic.
    pub(crate) remarks: Css,
    /// The count of remaining renewals, or what follows a reason.
    pub(crate) count: Css,
    /// The remark that a renewal is automatic.
    pub(crate) automatic: Css,
    /// The whole words that say the same.
    pub(crate) automatic_words: Stems,
    /// The whole words that offer a renewal. Without a control, they state nothing.
    pub(crate) offers: Stems,
    /// The refusals that give no reason.
    pub(crate) bare_refusals: Css,
    /// The whole words that do the same.
    pub(crate) bare_refusal_words: Stems,
}

/// What a renewal's cell says.
#[derive(Default)]
pub(super) struct Renewal {
    /// Whether the site offers a renewal.
    pub(super) is_offered: Option<bool>,
    /// Its reason against one.
    pub(super) reason: Option<String>,
    /// The words that the loan is renewed automatically.
    pub(super) note: Option<String>,
}

impl RenewalCell {
    /// Reads a cell. One that is empty or states an automatic renewal says neither that a renewal is offered nor that
    /// it isn't. The cost of a renewal, and how many remain, are no reason.
    pub(super) fn read(&'static self, cell: Element<'_>) -> Renewal {
        let is_remark = |part: Element<'_>| self.remarks.matches(part);
        let text = element_text_without(cell, is_remark);
        let words = element_text_without(cell, |part| is_remark(part) || self.count.matches(part));
        let before_count = words.split(['(', '（']).next().unwrap_or_default();
        let stated = before_count.trim().trim_end_matches('.');
        let is_automatic = self.automatic_words.have(stated);
        let is_alone = words.is_empty() || is_in_parentheses(&words);
        let states_neither = element_text(cell).is_empty()
            || is_automatic
            || self.offers.have(stated)
            || (is_alone && self.automatic.is_in(cell));
        let (is_offered, reason) = if self.controls.is_in(cell) {
            (Some(true), None)
        } else if states_neither {
            (None, None)
        } else if is_alone {
            (Some(false), reason_in_count(&text))
        } else {
            (Some(false), self.reason_of(cell, text))
        };
        Renewal {
            is_offered,
            reason,
            note: is_automatic.then_some(words),
        }
    }

    /// Returns the reason in the words of a refusal.
    fn reason_of(&'static self, cell: Element<'_>, text: String) -> Option<String> {
        let refusal = self.bare_refusals.first(cell);
        let is_bare = refusal.is_some_and(|refusal| element_text(refusal) == text)
            || self.bare_refusal_words.have(text.trim_end_matches('.'));
        (!is_bare).then_some(text)
    }
}

/// Returns the reason that stands in the place of the count. Text without a number is no count.
fn reason_in_count(text: &str) -> Option<String> {
    let reason = text.trim_matches(['(', ')', '（', '）']).trim();
    let is_reason = !reason.is_empty() && !reason.chars().any(char::is_numeric);
    is_reason.then(|| reason.to_owned())
}

fn is_in_parentheses(words: &str) -> bool {
    words.starts_with(['(', '（']) && words.ends_with([')', '）'])
}
