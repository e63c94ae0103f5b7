//! Reads an account from a recording.

use std::collections::HashSet;

use hippo_browser::{LoginStep, Page, SavedPage, decode, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::base64;
use super::har::{Entry, Har};

/// Media types of pages, and of answers that are parts of pages.
const PAGE_TYPES: [&str; 5] = [
    "text/html",
    "application/xhtml+xml",
    "application/json",
    "text/json",
    "text/plain",
];

/// Extensions of files that pages load.
const ASSET_EXTENSIONS: [&str; 16] = [
    "avif", "css", "gif", "ico", "jpeg", "jpg", "js", "map", "mjs", "mp4", "png", "svg", "ttf",
    "webp", "woff", "woff2",
];

/// Reads an account from saved pages: the system's reader.
pub type PageReader<'a> = &'a dyn Fn(&[SavedPage]) -> Result<Account, Failure>;

/// Reads the account of a recorded session, as far as its pages show it. A visit knows more, such as that a
/// requested list without a page is empty.
///
/// Reads the pages after the login, in order, and the login's own answer if it is part of the account. Status 5xx
/// and a missing answer are `site_down`, 429 is `site_refused`, as in a visit.
pub fn read(har: &Har, read_pages: PageReader<'_>) -> Result<Account, Failure> {
    let entries = entries_of_site(har, read_pages);
    let login = entries
        .iter()
        .rposition(|entry| is_login(entry))
        .or_else(|| entries.iter().rposition(|entry| may_be_login(entry)));
    let after = entries.get(login.unwrap_or(0)..).unwrap_or_default();
    let is_ours = har.log.library.is_some();
    if let Some(last) = entries.last() {
        check_status(last)?;
        // A visit gives up on redirects that don't end.
        if is_ours && (300..400).contains(&last.response.status) {
            return Err(Failure::page_changed("the recording ends with a redirect"));
        }
        if is_ours && last.response.status == 200 && page(last).is_none() {
            return Err(Failure::page_changed(
                "the recording ends with an empty page",
            ));
        }
    }
    let answers: Vec<&Entry> = after
        .iter()
        .copied()
        .filter(|entry| !(300..400).contains(&entry.response.status))
        .filter(|entry| is_ours || !is_json(entry) || is_read(entry, read_pages))
        .collect();
    let mut pages: Vec<SavedPage> = answers.iter().filter_map(|entry| page(entry)).collect();
    // Many sites answer a login with a page or a script without account data.
    if login.is_some()
        && pages.len() > 1
        && let Some(first) = pages.first()
        && let Err(failure) = read_pages(std::slice::from_ref(first))
    {
        if failure.kind != FailureKind::PageChanged {
            return Err(failure);
        }
        if is_ours || !drop_pages_before_account(&mut pages, read_pages) {
            pages.remove(0);
        }
    } else if !is_ours {
        drop_pages_before_account(&mut pages, read_pages);
    }
    read_pages(&pages).map_err(|failure| {
        let last = answers.iter().rev().find_map(|entry| browser_page(entry));
        match (failure.kind, last.as_ref().and_then(interstitial)) {
            (FailureKind::PageChanged, Some(better)) => better,
            _ => failure,
        }
    })
}

/// Drops pages that a browser showed before the account: a login form, a dashboard. Returns false and keeps all
/// pages if none is an account page.
fn drop_pages_before_account(pages: &mut Vec<SavedPage>, read_pages: PageReader<'_>) -> bool {
    let is_known = |page: &SavedPage| read_pages(std::slice::from_ref(page)).is_ok();
    let Some(first) = pages.iter().position(is_known) else {
        return false;
    };
    let dropped: HashSet<String> = pages.drain(..first).map(|page| page.name).collect();
    // A person may return to the dashboard.
    pages.retain(|page| !dropped.contains(&page.name) || is_known(page));
    true
}

/// The requests for pages, without the logout.
///
/// A browser's file also has styles, scripts, images and trackers, and other hosts. Only the pages of the host
/// with the account count, or else of the host with the login.
fn entries_of_site<'a>(har: &'a Har, read_pages: PageReader<'_>) -> Vec<&'a Entry> {
    let entries = har.log.entries.iter().filter(|entry| !is_logout(entry));
    if har.log.library.is_some() {
        return entries.collect();
    }
    let pages: Vec<&Entry> = entries.filter(|entry| is_page(entry)).collect();
    let host = |entry: &Entry| {
        let url = Url::parse(&entry.request.url).ok()?;
        url.host_str().map(str::to_owned)
    };
    let last = |is_home: &dyn Fn(&Entry) -> bool| {
        let entry = pages.iter().rev().find(|entry| is_home(entry))?;
        host(entry)
    };
    let home = last(&|entry| is_read(entry, read_pages))
        .or_else(|| last(&is_login))
        .or_else(|| last(&|entry| media_type(entry).contains("html")));
    pages
        .into_iter()
        .filter(|entry| home.is_none() || host(entry) == home || is_login(entry))
        .collect()
}

/// The media type of an answer, without parameters. Empty if not declared.
fn media_type(entry: &Entry) -> String {
    let mut header = entry
        .response
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("content-type"))
        .map(|header| header.value.as_str());
    let declared = Some(entry.response.content.mime_type.as_str())
        .filter(|media_type| !media_type.is_empty() && *media_type != "x-unknown")
        .or_else(|| header.next())
        .unwrap_or_default();
    let media_type = declared.split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

fn is_json(entry: &Entry) -> bool {
    media_type(entry).ends_with("json")
}

/// Whether an answer may be a page: no style, script or image.
fn is_page(entry: &Entry) -> bool {
    match (media_type(entry).as_str(), entry.resource_type.as_deref()) {
        ("", Some(asked_for)) => matches!(asked_for, "document" | "xhr" | "fetch"),
        ("", None) => {
            let path = entry
                .request
                .url
                .split(['?', '#'])
                .next()
                .unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let end = name.rsplit_once('.').map_or("", |(_, end)| end);
            !ASSET_EXTENSIONS.contains(&end.to_ascii_lowercase().as_str())
        }
        (media_type, _) => PAGE_TYPES.contains(&media_type),
    }
}

/// Whether the system's reader recognises an answer.
fn is_read(entry: &Entry, read_pages: PageReader<'_>) -> bool {
    page(entry).is_some_and(|page| read_pages(&[page]).is_ok())
}

fn is_login(entry: &Entry) -> bool {
    let has_password = || {
        let names = field_names(entry);
        names.iter().any(|name| {
            let name = name.to_ascii_lowercase();
            name.contains("pin") || name.contains("pass")
        })
    };
    entry.step == Some(LoginStep::LogIn) || (is_post(entry) && has_password())
}

/// Whether a form was sent to a typical login path, and the file lacks its fields.
fn may_be_login(entry: &Entry) -> bool {
    let path = entry
        .request
        .url
        .split(['?', '#'])
        .next()
        .unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, path)| path);
    let mut parts = path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .skip(1)
        .map(str::to_ascii_lowercase);
    let is_login_path = parts.any(|part| {
        let has_login_prefix = ["login", "logon", "signin", "patronlogin", "patroninfo"]
            .iter()
            .any(|known| part.starts_with(known));
        has_login_prefix || matches!(part.as_str(), "auth" | "cas" | "session" | "sessions")
    }) || path.ends_with("/opac-user.pl");
    is_post(entry) && is_login_path && field_names(entry).is_empty()
}

