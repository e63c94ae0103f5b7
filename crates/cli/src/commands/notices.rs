//! `hippo notices`: a day's notices and their states.

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand};
use futures::{StreamExt as _, TryStreamExt as _};
use hippo_core::clock::{due_instant, local_date};
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;
use hippo_core::jobs::notify::resend::{Resend as Resending, ResendError};
use hippo_core::outbox::{MailKey, MailKind, OutboxRecord};
use serde::Serialize;

use crate::ask::confirm;
use crate::commands::notify_all::{NotifyAll, notify_all};
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::notice_view::{meaning, state_cell};
use crate::output::table::{Cell, Table, Tone, fixed, numbers, sentences, words};
use crate::output::time::{at_moment, moment};
use crate::suggested::HIPPO;
use crate::values::date;

/// Show a day's notices and their states.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  hippo notices
  hippo notices --date 2026-11-20 --family conrad
  hippo notices resend conrad"
)]
pub(crate) struct Notices {
    #[command(subcommand)]
    command: Option<Command>,
    /// The families' local date. By default today.
    #[arg(long, value_parser = date)]
    date: Option<NaiveDate>,
    /// Only this family's notice.
    #[arg(long)]
    family: Option<FamilyId>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Resend(Resend),
}

/// Send today's notice again, whatever its state.
///
/// It's your decision: if we gave up on the notice, we can't tell whether it arrived, and the family may
/// get it twice. The new email shows the accounts as they are now.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo notices resend conrad")]
struct Resend {
    /// The family.
    family: FamilyId,
    /// The family's local date, which must be today, the default.
    #[arg(value_parser = date)]
    date: Option<NaiveDate>,
    /// The kind of email.
    #[arg(long, default_value_t = MailKind::DAILY)]
    kind: MailKind,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

/// How many families are loaded at a time.
const MAX_CONCURRENT_FAMILIES: usize = 16;

#[derive(Serialize)]
struct DayView {
    kind: MailKind,
    family: FamilyId,
    date: NaiveDate,
    /// The due time by the family's current schedule.
    due: DateTime<Utc>,
    paused: bool,
    /// `None` if nothing is planned yet.
    record: Option<OutboxRecord>,
    meaning: Option<String>,
}

/// Shows a day's notices, or resends one.
pub(crate) async fn run(args: Notices, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    match args.command {
        Some(Command::Resend(resend)) => resend_notice(&context, resend).await,
        None => list(&context, &args).await,
    }
}

async fn list(context: &Context, args: &Notices) -> CommandResult {
    let families = context.families(args.family.as_ref()).await?;
    let mails = families
        .iter()
        .flat_map(|family| MailKind::ALL.iter().map(move |kind| (family, kind)));
    let views: Vec<DayView> = futures::stream::iter(mails)
        .map(|(family, kind)| load_view(context, family, kind, args.date))
        .buffered(MAX_CONCURRENT_FAMILIES)
        .try_filter_map(|view| futures::future::ready(Ok(view)))
        .try_collect()
        .await?;
    context.output.print_document(&views);
    if views.is_empty() {
        context.output.print_text(
            "There are no families yet. “hippo family add --help” shows how to add one.",
        );
        return Ok(Outcome::Done);
    }
    let now = context.now();
    let has_pictures = views.iter().any(|view| view.kind != MailKind::DAILY);
    let mut columns = vec![words("FAMILY")];
    columns.extend(has_pictures.then(|| fixed("KIND")));
    columns.extend([
        fixed("DATE"),
        fixed("STATE"),
        fixed("SINCE").dispensable(),
        numbers("ATTEMPTS").dispensable(),
        sentences("MEANING"),
    ]);
    let mut table = Table::new(columns);
    for view in &views {
        let (state, since, attempts) = match &view.record {
            Some(record) => (
                state_cell(record.state),
                moment(record.changed_at, now, context.zone()),
                record.tries().to_string(),
            ),
            None => (Cell::new("–", Tone::Faint), String::new(), String::new()),
        };
        let mut row: Vec<Cell> = vec![view.family.as_str().into()];
        row.extend(has_pictures.then(|| view.kind.as_str().into()));
        row.extend([
            view.date.to_string().into(),
            state,
            since.into(),
            attempts.into(),
            view.meaning.as_deref().unwrap_or_default().into(),
        ]);
        table.row(row);
    }
    context.output.print_table(&table);
    Ok(Outcome::Done)
}

/// Loads a family's mail of a kind and day; `None` if it has none and doesn't want that kind.
async fn load_view(
    context: &Context,
    family: &Family,
    kind: &MailKind,
    date: Option<NaiveDate>,
) -> Result<Option<DayView>, CommandError> {
    let now = context.now();
    let date = date.unwrap_or_else(|| local_date(now, family.timezone));
    let key = MailKey::new(kind.clone(), family.id.clone(), date);
    let record = context.store.mail(&key).await?;
    let scheduled = family.with_schedule_of(kind);
    if record.is_none() && scheduled.is_none() {
        return Ok(None);
    }
    let family = scheduled.as_deref().unwrap_or(family);
    let due = due_instant(date, family.notice_time, family.timezone);
    let meaning = match &record {
        Some(record) => meaning(record, now),
        None if family.is_paused_on(date) => Some("The family is paused on that day.".to_owned()),
        None if due > now => Some(format!("Due {}.", at_moment(due, now, family.timezone))),
        None if family.has_passed(date, now) => Some("There is no record of this day.".to_owned()),
        None => Some(format!("The next {} plans it.", kind.job_name())),
    };
    Ok(Some(DayView {
        kind: key.kind,
        family: family.id.clone(),
        date,
        due,
        paused: family.is_paused_on(date),
        record,
        meaning,
    }))
}

/// Tells why a notice isn't sent again.
fn resend_error(error: ResendError, family: &FamilyId, date: NaiveDate) -> CommandError {
    match error {
        ResendError::Store(error) => error.into(),
        ResendError::NotFound => {
            CommandError::usage(format!("The family {family} has no notice for {date}."))
                .try_command(format!("{HIPPO} notices --date {date}"))
        }
        ResendError::DayPassed => CommandError::usage(format!(
            "{date} is past for the family {family}, so its notice would be out of date. Today's says what is due now."
        )),
        ResendError::FamilyPaused => {
            CommandError::usage(format!("The family {family} is paused. Resume it first."))
                .try_command(format!("{HIPPO} family resume {family}"))
        }
        ResendError::Changed => {
            CommandError::usage(error.to_string()).try_command(format!("{HIPPO} notices"))
        }
        ResendError::Newer | ResendError::BeingSent => CommandError::usage(error.to_string()),
    }
}

async fn resend_notice(context: &Context, args: Resend) -> CommandResult {
    let family = context.family(&args.family).await?;
    let now = context.now();
    let date = args
        .date
        .unwrap_or_else(|| local_date(now, family.timezone));
    let kind = args.kind;
    let key = MailKey::new(kind.clone(), family.id.clone(), date);
    let resend = Resending::prepare(&*context.store, &family, &key, now).await;
    let resend = resend.map_err(|error| resend_error(error, &family.id, date))?;
    let question = match resend.warning() {
        Some(warning) => format!("{warning} Send it again?"),
        None => "Send it again?".to_owned(),
    };
    if !confirm(&question, args.yes)? {
        context.output.print_text("Nothing was changed.");
        return Ok(Outcome::Done);
    }
    let saved = resend.save(&*context.store).await;
    saved.map_err(|error| resend_error(error, &family.id, date))?;
    let only = NotifyAll {
        family: Some(family.id),
        sends_pictures: kind == MailKind::PICTURE,
        ..NotifyAll::default()
    };
    notify_all(context, only).await
}
