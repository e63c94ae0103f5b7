//! Measures how soon Chromium paints the pages of `hippo serve`, and how much memory that takes when idle.
//!
//! A family has six cards with ten loans each, and the console has a month of ticks. Prints the figures beside their
//! budgets; it fails no budget. `scripts/bench` builds both in release mode and runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark may panic when its setup fails"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use hippo_core::testing::run_history::store_ticks;
use hippo_demo_library::{DemoLibrary, Site, SystemKind, generated_number, generated_pin};
use hippo_local::sqlite::SqliteStore;
use hippo_tests::Home;
use hippo_tests::web_driver::{Chromium, Profile};
use serde_json::Value;

const CARDS: usize = 6;
const LOANS_EACH: usize = 10;
const LOADS: usize = 15;

/// The only address: a recipient who is the operator, too.
const ADDRESS: &str = "pat@example.org";

/// The newest of the ticks is a moment before.
const NOW: &str = "2026-11-21T17:00:00Z";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let Some(chromium) = Chromium::start() else {
        return;
    };
    let home = add_family(&runtime);
    let mut command = home.command(&["--json", "serve", "--listen", "127.0.0.1:0"]);
    let mut server = command.stderr(Stdio::null()).spawn().expect("a server");
    let origin = read_origin(&mut server);
    // The pages are there before the last of its threads are.
    std::thread::sleep(Duration::from_secs(2));
    println!(
        "hippo serve: {:.1} MiB when idle (budget 20)",
        resident_memory(&server)
    );
    let profile = chromium.open_profile();
    sign_in(&home, &profile, &origin);
    for path in ["/family", "/console"] {
        let mut times: Vec<f64> = (0..LOADS)
            .map(|_| first_paint(&profile, &format!("{origin}{path}")))
            .collect();
        times.sort_by(f64::total_cmp);
        let median = times.get(LOADS / 2).expect("a time");
        let slowest = times.last().expect("a time");
        println!(
            "{path}: first contentful paint after {median:.0} ms (budget 300), at most {slowest:.0} ms of {LOADS} loads"
        );
    }
    println!(
        "hippo serve: {:.1} MiB after its pages",
        resident_memory(&server)
    );
    server.kill().expect("the server ends");
    server.wait().expect("the server ended");
}

/// Makes a home with a family whose cards were checked, and a month of ticks.
fn add_family(runtime: &tokio::runtime::Runtime) -> Home {
    let mut home = Home::empty();
    home.set_now(NOW);
    home.run(&["init", "--timezone", "UTC"]).expect_code(0);
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).expect("config.toml");
    let text = format!("{text}\n[web]\noperators = [\"{ADDRESS}\"]\n");
    std::fs::write(&config, text).expect("config.toml");
    let today = NOW.split('T').next().and_then(|day| day.parse().ok());
    let site = Site::generated(
        SystemKind::Koha,
        CARDS,
        LOANS_EACH,
        0,
        today.expect("a day"),
    );
    let library = runtime
        .block_on(DemoLibrary::start(site))
        .expect("a demo library");
    let url = library.base_url();
    let (system, format) = (library.system().id(), library.system().usual_date_format());
    home.run(&[
        "library",
        "add",
        "wpl",
        "--name",
        "Mill Street",
        "--system",
        system,
        "--url",
        &url,
        "--date-format",
        format,
    ])
    .expect_code(0);
    home.run(&[
        "family", "add", "lee", "--name", "The Lees", "--to", ADDRESS, "--time", "23:00",
    ])
    .expect_code(0);
    for patron in 0..CARDS {
        let name = format!("Patron {patron}");
        home.add_card(
            "lee",
            "wpl",
            &name,
            &generated_number(patron),
            &generated_pin(patron),
        );
    }
    home.run(&["check-cards", "--no-pause"]).expect_code(0);
    let store = SqliteStore::open_or_create(&home.path().join("hippo.db")).expect("the database");
    runtime
        .block_on(store_ticks(&store, 30))
        .expect("a month of ticks");
    home
}

/// Reads where the pages are.
fn read_origin(server: &mut Child) -> String {
    let mut line = String::new();
    let output = server.stdout.as_mut().expect("the server's output");
    BufReader::new(output).read_line(&mut line).expect("a line");
    let started: Value = serde_json::from_str(&line).expect("JSON");
    let url = started.get("public_url").and_then(Value::as_str);
    url.expect("a URL").to_owned()
}

/// Signs the browser in with the link of an email.
fn sign_in(home: &Home, profile: &Profile<'_>, origin: &str) {
    profile.open(&format!("{origin}/sign-in"));
    profile.type_into("#address", ADDRESS);
    profile.click("main button");
    profile.wait_for("Check your email");
    let start = format!("{origin}/sign-in/link");
    let link = (0..600).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        let mails = home.mails().into_iter();
        mails.into_iter().find_map(|(_, mail)| {
            let text = mail.replace("=\r\n", "").replace("=3D", "=");
            let (_, rest) = text.split_once(&start)?;
            Some(format!("{start}{}", rest.split_whitespace().next()?))
        })
    });
    profile.open(&link.expect("an email with a link"));
    profile.click("main button");
    profile.wait_for("Sign out");
}

/// Opens a page; returns the milliseconds until its first content was painted.
fn first_paint(profile: &Profile<'_>, url: &str) -> f64 {
    profile.open(url);
    let script =
        "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";
    let time = (0..200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        profile.run(script).as_f64()
    });
    time.expect("a painted page")
}

/// The resident memory of a process in MiB (0 except on Linux).
fn resident_memory(process: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
    let status = status.unwrap_or_default();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or_default() / 1024.0
}
