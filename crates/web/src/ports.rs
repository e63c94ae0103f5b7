//! What the pages need from outside.

use std::sync::Arc;

use hippo_core::clock::Clock;
use hippo_core::queue::MessageQueue;
use hippo_core::seal::PublicKeySource;
use hippo_core::sign_in::IdentityProvider;
use hippo_core::store::{
    AccountStore, AlertStore, AuditStore, CardStore, DeclaredScheduleStore, FamilyStore, FeedStore,
    IdentityStore, InvitationStore, LibraryStore, OutboxStore, RunStore, SecretWriter, SignInStore,
};

use crate::settings::WebSettings;
use crate::start_job::StartJob;

/// Combines the stores that the pages use. None of them can read a number or a PIN.
pub trait WebStore:
    FamilyStore
    + LibraryStore
    + CardStore
    + AccountStore
    + OutboxStore
    + RunStore
    + AlertStore
    + DeclaredScheduleStore
    + SignInStore
    + FeedStore
    + AuditStore
    + SecretWriter
    + InvitationStore
    + IdentityStore
{
}

impl<T> WebStore for T where
    T: FamilyStore
        + LibraryStore
        + CardStore
        + AccountStore
        + OutboxStore
        + RunStore
        + AlertStore
        + DeclaredScheduleStore
        + SignInStore
        + FeedStore
        + AuditStore
        + SecretWriter
        + InvitationStore
        + IdentityStore
{
}

/// What the pages need from outside; cheap to clone.
#[derive(Clone)]
pub struct WebPorts {
    /// Families, cards, mails and runs, and who is signed in.
    pub store: Arc<dyn WebStore>,
    /// Takes the requests for messages, such as sign-in mails.
    pub messages: Arc<dyn MessageQueue>,
    /// Starts jobs from the console; `None`: the console offers none.
    pub jobs: Option<Arc<dyn StartJob>>,
    /// The keys that seal numbers and PINs. None of them opens one.
    pub keys: Arc<dyn PublicKeySource>,
    /// Signs people in with an account that they have elsewhere; `None`: only an email signs them in.
    pub identity_provider: Option<Arc<dyn IdentityProvider>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The settings.
    pub settings: Arc<WebSettings>,
}
