//! `config.toml`: the operator's settings.

mod jobs;
mod mailbox;
mod mistake;
mod oidc;
mod refused;
pub(crate) mod schedules;
mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::mime::Sender;
use hippo_core::picture::PictureSource;
pub(crate) use hippo_core::schedule::declaration::table::PERSON_LABEL;
use hippo_core::schedule::declaration::table::{ScheduleTable, ScheduleTarget};
use secrecy::SecretString;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

pub(crate) use self::jobs::Jobs;
use self::jobs::{JobTable, OperatorTable};
pub(crate) use self::mailbox::mailbox;
use self::mailbox::sender;
pub(crate) use self::mistake::{describe_toml_error, line_of};
pub(crate) use self::oidc::OidcConfig;
use self::oidc::OidcTable;
use self::refused::Refused;
use self::schedules::ScheduleFile;
use self::secret::{read_secret_file, read_secret_variable, readable_by_others};
use crate::exit::CommandError;
use crate::home::Home;
use crate::text_input::read_text_file;
use crate::timezones::parse_timezone;

/// The operator's settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// The operator's address, in the User-Agent and at the end of emails.
    pub(crate) contact: Option<String>,
    /// The operator's time zone, for tables and as the default of new families and libraries.
    pub(crate) timezone: Tz,
    pub(crate) checks: Checks,
    pub(crate) mail: MailConfig,
    /// `[picture]`: where the picture of the day comes from.
    pub(crate) picture: Option<PictureSource>,
    pub(crate) jobs: Jobs,
    pub(crate) web: WebConfig,
}

/// `[checks]`: the pace of `check-cards`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Checks {
    /// How many libraries to visit at a time.
    pub(crate) concurrency: usize,
    /// The least delay between two cards of one library.
    pub(crate) delay_seconds: f64,
    /// The most that is added to the delay, at random.
    pub(crate) jitter_seconds: f64,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            concurrency: 8,
            delay_seconds: 1.0,
            jitter_seconds: 2.0,
        }
    }
}

/// The web pages and feeds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WebConfig {
    /// Where other devices find them; `None`: only this machine does.
    pub(crate) public_url: Option<Url>,
    /// Who signs in as the operator, besides the operator's address.
    pub(crate) operators: Vec<EmailAddress>,
    /// The identity provider that signs people in; `None`: only an email does.
    pub(crate) oidc: Option<OidcConfig>,
}

/// `[web]`: the web pages and feeds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WebTable {
    public_url: Option<Url>,
    operators: Vec<String>,
    oidc: Option<OidcTable>,
}

impl WebTable {
    /// Checks the values; an error message completes a sentence after the file's path.
    fn into_config(self) -> Result<WebConfig, String> {
        check_public_url(self.public_url.as_ref())?;
        let addresses = self.operators.iter();
        Ok(WebConfig {
            operators: addresses
                .map(|address| mailbox("web.operators", address).map(|(_, address)| address))
                .collect::<Result<_, _>>()?,
            public_url: self.public_url,
            oidc: self.oidc.map(OidcTable::into_config).transpose()?,
        })
    }
}

/// `[mail]`: how emails are sent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailConfig {
    /// The From address: `LibraryHippo <hippo@example.org>`.
    pub(crate) from: String,
    /// The Reply-To address, if not `from`.
    #[serde(default)]
    pub(crate) reply_to: Option<String>,
    /// The mailbox that `List-Unsubscribe` names, if not `from`.
    #[serde(default)]
    pub(crate) unsubscribe: Option<String>,
    /// Whether emails go to a folder or to a mail server.
    #[serde(default)]
    pub(crate) transport: Transport,
    /// The mail server.
    #[serde(default)]
    pub(crate) smtp: Option<SmtpConfig>,
}

impl MailConfig {
    /// Parses the sender of emails; an error message completes a sentence after the file's path.
    pub(crate) fn sender(&self) -> Result<Sender, String> {
        sender(
            &self.from,
            self.reply_to.as_deref(),
            self.unsubscribe.as_deref(),
        )
    }
}

/// Where emails go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    /// To files in the home's `mail/`.
    #[default]
    Folder,
    /// To a mail server.
    Smtp,
}

