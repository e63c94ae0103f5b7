//! `hippo status`: the state of every card and notice.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use clap::Args;
use hippo_core::alerts::{Alert, Confirmation, StoredAlert, confirm_alert};
use hippo_core::clock::local_date;
use hippo_core::family::Family;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::outbox::{MailKind, OutboxRecord};
use hippo_core::run::{JobName, Run};
use hippo_core::store::DamagedRow;
use serde::Serialize;

use crate::card_problem::active_back_off;
use crate::card_view::{self, CardView};
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::next_notice::{NextNotice, list_recent_runs};
use crate::notice_view::{addresses, meaning, state_cell};
use crate::output::table::{Cell, Table, Tone, fixed, numbers, paint, words};
use crate::output::time::{ago, day, moment};
use crate::pauses::load_pauses_of;
use crate::remedies;
use crate::run_view::{had_work, show_runs, with_work};
use crate::schedule_remarks;
use crate::suggested::HIPPO;

/// Show how every card and every notice is doing.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  hippo status
  hippo status --family conrad --json")]
pub(crate) struct Status {
    /// Only this family.
    #[arg(long)]
    pub(crate) family: Option<FamilyId>,
}

/// The most notices of a family that are shown.
const MAX_NOTICES: usize = 3;

/// How many runs of a job are looked at for one that had something to do: a day of ticks.
const RECENT_RUNS: usize = 100;

/// The most alerts that are printed.
const MAX_ALERTS_SHOWN: usize = 10;

/// The most alerts in the document.
const MAX_ALERTS: usize = 1000;

/// Older alerts are left out.
const ALERT_WINDOW: Duration = Duration::days(2);

#[derive(Serialize)]
struct StatusDocument {
    now: DateTime<Utc>,
    families: Vec<FamilyView>,
    libraries_backing_off: Vec<BackedOff>,
    /// The last run of each job.
    runs: Vec<Run>,
    /// The last run that had something to do, of each job whose last run had nothing.
    runs_with_work: Vec<Run>,
    /// Remarks on the schedules: disabled and paused ones, and undeclared labels.
    schedules: Vec<schedule_remarks::Remark>,
    /// The alerts of the last two days, newest first.
    alerts: Vec<AlertView>,
    /// Rows that the store can't read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged_rows: Vec<DamagedRow>,
}

#[derive(Serialize)]
struct AlertView {
    #[serde(flatten)]
    stored: StoredAlert,
    sentence: String,
    advice: &'static str,
    /// The command lines that help.
    commands: Vec<String>,
}

#[derive(Serialize)]
struct FamilyView {
    id: FamilyId,
    name: String,
    /// Whether today's notice is paused.
    paused: bool,
    /// The first date with a notice again, if a pause with an end goes on.
    paused_until: Option<NaiveDate>,
    /// The addresses that get the notices.
    recipients: usize,
    /// The addresses that don't, because emails to them bounced or were marked as spam.
    stopped: usize,
    /// The addresses that unsubscribed from the daily notice.
    unsubscribed: usize,
    /// When the next notice is due; in the past while it waits for `notify-all`.
    next_notice: Option<DateTime<Utc>>,
    notice_is_late: bool,
    /// Why the notice failed or is late, and the command that helps.
    #[serde(skip)]
    why_not_sent: Option<(String, String)>,
    #[serde(skip)]
    next: NextNotice,
    cards: Vec<CardView>,
    notices: Vec<NoticeView>,
}

#[derive(Serialize)]
struct NoticeView {
    #[serde(flatten)]
    record: OutboxRecord,
    meaning: Option<String>,
}

#[derive(Serialize)]
struct BackedOff {
    library: LibraryId,
    until: DateTime<Utc>,
}

/// Shows the state of everything.
pub(crate) async fn run(args: Status, globals: &Globals) -> CommandResult {
    status(&globals.open().await?, &args).await
}

/// Shows the state of everything, with an open context.
pub(crate) async fn status(context: &Context, args: &Status) -> CommandResult {
    let families = context.families(args.family.as_ref()).await?;
    let document = document(context, &families).await?;
    context.output.print_document(&document);
    if families.is_empty() {
        context.output.print_text(
            "There are no families yet. “hippo family add --help” shows how to add one.",
        );
    }
    for (family, view) in families.iter().zip(&document.families) {
        show_family(context, family, view);
    }
    show_libraries(context, &document.libraries_backing_off);
    let pauses = load_pauses_of(context, &document.runs).await?;
    show_runs(context, &document.runs, &document.runs_with_work, &pauses);
    schedule_remarks::show(context, &document.schedules);
    show_alerts(context, &document.alerts);
    show_damaged_rows(context, &document.damaged_rows);
    Ok(Outcome::Done)
}

