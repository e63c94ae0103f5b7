//! The view that a notice's templates render, in the order of both parts.

use url::Url;

use crate::email_address::EmailAddress;
use crate::text::clean;

/// Everything that the templates render. They add order and style, but no text from accounts.
pub(crate) struct View {
    pub(crate) subject: String,
    pub(crate) heading: String,
    pub(crate) intro: Option<&'static str>,
    pub(crate) sections: Vec<Section>,
    pub(crate) later: Vec<Group>,
    pub(crate) sources: Vec<SourceView>,
    pub(crate) stopped: Option<String>,
    pub(crate) contact: Option<Contact>,
}

/// A section of things to do.
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) groups: Vec<PersonGroup>,
}

/// The things to do in a section, for one person or for all.
pub(crate) struct PersonGroup {
    pub(crate) person: Option<String>,
    pub(crate) items: Vec<Item>,
}

/// One thing to do.
pub(crate) struct Item {
    pub(crate) title: String,
    /// The title's own page at the library.
    pub(crate) url: Option<Url>,
    pub(crate) author: Option<String>,
    pub(crate) mark: Option<&'static str>,
    /// The text in bold.
    pub(crate) strong: Option<String>,
    pub(crate) urgent: bool,
    pub(crate) details: Vec<String>,
    /// The page on which it can be renewed.
    pub(crate) renew_url: Option<Url>,
    /// The patron and the library; more than one if several cards have the same.
    pub(crate) places: Vec<PlaceView>,
}

/// The patron and the library.
pub(crate) struct PlaceView {
    pub(crate) patron: String,
    pub(crate) library: String,
    pub(crate) url: Option<Url>,
}

/// A group of entries for later.
pub(crate) struct Group {
    pub(crate) heading: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// One entry for later.
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) details: Vec<String>,
    pub(crate) place: PlaceView,
}

/// One library and the age of its accounts.
pub(crate) struct SourceView {
    pub(crate) library: String,
    pub(crate) as_of: Option<String>,
    pub(crate) url: Option<Url>,
    pub(crate) exceptions: Vec<String>,
}

/// The contact for questions.
pub(crate) struct Contact {
    pub(crate) words: String,
    pub(crate) is_address: bool,
}

impl Contact {
    /// Creates the contact from the operator's words; `None` if there are none.
    pub(crate) fn from_words(words: Option<&str>) -> Option<Self> {
        words
            .map(clean)
            .filter(|words| !words.is_empty())
            .map(|words| Self {
                is_address: words.parse::<EmailAddress>().is_ok(),
                words,
            })
    }
}
