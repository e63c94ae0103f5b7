//! What a page is made of, for the operator who is told that it changed.

use hippo_core::operator::skeleton::Skeleton;
use scraper::{Html, Node};

/// The tags and class names of a page, in order; neither its text nor an attribute.
pub fn of_page(body: &str) -> Skeleton {
    let html = Html::parse_document(body);
    Skeleton::of(html.tree.nodes().filter_map(|node| match node.value() {
        Node::Element(element) => Some((element.name(), element.classes().collect())),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_has_tags_and_classes_and_nothing_that_the_page_says() {
        let body = r#"<html><body><div class="loans patron-29000000001234" id="canary-id" data-x="canary-attribute">
            <p class="odd">canary text</p><script>canary()</script><a href="/canary?pin=4711">Pat</a></div></body></html>"#;
        let skeleton = of_page(body);
        assert_eq!(skeleton.as_str(), "html head body div.loans p.odd script a");
    }

    #[test]
    fn what_is_no_page_has_a_skeleton_all_the_same() {
        assert_eq!(of_page(r#"{"name":"canary"}"#).as_str(), "html head body");
    }
}
