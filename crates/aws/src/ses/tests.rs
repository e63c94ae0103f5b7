use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use axum::http::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::clients::{SES_TIMEOUT, retry_policy, ses_client, timeouts};
use crate::testing::{Fake, config, config_without_credentials, fake};

fn mailer(client: SesClient) -> SesMailer {
    let sender = Sender::new("hippo@example.org".parse().unwrap());
    SesMailer::new(client, sender, Some("the-set".to_owned()))
}

/// A mailer with a shorter time limit.
fn impatient_mailer(config: &SdkConfig) -> SesMailer {
    let limit = Duration::from_millis(500);
    let limits = timeouts(limit, limit);
    mailer(SesClient::new(config, &retry_policy(1), limits))
}

fn mail() -> Mail {
    Mail {
        to: vec!["pat@example.org".parse().unwrap()],
        subject: "1 overdue".to_owned(),
        text: "Emma".to_owned(),
        html: "<p>Emma</p>".to_owned(),
        picture: None,
        date: "2026-11-21T11:30:00Z".parse().unwrap(),
        message: None,
        tag: Some(MailTag {
            kind: hippo_core::outbox::MailKind::DAILY,
            family: "conrad".parse().unwrap(),
            date: "2026-11-21".parse().unwrap(),
            fence: 3,
        }),
        unsubscribe: None,
    }
}

async fn ses(status: u16, code: &'static str, message: &'static str) -> Fake {
    fake(move |_, _| {
        let body = if status == 200 {
            json!({"MessageId": "0100-ses"}).to_string()
        } else {
            json!({"__type": code, "message": message}).to_string()
        };
        (StatusCode::from_u16(status).unwrap(), body)
    })
    .await
}

#[tokio::test]
async fn mail_is_sent_raw_with_its_tags_and_configuration_set() {
    let ses = ses(200, "", "").await;
    let answer = mailer(ses_client(&config(&ses.url))).send(&mail()).await;
    let SendOutcome::Accepted {
        message_id,
        refused_recipients: refused,
    } = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!((message_id.as_str(), refused.len()), ("0100-ses", 0));
    let asked: Value = serde_json::from_slice(&ses.bodies()[0]).unwrap();
    assert_eq!(asked["FromEmailAddress"], "hippo@example.org");
    assert_eq!(
        asked["Destination"]["ToAddresses"],
        json!(["pat@example.org"])
    );
    assert_eq!(asked["ConfigurationSetName"], "the-set");
    assert_eq!(
        asked["EmailTags"],
        json!([
            {"Name": "kind", "Value": "daily"},
            {"Name": "family", "Value": "conrad"},
            {"Name": "date", "Value": "2026-11-21"},
            {"Name": "fence", "Value": "3"},
        ])
    );
    let built = mime::build(&mail(), &Sender::new("hippo@example.org".parse().unwrap())).unwrap();
    assert_eq!(
        asked["Content"]["Raw"]["Data"],
        aws_smithy_types::base64::encode(built.bytes)
    );
}

#[derive(Debug, PartialEq)]
enum Expected {
    Temporary,
    Permanent,
    Unknown,
}

#[rstest]
#[case::throttled(
    429,
    "TooManyRequestsException",
    "slow",
    Expected::Temporary,
    "sending quota"
)]
#[case::throttling(
    400,
    "ThrottlingException",
    "slow",
    Expected::Temporary,
    "sending quota"
)]
#[case::sandbox(
    400,
    "MessageRejected",
    "Email address is not verified: canary@example.org",
    Expected::Temporary,
    "SES sandbox every recipient must be verified"
)]
#[case::unverified(
    400,
    "MailFromDomainNotVerifiedException",
    "x",
    Expected::Temporary,
    "Verify the identity of MAIL_FROM"
)]
#[case::suspended(
    400,
    "AccountSuspendedException",
    "x",
    Expected::Temporary,
    "suspended"
)]
#[case::paused(400, "SendingPausedException", "x", Expected::Temporary, "paused")]
#[case::no_set(
    404,
    "NotFoundException",
    "x",
    Expected::Temporary,
    "Deploy the stack again"
)]
#[case::denied(
    403,
    "AccessDeniedException",
    "not for canary@example.org",
    Expected::Temporary,
    "MAIL_FROM must be the address"
)]
#[case::content(
    400,
    "MessageRejected",
    "canary@example.org: virus",
    Expected::Permanent,
    "doesn't accept this mail"
)]
#[case::bad(
    400,
    "BadRequestException",
    "canary@example.org",
    Expected::Permanent,
    "doesn't accept this mail"
)]
#[case::other(418, "Teapot", "x", Expected::Temporary, "Teapot")]
#[case::internal(500, "InternalFailure", "x", Expected::Unknown, "status 500")]
#[case::unavailable(503, "ServiceUnavailable", "x", Expected::Unknown, "status 503")]
#[tokio::test]
async fn ses_errors_are_classified(
    #[case] status: u16,
    #[case] code: &'static str,
    #[case] message: &'static str,
    #[case] expected: Expected,
    #[case] explanation: &str,
) {
    let ses = ses(status, code, message).await;
    let answer = mailer(ses_client(&config(&ses.url))).send(&mail()).await;
    let (kind, reason) = match answer {
        SendOutcome::Refused {
            reason,
            is_permanent: false,
        } => (Expected::Temporary, reason),
        SendOutcome::Refused { reason, .. } => (Expected::Permanent, reason),
        SendOutcome::Unknown { reason } => (Expected::Unknown, reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(kind, expected, "{reason}");
    assert!(reason.contains(explanation), "{reason}");
    assert!(!reason.contains("canary"), "{reason}");
    assert_eq!(ses.bodies().len(), 1, "the mail was sent twice");
}

/// What a faulty server does after it has read the request.
#[derive(Debug, Clone, Copy)]
enum Fault {
    HangUpAfterRequest,
    HangUpWithinAnswer,
    Silence,
    Nonsense,
}

/// Starts a faulty server. Returns its URL, and the number of its connections.
async fn faulty(fault: Fault) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let connections = count.clone();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            let mut buffer = vec![0; 64 * 1024];
            let _ = stream.read(&mut buffer).await;
            match fault {
                Fault::HangUpAfterRequest => drop(stream),
                Fault::HangUpWithinAnswer => {
                    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"Mess";
                    stream.write_all(head).await.unwrap();
                }
                Fault::Nonsense => {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<ok>";
                    stream.write_all(answer).await.unwrap();
                    kept.push(stream);
                }
                Fault::Silence => kept.push(stream),
            }
        }
    });
    (url, count)
}

