use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;

use super::vectors::load_transitions;
use super::*;
use crate::family::Preferences;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap()
}

fn time(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").unwrap()
}

fn family(zone: Tz, notice_time: NaiveTime) -> Family {
    Family {
        id: "conrad".parse().unwrap(),
        name: "Conrad".to_owned(),
        recipients: Vec::new(),
        timezone: zone,
        notice_time,
        preferences: Preferences::default(),
        paused: false,
        paused_since: None,
        paused_until: None,
        created_at: at("1990-01-01T00:00:00Z"),
        history: ScheduleHistory::default(),
        stopped: Vec::new(),
        unsubscribed: Vec::new(),
    }
}

fn toronto(notice_time: &str) -> Family {
    family(zone("America/Toronto"), time(notice_time))
}

/// The dates that ticks planned, with the first tick that did.
#[derive(Default)]
struct Planned(BTreeMap<NaiveDate, DateTime<Utc>>);

impl Planned {
    fn tick(&mut self, family: &Family, now: DateTime<Utc>) {
        for date in family.due_dates(now) {
            self.0.entry(date).or_insert(now);
        }
    }

    /// Ticks at the interval `every` from `from` to `to`.
    fn ticks(&mut self, family: &Family, from: DateTime<Utc>, to: DateTime<Utc>, every: Duration) {
        let mut now = from;
        while now <= to {
            self.tick(family, now);
            now += every;
        }
    }
}

const QUARTER_HOUR: Duration = Duration::minutes(15);

/// The time between two ticks when those of five hours are missing.
const GAP_OF_FIVE_HOURS: Duration = Duration::minutes(5 * 60 + 15);

#[rstest]
#[case::just_due("06:30", "2026-11-21T11:30:00Z", &["2026-11-21"])]
#[case::a_minute_early("06:30", "2026-11-21T11:29:00Z", &[])]
#[case::all_day("06:30", "2026-11-22T04:59:00Z", &["2026-11-21"])]
#[case::after_midnight("23:45", "2026-11-22T05:00:00Z", &["2026-11-21"])]
#[case::six_hours_later("23:45", "2026-11-22T10:46:00Z", &[])]
fn due_dates_match_the_table(#[case] time: &str, #[case] now: &str, #[case] expected: &[&str]) {
    let dates: Vec<String> = toronto(time)
        .due_dates(at(now))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(dates, expected);
}

#[test]
fn nothing_is_due_before_the_family_was_added() {
    let mut late = toronto("23:45");
    late.created_at = at("2026-11-21T12:00:00Z");
    let today = date("2026-11-21");
    assert_eq!(late.due_dates(at("2026-11-21T05:10:00Z")), []);
    assert_eq!(late.passed_dates(at("2026-11-22T12:00:00Z")), [today]);
    // Its time had passed when it was added: it gets a notice that day, but none counts as missed.
    let mut early = toronto("06:30");
    early.created_at = at("2026-11-21T12:00:00Z");
    assert_eq!(early.due_dates(at("2026-11-21T12:10:00Z")), [today]);
    assert_eq!(early.passed_dates(at("2026-11-22T12:00:00Z")), []);
}

#[test]
fn pause_covers_the_dates_from_its_beginning_to_its_end() {
    let mut family = toronto("06:30");
    // Still the 21st in Toronto.
    family.pause(Some(date("2026-12-01")), at("2026-11-22T04:59:59Z"));
    let paused: Vec<NaiveDate> = date("2026-11-15")
        .iter_days()
        .take(30)
        .filter(|date| family.is_paused_on(*date))
        .collect();
    assert_eq!(paused.len(), 10);
    assert_eq!(
        (paused.first(), paused.last()),
        (Some(&date("2026-11-21")), Some(&date("2026-11-30")))
    );
    // Midnight in Toronto.
    assert!(family.is_paused_at(at("2026-12-01T04:59:59Z")));
    assert!(!family.is_paused_at(at("2026-12-01T05:00:00Z")));
    // Pausing again changes only the end.
    family.pause(None, at("2026-11-23T12:00:00Z"));
    assert!(family.is_paused_on(date("2026-12-01")));
    assert_eq!(family.paused_since, Some(date("2026-11-21")));
    family.resume(at("2026-11-23T12:00:00Z"));
    assert!(!family.is_paused_on(date("2026-11-23")));
    assert_eq!(family.paused_since, None);
    assert_eq!(family.history.resumed_at, Some(at("2026-11-23T12:00:00Z")));
}

