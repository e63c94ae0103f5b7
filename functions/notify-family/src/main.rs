//! `notify-family` on Lambda: sends the notice of each message, once, and the messages of the web pages.

use std::process::ExitCode;

use hippo_aws::environment::NotifyFamily;
use hippo_aws::handlers::{self, LambdaClock, notify_family};
use hippo_aws::metrics::Metrics;
use hippo_aws::redelivery::SqsRedelivery;
use hippo_aws::{clients, ses::SesMailer};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    handlers::exit_code(start().await)
}

async fn start() -> Result<(), Error> {
    let environment: NotifyFamily = handlers::init()?;
    let config = clients::load_lambda_config();
    let store = clients::warm_store(&config, &environment.common.table, "FAMILY#").await;
    let mailer = SesMailer::new(
        clients::ses_client(&config),
        environment.sender,
        Some(environment.configuration_set),
    );
    let metrics = Metrics::new(environment.common.metrics_namespace);
    let redelivery = SqsRedelivery::new(clients::sqs_client(&config), environment.notice_queue_url);
    let ports = notify_family::Ports {
        families: &store,
        accounts: &store,
        outbox: &store,
        libraries: &store,
        mailer: &mailer,
        runs: &store,
        alerts: &store,
        clock: &LambdaClock,
        operator_contact: environment.contact.as_deref(),
        pages: environment
            .public_url
            .as_ref()
            .map(|public_url| notify_family::PageMessages {
                sign_ins: &store,
                cards: &store,
                invitations: &store,
                operators: &environment.operators,
                public_url,
                redelivery: &redelivery,
            }),
    };
    run(service_fn(async |event: LambdaEvent<_>| {
        notify_family::handle(&ports, &metrics, event.payload).await
    }))
    .await
}
