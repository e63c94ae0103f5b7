//! Reads a sum that the patron owes or has as a credit, where only the words beside it tell which.

use hippo_browser::reading::{Css, Element, amount, currency, element_text, element_text_without};
use hippo_core::failure::Failure;
use rust_decimal::Decimal;

use super::part::AccountPart;
use super::stems::Stems;

static HEADINGS: Css = Css::new("h1, h2, h3, h4, h5, h6, legend, caption, thead");

/// A sum in a panel and in the tab above it, without a sign.
///
/// Words decide only beside the sum: in some languages, the tab's label and the panel's heading are the same word for a
/// debt and a credit.
pub(crate) struct Balance {
    /// The panel.
    pub(crate) panel: Css,
    /// The sum in it.
    pub(crate) sum: Css,
    /// What is closest around the sum with the words about it: its row, or else the panel.
    pub(crate) around: Css,
    /// The name of its tab.
    pub(crate) tab: &'static str,
    /// What only the page of a patron has who owes the sum.
    pub(crate) debt_sign: Css,
    /// The words for a debt.
    pub(crate) debts: Stems,
    /// The words for a credit.
    pub(crate) credits: Stems,
}

impl Balance {
    /// Adds the sum of a page, and its sign if the page tells it. `tab`: the words of the tab.
    pub(super) fn add_to(
        &'static self,
        part: &mut AccountPart,
        place: Element<'_>,
        tab: Option<&str>,
    ) -> Result<(), Failure> {
        let panel = self.panel.first(place);
        let element = panel.and_then(|panel| self.sum.first(panel));
        let in_panel = element.map(element_text);
        let in_tab = tab.and_then(in_parentheses);
        let sums = [in_panel.as_deref(), in_tab].map(|words| words.and_then(amount));
        let (sum, around) = match sums {
            [Some(one), Some(other)] if one.abs() != other.abs() => {
                return Err(Failure::page_changed("two amounts of the fines differ"));
            }
            [Some(sum), _] => (sum, element.and_then(|sum| self.around.closest_around(sum))),
            [None, Some(sum)] => (sum, None),
            [None, None] => return Ok(()),
        };
        let words =
            around.map(|around| element_text_without(around, |part| HEADINGS.matches(part)));
        part.fines = self.signed(sum, &words.unwrap_or_default(), self.debt_sign.is_in(place));
        part.sum_without_sign = part.fines.is_none().then_some(sum);
        let currency_of = |words: Option<&str>| words.and_then(currency);
        part.currency = currency_of(in_panel.as_deref()).or_else(|| currency_of(in_tab));
        Ok(())
    }

    fn signed(&self, sum: Decimal, words: &str, is_debt: bool) -> Option<Decimal> {
        if sum.is_sign_negative() || sum.is_zero() {
            return Some(sum);
        }
        match (
            self.credits.are_in(words),
            is_debt || self.debts.are_in(words),
        ) {
            (true, false) => Some(-sum),
            (false, true) => Some(sum),
            _ => None,
        }
    }
}

/// Returns the text in the last parentheses, which may be full-width (Chinese, Japanese).
pub(super) fn in_parentheses(words: &str) -> Option<&str> {
    let (_, after) = words.rsplit_once(['(', '（'])?;
    let (inner, _) = after.split_once([')', '）'])?;
    Some(inner.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    static BALANCE: Balance = Balance {
        panel: Css::new("#fines"),
        sum: Css::new("a"),
        around: Css::new("#fines, tr"),
        tab: "fines",
        debt_sign: Css::new("#blocked"),
        debts: Stems("charge, gebühr, штраф, 罚"),
        credits: Stems("credit, guthaben"),
    };

    #[rstest]
    #[case("Charges", Some("5.00"))]
    #[case("Gebühren", Some("5.00"))]
    #[case("Credits. You have a credit of:", Some("-5.00"))]
    #[case("Guthaben", Some("-5.00"))]
    #[case("Штрафы", Some("5.00"))]
    #[case("罚款", Some("5.00"))]
    #[case("Xyzzy", None)]
    #[case("Credits and charges", None)]
    fn word_decides_between_debt_and_credit(#[case] words: &str, #[case] expected: Option<&str>) {
        let sum = BALANCE.signed(Decimal::new(500, 2), words, false);
        assert_eq!(sum.map(|sum| sum.to_string()).as_deref(), expected);
    }

    #[test]
    fn blocked_patron_owes_the_amount_in_any_language() {
        let sum = Decimal::new(500, 2);
        assert_eq!(BALANCE.signed(sum, "Xyzzy", true), Some(sum));
        assert_eq!(BALANCE.signed(sum, "Credits", true), None);
    }

    #[test]
    fn negative_amount_is_a_credit_whatever_the_word() {
        let sum = Decimal::new(-500, 2);
        assert_eq!(BALANCE.signed(sum, "Charges", false), Some(sum));
    }
}
