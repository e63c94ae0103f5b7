//! `hippo status`: the page that a person looks at.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use clap::Args;
use hippo_core::clock::{due_instant, local_date};
use hippo_core::family::Family;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::library::can_back_off_until;
use hippo_core::notice::record::{NotNow, NoticeRecord, NoticeState};
use hippo_core::operator::telling::{NotedConcern, Standing, standing};
use hippo_core::run::{Job, Run, RunOutcome};
use serde::Serialize;

use crate::commands::notify_all::{addresses, state_cell};
use crate::commands::runs::{outcome_words, with_work};
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::table::{Cell, Table, Tone, fixed, numbers, paint, words};
use crate::output::time::{ago, moment};
use crate::view::{self, CardView};

/// How every card and every notice is doing: the page to look at.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  hippo status
  hippo status --family conrad --json")]
pub(crate) struct Status {
    /// Only this family's.
    #[arg(long)]
    pub(crate) family: Option<FamilyId>,
}

/// How many of a family's notices are shown.
const NOTICES: usize = 3;

/// So many of the things that needed the operator are shown, of the last two days, and so many are
/// in the document.
const CONCERNS: usize = 10;
const ALL_CONCERNS: usize = 1000;
const CONCERNS_LAST: Duration = Duration::days(2);

/// A notice that has been due for longer has missed two ticks: surely nothing starts `notify-all`.
const LATE_AFTER: Duration = Duration::minutes(30);

/// A notice that has been in the making for longer is worth a word.
const SENDING_TAKES: Duration = Duration::minutes(1);

#[derive(Serialize)]
struct Document {
    now: DateTime<Utc>,
    families: Vec<FamilyView>,
    libraries_left_alone: Vec<LeftAlone>,
    runs: Vec<Run>,
    /// What needed the operator of late, newest first.
    concerns: Vec<ConcernView>,
}

#[derive(Serialize)]
struct ConcernView {
    #[serde(flatten)]
    noted: NotedConcern,
    sentence: String,
    advice: &'static str,
}

#[derive(Serialize)]
struct FamilyView {
    id: FamilyId,
    name: String,
    paused: bool,
    /// How many are written to.
    recipients: usize,
    /// How many are not, since mails to them came back or were complained about.
    stopped: usize,
    /// When the next notice is due; in the past while one that is due waits for `notify-all`.
    next_notice: Option<DateTime<Utc>>,
    notice_is_late: bool,
    cards: Vec<CardView>,
    notices: Vec<NoticeView>,
}

#[derive(Serialize)]
struct NoticeView {
    #[serde(flatten)]
    record: NoticeRecord,
    meaning: Option<String>,
}

#[derive(Serialize)]
struct LeftAlone {
    library: LibraryId,
    until: DateTime<Utc>,
}

/// Shows how everything is doing.
pub(crate) async fn run(asked: Status, globals: &Globals) -> CommandResult {
    status(&globals.open().await?, &asked).await
}

/// Shows how everything is doing in an opened home.
pub(crate) async fn status(context: &Context, asked: &Status) -> CommandResult {
    let families = context.families(asked.family.as_ref()).await?;
    let document = document(context, &families).await?;
    context.output.document(&document);
    if families.is_empty() {
        context
            .output
            .say("There are no families yet; “hippo family add --help” shows how to add one.");
    }
    for (family, view) in families.iter().zip(&document.families) {
        show_family(context, family, view);
    }
    show_libraries(context, &document.libraries_left_alone);
    show_runs(context, &document.runs);
    show_concerns(context, &document.concerns);
    Ok(Outcome::Done)
}

async fn document(context: &Context, families: &[Family]) -> Result<Document, CommandError> {
    let now = context.now();
    let libraries = context.libraries().await?;
    let mut views = Vec::new();
    for family in families {
        let notices = context.store.recent_notices(&family.id, NOTICES).await?;
        let waiting = waiting_since(context, family).await?;
        let next = waiting.or_else(|| family.next_due(now));
        views.push(FamilyView {
            id: family.id.clone(),
            name: hippo_core::text::clean(&family.name),
            paused: family.paused,
            recipients: family.reachable_recipients().len(),
            stopped: family.stopped_recipients().len(),
            next_notice: next.filter(|_| !family.paused),
            notice_is_late: waiting.is_some_and(|since| is_late(family, since, now)),
            cards: view::cards_of(context, family, &libraries).await?,
            notices: notices
                .into_iter()
                .map(|record| NoticeView {
                    meaning: meaning(&record, now),
                    record,
                })
                .collect(),
        });
    }
    let mut libraries_left_alone = Vec::new();
    for library in libraries.keys() {
        if let Some(until) = context
            .store
            .left_alone_until(library)
            .await?
            .filter(|until| *until > now && can_back_off_until(*until, now))
        {
            libraries_left_alone.push(LeftAlone {
                library: library.clone(),
                until,
            });
        }
    }
    let mut runs = Vec::new();
    for job in Job::ALL {
        for run in context.store.recent_runs(Some(job), None, 1).await? {
            runs.push(with_work(context, run).await?);
        }
    }
    Ok(Document {
        now,
        families: views,
        libraries_left_alone,
        runs,
        concerns: concerns(context).await?,
    })
}

