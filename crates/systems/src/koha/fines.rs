//! Reads the patron's debt or credit.

use hippo_browser::reading::{Css, amount, currency, element_text, element_text_without};
use hippo_core::failure::Failure;
use rust_decimal::Decimal;
use scraper::ElementRef;

use super::phrases::{CHARGES, CREDITS};
use super::summary::{Summary, in_parentheses};
use crate::list_reader::AccountPart;

static ROW: Css = Css::new("tr");
static SUM: Css = Css::new("a[href*='opac-account.pl']");
static HEADINGS: Css = Css::new("h1, h2, h3, h4, h5, h6, legend, caption, thead");
static TOTALS: Css = Css::new("#finestable tfoot td.sum");
static CREDIT: Css = Css::new("#finestable tfoot td.credit");

/// Reads the balance from the summary's tab and the panel below it; both must agree.
///
/// A patron who is blocked for an amount owes it; else the caption beside the amount must tell a debt from a credit.
/// The tab's label and the panel's heading can't: in some languages they are the same word for both.
pub(super) fn read_summary(part: &mut AccountPart, summary: &Summary<'_>) -> Result<(), Failure> {
    let panel = summary.find(&["opac-user-fines", "opac-user-fines_panel"]);
    let link = panel.and_then(|panel| SUM.first(panel));
    let in_panel = link.map(element_text);
    let in_tab = summary.tab("fines").and_then(in_parentheses);
    let sums = [in_panel.as_deref(), in_tab].map(|words| words.and_then(amount));
    let (sum, caption) = match (sums, panel, link) {
        ([Some(one), Some(other)], ..) if one.abs() != other.abs() => {
            return Err(Failure::page_changed("two amounts of the fines differ"));
        }
        ([Some(sum), _], Some(panel), Some(link)) => (sum, caption(panel, link)),
        ([_, Some(sum)], ..) => (sum, String::new()),
        _ => return Ok(()),
    };
    let is_blocked_for_it = summary.find(&["blockedonfines"]).is_some();
    part.fines = signed(sum, &caption, is_blocked_for_it);
    part.sum_without_sign = part.fines.is_none().then_some(sum);
    part.currency = in_panel
        .as_deref()
        .and_then(currency)
        .or_else(|| in_tab.and_then(currency));
    Ok(())
}

/// Returns the text beside an amount: of its row, or of the panel without its headings.
fn caption(panel: ElementRef<'_>, link: ElementRef<'_>) -> String {
    let within = link.ancestors().take_while(|node| node.id() != panel.id());
    let mut rows = within.filter_map(ElementRef::wrap);
    match rows.find(|element| ROW.matches(*element)) {
        Some(row) => element_text(row),
        None => element_text_without(panel, |part| HEADINGS.matches(part)),
    }
}

/// Reads the balance from the page of all charges, where a credit has its sign. With debts and
/// credits, the credits are below the sum of the debts, and the balance is below them.
pub(super) fn read_charges(part: &mut AccountPart, root: ElementRef<'_>) {
    let totals: Vec<ElementRef<'_>> = TOTALS.all(root).collect();
    let cell = match (totals.as_slice(), CREDIT.is_in(root)) {
        ([sum], false) => sum,
        ([_, balance], true) => balance,
        _ => return,
    };
    let words = element_text(*cell);
    part.fines = amount(&words);
    part.currency = currency(&words);
}

fn signed(sum: Decimal, words: &str, is_debt: bool) -> Option<Decimal> {
    if sum.is_sign_negative() || sum.is_zero() {
        return Some(sum);
    }
    match (CREDITS.are_in(words), is_debt || CHARGES.are_in(words)) {
        (true, false) => Some(-sum),
        (false, true) => Some(sum),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("17.00", Some("17.00"))]
    #[case("1,204.50", Some("1204.50"))]
    #[case("1.204,50", Some("1204.50"))]
    #[case("1 204,50 €", Some("1204.50"))]
    #[case("1\u{202f}204,50", Some("1204.50"))]
    #[case("CHF 1’204.50", Some("1204.50"))]
    #[case("-5,00", Some("-5.00"))]
    #[case("17", None)]
    #[case("", None)]
    fn amount_is_read_in_each_countrys_notation(
        #[case] words: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(
            amount(words).map(|sum| sum.to_string()).as_deref(),
            expected
        );
    }

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
        let sum = signed(Decimal::new(500, 2), words, false);
        assert_eq!(sum.map(|sum| sum.to_string()).as_deref(), expected);
    }

    #[test]
    fn blocked_patron_owes_the_amount_in_any_language() {
        let sum = Decimal::new(500, 2);
        assert_eq!(signed(sum, "Xyzzy", true), Some(sum));
        assert_eq!(signed(sum, "Credits", true), None);
    }

    #[test]
    fn negative_amount_is_a_credit_whatever_the_word() {
        let sum = Decimal::new(-500, 2);
        assert_eq!(signed(sum, "Fines", false), Some(sum));
    }
}
