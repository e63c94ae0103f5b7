//! `check-cards` on Lambda: enqueues visits when a schedule fires.

use std::process::ExitCode;

use hippo_aws::environment::CheckCards;
use hippo_aws::handlers::run_context::{RunContext, SavedSchedules};
use hippo_aws::handlers::{self, LambdaClock, check_cards};
use hippo_aws::metrics::Metrics;
use hippo_aws::{clients, queue::SqsVisitQueue};
use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::run_hooks::RunHooks;
use hippo_core::jobs::check_cards::enqueue::EnqueueVisitsPorts;
use hippo_core::run::JobName;
use hippo_core::run::harness::Harness;
use hippo_heartbeat::HttpHeartbeat;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    handlers::exit_code(start().await)
}

async fn start() -> Result<(), Error> {
    let environment: CheckCards = handlers::init()?;
    let config = clients::load_lambda_config();
    let store = clients::warm_store(&config, &environment.common.table, "RUN#check-cards#").await;
    let queue = SqsVisitQueue::new(clients::sqs_client(&config), environment.visit_queue_url);
    let metrics = Metrics::new(environment.common.metrics_namespace);
    let hooks = RunHooks {
        alerts: &store,
        outbox: &store,
        notifiers: None,
        heartbeat: Heartbeat {
            client: &HttpHeartbeat,
            urls: environment
                .heartbeat
                .map(|url| (JobName::CHECK_CARDS, url))
                .into_iter()
                .collect(),
            runs: &store,
        },
        clock: &LambdaClock,
    };
    let context = RunContext {
        harness: Harness::new(&store, &LambdaClock),
        metrics: &metrics,
        schedules: SavedSchedules::new(&environment.schedules, &store),
        hooks,
    };
    let ports = EnqueueVisitsPorts {
        cards: &store,
        queue: &queue,
    };
    run(service_fn(async |event: LambdaEvent<_>| {
        check_cards::handle(&ports, &context, &event.payload).await
    }))
    .await
}
