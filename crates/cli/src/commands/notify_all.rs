//! `hippo notify-all`: sends every notice that is due.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use clap::Args;
use hippo_core::clock::local_date;
use hippo_core::family::Family;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::compose::{Composers, compose_notice};
use hippo_core::jobs::notify::send::{MailResult, NotifyPorts, unreachable_reason};
use hippo_core::library::Library;
use hippo_core::mail::Mailer;
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::run::{Job, Run, RunKey, RunOutcome};
use serde::Serialize;

use crate::context::{Context, Globals};
use crate::deployment::{NotifyAllAnswer, NotifyAllRequest, RunRequest};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::not_started::show_not_started;
use crate::notice_view::{addresses, state_cell};
use crate::output::table::{Table, fixed, words};
use crate::output::{count, time};
use crate::start_options::StartOptions;
use crate::values::date;

/// Send every notice that is due.
///
/// Run it every 15 minutes: each family gets at most one notice a day, at its own time. It's
/// safe to start it twice at once, or again after a crash.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  hippo notify-all
  hippo notify-all --dry-run                      # shows what it would send now
  hippo notify-all --dry-run --date 2026-11-20    # shows another day's notice

Exit code 1: an email could not be sent.")]
pub(crate) struct NotifyAll {
    /// Show each family's notice. Sends and saves nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The families' local date. Today by default, at any time of day; a past date needs --dry-run.
    #[arg(long, value_parser = date)]
    pub(crate) date: Option<NaiveDate>,
    /// Only this family's notice.
    #[arg(long)]
    pub(crate) family: Option<FamilyId>,
    /// Whether to retry notices that the mail server refused; by default only if a person asks.
    #[arg(skip)]
    pub(crate) at_once: Option<bool>,
    #[command(flatten)]
    pub(crate) start: StartOptions,
}

/// The resources for composing a notice.
struct Composing<'a> {
    context: &'a Context,
    composers: Composers,
    mailer: Box<dyn Mailer>,
    libraries: BTreeMap<LibraryId, Library>,
}

impl<'a> Composing<'a> {
    async fn new(context: &'a Context) -> Result<Self, CommandError> {
        Ok(Self {
            composers: Composers::default(),
            mailer: context.deployment.mailer()?,
            libraries: context.libraries().await?,
            context,
        })
    }