/// What needed the operator within the last days.
async fn concerns(context: &Context) -> Result<Vec<ConcernView>, CommandError> {
    let since = context.now() - CONCERNS_LAST;
    let recent = context.store.recent_concerns(ALL_CONCERNS).await?;
    let mut views = Vec::new();
    for noted in recent.into_iter().filter(|noted| noted.last_seen >= since) {
        // What was told was so; the rest may have come otherwise since it was noted.
        let is_so = noted.told_at.is_some() || {
            let standing = standing(&*context.store, &noted.concern).await?;
            matches!(standing, Standing::So(_))
        };
        if is_so {
            views.push(ConcernView {
                sentence: noted.concern.sentence(),
                advice: noted.concern.advice(),
                noted,
            });
        }
    }
    Ok(views)
}

/// Since when a family's oldest notice that nobody has sent is due, if one is.
async fn waiting_since(
    context: &Context,
    family: &Family,
) -> Result<Option<DateTime<Utc>>, CommandError> {
    if family.paused {
        return Ok(None);
    }
    let now = context.now();
    for date in family.due_dates(now) {
        let record = context.store.notice(&family.id, date).await?;
        if record.is_none_or(|record| is_waiting(&record, now)) {
            return Ok(Some(due_of(family, date)));
        }
    }
    Ok(None)
}

fn is_waiting(record: &NoticeRecord, now: DateTime<Utc>) -> bool {
    matches!(record.is_free(now), Ok(()) | Err(NotNow::Waiting))
}

fn due_of(family: &Family, date: NaiveDate) -> DateTime<Utc> {
    due_instant(date, family.notice_time, family.timezone)
}

/// Whether `notify-all` should have been there: also for a family that was added after the hour.
fn is_late(family: &Family, due: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - due.max(family.created_at) > LATE_AFTER
}

/// What a notice's state means for a person, where that is not plain.
pub(crate) fn meaning(record: &NoticeRecord, now: DateTime<Utc>) -> Option<String> {
    let reason = record.reason.as_deref().map(hippo_core::text::clean);
    let words = match record.state {
        NoticeState::Sending if now - record.changed_at > SENDING_TAKES || reason.is_some() => {
            "It may or may not have arrived; the next notify-all settles it"
        }
        NoticeState::Sending => "It is being sent",
        NoticeState::Unknown => "It may or may not have arrived; notify-all settles it",
        NoticeState::Newer => "A newer version of hippo wrote it; this one leaves it alone",
        NoticeState::Pending if record.is_free(now) == Err(NotNow::Waiting) => {
            "The mail server would not take it for now; it is tried again within half an hour"
        }
        NoticeState::Pending => "It goes out with the next notify-all",
        NoticeState::Failed => "Nothing more happens for this day",
        NoticeState::Claimed if record.lease_until.is_none_or(|until| until <= now) => {
            "Its making was broken off; it goes out with the next notify-all"
        }
        NoticeState::Claimed => "It is being made",
        _ => return reason,
    };
    Some(match reason {
        Some(reason) => format!("{words}. {reason}"),
        None => format!("{words}."),
    })
}

fn show_family(context: &Context, family: &Family, view: &FamilyView) {
    let (now, output) = (context.now(), &context.output);
    let head = format!("{} ({})", view.name, view.id);
    output.say(paint(&head, Tone::Bold, output.color));
    output.say(next_words(context, family, view));
    if view.cards.is_empty() {
        output.say("No cards yet; “hippo card add --help” shows how to add one.");
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
        output.say("");
        output.table(&table);
    }
    show_problems(context, view);
    show_notices(context, view);
    output.say("");
}

fn next_words(context: &Context, family: &Family, view: &FamilyView) -> String {
    let to = match (view.recipients, view.stopped) {
        (0, 0) => "to nobody: add an address with “hippo family add-recipient”".to_owned(),
        (0, _) => "to nobody: mails to every address came back or were complained about; “hippo family list” names \
                   them"
            .to_owned(),
        (recipients, stopped) => format!("to {}", addresses(recipients, stopped)),
    };
    match view.next_notice {
        _ if view.paused => "Paused: no notices go out.".to_owned(),
        Some(due) if due <= context.now() => {
            format!("{}, {to}.", due_words(context, family, due))
        }
        Some(next) => {
            let zone = if family.timezone == context.zone() {
                String::new()
            } else {
                format!(" ({})", family.timezone)
            };
            format!(
                "The next notice is due at {}{zone}, {to}.",
                moment(next, context.now(), family.timezone)
            )
        }
        None => format!("No notice is planned, {to}."),
    }
}

/// `Today's notice is due since 06:30; it goes out with the next notify-all`.
fn due_words(context: &Context, family: &Family, due: DateTime<Utc>) -> String {
    let local = due.with_timezone(&family.timezone);
    let zone = if family.timezone == context.zone() {
        String::new()
    } else {
        format!(" ({})", family.timezone)
    };
    let notice = if local.date_naive() == local_date(context.now(), family.timezone) {
        format!(
            "Today's notice is due since {}{zone}",
            local.format("%H:%M")
        )
    } else {
        let since = moment(due, context.now(), family.timezone);
        format!("A notice is due since {since}{zone}")
    };
    format!("{notice}; it goes out with the next notify-all")
}

