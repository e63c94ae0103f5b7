//! `hippo schedule render`: the files that AWS needs, from `infra/schedules.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use hippo_aws::operator::sam::{self, SamSchedule};
use hippo_aws::schedules::ScheduleList;
use hippo_core::schedule::declaration::table::{ScheduleTable, ScheduleTarget, When};
use hippo_core::schedule::{ClosedDays, Schedule};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::config::describe_toml_error;
use crate::config::schedules::ScheduleFile;
use crate::context::{Globals, clock};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::schedule_remarks::describe_rare_schedules;
use crate::suggested::HIPPO;
use crate::text_input::read_text_file;

/// The nested stack, beside the declared schedules.
const STACK_FILE: &str = "schedules.yaml";

/// The list that the functions compile in, beside the declared schedules.
const LIST_FILE: &str = "schedules.json";

/// Where the schedules of the stack are declared.
const DECLARATIONS: &str = "infra/schedules.toml";

/// Write what AWS needs from the schedules in infra/schedules.toml.
///
/// It writes schedules.yaml, the nested stack that “make deploy” deploys, and schedules.json, which
/// the functions compile in. Run it in the source folder after each change of schedules.toml.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo schedule render --to sam
  hippo schedule render --to sam --check    # change nothing

Exit code 1 with --check: the files don't match schedules.toml.")]
pub(crate) struct Render {
    /// What to write: AWS SAM's files.
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Format,
    /// Only check that the files match, and change nothing.
    #[arg(long)]
    check: bool,
    /// The declared schedules; the files are written beside it.
    #[arg(
        long,
        value_name = "FILE",
        default_value = DECLARATIONS,
        value_hint = clap::ValueHint::FilePath
    )]
    from: PathBuf,
}

/// What can be written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// AWS SAM.
    Sam,
}

/// The declared schedules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declarations {
    #[serde(default)]
    schedule: Vec<Spanned<ScheduleTable>>,
}

#[derive(Serialize)]
struct RenderDocument {
    files: Vec<RenderedFile>,
}

#[derive(Serialize)]
struct RenderedFile {
    path: PathBuf,
    state: FileState,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum FileState {
    Current,
    Written,
    Stale,
}

/// Runs the command.
pub(crate) fn run(args: &Render, globals: &Globals) -> CommandResult {
    let Format::Sam = args.to;
    let directory = args.from.parent().unwrap_or(Path::new(""));
    let mut files = Vec::new();
    let rendered = render(&args.from, directory)?;
    for (name, text) in rendered.files {
        let path = directory.join(name);
        let is_current = read_text_file(&path).is_ok_and(|found| found == text);
        let state = match (is_current, args.check) {
            (true, _) => FileState::Current,
            (false, true) => FileState::Stale,
            (false, false) => {
                std::fs::write(&path, &text).map_err(|error| {
                    let message = format!("Can't write {}.", path.display());
                    CommandError::unusable(message).caused_by(error)
                })?;
                FileState::Written
            }
        };
        files.push(RenderedFile { path, state });
    }
    let is_stale = files.iter().any(|file| file.state == FileState::Stale);
    for file in &files {
        let path = file.path.display();
        globals.output.print_text(match file.state {
            FileState::Current => format!("{path} is up to date."),
            FileState::Written => format!("Wrote {path}."),
            FileState::Stale => format!("{path} doesn't match {}.", args.from.display()),
        });
    }
    if is_stale {
        let from = match args.from.to_str() {
            Some(DECLARATIONS) => String::new(),
            _ => format!(" --from {}", args.from.display()),
        };
        globals.output.print_text(format!(
            "Run “{HIPPO} schedule render --to sam{from}” to write them again."
        ));
    }
    for sentence in describe_rare_schedules(&rendered.schedules, clock()?.now(), false) {
        globals.output.print_text(sentence);
    }
    globals.output.print_document(&RenderDocument { files });
    Ok(Outcome::failed_if(is_stale))
}

/// The rendered files, each with its name, and their schedules.
struct Rendered {
    files: [(&'static str, String); 2],
    schedules: Vec<Schedule>,
}

/// Renders the files.
fn render(from: &Path, directory: &Path) -> Result<Rendered, CommandError> {
    let refuse = |what: String| CommandError::usage(format!("{} {what}", from.display()));
    let text = read_text_file(from).map_err(|error| {
        CommandError::usage(format!("Can't read {}: {error}.", from.display()))
            .advice("Run it in LibraryHippo's source folder, or name the file with --from.")
    })?;
    let declared: Declarations =
        toml::from_str(&text).map_err(|error| refuse(describe_toml_error(&error, &text)))?;
    let file = ScheduleFile {
        text: &text,
        directory,
        target: ScheduleTarget::Aws,
        // The stack's zone is a parameter, so that any stands in here.
        default_zone: chrono_tz::UTC,
    };
    let schedules = file.check(&declared.schedule).map_err(refuse)?;
    let tables: Vec<ScheduleTable> = declared
        .schedule
        .into_iter()
        .map(Spanned::into_inner)
        .collect();
    let cannot_render =
        |error: &dyn std::error::Error| refuse(format!("can't be rendered. {error}"));
    let stack = sam::render_stack(&pair_with_tables(&tables, &schedules))
        .map_err(|error| cannot_render(&error))?;
    let closed_days = collect_closed_days(&tables, &schedules);
    let closed_days_files: Vec<String> = closed_days.keys().cloned().collect();
    let list = ScheduleList {
        closed_days,
        schedules: tables,
    };
    let mut list = serde_json::to_string_pretty(&list).map_err(|error| cannot_render(&error))?;
    list.push('\n');
    let mut sources = vec![(LIST_FILE.to_owned(), list.clone().into_bytes())];
    let own_name = from
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    for file in own_name.into_iter().chain(closed_days_files) {
        let path = directory.join(&file);
        let content = std::fs::read(&path).map_err(|error| {
            CommandError::unusable(format!("Can't read {}.", path.display())).caused_by(error)
        })?;
        sources.push((file, content));
    }
    let stack = sam::add_checksums(&stack, &sources);
    Ok(Rendered {
        files: [(STACK_FILE, stack), (LIST_FILE, list)],
        schedules,
    })
}

/// Joins the tables and the schedules that were made from them.
fn pair_with_tables<'a>(
    tables: &'a [ScheduleTable],
    schedules: &'a [Schedule],
) -> Vec<SamSchedule<'a>> {
    let pairs = tables.iter().zip(schedules);
    pairs
        .map(|(table, schedule)| SamSchedule {
            schedule,
            parameter: match &table.when {
                When::Parameter(parameter) => Some(&parameter.parameter),
                When::Expression(_) => None,
            },
            timezone: table.timezone.as_ref().map(|_| schedule.recurrence.zone),
        })
        .collect()
}

/// Collects the closed-days files that the tables name.
fn collect_closed_days(
    tables: &[ScheduleTable],
    schedules: &[Schedule],
) -> BTreeMap<String, ClosedDays> {
    let pairs = tables.iter().zip(schedules);
    pairs
        .filter_map(|(table, schedule)| Some((table.except.clone()?, schedule.closed_days.clone())))
        .collect()
}
