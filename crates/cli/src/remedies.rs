//! Remedies as command lines.

use hippo_core::alerts::Alert;
use hippo_core::failure::{Failure, Remedy};
use hippo_core::ids::LibraryId;

/// The command that edits what is wrong in a library's entry, where that is a failure's remedy.
pub(crate) fn edit_command(failure: &Failure, library: &LibraryId) -> Option<String> {
    let option = edit_option(failure.remedy?)?;
    Some(format!("hippo library edit {library} {option}"))
}

fn edit_option(remedy: Remedy) -> Option<&'static str> {
    match remedy {
        Remedy::SetDateFormat => Some("--date-format FORMAT"),
        Remedy::AddLoginHost => Some("--login-host HOST"),
        Remedy::SetUrl => Some("--url URL"),
        _ => None,
    }
}

/// The commands that do what the advice of an alert says, the most useful first.
pub(crate) fn commands_for_alert(alert: &Alert) -> Vec<String> {
    let remedies = alert.remedies().iter();
    remedies
        .filter_map(|remedy| command_for_alert(*remedy, alert))
        .collect()
}

fn command_for_alert(remedy: Remedy, alert: &Alert) -> Option<String> {
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
        (Remedy::AllowRecipient, Alert::RecipientStopped { family, .. }) => {
            Some(format!("hippo family allow-recipient {family} ADDRESS"))
        }
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