#[test]
fn mail_is_paused_by_its_own_date_and_by_today() {
    let mut family = toronto("23:45");
    family.pause(Some(date("2026-11-24")), at("2026-11-21T05:05:00Z"));
    let is_paused = |day, now| family.is_mail_paused(date(day), at(now));
    // Five past midnight: yesterday's mail would go out now.
    assert!(is_paused("2026-11-20", "2026-11-21T05:05:00Z"));
    // The pause is over: its last night's mail stays paused.
    assert!(is_paused("2026-11-23", "2026-11-24T05:15:00Z"));
    assert!(!is_paused("2026-11-24", "2026-11-24T05:15:00Z"));
    assert!(!is_paused("2026-11-20", "2026-11-24T05:15:00Z"));
}

#[test]
fn pause_that_is_over_is_forgotten_with_its_own_end() {
    let mut family = toronto("06:30");
    family.pause(Some(date("2026-12-01")), at("2026-11-21T12:00:00Z"));
    let paused = family.clone();
    family.end_expired_pause(at("2026-12-01T04:59:59Z"));
    assert_eq!(family, paused);
    let end = at("2026-12-01T05:00:00Z");
    let later = at("2026-12-03T12:00:00Z");
    for forget in [Family::end_expired_pause, Family::resume] {
        let mut family = paused.clone();
        forget(&mut family, later);
        assert_eq!((family.paused, family.paused_until), (false, None));
        assert_eq!(family.history.resumed_at, Some(end));
        let missed = family.passed_dates(later);
        assert_eq!(missed, [date("2026-12-01"), date("2026-12-02")]);
    }
    family.pause(None, later);
    assert_eq!(family.history.resumed_at, Some(end));
    assert_eq!(family.paused_since, Some(date("2026-12-03")));
}

#[rstest]
#[case::not_paused(None, "2026-11-22T11:30:00Z")]
#[case::later_than_the_usual_window(Some("2026-12-24"), "2026-12-24T11:30:00Z")]
#[case::over(Some("2026-11-21"), "2026-11-22T11:30:00Z")]
fn next_notice_is_due_after_the_pause(#[case] until: Option<&str>, #[case] expected: &str) {
    let mut family = toronto("06:30");
    let now = at("2026-11-21T12:00:00Z");
    if let Some(until) = until {
        family.pause(Some(date(until)), at("2026-11-20T12:00:00Z"));
    }
    assert_eq!(family.next_due(now), Some(at(expected)));
    family.pause(None, now);
    assert_eq!(family.next_due(now), None);
}

#[rstest]
#[case::until_midnight("06:30", "2026-11-21", ["2026-11-21T11:30:00Z", "2026-11-22T05:00:00Z"])]
#[case::for_six_hours("23:45", "2026-11-21", ["2026-11-22T04:45:00Z", "2026-11-22T10:45:00Z"])]
#[case::day_of_25_hours("06:30", "2026-11-01", ["2026-11-01T11:30:00Z", "2026-11-02T05:00:00Z"])]
fn planning_window_ends_when_its_date_has_passed(
    #[case] time: &str,
    #[case] day: &str,
    #[case] window: [&str; 2],
) {
    let (family, day) = (toronto(time), date(day));
    let [start, end] = window.map(at);
    assert_eq!(family.planning_window(day), Some(start..end));
    let second = Duration::seconds(1);
    assert!(!family.due_dates(start - second).contains(&day));
    assert!(family.due_dates(start).contains(&day));
    assert!(!family.has_passed(day, end - second));
    assert!(family.has_passed(day, end + second));
}

