//! Runs the real binary against a fake Runtime API, and a fake AWS or emulators.
#![allow(clippy::unwrap_used, reason = "a test may panic when its setup fails")]

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use chrono::{DateTime, Duration, NaiveDate, Timelike as _, Utc};
use hippo_aws::dynamodb::{self, DynamoDbStore, schema};
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::schedule::Pause;
use hippo_core::store::{FamilyStore as _, OutboxStore as _, RunStore as _};
use hippo_core::testing::contract::sample;
use hippo_demo_library::DemoPictureServer;
use hippo_tests::emulator::Emulator;
use hippo_tests::lambda::{Emulators, Function};
use hippo_tests::moto::Moto;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_picture-of-the-day");

const TABLE: &str = "table";

const VARIABLES: &[(&str, &str)] = &[
    ("TABLE_NAME", TABLE),
    ("MAIL_FROM", "LibraryHippo <hippo@example.org>"),
    ("CONFIGURATION_SET", "settings"),
];

fn start(variables: &[(&str, &str)]) -> Function {
    Function::start(BINARY.as_ref(), variables)
}

#[test]
fn missing_variables_are_named_in_one_message() {
    start(&[("LOG_LEVEL", "loud"), ("PICTURE_URL", "here")]).assert_cannot_start(
        "TABLE_NAME, PICTURE_KIND, MAIL_FROM, CONFIGURATION_SET are missing; LOG_LEVEL must be error, warn, info or \
         debug; PICTURE_URL must be a URL that begins with https://",
    );
}

#[test]
fn init_reads_one_item_that_its_role_allows() {
    start(VARIABLES).assert_init_reads_within_its_rights("PictureOfTheDayRole");
}

#[test]
fn run_without_a_source_fails_with_the_parameter_to_set() {
    start(VARIABLES).assert_refuses(
        json!({"label": "picture", "scheduled_time": "2026-11-21T12:00:00Z"}),
        "Failed",
        &["doesn't say where the picture", "PictureUrl"],
    );
}

#[test]
fn wrong_event_fails_with_the_expected_fields() {
    let source = [
        ("PICTURE_URL", "https://pictures.example.org/today"),
        ("PICTURE_KIND", "image"),
    ];
    start(&[VARIABLES, &source].concat()).assert_refuses(
        json!({"Records": []}),
        "Event",
        &[
            "“Records”: unknown field",
            "“label” is missing",
            "Expected: {\"label\": \"picture\", \"scheduled_time\": ",
        ],
    );
}

/// A role's function on emulators, with a source of pictures.
struct Stage {
    dynamodb: Emulator,
    moto: Moto,
    store: DynamoDbStore,
    source: DemoPictureServer,
    now: DateTime<Utc>,
    /// The families' local date.
    today: NaiveDate,
}

impl Stage {
    /// Starts it, with the families `conrad`, whose picture is due, and `diaz`, who wants none. `None` if an
    /// emulator isn't installed.
    async fn new() -> Option<Self> {
        let (dynamodb, moto) = (Emulator::start()?, Moto::start()?);
        let client = dynamodb::client(&config(&dynamodb.endpoint()));
        schema::create_table(&client, TABLE).await.unwrap();
        let store = DynamoDbStore::new(client, TABLE);
        let now = Utc::now();
        // A zone where it is about noon, so that the test never runs at midnight.
        let ahead = 12 - i64::from(now.hour());
        let local = (now + Duration::hours(ahead)).naive_utc();
        let due_at = local.time() - Duration::minutes(5);
        for (id, time) in [("conrad", Some(due_at)), ("diaz", None)] {
            let mut family = sample::family(id);
            // The names of these zones have the sign reversed.
            family.timezone = format!("Etc/GMT{:+}", -ahead).parse().unwrap();
            family.created_at = now - Duration::minutes(10);
            family.set_picture(time, family.created_at);
            store.add_family(&family).await.unwrap();
        }
        moto.verify_sender("hippo@example.org").await;
        let today = local.date();
        let source = DemoPictureServer::start(today).await.unwrap();
        Some(Self {
            dynamodb,
            moto,
            store,
            source,
            now,
            today,
        })
    }

    /// Starts the function with these variables about its source.
    fn start(&self, variables: &[(&str, &str)]) -> Function {
        let url = self.source.document_url();
        let source = [
            ("PICTURE_URL", url.as_str()),
            ("PICTURE_KIND", "json"),
            ("PICTURE_ADDRESS", "image"),
            ("PICTURE_TITLE", "title"),
            ("PICTURE_CREDIT", "copyright"),
            ("OPERATOR_EMAIL", "operator@example.org"),
            ("CONTACT", "operator@example.org"),
        ];
        let emulators = Emulators {
            dynamodb: self.dynamodb.address(),
            others: self.moto.address(),
        };
        Function::start_on(
            BINARY.as_ref(),
            &[VARIABLES, &source, variables].concat(),
            emulators,
        )
    }

