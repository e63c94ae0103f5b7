//! A page's skeleton, for the operator's alert that it changed.

use hippo_core::skeleton::Skeleton;
use scraper::Node;

use super::parse::parse_page;

/// The tags and class names of a page in order, without text and other attributes. `None` for a page that
/// is nested too deeply to parse.
pub fn of_page(body: &str) -> Option<Skeleton> {
    let page = parse_page(body).ok()?;
    let tags = page
        .html()
        .tree
        .nodes()
        .filter_map(|node| match node.value() {
            Node::Element(element) => Some((element.name(), element.classes().collect())),
            _ => None,
        });
    Some(Skeleton::of(tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skeleton_has_tags_and_classes_only() {
        let body = r#"<html><body><div class="loans patron-29000000001234" id="canary-id" data-x="canary-attribute">
            <p class="odd">canary text</p><script>canary()</script><a href="/canary?pin=4711">Pat</a></div></body></html>"#;
        let skeleton = of_page(body).unwrap();
        assert_eq!(skeleton.as_str(), "html head body div.loans p.odd script a");
    }

    #[test]
    fn json_has_an_empty_skeleton() {
        let skeleton = of_page(r#"{"name":"canary"}"#).unwrap();
        assert_eq!(skeleton.as_str(), "html head body");
    }

    #[test]
    fn too_deep_page_has_no_skeleton() {
        assert_eq!(of_page(&"<div>".repeat(1_600_000)), None);
    }
}
