//! Reads the patron's debt or credit.

use hippo_browser::reading::{Css, amount, currency, element_text, element_text_without};
use hippo_core::failure::Failure;
use rust_decimal::Decimal;
use scraper::ElementRef;

use super::tabs::Tab;

static SUM: Css = Css::new("a[href*='opac-account.pl']");
static HEADINGS: Css = Css::new("h1, h2, h3, h4, h5, h6, legend, caption, thead");
static TOTALS: Css = Css::new("#finestable tfoot td.sum");
static CREDIT: Css = Css::new("#finestable tfoot td.credit");

/// Stems of words that mark an amount as a credit. Koha prints debts and credits in the same
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

/// Stems of words that mark an amount as a debt.
pub(super) const CHARGES: [&str; 52] = [
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
    "zadłuż",
    "należno",
    "dugov",
    "dužni",
    "zadužen",
    "ŝuld",
    "gjob",
    "detyrim",
    "جریمه",
    "بدهی",
    "जुर्मान",
    "शुल्क",
    "벌금",
    "տուգանք",
];

/// A summary's debt or credit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Balance {
    /// The debt, negative for a credit; `None` if unknown.
    pub(super) fines: Option<Decimal>,
    /// An amount that may be a debt or a credit.
    pub(super) sum_without_sign: Option<Decimal>,
    /// The ISO 4217 code of the amount's currency, if the page names it.
    pub(super) currency: Option<&'static str>,
}

/// Reads the balance from the summary's tab and the panel below it; both must agree.
///
/// A patron who is blocked for an amount owes it; else the caption beside the amount must tell a debt from a credit.
/// The tab's label and the panel's heading can't: in some languages they are the same word for both.
pub(super) fn read_summary(
    panel: Option<ElementRef<'_>>,
    tab: Option<&Tab>,
    is_blocked_for_it: bool,
) -> Result<Balance, Failure> {
    let in_tab = tab.and_then(Tab::bracketed);
    let link = panel.and_then(|panel| SUM.first(panel));
    let in_panel = link.map(element_text);
    let sums = [in_panel.as_deref(), in_tab].map(|words| words.and_then(sum));
    if let [Some(one), Some(other)] = sums
        && one.abs() != other.abs()
    {
        return Err(Failure::page_changed("two amounts of the fines differ"));
    }
    let [in_panel_sum, in_tab_sum] = sums;
    let Some(sum) = in_panel_sum.or(in_tab_sum) else {
        return Ok(Balance::default());
    };
    let caption = match (panel, link.filter(|_| in_panel_sum.is_some())) {
        (Some(panel), Some(link)) => caption(panel, link),
        _ => String::new(),
    };
    let fines = signed(sum, &caption, is_blocked_for_it);
    Ok(Balance {
        fines,
        sum_without_sign: fines.is_none().then_some(sum),
        currency: in_panel
            .as_deref()
            .and_then(currency)
            .or_else(|| in_tab.and_then(currency)),
    })
}

/// Returns the text beside an amount: of its row, or of the panel without its headings.
fn caption(panel: ElementRef<'_>, link: ElementRef<'_>) -> String {
    let row = link
        .ancestors()
        .take_while(|node| node.id() != panel.id())
        .filter_map(ElementRef::wrap)
        .find(|element| element.value().name() == "tr");
    match row {
        Some(row) => element_text(row),
        None => element_text_without(panel, |part| HEADINGS.matches(part)),
    }
}

/// Returns the message to the family about an amount that may be a debt or a credit.
pub(super) fn message_without_sign(sum: Decimal) -> String {
    format!("Fines or credit: {sum:.2}, see the library's page.")
}

/// Reads the balance from the page of all charges, where a credit has its sign. With debts and
/// credits, the credits are below the sum of the debts, and the balance is below them.
pub(super) fn read_charges(root: ElementRef<'_>) -> Balance {
    let totals: Vec<ElementRef<'_>> = TOTALS.all(root).collect();
    let cell = match (totals.as_slice(), CREDIT.is_in(root)) {
        ([sum], false) => sum,
        ([_, balance], true) => balance,
        _ => return Balance::default(),
    };
    let words = element_text(*cell);
    Balance {
        fines: sum(&words),
        sum_without_sign: None,
        currency: currency(&words),
    }
}

fn signed(sum: Decimal, words: &str, is_debt: bool) -> Option<Decimal> {
    let words = words.to_lowercase();
    let has_any = |stems: &[&str]| stems.iter().any(|stem| words.contains(stem));
    if sum.is_sign_negative() || sum.is_zero() {
        return Some(sum);
    }
    match (has_any(&CREDITS), is_debt || has_any(&CHARGES)) {
        (true, false) => Some(-sum),
        (false, true) => Some(sum),
        _ => None,
    }
}

/// Parses an amount that stands alone: spaces or apostrophes may separate its groups of digits.
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
    fn amount_is_read_in_each_countrys_notation(
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
