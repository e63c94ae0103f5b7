//! Sends the messages in the background, so that a request takes the same time for every address.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hippo_core::clock::Clock;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::Mailer;
use hippo_core::message::{
    MAX_TRIES, MessageError, MessageOutcome, MessagePorts, MessageRequest, retry_pause,
    send_message,
};
use hippo_core::public_url::PublicUrl;
use hippo_core::queue::{MessageQueue, QueueError};
use hippo_local::sqlite::SqliteStore;
use hippo_web::WebSettings;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

/// How many requests may wait in the queue. The limits of addresses and networks allow far fewer.
const MAX_QUEUED_REQUESTS: usize = 256;

/// How many requests the task may hold at once, with those that wait for another attempt.
const MAX_HELD_REQUESTS: usize = 256;

/// How many mails are sent at the same time.
const MAX_CONCURRENT_SENDS: usize = 4;

/// How long to retry a message that doesn't expire. All pauses together are shorter.
const DEFAULT_RETRY_WINDOW: TimeDelta = TimeDelta::hours(1);

/// How long the last mails may take after a signal.
const FINISH_TIMEOUT: Duration = Duration::from_secs(20);

/// Sends messages in a background task.
pub(super) struct MessageSender {
    queue: Arc<Queue>,
    worker: JoinHandle<()>,
    /// Set to true when the command ends; nothing is retried after that.
    stop: watch::Sender<bool>,
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

impl MessageSender {
    /// Starts the task.
    pub(super) fn start(
        store: Arc<SqliteStore>,
        mailer: Arc<dyn Mailer>,
        clock: Arc<dyn Clock>,
        settings: &WebSettings,
    ) -> Self {
        let (sender, requests) = mpsc::channel(MAX_QUEUED_REQUESTS);
        let (stop, is_stopping) = watch::channel(false);
        let worker = Worker {
            store,
            mailer,
            clock,
            operators: settings.operators.clone(),
            contact: settings.contact.clone(),
            public_url: settings.public_url.clone(),
        };
        let worker = tokio::spawn(async move { worker.run(requests, is_stopping).await });
        Self {
            queue: Arc::new(Queue(Mutex::new(Some(sender)))),
            worker,
            stop,
        }
    }

    /// The queue for the pages.
    pub(super) fn queue(&self) -> Arc<dyn MessageQueue> {
        Arc::<Queue>::clone(&self.queue)
    }

    /// Sends the messages that are still queued, without retries.
    pub(super) async fn finish(self) {
        drop(self.queue.lock().take());
        self.stop.send_replace(true);
        if tokio::time::timeout(FINISH_TIMEOUT, self.worker)
            .await
            .is_err()
        {
            tracing::warn!("Some messages weren't sent, because the command ended.");
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
                reason: "too many emails are waiting".to_owned(),
            }),
        }
    }
}

impl Worker {
    /// Sends what comes, until the queue is closed and nothing is left.
    async fn run(
        self,
        mut requests: mpsc::Receiver<MessageRequest>,
        is_stopping: watch::Receiver<bool>,
    ) {
        let sends = Semaphore::new(MAX_CONCURRENT_SENDS);
        let mut held = FuturesUnordered::new();
        loop {
            tokio::select! {
                request = requests.recv(), if held.len() < MAX_HELD_REQUESTS => match request {
                    Some(request) => {
                        held.push(self.send_with_retries(request, &sends, is_stopping.clone()));
                    }
                    None => break,
                },
                Some(()) = held.next(), if !held.is_empty() => {}
            }
        }
        while held.next().await.is_some() {}
    }

    /// Sends a message, and retries it for as long as that is useful and the command goes on.
    async fn send_with_retries(
        &self,
        request: MessageRequest,
        sends: &Semaphore,
        mut is_stopping: watch::Receiver<bool>,
    ) {
        for attempt in 1..=MAX_TRIES {
            let sent = {
                // Released before the pause, so that a waiting message doesn't hold up others.
                let _permit = sends.acquire().await;
                self.send(&request, attempt).await
            };
            let Some(pause) = sent else { return };
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                _ = is_stopping.wait_for(|is_stopping| *is_stopping) => {
                    tracing::warn!(attempt, "A message wasn't sent, because the command ended.");
                    return;
                }
            }
        }
    }

    /// Makes attempt number `attempt`; returns the pause before the next one, if there is one.
    async fn send(&self, request: &MessageRequest, attempt: usize) -> Option<Duration> {
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
            Ok(MessageOutcome::Sent) => tracing::info!(attempt, "Sent a message."),
            Ok(MessageOutcome::UnknownAddress | MessageOutcome::TooLate) => {
                tracing::info!(
                    "No message was needed: the address is unknown, or the request is too old."
                );
            }
            Ok(MessageOutcome::TooMany) => {
                tracing::warn!("Too many sign-in emails were sent today. We won't send more.");
            }
            // It is in the log already.
            Ok(MessageOutcome::Refused | MessageOutcome::InDoubt) => {}
            Err(error) => {
                let now = self.clock.now();
                let pause = match &error {
                    MessageError::TryAgain { until, .. } => retry_pause(attempt, now, *until),
                    MessageError::Store(_) | MessageError::NotSent(_) => {
                        retry_pause(attempt, now, now + DEFAULT_RETRY_WINDOW)
                    }
                    _ => None,
                };
                match pause {
                    Some(pause) => {
                        let seconds = pause.as_secs();
                        tracing::warn!(%error, attempt, seconds, "A message wasn't sent. We'll try again.");
                    }
                    None => tracing::error!(%error, attempt, "A message wasn't sent."),
                }
                return pause;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
