//! Reads the rows of the list of holds.

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, find_date, is_ready_now, non_empty_text, numbers, split_date, work_id,
};
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::row::{id_after, read_author, read_title};

static STATUS: Css = Css::new(".holdsStatus");
static PICKUP: Css = Css::new(".holdsPickup");
static LAPSES: Css = Css::new(".holdsDate");
static RANK: Css = Css::new(".holdsRank");
/// The checkbox of a hold that is ready, in any language.
static READY_BOX: Css = Css::new("input.readyHoldsCheckbox");

/// Reads a hold from its row.
pub(super) fn read_hold(row: ElementRef<'_>, context: &ReadContext<'_>) -> Result<Hold, Failure> {
    let title = read_title(row)?;
    let author = read_author(row);
    let words =
        text(&STATUS, row).ok_or_else(|| Failure::page_changed("a hold without a status"))?;
    let Status {
        state,
        pickup_by,
        suspended_until,
        note,
    } = parse_status(&words, READY_BOX.is_in(row), context.date_format)?;
    // The rank of a ready or travelling hold is meaningless.
    let ranks = matches!(state, HoldState::Waiting | HoldState::Suspended)
        .then(|| text(&RANK, row))
        .flatten()
        .map(|rank| numbers(&rank))
        .unwrap_or_default();
    let position = ranks.first().copied().filter(|rank| *rank > 0);
    let queue_length = ranks
        .get(1)
        .copied()
        .filter(|length| position.is_some_and(|position| position <= *length));
    let expires = match text(&LAPSES, row) {
        Some(words) => find_date(&words, context.date_format)?,
        None => None,
    };
    let id = id_after(
        row,
        &["holdTitleLinkDiv_", "holdInitialCover_", "holdItemIdSpan_"],
    )
    .unwrap_or_else(|| work_id(&title, author.as_deref()));
    Ok(Hold {
        id,
        title,
        author,
        state,
        position,
        queue_length,
        pickup_by,
        suspended_until,
        expires,
        pickup_branch: text(&PICKUP, row),
        digital: false,
        note,
        url: None,
    })
}

/// Returns the text of a cell; `None` if the cell is missing or empty.
fn text(css: &'static Css, row: ElementRef<'_>) -> Option<String> {
    css.first(row).and_then(non_empty_text)
}

struct Status {
    state: HoldState,
    pickup_by: Option<NaiveDate>,
    suspended_until: Option<NaiveDate>,
    note: Option<String>,
}

/// The first words of the status of a ready hold.
pub(super) const READY: [&str; 6] = [
    "pickup by",
    "pick up by",
    "ready",
    "available",
    "being held",
    "disponible",
];
pub(super) const SUSPENDED: [&str; 4] = ["suspended", "suspendu", "suspendue", "suspendido"];
pub(super) const IN_TRANSIT: [&str; 4] = ["in transit", "in-transit", "en transit", "en tránsito"];
pub(super) const WAITING: [&str; 6] = [
    "pending",
    "waiting",
    "queued",
    "in process",
    "en attente",
    "pendiente",
];
/// Words before a date that is the last day of something.
pub(super) const UNTIL: [&str; 9] = [
    "by", "until", "till", "through", "before", "avant", "jusqu'au", "hasta", "bis",
];

/// Parses `Pickup by: 4/4/15`, `Suspended`, `In Transit`, `Pending`; anything else is kept as a note.
///
/// A date counts only if the words call it the last day, or if it ends a range of days:
/// `Ready since 4/4/15` is another day.
fn parse_status(words: &str, has_ready_box: bool, format: Option<&str>) -> Result<Status, Failure> {
    let lower = words.to_lowercase().replace('\u{2019}', "'");
    let begins = |known: &[&str]| known.iter().any(|known| starts_with_words(&lower, known));
    let mut status = Status {
        state: HoldState::Other,
        pickup_by: None,
        suspended_until: None,
        note: None,
    };
    let note = || Some(words.to_owned());
    if READY.iter().any(|known| starts_with_now(&lower, known)) {
        status.state = HoldState::Ready;
    } else if begins(&SUSPENDED) {
        status.state = HoldState::Suspended;
    } else if begins(&IN_TRANSIT) {
        status.state = HoldState::InTransit;
    } else if begins(&WAITING) {
        status.state = HoldState::Waiting;
    } else {
        status.note = note();
        if has_ready_box {
            status.state = HoldState::Ready;
        }
    }
    if matches!(status.state, HoldState::Ready | HoldState::Suspended) {
        let last = match split_date(&lower, format)? {
            None => return Ok(status),
            Some((first, rest)) => last_day(&lower, first, &rest, format),
        };
        match (last, status.state) {
            (None, _) => status.note = note(),
            (last, HoldState::Ready) => status.pickup_by = last,
            (last, _) => status.suspended_until = last,
        }
    }
    Ok(status)
}

