//! Holds in an unknown state, and ready holds that nobody picked up.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use hippo_core::account::{Hold, HoldState};
use hippo_core::clock::local_date;
use hippo_core::failure::FailureKind;
use hippo_core::notice::attention::{Attention, AttentionKind, News};
use hippo_core::notice::digest::Occasion;
use hippo_core::notice::{Composed, NoticeCard};
use proptest::prelude::*;
use rstest::rstest;

use crate::notice::fixture::*;
use crate::notice::snapshots::keep;

const TITLE: &str = "The Otter Who Could Count";

fn unknown(note: &str) -> Hold {
    Hold {
        note: Some(note.into()).filter(|note: &String| !note.is_empty()),
        ..hold(TITLE, "Lindqvist, Eva", HoldState::Other)
    }
}

fn with_holds(holds: impl IntoIterator<Item = Hold>) -> Case {
    let holds = holds.into_iter().collect();
    Case::from_cards([card(1, "Ada", millbrook(), account(vec![], holds))])
}

fn holds_of(case: &mut Case) -> &mut Option<Vec<Hold>> {
    &mut case.cards[0].stored.as_mut().unwrap().account.holds
}

/// The titles of the missed holds in a notice.
fn missed(composed: &Composed) -> Vec<&str> {
    let kind = |item: &Attention| matches!(item.kind, AttentionKind::MissedHold { .. });
    titles(composed, kind)
}

/// The titles of the holds whose state a notice quotes from the library.
fn in_unknown_words(composed: &Composed) -> Vec<&str> {
    let kind = |item: &Attention| matches!(item.kind, AttentionKind::UnknownHold { .. });
    titles(composed, kind)
}

fn titles(composed: &Composed, is_wanted: fn(&Attention) -> bool) -> Vec<&str> {
    let items = composed.digest.attention.iter();
    items
        .filter(|item| is_wanted(item))
        .filter_map(|item| match &item.kind {
            AttentionKind::UnknownHold { hold } | AttentionKind::MissedHold { hold, .. } => {
                Some(hold.title.as_str())
            }
            _ => None,
        })
        .collect()
}

/// Composes a notice on each of these days; every mail is sent.
fn days(case: &Case, days: i64) -> Vec<Composed> {
    let mut case = case.clone();
    let mut composed = Vec::new();
    for _ in 0..days {
        let today = case.compose();
        if today.mail.is_some() {
            case.last_notice = Some(today.last_notice.clone());
        }
        composed.push(today);
        case = case.days_later(1);
    }
    composed
}

/// The days, from 0, on which a mail went out.
fn days_with_mail(composed: &[Composed]) -> Vec<usize> {
    let days = composed.iter().enumerate();
    days.filter_map(|(day, composed)| composed.mail.as_ref().map(|_| day))
        .collect()
}

#[test]
fn hold_in_unknown_state_is_mailed_when_new_and_weekly() {
    let case = with_holds([Hold {
        pickup_by: Some(in_days(4)),
        position: Some(1),
        ..unknown("Available")
    }]);
    let composed = days(&case, 20);
    keep("unknown_hold", &composed[0]);
    assert_eq!(days_with_mail(&composed), [0, 7, 14]);
    let mail = composed[7].mail.as_ref().unwrap();
    assert_eq!(mail.subject, "Please check one hold");
    assert!(mail.text.contains("The library says: Available"));
    assert!(mail.html.contains("The library says: Available"));
    assert!(mail.text.contains("A hold may be ready for you."));
}

#[test]
fn changed_hold_text_is_mailed_at_once() {
    let mut case = with_holds([unknown("Available soon")]);
    case.last_notice = Some(case.compose().last_notice);
    let mut changed = case.days_later(1);
    assert_eq!(changed.subject(), "no mail");
    *holds_of(&mut changed) = Some(vec![unknown("Available")]);
    let composed = changed.compose();
    assert_eq!(composed.digest.attention[0].news, News::Changed);
    assert_eq!(composed.digest.occasion, Some(Occasion::Attention));
    let again = changed.clone().after(composed.last_notice).days_later(1);
    assert_eq!(again.subject(), "no mail");
}

