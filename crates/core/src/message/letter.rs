//! A short email: a few paragraphs, and perhaps a button.

use askama::Template;

use crate::mail::MailContent;
use crate::notice::phrases::wrap;
use crate::notice::render::RenderError;
use crate::notice::view::Contact;

/// What a short email says.
pub(super) struct Letter<'a> {
    pub(super) subject: &'a str,
    pub(super) heading: &'a str,
    pub(super) paragraphs: &'a [String],
    /// A button's words, and the address that it opens.
    pub(super) button: Option<(&'a str, &'a str)>,
    /// In small type below.
    pub(super) remark: &'a str,
}

struct LetterView<'a> {
    subject: &'a str,
    heading: &'a str,
    letter: &'a Letter<'a>,
    contact: Option<Contact>,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    view: &'a LetterView<'a>,
}

#[derive(Template)]
#[template(path = "letter.txt")]
struct Text<'a> {
    view: &'a LetterView<'a>,
}

impl Letter<'_> {
    /// Renders both parts.
    pub(super) fn compose(
        &self,
        operator_contact: Option<&str>,
    ) -> Result<MailContent, RenderError> {
        let view = LetterView {
            subject: self.subject,
            heading: self.heading,
            letter: self,
            contact: Contact::from_words(operator_contact),
        };
        Ok(MailContent {
            text: wrap(&Text { view: &view }.render().map_err(RenderError::from)?),
            html: Html { view: &view }.render().map_err(RenderError::from)?,
            picture: None,
            subject: self.subject.to_owned(),
        })
    }
}
