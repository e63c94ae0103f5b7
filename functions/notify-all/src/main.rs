//! `notify-all` on Lambda: enqueues the notices that are due when a schedule fires.

use std::process::ExitCode;

use hippo_aws::environment::NotifyAll;
use hippo_aws::handlers::alerts::CountUndelivered;
use hippo_aws::handlers::run_context::{RunContext, SavedSchedules};
use hippo_aws::handlers::{self, LambdaClock, notify_all};
use hippo_aws::metrics::Metrics;
use hippo_aws::queue::SqsMailQueue;
use hippo_aws::ses::SesMailer;
use hippo_aws::{clients, schedules};
use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::notifier::{LogNotifier, MailNotifier, Notifier, Notifiers};
use hippo_core::alerts::run_hooks::RunHooks;
use hippo_core::jobs::notify::enqueue::EnqueueNoticesPorts;
use hippo_core::outbox::MailKind;
use hippo_core::run::JobName;
use hippo_core::run::harness::Harness;
use hippo_heartbeat::HttpHeartbeat;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    handlers::exit_code(start().await)
}

async fn start() -> Result<(), Error> {
    let environment: NotifyAll = handlers::init()?;
    let config = clients::load_lambda_config();
    let store = clients::warm_store(&config, &environment.common.table, "FAMILY#").await;
    let queue = SqsMailQueue::new(clients::sqs_client(&config), environment.notice_queue_url);
    let metrics = Metrics::new(environment.common.metrics_namespace);
    let mailer = environment.operator.map(|operator| {
        let set = Some(operator.configuration_set);
        let mailer = SesMailer::new(clients::ses_client(&config), operator.sender, set);
        (operator.address, mailer, operator.public_url)
    });
    let mail = mailer
        .as_ref()
        .map(|(address, mailer, public_url)| MailNotifier {
            mailer,
            address: address.clone(),
            clock: &LambdaClock,
            help: None,
            public_url: public_url.as_ref(),
        });
    let default = CountUndelivered {
        notifier: mail
            .as_ref()
            .map_or(&LogNotifier, |mail| mail as &dyn Notifier),
        metrics: &metrics,
        clock: &LambdaClock,
    };
    let hooks = RunHooks {
        alerts: &store,
        outbox: &store,
        notifiers: Some(Notifiers {
            by_label: schedules::labels_that_log_failures()
                .into_iter()
                .map(|label| (label, Some(&LogNotifier as &dyn Notifier)))
                .collect(),
            ..Notifiers::all(&default)
        }),
        heartbeat: Heartbeat {
            client: &HttpHeartbeat,
            urls: environment
                .heartbeat
                .map(|url| (JobName::NOTIFY_ALL, url))
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
    let ports = EnqueueNoticesPorts {
        families: &store,
        outbox: &store,
        kinds: MailKind::OF_NOTIFY_ALL,
        alerts: &store,
        runs: &store,
        queue: &queue,
        clock: &LambdaClock,
    };
    run(service_fn(async |event: LambdaEvent<_>| {
        notify_all::handle(&ports, &context, &event.payload).await
    }))
    .await
}
