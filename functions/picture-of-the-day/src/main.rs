//! `picture-of-the-day` on Lambda: sends the pictures that are due when a schedule fires.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hippo_aws::environment::PictureOfTheDay;
use hippo_aws::handlers::run_context::{RunContext, SavedSchedules};
use hippo_aws::handlers::{self, LambdaClock, picture_of_the_day};
use hippo_aws::metrics::Metrics;
use hippo_aws::{clients, ses::SesMailer};
use hippo_browser::{BrowserOptions, HttpPictureFetcher, PrivateAddresses};
use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::run_hooks::RunHooks;
use hippo_core::run::JobName;
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
    let environment: PictureOfTheDay = handlers::init()?;
    let config = clients::load_lambda_config();
    let options = BrowserOptions {
        contact: environment.contact.clone(),
        private_addresses: if environment.allow_loopback {
            PrivateAddresses::LoopbackOnly
        } else {
            PrivateAddresses::Refused
        },
        ..BrowserOptions::default()
    };
    // Reads the certificate authorities on another thread while the store warms up.
    let fetcher = tokio::task::spawn_blocking(move || HttpPictureFetcher::new(&options));
    let runs = format!("RUN#{}#", JobName::PICTURE_OF_THE_DAY);
    let store = clients::warm_store(&config, &environment.common.table, &runs).await;
    let store = Arc::new(store);
    let mailer = SesMailer::new(
        clients::ses_client(&config),
        environment.sender,
        Some(environment.configuration_set),
    );
    let metrics = Metrics::new(environment.common.metrics_namespace);
    let heartbeats = environment.heartbeat.into_iter();
    let context = RunContext {
        harness: Harness {
            longest: LONGEST_RUN,
            ..Harness::new(&*store, &LambdaClock)
        },
        metrics: &metrics,
        schedules: SavedSchedules::new(&environment.schedules, &*store),
        hooks: RunHooks {
            alerts: &*store,
            outbox: &*store,
            notifiers: None,
            heartbeat: Heartbeat {
                client: &HttpHeartbeat,
                urls: heartbeats
                    .map(|url| (JobName::PICTURE_OF_THE_DAY, url))
                    .collect(),
                runs: &*store,
            },
            clock: &LambdaClock,
        },
    };
    let ports = picture_of_the_day::Ports {
        source: environment.source.as_ref(),
        fetcher: Arc::new(fetcher.await??),
        store: store.clone(),
        mailer: &mailer,
        clock: Arc::new(LambdaClock),
        operator_contact: environment.contact.as_deref(),
        public_url: environment.public_url.as_ref(),
    };
    run(service_fn(async |event: LambdaEvent<_>| {
        picture_of_the_day::handle(&ports, &context, &event.payload).await
    }))
    .await
}
