//! Serves demo libraries on loopback until stopped, and prints their addresses.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use chrono::NaiveDate;
use hippo_demo_library::{DemoLibrary, Generation, Site, SystemKind, family_sites, harbour_site};

const USAGE: &str = "\
Serves demo libraries on 127.0.0.1 until stopped. Prints each library's id, system and address.

Usage: demo-library [--port N] [--today DATE] [--delay-ms N]
       demo-library --generated PATRONS [--libraries N] [--system S] [--newer] [--loans N] [--holds N]
                    [--filler-bytes N] [--port N] [--today DATE] [--delay-ms N]

  --port N           port of the first library; the others follow. Default: free ports
  --today DATE       the pages' current date, YYYY-MM-DD. Default: today
  --delay-ms N       delay of every answer
  --generated N      generated patrons per library, instead of the demo families
  --libraries N      number of libraries. Default: 1
  --system S         system, as in hippo library add. Default: each in turn
  --newer            the newer generation of enterprise and koha
  --loans N          loans of each patron. Default: 30
  --holds N          holds of each patron. Default: 8
  --filler-bytes N   filler bytes in each account page. Default: 0
";

struct Options {
    port: Option<u16>,
    today: NaiveDate,
    delay: Duration,
    generated: Option<usize>,
    libraries: usize,
    system: Option<SystemKind>,
    newer: bool,
    loans: usize,
    holds: usize,
    filler_bytes: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let outcome = match options(arguments) {
        Ok(options) => serve(&options).await,
        Err(error) => Err(format!("{error} See --help.")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo-library: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: Vec<String>) -> Result<Options, String> {
    let mut options = Options {
        port: None,
        today: chrono::Local::now().date_naive(),
        delay: Duration::ZERO,
        generated: None,
        libraries: 1,
        system: None,
        newer: false,
        loans: 30,
        holds: 8,
        filler_bytes: 0,
    };
    let mut arguments = arguments.into_iter();
    while let Some(name) = arguments.next() {
        if name == "--newer" {
            options.newer = true;
            continue;
        }
        let value = arguments.next().ok_or(format!("{name} needs a value."))?;
        match name.as_str() {
            "--port" => options.port = Some(number(&name, &value)?),
            "--today" => {
                options.today = value
                    .parse()
                    .map_err(|_| format!("{name} needs a date such as 2026-11-21."))?;
            }
            "--delay-ms" => options.delay = Duration::from_millis(number(&name, &value)?),
            "--generated" => options.generated = Some(number(&name, &value)?),
            "--libraries" => options.libraries = number(&name, &value)?,
            "--system" => {
                let known = SystemKind::ALL
                    .into_iter()
                    .find(|system| system.id() == value);
                options.system = Some(known.ok_or(format!("{value} is not a system."))?);
            }
            "--loans" => options.loans = number(&name, &value)?,
            "--holds" => options.holds = number(&name, &value)?,
            "--filler-bytes" => options.filler_bytes = number(&name, &value)?,
            _ => return Err(format!("{name} is not an option.")),
        }
    }
    Ok(options)
}

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("{name} needs a number."))
}

fn sites(options: &Options) -> Vec<Site> {
    let Some(patrons) = options.generated else {
        let families = family_sites(options.today).into_iter();
        return families.chain([harbour_site(options.today)]).collect();
    };
    let in_turn = SystemKind::ALL.into_iter().cycle().take(options.libraries);
    in_turn
        .map(|next| {
            let system = options.system.unwrap_or(next);
            let generation = if options.newer {
                Generation::Newer
            } else {
                Generation::Older
            };
            Site::generated(system, patrons, options.loans, options.holds, options.today)
                .with_generation(generation)
                .with_filler_bytes(options.filler_bytes)
        })
        .collect()
}

async fn serve(options: &Options) -> Result<(), String> {
    let mut running = Vec::new();
    for (index, site) in sites(options).into_iter().enumerate() {
        let port = match options.port {
            None | Some(0) => 0,
            Some(first) => u16::try_from(index)
                .ok()
                .and_then(|index| first.checked_add(index))
                .ok_or("the ports are used up; start at a lower one.")?,
        };
        // The demo's patrons are invented, so their numbers and PINs may be shown.
        let cards: Vec<String> = if options.generated.is_none() {
            let patrons = site.patrons.iter();
            patrons
                .map(|patron| format!("  {} PIN {} ({})", patron.number, patron.pin, patron.name))
                .collect()
        } else {
            Vec::new()
        };
        let library = DemoLibrary::start_on(port, site)
            .await
            .map_err(|error| format!("cannot serve on port {port}: {error}."))?;
        library.switches().set_delay(options.delay);
        println!(
            "demo-{} {} {}",
            index + 1,
            library.system().id(),
            library.base_url()
        );
        for card in cards {
            println!("{card}");
        }
        running.push(library);
    }
    // A script may be waiting for the addresses, and this process doesn't end.
    std::io::stdout()
        .flush()
        .map_err(|error| format!("cannot print: {error}."))?;
    std::future::pending::<()>().await;
    drop(running);
    Ok(())
}
