//! A selector that first looks at what most elements lack.

use html5ever::{LocalName, local_name};
use scraper::{ElementRef, Selector};

use super::marks::Marks;
use crate::reading::parsed_page::Element;

/// A parsed selector, with what an element must have to match it.
///
/// To ask a selector takes far longer than to compare a name, and few elements match.
#[derive(Debug)]
pub(super) struct QuickSelector {
    selector: Selector,
    /// At least one of them is met.
    needs: Vec<Need>,
    /// The marks of each.
    marks: Vec<Marks>,
    /// Whether the needs are all that is asked.
    is_simple: bool,
}

/// What an element must have.
#[derive(Debug, PartialEq, Eq)]
enum Need {
    Id(String),
    Class(String),
    /// With a value that contains this.
    Attribute(LocalName, String),
    Name(LocalName),
    /// Only the selector can tell.
    Unknown,
}

impl QuickSelector {
    /// Parses a selector. `None` if it's malformed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let selector = Selector::parse(text).ok()?;
        let alternatives: Vec<&str> = split(text, |c| c == ',').map(str::trim).collect();
        let needs: Vec<Need> = alternatives
            .iter()
            .flat_map(|one| Need::all_of(one))
            .collect();
        Some(Self {
            selector,
            marks: needs.iter().map(Need::marks).collect(),
            is_simple: alternatives.into_iter().all(is_simple),
            needs,
        })
    }

    /// All matches within `scope`, in page order.
    pub(super) fn all<'a>(&'a self, scope: Element<'a>) -> impl Iterator<Item = Element<'a>> {
        let candidates = scope.elements_with(&self.marks);
        candidates.filter(move |element| self.fits(**element, Some(*scope)))
    }

    pub(super) fn matches(&self, element: Element<'_>) -> bool {
        element.has_one_of(&self.marks) && self.fits(*element, None)
    }

    fn fits(&self, element: ElementRef<'_>, scope: Option<ElementRef<'_>>) -> bool {
        self.needs.iter().any(|need| need.is_met(element))
            && (self.is_simple || self.selector.matches_with_scope(&element, scope))
    }
}

impl Need {
    /// The rarest of what an alternative asks of the element itself: that is said after the last combinator. It's one
    /// need, or one for each part of `:is()`.
    fn all_of(alternative: &str) -> Vec<Self> {
        let is_combinator = |c: char| c.is_whitespace() || matches!(c, '>' | '+' | '~');
        let Some(last) = split(alternative.trim(), is_combinator).last() else {
            return vec![Self::Unknown];
        };
        // Behind an escape, a sign may mean nothing; before a bar, a name is a namespace's.
        if alternative.contains('\\') || last.contains('|') {
            return vec![Self::Unknown];
        }
        let own = Self::of(last);
        match parts_of_is(last) {
            Some(parts) if matches!(own, Self::Name(_) | Self::Unknown) => {
                split(parts, |c| c == ',').flat_map(Self::all_of).collect()
            }
            _ => vec![own],
        }
    }

    /// The rarest of what stands outside of `:is()`.
    fn of(last: &str) -> Self {
        let (mut class, mut attribute) = (None, None);
        for (at, sign) in outer_chars(last) {
            let rest = last.get(at + 1..).unwrap_or_default();
            let name = leading_name(rest);
            match sign {
                '#' => return Self::Id(name.to_owned()),
                '.' => class = Some(name),
                '[' => attribute = Some((name, attribute_value(rest))),
                _ => {}
            }
        }
        // A name in capitals may stand for one in small letters, or for itself.
        let is_small = |name: &str| !name.contains(|c: char| c.is_ascii_uppercase());
        match (class, attribute, leading_name(last)) {
            (Some(class), _, _) => Self::Class(class.to_owned()),
            (None, Some((name, value)), _) if is_small(name) => {
                Self::Attribute(name.into(), value.to_owned())
            }
            (None, None, name) if !name.is_empty() && is_small(name) => Self::Name(name.into()),
            _ => Self::Unknown,
        }
    }

