//! The smallest possible function. `scripts/bench` compares start times with it.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: LambdaEvent<Option<bool>>| {
        Ok::<_, Error>("hello")
    }))
    .await
}