    /// The event of a tick, some minutes from now.
    fn tick(&self, minutes: i64) -> Value {
        let time = self.now + Duration::minutes(minutes);
        json!({"label": "picture", "scheduled_time": time})
    }

    /// The record of a family's picture.
    async fn mail(&self, family: &str) -> Option<OutboxRecord> {
        let key = MailKey::new(MailKind::PICTURE, family.parse().unwrap(), self.today);
        self.store.mail(&key).await.unwrap()
    }
}

fn config(endpoint: &str) -> SdkConfig {
    let credentials = SharedCredentialsProvider::new(Credentials::for_tests());
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(hippo_aws::clients::https_client())
        .region(Region::new("ca-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .build()
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_is_sent_once_within_the_rights_of_the_role() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let function = stage.start(&[("ALLOW_LOOPBACK_LIBRARIES", "true")]);
    let answer = function.invoke(stage.tick(0)).unwrap();
    let run = answer["run"].as_str().unwrap().parse().unwrap();
    let run = stage.store.run(&run).await.unwrap().unwrap();
    assert_eq!((run.counts.planned, run.counts.done), (1, 1), "{run:?}");
    assert_eq!(stage.mail("conrad").await.unwrap().state, MailState::Sent);
    assert_eq!(stage.mail("diaz").await, None);
    let again = function.invoke(stage.tick(1)).unwrap();
    assert_ne!(again["run"], answer["run"]);
    function.assert_table_requests_are_within_its_rights("PictureOfTheDayRole");

    // It reads the only mail.
    let reader = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/aws/tests/integration/mail/read_mail.py"
    );
    let mail = stage.moto.run_script(reader.as_ref(), &Value::Null);
    assert_eq!(mail["defects"], json!([]));
    assert_eq!(
        mail["holders"],
        json!(["multipart/alternative", "multipart/related"])
    );
    let header = |name: &str| {
        let mut headers = mail["headers"].as_array().unwrap().iter();
        headers.find(|header| header[0] == name).unwrap()[1].clone()
    };
    assert_eq!(header("Subject"), "Picture of the day: A hippo at sunset");
    assert_eq!(header("To"), "zoe@example.org, abe@example.org");
    assert_eq!(header("Reply-To"), "operator@example.org");
    let [text, html, picture] = &mail["parts"].as_array().unwrap()[..] else {
        panic!("three parts: {mail}");
    };
    assert!(text["text"].as_str().unwrap().contains("A hippo at sunset"));
    assert_eq!(
        (&picture["kind"], &picture["disposition"]),
        (&json!("image/png"), &json!("inline"))
    );
    let bytes = picture["text"].as_str().unwrap();
    assert!(bytes.starts_with("iVBORw0KGgo"), "a PNG");
    let id = picture["content_id"].as_str().unwrap();
    let address = format!("src=\"cid:{}\"", id.trim_matches(['<', '>']));
    assert!(html["text"].as_str().unwrap().contains(&address));
}

#[tokio::test(flavor = "multi_thread")]
async fn role_allows_skipping_a_paused_day() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let function = stage.start(&[("ALLOW_LOOPBACK_LIBRARIES", "true")]);
    // The label's first run, before the pause.
    function.invoke(stage.tick(-2 * 24 * 60)).unwrap();
    let paused = Pause {
        label: Some("picture".parse().unwrap()),
        since: stage.now - Duration::days(2),
        until: Some(stage.now - Duration::minutes(1)),
        by: "ana".to_owned(),
        why: None,
    };
    assert!(sample::add_pause(&stage.store, &paused).await);
    let conrad = stage.store.family(&"conrad".parse().unwrap()).await;
    let mut early = sample::family("early");
    early.timezone = conrad.unwrap().unwrap().timezone;
    early.created_at = stage.now - Duration::days(2);
    let time = stage.now.with_timezone(&early.timezone).time() - Duration::minutes(5);
    early.set_picture(Some(time), early.created_at);
    stage.store.add_family(&early).await.unwrap();
    function.invoke(stage.tick(0)).unwrap();
    let yesterday = stage.today - Duration::days(1);
    let key = MailKey::new(MailKind::PICTURE, early.id.clone(), yesterday);
    let record = stage.store.mail(&key).await.unwrap().unwrap();
    assert_eq!(record.state, MailState::Skipped);
    assert_eq!(record.reason.as_deref(), Some("The schedule was paused."));
    function.assert_table_requests_are_within_its_rights("PictureOfTheDayRole");
}

#[tokio::test(flavor = "multi_thread")]
async fn source_on_loopback_is_refused_unless_it_is_allowed() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let function = stage.start(&[]);
    function.invoke(stage.tick(0)).unwrap();
    let mail = stage.mail("conrad").await.unwrap();
    assert_eq!(mail.state, MailState::Pending);
    let reason = mail.reason.unwrap_or_default();
    assert!(reason.contains("private"), "{reason}");
    function.assert_table_requests_are_within_its_rights("PictureOfTheDayRole");
}
