//! Words of many languages in one text.

/// Words, or stems of words, in lower case, with commas between them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stems(pub(crate) &'static str);

impl Stems {
    pub(crate) fn iter(self) -> impl Iterator<Item = &'static str> {
        self.0.split(", ").filter(|words| !words.is_empty())
    }

    /// Whether a text has one of them, perhaps within a word.
    pub(crate) fn are_in(self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.iter().any(|words| text.contains(words))
    }

    /// Whether a text begins with one of them.
    pub(crate) fn matches_start_of(self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.iter().any(|words| text.starts_with(words))
    }

    /// Whether a text is one of them.
    pub(crate) fn have(self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.iter().any(|words| text == words)
    }
}
