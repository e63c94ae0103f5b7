//! Starts an emulator with the store in a new table, and records its requests.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Credentials, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use hippo_aws::dynamodb::{DynamoDbStore, schema};
use hippo_tests::emulator::Emulator;

const TABLE: &str = "libraryhippo";

/// An emulator with the store in a new table.
pub(crate) struct Fresh {
    pub(crate) store: DynamoDbStore,
    pub(crate) client: Client,
    pub(crate) spent: Spent,
    process: Emulator,
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
        self.process.address()
    }
}

/// Starts an emulator with a new table. `None` if there is no emulator, which is printed.
pub(crate) async fn fresh() -> Option<Fresh> {
    let process = Emulator::start()?;
    let endpoint = process.endpoint();
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

/// A function's configuration, except for endpoint and credentials.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(hippo_aws::clients::https_client())
        .region(Region::new("ca-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
            Credentials::for_tests(),
        ))
        .build()
}

/// Records requests to DynamoDB and their cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent {
    requests: Arc<Mutex<Vec<Request>>>,
}

/// One answered request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// `Query`, `PutItem` …
    pub(crate) operation: String,
    /// Capacity units of the table and its indexes.
    pub(crate) units: f64,
}

impl Spent {
    /// Returns the requests since the last call.
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
