//! Redacts the values of attributes.

use super::markup::Tag;
use super::{Mode, Redactor};

/// Attributes whose value is one or more names, besides `class`, `id`, `name` and the like.
const NAME_ATTRIBUTES: [&str; 12] = [
    "zoneid",
    "aria-controls",
    "aria-labelledby",
    "aria-describedby",
    "data-iso-key",
    "data-js",
    "data-test-id",
    "data-type",
    "data-toggle",
    "data-target",
    "data-dismiss",
    "itemprop",
];

/// Attributes with a common value or a small number.
const HARMLESS_ATTRIBUTES: [&str; 27] = [
    "type",
    "method",
    "enctype",
    "rel",
    "charset",
    "http-equiv",
    "lang",
    "dir",
    "colspan",
    "rowspan",
    "maxlength",
    "size",
    "width",
    "height",
    "align",
    "valign",
    "border",
    "checked",
    "selected",
    "disabled",
    "hidden",
    "readonly",
    "required",
    "target",
    "role",
    "scope",
    "tabindex",
];

/// Common values of attributes.
const COMMON_VALUES: [&str; 78] = [
    "text",
    "password",
    "hidden",
    "checkbox",
    "radio",
    "submit",
    "button",
    "reset",
    "image",
    "file",
    "email",
    "tel",
    "number",
    "search",
    "date",
    "url",
    "post",
    "get",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "application/json",
    "application/ld+json",
    "text/javascript",
    "application/javascript",
    "module",
    "text/css",
    "text/html",
    "text/template",
    "utf-8",
    "iso-8859-1",
    "windows-1252",
    "stylesheet",
    "icon",
    "shortcut icon",
    "canonical",
    "nofollow",
    "noopener",
    "noreferrer",
    "content-type",
    "refresh",
    "x-ua-compatible",
    "col",
    "row",
    "colgroup",
    "rowgroup",
    "checked",
    "selected",
    "disabled",
    "readonly",
    "required",
    "true",
    "false",
    "left",
    "right",
    "center",
    "top",
    "middle",
    "bottom",
    "baseline",
    "justify",
    "ltr",
    "rtl",
    "_self",
    "_blank",
    "_parent",
    "_top",
    "main",
    "navigation",
    "alert",
    "dialog",
    "tab",
    "tabpanel",
    "tablist",
    "menu",
    "menuitem",
    "presentation",
    "status",
    "form",
];

/// Attributes whose value is a URL.
const URL_ATTRIBUTES: [&str; 10] = [
    "href",
    "src",
    "action",
    "formaction",
    "data-action",
    "data-href",
    "data-url",
    "data-src",
    "cite",
    "xlink:href",
];

impl Redactor {
    /// Redacts the decoded value of an attribute. `mode` is that of the element's text.
    pub(super) fn redact_attribute(
        &mut self,
        tag: &Tag<'_>,
        name: &str,
        value: &str,
        mode: Mode,
    ) -> String {
        if value.is_empty() {
            return String::new();
        }
        match name {
            "class" => return self.names(value),
            "for" | "headers" | "form" | "id" | "name" => return self.name(value),
            _ if NAME_ATTRIBUTES.contains(&name) => return self.id_or_known_words(value),
            _ => {}
        }
        if HARMLESS_ATTRIBUTES.contains(&name) {
            return if is_harmless(value) {
                value.to_owned()
            } else {
                self.redact_text(value, Mode::Nothing)
            };
        }
        if URL_ATTRIBUTES.contains(&name) {
            return self.redact_url(value);
        }
        match name {
            "style" => style(value),
            "value" => {
                let is_button = tag.attribute("type").is_some_and(|kind| {
                    matches!(kind.to_ascii_lowercase().as_str(), "submit" | "button")
                });
                self.redact_text(
                    value,
                    if is_button {
                        Mode::Nothing
                    } else {
                        Mode::State
                    },
                )
            }
            "content"
                if tag.attribute("http-equiv").is_some()
                    && value.to_ascii_lowercase().contains("charset") =>
            {
                "text/html".to_owned()
            }
            _ if name.starts_with("on") => self.redact_script(value),
            "alt" | "title" | "placeholder" | "aria-label" if mode == Mode::Nothing => {
                self.redact_text(value, Mode::Nothing)
            }
            _ => self.redact_text(value, Mode::Value),
        }
    }
}

/// Whether a value is harmless: a common value, a language, a small number.
fn is_harmless(value: &str) -> bool {
    let lower = value.trim().to_ascii_lowercase();
    let number = lower.trim_end_matches("px").trim_end_matches('%');
    let is_number = number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_language = matches!(lower.as_bytes(), [a, b] | [a, b, b'-' | b'_', _, _] if a.is_ascii_lowercase() && b.is_ascii_lowercase())
        && lower
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'));
    is_number || is_language || COMMON_VALUES.contains(&lower.as_str())
}

/// Keeps only the style rules that show or hide an element.
fn style(value: &str) -> String {
    value
        .split(';')
        .map(|rule| {
            rule.split_whitespace()
                .collect::<String>()
                .to_ascii_lowercase()
        })
        .filter(|rule| {
            matches!(
                rule.as_str(),
                "display:none" | "display:block" | "visibility:hidden"
            )
        })
        .map(|rule| rule.replace(':', ": "))
        .collect::<Vec<_>>()
        .join("; ")
}
