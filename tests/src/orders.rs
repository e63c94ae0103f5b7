//! What `examples/worker.rs` is told to do: a worker of the outbox that can be killed at a named step.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The kind of mail that every family has beside its daily notice.
pub const SECOND_KIND: &str = "picture";

/// A step of the protocol of the outbox, by the call that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// To put the record, if there is none.
    Plan,
    /// To hand the notice to the queue.
    Message,
    /// To CLAIMED.
    Claim,
    /// To compose the mail.
    Render,
    /// To SENDING.
    BeginSending,
    /// To hand the mail over.
    Send,
    /// To what became of the mail.
    Settle,
    /// To UNKNOWN.
    Doubt,
    /// Out of UNKNOWN: to GAVE_UP, or to PENDING once more.
    Decide,
}

/// On which side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The call was not made.
    Before,
    /// The call did what it does, and nobody learned of it.
    After,
}

/// Which records a worker opens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum StoreAt {
    /// A file that is there.
    Sqlite(PathBuf),
    /// A table that is there; the environment says where, as it says it to a function.
    DynamoDb {
        /// The table's name.
        table: String,
    },
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// `notify-all` as on one machine.
    NotifyAll,
    /// `notify-all` as on AWS, and then each notice that it handed out.
    Enqueue,
    /// A message for each mail on record, final or not.
    Redeliver,
    /// An event of the mail service for each mail that left.
    Events,
}

/// Where a worker waits for somebody else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Meeting {
    /// Before this step.
    pub before: Step,
    /// A file that it makes when it is there.
    pub here: PathBuf,
    /// A file for which it waits.
    pub until: PathBuf,
}

/// What a worker is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Orders {
    /// Its records.
    pub store: StoreAt,
    /// Its work.
    pub work: Work,
    /// Its clock, which stands still; RFC 3339.
    pub now: String,
    /// Its run's label.
    pub label: String,
    /// The folder where the mails go: `<kind>.<family>.<date>.<fence>.<uuid>`, a file a mail.
    pub mails: PathBuf,
    /// Whose daily notice `abort` and `meeting` are about.
    pub family: String,
    /// Where it aborts.
    pub abort: Option<(Step, Side)>,
    /// Where it waits.
    pub meeting: Option<Meeting>,
}
