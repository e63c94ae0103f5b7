//! Logs in by CAS and fetches the patron's summary and the two lists.

use hippo_browser::Page;
use hippo_core::failure::Failure;
use url::Url;

use super::addresses::{find_record, part_at, scope_suffix};
use crate::links::at_path;
use crate::list_reader::{AccountPart, AccountVisit, PageKind};

/// Logs in, reads the summary and both lists.
pub(super) async fn fetch_account(visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
    let session = &*visit.session;
    let scope = scope_suffix(session.library())
        .ok_or_else(|| Failure::page_changed("the library's option “scope” must look like S3"))?;
    let service = session.url(&format!("patroninfo{scope}/IIITICKET"))?;
    let mut cas = session.url("iii/cas/login")?;
    cas.query_pairs_mut()
        .append_pair("service", service.as_str());
    if let Some(number) = scope.strip_prefix("~S") {
        cas.query_pairs_mut().append_pair("scope", number);
    }
    let own = session.url(&format!("patroninfo{scope}"))?;
    let logout = session.url(&format!("logout{scope}"))?;
    let page = visit.fetch_login(&cas, &own).await?;
    let landing = visit.log_in_on(&page, &logout).await?;
    let (record, location) = locate_record(&landing, visit)?;
    // Some libraries redirect to another account page first. A list's own page may have no link to itself, so that a
    // missing link there proves nothing.
    let mut summary = if part_at(landing.url.path()) == Some("top") {
        read_page(&landing, visit)?
    } else {
        fetch_part(visit, &location, "top").await?
    };
    // No page may be another patron's.
    summary.patrons.insert(record);
    let items = fetch_part(visit, &location, "items").await?;
    let holds = fetch_part(visit, &location, "holds").await?;
    visit.add_lists(summary, items, holds)
}

/// Returns the patron's record to which the login led, and its address.
///
/// CAS also shows the form without a message if its ticket (`lt`) was used before. Ours is fresh, so the form counts as a
/// refusal. The catalogue refuses in its answer or through its login page, `…/patroninfo~S3`, and redirects a patron whom
/// it accepted.
fn locate_record(landing: &Page, visit: &AccountVisit<'_, '_>) -> Result<(String, Url), Failure> {
    let found = find_record(&landing.url);
    let is_elsewhere = found.is_some() || !landing.url.path().contains("/patroninfo");
    let is_accepted =
        visit.session.was_redirected() && is_elsewhere && has_small_form(landing, visit);
    match visit.kind_of(landing)? {
        kind @ (PageKind::Login | PageKind::Failed(_)) if !is_accepted => {
            Err(visit.failure_of(kind, landing))
        }
        _ => found.ok_or_else(|| visit.failure_of(PageKind::Unknown, landing)),
    }
}

/// Whether a page has only the catalogue's own login form, which may be at the top of any page.
fn has_small_form(page: &Page, visit: &AccountVisit<'_, '_>) -> bool {
    matches!(visit.kind_of(page), Ok(PageKind::Login)) && !visit.shows_login(page)
}

async fn fetch_part(
    visit: &mut AccountVisit<'_, '_>,
    record: &Url,
    part: &str,
) -> Result<AccountPart, Failure> {
    let url = at_path(record, &format!("{}/{part}", record.path()));
    let page = visit.session.get(&url).await?;
    read_page(&page, visit)
}

/// Reads a page after the login. The catalogue's own login form at its top proves nothing.
fn read_page(page: &Page, visit: &mut AccountVisit<'_, '_>) -> Result<AccountPart, Failure> {
    if has_small_form(page, visit) && find_record(&page.url).is_some() {
        return Err(visit.failure_of(PageKind::Unknown, page));
    }
    visit.read(page)
}
