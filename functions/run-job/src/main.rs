//! A job that has no function of its own, on Lambda: runs when a schedule fires.

use std::process::ExitCode;
use std::time::Duration;

use hippo_aws::clients;
use hippo_aws::environment::RunJob;
use hippo_aws::handlers::run_context::{RunContext, SavedSchedules};
use hippo_aws::handlers::{self, LambdaClock, job};
use hippo_aws::metrics::Metrics;
use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::run_hooks::RunHooks;
use hippo_core::jobs::registry::JobPorts;
use hippo_core::run::harness::Harness;
use hippo_heartbeat::HttpHeartbeat;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

/// Lambda ends the function after 15 minutes. The run needs some of them to end on its own.
const LONGEST_RUN: Duration = Duration::from_secs(13 * 60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    handlers::exit_code(start().await)
}

async fn start() -> Result<(), Error> {
    let environment: RunJob = handlers::init()?;
    let name = environment.job;
    let config = clients::load_lambda_config();
    let runs = format!("RUN#{name}#");
    let store = clients::warm_store(&config, &environment.common.table, &runs).await;
    let build = name.entry().build;
    let job = build.map(|build| {
        build(JobPorts {
            store: &store,
            clock: &LambdaClock,
        })
    });
    let job = job.ok_or_else(|| format!("The job {name} has a function of its own."))?;
    let metrics = Metrics::new(environment.common.metrics_namespace);
    let heartbeats = environment.heartbeat.map(|url| (name, url));
    let context = RunContext {
        harness: Harness {
            longest: LONGEST_RUN,
            ..Harness::new(&store, &LambdaClock)
        },
        metrics: &metrics,
        schedules: SavedSchedules::new(&environment.schedules, &store),
        hooks: RunHooks {
            alerts: &store,
            outbox: &store,
            notifiers: None,
            heartbeat: Heartbeat {
                client: &HttpHeartbeat,
                urls: heartbeats.into_iter().collect(),
                runs: &store,
            },
            clock: &LambdaClock,
        },
    };
    run(service_fn(async |event: LambdaEvent<_>| {
        job::handle(&*job, &context, &event.payload, None).await
    }))
    .await
}
