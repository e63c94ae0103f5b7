//! What a page is made of, for the operator who is told that it changed.

use hippo_core::skeleton::Skeleton;
use scraper::Node;

use super::parse::parse_page;

/// The tags and class names of a page, in order; neither its text nor an attribute. `None` for a page that
/// is not parsed, for it is nested without end.
pub fn of_page(body: &str) -> Option<Skeleton> {
    let html = parse_page(body).ok()?;
    let tags = html.tree.nodes().filter_map(|node| match node.value() {
        Node::Element(element) => Some((element.name(), element.classes().collect())),
        _ => None,
    });
    Some(Skeleton::of(tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_has_tags_and_classes_and_nothing_that_the_page_says() {
        let body = r#"<html><body><div class="loans patron-29000000001234" id="canary-id" data-x="canary-attribute">
            <p class="odd">canary text</p><script>canary()</script><a href="/canary?pin=4711">Pat</a></div></body></html>"#;
        let skeleton = of_page(body).unwrap();
        assert_eq!(skeleton.as_str(), "html head body div.loans p.odd script a");
    }

    #[test]
    fn what_is_no_page_has_a_skeleton_all_the_same() {
        let skeleton = of_page(r#"{"name":"canary"}"#).unwrap();
        assert_eq!(skeleton.as_str(), "html head body");
    }

    #[test]
    fn a_page_that_is_nested_without_end_is_not_parsed_for_its_skeleton() {
        assert_eq!(of_page(&"<div>".repeat(1_600_000)), None);
    }
}
