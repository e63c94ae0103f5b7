//! Where a token stands in a text.

/// A token's range in a text, in characters. `to` isn't part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
}
