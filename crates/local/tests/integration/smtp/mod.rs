//! Mail by SMTP, against a server on loopback that can fail at every point.

mod server;

use std::time::Duration;

use hippo_core::mail::mime::{self, Sender};
use hippo_core::mail::{Mail, MailKind, MailTag, Mailer, SendOutcome};
use hippo_local::mail::{SmtpMailer, SmtpOptions, SmtpOptionsError, SmtpTls};
use rstest::rstest;
use secrecy::SecretString;
use server::{Action, Encryption, Point, Script, Server};

const PASSWORD: &str = "canary-0815";

/// PEM that contains no certificate.
const MALFORMED_CERTIFICATE: &[u8] =
    b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

/// Long enough for any step of a server that works.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);

fn sender() -> Sender {
    Sender::new("hippo@example.org".parse().unwrap())
}

fn mail() -> Mail {
    Mail {
        to: vec![
            "pat@example.org".parse().unwrap(),
            "sam@example.net".parse().unwrap(),
        ],
        subject: "1 overdue — zurückbringen".to_owned(),
        text: "Take back\n.a line that begins with a dot\n.\nÜbermorgen".to_owned(),
        html: "<p>Take back</p>".to_owned(),
        picture: None,
        date: "2026-11-21T11:30:00Z".parse().unwrap(),
        message: None,
        tag: Some(MailTag {
            kind: MailKind::DAILY,
            family: "conrad".parse().unwrap(),
            date: "2026-11-21".parse().unwrap(),
            fence: 1,
        }),
        unsubscribe: None,
    }
}

fn options(server: &Server) -> SmtpOptions {
    SmtpOptions {
        port: server.port,
        tls: SmtpTls::None,
        timeout: STEP_TIMEOUT,
        answer_timeout: STEP_TIMEOUT,
        ..SmtpOptions::new("127.0.0.1")
    }
}

fn mailer(options: SmtpOptions) -> SmtpMailer {
    SmtpMailer::new(options, sender()).unwrap()
}

fn accepted() -> SendOutcome {
    SendOutcome::Accepted {
        message_id: "daily.conrad.2026-11-21.1@example.org".to_owned(),
        refused_recipients: vec![],
    }
}

/// The answer in one word, and its reason.
fn kind(answer: &SendOutcome) -> (&'static str, String) {
    let (kind, reason) = match answer {
        SendOutcome::Accepted { .. } => ("accepted", String::new()),
        SendOutcome::Refused {
            reason,
            is_permanent,
        } => (
            if *is_permanent {
                "refused for good"
            } else {
                "refused"
            },
            reason.clone(),
        ),
        SendOutcome::NotSent { reason } => ("not sent", reason.clone()),
        SendOutcome::Unknown { reason } => ("unknown", reason.clone()),
    };
    for canary in [
        "pat",
        "sam",
        "example.org",
        "Take back",
        PASSWORD,
        "operator",
    ] {
        assert!(!reason.contains(canary), "{reason} shows {canary}");
    }
    (kind, reason)
}

#[tokio::test]
async fn mail_arrives_unchanged() {
    let server = Server::start(Script::default()).await;
    assert_eq!(mailer(options(&server)).send(&mail()).await, accepted());
    let stored = server.stored();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].from, "hippo@example.org");
    assert_eq!(stored[0].to, ["pat@example.org", "sam@example.net"]);
    assert_eq!(
        stored[0].message.as_bytes(),
        mime::build(&mail(), &sender()).unwrap().bytes
    );
}

