//! Notices over SMTP when the server refuses, drops or hangs, or the command is killed: never two mails.

use std::time::{Duration, Instant};

use hippo_demo_library::{DemoLibrary, DemoLoan, Patron, Site, SystemKind};
use hippo_tests::smtp::{Smtp, SmtpFault};
use hippo_tests::{Home, finish};

const NOW: &str = "2026-11-21T12:10:00Z";

/// Creates a home with an overdue loan that sends mail to `smtp`.
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
    home.run(&["check-cards", "--no-delay"]).expect_code(0);
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
async fn mail_cut_off_before_its_end_is_sent_by_the_next_run() {
    let smtp = Smtp::start();
    let home = home(&smtp).await;
    smtp.set(SmtpFault::DropBeforeEnd);
    home.run(&["notify-all"]).expect_code(1);
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("PENDING"), "{status}");
    assert!(
        status.contains("notify-all"),
        "the status says what sends it: {status}"
    );
    smtp.set(SmtpFault::None);
    home.run(&["notify-all"]).expect_code(0);
    home.run(&["notify-all"]).expect_code(0);
    let mails = smtp.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("Subject: 1 overdue"), "{}", mails[0]);
    assert!(mails[0].contains("List-Unsubscribe:"), "{}", mails[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_with_a_lost_reply_is_not_resent() {
    for fault in [SmtpFault::DropAfterEnd, SmtpFault::HangAfterEnd] {
        let smtp = Smtp::start();
        let home = home(&smtp).await;
        smtp.set(fault);
        home.run(&["notify-all"]).expect_code(1);
        smtp.set(SmtpFault::None);
        for _ in 0..3 {
            home.run(&["notify-all"]);
        }
        assert_eq!(smtp.mails().len(), 1, "{fault:?}");
        let status = home.run(&["status"]).stdout;
        assert!(
            status.contains("We can't tell whether this email was sent"),
            "{status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_refusal_is_retried_and_permanent_one_fails() {
    let smtp = Smtp::start();
    let mut home = home(&smtp).await;
    smtp.set(SmtpFault::RefuseTemporarily);
    home.run(&["notify-all"]).expect_code(1);
    smtp.set(SmtpFault::RefusePermanently);
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
    smtp.set(SmtpFault::None);
    home.run(&["notify-all"]).expect_code(0);
    assert_eq!(smtp.mails().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn command_killed_while_sending_sends_no_second_mail() {
    let smtp = Smtp::start();
    let home = home(&smtp).await;
    smtp.set(SmtpFault::HangAfterEnd);
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
    smtp.set(SmtpFault::None);
    for _ in 0..3 {
        home.run(&["notify-all"]);
    }
    assert_eq!(smtp.mails().len(), 1);
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("SENDING"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_commands_send_one_mail() {
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
async fn unreachable_smtp_server_fails_and_loses_nothing() {
    let smtp = Smtp::start();
    let home = home(&smtp).await;
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    // A port on which nothing listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_port = free.local_addr().unwrap().port();
    drop(free);
    std::fs::write(
        &config,
        text.replace(&smtp.port().to_string(), &closed_port.to_string()),
    )
    .unwrap();
    let ran = home.run(&["mail", "test", "pat@example.org"]);
    assert_eq!(ran.code, 1, "{}\n{}", ran.stdout, ran.stderr);
    home.run(&["notify-all"]).expect_code(1);
    std::fs::write(&config, text).unwrap();
    home.run(&["notify-all"]).expect_code(0);
    assert_eq!(smtp.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_greylisted_recipient_gets_the_mail_later() {
    let smtp = Smtp::start();
    let mut home = home(&smtp).await;
    home.run(&["family", "add-recipient", "conrad", "sam@example.org"])
        .expect_code(0);
    smtp.set(SmtpFault::RefuseOne(
        "sam@example.org",
        "451 4.7.1 greylisted, try again later",
    ));
    home.run(&["notify-all", "--label", "tick"]).expect_code(0);
    assert_eq!(smtp.deliveries().len(), 1);
    assert!(!smtp.deliveries()[0].contains(&"sam@example.org".to_owned()));
    let notices = home.run(&["notices"]).stdout;
    assert!(notices.contains("SENT"), "{notices}");

    smtp.set(SmtpFault::None);
    for (now, deliveries) in [
        ("2026-11-21T12:25:00Z", 1),
        ("2026-11-21T12:45:00Z", 2),
        ("2026-11-21T13:30:00Z", 2),
        ("2026-11-21T18:00:00Z", 2),
    ] {
        home.set_now(now);
        home.run(&["notify-all", "--label", "tick"]).expect_code(0);
        assert_eq!(smtp.deliveries().len(), deliveries, "{now}");
    }
    assert_eq!(smtp.deliveries()[1], ["sam@example.org"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_recipient_becomes_an_alert_after_three_retries() {
    let smtp = Smtp::start();
    let mut home = home(&smtp).await;
    home.run(&["family", "add-recipient", "conrad", "sam@example.org"])
        .expect_code(0);
    smtp.set(SmtpFault::RefuseOne("sam@example.org", "451 4.7.1 not yet"));
    for now in [
        "2026-11-21T12:10:00Z",
        "2026-11-21T12:45:00Z",
        "2026-11-21T13:20:00Z",
    ] {
        home.set_now(now);
        home.run(&["notify-all", "--label", "tick"]).expect_code(0);
        let status = home.run(&["status"]).stdout;
        assert!(
            !status.contains("refused recipient 2 of conrad"),
            "{status}"
        );
    }
    home.set_now("2026-11-21T13:55:00Z");
    home.run(&["notify-all", "--label", "tick"]);
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("refused recipient 2 of conrad"), "{status}");
    home.set_now("2026-11-21T18:00:00Z");
    home.run(&["notify-all", "--label", "tick"]);
    assert_eq!(smtp.deliveries().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn recipient_refused_for_good_becomes_an_alert_at_once() {
    let smtp = Smtp::start();
    let home = home(&smtp).await;
    home.run(&["family", "add-recipient", "conrad", "sam@example.org"])
        .expect_code(0);
    smtp.set(SmtpFault::RefuseOne("sam@example.org", "550 5.1.1 nobody"));
    home.run(&["notify-all", "--label", "tick"]);
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("refused recipient 2 of conrad"), "{status}");
    assert_eq!(smtp.deliveries().len(), 1);
}
