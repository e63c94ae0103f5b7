//! Importing what `hippo export` wrote.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hippo_core::ids::LibraryId;
use hippo_core::transfer::{Checked, Mode, Part, Report, Tally, Transfer};
use serde::Serialize;

use super::Import;
use crate::ask::confirm;
use crate::commands::export::show;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::output::progress::Progress;

/// So many differences are listed for people; `--json` has all.
const LISTED: usize = 20;

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    made_at: DateTime<Utc>,
    /// To which origins the PINs of each library will be sent.
    login_origins: BTreeMap<LibraryId, String>,
    #[serde(flatten)]
    report: &'a Report,
}

/// Imports the text of a file of this name.
pub(super) async fn import(
    context: &Context,
    name: &str,
    text: &str,
    import: &Import,
) -> CommandResult {
    let dry_run = import.dry_run;
    let refused = |error: CommandError| match error {
        CommandError::Usage(message) => CommandError::Usage(refusal(name, &message)),
        CommandError::Unusable(message) => CommandError::Unusable(refusal(name, &message)),
    };
    let transfer = Transfer::parse(text).map_err(|error| refused(error.into()))?;
    // Nobody may change the key between the look at the secrets and the last of them.
    let _lock = context.lock_secrets()?;
    let keys = context.keys.private_keys().await?;
    let fingerprint_key = context.keys.fingerprint_key().await?;
    let stored = context.store.libraries().await?;
    let checked = Checked::new(&transfer, &keys, &fingerprint_key, &stored)
        .map_err(|error| refused(error.into()))?;
    let origins = checked.login_origins();
    if !origins.is_empty() {
        context
            .output
            .note("The PINs in this file will be sent to:");
        for (library, origins) in &origins {
            context.output.note(format!("  {library}: {origins}"));
        }
        let question = "Are these the hosts of your libraries?";
        if !dry_run && !confirm(question, import.yes)? {
            context.output.say("Nothing was changed.");
            return Ok(Outcome::Done);
        }
    }
    let mode = if dry_run { Mode::DryRun } else { Mode::Write };
    let progress = Progress::new("families");
    let imported = checked
        .import(&*context.store, mode, &|step| show(&progress, step))
        .await;
    drop(progress);
    let report = imported.map_err(|error| interrupted(name, error.into()))?;
    context.output.document(&Document {
        dry_run,
        made_at: transfer.made_at,
        login_origins: origins
            .iter()
            .map(|(library, origins)| (library.clone(), origins.to_string()))
            .collect(),
        report: &report,
    });
    say(context, &report, dry_run);
    Ok(Outcome::failed_if(!report.differences.is_empty()))
}

fn refusal(name: &str, message: &str) -> String {
    format!("{name} was not imported; nothing was changed. {message}")
}

fn interrupted(name: &str, error: CommandError) -> CommandError {
    let message = format!(
        "{error} A part of {name} may be here already: import it again when that is mended, and the rest follows."
    );
    match error {
        CommandError::Usage(_) => CommandError::Usage(message),
        CommandError::Unusable(_) => CommandError::Unusable(message),
    }
}

fn say(context: &Context, report: &Report, dry_run: bool) {
    let output = &context.output;
    let of = |number: fn(&Tally) -> usize| {
        format!(
            "{}, {}, {} and {}",
            count(number(&report.libraries), "library", "libraries"),
            count(number(&report.families), "family", "families"),
            count(number(&report.cards), "card", "cards"),
            count(number(&report.notices), "notice", "notices"),
        )
    };
    let total = |number: fn(&Tally) -> usize| {
        [
            &report.libraries,
            &report.families,
            &report.cards,
            &report.notices,
        ]
        .map(number)
        .iter()
        .sum::<usize>()
    };
    let (added, completed) = if dry_run {
        ("Would add", "Would bring up to date")
    } else {
        ("Added", "Brought up to date")
    };
    let is_here_already = total(|tally| tally.unchanged) > 0;
    if total(|tally| tally.added) > 0 || !is_here_already {
        output.say(format!("{added} {}.", of(|tally| tally.added)));
    }
    if total(|tally| tally.completed) > 0 {
        output.say(format!("{completed} {}.", of(|tally| tally.completed)));
    }
    if is_here_already {
        output.say(format!(
            "Here already, and left as they are: {}.",
            of(|tally| tally.unchanged)
        ));
    }
    if !report.differences.is_empty() {
        output.say(format!(
            "Different here, and left as they are: {}.",
            of(|tally| tally.different)
        ));
        for difference in report.differences.iter().take(LISTED) {
            let part = match difference.part {
                Part::Library => "Library",
                Part::Family => "Family",
                Part::Card => "Card",
                Part::Notice => "Notice",
            };
            output.say(format!(
                "  {part} {}: {}.",
                difference.id, difference.reason
            ));
        }
        let more = report.differences.len().saturating_sub(LISTED);
        if more > 0 {
            output.say(format!("  And {more} more; --json lists all."));
        }
    }
    output.say(if dry_run {
        "Nothing was changed."
    } else if report.differences.is_empty() {
        "“hippo status” shows every card; when all is well, remove the file."
    } else {
        "Import again when these are mended; what is here already stays."
    });
}
