//! Connectors: products of the catalogue, connected with a company's values.
//!
//! A connector's way: `model/fields` judges what is entered → `store/connectors` keeps it, secrets sealed → `service/spec` makes
//! the authorization server of it that the broker asks → `service/credential` takes token, session, key or signature, and what
//! the product tells of it → `service/exchange` sends one call through `call` and renews what is refused once →
//! `service/test` and `service/actions` say what came of it.

mod api;
mod console;
mod credential;
mod jobs;
mod model;
mod service;
pub(crate) mod store;
mod wire;

use gatehouse_store::jobs::Registry;
use gatehouse_store::{Queries, Store, Tx};
use gatehouse_types::{ConnectorId, Result, WorkspaceId};
use gatehouse_web::PublicUrl;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use service::belongings;
pub(crate) use service::kept_types::Types;
pub(crate) use service::links::use_up as use_link;
pub(crate) use service::session::Sessions;
pub(crate) use service::types::known as known_type;

pub use console::MINE as OWN_CONNECTIONS;
pub use model::exemption::checked_reason;
pub use service::steps::{ConnectorStep, PeopleMode, StepDone, StepFailure};

use crate::holders::About;
use crate::{Asked, ClientSpec, Connect};

/// How often is looked for values that end, in seconds.
const LOOK_SECONDS: i64 = 3_600;

/// The API: every operation is in the OpenAPI document.
pub(crate) fn api() -> OpenApiRouter<Connect> {
    OpenApiRouter::new()
        .routes(routes!(api::types::list))
        .merge(api::types::upload())
        .routes(routes!(api::types::get, api::types::delete))
        .routes(routes!(api::connectors::list, api::connectors::create))
        .routes(routes!(api::connectors::get, api::connectors::update, api::connectors::delete))
        .routes(routes!(api::calls::test))
        .routes(routes!(api::calls::authorize))
        .routes(routes!(api::calls::run))
        .routes(routes!(api::people::show, api::people::change))
        .routes(routes!(api::exemptions::list))
        .routes(routes!(api::exemptions::show, api::exemptions::change))
        .routes(routes!(api::links::list, api::links::create))
        .routes(routes!(api::links::revoke))
        .routes(routes!(api::mine::list))
        .routes(routes!(api::mine::authorize))
        .routes(routes!(api::mine::disconnect))
}

/// The console's pages.
pub(crate) fn console() -> axum::Router<Connect> {
    console::routes()
}

/// The background work.
pub(crate) fn jobs(connect: &Connect) -> Registry {
    Registry::default().every(LOOK_SECONDS, jobs::Ends, connect.clone())
}

/// What people know a connector by.
pub(crate) async fn about<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &ConnectorId,
) -> Result<Option<About>> {
    let found = store::connectors::find(db, workspace, id).await?;
    Ok(found.map(|c| About {
        page: console::path_of(&c.id),
        responsible: c.responsible.or(c.owner_id),
        name: c.name,
    }))
}

/// The authorization server of a connector that speaks OAuth 2.0.
pub(crate) async fn spec<Q: Queries>(
    store: &Store,
    db: &mut Q,
    public_url: &PublicUrl,
    (workspace, id): (&WorkspaceId, &ConnectorId),
    _: &Asked,
) -> Result<Option<ClientSpec>> {
    match service::spec::ready(store, db, None, (workspace, id)).await? {
        None => Ok(None),
        Some(ready) => service::spec::spec_of(store, public_url, &ready),
    }
}

/// See [`crate::holders::lock`].
pub(crate) async fn lock(tx: &mut Tx, workspace: &WorkspaceId, id: &ConnectorId) -> Result<bool> {
    Ok(store::connectors::lock(tx, workspace, id).await?.is_some())
}

/// What ends when a database comes back from a backup: links, which somebody may have used or taken back since.
pub(crate) async fn after_restore(tx: &mut Tx) -> gatehouse_store::Result<()> {
    store::links::revoke_all(tx).await
}