#[test]
fn every_date_is_due_or_passed_never_both() {
    let family = toronto("06:30");
    let mut now = at("2026-10-30T00:00:00Z");
    while now < at("2026-11-03T00:00:00Z") {
        let (due, passed) = (family.due_dates(now), family.passed_dates(now));
        for day in 24..=30 {
            let date = NaiveDate::from_ymd_opt(2026, 10, day).unwrap();
            let is_due = now >= due_instant(date, family.notice_time, family.timezone);
            let recent =
                now - due_instant(date, family.notice_time, family.timezone) <= MISSED_DAY_WINDOW;
            let known = usize::from(due.contains(&date)) + usize::from(passed.contains(&date));
            assert_eq!(known, usize::from(is_due && recent), "{date} at {now}");
            assert_eq!(family.has_passed(date, now), is_due && !due.contains(&date));
        }
        now += QUARTER_HOUR;
    }
}

/// Checks every quarter hour of the day: each date around `transition` has one notice, planned by the
/// first tick after its time, and a date that does not exist has none.
fn assert_each_date_once_around(zone: Tz, transition: DateTime<Utc>) {
    let (start, end) = (
        transition - Duration::hours(36),
        transition + Duration::hours(60),
    );
    let today = local_date(transition, zone);
    let dates: Vec<NaiveDate> = (-1..=1).map(|days| today + Duration::days(days)).collect();
    for quarter in 0..96 {
        let notice_time = NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap();
        let family = family(zone, notice_time);
        // Every tick; or none for five hours, at another time for each family.
        let missing = Duration::minutes(15 * i64::from(quarter % 20));
        let mut of_each = Planned::default();
        of_each.ticks(&family, start, end, QUARTER_HOUR);
        let mut of_few = Planned::default();
        of_few.ticks(&family, start + missing, end, GAP_OF_FIVE_HOURS);
        for (planned, late) in [(of_each, QUARTER_HOUR), (of_few, GAP_OF_FIVE_HOURS)] {
            for date in &dates {
                let found = planned.0.get(date);
                if !date_exists(*date, zone) {
                    assert_eq!(found, None, "{zone} has no {date}");
                    continue;
                }
                if due_instant(*date, notice_time, zone) < start + missing {
                    continue;
                }
                let at = *found.unwrap_or_else(|| panic!("{zone} {notice_time}: no {date}"));
                let due = due_instant(*date, notice_time, zone);
                assert!(
                    due <= at && at - due < late,
                    "{zone} {notice_time}: {date} at {at}, due {due}"
                );
            }
            let mut all = planned.0.keys();
            assert!(all.all(|date| date_exists(*date, zone)));
        }
    }
}

/// Clock changes with different pitfalls.
#[rstest]
#[case::gap_at_night("America/Toronto", "2026-03-08T07:00:00Z")]
#[case::overlap_at_night("America/Toronto", "2026-11-01T06:00:00Z")]
#[case::gap_at_midnight("Africa/Cairo", "2026-04-23T22:00:00Z")]
#[case::overlap_at_midnight("Africa/Cairo", "2026-10-29T21:00:00Z")]
#[case::gap_before_midnight("America/Nuuk", "2026-03-29T01:00:00Z")]
#[case::half_an_hour("Australia/Lord_Howe", "2026-10-03T15:30:00Z")]
#[case::half_an_hour_back("Australia/Lord_Howe", "2026-04-04T15:00:00Z")]
#[case::in_the_middle_of_ramadan("Africa/Casablanca", "2026-02-15T02:00:00Z")]
#[case::a_day_that_is_missing("Pacific/Apia", "2011-12-30T10:00:00Z")]
#[case::another_missing_day("Pacific/Kwajalein", "1993-08-21T12:00:00Z")]
#[case::no_change_at_all("Asia/Kathmandu", "2026-03-08T07:00:00Z")]
fn clock_change_neither_loses_nor_doubles_a_date(#[case] name: &str, #[case] transition: &str) {
    assert_each_date_once_around(zone(name), at(transition));
}

#[test]
fn no_clock_change_in_any_zone_loses_or_doubles_a_date() {
    let Some(transitions) = load_transitions() else {
        return;
    };
    assert!(transitions.len() > 300);
    std::thread::scope(|scope| {
        for part in transitions.chunks(100) {
            scope.spawn(move || {
                for transition in part {
                    for missing in &transition.whole_local_days_missing {
                        assert!(!date_exists(*missing, transition.zone));
                    }
                    assert_each_date_once_around(transition.zone, transition.instant_utc);
                }
            });
        }
    });
}

