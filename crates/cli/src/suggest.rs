//! “Did you mean …?” for a mistyped name.

use std::fmt::Display;

/// Finds the candidate that is most like what was given, if one is like it at all.
pub(crate) fn nearest<T: AsRef<str>>(
    given: &str,
    candidates: impl IntoIterator<Item = T>,
) -> Option<T> {
    let given = given.to_lowercase();
    let most = (given.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let known = candidate.as_ref().to_lowercase();
            // A beginning of three letters is meant, however much is missing.
            let is_beginning = given.len() >= 3 && known.starts_with(&given);
            let distance = match is_beginning {
                true => 0,
                false => strsim::osa_distance(&given, &known),
            };
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ` Did you mean “conrad”?`, to go on after a sentence; empty if nothing is like what was given.
pub(crate) fn did_you_mean<T: AsRef<str> + Display>(
    given: &str,
    candidates: impl IntoIterator<Item = T>,
) -> String {
    nearest(given, candidates)
        .map(|candidate| format!(" Did you mean “{candidate}”?"))
        .unwrap_or_default()
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
        assert_eq!(nearest(given, known), expected);
    }
}
