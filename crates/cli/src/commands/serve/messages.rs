//! Sends the messages in the background, so that a request takes the same time for every address.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hippo_core::alerts::{Alert, raise_alerts};
use hippo_core::clock::Clock;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::Mailer;
use hippo_core::message::{
    MAX_TRIES, MessageError, MessageOutcome, MessagePorts, MessageRequest, retry_pause,
    send_message,
};
use hippo_core::public_url::PublicUrl;
use hippo_core::queue::{MessageQueue, QueueError};
use hippo_core::store::StoreResult;
use hippo_local::sqlite::{SqliteStore, WaitingMessage};
use hippo_web::WebSettings;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// How many requests may wait in the queue. The limits of addresses and networks allow far fewer.
const MAX_QUEUED_REQUESTS: usize = 256;

/// How many requests the task may hold at once, with those that wait for another attempt.
const MAX_HELD_REQUESTS: usize = 256;

/// How many mails are sent at the same time.
const MAX_CONCURRENT_SENDS: usize = 4;

/// How long to retry a message that doesn't expire, at first. All pauses together are shorter.
const DEFAULT_RETRY_WINDOW: TimeDelta = TimeDelta::hours(1);

/// The pause between the later attempts to send a message that is in the store.
const STORED_RETRY_PAUSE: Duration = Duration::from_secs(60 * 60);

/// How long to retry a message that is in the store.
const STORED_RETRY_WINDOW: TimeDelta = TimeDelta::days(2);

/// How often a message that is in the store is tried, if the command goes on.
const MAX_STORED_TRIES: usize = MAX_TRIES + 48;

/// A message that is older when the command starts is no longer of use.
const STORED_LIFETIME: TimeDelta = TimeDelta::days(7);

/// How long the last mails may take after a signal.
const FINISH_TIMEOUT: Duration = Duration::from_secs(20);

/// Sends messages in a background task.
pub(super) struct MessageSender {
    queue: Arc<Queue>,
    worker: JoinHandle<()>,
    /// Set to true when the command ends; nothing is retried after that.
    stop: watch::Sender<bool>,
}

/// Takes the requests of the pages. The sender is taken out at the end.
struct Queue {
    sender: Mutex<Option<mpsc::Sender<Held>>>,
    store: Arc<SqliteStore>,
    clock: Arc<dyn Clock>,
}

/// A request that the task holds.
struct Held {
    request: MessageRequest,
    /// Its row in the store, and since when. `None` for an email that signs somebody in: the person waits for
    /// it, and asks again.
    stored: Option<(Uuid, DateTime<Utc>)>,
}

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
        let queue = Queue {
            sender: Mutex::new(Some(sender)),
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
        };
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
            queue: Arc::new(queue),
            worker,
            stop,
        }
    }

    /// The queue for the pages.
    pub(super) fn queue(&self) -> Arc<dyn MessageQueue> {
        Arc::<Queue>::clone(&self.queue)
    }

    /// Sends the messages that are still queued, without retries. Those that wait for another attempt stay in the
    /// store.
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
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<Held>>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a request, unless it signs somebody in.
    async fn store(&self, request: &MessageRequest) -> StoreResult<Option<(Uuid, DateTime<Utc>)>> {
        if matches!(request, MessageRequest::SignIn(_)) {
            return Ok(None);
        }
        let message = WaitingMessage {
            id: Uuid::new_v4(),
            since: self.clock.now(),
            request: request.clone(),
        };
        self.store.add_message(&message).await?;
        Ok(Some((message.id, message.since)))
    }
}

#[async_trait]
impl MessageQueue for Queue {
    async fn send(&self, request: MessageRequest) -> Result<(), QueueError> {
        let refuse = |reason: String| QueueError {
            unsent: 1,
            asked: 1,
            reason,
        };
        let sender = self.lock().clone();
        let room = sender.and_then(|sender| sender.try_reserve_owned().ok());
        let room = room.ok_or_else(|| refuse("too many emails are waiting".to_owned()))?;
        let stored = self.store(&request).await;
        let stored = stored.map_err(|error| refuse(error.to_string()))?;
        drop(room.send(Held { request, stored }));
        Ok(())
    }
}

