//! `hippo init`: makes a home.

use chrono_tz::Tz;
use clap::Args;
use hippo_local::key_files::{FINGERPRINT_NAME, KeyFileError, PRIVATE_NAME, PUBLIC_NAME};
use hippo_local::sqlite::SqliteStore;
use serde::Serialize;

use hippo_core::store::SecretStore as _;

use crate::args::{DEFAULT_STACK, Side, timezone};
use crate::config::{Config, NewConfig, check_contact};
use crate::context::Globals;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::home::{Home, make_private, make_private_directory, write_new_private_file};
use crate::mailer;
use crate::timezones::machine_timezone;

/// Make a home: configuration, database, key and mail folder.
///
/// Asks nothing; running it again changes nothing that is there. With “--on aws” it makes what a deployed stack
/// lacks: the key.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  hippo init
  hippo --home /srv/hippo init --contact you@example.org \\
      --mail-from \"LibraryHippo <hippo@example.org>\"
  hippo --on aws init    # once, after the first deployment")]
pub(crate) struct Init {
    /// Whom mails are from.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mail_from: Option<String>,
    /// An address by which a library or a family reaches you.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) contact: Option<String>,
    /// Your time zone; by default this machine's.
    #[arg(long, value_parser = timezone, value_name = "ZONE")]
    pub(crate) timezone: Option<Tz>,
}

/// From whom mails come unless the operator says so: good for a mail folder, not for a mail server.
const DEFAULT_FROM: &str = "LibraryHippo <libraryhippo@localhost>";

#[derive(Serialize)]
struct Document {
    home: String,
    made: Vec<&'static str>,
    /// The directory was there, and others could look into it.
    closed_to_others: bool,
    timezone: String,
}

/// What became of a home.
pub(crate) struct Made {
    /// What was missing.
    files: Vec<&'static str>,
    /// Others could look into the directory before.
    closed_to_others: bool,
}

#[derive(Serialize)]
struct StackDocument<'a> {
    stack: &'a str,
    key: String,
    made: bool,
    timezone: &'a str,
}

/// Makes what a deployed stack lacks: CloudFormation cannot make a secret parameter.
async fn init_stack(init: &Init, globals: &Globals) -> CommandResult {
    if init.mail_from.is_some() || init.contact.is_some() || init.timezone.is_some() {
        return Err(CommandError::Usage(
            "Sender, contact and time zone of a stack are the parameters MailFrom, Contact and Timezone of its \
             deployment; change them there."
                .to_owned(),
        ));
    }
    let stack = globals.open_stack().await?;
    let made = stack.create_keys().await?;
    let key = stack.keys().shown();
    let output = globals.output;
    output.document(&StackDocument {
        stack: stack.name(),
        key: key.clone(),
        made,
        timezone: stack.zone().name(),
    });
    if !made {
        output.say(format!(
            "{} has its key already, in {key}; nothing was changed.",
            stack.name()
        ));
        return Ok(Outcome::Done);
    }
    output.say(format!(
        "Made the keys that seal and open numbers and PINs; the private one is in {key}. They outlive the stack; \
         without the private one no PIN can be opened again."
    ));
    output.say("So that every command works on the stack:");
    output.say_whole("  export HIPPO_ON=aws");
    if stack.name() != DEFAULT_STACK {
        output.say_whole(format!("  export HIPPO_STACK={}", stack.name()));
    }
    output.say(
        "Next: “hippo library add --help”, “hippo family add --help”, “hippo card add --help”.",
    );
    Ok(Outcome::Done)
}

