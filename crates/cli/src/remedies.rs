//! Remedies as command lines.

use hippo_core::alerts::{Alert, AlertHelp};
use hippo_core::failure::Remedy;
use hippo_core::ids::{CardId, LibraryId};
use url::Url;

use crate::suggested::{HIPPO, quoted};

/// The command line for the remedy of a card's failure, if there is one; `site` is the library's address.
pub(crate) fn command_for_card(
    remedy: Remedy,
    card: CardId,
    library: &LibraryId,
    site: Option<&Url>,
) -> Option<String> {
    if let Some(option) = edit_option(remedy) {
        return Some(format!("{HIPPO} library edit {library} {option}"));
    }
    match remedy {
        Remedy::RetryCard => Some(format!("{HIPPO} card retry {card}")),
        Remedy::SetPin => Some(format!("{HIPPO} card set-pin {card}")),
        Remedy::EditLibrary => Some(format!("{HIPPO} library edit {library}")),
        Remedy::DetectSystem => {
            let site = site.map_or("URL", |site| site.as_str().trim_end_matches('/'));
            Some(format!("{HIPPO} library detect {}", quoted(site)))
        }
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
        (_, Alert::WrongDateFormat { library } | Alert::LibraryDown { library, .. }) => {
            let option = edit_option(remedy)?;
            Some(format!("{HIPPO} library edit {library} {option}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
