//! The URLs of a Sierra site.

use std::collections::BTreeSet;

use hippo_browser::reading::{Css, Element};
use hippo_core::library::Library;
use url::Url;

use crate::links::at_path;

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
fn split_account_path(address: &str) -> Option<(&str, &str)> {
    let (_, after) = address.split_once("/patroninfo")?;
    let (_scope, path) = after.split_once('/')?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let (record, page) = path.split_once('/').unwrap_or((path, ""));
    let is_record = record.len() >= 2 && record.bytes().all(|byte| byte.is_ascii_digit());
    is_record.then_some((record, page.trim_end_matches('/')))
}

/// Returns the patron's record of a page of it, and the address of the record: `…/patroninfo~S3/1307788`.
pub(super) fn find_record(page: &Url) -> Option<(String, Url)> {
    let (record, _) = split_account_path(page.path())?;
    let (before, _) = page.path().split_once(&format!("/{record}"))?;
    let address = at_path(page, &format!("{before}/{record}"));
    Some((record.to_owned(), address))
}

/// Returns the part of a patron's record at an address.
pub(super) fn part_at(address: &str) -> Option<&str> {
    Some(split_account_path(address)?.1)
}

/// Collects the patron records in the links and forms of a page.
pub(super) fn collect_records(root: Element<'_>) -> BTreeSet<String> {
    let elements = ADDRESSES.all(root);
    let addresses = elements.filter_map(|element| element.attr("href").or(element.attr("action")));
    let records = addresses.filter_map(split_account_path);
    records.map(|(record, _)| record.to_owned()).collect()
}
