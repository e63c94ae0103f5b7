//! Runs a card's visit on its own thread, so that a page that keeps the processor busy costs only that card.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Connections, VisitSignals};
use hippo_core::account::Account;
use hippo_core::card::{CardSecret, LoginOutcome};
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::ids::LibraryId;
use hippo_core::library::Library;
use hippo_core::site::{LoginPermit, PermitError, SiteError};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::links::keep_own_links;
use crate::options::secret_to_send;
use crate::system::System;

/// How many abandoned visits may still be busy while new ones start.
const MAX_ABANDONED_VISITS: usize = 8;

/// How long a visit may take to notice its timeout before it is abandoned.
const ABANDON_DELAY: Duration = Duration::from_secs(2);

/// The running visits, each on its own thread.
#[derive(Debug, Default)]
pub(super) struct VisitThreads {
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    last_id: u64,
    visits: BTreeMap<u64, RunningVisit>,
}

#[derive(Debug)]
struct RunningVisit {
    library: LibraryId,
    is_abandoned: bool,
}

/// A running visit's entry, removed when its thread ends.
struct VisitEntry {
    threads: Arc<VisitThreads>,
    id: u64,
}

impl Drop for VisitEntry {
    fn drop(&mut self) {
        self.threads.lock().visits.remove(&self.id);
    }
}

/// Marks a running visit as abandoned once nobody waits for it.
struct AbandonOnDrop {
    threads: Arc<VisitThreads>,
    id: u64,
}

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        if let Some(visit) = self.threads.lock().visits.get_mut(&self.id) {
            visit.is_abandoned = true;
        }
    }
}

impl VisitThreads {
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, library: &LibraryId) -> VisitEntry {
        let mut running = self.lock();
        running.last_id += 1;
        let id = running.last_id;
        running.visits.insert(
            id,
            RunningVisit {
                library: library.clone(),
                is_abandoned: false,
            },
        );
        VisitEntry {
            threads: Arc::clone(self),
            id,
        }
    }

    /// Returns why no visit to this library may start, if so: a library keeps at most one processor busy.
    fn refusal(&self, library: &LibraryId) -> Option<Failure> {
        let running = self.lock();
        let abandoned = || running.visits.values().filter(|visit| visit.is_abandoned);
        if abandoned().any(|visit| visit.library == *library) {
            Some(Failure::not_tried(
                "We're still reading an earlier page of this library, which takes too long.",
            ))
        } else if abandoned().count() >= MAX_ABANDONED_VISITS {
            Some(Failure::not_tried(
                "We're still reading the pages of too many libraries, which take too long.",
            ))
        } else {
            None
        }
    }
}

/// One card's check, with everything that its thread needs.
pub(super) struct CardCheck {
    pub(super) connections: Arc<Connections>,
    pub(super) system: &'static dyn System,
    pub(super) library: Library,
    pub(super) secret: CardSecret,
}

impl CardCheck {
    /// Runs the check on its own thread, within the card's time limit.
    ///
    /// A waiting check is stopped by its own limit and logged out. A busy check is abandoned: it ends at
    /// its next step, and then logs out. So does a check for which nobody waits any longer.
    pub(super) async fn run(
        self,
        threads: &Arc<VisitThreads>,
        permit: &dyn LoginPermit,
    ) -> Result<Account, SiteError> {
        let library = self.library.clone();
        let mut login = LoginProgress::default();
        let outcome = self.on_thread(threads, permit, &mut login).await;
        if let Some(error) = login.permit_error {
            return Err(error.into());
        }
        let outcome = outcome.and_then(require_both_lists).map(|mut account| {
            keep_own_links(&mut account, &library);
            account
        });
        outcome.map_err(|failure| {
            SiteError::Failed(
                if login.is_in_doubt() && leaves_login_in_doubt(failure.kind) {
                    failure.login_in_doubt()
                } else {
                    failure
                },
            )
        })
    }

