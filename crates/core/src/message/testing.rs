//! What the tests of the messages share.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::ports::MessagePorts;
use crate::clock::Clock;
use crate::mail::{Mail, Mailer, SendOutcome};
use crate::public_url::PublicUrl;
use crate::testing::contract::sample;
use crate::testing::memory::MemoryStore;

/// A clock that stands still.
pub(super) struct FrozenClock;

#[async_trait]
impl Clock for FrozenClock {
    fn now(&self) -> DateTime<Utc> {
        sample::time("06:00:00")
    }

    async fn sleep(&self, _: Duration) {}
}

/// Keeps each mail, and gives the prepared answers first.
#[derive(Default)]
pub(super) struct TestMailer {
    pub(super) answers: Mutex<Vec<SendOutcome>>,
    pub(super) mails: Mutex<Vec<Mail>>,
}

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, mail: &Mail) -> SendOutcome {
        self.mails.lock().unwrap().push(mail.clone());
        self.answers
            .lock()
            .unwrap()
            .pop()
            .unwrap_or(SendOutcome::Accepted {
                message_id: "id".to_owned(),
                refused_recipients: Vec::new(),
            })
    }
}

/// Runs `act` with the ports of an installation with one operator.
pub(super) async fn with_ports<T>(
    store: &MemoryStore,
    mailer: &TestMailer,
    clock: &dyn Clock,
    act: impl AsyncFnOnce(MessagePorts<'_>) -> T,
) -> T {
    let operators = ["operator@example.org".parse().unwrap()];
    let public_url: PublicUrl = "https://hippo.example.org".parse().unwrap();
    let ports = MessagePorts {
        sign_ins: store,
        families: store,
        cards: store,
        libraries: store,
        invitations: store,
        alerts: store,
        mailer,
        clock,
        operators: &operators,
        public_url: &public_url,
        operator_contact: Some("operator@example.org"),
    };
    act(ports).await
}
