//! The functions' environment, read once at init. One message names everything that is wrong.
//!
//! `infra/environment.md` lists which function reads which variable.

mod reader;
mod web;

use std::fmt;

use hippo_core::alerts::heartbeat::HeartbeatUrl;
use hippo_core::email_address::EmailAddress;
use hippo_core::jobs::check_cards::visit::Pace;
use hippo_core::mail::mime::Sender;
use hippo_core::picture::PictureSource;
use hippo_core::public_url::PublicUrl;
use hippo_core::run::JobName;

pub use self::web::{Oidc, Web};

use self::reader::{Reader, parse_address, parse_queue_url};
use crate::schedules::Schedules;

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
    /// The delay between two cards.
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
                delay: reader.seconds("DELAY_SECONDS", default.delay),
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
    pub operator: Option<OperatorEnvironment>,
}

/// The settings for mailing alerts to the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorEnvironment {
    /// The operator's address.
    pub address: EmailAddress,
    /// The sender of the mail.
    pub sender: Sender,
    /// The SES configuration set.
    pub configuration_set: String,
    /// The base URL of the web pages; `None`: the mail has no link to the console.
    pub public_url: Option<PublicUrl>,
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
                let public_url = reader.public_url();
                Some(OperatorEnvironment {
                    address,
                    sender: sender?,
                    configuration_set,
                    public_url,
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
    /// The base URL of the web pages; `None`: there are none, and mails have no links to them.
    pub public_url: Option<PublicUrl>,
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
        let public_url = reader.public_url();
        let operator = sender.as_ref().and_then(|sender| sender.reply_to.clone());
        let operators = reader.web_operators(operator);
        let notice_queue_url = match &public_url {
            Some(_) => reader.parse_required("NOTICE_QUEUE_URL", parse_queue_url),
            None => String::new(),
        };
        reader.finish(sender.map(|sender| Self {
            common,
            sender,
            configuration_set,
            contact,
            public_url,
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
    /// The base URL of the web pages; `None`: mails have no links to them.
    pub public_url: Option<PublicUrl>,
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
        let public_url = reader.public_url();
        reader.finish(sender.map(|sender| Self {
            common,
            source,
            allow_loopback,
            schedules,
            heartbeat,
            sender,
            configuration_set,
            contact,
            public_url,
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

#[cfg(test)]
mod tests;
