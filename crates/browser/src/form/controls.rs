//! Finds the controls of each form and the values they would send (HTML standard, 4.10).

use std::collections::{HashMap, HashSet};

use ego_tree::NodeId;
use ego_tree::iter::Edge;
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{Field, Form, Method, Value};
use crate::reading::work;

/// A form with its controls, in page order.
pub(super) struct FormParts<'h> {
    element: ElementRef<'h>,
    controls: Vec<ElementRef<'h>>,
}

/// Finds the forms that match the selector or contain a match, each once.
///
/// A single traversal assigns all controls of the page to their forms.
pub(super) fn find_forms<'h>(html: &'h Html, selector: &Selector) -> Vec<FormParts<'h>> {
    let mut seen_forms = HashSet::new();
    let elements: Vec<ElementRef<'h>> = html
        .select(selector)
        .filter_map(form_around)
        .filter(|form| seen_forms.insert(form.id()))
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

/// Reads a form of the page at `from`. `base` is the page's base URL.
pub(super) fn read_form(parts: &FormParts<'_>, base: &Url, from: &Url) -> Form {
    let action = match parts.element.attr("action").map(str::trim) {
        // By the standard, that is the page, regardless of <base>.
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
        is_json: false,
        from: from.clone(),
        fields: Vec::new(),
        inactive: Vec::new(),
        headers: Vec::new(),
        missing: Vec::new(),
    };
    for control in &parts.controls {
        work::count(1);
        add_control_value(&mut form, *control);
    }
    form
}

/// The page's base URL: its first `<base href>`, or the page's own URL.
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
/// A form owns the controls inside it, unless a control names another form by its id. The parser
/// closes a form at once that begins directly inside a table, but the form owns the controls in the
/// rest of the table, as in browsers. Old sites rely on it.
fn controls_by_form(html: &Html) -> HashMap<NodeId, Vec<ElementRef<'_>>> {
    let mut collector = ControlCollector::default();
    for edge in html.tree.root().traverse() {
        work::count(1);
        match edge {
            Edge::Open(node) => ElementRef::wrap(node).map(|element| collector.open(element)),
            Edge::Close(node) => ElementRef::wrap(node).map(|element| collector.close(element)),
        };
    }
    collector.controls_by_form()
}

/// The owner of a control.
enum Owner<'h> {
    Form(NodeId),
    /// The form with this id.
    Named(&'h str),
}

/// Collects controls, with the elements open around the current one.
#[derive(Default)]
struct ControlCollector<'h> {
    forms: Vec<NodeId>,
    tables: Vec<NodeId>,
    /// How many open elements disable their content.
    disabled: usize,
    /// The last form, and the table if the form began directly inside it.
    last_form: Option<(NodeId, Option<NodeId>)>,
    /// The first form of each id.
    ids: HashMap<&'h str, NodeId>,
    controls: Vec<(Owner<'h>, ElementRef<'h>)>,
}

impl<'h> ControlCollector<'h> {
    fn open(&mut self, element: ElementRef<'h>) {
        let name = element.value().name();
        match name {
            "form" => self.begin_form(element),
            "table" => self.tables.push(element.id()),
            "input" | "select" | "textarea" | "button" => self.add_control(element),
            _ => {}
        }
        self.disabled += usize::from(disables_content(element));
    }

    fn close(&mut self, element: ElementRef<'h>) {
        match element.value().name() {
            "form" => drop(self.forms.pop()),
            "table" => drop(self.tables.pop()),
            _ => {}
        }
        self.disabled -= usize::from(disables_content(element));
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

/// Whether an element's content is never sent.
fn disables_content(element: ElementRef<'_>) -> bool {
    match element.value().name() {
        "fieldset" => element.attr("disabled").is_some(),
        "datalist" => true,
        _ => false,
    }
}

/// Adds a control's values to the form.
fn add_control_value(form: &mut Form, control: ElementRef<'_>) {
    let Some(name) = control.attr("name").filter(|name| !name.is_empty()) else {
        return;
    };
    let value = control.attr("value");
    let kind = control
        .attr("type")
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut add_field = |value: &str| {
        form.fields.push(Field {
            name: name.to_owned(),
            value: Value::Plain(value.to_owned()),
        });
    };
    match (control.value().name(), kind.as_str()) {
        ("input", "checkbox" | "radio") => {
            let value = value.unwrap_or("on");
            if control.attr("checked").is_some() {
                add_field(value);
            } else {
                form.inactive.push((name.to_owned(), value.to_owned()));
            }
        }
        ("input", "submit" | "image") | ("button", "" | "submit") => {
            form.inactive
                .push((name.to_owned(), value.unwrap_or_default().to_owned()));
        }
        ("input", "button" | "reset" | "file") | ("button", _) => {}
        ("select", _) => {
            let values = chosen_values(control);
            if values.is_empty() {
                form.inactive.push((name.to_owned(), String::new()));
            }
            for value in values {
                add_field(&value);
            }
        }
        ("textarea", _) => add_field(&control.text().collect::<String>()),
        _ => add_field(value.unwrap_or_default()),
    }
}

/// The values of a select's chosen options. A single select defaults to its first option.
fn chosen_values(select: ElementRef<'_>) -> Vec<String> {
    let options: Vec<ElementRef<'_>> = select
        .descendants()
        .filter_map(ElementRef::wrap)
        .filter(|element| element.value().name() == "option")
        .collect();
    let is_disabled = |option: &ElementRef<'_>| {
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
            .or_else(|| options.iter().find(|option| !is_disabled(option)).copied())
            .into_iter()
            .collect();
    }
    selected
        .into_iter()
        .filter(|option| !is_disabled(option))
        .map(|option| match option.attr("value") {
            Some(value) => value.to_owned(),
            None => {
                let text: String = option.text().collect();
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            }
        })
        .collect()
}
