//! `web` on Lambda: serves the web pages behind an HTTP API.

mod event;
mod http_api;
mod jobs;

use std::process::ExitCode;
use std::sync::Arc;

use hippo_aws::clients;
use hippo_aws::environment::{Oidc, Web};
use hippo_aws::handlers::{self, LambdaClock};
use hippo_aws::queue::SqsMessageQueue;
use hippo_aws::ssm::{ClientSecretParameter, SealingKeyParameters, SsmClient};
use hippo_aws::start_jobs::JobStarter;
use hippo_core::sign_in::IdentityProvider;
use hippo_oidc::{OidcProvider, OidcSettings, REQUEST_TIMEOUT};
use hippo_web::{WebPorts, WebSettings, router};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

/// Who the console's changes are recorded as.
const OPERATOR_NAME: &str = "the console";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    handlers::exit_code(start().await)
}

async fn start() -> Result<(), Error> {
    let environment: Web = handlers::init()?;
    let config = clients::load_lambda_config();
    let store = clients::warm_store(&config, &environment.common.table, "SESSION#").await;
    let store = Arc::new(store);
    let queue = SqsMessageQueue::new(clients::sqs_client(&config), environment.notice_queue_url);
    let clock = Arc::new(LambdaClock);
    let starter = JobStarter::new(
        &config,
        environment.functions,
        store.clone(),
        store.clone(),
        clock.clone(),
    );
    let ssm = SsmClient::new(&config);
    let ports = WebPorts {
        store: store.clone(),
        messages: Arc::new(queue),
        jobs: Some(Arc::new(jobs::Functions(starter))),
        keys: Arc::new(SealingKeyParameters::new(
            ssm.clone(),
            environment.public_key_parameter,
            environment.fingerprint_key_parameter,
        )),
        identity_provider: environment.oidc.map(|oidc| {
            let secret = ClientSecretParameter::new(ssm, oidc.secret_parameter.clone());
            identity_provider(oidc, secret)
        }),
        clock,
        settings: Arc::new(WebSettings {
            public_url: environment.public_url,
            operators: environment.operators,
            contact: environment.contact,
            timezone: environment.timezone,
            operator_name: OPERATOR_NAME.to_owned(),
        }),
    };
    let pages = router(ports);
    run(service_fn(async |event: LambdaEvent<_>| {
        event::handle(event, &pages, &*store).await
    }))
    .await
}

/// Sets up the identity provider. It is asked for nothing before somebody signs in with it.
fn identity_provider(oidc: Oidc, secret: ClientSecretParameter) -> Arc<dyn IdentityProvider> {
    let settings = OidcSettings {
        name: oidc.name,
        issuer: oidc.issuer,
        client_id: oidc.client_id,
        timeout: REQUEST_TIMEOUT,
    };
    Arc::new(OidcProvider::new(settings, Arc::new(secret)))
}