    fn ports(&'a self) -> NotifyPorts<'a> {
        let store = &*self.context.store;
        NotifyPorts {
            families: store,
            accounts: store,
            outbox: store,
            alerts: store,
            composers: &self.composers,
            mailer: &*self.mailer,
            clock: &*self.context.clock,
            libraries: &self.libraries,
            operator_contact: self.context.deployment.contact(),
        }
    }
}

/// Sends the due notices, or shows them.
pub(crate) async fn run(args: NotifyAll, globals: &Globals) -> CommandResult {
    notify_all(&globals.open().await?, args).await
}

/// Sends the due notices, or shows them, with an open context.
pub(crate) async fn notify_all(context: &Context, args: NotifyAll) -> CommandResult {
    let families = context.families(args.family.as_ref()).await?;
    if let Some(date) = args.date {
        check_date(context, &families, date, args.dry_run)?;
    }
    if args.dry_run {
        return dry_run(context, &families, args.date).await;
    }
    let key = args.start.run_key(
        Job::NotifyAll,
        context.deployment.default_label(Job::NotifyAll),
        &*context.deployment,
        context.now(),
    )?;
    let request = NotifyAllRequest {
        run: RunRequest {
            key,
            is_schedule: args.start.is_schedule(),
            input: NotifyAllInput {
                date: args.date,
                family: args.family.clone(),
                at_once: false,
            },
        },
        at_once: args.at_once,
    };
    match context.deployment.notify_all(request).await? {
        NotifyAllAnswer::Done { run, notices } => {
            let mut notices: Vec<NoticeView> = notices.iter().map(NoticeView::from).collect();
            notices.sort_by(|a, b| (&a.family, a.date).cmp(&(&b.family, b.date)));
            show(context, &args, &run, &notices).await
        }
        NotifyAllAnswer::Enqueued { run, notices } => {
            Ok(show_enqueued(context, &args, &run, notices))
        }
        NotifyAllAnswer::NotStarted(reason) => Ok(show_not_started(context, &args.start, &reason)),
    }
}

#[derive(Serialize)]
struct EnqueuedNoticesDocument {
    run: String,
    notices: u64,
}

fn show_enqueued(context: &Context, args: &NotifyAll, run: &RunKey, notices: u64) -> Outcome {
    context.output.print_document(&EnqueuedNoticesDocument {
        run: run.to_string(),
        notices,
    });
    if !args.start.is_quiet() {
        context.output.print_text(match notices {
            0 => NOTHING_DUE.to_owned(),
            notices => format!(
                "Sending {}. This goes on without the command; “hippo status” shows how far it is.",
                count(
                    usize::try_from(notices).unwrap_or(usize::MAX),
                    "notice",
                    "notices"
                )
            ),
        });
    }
    Outcome::Done
}

const NOTHING_DUE: &str = "No notice is due now. “hippo status” says when the next one is.";

fn check_date(
    context: &Context,
    families: &[Family],
    date: NaiveDate,
    dry_run: bool,
) -> Result<(), CommandError> {
    let now = context.now();
    for family in families.iter().filter(|family| !family.paused) {
        let today = local_date(now, family.timezone);
        if date > today {
            return Err(CommandError::usage(format!(
                "{date} hasn't come yet for the family {}, where it's {today}.",
                family.id
            )));
        }
        if date < today && !dry_run {
            return Err(CommandError::usage(format!(
                "{date} is past for the family {}, where it's {today}. We don't send notices for past days. To see it, \
                 add --dry-run.",
                family.id
            )));
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct DryRun {
    kind: MailKind,
    family: FamilyId,
    date: NaiveDate,
    subject: Option<String>,
    text: Option<String>,
    /// The addresses that would get it.
    recipients: usize,
    /// The addresses that wouldn't, because emails to them bounced or were marked as spam.
    stopped: usize,
    /// Why the notice would be FAILED.
    fails: Option<&'static str>,
    recorded: Option<MailState>,
    /// Whether the day is past or its notice is final, so that nothing more is sent.
    is_over: bool,
}

/// The date of the notice that would be sent now; yesterday's, if it goes out after midnight.
async fn next_notice_date(
    context: &Context,
    family: &Family,
    today: NaiveDate,
) -> Result<NaiveDate, CommandError> {
    for date in family.due_dates(context.now()) {
        let recorded = context
            .store
            .mail(&MailKey::daily(family.id.clone(), date))
            .await?;
        if date < today && recorded.is_none_or(|record| !record.state.is_final()) {
            return Ok(date);
        }
    }
    Ok(today)
}

async fn dry_run(context: &Context, families: &[Family], date: Option<NaiveDate>) -> CommandResult {
    let composing = Composing::new(context).await?;
    let mut shown = Vec::new();
    for family in families.iter().filter(|family| !family.paused) {
        let today = local_date(context.now(), family.timezone);
        let date = match date {
            Some(date) => date,
            None => next_notice_date(context, family, today).await?,
        };
        let has_passed = date < today && family.has_passed(date, context.now());
        // The text is relative to the day of sending, or to its own day if that is past.
        let rendered_on = if has_passed { date } else { today };
        let Some(loaded) = context.store.load_family(&family.id).await? else {
            continue;
        };
        let input = composing.ports().compose_input(&loaded, date, rendered_on);
        let composed = compose_notice(&input).await?;
        let recorded = context
            .store
            .mail(&MailKey::daily(family.id.clone(), date))
            .await?;
        let is_over = has_passed || recorded.as_ref().is_some_and(OutboxRecord::is_over);
        let recorded = recorded.map(|record| record.state);
        shown.push(DryRun {
            kind: MailKind::DAILY,
            family: family.id.clone(),
            date,
            recipients: family.reachable_recipients().len(),
            stopped: family.stopped_recipients().len(),
            fails: composed
                .mail
                .as_ref()
                .and_then(|_| unreachable_reason(family)),
            is_over,
            recorded,
            subject: composed.mail.as_ref().map(|mail| mail.subject.clone()),
            text: composed.mail.map(|mail| mail.text),
        });
    }
    context.output.print_document(&shown);
    for notice in &shown {
        print_dry_run(context, notice);
    }
    if shown.is_empty() {
        context.output.print_text("There is no family to send to.");
    }
    Ok(Outcome::Done)
}

fn print_dry_run(context: &Context, notice: &DryRun) {
    let recorded = notice
        .recorded
        .map(|state| format!(" (on record as {})", state.as_str()))
        .unwrap_or_default();
    let head = format!("== {}, {}{recorded}", notice.family, notice.date);
    match (&notice.subject, &notice.text) {
        (Some(subject), Some(text)) => {
            let to = match notice.fails {
                _ if notice.is_over => {
                    "to nobody, because this day's notice is final. It would say:".to_owned()
                }
                Some(why) => format!("to nobody; the notice would be FAILED. {why}"),
                None => format!("to {}", addresses(notice.recipients, notice.stopped)),
            };
            context.output.print_text(format!(
                "{head}, {to}\nSubject: {subject}\n\n{}\n",
                text.trim_end()
            ));
        }
        _ => context
            .output
            .print_text(format!("{head}\nNothing to say.\n")),
    }
}

#[derive(Serialize)]
struct NotifyRunDocument<'a> {
    run: &'a Run,
    notices: &'a [NoticeView],
}

#[derive(Serialize)]
struct NoticeView {
    kind: MailKind,
    family: FamilyId,
    date: NaiveDate,
    state: MailState,
    subject: Option<String>,
    reason: Option<String>,
}

impl From<&MailResult> for NoticeView {
    fn from(result: &MailResult) -> Self {
        Self {
            kind: result.kind.clone(),
            family: result.family.clone(),
            date: result.date,
            state: result.state,
            subject: result.subject.clone(),
            reason: result.reason.clone(),
        }
    }
}

async fn show(
    context: &Context,
    args: &NotifyAll,
    run: &Run,
    notices: &[NoticeView],
) -> CommandResult {
    context
        .output
        .print_document(&NotifyRunDocument { run, notices });
    let outcome =
        Outcome::failed_if(run.counts.failures() > 0 || run.outcome == RunOutcome::Interrupted);
    if context.output.json || (args.start.is_quiet() && outcome == Outcome::Done) {
        return Ok(outcome);
    }
    if notices.is_empty() {
        if !show_final_notices(context, args).await? {
            context.output.print_text(NOTHING_DUE);
        }
    } else {
        let mut table = Table::new([
            words("FAMILY"),
            fixed("DATE"),
            fixed("STATE"),
            words("SUBJECT"),
        ]);
        for notice in notices {
            table.row([
                notice.family.as_str().into(),
                notice.date.to_string().into(),
                state_cell(notice.state),
                notice
                    .subject
                    .as_deref()
                    .unwrap_or_else(|| without_subject(notice.state))
                    .into(),
            ]);
        }
        context.output.print_table(&table);
        for notice in notices {
            if let Some(reason) = &notice.reason {
                context.output.print_text(format!(
                    "{}, {}: {}",
                    notice.family,
                    notice.date,
                    hippo_core::text::clean(reason)
                ));
            }
        }
        let sent = usize::try_from(run.counts.done).unwrap_or(usize::MAX);
        context.output.print_text(format!(
            "Sent {} to {} in {}.",
            count(sent, "notice", "notices"),
            context.deployment.mail_destination(),
            time::duration(run.duration(context.now()))
        ));
    }
    Ok(outcome)
}

/// Returns what is shown for a notice without a subject.
fn without_subject(state: MailState) -> &'static str {
    match state {
        MailState::Skipped => "nothing to say",
        MailState::Missed => "not sent that day",
        MailState::GaveUp => "we can't tell whether it was sent",
        MailState::Failed => "could not be sent",
        MailState::Sent => "sent before",
        MailState::Newer => "a newer version of hippo has it",
        MailState::Pending | MailState::Claimed => "not sent yet",
        MailState::Sending | MailState::Unknown => "being sent, or lost",
    }
}

/// Reports notices that were final before; returns whether there was one.
async fn show_final_notices(context: &Context, args: &NotifyAll) -> Result<bool, CommandError> {
    if args.date.is_none() && args.family.is_none() {
        return Ok(false);
    }
    let mut has_printed = false;
    for family in context.families(args.family.as_ref()).await? {
        let today = local_date(context.now(), family.timezone);
        let date = args.date.unwrap_or(today);
        let Some(record) = context
            .store
            .mail(&MailKey::daily(family.id.clone(), date))
            .await?
        else {
            continue;
        };
        if record.state.is_final() {
            let reason = record.reason.as_deref().map(hippo_core::text::clean);
            context.output.print_text(format!(
                "The notice of {} for {date} has been {} since {}. Nothing more happens for this day. {}",
                family.id,
                record.state.as_str(),
                time::moment(record.changed_at, context.now(), context.zone()),
                reason.unwrap_or_default()
            ).trim_end());
            has_printed = true;
        }
    }
    Ok(has_printed)
}
