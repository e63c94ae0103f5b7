//! `hippo notify-all`: sends every notice that is due.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use clap::Args;
use hippo_core::clock::local_date;
use hippo_core::family::Family;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::compose::{Composers, compose_notice};
use hippo_core::jobs::notify::send::{MailResult, NotifyPorts, nobody_reachable};
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
/// Run it every quarter of an hour: each family gets at most one notice a day, at its own time. It's
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
    /// Whether to send also what waits since the mail server refused it; by default if a person asks.
    #[arg(skip)]
    pub(crate) at_once: Option<bool>,
    #[command(flatten)]
    pub(crate) start: StartOptions,
}

/// What composing a notice needs beside the store.
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

/// Sends what is due, or shows what would be sent.
pub(crate) async fn run(asked: NotifyAll, globals: &Globals) -> CommandResult {
    notify_all(&globals.open().await?, asked).await
}

/// Sends what is due, or shows what would be sent, with an open context.
pub(crate) async fn notify_all(context: &Context, asked: NotifyAll) -> CommandResult {
    let families = context.families(asked.family.as_ref()).await?;
    if let Some(date) = asked.date {
        check_date(context, &families, date, asked.dry_run)?;
    }
    if asked.dry_run {
        return dry_run(context, &families, asked.date).await;
    }
    let key = asked.start.run_key(
        Job::NotifyAll,
        context.deployment.default_label(Job::NotifyAll),
        &*context.deployment,
        context.now(),
    )?;
    let request = NotifyAllRequest {
        run: RunRequest {
            key,
            is_schedule: asked.start.is_schedule(),
            input: NotifyAllInput {
                date: asked.date,
                family: asked.family.clone(),
                at_once: false,
            },
        },
        at_once: asked.at_once,
    };
    match context.deployment.notify_all(request).await? {
        NotifyAllAnswer::Done { run, notices } => {
            let mut notices: Vec<NoticeView> = notices.iter().map(NoticeView::from).collect();
            notices.sort_by(|a, b| (&a.family, a.date).cmp(&(&b.family, b.date)));
            show(context, &asked, &run, &notices).await
        }
        NotifyAllAnswer::Enqueued { run, notices } => {
            Ok(show_enqueued(context, &asked, &run, notices))
        }
        NotifyAllAnswer::NotStarted(reason) => Ok(show_not_started(context, &asked.start, &reason)),
    }
}

#[derive(Serialize)]
struct EnqueuedDocument {
    run: String,
    notices: u64,
}

fn show_enqueued(context: &Context, asked: &NotifyAll, run: &RunKey, notices: u64) -> Outcome {
    context.output.document(&EnqueuedDocument {
        run: run.to_string(),
        notices,
    });
    if !asked.start.is_quiet() {
        context.output.say(match notices {
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
    /// How many would get it.
    recipients: usize,
    /// How many wouldn't, because emails to them bounced or were marked as spam.
    stopped: usize,
    /// Why the notice would be FAILED, if it would.
    fails: Option<&'static str>,
    recorded: Option<MailState>,
    /// Nothing more is sent for this day: it is past, or its notice is final.
    is_over: bool,
}

/// The date of the notice that would leave now: yesterday’s, where it leaves after midnight.
async fn next_to_leave(
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
            None => next_to_leave(context, family, today).await?,
        };
        let has_passed = date < today && family.has_passed(date, context.now());
        // The words of the day on which it leaves; of one that leaves no more, those of its own.
        let says_today = if has_passed { date } else { today };
        let Some(loaded) = context.store.load_family(&family.id).await? else {
            continue;
        };
        let input = composing.ports().compose_input(&loaded, date, says_today);
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
                .and_then(|_| nobody_reachable(family)),
            is_over,
            recorded,
            subject: composed.mail.as_ref().map(|mail| mail.subject.clone()),
            text: composed.mail.map(|mail| mail.text),
        });
    }
    context.output.document(&shown);
    for notice in &shown {
        say_dry_run(context, notice);
    }
    if shown.is_empty() {
        context.output.say("There is no family to send to.");
    }
    Ok(Outcome::Done)
}

fn say_dry_run(context: &Context, notice: &DryRun) {
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
            context.output.say(format!(
                "{head}, {to}\nSubject: {subject}\n\n{}\n",
                text.trim_end()
            ));
        }
        _ => context.output.say(format!("{head}\nNothing to say.\n")),
    }
}

#[derive(Serialize)]
struct Document<'a> {
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
    asked: &NotifyAll,
    run: &Run,
    settled: &[NoticeView],
) -> CommandResult {
    context.output.document(&Document {
        run,
        notices: settled,
    });
    let outcome =
        Outcome::failed_if(run.counts.failures() > 0 || run.outcome == RunOutcome::Interrupted);
    if context.output.json || (asked.start.is_quiet() && outcome == Outcome::Done) {
        return Ok(outcome);
    }
    if settled.is_empty() {
        if !show_final_notices(context, asked).await? {
            context.output.say(NOTHING_DUE);
        }
    } else {
        let mut table = Table::new([
            words("FAMILY"),
            fixed("DATE"),
            fixed("STATE"),
            words("SUBJECT"),
        ]);
        for notice in settled {
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
        context.output.table(&table);
        for notice in settled {
            if let Some(reason) = &notice.reason {
                context.output.say(format!(
                    "{}, {}: {}",
                    notice.family,
                    notice.date,
                    hippo_core::text::clean(reason)
                ));
            }
        }
        let sent = usize::try_from(run.counts.done).unwrap_or(usize::MAX);
        context.output.say(format!(
            "{} went to {} in {}.",
            count(sent, "notice", "notices"),
            context.deployment.mail_destination(),
            time::duration(run.duration(context.now()))
        ));
    }
    Ok(outcome)
}

/// The words in place of a subject.
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

/// Says that a notice was final before; returns whether there was one.
async fn show_final_notices(context: &Context, asked: &NotifyAll) -> Result<bool, CommandError> {
    if asked.date.is_none() && asked.family.is_none() {
        return Ok(false);
    }
    let mut has_said = false;
    for family in context.families(asked.family.as_ref()).await? {
        let today = local_date(context.now(), family.timezone);
        let date = asked.date.unwrap_or(today);
        let Some(record) = context
            .store
            .mail(&MailKey::daily(family.id.clone(), date))
            .await?
        else {
            continue;
        };
        if record.state.is_final() {
            let reason = record.reason.as_deref().map(hippo_core::text::clean);
            context.output.say(format!(
                "The notice of {} for {date} is {} since {}. Nothing more happens for this day. {}",
                family.id,
                record.state.as_str(),
                time::moment(record.changed_at, context.now(), context.zone()),
                reason.unwrap_or_default()
            ).trim_end());
            has_said = true;
        }
    }
    Ok(has_said)
}
