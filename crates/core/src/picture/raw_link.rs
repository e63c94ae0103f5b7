//! What a document says about the picture, before it is checked.

/// The words of a picture as a document writes them.
pub(super) struct RawLink {
    pub(super) address: String,
    pub(super) title: Option<String>,
    pub(super) credit: Option<String>,
}
