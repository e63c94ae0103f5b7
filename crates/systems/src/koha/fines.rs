//! What the patron owes, or has to their credit.

use hippo_browser::reading::{Css, amount, currency, element_text, element_text_without};
use hippo_core::failure::Failure;
use rust_decimal::Decimal;
use scraper::ElementRef;

use super::tabs::Tab;

static SUM: Css = Css::new("a[href*='opac-account.pl']");
static HEADINGS: Css = Css::new("h1, h2, h3, h4, h5, h6, legend, caption, thead");
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

/// What a summary says of the patron's debt or credit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Balance {
    /// What is owed, negative for a credit; `None` where nothing tells.
    pub(super) fines: Option<Decimal>,
    /// A sum of which nothing tells whether it is owed or a credit.
    pub(super) sum_without_sign: Option<Decimal>,
    /// The ISO 4217 code of the sum, where the page names it.
    pub(super) currency: Option<&'static str>,
}

/// What the summary says: in its tab, and in the panel below it; both must agree.
///
/// Who is blocked for what they owe owes it; else the caption beside the sum must tell a debt from a credit.
/// Neither the tab's label nor the panel's heading does: in some languages they are the same word for both.
pub(super) fn of_summary(
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
        return Err(Failure::page_changed("two sums of the fines differ"));
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

/// The words beside a sum: those of its row, or of the panel without its headings.
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

/// What the family is told of a sum of which nothing tells whether it is owed or a credit.
pub(super) fn message_without_sign(sum: Decimal) -> String {
    format!("Fines or credit: {sum:.2}, see the library's page.")
}

/// What the page of all charges says below them: a credit has its sign there. Where the patron has debts and
/// credits, these stand below the sum of the debts, and the balance below them.
pub(super) fn of_charges(root: ElementRef<'_>) -> Balance {
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
