//! Tells the interface's answers apart: a login, a patron's record, a refusal.

use hippo_core::failure::{Failure, FailureKind};
use secrecy::SecretString;
use serde::Deserialize;

use super::patron::{PatronDocument, PatronFields};

/// The code of a refused number or PIN.
pub(super) const UNABLE_TO_LOG_IN: &str = "unableToLogin";
/// The code for a record that the staff or another program is using.
pub(super) const RECORD_IN_USE: &str = "hatErrorResponse.116";
/// The codes for a session that is over.
pub(super) const SESSION_OVER: [&str; 2] = ["sessionTimedOut", "invalidSessionToken"];

/// An answer of the interface.
pub(super) enum Answer {
    LoggedIn(LoggedIn),
    Patron(Box<PatronDocument>),
    Refusal(Refusal),
}

/// The answer to an accepted login.
pub(super) struct LoggedIn {
    /// The session's token, which every later request needs.
    pub(super) token: SecretString,
    /// The number of the patron's record.
    pub(super) patron_key: String,
}

/// Why a request was refused, by the codes in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The number or PIN is wrong, or the patron may not log in.
    Credentials,
    /// Somebody else has the patron's record open.
    RecordInUse,
    SessionOver,
    /// The site doesn't know the client id.
    ClientId,
    Unknown,
}

impl Refusal {
    fn from_codes(codes: &[String]) -> Self {
        let has = |known: &str| codes.iter().any(|code| code == known);
        let names_client = |code: &String| code.to_ascii_lowercase().contains("clientid");
        if has(UNABLE_TO_LOG_IN) {
            Self::Credentials
        } else if has(RECORD_IN_USE) {
            Self::RecordInUse
        } else if SESSION_OVER.iter().any(|code| has(code)) {
            Self::SessionOver
        } else if codes.iter().any(names_client) {
            Self::ClientId
        } else {
            Self::Unknown
        }
    }

    /// Returns the failure for a refused request.
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::Credentials => Failure::wrong_credentials("the site refuses the number or PIN"),
            Self::RecordInUse => Failure::site_down("the patron's record is in use"),
            Self::SessionOver => Failure::new(
                FailureKind::SessionExpired,
                "the site says that the session is over",
            ),
            Self::ClientId => Failure::page_changed("the site doesn't know this client id"),
            Self::Unknown => {
                Failure::page_changed("the site refuses the request for an unknown reason")
            }
        }
    }
}

/// Any answer: a JSON object with the fields of one of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyDocument {
    resource: Option<String>,
    key: Option<String>,
    fields: Option<PatronFields>,
    session_token: Option<String>,
    patron_key: Option<String>,
    message_list: Option<Vec<Message>>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    code: String,
}

/// Parses an answer. Fails with `page_changed` if it's unknown.
pub(super) fn parse_answer(body: &str) -> Result<Answer, Failure> {
    let unknown = |what: &str| Failure::page_changed(format!("{what} in place of an answer"));
    let document: AnyDocument = serde_json::from_str(body.trim_start_matches('\u{feff}'))
        // The error would quote the answer.
        .map_err(|_| unknown("text that is no JSON of the interface"))?;
    if let Some(messages) = document.message_list {
        let codes: Vec<String> = messages.into_iter().map(|message| message.code).collect();
        return Ok(Answer::Refusal(Refusal::from_codes(&codes)));
    }
    match document {
        AnyDocument {
            session_token: Some(token),
            patron_key: Some(patron_key),
            ..
        } => Ok(Answer::LoggedIn(LoggedIn {
            token: token.into(),
            patron_key,
        })),
        AnyDocument {
            resource: Some(resource),
            key: Some(key),
            fields: Some(fields),
            ..
        } if resource == "/user/patron" => {
            Ok(Answer::Patron(Box::new(PatronDocument { key, fields })))
        }
        _ => Err(unknown("an unknown JSON object")),
    }
}
