//! Finds what stands beside known words.

use std::iter::successors;

use hippo_browser::reading::{
    Element, element_lines, text_after_start, text_after_words, text_around_words,
};

/// Returns the rest of a text that begins with one of these words, and a space or a colon. Words that end in a colon
/// need neither.
pub(crate) fn text_after_beginning<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|words| {
        let after = text_after_start(text, words)?;
        let behind = text.chars().nth(words.chars().count());
        let is_end = !words.ends_with(char::is_alphanumeric)
            || behind.is_none_or(|sign| sign == ':' || sign.is_whitespace());
        is_end.then_some(after)
    })
}

/// Returns the rest of the first line that begins with one of these words. The element's first line is the title.
pub(crate) fn line_beginning(element: Element<'_>, words: &[&str]) -> Option<String> {
    let lines = element_lines(element);
    let mut rests = lines
        .iter()
        .skip(1)
        .filter_map(|line| text_after_beginning(line, words));
    rests.next().map(str::to_owned)
}

/// The beginnings of each line, and of what is behind a comma or a bar.
pub(crate) fn line_parts(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().flat_map(|line| {
        let ends = line.match_indices([',', '|']);
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        starts.filter_map(|at| Some(line.get(at..)?.trim_start()))
    })
}

/// Returns the number right after one of the first words, or right before one of the others.
pub(super) fn count_beside(text: &str, after: &[&str], before: &[&str]) -> Option<u32> {
    let is_between = |c: char| !c.is_alphanumeric();
    let number_after = || {
        let mut words = text_after_words(text, after)?.split(is_between);
        words.find(|word| !word.is_empty())?.parse().ok()
    };
    let number_before = || {
        let (text, _) = text_around_words(text, before)?;
        let mut words = text.rsplit(is_between);
        words.find(|word| !word.is_empty())?.parse().ok()
    };
    number_after().or_else(number_before)
}

/// How many words a value after a label has at most.
const MAX_VALUE_WORDS: usize = 3;

/// Returns the values with a number after these labels: a few words, up to the next label. This sign ends each label.
pub(super) fn values_after<'a>(
    text: &'a str,
    labels: &'a [&str],
    sign: &'a str,
) -> impl Iterator<Item = String> {
    let all = labels.iter().flat_map(move |label| {
        let label = format!("{label}{sign}");
        let after = move |text: &'a str| text_after_words(text, &[label.as_str()]);
        successors(after(text), move |text| after(text))
    });
    let values = all.map(|after| {
        let words = after.split_whitespace().take(MAX_VALUE_WORDS);
        let words = words.take_while(|word| !word.contains(':'));
        words.collect::<Vec<_>>().join(" ")
    });
    values.filter(|value| value.contains(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Anzahl Verlängerungen: 2", Some(2))]
    #[case("Anzahl Verlängerungen (2)", Some(2))]
    #[case("Am 3. Mai bereits 2 mal verlängert.", Some(2))]
    #[case("Anzahl Verlängerungen: keine, 3 Vormerkungen", None)]
    #[case("Mehrere mal verlängert, 3 Vormerkungen", None)]
    #[case("2 Vormerkungen", None)]
    fn count_stands_right_beside_its_words(#[case] text: &str, #[case] expected: Option<u32>) {
        let count = count_beside(text, &["anzahl verlängerungen"], &["mal verlängert"]);
        assert_eq!(count, expected);
    }

    #[rstest]
    #[case("EXP DATE:03-31-27 P TYPE:4", "", &["03-31-27 P"])]
    #[case("Expires 31 Mar 2027", "", &["31 Mar 2027"])]
    #[case("Expires 31 Mar 2027", ":", &[])]
    #[case("EXP DATE: - - P TYPE:4", ":", &[])]
    #[case("Expires: soon. Expires: 03-31-27", ":", &["03-31-27"])]
    fn values_are_behind_their_labels(
        #[case] text: &str,
        #[case] sign: &str,
        #[case] expected: &[&str],
    ) {
        let values = values_after(text, &["exp date", "expires"], sign);
        assert_eq!(values.collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case("By Stone, Ada", Some("Stone, Ada"))]
    #[case("by: Stone, Ada", Some("Stone, Ada"))]
    #[case("by:Stone, Ada", Some("Stone, Ada"))]
    #[case("Bye", None)]
    #[case("By-pass", None)]
    #[case("Written by Stone, Ada", None)]
    fn text_begins_with_whole_words(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(text_after_beginning(text, &["by"]), expected);
    }

    #[rstest]
    #[case("Author:Stone, Ada", Some("Stone, Ada"))]
    #[case("author: Stone, Ada", Some("Stone, Ada"))]
    #[case("Author unknown", None)]
    #[case("The author: a life", None)]
    fn words_with_a_colon_need_nothing_behind_it(
        #[case] text: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(text_after_beginning(text, &["author:"]), expected);
    }
}
