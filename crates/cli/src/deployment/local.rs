//! A home on this machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_browser::{BrowserOptions, ExchangeObserver, HttpPictureFetcher};
use hippo_core::card::Card;
use hippo_core::clock::{Clock, local_date};
use hippo_core::email_address::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::jobs::check_cards::key_cache::KeyCache;
use hippo_core::jobs::check_cards::run::{self as check_cards, CheckCards, CheckOptions, RunPorts};
use hippo_core::jobs::check_cards::visit::{
    Pace, VisitOptions, VisitPorts, check_visit, end_resolved_page_alerts,
};
use hippo_core::jobs::notify::compose::Composers;
use hippo_core::jobs::notify::picture::PictureComposer;
use hippo_core::jobs::notify::run::{self as notify_all, NotifyAll};
use hippo_core::jobs::notify::send::{MailResult, NotifyPorts};
use hippo_core::jobs::picture_of_the_day::PictureOfTheDay;
use hippo_core::jobs::registry::JobPorts;
use hippo_core::jobs::{JobError, RunError};
use hippo_core::mail::Mailer;
use hippo_core::public_url::PublicUrl;
use hippo_core::retention::RETENTION;
use hippo_core::run::any_job::AnyJob;
use hippo_core::run::harness::{FinishedRun, Harness, OnProgress};
use hippo_core::run::ledger::{Ending, RunPlan};
use hippo_core::run::not_started::NotStarted;
use hippo_core::run::{JobName, RunKey};
use hippo_core::schedule::Schedule;
use hippo_core::site::LibrarySite;
use hippo_core::store::{
    DeclaredScheduleStore as _, SavedSchedules, SecretStore as _, Store, StoreResult,
};
use hippo_local::concurrency_limit::FileConcurrencyLimit;
use hippo_local::key_files::{FINGERPRINT_NAME, PRIVATE_NAME, PUBLIC_NAME};
use hippo_local::sqlite::{OpenError, SqliteStore};
use hippo_recording::Recorder;
use hippo_systems::Sites;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::{
    CheckCardAnswer, CheckCardsAnswer, CheckCardsRequest, Deployment, DisabledSchedules, JobAnswer,
    NotifyAllAnswer, NotifyAllRequest, PictureProblem, RunRequest, visit_to,
};
use crate::config::{Checks, Config, Transport};
use crate::exit::{CommandError, ErrorKind};
use crate::finding::Finding;
use crate::home::{Home, SecretsLock};
use crate::key_store::KeyStore;
use crate::mailer::mailer;
use crate::output::progress::ProgressBar;
use crate::run_hooks::LocalRunHooks;
use crate::run_log::read::{LogCursor, LogQuery, NewLines, read_new};
use crate::run_log::{DEFAULT_LEVEL, RunLog};
use crate::stop::{Stop, after_interrupted_check, after_interrupted_sending};
use crate::suggested::{HIPPO, HIPPO_HERE};
use crate::timer_days::fires_daily_instead;

/// Where “hippo serve” listens by default.
const LOCAL_URL: &str = "http://127.0.0.1:8484";

/// The time between two looks for new log lines.
const LOG_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The home sends no pictures.
const NO_PICTURE_SOURCE: PictureProblem = PictureProblem {
    found: "The configuration doesn't say where the picture of the day comes from.",
    advice: "Add [picture] to config.toml, with url and kind.",
};

/// A home on this machine.
pub(crate) struct LocalDeployment {
    home: Home,
    config: Config,
    store: Arc<SqliteStore>,
    clock: Arc<dyn Clock>,
    /// Whether the home is deleted when the command ends, so that its paths aren't printed.
    is_temporary: bool,
}

impl LocalDeployment {
    /// Opens a home; the error names what is missing.
    pub(crate) fn open(home: Home, clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        home.must_exist()?;
        Ok(Self {
            config: Config::read(&home)?,
            store: Arc::new(open_database(&home)?),
            home,
            clock,
            is_temporary: false,
        })
    }

    /// Marks the home as temporary, so that its paths aren't printed.
    pub(crate) fn temporary(mut self) -> Self {
        self.is_temporary = true;
        self
    }

