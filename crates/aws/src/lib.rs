//! LibraryHippo on AWS: DynamoDB, SES, SQS and SSM behind core's traits, and what the functions share.

pub mod clients;
mod connections;
pub mod dry_run;
pub mod dynamodb;
pub mod environment;
#[cfg(feature = "functions")]
pub mod handlers;
mod lambda;
#[cfg(feature = "functions")]
pub mod metrics;
#[cfg(feature = "operator")]
pub mod operator;
pub mod queue;
pub mod redelivery;
pub mod schedules;
mod sdk_error;
mod service;
pub mod ses;
pub mod ssm;
pub mod start_jobs;

/// Region, credentials and endpoint: what every client is made from.
pub use aws_config::SdkConfig;

#[cfg(test)]
mod testing;