#[rstest]
#[tokio::test]
async fn connection_lost_after_the_request_is_unknown(
    #[values(
        Fault::HangUpAfterRequest,
        Fault::HangUpWithinAnswer,
        Fault::Silence,
        Fault::Nonsense
    )]
    fault: Fault,
) {
    let (url, connections) = faulty(fault).await;
    let answer = impatient_mailer(&config(&url)).send(&mail()).await;
    assert!(
        matches!(&answer, SendOutcome::Unknown { reason } if reason.contains("may have been sent")),
        "{answer:?}"
    );
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn mail_is_not_sent_without_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    // Also a host that doesn't resolve, and a port without TLS.
    let (plain, _) = faulty(Fault::Nonsense).await;
    let plain = plain.replace("http://", "https://");
    for endpoint in [refusing, "http://ses.invalid".to_owned(), plain] {
        let answer = impatient_mailer(&config(&endpoint)).send(&mail()).await;
        assert!(
            matches!(&answer, SendOutcome::NotSent { .. }),
            "{endpoint}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn mail_is_not_sent_without_credentials() {
    let ses = ses(200, "", "").await;
    let without = config_without_credentials(&ses.url);
    // Without any, and with some that don't arrive in time.
    let (slow, _) = config_with_slow_credentials(&ses.url);
    for config in [without, slow] {
        let answer = impatient_mailer(&config).send(&mail()).await;
        assert!(matches!(answer, SendOutcome::NotSent { .. }), "{answer:?}");
    }
    assert!(ses.bodies().is_empty());
}

/// Credentials that never arrive. Holds the limits of the request that waits for them.
#[derive(Debug, Clone, Default)]
struct SlowCredentials(Arc<OnceLock<(TimeoutConfig, RetryConfig)>>);

fn config_with_slow_credentials(endpoint: &str) -> (SdkConfig, SlowCredentials) {
    let credentials = SlowCredentials::default();
    let config = config(endpoint).into_builder();
    let config = config.identity_cache(credentials.clone()).build();
    (config, credentials)
}

impl ResolveCachedIdentity for SlowCredentials {
    fn resolve_cached_identity<'a>(
        &'a self,
        _resolver: SharedIdentityResolver,
        _components: &'a RuntimeComponents,
        config: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let timeouts = config.load::<TimeoutConfig>().unwrap().clone();
        let retries = config.load::<RetryConfig>().unwrap().clone();
        self.0.set((timeouts, retries)).unwrap();
        IdentityFuture::new(std::future::pending())
    }
}

#[tokio::test]
async fn too_many_recipients_are_refused() {
    let ses = ses(200, "", "").await;
    let mail = Mail {
        to: (0..51)
            .map(|n| format!("pat{n}@example.org").parse().unwrap())
            .collect(),
        ..mail()
    };
    let answer = mailer(ses_client(&config(&ses.url))).send(&mail).await;
    assert!(
        matches!(&answer, SendOutcome::Refused { reason, is_permanent: true } if reason.contains("at most 50")),
        "{answer:?}"
    );
    assert!(ses.bodies().is_empty());
}

#[tokio::test]
async fn client_tries_once_and_times_out_before_the_lease() {
    let limit = chrono::Duration::from_std(SES_TIMEOUT).unwrap();
    assert!(limit < hippo_core::outbox::SEND_LIMIT);
    let (config, credentials) = config_with_slow_credentials("http://127.0.0.1:1");
    let (mailer, mail) = (mailer(ses_client(&config)), mail());
    let waiting = tokio::time::timeout(Duration::ZERO, mailer.send(&mail));
    waiting.await.unwrap_err();
    let (timeouts, retries) = credentials.0.get().unwrap();
    assert_eq!(retries.max_attempts(), 1);
    assert_eq!(timeouts.operation_timeout(), Some(SES_TIMEOUT));
}
