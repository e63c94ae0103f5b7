//! The first page: the way in, or the choice between several families.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use hippo_core::ids::FamilyId;
use serde::Deserialize;

use crate::access::session::{Visitor, is_recipient};
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
}

/// A family that the person can open.
struct FamilyChoice {
    id: FamilyId,
    name: String,
}

/// Shows the page.
pub(crate) async fn show(State(ports): State<WebPorts>, visitor: Visitor) -> PageResult {
    let page = visitor.page("Your library cards");
    let Some(session) = &visitor.0 else {
        return Ok(html(
            StatusCode::OK,
            &HomePage {
                page,
                is_signed_in: false,
                is_operator: false,
                families: Vec::new(),
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
    Ok(html(
        StatusCode::OK,
        &HomePage {
            page,
            is_signed_in: true,
            is_operator: session.is_operator,
            families,
        },
    )?)
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
