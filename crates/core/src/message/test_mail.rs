//! The email that tests sending.

use super::letter::Letter;
use crate::mail::MailContent;
use crate::notice::render::RenderError;

/// Where a test email is sent from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestMailOrigin {
    /// One machine, with its own mail server.
    Machine,
    /// A stack on AWS.
    Aws,
}

/// Composes a test email. It looks like the notices and holds nothing of anybody.
pub fn compose_test_mail(
    origin: TestMailOrigin,
    operator_contact: Option<&str>,
) -> Result<MailContent, RenderError> {
    let origin = match origin {
        TestMailOrigin::Machine => {
            "LibraryHippo sent it from one machine, with the mail settings of its configuration."
        }
        TestMailOrigin::Aws => "LibraryHippo sent it from AWS, through Amazon SES.",
    };
    let letter = Letter {
        subject: "A test email from LibraryHippo",
        heading: "This test email arrived",
        paragraphs: &[
            format!("Notices are sent the same way, so they reach this address too. {origin}"),
            "If it’s in your spam folder, mark it as wanted, so that the notices don’t land there."
                .to_owned(),
        ],
        button: None,
        remark: "Somebody who runs LibraryHippo asked for this test. You don’t need to do anything.",
    };
    letter.compose(operator_contact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_mail_says_where_it_comes_from() {
        let contact = Some("ana@example.org");
        let mail = compose_test_mail(TestMailOrigin::Machine, contact).unwrap();
        insta::assert_snapshot!("test_mail_text", mail.text);
        insta::assert_snapshot!("test_mail_html", mail.html);
        let on_aws = compose_test_mail(TestMailOrigin::Aws, None).unwrap();
        for part in [on_aws.text, on_aws.html] {
            assert!(
                part.contains("Amazon SES") && !part.contains("one machine"),
                "{part}"
            );
        }
    }
}
