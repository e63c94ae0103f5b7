//! A tree that counts the work of the parser that grows it.

use std::borrow::Cow;
use std::cell::Cell;

use html5ever::tendril::StrTendril;
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, QualName};
use scraper::{Html, HtmlTreeSink};

type Handle = <HtmlTreeSink as TreeSink>::Handle;

/// A tree that counts the work of the parser that grows it.
pub(super) struct Measured {
    tree: HtmlTreeSink,
    steps: Cell<usize>,
    parts: Cell<usize>,
    deepest: Cell<usize>,
}

impl Measured {
    pub(super) fn new(tree: HtmlTreeSink) -> Self {
        Self {
            tree,
            steps: Cell::new(0),
            parts: Cell::new(0),
            deepest: Cell::new(0),
        }
    }

    /// The elements that the parser looked at on its ways from a tag out to the page, and the same again for
    /// each reader of the page.
    pub(super) fn steps(&self) -> usize {
        self.steps.get()
    }

    /// Tags, texts and comments, so far.
    pub(super) fn parts(&self) -> usize {
        self.parts.get()
    }

    /// How deep the deepest element stands.
    pub(super) fn deepest(&self) -> usize {
        self.deepest.get()
    }

    fn step(&self, count: usize) {
        self.steps.set(self.steps.get() + count);
    }

    fn part(&self) {
        self.parts.set(self.parts.get() + 1);
    }

    fn grows_at(&self, place: &Handle, child: &NodeOrText<Handle>) {
        self.part();
        if let NodeOrText::AppendNode(_) = child {
            let tree = &self.tree.0.borrow().tree;
            let depth = tree
                .get(*place)
                .map_or(0, |place| place.ancestors().count());
            self.step(depth);
            self.deepest.set(self.deepest.get().max(depth));
        }
    }
}

impl TreeSink for Measured {
    type Handle = Handle;
    type Output = Html;
    type ElemName<'a> = <HtmlTreeSink as TreeSink>::ElemName<'a>;

    fn finish(self) -> Html {
        self.tree.finish()
    }

    fn parse_error(&self, _message: Cow<'static, str>) {
        // No part: there may be many within a tag. Nobody reads them, and a page may have millions.
        self.step(1);
    }

    fn get_document(&self) -> Handle {
        self.tree.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> Self::ElemName<'a> {
        self.step(1);
        self.tree.elem_name(target)
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        flags: ElementFlags,
    ) -> Handle {
        self.step(1);
        self.part();
        self.tree.create_element(name, attributes, flags)
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        self.part();
        self.tree.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.part();
        self.tree.create_pi(target, data)
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.grows_at(parent, &child);
        self.tree.append(parent, child);
    }

    fn append_based_on_parent_node(
        &self,
        element: &Handle,
        previous: &Handle,
        child: NodeOrText<Handle>,
    ) {
        self.grows_at(element, &child);
        self.tree
            .append_based_on_parent_node(element, previous, child);
    }

    fn append_doctype_to_document(
        &self,
        name: StrTendril,
        public_id: StrTendril,
        system_id: StrTendril,
    ) {
        self.part();
        self.tree
            .append_doctype_to_document(name, public_id, system_id);
    }

    fn get_template_contents(&self, target: &Handle) -> Handle {
        self.tree.get_template_contents(target)
    }

    fn same_node(&self, one: &Handle, other: &Handle) -> bool {
        self.step(1);
        self.tree.same_node(one, other)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.tree.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.grows_at(sibling, &child);
        self.tree.append_before_sibling(sibling, child);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attributes: Vec<Attribute>) {
        self.part();
        self.tree.add_attrs_if_missing(target, attributes);
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.tree.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        self.tree.reparent_children(node, new_parent);
    }
}
