//! `hippo demo`: checks and notices from end to end, with made-up libraries on this machine.

use std::io::Write as _;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use hippo_core::clock::local_date;
use hippo_demo_library::{DemoLibrary, DemoPictureServer, Fault, family_sites, harbour_site};
use secrecy::SecretString;

use crate::commands::check_cards::{CheckCards, check_cards};
use crate::commands::import::{Pins, import_text};
use crate::commands::init::{Init, make};
use crate::commands::notify_all::{NotifyAll, notify_all};
use crate::commands::status::{Status, status};
use crate::context::{Context, Globals, clock};
use crate::deployment::local::LocalDeployment;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::home::Home;
use crate::output::table::{Tone, paint};
use crate::output::{Output, print_to_stderr};
use crate::stop::wait_for_stop_signal;
use crate::suggested::HIPPO_HERE;
use crate::timezones::machine_timezone;

/// See it work: made-up libraries and families, checks, and notices in a mail folder.
///
/// It starts small libraries on this machine, adds two families with six cards, checks them, and
/// writes each family its notice. One family gets a picture too. One card has a wrong PIN and one library is down, to show what
/// happens then. It leaves nothing behind unless you keep it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo demo
  hippo demo --keep demo-home      # the emails are in demo-home/mail
  hippo demo --keep demo-home --serve

With --serve, every command works in demo-home until you stop the demo: hippo --home demo-home check-cards")]
pub(crate) struct Demo {
    /// Keep the home in this directory, which must be empty or new.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Keep the libraries running until Ctrl-C, so that you can try every command on them.
    #[arg(long, requires = "keep")]
    serve: bool,
}

/// Runs the demo.
pub(crate) async fn run(demo: Demo, globals: &Globals) -> CommandResult {
    let temporary = tempfile::tempdir().map_err(|error| {
        CommandError::unusable("Can't create a temporary directory.").caused_by(error)
    })?;
    let directory = match &demo.keep {
        Some(keep) => keep.clone(),
        None => temporary.path().join("libraryhippo"),
    };
    let home = Home::locate(Some(directory))?;
    if home.config().exists() {
        return Err(CommandError::usage(format!(
            "{} is already a home. Name a new directory.",
            home.directory().display()
        )));
    }
    let servers = tokio::select! {
        result = show(&home, demo.keep.is_some(), globals.output) => result?,
        // Returning deletes the temporary directory.
        () = wait_for_stop_signal() => {
            print_to_stderr("The demo was stopped.");
            return Ok(Outcome::SomeFailed);
        }
    };
    globals.output.print_text("");
    if demo.serve {
        globals.output.print_text(format!(
            "The libraries run until you press Ctrl-C. Meanwhile, try any command on the home {}, in another terminal:",
            home.directory().display()
        ));
        globals
            .output
            .print_line(format!("  → {HIPPO_HERE} check-cards"));
        wait_for_stop_signal().await;
        return Ok(Outcome::Done);
    }
    drop(servers);
    globals.output.print_text(match &demo.keep {
        None => "The demo's files are deleted. To keep them, run “hippo demo --keep DIR”. To start with your own \
                 cards, run “hippo init”."
            .to_owned(),
        Some(_) => format!(
            "The home is {}, and the emails are in {}. The demo's libraries are gone, so a new check fails: --serve \
             keeps them running. To look around:",
            home.directory().display(),
            home.mail_folder().display()
        ),
    });
    if demo.keep.is_some() {
        globals
            .output
            .print_line(format!("  → {HIPPO_HERE} status"));
    }
    Ok(Outcome::Done)
}

/// The demo's libraries, which run until they are dropped.
struct Libraries {
    riverside: DemoLibrary,
    hillcrest: DemoLibrary,
    lakeshore: DemoLibrary,
    marshfield: DemoLibrary,
    harbour: DemoLibrary,
}

impl Libraries {
    async fn start(today: NaiveDate) -> std::io::Result<Self> {
        let [riverside, hillcrest, lakeshore, marshfield] = family_sites(today);
        let libraries = Self {
            riverside: DemoLibrary::start(riverside).await?,
            hillcrest: DemoLibrary::start(hillcrest).await?,
            lakeshore: DemoLibrary::start(lakeshore).await?,
            marshfield: DemoLibrary::start(marshfield).await?,
            harbour: DemoLibrary::start(harbour_site(today)).await?,
        };
        libraries
            .harbour
            .switches()
            .set(Fault::Down { retry_after: None });
        Ok(libraries)
    }

    /// The file that `hippo import` reads.
    fn import_file(&self) -> String {
        let mut text = String::new();
        for (id, library) in [
            ("riverside", &self.riverside),
            ("hillcrest", &self.hillcrest),
            ("lakeshore", &self.lakeshore),
            ("marshfield", &self.marshfield),
            ("harbour", &self.harbour),
        ] {
            text.push_str(&format!(
                "[[library]]\nid = \"{id}\"\nname = \"{}\"\nsystem = \"{}\"\nurl = \"{}\"\ndate_format = \"{}\"\ncurrency = \"CAD\"\n\n",
                library.library_name(),
                library.system().id(),
                library.base_url(),
                library.system().usual_date_format(),
            ));
        }
        text.push_str(FAMILIES);
        text
    }
}

/// Two families and six cards: Tom's PIN is wrong, and one of Jon's libraries is down.
///
/// The notices are due at midnight, so that they are due at any time of day.
const FAMILIES: &str = r#"[[family]]
id = "calder"
name = "The Calders"
to = ["ines@example.org", "tom@example.org"]
time = "00:00"
picture_time = "00:00"

