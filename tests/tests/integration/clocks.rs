//! Wrong clocks, restored backups and re-added families: over simulated days, each family gets one mail a
//! day and never two.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use hippo_demo_library::{DemoLibrary, DemoLoan, Patron, Site, SystemKind};
use hippo_tests::{CommandOutput, Home};

const NUMBER: &str = "21000000004711";
const PIN: &str = "2468";

/// Returns 06:40 in Toronto on a day.
fn morning(day: i64) -> DateTime<Utc> {
    let first: DateTime<Utc> = "2026-11-20T11:40:00Z".parse().unwrap();
    first + Duration::days(day)
}

fn date(day: i64) -> NaiveDate {
    morning(day).date_naive()
}

struct Scene {
    home: Home,
    _library: DemoLibrary,
}

impl Scene {
    /// Creates a family with an overdue loan, so that every day has a notice.
    async fn new() -> Self {
        let patron = Patron::new(NUMBER, PIN, "Ines Calder").with_loan(DemoLoan::new(
            "The Paper Lighthouse",
            "Marsh, Ada",
            date(-3),
        ));
        let site = Site::new(SystemKind::ALL[0], "A Public Library", date(0)).with_patron(patron);
        let library = DemoLibrary::start(site).await.unwrap();
        let mut home = Home::new();
        home.set_now(&(morning(0) - Duration::hours(2)).to_rfc3339());
        home.add_library("mill", SystemKind::ALL[0].id(), &library.base_url());
        let mut scene = Self {
            home,
            _library: library,
        };
        scene.add_family();
        scene
    }

    fn add_family(&mut self) {
        self.home.add_family("conrad");
        self.home.add_card("conrad", "mill", "Ines", NUMBER, PIN);
    }

    fn run_at(&mut self, now: DateTime<Utc>, arguments: &[&str]) -> CommandOutput {
        self.home.set_now(&now.to_rfc3339());
        self.home.run(arguments)
    }

    fn tick(&mut self, now: DateTime<Utc>) -> CommandOutput {
        self.run_at(now, &["notify-all"])
    }

    /// Runs a normal day: a check and two ticks.
    fn run_day(&mut self, day: i64) {
        self.run_at(morning(day) - Duration::hours(1), &["check-cards"])
            .expect_code(0);
        for quarter in 0..2 {
            let now = morning(day) + Duration::minutes(15 * quarter);
            self.tick(now).expect_code(0);
        }
    }

    /// Counts the mails by local date.
    fn mails_by_date(&self) -> BTreeMap<String, usize> {
        let mut mails = BTreeMap::new();
        for (name, _) in self.home.mails() {
            *mails.entry(name.chars().take(10).collect()).or_default() += 1;
        }
        mails
    }

    fn mail_count(&self) -> usize {
        self.mails_by_date().values().sum()
    }

    /// Returns the state and reason of a day's notice.
    fn state(&self, date: NaiveDate) -> String {
        let date = date.to_string();
        let listed = self.home.run(&["notices", "--date", &date, "--json"]);
        let record = listed.expect_code(0).json()[0]["record"].clone();
        let reason = record["reason"].as_str().unwrap_or_default();
        format!("{} {reason}", record["state"].as_str().unwrap_or("none"))
            .trim()
            .to_owned()
    }