    async fn on_thread(
        self,
        threads: &Arc<VisitThreads>,
        permit: &dyn LoginPermit,
        login: &mut LoginProgress,
    ) -> Result<Account, Failure> {
        if let Some(failure) = threads.refusal(&self.library.id) {
            return Err(failure);
        }
        let limits = self.connections.limits;
        let library = self.library.id.clone();
        let (questions, mut asked) = mpsc::channel(1);
        let (answer, mut finished) = oneshot::channel();
        let (handle, signals) = VisitSignals::new();
        let entry = threads.enter(&library);
        let _abandon = AbandonOnDrop {
            threads: Arc::clone(threads),
            id: entry.id,
        };
        let runtime = Handle::current();
        let spawned = thread::Builder::new()
            .name("card-visit".to_owned())
            .spawn(move || {
                let permit = RemotePermit { questions };
                let check = self.check(&permit, signals);
                let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(check)));
                // The visit has ended, so it must not block the next one before its result is received.
                drop(entry);
                // Nobody may be waiting any longer.
                let _ = answer.send(outcome.ok());
            });
        if spawned.is_err() {
            return Err(Failure::not_tried(
                "The machine has no free threads. Check fewer libraries at once.",
            ));
        }
        let deadline = sleep_until(Instant::now() + limits.card + ABANDON_DELAY);
        tokio::pin!(deadline);
        let mut is_logging_out = false;
        let failure = loop {
            tokio::select! {
                biased;
                outcome = &mut finished => match outcome.ok().flatten() {
                    Some(outcome) => return outcome,
                    None => break Failure::page_changed(
                        "reading its pages crashed, which is a bug in LibraryHippo",
                    ),
                },
                Some(question) = asked.recv() => question.answer(permit, login).await,
                () = &mut deadline => {
                    if is_logging_out || !handle.is_read() {
                        break Failure::page_changed(format!(
                            "its pages took too long to read: more than {} s",
                            limits.card.as_secs_f32()
                        ));
                    }
                    is_logging_out = true;
                    deadline.as_mut().reset(Instant::now() + limits.log_out + ABANDON_DELAY);
                }
            }
        };
        tracing::error!(library.id = %library, failure.detail = %failure.detail, "A visit was abandoned.");
        Err(failure)
    }

    /// Runs the system's check.
    async fn check(self, permit: &RemotePermit, signals: VisitSignals) -> Result<Account, Failure> {
        // A page may also print the number as it was typed.
        self.connections.announce_secret(&self.secret);
        let secret = secret_to_send(self.system, &self.library, &self.secret);
        let visit = CardVisit {
            connections: &self.connections,
            library: &self.library,
            secret: &secret,
            permit,
            signals,
        };
        self.system.check(&visit).await
    }
}

/// Returns the account if both lists are known.
fn require_both_lists(account: Account) -> Result<Account, Failure> {
    if account.loans.is_none() || account.holds.is_none() {
        return Err(Failure::page_changed(
            "the account's pages didn't list the loans and the holds",
        ));
    }
    Ok(account)
}

/// Whether such a failure after a login leaves open whether the site accepted it.
fn leaves_login_in_doubt(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::PageChanged | FailureKind::SiteDown | FailureKind::SiteRefused
    )
}

/// The progress of a visit's login.
#[derive(Debug, Default)]
struct LoginProgress {
    is_sent: bool,
    is_outcome_recorded: bool,
    /// The permit's error, if it stopped the visit.
    permit_error: Option<PermitError>,
}

impl LoginProgress {
    fn is_in_doubt(&self) -> bool {
        self.is_sent && !self.is_outcome_recorded
    }
}

/// A question of the visit's thread to the permit, which stays with the waiting caller.
enum Question {
    MayLogIn(Reply),
    RecordOutcome(LoginOutcome, Reply),
}

type Reply = oneshot::Sender<Result<(), Failure>>;

impl Question {
    async fn answer(self, permit: &dyn LoginPermit, login: &mut LoginProgress) {
        let (answer, reply) = match self {
            Self::MayLogIn(reply) => {
                let answer = permit.permit_login().await;
                login.is_sent |= answer.is_ok();
                (answer, reply)
            }
            Self::RecordOutcome(outcome, reply) => {
                let answer = permit.record_login_outcome(outcome).await;
                login.is_outcome_recorded |= answer.is_ok();
                (answer, reply)
            }
        };
        let answer = answer.map_err(|error| {
            let failure = Failure::from(&error);
            login.permit_error.get_or_insert(error);
            failure
        });
        // A thread that no longer waits sends no login either.
        let _ = reply.send(answer);
    }
}