[[family]]
id = "okoye"
name = "Mara and Jon"
to = ["mara@example.org"]
time = "00:00"

[[card]]
family = "calder"
library = "riverside"
patron = "Ines"
number = "21000000004711"
pin_env = "INES_RIVERSIDE"

[[card]]
family = "calder"
library = "hillcrest"
patron = "Ines"
number = "22000000008815"
pin_env = "INES_HILLCREST"

[[card]]
family = "calder"
library = "riverside"
patron = "Tom"
number = "21000000004712"
pin_env = "TOM_RIVERSIDE"

[[card]]
family = "okoye"
library = "lakeshore"
patron = "Mara"
number = "23000000001203"
pin_env = "MARA_LAKESHORE"

[[card]]
family = "okoye"
library = "marshfield"
patron = "Jon"
number = "25000000003305"
pin_env = "JON_MARSHFIELD"

[[card]]
family = "okoye"
library = "harbour"
patron = "Jon"
number = "24000000000642"
pin_env = "JON_HARBOUR"
"#;

/// The demo's PINs, which aren't secrets.
struct DemoPins;

impl Pins for DemoPins {
    fn read_environment(&self, name: &str) -> Option<SecretString> {
        let pin = match name {
            "INES_RIVERSIDE" => "2468",
            "INES_HILLCREST" => "9021",
            "TOM_RIVERSIDE" => "0000",
            "MARA_LAKESHORE" => "7788",
            "JON_MARSHFIELD" => "5160",
            "JON_HARBOUR" => "3141",
            _ => return None,
        };
        Some(SecretString::from(pin))
    }
}

/// Shows every step; returns the servers, which run until they are dropped.
async fn show(
    home: &Home,
    is_kept: bool,
    output: Output,
) -> Result<(Libraries, DemoPictureServer), CommandError> {
    let zone = machine_timezone();
    let today = local_date(clock()?.now(), zone);
    let libraries = Libraries::start(today).await.map_err(|error| {
        CommandError::unusable("Can't serve the demo's libraries on 127.0.0.1.").caused_by(error)
    })?;
    let init = Init {
        contact: Some("you@example.org".to_owned()),
        timezone: Some(zone),
        ..Init::default()
    };
    make(home, &init).await?;
    let picture = DemoPictureServer::start(today).await.map_err(|error| {
        CommandError::unusable("Can't serve the demo's picture on 127.0.0.1.").caused_by(error)
    })?;
    add_picture(home, &picture)?;
    // With --json, only the last step prints a document.
    let steps = Output {
        json: false,
        quiet: output.json,
        ..output
    };
    let mut deployment = LocalDeployment::open(home.clone(), clock()?)?;
    if !is_kept {
        deployment = deployment.temporary();
    }
    let mut context = Context::new(Box::new(deployment), steps)?;

    step(
        &context,
        "Five libraries on this machine, two families, six cards",
    );
    import_text(
        &context,
        "The demo's file",
        &libraries.import_file(),
        false,
        &DemoPins,
    )
    .await?;

    step(&context, "hippo check-cards");
    // Two of the cards fail on purpose.
    check_cards(
        &context,
        CheckCards {
            no_delay: true,
            ..CheckCards::default()
        },
    )
    .await?;

    step(&context, "hippo notify-all --dry-run --family calder");
    let calder = "calder".parse()?;
    let dry_run = NotifyAll {
        dry_run: true,
        family: Some(calder),
        ..NotifyAll::default()
    };
    notify_all(&context, dry_run).await?;

    step(&context, "hippo notify-all");
    notify_all(&context, NotifyAll::default()).await?;

    step(&context, "hippo run picture-of-the-day");
    let pictures = NotifyAll {
        sends_pictures: true,
        ..NotifyAll::default()
    };
    notify_all(&context, pictures).await?;

    step(&context, "The emails");
    for mail in mails(home)? {
        // The path of a file that will be deleted helps nobody.
        let path = match mail.file_name() {
            Some(name) if !is_kept => PathBuf::from(name),
            _ => mail,
        };
        context.output.print_text(format!("  {}", path.display()));
    }

    step(&context, "hippo status");
    context.output = output;
    status(&context, &Status::default()).await?;
    Ok((libraries, picture))
}

/// Adds the picture's source to the configuration.
fn add_picture(home: &Home, picture: &DemoPictureServer) -> Result<(), CommandError> {
    let path = home.config();
    let unusable =
        |error| CommandError::unusable(format!("Can't write {}.", path.display())).caused_by(error);
    let mut config = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .map_err(unusable)?;
    let table = format!(
        "\n[picture]\nurl = \"{}\"\nkind = \"json\"\naddress = \"image\"\ntitle = \"title\"\ncredit = \"copyright\"\n",
        picture.document_url()
    );
    config.write_all(table.as_bytes()).map_err(unusable)
}

/// Lists the files in the mail folder by name.
fn mails(home: &Home) -> Result<Vec<PathBuf>, CommandError> {
    let entries = std::fs::read_dir(home.mail_folder()).map_err(|error| {
        CommandError::unusable(format!("Can't read {}.", home.mail_folder().display()))
            .caused_by(error)
    })?;
    let mut mails: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    mails.sort();
    Ok(mails)
}

fn step(context: &Context, what: &str) {
    let color = context.output.color;
    context.output.print_text(format!(
        "\n{}",
        paint(&format!("── {what}"), Tone::Bold, color)
    ));
}