#[test]
fn schedule_change_applies_from_the_next_local_date() {
    let mut family = toronto("06:30");
    // 05:00 in Toronto: today's notice still comes at 06:30 there.
    family.reschedule(
        zone("Europe/Berlin"),
        time("18:00"),
        at("2026-11-21T10:00:00Z"),
    );
    let mut planned = Planned::default();
    let (start, end) = (at("2026-11-21T10:00:00Z"), at("2026-11-24T00:00:00Z"));
    planned.ticks(&family, start, end, QUARTER_HOUR);
    let found: Vec<_> = planned.0.into_iter().collect();
    let expected = [
        (date("2026-11-21"), at("2026-11-21T11:30:00Z")),
        (date("2026-11-22"), at("2026-11-22T17:00:00Z")),
        (date("2026-11-23"), at("2026-11-23T17:00:00Z")),
    ];
    assert_eq!(found, expected);
}

#[test]
fn move_to_a_zone_a_day_ahead_gets_the_next_date_at_once() {
    let mut family = family(zone("Pacific/Honolulu"), time("06:30"));
    let moved = at("2026-11-21T19:00:00Z");
    family.reschedule(zone("Pacific/Auckland"), time("06:30"), moved);
    // It is the 22nd at 08:00 in Auckland.
    assert_eq!(
        family.due_dates(moved),
        [date("2026-11-21"), date("2026-11-22")]
    );
    assert_eq!(family.next_due(moved), Some(at("2026-11-22T17:30:00Z")));
}

#[test]
fn move_to_a_zone_a_day_behind_waits_for_the_next_date() {
    let mut family = family(zone("Pacific/Auckland"), time("06:30"));
    let moved = at("2026-11-21T19:00:00Z");
    family.reschedule(zone("Pacific/Honolulu"), time("06:30"), moved);
    // The notice for the 22nd was sent in Auckland; the 23rd begins much later in Honolulu.
    assert_eq!(family.due_dates(moved), [date("2026-11-22")]);
    assert_eq!(family.next_due(moved), Some(at("2026-11-23T16:30:00Z")));
}

#[test]
fn schedule_that_never_applied_is_replaced() {
    let mut family = toronto("06:30");
    family.reschedule(
        zone("Asia/Tokyo"),
        time("06:30"),
        at("2026-11-21T15:00:00Z"),
    );
    family.reschedule(
        zone("America/Toronto"),
        time("09:00"),
        at("2026-11-21T15:01:00Z"),
    );
    assert_eq!(family.history.past.len(), 1);
    assert_eq!(
        family.due_dates(at("2026-11-21T16:00:00Z")),
        [date("2026-11-21")]
    );
    let tomorrow = at("2026-11-22T14:00:00Z");
    assert_eq!(family.next_due(at("2026-11-21T16:00:00Z")), Some(tomorrow));
}

#[test]
fn same_schedule_changes_nothing() {
    let mut family = toronto("06:30");
    let before = family.clone();
    family.reschedule(
        before.timezone,
        before.notice_time,
        at("2026-11-21T15:00:00Z"),
    );
    assert_eq!(family, before);
}

/// Occasional schedule changes, and ticks at most five hours apart.
fn schedule_changes_and_ticks() -> impl Strategy<Value = Vec<(i64, Option<(Tz, NaiveTime)>)>> {
    let zones = prop::sample::select(
        [
            "America/Toronto",
            "America/St_Johns",
            "Africa/Cairo",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "Pacific/Kiritimati",
            "Pacific/Midway",
            "Pacific/Auckland",
            "Pacific/Honolulu",
        ]
        .map(zone)
        .to_vec(),
    );
    let quarter = (0u32..96)
        .prop_map(|quarter| NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap());
    let change = prop::option::weighted(0.1, (zones, quarter));
    prop::collection::vec((1i64..=300, change), 1..150)
}