/// Returns the last of the named days if something ends on it.
fn last_day(words: &str, first: NaiveDate, rest: &str, format: Option<&str>) -> Option<NaiveDate> {
    let before = words.split(|c: char| c.is_ascii_digit()).next()?;
    let is_deadline = before
        .split(|c: char| !c.is_alphabetic() && c != '\'')
        .any(|word| UNTIL.contains(&word));
    if is_deadline {
        return Some(first);
    }
    let second = find_date(rest, format).ok()??;
    (second > first).then_some(second)
}

/// Whether a text begins with these words and they describe the present.
fn starts_with_now(text: &str, words: &str) -> bool {
    starts_with_words(text, words)
        && text
            .strip_prefix(words)
            .is_some_and(|after| is_ready_now("", after))
}

/// Whether a text begins with these words, and not with longer ones.
fn starts_with_words(text: &str, words: &str) -> bool {
    text.strip_prefix(words)
        .is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Pickup by: 4/4/15", HoldState::Ready)]
    #[case("Available", HoldState::Ready)]
    #[case("Suspended", HoldState::Suspended)]
    #[case("Suspended until 4/4/15", HoldState::Suspended)]
    #[case("In Transit", HoldState::InTransit)]
    #[case("Pending", HoldState::Waiting)]
    #[case("Disponible jusqu\u{2019}au 4/4/15", HoldState::Ready)]
    #[case("En transit", HoldState::InTransit)]
    #[case("Availability unknown", HoldState::Other)]
    #[case("Cancelled", HoldState::Other)]
    #[case("Available soon", HoldState::Other)]
    #[case("Ready when it arrives", HoldState::Other)]
    #[case("Disponible bientôt", HoldState::Other)]
    #[case("Being held elsewhere", HoldState::Other)]
    fn status_has_its_state(#[case] words: &str, #[case] state: HoldState) {
        let status = parse_status(words, false, Some("%m/%d/%y")).unwrap();
        assert_eq!(status.state, state);
        assert_eq!(status.note.is_some(), state == HoldState::Other);
        let day: Option<NaiveDate> = words.contains('4').then(|| "2015-04-04".parse().unwrap());
        assert_eq!(status.pickup_by.or(status.suspended_until), day);
    }

    #[rstest]
    #[case("Ready since 3/27/15", None)]
    #[case("Available 3/27/15", None)]
    #[case("Ready for pickup until 4/4/15", Some("2015-04-04"))]
    #[case("Ready since 3/27/15, until 4/4/15", Some("2015-04-04"))]
    #[case("Suspended from 3/27/15 to 4/4/15", Some("2015-04-04"))]
    #[case("Suspended 3/27/15 - 4/4/15", Some("2015-04-04"))]
    #[case("Suspended until 4/4/15 (since 3/27/15)", Some("2015-04-04"))]
    #[case("Suspended since 3/27/15", None)]
    fn only_a_last_day_is_a_deadline(#[case] words: &str, #[case] day: Option<&str>) {
        let status = parse_status(words, false, Some("%m/%d/%y")).unwrap();
        let last = status.pickup_by.or(status.suspended_until);
        assert_eq!(last, day.map(|day| day.parse().unwrap()));
        assert_eq!(status.note.is_some(), day.is_none());
    }

    #[rstest]
    #[case(true, HoldState::Ready)]
    #[case(false, HoldState::Other)]
    fn ready_checkbox_decides_in_any_language(
        #[case] has_ready_box: bool,
        #[case] state: HoldState,
    ) {
        let status = parse_status("Noutettavissa", has_ready_box, None).unwrap();
        assert_eq!(status.state, state);
        assert_eq!(status.note.as_deref(), Some("Noutettavissa"));
        assert_eq!(status.pickup_by, None);
    }
}
