//! A family's feeds: makes and revokes their links.

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use axum::{Extension, Form};
use hippo_core::audit::Change;
use hippo_core::clock::local_date;
use hippo_core::feed::{Feed, FeedLabel, FeedToken, FeedTokenHash};
use hippo_core::ids::FamilyId;
use hippo_core::notice::phrases::full_day;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::access::form_token::{FormToken, check_form_token, form_token};
use crate::access::session::FamilyMember;
use crate::audit::record_change;
use crate::error::{HasOwnPage, PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// The most feeds that a family makes here.
const MAX_FEEDS: usize = 20;

#[derive(Template)]
#[template(path = "feeds.html")]
struct FeedsPage {
    page: Page,
    form_token: String,
    family: FamilyId,
    feeds: Vec<FeedView>,
    new: Option<NewLinks>,
    /// Whether the links of a feed open on this machine alone.
    is_this_machine_only: bool,
    problem: Option<String>,
    /// The name that was typed, if the form is shown again.
    label: String,
    titles: bool,
}

/// A feed in the list.
struct FeedView {
    label: String,
    last_four: String,
    /// The hash of its token, which doesn't reveal it.
    id: String,
    titles: bool,
    last_used: Option<String>,
    /// Whether a recipient made it, and not the operator: it ends when they leave.
    is_by_a_recipient: bool,
}

/// The links of a feed that was just made. They are shown only once.
struct NewLinks {
    label: String,
    calendar: Zeroizing<String>,
    /// The same link, as calendar apps open it; `None`: it works on this machine alone.
    subscription: Option<Zeroizing<String>>,
    now: Zeroizing<String>,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    member: FamilyMember,
) -> PageResult {
    let token = form_token(&headers, origin.is_secure)?;
    show_page(&ports, &member, token, Ok(None)).await
}

/// A form that made no feed, and why.
struct RefusedForm {
    problem: String,
    label: String,
    titles: bool,
}

/// Shows the feeds, with the links of a new one or what was wrong with the form.
async fn show_page(
    ports: &WebPorts,
    member: &FamilyMember,
    token: FormToken,
    made: Result<Option<NewLinks>, RefusedForm>,
) -> PageResult {
    let family = &member.loaded.family;
    let today = local_date(ports.clock.now(), family.timezone);
    let feeds = ports.store.family_feeds(&family.id).await?.into_iter();
    let status = match made {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let (new, refused) = match made {
        Ok(new) => (new, None),
        Err(refused) => (None, Some(refused)),
    };
    let shown = FeedsPage {
        page: member.page("Feeds"),
        form_token: token.field,
        family: family.id.clone(),
        feeds: feeds
            .map(|feed| FeedView {
                label: feed.label.to_string(),
                last_four: feed.last_four,
                id: feed.token_hash.as_str().to_owned(),
                titles: feed.shows_titles,
                is_by_a_recipient: feed.created_by.is_some(),
                last_used: feed.last_used.map(|day| full_day(day, today)),
            })
            .collect(),
        new,
        // Without https, the address is this machine's own.
        is_this_machine_only: !ports.settings.public_url.is_secure(),
        titles: refused.as_ref().is_none_or(|form| form.titles),
        label: refused
            .as_ref()
            .map(|form| form.label.clone())
            .unwrap_or_default(),
        problem: refused.map(|form| form.problem),
    };
    let mut response = html(status, &shown)?;
    if let Some(cookie) = token.cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response.extensions_mut().insert(HasOwnPage);
    Ok(response)
}

/// The form of a new feed.
#[derive(Deserialize)]
pub(crate) struct NewFeedForm {
    form_token: String,
    family: String,
    label: String,
    #[serde(default)]
    titles: Option<String>,
}

/// Makes a feed, and shows its links once.
pub(crate) async fn add(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    member: FamilyMember,
    Form(form): Form<NewFeedForm>,
) -> PageResult {
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    member.require_family(&form.family)?;
    let token = form_token(&headers, origin.is_secure)?;
    let made = add_feed(&ports, &member, &form).await?;
    let made = made.map(Some).map_err(|problem| RefusedForm {
        problem,
        label: form.label,
        titles: form.titles.is_some(),
    });
    show_page(&ports, &member, token, made).await
}

/// Makes a feed, or says what is wrong with the form.
async fn add_feed(
    ports: &WebPorts,
    member: &FamilyMember,
    form: &NewFeedForm,
) -> Result<Result<NewLinks, String>, PageError> {
    let family = &member.loaded.family.id;
    let label: FeedLabel = match form.label.parse() {
        Ok(label) => label,
        Err(_) => return Ok(Err("Give the feed a name of up to 40 letters.".to_owned())),
    };
    let others = ports.store.family_feeds(family).await?;
    if others.iter().any(|feed| feed.is_called(label.as_str())) {
        return Ok(Err(format!(
            "You already have a feed called “{label}”. If you pressed the button twice, you haven’t seen its links: \
             revoke it, and make it again."
        )));
    }
    if others.len() >= MAX_FEEDS {
        return Ok(Err(format!(
            "You already have {MAX_FEEDS} feeds. Revoke one first."
        )));
    }
    let token = FeedToken::generate().map_err(PageError::internal)?;
    let titles = form.titles.is_some();
    let feed = Feed {
        created_by: Some(member.session.person.clone()),
        ..Feed::new(&token, family.clone(), label, titles, ports.clock.now())
    };
    ports.store.add_feed(&feed).await?;
    tracing::info!(family.id = %family, "A family made a feed.");
    record_change(ports, member.actor(), Some(family), Change::FeedMade).await;
    let link = |file: &str| {
        let path = Zeroizing::new(format!("/f/{}/{file}", *token.expose()));
        Zeroizing::new(ports.settings.public_url.page(&path))
    };
    let calendar = link("due.ics");
    let subscription = calendar.strip_prefix("https://");
    Ok(Ok(NewLinks {
        label: feed.label.to_string(),
        subscription: subscription.map(|rest| Zeroizing::new(format!("webcal://{rest}"))),
        calendar,
        now: link("now.json"),
    }))
}

/// The form that revokes a feed.
#[derive(Deserialize)]
pub(crate) struct RevokeForm {
    form_token: String,
    family: String,
    feed: String,
}

/// Revokes a feed. Succeeds if it is already gone: another tab came first.
pub(crate) async fn revoke(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    member: FamilyMember,
    Form(form): Form<RevokeForm>,
) -> PageResult {
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    member.require_family(&form.family)?;
    let family = &member.loaded.family.id;
    let token: FeedTokenHash = form.feed.parse().map_err(|_| PageError::not_found())?;
    if ports.store.revoke_feed(family, &token).await? {
        tracing::info!(family.id = %family, "A family revoked a feed.");
        record_change(&ports, member.actor(), Some(family), Change::FeedRevoked).await;
    }
    Ok(Redirect::to("/family/feeds").into_response())
}
