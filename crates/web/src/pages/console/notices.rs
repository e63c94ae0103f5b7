//! The notices of the last two weeks, with what their states mean.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use axum::{Extension, Form};
use chrono::{Days, NaiveDate};
use hippo_core::audit::{Actor, Change};
use hippo_core::clock::local_date;
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;
use hippo_core::jobs::notify::resend::{Resend, ResendError};
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord, RecipientState};
use hippo_core::run::grid::OutcomeTone;
use hippo_core::text::mask_addresses;
use serde::Deserialize;

use super::view::{Times, token_of, tone_class};
use crate::access::form_token::{FormToken, check_form_token, form_page};
use crate::access::operator::Operator;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::Page;
use crate::ports::WebPorts;

/// How many days of notices are shown.
const DAYS: u64 = 14;

/// How many families a page shows, each with a read for each kind of mail.
const FAMILIES_PER_PAGE: usize = 25;

#[derive(Template)]
#[template(path = "console/notices.html")]
struct NoticesPage {
    page: Page,
    form_token: String,
    problem: Option<String>,
    is_resent: bool,
    notices: Vec<NoticeView>,
    /// The last family, if there are more.
    next: Option<FamilyId>,
    is_later_page: bool,
}

/// A notice in words.
struct NoticeView {
    family: FamilyId,
    kind: MailKind,
    date: NaiveDate,
    state: &'static str,
    class: &'static str,
    since: String,
    tries: u64,
    meaning: Option<String>,
    /// The recipients by number that don't have it, and their states.
    recipients: Vec<String>,
    /// If it can be sent again: the revision, and what to know before.
    resend: Option<(u64, Option<&'static str>)>,
}

/// What the page's address says.
#[derive(Deserialize)]
pub(crate) struct NoticesQuery {
    /// The last family of the page before.
    #[serde(default)]
    after: Option<String>,
    /// Present: a notice was just asked for again.
    #[serde(default)]
    resent: Option<String>,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Extension(origin): Extension<RequestOrigin>,
    Query(query): Query<NoticesQuery>,
    headers: HeaderMap,
) -> PageResult {
    let after = match query.after.as_deref() {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| PageError::not_found())?),
    };
    let shown = Shown {
        after,
        is_resent: query.resent.is_some(),
        problem: None,
    };
    show_page(&ports, &operator, token_of(&headers, &origin)?, shown).await
}

/// What a page shows besides the notices.
struct Shown {
    after: Option<FamilyId>,
    is_resent: bool,
    problem: Option<String>,
}

async fn show_page(
    ports: &WebPorts,
    operator: &Operator,
    token: FormToken,
    shown: Shown,
) -> PageResult {
    let times = Times::new(ports);
    let store = &*ports.store;
    let families = store
        .families_page(shown.after.as_ref(), FAMILIES_PER_PAGE + 1)
        .await?;
    let has_more = families.len() > FAMILIES_PER_PAGE;
    let families = families.get(..FAMILIES_PER_PAGE).unwrap_or(&families);
    let limit = usize::try_from(DAYS).unwrap_or(usize::MAX);
    let mut notices: Vec<NoticeView> = Vec::new();
    for family in families {
        let today = local_date(times.now, family.timezone);
        let since = today.checked_sub_days(Days::new(DAYS)).unwrap_or(today);
        for kind in MailKind::ALL {
            let records = store.recent_mails(kind, &family.id, limit).await?;
            let records = records.into_iter().filter(|record| record.date > since);
            notices.extend(records.map(|record| notice_view(family, record, times)));
        }
    }
    notices.sort_by(|one, other| {
        let by_date = other.date.cmp(&one.date);
        by_date.then_with(|| (&one.family, &one.kind).cmp(&(&other.family, &other.kind)))
    });
    let last = families.last().map(|family| family.id.clone());
    let status = match shown.problem {
        Some(_) => StatusCode::CONFLICT,
        None => StatusCode::OK,
    };
    let page = NoticesPage {
        page: operator.page("Notices"),
        form_token: token.field.clone(),
        problem: shown.problem,
        is_resent: shown.is_resent,
        notices,
        next: last.filter(|_| has_more),
        is_later_page: shown.after.is_some(),
    };
    form_page(status, &page, token)
}

