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

/// The most requests that wait. The limits of addresses and networks allow far fewer.
const MAX_WAITING: usize = 256;

/// The most requests that the task holds at once, with those that wait for another try.
const MAX_HELD_REQUESTS: usize = 256;

/// How many mails are sent at the same time.
const MAX_CONCURRENT_SENDS: usize = 4;

/// How long a message without an end of its own is tried again. Its tries end sooner.
const OTHERS_RETRY_WINDOW: TimeDelta = TimeDelta::hours(1);

/// How long the last mails may take after a signal.
const FINISH_TIMEOUT: Duration = Duration::from_secs(20);

/// The task that sends the mails.
pub(super) struct Messages {
    queue: Arc<Queue>,
    worker: JoinHandle<()>,
    /// Becomes true at the end: nothing is tried again then.
    ends: watch::Sender<bool>,
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
        let (sender, requests) = mpsc::channel(MAX_WAITING);
        let (ends, is_ending) = watch::channel(false);
        let worker = Worker {
            store,
            mailer,
            clock,
            operators: settings.operators.clone(),
            contact: settings.contact.clone(),
            public_url: settings.public_url.clone(),
        };
        let worker = tokio::spawn(async move { worker.run(requests, is_ending).await });
        Self {
            queue: Arc::new(Queue(Mutex::new(Some(sender)))),
            worker,
            ends,
        }
    }

    /// The queue for the pages.
    pub(super) fn queue(&self) -> Arc<dyn MessageQueue> {
        Arc::<Queue>::clone(&self.queue)
    }

    /// Sends the mails that weren't tried yet.
    pub(super) async fn finish(self) {
        drop(self.queue.lock().take());
        self.ends.send_replace(true);
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
                reason: "too many emails wait".to_owned(),
            }),
        }
    }
}

impl Worker {
    /// Sends what comes, until the queue is closed and nothing is left.
    async fn run(
        self,
        mut requests: mpsc::Receiver<MessageRequest>,
        is_ending: watch::Receiver<bool>,
    ) {
        let sends = Semaphore::new(MAX_CONCURRENT_SENDS);
        let mut held = FuturesUnordered::new();
        loop {
            tokio::select! {
                request = requests.recv(), if held.len() < MAX_HELD_REQUESTS => match request {
                    Some(request) => {
                        held.push(self.send_in_time(request, &sends, is_ending.clone()));
                    }
                    None => break,
                },
                Some(()) = held.next(), if !held.is_empty() => {}
            }
        }
        while held.next().await.is_some() {}
    }

    /// Sends a message, and tries it again for as long as that is useful and the command goes on.
    async fn send_in_time(
        &self,
        request: MessageRequest,
        sends: &Semaphore,
        mut is_ending: watch::Receiver<bool>,
    ) {
        for tries in 1..=MAX_TRIES {
            let sent = {
                // While a message waits for its next try, it holds up no other.
                let _permit = sends.acquire().await;
                self.send(&request, tries).await
            };
            let Some(pause) = sent else { return };
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                _ = is_ending.wait_for(|is_ending| *is_ending) => {
                    tracing::warn!(tries, "A message wasn't sent, because the command ended.");
                    return;
                }
            }
        }
    }

    /// Tries a message for the time that `tries` says; returns the pause before the next try, if there is one.
    async fn send(&self, request: &MessageRequest, tries: usize) -> Option<Duration> {
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
            Ok(MessageOutcome::Sent) => tracing::info!(tries, "Sent a message."),
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
                    MessageError::TryAgain { until, .. } => retry_pause(tries, now, *until),
                    MessageError::Store(_) | MessageError::NotSent(_) => {
                        retry_pause(tries, now, now + OTHERS_RETRY_WINDOW)
                    }
                    _ => None,
                };
                match pause {
                    Some(pause) => {
                        let seconds = pause.as_secs();
                        tracing::warn!(%error, tries, seconds, "A message wasn't sent. We'll try again.");
                    }
                    None => tracing::error!(%error, tries, "A message wasn't sent."),
                }
                return pause;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
