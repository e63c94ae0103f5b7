//! What the patron owes, or has to their credit.

use hippo_core::failure::Failure;
use rust_decimal::Decimal;
use scraper::ElementRef;

use super::tabs::Tab;
use crate::reading::{Css, amount, element_text};

static SUM: Css = Css::new("a[href*='opac-account.pl']");
static TOTALS: Css = Css::new("#finestable tfoot td.sum");
static CREDIT: Css = Css::new("#finestable tfoot td.credit");

/// Stems by which a sum is known as the library's debt. Koha prints debts and credits in the same
/// place and without a sign; only the word differs.
pub(super) const CREDITS: [&str; 22] = [
    "credit",
    "crédit",
    "crèdit",
    "guthaben",
    "gutschrift",
    "tegoed",
    "kredit",
    "tillgod",
    "tilgod",
    "hyvity",
    "saldo a favor",
    "přeplat",
    "nadpłat",
    "alacak",
    "jóváír",
    "кредит",
    "переплат",
    "πίστωσ",
    "رصيد",
    "信用",
    "クレジット",
    "크레딧",
];

/// Stems by which a sum is known as the patron's debt.
pub(super) const CHARGES: [&str; 38] = [
    "fine",
    "charge",
    "fee",
    "gebühr",
    "mahn",
    "amende",
    "frais",
    "multa",
    "multe",
    "cargo",
    "sanci",
    "debe",
    "adeud",
    "deuda",
    "dívida",
    "boete",
    "kosten",
    "avgift",
    "gebyr",
    "bøde",
    "maksu",
    "poplat",
    "opłat",
    "addebit",
    "ceza",
    "ücret",
    "bírság",
    "díj",
    "штраф",
    "задолж",
    "πρόστιμ",
    "χρεώσ",
    "غرام",
    "رسوم",
    "罚",
    "罰",
    "费用",
    "費用",
];

/// What the summary says: in its tab, and in the panel below it; both must agree.
///
/// `None` where the site shows neither, and where nothing tells a debt from a credit: who is blocked for what
/// they owe owes it, else a word beside the sum must. The tab's word is the same for both in some languages: it
/// counts only where there is no panel.
pub(super) fn of_summary(
    panel: Option<ElementRef<'_>>,
    tab: Option<&Tab>,
    is_blocked_for_it: bool,
) -> Result<Option<Decimal>, Failure> {
    let in_tab = tab.and_then(Tab::bracketed).and_then(sum);
    let in_panel = panel
        .and_then(|panel| SUM.first(panel))
        .and_then(|link| sum(&element_text(link)));
    if let (Some(one), Some(other)) = (in_tab, in_panel)
        && one.abs() != other.abs()
    {
        return Err(Failure::page_changed("two sums of the fines differ"));
    }
    let Some(sum) = in_panel.or(in_tab) else {
        return Ok(None);
    };
    let words = match panel.filter(|_| in_panel.is_some()) {
        Some(panel) => element_text(panel),
        None => tab.map(|tab| tab.words.clone()).unwrap_or_default(),
    };
    Ok(signed(sum, &words, is_blocked_for_it))
}

/// What the page of all charges says below them: a credit has its sign there. Where the patron has debts and
/// credits, these stand below the sum of the debts, and the balance below them.
pub(super) fn of_charges(root: ElementRef<'_>) -> Option<Decimal> {
    let totals: Vec<ElementRef<'_>> = TOTALS.all(root).collect();
    let cell = match (totals.as_slice(), CREDIT.is_in(root)) {
        ([sum], false) => sum,
        ([_, balance], true) => balance,
        _ => return None,
    };
    sum(&element_text(*cell))
}

fn signed(sum: Decimal, words: &str, is_debt: bool) -> Option<Decimal> {
    let words = words.to_lowercase();
    let says = |stems: &[&str]| stems.iter().any(|stem| words.contains(stem));
    if sum.is_sign_negative() || sum.is_zero() {
        return Some(sum);
    }
    match (says(&CREDITS), is_debt || says(&CHARGES)) {
        (true, false) => Some(-sum),
        (false, true) => Some(sum),
        _ => None,
    }
}

/// A sum that stands alone: groups of digits may be parted by spaces or apostrophes too.
fn sum(words: &str) -> Option<Decimal> {
    let joined: String = words
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '’'))
        .collect();
    amount(&joined)
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
    fn a_sum_is_read_as_each_country_writes_it(
        #[case] words: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(sum(words).map(|sum| sum.to_string()).as_deref(), expected);
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
    fn a_word_tells_a_debt_from_a_credit(#[case] words: &str, #[case] expected: Option<&str>) {
        let sum = signed(Decimal::new(500, 2), words, false);
        assert_eq!(sum.map(|sum| sum.to_string()).as_deref(), expected);
    }

    #[test]
    fn who_is_blocked_for_a_sum_owes_it_in_any_language() {
        let sum = Decimal::new(500, 2);
        assert_eq!(signed(sum, "Xyzzy", true), Some(sum));
        assert_eq!(signed(sum, "Credits", true), None);
    }

    #[test]
    fn a_sum_below_zero_is_a_credit_whatever_the_word() {
        let sum = Decimal::new(-500, 2);
        assert_eq!(signed(sum, "Fines", false), Some(sum));
    }
}
