//! Which controls belong to a form, and what each of them would send (HTML standard, 4.10).

use std::collections::{HashMap, HashSet};

use ego_tree::NodeId;
use ego_tree::iter::Edge;
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{Field, Form, Method, Value};
use crate::reading::work;

/// A form of a page with its controls, in the page's order.
pub(super) struct FormParts<'h> {
    element: ElementRef<'h>,
    controls: Vec<ElementRef<'h>>,
}

/// Finds what the selector matches, each as the form that it is or is in; no form twice.
///
/// One walk gives every control of the page to its form.
pub(super) fn find_forms<'h>(html: &'h Html, selector: &Selector) -> Vec<FormParts<'h>> {
    let mut seen = HashSet::new();
    let elements: Vec<ElementRef<'h>> = html
        .select(selector)
        .filter_map(form_around)
        .filter(|form| seen.insert(form.id()))
        .collect();
    if elements.is_empty() {
        return Vec::new();
    }
    let mut controls = controls_by_form(html);
    elements
        .into_iter()
        .map(|element| FormParts {
            element,
            controls: controls.remove(&element.id()).unwrap_or_default(),
        })
        .collect()
}

/// Reads a form of a page that came from this URL; `base` is what the page's links are resolved against.
pub(super) fn read_form(parts: &FormParts<'_>, base: &Url, from: &Url) -> Form {
    let action = match parts.element.attr("action").map(str::trim) {
        // As the standard says, that is the page, whatever <base> says.
        None | Some("") => from.clone(),
        Some(action) => base.join(action).unwrap_or_else(|_| from.clone()),
    };
    let is_post = parts
        .element
        .attr("method")
        .is_some_and(|method| method.trim().eq_ignore_ascii_case("post"));
    let mut form = Form {
        action,
        method: if is_post { Method::Post } else { Method::Get },
        from: from.clone(),
        fields: Vec::new(),
        idle: Vec::new(),
        headers: Vec::new(),
        missing: Vec::new(),
    };
    for control in &parts.controls {
        work::count(1);
        add(&mut form, *control);
    }
    form
}

/// What relative links of the page are resolved against: its first `<base href>`, or itself.
pub(super) fn find_base(html: &Html, from: &Url) -> Url {
    html.tree
        .root()
        .descendants()
        .filter_map(ElementRef::wrap)
        .filter(|element| element.value().name() == "base")
        .find_map(|element| element.attr("href"))
        .and_then(|href| from.join(href.trim()).ok())
        .filter(|base| matches!(base.scheme(), "http" | "https"))
        .unwrap_or_else(|| from.clone())
}

fn form_around(element: ElementRef<'_>) -> Option<ElementRef<'_>> {
    std::iter::once(element)
        .chain(element.ancestors().filter_map(ElementRef::wrap))
        .find(|element| element.value().name() == "form")
}

/// The controls of all forms of a page.
///
/// A form owns what is in it, unless a control names another form by its id. A form that begins right
/// inside a table is closed at once by the parser, but goes on owning what follows in the table:
/// that is how browsers treat what many an old site writes.
fn controls_by_form(html: &Html) -> HashMap<NodeId, Vec<ElementRef<'_>>> {
    let mut walk = Walk::default();
    for edge in html.tree.root().traverse() {
        work::count(1);
        match edge {
            Edge::Open(node) => ElementRef::wrap(node).map(|element| walk.open(element)),
            Edge::Close(node) => ElementRef::wrap(node).map(|element| walk.close(element)),
        };
    }
    walk.controls_by_form()
}

/// Who owns a control.
enum Owner<'h> {
    Form(NodeId),
    /// The form with this id.
    Named(&'h str),
}

/// What is open around the element at hand.
#[derive(Default)]
struct Walk<'h> {
    forms: Vec<NodeId>,
    tables: Vec<NodeId>,
    /// How many parts are open of which nothing is sent.
    disabled: usize,
    /// The form that began last, and the table that it began right inside of.
    last_form: Option<(NodeId, Option<NodeId>)>,
    /// The first form of each id.
    ids: HashMap<&'h str, NodeId>,
    controls: Vec<(Owner<'h>, ElementRef<'h>)>,
}

impl<'h> Walk<'h> {
    fn open(&mut self, element: ElementRef<'h>) {
        let name = element.value().name();
        match name {
            "form" => self.begin_form(element),
            "table" => self.tables.push(element.id()),
            "input" | "select" | "textarea" | "button" => self.add_control(element),
            _ => {}
        }
        self.disabled += usize::from(disables(element));
    }

