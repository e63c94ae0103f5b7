//! A tree sink that counts the parser's work.

use std::borrow::Cow;
use std::cell::Cell;

use html5ever::tendril::StrTendril;
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, QualName, local_name};
use scraper::{Html, HtmlTreeSink, Node};

/// A limit of a page, and its description for a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    max: usize,
    what: &'static str,
}

impl Limit {
    const fn new(max: usize, what: &'static str) -> Self {
        Self { max, what }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a page with more than {} {}", self.max, self.what)
    }
}

/// As in browsers. Real pages are some 50 deep.
const MAX_DEPTH: Limit = Limit::new(512, "levels of nested elements");
/// Steps of the parser and of readers from an element to the root. An account of 80 loans takes some 50,000.
const MAX_STEPS: Limit = Limit::new(20_000_000, "steps from elements to the root");
/// Bytes of text and attributes, counted once for each element around them.
const MAX_TEXT_STEPS: Limit = Limit::new(400_000_000, "bytes in nested elements");
/// An account of 1,000 loans has some 50,000.
const MAX_NODES: Limit = Limit::new(500_000, "elements and texts");
/// An account with 80 holds may have three forms for each.
const MAX_FORMS: Limit = Limit::new(2_000, "forms");
const MAX_CONTROLS: Limit = Limit::new(50_000, "form fields");
/// 300 holds with 300 branches each.
const MAX_OPTIONS: Limit = Limit::new(100_000, "options");
const MAX_ROWS: Limit = Limit::new(20_000, "table rows");
const MAX_CELLS: Limit = Limit::new(200_000, "table cells");

/// How far the next part's parent is looked for above that of the last.
const MAX_LEVELS_UP: usize = 8;

type Handle = <HtmlTreeSink as TreeSink>::Handle;

/// A tree sink that counts the parser's work.
pub(super) struct CountingSink {
    tree: HtmlTreeSink,
    steps: Cell<usize>,
    text_steps: Cell<usize>,
    parts: Cell<usize>,
    /// Where the last part was appended, and at what depth.
    last_parent: Cell<Option<(Handle, usize)>>,
    max_depth: Cell<usize>,
    nodes: Cell<usize>,
    forms: Cell<usize>,
    controls: Cell<usize>,
    options: Cell<usize>,
    rows: Cell<usize>,
    cells: Cell<usize>,
}

impl CountingSink {
    pub(super) fn new(tree: HtmlTreeSink) -> Self {
        Self {
            tree,
            steps: Cell::new(0),
            text_steps: Cell::new(0),
            parts: Cell::new(0),
            last_parent: Cell::new(None),
            max_depth: Cell::new(0),
            nodes: Cell::new(0),
            forms: Cell::new(0),
            controls: Cell::new(0),
            options: Cell::new(0),
            rows: Cell::new(0),
            cells: Cell::new(0),
        }
    }

    /// The first limit that the page exceeds so far.
    pub(super) fn exceeded_limit(&self) -> Option<Limit> {
        let counts = [
            (&self.max_depth, MAX_DEPTH),
            (&self.steps, MAX_STEPS),
            (&self.text_steps, MAX_TEXT_STEPS),
            (&self.nodes, MAX_NODES),
            (&self.forms, MAX_FORMS),
            (&self.controls, MAX_CONTROLS),
            (&self.options, MAX_OPTIONS),
            (&self.rows, MAX_ROWS),
            (&self.cells, MAX_CELLS),
        ];
        let exceeded = counts
            .into_iter()
            .find(|(count, limit)| count.get() > limit.max);
        exceeded.map(|(_, limit)| limit)
    }

    /// The number of tags, texts and comments so far.
    pub(super) fn parts(&self) -> usize {
        self.parts.get()
    }

    fn count_steps(&self, count: usize) {
        add(&self.steps, count);
    }

    fn count_part(&self) {
        add(&self.parts, 1);
    }