fn notice_view(family: &Family, record: OutboxRecord, times: Times) -> NoticeView {
    let tone = match record.state {
        MailState::Sent => OutcomeTone::Good,
        MailState::Skipped => OutcomeTone::Faint,
        MailState::Pending | MailState::Claimed => OutcomeTone::Plain,
        MailState::Sending | MailState::Unknown | MailState::Newer => OutcomeTone::Warning,
        MailState::Failed | MailState::GaveUp | MailState::Missed => OutcomeTone::Bad,
    };
    let meaning = record.meaning(times.now);
    NoticeView {
        family: record.family.clone(),
        kind: record.kind.clone(),
        date: record.date,
        state: record.state.as_str(),
        class: tone_class(tone),
        since: times.show(record.changed_at),
        tries: record.tries(),
        meaning: meaning.map(|meaning| mask_addresses(&meaning)),
        recipients: unreached_words(&record),
        resend: resend_of(family, record, times),
    }
}

/// Names by number who didn't get a sent notice.
fn unreached_words(record: &OutboxRecord) -> Vec<String> {
    if record.state != MailState::Sent {
        return Vec::new();
    }
    let unreached = record.unreached_recipients().map(|recipient| {
        let state = match recipient.state {
            RecipientState::Unknown => "we can’t tell whether it was sent",
            _ => "not sent",
        };
        format!("Recipient {}: {state}.", recipient.number)
    });
    unreached.collect()
}

fn resend_of(
    family: &Family,
    record: OutboxRecord,
    times: Times,
) -> Option<(u64, Option<&'static str>)> {
    // It goes out on the next run anyway.
    if record.state == MailState::Pending && !record.is_held() {
        return None;
    }
    let resend = Resend::from_record(family, record, times.now).ok()?;
    Some((resend.revision(), resend.warning()))
}

/// The form that sends a notice again.
#[derive(Deserialize)]
pub(crate) struct ResendForm {
    form_token: String,
    family: String,
    kind: String,
    date: String,
    /// The revision of the record that the page showed.
    revision: u64,
}

/// Lets the next run send a notice again.
pub(crate) async fn resend(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    Form(form): Form<ResendForm>,
) -> PageResult {
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    if let Some(response) = operator.sign_in_again(&ports, &origin, "/console/notices") {
        return Ok(response);
    }
    let key = read_key(&form).ok_or_else(PageError::not_found)?;
    let problem = match request_resend(&ports, &key, form.revision).await? {
        ResendOutcome::Refused(problem) => problem,
        outcome => {
            if outcome == ResendOutcome::Requested {
                tracing::info!(family.id = %key.family, "A notice was asked for again.");
                let family = key.family.clone();
                let change = Change::NoticeResent { mail: key };
                record_change(&ports, Actor::Operator, Some(&family), change).await;
            }
            return Ok(Redirect::to("/console/notices?resent=yes").into_response());
        }
    };
    let shown = Shown {
        after: None,
        is_resent: false,
        problem: Some(problem),
    };
    show_page(&ports, &operator, token_of(&headers, &origin)?, shown).await
}

fn read_key(form: &ResendForm) -> Option<MailKey> {
    let mut kinds = MailKind::ALL.iter();
    let kind = kinds.find(|kind| kind.as_str() == form.kind)?;
    let (family, date) = (form.family.parse().ok()?, form.date.parse().ok()?);
    Some(MailKey::new(kind.clone(), family, date))
}

/// What came of asking for a notice again.
#[derive(PartialEq, Eq)]
enum ResendOutcome {
    Requested,
    /// The same form was sent twice, or another tab came first.
    RequestedBefore,
    /// It can't be sent, for this reason.
    Refused(String),
}

/// Asks for a notice again, if its record is as the page showed it.
async fn request_resend(
    ports: &WebPorts,
    key: &MailKey,
    revision: u64,
) -> Result<ResendOutcome, PageError> {
    let store = &*ports.store;
    let family = store.family(&key.family).await?;
    let family = family.ok_or_else(PageError::not_found)?;
    // If another request comes first, the second look says whether it asked for the same.
    for _ in 0..2 {
        match Resend::prepare(store, &family, key, ports.clock.now()).await {
            Ok(resend) if resend.is_asked_for_since(revision) => {
                return Ok(ResendOutcome::RequestedBefore);
            }
            // The notice went on.
            Ok(resend) if resend.revision() != revision => break,
            Ok(resend) => match resend.save(store).await {
                Ok(()) => return Ok(ResendOutcome::Requested),
                Err(ResendError::Changed) => {}
                Err(error) => return refuse_resend(error),
            },
            Err(error) => return refuse_resend(error),
        }
    }
    refuse_resend(ResendError::Changed)
}

fn refuse_resend(error: ResendError) -> Result<ResendOutcome, PageError> {
    match error {
        ResendError::Store(error) => Err(error.into()),
        ResendError::NotFound => Err(PageError::not_found()),
        error => Ok(ResendOutcome::Refused(error.to_string())),
    }
}
