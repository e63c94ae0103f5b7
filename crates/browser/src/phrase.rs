//! The phrases by which the pages of a system are read.

/// A phrase of a site that is no patron's, and where a page may have it.
///
/// Case does not count, nor do the spaces between words; where nothing else is said, they must stand
/// alone, not within a longer word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase {
    /// Wherever they stand in the words of a page, but for those of a work or a person.
    Anywhere(&'static str),
    /// Where a text begins with them.
    Beginning(&'static str),
    /// Where they are the whole text, signs at its end aside; also in the attributes and fields of
    /// JSON that name a state or a kind.
    Whole(&'static str),
    /// Where a word begins with it, within an element whose id, class or address is one of these; the rest
    /// of the word is filled.
    StemIn(&'static str, &'static [&'static str]),
    /// As [`Self::Anywhere`], also among what a page says of the person.
    OfPerson(&'static str),
    /// As a part of an address.
    Address(&'static str),
    /// As a name, or a whole quoted text, in a script.
    Script(&'static str),
}
