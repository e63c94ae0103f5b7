//! `hippo init`: creates a home, or the keys of a stack.

use chrono_tz::Tz;
use clap::Args;
use hippo_local::key_files::FINGERPRINT_NAME;
use hippo_local::sqlite::SqliteStore;
use serde::Serialize;

use crate::config::{Config, NewConfig, check_contact, mailbox};
use crate::context::{Globals, clock};
use crate::deployment::Deployment as _;
use crate::deployment::local::{LocalDeployment, explain_open_error};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::home::{Home, HomeSource, make_private, make_private_directory, write_private_file};
use crate::suggested::quoted;
use crate::target::{DEFAULT_STACK, Target};
use crate::timezones::{machine_timezone, parse_timezone};

/// Set up a home: configuration, database, key and mail folder.
///
/// It asks no questions, and running it again changes nothing. With “--target aws” it creates the keys
/// of a deployed stack.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  hippo init
  hippo --home /srv/hippo init --contact you@example.org \\
      --mail-from \"LibraryHippo <hippo@example.org>\"
  hippo --target aws init    # once, after the first deployment")]
pub(crate) struct Init {
    /// The From address of emails.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mail_from: Option<String>,
    /// Your address, for libraries and families that want to reach you.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) contact: Option<String>,
    /// Your time zone. By default this machine's.
    #[arg(long, value_parser = parse_timezone, value_name = "ZONE")]
    pub(crate) timezone: Option<Tz>,
}

/// The default From address, which is enough for a mail folder.
const DEFAULT_FROM: &str = "LibraryHippo <libraryhippo@localhost>";

#[derive(Serialize)]
struct HomeDocument {
    home: String,
    made: Vec<&'static str>,
    /// Whether the directory existed and others could enter it.
    closed_to_others: bool,
    timezone: String,
}

/// The changes that made a directory a home.
pub(crate) struct Made {
    /// The created files.
    files: Vec<&'static str>,
    /// Whether others could enter the directory before.
    closed_to_others: bool,
}

#[derive(Serialize)]
struct StackDocument<'a> {
    stack: &'a str,
    key: String,
    made: bool,
    timezone: &'a str,
}

/// Creates the missing keys of a deployed stack, because CloudFormation can't create a SecureString.
async fn init_stack(init: &Init, globals: &Globals) -> CommandResult {
    if init.mail_from.is_some() || init.contact.is_some() || init.timezone.is_some() {
        return Err(CommandError::usage(
            "A stack's sender, contact and time zone are parameters of its deployment: MailFrom, Contact and Timezone. \
             Change them there.",
        ));
    }
    let stack = globals.open_deployment(globals.target).await?;
    let name = stack.stack().unwrap_or(DEFAULT_STACK);
    let made = !stack.create_missing_keys().await?.is_empty();
    let key = stack.keys().location();
    let output = globals.output;
    output.print_document(&StackDocument {
        stack: name,
        key: key.clone(),
        made,
        timezone: stack.timezone().name(),
    });
    if !made {
        output.print_text(format!(
            "{} already has its key, in {key}. Nothing was changed.",
            name
        ));
        return Ok(Outcome::Done);
    }
    output.print_text(format!(
        "Created the keys that seal and open numbers and PINs. The private one is in {key}. They outlive the stack: \
         without the private one, the stored PINs are lost."
    ));
    output.print_text("To make every command work on the stack:");
    output.print_line("  export HIPPO_TARGET=aws");
    if name != DEFAULT_STACK {
        output.print_line(format!("  export HIPPO_STACK={name}"));
    }
    output.print_text(
        "Next: “hippo library add --help”, “hippo family add --help”, “hippo card add --help”.",
    );
    Ok(Outcome::Done)
}

