//! The first page: the way in, or the choice between several families.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use hippo_core::ids::FamilyId;
use hippo_core::sign_in::{PersonId, is_recipient};
use serde::Deserialize;

use crate::access::form_browser::FormBrowser;
use crate::access::form_token::form_page;
use crate::access::session::Visitor;
use crate::error::{PageError, PageResult};
use crate::page::{Page, html};
use crate::ports::WebPorts;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    page: Page,
    is_signed_in: bool,
    is_operator: bool,
    families: Vec<FamilyChoice>,
    form_token: String,
    /// Whether the person just unlinked the accounts.
    is_unlinked: bool,
    /// What people call the identity provider, if there is one and the person may link an account.
    provider: Option<String>,
    /// How many identities sign in the person who is signed in.
    identities: usize,
}

/// A family that the person can open.
struct FamilyChoice {
    id: FamilyId,
    name: String,
}

/// What the page's address says.
#[derive(Deserialize)]
pub(crate) struct HomeQuery {
    /// Present: something was just done, and what.
    #[serde(default)]
    saved: Option<String>,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    visitor: Visitor,
    Query(query): Query<HomeQuery>,
) -> PageResult {
    let page = visitor.page("Your library cards");
    let Some(session) = &visitor.0 else {
        return Ok(html(
            StatusCode::OK,
            &HomePage {
                page,
                is_signed_in: false,
                is_operator: false,
                families: Vec::new(),
                form_token: String::new(),
                is_unlinked: false,
                provider: None,
                identities: 0,
            },
        )?);
    };
    let mut families = Vec::new();
    for id in &session.families {
        let family = ports.store.family(id).await?;
        if let Some(family) = family.filter(|family| is_recipient(family, &session.person)) {
            families.push(FamilyChoice {
                id: family.id,
                name: family.name,
            });
        }
    }
    let is_only_one = matches!(&*families, [only] if session.family.as_ref() == Some(&only.id));
    if !session.is_operator && is_only_one {
        return Ok(Redirect::to("/family").into_response());
    }
    let token = browser.form_token()?;
    let has_address = session.person != PersonId::console();
    let provider = ports.identity_provider.as_ref().filter(|_| has_address);
    let shown = HomePage {
        page,
        is_signed_in: true,
        is_operator: session.is_operator,
        families,
        form_token: token.field.clone(),
        is_unlinked: query.saved.as_deref() == Some("unlinked"),
        provider: provider.map(|provider| provider.name().to_owned()),
        identities: ports.store.count_identities(&session.person).await?,
    };
    form_page(StatusCode::OK, &shown, token)
}

/// The family that the person chose.
#[derive(Deserialize)]
pub(crate) struct Choice {
    family: String,
}

/// Opens a family.
pub(crate) async fn choose(
    State(ports): State<WebPorts>,
    Visitor(session): Visitor,
    Form(choice): Form<Choice>,
) -> PageResult {
    let Some(session) = session else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    let family: Option<FamilyId> = choice.family.parse().ok();
    let chosen = family.and_then(|family| session.with_family(&family));
    let chosen = chosen.ok_or_else(PageError::not_found)?;
    match ports.store.replace_session(&chosen).await? {
        true => Ok(Redirect::to("/family").into_response()),
        false => Ok(Redirect::to("/sign-in").into_response()),
    }
}
