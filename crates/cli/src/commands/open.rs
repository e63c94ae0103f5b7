//! `hippo open`: the operator's pages in a browser.

use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use hippo_core::public_url::{InvalidPublicUrl, PublicUrl, is_loopback};
use hippo_web::create_operator_link;
use serde::Serialize;
use url::Url;

use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, ErrorKind, Outcome};
use crate::suggested::HIPPO_HERE;

/// How long the pages may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the program that opens the browser may take to say that it can't.
const OPENER_TIMEOUT: Duration = Duration::from_secs(3);

/// Open the operator's web pages in a browser.
///
/// It makes a link that signs you in as the operator, once and within 15 minutes. Without a desktop, it
/// prints the link.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo open
  hippo open --print
  hippo --target aws open

Other programs of this machine can see the link while the browser starts. If other people use the
machine too, print the link and copy it.")]
pub(crate) struct Open {
    /// Print the link, and open nothing.
    #[arg(long)]
    print: bool,
    /// The address of the pages. By default that of the configuration or of the stack.
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
}

/// The link, and whether a browser has it.
#[derive(Serialize)]
struct LinkDocument<'a> {
    public_url: String,
    operator_link: &'a str,
    opened: bool,
}

/// Makes the link, and opens or prints it.
pub(crate) async fn run(open: Open, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    let public_url = match open.public_url {
        Some(url) => url,
        None => parse(&context.deployment.public_url()?)?,
    };
    if context.deployment.stack().is_none() {
        check_is_served(&public_url)?;
    }
    let link = create_operator_link(&*context.store, &public_url, context.now()).await;
    let link = link.map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))?;
    let opened = !open.print && open_in_browser(&link);
    show(&context, &public_url, &link, opened);
    Ok(Outcome::Done)
}

fn parse(url: &Url) -> Result<PublicUrl, CommandError> {
    let parsed = url.as_str().parse();
    parsed.map_err(|error: InvalidPublicUrl| CommandError::from_source(ErrorKind::Unusable, error))
}

/// Prints the link, unless a browser has it.
fn show(context: &Context, public_url: &PublicUrl, link: &str, opened: bool) {
    let origin = public_url.origin();
    context.output.print_document(&LinkDocument {
        public_url: origin.clone(),
        operator_link: link,
        opened,
    });
    if opened {
        context.output.print_text(format!(
            "Opened {origin} in your browser. Press the button there within 15 minutes to sign in as the operator."
        ));
    } else {
        context.output.print_line(format!(
            "To sign in as the operator, open this link within 15 minutes. It works once:\n  {link}"
        ));
    }
}

/// Fails if the pages should be on this machine and nothing answers there.
fn check_is_served(public_url: &PublicUrl) -> Result<(), CommandError> {
    let url: Option<Url> = public_url.origin().parse().ok();
    let Some(url) = url.filter(|url| url.host().is_some_and(|host| is_loopback(&host))) else {
        return Ok(());
    };
    let addresses = url.socket_addrs(|| None).unwrap_or_default();
    let answers =
        |address: &SocketAddr| TcpStream::connect_timeout(address, CONNECT_TIMEOUT).is_ok();
    if addresses.iter().any(answers) {
        return Ok(());
    }
    Err(
        CommandError::unusable(format!("Nothing answers at {}.", public_url.origin()))
            .advice(
                "Start the pages first. If they are at another address, give it with --public-url.",
            )
            .try_command(format!("{HIPPO_HERE} serve")),
    )
}

/// Opens a page with the desktop's browser; false if there is none.
fn open_in_browser(link: &str) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") {
        "xdg-open"
    } else {
        return false;
    };
    let started = Command::new(program)
        .arg(link)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        return false;
    };
    let start = Instant::now();
    while start.elapsed() < OPENER_TIMEOUT {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Err(_) => return false,
        }
    }
    // It runs as long as the browser does.
    true
}
