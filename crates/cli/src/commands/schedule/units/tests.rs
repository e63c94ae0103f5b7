//! Unit files, and whether systemd fires them when the expression says.

use chrono::{DateTime, Utc};
use hippo_core::run::JobName;
use hippo_core::testing::run_history::schedule;
use rstest::rstest;

use super::*;
use crate::commands::schedule::testing::{check_by_systemd, next_by_systemd};

fn recurrence(expression: &str, zone: Tz) -> Recurrence {
    Recurrence {
        expression: expression.parse().unwrap(),
        zone,
    }
}

const TORONTO: Tz = chrono_tz::America::Toronto;

#[rstest]
#[case("cron(0 5,12,18 * * ? *)", "*-*-* 05,12,18:00:00 America/Toronto")]
#[case("rate(15 minutes)", "*-*-* *:00,15,30,45:00 UTC")]
#[case("rate(1 minute)", "*-*-* *:*:00 UTC")]
#[case("rate(6 hours)", "*-*-* 00,06,12,18:00:00 UTC")]
#[case("rate(1 day)", "*-*-* 00:00:00 UTC")]
#[case("at(2026-12-01T05:30:00)", "2026-12-01 05:30:00 America/Toronto")]
fn expression_is_one_calendar_line(#[case] expression: &str, #[case] expected: &str) {
    let lines = timer_lines(&recurrence(expression, TORONTO));
    assert_eq!(lines, [format!("OnCalendar={expected}")]);
}

#[test]
fn rate_that_divides_a_day_but_not_an_hour_is_several_lines() {
    let lines = timer_lines(&recurrence("rate(90 minutes)", TORONTO));
    assert_eq!(
        lines,
        [
            "OnCalendar=*-*-* 00,03,06,09,12,15,18,21:00:00 UTC",
            "OnCalendar=*-*-* 01,04,07,10,13,16,19,22:30:00 UTC"
        ]
    );
}

#[rstest]
#[case("rate(7 minutes)", "7min")]
#[case("rate(2 days)", "2880min")]
fn other_rate_counts_from_the_start(#[case] expression: &str, #[case] period: &str) {
    let lines = timer_lines(&recurrence(expression, TORONTO));
    assert_eq!(
        lines[1..],
        [
            format!("OnActiveSec={period}"),
            format!("OnUnitActiveSec={period}")
        ]
    );
}

fn cron(fields: &str) -> Vec<String> {
    timer_lines(&recurrence(&format!("cron({fields})"), chrono_tz::UTC))
}

#[rstest]
#[case("0 5 ? * MON-FRI *", "Mon,Tue,Wed,Thu,Fri *-*-* 05:00:00")]
#[case("0 5 ? * FRI-MON *", "Sun,Mon,Fri,Sat *-*-* 05:00:00")]
#[case("0 5 ? * 1,7 *", "Sun,Sat *-*-* 05:00:00")]
#[case("0/20 22-2 * * ? *", "*-*-* 00..02,22,23:00,20,40:00")]
#[case("0 5 1,15 JAN,jul ? 2027-2029", "2027..2029-01,07-01,15 05:00:00")]
#[case("0 5 */10 2/3 ? *", "*-02,05,08,11-01,11,21,31 05:00:00")]
#[case("0 5 L * ? *", "*-*~01 05:00:00")]
#[case("0 5 L-3 * ? *", "*-*~04 05:00:00")]
#[case("0 5 ? * 6L *", "Fri *-*~07/1 05:00:00")]
#[case("0 5 ? * FRI#3 *", "Fri *-*-15..21 05:00:00")]
#[case("0 5 ? * 2#5 *", "Mon *-*-29..31 05:00:00")]
#[case("0 5 ? * L *", "Sat *-*-* 05:00:00")]
fn cron_fields_are_one_calendar_line(#[case] text: &str, #[case] expected: &str) {
    let lines = cron(text);
    assert_eq!(lines, [format!("OnCalendar={expected} UTC")]);
}

