//! `hippo status`: the page that a person looks at.

pub(crate) mod schedules;

use chrono::{DateTime, Duration, Utc};
use clap::Args;
use hippo_core::alerts::Alert;
use hippo_core::alerts::Confirmation;
use hippo_core::alerts::StoredAlert;
use hippo_core::alerts::confirm_alert;
use hippo_core::clock::local_date;
use hippo_core::family::Family;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::library::can_back_off_until;
use hippo_core::outbox::{HELD_RESTORED, MailKind, MailState, OutboxRecord, TransitionError};
use hippo_core::run::{Job, Run};
use hippo_core::store::DamagedRow;
use serde::Serialize;

use crate::commands::notify_all::{addresses, state_cell};
use crate::commands::runs::with_work;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::next_notice::{NextNotice, last_tick};
use crate::output::table::{Cell, Table, Tone, fixed, numbers, paint, words};
use crate::output::time::{ago, moment};
use crate::remedies;
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
const ALERTS: usize = 10;
const MAX_ALERTS_READ: usize = 1000;
const ALERTS_SHOWN_FOR: Duration = Duration::days(2);

/// A notice that has been in the making for longer is worth a word.
const SENDING_TAKES: Duration = Duration::minutes(1);

#[derive(Serialize)]
struct Document {
    now: DateTime<Utc>,
    families: Vec<FamilyView>,
    libraries_left_alone: Vec<LeftAlone>,
    runs: Vec<Run>,
    /// What is remarkable about schedules: a paused one, a label that none declares.
    schedules: Vec<schedules::Remark>,
    /// What needed the operator of late, newest first.
    alerts: Vec<AlertView>,
    /// What the store cannot read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged_rows: Vec<DamagedRow>,
}

#[derive(Serialize)]
struct AlertView {
    #[serde(flatten)]
    noted: StoredAlert,
    sentence: String,
    advice: &'static str,
    /// The commands that do what the advice says.
    commands: Vec<String>,
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
    /// Why it is late, and the command that helps.
    #[serde(skip)]
    why_late: Option<(String, String)>,
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
    schedules::show_runs(context, &document.runs);
    schedules::show(context, &document.schedules);
    show_alerts(context, &document.alerts);
    show_damaged_rows(context, &document.damaged_rows);
    Ok(Outcome::Done)
}

