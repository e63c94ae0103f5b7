//! Decides whether “ready” means now, and not later, never or in the past.

/// Words before “ready” in its sentence that show that the item isn't ready now.
pub const WORDS_NEGATING_READY_BEFORE: [&str; 46] = [
    "not",
    "isn",
    "aren",
    "never",
    "no",
    "when",
    "once",
    "until",
    "if",
    "after",
    "before",
    "will",
    "ll",
    "should",
    "may",
    "might",
    "could",
    "would",
    "shall",
    "expect",
    "expected",
    "almost",
    "nearly",
    "was",
    "were",
    "get",
    "getting",
    "becomes",
    "pas",
    "non",
    "quand",
    "lorsque",
    "sera",
    "cuando",
    "será",
    "nicht",
    "noch",
    "sobald",
    "wenn",
    "wird",
    "bald",
    "demnächst",
    "voraussichtlich",
    "next",
    "soon",
    "shortly",
];

/// Words after “ready” in its sentence that show that the item isn't ready now.
pub const WORDS_NEGATING_READY_AFTER: [&str; 41] = [
    "not",
    "soon",
    "shortly",
    "later",
    "tomorrow",
    "next",
    "when",
    "once",
    "if",
    "after",
    "never",
    "from",
    "expected",
    "elsewhere",
    "sent",
    "shipped",
    "dispatched",
    "processed",
    "shelved",
    "transferred",
    "moved",
    "expired",
    "cancelled",
    "canceled",
    "missed",
    "longer",
    "yet",
    "copies",
    "bientôt",
    "prochainement",
    "dès",
    "quand",
    "pronto",
    "próximamente",
    "cuando",
    "luego",
    "bald",
    "demnächst",
    "sobald",
    "wenn",
    "wann",
];

/// Words that begin another clause, about what happens if the item isn't collected.
const CLAUSE_STARTS: [&str; 4] = ["or", "otherwise", "else", "and"];

/// Whether a word like “ready” between these two texts means now. Both must be in lower case.
pub fn is_ready_now(before: &str, after: &str) -> bool {
    let before = before
        .rfind(is_sentence_end)
        .and_then(|at| before.get(at..))
        .filter(|_| !ends_within_number(before))
        .unwrap_or(before);
    let is_negated_before = words(before).any(|word| WORDS_NEGATING_READY_BEFORE.contains(&word))
        || words(before).last() == Some("be");
    let end = after
        .char_indices()
        .find(|(at, c)| {
            let next = after
                .get(at + c.len_utf8()..)
                .and_then(|rest| rest.chars().next());
            (is_sentence_end(*c) || *c == ',') && !next.is_some_and(|next| next.is_ascii_digit())
        })
        .map_or(after.len(), |(at, _)| at);
    let after: Vec<&str> = words(after.get(..end).unwrap_or(after))
        .take_while(|word| !CLAUSE_STARTS.contains(word))
        .collect();
    let is_in_days = after.windows(2).any(
        |pair| matches!(pair, ["in", count] if count.bytes().all(|byte| byte.is_ascii_digit())),
    );
    !is_negated_before
        && !is_in_days
        && !after
            .iter()
            .any(|word| WORDS_NEGATING_READY_AFTER.contains(word))
}

fn is_sentence_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | ';')
}

/// Whether the last sentence-ending character is part of a number or date.
fn ends_within_number(text: &str) -> bool {
    text.rfind(is_sentence_end)
        .and_then(|at| text.get(at + 1..))
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", ". must be picked up by 07-23-09", true)]
    #[case("item is ", " for pickup by 07-23-09 or it will be returned", true)]
    #[case("", ".must be picked up", true)]
    #[case("", " since 21.11.2026 until 28.11.2026", true)]
    #[case("we wrote. now ", "", true)]
    #[case("", " to be picked up", true)]
    #[case("", " soon", false)]
    #[case("not ", " for pickup", false)]
    #[case("we will write when it is ", "", false)]
    #[case("to be ", "", false)]
    #[case("", " to be sent", false)]
    #[case("", " in 3 days", false)]
    #[case("was ", " last week", false)]
    #[case("noch nicht ", "", false)]
    #[case("demnächst ", "", false)]
    #[case("voraussichtlich morgen ", "", false)]
    #[case("soon ", " for pickup", false)]
    #[case("", " bientôt", false)]
    #[case("", " (expired)", false)]
    fn ready_means_now_or_not(#[case] before: &str, #[case] after: &str, #[case] is_now: bool) {
        assert_eq!(is_ready_now(before, after), is_now);
    }
}
