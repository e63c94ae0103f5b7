//! Converts DynamoDB's errors into the store's. No message contains a stored value.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use hippo_core::store::StoreError;

/// Converts DynamoDB's error into the store's, after the SDK's own retries.
pub(super) fn store_error<E, R>(table: &str, error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(response) => {
            error_from_code(table, response.err().code().unwrap_or("unknown"))
        }
        SdkError::TimeoutError(_) => {
            StoreError::Unavailable("DynamoDB didn't answer in time.".to_owned())
        }
        SdkError::DispatchFailure(failure) => {
            let cause = failure
                .as_connector_error()
                .map(|error| innermost_cause(error))
                .unwrap_or_default();
            StoreError::Unavailable(format!("DynamoDB can't be reached: {cause}."))
        }
        SdkError::ConstructionFailure(_) => StoreError::Unusable(
            "a request to DynamoDB couldn't be made. Check the region and the credentials."
                .to_owned(),
        ),
        _ => StoreError::Unavailable("DynamoDB's response was cut short.".to_owned()),
    }
}

fn error_from_code(table: &str, code: &str) -> StoreError {
    match code {
        "ResourceNotFoundException" => StoreError::Unusable(format!(
            "there is no table “{table}”. Deploy the stack, or check the region and TABLE_NAME."
        )),
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "MissingAuthenticationTokenException" => StoreError::Unusable(format!(
            "AWS doesn't allow it ({code}). Check the credentials and their policy."
        )),
        "ValidationException" | "SerializationException" => StoreError::Unusable(format!(
            "the table “{table}” refused the request ({code}). Deploy the template of this \
             program's version."
        )),
        "ThrottlingException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded" => {
            StoreError::Unavailable(format!("DynamoDB is getting too many requests ({code})."))
        }
        _ => StoreError::Unavailable(format!("DynamoDB failed ({code}).")),
    }
}

/// The innermost cause, since the outer ones add nothing.
fn innermost_cause(error: &(dyn std::error::Error + 'static)) -> String {
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
    fn temporary_errors_are_unavailable_and_lasting_ones_unusable() {
        for code in ["ThrottlingException", "InternalServerError", "unknown"] {
            assert!(matches!(
                error_from_code("t", code),
                StoreError::Unavailable(_)
            ));
        }
        for code in ["ResourceNotFoundException", "AccessDeniedException"] {
            assert!(matches!(
                error_from_code("t", code),
                StoreError::Unusable(_)
            ));
        }
    }
}