/// Makes what is missing of a home.
pub(crate) async fn run(init: Init, globals: &Globals) -> CommandResult {
    if globals.side == Side::Aws {
        return init_stack(&init, globals).await;
    }
    let home = Home::locate(globals.home.clone())?;
    let Made {
        files: made,
        closed_to_others,
    } = make(&home, &init).await?;
    let config = Config::read(&home)?;
    let output = globals.output;
    output.document(&Document {
        home: home.directory().display().to_string(),
        made: made.clone(),
        closed_to_others,
        timezone: config.timezone.name().to_owned(),
    });
    let shown = home.directory().display();
    if made.is_empty() {
        output.say(format!("{shown} is set up already; nothing was changed."));
        if init.mail_from.is_some() || init.contact.is_some() || init.timezone.is_some() {
            output.say(format!(
                "To change what it says, edit {}.",
                home.config().display()
            ));
        }
        return Ok(Outcome::Done);
    }
    output.say(format!("Made in {shown}: {}.", made.join(", ")));
    if closed_to_others {
        output.say("Others could look into that directory; now only you can.");
    }
    output.say(format!(
        "Your time zone is {}. Mails go to files in {} until {} says otherwise.",
        config.timezone,
        home.mail_folder().display(),
        home.config().display(),
    ));
    output.say(format!(
        "Keep copies of {} and {} apart from your backups: without the first no PIN can be opened again.",
        home.key_files().private_path().display(),
        FINGERPRINT_NAME
    ));
    output.say(
        "Next: “hippo library add --help”, “hippo family add --help”, “hippo card add --help”.",
    );
    Ok(Outcome::Done)
}

/// Makes what is missing of a home; what was there stays as it is.
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
            .map_err(|message| CommandError::Usage(format!("The command {message}")))?;
    }
    let mut made = Vec::new();
    let mut closed_to_others = false;
    make_private_directory(home.directory())?;
    if !home.config().exists() {
        closed_to_others = make_private(home.directory())?;
        write_new_private_file(&home.config(), &config.to_toml())?;
        made.push("config.toml");
    }
    let has_database = home.database().exists();
    let store = SqliteStore::open_or_create(&home.database())
        .map_err(|error| CommandError::Unusable(error.to_string()))?;
    if !has_database {
        made.push("hippo.db");
    }
    let has_cards = !store.cards_with_secrets().await?.is_empty();
    made.extend(make_keys(home, has_cards)?);
    if !home.mail_folder().exists() {
        make_private_directory(&home.mail_folder())?;
        made.push("mail");
    }
    Ok(Made {
        files: made,
        closed_to_others,
    })
}

/// Makes the keys that are missing. What cards were added with is not made anew: it would not fit.
fn make_keys(home: &Home, has_cards: bool) -> Result<Vec<&'static str>, CommandError> {
    let files = home.key_files();
    let unusable = |error: KeyFileError| CommandError::Unusable(error.to_string());
    let is_gone = |path: &std::path::Path| -> Result<bool, CommandError> {
        if path.exists() {
            return Ok(false);
        }
        if has_cards {
            return Err(CommandError::Unusable(format!(
                "The key file {} is gone, and there are cards that were sealed with it. Put it back: a \
                 new key would not fit them. Nothing was changed.",
                path.display()
            )));
        }
        Ok(true)
    };
    let (lacks_pair, lacks_fingerprint_key) = (
        is_gone(files.private_path())?,
        is_gone(files.fingerprint_path())?,
    );
    let mut made = Vec::new();
    if lacks_pair {
        files.create_pair().map_err(unusable)?;
        made.extend([PRIVATE_NAME, PUBLIC_NAME]);
    } else {
        let keys = files.read_private_keys()?;
        let public = files.read_public_key();
        if !public.is_ok_and(|public| keys.has_key(&public.id())) {
            files
                .write_public_key(keys.public_key())
                .map_err(unusable)?;
            made.push(PUBLIC_NAME);
        }
    }
    if lacks_fingerprint_key {
        files.create_fingerprint_key().map_err(unusable)?;
        made.push(FINGERPRINT_NAME);
    }
    Ok(made)
}

/// A directory with other things in it is surely named by mistake.
fn refuse_foreign_directory(home: &Home) -> Result<(), CommandError> {
    let directory = home.directory();
    if directory.exists() && !directory.is_dir() {
        return Err(CommandError::Unusable(format!(
            "{} is a file, not a directory; name another with --home DIR.",
            directory.display()
        )));
    }
    let is_ours = home.config().exists()
        || home.database().exists()
        || home.key_files().private_path().exists();
    let has_something =
        std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if has_something && !is_ours {
        return Err(CommandError::Unusable(format!(
            "{} holds other things and no LibraryHippo home; name an empty or a new directory with \
             --home DIR.",
            directory.display()
        )));
    }
    Ok(())
}

fn refuse_malformed_sender(config: &NewConfig<'_>) -> Result<(), CommandError> {
    mailer::mailbox("--mail-from", config.mail_from)
        .map(|_| ())
        .map_err(|message| CommandError::Usage(format!("The command {message}")))
}
