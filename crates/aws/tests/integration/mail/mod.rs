//! Sends a notice to moto, and compares its bytes and how Python's email package reads it.
//!
//! moto doesn't keep tags or the configuration set. `ses/tests.rs` checks those in the request.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use chrono::{DateTime, Utc};
use hippo_aws::{clients, ses::SesMailer};
use hippo_core::card::{CardState, LastCheck, StoredAccount};
use hippo_core::family::Family;
use hippo_core::mail::MailContent;
use hippo_core::mail::mime::{self, Sender};
use hippo_core::mail::{Mail, MailKind, MailTag, Mailer as _, SendOutcome};
use hippo_core::notice::{NoticeCard, NoticeInput, compose};
use hippo_core::picture::{Picture, PictureFormat, PictureMailInput, compose_picture_mail};
use hippo_core::testing::contract::sample;
use hippo_tests::moto::Moto;
use serde::Deserialize;
use serde_json::{Value, json};

const CONTACT: &str = "https://hippo.example.org/frågor";

/// A mail that moto received, with what Python's email package reads.
#[derive(Deserialize)]
struct ReceivedMail {
    raw: String,
    source: String,
    destinations: Vec<String>,
    headers: Vec<(String, String)>,
    boundary: String,
    /// The parts without parts of their own.
    parts: Vec<Part>,
    /// The types of the parts with parts, from the outside in.
    holders: Vec<String>,
    /// The defects that Python's package found.
    defects: Value,
}

/// A part of a mail, decoded.
#[derive(Deserialize)]
struct Part {
    kind: String,
    /// `None` for a picture.
    charset: Option<String>,
    content_id: Option<String>,
    disposition: Option<String>,
    file_name: Option<String>,
    /// Its text; the bytes of a picture in base64.
    text: String,
}

#[tokio::test]
async fn notice_arrives_unchanged_and_is_read_the_same() {
    let Some(moto) = Moto::start() else { return };
    let client = clients::ses_client(&config(&moto.url()));
    moto.verify_sender("hippo@example.org").await;
    let (notice, mail) = notice();
    let mailer = SesMailer::new(client, sender(), Some("the-set".to_owned()));

    let answer = mailer.send(&mail).await;
    let SendOutcome::Accepted {
        refused_recipients: refused,
        ..
    } = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(refused, []);

    let arrived = received(&moto);
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
        .map(|part| {
            let charset = part.charset.as_deref().unwrap_or_default();
            (part.kind.as_str(), charset, lines(&part.text))
        })
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

#[tokio::test]
async fn picture_arrives_within_the_html() {
    let Some(moto) = Moto::start() else { return };
    let client = clients::ses_client(&config(&moto.url()));
    moto.verify_sender("hippo@example.org").await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let content = compose_picture_mail(&PictureMailInput {
        picture: &Picture {
            title: Some("Kvaløya 🌅\r\nBcc: eve@example.org".to_owned()),
            credit: Some("Zoë <zoe@example.org>".to_owned()),
            format: PictureFormat::Jpeg,
            bytes: bytes.clone().into(),
        },
        family_name: "Saint-Éloi",
        today: sample::date("2026-11-21"),
        operator_contact: Some(CONTACT),
        links: None,
    })
    .unwrap();
    let mail = Mail {
        to: vec!["zoe@example.org".parse().unwrap()],
        subject: content.subject.clone(),
        text: content.text.clone(),
        html: content.html.clone(),
        picture: content.picture.clone(),
        date: "2026-11-21T11:30:00Z".parse().unwrap(),
        message: None,
        tag: Some(MailTag {
            kind: "picture".parse().unwrap(),
            family: "saint-eloi".parse().unwrap(),
            date: sample::date("2026-11-21"),
            fence: 1,
        }),
        unsubscribe: None,
    };
    let answer = SesMailer::new(client, sender(), None).send(&mail).await;
    assert!(matches!(answer, SendOutcome::Accepted { .. }), "{answer:?}");

    let arrived = received(&moto);
    assert_eq!(arrived.defects, json!([]));
    assert_eq!(
        arrived.holders,
        ["multipart/alternative", "multipart/related"]
    );
    let kinds: Vec<&str> = arrived
        .parts
        .iter()
        .map(|part| part.kind.as_str())
        .collect();
    assert_eq!(kinds, ["text/plain", "text/html", "image/jpeg"]);
    let header = |wanted: &str| {
        let mut headers = arrived.headers.iter();
        headers
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(
        header("Subject"),
        Some("Picture of the day: Kvaløya 🌅 Bcc: eve@example.org")
    );
    assert_eq!(header("Bcc"), None);
    let [_, html, picture] = &arrived.parts[..] else {
        panic!("three parts");
    };
    assert_eq!(picture.disposition.as_deref(), Some("inline"));
    assert_eq!(picture.file_name.as_deref(), Some("picture-2026-11-21.jpg"));
    let content_id = picture.content_id.as_deref().unwrap();
    let content_id = content_id.trim_matches(['<', '>']);
    assert!(html.text.contains(&format!("src=\"cid:{content_id}\"")));
    assert!(
        html.text.contains("Zoë &#60;zoe@example.org&#62;"),
        "{}",
        html.text
    );
    assert_eq!(picture.text, aws_smithy_types::base64::encode(bytes));
}

/// Reads the only mail that moto received.
fn received(moto: &Moto) -> ReceivedMail {
    let reader = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/integration/mail/read_mail.py"
    );
    let arrived = moto.run_script(reader.as_ref(), &Value::Null);
    serde_json::from_value(arrived).unwrap()
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
        ..CardState::default()
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
        paused: &[],
        last_notice: None,
        operator_contact: Some(CONTACT),
        links: None,
    })
    .unwrap()
    .mail
    .expect("a book is due in three days, and there is a fine");
    let mail = Mail {
        to: family.recipients,
        subject: notice.subject.clone(),
        text: notice.text.clone(),
        html: notice.html.clone(),
        picture: None,
        date: now,
        message: None,
        tag: Some(MailTag {
            kind: MailKind::DAILY,
            family: family.id,
            date: sample::date("2026-11-21"),
            fence: 3,
        }),
        unsubscribe: None,
    };
    (notice, mail)
}

fn config(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(hippo_aws::clients::https_client())
        .region(Region::new("ca-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .build()
}
