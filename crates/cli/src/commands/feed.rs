//! `hippo feed`: links to a family's calendar and numbers, and the calendar as a file.

mod title_options;
mod write;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use hippo_core::audit::Change;
use hippo_core::clock::local_date;
use hippo_core::feed::{Feed, FeedLabel, FeedToken};
use hippo_core::ids::FamilyId;
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use self::title_options::TitleOptions;
use crate::audit::record_change;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, ErrorKind, Outcome};
use crate::output::table::{Cell, Table, Tone, fixed, words};
use crate::output::time::day;
use crate::suggest::find_nearest;
use crate::suggested::HIPPO;

/// The label of a family's first feed, if none is given.
const DEFAULT_LABEL: &str = "calendar";

/// The subcommands of `hippo feed`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  hippo feed add conrad --label \"kitchen tablet\"
  hippo feed list
  hippo feed revoke conrad \"kitchen tablet\"
  hippo feed write conrad library.ics

docs/FEEDS.md shows how to subscribe on a phone and in Home Assistant.")]
pub(crate) enum Command {
    Add(Add),
    List(List),
    Revoke(Revoke),
    Write(write::Write),
}

/// Make a feed, and print its links once.
///
/// Anyone who has a link can read the feed. We store only a hash of it, so nobody can show it again: if
/// it gets lost, revoke the feed and make another.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo feed add conrad
  hippo feed add conrad --label \"kitchen tablet\" --no-titles")]
pub(crate) struct Add {
    /// The family.
    family: FamilyId,
    /// What you call it. By default “calendar”, or “calendar 2” and so on.
    #[arg(long)]
    label: Option<FeedLabel>,
    #[command(flatten)]
    titles: TitleOptions,
}

/// List feeds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo feed list
  hippo feed list conrad")]
pub(crate) struct List {
    /// Only this family's.
    family: Option<FamilyId>,
}

/// End a feed at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo feed revoke conrad \"kitchen tablet\"
  hippo feed revoke conrad 3fa9")]
pub(crate) struct Revoke {
    /// The family.
    family: FamilyId,
    /// The feed's label, or the last four letters of its link's long part.
    #[arg(value_name = "LABEL|LAST-FOUR")]
    feed: String,
}

/// A feed with its links, which are printed once.
#[derive(Serialize)]
struct AddedDocument<'a> {
    #[serde(flatten)]
    feed: FeedDocument<'a>,
    calendar: &'a str,
    now: &'a str,
}

/// A feed without its token's hash.
#[derive(Debug, Serialize)]
struct FeedDocument<'a> {
    family: &'a FamilyId,
    label: &'a FeedLabel,
    last_four: &'a str,
    titles: bool,
    created_at: String,
    last_used: Option<NaiveDate>,
}

impl<'a> From<&'a Feed> for FeedDocument<'a> {
    fn from(feed: &'a Feed) -> Self {
        Self {
            family: &feed.family,
            label: &feed.label,
            last_four: &feed.last_four,
            titles: feed.shows_titles,
            created_at: feed.created_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            last_used: feed.last_used,
        }
    }
}

/// Runs a subcommand.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    match command {
        Command::Add(args) => add(&context, args).await,
        Command::List(args) => list(&context, args).await,
        Command::Revoke(args) => revoke(&context, args).await,
        Command::Write(args) => write::write(&context, args).await,
    }
}

async fn add(context: &Context, args: Add) -> CommandResult {
    let family = context.family(&args.family).await?;
    let base = context.deployment.public_url().map_err(|error| {
        error.advice(format!(
            "Without them, “{HIPPO} feed write” writes the calendar to a file."
        ))
    })?;
    let others = context.store.family_feeds(&family.id).await?;
    let label = match args.label {
        Some(label) => label,
        None => free_label(&others)?,
    };
    if others.iter().any(|feed| feed.is_called(label.as_str())) {
        return Err(CommandError::usage(format!(
            "The family {} already has a feed “{label}”. Give another --label.",
            family.id
        ))
        .try_command(format!("{HIPPO} feed list {}", family.id)));
    }
    let token = FeedToken::generate()
        .map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))?;
    let with_titles = args.titles.with_titles();
    let feed = Feed::new(&token, family.id, label, with_titles, context.now());
    context.store.add_feed(&feed).await?;
    record_change(context, Some(&feed.family), Change::FeedMade).await;
    let [calendar, now] = ["due.ics", "now.json"].map(|file| link(&base, &token, file));
    context.output.print_document(&AddedDocument {
        feed: (&feed).into(),
        calendar: &calendar,
        now: &now,
    });
    let output = &context.output;
    output.print_text(format!(
        "Made the feed “{}” of {}. Its links are shown only now:",
        feed.label, feed.family
    ));
    output.print_line("");
    output.print_line(format!("  Calendar        {}", *calendar));
    output.print_line(format!("  Home Assistant  {}", *now));
    output.print_line("");
    let seen = match with_titles {
        true => "when things are due, and their titles",
        false => "when things are due, but no titles",
    };
    output.print_text(format!(
        "Anyone who has a link can see {seen}. “{HIPPO} feed revoke {} {}” ends it.",
        feed.family, feed.last_four
    ));
    if is_only_here(&base) {
        output.print_text(
            "These links only work on this machine, while “hippo serve” uses the address above. For other \
             devices, set public_url in [web] of config.toml first.",
        );
    }
    Ok(Outcome::Done)
}

