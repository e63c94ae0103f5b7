//! `hippo serve`: the web pages on this machine.

mod held_keys;
mod http_server;
mod identity_provider;
mod job_processes;
mod messages;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use clap::Args;
use hippo_core::email_address::EmailAddress;
use hippo_core::jobs::StopRequest as _;
use hippo_core::public_url::{InvalidPublicUrl, PublicUrl};
use hippo_core::run::JobName;
use hippo_local::sqlite::SqliteStore;
use hippo_web::{WebPorts, WebSettings, create_operator_link, router};
use serde::Serialize;
use tokio::net::TcpListener;

use self::held_keys::HeldKeys;
use self::http_server::{ServerLimits, serve_http};
use self::identity_provider::identity_provider;
use self::job_processes::JobProcesses;
use self::messages::MessageSender;
use crate::config::Config;
use crate::context::{Globals, clock};
use crate::deployment::local::{open_database, save_schedules};
use crate::exit::{CommandError, CommandResult, ErrorKind, Outcome};
use crate::mailer::mailer;
use crate::operator_name::operator_name;
use crate::output::Output;
use crate::output::stdout::io_words;
use crate::stop::Stop;
use crate::suggested::{HIPPO, HIPPO_HERE};
use crate::values::socket_address;

/// Serve the web pages on this machine.
///
/// Families sign in with their email addresses. The pages start no checks and send no notices on their
/// own: your schedule does. docs/WEB.md says how to put them behind a reverse proxy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo serve
  hippo serve --listen 127.0.0.1:9000
  hippo serve --public-url https://hippo.example.org

It prints a link that signs you in as the operator, once and within 15 minutes.
“hippo open” makes another one. Ctrl-C ends it.")]
pub(crate) struct Serve {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8484", value_parser = socket_address)]
    listen: SocketAddr,
    /// The address of the pages, as people type it. By default that of the configuration, or the one
    /// that it listens on.
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Make no link for the operator, as for a service whose output goes to a log. Sign in by email.
    #[arg(long)]
    no_operator_link: bool,
}

/// Where the pages are.
#[derive(Serialize)]
struct ServingDocument<'a> {
    listen: SocketAddr,
    public_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_link: Option<&'a str>,
}

/// Serves until a signal comes.
pub(crate) async fn run(serve: Serve, globals: &Globals) -> CommandResult {
    let home = globals.local_home(
        "serve",
        &format!(
            "On AWS, the stack serves the pages if it has Web=true. “{HIPPO} open” opens them."
        ),
    )?;
    home.must_exist()?;
    let config = Config::read(&home)?;
    let public_url = match (serve.public_url, &config.web.public_url) {
        (Some(url), _) => Some(url),
        (None, Some(url)) => Some(parse_public_url(url.as_str())?),
        (None, None) => None,
    };
    let is_https = public_url.as_ref().is_some_and(PublicUrl::is_secure);
    if !serve.listen.ip().is_loopback() && !is_https {
        return Err(CommandError::usage(
            "Other machines could reach the pages, so they need https. Name their https address, and put a reverse \
             proxy in front.",
        )
        .try_command(format!(
            "{HIPPO_HERE} serve --listen {} --public-url https://hippo.example.org",
            serve.listen
        )));
    }
    // Before anything is printed, so that a signal never finds the command unprepared.
    let stop = Arc::new(Stop::listen("finishing the open requests", String::new()));
    let jobs = JobProcesses::new(&home)
        .map_err(|error| CommandError::unusable("Can't find this program.").caused_by(error))?;
    let identity_provider = identity_provider(&home, &config)?;
    let store = Arc::new(open_database(&home)?);
    let listener = TcpListener::bind(serve.listen).await.map_err(|error| {
        CommandError::unusable(format!(
            "Can't listen on {}: {}.",
            serve.listen,
            io_words(&error)
        ))
        .advice("Stop the other program, or choose another port with --listen.")
    })?;
    let listen = listener
        .local_addr()
        .map_err(|error| CommandError::unusable("Can't tell where it listens.").caused_by(error))?;
    let public_url = match public_url {
        Some(url) => url,
        None => parse_public_url(&format!("http://{listen}"))?,
    };
    let settings = WebSettings {
        operators: operators(&config),
        contact: config.contact.clone(),
        timezone: config.timezone,
        operator_name: operator_name(),
        public_url,
    };
    let now = clock()?.now();
    for job in JobName::all() {
        save_schedules(&store, &config, job, now).await?;
    }
    let messages = MessageSender::start(
        Arc::<SqliteStore>::clone(&store),
        Arc::from(mailer(&home, &config)?),
        clock()?,
        &settings,
    );
    let ports = WebPorts {
        store,
        messages: messages.queue(),
        jobs: Some(Arc::new(jobs)),
        keys: Arc::new(HeldKeys::new(&home)),
        identity_provider,
        clock: clock()?,
        settings: Arc::new(settings),
    };
    let link = match serve.no_operator_link {
        true => None,
        false => {
            let public_url = &ports.settings.public_url;
            let link = create_operator_link(&*ports.store, public_url, ports.clock.now()).await;
            Some(link.map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))?)
        }
    };
    announce(&ports, listen, link.as_deref(), globals.output);
    serve_until_stopped(listener, router(ports), stop).await;
    messages.finish().await;
    Ok(Outcome::Done)
}

/// Prints where the pages are, and the link that signs the operator in.
fn announce(ports: &WebPorts, listen: SocketAddr, link: Option<&str>, output: Output) {
    let public_url = ports.settings.public_url.origin();
    output.print_document(&ServingDocument {
        listen,
        public_url: public_url.clone(),
        operator_link: link,
    });
    output.print_line(format!(
        "The pages are at {public_url}. Press Ctrl-C to stop."
    ));
    if let Some(link) = link {
        output.print_line(format!(
            "To sign in as the operator, open this link within 15 minutes. It works once:\n  {link}"
        ));
    }
}

fn parse_public_url(text: &str) -> Result<PublicUrl, CommandError> {
    let parsed = text.parse();
    parsed.map_err(|error: InvalidPublicUrl| CommandError::from_source(ErrorKind::Usage, error))
}

/// The addresses that sign in as the operator.
fn operators(config: &Config) -> Vec<EmailAddress> {
    let configured = config.web.operators.iter().chain(&config.jobs.operator);
    configured.cloned().collect()
}

/// Serves until a signal comes, and then finishes the open requests.
async fn serve_until_stopped(listener: TcpListener, router: Router, stop: Arc<Stop>) {
    tokio::select! {
        () = serve_http(listener, router, ServerLimits::default(), stop.wait_for_request()) => {}
        () = stop.wait_for_grace_end() => {}
    }
}
