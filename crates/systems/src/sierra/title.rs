//! Reads the cell `Title / Author`.

use hippo_browser::reading::{Css, non_empty_text, tidy};
use scraper::ElementRef;

static TITLE_MAIN: Css = Css::new(".patFuncTitleMain");
static LINKS: Css = Css::new("a[href]");
static LABELS: Css = Css::new("label");
static VOLUME: Css = Css::new(".patFuncVol");

pub(super) fn read_title(cell: ElementRef<'_>) -> Option<String> {
    Some(split_cell(cell)?.0)
}

pub(super) fn read_author(cell: ElementRef<'_>) -> Option<String> {
    Some(split_cell(cell)?.1)
}

/// Reads the link to the public record. Other links lead to the patron's own pages.
pub(super) fn read_link(cell: ElementRef<'_>) -> Option<String> {
    let mut addresses = LINKS.all(cell).filter_map(|link| link.attr("href"));
    let record = addresses.find(|address| address.contains("/record="))?;
    Some(record.to_owned())
}

/// Splits the title from the author.
fn split_cell(cell: ElementRef<'_>) -> Option<(String, String)> {
    // The first link may contain only a picture.
    let whole = TITLE_MAIN
        .all(cell)
        .find_map(non_empty_text)
        .or_else(|| LINKS.all(cell).find_map(non_empty_text))
        .or_else(|| LABELS.all(cell).find_map(non_empty_text))
        .or_else(|| non_empty_text(cell))?;
    // The catalogue writes a slash within a title without spaces; a later “ / ” separates authors.
    let split = |text: &str| match text.split_once(" / ") {
        Some((title, author)) => (tidy(title), tidy(author)),
        None => (tidy(text), String::new()),
    };
    let Some(volume) = VOLUME.first(cell).and_then(non_empty_text) else {
        return Some(split(&whole));
    };
    // The volume belongs to the title, although it follows the author.
    let bare = whole.strip_suffix(volume.as_str()).unwrap_or(&whole);
    let (title, author) = split(bare.trim_end());
    Some(match author.strip_suffix("--") {
        Some(author) => (format!("{title} -- {volume}"), tidy(author)),
        None => (format!("{title} {volume}"), author),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;

    fn read(cell: &str) -> (Option<String>, Option<String>) {
        static CELL: Css = Css::new("td");
        let page = Html::parse_document(&format!("<table><tr><td>{cell}</table>"));
        let cell = CELL.first(page.root_element()).unwrap();
        let author = read_author(cell).filter(|author| !author.is_empty());
        (read_title(cell).map(|title| tidy(&title)), author)
    }

    #[rstest]
    #[case("<a href=x> Tides / Ada Stone. </a><br>", "Tides", Some("Ada Stone."))]
    #[case(
        "<a href=x>Salt/sweet / Ada Stone</a>",
        "Salt/sweet",
        Some("Ada Stone")
    )]
    #[case(
        "<a href=x>Either/or / Ada Stone / Bo Reed</a>",
        "Either/or",
        Some("Ada Stone / Bo Reed")
    )]
    #[case(
        "<a href=/record=b7><img src=x></a><label><a href=/record=b7>Tides / Ada Stone</a></label>",
        "Tides",
        Some("Ada Stone")
    )]
    #[case("<a href=x>Tides /</a>", "Tides", None)]
    #[case(
        "<a href=x>Tides -- <span class=patFuncVol>v. 2</span></a>",
        "Tides -- v. 2",
        None
    )]
    #[case(
        "<a href=x>Tides / Ada Stone -- <span class=patFuncVol>v. 2</span></a>",
        "Tides -- v. 2",
        Some("Ada Stone")
    )]
    #[case(
        "<a href=x><span class=patFuncTitleMain>Tides / Ada Stone</span></a> <span class=patFuncVol>v. 2</span> late",
        "Tides v. 2",
        Some("Ada Stone")
    )]
    #[case("From another library;DVD;;;", "From another library;DVD", None)]
    fn title_and_author_are_separated(
        #[case] cell: &str,
        #[case] title: &str,
        #[case] author: Option<&str>,
    ) {
        let (read_title, read_author) = read(cell);
        assert_eq!(
            (read_title.as_deref(), read_author.as_deref()),
            (Some(title), author)
        );
    }
}
