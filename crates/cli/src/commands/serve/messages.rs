//! Sends the messages beside the pages, so that a request takes the same time for every address.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hippo_core::clock::Clock;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::Mailer;
use hippo_core::message::{MessageOutcome, MessagePorts, MessageRequest, send_message};
use hippo_core::public_url::PublicUrl;
use hippo_core::queue::{MessageQueue, QueueError};
use hippo_local::sqlite::SqliteStore;
use hippo_web::WebSettings;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The most requests that wait. The limits of addresses and networks allow far fewer.
const MAX_WAITING: usize = 256;

/// How long the last mails may take after a signal.
const FINISH_TIMEOUT: Duration = Duration::from_secs(20);

/// The task that sends the mails.
pub(super) struct Messages {
    queue: Arc<Queue>,
    worker: JoinHandle<()>,
}

/// The requests that wait. The sender is taken out at the end.
struct Queue(Mutex<Option<mpsc::Sender<MessageRequest>>>);

/// What the task needs.
struct Worker {
    store: Arc<SqliteStore>,
    mailer: Arc<dyn Mailer>,
    clock: Arc<dyn Clock>,
    operators: Vec<EmailAddress>,
    contact: Option<String>,
    public_url: PublicUrl,
}

impl Messages {
    /// Starts the task.
    pub(super) fn start(
        store: Arc<SqliteStore>,
        mailer: Arc<dyn Mailer>,
        clock: Arc<dyn Clock>,
        settings: &WebSettings,
    ) -> Self {
        let (sender, mut requests) = mpsc::channel(MAX_WAITING);
        let worker = Worker {
            store,
            mailer,
            clock,
            operators: settings.operators.clone(),
            contact: settings.contact.clone(),
            public_url: settings.public_url.clone(),
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
    pub(super) fn queue(&self) -> Arc<dyn MessageQueue> {
        Arc::<Queue>::clone(&self.queue)
    }

    /// Sends the mails that still wait.
    pub(super) async fn finish(self) {
        drop(self.queue.lock().take());
        if tokio::time::timeout(FINISH_TIMEOUT, self.worker)
            .await
            .is_err()
        {
            tracing::warn!("Some messages were not sent, because the command ended.");
        }
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<MessageRequest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MessageQueue for Queue {
    async fn send(&self, request: MessageRequest) -> Result<(), QueueError> {
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
    async fn send(&self, request: &MessageRequest) {
        let ports = MessagePorts {
            sign_ins: &*self.store,
            families: &*self.store,
            cards: &*self.store,
            libraries: &*self.store,
            invitations: &*self.store,
            alerts: &*self.store,
            mailer: &*self.mailer,
            clock: &*self.clock,
            operators: &self.operators,
            public_url: &self.public_url,
            operator_contact: self.contact.as_deref(),
        };
        match send_message(&ports, request).await {
            Ok(MessageOutcome::Sent) => tracing::info!("Sent a message."),
            Ok(MessageOutcome::UnknownAddress | MessageOutcome::TooLate) => {
                tracing::info!("A request for a message needed none.");
            }
            Ok(MessageOutcome::TooMany) => {
                tracing::warn!("Too many sign-in emails were sent today. No more are.");
            }
            // It is in the log already.
            Ok(MessageOutcome::Refused) => {}
            Err(error) => tracing::error!(%error, "A message was not sent."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::alerts::Alert;
    use hippo_core::mail::{Mail, MailAnswer};
    use hippo_core::message::SignInRequest;
    use hippo_core::sign_in::limit::take_permit;
    use hippo_core::sign_in::{RateKey, SignInAttempt, TOTAL_LIMITS, Token};
    use hippo_core::store::{AlertStore as _, SignInStore as _};

    use crate::context::clock;

    struct NoMailer;

    #[async_trait]
    impl Mailer for NoMailer {
        async fn send(&self, _: &Mail) -> MailAnswer {
            panic!("a mail was sent")
        }
    }

    #[tokio::test]
    async fn operator_is_told_once_when_too_many_sign_in_mails_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open_or_create(&folder.path().join("hippo.db")).unwrap();
        let clock: Arc<dyn Clock> = clock().unwrap();
        let now = clock.now();
        let total = RateKey::total();
        for _ in 0..100 {
            let permit = take_permit(&store, &total, &TOTAL_LIMITS, now);
            assert!(permit.await.unwrap());
        }
        let attempt = SignInAttempt::begin(&Token::generate().unwrap(), now);
        store.add_attempt(&attempt).await.unwrap();
        let worker = Worker {
            store: Arc::new(store),
            mailer: Arc::new(NoMailer),
            clock,
            operators: vec!["operator@example.org".parse().unwrap()],
            contact: None,
            public_url: "https://hippo.example.org".parse().unwrap(),
        };
        let request = MessageRequest::SignIn(SignInRequest {
            attempt: attempt.id,
            address: "operator@example.org".parse().unwrap(),
        });
        for _ in 0..2 {
            worker.send(&request).await;
        }
        let alerts = worker.store.recent_alerts(10).await.unwrap();
        assert_eq!(alerts.len(), 1);
        assert!(matches!(alerts[0].alert, Alert::ManySignIns { .. }));
    }
}
