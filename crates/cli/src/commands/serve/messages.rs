//! Sends the messages in the background, so that a request takes the same time for every address.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
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
use hippo_core::store::StoreResult;
use hippo_local::sqlite::{SqliteStore, WaitingMessage};
use hippo_web::WebSettings;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The most requests that wait. The limits of addresses and networks allow far fewer.
const MAX_WAITING: usize = 256;

/// The most requests that the task holds at once, with those that wait for another try.
const MAX_HELD_REQUESTS: usize = 256;

/// How many mails are sent at the same time.
const MAX_CONCURRENT_SENDS: usize = 4;

/// How long a message without an end of its own is soon tried again. Those tries end sooner.
const OTHERS_RETRY_WINDOW: TimeDelta = TimeDelta::hours(1);

/// The pause between the later tries of a message that is in the store.
const STORED_RETRY_PAUSE: Duration = Duration::from_secs(60 * 60);

/// How long a message that is in the store is tried again.
const STORED_RETRY_WINDOW: TimeDelta = TimeDelta::days(2);

/// The most tries of a message that is in the store, before the command ends.
const MAX_STORED_TRIES: usize = MAX_TRIES + 48;

/// A message that is older than this when the command starts tells nobody anything.
const STORED_LIFETIME: TimeDelta = TimeDelta::days(7);

/// How long the last mails may take after a signal.
const FINISH_TIMEOUT: Duration = Duration::from_secs(20);

/// The task that sends the mails.
pub(super) struct Messages {
    queue: Arc<Queue>,
    worker: JoinHandle<()>,
    /// Becomes true at the end: nothing is tried again then.
    ends: watch::Sender<bool>,
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
        let worker = tokio::spawn(async move { worker.run(requests, is_ending).await });
        Self {
            queue: Arc::new(queue),
            worker,
            ends,
        }
    }

    /// The queue for the pages.
    pub(super) fn queue(&self) -> Arc<dyn MessageQueue> {
        Arc::<Queue>::clone(&self.queue)
    }

    /// Sends the mails that weren't tried yet. Those that wait for another try stay in the store.
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
        let room = room.ok_or_else(|| refuse("too many emails wait".to_owned()))?;
        let stored = self.store(&request).await;
        let stored = stored.map_err(|error| refuse(error.to_string()))?;
        drop(room.send(Held { request, stored }));
        Ok(())
    }
}

impl Worker {
    /// Sends what comes, until the queue is closed and nothing is left.
    async fn run(self, mut requests: mpsc::Receiver<Held>, is_ending: watch::Receiver<bool>) {
        let sends = Semaphore::new(MAX_CONCURRENT_SENDS);
        let mut held = FuturesUnordered::new();
        for message in self.load_waiting().await {
            held.push(self.send_in_time(message, &sends, is_ending.clone()));
        }
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
                self.forget(id).await;
            } else {
                let stored = Some((id, since));
                held.push(Held { request, stored });
            }
        }
        held
    }

    /// Removes a message from the store.
    async fn forget(&self, id: Uuid) {
        if let Err(error) = self.store.remove_message(id).await {
            tracing::error!(%error, "A message stays in the store, so the next start sends it again.");
        }
    }

    /// Sends a message, and tries it again for as long as that is useful and the command goes on.
    async fn send_in_time(
        &self,
        held: Held,
        sends: &Semaphore,
        mut is_ending: watch::Receiver<bool>,
    ) {
        for tries in 1.. {
            let sent = {
                // While a message waits for its next try, it holds up no other.
                let _permit = sends.acquire().await;
                self.send(&held, tries).await
            };
            let Some(pause) = sent else { break };
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                _ = is_ending.wait_for(|is_ending| *is_ending) => {
                    match held.stored {
                        Some(_) => tracing::warn!(tries, "A message wasn't sent. The next start tries it again."),
                        None => tracing::warn!(tries, "A message wasn't sent, because the command ended."),
                    }
                    return;
                }
            }
        }
        if let Some((id, _)) = held.stored {
            self.forget(id).await;
        }
    }

    /// The pause before the next try of a message that isn't for signing in, if there is one.
    fn pause(&self, held: &Held, tries: usize) -> Option<Duration> {
        let now = self.clock.now();
        let soon = retry_pause(tries, now, now + OTHERS_RETRY_WINDOW);
        soon.or_else(|| {
            let (_, since) = held.stored?;
            let is_useful = tries < MAX_STORED_TRIES && now - since < STORED_RETRY_WINDOW;
            is_useful.then_some(STORED_RETRY_PAUSE)
        })
    }

    /// Tries a message for the time that `tries` says; returns the pause before the next try, if there is one.
    async fn send(&self, held: &Held, tries: usize) -> Option<Duration> {
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
                let pause = match &error {
                    MessageError::TryAgain { until, .. } => {
                        retry_pause(tries, self.clock.now(), *until)
                    }
                    MessageError::Store(_) | MessageError::NotSent(_) => self.pause(held, tries),
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