    fn marks(&self) -> Marks {
        match self {
            Self::Id(id) => Marks::of_id(id),
            Self::Class(class) => Marks::of_class(class),
            Self::Attribute(name, _) => Marks::of_attribute(name),
            Self::Name(name) => Marks::of_name(name),
            Self::Unknown => Marks::default(),
        }
    }

    fn is_met(&self, element: ElementRef<'_>) -> bool {
        let element = element.value();
        let value = |name: &LocalName| {
            let mut attributes = element.attrs.iter();
            attributes.find_map(|(other, value)| (other.local == *name).then_some(&**value))
        };
        match self {
            Self::Id(id) => value(&local_name!("id")).is_some_and(|value| value == id),
            Self::Class(class) => value(&local_name!("class"))
                .is_some_and(|value| value.split_ascii_whitespace().any(|one| one == class)),
            Self::Attribute(name, part) => {
                value(name).is_some_and(|value| value.contains(part.as_str()))
            }
            Self::Name(name) => element.name.local == *name,
            Self::Unknown => true,
        }
    }
}

/// Whether a selector is a name, an id or a class, and nothing else.
fn is_simple(selector: &str) -> bool {
    let name = selector.strip_prefix(['#', '.']).unwrap_or(selector);
    let is_name = !name.is_empty() && leading_name(name) == name && name.is_ascii();
    is_name && Need::of(selector) != Need::Unknown
}

