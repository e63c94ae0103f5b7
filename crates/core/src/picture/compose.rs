//! Composes the mail with the picture of the day.

use askama::Template;
use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};

use super::Picture;
use crate::mail::{InlinePicture, MailContent, MailLinks};
use crate::notice::phrases::wrap;
use crate::notice::render::RenderError;
use crate::notice::view::Contact;
use crate::text::{clean, cut};

/// The width of a mail's column, in pixels. A wider picture is shown as wide as this.
const COLUMN_WIDTH: u32 = 544;

/// The most characters of a title in a subject.
const MAX_SUBJECT_TITLE: usize = 100;

/// Everything that the mail is composed from.
#[derive(Debug, Clone, Copy)]
pub struct PictureMailInput<'a> {
    /// The picture.
    pub picture: &'a Picture,
    /// The family's name.
    pub family_name: &'a str,
    /// The family's local date on which the mail is sent.
    pub today: NaiveDate,
    /// The contact for questions, as the operator gave it: a mail address or a few words.
    pub operator_contact: Option<&'a str>,
    /// The mail's links to the web pages, if there are pages.
    pub links: Option<&'a MailLinks>,
}

/// What the templates render. The picture's words are escaped there.
struct PictureView {
    subject: String,
    heading: String,
    content_id: String,
    alt: String,
    width: u32,
    title: Option<String>,
    credit: Option<String>,
    contact: Option<Contact>,
    links: Option<MailLinks>,
}

#[derive(Template)]
#[template(path = "picture.html")]
struct Html<'a> {
    view: &'a PictureView,
}

#[derive(Template)]
#[template(path = "picture.txt")]
struct Text<'a> {
    view: &'a PictureView,
}

/// Composes a family's mail with the picture of the day.
///
/// The same input always gives the same mail.
///
/// # Errors
/// [`RenderError`] if a template can't be rendered, which is a bug.
pub fn compose_picture_mail(input: &PictureMailInput<'_>) -> Result<MailContent, RenderError> {
    let picture = input.picture;
    let words = |words: &Option<String>| {
        let words = words.as_deref().map(clean);
        words.filter(|words| !words.is_empty())
    };
    let title = words(&picture.title);
    let width = picture
        .pixel_size()
        .map_or(COLUMN_WIDTH, |size| size.width.min(COLUMN_WIDTH));
    let view = PictureView {
        subject: match &title {
            Some(title) => format!("Picture of the day: {}", cut(title, MAX_SUBJECT_TITLE)),
            None => "Picture of the day".to_owned(),
        },
        heading: format!(
            "{} · {}",
            clean(input.family_name),
            input.today.format("%A, %B %-d")
        ),
        content_id: content_id(picture),
        alt: title
            .clone()
            .unwrap_or_else(|| "The picture of the day".to_owned()),
        width,
        title,
        credit: words(&picture.credit),
        contact: Contact::from_words(input.operator_contact),
        links: input.links.cloned(),
    };
    Ok(MailContent {
        text: wrap(&Text { view: &view }.render()?),
        html: Html { view: &view }.render()?,
        picture: Some(InlinePicture {
            content_id: view.content_id,
            media_type: picture.format.media_type(),
            file_name: format!("picture-{}.{}", input.today, picture.format.extension()),
            bytes: picture.bytes.clone(),
        }),
        subject: view.subject,
    })
}

/// An id of its own for each picture: some mail programs confuse equal ids of different mails.
fn content_id(picture: &Picture) -> String {
    let hash = Sha256::digest(&picture.bytes);
    let hash: String = hash
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("picture.{hash}@libraryhippo")
}
