//! Derives stable ids for items that have no id on the site.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use hippo_core::text::clean;
use sha2::{Digest, Sha256};

/// Returns a stable id of these parts: `h` and 24 hexadecimal digits.
///
/// The parts must not change from day to day: a title and an author, not a due date.
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

/// Returns the site's own id, or its hash if it is empty or contains characters that must not be shown.
pub fn site_id(text: &str) -> String {
    if !text.is_empty() && clean(text) == text {
        text.to_owned()
    } else {
        stable_id(&[text])
    }
}

/// Returns the id of a work without an id on the site.
pub fn work_id(title: &str, author: Option<&str>) -> String {
    stable_id(&[title, author.unwrap_or_default()])
}

/// Makes the ids of a list distinct: the second `h12` becomes `h12-2`.
///
/// For items that a site lists twice, such as two copies of one work without their own numbers.
pub(super) fn make_distinct<'a>(ids: impl Iterator<Item = &'a mut String>) {
    let mut occurrences_by_id: HashMap<String, u32> = HashMap::new();
    let mut used_ids = HashSet::new();
    for id in ids {
        let occurrence = occurrences_by_id.entry(id.clone()).or_default();
        let original_len = id.len();
        // Another id may already be `h12-2`.
        loop {
            *occurrence += 1;
            id.truncate(original_len);
            if *occurrence > 1 {
                let _ = write!(id, "-{occurrence}");
            }
            if used_ids.insert(id.clone()) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_id_depends_on_all_parts() {
        let id = stable_id(&["Tidewater", "Okafor"]);
        assert_eq!(id, "hadcc04362aab630ead07f7cf");
        assert_ne!(id, stable_id(&["TidewaterO", "kafor"]));
        assert_ne!(id, stable_id(&["Tidewater"]));
    }

    #[test]
    fn work_without_an_author_has_an_id_of_its_own() {
        assert_eq!(work_id("Tides", Some("")), work_id("Tides", None));
        assert_ne!(work_id("Tides", Some("Stone")), work_id("Tides", None));
    }

    #[test]
    fn duplicate_ids_become_distinct() {
        let mut ids = ["a", "b", "a", "a"].map(str::to_owned);
        make_distinct(ids.iter_mut());
        assert_eq!(ids, ["a", "b", "a-2", "a-3"]);
    }

    #[test]
    fn existing_numbered_id_is_not_reused() {
        let mut ids = ["a-2", "a", "a", "a-2"].map(str::to_owned);
        make_distinct(ids.iter_mut());
        assert_eq!(ids, ["a-2", "a", "a-3", "a-2-2"]);
    }

    #[test]
    fn site_id_is_hashed_only_if_unprintable() {
        assert_eq!(site_id("i71 b"), "i71 b");
        for (one, other) in [("i71\u{202e}", "i71\u{202d}"), ("", "\u{200b}")] {
            assert!(site_id(one).starts_with('h') && site_id(one).len() == 25);
            assert_ne!(site_id(one), site_id(other));
        }
    }
}
