//! `check-card` on Lambda: checks the cards of a visit and saves the results.

use std::process::ExitCode;

use hippo_aws::environment::CheckCard;
use hippo_aws::handlers::{self, LambdaClock, check_card};
use hippo_aws::metrics::Metrics;
use hippo_aws::{
    clients,
    queue::FifoConcurrencyLimit,
    ssm::{KeyParameter, SsmClient},
};
use hippo_browser::{BrowserOptions, PrivateAddresses};
use hippo_core::jobs::check_cards::{key_cache::KeyCache, visit::VisitPorts};
use hippo_systems::Sites;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    handlers::exit_code(start().await)
}

async fn start() -> Result<(), Error> {
    let environment: CheckCard = handlers::init()?;
    let config = clients::load_lambda_config();
    // Reads the certificate authorities on another thread while the store warms up.
    let site = tokio::task::spawn_blocking(move || {
        Sites::new(BrowserOptions {
            contact: environment.contact,
            private_addresses: if environment.allow_loopback_libraries {
                PrivateAddresses::LoopbackOnly
            } else {
                PrivateAddresses::Refused
            },
            ..BrowserOptions::default()
        })
    });
    let store = clients::warm_store(&config, &environment.common.table, "FAMILY#").await;
    let parameter = KeyParameter::new(SsmClient::new(&config), environment.key_parameter);
    let site = site.await??;
    let metrics = Metrics::new(environment.common.metrics_namespace);
    let ports = check_card::Ports {
        visit_ports: VisitPorts {
            visits: &store,
            libraries: &store,
            checks: &store,
            keys: &KeyCache::new(&parameter),
            site: &site,
            concurrency_limit: &FifoConcurrencyLimit,
            clock: &LambdaClock,
        },
        runs: &store,
        alerts: &store,
        cards: &store,
    };
    run(service_fn(async |event: LambdaEvent<_>| {
        let ends_at = handlers::deadline(&event.context);
        check_card::handle(&ports, environment.pace, &metrics, event.payload, ends_at).await
    }))
    .await
}
