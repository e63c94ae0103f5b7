//! The phrases by which a system's pages are recognised.

/// A phrase of a site that contains no patron data, and where it may occur on a page.
///
/// Case and the spaces between words don't matter. Unless noted, a phrase must not be part of a longer
/// word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase {
    /// Anywhere in a page's text, except in the data of a work or a person.
    Anywhere(&'static str),
    /// Like [`Self::Anywhere`]. A number beside it is a count, not a person's data.
    Count(&'static str),
    /// At the beginning of a text.
    Beginning(&'static str),
    /// The whole text, apart from punctuation at its end. Also in attributes and JSON fields that name
    /// a state or a kind.
    Whole(&'static str),
    /// At the beginning of a word, within an element whose id, class or address is one of these. The
    /// rest of the word is replaced.
    StemIn(&'static str, &'static [&'static str]),
    /// Like [`Self::Anywhere`], and also in the data of a person.
    OfPerson(&'static str),
    /// A part of a URL.
    Address(&'static str),
    /// A name or a whole string literal in a script.
    Script(&'static str),
}
