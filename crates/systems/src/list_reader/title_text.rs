//! Splits a title from its author in one text: `Tides / Ada Stone`.

use hippo_browser::reading::{Css, Element, non_empty_text, tidy};

/// A text with a title and, behind a slash, its author.
pub(crate) struct TitleText {
    /// The elements that may have the text. The first with words counts; without one, the whole cell does.
    pub(crate) places: [Css; 3],
    /// The volume, which belongs to the title although it follows the author.
    pub(crate) volume: Css,
}

impl TitleText {
    /// Returns the title and the author of a cell. One without an author is empty.
    pub(super) fn split(&'static self, cell: Element<'_>) -> Option<(String, String)> {
        let mut places = self.places.iter().flat_map(|place| place.all(cell));
        let whole = places.find_map(non_empty_text);
        let whole = whole.or_else(|| non_empty_text(cell))?;
        let Some(volume) = self.volume.first(cell).and_then(non_empty_text) else {
            return Some(split_author(&whole));
        };
        let bare = whole.strip_suffix(volume.as_str()).unwrap_or(&whole);
        let (title, author) = split_author(bare.trim_end());
        Some(match author.strip_suffix("--") {
            Some(author) => (format!("{title} -- {volume}"), tidy(author)),
            None => (format!("{title} {volume}"), author),
        })
    }
}

/// Splits the author. A slash within a title has no spaces around it; a later one separates authors.
fn split_author(text: &str) -> (String, String) {
    let (title, author) = text.split_once(" / ").unwrap_or((text, ""));
    (tidy(title), tidy(author))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::reading::parse_page;
    use rstest::rstest;

    static TEXT: TitleText = TitleText {
        places: [Css::new(".main"), Css::new("a[href]"), Css::new("label")],
        volume: Css::new(".volume"),
    };

    #[rstest]
    #[case("<a href=x> Tides / Ada Stone. </a><br>", "Tides", "Ada Stone.")]
    #[case("<a href=x>Salt/sweet / Ada Stone</a>", "Salt/sweet", "Ada Stone")]
    #[case(
        "<a href=x>Either/or / Ada Stone / Bo Reed</a>",
        "Either/or",
        "Ada Stone / Bo Reed"
    )]
    #[case(
        "<a href=b7><img src=x></a><label><a href=b7>Tides / Ada Stone</a></label>",
        "Tides",
        "Ada Stone"
    )]
    #[case("<a href=x>Tides /</a>", "Tides", "")]
    #[case(
        "<a href=x>Tides -- <span class=volume>v. 2</span></a>",
        "Tides -- v. 2",
        ""
    )]
    #[case(
        "<a href=x>Tides / Ada Stone -- <span class=volume>v. 2</span></a>",
        "Tides -- v. 2",
        "Ada Stone"
    )]
    #[case(
        "<a href=x><span class=main>Tides / Ada Stone</span></a> <span class=volume>v. 2</span> late",
        "Tides v. 2",
        "Ada Stone"
    )]
    #[case("From another library;DVD;;;", "From another library;DVD", "")]
    fn title_and_author_are_separated(
        #[case] cell: &str,
        #[case] title: &str,
        #[case] author: &str,
    ) {
        static CELL: Css = Css::new("td");
        let page = parse_page(&format!("<table><tr><td>{cell}</table>")).unwrap();
        let cell = CELL.first(page.root_element()).unwrap();
        assert_eq!(
            TEXT.split(cell),
            Some((title.to_owned(), author.to_owned()))
        );
    }
}
