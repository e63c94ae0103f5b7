//! `[[schedule]]`: when the jobs run. The same tables are in `config.toml` and, for AWS, in
//! `infra/schedules.toml`.

use std::path::Path;

use chrono_tz::Tz;
use hippo_core::schedule::declaration::table::{
    ClosedDaysTable, InvalidSchedule, ScheduleChecks, ScheduleTable, ScheduleTarget,
    check_schedules,
};
use hippo_core::schedule::{ClosedDays, Schedule};
use toml::Spanned;

use super::mistake::{describe_toml_error, line_of_key};
use crate::text_input::read_text_file;
use crate::timezones::parse_timezone;

/// The file that holds `[[schedule]]` tables.
pub(crate) struct ScheduleFile<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// Its directory, from which `except` names a file.
    pub(crate) directory: &'a Path,
    /// Where its schedules run.
    pub(crate) target: ScheduleTarget,
    /// The zone of schedules that name none.
    pub(crate) default_zone: Tz,
}

impl ScheduleFile<'_> {
    /// Checks the file's tables; an error message completes a sentence after the file's path.
    pub(crate) fn check(&self, tables: &[Spanned<ScheduleTable>]) -> Result<Vec<Schedule>, String> {
        let checks = ScheduleChecks {
            target: self.target,
            default_zone: self.default_zone,
            parse_zone: &parse_timezone,
            read_closed_days: &|file| read_closed_days(&self.directory.join(file)),
        };
        check_schedules(tables.iter().map(Spanned::get_ref), &checks)
            .map_err(|mistakes| self.describe(tables, &mistakes))
    }

    /// Describes mistakes with the line of their tables.
    fn describe(&self, tables: &[Spanned<ScheduleTable>], mistakes: &[InvalidSchedule]) -> String {
        let place = |mistake: &InvalidSchedule| {
            let table = tables.get(mistake.index);
            let line =
                table.and_then(|table| line_of_key(self.text, table.span().start, mistake.key));
            match line {
                Some(line) => format!("line {line}, {mistake}"),
                None => mistake.to_string(),
            }
        };
        if let [mistake] = mistakes {
            return format!("has a mistake in {}", place(mistake));
        }
        let mut message = format!("has {} mistakes:", mistakes.len());
        for mistake in mistakes {
            message.push_str("\n  ");
            message.push_str(&place(mistake));
        }
        message
    }
}

/// Reads a closed-days file; the error is a sentence.
fn read_closed_days(path: &Path) -> Result<ClosedDays, String> {
    let text =
        read_text_file(path).map_err(|error| format!("Can't read {}: {error}.", path.display()))?;
    toml::from_str::<ClosedDaysTable>(&text)
        .map(ClosedDays::from)
        .map_err(|error| format!("{} {}", path.display(), describe_toml_error(&error, &text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use rstest::rstest;

    const START: &str = "timezone = \"America/Toronto\"\n[mail]\nfrom = \"hippo@example.org\"\n";

    fn read(text: &str, directory: &Path) -> Result<Vec<Schedule>, String> {
        let config = Config::parse_in(&format!("{START}{text}"), directory)?;
        Ok(config.jobs.schedules().to_vec())
    }

    const ALL: &str =
        "[[schedule]]\njob = \"check-cards\"\nlabel = \"all\"\nwhen = \"cron(0 5 * * ? *)\"\n";

    #[test]
    fn schedule_without_a_zone_has_the_operators() {
        let schedules = read(ALL, Path::new("")).unwrap();
        assert_eq!(schedules[0].recurrence.zone, chrono_tz::America::Toronto);
    }

    #[rstest]
    #[case::unknown_key(
        "star = \"2026-12-01\"\n",
        "line 8: “star” isn't known here. Did you mean “start”?"
    )]
    #[case::zone(
        "timezone = \"Berln\"\n",
        "line 8, schedule “all”, “timezone”: “Berln” isn't a time zone. Did you mean “Europe/Berlin”?"
    )]
    #[case::number("start_within = 60\n", "line 8: expected text in quotes")]
    #[case::when_table("when = 5\n", "line 8: ")]
    #[case::overlap(
        "overlap = \"some\"\n",
        "line 8: the word in quotes isn't known here; write one of skip, allow"
    )]
    #[case::on_failure(
        "on_failure = \"page\"\n",
        "line 8: the word in quotes isn't known here; write one of mail, log, command"
    )]
    #[case::no_closed_days("except = \"none.toml\"\n", "“except”: Can't read")]
    fn mistake_is_refused_with_its_line(#[case] keys: &str, #[case] expected: &str) {
        let message = read(&format!("{ALL}{keys}"), Path::new("/nowhere")).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn mistakes_of_several_schedules_are_listed() {
        let text = format!("{ALL}\n{ALL}catch_up = \"all\"\nend = \"soon\"\n");
        let message = read(&text, Path::new("")).unwrap_err();
        assert_eq!(
            message,
            "has 2 mistakes:\n  \
             line 11, schedule “all”, “label”: Another schedule has this label. Give each its own.\n  \
             line 14, schedule “all”, “end”: “soon” isn't a date or a time from 1970 to 2199. Write it like \
             2026-12-01, or 2026-12-01T06:00 for a local time."
        );
    }

    #[test]
    fn closed_days_are_read_and_errors_name_their_line() {
        let directory = tempfile::tempdir().unwrap();
        let write =
            |text: &str| std::fs::write(directory.path().join("closed.toml"), text).unwrap();
        let text = format!("{ALL}except = \"closed.toml\"\n");
        write("all = [\"2026-12-25\"]\n[libraries]\nwpl = [\"2026-12-26\"]\n");
        let schedules = read(&text, directory.path()).unwrap();
        let days = &schedules[0].closed_days;
        assert!(days.all.contains(&"2026-12-25".parse().unwrap()));
        assert_eq!(days.libraries.len(), 1);
        for (mistake, expected) in [
            (
                "all = [\n\"2026-12-25\",\n\"2026-13-01\"]\n",
                "closed.toml has a mistake in line 3: “2026-13-01” isn't a date",
            ),
            ("al = []\n", "line 1: “al” isn't known here"),
            ("[libraries]\n\"W P L\" = []\n", "“W P L” isn't a valid id"),
        ] {
            write(mistake);
            let message = read(&text, directory.path()).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