#[test]
fn hold_in_unknown_state_is_listed_in_every_mail() {
    let case = with_holds([
        unknown("Available"),
        ready("A Short History of Fog", "Walsh, Aoife", 2),
    ]);
    for composed in &days(&case, 3) {
        assert_eq!(in_unknown_words(composed), [TITLE]);
        let mail = composed.mail.as_ref().unwrap();
        assert!(mail.text.contains("The library says: Available"));
        assert_eq!(mail.text.matches(TITLE).count(), 1, "{}", mail.text);
    }
}

#[test]
fn hold_without_text_is_reported() {
    let mail = with_holds([unknown("")]).compose().mail.unwrap();
    assert!(mail.text.contains("doesn’t say whether it’s ready"));
}

#[rstest]
#[case(HoldState::InTransit)]
#[case(HoldState::Waiting)]
#[case(HoldState::Suspended)]
fn known_state_of_a_hold_needs_no_attention(#[case] state: HoldState) {
    let case = with_holds([hold(TITLE, "", state)]);
    assert_eq!(case.compose().digest.attention, []);
    assert_eq!(case.subject(), "no mail");
}

#[test]
fn unknown_text_is_not_news_after_a_day_without_holds() {
    let mut case = with_holds([unknown("Available"), ready("Fog", "", -1)]);
    case.last_notice = Some(case.compose().last_notice);
    let mut silent = case.clone().days_later(1);
    *holds_of(&mut silent) = None;
    let last = silent.compose().last_notice;
    let next = case.days_later(2).after(last);
    assert_eq!(next.subject(), "no mail");
}

#[test]
fn expired_ready_hold_is_mailed_exactly_once() {
    let case = with_holds([ready(TITLE, "Lindqvist, Eva", 1)]);
    let composed = days(&case, 22);
    // Mailed the day before its last day, on it and the day after, then never again.
    assert_eq!(days_with_mail(&composed), [0, 1, 2]);
    let subjects: Vec<&str> = composed
        .iter()
        .filter_map(|composed| Some(composed.mail.as_ref()?.subject.as_str()))
        .collect();
    assert_eq!(
        subjects,
        [
            "1 hold to pick up",
            "1 hold to pick up",
            "One hold is past its last day"
        ]
    );
    keep("missed_hold", &composed[2]);
    let mail = composed[2].mail.as_ref().unwrap();
    assert!(mail.text.contains("wasn’t picked up by Sunday, Nov 22"));
    assert!(mail.html.contains("wasn’t picked up by Sunday, Nov 22"));
    assert!(composed[3..].iter().all(|day| missed(day).is_empty()));
}

#[test]
fn missed_hold_is_not_listed_again() {
    let mut case = with_holds([ready(TITLE, "", -3)]);
    let due = loan("How Bridges Stand Up", "Tanaka, Yuki", 3);
    case.cards[0].stored.as_mut().unwrap().account.loans = Some(vec![due]);
    let composed = days(&case, 20);
    assert_eq!(days_with_mail(&composed).len(), 20);
    assert_eq!(missed(&composed[0]), [TITLE]);
    for later in &composed[1..] {
        assert!(!later.mail.as_ref().unwrap().text.contains(TITLE));
    }
}

#[test]
fn missed_hold_is_reported_until_a_mail_is_sent() {
    let case = with_holds([ready(TITLE, "", -3)]);
    // The first mail couldn't be sent, so the last notice is unchanged.
    let next = case.clone().days_later(1);
    assert_eq!(missed(&next.compose()), [TITLE]);
    assert_eq!(next.compose().digest.occasion, Some(Occasion::Attention));
}

#[test]
fn extended_hold_can_be_missed_again() {
    let mut case = with_holds([ready(TITLE, "", -1)]);
    case.last_notice = Some(case.compose().last_notice);
    let mut longer = case.days_later(1);
    *holds_of(&mut longer) = Some(vec![ready(TITLE, "", 2)]);
    assert_eq!(longer.subject(), "1 hold to pick up");
    let composed = days(&longer, 20);
    let reported: Vec<usize> = (0..20)
        .filter(|day| !missed(&composed[*day]).is_empty())
        .collect();
    assert_eq!(reported, [2]);
}

