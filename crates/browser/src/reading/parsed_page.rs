//! A parsed page, whose elements are found quickly.

use std::ops::Deref;

use ego_tree::{NodeId, NodeRef};
use scraper::{ElementRef, Html, Node, node};

use super::css::Marks;
use super::work;

/// A parsed page, with a list of its elements in page order.
///
/// A reader looks for dozens of things on a page. To walk through the tree each time took longer than to parse it; most
/// elements are ruled out by the marks in this list.
#[derive(Debug)]
pub struct ParsedPage {
    html: Html,
    entries: Vec<Entry>,
}

/// An element in the list.
#[derive(Debug)]
struct Entry {
    node: NodeId,
    marks: Marks,
    /// The place of the element around it.
    parent: Option<usize>,
    /// The place of the first element behind those within it.
    end: usize,
}

impl ParsedPage {
    pub(super) fn new(html: Html) -> Self {
        let entries = list_elements(*html.root_element());
        Self { html, entries }
    }

    /// The page as the parser built it.
    pub fn html(&self) -> &Html {
        &self.html
    }

    /// The element around all others.
    pub fn root_element(&self) -> Element<'_> {
        Element {
            page: self,
            place: 0,
            end: self.entries.len(),
            element: self.html.root_element(),
        }
    }

    fn element(&self, place: usize) -> Option<Element<'_>> {
        let entry = self.entries.get(place)?;
        let element = ElementRef::wrap(self.html.tree.get(entry.node)?)?;
        Some(Element {
            page: self,
            place,
            end: entry.end,
            element,
        })
    }
}

/// Lists an element and those within it.
fn list_elements(root: NodeRef<'_, Node>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut parent = None;
    let mut node = root;
    loop {
        if let Some(element) = node.value().as_element() {
            let place = entries.len();
            entries.push(Entry {
                node: node.id(),
                marks: Marks::of(element),
                parent,
                end: place + 1,
            });
            if let Some(child) = node.first_child() {
                parent = Some(place);
                node = child;
                continue;
            }
        } else if let Some(child) = node.first_child() {
            node = child;
            continue;
        }
        while node.next_sibling().is_none() {
            match node.parent() {
                Some(around) if node != root => node = around,
                _ => return entries,
            }
            if node.value().is_element() {
                let end = entries.len();
                let closed = parent.and_then(|place| entries.get_mut(place));
                parent = closed.and_then(|entry| {
                    entry.end = end;
                    entry.parent
                });
            }
        }
        match node.next_sibling() {
            Some(next) if node != root => node = next,
            _ => return entries,
        }
    }
}

/// An element of a page.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    page: &'a ParsedPage,
    place: usize,
    end: usize,
    element: ElementRef<'a>,
}

/// What is directly within an element, but for comments.
#[derive(Debug, Clone, Copy)]
pub enum Child<'a> {
    /// A text that isn't empty. Its spaces are as on the page.
    Text(&'a str),
    /// An element.
    Element(Element<'a>),
}

/// A step of a walk through an element.
pub(super) enum Step<'a> {
    Open(Element<'a>),
    Text(&'a str),
    Close(&'a node::Element),
}

impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.element.value().fmt(f)
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.element == other.element
    }
}

impl Eq for Element<'_> {}

impl<'a> Deref for Element<'a> {
    type Target = ElementRef<'a>;

    fn deref(&self) -> &ElementRef<'a> {
        &self.element
    }
}

impl<'a> Element<'a> {
    /// The elements within this one, in page order.
    pub fn elements(self) -> impl Iterator<Item = Self> {
        (self.place + 1..self.end).filter_map(move |place| {
            work::count(1);
            self.page.element(place)
        })
    }

    /// The elements within this one that have one of these sets of marks, in page order.
    pub(super) fn elements_with(self, wanted: &'a [Marks]) -> impl Iterator<Item = Self> {
        let places = self.place + 1..self.end;
        let entries = self.page.entries.get(places.clone()).unwrap_or_default();
        let entries = entries.iter().zip(places);
        entries.filter_map(move |(entry, place)| {
            work::count(1);
            let is_wanted = wanted.iter().any(|wanted| entry.marks.include(*wanted));
            is_wanted.then(|| self.page.element(place)).flatten()
        })
    }

    /// Whether this element has one of these sets of marks.
    pub(super) fn has_one_of(self, wanted: &[Marks]) -> bool {
        work::count(1);
        let entry = self.page.entries.get(self.place);
        entry.is_some_and(|entry| wanted.iter().any(|wanted| entry.marks.include(*wanted)))
    }

    /// Whether this element begins before another of its page.
    pub fn is_before(self, other: Self) -> bool {
        self.place < other.place
    }

    /// Walks through this element. `visit` returns whether to walk through an element that is opened; others aren't
    /// closed.
    pub(super) fn walk(self, mut visit: impl FnMut(Step<'a>) -> bool) {
        let scope = **self;
        let (mut node, mut place) = (scope, self.place);
        loop {
            work::count(1);
            let mut child = None;
            match node.value() {
                Node::Element(own) => {
                    let Some(element) = self.page.element(place) else {
                        return;
                    };
                    place = element.end;
                    if visit(Step::Open(element)) {
                        place = element.place + 1;
                        child = node.first_child();
                        if child.is_none() {
                            visit(Step::Close(own));
                        }
                    }
                }
                Node::Text(text) => {
                    visit(Step::Text(text));
                }
                _ => child = node.first_child(),
            }
            if let Some(child) = child {
                node = child;
                continue;
            }
            while node != scope && node.next_sibling().is_none() {
                let Some(parent) = node.parent() else { return };
                node = parent;
                if let Some(own) = node.value().as_element() {
                    visit(Step::Close(own));
                }
            }
            match node.next_sibling() {
                Some(next) if node != scope => node = next,
                _ => return,
            }
        }
    }

    /// The elements around this one, the closest first.
    pub fn ancestors(self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent_element(), |around| around.parent_element())
    }

    fn parent_element(self) -> Option<Self> {
        let entry = self.page.entries.get(self.place)?;
        self.page.element(entry.parent?)
    }

    /// The elements directly within this one.
    pub fn child_elements(self) -> impl Iterator<Item = Self> {
        let first = Some(self.place + 1).filter(|place| *place < self.end);
        let first = first.and_then(|place| self.page.element(place));
        std::iter::successors(first, move |child| {
            let next = Some(child.end).filter(|place| *place < self.end);
            next.and_then(|place| self.page.element(place))
        })
    }

    /// The texts and elements directly within this one.
    pub fn children(self) -> impl Iterator<Item = Child<'a>> {
        self.page
            .children_from(self.element.first_child(), self.place + 1)
    }

    /// The texts and elements behind this one, within the same element.
    pub fn next_siblings(self) -> impl Iterator<Item = Child<'a>> {
        self.page
            .children_from(self.element.next_sibling(), self.end)
    }
}

impl ParsedPage {
    /// A node and those behind it. The first element among them has this place.
    fn children_from<'a>(
        &'a self,
        first: Option<NodeRef<'a, Node>>,
        first_place: usize,
    ) -> impl Iterator<Item = Child<'a>> {
        let mut place = first_place;
        let nodes = std::iter::successors(first, |node| node.next_sibling());
        nodes.filter_map(move |node| {
            work::count(1);
            match node.value() {
                Node::Text(text) => Some(Child::Text(text)),
                Node::Element(_) => {
                    let element = self.element(place)?;
                    place = element.end;
                    Some(Child::Element(element))
                }
                _ => None,
            }
        })
    }
}
