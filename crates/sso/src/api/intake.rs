//! How many large posts of strangers are in memory at once.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::Method;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Origin};
use gatehouse_web::HtmlError;
use moka::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// What posts in flight from everywhere may hold together, in units of [`UNIT`] (128 MiB).
const EVERYWHERE: u32 = 2_048;
/// A unit of what a post may hold, in bytes.
const UNIT: u64 = 64 * 1024;
/// The units of a post that does not say how long it is, and of the longest that is read (2 MiB).
const LONGEST: u32 = 32;
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
        Self { everywhere: Arc::new(Semaphore::new(EVERYWHERE as usize)), networks }
    }
}

/// What a post may hold, by the length that it tells: one that trickles in holds no more than it may become.
fn units(request: &Request) -> u32 {
    let told = request.headers().get(CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse::<u64>().ok());
    told.map_or(LONGEST, |bytes| u32::try_from(bytes / UNIT).unwrap_or(LONGEST).saturating_add(1))
        .min(LONGEST)
}

/// Lets a post's body in when it is its turn: first within its network, then among all.
pub(crate) async fn admit(intake: Intake, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let network = request.extensions().get::<Origin>().map(Origin::network).unwrap_or_default();
    let own = intake.networks.get_with(network, || Arc::new(Semaphore::new(PER_NETWORK)));
    let units = units(&request);
    let turn = async { (own.acquire_owned().await, intake.everywhere.acquire_many(units).await) };
    let turn = timeout(WAIT, turn).await;
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

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_post_holds_what_it_says_and_never_more_than_the_longest() {
        let of = |length: Option<&str>| {
            let request = Request::builder();
            let request = match length {
                Some(l) => request.header(CONTENT_LENGTH, l),
                None => request,
            };
            units(&request.body(Body::empty()).unwrap())
        };
        assert_eq!(of(Some("12000")), 1);
        assert_eq!(of(Some("200000")), 4);
        assert_eq!(
            (of(None), of(Some("no number")), of(Some("99999999999999"))),
            (LONGEST, LONGEST, LONGEST)
        );
    }
}
