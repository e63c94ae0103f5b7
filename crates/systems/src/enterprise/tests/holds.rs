//! The words for the states of holds.

use hippo_core::account::{Hold, HoldState};
use rstest::rstest;

use super::{holds, read_with};

#[rstest]
#[case("Pickup by: 4/4/15", HoldState::Ready)]
#[case("Available", HoldState::Ready)]
#[case("On hold shelf", HoldState::Ready)]
#[case("Held until 4/4/15", HoldState::Ready)]
#[case("Your item is ready", HoldState::Ready)]
#[case("À récupérer avant le 4/4/15", HoldState::Ready)]
#[case("Prêt à emprunter", HoldState::Ready)]
#[case("Prêt en cours", HoldState::Other)]
#[case("Recoger antes del 4/4/15", HoldState::Ready)]
#[case("Listo para recoger", HoldState::Ready)]
#[case("Suspendida", HoldState::Suspended)]
#[case("Suspended", HoldState::Suspended)]
#[case("Suspended until 4/4/15", HoldState::Suspended)]
#[case("In Transit", HoldState::InTransit)]
#[case("Pending", HoldState::Waiting)]
#[case("Disponible jusqu\u{2019}au 4/4/15", HoldState::Ready)]
#[case("En transit", HoldState::InTransit)]
#[case("Availability unknown", HoldState::Other)]
#[case("Cancelled", HoldState::Other)]
#[case("Not available", HoldState::Other)]
#[case("Available soon", HoldState::Other)]
#[case("Ready when it arrives", HoldState::Other)]
#[case("Disponible bientôt", HoldState::Other)]
#[case("Being held elsewhere", HoldState::Other)]
fn status_begins_with_words_for_its_state(#[case] words: &str, #[case] state: HoldState) {
    let hold = only_hold(&holds(words), Some("%m/%d/%y"));
    assert_eq!(hold.state, state);
    assert_eq!(hold.note.is_some(), state == HoldState::Other);
    let day = words.contains('4').then(|| "2015-04-04".parse().unwrap());
    assert_eq!(hold.pickup_by.or(hold.suspended_until), day);
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
    let hold = only_hold(&holds(words), Some("%m/%d/%y"));
    let last = hold.pickup_by.or(hold.suspended_until);
    assert_eq!(last, day.map(|day| day.parse().unwrap()));
    assert_eq!(hold.note.is_some(), day.is_none());
}

#[rstest]
#[case("<input class=readyHoldsCheckbox type=checkbox>", HoldState::Ready)]
#[case(
    "<img title='Ready since 1/23/27' src='/images/green!.png'>",
    HoldState::Ready
)]
#[case("<img src='/images/red.png'>", HoldState::Other)]
#[case("<input type=checkbox>", HoldState::Other)]
fn ready_mark_decides_in_any_language(#[case] mark: &str, #[case] state: HoldState) {
    let page = holds("Noutettavissa").replace("12/31/27", "NEVER");
    let page = page.replace(
        "<td class=\"holdsAlert\">",
        &format!("<td class=\"holdsAlert\">{mark}"),
    );
    let hold = only_hold(&page, None);
    assert_eq!(hold.state, state);
    assert_eq!(hold.note.as_deref(), Some("Noutettavissa"));
    assert_eq!(hold.pickup_by, None);
}

fn only_hold(page: &str, date_format: Option<&str>) -> Hold {
    let mut holds = read_with(&[page], date_format).unwrap().holds.unwrap();
    assert_eq!(holds.len(), 1);
    holds.remove(0)
}