#[rstest]
// Before the end of the message: not sent, or refused.
#[case(Point::Greeting, Action::Drop, "not sent")]
#[case(Point::Greeting, Action::Hang, "not sent")]
#[case(
    Point::Greeting,
    Action::Say("421 4.3.2 pat@example.org not now"),
    "refused"
)]
#[case(
    Point::Greeting,
    Action::Say("554 5.7.1 go away pat@example.org"),
    "refused"
)]
#[case(Point::Greeting, Action::Say("hello"), "not sent")]
#[case(Point::Ehlo, Action::Drop, "not sent")]
#[case(Point::Ehlo, Action::Hang, "not sent")]
#[case(Point::Ehlo, Action::Say("502 5.5.1 what is that"), "refused")]
#[case(Point::Mail, Action::Drop, "not sent")]
#[case(Point::Mail, Action::Hang, "not sent")]
#[case(Point::Mail, Action::Say("451 4.3.0 hippo@example.org"), "refused")]
#[case(Point::Mail, Action::Say("550 5.7.1 hippo@example.org"), "refused")]
#[case(Point::Mail, Action::SayAndDrop("421 4.4.2 bye"), "refused")]
#[case(Point::Rcpt, Action::Drop, "not sent")]
#[case(Point::Rcpt, Action::Hang, "not sent")]
#[case(
    Point::Rcpt,
    Action::Say("450 4.2.0 pat@example.org greylisted"),
    "refused"
)]
#[case(
    Point::Rcpt,
    Action::Say("550 5.1.1 pat@example.org unknown"),
    "refused for good"
)]
#[case(Point::Rcpt, Action::Say("530 5.7.0 log in first"), "refused")]
#[case(Point::Rcpt, Action::SayAndDrop("421 4.4.2 bye"), "refused")]
#[case(Point::Data, Action::Drop, "not sent")]
#[case(Point::Data, Action::Hang, "not sent")]
#[case(Point::Data, Action::Say("451 4.3.0 later"), "refused")]
#[case(Point::Data, Action::Say("554 5.5.1 no"), "refused for good")]
#[case(Point::Data, Action::SayAndDrop("421 4.4.2 bye"), "refused")]
#[case(Point::Data, Action::Say("250 2.0.0 what?"), "not sent")]
#[case(Point::Body, Action::Drop, "not sent")]
#[case(Point::Body, Action::SayAndDrop("421 4.4.2 bye"), "refused")]
#[case(
    Point::Body,
    Action::SayAndDrop("552 5.3.4 too big"),
    "refused for good"
)]
// After the end: the server's reply counts, and only a missing reply is unknown.
#[case(Point::End, Action::Say("451 4.3.0 pat@example.org later"), "refused")]
#[case(
    Point::End,
    Action::Say("554 5.7.1 spam, says pat@example.org"),
    "refused for good"
)]
#[case(Point::End, Action::SayAndDrop("421 4.4.2 bye"), "refused")]
#[case(Point::End, Action::SayAndDrop("250 2.0.0 queued"), "accepted")]
#[case(Point::End, Action::Drop, "unknown")]
#[case(Point::End, Action::Hang, "unknown")]
#[case(Point::End, Action::Say("what was that"), "unknown")]
#[case(Point::End, Action::SayAndDrop("250-half an answer"), "unknown")]
#[case(Point::End, Action::Say("354 go on"), "unknown")]
// The whole message was written before the failure was noticed, so the server may have read it.
#[case(Point::Body, Action::Hang, "unknown")]
#[tokio::test]
async fn fault_at_each_point_has_its_answer(
    #[case] at: Point,
    #[case] action: Action,
    #[case] expected: &str,
) {
    let hangs = matches!(action, Action::Hang);
    let server = Server::start(Script {
        faults: vec![(at, action)],
        ..Script::default()
    })
    .await;
    let short = Duration::from_millis(if hangs { 400 } else { 20_000 });
    let mailer = mailer(SmtpOptions {
        timeout: short,
        answer_timeout: short,
        // A server that hangs up is noticed at once, so a long pause costs no time.
        pause_before_end: if at == Point::Body && !hangs {
            Duration::from_secs(10)
        } else {
            Duration::ZERO
        },
        ..options(&server)
    });
    let answer = mailer.send(&mail()).await;
    let (kind, reason) = kind(&answer);
    assert_eq!(kind, expected, "{reason}");
    assert!(kind == "accepted" || reason.ends_with('.'), "{reason}");
    // A mail that counts as unsent was not accepted.
    let taken = server.stored().len();
    assert!(taken == 0 || at == Point::End, "{taken} mails were taken");
}

#[rstest]
#[case(Encryption::StartTls, SmtpTls::StartTls)]
#[case(Encryption::Implicit, SmtpTls::Implicit)]
#[tokio::test]
async fn dropped_tls_connection_is_noticed(
    #[case] encryption: Encryption,
    #[case] tls: SmtpTls,
    #[values((Point::Body, "not sent"), (Point::End, "unknown"))] expected: (Point, &str),
) {
    let server = Server::start(Script {
        faults: vec![(expected.0, Action::Drop)],
        encryption,
        ..Script::default()
    })
    .await;
    let mailer = mailer(SmtpOptions {
        tls,
        trusted_certificates: vec![server.authority.clone().into_bytes()],
        pause_before_end: if expected.0 == Point::Body {
            Duration::from_secs(10)
        } else {
            Duration::ZERO
        },
        ..options(&server)
    });
    let answer = mailer.send(&mail()).await;
    assert_eq!(kind(&answer).0, expected.1, "{answer:?}");
}

