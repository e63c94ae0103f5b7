//! Filler text, of which real pages have plenty.

use std::fmt::Write as _;

/// Filler for account pages, generated once.
#[derive(Debug, Default)]
pub(crate) struct Filler {
    /// Markup: a long menu.
    pub(crate) html: String,
    /// Members of a JSON object: a long dictionary.
    pub(crate) json: String,
}

impl Filler {
    /// Generates about `bytes` bytes, half of each kind.
    pub(crate) fn new(bytes: usize) -> Self {
        let mut filler = Self::default();
        let half = bytes / 2;
        let mut number = 0_u32;
        // Writing to a String cannot fail.
        while filler.html.len() < half {
            number += 1;
            let _ = writeln!(
                filler.html,
                r#"<li class="shelf-entry" data-shelf="{number}"><a href="/shelf/{number}" title="Shelf {number}"><span>Shelf {number} in the long room</span></a></li>"#
            );
        }
        number = 0;
        while filler.json.len() < half {
            number += 1;
            let comma = if number == 1 { "" } else { "," };
            let _ = write!(
                filler.json,
                r#"{comma}"words.shelf.{number}":"Shelf {{count}} of row {number} is \"open\" until the lamp is put out\n""#
            );
        }
        filler
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_has_the_size_and_is_json() {
        let filler = Filler::new(10_000);
        let size = filler.html.len() + filler.json.len();
        assert!((10_000..10_500).contains(&size), "{size}");
        let object: serde_json::Value =
            serde_json::from_str(&format!("{{{}}}", filler.json)).unwrap();
        assert!(object.as_object().unwrap().len() > 10);
        assert!(!filler.json.contains('<'));
    }
}
