//! `mail-events` on Lambda: finalises notices by what SES reports about their mails.

use std::process::ExitCode;

use hippo_aws::clients;
use hippo_aws::environment::MailEvents;
use hippo_aws::handlers::{self, LambdaClock, mail_events};
use hippo_aws::metrics::Metrics;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    handlers::exit_code(start().await)
}

async fn start() -> Result<(), Error> {
    let environment: MailEvents = handlers::init()?;
    let config = clients::load_lambda_config();
    let store = clients::warm_store(&config, &environment.common.table, "FAMILY#").await;
    let metrics = Metrics::new(environment.common.metrics_namespace);
    let ports = mail_events::Ports {
        families: &store,
        outbox: &store,
        alerts: &store,
        clock: &LambdaClock,
    };
    run(service_fn(async |event: LambdaEvent<_>| {
        mail_events::handle(&ports, &metrics, &event.payload).await
    }))
    .await
}