/// `[mail.smtp]`: the mail server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmtpConfig {
    pub(crate) host: String,
    /// By default the usual port of `tls`.
    #[serde(default)]
    pub(crate) port: Option<u16>,
    #[serde(default)]
    pub(crate) tls: Tls,
    /// The user name, if the server needs one.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// The file that holds the password; relative to the home.
    #[serde(default)]
    pub(crate) password_file: Option<PathBuf>,
    /// The environment variable that holds the password.
    #[serde(default)]
    pub(crate) password_env: Option<String>,
    /// A PEM file of additional trusted certificates; relative to the home.
    #[serde(default)]
    pub(crate) certificate_file: Option<PathBuf>,
    /// The timeout of each step.
    #[serde(default)]
    pub(crate) timeout_seconds: Option<u64>,
    /// Exists only to be rejected with a message of its own.
    #[serde(default)]
    password: Option<Refused>,
}

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tls {
    /// A plain connection that must switch to TLS before anything is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// No encryption; only for a mail server on this machine.
    None,
}

/// The file before validation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    contact: Option<String>,
    #[serde(default)]
    timezone: Option<String>,
    #[serde(default)]
    checks: Checks,
    mail: MailConfig,
    #[serde(default)]
    picture: Option<PictureSource>,
    #[serde(default)]
    operator: OperatorTable,
    #[serde(default)]
    jobs: BTreeMap<String, JobTable>,
    #[serde(default)]
    schedule: Vec<Spanned<ScheduleTable>>,
    #[serde(default)]
    web: WebTable,
}

impl Config {
    /// Reads the configuration of a home.
    pub(crate) fn read(home: &Home) -> Result<Self, CommandError> {
        let path = home.config();
        let text = read_text_file(&path).map_err(|error| {
            CommandError::unusable(format!("Can't read {}.", path.display())).caused_by(error)
        })?;
        Self::parse_in(&text, home.directory())
            .and_then(|config| config.check_files(home).map(|()| config))
            .map_err(|message| CommandError::unusable(format!("{} {message}", path.display())))
    }

    /// Fails if a file that the configuration names is missing.
    fn check_files(&self, home: &Home) -> Result<(), String> {
        let mut files = Vec::new();
        if let (Transport::Smtp, Some(smtp)) = (self.mail.transport, &self.mail.smtp) {
            files.push(("mail.smtp.password_file", smtp.password_file.clone()));
            files.push(("mail.smtp.certificate_file", smtp.certificate_file.clone()));
        }
        if let Some(oidc) = &self.web.oidc {
            let file = oidc.secret_file(home.directory());
            files.push(("web.oidc.client_secret_file", file));
        }
        for (key, file) in files {
            if let Some(path) = file.map(|file| home.directory().join(file))
                && !path.is_file()
            {
                return Err(format!(
                    "names {} at “{key}”, but that file doesn't exist.",
                    path.display()
                ));
            }
        }
        Ok(())
    }

    #[cfg(test)]
    fn parse(text: &str) -> Result<Self, String> {
        Self::parse_in(text, Path::new(""))
    }

    /// Parses the configuration of a directory; an error message completes a sentence after the
    /// file's path.
    fn parse_in(text: &str, directory: &Path) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| describe_toml_error(&error, text))?;
        let timezone = match file.timezone.as_deref().map(str::trim) {
            None | Some("") => Tz::UTC,
            Some(name) => parse_timezone(name)
                .map_err(|message| format!("has a mistake at “timezone”: {message}"))?,
        };
        validate_checks(&file.checks)?;
        check_mail(&file.mail)?;
        if let Some(picture) = &file.picture {
            picture
                .check()
                .map_err(|mistake| format!("has a mistake at “picture”: {mistake}"))?;
        }
        if let Some(contact) = &file.contact {
            check_contact("contact", contact)?;
        }
        let schedules = ScheduleFile {
            text,
            directory,
            target: ScheduleTarget::Local,
            default_zone: timezone,
        }
        .check(&file.schedule)?;
        let failures_by_label = file.schedule.iter().map(Spanned::get_ref);
        let failures_by_label = failures_by_label
            .filter_map(|table| Some((table.label.parse().ok()?, table.on_failure.clone()?)))
            .collect();
        Ok(Self {
            contact: file.contact.filter(|contact| !contact.trim().is_empty()),
            timezone,
            checks: file.checks,
            mail: file.mail,
            picture: file.picture,
            jobs: Jobs::from_tables(file.operator, file.jobs, schedules, failures_by_label)?,
            web: file.web.into_config()?,
        })
    }
}

