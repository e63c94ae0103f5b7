//! `notify-all` on Lambda: a schedule fires, and a message a family that is due goes to the queue.

use std::process::ExitCode;

use hippo_aws::environment::NotifyAll;
use hippo_aws::handlers::{self, LambdaClock, notify_all};
use hippo_aws::metrics::Metrics;
use hippo_aws::{clients, queue::SqsNoticeQueue};
use hippo_core::jobs::hand_out_notices::HandOutNoticesPorts;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    handlers::end(start().await)
}

async fn start() -> Result<(), Error> {
    let environment: NotifyAll = handlers::begin()?;
    let config = clients::of_lambda();
    let store = clients::warm_store(&config, &environment.common.table, "FAMILY#").await;
    let queue = SqsNoticeQueue::new(clients::sqs(&config), environment.notice_queue_url);
    let metrics = Metrics::new(environment.common.metrics_namespace);
    let ports = HandOutNoticesPorts {
        families: &store,
        notices: &store,
        runs: &store,
        queue: &queue,
        clock: &LambdaClock,
    };
    run(service_fn(async |event: LambdaEvent<_>| {
        notify_all::handle(&ports, &metrics, &event.payload).await
    }))
    .await
}
