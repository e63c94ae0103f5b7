//! Numbers as the lines of systemd and cron write them.

use std::collections::BTreeSet;

/// Writes numbers as a list of at least `width` digits; three or more in a row become a range.
pub(super) fn write_list(numbers: &BTreeSet<u32>, width: usize, range: &str) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let run = |(first, last): (u32, u32)| match last - first {
        0 => format!("{first:0width$}"),
        1 => format!("{first:0width$},{last:0width$}"),
        _ => format!("{first:0width$}{range}{last:0width$}"),
    };
    runs.into_iter().map(run).collect::<Vec<_>>().join(",")
}

/// Writes numbers like [`write_list`], or `*` if all are there.
pub(super) fn write_field(
    numbers: &BTreeSet<u32>,
    all: usize,
    width: usize,
    range: &str,
) -> String {
    if numbers.len() == all {
        "*".to_owned()
    } else {
        write_list(numbers, width, range)
    }
}

/// The times of day of a rate that divides a day: hours and minutes whose combinations they are.
///
/// `None` if the rate doesn't divide a day.
pub(super) fn times_of_rate(minutes: u32) -> Option<Vec<(BTreeSet<u32>, BTreeSet<u32>)>> {
    const DAY: u32 = 24 * 60;
    if !DAY.is_multiple_of(minutes) {
        return None;
    }
    let mut by_hours: Vec<(BTreeSet<u32>, BTreeSet<u32>)> = Vec::new();
    for minute in 0..60 {
        let hours: BTreeSet<u32> = (0..24)
            .filter(|hour| (hour * 60 + minute) % minutes == 0)
            .collect();
        if hours.is_empty() {
            continue;
        }
        match by_hours.iter_mut().find(|(known, _)| *known == hours) {
            Some((_, same)) => {
                same.insert(minute);
            }
            None => by_hours.push((hours, [minute].into())),
        }
    }
    Some(by_hours)
}