#[test]
fn missed_hold_shows_when_it_was_last_checked() {
    let here = account(vec![], vec![ready(TITLE, "", -1)]);
    let seen_yesterday = failing(card(1, "Ada", millbrook(), here), 15, FailureKind::SiteDown);
    let composed = Case::from_cards([seen_yesterday]).compose();
    let text = composed.mail.unwrap().text;
    assert!(
        text.contains("last day was yesterday · at Central · as of Friday 15:30"),
        "{text}"
    );
    assert!(!text.contains("wasn’t picked up"));
}

/// Also if the notice is for the day before: a late one is sent after midnight.
#[rstest]
#[case("2026-11-22T04:59:00Z", "1 hold to pick up")]
#[case("2026-11-22T05:01:00Z", "One hold is past its last day")]
fn last_day_ends_in_the_familys_timezone(#[case] now: &str, #[case] subject: &str) {
    let mut case = with_holds([ready(TITLE, "", 0)]);
    case.now = at(now);
    case.date = Some(today());
    assert_eq!(case.subject(), subject);
}

#[test]
fn subject_counts_several_holds() {
    let other = Hold {
        digital: true,
        ..ready("Night Trains (e-book)", "", -2)
    };
    let missed = [ready(TITLE, "", -1), other];
    let mut case = with_holds(missed.clone());
    assert_eq!(case.subject(), "2 holds are past their last day");
    let mail = case.compose().mail.unwrap();
    assert!(mail.text.contains("wasn’t borrowed by Thursday, Nov 19"));
    let more = [unknown("Available"), unknown("Call us")];
    *holds_of(&mut case) = Some(more.to_vec());
    assert_eq!(case.subject(), "Please check 2 holds");
    *holds_of(&mut case) = Some(more.into_iter().chain(missed).collect());
    let both = "Please look at: 2 holds to check, 2 holds past their last day";
    assert_eq!(case.subject(), both);
}

#[test]
fn holds_needing_attention_serialise_to_json() {
    let case = with_holds([unknown("Available"), ready("Fog", "", -1)]);
    let json = serde_json::to_value(case.compose().digest).unwrap();
    let items = &json["attention"];
    assert_eq!(items[0]["kind"], "unknown_hold");
    assert_eq!(items[0]["hold"]["note"], "Available");
    assert_eq!(items[0]["news"], "new");
    assert_eq!(items[1]["kind"], "missed_hold");
    assert_eq!(items[1]["hold"]["pickup_by"], "2026-11-20");
    assert_eq!(items[1]["seen_since"], true);
    assert_eq!(json["later"]["holds"], serde_json::json!([]));
    assert_eq!(json["pick_up"], serde_json::json!([]));
}

fn any_hold() -> impl Strategy<Value = Hold> {
    let state = prop_oneof![
        3 => Just(HoldState::Ready),
        2 => Just(HoldState::Other),
        1 => Just(HoldState::Waiting),
    ];
    // Few ids, so that several holds share one.
    (state, 0..3_u8, 0..3_u8, proptest::option::of(-4..24_i64)).prop_map(
        |(state, id, words, days)| Hold {
            id: id.to_string(),
            note: (words > 0).then(|| format!("words {words}")),
            pickup_by: days.map(in_days),
            ..hold("", "", state)
        },
    )
}

fn any_cards() -> impl Strategy<Value = Vec<NoticeCard>> {
    let holds = proptest::collection::vec(any_hold(), 0..4);
    proptest::collection::vec(holds, 1..3).prop_map(|cards| {
        (1..)
            .zip(cards)
            .map(|(number, mut holds)| {
                for (place, hold) in holds.iter_mut().enumerate() {
                    hold.title = format!("Title {number} {place}");
                }
                card(number, "Ada", millbrook(), account(vec![], holds))
            })
            .collect()
    })
}

/// Asserts when and how the mails reported one hold.
struct HoldReport {
    to_pick_up: Vec<usize>,
    missed: Vec<usize>,
    words: Vec<usize>,
}

impl HoldReport {
    fn from_notices(title: &str, composed: &[Composed]) -> Self {
        let on = |is_reported: &dyn Fn(&Composed) -> bool| {
            let sent = composed.iter().enumerate();
            sent.filter(|(_, day)| day.mail.is_some() && is_reported(day))
                .map(|(day, _)| day)
                .collect()
        };
        Self {
            to_pick_up: on(&|day| day.digest.pick_up.iter().any(|line| line.title == title)),
            missed: on(&|day| missed(day).contains(&title)),
            words: on(&|day| in_unknown_words(day).contains(&title)),
        }
    }
}