proptest! {
    #[test]
    fn schedule_changes_leave_one_notice_per_date(
        steps in schedule_changes_and_ticks(),
        start_day in 0i64..2000,
        created_minute in 0i64..1440,
    ) {
        let mut now = at("2024-01-01T00:00:00Z")
            + Duration::days(start_day)
            + Duration::minutes(created_minute);
        let mut family = toronto("06:30");
        family.created_at = now;
        let mut planned = Planned::default();
        planned.tick(&family, now);
        for (minutes, change) in steps {
            now += Duration::minutes(minutes);
            if let Some((zone, notice_time)) = change {
                family.reschedule(zone, notice_time, now);
            }
            planned.tick(&family, now);
            for passed in family.passed_dates(now) {
                prop_assert!(planned.0.contains_key(&passed), "{passed} passed unplanned at {now}");
            }
        }
        let dates: Vec<NaiveDate> = planned.0.keys().copied().collect();
        for pair in dates.windows(2) {
            prop_assert_eq!(pair[0].succ_opt(), Some(pair[1]), "a date is missing");
        }
        // The newest date is yesterday or later, anywhere on earth.
        if let Some(last) = dates.last() {
            prop_assert!(now.date_naive() - *last <= Duration::days(2), "{last} at {now}");
        }
    }
}

#[test]
fn holiday_begins_later_and_the_days_before_get_their_notices() {
    let mut conrad = family(zone("America/Toronto"), time("06:30"));
    let now = at("2026-11-21T17:00:00Z");
    conrad.pause_from(date("2026-11-23"), Some(date("2026-11-30")), now);
    assert!(!conrad.is_paused_at(now));
    assert_eq!(conrad.next_pause(now), Some(date("2026-11-23")));
    assert_eq!(conrad.next_due(now), Some(at("2026-11-22T11:30:00Z")));
    // The last notice before it is sent.
    let sunday = at("2026-11-22T17:00:00Z");
    assert_eq!(conrad.next_due(sunday), Some(at("2026-11-30T11:30:00Z")));
    let within = at("2026-11-25T17:00:00Z");
    assert!(conrad.is_paused_at(within));
    // Once begun, it only gets another end.
    conrad.pause_from(date("2026-11-27"), Some(date("2026-11-28")), within);
    assert_eq!(conrad.paused_since, Some(date("2026-11-23")));
    assert_eq!(conrad.next_due(within), Some(at("2026-11-28T11:30:00Z")));
}

#[test]
fn holiday_that_is_called_off_leaves_no_trace() {
    let mut conrad = family(zone("America/Toronto"), time("06:30"));
    let before = conrad.clone();
    let now = at("2026-11-21T17:00:00Z");
    conrad.pause_from(date("2026-11-23"), None, now);
    conrad.resume(now);
    assert_eq!(conrad, before, "no earlier day was paused");
}

proptest! {
    #[test]
    fn holiday_pauses_its_days_and_no_others(
        begins_in in -3_i64..40,
        days in 1_i64..60,
        asked in -10_i64..120,
        minutes in 0_i64..1440,
        zone in prop::sample::select(vec!["America/Toronto", "Pacific/Apia", "Europe/Berlin", "UTC"]),
    ) {
        let mut conrad = family(zone.parse().unwrap(), time("06:30"));
        let now = at("2026-11-21T00:00:00Z") + Duration::minutes(minutes);
        let today = local_date(now, conrad.timezone);
        let since = today + Duration::days(begins_in);
        let until = today.max(since) + Duration::days(days);
        conrad.pause_from(since, Some(until), now);
        let asked = today + Duration::days(asked);
        let is_holiday = since.max(today) <= asked && asked < until;
        prop_assert_eq!(conrad.is_paused_on(asked), is_holiday);
        let next = conrad.next_due(now).unwrap();
        let next_date = local_date(next, conrad.timezone);
        prop_assert!(next > now && !conrad.is_paused_on(next_date));
        // Every day before the next notice is paused.
        let first = if local_date(now, conrad.timezone).and_time(conrad.notice_time)
            > now.with_timezone(&conrad.timezone).naive_local() { today } else { today + Duration::days(1) };
        let mut day = first;
        while day < next_date {
            prop_assert!(conrad.is_paused_on(day), "{}", day);
            day += Duration::days(1);
        }
    }
}