/// The permit on the visit's thread.
struct RemotePermit {
    questions: mpsc::Sender<Question>,
}

impl RemotePermit {
    async fn ask(&self, question: impl FnOnce(Reply) -> Question) -> Result<(), PermitError> {
        let (reply, answer) = oneshot::channel();
        let stopped = || Failure::not_tried("The check was stopped.");
        let sent = self.questions.send(question(reply)).await;
        let answer = match sent {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(stopped())),
            Err(_) => Err(stopped()),
        };
        answer.map_err(PermitError::NotTried)
    }
}

#[async_trait]
impl LoginPermit for RemotePermit {
    async fn permit_login(&self) -> Result<(), PermitError> {
        self.ask(Question::MayLogIn).await
    }

    async fn record_login_outcome(&self, outcome: LoginOutcome) -> Result<(), PermitError> {
        self.ask(|reply| Question::RecordOutcome(outcome, reply))
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use tokio::time::timeout;
    use url::Url;

    use super::*;
    use crate::sites::Sites;
    use hippo_browser::Form;
    use hippo_browser::Session;
    use hippo_browser::test_site::{
        Reply, TestLoginPermit, TestSite, library, options, page, secret,
    };

    /// What the test system does with the page after the login.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Reading {
        Honest,
        Refused,
        /// Busy as long as [`Slow::is_busy`], before or after the page was accepted as a logged-in patron's.
        Busy {
            is_noted: bool,
        },
        Crashes,
    }

    struct Slow {
        reading: Reading,
        is_busy: AtomicBool,
    }