/// Creates a home, or the keys of a stack.
pub(crate) async fn run(init: Init, globals: &Globals) -> CommandResult {
    if globals.target == Target::Aws {
        return init_stack(&init, globals).await;
    }
    let home = Home::locate(globals.home.clone())?;
    let Made {
        files: made,
        closed_to_others,
    } = make(&home, &init).await?;
    let config = Config::read(&home)?;
    let output = globals.output;
    output.print_document(&HomeDocument {
        home: home.directory().display().to_string(),
        made: made.clone(),
        closed_to_others,
        timezone: config.timezone.name().to_owned(),
    });
    let directory = home.directory().display();
    if made.is_empty() {
        output.print_text(format!(
            "{directory} is already set up. Nothing was changed."
        ));
        let given = [
            (init.contact.is_some(), "--contact", "“contact”"),
            (
                init.mail_from.is_some(),
                "--mail-from",
                "“from” under [mail]",
            ),
            (init.timezone.is_some(), "--timezone", "“timezone”"),
        ];
        for (_, option, key) in given.into_iter().filter(|(is_given, ..)| *is_given) {
            output.print_text(format!(
                "{option} is for a new home only. To change this one, edit {key} in {}.",
                home.config().display()
            ));
        }
        return Ok(Outcome::Done);
    }
    output.print_text(format!("Created in {directory}: {}.", made.join(", ")));
    if closed_to_others {
        output.print_text("Others could read that directory. Now only you can.");
    }
    output.print_text(format!(
        "Your time zone is {}; {} sets it. Until you set up a mail server there too, emails become files in {}.",
        config.timezone,
        home.config().display(),
        home.mail_folder().display(),
    ));
    output.print_text(format!(
        "Keep copies of {} and {} apart from your backups: without the first, the stored PINs are lost.",
        home.key_files().private_path().display(),
        FINGERPRINT_NAME
    ));
    if home.source() == HomeSource::Given {
        output.print_text("To use this home without --home in each command:");
        let directory = std::path::absolute(home.directory());
        let home = directory.unwrap_or_else(|_| home.directory().to_owned());
        output.print_line(format!(
            "  export HIPPO_HOME={}",
            quoted(&home.to_string_lossy())
        ));
    }
    output.print_text(
        "Next: “hippo library add --help”, “hippo family add --help”, “hippo card add --help”.",
    );
    Ok(Outcome::Done)
}

/// Creates the missing parts of a home; existing ones stay unchanged.
pub(crate) async fn make(home: &Home, init: &Init) -> Result<Made, CommandError> {
    refuse_foreign_directory(home)?;
    let config = NewConfig {
        mail_from: init.mail_from.as_deref().unwrap_or(DEFAULT_FROM),
        contact: init
            .contact
            .as_deref()
            .map(str::trim)
            .filter(|contact| !contact.is_empty()),
        timezone: init.timezone.unwrap_or_else(machine_timezone),
    };
    refuse_malformed_sender(&config)?;
    if let Some(contact) = config.contact {
        check_contact("--contact", contact)
            .map_err(|message| CommandError::usage(format!("The command {message}")))?;
    }
    let mut made = Vec::new();
    let mut closed_to_others = false;
    make_private_directory(home.directory())?;
    if !home.config().exists() {
        closed_to_others = make_private(home.directory())?;
        write_private_file(&home.config(), &config.to_toml())?;
        made.push("config.toml");
    }
    let has_database = home.database().exists();
    drop(SqliteStore::open_or_create(&home.database()).map_err(explain_open_error)?);
    if !has_database {
        made.push("hippo.db");
    }
    let deployment = LocalDeployment::open(home.clone(), clock()?)?;
    made.extend(deployment.create_missing_keys().await?);
    if !home.mail_folder().exists() {
        make_private_directory(&home.mail_folder())?;
        made.push("mail");
    }
    Ok(Made {
        files: made,
        closed_to_others,
    })
}

/// Refuses a directory with other files, which was probably named by mistake.
fn refuse_foreign_directory(home: &Home) -> Result<(), CommandError> {
    let directory = home.directory();
    if directory.exists() && !directory.is_dir() {
        return Err(CommandError::unusable(format!(
            "{} is a file, not a directory. Name another with --home DIR.",
            directory.display()
        )));
    }
    let is_ours = home.config().exists()
        || home.database().exists()
        || home.key_files().private_path().exists();
    let has_something =
        std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if has_something && !is_ours {
        return Err(CommandError::unusable(format!(
            "{} has other files in it and isn't a LibraryHippo home. Name an empty or new directory with --home DIR.",
            directory.display()
        )));
    }
    Ok(())
}

fn refuse_malformed_sender(config: &NewConfig<'_>) -> Result<(), CommandError> {
    mailbox("--mail-from", config.mail_from)
        .map(|_| ())
        .map_err(|message| CommandError::usage(format!("The command {message}")))
}
