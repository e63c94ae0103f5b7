//! “Did you mean …?” for a mistyped name.

use std::fmt::Display;

/// Finds the candidate that is closest to the given name, if one is close enough.
pub(crate) fn find_nearest<T: AsRef<str>>(
    given: &str,
    candidates: impl IntoIterator<Item = T>,
) -> Option<T> {
    let given = given.to_lowercase();
    let max_distance = (given.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let known = candidate.as_ref().to_lowercase();
            // Three or more first letters always match.
            let is_beginning = given.len() >= 3 && known.starts_with(&given);
            let distance = match is_beginning {
                true => 0,
                false => strsim::osa_distance(&given, &known),
            };
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= max_distance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Formats a suggestion, such as ` Did you mean “conrad”?`; empty if no candidate is close enough.
pub(crate) fn did_you_mean<T: AsRef<str> + Display>(
    given: &str,
    candidates: impl IntoIterator<Item = T>,
) -> String {
    find_nearest(given, candidates)
        .map(|candidate| format!(" Did you mean “{candidate}”?"))
        .unwrap_or_default()
}

/// Lists all names in a sentence, such as `The schedules are “all” and “tick”.`; `None` if there are none.
pub(crate) fn list_known(what: &str, names: &[String]) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("“{name}”")).collect();
    let (last, others) = quoted.split_last()?;
    Some(match others {
        [] => format!("The only {what} is {last}."),
        others => format!("The {what}s are {} and {last}.", others.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::letter_left_out("conrd", Some("conrad"))]
    #[case::letters_exchanged("conard", Some("conrad"))]
    #[case::other_case("Conrad", Some("conrad"))]
    #[case::beginning("tor", Some("toronto-public"))]
    #[case::nothing_like_it("smith", None)]
    #[case::too_short_to_tell("x", None)]
    fn nearest_id_is_suggested(#[case] given: &str, #[case] expected: Option<&str>) {
        let known = ["conrad", "lee", "toronto-public"];
        assert_eq!(find_nearest(given, known), expected);
    }
}