fn validate_checks(checks: &Checks) -> Result<(), String> {
    if !(1..=64).contains(&checks.concurrency) {
        return Err(
            "has a mistake at “checks.concurrency”: give 1 to 64 libraries at a time.".to_owned(),
        );
    }
    for (name, seconds) in [
        ("delay_seconds", checks.delay_seconds),
        ("jitter_seconds", checks.jitter_seconds),
    ] {
        if !(0.0..=600.0).contains(&seconds) {
            return Err(format!(
                "has a mistake at “checks.{name}”: give 0 to 600 seconds."
            ));
        }
    }
    Ok(())
}

/// Fails unless the contact is an email address that fits into a request header.
pub(crate) fn check_contact(key: &str, contact: &str) -> Result<(), String> {
    let is_plain = contact.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if is_plain && (contact.trim().is_empty() || mailbox(key, contact).is_ok()) {
        Ok(())
    } else {
        Err(format!(
            "has a mistake at “{key}”: write an email address in plain letters (ASCII), such as you@example.org."
        ))
    }
}

/// Whether a host name means this machine.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Fails unless the address can be the beginning of links.
fn check_public_url(url: Option<&Url>) -> Result<(), String> {
    let Some(url) = url else {
        return Ok(());
    };
    let is_encrypted = match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(is_this_machine),
        _ => false,
    };
    let is_plain = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if is_encrypted && is_plain {
        return Ok(());
    }
    Err(
        "has a mistake at “web.public_url”: write https:// and a host, such as https://hippo.example.org."
            .to_owned(),
    )
}

fn check_mail(mail: &MailConfig) -> Result<(), String> {
    mail.sender()?;
    if let Some(smtp) = &mail.smtp {
        if smtp.password.is_some() {
            return Err(
                "has a password at “mail.smtp.password”. A password doesn't belong in the configuration: put it in a file \
                 that only you can read and name that with password_file, or name an environment variable with \
                 password_env."
                    .to_owned(),
            );
        }
        if smtp.password_file.is_some() && smtp.password_env.is_some() {
            return Err(
                "has both password_file and password_env at “mail.smtp”. Keep one of them."
                    .to_owned(),
            );
        }
        if smtp.host.trim().is_empty() {
            return Err("has an empty “mail.smtp.host”. Name the mail server.".to_owned());
        }
        if smtp.tls == Tls::None && !is_this_machine(&smtp.host) {
            return Err(
                "has tls = \"none\" at “mail.smtp” for another machine, which would send emails and the password \
                 unencrypted. Write \"starttls\" or \"implicit\"."
                    .to_owned(),
            );
        }
        if smtp
            .timeout_seconds
            .is_some_and(|seconds| !(1..=55).contains(&seconds))
        {
            return Err(
                "has a mistake at “mail.smtp.timeout_seconds”: give 1 to 55 seconds.".to_owned(),
            );
        }
        let has_password = smtp.password_file.is_some() || smtp.password_env.is_some();
        if smtp.user.is_some() != has_password {
            return Err(
                "has only one of user and password at “mail.smtp”. Give both (password_file or password_env), or neither."
                    .to_owned(),
            );
        }
    } else if mail.transport == Transport::Smtp {
        return Err("has transport = \"smtp\" but no [mail.smtp]. Add it, with the host of the mail server.".to_owned());
    }
    Ok(())
}

impl SmtpConfig {
    /// Returns the password file if others can read it.
    pub(crate) fn readable_by_others(&self, home: &Path) -> Option<PathBuf> {
        readable_by_others(home.join(self.password_file.as_ref()?))
    }

    /// Reads the password from its file or environment variable.
    pub(crate) fn read_password(&self, home: &Path) -> Result<Option<SecretString>, CommandError> {
        let what = "the mail server's password";
        if let Some(name) = &self.password_env {
            return read_secret_variable(name, what).map(Some);
        }
        let file = self.password_file.as_ref();
        file.map(|file| read_secret_file(&home.join(file), what))
            .transpose()
    }
}

