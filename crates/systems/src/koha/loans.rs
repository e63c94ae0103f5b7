//! Reads the rows of the list of loans.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, element_text, element_text_without, non_empty_text, tidy, work_id,
};
use hippo_core::account::Loan;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::table::{Row, has_class, with_volume};

/// The elements that offer a renewal; never followed, never sent.
static RENEWAL: Css = Css::new(
    "input[type=checkbox], input[name=item], input[name=issue], a[href*='opac-renew.pl'], a[data-action*='opac-renew.pl']",
);
static AUTHOR: Css = Css::new(".item-details");
static KIND: Css = Css::new(".itypetext");
/// Remarks beside a loan: a recall, in-house use only, the cost of a renewal,
/// an automatic renewal.
static REMARKS: Css =
    Css::new("td.title > i, td.title > em, .renewalfee, td.renew .automatic-renewal");
static AUTOMATIC_RENEWAL: Css = Css::new(".automatic-renewal");
/// The elements in which newer pages refuse a renewal without giving a reason.
static BARE_REFUSAL: Css = Css::new(".no-renew-too-many, .no-renew-too-late");

/// The same refusals as words in Koha's languages. They are no reason, because the notice says the same.
pub(super) const BARE_REFUSALS: [&str; 8] = [
    "not renewable",
    "no longer renewable",
    "renewal not allowed",
    "nicht verlängerbar",
    "nicht mehr verlängerbar",
    "non renouvelable",
    "no renovable",
    "non rinnovabile",
];

/// Older pages' words for an automatic renewal.
pub(super) const AUTOMATIC_RENEWALS: [&str; 6] = [
    "automatic renewal",
    "automatische verlängerung",
    "renouvellement automatique",
    "renovación automática",
    "rinnovo automatico",
    "automatisk fornyelse",
];

/// Reads a loan from its row.
pub(super) fn read_loan(
    row: &Row<'_>,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<Loan, Failure> {
    let work = row.read_work(context.base_url)?;
    let due = dates
        .date_or_never_of_cell(row.require_cell("date_due")?)?
        .ok_or_else(|| Failure::page_changed("a loan without a due date"))?
        .date();
    let author = row
        .cell("author")
        .or_else(|| AUTHOR.first(row.cell("title")?))
        .map(|cell| tidy(&element_text(cell)))
        .filter(|author| !author.is_empty());
    let title = with_volume(work.title, &work.text_after_title);
    let (renewable, renewable_reason) = row.cell("renew").map_or((None, None), renewable);
    let in_words = row
        .cell("renew")
        .map(text_without_count)
        .filter(|words| is_automatic_renewal(words));
    let note: Vec<String> = REMARKS
        .all(row.element)
        .map(element_text)
        .chain(in_words)
        .filter(|words| !words.is_empty())
        .collect();
    let id = row
        .direct_text("barcode")
        .or(work.record)
        .unwrap_or_else(|| work_id(&title, author.as_deref()));
    Ok(Loan {
        id,
        title,
        author,
        due,
        // The page counts the remaining renewals, and a library may change how many there are.
        renewals: None,
        renewable,
        renewable_reason,
        digital: false,
        format: row
            .cell("itype")
            .and_then(|cell| KIND.first(cell))
            .and_then(non_empty_text)
            .or_else(|| row.direct_text("itype")),
        note: Some(note.join(" ")).filter(|note| !note.is_empty()),
        url: work.url,
    })
}

/// Words that offer a renewal. Without the link or box of an offer, they state nothing.
const OFFERS: [&str; 6] = [
    "renew",
    "verlängern",
    "renouveler",
    "renovar",
    "rinnova",
    "rinnovare",
];

fn is_offer(words: &str) -> bool {
    let before_count = words.split('(').next().unwrap_or_default();
    OFFERS.contains(&before_count.trim().to_lowercase().as_str())
}

/// Returns whether the site offers a renewal, and its reason against one. An empty cell and an automatic renewal state
/// neither.
///
/// A patron who may renew nothing sees no checkbox, but still the cost of a renewal and how many
/// remain; neither is a reason.
fn renewable(cell: ElementRef<'_>) -> (Option<bool>, Option<String>) {
    if RENEWAL.is_in(cell) {
        return (Some(true), None);
    }
    if element_text(cell).is_empty() {
        return (None, None);
    }
    let text = element_text_without(cell, is_remark);
    let words = text_without_count(cell);
    if is_automatic_renewal(&words) || is_offer(&words) {
        return (None, None);
    }
    if words.is_empty() || is_in_parentheses(&words) {
        let is_refused = !AUTOMATIC_RENEWAL.is_in(cell);
        // Text without a number is no count: the oldest pages have only the reason there.
        let reason = text.trim_matches(['(', ')', '（', '）']).trim();
        let is_reason = !reason.is_empty() && !reason.chars().any(char::is_numeric);
        return (
            is_refused.then_some(false),
            (is_refused && is_reason).then(|| reason.to_owned()),
        );
    }
    let is_bare = BARE_REFUSAL
        .first(cell)
        .is_some_and(|refusal| element_text(refusal) == text)
        || is_one_of(&BARE_REFUSALS, &text);
    (Some(false), (!is_bare).then_some(text))
}

/// Returns the text of a renewal cell without the remaining count.
fn text_without_count(cell: ElementRef<'_>) -> String {
    element_text_without(cell, |element| is_remark(element) || is_count(element))
}

/// Whether a renewal cell states an automatic renewal, perhaps with a count.
fn is_automatic_renewal(words: &str) -> bool {
    let before = words.split(['(', '（']).next().unwrap_or_default();
    is_one_of(&AUTOMATIC_RENEWALS, before.trim())
}

fn is_one_of(known: &[&str], words: &str) -> bool {
    known.contains(&words.trim_end_matches('.').to_lowercase().as_str())
}

/// Whether an element is a remark: the cost of a renewal, as a label (older) or badge (newer), or an automatic renewal.
fn is_remark(element: ElementRef<'_>) -> bool {
    let classes = ["renewalfee", "label", "badge", "automatic-renewal"];
    classes.iter().any(|class| has_class(element, class))
}

/// Whether an element is the count of remaining renewals, or what follows a reason.
fn is_count(element: ElementRef<'_>) -> bool {
    has_class(element, "renewals")
}

fn is_in_parentheses(words: &str) -> bool {
    words.starts_with(['(', '（']) && words.ends_with([')', '）'])
}
