//! A library with a huge or endless page: the other libraries are checked without delay, and a signal ends the run within
//! seconds.
#![cfg(unix)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use hippo_demo_library::{DemoLibrary, Patron, Site, SystemKind};
use hippo_tests::{Home, finish};

/// The number of login forms in a page that just fits the size limit.
const FORMS: usize = 80_000;

/// Starts a server with a page of login forms. If `ends`, the page is complete, and a login gets a page of other forms.
/// Otherwise the last byte never comes, and a login gets no answer.
fn hostile_library(ends: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let page = |form: &str| format!("<html><body>{}</body></html>", form.repeat(FORMS));
        let login = page(
            "<form id=auth method=post action=/x><input name=userid><input name=password></form>",
        );
        let other = page("<form id=search method=get action=/y><input name=q></form>");
        let mut open_streams: Vec<TcpStream> = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut method = [0; 4];
            if stream.read_exact(&mut method).is_ok() && (ends || method == *b"GET ") {
                let _ = stream.read(&mut [0; 4096]);
                let body = if method == *b"GET " { &login } else { &other };
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes());
                let sent = body.len() - usize::from(!ends);
                let _ = stream.write_all(&body.as_bytes()[..sent]);
            }
            if !ends {
                open_streams.push(stream);
            }
        }
    });
    format!("http://{address}/")
}

async fn honest_library(numbers: &[String]) -> DemoLibrary {
    let today = chrono::Utc::now().date_naive();
    let site = Site::new(SystemKind::Koha, "A Public Library", today);
    let site = numbers.iter().fold(site, |site, number| {
        site.with_patron(Patron::new(number, "2468", "Ines Calder"))
    });
    DemoLibrary::start(site).await.unwrap()
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status();
    assert!(sent.unwrap().success());
}

/// Returns the number of done cards of the newest run.
fn done_count(home: &Home) -> u64 {
    let runs = home.run(&["runs", "--json"]).expect_code(0).json();
    let newest = &runs[0];
    newest["counts"]["done"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_page_delays_no_other_library_or_signal() {
    let home = Home::new();
    home.add_family("conrad");
    let mut libraries = Vec::new();
    for (id, number) in [("one", "21000000000001"), ("two", "21000000000002")] {
        let library = honest_library(&[number.to_owned()]).await;
        home.add_library(id, "koha", &library.base_url());
        home.add_card("conrad", id, "Ines", number, "2468\n");
        libraries.push(library);
    }
    home.add_library("hostile", "koha", &hostile_library(false));
    home.add_card("conrad", "hostile", "Ines", "21000000000003", "2468\n");

    let now = chrono::Utc::now();
    let time = |seconds: i64| {
        let time = now + chrono::Duration::seconds(seconds);
        time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    };
    let (first, second) = (time(0), time(30));
    let begin = ["check-cards", "--label", "night", "--scheduled-time"];
    let child = home
        .command(&[&begin[..], &[&first]].concat())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while done_count(&home) < 2 {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the honest libraries are not checked"
        );
        thread::sleep(Duration::from_millis(100));
    }
    let signalled_at = Instant::now();
    signal(&child, "-TERM");
    let ran = finish(child).expect_code(1);
    assert!(
        signalled_at.elapsed() < Duration::from_secs(15),
        "{:?}",
        signalled_at.elapsed()
    );
    assert!(ran.stderr.contains("Stopping"), "{}", ran.stderr);

    let runs = home.run(&["runs", "--json"]).expect_code(0).json();
    let newest = &runs.as_array().or_else(|| runs["runs"].as_array()).unwrap()[0];
    assert_eq!(newest["outcome"], "interrupted");
    let rest = [second.as_str(), "--library", "one", "--json"];
    let next = home.run(&[&begin[..], &rest].concat());
    assert_eq!(next.expect_code(0).json()["run"]["outcome"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn second_signal_exits_immediately() {
    let home = Home::new();
    home.add_family("conrad");
    home.add_library("hostile", "koha", &hostile_library(false));
    home.add_card("conrad", "hostile", "Ines", "21000000000003", "2468\n");
    let child = home.command(&["check-cards"]).spawn().unwrap();
    thread::sleep(Duration::from_secs(3));
    signal(&child, "-INT");
    thread::sleep(Duration::from_millis(500));
    let signalled_at = Instant::now();
    signal(&child, "-INT");
    let ran = finish(child).expect_code(1);
    assert!(
        signalled_at.elapsed() < Duration::from_secs(3),
        "{:?}",
        signalled_at.elapsed()
    );
    assert!(ran.stderr.contains("at once"), "{}", ran.stderr);
}

#[test]
fn signal_ends_a_backfill_with_its_run() {
    let home = Home::new();
    home.add_family("conrad");
    home.add_library("hostile", "koha", &hostile_library(false));
    home.add_card("conrad", "hostile", "Ines", "21000000000003", "2468\n");
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap_or_default();
    let schedule = "\n[[schedule]]\nlabel = \"midnight\"\njob = \"check-cards\"\nwhen = \"cron(0 0 * * ? *)\"\ntimezone = \"UTC\"\n";
    std::fs::write(&config, text + schedule).unwrap();
    let day = |ago| (chrono::Utc::now() - chrono::Duration::days(ago)).date_naive();
    let (from, to) = (day(3).to_string(), day(1).to_string());
    let backfill = ["run", "check-cards", "--from", &from, "--to", &to];
    let child = home.command(&backfill).spawn().unwrap();
    let runs = || home.run(&["runs", "--json"]).expect_code(0).json();
    let began = Instant::now();
    while runs()[0]["outcome"] != "running" {
        assert!(began.elapsed() < Duration::from_secs(60), "no run began");
        thread::sleep(Duration::from_millis(100));
    }
    signal(&child, "-INT");
    let ran = finish(child).expect_code(1);
    let left = "Stopped. 2 scheduled times are left. Run the command again for the rest.";
    assert!(ran.stdout.contains(left), "{}", ran.stdout);
    let runs = runs();
    assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    assert_eq!(runs[0]["outcome"], "interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_of_login_forms_fails_its_own_card_only() {
    let home = Home::new();
    home.add_family("conrad");
    let mut libraries = Vec::new();
    for (id, first) in [("one", 21_000_000_000_001_u64), ("two", 22_000_000_000_001)] {
        let numbers: Vec<String> = (first..first + 3)
            .map(|number| number.to_string())
            .collect();
        let library = honest_library(&numbers).await;
        home.add_library(id, "koha", &library.base_url());
        for number in &numbers {
            home.add_card("conrad", id, "Ines", number, "2468\n");
        }
        libraries.push(library);
    }
    home.add_library("hostile", "koha", &hostile_library(true));
    home.add_card("conrad", "hostile", "Ines", "23000000000001", "2468\n");

    let ran = home.run(&["check-cards", "--no-delay", "--json"]);
    let document = ran.expect_code(1).json();
    assert_eq!(document["run"]["outcome"], "done_with_failures");
    assert_eq!(document["run"]["counts"]["done"], 6);
    for card in document["cards"].as_array().unwrap() {
        let failure = &card["failure"];
        if card["library"] == "hostile" {
            assert_eq!(failure["kind"], "page_changed", "{card:#}");
        } else {
            assert!(failure.is_null(), "{card:#}");
        }
    }
}