    /// Prepares visits.
    fn visit_setup(&self, recorder: Option<Arc<Recorder>>) -> Result<VisitSetup<'_>, CommandError> {
        let sites = Sites::new(BrowserOptions {
            contact: self.config.contact.clone(),
            observer: recorder.map(|recorder| recorder as Arc<dyn ExchangeObserver>),
            ..BrowserOptions::default()
        })
        .map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))?;
        Ok(VisitSetup {
            store: &self.store,
            clock: &*self.clock,
            checks: &self.config.checks,
            keys: self.home.key_files(),
            site: Box::new(sites),
            permits: FileConcurrencyLimit::new(self.home.permits()),
        })
    }

    /// The composers of a run of `picture-of-the-day`.
    fn picture_composers(&self) -> Result<Composers, CommandError> {
        let Some(source) = self.config.picture.clone() else {
            return Err(NO_PICTURE_SOURCE.into());
        };
        let fetcher = HttpPictureFetcher::new(&BrowserOptions {
            contact: self.config.contact.clone(),
            ..BrowserOptions::default()
        })
        .map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))?;
        let composer = PictureComposer::new(
            source,
            Arc::new(fetcher),
            Arc::<SqliteStore>::clone(&self.store),
            Arc::<SqliteStore>::clone(&self.store),
            Arc::clone(&self.clock),
        );
        Ok(composer.into_composers())
    }

    fn run_hooks(&self, is_schedule: bool) -> LocalRunHooks<'_> {
        LocalRunHooks::new(
            &self.home,
            &self.config.jobs,
            &*self.store,
            &*self.clock,
            self.mailer(),
            is_schedule,
            self.public_url(),
        )
    }

    /// The base URL of the pages, if the configuration has it. Without it, only this machine reaches them.
    fn public_url(&self) -> Option<PublicUrl> {
        let public_url = self.config.web.public_url.as_ref()?;
        public_url.as_str().parse().ok()
    }

    /// Begins to keep the log lines of a run, at the level that its schedule declares.
    fn begin_log(&self, run: &RunKey) -> RunLog {
        let schedule = self.config.jobs.schedule(run.job, &run.label);
        let level = schedule.and_then(|schedule| schedule.log_level.as_deref()?.parse().ok());
        let level = level.unwrap_or(DEFAULT_LEVEL);
        RunLog::begin(&self.home.logs_folder(), run, level, &self.clock)
    }

    /// Checks that nobody else can read the home.
    fn check_permissions(&self) -> Finding {
        const CHECK: &str = "home";
        let home = &self.home;
        let directory = home.directory().display();
        let paths = [
            home.directory().to_path_buf(),
            home.database(),
            home.key_files().private_path().to_path_buf(),
            home.mail_folder(),
        ];
        let open: Vec<String> = paths
            .iter()
            .filter(|path| is_open_to_others(path))
            .map(|path| path.display().to_string())
            .collect();
        if open.is_empty() {
            return Finding::ok(CHECK, format!("Only you can read {directory}."));
        }
        Finding::problem(
            CHECK,
            format!("Others can read {}.", open.join(", ")),
            format!("Run: chmod -R go= {directory}"),
        )
    }

    /// Checks that the configuration sends emails to a mail server.
    fn check_mail(&self) -> Finding {
        const CHECK: &str = "mail";
        if let Err(error) = self.mailer() {
            return Finding::problem(CHECK, error.to_string(), "Fix [mail] in config.toml.");
        }
        match (&self.config.mail.transport, &self.config.mail.smtp) {
            (Transport::Smtp, Some(smtp)) => Finding::ok(
                CHECK,
                format!(
                    "Emails go to the mail server {}. We didn't try it here: “{HIPPO} mail test ADDRESS” does.",
                    smtp.host
                ),
            ),
            _ => Finding::problem(
                CHECK,
                format!(
                    "Emails go to the folder {}, and to nobody.",
                    self.home.mail_folder().display()
                ),
                format!(
                    "Fill in [mail.smtp] in config.toml, then try “{HIPPO} mail test ADDRESS”."
                ),
            ),
        }
    }
}

