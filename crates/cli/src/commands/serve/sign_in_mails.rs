//! Sends the sign-in mails beside the pages, so that a request takes the same time for every address.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hippo_core::clock::Clock;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::Mailer;
use hippo_core::queue::{QueueError, SignInMailQueue};
use hippo_core::sign_in::mail::{
    SignInMailOutcome, SignInMailPorts, SignInRequest, send_sign_in_mail,
};
use hippo_local::sqlite::SqliteStore;
use hippo_web::WebSettings;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The most requests that wait. The limits of addresses and networks allow far fewer.
const MAX_WAITING: usize = 256;

/// How long the last mails may take after a signal.
const FINISH_TIMEOUT: Duration = Duration::from_secs(20);

/// The task that sends the mails.
pub(super) struct SignInMails {
    queue: Arc<Queue>,
    worker: JoinHandle<()>,
}

/// The requests that wait. The sender is taken out at the end.
struct Queue(Mutex<Option<mpsc::Sender<SignInRequest>>>);

/// What the task needs.
struct Worker {
    store: Arc<SqliteStore>,
    mailer: Arc<dyn Mailer>,
    clock: Arc<dyn Clock>,
    operators: Vec<EmailAddress>,
    contact: Option<String>,
    link_page: String,
}

impl SignInMails {
    /// Starts the task.
    pub(super) fn start(
        store: Arc<SqliteStore>,
        mailer: Arc<dyn Mailer>,
        clock: Arc<dyn Clock>,
        settings: &WebSettings,
        link_page: String,
    ) -> Self {
        let (sender, mut requests) = mpsc::channel(MAX_WAITING);
        let worker = Worker {
            store,
            mailer,
            clock,
            operators: settings.operators.clone(),
            contact: settings.contact.clone(),
            link_page,
        };
        let worker = tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                worker.send(&request).await;
            }
        });
        Self {
            queue: Arc::new(Queue(Mutex::new(Some(sender)))),
            worker,
        }
    }

    /// The queue for the pages.
    pub(super) fn queue(&self) -> Arc<dyn SignInMailQueue> {
        Arc::<Queue>::clone(&self.queue)
    }

    /// Sends the mails that still wait.
    pub(super) async fn finish(self) {
        drop(self.queue.lock().take());
        if tokio::time::timeout(FINISH_TIMEOUT, self.worker)
            .await
            .is_err()
        {
            tracing::warn!("Some sign-in emails were not sent, because the command ended.");
        }
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<SignInRequest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SignInMailQueue for Queue {
    async fn send(&self, request: SignInRequest) -> Result<(), QueueError> {
        let sent = match &*self.lock() {
            Some(sender) => sender.try_send(request).is_ok(),
            None => false,
        };
        match sent {
            true => Ok(()),
            false => Err(QueueError {
                unsent: 1,
                asked: 1,
                reason: "too many emails wait".to_owned(),
            }),
        }
    }
}

impl Worker {
    async fn send(&self, request: &SignInRequest) {
        let ports = SignInMailPorts {
            sign_ins: &*self.store,
            families: &*self.store,
            mailer: &*self.mailer,
            clock: &*self.clock,
            operators: &self.operators,
            link_page: &self.link_page,
            operator_contact: self.contact.as_deref(),
        };
        match send_sign_in_mail(&ports, request).await {
            Ok(SignInMailOutcome::Sent) => tracing::info!("Sent a sign-in email."),
            Ok(SignInMailOutcome::UnknownAddress | SignInMailOutcome::TooLate) => {
                tracing::info!("A request for a sign-in email needed none.");
            }
            Err(error) => tracing::error!(%error, "A sign-in email was not sent."),
        }
    }
}
