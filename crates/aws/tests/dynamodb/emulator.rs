//! DynamoDB's emulator: a child of the test, on a free port of this machine, gone with the test.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Credentials, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use hippo_aws::dynamodb::{DynamoDbStore, schema};

const TABLE: &str = "libraryhippo";

/// An emulator with one new table, and the stores in it.
pub(crate) struct Fresh {
    pub(crate) store: DynamoDbStore,
    pub(crate) client: Client,
    pub(crate) spent: Spent,
    process: Process,
}

impl Deref for Fresh {
    type Target = DynamoDbStore;

    fn deref(&self) -> &DynamoDbStore {
        &self.store
    }
}

impl Fresh {
    /// Where the emulator listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address
    }
}

/// A new table in a new emulator; `None` where there is no emulator, which the test says.
pub(crate) async fn fresh() -> Option<Fresh> {
    let process = Process::start()?;
    let endpoint = format!("http://{}", process.address);
    let spent = Spent::default();
    let config = hippo_aws::dynamodb::client(&config(&endpoint))
        .config()
        .to_builder()
        .interceptor(spent.clone())
        .build();
    let client = Client::from_conf(config);
    schema::create_table(&client, TABLE).await.unwrap();
    spent.take();
    Some(Fresh {
        store: DynamoDbStore::new(client.clone(), TABLE),
        client,
        spent,
        process,
    })
}

/// As a function has it, but for the endpoint and the credentials.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ca-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
            Credentials::for_tests(),
        ))
        .build()
}

/// The emulator's process, stopped when dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start() -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                std::env::var_os("HIPPO_REQUIRE_EMULATORS").is_none(),
                "dynoxide is not there; “make dynoxide” installs it."
            );
            eprintln!("SKIPPED: dynoxide is not there; “make dynoxide” installs it.");
            return None;
        };
        // Another process may take the port before the emulator does: then another port.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let child = Command::new(&program)
                .args(["serve", "--log", "quiet", "--port"])
                .arg(address.port().to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut process = Self { child, address };
            if process.answers() {
                return Some(process);
            }
        }
        panic!("The emulator does not start.");
    }

    fn answers(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the project's own tools, or on the path.
fn program() -> Option<PathBuf> {
    let tools = std::env::var_os("TOOLS").map(PathBuf::from);
    let own = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    tools
        .into_iter()
        .chain([own])
        .map(|tools| tools.join("bin"))
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join("dynoxide"))
        .find(|program| program.is_file())
}

/// What was asked of DynamoDB and what it says that it cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent {
    requests: Arc<Mutex<Vec<Request>>>,
}

/// One answered request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// `Query`, `PutItem` …
    pub(crate) operation: String,
    /// Capacity units, of the table and its indexes.
    pub(crate) units: f64,
}

impl Spent {
    /// What was asked since the last time.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

impl Intercept for Spent {
    fn name(&self) -> &'static str {
        "Spent"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = bag.load::<Metadata>().map(Metadata::name);
        let body = context.response().body().bytes().unwrap_or_default();
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let consumed = match &answer["ConsumedCapacity"] {
            serde_json::Value::Array(tables) => tables.clone(),
            one => vec![one.clone()],
        };
        self.requests.lock().unwrap().push(Request {
            operation: operation.unwrap_or_default().to_owned(),
            units: consumed
                .iter()
                .filter_map(|table| table["CapacityUnits"].as_f64())
                .sum(),
        });
        Ok(())
    }
}