    fn backup(&self, name: &str) -> String {
        let file = self.home.path().join(name).display().to_string();
        self.home.run(&["backup", &file]).expect_code(0);
        file
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tick_with_a_wrong_clock_loses_no_mail() {
    let mut scene = Scene::new().await;
    scene.run_day(0);
    assert_eq!(scene.mail_count(), 1);
    for (day, wrong) in [
        (1, Duration::days(3)),
        (2, Duration::days(900)),
        (3, Duration::days(-900)),
    ] {
        // Before the notice is due.
        let early = morning(day) - Duration::hours(3);
        let ran = scene.tick(early + wrong);
        assert_eq!(ran.code, 1, "{}", ran.stdout);
        assert!(ran.stderr.contains("Not run"), "{}", ran.stderr);
        assert!(ran.stderr.contains("(HIPPO_NOW)"), "{}", ran.stderr);
        assert_eq!(scene.mail_count(), usize::try_from(day).unwrap());
        scene.run_day(day);
        assert_eq!(scene.mail_count(), usize::try_from(day).unwrap() + 1);
        assert_eq!(scene.state(date(day)), "SENT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machine_back_from_days_off_skips_one_tick() {
    let mut scene = Scene::new().await;
    scene.run_day(0);
    let back = morning(4);
    assert_eq!(scene.tick(back).code, 1);
    assert_eq!(scene.mail_count(), 1);
    scene.run_at(back, &["check-cards"]).expect_code(0);
    scene.tick(back + Duration::minutes(15));
    assert_eq!(scene.mail_count(), 2);
    assert_eq!(scene.state(date(4)), "SENT");
    assert!(scene.state(date(2)).starts_with("MISSED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_from_future_does_not_block_its_card() {
    let mut scene = Scene::new().await;
    scene
        .run_at(morning(0) + Duration::days(400), &["check-cards"])
        .expect_code(0);
    let status = scene.run_at(morning(0), &["status"]);
    assert!(status.stdout.contains("in the future"), "{}", status.stdout);
    assert!(!status.stdout.contains("just now, ok"));
    let checked = scene.run_at(morning(0), &["check-cards", "--json"]);
    assert_eq!(checked.expect_code(0).json()["run"]["counts"]["done"], 1);
    let status = scene.run_at(morning(0), &["status", "--json"]).json();
    let card = &status["families"][0]["cards"][0];
    assert_eq!(card["problem"], serde_json::Value::Null, "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_backup_never_resends_a_day() {
    let mut scene = Scene::new().await;
    scene.run_day(0);
    let backup = scene.backup("day-0.db");
    scene.run_day(1);
    scene.run_day(2);
    assert_eq!(scene.mail_count(), 3);
    scene
        .run_at(
            morning(2) + Duration::hours(1),
            &["restore", &backup, "--yes"],
        )
        .expect_code(0);
    for quarter in 0..4 {
        let now = morning(2) + Duration::minutes(90 + 15 * quarter);
        scene.tick(now);
    }
    assert_eq!(scene.mail_count(), 3);
    for day in [1, 2] {
        assert_eq!(scene.state(date(day)), "SKIPPED held: restored");
    }
    let status = scene.home.run(&["status"]).stdout;
    assert!(status.contains("restored from a copy"), "{status}");
    assert!(!status.contains("was missed"), "{status}");
    scene.run_day(3);
    assert_eq!(scene.mail_count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_on_a_new_machine_holds_the_notice_of_today() {
    let mut scene = Scene::new().await;
    scene
        .run_at(morning(0) - Duration::hours(1), &["check-cards"])
        .expect_code(0);
    let backup = scene.backup("before.db");
    std::fs::remove_file(scene.home.path().join("sent.journal")).unwrap();
    scene
        .run_at(morning(0), &["restore", &backup, "--yes"])
        .expect_code(0);
    scene
        .tick(morning(0) + Duration::minutes(15))
        .expect_code(0);
    assert_eq!(scene.mail_count(), 0);
    assert_eq!(scene.state(date(0)), "SKIPPED held: restored");
    let today = date(0).to_string();
    scene
        .home
        .run(&["notices", "resend", "conrad", &today, "--yes"])
        .expect_code(0);
    assert_eq!(scene.mail_count(), 1);
    scene.run_day(1);
    assert_eq!(scene.mail_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn family_added_again_gets_one_mail_a_day() {
    let mut scene = Scene::new().await;
    scene.run_day(0);
    scene
        .home
        .run(&["family", "remove", "conrad", "--yes"])
        .expect_code(0);
    scene
        .home
        .set_now(&(morning(0) + Duration::hours(1)).to_rfc3339());
    scene.add_family();
    scene
        .run_at(morning(0) + Duration::hours(1), &["check-cards"])
        .expect_code(0);
    scene.tick(morning(0) + Duration::hours(2)).expect_code(0);
    assert_eq!(scene.mail_count(), 1);
    scene.run_day(1);
    assert_eq!(scene.mail_count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_restore_changes_nothing() {
    let mut scene = Scene::new().await;
    scene.run_day(0);
    let backup = scene.backup("good.db");
    let home = scene.home.path();
    let other = home.join("other.db");
    std::fs::write(
        &other,
        "no database at all, but long enough to be looked at",
    )
    .unwrap();
    let before = std::fs::read(home.join("hippo.db")).unwrap();
    for (file, code) in [
        (other.display().to_string(), 2),
        (home.join("nowhere.db").display().to_string(), 2),
        (home.join("hippo.db").display().to_string(), 2),
    ] {
        scene
            .home
            .run(&["restore", &file, "--yes"])
            .expect_code(code);
    }
    let open = rusqlite::Connection::open(home.join("hippo.db")).unwrap();
    let _: i64 = open
        .query_row("SELECT count(*) FROM family", [], |row| row.get(0))
        .unwrap();
    let refused = scene.home.run(&["restore", &backup, "--yes"]);
    let refused = refused.expect_code(3);
    assert!(
        refused.stderr.contains("Another hippo"),
        "{}",
        refused.stderr
    );
    drop(open);
    assert_eq!(std::fs::read(home.join("hippo.db")).unwrap(), before);
    scene
        .home
        .run(&["restore", &backup, "--yes"])
        .expect_code(0);
    assert!(home.join("hippo.db.before-restore-1").exists());
    assert!(home.join("hippo.key").exists() && home.join("sent.journal").exists());
}
