//! Tells that a list is empty by an overview that does not link to it.

use hippo_browser::reading::{Css, Element};

use super::part::AccountPart;

/// The overview of an account whose empty lists have no page and no link: where the page of such a list would be, the
/// site shows the overview, too.
pub(crate) struct Overview {
    /// What only an overview has that links to each list with entries.
    pub(crate) sign: Css,
    /// The links to the loans.
    pub(crate) loans: Css,
    /// The links to the holds.
    pub(crate) holds: Css,
    /// The beginning of the comment at the end of a page that has no end tag.
    pub(crate) last_comment: &'static str,
}

impl Overview {
    /// Marks the lists that a page doesn't link to.
    ///
    /// A page that breaks off may have lost the link. The page must name its patron: otherwise the links may be there in
    /// another form.
    pub(super) fn mark_unlinked(
        &'static self,
        part: &mut AccountPart,
        root: Element<'_>,
        html: &str,
    ) {
        if !part.patrons.is_empty() && self.sign.is_in(root) && self.is_whole(html) {
            part.loans.is_unlinked = part.loans.declared == Some(0) || !self.loans.is_in(root);
            part.holds.is_unlinked = part.holds.declared == Some(0) || !self.holds.is_in(root);
        }
    }

    /// Whether a page has its end.
    fn is_whole(&self, html: &str) -> bool {
        let html = html.trim_end().to_ascii_lowercase();
        let last_comment = html.rsplit("<!--").next().unwrap_or_default();
        html.contains("</html>")
            || (last_comment.contains(self.last_comment) && last_comment.ends_with("-->"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    use hippo_browser::reading::parse_page;

    static OVERVIEW: Overview = Overview {
        sign: Css::new("#patron"),
        loans: Css::new("a[href='/loans']"),
        holds: Css::new("a[href='/holds']"),
        last_comment: "<screens/patron",
    };

    #[rstest]
    #[case::one_link("<p id=patron><a href=/loans>2</a></html>", [false, true])]
    #[case::no_link("<p id=patron></html>", [true, true])]
    #[case::last_comment("<p id=patron><!-- this is <screens/patron_web> -->", [true, true])]
    #[case::other_comment("<p id=patron><!-- this is <screens/logo> -->", [false, false])]
    #[case::breaks_off("<p id=patron>", [false, false])]
    #[case::another_page("<p></html>", [false, false])]
    fn whole_overview_without_a_link_is_told(#[case] html: &str, #[case] expected: [bool; 2]) {
        let page = parse_page(html).unwrap();
        let mut part = AccountPart::default();
        OVERVIEW.mark_unlinked(&mut part, page.root_element(), html);
        assert_eq!([part.loans.is_unlinked, part.holds.is_unlinked], [false; 2]);
        part.patrons.insert("1000007".to_owned());
        OVERVIEW.mark_unlinked(&mut part, page.root_element(), html);
        assert_eq!([part.loans.is_unlinked, part.holds.is_unlinked], expected);
    }
}
