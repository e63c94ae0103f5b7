//! Reads variables, and collects what is wrong with them.

use std::time::Duration;

use chrono_tz::Tz;
use hippo_core::alerts::heartbeat::HeartbeatUrl;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::mime::Sender;
use hippo_core::picture::{PictureSource, SourceKind};
use hippo_core::public_url::PublicUrl;
use hippo_core::run::JobName;
use hippo_core::text::clean;
use url::Url;

use super::{Common, EnvironmentError, LogLevel, Lookup};
use crate::schedules::{ScheduleList, Schedules};

/// Looks up variables and collects problems.
pub(super) struct Reader<'a> {
    lookup: Lookup<'a>,
    pub(super) missing: Vec<&'static str>,
    malformed: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: Lookup<'a>) -> Self {
        Self {
            lookup,
            missing: Vec::new(),
            malformed: Vec::new(),
        }
    }

    pub(super) fn common(&mut self) -> Common {
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
    pub(super) fn sender(&mut self) -> Option<Sender> {
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

    /// Reads the base URL of the web pages.
    pub(super) fn public_url(&mut self) -> Option<PublicUrl> {
        self.parse_optional("WEB_URL", |text| {
            text.parse()
                .map_err(|_| "must be an address like https://hippo.example.org".to_owned())
        })
    }

    /// Reads the addresses that sign in to the web pages as the operator, besides `operator`.
    pub(super) fn web_operators(&mut self, operator: Option<EmailAddress>) -> Vec<EmailAddress> {
        let more = self.parse_optional("WEB_OPERATORS", |text| {
            let addresses = text.split(',').map(str::trim);
            let addresses = addresses.filter(|address| !address.is_empty());
            let addresses: Result<Vec<_>, _> = addresses.map(parse_address).collect();
            addresses.map_err(|_| "must be email addresses separated by commas".to_owned())
        });
        operator
            .into_iter()
            .chain(more.into_iter().flatten())
            .collect()
    }

    /// Reads where the pictures come from. Without `PICTURE_URL`, ignores the other picture variables.
    pub(super) fn picture_source(&mut self) -> Option<PictureSource> {
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
    pub(super) fn timezone(&mut self) -> Tz {
        self.parse_optional("TIMEZONE", |text| {
            text.parse::<Tz>()
                .map_err(|_| "must be a name like America/Toronto".to_owned())
        })
        .unwrap_or(Tz::UTC)
    }

    /// Resolves the job's schedules that were compiled in.
    pub(super) fn schedules(&mut self, job: JobName) -> Schedules {
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
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?.trim().to_owned();
        (!value.is_empty() && value != "none").then_some(value)
    }

    pub(super) fn required(&mut self, name: &'static str) -> String {
        self.parse_required(name, |text| Ok(text.to_owned()))
    }

    pub(super) fn parse_required<T: Default>(
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
    pub(super) fn parse_optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        parse(&self.optional(name)?)
            .map_err(|problem| self.malformed.push(format!("{name} {problem}")))
            .ok()
    }

    pub(super) fn heartbeat(&mut self) -> Option<HeartbeatUrl> {
        let start_fail = self.flag("HEARTBEAT_START_FAIL");
        let url = self.parse_optional("HEARTBEAT_URL", parse_heartbeat_url)?;
        Some(HeartbeatUrl { url, start_fail })
    }

    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        self.parse_optional(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        })
        .unwrap_or_default()
    }

    pub(super) fn seconds(&mut self, name: &'static str, default: Duration) -> Duration {
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
    pub(super) fn finish<T>(self, environment: Option<T>) -> Result<T, EnvironmentError> {
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

pub(super) fn parse_queue_url(text: &str) -> Result<String, String> {
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

pub(super) fn parse_address(text: &str) -> Result<EmailAddress, String> {
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
