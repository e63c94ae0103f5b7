//! Which controls belong to a form, and what each of them would send (HTML standard, 4.10).

use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{Field, Form, Method, Value};

/// What the selector finds, each as the form that it is or is in; no form twice.
pub(super) fn forms<'h>(html: &'h Html, selector: &Selector) -> Vec<ElementRef<'h>> {
    let mut forms: Vec<ElementRef<'h>> = Vec::new();
    for element in html.select(selector) {
        if let Some(form) = itself_or_around(element, &["form"])
            && !forms.contains(&form)
        {
            forms.push(form);
        }
    }
    forms
}

/// Reads a form of a page that came from this URL.
pub(super) fn read(html: &Html, element: ElementRef<'_>, from: &Url) -> Form {
    let base = base(html, from);
    let action = match element.attr("action").map(str::trim) {
        // As the standard says, that is the page, whatever <base> says.
        None | Some("") => from.clone(),
        Some(action) => base.join(action).unwrap_or_else(|_| from.clone()),
    };
    let is_post = element
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
    for control in owned(html, element) {
        add(&mut form, control);
    }
    form
}

/// What relative links of the page are resolved against: its first `<base href>`, or itself.
fn base(html: &Html, from: &Url) -> Url {
    elements(html)
        .filter(|element| element.value().name() == "base")
        .find_map(|element| element.attr("href"))
        .and_then(|href| from.join(href.trim()).ok())
        .filter(|base| matches!(base.scheme(), "http" | "https"))
        .unwrap_or_else(|| from.clone())
}

fn elements(html: &Html) -> impl Iterator<Item = ElementRef<'_>> {
    html.tree.root().descendants().filter_map(ElementRef::wrap)
}

/// The controls of a form, in the page's order.
///
/// The one around them owns them, unless they name another by its id. A form that begins right
/// inside a table is closed at once by the parser, but goes on owning what follows in the table:
/// that is how browsers treat what many an old site writes.
fn owned<'h>(html: &'h Html, form: ElementRef<'h>) -> Vec<ElementRef<'h>> {
    let id = form.attr("id").filter(|id| !id.is_empty());
    let table = form
        .parent()
        .and_then(ElementRef::wrap)
        .filter(|parent| {
            matches!(
                parent.value().name(),
                "table" | "tbody" | "thead" | "tfoot" | "tr"
            )
        })
        .and_then(|parent| itself_or_around(parent, &["table"]));
    let mut is_current = false;
    let mut controls = Vec::new();
    for element in elements(html) {
        let name = element.value().name();
        if name == "form" {
            is_current = element == form;
            continue;
        }
        if !matches!(name, "input" | "select" | "textarea" | "button") {
            continue;
        }
        let is_owned = match element.attr("form") {
            Some(owner) => Some(owner) == id,
            None => match itself_or_around(element, &["form"]) {
                Some(around) => around == form,
                None => {
                    is_current
                        && table.is_some_and(|table| {
                            element.ancestors().any(|node| node.id() == table.id())
                        })
                }
            },
        };
        if is_owned && !is_disabled(element) {
            controls.push(element);
        }
    }
    controls
}

fn itself_or_around<'h>(element: ElementRef<'h>, names: &[&str]) -> Option<ElementRef<'h>> {
    std::iter::once(element)
        .chain(element.ancestors().filter_map(ElementRef::wrap))
        .find(|element| names.contains(&element.value().name()))
}

fn is_disabled(element: ElementRef<'_>) -> bool {
    element.attr("disabled").is_some()
        || element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(|around| {
                (around.value().name() == "fieldset" && around.attr("disabled").is_some())
                    || around.value().name() == "datalist"
            })
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
