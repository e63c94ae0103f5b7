//! Decides whether “ready” means now, and not later, never or in the past.

/// Words before “ready” in its sentence that show that the item isn't ready now.
pub const WORDS_NEGATING_READY_BEFORE: [&str; 48] = [
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
    "war",
    "waren",
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
pub const WORDS_NEGATING_READY_AFTER: [&str; 47] = [
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
    "ab",
    "abgelaufen",
    "verfallen",
    "storniert",
    "widerrufen",
    "annulliert",
];

/// Words that begin another clause, about what happens if the item isn't collected.
const CLAUSE_STARTS: [&str; 7] = [
    "or",
    "otherwise",
    "else",
    "and",
    "oder",
    "sonst",
    "ansonsten",
];

/// Words behind “from” or “ab” that mean now.
const NOW: [&str; 4] = ["now", "sofort", "heute", "jetzt"];

/// Words of a clause about what may happen, not about what happened.
pub const WORDS_OF_A_CONDITION: [&str; 16] = [
    "will",
    "would",
    "may",
    "if",
    "unless",
    "otherwise",
    "after",
    "wird",
    "werden",
    "falls",
    "wenn",
    "sofern",
    "sonst",
    "danach",
    "bevor",
    "noch",
];

/// Whether a word like “cancelled” between these two texts says what happened. Both must be in lower case.
pub fn has_happened(before: &str, after: &str) -> bool {
    let is_clause_end = |c: char| is_sentence_end(c) || matches!(c, ',' | '(' | ')');
    let before = before.rsplit(is_clause_end).next().unwrap_or(before);
    let after = after.split(is_clause_end).next().unwrap_or(after);
    !words(before)
        .chain(words(after))
        .any(|word| WORDS_OF_A_CONDITION.contains(&word))
}

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
    let is_from_now = after
        .windows(2)
        .any(|pair| matches!(pair, ["from" | "ab", now] if NOW.contains(now)));
    let is_in_days = after.windows(2).any(
        |pair| matches!(pair, ["in", count] if count.bytes().all(|byte| byte.is_ascii_digit())),
    );
    !is_negated_before
        && !is_in_days
        && !after.iter().any(|word| {
            WORDS_NEGATING_READY_AFTER.contains(word)
                && !(is_from_now && matches!(*word, "from" | "ab"))
        })
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
    #[case("", " ab 03.12.2026, 9 uhr", false)]
    #[case("", " ab sofort", true)]
    #[case("war ", " bis 28.11.2026", false)]
    #[case("", " bis 28.11.2026 (abgelaufen)", false)]
    #[case("wurde ", " und kann bis 05.12.2026 abgeholt werden", true)]
    #[case("", " bis 05.12.2026, sonst wird die bestellung storniert", true)]
    #[case("", " bis 05.12.2026 oder wird storniert", true)]
    fn ready_means_now_or_not(#[case] before: &str, #[case] after: &str, #[case] is_now: bool) {
        assert_eq!(is_ready_now(before, after), is_now);
    }

    #[rstest]
    #[case("bestellung ", " (bestellt am 01.11.2026)", true)]
    #[case("vorgemerkt, ", " am 28.11.2026", true)]
    #[case("bereit bis 05.12.2026, wird danach ", "", false)]
    #[case("ready. it will be ", " if nobody comes", false)]
    #[case("we will see. ", " on 11/1/2025", true)]
    fn word_says_what_happened_or_may_happen(
        #[case] before: &str,
        #[case] after: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(has_happened(before, after), expected);
    }
}
