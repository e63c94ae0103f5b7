//! Remedies as command lines.

use hippo_core::alerts::Alert;
use hippo_core::failure::Remedy;
use hippo_core::ids::{CardId, LibraryId};

/// The command line for the remedy of a card's failure, if there is one.
pub(crate) fn command_for_card(
    remedy: Remedy,
    card: CardId,
    library: &LibraryId,
) -> Option<String> {
    if let Some(option) = edit_option(remedy) {
        return Some(format!("hippo library edit {library} {option}"));
    }
    match remedy {
        Remedy::RetryCard => Some(format!("hippo card retry {card}")),
        Remedy::SetPin => Some(format!("hippo card set-pin {card}")),
        Remedy::EditLibrary => Some(format!("hippo library edit {library}")),
        _ => None,
    }
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

fn command_for_remedy(remedy: Remedy, alert: &Alert) -> Option<String> {
    match (remedy, alert) {
        (Remedy::ShowRun, Alert::RunFailed { run, .. } | Alert::RunLost { run }) => {
            Some(format!("hippo runs show {run}"))
        }
        (
            Remedy::ResendNotice,
            Alert::NoNotice { family, date, .. } | Alert::RecipientUnreached { family, date, .. },
        ) => Some(format!("hippo notices resend {family} {date}")),
        (Remedy::ResendNotice, _) => Some("hippo notices resend FAMILY DATE".to_owned()),
        (Remedy::ShowNotices, _) => Some("hippo notices".to_owned()),
        (
            Remedy::AllowRecipient,
            Alert::RecipientStopped { family, .. } | Alert::EverybodyUnsubscribed { family, .. },
        ) => Some(format!("hippo family allow-recipient {family} ADDRESS")),
        (Remedy::SetPin, _) => Some("hippo card set-pin CARD".to_owned()),
        (Remedy::EditLibrary, Alert::SealedForOtherHosts { library, .. }) => {
            Some(format!("hippo library edit {library}"))
        }
        (_, Alert::WrongDateFormat { library } | Alert::LibraryDown { library, .. }) => {
            let option = edit_option(remedy)?;
            Some(format!("hippo library edit {library} {option}"))
        }
        _ => None,
    }
}
