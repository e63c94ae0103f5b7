//! Remedies as command lines.

use hippo_core::alerts::{Alert, AlertHelp};
use hippo_core::failure::Remedy;
use hippo_core::ids::{CardId, LibraryId};

use crate::suggested::HIPPO;

/// The command line for the remedy of a card's failure, if there is one.
pub(crate) fn command_for_card(
    remedy: Remedy,
    card: CardId,
    library: &LibraryId,
) -> Option<String> {
    if let Some(option) = edit_option(remedy) {
        return Some(format!("{HIPPO} library edit {library} {option}"));
    }
    match remedy {
        Remedy::RetryCard => Some(format!("{HIPPO} card retry {card}")),
        Remedy::SetPin => Some(format!("{HIPPO} card set-pin {card}")),
        Remedy::EditLibrary => Some(format!("{HIPPO} library edit {library}")),
        Remedy::DetectSystem => Some(format!("{HIPPO} library detect {library}")),
        _ => None,
    }
}

/// Explains FORMAT in a suggested command.
pub(crate) const DATE_FORMAT_EXAMPLE: &str = "FORMAT says how its pages write dates: %d.%m.%Y reads 31.12.2026, and %m/%d/%y reads 12/31/26.";

/// Explains a word in capitals of the command for this remedy, if it isn't obvious.
pub(crate) fn explain_placeholder(remedy: Remedy) -> Option<&'static str> {
    (remedy == Remedy::SetDateFormat).then_some(DATE_FORMAT_EXAMPLE)
}

fn edit_option(remedy: Remedy) -> Option<&'static str> {
    match remedy {
        Remedy::SetDateFormat => Some("--date-format FORMAT"),
        Remedy::AddLoginHost => Some("--login-host HOST"),
        Remedy::SetUrl => Some("--url URL"),
        _ => None,
    }
}

/// The command lines for an alert's remedies, the most useful first.
pub(crate) fn commands_for_alert(alert: &Alert) -> Vec<String> {
    let remedies = alert.remedies().iter();
    remedies
        .filter_map(|remedy| command_for_remedy(*remedy, alert))
        .collect()
}

/// The command lines of an alert's email.
pub(crate) fn help_for_alert(alert: &Alert) -> AlertHelp {
    AlertHelp {
        commands: commands_for_alert(alert),
        remark: explain_placeholder_for_alert(alert),
    }
}

/// Explains a word in capitals of these commands, if it isn't obvious.
pub(crate) fn explain_placeholder_for_alert(alert: &Alert) -> Option<&'static str> {
    let mut remedies = alert.remedies().iter();
    remedies.find_map(|remedy| explain_placeholder(*remedy))
}

fn command_for_remedy(remedy: Remedy, alert: &Alert) -> Option<String> {
    match (remedy, alert) {
        (Remedy::ShowRun, Alert::RunFailed { run, .. } | Alert::RunLost { run }) => {
            Some(format!("{HIPPO} runs show {run}"))
        }
        (
            Remedy::ResendNotice,
            Alert::NoNotice { family, date, .. } | Alert::RecipientUnreached { family, date, .. },
        ) => Some(format!("{HIPPO} notices resend {family} {date}")),
        (Remedy::ResendNotice, _) => Some(format!("{HIPPO} notices resend FAMILY DATE")),
        (Remedy::ShowNotices, _) => Some(format!("{HIPPO} notices")),
        (
            Remedy::AllowRecipient,
            Alert::RecipientStopped { family, .. } | Alert::EverybodyUnsubscribed { family, .. },
        ) => Some(format!("{HIPPO} family allow-recipient {family} ADDRESS")),
        (Remedy::SetPin, _) => Some(format!("{HIPPO} card set-pin CARD")),
        (Remedy::EditLibrary, Alert::SealedForOtherHosts { library, .. }) => {
            Some(format!("{HIPPO} library edit {library}"))
        }
        (Remedy::DetectSystem, Alert::PageChanged { library, .. }) => {
            Some(format!("{HIPPO} library detect {library}"))
        }
        (_, Alert::WrongDateFormat { library } | Alert::LibraryDown { library, .. }) => {
            let option = edit_option(remedy)?;
            Some(format!("{HIPPO} library edit {library} {option}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hippo_core::failure::{Failure, FailureKind};

    use super::*;

    #[test]
    fn every_remedy_of_an_alert_about_a_library_has_a_command() {
        let failures = [
            Failure::page_changed("x").with_remedy(Remedy::DetectSystem),
            Failure::page_changed("x").with_remedy(Remedy::SetDateFormat),
            Failure::new(FailureKind::SealedForOtherHosts, "x"),
            Failure::page_changed("x"),
        ];
        let library: LibraryId = "wpl".parse().unwrap();
        let shown = failures.map(|failure| {
            let alert = Alert::for_failure(&library, &failure, chrono::NaiveDate::default());
            let alert = alert.unwrap();
            let commands = commands_for_alert(&alert);
            assert_eq!(commands.len(), alert.remedies().len());
            let mut lines = vec![format!("{} {}", alert.sentence(), alert.advice())];
            lines.extend(commands);
            lines.join("\n")
        });
        insta::assert_snapshot!(shown.join("\n"), @r"
        LibraryHippo hasn't understood a page of wpl since its entry was added or changed. Its site may run another system than its entry says. Find out which one, and correct the entry.
        hippo library detect wpl
        The date format in the entry of wpl doesn't fit its dates. Set the library's date format. The next check then reads its pages.
        hippo library edit wpl --date-format FORMAT
        A PIN for wpl wasn't sent: it was sealed for other hosts than its entry names now. Look at the library's entry: only you should change its hosts. If the entry is right, set the card's PIN again.
        hippo library edit wpl
        hippo card set-pin CARD
        LibraryHippo no longer understands the pages of wpl. See what changed on its site. A newer version of LibraryHippo may know the page.
        ");
    }

    #[test]
    fn alert_about_a_date_format_shows_an_example() {
        let library: LibraryId = "wpl".parse().unwrap();
        let alert = Alert::WrongDateFormat {
            library: library.clone(),
        };
        let command = "hippo library edit wpl --date-format FORMAT";
        assert_eq!(commands_for_alert(&alert), [command]);
        let example = explain_placeholder_for_alert(&alert).unwrap();
        assert!(example.contains("%d.%m.%Y reads 31.12.2026"), "{example}");
        let since = chrono::DateTime::UNIX_EPOCH;
        let down = Alert::LibraryDown { library, since };
        assert_eq!(explain_placeholder_for_alert(&down), None);
    }
}
