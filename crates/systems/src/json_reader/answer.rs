//! Tells an interface's answers apart: a login, a patron's record, a refusal.

use hippo_browser::ReadContext;
use hippo_core::failure::Failure;
use secrecy::SecretString;

use super::decode::decode;
use super::description::{RecordDescription, Refusal};
use super::record::{AccountRecord, read_record};
use super::value::JsonObject;

/// An answer of the interface.
pub(crate) enum Answer {
    LoggedIn(LoggedIn),
    Account(Box<AccountRecord>),
    /// `None` if nobody knows the codes.
    Refusal(Option<&'static Refusal>),
}

/// The answer to an accepted login.
pub(crate) struct LoggedIn {
    /// The session's token, which every later request needs.
    pub(crate) token: SecretString,
    /// The key of the patron's record.
    pub(crate) key: String,
}

/// Parses an answer. Fails with `page_changed` if it's unknown.
pub(crate) fn parse_answer(
    description: &'static RecordDescription,
    body: &str,
    context: &ReadContext<'_>,
) -> Result<Answer, Failure> {
    let document = decode(body)?;
    let unknown = || Failure::page_changed("an unknown JSON document in place of an answer");
    let object = JsonObject::from_value(&document).ok_or_else(unknown)?;
    if let Some(messages) = object.list(description.refusals.list)? {
        let codes = messages
            .into_iter()
            .map(|message| message.text(description.refusals.code))
            .collect::<Result<Vec<_>, _>>()?;
        let mut known = description.refusals.known.iter();
        let refusal =
            known.find(|refusal| codes.iter().flatten().any(|code| refusal.has_code(code)));
        return Ok(Answer::Refusal(refusal));
    }
    let login = &description.login;
    if let (Some(token), Some(key)) = (object.text(login.token)?, object.text(login.key)?) {
        return Ok(Answer::LoggedIn(LoggedIn {
            token: token.into_owned().into(),
            key: key.into_owned(),
        }));
    }
    let (path, kind) = description.kind;
    if object.text(path)?.as_deref() != Some(kind) {
        return Err(unknown());
    }
    let record = read_record(description, object, context)?;
    Ok(Answer::Account(Box::new(record)))
}

/// Reads a saved answer; `None` for the answer to a login.
pub(crate) fn read_saved_answer(
    description: &'static RecordDescription,
    body: &str,
    context: &ReadContext<'_>,
) -> Result<Option<AccountRecord>, Failure> {
    match parse_answer(description, body, context)? {
        Answer::Account(record) => Ok(Some(*record)),
        Answer::LoggedIn(_) => Ok(None),
        Answer::Refusal(refusal) => Err(failure_of(refusal)),
    }
}

/// Returns the failure for a refused request.
pub(crate) fn failure_of(refusal: Option<&Refusal>) -> Failure {
    refusal.map_or_else(
        || Failure::page_changed("the site refuses the request for an unknown reason"),
        Refusal::failure,
    )
}