/// Finds a label that no other feed of the family has.
fn free_label(others: &[Feed]) -> Result<FeedLabel, CommandError> {
    let numbered = (2..).map(|number| format!("{DEFAULT_LABEL} {number}"));
    let mut labels = std::iter::once(DEFAULT_LABEL.to_owned()).chain(numbered);
    let is_free = |label: &String| !others.iter().any(|feed| feed.is_called(label));
    let label = labels.find(is_free).unwrap_or_default();
    label
        .parse()
        .map_err(|error| CommandError::from_source(ErrorKind::Usage, error))
}

/// Writes a feed's link. It is a secret, so it is wiped from memory.
fn link(base: &Url, token: &FeedToken, file: &str) -> Zeroizing<String> {
    let base = base.as_str().trim_end_matches('/');
    Zeroizing::new(format!("{base}/f/{}/{file}", *token.expose()))
}

/// Whether this address means the machine itself.
fn is_only_here(base: &Url) -> bool {
    match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn list(context: &Context, args: List) -> CommandResult {
    let now = context.now();
    let families = context.families(args.family.as_ref()).await?;
    let mut feeds = Vec::new();
    for family in &families {
        for feed in context.store.family_feeds(&family.id).await? {
            feeds.push((family, feed));
        }
    }
    let documents: Vec<FeedDocument<'_>> = feeds.iter().map(|(_, feed)| feed.into()).collect();
    context.output.print_document(&documents);
    if feeds.is_empty() {
        context
            .output
            .print_text("There are no feeds. “hippo feed add --help” shows how to make one.");
        return Ok(Outcome::Done);
    }
    let mut table = Table::new([
        fixed("FAMILY"),
        words("LABEL"),
        fixed("ENDS IN"),
        fixed("TITLES"),
        fixed("MADE"),
        fixed("LAST USED"),
    ]);
    for (family, feed) in &feeds {
        let today = local_date(now, family.timezone);
        let made_on = |at: DateTime<Utc>| local_date(at, family.timezone);
        let cells: [Cell; 6] = [
            feed.family.as_str().into(),
            feed.label.as_str().into(),
            feed.last_four.as_str().into(),
            if feed.shows_titles { "yes" } else { "no" }.into(),
            day(made_on(feed.created_at), today).into(),
            match feed.last_used {
                Some(used_on) => day(used_on, today).into(),
                None => Cell::new("never", Tone::Faint),
            },
        ];
        table.row(cells);
    }
    context.output.print_table(&table);
    Ok(Outcome::Done)
}

async fn revoke(context: &Context, args: Revoke) -> CommandResult {
    let family = context.family(&args.family).await?;
    let feeds = context.store.family_feeds(&family.id).await?;
    let name = hippo_core::text::clean(&args.feed);
    let matching: Vec<&Feed> = feeds
        .iter()
        .filter(|feed| feed.is_called(&name) || feed.last_four.eq_ignore_ascii_case(&name))
        .collect();
    let list = format!("{HIPPO} feed list {}", family.id);
    let feed = match matching.as_slice() {
        [feed] => *feed,
        [] => {
            let labels = feeds.iter().map(|feed| feed.label.as_str());
            return Err(CommandError::usage(format!(
                "The family {} has no feed “{name}”.",
                family.id
            ))
            .did_you_mean(find_nearest(&name, labels))
            .try_command(list));
        }
        _ => {
            return Err(CommandError::usage(format!(
                "More than one feed of the family {} is called “{name}” or ends in it. Nothing was changed.",
                family.id
            ))
            .try_command(list));
        }
    };
    if !context
        .store
        .revoke_feed(&family.id, &feed.token_hash)
        .await?
    {
        return Err(CommandError::usage(format!(
            "The family {} no longer has the feed “{}”.",
            family.id, feed.label
        )));
    }
    record_change(context, Some(&family.id), Change::FeedRevoked).await;
    context
        .output
        .print_document(&serde_json::json!({ "revoked": FeedDocument::from(feed) }));
    context.output.print_text(format!(
        "Revoked the feed “{}” of {}. Its links don't work any more.",
        feed.label, family.id
    ));
    Ok(Outcome::Done)
}