    fn count_append(&self, parent: &Handle, child: &NodeOrText<Handle>) {
        self.count_part();
        add(&self.nodes, 1);
        let depth = self.find_depth(*parent);
        self.count_steps(depth);
        let tree = &self.tree.0.borrow().tree;
        let text = match child {
            NodeOrText::AppendNode(node) => {
                self.max_depth.set(self.max_depth.get().max(depth));
                let node = tree.get(*node).map(|node| node.value());
                node.and_then(Node::as_element).map_or(0, |element| {
                    element.attrs().map(|(_, value)| value.len()).sum()
                })
            }
            NodeOrText::AppendText(text) => text.len(),
        };
        add(&self.text_steps, text.saturating_mul(depth));
    }

    /// The number of elements around a part. The next part is nearly always within, beside or shortly after the last.
    fn find_depth(&self, parent: Handle) -> usize {
        let tree = &self.tree.0.borrow().tree;
        let parent = tree.get(parent);
        let depth_of_last = || {
            let (last, depth) = self.last_parent.get()?;
            if parent?.parent().is_some_and(|around| around.id() == last) {
                return depth.checked_add(1);
            }
            let around_last = std::iter::successors(tree.get(last), |node| node.parent());
            let steps = around_last
                .take(MAX_LEVELS_UP)
                .position(|node| Some(node) == parent)?;
            depth.checked_sub(steps)
        };
        let depth = depth_of_last();
        let depth = depth.unwrap_or_else(|| parent.map_or(0, |parent| parent.ancestors().count()));
        self.last_parent
            .set(parent.map(|parent| (parent.id(), depth)));
        depth
    }

    /// Counts the elements that readers visit one by one.
    fn count(&self, name: &QualName) {
        match name.local {
            local_name!("form") => add(&self.forms, 1),
            local_name!("input")
            | local_name!("select")
            | local_name!("textarea")
            | local_name!("button") => add(&self.controls, 1),
            local_name!("option") => add(&self.options, 1),
            local_name!("tr") => add(&self.rows, 1),
            local_name!("td") | local_name!("th") => add(&self.cells, 1),
            _ => {}
        }
    }
}

fn add(count: &Cell<usize>, more: usize) {
    count.set(count.get().saturating_add(more));
}

impl TreeSink for CountingSink {
    type Handle = Handle;
    type Output = Html;
    type ElemName<'a> = <HtmlTreeSink as TreeSink>::ElemName<'a>;

    fn finish(self) -> Html {
        self.tree.finish()
    }

    fn parse_error(&self, _message: Cow<'static, str>) {
        // Not a part: one tag may have many errors. The messages are dropped, because there may be millions.
        self.count_steps(1);
    }

    fn get_document(&self) -> Handle {
        self.tree.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> Self::ElemName<'a> {
        self.count_steps(1);
        self.tree.elem_name(target)
    }

    fn create_element(
        &self,
        name: QualName,
        attributes: Vec<Attribute>,
        flags: ElementFlags,
    ) -> Handle {
        self.count_steps(1);
        self.count_part();
        self.count(&name);
        self.tree.create_element(name, attributes, flags)
    }

    fn create_comment(&self, text: StrTendril) -> Handle {
        self.count_part();
        self.tree.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.count_part();
        self.tree.create_pi(target, data)
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.count_append(parent, &child);
        self.tree.append(parent, child);
    }

    fn append_based_on_parent_node(
        &self,
        element: &Handle,
        previous: &Handle,
        child: NodeOrText<Handle>,
    ) {
        self.count_append(element, &child);
        self.tree
            .append_based_on_parent_node(element, previous, child);
    }

    fn append_doctype_to_document(
        &self,
        name: StrTendril,
        public_id: StrTendril,
        system_id: StrTendril,
    ) {
        self.count_part();
        self.tree
            .append_doctype_to_document(name, public_id, system_id);
    }

    fn get_template_contents(&self, target: &Handle) -> Handle {
        self.tree.get_template_contents(target)
    }

    fn same_node(&self, one: &Handle, other: &Handle) -> bool {
        self.count_steps(1);
        self.tree.same_node(one, other)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.tree.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.count_append(sibling, &child);
        self.tree.append_before_sibling(sibling, child);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attributes: Vec<Attribute>) {
        self.count_part();
        self.tree.add_attrs_if_missing(target, attributes);
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.last_parent.set(None);
        self.tree.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        self.last_parent.set(None);
        self.tree.reparent_children(node, new_parent);
    }
}