async fn document(context: &Context, families: &[Family]) -> Result<Document, CommandError> {
    let now = context.now();
    let libraries = context.libraries().await?;
    let last_tick = last_tick(context).await?;
    let mut views = Vec::new();
    for family in families {
        let notices = context
            .store
            .recent_mails(&MailKind::DAILY, &family.id, NOTICES)
            .await?;
        let next = NextNotice::of(context, family).await?;
        let why_late = next
            .is_late(family, now)
            .then(|| next.why_late(context, family, last_tick.as_ref()));
        views.push(FamilyView {
            id: family.id.clone(),
            name: hippo_core::text::clean(&family.name),
            paused: family.paused,
            recipients: family.reachable_recipients().len(),
            stopped: family.stopped_recipients().len(),
            next_notice: next.instant(),
            notice_is_late: why_late.is_some(),
            why_late,
            next,
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
            .back_off_until(library)
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
        schedules: schedules::remarks(context).await?,
        runs,
        alerts: alerts(context).await?,
        // Last: what was read until here was looked at.
        damaged_rows: context.store.damaged_rows(),
    })
}

/// Names what the store cannot read, and what to do.
fn show_damaged_rows(context: &Context, rows: &[DamagedRow]) {
    for row in rows {
        let alert = Alert::from(row.clone());
        context.output.say_folded("", &alert.sentence());
        context.output.say_folded("  → ", alert.advice());
    }
}

/// What needed the operator within the last days.
async fn alerts(context: &Context) -> Result<Vec<AlertView>, CommandError> {
    let since = context.now() - ALERTS_SHOWN_FOR;
    let recent = context.store.recent_alerts(MAX_ALERTS_READ).await?;
    let mut views = Vec::new();
    for noted in recent.into_iter().filter(|noted| noted.last_seen >= since) {
        // What was told was so; the rest may have come otherwise since it was noted.
        let is_so = noted.delivered_at.is_some() || {
            let confirmation = confirm_alert(&*context.store, &noted.alert).await?;
            matches!(confirmation, Confirmation::True(_))
        };
        if is_so {
            views.push(AlertView {
                sentence: noted.alert.sentence(),
                advice: noted.alert.advice(),
                commands: remedies::commands_for_alert(&noted.alert),
                noted,
            });
        }
    }
    Ok(views)
}

/// What a notice's state means for a person, where that is not plain.
pub(crate) fn meaning(record: &OutboxRecord, now: DateTime<Utc>) -> Option<String> {
    if record.is_held() {
        return Some(format!(
            "{}: its email may have been sent. “hippo notices resend {} {}” sends it.",
            HELD_RESTORED, record.family, record.date
        ));
    }
    let reason = record.reason.as_deref().map(hippo_core::text::clean);
    let words = match record.state {
        MailState::Sending if now - record.changed_at > SENDING_TAKES || reason.is_some() => {
            "It may or may not have arrived; the next notify-all settles it"
        }
        MailState::Sending => "It is being sent",
        MailState::Unknown => "It may or may not have arrived; notify-all settles it",
        MailState::Newer => "A newer version of hippo wrote it; this one leaves it alone",
        MailState::Pending if record.is_free(now) == Err(TransitionError::Waiting) => {
            "The mail server would not take it for now; it is tried again within half an hour"
        }
        MailState::Pending => "It goes out with the next notify-all",
        MailState::Failed => "Nothing more happens for this day",
        MailState::Claimed if record.lease_until.is_none_or(|until| until <= now) => {
            "Its making was broken off; it goes out with the next notify-all"
        }
        MailState::Claimed => "It is being made",
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
    if view.paused {
        return "Paused: no notices go out.".to_owned();
    }
    format!("{}, {to}.", view.next.sentence(context, family))
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
    if let Some((why, command)) = &view.why_late {
        output.say_folded("  ", why);
        output.say_whole(format!("    → {command}"));
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

fn show_libraries(context: &Context, backing_off: &[LeftAlone]) {
    for library in backing_off {
        context.output.say(format!(
            "The library {} is left alone until {}, since its site could not be read or refused us.",
            library.library,
            moment(library.until, context.now(), context.zone())
        ));
    }
}

fn show_alerts(context: &Context, alerts: &[AlertView]) {
    if alerts.is_empty() {
        return;
    }
    context.output.say("");
    context.output.say("What needed you:");
    // Equal advice is said once, below all that it is for.
    let mut groups: Vec<(&str, Vec<&AlertView>)> = Vec::new();
    for one in alerts.iter().take(ALERTS) {
        match groups.iter_mut().find(|(advice, _)| *advice == one.advice) {
            Some((_, group)) => group.push(one),
            None => groups.push((one.advice, vec![one])),
        }
    }
    for (advice, group) in groups {
        let sentences: Vec<String> = group
            .iter()
            .map(|one| {
                let seen = ago(one.noted.last_seen, context.now());
                format!("{} ({seen})", one.sentence)
            })
            .collect();
        match sentences.as_slice() {
            [one] => context.output.say_folded("  ", &format!("{one} {advice}")),
            several => {
                for sentence in several {
                    context.output.say_folded("  ", sentence);
                }
                context.output.say_folded("    ", &format!("→ {advice}"));
            }
        }
        for command in group.iter().flat_map(|one| &one.commands) {
            context.output.say_folded("    ", &format!("→ {command}"));
        }
    }
    match alerts.len().saturating_sub(ALERTS) {
        0 => {}
        more => {
            // Those of the last two days may be more than were asked for.
            let least = if alerts.len() == MAX_ALERTS_READ {
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

    fn sending() -> OutboxRecord {
        OutboxRecord::planned(
            hippo_core::outbox::MailKey::daily(
                "conrad".parse().unwrap(),
                "2026-11-21".parse().unwrap(),
            ),
            now(),
        )
        .claim(Default::default(), now())
        .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now()))
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