async fn document(context: &Context, families: &[Family]) -> Result<StatusDocument, CommandError> {
    let now = context.now();
    let libraries = context.libraries().await?;
    let recent_runs = list_recent_runs(context).await?;
    let mut views = Vec::new();
    for family in families {
        let notices = context
            .store
            .recent_mails(&MailKind::DAILY, &family.id, MAX_NOTICES)
            .await?;
        let next = NextNotice::find(context, family).await?;
        let is_late = next.is_late(family, now);
        let why_not_sent = (is_late || next.has_failed())
            .then(|| next.why_not_sent(context, family, &recent_runs));
        let subscribed = family.subscribed_recipients(&MailKind::DAILY).len();
        views.push(FamilyView {
            id: family.id.clone(),
            name: hippo_core::text::clean(&family.name),
            paused: family.is_paused_at(now),
            paused_until: family.paused_until.filter(|_| family.is_paused_at(now)),
            recipients: subscribed,
            stopped: family.stopped_recipients().len(),
            unsubscribed: family.reachable_recipients().len() - subscribed,
            next_notice: next.instant(),
            notice_is_late: is_late,
            why_not_sent,
            next,
            cards: card_view::load_cards(context, family, &libraries).await?,
            notices: notices
                .into_iter()
                .map(|record| NoticeView {
                    meaning: meaning(&record, now),
                    record,
                })
                .collect(),
        });
    }
    let mut libraries_backing_off = Vec::new();
    for library in libraries.keys() {
        if let Some(until) = active_back_off(context, library).await? {
            libraries_backing_off.push(BackedOff {
                library: library.clone(),
                until,
            });
        }
    }
    let (mut runs, mut runs_with_work) = (Vec::new(), Vec::new());
    for job in JobName::all() {
        let recent = context.store.recent_runs(Some(job), None, RECENT_RUNS);
        let mut recent = recent.await?.into_iter();
        let Some(last) = recent.next() else { continue };
        if !had_work(&last)
            && let Some(run) = recent.find(had_work)
        {
            runs_with_work.push(with_work(context, run).await?);
        }
        runs.push(with_work(context, last).await?);
    }
    Ok(StatusDocument {
        now,
        families: views,
        libraries_backing_off,
        schedules: schedule_remarks::remarks(context).await?,
        runs,
        runs_with_work,
        alerts: alerts(context).await?,
        // This comes last, because it reports the rows that were read above.
        damaged_rows: context.store.damaged_rows(),
    })
}

/// Names the rows that the store can't read, and what to do.
fn show_damaged_rows(context: &Context, rows: &[DamagedRow]) {
    for row in rows {
        let alert = Alert::from(row.clone());
        context.output.print_indented("", &alert.sentence());
        context.output.print_indented("  → ", alert.advice());
    }
}

/// The alerts of the last two days.
async fn alerts(context: &Context) -> Result<Vec<AlertView>, CommandError> {
    let since = context.now() - ALERT_WINDOW;
    let recent = context.store.recent_alerts(MAX_ALERTS).await?;
    let mut views = Vec::new();
    for stored in recent.into_iter().filter(|alert| alert.last_seen >= since) {
        // A delivered alert was confirmed; the others may not be true any more.
        let is_true = stored.delivered_at.is_some() || {
            let confirmation = confirm_alert(&*context.store, &stored.alert).await?;
            matches!(confirmation, Confirmation::True(_))
        };
        if is_true {
            views.push(AlertView {
                sentence: stored.alert.sentence(),
                advice: stored.alert.advice(),
                commands: remedies::commands_for_alert(&stored.alert),
                stored,
            });
        }
    }
    Ok(views)
}

fn show_family(context: &Context, family: &Family, view: &FamilyView) {
    let (now, output) = (context.now(), &context.output);
    let head = format!("{} ({})", view.name, view.id);
    output.print_text(paint(&head, Tone::Bold, output.color));
    output.print_text(next_words(context, family, view));
    if view.cards.is_empty() {
        output.print_text("No cards yet. “hippo card add --help” shows how to add one.");
    } else {
        let today = local_date(now, family.timezone);
        let mut table = Table::new([
            words("PATRON"),
            words("LIBRARY"),
            fixed("CHECKED"),
            fixed("AT").dispensable(),
            numbers("OUT"),
            fixed("DUE NEXT"),
            numbers("READY"),
            fixed("STATE"),
        ]);
        for card in &view.cards {
            let [out, due, ready] = card.account_cells(today);
            let at = card
                .last_checked
                .map_or_else(String::new, |at| moment(at, now, context.zone()));
            table.row([
                card.patron.as_str().into(),
                card.library_name.as_str().into(),
                card.checked_cell(now),
                Cell::new(at, Tone::Faint),
                out,
                due,
                ready,
                card.problem_cell(),
            ]);
        }
        output.print_text("");
        output.print_table(&table);
    }
    show_problems(context, view);
    show_notices(context, view);
    output.print_text("");
}

