//! A home with invented families and libraries, its pages, and a browser.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use chrono::{Days, NaiveDate, TimeDelta, Utc};
use hippo_core::run::day::Square;
use hippo_core::run::{JobName, RunOutcome};
use hippo_core::store::{RunDayStore as _, RunStore as _};
use hippo_core::testing::run_history::run;

use hippo_demo_library::{DemoHold, DemoLibrary, DemoLoan, Patron, Site, SystemKind, family_sites};
use hippo_local::sqlite::SqliteStore;
use hippo_tests::Home;
use hippo_tests::web_driver::{Chromium, Profile};
use serde_json::Value;

/// A title that tries to be a page.
pub(super) const HOSTILE: &str =
    "<script>alert(1)</script><img src=x onerror=alert(2)>'\"><style>*{display:none}</style>";

/// A recipient of the family with ordinary titles.
pub(super) const INES: &str = "ines@example.org";

/// The recipient of the family with hostile titles.
pub(super) const MARA: &str = "mara@example.org";

/// The operator.
pub(super) const OPERATOR: &str = "operator@example.org";

/// Families with checked cards, and `hippo serve`.
pub(super) struct World {
    pub(super) home: Home,
    pub(super) riverside: DemoLibrary,
    _others: Vec<DemoLibrary>,
    server: Child,
    /// Where the pages are.
    pub(super) origin: String,
    /// The link that signs the operator in.
    pub(super) operator_link: String,
    /// Runs the libraries.
    _runtime: tokio::runtime::Runtime,
}