/// The name at the beginning of a text.
fn leading_name(text: &str) -> &str {
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii();
    let end = text.find(|c| !is_of_name(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Some of the attributes whose values have a case.
const CASE_SENSITIVE: [&str; 8] = [
    "action", "class", "for", "href", "id", "name", "onclick", "style",
];

/// What stands between the brackets of the first `:is()`.
fn parts_of_is(selector: &str) -> Option<&str> {
    let is_opening = |(at, sign): &(usize, char)| {
        *sign == '('
            && selector
                .get(..*at)
                .is_some_and(|before| before.ends_with(":is"))
    };
    let (start, _) = outer_chars(selector).find(is_opening)?;
    let rest = selector.get(start..)?;
    let after = outer_chars(rest).nth(1).map_or(rest.len(), |(at, _)| at);
    rest.get(1..after)?.strip_suffix(')')
}

/// The value in quotes, or a name, that an attribute's own value must contain: `loans` of `href^='loans']`. Empty if
/// its case may differ: with an `i`, or by the HTML standard.
fn attribute_value(selector: &str) -> &str {
    let name = leading_name(selector);
    if !(CASE_SENSITIVE.contains(&name) || name.starts_with("data-")) {
        return "";
    }
    let rest = selector.trim_start_matches(|c| c != '=' && c != ']');
    let Some(value) = rest.strip_prefix('=') else {
        return "";
    };
    let quoted = ['"', '\''].iter().find_map(|quote| {
        let (value, after) = value.strip_prefix(*quote)?.split_once(*quote)?;
        after.starts_with(']').then_some(value)
    });
    let name = leading_name(value);
    let has_name_only = value
        .strip_prefix(name)
        .is_some_and(|after| after.starts_with(']'));
    quoted.unwrap_or(if has_name_only { name } else { "" })
}

/// The parts of a selector between signs that don't stand in brackets or quotes.
fn split(text: &str, is_separator: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, sign) in outer_chars(text) {
        if is_separator(sign) {
            parts.extend(text.get(start..at));
            start = at + sign.len_utf8();
        }
    }
    parts.extend(text.get(start..));
    parts.into_iter()
}

/// The characters of a selector that don't stand in brackets or quotes, with their places. An opening bracket isn't in
/// its own brackets.
fn outer_chars(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut depth = 0_usize;
    let mut quote = None;
    text.char_indices().filter(move |(_, sign)| {
        let is_outer = depth == 0 && quote.is_none();
        match (quote, *sign) {
            (Some(open), sign) if sign == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(*sign),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        is_outer
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::parse_page;
    use rstest::rstest;

    #[rstest]
    #[case("td", Need::Name("td".into()))]
    #[case("TD", Need::Unknown)]
    #[case("svg [viewBox]", Need::Unknown)]
    #[case("#loans > td:first-child", Need::Name("td".into()))]
    #[case(":scope > td", Need::Name("td".into()))]
    #[case("td.due", Need::Class("due".to_owned()))]
    #[case("td[title].due", Need::Class("due".to_owned()))]
    #[case("td.due a", Need::Name("a".into()))]
    #[case("a[href*='(,' i]", Need::Attribute("href".into(), String::new()))]
    #[case("a[href*='(,']", Need::Attribute("href".into(), "(,".to_owned()))]
    #[case("[type=submit]", Need::Attribute("type".into(), String::new()))]
    #[case("[type=submit][name=go]", Need::Attribute("name".into(), "go".to_owned()))]
    #[case("#loans", Need::Id("loans".to_owned()))]
    #[case("div.x#loans", Need::Id("loans".to_owned()))]
    #[case("a:not(.b):has(> #c, d)", Need::Name("a".into()))]
    #[case("tr:not(.a)~tr:not([id])", Need::Name("tr".into()))]
    #[case("*", Need::Unknown)]
    #[case(r"a.b\.c", Need::Unknown)]
    #[case(r"#a\ b", Need::Unknown)]
    fn need_is_of_the_last_part(#[case] alternative: &str, #[case] need: Need) {
        assert_eq!(Need::all_of(alternative), [need]);
    }

    #[rstest]
    #[case("div :is(a, p .b)", &[Need::Name("a".into()), Need::Class("b".to_owned())])]
    #[case("td:is(.a, #b):not(.c)", &[Need::Class("a".to_owned()), Need::Id("b".to_owned())])]
    #[case("td.x:is(.a, #b)", &[Need::Class("x".to_owned())])]
    #[case(":is(.a, *)", &[Need::Class("a".to_owned()), Need::Unknown])]
    fn parts_of_is_are_needs(#[case] alternative: &str, #[case] needs: &[Need]) {
        assert_eq!(Need::all_of(alternative), needs);
    }

    #[rstest]
    #[case("tr")]
    #[case("p, [data-x='],'] .b, #c")]
    #[case(".a.b:not(.c)")]
    #[case("svg [viewBox], foreignObject, foreignobject")]
    #[case(":scope > td, td:has(.a)")]
    #[case("[CLASS~=a], .Ä, #C")]
    #[case(".Ä")]
    #[case("foreignObject, TD")]
    #[case(":is(p, i):not(.b)")]
    #[case("*")]
    #[case("[data-x*='],'], [class=B]")]
    #[case("[class='b' i], [data-x$=',']")]
    #[case("[type=submit][name=go]")]
    #[case("p:is(.a, #C), :is(td .a, svg)")]
    #[case("[viewBox='2'], [class|=a]")]
    fn same_elements_match_as_without_the_needs(#[case] text: &str) {
        let page = parse_page(
            "<p class='a b' id=c><p id=C data-x='],'><i class='c b'></i><b class='Ä\ta'></b>\
             <svg viewBox=1><g viewBox=2><foreignObject><p></foreignObject></svg>\
             <table><tr><td><i class=a></i><td class=B><input type=SUBMIT name=go>",
        )
        .unwrap();
        let selector = QuickSelector::parse(text).unwrap();
        let root = page.root_element();
        for scope in std::iter::once(root).chain(root.elements()) {
            let found: Vec<_> = selector.all(scope).collect();
            let is_expected = |element: &Element<'_>| {
                let selector = &selector.selector;
                selector.matches_with_scope(element, Some(*scope))
            };
            let expected: Vec<_> = scope.elements().filter(is_expected).collect();
            assert_eq!(found, expected);
            assert!(scope != root || !found.is_empty());
        }
        for element in root.elements() {
            assert_eq!(
                selector.matches(element),
                selector.selector.matches(&element)
            );
        }
    }
}
