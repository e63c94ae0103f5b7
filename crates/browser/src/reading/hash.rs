//! An id for what the site gives none.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use hippo_core::text::clean;
use sha2::{Digest, Sha256};

/// An id that stays the same for the same parts: `h` and 24 hexadecimal digits.
///
/// The parts must be what does not change from day to day: a title and an author, not a due date.
pub fn stable_id(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut id = String::from("h");
    for byte in hasher.finalize().iter().take(12) {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// The site's own id, as it stands; a stable hash of it where it holds what must not be shown, or nothing.
pub fn own_id(text: &str) -> String {
    if !text.is_empty() && clean(text) == text {
        text.to_owned()
    } else {
        stable_id(&[text])
    }
}

/// Makes ids of one list distinct: the second `h12` becomes `h12-2`.
///
/// For what a site lists twice, such as two copies of one work without numbers of their own.
pub fn make_distinct<'a>(ids: impl Iterator<Item = &'a mut String>) {
    let mut times: HashMap<String, u32> = HashMap::new();
    let mut seen = HashSet::new();
    for id in ids {
        let times = times.entry(id.clone()).or_default();
        let bare = id.len();
        // Another may be called `h12-2` by itself.
        loop {
            *times += 1;
            id.truncate(bare);
            if *times > 1 {
                let _ = write!(id, "-{times}");
            }
            if seen.insert(id.clone()) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_give_the_same_id_and_other_parts_another() {
        let id = stable_id(&["Tidewater", "Okafor"]);
        assert_eq!(id, "hadcc04362aab630ead07f7cf");
        assert_ne!(id, stable_id(&["TidewaterO", "kafor"]));
        assert_ne!(id, stable_id(&["Tidewater"]));
    }

    #[test]
    fn what_is_listed_twice_has_two_ids() {
        let mut ids = ["a", "b", "a", "a"].map(str::to_owned);
        make_distinct(ids.iter_mut());
        assert_eq!(ids, ["a", "b", "a-2", "a-3"]);
    }

    #[test]
    fn what_is_called_as_a_second_one_would_be_is_another_still() {
        let mut ids = ["a-2", "a", "a", "a-2"].map(str::to_owned);
        make_distinct(ids.iter_mut());
        assert_eq!(ids, ["a-2", "a", "a-3", "a-2-2"]);
    }

    #[test]
    fn an_id_of_the_site_stays_unless_it_could_not_be_shown() {
        assert_eq!(own_id("i71 b"), "i71 b");
        for (one, other) in [("i71\u{202e}", "i71\u{202d}"), ("", "\u{200b}")] {
            assert!(own_id(one).starts_with('h') && own_id(one).len() == 25);
            assert_ne!(own_id(one), own_id(other));
        }
    }
}