impl World {
    /// Starts the libraries, checks every card, and serves the pages.
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let home = Home::empty();
        home.run(&["init", "--timezone", "UTC"]).expect_code(0);
        let config = home.path().join("config.toml");
        let mut text = std::fs::read_to_string(&config).unwrap();
        text.push_str(&format!("\n[web]\noperators = [\"{OPERATOR}\"]\n"));
        std::fs::write(&config, text).unwrap();
        let today = Utc::now().date_naive();
        let [riverside, hillcrest, ..] = family_sites(today);
        let start = |site| runtime.block_on(DemoLibrary::start(site)).unwrap();
        let (riverside, hillcrest) = (start(riverside), start(hillcrest));
        let hostile = start(hostile_site(today));
        for (id, library) in [
            ("riverside", &riverside),
            ("hillcrest", &hillcrest),
            ("hostile", &hostile),
        ] {
            let mut add = vec!["library", "add", id, "--name", library.library_name()];
            let (system, url) = (library.system(), library.base_url());
            add.extend(["--system", system.id(), "--url", &url]);
            add.extend(["--date-format", system.usual_date_format()]);
            home.run(&add).expect_code(0);
        }
        for (id, name, to) in [("calder", "The Calders", INES), ("okoye", HOSTILE, MARA)] {
            let add = [
                "family", "add", id, "--name", name, "--to", to, "--time", "00:00",
            ];
            home.run(&add).expect_code(0);
        }
        home.add_card("calder", "riverside", "Ines", "21000000004711", "2468");
        home.add_card("calder", "hillcrest", "Ines", "22000000008815", "9021");
        home.add_card("calder", "riverside", "Tom", "21000000004712", "1357");
        home.add_card("okoye", "hostile", HOSTILE, "25000000003305", "5160");
        home.run(&["check-cards", "--no-delay"]).expect_code(0);
        runtime.block_on(add_history(&home));
        let (server, origin, operator_link) = serve(&home);
        Self {
            home,
            riverside,
            _others: vec![hillcrest, hostile],
            server,
            origin,
            operator_link,
            _runtime: runtime,
        }
    }

    /// The address of a page.
    pub(super) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The link and the code of the newest of so many sign-in mails to an address.
    pub(super) fn mailed(&self, address: &str, mails: usize) -> (String, String) {
        let to = format!("To: {address}");
        for _ in 0..600 {
            let all = self.home.mails().into_iter();
            let mut own: Vec<(String, String)> = all
                .filter(|(_, mail)| mail.contains("/sign-in/link") && mail.contains(&to))
                .collect();
            if own.len() == mails {
                own.sort_by_key(|(name, _)| {
                    let path = self.home.path().join("mail").join(name);
                    path.metadata().and_then(|file| file.modified()).unwrap()
                });
                return link_and_code(&own.pop().unwrap().1, &self.origin);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("no {mails} mails to {address}: {:?}", self.home.mails());
    }

    /// The link of an invitation that is mailed to an address.
    pub(super) fn mailed_invitation(&self, address: &str) -> String {
        let to = format!("To: {address}");
        let start = format!("{}/invitation?token=", self.origin);
        for _ in 0..600 {
            let mut all = self.home.mails().into_iter();
            let mail = all.find(|(_, mail)| mail.contains(&to) && mail.contains("/invitation"));
            if let Some((_, mail)) = mail {
                let text = plain_text(&mail);
                let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("{text}"));
                let end = rest.split_whitespace().next().unwrap();
                return format!("{start}{end}");
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("no mail to {address}: {:?}", self.home.mails());
    }

    /// Signs a browser in with a mailed link.
    pub(super) fn sign_in(&self, profile: &Profile<'_>, address: &str) {
        profile.open(&self.page("/sign-in"));
        profile.type_into("#address", address);
        profile.click("main button");
        profile.wait_for("Check your email");
        let (link, _) = self.mailed(address, 1);
        profile.open(&link);
        profile.click("main button");
        profile.wait_for("Sign out");
    }

    /// Signs a browser in as the operator.
    pub(super) fn sign_in_operator(&self, profile: &Profile<'_>) {
        profile.open(&self.operator_link);
        profile.click("main button");
        profile.wait_for("Open the console");
    }

    /// The process that serves the pages.
    pub(super) fn server_id(&self) -> u32 {
        self.server.id()
    }

    /// The JSON of a command.
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        self.home.run(arguments).expect_code(0).json()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The id of a run in the JSON of `hippo runs`.
pub(super) fn run_id(run: &Value) -> String {
    let part = |name: &str| run[name].as_str().unwrap().to_owned();
    format!(
        "{}/{}/{}",
        part("job"),
        part("label"),
        part("scheduled_time")
    )
}

/// A browser and a world; `None` if there is no browser.
pub(super) fn start() -> Option<(World, Chromium)> {
    let chromium = Chromium::start()?;
    Some((World::start(), chromium))
}

/// A library with titles that try to be a page.
fn hostile_site(today: NaiveDate) -> Site {
    let patron = Patron::new("25000000003305", "5160", "Mara Okoye")
        .with_loan(DemoLoan::new(HOSTILE, HOSTILE, today + Days::new(1)))
        .with_loan(DemoLoan::new(
            "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
            "",
            today - Days::new(2),
        ))
        .with_hold(DemoHold::ready(
            HOSTILE,
            HOSTILE,
            "Mill Street",
            Some(today + Days::new(5)),
        ));
    Site::new(SystemKind::Koha, "Hostile Library", today).with_patron(patron)
}

/// Adds a month of runs, as if the schedules had run.
async fn add_history(home: &Home) {
    let store = SqliteStore::open_or_create(&home.path().join("hippo.db")).unwrap();
    let midnight = Utc::now()
        .date_naive()
        .and_time(chrono::NaiveTime::MIN)
        .and_utc();
    for day in 1..29 {
        for (job, label, hours) in [
            (JobName::CHECK_CARDS, "all", &[5, 12, 18][..]),
            (JobName::CHECK_CARDS, "failed", &[5, 12]),
            (JobName::NOTIFY_ALL, "tick", &[0, 6, 12, 18]),
        ] {
            for hour in hours {
                let time = midnight - TimeDelta::days(day) + TimeDelta::hours(*hour);
                let outcome = match (label, day, hour) {
                    ("all", 4 | 17, 5) => RunOutcome::DoneWithFailures,
                    ("all", 11, 12) => RunOutcome::Failed,
                    ("failed", 11, _) => RunOutcome::Missed,
                    ("failed", 20..24, _) => RunOutcome::SkippedPaused,
                    _ => RunOutcome::Done,
                };
                let run = run(job, label, time, outcome);
                store.record_run(&run).await.unwrap();
                let squares = [Square::from(&run)];
                store
                    .upsert_squares(&(&run.key).into(), &squares)
                    .await
                    .unwrap();
            }
        }
    }
}

/// Starts the pages; returns their address and the operator's link.
fn serve(home: &Home) -> (Child, String, String) {
    let arguments = ["--json", "serve", "--listen", "127.0.0.1:0"];
    let mut server = home
        .command(&arguments)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = server.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let started: Value = serde_json::from_str(&line).unwrap();
    let text = |name: &str| started[name].as_str().unwrap().to_owned();
    let (origin, link) = (text("public_url"), text("operator_link"));
    (server, origin, link)
}

/// The text of a mail, with its lines and signs as they were.
fn plain_text(mail: &str) -> String {
    mail.replace("=\r\n", "")
        .replace("=\n", "")
        .replace("=3D", "=")
}

/// The link and the code in the plain text of a mail.
fn link_and_code(mail: &str, origin: &str) -> (String, String) {
    let text = plain_text(mail);
    let (_, link) = text.split_once(&format!("{origin}/sign-in/link")).unwrap();
    let link = link.split_whitespace().next().unwrap();
    let (_, code) = text.split_once("asked for it:").unwrap();
    let code: String = code.split_whitespace().take(2).collect();
    (format!("{origin}/sign-in/link{link}"), code)
}