#[tokio::test]
async fn reason_keeps_only_the_reply_codes() {
    let server = Server::start(Script {
        faults: vec![(
            Point::End,
            Action::Say("554 5.7.1 spam, says pat@example.org"),
        )],
        ..Script::default()
    })
    .await;
    let answer = mailer(options(&server)).send(&mail()).await;
    assert_eq!(
        kind(&answer).1,
        "The mail server answered 554 5.7.1 to the end of the message."
    );
}

#[tokio::test]
async fn refused_connection_is_not_sent() {
    let server = Server::start(Script::default()).await;
    let options = options(&server);
    drop(server);
    // The port stays open until the server's task has ended.
    while tokio::net::TcpStream::connect(("127.0.0.1", options.port))
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
    let answer = mailer(options).send(&mail()).await;
    assert_eq!(
        kind(&answer),
        (
            "not sent",
            "No connection to the mail server: connection refused.".to_owned()
        )
    );
}

#[tokio::test]
async fn refused_recipient_does_not_stop_the_others() {
    let server = Server::start(Script {
        refused: vec![("pat@example.org", "550 5.1.1 no pat@example.org here")],
        ..Script::default()
    })
    .await;
    let answer = mailer(options(&server)).send(&mail()).await;
    let SendOutcome::Accepted {
        refused_recipients: refused,
        ..
    } = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].address.as_str(), "pat@example.org");
    assert_eq!(refused[0].reason, "550 5.1.1");
    assert!(refused[0].is_permanent);
    assert_eq!(server.stored()[0].to, ["sam@example.net"]);
}

#[tokio::test]
async fn refusal_is_for_good_only_if_every_recipient_is() {
    let server = Server::start(Script {
        refused: vec![
            ("pat@example.org", "550 5.1.1 unknown"),
            ("sam@example.net", "451 4.7.1 greylisted"),
        ],
        ..Script::default()
    })
    .await;
    let answer = mailer(options(&server)).send(&mail()).await;
    assert_eq!(
        kind(&answer),
        (
            "refused",
            "The mail server accepted none of the recipients: 451 4.7.1, 550 5.1.1.".to_owned()
        )
    );
}

#[rstest]
#[case(Encryption::StartTls, SmtpTls::StartTls)]
#[case(Encryption::Implicit, SmtpTls::Implicit)]
#[tokio::test]
async fn untrusted_certificate_is_not_sent_to(
    #[case] encryption: Encryption,
    #[case] tls: SmtpTls,
) {
    let server = Server::start(Script {
        encryption,
        ..Script::default()
    })
    .await;
    let other = Server::start(Script::default()).await;
    let trusting = |certificate: &str| SmtpOptions {
        tls,
        trusted_certificates: vec![certificate.as_bytes().to_vec()],
        ..options(&server)
    };
    let answer = mailer(trusting(&other.authority)).send(&mail()).await;
    assert_eq!(
        kind(&answer),
        (
            "not sent",
            "We couldn't make an encrypted connection to the mail server: this machine doesn't trust \
             the issuer of its certificate."
                .to_owned()
        )
    );
    assert!(server.stored().is_empty());

    let answer = mailer(trusting(&server.authority)).send(&mail()).await;
    assert_eq!(answer, accepted());
    assert!(server.stored()[0].encrypted);
}

#[rstest]
#[case(Encryption::StartTls, SmtpTls::StartTls)]
#[case(Encryption::Implicit, SmtpTls::Implicit)]
#[tokio::test]
async fn certificate_for_another_host_is_not_sent_to(
    #[case] encryption: Encryption,
    #[case] tls: SmtpTls,
) {
    let server = Server::start(Script {
        encryption,
        certificate_for: Some("elsewhere.example.com"),
        ..Script::default()
    })
    .await;
    let answer = mailer(SmtpOptions {
        tls,
        trusted_certificates: vec![server.authority.clone().into_bytes()],
        ..options(&server)
    })
    .send(&mail())
    .await;
    let (kind, reason) = kind(&answer);
    assert_eq!(kind, "not sent");
    assert!(reason.contains("another host name"), "{reason}");
}

