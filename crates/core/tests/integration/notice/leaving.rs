//! Day names refer to the local day on which the mail is sent.

use chrono::{DateTime, Duration, TimeZone as _, Utc};
use chrono_tz::Tz;
use hippo_core::clock::local_date;
use proptest::prelude::*;

use crate::notice::fixture::{Case, account, card, in_days, loan, millbrook};

pub(crate) fn instants() -> impl Strategy<Value = (Tz, DateTime<Utc>)> {
    let zone = prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec());
    // Two years include every clock change.
    (zone, 1_767_225_600_i64..1_830_297_600)
        .prop_map(|(zone, second)| (zone, Utc.timestamp_opt(second, 0).unwrap()))
}

proptest! {
    #[test]
    fn due_today_means_the_day_of_sending(
        (zone, now) in instants(),
        days_late in 0_i64..=1,
        days_left in -2_i64..=2,
    ) {
        let today = local_date(now, zone);
        let due = today + Duration::days(days_left);
        let one = loan("Fog", "", (due - in_days(0)).num_days());
        let mut case = Case::from_cards([card(1, "Ada", millbrook(), account(vec![one], vec![]))]);
        case.family.timezone = zone;
        case.now = now;
        case.date = Some(today - Duration::days(days_late));
        let composed = case.compose();
        let mail = composed.mail.unwrap();
        let words = match days_left {
            -2 => "2 days overdue",
            -1 => "1 day overdue",
            0 => "due today",
            1 => "due tomorrow",
            _ => "due",
        };
        prop_assert!(mail.text.contains(words), "{}", mail.text);
        prop_assert!(mail.html.contains(words), "{}", mail.html);
        prop_assert_eq!(mail.subject.contains("overdue"), days_left < 0);
        prop_assert_eq!(mail.subject.contains("due today"), days_left == 0);
        prop_assert_eq!(mail.subject.contains("due tomorrow"), days_left == 1);
        prop_assert_eq!(composed.digest.date, today - Duration::days(days_late));
    }
}
