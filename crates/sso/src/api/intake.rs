//! How many large posts of strangers are in memory at once.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Origin};
use gatehouse_web::HtmlError;
use moka::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Posts in flight from everywhere; each holds at most some MiB.
const EVERYWHERE: usize = 64;
/// Posts in flight from one network.
const PER_NETWORK: usize = 8;
/// How long a post waits for its turn.
const WAIT: Duration = Duration::from_secs(5);
/// How long a post may take once it has its turn, its body included.
const TURN: Duration = Duration::from_secs(10);
/// Networks remembered at most.
const NETWORKS: u64 = 10_000;

/// The turns of posts to the assertion consumer services.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    everywhere: Arc<Semaphore>,
    networks: Cache<String, Arc<Semaphore>>,
}

impl Default for Intake {
    fn default() -> Self {
        let networks = Cache::builder().max_capacity(NETWORKS).time_to_idle(Duration::from_secs(60)).build();
        Self { everywhere: Arc::new(Semaphore::new(EVERYWHERE)), networks }
    }
}

/// Lets a post's body in when it is its turn: first within its network, then among all.
pub(crate) async fn admit(intake: Intake, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let network = request.extensions().get::<Origin>().map(Origin::network).unwrap_or_default();
    let own = intake.networks.get_with(network, || Arc::new(Semaphore::new(PER_NETWORK)));
    let turn = timeout(WAIT, async { (own.acquire_owned().await, intake.everywhere.acquire().await) }).await;
    let Ok((Ok(_own), Ok(_all))) = turn else {
        let busy =
            Error::unavailable("Too many sign-ins are arriving at this moment. Try again in a few seconds.");
        return HtmlError(busy).into_response();
    };
    match timeout(TURN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            HtmlError(Error::new(gatehouse_types::Kind::Timeout, "The response took too long to arrive."))
                .into_response()
        }
    }
}