fn is_post(entry: &Entry) -> bool {
    entry.request.method.eq_ignore_ascii_case("POST")
}

/// The names of the sent fields, in any of HAR's forms.
fn field_names(entry: &Entry) -> Vec<String> {
    let Some(form) = &entry.request.post_data else {
        return Vec::new();
    };
    if !form.params.is_empty() {
        return form.params.iter().map(|field| field.name.clone()).collect();
    }
    let text = match form.encoding.as_deref() {
        Some("base64") => base64::decode(&form.text).map(|bytes| decode(&bytes, None)),
        _ => Some(form.text.clone()),
    };
    let text = text.unwrap_or_default();
    if let Ok(Value::Object(fields)) = serde_json::from_str(text.trim()) {
        return fields.into_iter().map(|(name, _)| name).collect();
    }
    if form.mime_type.to_ascii_lowercase().contains("multipart") {
        return text
            .split("name=\"")
            .skip(1)
            .filter_map(|after| after.split('"').next())
            .map(str::to_owned)
            .collect();
    }
    form_urlencoded::parse(text.trim().as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect()
}

fn is_logout(entry: &Entry) -> bool {
    entry.step == Some(LoginStep::LogOut)
        || entry.request.url.to_ascii_lowercase().contains("logout")
}

/// The failure for an answer's status, regardless of its page.
fn check_status(entry: &Entry) -> Result<(), Failure> {
    let status = entry.response.status;
    match status {
        0 => Err(Failure::site_down("the recording ends without an answer")),
        429 => Err(Failure::new(
            FailureKind::SiteRefused,
            "status 429 in the recording",
        )),
        500..=599 => Err(Failure::site_down(format!(
            "status {status} in the recording"
        ))),
        _ => Ok(()),
    }
}

fn page(entry: &Entry) -> Option<SavedPage> {
    let body = text(entry)?;
    (!body.trim().is_empty()).then(|| SavedPage {
        name: entry.request.url.clone(),
        body,
    })
}

fn browser_page(entry: &Entry) -> Option<Page> {
    Some(Page {
        url: Url::parse(&entry.request.url).ok()?,
        status: entry.response.status,
        content_type: None,
        body: text(entry)?,
    })
}

/// The text of an answer, decoded if necessary. `None` if there is none.
fn text(entry: &Entry) -> Option<String> {
    let content = &entry.response.content;
    let text = content.text.as_ref()?;
    match content.encoding.as_deref() {
        None | Some("") => Some(text.clone()),
        Some("base64") => Some(decode(&base64::decode(text)?, Some(&content.mime_type))),
        Some(_) => None,
    }
}
