//! The configuration of `examples/worker.rs`, an outbox worker that can be killed at a named step.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A second kind of mail, which every family gets besides its daily notice.
pub const SECOND_KIND: &str = "picture";

/// A store, queue or mail call of the outbox protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Inserts the record if there is none.
    Plan,
    /// Sends the notice to the queue.
    Enqueue,
    /// Changes the state to CLAIMED.
    Claim,
    /// Composes the mail.
    Render,
    /// Changes the state to SENDING.
    BeginSending,
    /// Hands the mail to the mail service.
    Send,
    /// Records the mail service's answer.
    Finalise,
    /// Changes the state to UNKNOWN.
    MarkUnknown,
    /// Changes UNKNOWN to GAVE_UP, or back to PENDING.
    ResolveUnknown,
}

/// The side of a call on which a worker aborts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The call was not made.
    Before,
    /// The call was made, but its answer is lost.
    After,
}

/// The store that a worker opens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum StoreAt {
    /// An existing database file.
    Sqlite(PathBuf),
    /// An existing table; the environment gives its region and endpoint.
    DynamoDb {
        /// The table's name.
        table: String,
    },
}

/// The work of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// `notify-all` as on one machine.
    NotifyAll,
    /// `notify-all` as on AWS, and then each notice that it enqueued.
    Enqueue,
    /// A queue message for each mail on record, final or not.
    Redeliver,
    /// A mail service event for each sent mail.
    Events,
}

/// A step at which a worker waits for another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncPoint {
    /// The step before which it waits.
    pub before: Step,
    /// The file that it creates when it arrives.
    pub arrived_file: PathBuf,
    /// The file that it waits for.
    pub awaited_file: PathBuf,
}

/// What one test worker does, and where it stops.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkerConfig {
    /// Its store.
    pub store: StoreAt,
    /// Its work.
    pub work: Work,
    /// The time of its frozen clock, in RFC 3339.
    pub now: String,
    /// Its run's label.
    pub label: String,
    /// The folder where the mails go: `<kind>.<family>.<date>.<fence>.<uuid>`, a file a mail.
    pub mails: PathBuf,
    /// The family whose daily notice `abort` and `sync_point` apply to.
    pub family: String,
    /// Where it aborts.
    pub abort: Option<(Step, Side)>,
    /// Where it waits.
    pub sync_point: Option<SyncPoint>,
}
