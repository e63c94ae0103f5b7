//! Reading a recording as a visit would have.

use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use super::har::{Entry, Har, Step};
use crate::browser::{Page, interstitial};
use crate::{ReadContext, SavedPage, System};

/// Reads the account of a recorded session, as far as its pages tell it: a visit knows more, such as that a
/// list that was asked for and has no page is empty.
///
/// The pages are those that came after the login, in order; what the login itself was answered counts where
/// it says something. A status of 5xx is `site_down`, 429 `site_refused`, and an answer that never came
/// `site_down`, as for a visit.
pub fn read(system: &dyn System, har: &Har, context: &ReadContext<'_>) -> Result<Account, Failure> {
    let entries: Vec<&Entry> = har
        .log
        .entries
        .iter()
        .filter(|entry| !is_logout(entry))
        .collect();
    let login = entries.iter().rposition(|entry| is_login(entry));
    let after = entries.get(login.unwrap_or(0)..).unwrap_or_default();
    if let Some(last) = entries.last() {
        refused(last)?;
    }
    let answers: Vec<&Entry> = after
        .iter()
        .copied()
        .filter(|entry| !(300..400).contains(&entry.response.status))
        .collect();
    let mut pages: Vec<SavedPage> = answers.iter().filter_map(|entry| page(entry)).collect();
    // Many sites answer a login by a page that says nothing, or by a step of a script.
    if login.is_some()
        && pages.len() > 1
        && let Some(first) = pages.first()
        && let Err(failure) = system.read(std::slice::from_ref(first), context)
    {
        if failure.kind != FailureKind::PageChanged {
            return Err(failure);
        }
        pages.remove(0);
    }
    system.read(&pages, context).map_err(|failure| {
        let last = answers.iter().rev().find_map(|entry| browser_page(entry));
        match (failure.kind, last.as_ref().and_then(interstitial)) {
            (FailureKind::PageChanged, Some(better)) => better,
            _ => failure,
        }
    })
}

fn is_login(entry: &Entry) -> bool {
    let has_password = || {
        let fields = entry.request.post_data.iter().flat_map(|form| &form.params);
        let names: Vec<String> = fields
            .map(|field| field.name.to_ascii_lowercase())
            .collect();
        names
            .iter()
            .any(|name| name.contains("pin") || name.contains("pass"))
    };
    entry.step == Some(Step::LogIn) || (entry.request.method == "POST" && has_password())
}

fn is_logout(entry: &Entry) -> bool {
    entry.step == Some(Step::LogOut) || entry.request.url.to_ascii_lowercase().contains("logout")
}

/// What the status of an answer means, whatever its page says.
fn refused(entry: &Entry) -> Result<(), Failure> {
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
    let text = entry.response.content.text.as_ref()?;
    // Other programs write what is no text so.
    let is_text = entry.response.content.encoding.is_none() && !text.trim().is_empty();
    is_text.then(|| SavedPage {
        name: entry.request.url.clone(),
        body: text.clone(),
    })
}

fn browser_page(entry: &Entry) -> Option<Page> {
    Some(Page {
        url: Url::parse(&entry.request.url).ok()?,
        status: entry.response.status,
        content_type: None,
        body: entry.response.content.text.clone()?,
    })
}
