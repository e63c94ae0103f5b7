//! Parses the TOML file that `hippo import` reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hippo_core::email_address::EmailAddress;
use hippo_core::family::{Delivery, Family};
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::library::Library;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, Visitor};
use toml::Spanned;

use crate::ask::validate_number;
use crate::commands::card::clean_patron_name;
use crate::commands::family::{PreferenceOptions, fines_threshold, new_family, weekday};
use crate::config::{describe_toml_error, line_of};
use crate::context::Context;
use crate::library_draft::{LibraryDraft, currency_option};
use crate::timezones::parse_timezone;
use crate::values::time_of_day;

/// A mistake and its line number, from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mistake {
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

/// The entries to add, with their line numbers.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) libraries: Vec<(usize, Library)>,
    pub(super) families: Vec<(usize, Family)>,
    pub(super) cards: Vec<PlannedCard>,
}

/// A card to add, without its PIN.
#[derive(Debug)]
pub(super) struct PlannedCard {
    pub(super) line: usize,
    pub(super) family: FamilyId,
    pub(super) library: LibraryId,
    pub(super) patron: String,
    pub(super) number: SecretString,
    pub(super) pin_env: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    library: Vec<Spanned<LibraryEntry>>,
    #[serde(default)]
    family: Vec<Spanned<FamilyEntry>>,
    #[serde(default)]
    card: Vec<Spanned<CardEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LibraryEntry {
    id: String,
    system: String,
    url: String,
    name: Option<String>,
    timezone: Option<String>,
    date_format: Option<String>,
    currency: Option<String>,
    #[serde(default)]
    login_hosts: Vec<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
    account_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FamilyEntry {
    id: String,
    name: String,
    to: Vec<String>,
    timezone: Option<String>,
    time: Option<String>,
    due_within_days: Option<u16>,
    fines_threshold: Option<String>,
    #[serde(default)]
    daily: bool,
    weekly: Option<String>,
    delivery: Option<String>,
    by_person: Option<bool>,
    #[serde(default)]
    picture: bool,
    picture_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardEntry {
    family: String,
    library: String,
    patron: String,
    number: Number,
    pin_env: Option<String>,
    /// Exists only to be rejected with a message of its own.
    pin: Option<IgnoredAny>,
}

/// A card number; unlike those of a `String`, its errors never repeat the value.
struct Number(String);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a card number in quotes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, _number: i64) -> Result<Number, E> {
                Err(E::custom(
                    "write the card number in quotes, so that no zero is lost",
                ))
            }

            fn visit_f64<E: de::Error>(self, _number: f64) -> Result<Number, E> {
                Err(E::custom(
                    "write the card number in quotes, so that no zero is lost",
                ))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// Parses a file, or returns all its mistakes.
pub(super) fn parse(context: &Context, text: &str) -> Result<Plan, Vec<Mistake>> {
    let single = single_brackets(text);
    if !single.is_empty() {
        return Err(single);
    }
    let file: File = toml::from_str(text).map_err(|error| {
        vec![Mistake {
            line: None,
            message: format!("the file {}", describe_toml_error(&error, text)),
        }]
    })?;
    let mut mistakes = Vec::new();
    let mut plan = Plan {
        libraries: Vec::new(),
        families: Vec::new(),
        cards: Vec::new(),
    };
    for entry in file.library {
        let line = line_of(text, entry.span().start).unwrap_or(1);
        match library(entry.into_inner(), context) {
            Ok(library) => plan.libraries.push((line, library)),
            Err(message) => mistakes.push(Mistake {
                line: Some(line),
                message,
            }),
        }
    }
    for entry in file.family {
        let line = line_of(text, entry.span().start).unwrap_or(1);
        match family(entry.into_inner(), context) {
            Ok(family) => plan.families.push((line, family)),
            Err(message) => mistakes.push(Mistake {
                line: Some(line),
                message,
            }),
        }
    }
    for entry in file.card {
        let line = line_of(text, entry.span().start).unwrap_or(1);
        match card(entry.into_inner(), line) {
            Ok(card) => plan.cards.push(card),
            Err(message) => mistakes.push(Mistake {
                line: Some(line),
                message,
            }),
        }
    }
    add_duplicates(&plan, &mut mistakes);
    if plan.libraries.is_empty()
        && plan.families.is_empty()
        && plan.cards.is_empty()
        && mistakes.is_empty()
    {
        mistakes.push(Mistake {
            line: None,
            message: "the file has no [[library]], [[family]] or [[card]].".to_owned(),
        });
    }
    if mistakes.is_empty() {
        Ok(plan)
    } else {
        Err(mistakes)
    }
}

/// Finds `[card]` where `[[card]]` is meant, because TOML's own message doesn't help.
fn single_brackets(text: &str) -> Vec<Mistake> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(index, line)| {
            let line = line.split('#').next().unwrap_or_default().trim();
            let name = line.strip_prefix('[')?.strip_suffix(']')?.trim();
            matches!(name, "library" | "family" | "card").then(|| Mistake {
                line: Some(index + 1),
                message: format!(
                    "write [[{name}]], with two brackets, because there can be several."
                ),
            })
        })
        .collect()
}

fn add_duplicates(plan: &Plan, mistakes: &mut Vec<Mistake>) {
    let mut libraries = BTreeSet::new();
    for (line, library) in &plan.libraries {
        if !libraries.insert(&library.id) {
            mistakes.push(Mistake {
                line: Some(*line),
                message: format!("the library “{}” is in the file twice.", library.id),
            });
        }
    }
    let mut families = BTreeSet::new();
    for (line, family) in &plan.families {
        if !families.insert(&family.id) {
            mistakes.push(Mistake {
                line: Some(*line),
                message: format!("the family “{}” is in the file twice.", family.id),
            });
        }
    }
}

fn library(entry: LibraryEntry, context: &Context) -> Result<Library, String> {
    let id: LibraryId = entry.id.parse().map_err(text_of)?;
    let mut options = entry.options;
    options.extend(currency_option(entry.currency));
    let draft = LibraryDraft {
        system: entry.system,
        url: entry.url,
        name: entry.name,
        timezone: entry.timezone.as_deref().map(parse_timezone).transpose()?,
        date_format: entry.date_format,
        login_hosts: entry.login_hosts,
        options,
        account_url: entry.account_url,
    };
    draft.into_library(id, context.zone())
}

fn family(entry: FamilyEntry, context: &Context) -> Result<Family, String> {
    let id: FamilyId = entry.id.parse().map_err(text_of)?;
    let recipients = entry
        .to
        .into_iter()
        .map(|address| address.parse::<EmailAddress>().map_err(text_of))
        .collect::<Result<Vec<_>, _>>()?;
    if entry.daily && entry.weekly.is_some() {
        return Err("write daily or weekly, not both.".to_owned());
    }
    let preferences = PreferenceOptions {
        timezone: entry.timezone.as_deref().map(parse_timezone).transpose()?,
        time: entry.time.as_deref().map(time_of_day).transpose()?,
        due_within_days: entry.due_within_days,
        fines_threshold: entry
            .fines_threshold
            .as_deref()
            .map(fines_threshold)
            .transpose()?,
        daily: entry.daily,
        weekly: entry.weekly.as_deref().map(weekday).transpose()?,
        only_when_needed: false,
        delivery: entry.delivery.as_deref().map(delivery).transpose()?,
        by_person: entry.by_person,
        picture: entry.picture,
        no_picture: false,
        picture_time: entry.picture_time.as_deref().map(time_of_day).transpose()?,
    };
    let mut family = new_family(context, id, &entry.name, recipients)?;
    preferences.apply_to_new(&mut family);
    Ok(family)
}

fn delivery(text: &str) -> Result<Delivery, String> {
    let mut known = Delivery::ALL.into_iter();
    known
        .find(|delivery| delivery.as_str() == text)
        .ok_or_else(|| format!("“{text}” isn't a delivery. Write at-most-once or at-least-once."))
}

fn card(entry: CardEntry, line: usize) -> Result<PlannedCard, String> {
    if entry.pin.is_some() {
        return Err(
            "a PIN doesn't belong in the file. Leave “pin” out and we'll ask for it, or name an environment variable \
             with “pin_env”."
                .to_owned(),
        );
    }
    Ok(PlannedCard {
        line,
        family: entry.family.parse().map_err(text_of)?,
        library: entry.library.parse().map_err(text_of)?,
        patron: clean_patron_name(&entry.patron)?,
        number: validate_number(&entry.number.0).map_err(text_of)?,
        pin_env: entry.pin_env,
    })
}

fn text_of(error: impl fmt::Display) -> String {
    error.to_string()
}
