//! A notice by SMTP: refused, dropped, hanging, killed; never two mails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at once, its helpers too"
)]

use std::time::{Duration, Instant};

use hippo_demo_library::{DemoLibrary, DemoLoan, Patron, Site, SystemKind};
use hippo_tests::smtp::{Smtp, Trouble};
use hippo_tests::{Home, finish};

const NOW: &str = "2026-11-21T12:10:00Z";

/// A home with an overdue loan that posts to `smtp`.
async fn home(smtp: &Smtp) -> Home {
    let today = "2026-11-21".parse().unwrap();
    let patron = Patron::new("1001", "2468", "Ines Calder").with_loan(DemoLoan::new(
        "Long overdue",
        "Finch, Hugo",
        "2026-11-10".parse().unwrap(),
    ));
    let site = Site::new(SystemKind::Sierra, "A Public Library", today).with_patron(patron);
    let library = DemoLibrary::start(site).await.unwrap();
    let mut home = Home::new();
    home.set_now(NOW);
    home.add_family("conrad");
    home.add_library("wpl", "sierra", &library.base_url());
    home.add_card("conrad", "wpl", "Ines", "1001", "2468");
    home.run(&["check-cards", "--no-pause"]).expect_code(0);
    let config = home.path().join("config.toml");
    std::fs::write(
        &config,
        format!(
            "timezone = \"America/Toronto\"\n[mail]\nfrom = \"hippo@example.org\"\ntransport = \"smtp\"\n\
             [mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\ntimeout_seconds = 2\n",
            smtp.port()
        ),
    )
    .unwrap();
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_dropped_before_its_end_goes_out_with_the_next_run() {
    let smtp = Smtp::start();
    let home = home(&smtp).await;
    smtp.set(Trouble::DropBeforeTheEnd);
    home.run(&["notify-all"]).expect_code(1);
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("PENDING"), "{status}");
    assert!(
        status.contains("notify-all"),
        "it says when it goes out: {status}"
    );
    smtp.set(Trouble::None);
    home.run(&["notify-all"]).expect_code(0);
    home.run(&["notify-all"]).expect_code(0);
    let mails = smtp.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("Subject: 1 overdue"), "{}", mails[0]);
    assert!(mails[0].contains("List-Unsubscribe:"), "{}", mails[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_reply_was_lost_is_not_sent_again_and_status_says_so() {
    for trouble in [Trouble::DropAfterTheEnd, Trouble::HangAfterTheEnd] {
        let smtp = Smtp::start();
        let home = home(&smtp).await;
        smtp.set(trouble);
        home.run(&["notify-all"]).expect_code(1);
        smtp.set(Trouble::None);
        for _ in 0..3 {
            home.run(&["notify-all"]);
        }
        assert_eq!(smtp.mails().len(), 1, "{trouble:?}");
        let status = home.run(&["status"]).stdout;
        assert!(status.contains("may or may not have arrived"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_now_is_tried_later_and_one_for_good_is_failed() {
    let smtp = Smtp::start();
    let mut home = home(&smtp).await;
    smtp.set(Trouble::RefuseForNow);
    home.run(&["notify-all"]).expect_code(1);
    smtp.set(Trouble::RefuseForGood);
    let waiting = home.run(&["notify-all", "--label", "tick"]).expect_code(0);
    assert!(
        !waiting.stdout.contains("FAILED"),
        "it waits: {}",
        waiting.stdout
    );
    home.set_now("2026-11-21T12:45:00Z");
    home.run(&["notify-all", "--label", "tick"]).expect_code(1);
    let status = home.run(&["status"]).stdout;
    assert!(
        status.contains("FAILED") && status.contains("550"),
        "{status}"
    );
    smtp.set(Trouble::None);
    home.run(&["notify-all"]).expect_code(0);
    assert_eq!(smtp.mails().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_while_it_sends_makes_no_second_mail() {
    let smtp = Smtp::start();
    let home = home(&smtp).await;
    smtp.set(Trouble::HangAfterTheEnd);
    let mut child = home.command(&["notify-all"]).spawn().unwrap();
    let waiting_since = Instant::now();
    while smtp.mails().is_empty() {
        assert!(
            waiting_since.elapsed() < Duration::from_secs(60),
            "no mail was sent"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    finish(child);
    smtp.set(Trouble::None);
    for _ in 0..3 {
        home.run(&["notify-all"]);
    }
    assert_eq!(smtp.mails().len(), 1);
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("SENDING"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_send_one_mail() {
    let smtp = Smtp::start();
    let home = home(&smtp).await;
    let children: Vec<_> = (0..6)
        .map(|_| home.command(&["notify-all"]).spawn().unwrap())
        .collect();
    for child in children {
        let ran = finish(child);
        assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    }
    assert_eq!(smtp.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said_and_loses_nothing() {
    let smtp = Smtp::start();
    let home = home(&smtp).await;
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free.local_addr().unwrap().port();
    drop(free);
    std::fs::write(
        &config,
        text.replace(&smtp.port().to_string(), &nobody.to_string()),
    )
    .unwrap();
    let ran = home.run(&["mail", "test", "pat@example.org"]);
    assert_eq!(ran.code, 1, "{}\n{}", ran.stdout, ran.stderr);
    home.run(&["notify-all"]).expect_code(1);
    std::fs::write(&config, text).unwrap();
    home.run(&["notify-all"]).expect_code(0);
    assert_eq!(smtp.mails().len(), 1);
}
