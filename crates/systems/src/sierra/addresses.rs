//! The URLs of a Sierra site.

use std::collections::BTreeSet;

use hippo_browser::reading::{Css, element_text};
use hippo_core::library::Library;
use scraper::ElementRef;

/// The links that may lead to a patron's record.
pub(super) const LINKS: &str = "a[href*='/patroninfo']";

static ADDRESSES: Css = Css::new("a[href], form[action]");

/// Returns `~S3` for the option `scope`, or an empty text without it. `None` if the option doesn't look like `S3`.
pub(super) fn scope_suffix(library: &Library) -> Option<String> {
    let Some(scope) = library.options.get("scope") else {
        return Some(String::new());
    };
    let number = scope.trim_start_matches(['~', 'S', 's']);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("~S{number}"))
}

/// Returns the record and the page name of `/patroninfo~S3/1307788/items`.
pub(super) fn split_account_path(address: &str) -> Option<(&str, &str)> {
    let (_, after) = address.split_once("/patroninfo")?;
    let (_scope, path) = after.split_once('/')?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let (record, page) = path.split_once('/').unwrap_or((path, ""));
    let is_record = record.len() >= 2 && record.bytes().all(|byte| byte.is_ascii_digit());
    is_record.then_some((record, page.trim_end_matches('/')))
}

/// Returns the part of a patron's record that a link leads to.
pub(super) fn part_of_link(link: ElementRef<'_>) -> Option<&str> {
    Some(split_account_path(link.attr("href")?)?.1)
}

/// Returns the words of a link to this part of a patron's record.
pub(super) fn words_of_link(link: ElementRef<'_>, part: &str) -> Option<String> {
    (part_of_link(link)? == part).then(|| element_text(link))
}

/// Collects the patron records in the links and forms of a page.
pub(super) fn collect_records(root: ElementRef<'_>) -> BTreeSet<String> {
    let elements = ADDRESSES.all(root);
    let addresses = elements.filter_map(|element| element.attr("href").or(element.attr("action")));
    let records = addresses.filter_map(split_account_path);
    records.map(|(record, _)| record.to_owned()).collect()
}
