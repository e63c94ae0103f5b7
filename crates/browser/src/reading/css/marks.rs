//! Marks by which most elements are ruled out.

use html5ever::{LocalName, local_name};
use scraper::node::Element;

/// A set of marks: one for an element's name, its id, and each of its classes and attributes. Two may be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::reading) struct Marks(u64);

impl Marks {
    pub(in crate::reading) fn of(element: &Element) -> Self {
        let mut marks = Self::of_name(&element.name.local);
        for (name, value) in &element.attrs {
            marks = marks.with(Self::of_attribute(&name.local));
            match name.local {
                local_name!("id") => marks = marks.with(Self::of_id(value)),
                local_name!("class") => {
                    let classes = value.split_ascii_whitespace().map(Self::of_class);
                    marks = classes.fold(marks, Self::with);
                }
                _ => {}
            }
        }
        marks
    }

    pub(super) fn of_name(name: &LocalName) -> Self {
        Self::from_hash(name.get_hash())
    }

    pub(super) fn of_attribute(name: &LocalName) -> Self {
        Self::from_hash(name.get_hash().wrapping_add(1))
    }

    pub(super) fn of_id(id: &str) -> Self {
        Self::from_hash(hash(id).wrapping_add(2))
    }

    pub(super) fn of_class(class: &str) -> Self {
        Self::from_hash(hash(class))
    }

    fn from_hash(hash: u64) -> Self {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        Self(1 << (hash.wrapping_mul(FACTOR) >> 58))
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether these marks are among them.
    pub(in crate::reading) fn include(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
}

/// Quick rather than even: a wrong guess only costs a closer look.
fn hash(text: &str) -> u64 {
    text.bytes().fold(text.len() as u64, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    })
}
