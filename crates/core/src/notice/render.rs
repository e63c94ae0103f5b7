//! Renders a digest as subject, text and HTML.
//!
//! Both parts are templates over one view, so they have the same content.

use askama::Template;

use crate::mail::{MailContent, MailLinks};
use crate::notice::compose::compose_view;
use crate::notice::digest::Digest;
use crate::notice::phrases::wrap;
use crate::notice::view::NoticeEmail;

/// A template could not be rendered, which is a bug and not a fault of what it shows.
#[derive(Debug, thiserror::Error)]
#[error("An email couldn't be rendered: {0}.")]
pub struct RenderError(#[from] askama::Error);

#[derive(Template)]
#[template(path = "notice.html")]
struct Html<'a> {
    view: &'a NoticeEmail,
}

#[derive(Template)]
#[template(path = "notice.txt")]
struct Text<'a> {
    view: &'a NoticeEmail,
}

/// Renders a digest.
///
/// `operator_contact` is the contact for questions: a mail address, or a few words.
///
/// # Errors
/// [`RenderError`] if a template can't be rendered.
pub fn render(
    digest: &Digest,
    operator_contact: Option<&str>,
    links: Option<&MailLinks>,
) -> Result<MailContent, RenderError> {
    let view = NoticeEmail {
        links: links.cloned(),
        ..compose_view(digest, operator_contact)
    };
    Ok(MailContent {
        text: wrap(&Text { view: &view }.render()?),
        html: Html { view: &view }.render()?,
        picture: None,
        subject: view.subject,
    })
}
