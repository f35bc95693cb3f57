use axum::Extension;
use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ConnectionId, Error, Page, Result, Role, SetupLinkId, Timestamp};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, NeverStored, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use super::views::LifeOut;
use crate::Sso;
use crate::model::{Protocol, SetupLink};
use crate::service::setup_links::SetupOf;

/// What the link is to finish, and how long it lives.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoSetupLinkIn)]
pub(crate) struct LinkIn {
    /// A connection that is there. Without it a new one is made that waits for all its values.
    connection_id: Option<String>,
    /// The new connection's name.
    name: Option<String>,
    /// How the new connection's provider speaks: `saml` (default), `oidc` or `wsfed`.
    protocol: Option<String>,
    /// Whether people unknown to the new connection get an account at their first sign-in (default: false).
    jit_provisioning: Option<bool>,
    /// The role they get: `viewer` (default), `member` or `admin`.
    default_role: Option<String>,
    /// Whether its holder may also give the directory a token (SCIM), which keeps the people of the whole workspace
    /// (default: false).
    provisioning: Option<bool>,
    /// 1 to 30, default 7.
    expires_in_days: Option<i64>,
}

impl LinkIn {
    fn of(self) -> Result<SetupOf> {
        let Some(id) = self.connection_id else {
            let name = self.name.ok_or_else(|| {
                Error::validation("name", "Send connectionId, or the name of a new connection.")
            })?;
            let role = self.default_role.as_deref().map(str::parse::<Role>).transpose();
            return Ok(SetupOf::New {
                name,
                protocol: self.protocol.as_deref().map_or(Ok(Protocol::Saml), str::parse)?,
                jit_provisioning: self.jit_provisioning.unwrap_or(false),
                default_role: role.map_err(|e| e.on_field("defaultRole"))?.unwrap_or(Role::Viewer),
            });
        };
        let given = [
            ("name", self.name.is_some()),
            ("protocol", self.protocol.is_some()),
            ("jitProvisioning", self.jit_provisioning.is_some()),
            ("defaultRole", self.default_role.is_some()),
        ];
        if let Some((field, _)) = given.into_iter().find(|(_, given)| *given) {
            let message =
                format!("{field} is for a new connection; this one has its own. Send one or the other.");
            return Err(Error::validation(field, message));
        }
        let id = id.parse::<ConnectionId>().map_err(|_| Error::not_found("Connection"))?;
        Ok(SetupOf::Connection(id))
    }
}

/// A link with which somebody without an account finishes a connection.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoSetupLink)]
pub(crate) struct LinkOut {
    #[schema(value_type = String)]
    id: SetupLinkId,
    #[schema(value_type = String)]
    connection_id: ConnectionId,
    /// Whether it also gives the directory a token.
    provisioning: bool,
    #[serde(flatten)]
    life: LifeOut,
}

impl LinkOut {
    fn of(link: SetupLink, now: Timestamp) -> Self {
        let life = LifeOut::of(link.life, now);
        Self { id: link.id, connection_id: link.connection_id, provisioning: link.provisioning, life }
    }
}

/// A new link; its address is told this once.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NewSsoSetupLink)]
pub(crate) struct NewLinkOut {
    link: LinkOut,
    /// The address to send. Whoever has it can change this one connection until it is over.
    url: String,
}

/// Make a link with which the provider's administrator, who needs no account, finishes one connection.
#[utoipa::path(post, operation_id = "createSsoSetupLink", path = "/api/v1/sso/setup-links", tag = "Single sign-on", request_body = LinkIn, responses(
    (status = 200, body = NewLinkOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Json(input): Json<LinkIn>,
) -> ApiResult<(Extension<NeverStored>, Json<NewLinkOut>)> {
    // who may not is told so before what is wrong with the values
    gatehouse_identity::require(&sso.0.store, &actor, gatehouse_types::Permission::ManageSso, None).await?;
    let (days, provisioning) = (input.expires_in_days, input.provisioning.unwrap_or(false));
    let made = sso.make_setup_link(&actor, input.of()?, provisioning, days).await?;
    let link = LinkOut::of(made.link, sso.0.store.now());
    Ok((Extension(NeverStored), Json(NewLinkOut { link, url: made.url.expose().to_owned() })))
}

/// Which links to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// Of this connection.
    #[param(value_type = Option<String>)]
    connection_id: Option<ConnectionId>,
}

/// List the workspace's setup links, the latest first, without their addresses.
#[utoipa::path(get, operation_id = "listSsoSetupLinks", path = "/api/v1/sso/setup-links", tag = "Single sign-on", params(ListIn, PageParams), responses(
    (status = 200, body = Page<LinkOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<LinkOut>>> {
    let found = sso.setup_links(&actor, input.connection_id.as_ref(), page).await?;
    let now = sso.0.store.now();
    Ok(Json(found.map(|link| LinkOut::of(link, now))))
}

/// Take a link back.
#[utoipa::path(delete, operation_id = "revokeSsoSetupLink", path = "/api/v1/sso/setup-links/{id}", tag = "Single sign-on", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn revoke(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<SetupLinkId>,
) -> ApiResult<Deleted> {
    sso.revoke_setup_link(&actor, &id).await?;
    Ok(Deleted::done())
}
