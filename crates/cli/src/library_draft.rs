//! Libraries before validation.

use std::collections::BTreeMap;

use chrono::format::{Item, StrftimeItems};
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use hippo_core::ids::LibraryId;
use hippo_core::library::{CURRENCY_OPTION, Library};
use hippo_core::public_url::is_loopback;
use hippo_systems::{SYSTEMS, System, check_value, known_options};
use url::{Host, Url};

/// A library before validation, from options or a file.
#[derive(Debug, Default)]
pub(crate) struct LibraryDraft {
    pub(crate) system: String,
    pub(crate) url: String,
    pub(crate) name: Option<String>,
    pub(crate) timezone: Option<Tz>,
    pub(crate) date_format: Option<String>,
    pub(crate) login_hosts: Vec<String>,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) account_url: Option<String>,
}

impl LibraryDraft {
    /// Validates the draft.
    pub(crate) fn into_library(self, id: LibraryId, zone: Tz) -> Result<Library, String> {
        let system = hippo_systems::system(&self.system)
            .ok_or_else(|| unknown_system_message(&self.system))?;
        let base_url = parse_site_url(&self.url)?;
        let account_url = self.account_url.as_deref().map(parse_web_url).transpose()?;
        if let Some(format) = &self.date_format {
            check_date_format(format)?;
        }
        for (name, value) in &self.options {
            if !known_options(system).any(|(known, _)| known == name) {
                return Err(unknown_option_message(system, name));
            }
            if let Err(allowed) = check_value(name, value) {
                return Err(format!("The option “{name}” must be {allowed}."));
            }
        }
        let mut library = Library {
            name: clean_name_or(self.name, id.as_str()),
            id,
            system: system
                .name()
                .parse()
                .map_err(|_| unknown_system_message(&self.system))?,
            base_url,
            account_url: None,
            timezone: self.timezone.unwrap_or(zone),
            date_format: self.date_format,
            login_hosts: self
                .login_hosts
                .iter()
                .map(|host| parse_host_name(host))
                .collect::<Result<_, _>>()?,
            options: self.options,
        };
        library.account_url = account_url.or_else(|| system.account_url(&library));
        Ok(library)
    }
}

fn clean_name_or(name: Option<String>, id: &str) -> String {
    let name = name.map(|name| hippo_core::text::clean(&name));
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| id.to_owned())
}

/// The message for an unknown system.
pub(crate) fn unknown_system_message(name: &str) -> String {
    let known: Vec<&str> = SYSTEMS.iter().map(|system| system.name()).collect();
    format!(
        "There is no system “{name}”. The systems are {}.{}",
        known.join(", "),
        crate::suggest::did_you_mean(name, &known)
    )
}

fn unknown_option_message(system: &dyn System, name: &str) -> String {
    let known: Vec<String> = known_options(system)
        .map(|(name, meaning)| format!("{name} ({meaning})"))
        .collect();
    format!(
        "{} has no option “{name}”; it has {}.",
        system.name(),
        known.join(", ")
    )
}

fn parse_site_url(text: &str) -> Result<Url, String> {
    let url = parse_web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "“{text}” has a query or fragment. Leave out everything from the “?” or “#” on."
        ));
    }
    if is_secure(&url) {
        Ok(url)
    } else {
        Err(format!(
            "“{text}” isn't https, and we send PINs only by https. Try https://{}.",
            url.host_str().unwrap_or_default()
        ))
    }
}

/// Whether a library's site may get PINs: it has https, or runs on this machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || url.host().is_some_and(|host| is_loopback(&host))
}

fn parse_web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
        .ok_or_else(|| {
            format!("“{text}” isn't a web address. Write it like https://wpl.example.org.")
        })?;
    if url.username().is_empty() && url.password().is_none() {
        Ok(url)
    } else {
        Err("The web address holds a user name or password. Leave them out.".to_owned())
    }
}

fn parse_host_name(text: &str) -> Result<String, String> {
    match Host::parse(text.trim()) {
        Ok(host) => Ok(host.to_string()),
        Err(_) => Err(format!(
            "“{text}” isn't a host. Write it like login.example.org."
        )),
    }
}

