//! The functions' environment, read once at init. One message names everything that is wrong.
//!
//! `infra/environment.md` lists which function reads which variable.

mod web;

use std::fmt;
use std::time::Duration;

use chrono_tz::Tz;
use hippo_core::alerts::heartbeat::HeartbeatUrl;
use hippo_core::email_address::EmailAddress;
use hippo_core::jobs::check_cards::visit::Pace;
use hippo_core::mail::mime::Sender;
use hippo_core::picture::{PictureSource, SourceKind};
use hippo_core::public_url::PublicUrl;
use hippo_core::run::JobName;
use hippo_core::text::clean;
use url::Url;

pub use self::web::{Oidc, Web};

use crate::schedules::{ScheduleList, Schedules};

/// Looks up a variable. `None` if it isn't set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Looks up a variable of this process.
pub fn process_variable(name: &str) -> Option<String> {
    // No variable may have a value that isn't Unicode, so a lossy conversion is enough.
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Everything that is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct EnvironmentError {
    problems: Vec<String>,
}

impl fmt::Display for EnvironmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The function can't start with this environment: {}.",
            self.problems.join("; ")
        )
    }
}

/// The log level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures.
    Error,
    /// Also what is unusual.
    Warn,
    /// Also what is done.
    #[default]
    Info,
    /// Also the details.
    Debug,
}

/// The variables that every function reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// The table.
    pub table: String,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
    /// The log level.
    pub log_level: LogLevel,
}

/// The environment of a function.
pub trait Environment: Sized {
    /// Reads the environment, or returns everything that is wrong with it.
    fn read(lookup: Lookup<'_>) -> Result<Self, EnvironmentError>;

    /// The part that every function has.
    fn common(&self) -> &Common;
}

/// The environment of `check-cards`.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckCards {
    /// The variables that every function reads.
    pub common: Common,
    /// The FIFO queue of the visits.
    pub visit_queue_url: String,
    /// Its schedules.
    pub schedules: Schedules,
    /// The URL to fetch before and after runs.
    pub heartbeat: Option<HeartbeatUrl>,
}