fn first_day_after(last_day: NaiveDate) -> usize {
    let days = (last_day - today()).num_days() + 1;
    usize::try_from(days.max(0)).unwrap()
}

proptest! {
    #[test]
    fn possibly_ready_holds_are_reported_and_missed_ones_once(cards in any_cards()) {
        const DAYS: usize = 20;
        let composed = days(&Case::from_cards(cards.clone()), 20);
        for hold in cards.iter().flat_map(|card| card.stored.iter()).flat_map(|stored| stored.account.holds.iter().flatten()) {
            let reported = HoldReport::from_notices(&hold.title, &composed);
            match (hold.state, hold.pickup_by) {
                (HoldState::Ready, last_day) => {
                    let missed_on = last_day.map_or(DAYS, first_day_after);
                    let ready_days: Vec<usize> = (0..missed_on.min(DAYS)).collect();
                    prop_assert_eq!(reported.to_pick_up, ready_days);
                    let once: Vec<usize> = (missed_on < DAYS).then_some(missed_on).into_iter().collect();
                    prop_assert_eq!(reported.missed, once);
                    prop_assert_eq!(reported.words, Vec::<usize>::new());
                }
                (HoldState::Other, _) => {
                    let mails = days_with_mail(&composed);
                    prop_assert_eq!(mails.first(), Some(&0));
                    prop_assert!(mails.windows(2).all(|pair| pair[1] - pair[0] <= 7), "{:?}", mails);
                    prop_assert!(DAYS - mails[mails.len() - 1] <= 7, "{:?}", mails);
                    prop_assert_eq!(reported.words, mails);
                }
                _ => {
                    prop_assert!(reported.to_pick_up.is_empty() && reported.missed.is_empty() && reported.words.is_empty());
                }
            }
        }
    }

    #[test]
    fn changed_text_is_reported_again(cards in any_cards(), index in any::<prop::sample::Index>()) {
        let case = Case::from_cards(cards);
        let mut next = case.clone().after(case.compose().last_notice).days_later(1);
        let mut unknown: Vec<&mut Hold> = next
            .cards
            .iter_mut()
            .flat_map(|card| card.stored.iter_mut())
            .flat_map(|stored| stored.account.holds.iter_mut().flatten())
            .filter(|hold| hold.state == HoldState::Other)
            .collect();
        prop_assume!(!unknown.is_empty());
        let number = index.index(unknown.len());
        unknown[number].note = Some("Available".to_owned());
        let title = unknown[number].title.clone();
        let composed = next.compose();
        prop_assert!(composed.mail.is_some());
        let changed = composed.digest.attention.iter().find(|item| {
            matches!(&item.kind, AttentionKind::UnknownHold { hold } if hold.title == title)
        });
        prop_assert_eq!(changed.map(|item| item.news), Some(News::Changed));
    }

    #[test]
    fn last_day_counts_from_the_day_of_sending(
        (zone, now) in crate::notice::leaving::instants(),
        days_left in -2_i64..=2,
        days_late in 0_i64..=1,
    ) {
        let leaves_on = local_date(now, zone);
        let mut case = with_holds([Hold { pickup_by: Some(leaves_on + Duration::days(days_left)), ..ready(TITLE, "", 0) }]);
        case.family.timezone = zone;
        case.now = now;
        case.date = Some(leaves_on - Duration::days(days_late));
        seen_at(&mut case, now);
        let composed = case.compose();
        prop_assert_eq!(composed.digest.pick_up.len(), usize::from(days_left >= 0));
        prop_assert_eq!(missed(&composed).len(), usize::from(days_left < 0));
        let says_missed = composed.mail.unwrap().text.contains("wasn’t picked up by");
        prop_assert_eq!(says_missed, days_left < 0);
    }
}

fn seen_at(case: &mut Case, at: DateTime<Utc>) {
    let card = &mut case.cards[0];
    card.state.last_success_at = Some(at);
    card.stored.as_mut().unwrap().read_at = at;
}