fn next_words(context: &Context, family: &Family, view: &FamilyView) -> String {
    let to = match (view.recipients, view.stopped, view.unsubscribed) {
        (0, 0, 0) => format!("to nobody: add an address with “{HIPPO} family add-recipient”"),
        (0, _, 1..) => {
            format!(
                "to nobody: everybody unsubscribed or was stopped; “{HIPPO} family list” names them"
            )
        }
        (0, ..) => format!(
            "to nobody: emails to every address bounced or were marked as spam; “{HIPPO} family list” names them"
        ),
        (recipients, stopped, unsubscribed) => {
            format!("to {}", addresses(recipients, stopped, unsubscribed))
        }
    };
    match (view.paused, view.paused_until) {
        (true, Some(until)) => {
            let until = day(until, local_date(context.now(), family.timezone));
            let next = view.next.sentence(context, family);
            return format!("Paused; notices resume {until}. {next}, {to}.");
        }
        (true, None) => return "Paused: we send no notices.".to_owned(),
        (false, _) => {}
    }
    let next = format!("{}, {to}.", view.next.sentence(context, family));
    let now = context.now();
    let Some(since) = family.next_pause(now) else {
        return next;
    };
    let today = local_date(now, family.timezone);
    let until = family.paused_until.map_or_else(String::new, |until| {
        format!("; notices resume {}", day(until, today))
    });
    format!("{next} Paused from {}{until}.", day(since, today))
}

fn show_problems(context: &Context, view: &FamilyView) {
    let (now, output) = (context.now(), &context.output);
    let messages_of = |card: &CardView| {
        let account = card.account.clone();
        account.map_or_else(Vec::new, |account| account.messages)
    };
    let has_something = |card: &CardView| card.problem.is_some() || !messages_of(card).is_empty();
    if view.why_not_sent.is_some() || view.cards.iter().any(has_something) {
        output.print_text("");
        output.print_text("Needs attention:");
    }
    if let Some((why, command)) = &view.why_not_sent {
        output.print_indented("  ", why);
        output.print_line(format!("    → {command}"));
    }
    for card in &view.cards {
        let name = format!("{} at {}", card.patron, card.library_name);
        if let Some(problem) = &card.problem {
            let age = match (card.last_success, &card.failure) {
                (Some(read), Some(_)) => format!(" This shows the check from {}.", ago(read, now)),
                _ => String::new(),
            };
            output.print_indented("  ", &format!("{name}: {}{age}", problem.what));
            if let Some(command) = &problem.what_to_do {
                output.print_line(format!("    → {command}"));
            }
        }
        for message in messages_of(card) {
            output.print_indented("  ", &format!("{name}: the library says: {message}"));
        }
    }
}

fn show_notices(context: &Context, view: &FamilyView) {
    if view.notices.is_empty() {
        return;
    }
    let now = context.now();
    let mut table = Table::new([fixed("NOTICE OF"), fixed("STATE"), fixed("SINCE")]);
    for notice in &view.notices {
        table.row([
            notice.record.date.to_string().into(),
            state_cell(notice.record.state),
            moment(notice.record.changed_at, now, context.zone()).into(),
        ]);
    }
    context.output.print_text("");
    context.output.print_table(&table);
    for notice in &view.notices {
        if let Some(meaning) = &notice.meaning {
            let words = format!("{}: {meaning}", notice.record.date);
            context.output.print_indented("  ", &words);
        }
    }
}

fn show_libraries(context: &Context, backed_off: &[BackedOff]) {
    for library in backed_off {
        context.output.print_text(format!(
            "The library {} didn't answer or turned us away. We'll try again after {}.",
            library.library,
            moment(library.until, context.now(), context.zone())
        ));
    }
}

fn show_alerts(context: &Context, alerts: &[AlertView]) {
    if alerts.is_empty() {
        return;
    }
    context.output.print_text("");
    context.output.print_text("Recent problems:");
    // Alerts with the same advice are grouped, with the advice once below them.
    let mut groups: Vec<(&str, Vec<&AlertView>)> = Vec::new();
    for one in alerts.iter().take(MAX_ALERTS_SHOWN) {
        match groups.iter_mut().find(|(advice, _)| *advice == one.advice) {
            Some((_, group)) => group.push(one),
            None => groups.push((one.advice, vec![one])),
        }
    }
    for (advice, group) in groups {
        let sentences: Vec<String> = group
            .iter()
            .map(|one| {
                let age = ago(one.stored.last_seen, context.now());
                format!("{} ({age})", one.sentence)
            })
            .collect();
        match sentences.as_slice() {
            [one] => context
                .output
                .print_indented("  ", &format!("{one} {advice}")),
            several => {
                for sentence in several {
                    context.output.print_indented("  ", sentence);
                }
                context
                    .output
                    .print_indented("    ", &format!("→ {advice}"));
            }
        }
        for command in group.iter().flat_map(|one| &one.commands) {
            context.output.print_line(format!("    → {command}"));
        }
        let alert = group.first().map(|one| &one.stored.alert);
        if let Some(example) = alert.and_then(remedies::explain_placeholder_for_alert) {
            context.output.print_indented("    ", example);
        }
    }
    match alerts.len().saturating_sub(MAX_ALERTS_SHOWN) {
        0 => {}
        more => {
            // The store may have more recent alerts than were loaded.
            let least = if alerts.len() == MAX_ALERTS {
                "at least "
            } else {
                ""
            };
            context.output.print_indented(
                "  ",
                &format!("And {least}{more} more: “{HIPPO} status --json” lists them."),
            );
        }
    }
}
