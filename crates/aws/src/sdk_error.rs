//! Describes the SDK's errors.

use std::error::Error;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Describes a failed request: the service's code and message, or the connection's error.
///
/// Don't log it for SES or SNS: their messages may contain email addresses.
pub(crate) fn describe_sdk_error<E>(error: &E) -> String
where
    E: Error + ProvideErrorMetadata,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => join_causes(error),
    }
}

/// Lists an error and its causes, the outermost first.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// Joins an error and its causes, without repetitions.
pub(crate) fn join_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    message
}