/// Fails unless a strftime format is valid and holds day, month and year.
pub(crate) fn check_date_format(format: &str) -> Result<(), String> {
    if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
        return Err(format!(
            "“{format}” isn't a date format. Write it like %m/%d/%Y (strftime)."
        ));
    }
    if is_complete_date_format(format) {
        Ok(())
    } else {
        Err(format!(
            "The date format “{format}” lacks the day, month or year. Write it like %m/%d/%Y."
        ))
    }
}

/// Whether a date in this format can be parsed again.
fn is_complete_date_format(format: &str) -> bool {
    use std::fmt::Write as _;
    let Some(date) = NaiveDate::from_ymd_opt(2026, 11, 21) else {
        return false;
    };
    let mut written = String::new();
    write!(written, "{}", date.and_time(NaiveTime::MIN).format(format)).is_ok()
        && NaiveDate::parse_from_str(&written, format) == Ok(date)
}

/// The library option for a currency code.
pub(crate) fn currency_option(code: Option<String>) -> Option<(String, String)> {
    code.map(|code| (CURRENCY_OPTION.to_owned(), code.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn draft(url: &str) -> LibraryDraft {
        LibraryDraft {
            system: "sierra".into(),
            url: url.into(),
            ..LibraryDraft::default()
        }
    }

    fn library(draft: LibraryDraft) -> Result<Library, String> {
        draft.into_library("wpl".parse().unwrap(), Tz::UTC)
    }

    #[rstest]
    #[case("http://library.example.org", "isn't https")]
    #[case("ftp://library.example.org", "isn't a web address")]
    #[case("library.example.org", "isn't a web address")]
    #[case("https://pat:canary@library.example.org", "user name or password")]
    #[case("https://library.example.org/?a=b", "query or fragment")]
    fn unsafe_or_malformed_address_is_refused(#[case] url: &str, #[case] expected: &str) {
        let message = library(draft(url)).unwrap_err();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("canary"));
    }

    #[test]
    fn plain_http_is_accepted_on_loopback() {
        for url in [
            "http://127.0.0.1:8080",
            "http://[::1]:8080/a",
            "http://localhost",
        ] {
            assert!(library(draft(url)).is_ok(), "{url}");
        }
    }

    #[rstest]
    #[case("%m/%d/%Y", true)]
    #[case("%d.%m.%y", true)]
    #[case("%b %e, %Y", true)]
    #[case("%F", true)]
    #[case("%m-%d-%y %H:%M", true)]
    #[case("%Q", false)]
    #[case("%m-%d", false)]
    #[case("%m/%Y", false)]
    #[case("%H:%M", false)]
    #[case("day", false)]
    fn date_format_is_validated(#[case] format: &str, #[case] is_valid: bool) {
        let mut draft = draft("https://library.example.org");
        draft.date_format = Some(format.into());
        assert_eq!(library(draft).is_ok(), is_valid);
    }

    #[rstest]
    #[case("number-separators", "keep", None)]
    #[case("number-separators", "drop", None)]
    #[case("number-separators", "yes", Some("keep or drop"))]
    #[case("currency", "CAD", None)]
    #[case("currency", "cad", Some("three letters, like CAD"))]
    #[case("currency", "dollars", Some("three letters, like CAD"))]
    #[case("scope", "S9", None)]
    #[case("number_separators", "keep", Some("it has scope"))]
    fn options_and_their_values_are_validated(
        #[case] name: &str,
        #[case] value: &str,
        #[case] expected: Option<&str>,
    ) {
        let mut draft = draft("https://library.example.org");
        draft.options.insert(name.into(), value.into());
        match (library(draft), expected) {
            (Ok(library), None) => assert_eq!(library.options[name], value),
            (Err(message), Some(expected)) => assert!(message.contains(expected), "{message}"),
            (answer, _) => panic!("{answer:?}"),
        }
    }

    #[test]
    fn unknown_system_names_the_known_ones() {
        let mut draft = draft("https://library.example.org");
        draft.system = "siera".into();
        let message = library(draft).unwrap_err();
        assert!(
            message.contains("sierra") && message.contains("bibliocommons"),
            "{message}"
        );
    }
}
