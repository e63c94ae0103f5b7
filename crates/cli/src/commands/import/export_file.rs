//! Imports a file that `hippo export` wrote.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hippo_core::ids::LibraryId;
use hippo_core::store::WriteMode;
use hippo_core::transfer::{CheckedTransfer, ImportReport, Tally, Transfer, TransferPart};
use serde::Serialize;

use crate::ask::confirm;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::output::progress::ProgressBar;
use crate::suggested::HIPPO;

/// The most differences that are printed; `--json` lists all.
const MAX_DIFFERENCES_SHOWN: usize = 20;

#[derive(Serialize)]
struct TransferReportDocument<'a> {
    dry_run: bool,
    exported_at: DateTime<Utc>,
    /// The origins that will get the PINs of each library.
    login_origins: BTreeMap<LibraryId, String>,
    #[serde(flatten)]
    report: &'a ImportReport,
}

/// Imports the text of the file `name`.
pub(super) async fn import(
    context: &Context,
    name: &str,
    text: &str,
    dry_run: bool,
    yes: bool,
) -> CommandResult {
    let refused = |error: CommandError| {
        error.with_context(&format!("Didn't import {name}. Nothing was changed."))
    };
    let transfer = Transfer::parse(text).map_err(|error| refused(error.into()))?;
    // The key must not change until all secrets are written.
    let _lock = context.deployment.lock_secrets()?;
    let keys = context.keys.private_keys().await?;
    let fingerprint_key = context.keys.fingerprint_key().await?;
    let stored = context.store.libraries().await?;
    let checked = CheckedTransfer::new(&transfer, &keys, &fingerprint_key, &stored)
        .map_err(|error| refused(error.into()))?;
    let origins = checked.login_origins();
    if !origins.is_empty() {
        context
            .output
            .print_message("We'll send the PINs in this file to:");
        for (library, origins) in &origins {
            context
                .output
                .print_message(format!("  {library}: {origins}"));
        }
        let question = "Are these the hosts of your libraries?";
        if !dry_run && !confirm(question, yes)? {
            context.output.print_text("Nothing was changed.");
            return Ok(Outcome::Done);
        }
    }
    let mode = if dry_run {
        WriteMode::DryRun
    } else {
        WriteMode::Write
    };
    let progress = ProgressBar::new("families");
    let imported = checked
        .import(&*context.store, mode, &|step| progress.show_transfer(step))
        .await;
    drop(progress);
    let report = imported.map_err(|error| interrupted(name, error.into()))?;
    context.output.print_document(&TransferReportDocument {
        dry_run,
        exported_at: transfer.exported_at,
        login_origins: origins
            .iter()
            .map(|(library, origins)| (library.clone(), origins.to_string()))
            .collect(),
        report: &report,
    });
    print_result(context, &report, dry_run);
    Ok(Outcome::failed_if(!report.differences.is_empty()))
}

fn interrupted(name: &str, error: CommandError) -> CommandError {
    error.advice(format!(
        "Part of {name} may be here already. Fix this and import it again; the rest follows."
    ))
}

fn print_result(context: &Context, report: &ImportReport, dry_run: bool) {
    let output = &context.output;
    let counts = |number: fn(&Tally) -> usize| {
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
        ("Would add", "Would update")
    } else {
        ("Added", "Updated")
    };
    let is_here_already = total(|tally| tally.unchanged) > 0;
    if total(|tally| tally.added) > 0 || !is_here_already {
        output.print_text(format!("{added} {}.", counts(|tally| tally.added)));
    }
    if total(|tally| tally.completed) > 0 {
        output.print_text(format!("{completed} {}.", counts(|tally| tally.completed)));
    }
    if is_here_already {
        output.print_text(format!(
            "Already here, and unchanged: {}.",
            counts(|tally| tally.unchanged)
        ));
    }
    if !report.differences.is_empty() {
        output.print_text(format!(
            "Different here, and left unchanged: {}.",
            counts(|tally| tally.different)
        ));
        for difference in report.differences.iter().take(MAX_DIFFERENCES_SHOWN) {
            let part = match difference.part {
                TransferPart::Library => "Library",
                TransferPart::Family => "Family",
                TransferPart::Card => "Card",
                TransferPart::Notice => "Notice",
            };
            output.print_text(format!(
                "  {part} {}: {}.",
                difference.id, difference.reason
            ));
        }
        let more = report
            .differences
            .len()
            .saturating_sub(MAX_DIFFERENCES_SHOWN);
        if more > 0 {
            output.print_text(format!("  And {more} more; --json lists all."));
        }
    }
    output.print_text(if dry_run {
        "Nothing was changed.".to_owned()
    } else if report.differences.is_empty() {
        format!("“{HIPPO} status” shows every card. When everything works, delete the file.")
    } else {
        "Fix these and import again. What is here already stays.".to_owned()
    });
}
