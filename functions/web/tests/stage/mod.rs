//! The function on emulators, and browsers that keep cookies.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use chrono::Utc;
use hippo_aws::dynamodb::{self, DynamoDbStore, schema};
use hippo_core::run::JobName;
use hippo_core::schedule::{ClosedDays, OnFailure, Recurrence, Schedule};
use hippo_core::sign_in::{Grant, PersonId, SignInAttempt, SignInCode, Token};
use hippo_core::store::{FamilyStore as _, SignInStore as _};
use hippo_core::testing::contract::sample;
use hippo_tests::emulator::Emulator;
use hippo_tests::lambda::{Emulators, Function};
use hippo_tests::moto::Moto;
use hippo_web::create_operator_link;
use serde_json::{Value, json};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_web");
pub(crate) const ROLE: &str = "WebPagesRole";

const TABLE: &str = "table";
const HOST: &str = "hippo.example.org";
const PUBLIC_URL: &str = "https://hippo.example.org";

pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("TABLE_NAME", TABLE),
    ("WEB_URL", PUBLIC_URL),
    ("NOTICE_QUEUE_URL", "https://sqs.example/1/notices"),
    ("PUBLIC_KEY_PARAMETER", "/hippo/public-key"),
    ("FINGERPRINT_KEY_PARAMETER", "/hippo/fingerprint-key"),
    ("OPERATOR_EMAIL", "operator@example.org"),
    ("TIMEZONE", "America/Toronto"),
    (
        "JOB_FUNCTIONS",
        "check-cards=the-check-cards,notify-all=the-notify-all",
    ),
];

/// The emulators, with the family `conrad` in the table.
pub(crate) struct Stage {
    dynamodb: Emulator,
    moto: Moto,
    pub(crate) store: DynamoDbStore,
    sqs: aws_sdk_sqs::Client,
    queue: String,
}

impl Stage {
    /// Starts it. `None` if an emulator isn't installed.
    pub(crate) async fn new() -> Option<Self> {
        let (dynamodb, moto) = (Emulator::start()?, Moto::start()?);
        let client = dynamodb::client(&config(&dynamodb.endpoint()));
        schema::create_table(&client, TABLE).await.unwrap();
        let store = DynamoDbStore::new(client, TABLE);
        let mut family = sample::family("conrad");
        family.name = "The Conrads".to_owned();
        store.add_family(&family).await.unwrap();
        let sqs = hippo_aws::clients::sqs_client(&config(&moto.url()));
        let queue = sqs.create_queue().queue_name("notices").send().await;
        let queue = queue.unwrap().queue_url.unwrap();
        Some(Self {
            dynamodb,
            moto,
            store,
            sqs,
            queue,
        })
    }

    /// Puts a secret into the parameter store.
    pub(crate) async fn put_secret(&self, name: &str, value: &str) {
        self.moto.put_secret(name, value).await;
    }

    /// Starts the function.
    pub(crate) fn start(&self) -> Function {
        self.start_with(&[])
    }

    /// Starts the function with more variables.
    pub(crate) fn start_with(&self, more: &[(&str, &str)]) -> Function {
        let queue = [("NOTICE_QUEUE_URL", self.queue.as_str())];
        let emulators = Emulators {
            dynamodb: self.dynamodb.address(),
            others: self.moto.address(),
        };
        Function::start_on(
            BINARY.as_ref(),
            &[VARIABLES, &queue, more].concat(),
            emulators,
        )
    }

    /// The only message of the queue.
    pub(crate) async fn received(&self) -> Value {
        let received = self.sqs.receive_message().queue_url(&self.queue);
        let received = received.send().await.unwrap().messages.unwrap();
        let [message] = &received[..] else {
            panic!("{received:?}");
        };
        serde_json::from_str(message.body().unwrap()).unwrap()
    }

    /// Grants the attempt of a request, as notify-family does. Returns the path of the link.
    pub(crate) async fn grant(&self, request: &Value) -> String {
        let id = request["attempt"].as_str().unwrap().parse().unwrap();
        let attempt = self.store.attempt(id).await.unwrap().unwrap();
        let address = request["address"].as_str().unwrap().parse().unwrap();
        let grant = Grant {
            person: PersonId::from_address(&address),
            families: vec!["conrad".parse().unwrap()],
            is_operator: false,
        };
        let (link, code) = (Token::generate().unwrap(), SignInCode::generate().unwrap());
        let granted: SignInAttempt = attempt.grant(grant, &link, &code, Utc::now()).unwrap();
        assert!(
            self.store
                .replace_attempt(attempt.revision, &granted)
                .await
                .unwrap()
        );
        format!(
            "/sign-in/link?token={}.{}",
            attempt.id.simple(),
            link.to_secret_text()
        )
    }

    /// The path of a link that signs the operator in.
    pub(crate) async fn operator_link(&self) -> String {
        let public_url = PUBLIC_URL.parse().unwrap();
        let link = create_operator_link(&self.store, &public_url, Utc::now()).await;
        link.unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned()
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

/// A schedule of this job.
pub(crate) fn schedule(job: JobName, label: &str) -> Schedule {
    Schedule {
        label: label.parse().unwrap(),
        job,
        recurrence: Recurrence {
            expression: "cron(0 5 * * ? *)".parse().unwrap(),
            zone: "America/Toronto".parse().unwrap(),
        },
        input: serde_json::Map::new(),
        start: None,
        end: None,
        closed_days: ClosedDays::default(),
        enabled: true,
        overlap: None,
        start_deadline: None,
        catch_up: None,
        flexible: None,
        log_level: None,
        on_failure: OnFailure::Mail,
    }
}

/// The event of a request, as the API sends it.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "host": HOST,
            "content-type": "application/x-www-form-urlencoded",
            "sec-fetch-site": "same-origin",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "stage": "$default",
            "domainName": HOST,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9"},
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// The value of a hidden field.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page
        .split_once(&start)
        .unwrap_or_else(|| panic!("no {name}: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

/// A browser with cookies.
pub(crate) struct Browser<'a> {
    function: &'a Function,
    cookies: BTreeMap<String, String>,
    /// What it says about its address.
    pub(crate) forwarded_for: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(function: &'a Function) -> Self {
        Self {
            function,
            cookies: BTreeMap::new(),
            forwarded_for: "198.51.100.7".to_owned(),
        }
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Value {
        let mut event = request(method, path, body);
        let cookies = self.cookies.iter();
        let cookies: Vec<String> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        event["cookies"] = json!(cookies);
        event["headers"]["x-forwarded-for"] = json!(self.forwarded_for);
        let answer = self.function.invoke(event).unwrap();
        for cookie in answer["cookies"].as_array().into_iter().flatten() {
            let (cookie, _) = cookie.as_str().unwrap().split_once(';').unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    pub(crate) fn get(&mut self, path: &str) -> Value {
        self.send("GET", path, "")
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) -> Value {
        self.send("POST", path, body)
    }

    /// The form token of a page.
    pub(crate) fn form(&mut self, path: &str) -> String {
        let page = self.get(path);
        hidden(page["body"].as_str().unwrap(), "form_token")
    }

    /// Presses the button of a link's page.
    pub(crate) fn press_button(&mut self, path: &str, page: &Value) -> Value {
        let page = page["body"].as_str().unwrap();
        let (form, token) = (hidden(page, "form_token"), hidden(page, "token"));
        self.post(path, &format!("form_token={form}&token={token}"))
    }
}
