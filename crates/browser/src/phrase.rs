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

/// What is between the parts of an address.
const SEPARATORS: [char; 6] = ['/', '?', '&', '=', '#', ';'];

impl Phrase {
    /// Returns the parts of an address: of `account/list.do?page=1`, they are `account`, `list.do`, `list`, `do`,
    /// `page` and `1`.
    pub fn parts_of_address(address: &'static str) -> impl Iterator<Item = Self> {
        let parts = address.split(SEPARATORS).filter(|part| !part.is_empty());
        parts.flat_map(|part| {
            let names = part.split('.').filter(move |name| *name != part);
            [part].into_iter().chain(names).map(Self::Address)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_its_parts() {
        let parts: Vec<_> = Phrase::parts_of_address("account/list.do?page=1").collect();
        let expected = ["account", "list.do", "list", "do", "page", "1"].map(Phrase::Address);
        assert_eq!(parts, expected);
    }
}