#[rstest]
#[case::not_offered(Encryption::None, SmtpTls::StartTls, vec![], "STARTTLS")]
#[case::no_tls_there(Encryption::None, SmtpTls::Implicit, vec![], "TLS")]
#[case::hangs_up(Encryption::StartTls, SmtpTls::StartTls, vec![(Point::Handshake, Action::Drop)], "hung up")]
#[case::slips_something_in(
    Encryption::StartTls,
    SmtpTls::StartTls,
    vec![(Point::StartTls, Action::Say("220 go ahead\r\n250 mail.example.org"))],
    "TLS"
)]
#[tokio::test]
async fn nothing_is_sent_unencrypted(
    #[case] encryption: Encryption,
    #[case] tls: SmtpTls,
    #[case] faults: Vec<(Point, Action)>,
    #[case] word: &str,
) {
    let server = Server::start(Script {
        encryption,
        faults,
        login: Some(("PLAIN", "operator", PASSWORD)),
        ..Script::default()
    })
    .await;
    let answer = mailer(SmtpOptions {
        tls,
        user: Some("operator".to_owned()),
        password: Some(SecretString::from(PASSWORD)),
        timeout: Duration::from_secs(3),
        trusted_certificates: vec![server.authority.clone().into_bytes()],
        ..options(&server)
    })
    .send(&mail())
    .await;
    let (kind, reason) = kind(&answer);
    assert_eq!(kind, "not sent", "{reason}");
    assert!(reason.contains(word), "{reason}");
    assert_eq!(server.logins(), 0);
}

#[rstest]
#[case("PLAIN")]
#[case("LOGIN")]
#[case("LOGIN PLAIN XOAUTH2")]
#[tokio::test]
async fn login_precedes_the_mail(#[case] mechanisms: &'static str) {
    let server = Server::start(Script {
        encryption: Encryption::StartTls,
        login: Some((mechanisms, "operator", PASSWORD)),
        ..Script::default()
    })
    .await;
    let answer = mailer(SmtpOptions {
        tls: SmtpTls::StartTls,
        user: Some("operator".to_owned()),
        password: Some(SecretString::from(PASSWORD)),
        trusted_certificates: vec![server.authority.clone().into_bytes()],
        ..options(&server)
    })
    .send(&mail())
    .await;
    assert_eq!(answer, accepted());
    let stored = &server.stored()[0];
    assert!(stored.encrypted && stored.logged_in);
}

#[tokio::test]
async fn refused_login_is_not_retried() {
    let server = Server::start(Script {
        login: Some(("PLAIN", "operator", "another")),
        ..Script::default()
    })
    .await;
    let mailer = mailer(SmtpOptions {
        user: Some("operator".to_owned()),
        password: Some(SecretString::from(PASSWORD)),
        ..options(&server)
    });
    for _ in 0..3 {
        assert_eq!(
            kind(&mailer.send(&mail()).await),
            (
                "refused",
                "The mail server refused the login (535 5.7.8); check user and password."
                    .to_owned()
            )
        );
    }
    assert_eq!(server.logins(), 1);
}

#[rstest]
#[case(Some("PLAIN"), Action::Say("454 4.7.0 later"), "refused")]
#[case(Some("PLAIN"), Action::Drop, "not sent")]
#[case(Some("PLAIN"), Action::Hang, "not sent")]
#[case(Some("CRAM-MD5"), Action::Drop, "not sent")]
#[case(None, Action::Drop, "not sent")]
#[tokio::test]
async fn failed_login_leaves_the_mail_unsent(
    #[case] mechanisms: Option<&'static str>,
    #[case] action: Action,
    #[case] expected: &str,
) {
    let server = Server::start(Script {
        login: mechanisms.map(|mechanisms| (mechanisms, "operator", PASSWORD)),
        faults: vec![(Point::Auth, action)],
        ..Script::default()
    })
    .await;
    let mailer = mailer(SmtpOptions {
        user: Some("operator".to_owned()),
        password: Some(SecretString::from(PASSWORD)),
        timeout: Duration::from_secs(1),
        ..options(&server)
    });
    let answer = mailer.send(&mail()).await;
    assert_eq!(kind(&answer).0, expected, "{answer:?}");
    assert!(server.stored().is_empty());
}

#[tokio::test]
async fn sequential_mails_share_a_connection() {
    let server = Server::start(Script::default()).await;
    let mailer = mailer(options(&server));
    for _ in 0..3 {
        assert_eq!(mailer.send(&mail()).await, accepted());
    }
    mailer.close().await;
    assert_eq!(server.stored().len(), 3);
    assert_eq!((server.connections(), server.quits()), (1, 1));
}