    impl Slow {
        fn reading(reading: Reading) -> &'static Self {
            Box::leak(Box::new(Self {
                reading,
                is_busy: AtomicBool::new(true),
            }))
        }
    }

    #[async_trait(?Send)]
    impl System for Slow {
        fn name(&self) -> &'static str {
            "slow"
        }

        fn account_url(&self, _: &Library) -> Option<Url> {
            None
        }

        async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure> {
            visit.browse(async |session| self.read(session).await).await
        }
    }

    impl Slow {
        async fn read(&self, session: &mut Session<'_>) -> Result<Account, Failure> {
            let login = session.get(&session.url("login")?).await?;
            session.log_out_at_end(&session.url("out")?);
            let mut form = Form::find(&login, "form")?;
            form.set_secret("pin", &session.secret().pin);
            session.log_in(form).await?;
            match self.reading {
                Reading::Honest => session.mark_logged_in(),
                Reading::Refused => return Err(Failure::wrong_credentials("as the test wants")),
                Reading::Crashes => panic!("as the test wants"),
                Reading::Busy { is_noted } => {
                    if is_noted {
                        session.mark_logged_in();
                        session.get(&session.url("account")?).await?;
                    }
                    while self.is_busy.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                }
            }
            session.get(&session.url("account")?).await?;
            let mut account = Account::unknown("slow".parse().unwrap());
            account.loans = Some(Vec::new());
            account.holds = Some(Vec::new());
            Ok(account)
        }
    }

    async fn site() -> TestSite {
        TestSite::start(|_| -> Reply {
            page("<form method=post action=/in><input name=pin></form>")
        })
        .await
    }

    fn sites() -> Sites {
        let mut options = options();
        // Long enough for a normal visit on a busy machine.
        options.limits.card = Duration::from_secs(2);
        Sites::new(options).unwrap()
    }

    async fn visit(
        sites: &Sites,
        system: &'static Slow,
        site: &TestSite,
        id: &str,
    ) -> (Result<Account, Failure>, TestLoginPermit) {
        let permit = TestLoginPermit::default();
        let mut library = library(&site.url);
        library.id = id.parse().unwrap();
        let outcome = sites.visit(system, &library, &secret(), &permit).await;
        (outcome.map_err(Failure::from), permit)
    }

    #[tokio::test]
    async fn busy_page_costs_only_its_own_card() {
        let (site, sites) = (site().await, sites());
        let busy = Slow::reading(Reading::Busy { is_noted: true });
        let honest = Slow::reading(Reading::Honest);
        let began = Instant::now();
        let ((hostile, _), others) = tokio::join!(visit(&sites, busy, &site, "busy"), async {
            let mut took = Vec::new();
            for _ in 0..5 {
                let (outcome, _) = visit(&sites, honest, &site, "honest").await;
                took.push((outcome.is_ok(), began.elapsed() < Duration::from_secs(4)));
            }
            took
        });
        assert_eq!(others, [(true, true); 5]);
        let failure = hostile.unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged);
        assert!(failure.detail.contains("too long to read"), "{failure}");
        assert!(
            began.elapsed() < Duration::from_secs(8),
            "the visit must not wait for the busy page"
        );

        let (again, permit) = visit(&sites, honest, &site, "busy").await;
        assert_eq!(again.unwrap_err().kind, FailureKind::NotTried);
        assert_eq!(permit.count(), 0);
        assert!(visit(&sites, honest, &site, "honest").await.0.is_ok());

        busy.is_busy.store(false, Ordering::Relaxed);
        while !sites.threads.lock().visits.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(
            site.lines().last().unwrap(),
            "GET /out",
            "expected a logout at the end"
        );
        assert!(visit(&sites, honest, &site, "busy").await.0.is_ok());
    }

    #[tokio::test]
    async fn abandoned_visits_are_limited_over_all_libraries() {
        let threads = Arc::new(VisitThreads::default());
        let id = |number: usize| format!("library-{number}").parse::<LibraryId>().unwrap();
        let mut entries = Vec::new();
        for number in 0..MAX_ABANDONED_VISITS {
            assert_eq!(threads.refusal(&id(100)), None);
            entries.push(threads.enter(&id(number)));
            let id = entries[number].id;
            drop(AbandonOnDrop {
                threads: Arc::clone(&threads),
                id,
            });
        }
        assert!(threads.refusal(&id(100)).is_some());
        entries.pop();
        assert_eq!(threads.refusal(&id(100)), None);
        assert!(threads.refusal(&id(0)).is_some());
    }

    #[tokio::test]
    async fn abandoned_visit_is_in_doubt_until_the_login_is_confirmed() {
        for is_noted in [false, true] {
            let (site, sites) = (site().await, sites());
            let busy = Slow::reading(Reading::Busy { is_noted });
            let (outcome, permit) = visit(&sites, busy, &site, "busy").await;
            assert_eq!(outcome.unwrap_err().login_in_doubt, !is_noted);
            let expected = if is_noted {
                vec![LoginOutcome::Accepted]
            } else {
                vec![]
            };
            assert_eq!(*permit.outcomes.lock().unwrap(), expected);
            busy.is_busy.store(false, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn login_outcome_is_recorded_once() {
        for (reading, expected) in [
            (Reading::Honest, LoginOutcome::Accepted),
            (Reading::Refused, LoginOutcome::Refused),
        ] {
            let (site, sites) = (site().await, sites());
            let (_, permit) = visit(&sites, Slow::reading(reading), &site, "wpl").await;
            assert_eq!(*permit.outcomes.lock().unwrap(), [expected]);
        }
    }

    #[tokio::test]
    async fn crash_while_reading_fails_only_that_card() {
        let (site, sites) = (site().await, sites());
        let (outcome, _) = visit(&sites, Slow::reading(Reading::Crashes), &site, "wpl").await;
        let failure = outcome.unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged);
        assert!(failure.login_in_doubt);
        let honest = Slow::reading(Reading::Honest);
        assert!(visit(&sites, honest, &site, "wpl").await.0.is_ok());
    }

    #[tokio::test]
    async fn cancelled_visit_ends_with_a_logout() {
        let site = TestSite::start(|request| {
            if request.contains("GET /account") {
                return Reply::Hang;
            }
            page("<form method=post action=/in><input name=pin></form>")
        })
        .await;
        let mut patient = options();
        patient.limits.card = Duration::from_secs(60);
        patient.limits.response = Duration::from_secs(60);
        let sites = Sites::new(patient).unwrap();
        let honest = Slow::reading(Reading::Honest);
        let waiting = visit(&sites, honest, &site, "wpl");
        assert!(timeout(Duration::from_millis(300), waiting).await.is_err());
        while !sites.threads.lock().visits.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(site.lines().last().unwrap(), "GET /out");
    }
}