#[rstest]
#[case("0 5 15W * ? *")]
#[case("0 5 LW * ? *")]
#[case("0 5 L-28 * ? *")]
fn days_that_systemd_cannot_express_are_a_daily_timer(#[case] text: &str) {
    let lines = cron(text);
    assert!(lines[0].starts_with("# systemd can't say"), "{lines:?}");
    assert_eq!(lines[1], "OnCalendar=*-*-* 05:00:00 UTC");
}

#[rstest]
#[case::daily("cron(0 5,12,18 * * ? *)", TORONTO)]
#[case::gap("cron(30 2 * * ? *)", TORONTO)]
#[case::overlap("cron(30 1 * * ? *)", TORONTO)]
#[case::lord_howe("cron(15 2 * * ? *)", chrono_tz::Australia::Lord_Howe)]
#[case::once("at(2026-12-01T05:30:00)", TORONTO)]
fn systemd_fires_at_the_times_of_the_expression(#[case] expression: &str, #[case] zone: Tz) {
    for from in [
        "2026-10-30T03:00:00Z",
        "2027-03-11T03:00:00Z",
        "2026-10-01T00:00:00Z",
    ] {
        let from: DateTime<Utc> = from.parse().unwrap();
        let recurrence = recurrence(expression, zone);
        let Some(by_systemd) = next_by_systemd(&timer_lines(&recurrence), from) else {
            return;
        };
        let ours: Vec<_> = recurrence.times_after(from).take(12).collect();
        assert_eq!(by_systemd, ours, "{expression} in {zone}");
    }
}

#[test]
fn rates_stay_evenly_spaced_across_clock_changes() {
    for (expression, minutes) in [("rate(15 minutes)", 15), ("rate(90 minutes)", 90)] {
        let from = "2026-11-01T04:50:00Z".parse().unwrap();
        let lines = timer_lines(&recurrence(expression, TORONTO));
        let Some(times) = next_by_systemd(&lines, from) else {
            return;
        };
        for pair in times.windows(2).take(11) {
            assert_eq!((pair[1] - pair[0]).num_minutes(), minutes, "{times:?}");
        }
    }
}

#[test]
fn every_calendar_line_is_valid_for_systemd() {
    for text in [
        "0 5 ? * FRI-MON *",
        "0/20 22-2 1,15 JAN,JUL ? 2027-2029",
        "0 5 L-3 * ? *",
        "0 5 L-27 * ? *",
        "0 5 ? * 6L *",
        "0 5 ? * FRI#3 *",
        "0 5 15W * ? *",
    ] {
        let lines = cron(text);
        let from = "2026-11-01T04:50:00Z".parse().unwrap();
        if next_by_systemd(&lines[lines.len() - 1..], from).is_none() {
            return;
        }
    }
}

#[rstest]
#[case::default_home(true)]
#[case::other_home(false)]
fn runs_that_may_overlap_get_a_service_each(#[case] is_default_home: bool) {
    let caller = Caller {
        hippo: "/opt/a $b/hippo",
        home: "/srv/c $d",
        is_default_home,
    };
    let mut schedule = schedule(JobName::CHECK_CARDS, "often", "rate(15 minutes)");
    schedule.overlap = Some(Overlap::Allow);
    let [_, service] = make_units(&schedule, &caller);
    check_by_systemd(&service);
    let set_home = match is_default_home {
        true => "",
        false => "\"--setenv=HIPPO_HOME=/srv/c $$d\" ",
    };
    assert!(
        service.text.ends_with(&format!(
            " {set_home}\"/opt/a $$b/hippo\" run check-cards --label often\n"
        )),
        "{}",
        service.text
    );
    assert!(service.text.contains("\nExecStart=systemd-run --user "));
    schedule.overlap = Some(Overlap::Skip);
    let [_, service] = make_units(&schedule, &caller);
    assert!(!service.text.contains("systemd-run"), "{}", service.text);
}

#[test]
fn words_of_a_unit_file_are_escaped() {
    assert_eq!(quote(r#"/a b/50%/"c"\"#), r#""/a b/50%%/\"c\"\\""#);
}
