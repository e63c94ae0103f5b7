//! What goes wrong at DynamoDB, in the words of the store. No message holds a stored value.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use hippo_core::store::StoreError;

/// DynamoDB's answer as the store's, after the SDK's own tries.
pub(super) fn store_error<E, R>(table: &str, error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(answer) => of_code(table, answer.err().code().unwrap_or("unknown")),
        SdkError::TimeoutError(_) => {
            StoreError::Unavailable("DynamoDB did not answer in time.".to_owned())
        }
        SdkError::DispatchFailure(failure) => {
            let cause = failure
                .as_connector_error()
                .map(|error| cause(error))
                .unwrap_or_default();
            StoreError::Unavailable(format!("DynamoDB cannot be reached: {cause}."))
        }
        SdkError::ConstructionFailure(_) => StoreError::Unusable(
            "a request to DynamoDB could not be made. Look at the region and the credentials."
                .to_owned(),
        ),
        _ => StoreError::Unavailable("DynamoDB's answer was cut short.".to_owned()),
    }
}

fn of_code(table: &str, code: &str) -> StoreError {
    match code {
        "ResourceNotFoundException" => StoreError::Unusable(format!(
            "there is no table “{table}”. Deploy the stack, or look at the region and TABLE_NAME."
        )),
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "MissingAuthenticationTokenException" => StoreError::Unusable(format!(
            "AWS does not permit it ({code}). Look at the credentials and their policy."
        )),
        "ValidationException" | "SerializationException" => StoreError::Unusable(format!(
            "the table “{table}” does not take the request ({code}). Deploy the version of the \
             template that belongs to this program."
        )),
        "ThrottlingException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded" => {
            StoreError::Unavailable(format!("DynamoDB is asked for too much at once ({code})."))
        }
        _ => StoreError::Unavailable(format!("DynamoDB failed ({code}).")),
    }
}

/// The innermost cause: the outer ones only say that there is one.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_work_later_is_unavailable_and_what_a_person_must_mend_is_unusable() {
        for code in ["ThrottlingException", "InternalServerError", "unknown"] {
            assert!(matches!(of_code("t", code), StoreError::Unavailable(_)));
        }
        for code in ["ResourceNotFoundException", "AccessDeniedException"] {
            assert!(matches!(of_code("t", code), StoreError::Unusable(_)));
        }
    }
}
