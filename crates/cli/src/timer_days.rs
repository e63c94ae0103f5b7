//! Days of the month that a systemd timer can't say.

use hippo_core::schedule::{DaySelection, Expression};

/// systemd counts the days before the last day of a month up to here.
pub(crate) const MOST_BEFORE_LAST: u32 = 27;

/// Whether the timer fires on every day, since systemd can't say the days.
pub(crate) fn fires_daily_instead(expression: &Expression) -> bool {
    let Expression::Cron(cron) = expression else {
        return false;
    };
    match cron.days() {
        DaySelection::NearestWeekday(_) | DaySelection::LastWeekday => true,
        DaySelection::BeforeLast(before) => *before > MOST_BEFORE_LAST,
        _ => false,
    }
}
