//! `picture-of-the-day`: sends the pictures that are due when a schedule fires.
//!
//! It sends them itself, without a queue (`docs/decisions/pictures-on-aws.md`).

use std::collections::BTreeMap;
use std::sync::Arc;

use hippo_core::clock::Clock;
use hippo_core::jobs::JobError;
use hippo_core::jobs::notify::picture::PictureComposer;
use hippo_core::jobs::notify::run::{NotifyAll, NotifyProgress};
use hippo_core::jobs::notify::send::NotifyPorts;
use hippo_core::jobs::picture_of_the_day::PictureOfTheDay;
use hippo_core::mail::Mailer;
use hippo_core::picture::{PictureFetcher, PictureSource};
use hippo_core::public_url::PublicUrl;
use hippo_core::run::JobName;
use hippo_core::store::Store;
use serde_json::Value;

use crate::handlers::HandlerError;
use crate::handlers::job;
use crate::handlers::notify_family;
use crate::handlers::run_context::RunContext;

/// The handler's dependencies.
pub struct Ports<'a> {
    /// Where the pictures come from. `None`: no run can start.
    pub source: Option<&'a PictureSource>,
    /// Fetches them.
    pub fetcher: Arc<dyn PictureFetcher>,
    /// The families, their mails, the pictures, the runs and the alerts.
    pub store: Arc<dyn Store>,
    /// The mail service.
    pub mailer: &'a dyn Mailer,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The contact for questions in the mail.
    pub operator_contact: Option<&'a str>,
    /// The base URL of the web pages; `None`: mails have no links to them.
    pub public_url: Option<&'a PublicUrl>,
}

/// Sends the pictures that are due. Returns the run, for a person who started it.
pub async fn handle(
    ports: &Ports<'_>,
    context: &RunContext<'_>,
    event: &Value,
) -> Result<Value, HandlerError> {
    let name = JobName::PICTURE_OF_THE_DAY;
    if let Some(answer) = job::handle_control_event(name, context, event).await {
        return answer;
    }
    let Some(source) = ports.source else {
        let reason = "The stack doesn't say where the picture of the day comes from. Set its parameter PictureUrl.";
        return Err(HandlerError::log(JobError::Failed(reason.to_owned())));
    };
    // A composer is for one run, since it keeps what it found.
    let composers = PictureComposer::new(
        source.clone(),
        Arc::clone(&ports.fetcher),
        ports.store.clone(),
        ports.store.clone(),
        Arc::clone(&ports.clock),
    )
    .into_composers();
    let store = &*ports.store;
    let notify_ports = NotifyPorts {
        families: store,
        accounts: store,
        outbox: store,
        alerts: store,
        composers: &composers,
        mailer: ports.mailer,
        clock: &*ports.clock,
        // A picture names no library.
        libraries: &BTreeMap::new(),
        operator_contact: ports.operator_contact,
        public_url: ports.public_url,
    };
    let on_progress = |progress: NotifyProgress<'_>| {
        if let NotifyProgress::Finalised(result) = progress {
            notify_family::publish(context.metrics, &*ports.clock, result);
        }
    };
    let job = PictureOfTheDay(NotifyAll {
        ports: &notify_ports,
        runs: store,
        on_progress: &on_progress,
    });
    job::handle(&job, context, event, None).await
}

#[cfg(test)]
mod tests;