/// Saves a job's declared schedules.
pub(crate) async fn save_schedules(
    store: &SqliteStore,
    config: &Config,
    job: JobName,
    now: DateTime<Utc>,
) -> StoreResult<SavedSchedules> {
    let schedules = config.jobs.schedules().iter();
    let own: Vec<Schedule> = schedules.filter(|one| one.job == job).cloned().collect();
    store.save_schedules(job, &own, now).await
}

/// Opens the database of a home.
pub(crate) fn open_database(home: &Home) -> Result<SqliteStore, CommandError> {
    SqliteStore::open(&home.database()).map_err(explain_open_error)
}

/// Says what to do about a database that can't be opened.
pub(crate) fn explain_open_error(error: OpenError) -> CommandError {
    let is_missing = matches!(error, OpenError::NotThere { .. });
    let is_unreadable = matches!(error, OpenError::NotOurs { .. } | OpenError::Damaged { .. });
    let error = CommandError::from_source(ErrorKind::Unusable, error);
    if is_missing {
        error
            .advice("Create it, or name another home with --home.")
            .try_command(format!("{HIPPO_HERE} init"))
    } else if is_unreadable {
        error
            .advice("If this is your home, restore a backup: the old file is kept. If it isn't, name another with --home.")
            .try_command(format!("{HIPPO_HERE} restore BACKUP"))
    } else {
        error
    }
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

#[async_trait(?Send)]
impl Deployment for LocalDeployment {
    fn stack(&self) -> Option<&str> {
        None
    }

    fn timezone(&self) -> Tz {
        self.config.timezone
    }

    fn contact(&self) -> Option<&str> {
        self.config.contact.as_deref()
    }

    fn public_url(&self) -> Result<Url, CommandError> {
        match &self.config.web.public_url {
            Some(url) => Ok(url.clone()),
            None => LOCAL_URL.parse().map_err(|error| {
                CommandError::unusable(format!("{LOCAL_URL} isn't an address.")).caused_by(error)
            }),
        }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::<SqliteStore>::clone(&self.store)
    }

    fn keys(&self) -> Box<dyn KeyStore> {
        Box::new(self.home.key_files())
    }

    /// Never replaces the key of existing cards, because a new one couldn't open them.
    async fn create_missing_keys(&self) -> Result<Vec<&'static str>, CommandError> {
        let has_cards = !self.store.cards_with_secrets().await?.is_empty();
        let files = self.home.key_files();
        let is_missing = |path: &Path| -> Result<bool, CommandError> {
            if path.exists() {
                return Ok(false);
            }
            if has_cards {
                return Err(CommandError::unusable(format!(
                    "The key file {} is missing, and your cards need it. Put it back: a new key wouldn't work for \
                     them. Nothing was changed.",
                    path.display()
                )));
            }
            Ok(true)
        };
        let (lacks_pair, lacks_fingerprint_key) = (
            is_missing(files.private_path())?,
            is_missing(files.fingerprint_path())?,
        );
        let unusable = |error| CommandError::from_source(ErrorKind::Unusable, error);
        let mut made = Vec::new();
        if lacks_pair {
            files.create_pair().map_err(unusable)?;
            made.extend([PRIVATE_NAME, PUBLIC_NAME]);
        } else {
            let keys = files.read_private_keys()?;
            let public = files.read_public_key();
            if !public.is_ok_and(|public| keys.has_key(&public.id())) {
                files
                    .write_public_key(keys.public_key())
                    .map_err(unusable)?;
                made.push(PUBLIC_NAME);
            }
        }
        if lacks_fingerprint_key {
            files.create_fingerprint_key().map_err(unusable)?;
            made.push(FINGERPRINT_NAME);
        }
        Ok(made)
    }

    fn holds_private_key(&self) -> bool {
        true
    }

    fn old_key_advice(&self) -> String {
        format!(
            "Make a new backup and a new copy of {}. Older backups need the old key file.",
            self.home.key_files().private_path().display()
        )
    }

    fn lock_secrets(&self) -> Result<Option<SecretsLock>, CommandError> {
        SecretsLock::acquire(&self.home).map(Some)
    }

    fn mailer(&self) -> Result<Box<dyn Mailer>, CommandError> {
        mailer(&self.home, &self.config)
    }

    fn mail_destination(&self) -> String {
        match (&self.config.mail.transport, &self.config.mail.smtp) {
            (Transport::Smtp, Some(smtp)) => format!("the mail server {}", smtp.host),
            _ if self.is_temporary => "the demo's mail folder".to_owned(),
            _ => self.home.mail_folder().display().to_string(),
        }
    }

    fn mail_folder_advice(&self) -> Option<String> {
        let is_sent = self.config.mail.transport == Transport::Smtp;
        (!is_sent && !self.is_temporary).then(|| {
            format!(
                "It's a file there and reached nobody. To send emails, fill in [mail.smtp] in {}.",
                self.home.config().display()
            )
        })
    }

    fn mail_warning(&self) -> Option<String> {
        let (Transport::Smtp, Some(smtp)) = (self.config.mail.transport, &self.config.mail.smtp)
        else {
            return None;
        };
        let path = smtp.readable_by_others(self.home.directory())?;
        Some(format!(
            "Others can read the mail server's password in {path}. To keep it yours: chmod 600 {path}",
            path = path.display()
        ))
    }

    fn picture_problem(&self) -> Option<PictureProblem> {
        self.config.picture.is_none().then_some(NO_PICTURE_SOURCE)
    }

    async fn diagnose(&self, _: &[EmailAddress]) -> Vec<Finding> {
        vec![self.check_permissions(), self.check_mail()]
    }

    async fn schedules(&self) -> Result<Vec<Schedule>, CommandError> {
        Ok(self.config.jobs.schedules().to_vec())
    }

    fn declared_schedule(&self, job: JobName, label: &Label) -> Option<&Schedule> {
        self.config.jobs.schedule(job, label)
    }

    fn declared_labels(&self, job: JobName) -> Vec<String> {
        self.config.jobs.labels(job)
    }

    async fn disabled_schedules(&self) -> Result<DisabledSchedules, String> {
        Ok(DisabledSchedules {
            schedules: self.config.jobs.disabled(),
            how: "is disabled in config.toml, so its runs don't start.",
        })
    }

    fn last_scheduled_time(
        &self,
        job: JobName,
        label: &Label,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let recurrence = &self.config.jobs.schedule(job, label)?.recurrence;
        if !fires_daily_instead(&recurrence.expression) {
            return recurrence.latest(now);
        }
        // A timer that starts late, perhaps after midnight, is still of its own time's day.
        let latest = recurrence.latest_on_any_day(now)?;
        let is_due = |time| recurrence.fires_on(local_date(time, recurrence.zone));
        // Otherwise the run is of now, and is recorded as not of today.
        (is_due(latest) || is_due(now)).then_some(latest)
    }

    fn can_record(&self) -> bool {
        true
    }

    /// After a signal, a login in progress is finished, so that its outcome is known.
    async fn check_card(
        &self,
        card: &Card,
        recorder: Option<Arc<Recorder>>,
    ) -> Result<CheckCardAnswer, CommandError> {
        let stop = Stop::listen("finishing this check", after_interrupted_check());
        let setup = self.visit_setup(recorder)?;
        let visit = visit_to(card, self.clock.now())?;
        let options = VisitOptions {
            stop: &stop,
            ..VisitOptions::new(setup.pace())
        };
        let keys = KeyCache::new(&setup.keys);
        let mut report = check_visit(&setup.ports(&keys), &visit, options).await;
        let ending = report.ending?;
        end_resolved_page_alerts(&report.checked, &*self.store, &*self.store, &*self.clock).await;
        Ok(match (report.checked.pop(), ending) {
            (Some(checked), _) => CheckCardAnswer::Checked(Box::new(checked.check)),
            (None, Ending::Stopped) => CheckCardAnswer::Stopped,
            (None, Ending::Completed) => CheckCardAnswer::LeftOut,
        })
    }

    async fn check_cards(
        &self,
        request: CheckCardsRequest,
    ) -> Result<CheckCardsAnswer, CommandError> {
        self.home.key_files().read_private_keys()?;
        let setup = self.visit_setup(None)?;
        let stop = Stop::listen(
            "finishing the cards that were started",
            after_interrupted_check(),
        );
        let bar = ProgressBar::new("cards");
        let show_progress = |progress: check_cards::CheckProgress<'_>| match progress {
            check_cards::CheckProgress::Planned(cards) => bar.set_total(cards),
            check_cards::CheckProgress::Checked(_) => bar.increment(),
        };
        let options = CheckOptions {
            concurrency: request
                .concurrency
                .map_or(self.config.checks.concurrency, usize::from),
            pace: if request.no_delay {
                Pace::NONE
            } else {
                setup.pace()
            },
            on_progress: Some(&show_progress),
        };
        let keys = KeyCache::new(&setup.keys);
        let ports = setup.ports(&keys);
        let run_ports = RunPorts {
            cards: &*self.store,
            alerts: &*self.store,
        };
        let job = CheckCards::new(&ports, &run_ports, options);
        match self.run(&job, request.run, &stop, &|_| {}).await {
            Ok(FinishedRun { run, .. }) => {
                let (checked, made_up_for) = job.into_checked();
                Ok(CheckCardsAnswer::Done {
                    run,
                    checked,
                    made_up_for,
                })
            }
            Err(RunError::NotStarted(why)) => Ok(CheckCardsAnswer::NotStarted(why)),
            Err(RunError::Job(error)) => Err(error.into()),
        }
    }

    async fn new_log_lines(
        &self,
        query: &LogQuery,
        cursor: &mut LogCursor,
    ) -> Result<NewLines, CommandError> {
        let folder = self.home.logs_folder();
        read_new(&folder, query, cursor).map_err(|error| {
            CommandError::unusable(format!("Can't read the logs in {}.", folder.display()))
                .caused_by(error)
        })
    }

    fn log_poll_interval(&self) -> Duration {
        LOG_POLL_INTERVAL
    }

    async fn notify_all(&self, request: NotifyAllRequest) -> Result<NotifyAllAnswer, CommandError> {
        let NotifyAllRequest {
            run: mut request,
            at_once,
        } = request;
        request.input.at_once = at_once.unwrap_or(!request.is_scheduled());
        let mailer = self.mailer()?;
        let libraries: BTreeMap<_, _> = self
            .store()
            .libraries()
            .await?
            .into_iter()
            .map(|library| (library.id.clone(), library))
            .collect();
        let store = &*self.store;
        let composers = match request.key.job {
            JobName::PICTURE_OF_THE_DAY => self.picture_composers()?,
            _ => Composers::default(),
        };
        let public_url = self.public_url();
        let ports = NotifyPorts {
            families: store,
            accounts: store,
            outbox: store,
            alerts: store,
            composers: &composers,
            mailer: &*mailer,
            clock: &*self.clock,
            libraries: &libraries,
            operator_contact: self.contact(),
            public_url: public_url.as_ref(),
        };
        let stop = Stop::listen(
            "finishing the emails that were started",
            after_interrupted_sending(),
        );
        let bar = ProgressBar::new("notices");
        let notices: Mutex<Vec<MailResult>> = Mutex::default();
        let progress = |progress: notify_all::NotifyProgress<'_>| match progress {
            notify_all::NotifyProgress::Planned(notices) => bar.set_total(notices),
            notify_all::NotifyProgress::Finalised(result) => {
                bar.increment();
                lock(&notices).push(result.clone());
            }
        };
        let job = NotifyAll {
            ports: &ports,
            runs: store,
            on_progress: &progress,
        };
        let ended = match request.key.job {
            JobName::PICTURE_OF_THE_DAY => {
                self.run(&PictureOfTheDay(job), request, &stop, &|_| {})
                    .await
            }
            _ => self.run(&job, request, &stop, &|_| {}).await,
        };
        match ended {
            Ok(FinishedRun { run, .. }) => {
                // Only after a run that started; otherwise the clock may be in doubt.
                let store: &dyn Store = store;
                store
                    .delete_history_before(self.clock.now() - RETENTION)
                    .await?;
                let notices = std::mem::take(&mut *lock(&notices));
                Ok(NotifyAllAnswer::Done { run, notices })
            }
            Err(RunError::NotStarted(why)) => Ok(NotifyAllAnswer::NotStarted(why)),
            Err(RunError::Job(error)) => Err(error.into()),
        }
    }

    async fn run_job(
        &self,
        request: RunRequest<Value>,
        on_progress: OnProgress<'_>,
    ) -> Result<JobAnswer, CommandError> {
        let job = request.key.job;
        let Some(build) = job.entry().build else {
            return Err(
                CommandError::usage(format!("{job} has a command of its own."))
                    .try_command(format!("{HIPPO} {job}")),
            );
        };
        let job = build(JobPorts {
            store: &*self.store,
            clock: &*self.clock,
        });
        let stop = Stop::listen("finishing what was started", String::new());
        match self.run(&*job, request, &stop, on_progress).await {
            Ok(FinishedRun { run, summary }) => Ok(JobAnswer::Done { run, summary }),
            Err(RunError::NotStarted(why)) => Ok(JobAnswer::NotStarted(why)),
            Err(RunError::Job(error)) => Err(error.into()),
        }
    }
}

