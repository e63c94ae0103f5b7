//! LibraryHippo on AWS: DynamoDB, SES, SQS and SSM behind core's traits, and what the functions share.

pub mod clients;
pub mod dynamodb;
pub mod environment;
#[cfg(feature = "functions")]
pub mod handlers;
#[cfg(feature = "functions")]
pub mod metrics;
pub mod queue;
pub mod ses;
pub mod ssm;

#[cfg(test)]
mod testing;