    fn close(&mut self, element: ElementRef<'h>) {
        match element.value().name() {
            "form" => drop(self.forms.pop()),
            "table" => drop(self.tables.pop()),
            _ => {}
        }
        self.disabled -= usize::from(disables(element));
    }

    fn begin_form(&mut self, form: ElementRef<'h>) {
        let is_part_of_table = form
            .parent()
            .and_then(ElementRef::wrap)
            .is_some_and(|parent| {
                matches!(
                    parent.value().name(),
                    "table" | "tbody" | "thead" | "tfoot" | "tr"
                )
            });
        let table = self.tables.last().copied().filter(|_| is_part_of_table);
        self.last_form = Some((form.id(), table));
        self.forms.push(form.id());
        if let Some(id) = form.attr("id").filter(|id| !id.is_empty()) {
            self.ids.entry(id).or_insert(form.id());
        }
    }

    fn add_control(&mut self, control: ElementRef<'h>) {
        if self.disabled > 0 || control.attr("disabled").is_some() {
            return;
        }
        let owner = match (control.attr("form"), self.forms.last()) {
            (Some(id), _) => Some(Owner::Named(id)),
            (None, Some(form)) => Some(Owner::Form(*form)),
            (None, None) => self
                .last_form
                .filter(|(_, table)| table.is_some_and(|table| self.tables.contains(&table)))
                .map(|(form, _)| Owner::Form(form)),
        };
        if let Some(owner) = owner {
            self.controls.push((owner, control));
        }
    }

    fn controls_by_form(self) -> HashMap<NodeId, Vec<ElementRef<'h>>> {
        let mut by_form: HashMap<NodeId, Vec<ElementRef<'h>>> = HashMap::new();
        for (owner, control) in self.controls {
            let form = match owner {
                Owner::Form(form) => Some(form),
                Owner::Named(id) => self.ids.get(id).copied(),
            };
            if let Some(form) = form {
                by_form.entry(form).or_default().push(control);
            }
        }
        by_form
    }
}

/// Whether nothing within an element is sent.
fn disables(element: ElementRef<'_>) -> bool {
    match element.value().name() {
        "fieldset" => element.attr("disabled").is_some(),
        "datalist" => true,
        _ => false,
    }
}

/// Adds what a control would send.
fn add(form: &mut Form, control: ElementRef<'_>) {
    let Some(name) = control.attr("name").filter(|name| !name.is_empty()) else {
        return;
    };
    let value = control.attr("value");
    let kind = control
        .attr("type")
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut send = |value: &str| {
        form.fields.push(Field {
            name: name.to_owned(),
            value: Value::Plain(value.to_owned()),
        });
    };
    match (control.value().name(), kind.as_str()) {
        ("input", "checkbox" | "radio") => {
            let value = value.unwrap_or("on");
            if control.attr("checked").is_some() {
                send(value);
            } else {
                form.idle.push((name.to_owned(), value.to_owned()));
            }
        }
        ("input", "submit" | "image") | ("button", "" | "submit") => {
            form.idle
                .push((name.to_owned(), value.unwrap_or_default().to_owned()));
        }
        ("input", "button" | "reset" | "file") | ("button", _) => {}
        ("select", _) => {
            let chosen = chosen(control);
            if chosen.is_empty() {
                form.idle.push((name.to_owned(), String::new()));
            }
            for value in chosen {
                send(&value);
            }
        }
        ("textarea", _) => send(&control.text().collect::<String>()),
        _ => send(value.unwrap_or_default()),
    }
}

/// The values of a select's chosen options; a list of which one is always chosen has its first.
fn chosen(select: ElementRef<'_>) -> Vec<String> {
    let options: Vec<ElementRef<'_>> = select
        .descendants()
        .filter_map(ElementRef::wrap)
        .filter(|element| element.value().name() == "option")
        .collect();
    let is_off = |option: &ElementRef<'_>| {
        option.attr("disabled").is_some()
            || option
                .parent()
                .and_then(ElementRef::wrap)
                .is_some_and(|group| {
                    group.value().name() == "optgroup" && group.attr("disabled").is_some()
                })
    };
    let mut selected: Vec<ElementRef<'_>> = options
        .iter()
        .filter(|option| option.attr("selected").is_some())
        .copied()
        .collect();
    if select.attr("multiple").is_none() {
        let last = selected.pop();
        selected = last
            .or_else(|| options.iter().find(|option| !is_off(option)).copied())
            .into_iter()
            .collect();
    }
    selected
        .into_iter()
        .filter(|option| !is_off(option))
        .map(|option| match option.attr("value") {
            Some(value) => value.to_owned(),
            None => {
                let text: String = option.text().collect();
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            }
        })
        .collect()
}