/// The configuration that `hippo init` writes.
pub(crate) struct NewConfig<'a> {
    /// The From address.
    pub(crate) mail_from: &'a str,
    /// The operator's address, for libraries and families.
    pub(crate) contact: Option<&'a str>,
    /// The operator's time zone.
    pub(crate) timezone: Tz,
}

impl NewConfig<'_> {
    /// Renders the configuration with comments for the operator.
    pub(crate) fn to_toml(&self) -> String {
        let contact = match self.contact {
            Some(contact) => format!("contact = {}", quoted(contact)),
            None => "# contact = \"you@example.org\"".to_owned(),
        };
        format!(
            r#"# LibraryHippo's configuration. An unknown key is an error, so that you notice a misspelt one.

# Your address, for libraries and families that want to reach you. It is in every request to a library's
# site and at the end of every email.
{contact}

# Your time zone, for tables and for new families and libraries.
timezone = {timezone}

[checks]
# How many libraries to visit at a time. A library is never visited for more than one card at a time.
concurrency = {concurrency}
# Seconds to wait between two cards of a library: at least, and up to this many more.
delay_seconds = {delay:.1}
jitter_seconds = {jitter:.1}

[mail]
from = {from}
# reply_to = "you@example.org"
# The mailbox for families that want to stop the emails. By default the one of "from".
# unsubscribe = "you@example.org"

# "folder" writes each email to a file in mail/ beside this file; "smtp" sends it.
transport = "folder"

# [mail.smtp]
# host = "smtp.example.org"
# tls = "starttls"            # or "implicit"; "none" is for a mail server on this machine
# port = 587
# user = "you@example.org"
# The password doesn't belong here: put it in a file that only you can read, or in the environment.
# password_file = "smtp-password"
# password_env = "HIPPO_SMTP_PASSWORD"
# For a server whose certificate this machine doesn't trust:
# certificate_file = "smtp-certificates.pem"

[operator]
# Who gets alerts, once for each problem: a page that changed, a library that is down, an email that we gave
# up on. Without it, they only go to the log of scheduled runs.
# email = "you@example.org"

# [web]
# Where other devices find the pages and feeds of “hippo serve”. By default only this machine does.
# public_url = "https://hippo.example.org"
# Who signs in to the pages as the operator, besides the address above.
# operators = ["you@example.org"]

# [web.oidc]
# An account that people have elsewhere signs them in, besides email: docs/SIGN-IN.md says how.
# issuer = "https://accounts.google.com"
# client_id = "…"
# client_secret_file = "oidc-secret"
# name = "Google"

# [jobs.check-cards]
# heartbeat = "https://hc-ping.com/…"      # the heartbeat URL, fetched after each good run
# heartbeat_start_fail = true           # also fetch URL/start before a run, and URL/fail after a run in which everything failed

# When the jobs run. “hippo schedule install” makes timers from these tables; run it again after each change.
# A label is the name of a schedule and of its runs. Times are in your time zone, unless a table has a
# timezone of its own. A run that can't start within start_within is on record as missed.
[[schedule]]
job = "check-cards"
label = "all"
when = "cron(0 5,12,18 * * ? *)"      # 05:00, 12:00 and 18:00: minute, hour, day, month, weekday, year
start_within = "60 min"

# Tries again what failed half an hour before.
[[schedule]]
job = "check-cards"
label = "failed"
when = "cron(30 5,12,18 * * ? *)"
input = {{ scope = "failed" }}
start_within = "60 min"

# Sends the notices whose time has come.
[[schedule]]
job = "notify-all"
label = "tick"
when = "rate(15 minutes)"
start_within = "15 min"
"#,
            timezone = quoted(self.timezone.name()),
            concurrency = Checks::default().concurrency,
            delay = Checks::default().delay_seconds,
            jitter = Checks::default().jitter_seconds,
            from = quoted(self.mail_from),
        )
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const MAIL: &str = "[mail]\nfrom = \"hippo@example.org\"\n";

    #[test]
    fn config_written_by_init_is_valid_and_complete() {
        let text = NewConfig {
            mail_from: "LibraryHippo <hippo@example.org>",
            contact: Some("\"The Cat\" <pat@example.org>"),
            timezone: chrono_tz::America::Toronto,
        }
        .to_toml();
        let config = Config::parse(&text).unwrap();
        let contact = "\"The Cat\" <pat@example.org>";
        assert_eq!(config.contact.as_deref(), Some(contact));
        assert_eq!(config.timezone, chrono_tz::America::Toronto);
        assert_eq!(config.mail.from, "LibraryHippo <hippo@example.org>");
        assert_eq!(config.checks, Checks::default());
        let labels = config.jobs.schedules().iter().map(|one| one.label.as_str());
        assert_eq!(labels.collect::<Vec<_>>(), ["all", "failed", "tick"]);
        let plain = NewConfig {
            mail_from: "a@b.org",
            contact: None,
            timezone: Tz::UTC,
        }
        .to_toml();
        assert_eq!(Config::parse(&plain).unwrap().contact, None);
    }

    #[rstest]
    #[case::unknown_key(
        "[mail]\nfrom = \"a@b.org\"\nfrm = 1\n",
        "line 3: “frm” isn't known here. Did you mean “from”? The keys are from, reply_to"
    )]
    #[case::key_twice(
        "[mail]\nfrom = \"a@b.org\"\nfrom = \"c@d.org\"\n",
        "line 3: “from” is there twice."
    )]
    #[case::two_reports(&format!("{MAIL}[operator]\non_failure = {{ mail = \"\", log = \"\" }}\n"), "a table in { } has one key here")]
    #[case::unknown_zone(&format!("timezone = \"Toronto\"\n{MAIL}"), "“Toronto” isn't a time zone")]
    #[case::no_server(&format!("{MAIL}transport = \"smtp\"\n"), "but no [mail.smtp]")]
    #[case::too_many(&format!("{MAIL}[checks]\nconcurrency = 0\n"), "checks.concurrency")]
    #[case::no_delay(&format!("{MAIL}[checks]\ndelay_seconds = -1\n"), "checks.delay_seconds")]
    #[case::text_for_a_number(&format!("{MAIL}[checks]\nconcurrency = \"many\"\n"), "expected a whole number, 0 or more")]
    #[case::negative(&format!("{MAIL}[checks]\nconcurrency = -2\n"), "expected a whole number, 0 or more")]
    #[case::unknown_word(&format!("{MAIL}transport = \"pigeon\"\n"), "write one of folder, smtp")]
    #[case::no_mail("[checks]\nconcurrency = 2\n", "“mail” is missing")]
    #[case::sender("[mail]\nfrom = \"nobody\"\n", "mail.from")]
    #[case::reply_to(&format!("{MAIL}reply_to = \"nobody\"\n"), "mail.reply_to")]
    #[case::unsubscribe(&format!("{MAIL}unsubscribe = \"@\"\n"), "mail.unsubscribe")]
    #[case::unencrypted(&format!("{MAIL}[web]\npublic_url = \"http://hippo.example.org\"\n"), "web.public_url")]
    #[case::with_a_path(&format!("{MAIL}[web]\npublic_url = \"https://example.org/hippo\"\n"), "web.public_url")]
    #[case::other_scheme(&format!("{MAIL}[web]\npublic_url = \"webcal://example.org\"\n"), "web.public_url")]
    #[case::operators(&format!("{MAIL}[web]\noperators = [\"nobody\"]\n"), "web.operators")]
    #[case::issuer(&format!("{MAIL}[web.oidc]\nissuer = \"http://id.example.org\"\nclient_id = \"a\"\nclient_secret_env = \"A\"\n"), "web.oidc.issuer")]
    #[case::no_client(&format!("{MAIL}[web.oidc]\nissuer = \"https://id.example.org\"\nclient_id = \" \"\nclient_secret_env = \"A\"\n"), "web.oidc.client_id")]
    #[case::no_secret(&format!("{MAIL}[web.oidc]\nissuer = \"https://id.example.org\"\nclient_id = \"a\"\n"), "no secret at “web.oidc”")]
    #[case::two_secrets(&format!("{MAIL}[web.oidc]\nissuer = \"https://id.example.org\"\nclient_id = \"a\"\nclient_secret_env = \"A\"\nclient_secret_file = \"b\"\n"), "Keep one of them")]
    #[case::unnamed(&format!("{MAIL}[web.oidc]\nissuer = \"https://id.example.org\"\nclient_id = \"a\"\nclient_secret_env = \"A\"\nname = \"\"\n"), "web.oidc.name")]
    #[case::half(&format!("{MAIL}[web.oidc]\nissuer = \"https://id.example.org\"\n"), "client_id")]
    #[case::contact(&format!("contact = \"a\\nb\"\n{MAIL}"), "“contact”")]
    #[case::contact_address(&format!("contact = \"nonsense\"\n{MAIL}"), "“contact”: write an email address")]
    #[case::contact_letters(&format!("contact = \"Zoë\"\n{MAIL}"), "“contact”")]
    #[case::in_the_clear(&format!("{MAIL}[mail.smtp]\nhost = \"smtp.example.org\"\ntls = \"none\"\n"), "another machine")]
    #[case::half_a_login(&format!("{MAIL}[mail.smtp]\nhost = \"h\"\nuser = \"u\"\n"), "only one of user and password")]
    fn mistake_is_described(#[case] text: &str, #[case] expected: &str) {
        let message = Config::parse(text).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }

    #[rstest]
    #[case("https://hippo.example.org")]
    #[case("https://hippo.example.org:8443/")]
    #[case("http://localhost:8484")]
    #[case("http://[::1]:8484")]
    fn links_may_begin_with_https_or_this_machine(#[case] url: &str) {
        let text = format!("{MAIL}[web]\npublic_url = \"{url}\"\n");
        let config = Config::parse(&text).unwrap();
        assert_eq!(config.web.public_url, url.parse().ok());
    }

    #[test]
    fn identity_provider_is_called_by_its_host_unless_it_has_a_name() {
        let table = "[web.oidc]\nissuer = \"https://id.example.org\"\nclient_id = \"a\"\nclient_secret_env = \"A\"\n";
        let config = Config::parse(&format!("{MAIL}{table}")).unwrap();
        assert_eq!(config.web.oidc.unwrap().name, "id.example.org");
        let config = Config::parse(&format!("{MAIL}{table}name = \"Home\"\n")).unwrap();
        assert_eq!(config.web.oidc.unwrap().name, "Home");
    }

    #[rstest]
    #[case("client_secret = \"canary\"\n")]
    #[case("client_secret = [\"canary\"]\n")]
    #[case("client_secret_file = [\"canary\"]\n")]
    #[case("client_secrt = \"canary\"\n")]
    fn client_secret_in_the_configuration_is_rejected_and_hidden(#[case] line: &str) {
        let table = "[web.oidc]\nissuer = \"https://id.example.org\"\nclient_id = \"a\"\n";
        let message = Config::parse(&format!("{MAIL}{table}{line}")).unwrap_err();
        assert!(!message.contains("canary"), "{message}");
        assert!(!message.contains(" client_secret,"), "{message}");
    }

    #[test]
    fn password_is_never_suggested_as_a_key() {
        let text = format!("{MAIL}[mail.smtp]\nhost = \"h\"\npasword = \"canary\"\n");
        let message = Config::parse(&text).unwrap_err();
        assert!(message.contains("“pasword” isn't known here"), "{message}");
        assert!(!message.contains(" password,") && !message.contains("canary"));
    }

    #[rstest]
    #[case("[::1]")]
    #[case("127.0.0.1")]
    #[case("localhost")]
    fn mail_server_on_this_machine_needs_no_tls(#[case] host: &str) {
        let text = format!("{MAIL}[mail.smtp]\nhost = \"{host}\"\ntls = \"none\"\n");
        assert!(Config::parse(&text).is_ok());
    }

    #[rstest]
    #[case("tls = \"canary\"\n")]
    #[case("port = \"canary\"\n")]
    #[case("password = \"canary\"\n")]
    #[case("password = \"canary\n")]
    #[case("user = \"u\"\npassword_file = [\"canary\"]\n")]
    fn password_in_the_configuration_is_refused_and_never_shown(#[case] line: &str) {
        let text = format!("{MAIL}[mail.smtp]\nhost = \"h\"\n{line}");
        let message = Config::parse(&text).unwrap_err();
        assert!(!message.contains("canary"), "{message}");
    }
}