impl Worker {
    /// Sends what comes, until the queue is closed and nothing is left.
    async fn run(self, mut requests: mpsc::Receiver<Held>, is_stopping: watch::Receiver<bool>) {
        let sends = Semaphore::new(MAX_CONCURRENT_SENDS);
        let mut held = FuturesUnordered::new();
        for message in self.load_waiting().await {
            held.push(self.send_with_retries(message, &sends, is_stopping.clone()));
        }
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

    /// The messages that the command didn't send before it ended the last time.
    async fn load_waiting(&self) -> Vec<Held> {
        let waiting = match self.store.waiting_messages().await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%error, "The messages that wait can't be read.");
                return Vec::new();
            }
        };
        let mut held = Vec::with_capacity(waiting.len());
        for WaitingMessage { id, since, request } in waiting {
            if self.clock.now() - since > STORED_LIFETIME {
                tracing::warn!("A message is too old to be sent.");
                self.tell_operator().await;
                self.forget(id).await;
            } else {
                let stored = Some((id, since));
                held.push(Held { request, stored });
            }
        }
        held
    }

    /// Raises the alert about a message that is given up.
    async fn tell_operator(&self) {
        let now = self.clock.now();
        let day = now.date_naive();
        let raised = raise_alerts(&*self.store, &[Alert::MessageGivenUp { day }], now).await;
        if let Err(error) = raised {
            tracing::error!(%error, "The alert about a message that was given up can't be stored.");
        }
    }

    /// Removes a message from the store.
    async fn forget(&self, id: Uuid) {
        if let Err(error) = self.store.remove_message(id).await {
            tracing::error!(%error, "A message stays in the store, so the next start sends it again.");
        }
    }

    /// Sends a message, and retries it for as long as that is useful and the command goes on.
    async fn send_with_retries(
        &self,
        held: Held,
        sends: &Semaphore,
        mut is_stopping: watch::Receiver<bool>,
    ) {
        for attempt in 1.. {
            let sent = {
                // Released before the pause, so that a waiting message doesn't hold up others.
                let _permit = sends.acquire().await;
                self.send(&held, attempt).await
            };
            let Some(pause) = sent else { break };
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                _ = is_stopping.wait_for(|is_stopping| *is_stopping) => {
                    match held.stored {
                        Some(_) => tracing::warn!(attempt, "A message wasn't sent. The next start tries it again."),
                        None => tracing::warn!(attempt, "A message wasn't sent, because the command ended."),
                    }
                    return;
                }
            }
        }
        if let Some((id, _)) = held.stored {
            self.forget(id).await;
        }
    }

    /// The pause before the next attempt to send a message that isn't for signing in, if there is one.
    fn pause(&self, held: &Held, attempt: usize) -> Option<Duration> {
        let now = self.clock.now();
        let soon = retry_pause(attempt, now, now + DEFAULT_RETRY_WINDOW);
        soon.or_else(|| {
            let (_, since) = held.stored?;
            let is_useful = attempt < MAX_STORED_TRIES && now - since < STORED_RETRY_WINDOW;
            is_useful.then_some(STORED_RETRY_PAUSE)
        })
    }

    /// Makes attempt number `attempt`; returns the pause before the next one, if there is one.
    async fn send(&self, held: &Held, attempt: usize) -> Option<Duration> {
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
        match send_message(&ports, &held.request).await {
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
                let pause = match &error {
                    MessageError::TryAgain { until, .. } => {
                        retry_pause(attempt, self.clock.now(), *until)
                    }
                    MessageError::Store(_) | MessageError::NotSent(_) => self.pause(held, attempt),
                    _ => None,
                };
                match pause {
                    Some(pause) => {
                        let seconds = pause.as_secs();
                        tracing::warn!(%error, attempt, seconds, "A message wasn't sent. We'll try again.");
                    }
                    None => {
                        tracing::error!(%error, attempt, "A message wasn't sent.");
                        if held.stored.is_some() {
                            self.tell_operator().await;
                        }
                    }
                }
                return pause;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
