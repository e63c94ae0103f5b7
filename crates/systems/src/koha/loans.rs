//! The rows of the list of loans.

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, element_text, element_text_without, stable_id, tidy};
use hippo_core::account::Loan;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::table::{Row, has_class, with_volume};

/// What offers a renewal; never followed, never sent.
static OFFER: Css = Css::new(
    "input[type=checkbox], input[name=item], input[name=issue], a[href*='opac-renew.pl'], a[data-action*='opac-renew.pl']",
);
static AUTHOR: Css = Css::new(".item-details");
static KIND: Css = Css::new(".itypetext");
/// Words beside a loan: that it was recalled, that it may not leave the house, what a renewal costs,
/// that the library renews it by itself.
static REMARKS: Css =
    Css::new("td.title > i, td.title > em, .renewalfee, td.renew .automatic-renewal");
static RENEWS_ITSELF: Css = Css::new(".automatic-renewal");
/// Where newer pages say of an item that it is not renewed, and no more than that.
static BARELY_REFUSED: Css = Css::new(".no-renew-too-many, .no-renew-too-late");

/// The same in words, in languages of Koha's: no reason, and the notice says it itself.
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

/// What older pages say, in words alone, of an item that the library renews by itself.
pub(super) const SELF_RENEWALS: [&str; 6] = [
    "automatic renewal",
    "automatische verlängerung",
    "renouvellement automatique",
    "renovación automática",
    "rinnovo automatico",
    "automatisk fornyelse",
];

/// A loan, from its row.
pub(super) fn loan(
    row: &Row<'_>,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<Loan, Failure> {
    let work = row.work(context.base_url)?;
    let due = dates
        .day_of_cell(row.must_cell("date_due")?)?
        .ok_or_else(|| Failure::page_changed("a loan without a due date"))?
        .date();
    let author = row
        .cell("author")
        .or_else(|| AUTHOR.first(row.cell("title")?))
        .map(|cell| tidy(&element_text(cell)))
        .filter(|author| !author.is_empty());
    let title = with_volume(work.title, &work.beside);
    let (renewable, renewable_reason) = row.cell("renew").map_or((None, None), renewable);
    let in_words = row
        .cell("renew")
        .map(words_beside_count)
        .filter(|words| renews_itself(words));
    let note: Vec<String> = REMARKS
        .all(row.element)
        .map(element_text)
        .chain(in_words)
        .filter(|words| !words.is_empty())
        .collect();
    let id = row
        .own_words("barcode")
        .or(work.record)
        .unwrap_or_else(|| stable_id(&[&title, author.as_deref().unwrap_or_default()]));
    Ok(Loan {
        id,
        title,
        author,
        due,
        // The page counts what is left, and a library may change how many there are.
        renewals: None,
        renewable,
        renewable_reason,
        digital: false,
        format: row
            .cell("itype")
            .and_then(|cell| KIND.first(cell))
            .map(element_text)
            .filter(|kind| !kind.is_empty())
            .or_else(|| row.own_words("itype")),
        note: Some(note.join(" ")).filter(|note| !note.is_empty()),
        url: work.url,
    })
}

/// Whether the site offers to renew it, and what it says instead; an empty cell says neither, nor
/// does one that says that the library renews it by itself.
///
/// A patron who may renew nothing is shown no box, but what a renewal would cost and how many there
/// are left all the same: neither is a reason.
fn renewable(cell: ElementRef<'_>) -> (Option<bool>, Option<String>) {
    if OFFER.is_in(cell) {
        return (Some(true), None);
    }
    if element_text(cell).is_empty() {
        return (None, None);
    }
    let said = element_text_without(cell, is_remark);
    let words = words_beside_count(cell);
    if renews_itself(&words) {
        return (None, None);
    }
    if words.is_empty() || is_in_parentheses(&words) {
        let is_refused = !RENEWS_ITSELF.is_in(cell);
        // What has no number is no count: the oldest pages have nothing but the reason there.
        let reason = said.trim_matches(['(', ')', '（', '）']).trim();
        let is_reason = !reason.is_empty() && !reason.chars().any(char::is_numeric);
        return (
            is_refused.then_some(false),
            (is_refused && is_reason).then(|| reason.to_owned()),
        );
    }
    let is_bare = BARELY_REFUSED
        .first(cell)
        .is_some_and(|refusal| element_text(refusal) == said)
        || is_one_of(&BARE_REFUSALS, &said);
    (Some(false), (!is_bare).then_some(said))
}

/// What a cell on renewals says, but for how many are left.
fn words_beside_count(cell: ElementRef<'_>) -> String {
    element_text_without(cell, |element| is_remark(element) || is_count(element))
}

/// Whether a cell on renewals says that the library sees to it, and perhaps how often more.
fn renews_itself(words: &str) -> bool {
    let before = words.split(['(', '（']).next().unwrap_or_default();
    is_one_of(&SELF_RENEWALS, before.trim())
}

fn is_one_of(known: &[&str], words: &str) -> bool {
    known.contains(&words.trim_end_matches('.').to_lowercase().as_str())
}

/// What a renewal costs, as a label (older) or badge (newer), and that the library sees to it.
fn is_remark(element: ElementRef<'_>) -> bool {
    let classes = ["renewalfee", "label", "badge", "automatic-renewal"];
    classes.iter().any(|class| has_class(element, class))
}

/// How many renewals are left; also what stands after a reason.
fn is_count(element: ElementRef<'_>) -> bool {
    has_class(element, "renewals")
}

fn is_in_parentheses(words: &str) -> bool {
    words.starts_with(['(', '（']) && words.ends_with([')', '）'])
}
