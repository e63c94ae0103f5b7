//! Checks at a demo library: right and wrong PINs, pauses, interruptions.

use std::time::Duration;

use crate::common::{Home, json, printed, redact, stderr, stdout};
use chrono::NaiveDate;
use hippo_demo_library::{DemoHold, DemoLibrary, DemoLoan, Fault, Patron, Site, SystemKind};

const NUMBER: &str = "29000000001234";
const PIN: &str = "canary-2468";

/// A Sierra library with one patron, whose PIN is [`PIN`], and its runtime.
struct Library {
    site: DemoLibrary,
    _runtime: tokio::runtime::Runtime,
}

impl Library {
    fn start() -> Self {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let patron = Patron::new(NUMBER, PIN, "Pat Conrad")
            .with_loan(DemoLoan::new("The Paper Lighthouse", "Aldous, Wren", today))
            .with_loan(DemoLoan::new(
                "A Bag of Nails",
                "Okafor, Lena",
                today - chrono::Days::new(2),
            ))
            .with_hold(DemoHold::ready(
                "Nine Kettles",
                "Haugen, Siri",
                "Mill Street",
                None,
            ));
        let site = Site::new(SystemKind::Sierra, "Mill Street Library", today).with_patron(patron);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let site = runtime.block_on(DemoLibrary::start(site)).unwrap();
        Self {
            site,
            _runtime: runtime,
        }
    }

    fn home(&self) -> Home {
        let home = Home::new();
        home.run(&[
            "library",
            "add",
            "mill",
            "--system",
            "sierra",
            "--url",
            &self.site.base_url(),
            "--date-format",
            SystemKind::Sierra.usual_date_format(),
        ])
        .success();
        home.run(&[
            "family",
            "add",
            "conrad",
            "--name",
            "The Conrads",
            "--to",
            "pat@example.org",
        ])
        .success();
        home
    }
}

fn add<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let add = [
        "card",
        "add",
        "--family",
        "conrad",
        "--library",
        "mill",
        "--patron",
        "Pat",
        "--number",
        NUMBER,
        "--pin-stdin",
    ];
    [&add[..], more].concat()
}

#[test]
fn card_add_checks_the_card_and_shows_its_account() {
    let library = Library::start();
    let home = library.home();
    let added = home
        .command(&add(&[]))
        .write_stdin(format!("{PIN}\n"))
        .assert()
        .success();
    let output = stdout(&added);
    insta::assert_snapshot!(redact(&output));
    let checked = json(
        &home
            .command(&["check-cards", "--json", "--no-delay"])
            .assert()
            .success(),
    );
    assert_eq!(checked["cards"][0]["account"]["overdue"], 1);
    assert_eq!(checked["cards"][0]["account"]["due_next"], "2026-11-19");
    assert_eq!(checked["run"]["outcome"], "done");
}

#[test]
fn wrong_pin_is_never_retried_automatically() {
    let library = Library::start();
    let home = library.home();
    let added = json(
        &home
            .command(&add(&["--json"]))
            .write_stdin("0000\n")
            .assert()
            .code(1),
    );
    assert_eq!(added["failure"]["kind"], "wrong_credentials");
    let card = added["card"].as_str().unwrap();
    assert_eq!(library.site.login_attempts(NUMBER), 1);

    // The library sees no second attempt, however often the checks run.
    for scope in ["all", "failed"] {
        home.run(&["check-cards", "--scope", scope, "--no-delay"])
            .success();
    }
    assert_eq!(library.site.login_attempts(NUMBER), 1);
    let status = home.json(&["status"]);
    let problem = &status["families"][0]["cards"][0]["problem"];
    assert_eq!(problem["what_to_do"], format!("hippo card set-pin {card}"));

    let retried = home.run(&["card", "retry", card]).code(1);
    insta::assert_snapshot!(printed(&retried));
    assert_eq!(library.site.login_attempts(NUMBER), 2);

    home.command(&["card", "set-pin", card, "--pin-stdin"])
        .write_stdin(format!("{PIN}\n"))
        .assert()
        .success();
    assert!(home.json(&["status"])["families"][0]["cards"][0]["problem"].is_null());
}

#[test]
fn paused_card_is_skipped_until_resumed() {
    let library = Library::start();
    let home = library.home();
    let added = json(
        &home
            .command(&add(&["--json"]))
            .write_stdin(format!("{PIN}\n"))
            .assert()
            .success(),
    );
    let card = added["card"].as_str().unwrap();
    home.run(&["card", "pause", card]).success();
    let checked = home.run(&["check-cards", "--no-delay"]).success();
    insta::assert_snapshot!(printed(&checked));
    let run = &home.json(&["runs"])[0];
    let time = run["scheduled_time"].as_str().unwrap();
    let run = home.json(&["runs", "show", &format!("check-cards/person/{time}")]);
    assert_eq!(run["left_out"][0]["card"], card);
    assert_eq!(run["left_out"][0]["reason"], "paused");
    // A check of this card alone also fails by its exit code.
    let alone = home.run(&["card", "check", card]).code(1);
    insta::assert_snapshot!(printed(&alone));
    assert_eq!(library.site.logins(), 1);
    home.run(&["card", "resume", card]).success();
    insta::assert_snapshot!(printed(&home.run(&["card", "resume", card]).success()));
    home.run(&["check-cards", "--no-delay"]).success();
    assert_eq!(library.site.logins(), 2);
}

