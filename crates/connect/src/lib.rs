//! Connections to the outside: authorization profiles and connectors, what authorization servers granted for them, and the
//! calls that leave with it.
//!
//! A [`Holder`] (a profile, a connector) holds grants for an [`Owner`] (the workspace, one person). The [`Broker`] keeps
//! their tokens fresh; [`Connect::call_with_grant`] sends one request with one, and writes it into the ledger.

mod bare;
mod call;
mod connect;
mod connectors;
mod grants;
mod holder;
mod holders;
mod jobs;
mod memory;
mod named;
mod oauth;
mod picks;
mod profiles;
mod uses;
mod wake;

use axum::extract::FromRef;
use axum::routing::get;
use gatehouse_identity::Identity;
use gatehouse_store::Tx;
use gatehouse_store::jobs::{Registry, When};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use call::open::OpenStep;
pub use connect::{Connect, LEAST_REQUESTS_A_MINUTE, REQUESTS_A_MINUTE};
pub use connectors::{ConnectorStep, OWN_CONNECTIONS, PeopleMode, StepDone, StepFailure, checked_reason};
pub use named::NamedConnector;
pub use picks::{ActionPick, ConnectorPick, ParameterPick};
pub use profiles::belongings::ConnectBelongings;
pub use profiles::steps::{ProfileStep, Through};
pub use uses::{FlowUse, Uses};
pub use wake::{UserAuthenticated, Wakes};

pub(crate) use grants::{AccessToken, Asked, Broker, GrantState, GrantView, Unavailable};
pub(crate) use holder::{Holder, Owner};
pub(crate) use oauth::{ClientAuth, ClientSpec, GrantKind, TokenBody, TokenPointers};

/// How often is forgotten what is past its time, in seconds.
const SWEEP_SECONDS: i64 = 3_600;

impl FromRef<Connect> for Identity {
    fn from_ref(connect: &Connect) -> Self {
        connect.0.identity.clone()
    }
}

/// The API: every operation is in the OpenAPI document.
pub fn api(connect: Connect) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(profiles::api::profiles::list, profiles::api::profiles::create))
        .routes(routes!(profiles::api::test::try_out))
        .routes(routes!(
            profiles::api::profiles::get,
            profiles::api::profiles::update,
            profiles::api::profiles::delete
        ))
        .routes(routes!(profiles::api::test::test))
        .routes(routes!(profiles::api::authorize::authorize))
        .routes(routes!(profiles::api::request::request))
        .routes(routes!(profiles::api::grants::grants))
        .routes(routes!(profiles::api::grants::disconnect))
        .routes(routes!(call::api::list))
        .merge(connectors::api())
        .with_state(connect)
}

/// The pages of the console, and where browsers come back to from authorization servers.
pub fn browser(connect: Connect) -> axum::Router {
    axum::Router::new()
        .route("/oauth/callback/{context}", get(grants::api::callback))
        .merge(profiles::console::routes())
        .merge(connectors::console())
        .with_state(connect)
}

/// The background work.
pub fn jobs(connect: &Connect) -> Registry {
    Registry::default()
        .with::<jobs::Revoke>(connect.0.broker.clone())
        .with::<jobs::TellRestored>(connect.0.broker.clone())
        .every(SWEEP_SECONDS, jobs::Sweep, connect.clone())
        // authorization servers answer when they like
        .apart::<jobs::Revoke>()
        .merge(connectors::jobs(connect))
}

/// What ends when a database comes back from a backup: what was under way, whose turn it was, and the tokens of that day.
/// Says how many authorizations somebody must give again; a job tells those who answer for them.
///
/// # Errors
/// When the database fails.
pub async fn after_restore(tx: &mut Tx) -> gatehouse_store::Result<u64> {
    grants::requests::forget_all(tx).await?;
    grants::store::forget_leases(tx).await?;
    let ended = grants::store::forget_tokens(tx).await?;
    if ended > 0 {
        gatehouse_store::jobs::enqueue(tx, &jobs::TellRestored, When::default()).await?;
    }
    connectors::after_restore(tx).await?;
    Ok(ended)
}