impl Environment for CheckCards {
    fn read(lookup: Lookup<'_>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader::new(lookup);
        let common = reader.common();
        let visit_queue_url = reader.parse_required("VISIT_QUEUE_URL", |text| {
            let url = parse_queue_url(text)?;
            if url.ends_with(".fifo") {
                Ok(url)
            } else {
                Err("must name a FIFO queue, which ends in .fifo".to_owned())
            }
        });
        let schedules = reader.schedules(JobName::CHECK_CARDS);
        let heartbeat = reader.heartbeat();
        reader.finish(Some(Self {
            common,
            visit_queue_url,
            schedules,
            heartbeat,
        }))
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// The environment of `run-job`.
#[derive(Debug, Clone, PartialEq)]
pub struct RunJob {
    /// The variables that every function reads.
    pub common: Common,
    /// The job.
    pub job: JobName,
    /// Its schedules.
    pub schedules: Schedules,
    /// The URL to fetch before and after runs.
    pub heartbeat: Option<HeartbeatUrl>,
}

impl Environment for RunJob {
    fn read(lookup: Lookup<'_>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader::new(lookup);
        let common = reader.common();
        let job = reader.parse_required("JOB", |text| match text.parse::<JobName>() {
            Ok(job) if job.entry().build.is_some() => Ok(Some(job)),
            Ok(_) => Err("must be a job without a function of its own".to_owned()),
            Err(_) => Err("must be a job's name".to_owned()),
        });
        let schedules = job.map(|job| reader.schedules(job));
        let heartbeat = reader.heartbeat();
        let environment = job.zip(schedules).map(|(job, schedules)| Self {
            common,
            job,
            schedules,
            heartbeat,
        });
        reader.finish(environment)
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// The environment of `check-card`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckCard {
    /// The variables that every function reads.
    pub common: Common,
    /// The name of the parameter that holds the keys.
    pub key_parameter: String,
    /// The contact in the User-Agent.
    pub contact: Option<String>,
    /// Whether libraries on loopback are allowed.
    pub allow_loopback_libraries: bool,
    /// The pauses between two cards.
    pub pace: Pace,
}

impl Environment for CheckCard {
    fn read(lookup: Lookup<'_>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader::new(lookup);
        let default = Pace::default();
        let environment = Self {
            common: reader.common(),
            key_parameter: reader.required("KEY_PARAMETER"),
            contact: reader.optional("CONTACT"),
            allow_loopback_libraries: reader.flag("ALLOW_LOOPBACK_LIBRARIES"),
            pace: Pace {
                pause: reader.seconds("PAUSE_SECONDS", default.pause),
                jitter: reader.seconds("JITTER_SECONDS", default.jitter),
            },
        };
        reader.finish(Some(environment))
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// The environment of `notify-all`.
#[derive(Debug, Clone, PartialEq)]
pub struct NotifyAll {
    /// The variables that every function reads.
    pub common: Common,
    /// The queue of the notices.
    pub notice_queue_url: String,
    /// Its schedules.
    pub schedules: Schedules,
    /// The URL to fetch before and after ticks.
    pub heartbeat: Option<HeartbeatUrl>,
    /// The settings for mailing alerts. `None`: they go to the log.
    pub operator: Option<Operator>,
}

/// The settings for mailing alerts to the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The operator's address.
    pub address: EmailAddress,
    /// The sender of the mail.
    pub sender: Sender,
    /// The SES configuration set.
    pub configuration_set: String,
}

impl Environment for NotifyAll {
    fn read(lookup: Lookup<'_>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader::new(lookup);
        let common = reader.common();
        let notice_queue_url = reader.parse_required("NOTICE_QUEUE_URL", parse_queue_url);
        let schedules = reader.schedules(JobName::NOTIFY_ALL);
        let heartbeat = reader.heartbeat();
        let operator = reader
            .parse_optional("OPERATOR_EMAIL", parse_address)
            .and_then(|address| {
                let sender = reader.sender();
                let configuration_set = reader.required("CONFIGURATION_SET");
                Some(Operator {
                    address,
                    sender: sender?,
                    configuration_set,
                })
            });
        reader.finish(Some(Self {
            common,
            notice_queue_url,
            schedules,
            heartbeat,
            operator,
        }))
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// The environment of `notify-family`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyFamily {
    /// The variables that every function reads.
    pub common: Common,
    /// The sender of the mails.
    pub sender: Sender,
    /// The SES configuration set.
    pub configuration_set: String,
    /// The contact for questions in a mail.
    pub contact: Option<String>,
    /// Where the web pages are; `None`: there are none, and mails have no links to them.
    pub pages: Option<PublicUrl>,
    /// The addresses that sign in to the web pages as the operator.
    pub operators: Vec<EmailAddress>,
    /// The URL of the queue that brings the messages of the web pages; empty without pages.
    pub notice_queue_url: String,
}

impl Environment for NotifyFamily {
    fn read(lookup: Lookup<'_>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader::new(lookup);
        let common = reader.common();
        let sender = reader.sender();
        let configuration_set = reader.required("CONFIGURATION_SET");
        let contact = reader.optional("CONTACT");
        let pages = reader.public_url();
        let operator = sender.as_ref().and_then(|sender| sender.reply_to.clone());
        let operators = reader.web_operators(operator);
        let notice_queue_url = match &pages {
            Some(_) => reader.parse_required("NOTICE_QUEUE_URL", parse_queue_url),
            None => String::new(),
        };
        reader.finish(sender.map(|sender| Self {
            common,
            sender,
            configuration_set,
            contact,
            pages,
            operators,
            notice_queue_url,
        }))
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// The environment of `picture-of-the-day`.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureOfTheDay {
    /// The variables that every function reads.
    pub common: Common,
    /// Where the pictures come from. `None`: no picture is sent.
    pub source: Option<PictureSource>,
    /// Whether a source on loopback is allowed.
    pub allow_loopback: bool,
    /// Its schedules.
    pub schedules: Schedules,
    /// The URL to fetch before and after runs.
    pub heartbeat: Option<HeartbeatUrl>,
    /// The sender of the mails.
    pub sender: Sender,
    /// The SES configuration set.
    pub configuration_set: String,
    /// The contact in a mail and in the User-Agent.
    pub contact: Option<String>,
    /// Where the web pages are; `None`: mails have no links to them.
    pub pages: Option<PublicUrl>,
}

impl Environment for PictureOfTheDay {
    fn read(lookup: Lookup<'_>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader::new(lookup);
        let common = reader.common();
        let source = reader.picture_source();
        // Without a source, the stack has no schedule of this job.
        let schedules = match source {
            Some(_) => reader.schedules(JobName::PICTURE_OF_THE_DAY),
            None => Schedules::new(),
        };
        let allow_loopback = reader.flag("ALLOW_LOOPBACK_LIBRARIES");
        let heartbeat = reader.heartbeat();
        let sender = reader.sender();
        let configuration_set = reader.required("CONFIGURATION_SET");
        let contact = reader.optional("CONTACT");
        let pages = reader.public_url();
        reader.finish(sender.map(|sender| Self {
            common,
            source,
            allow_loopback,
            schedules,
            heartbeat,
            sender,
            configuration_set,
            contact,
            pages,
        }))
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// The environment of `mail-events`, which has no variables of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailEvents {
    /// The variables that every function reads.
    pub common: Common,
}

impl Environment for MailEvents {
    fn read(lookup: Lookup<'_>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader::new(lookup);
        let common = reader.common();
        reader.finish(Some(Self { common }))
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// Looks up variables and collects problems.
struct Reader<'a> {
    lookup: Lookup<'a>,
    missing: Vec<&'static str>,
    malformed: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(lookup: Lookup<'a>) -> Self {
        Self {
            lookup,
            missing: Vec::new(),
            malformed: Vec::new(),
        }
    }

    fn common(&mut self) -> Common {
        Common {
            table: self.required("TABLE_NAME"),
            metrics_namespace: self
                .optional("METRICS_NAMESPACE")
                .unwrap_or_else(|| "LibraryHippo".to_owned()),
            log_level: self
                .parse_optional("LOG_LEVEL", |text| {
                    match text.to_ascii_lowercase().as_str() {
                        "error" => Ok(LogLevel::Error),
                        "warn" => Ok(LogLevel::Warn),
                        "info" => Ok(LogLevel::Info),
                        "debug" => Ok(LogLevel::Debug),
                        _ => Err("must be error, warn, info or debug".to_owned()),
                    }
                })
                .unwrap_or_default(),
        }
    }

    /// Reads the sender of the mails. Replies go to the operator.
    fn sender(&mut self) -> Option<Sender> {
        let from = self.parse_required("MAIL_FROM", |text| parse_mailbox(text).map(Some));
        let operator = self.parse_optional("OPERATOR_EMAIL", parse_address);
        from.map(|(name, from)| {
            let mut sender = Sender::new(from);
            if let Some(name) = name {
                sender.name = name;
            }
            sender.reply_to.clone_from(&operator);
            sender.unsubscribe = operator;
            sender
        })
    }

    /// Reads where the web pages are.
    fn public_url(&mut self) -> Option<PublicUrl> {
        self.parse_optional("WEB_URL", |text| {
            text.parse()
                .map_err(|_| "must be an address like https://hippo.example.org".to_owned())
        })
    }

    /// Reads the addresses that sign in to the web pages as the operator, besides `operator`.
    fn web_operators(&mut self, operator: Option<EmailAddress>) -> Vec<EmailAddress> {
        let more = self.parse_optional("WEB_OPERATORS", |text| {
            let addresses = text.split(',').map(str::trim);
            let addresses = addresses.filter(|address| !address.is_empty());
            addresses.map(parse_address).collect::<Result<Vec<_>, _>>()
        });
        operator
            .into_iter()
            .chain(more.into_iter().flatten())
            .collect()
    }

    /// Reads where the pictures come from. Without a URL, nothing else about it counts.
    fn picture_source(&mut self) -> Option<PictureSource> {
        self.optional("PICTURE_URL")?;
        let url = self.parse_optional("PICTURE_URL", |text| {
            Url::parse(text).map_err(|_| "must be a URL that begins with https://".to_owned())
        });
        let kind = self.parse_optional("PICTURE_KIND", |text| match text {
            "image" => Ok(SourceKind::Image),
            "json" => Ok(SourceKind::Json),
            "rss" => Ok(SourceKind::Rss),
            _ => Err("must be image, json or rss".to_owned()),
        });
        if self.optional("PICTURE_KIND").is_none() {
            self.missing.push("PICTURE_KIND");
        }
        let source = PictureSource {
            url: url?,
            kind: kind?,
            address: self.optional("PICTURE_ADDRESS"),
            title: self.optional("PICTURE_TITLE"),
            credit: self.optional("PICTURE_CREDIT"),
        };
        match source.check() {
            Ok(()) => Some(source),
            Err(mistake) => {
                let mistake = mistake.to_string();
                let mistake = mistake.trim_end_matches('.');
                self.malformed
                    .push(format!("PICTURE_… has a mistake: {mistake}"));
                None
            }
        }
    }

    /// Reads the operator's zone.
    fn timezone(&mut self) -> Tz {
        self.parse_optional("TIMEZONE", |text| {
            text.parse::<Tz>()
                .map_err(|_| "must be a name like America/Toronto".to_owned())
        })
        .unwrap_or(Tz::UTC)
    }

    /// Resolves the job's schedules that were compiled in.
    fn schedules(&mut self, job: JobName) -> Schedules {
        let zone = self.timezone();
        let resolved = match ScheduleList::compiled_in() {
            Ok(list) => list
                .resolve(job, zone, &|name| self.optional(name))
                .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect()),
            Err(error) => Err(vec![format!(
                "the compiled-in schedules can't be read: {error}"
            )]),
        };
        resolved.unwrap_or_else(|problems: Vec<String>| {
            self.malformed.extend(problems);
            Schedules::new()
        })
    }

    /// Returns a value. Empty and `none` count as absent, as in the parameters of `template.yaml`.
    fn optional(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?.trim().to_owned();
        (!value.is_empty() && value != "none").then_some(value)
    }

    fn required(&mut self, name: &'static str) -> String {
        self.parse_required(name, |text| Ok(text.to_owned()))
    }

    fn parse_required<T: Default>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        if self.optional(name).is_none() {
            self.missing.push(name);
        }
        self.parse_optional(name, parse).unwrap_or_default()
    }

    /// Parses a value if it is set. The message doesn't repeat it, since it may be an address.
    fn parse_optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        parse(&self.optional(name)?)
            .map_err(|problem| self.malformed.push(format!("{name} {problem}")))
            .ok()
    }

    fn heartbeat(&mut self) -> Option<HeartbeatUrl> {
        let start_fail = self.flag("HEARTBEAT_START_FAIL");
        let url = self.parse_optional("HEARTBEAT_URL", parse_heartbeat_url)?;
        Some(HeartbeatUrl { url, start_fail })
    }

    fn flag(&mut self, name: &'static str) -> bool {
        self.parse_optional(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        })
        .unwrap_or_default()
    }

    fn seconds(&mut self, name: &'static str, default: Duration) -> Duration {
        self.parse_optional(name, |text| {
            text.parse::<f64>()
                .ok()
                .filter(|seconds| (0.0..=60.0).contains(seconds))
                .map(Duration::from_secs_f64)
                .ok_or_else(|| "must be a number of seconds from 0 to 60".to_owned())
        })
        .unwrap_or(default)
    }

    /// Returns the environment, or every problem. Without a problem it is never `None`.
    fn finish<T>(self, environment: Option<T>) -> Result<T, EnvironmentError> {
        let mut problems = Vec::new();
        match self.missing.as_slice() {
            [] => {}
            [one] => problems.push(format!("{one} is missing")),
            all => problems.push(format!("{} are missing", all.join(", "))),
        }
        problems.extend(self.malformed);
        match environment {
            Some(environment) if problems.is_empty() => Ok(environment),
            _ => Err(EnvironmentError { problems }),
        }
    }
}

fn parse_queue_url(text: &str) -> Result<String, String> {
    if text.starts_with("https://") || text.starts_with("http://") {
        Ok(text.to_owned())
    } else {
        Err("must be the URL of a queue".to_owned())
    }
}

fn parse_heartbeat_url(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| "must be a URL that begins with https://".to_owned())
}

fn parse_address(text: &str) -> Result<EmailAddress, String> {
    text.parse()
        .map_err(|_| "must be an email address like hippo@example.org".to_owned())
}

/// Parses `Name <address>` or an address alone.
fn parse_mailbox(text: &str) -> Result<(Option<String>, EmailAddress), String> {
    let (name, from) = match text
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'))
    {
        Some((name, from)) => (clean(name.trim().trim_matches('"')), from),
        None => (String::new(), text),
    };
    let from = parse_address(from.trim()).map_err(|_| {
        "must be an email address like hippo@example.org or LibraryHippo <hippo@example.org>"
            .to_owned()
    })?;
    Ok(((!name.is_empty()).then_some(name), from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read<T: Environment>(variables: &[(&str, &str)]) -> Result<T, String> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        T::read(&|name| variables.get(name).map(|value| (*value).to_owned()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn complete_environment_is_read() {
        let read: NotifyFamily = read(&[
            ("TABLE_NAME", "table"),
            ("MAIL_FROM", "The Hippo <hippo@example.org>"),
            ("OPERATOR_EMAIL", "pat@example.org"),
            ("CONFIGURATION_SET", "set"),
            ("CONTACT", " "),
            ("LOG_LEVEL", "DEBUG"),
        ])
        .unwrap();
        let sender = &read.sender;
        assert_eq!(
            (sender.name.as_str(), sender.from.as_str()),
            ("The Hippo", "hippo@example.org")
        );
        assert_eq!(
            sender.unsubscribe.as_ref().unwrap().as_str(),
            "pat@example.org"
        );
        assert_eq!(read.contact, None);
        assert_eq!(read.common.log_level, LogLevel::Debug);
        assert_eq!(read.common.metrics_namespace, "LibraryHippo");
    }

    #[test]
    fn one_message_names_every_missing_and_malformed_variable() {
        let message = read::<NotifyFamily>(&[
            ("TABLE_NAME", ""),
            ("MAIL_FROM", "canary at example.org"),
            ("OPERATOR_EMAIL", "canary"),
            ("LOG_LEVEL", "loud"),
        ])
        .unwrap_err();
        assert_eq!(
            message,
            "The function can't start with this environment: TABLE_NAME, CONFIGURATION_SET are \
             missing; LOG_LEVEL must be error, warn, info or debug; MAIL_FROM must be an email \
             address like hippo@example.org or LibraryHippo <hippo@example.org>; OPERATOR_EMAIL \
             must be an email address like hippo@example.org."
        );
        let message = read::<CheckCard>(&[
            ("ALLOW_LOOPBACK_LIBRARIES", "yes"),
            ("PAUSE_SECONDS", "-1"),
            ("JITTER_SECONDS", "NaN"),
        ])
        .unwrap_err();
        for name in [
            "TABLE_NAME, KEY_PARAMETER are missing",
            "ALLOW_LOOPBACK_LIBRARIES must be true or false",
            "PAUSE_SECONDS must be a number of seconds from 0 to 60",
            "JITTER_SECONDS must",
        ] {
            assert!(message.contains(name), "{name}: {message}");
        }
    }

    #[test]
    fn none_counts_as_absent() {
        let read: NotifyAll = read(&[
            ("TABLE_NAME", "table"),
            ("NOTICE_QUEUE_URL", "https://sqs.example/1/notices"),
            ("HEARTBEAT_URL", "none"),
            ("OPERATOR_EMAIL", " none "),
        ])
        .unwrap();
        assert_eq!((read.heartbeat, read.operator), (None, None));
        let message = self::read::<MailEvents>(&[("TABLE_NAME", "none")]).unwrap_err();
        assert!(message.contains("TABLE_NAME is missing"), "{message}");
    }

    fn read_picture(variables: &[(&str, &str)]) -> Result<PictureOfTheDay, String> {
        let rest = [
            ("TABLE_NAME", "t"),
            ("MAIL_FROM", "hippo@example.org"),
            ("CONFIGURATION_SET", "set"),
        ];
        read(&[&rest[..], variables].concat())
    }

    #[test]
    fn picture_source_is_read_with_its_fields() {
        let read = read_picture(&[
            (
                "PICTURE_URL",
                "https://pictures.example.org/today?key=canary",
            ),
            ("PICTURE_KIND", "json"),
            ("PICTURE_ADDRESS", "images.0.url"),
            ("PICTURE_CREDIT", "none"),
        ])
        .unwrap();
        let source = read.source.unwrap();
        assert_eq!(source.kind, SourceKind::Json);
        assert_eq!(source.address.as_deref(), Some("images.0.url"));
        assert_eq!((source.title, source.credit), (None, None));
        assert_eq!(read.schedules.len(), 1);
        assert!(!read.allow_loopback);
    }

    #[test]
    fn without_a_picture_url_there_is_no_source_and_no_schedule() {
        for url in ["", "none"] {
            let read = read_picture(&[("PICTURE_URL", url), ("PICTURE_KIND", "json")]).unwrap();
            assert_eq!((read.source, read.schedules), (None, Schedules::new()));
        }
    }

    #[test]
    fn wrong_picture_source_is_described_without_its_url() {
        for (url, kind, expected) in [
            (
                "https://x.test/canary",
                "json",
                "needs the field of its address",
            ),
            (
                "https://x.test/canary",
                "atom",
                "PICTURE_KIND must be image, json or rss",
            ),
            ("https://x.test/canary", "", "PICTURE_KIND is missing"),
            ("canary", "image", "PICTURE_URL must be a URL"),
            ("ftp://x.test/canary", "image", "must start with https://"),
        ] {
            let message =
                read_picture(&[("PICTURE_URL", url), ("PICTURE_KIND", kind)]).unwrap_err();
            assert!(message.contains(expected), "{expected}: {message}");
            assert!(!message.contains("canary"), "{message}");
        }
    }

    #[test]
    fn visits_need_a_fifo_queue_and_loopback_is_off_by_default() {
        let message = read::<CheckCards>(&[
            ("TABLE_NAME", "t"),
            ("VISIT_QUEUE_URL", "https://sqs.example/1/visits"),
        ])
        .unwrap_err();
        assert!(
            message.contains("VISIT_QUEUE_URL must name a FIFO queue"),
            "{message}"
        );
        let read: CheckCard = read(&[("TABLE_NAME", "t"), ("KEY_PARAMETER", "/k")]).unwrap();
        assert!(!read.allow_loopback_libraries);
        assert_eq!(read.pace, Pace::default());
    }

    #[test]
    fn pages_are_optional_and_have_a_secure_address() {
        let with = |url| read_picture(&[("WEB_URL", url)]);
        for url in ["", "none"] {
            assert_eq!(with(url).unwrap().pages, None);
        }
        let pages = with("https://hippo.example.org").unwrap().pages.unwrap();
        assert_eq!(pages.origin(), "https://hippo.example.org");
        for url in [
            "http://canary.example.org",
            "https://canary.example.org/pages",
            "canary",
        ] {
            let message = with(url).unwrap_err();
            assert!(
                message.contains("WEB_URL must be an address like https://"),
                "{message}"
            );
            assert!(!message.contains("canary"), "{message}");
        }
    }
}
