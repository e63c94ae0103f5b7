//! Time zones in arguments and files.

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::suggest::find_nearest;

/// Zones without summer time, each with two zones that people may mean: one with summer time, and
/// one without it.
const WITHOUT_SUMMER_TIME: [(Tz, &str, &str); 3] = [
    (Tz::EST, "America/New_York", "America/Panama"),
    (Tz::MST, "America/Denver", "America/Phoenix"),
    (Tz::HST, "Pacific/Honolulu", "Pacific/Honolulu"),
];

/// Parses a time zone by its IANA name.
pub(crate) fn parse_timezone(name: &str) -> Result<Tz, String> {
    let name = name.trim();
    let zone: Tz = name.parse().map_err(|_| unknown(name))?;
    match WITHOUT_SUMMER_TIME
        .iter()
        .find(|(fixed, ..)| *fixed == zone)
    {
        None => Ok(zone),
        Some((_, with, without)) if with == without => {
            Err(format!("“{name}” is an old name. Write {with}."))
        }
        Some((_, with, without)) => Err(format!(
            "“{name}” has no summer time. Write {with}, or {without} where the clocks never change."
        )),
    }
}

fn unknown(name: &str) -> String {
    let meant = suggestion(name);
    let like = meant.map_or_else(
        || " Write it like America/Toronto or Europe/Berlin.".to_owned(),
        |zone| format!(" Did you mean “{zone}”?"),
    );
    format!("“{name}” isn't a time zone.{like}")
}

/// Finds the zone whose name or city is closest to the given text.
fn suggestion(name: &str) -> Option<&'static str> {
    let written = name.replace(' ', "_");
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    if written.contains('/') {
        // A short beginning would find a city at the other end of the world.
        let city = city_of(&written);
        let is_like_it = |zone: &&str| city_of(zone).chars().count() <= city.chars().count() + 1;
        return find_nearest(&written, names()).or_else(|| suggestion(city).filter(is_like_it));
    }
    let is_place = |name: &&str| name.contains('/') && !name.starts_with("Etc/");
    let same = |name: &&str| city_of(name).eq_ignore_ascii_case(&written);
    if let Some(zone) = names().filter(is_place).find(same) {
        return Some(zone);
    }
    let meant = find_nearest(&written, names().filter(is_place).map(city_of))?;
    names().filter(is_place).find(|name| city_of(name) == meant)
}

fn city_of(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// This machine's time zone: `TZ`, or else the system's setting, or else UTC.
pub(crate) fn machine_timezone() -> Tz {
    let from_environment = std::env::var("TZ")
        .ok()
        .and_then(|name| name.trim_start_matches(':').parse().ok());
    let zone = from_environment
        .or_else(|| iana_time_zone::get_timezone().ok()?.parse().ok())
        .unwrap_or(Tz::UTC);
    canonical_zone(zone)
}

/// Replaces a zone that [`parse_timezone`] rejects with its modern name.
fn canonical_zone(zone: Tz) -> Tz {
    // Nobody writes the long name.
    if zone == Tz::Etc__UTC {
        return Tz::UTC;
    }
    WITHOUT_SUMMER_TIME
        .iter()
        .find(|(fixed, ..)| *fixed == zone)
        .and_then(|(_, with, _)| with.parse().ok())
        .unwrap_or(zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("America/Toronto")]
    #[case(" Europe/Berlin ")]
    #[case("UTC")]
    #[case("EST5EDT")]
    #[case("CET")]
    fn valid_zone_is_accepted(#[case] name: &str) {
        assert!(parse_timezone(name).is_ok());
    }

    #[rstest]
    #[case("EST", "America/New_York")]
    #[case("MST", "America/Denver")]
    #[case("HST", "Pacific/Honolulu")]
    #[case("America/Torono", "“America/Toronto”")]
    #[case("Canada/Torontoo", "“America/Toronto”")]
    #[case("Toronto", "“America/Toronto”")]
    #[case("new york", "“America/New_York”")]
    #[case("Berln", "“Europe/Berlin”")]
    #[case("Foo/Bar", "like America/Toronto")]
    #[case("Mars/Olympus_Mons", "like America/Toronto")]
    #[case("", "like America/Toronto")]
    fn invalid_zone_is_refused_with_a_suggestion(#[case] name: &str, #[case] expected: &str) {
        let message = parse_timezone(name).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn machine_timezone_is_accepted() {
        for (fixed, ..) in WITHOUT_SUMMER_TIME {
            assert!(
                parse_timezone(canonical_zone(fixed).name()).is_ok(),
                "{fixed}"
            );
        }
        assert_eq!(canonical_zone(Tz::Etc__UTC), Tz::UTC);
    }
}
