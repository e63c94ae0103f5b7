//! Whether a feed shows titles.

use clap::Args;

/// Whether a feed shows titles.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct TitleOptions {
    /// Show titles, authors and the library's notes. This is the default.
    #[arg(long, overrides_with = "no_titles")]
    titles: bool,
    /// Only count: “Return 2 items”.
    #[arg(long, overrides_with = "titles")]
    no_titles: bool,
}

impl TitleOptions {
    pub(super) fn with_titles(self) -> bool {
        self.titles || !self.no_titles
    }
}