#[rstest]
#[case(Action::Drop)]
#[case(Action::SayAndDrop("421 4.4.2 idle for too long"))]
#[tokio::test]
async fn dead_idle_connection_is_replaced(#[case] action: Action) {
    let server = Server::start(Script {
        faults: vec![(Point::Rset, action)],
        ..Script::default()
    })
    .await;
    let mailer = mailer(options(&server));
    for _ in 0..2 {
        assert_eq!(mailer.send(&mail()).await, accepted());
    }
    assert_eq!((server.stored().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn refused_mail_does_not_affect_the_next() {
    let server = Server::start(Script {
        refused: vec![("pat@example.org", "550 5.1.1 unknown")],
        ..Script::default()
    })
    .await;
    let mailer = mailer(options(&server));
    let to_pat = Mail {
        to: vec!["pat@example.org".parse().unwrap()],
        ..mail()
    };
    let to_sam = Mail {
        to: vec!["sam@example.net".parse().unwrap()],
        ..mail()
    };
    assert_eq!(kind(&mailer.send(&to_pat).await).0, "refused for good");
    assert_eq!(mailer.send(&to_sam).await, accepted());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn concurrent_mails_use_at_most_four_connections() {
    let server = Server::start(Script::default()).await;
    let mailer = std::sync::Arc::new(mailer(options(&server)));
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let mailer = mailer.clone();
        sending.spawn(async move { mailer.send(&mail()).await });
    }
    for answer in sending.join_all().await {
        assert_eq!(answer, accepted());
    }
    assert_eq!(server.stored().len(), 24);
    assert!(server.connections() <= 4, "{}", server.connections());
}

#[tokio::test]
async fn large_mail_arrives_unchanged() {
    let server = Server::start(Script::default()).await;
    let large = Mail {
        text: ".line\n".repeat(100_000),
        ..mail()
    };
    assert_eq!(mailer(options(&server)).send(&large).await, accepted());
    assert_eq!(
        server.stored()[0].message.as_bytes(),
        mime::build(&large, &sender()).unwrap().bytes
    );
}

#[rstest]
#[case(|o: &mut SmtpOptions| o.host = " ".to_owned(), SmtpOptionsError::NoHost)]
#[case(|o: &mut SmtpOptions| o.tls = SmtpTls::None, SmtpOptionsError::NotEncrypted)]
#[case(|o: &mut SmtpOptions| o.user = Some("operator".to_owned()), SmtpOptionsError::IncompleteLogin)]
#[case(|o: &mut SmtpOptions| o.password = Some(SecretString::from(PASSWORD)), SmtpOptionsError::IncompleteLogin)]
#[case(|o: &mut SmtpOptions| o.trusted_certificates = vec![b"no".to_vec()], SmtpOptionsError::BadCertificate)]
#[case(|o: &mut SmtpOptions| o.trusted_certificates = vec![MALFORMED_CERTIFICATE.to_vec()], SmtpOptionsError::BadCertificate)]
fn invalid_options_are_refused(
    #[case] spoil: fn(&mut SmtpOptions),
    #[case] expected: SmtpOptionsError,
) {
    let mut options = SmtpOptions::new("mail.example.org");
    spoil(&mut options);
    assert_eq!(SmtpMailer::new(options, sender()).unwrap_err(), expected);
}

#[rstest]
#[case("localhost", true)]
#[case("127.0.0.1", true)]
#[case("127.9.9.9", true)]
#[case("::1", true)]
#[case("localhost.example.org", false)]
#[case("128.0.0.1", false)]
fn only_loopback_may_be_unencrypted(#[case] host: &str, #[case] allowed: bool) {
    let options = SmtpOptions {
        tls: SmtpTls::None,
        ..SmtpOptions::new(host)
    };
    assert_eq!(SmtpMailer::new(options, sender()).is_ok(), allowed);
}

#[test]
fn debug_hides_user_and_password() {
    let options = SmtpOptions {
        user: Some("operator".to_owned()),
        password: Some(SecretString::from(PASSWORD)),
        tls: SmtpTls::None,
        ..SmtpOptions::new("localhost")
    };
    let shown = format!("{options:?} {:?}", mailer(options.clone()));
    assert!(
        !shown.contains("operator") && !shown.contains(PASSWORD),
        "{shown}"
    );
}
