//! What a notice's templates are given: its words, in the order in which both of its parts say them.

use url::Url;

/// All that the templates need; they add order and looks, no words of the accounts.
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

/// What there is to do, of one sort.
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) groups: Vec<PersonGroup>,
}

/// What there is to do of one sort, for one person or for all.
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
    /// The words that are made to stand out.
    pub(crate) strong: Option<String>,
    pub(crate) urgent: bool,
    pub(crate) details: Vec<String>,
    /// Where it can be renewed.
    pub(crate) renew_url: Option<Url>,
    /// Whose card it is of, and where; more than one where several cards want the same.
    pub(crate) places: Vec<PlaceView>,
}

/// Whose and where.
pub(crate) struct PlaceView {
    pub(crate) patron: String,
    pub(crate) library: String,
    pub(crate) url: Option<Url>,
}

/// Things that are for later, of one sort.
pub(crate) struct Group {
    pub(crate) heading: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// One thing for later.
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) details: Vec<String>,
    pub(crate) place: PlaceView,
}

/// One library, and how old what is shown of it is.
pub(crate) struct SourceView {
    pub(crate) library: String,
    pub(crate) as_of: Option<String>,
    pub(crate) url: Option<Url>,
    pub(crate) exceptions: Vec<String>,
}

/// Whom to ask.
pub(crate) struct Contact {
    pub(crate) words: String,
    pub(crate) is_address: bool,
}
