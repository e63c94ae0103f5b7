//! Sends a notice to moto, and compares its bytes and how Python's email package reads it.
//!
//! moto doesn't keep tags or the configuration set. `ses/tests.rs` checks those in the request.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sesv2::config::{Credentials, SharedCredentialsProvider};
use chrono::{DateTime, Utc};
use hippo_aws::{clients, ses::SesMailer};
use hippo_core::card::{CardState, LastCheck, StoredAccount};
use hippo_core::family::Family;
use hippo_core::mail::MailContent;
use hippo_core::mail::mime::{self, Sender};
use hippo_core::mail::{Mail, MailAnswer, MailKind, MailTag, Mailer as _};
use hippo_core::notice::{NoticeCard, NoticeInput, compose};
use hippo_core::testing::contract::sample;
use serde_json::json;

use crate::mail::moto::Moto;

mod moto;

const CONTACT: &str = "https://hippo.example.org/frågor";

#[tokio::test]
async fn notice_arrives_unchanged_and_is_read_the_same() {
    let Some(moto) = Moto::start() else { return };
    let client = clients::ses(&config(&moto.url()));
    client
        .create_email_identity()
        .email_identity("hippo@example.org")
        .send()
        .await
        .unwrap();
    let (notice, mail) = notice();
    let mailer = SesMailer::new(client, sender(), Some("the-set".to_owned()));

    let answer = mailer.send(&mail).await;
    let MailAnswer::Accepted { refused, .. } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(refused, []);

    let arrived = moto.mail();
    let built = mime::build(&mail, &sender()).unwrap();
    assert_eq!(arrived.raw, String::from_utf8(built.bytes).unwrap());
    assert!(arrived.raw.is_ascii());
    assert!(arrived.raw.split("\r\n").all(|line| line.len() <= 998));
    assert!(!arrived.raw.replace("\r\n", "").contains(['\r', '\n']));
    assert_eq!(arrived.source, "hippo@example.org");
    // The request's recipients come first; moto adds those of the header.
    assert_eq!(
        &arrived.destinations[..2],
        ["zoe@example.org", "abe@xn--bcher-kva.example"]
    );

    assert_eq!(arrived.defects, json!([]));
    let headers: Vec<(&str, &str)> = arrived
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        headers,
        [
            ("Date", "Sat, 21 Nov 2026 11:30:00 +0000"),
            ("Message-ID", "<daily.saint-eloi.2026-11-21.3@example.org>"),
            ("From", "Bibliothèque 🦛 <hippo@example.org>"),
            ("Reply-To", "operator@example.org"),
            ("To", "zoe@example.org, abe@xn--bcher-kva.example"),
            ("Subject", notice.subject.as_str()),
            (
                "List-Unsubscribe",
                "<mailto:operator@example.org?subject=unsubscribe>"
            ),
            ("Auto-Submitted", "auto-generated"),
            ("MIME-Version", "1.0"),
            (
                "Content-Type",
                &format!("multipart/alternative; boundary=\"{}\"", arrived.boundary)
            ),
        ]
    );
    let lines = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    let parts: Vec<(&str, &str, String)> = arrived
        .parts
        .iter()
        .map(|part| (part.kind.as_str(), part.charset.as_str(), lines(&part.text)))
        .collect();
    assert_eq!(
        parts,
        [
            ("text/plain", "utf-8", lines(&notice.text)),
            ("text/html", "utf-8", lines(&notice.html)),
        ]
    );
    // The names were encoded and decoded.
    for name in ["Zoë", "Saint-Éloi", "The <Owl> & the “Lantern”: a study 🦉"] {
        assert!(parts[0].2.contains(name), "{name}");
        assert!(!arrived.raw.contains(name));
    }
}

fn sender() -> Sender {
    Sender {
        name: "Bibliothèque 🦛".to_owned(),
        reply_to: Some("operator@example.org".parse().unwrap()),
        ..Sender::new("hippo@example.org".parse().unwrap())
    }
}

/// A notice about one card, and its mail.
fn notice() -> (MailContent, Mail) {
    let now: DateTime<Utc> = "2026-11-21T11:30:00Z".parse().unwrap();
    let family = Family {
        recipients: vec![
            "zoe@example.org".parse().unwrap(),
            "abe@bücher.example".parse().unwrap(),
        ],
        ..sample::family("saint-eloi")
    };
    let mut library = sample::library("eloi");
    library.name = "Bibliothèque de Saint-Éloi".to_owned();
    let mut card = sample::card("saint-eloi", "eloi", "f1");
    card.patron = "Zoë".to_owned();
    let state = CardState {
        last_check: Some(LastCheck {
            started_at: sample::time("10:00:00"),
            finished_at: sample::time("10:00:10"),
            failure: None,
        }),
        last_success_at: Some(sample::time("10:00:00")),
        refused_since: None,
        login_mark: None,
    };
    let stored = StoredAccount {
        read_at: sample::time("10:00:00"),
        account: sample::account(250),
    };
    let notice = compose(&NoticeInput {
        family: &family,
        date: sample::date("2026-11-21"),
        today: sample::date("2026-11-21"),
        now,
        cards: &[NoticeCard {
            card,
            state,
            library,
            stored: Some(stored),
        }],
        last_notice: None,
        operator_contact: Some(CONTACT),
    })
    .unwrap()
    .mail
    .expect("a book is due in three days, and there is a fine");
    let mail = Mail {
        to: family.recipients,
        subject: notice.subject.clone(),
        text: notice.text.clone(),
        html: notice.html.clone(),
        date: now,
        tag: Some(MailTag {
            kind: MailKind::DAILY,
            family: family.id,
            date: sample::date("2026-11-21"),
            fence: 3,
        }),
    };
    (notice, mail)
}

fn config(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ca-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .build()
}
