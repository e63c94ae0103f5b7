//! The view of a notice that templates render: both parts of the mail, and the family's page.

use url::Url;

use crate::email_address::EmailAddress;
use crate::ids::CardId;
use crate::mail::MailLinks;
use crate::text::clean;

/// Everything that the templates render. They add order and style, but no text from accounts.
#[derive(Debug, Clone)]
pub struct NoticeEmail {
    pub subject: String,
    pub heading: String,
    pub intro: Option<&'static str>,
    /// The sentences about cards that couldn't be checked, and how old their information is.
    pub caveats: Vec<String>,
    pub sections: Vec<Section>,
    pub later: Vec<NoticeGroup>,
    pub sources: Vec<SourceView>,
    /// The paused cards, each in a line.
    pub paused: Vec<String>,
    pub stopped: Option<String>,
    pub contact: Option<Contact>,
    /// The links to the web pages; `None` on the pages themselves.
    pub links: Option<MailLinks>,
}

impl NoticeEmail {
    /// Who can correct a number or PIN, where there are no web pages.
    pub fn whom_to_ask(&self) -> String {
        match &self.contact {
            Some(contact) => format!(
                "To have this corrected, write to {}. Don’t put the PIN into an email.",
                contact.words
            ),
            None => "To have this corrected, tell the person who runs LibraryHippo.".to_owned(),
        }
    }

    /// Explains the marks that it has.
    pub fn marks_note(&self) -> Option<&'static str> {
        let groups = self.sections.iter().flat_map(|section| &section.groups);
        let items = || groups.clone().flat_map(|group| &group.items);
        let has = |mark| items().any(|item| item.mark == Some(mark));
        match (has(NEW), has(CHANGED)) {
            (true, true) => Some("“New” and “Changed” mean: since the last email."),
            (true, false) => Some("“New” means: since the last email."),
            (false, true) => Some("“Changed” means: since the last email."),
            (false, false) => None,
        }
    }
}

/// The mark of a hold that has become ready since the last notice.
pub(crate) const NEW: &str = "New";

/// The mark of a loan that can't be renewed any more since the last notice.
pub(crate) const CHANGED: &str = "Changed";

/// A section of things to do.
#[derive(Debug, Clone)]
pub struct Section {
    pub heading: &'static str,
    pub groups: Vec<PersonGroup>,
}

/// The things to do in a section, for one person or for all.
#[derive(Debug, Clone)]
pub struct PersonGroup {
    pub person: Option<String>,
    pub items: Vec<NoticeItem>,
}

/// One thing to do.
#[derive(Debug, Clone)]
pub struct NoticeItem {
    pub title: String,
    /// The title's own page at the library.
    pub url: Option<Url>,
    pub author: Option<String>,
    pub mark: Option<&'static str>,
    /// The text in bold.
    pub strong: Option<String>,
    pub urgent: bool,
    pub details: Vec<String>,
    /// The page on which it can be renewed.
    pub renew_url: Option<Url>,
    /// The patron and the library; more than one if several cards have the same.
    pub places: Vec<PlaceView>,
}

impl NoticeItem {
    /// Whether the library rejected a number or PIN.
    pub fn has_rejected_card(&self) -> bool {
        self.places
            .iter()
            .any(|place| place.rejected_card.is_some())
    }
}

/// The patron and the library.
#[derive(Debug, Clone)]
pub struct PlaceView {
    pub patron: String,
    pub library: String,
    pub url: Option<Url>,
    /// The card whose number or PIN the family can correct.
    pub rejected_card: Option<CardId>,
}

/// A group of entries for later.
#[derive(Debug, Clone)]
pub struct NoticeGroup {
    pub heading: &'static str,
    pub lines: Vec<Line>,
}

/// One entry for later.
#[derive(Debug, Clone)]
pub struct Line {
    pub title: String,
    pub url: Option<Url>,
    pub details: Vec<String>,
    pub place: PlaceView,
}

/// One library and the age of its accounts.
#[derive(Debug, Clone)]
pub struct SourceView {
    pub library: String,
    pub as_of: Option<String>,
    pub url: Option<Url>,
}

/// The contact for questions.
#[derive(Debug, Clone)]
pub struct Contact {
    pub words: String,
    pub is_address: bool,
}

impl Contact {
    /// Creates the contact from the operator's words; `None` if there are none.
    pub fn from_words(words: Option<&str>) -> Option<Self> {
        words
            .map(clean)
            .filter(|words| !words.is_empty())
            .map(|words| Self {
                is_address: words.parse::<EmailAddress>().is_ok(),
                words,
            })
    }
}
