//! Measures `check-cards` over 1,000 cards at 50 libraries, `notify-all` for 1,000 families, and the list of 500
//! schedules.
//!
//! Runs the real command against demo libraries on loopback and prints the figures beside their budgets. It
//! fails no budget. `scripts/bench` builds both in release mode and runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark may panic when its setup fails"
)]

use std::fmt::Write as _;
use std::process::Child;
use std::time::{Duration, Instant};

use hippo_demo_library::{DemoLibrary, Site, SystemKind, generated_number, generated_pin};
use hippo_tests::Home;

const LIBRARIES: usize = 50;
const CARDS_EACH: usize = 20;
const CONCURRENCY: usize = 32;
const DELAY: Duration = Duration::from_millis(100);
const LOANS_EACH: usize = 30;
const SCHEDULES: usize = 500;

#[tokio::main]
async fn main() {
    let today = chrono::Utc::now().date_naive();
    let mut home = Home::new();
    let mut libraries = Vec::new();
    let mut import = String::new();
    for number in 0..LIBRARIES {
        let system = SystemKind::ALL
            .into_iter()
            // A programming interface needs options of its own.
            .filter(|system| *system != SystemKind::SymphonyWs)
            .cycle()
            .nth(number)
            .expect("a system");
        let site = Site::generated(system, CARDS_EACH, LOANS_EACH, 0, today);
        let library = DemoLibrary::start(site).await.expect("a demo library");
        let date_format = match system {
            SystemKind::Bibliocommons => String::new(),
            other => format!("date_format = \"{}\"\n", other.usual_date_format()),
        };
        writeln!(
            import,
            "[[library]]\nid = \"lib-{number}\"\nname = \"Library {number}\"\nsystem = \"{}\"\nurl = \"{}\"\ntimezone = \"UTC\"\n{date_format}",
            system.id(),
            library.base_url()
        )
        .unwrap();
        libraries.push(library);
    }
    for library in 0..LIBRARIES {
        for patron in 0..CARDS_EACH {
            let family = format!("family-{library}-{patron}");
            writeln!(
                import,
                "[[family]]\nid = \"{family}\"\nname = \"Family {library} {patron}\"\nto = [\"{family}@example.org\"]\ntimezone = \"UTC\"\ntime = \"00:00\"\n\n\
                 [[card]]\nfamily = \"{family}\"\nlibrary = \"lib-{library}\"\npatron = \"Pat\"\nnumber = \"{}\"\npin_env = \"PIN_{patron}\"\n",
                generated_number(patron)
            )
            .unwrap();
        }
    }
    for patron in 0..CARDS_EACH {
        home.set_variable(&format!("PIN_{patron}"), &generated_pin(patron));
    }
    let file = home.path().join("import.toml");
    std::fs::write(&file, import).expect("the import file");
    let started = Instant::now();
    home.run(&["import", &file.to_string_lossy()])
        .expect_code(0);
    println!(
        "import of 1,000 families and cards: {:.2} s",
        started.elapsed().as_secs_f64()
    );

    for library in &libraries {
        library.switches().set_delay(DELAY);
    }
    let concurrency = CONCURRENCY.to_string();
    let (seconds, peak) = measure(
        home.command(&[
            "check-cards",
            "--concurrency",
            &concurrency,
            "--no-delay",
            "--json",
        ])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .spawn()
        .expect("check-cards"),
    );
    let responses: usize = libraries.iter().map(DemoLibrary::request_count).sum();
    let in_flight = libraries
        .iter()
        .map(DemoLibrary::most_in_flight)
        .max()
        .unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let ideal = responses as f64 * DELAY.as_secs_f64() / CONCURRENCY as f64;
    println!(
        "check-cards: 1,000 cards at {LIBRARIES} libraries, {responses} responses of 100 ms, --concurrency {CONCURRENCY}"
    );
    println!(
        "  {seconds:.2} s, ideal {ideal:.2} s: {:.2} times (budget 1.20)",
        seconds / ideal
    );
    println!(
        "  peak memory {peak} MiB (budget 80), most requests in flight at one library {in_flight} (limit 2)"
    );

    let (seconds, peak) = measure(
        home.command(&["notify-all", "--json"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::inherit())
            .spawn()
            .expect("notify-all"),
    );
    println!(
        "notify-all: 1,000 families with {LOANS_EACH} loans each, {} mails in the outbox",
        home.mails().len()
    );
    println!("  {seconds:.2} s (budget 2.00), peak memory {peak} MiB");
    measure_schedule_list(&home);
}

/// Prints how long `schedule list` takes with many schedules, each with its own expression: the median of nine.
fn measure_schedule_list(home: &Home) {
    let mut config = String::from("timezone = \"America/Toronto\"\n");
    for number in 0..SCHEDULES {
        let (minute, hour, day) = (number % 60, number % 24, number % 28 + 1);
        writeln!(
            config,
            "[[schedule]]\nlabel = \"schedule-{number}\"\njob = \"check-cards\"\nwhen = \"cron({minute} {hour} {day} * ? *)\"\n"
        )
        .unwrap();
    }
    std::fs::write(home.path().join("config.toml"), config).expect("config.toml");
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let started = Instant::now();
            home.run(&["schedule", "list"]).expect_code(0);
            started.elapsed()
        })
        .collect();
    times.sort();
    println!("schedule list: {SCHEDULES} schedules");
    let median = times.get(times.len() / 2).expect("nine times");
    println!("  {} ms (budget 100)", median.as_millis());
}

/// Waits for a child. Returns its time in seconds and its peak memory in MiB (0 except on Linux).
fn measure(mut child: Child) -> (f64, u64) {
    let started = Instant::now();
    let mut peak = 0;
    loop {
        peak = peak.max(peak_memory(child.id()).unwrap_or_default());
        match child.try_wait().expect("a child") {
            Some(_) => return (started.elapsed().as_secs_f64(), peak),
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024)
}