#[test]
fn card_is_paused_until_a_day_with_a_reason() {
    let library = Library::start();
    let home = library.home();
    let added = json(
        &home
            .command(&add(&["--json", "--no-check"]))
            .write_stdin(format!("{PIN}\n"))
            .assert()
            .success(),
    );
    let card = added["card"].as_str().unwrap();
    let at = |now: &str, arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("HIPPO_NOW", now).assert()
    };
    let (before, after) = ("2026-11-21T12:00:00Z", "2027-01-03T12:00:00Z");
    let mut shown = String::new();
    for arguments in [
        &["card", "pause", card, "--until", "2026-11-21"][..],
        &["card", "pause", card, "--until", "2029-11-21"],
        &["card", "resume", "no-such-card"],
    ] {
        shown.push_str(&printed(&at(before, arguments).code(2)));
    }
    let why = ["--until", "2027-01-03", "--why", "Lost on the bus"];
    let arguments = [&["card", "pause", card][..], &why].concat();
    for arguments in [
        &arguments[..],
        &["card", "list"],
        &["status"],
        &["check-cards", "--no-delay"],
    ] {
        shown.push_str(&printed(&at(before, arguments).success()));
    }
    insta::assert_snapshot!(shown);
    let cards = json(&at(before, &["card", "list", "--json"]).success());
    assert_eq!(cards[0]["paused"], true);
    assert_eq!(cards[0]["paused_until"], "2027-01-03");
    assert_eq!(cards[0]["pause_reason"], "Lost on the bus");
    assert_eq!(library.site.logins(), 0);

    let cards = json(&at(after, &["card", "list", "--json"]).success());
    assert_eq!(cards[0]["paused"], false);
    assert!(cards[0]["paused_until"].is_null());
    at(after, &["check-cards", "--no-delay"]).success();
    assert_eq!(library.site.logins(), 1);
}

#[cfg(unix)]
#[test]
fn interrupted_run_finishes_the_current_card() {
    let library = Library::start();
    let home = library.home();
    home.command(&add(&["--no-check"]))
        .write_stdin(format!("{PIN}\n"))
        .assert()
        .success();
    library
        .site
        .switches()
        .set(Fault::Slow(Duration::from_millis(300)));
    let before = library.site.request_count();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hippo"));
    command
        .env_clear()
        .env("HIPPO_HOME", home.path())
        .args(["check-cards", "--json", "--no-delay"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    // Wait until the check has started.
    while library.site.request_count() == before {
        std::thread::sleep(Duration::from_millis(5));
    }
    let process = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &process])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["run"]["outcome"], "interrupted");
    assert_eq!(document["cards"][0]["account"]["out"], 2);
    assert_eq!(home.json(&["runs"])[0]["outcome"], "interrupted");
}

#[test]
fn notice_stays_pending_while_the_mail_server_is_down() {
    let library = Library::start();
    let home = library.home();
    home.command(&add(&[]))
        .write_stdin(format!("{PIN}\n"))
        .assert()
        .success();
    // Nothing listens on this port.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = home.path().join("config.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    let smtp = format!(
        "[mail]\nfrom = \"hippo@example.org\"\ntransport = \"smtp\"\n[mail.smtp]\nhost = \"127.0.0.1\"\n\
         port = {port}\ntls = \"none\"\n"
    );
    std::fs::write(&config, smtp).unwrap();
    let morning = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("HIPPO_NOW", "2026-11-22T12:00:00Z");
        command
    };
    let failed = json(&morning(&["notify-all", "--json"]).assert().code(1));
    assert_eq!(failed["notices"][0]["state"], "PENDING");
    let status = morning(&["status"]).assert().success();
    insta::assert_snapshot!(printed(&status));
    // A late notice names the mail server as the cause, and not cron.
    let late = home
        .command(&["status"])
        .env("HIPPO_NOW", "2026-11-22T12:40:00Z")
        .assert()
        .success();
    let late = stdout(&late);
    insta::assert_snapshot!(redact(&late));
    let test = morning(&["mail", "test", "pat@example.org"])
        .assert()
        .code(1);
    insta::assert_snapshot!(printed(&test));

    std::fs::write(&config, good).unwrap();
    let sent = json(&morning(&["notify-all", "--json"]).assert().success());
    assert_eq!(sent["notices"][0]["state"], "SENT");
    assert_eq!(stderr(&morning(&["status"]).assert().success()), "");
}

#[test]
fn trace_logs_hold_no_number_or_pin() {
    let library = Library::start();
    let home = library.home();
    let mut output = Vec::new();
    for (command, pin) in [
        (add(&[]), "canary-wrong"),
        (vec!["check-cards", "--no-delay"], ""),
        (vec!["notify-all", "--dry-run"], ""),
    ] {
        let mut command = home.command(&command);
        let run = command.env("HIPPO_LOG", "trace").write_stdin(pin).assert();
        output.extend_from_slice(&run.get_output().stdout);
        output.extend_from_slice(&run.get_output().stderr);
    }
    let cards = home.json(&["card", "list"]);
    let card = cards[0]["id"].as_str().unwrap();
    let set = home
        .command(&["card", "set-pin", card, "--pin-stdin", "-vvv"])
        .write_stdin(PIN)
        .assert()
        .success();
    output.extend_from_slice(&set.get_output().stderr);
    let output = String::from_utf8(output).unwrap();
    assert!(
        output.contains("TRACE") || output.contains("DEBUG"),
        "nothing was logged"
    );
    for secret in ["canary", NUMBER] {
        assert!(!output.contains(secret), "{secret} was printed:\n{output}");
    }
}

#[test]
fn pin_is_stripped_of_byte_order_mark_and_spaces() {
    for typed in [format!("\u{feff}{PIN}\n"), format!("\u{feff}{PIN} \r\n")] {
        let library = Library::start();
        let home = library.home();
        home.command(&add(&[]))
            .write_stdin(typed)
            .assert()
            .success();
        assert_eq!(library.site.logins(), 1);
        let status = home.json(&["status"]);
        assert!(status["families"][0]["cards"][0]["problem"].is_null());
    }
}