impl LocalDeployment {
    /// Saves a job's declared schedules. Returns since when each has had its times.
    async fn save_schedules(
        &self,
        job: JobName,
    ) -> Result<BTreeMap<Label, DateTime<Utc>>, JobError> {
        let now = self.clock.now();
        let saved = save_schedules(&self.store, &self.config, job, now).await?;
        Ok(saved.times_since)
    }

    /// Runs a job in this process, as one recorded run.
    async fn run<I: Serialize>(
        &self,
        job: &dyn AnyJob,
        mut request: RunRequest<I>,
        stop: &Stop,
        on_progress: OnProgress<'_>,
    ) -> Result<FinishedRun<Value>, RunError> {
        let input = serde_json::to_value(&request.input).unwrap_or_default();
        let local_hooks = self.run_hooks(request.is_scheduled());
        let mail = local_hooks.operator_mail();
        let hooks = local_hooks.to_run_hooks(mail.as_ref());
        let harness = Harness {
            stop,
            on_progress,
            ..Harness::new(&*self.store, &*self.clock)
        };
        let times_since = match request.is_scheduled() {
            true => self.save_schedules(job.name()).await?,
            false => BTreeMap::new(),
        };
        loop {
            let _log = self.begin_log(&request.key);
            let label = request.key.label.clone();
            let scheduled_time = request.key.scheduled_time;
            let mut rules = self.config.jobs.rules(job.name(), &label);
            rules.times_since = times_since.get(&label).copied();
            let plan = RunPlan {
                hooks: Some(&hooks),
                // A person needn't wait until a killed run counts as lost: login marks, permits and
                // claims keep two runs from harming a card, a library or a notice.
                ..job
                    .plan(label, scheduled_time, !request.is_scheduled(), &input)?
                    .with_rules(rules)
            };
            match job.run_planned(&harness, plan).await {
                Err(RunError::NotStarted(NotStarted::AlreadyRan(_)))
                    if request.may_change_key() =>
                {
                    request.next_key();
                }
                ended => return ended,
            }
        }
    }
}

/// Locks a mutex, even if another thread panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What visits need besides the store.
struct VisitSetup<'a> {
    store: &'a SqliteStore,
    clock: &'a dyn Clock,
    checks: &'a Checks,
    keys: hippo_local::key_files::KeyFiles,
    site: Box<dyn LibrarySite>,
    permits: FileConcurrencyLimit,
}

impl VisitSetup<'_> {
    /// The delay between two cards of a library.
    fn pace(&self) -> Pace {
        Pace {
            delay: Duration::from_secs_f64(self.checks.delay_seconds),
            jitter: Duration::from_secs_f64(self.checks.jitter_seconds),
        }
    }

    fn ports<'a>(&'a self, keys: &'a KeyCache<'a>) -> VisitPorts<'a> {
        VisitPorts {
            visits: self.store,
            libraries: self.store,
            checks: self.store,
            keys,
            site: &*self.site,
            concurrency_limit: &self.permits,
            clock: self.clock,
        }
    }
}