/// That nothing has started `notify-all` in time.
fn show_late(context: &Context, view: &FamilyView) {
    context.output.say_folded(
        "  ",
        "The notice is late: nothing has sent it in time. Does cron, or what else should, run \
         notify-all every quarter of an hour?",
    );
    context
        .output
        .say_whole(format!("    → hippo notify-all --family {}", view.id));
}

fn show_problems(context: &Context, view: &FamilyView) {
    let (now, output) = (context.now(), &context.output);
    let messages_of = |card: &CardView| {
        let account = card.account.clone();
        account.map_or_else(Vec::new, |account| account.messages)
    };
    let has_something = |card: &CardView| card.problem.is_some() || !messages_of(card).is_empty();
    if view.notice_is_late || view.cards.iter().any(has_something) {
        output.say("");
        output.say("What wants a look:");
    }
    if view.notice_is_late {
        show_late(context, view);
    }
    for card in &view.cards {
        let name = format!("{} at {}", card.patron, card.library_name);
        if let Some(problem) = &card.problem {
            let age = match (card.last_success, &card.failure) {
                (Some(read), Some(_)) => format!(" What is shown was read {}.", ago(read, now)),
                _ => String::new(),
            };
            output.say_folded("  ", &format!("{name}: {}{age}", problem.what));
            if let Some(command) = &problem.what_to_do {
                output.say_whole(format!("    → {command}"));
            }
        }
        for message in messages_of(card) {
            output.say_folded("  ", &format!("{name}: the library says: {message}"));
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
    context.output.say("");
    context.output.table(&table);
    for notice in &view.notices {
        if let Some(meaning) = &notice.meaning {
            let words = format!("{}: {meaning}", notice.record.date);
            context.output.say_folded("  ", &words);
        }
    }
}

fn show_libraries(context: &Context, left_alone: &[LeftAlone]) {
    for library in left_alone {
        context.output.say(format!(
            "The library {} is left alone until {}, since its site could not be read or refused us.",
            library.library,
            moment(library.until, context.now(), context.zone())
        ));
    }
}

fn show_runs(context: &Context, runs: &[Run]) {
    for run in runs {
        let failures = match run.counts.failures() {
            0 => String::new(),
            failures => format!(", {failures} failed"),
        };
        let outcome = match run.outcome {
            RunOutcome::DoneWithFailures => "done".to_owned(),
            _ => outcome_words(context, run),
        };
        let counts = &run.counts;
        let work = format!("{} of {}", counts.done + counts.skipped, counts.planned);
        context.output.say(format!(
            "Last {}: {} ({}), {outcome}: {work}{failures}.",
            run.key.job,
            moment(run.started_at, context.now(), context.zone()),
            ago(run.started_at, context.now()),
        ));
    }
    if runs.is_empty() {
        context
            .output
            .say("No job has run yet; “hippo check-cards” checks every card.");
    }
}

fn show_concerns(context: &Context, concerns: &[ConcernView]) {
    if concerns.is_empty() {
        return;
    }
    context.output.say("");
    context.output.say("What needed you:");
    for one in concerns.iter().take(CONCERNS) {
        let seen = ago(one.noted.last_seen, context.now());
        let words = format!("{} ({seen}) {}", one.sentence, one.advice);
        context.output.say_folded("  ", &words);
    }
    match concerns.len().saturating_sub(CONCERNS) {
        0 => {}
        more => {
            // Those of the last two days may be more than were asked for.
            let least = if concerns.len() == ALL_CONCERNS {
                "at least "
            } else {
                ""
            };
            context.output.say_folded(
                "  ",
                &format!("And {least}{more} more; “hippo status --json” has them."),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T11:30:00Z".parse().unwrap()
    }

    fn sending() -> NoticeRecord {
        NoticeRecord::planned(
            "conrad".parse().unwrap(),
            "2026-11-21".parse().unwrap(),
            now(),
        )
        .claim(Default::default(), now())
        .and_then(|claimed| claimed.arm("hash".into(), &[], now()))
        .unwrap()
    }

    #[test]
    fn a_mail_whose_sending_was_not_answered_may_or_may_not_have_arrived() {
        assert_eq!(
            meaning(&sending(), now()).as_deref(),
            Some("It is being sent.")
        );
        let later = now() + Duration::minutes(2);
        assert!(
            meaning(&sending(), later)
                .unwrap()
                .contains("may or may not have arrived")
        );
        let lost = sending().unknown("The line was lost.".into()).unwrap();
        assert!(
            meaning(&lost, now())
                .unwrap()
                .starts_with("It may or may not have arrived")
        );
    }

    #[test]
    fn a_mail_that_was_not_sent_goes_out_with_the_next_notify_all() {
        let pending = sending().not_sent("No connection.".into(), now()).unwrap();
        assert_eq!(
            meaning(&pending, now()).as_deref(),
            Some("It goes out with the next notify-all. No connection.")
        );
    }
}
