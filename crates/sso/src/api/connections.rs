use std::collections::BTreeMap;

use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_store::decisions::Reason;
use gatehouse_types::{ConnectionId, Error, Page, Result, Role, Secret};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use super::views::ConnectionOut;
use crate::Sso;
use crate::model::{
    Config, DEFAULT_SCOPES, NewConnection, OidcConfig, Protocol, Provider, RoleMapping, RoleRule, SamlConfig,
    SecretEnd, WsfedConfig,
};
use crate::service::connections::{ConfigPatch, ConnectionPatch};
use crate::service::status::Tested;
use crate::store::connections::Wanted;

/// The attribute or claim that lists a person's groups, when nothing else is said.
const DEFAULT_GROUPS: &str = "groups";

/// SAML values.
#[derive(Deserialize, utoipa::ToSchema, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SamlIn {
    /// The provider's entity id.
    entity_id: Option<String>,
    /// Where requests go.
    sso_url: Option<String>,
    /// A signing certificate: PEM, or the text between its lines.
    certificate: Option<String>,
    /// At most two, the latest first.
    certificates: Option<Vec<String>>,
    /// Whether requests are signed.
    sign_requests: Option<bool>,
    /// `email` and `name` to the names of the attributes that carry them.
    attribute_mapping: Option<BTreeMap<String, String>>,
    /// Whether SHA-1 signatures count; only for providers that cannot do better.
    allow_sha1: Option<bool>,
    /// Whether requests name the connection's own assertion consumer service instead of the shared one.
    own_acs: Option<bool>,
    /// The provider's single logout URL; an empty one clears it.
    slo_url: Option<String>,
    /// Where it wants answers to its logout requests, when not at the same; an empty one clears it.
    slo_response_url: Option<String>,
    /// How logout messages travel there: `redirect` (the default) or `post`.
    slo_binding: Option<String>,
    /// How requests travel: `redirect` (default) or `post`.
    request_binding: Option<String>,
    /// Whether requests demand that people authenticate anew; answers that nobody asked for are refused then.
    force_authn: Option<bool>,
    /// The kind of name that requests ask for, a URI; an empty text clears it.
    name_id_format: Option<String>,
    /// Authentication context classes, of which one must be met exactly; at most 10.
    authn_context: Option<Vec<String>>,
    /// Where the provider's metadata is: it fills entityId, ssoUrl, certificates, and is fetched again and again. An https
    /// URL; http only at localhost or a loopback address, and only where the operator's egress rules allow it. An empty
    /// text ends that.
    metadata_url: Option<String>,
    /// The provider's metadata itself, read once. With several providers in it, `entityId` chooses.
    metadata_xml: Option<String>,
    /// The certificate that the metadata must be signed with; an empty text clears it.
    metadata_certificate: Option<String>,
}

impl SamlIn {
    fn take_certificates(&mut self) -> Result<Option<Vec<String>>> {
        match (self.certificate.take(), self.certificates.take()) {
            (None, many) => Ok(many),
            (Some(one), None) => Ok(Some(vec![one])),
            (Some(one), Some(many)) if many.contains(&one) => Ok(Some(many)),
            (Some(_), Some(_)) => {
                let message = "Send certificate or certificates; a connection has at most 2 certificates.";
                Err(Error::validation("samlConfig.certificates", message))
            }
        }
    }
}

/// OpenID Connect values.
#[derive(Deserialize, utoipa::ToSchema, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OidcIn {
    issuer_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    /// When the client secret ends, in RFC 3339 and in the future: people are warned before. A new secret without it has
    /// none; an empty text clears it.
    client_secret_expires_at: Option<String>,
    /// Where the discovery document is, when not below the issuer; an empty text clears it.
    discovery_url: Option<String>,
    /// Without it: openid, profile and email.
    scopes: Option<Vec<String>>,
    /// How we authenticate at the token endpoint: `basic`, `post` or `private_key_jwt`; an empty text (the default) means
    /// as the provider's metadata says, the secret in the header first.
    client_authentication: Option<String>,
    /// Whether addresses count of which the provider does not say whether they are verified (Entra ID); one that it calls
    /// unverified never counts. Without it: no.
    trust_email: Option<bool>,
}

/// WS-Federation values.
#[derive(Deserialize, utoipa::ToSchema, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WsfedIn {
    /// Where sign-on and sign-off requests go; may be left out when `metadataUrl` is given.
    sign_on_url: Option<String>,
    /// Where the provider's federation metadata is: it brings issuer and certificates, and is fetched again and again. An
    /// https URL; http only at localhost or a loopback address, and only where the operator's egress rules allow it. An
    /// empty text ends that.
    metadata_url: Option<String>,
    /// What we are called at the provider (`wtrealm`), and the audience of its tokens; an address of the connection's own
    /// when empty or left out.
    realm: Option<String>,
    /// Without metadata: the issuer of the tokens. With it: which provider of several is meant.
    issuer: Option<String>,
    /// Without metadata: a signing certificate, PEM or the text between its lines.
    certificate: Option<String>,
    /// At most two, the latest first.
    certificates: Option<Vec<String>>,
    /// The one tenant whose tokens count when many share the token service (its issuer holds `{tenantid}`); needed
    /// unless the sign-on address holds the tenant's id. An empty text clears it.
    tenant_id: Option<String>,
    /// `email` and `name` to the names of the claims that carry them.
    attribute_mapping: Option<BTreeMap<String, String>>,
    /// Whether SHA-1 signatures count; only for providers that cannot do better.
    allow_sha1: Option<bool>,
    /// Whether replies count that answer no sign-in begun here. Nothing ties these to a browser.
    provider_initiated: Option<bool>,
}

impl WsfedIn {
    fn take_certificates(&mut self) -> Result<Option<Vec<String>>> {
        match (self.certificate.take(), self.certificates.take()) {
            (None, many) => Ok(many),
            (Some(one), None) => Ok(Some(vec![one])),
            (Some(one), Some(many)) if many.contains(&one) => Ok(Some(many)),
            (Some(_), Some(_)) => Err(Error::validation(
                "wsfedConfig.certificates",
                "Send certificate or certificates; at most 2 are given by hand.",
            )),
        }
    }
}

/// A connection to make, or what to change of one.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionIn {
    /// At most 128 characters, unique in the workspace.
    name: Option<String>,
    description: Option<String>,
    /// `oidc`, `saml` or `wsfed`.
    protocol: Option<String>,
    /// A preset: `okta`, `onelogin`, `azure`, `google` or `other` (default).
    provider: Option<String>,
    #[serde(default, deserialize_with = "gatehouse_web::optional_object")]
    saml_config: Option<SamlIn>,
    #[serde(default, deserialize_with = "gatehouse_web::optional_object")]
    oidc_config: Option<OidcIn>,
    #[serde(default, deserialize_with = "gatehouse_web::optional_object")]
    wsfed_config: Option<WsfedIn>,
    /// Whether people unknown so far get an account at their first sign-in (default: false).
    jit_provisioning: Option<bool>,
    /// `viewer` (default), `member` or `admin`.
    default_role: Option<String>,
    /// Which of the provider's groups give which role.
    #[serde(default, deserialize_with = "gatehouse_web::optional_object")]
    role_mapping: Option<RoleMappingIn>,
}

/// Which groups give which role, at each sign-in. Only the roles that are named here are managed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoRoleMappingIn)]
pub(crate) struct RoleMappingIn {
    /// The attribute or claim that lists the groups (default: `groups`).
    attribute: Option<String>,
    /// At most 50; none ends the mapping.
    rules: Vec<RoleRuleIn>,
}

/// Members of this group have this role.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = SsoRoleRuleIn)]
pub(crate) struct RoleRuleIn {
    /// The group as the provider names it, exactly.
    value: String,
    /// `viewer`, `member` or `admin`.
    role: String,
}

impl RoleMappingIn {
    fn read(self) -> Result<RoleMapping> {
        let rule = |rule: RoleRuleIn| {
            let role = rule.role.parse().map_err(|e: Error| e.on_field("roleMapping.rules"))?;
            Ok(RoleRule { value: rule.value, role })
        };
        Ok(RoleMapping {
            attribute: self.attribute.unwrap_or_else(|| DEFAULT_GROUPS.to_owned()).trim().to_owned(),
            rules: self.rules.into_iter().map(rule).collect::<Result<_>>()?,
        })
    }
}

fn role(text: Option<&str>) -> Result<Option<Role>> {
    let parse = |t: &str| t.parse::<Role>().map_err(|e| e.on_field("defaultRole"));
    text.map(parse).transpose()
}

fn needed(field: &'static str, value: Option<String>) -> Result<String> {
    value.ok_or_else(|| Error::validation(field, format!("{field} is required.")))
}

impl ConnectionIn {
    /// The protocol of a connection stays.
    pub(crate) fn same_protocol(&self, connection: &crate::model::Connection) -> Result<()> {
        match &self.protocol {
            Some(protocol) if protocol.parse::<Protocol>()? != connection.config.protocol() => {
                let message = "The protocol of a connection stays. Make a new connection for another one.";
                Err(Error::validation("protocol", message))
            }
            _ => Ok(()),
        }
    }

    fn into_new(self) -> Result<NewConnection> {
        let name = self.name.filter(|n| !n.trim().is_empty());
        let name = name.ok_or_else(|| Error::validation("name", "Connection name is required"))?;
        let protocol = self.protocol.ok_or_else(|| Error::validation("protocol", "protocol is required."))?;
        let protocol: Protocol = protocol.parse()?;
        let absent =
            |field: &'static str| Error::validation(field, format!("{field} is required for this protocol."));
        let provider: Provider = self.provider.as_deref().unwrap_or("other").parse()?;
        let (mut certificates, mut client_secret, mut metadata_xml) = (Vec::new(), None, None);
        let mut client_secret_expires_at = None;
        let config = match protocol {
            Protocol::Saml => {
                let mut saml = self.saml_config.ok_or_else(|| absent("samlConfig"))?;
                certificates = saml.take_certificates()?.unwrap_or_default();
                metadata_xml = saml.metadata_xml.take();
                Config::Saml(new_saml(saml, metadata_xml.is_some())?)
            }
            Protocol::Oidc => {
                // Google needs no values: the operator has a client there
                let given = match (self.oidc_config, provider) {
                    (None, Provider::Google) => OidcIn::default(),
                    (given, _) => given.ok_or_else(|| absent("oidcConfig"))?,
                };
                let mut oidc = given;
                client_secret = oidc.client_secret.take();
                client_secret_expires_at =
                    SecretEnd::read(oidc.client_secret_expires_at.take().as_deref())?.moment();
                Config::Oidc(new_oidc(oidc, provider)?)
            }
            Protocol::Wsfed => {
                let mut wsfed = self.wsfed_config.ok_or_else(|| absent("wsfedConfig"))?;
                certificates = wsfed.take_certificates()?.unwrap_or_default();
                Config::Wsfed(new_wsfed(wsfed)?)
            }
        };
        Ok(NewConnection {
            name,
            description: self.description,
            provider,
            config,
            client_secret,
            client_secret_expires_at,
            certificates,
            metadata_xml,
            jit_provisioning: self.jit_provisioning.unwrap_or(false),
            default_role: role(self.default_role.as_deref())?.unwrap_or(Role::Viewer),
            role_mapping: self.role_mapping.map(RoleMappingIn::read).transpose()?,
        })
    }

    pub(crate) fn into_patch(self) -> Result<ConnectionPatch> {
        let mut saml = self.saml_config.unwrap_or_default();
        let oidc = self.oidc_config.unwrap_or_default();
        let mut wsfed = self.wsfed_config.unwrap_or_default();
        Ok(ConnectionPatch {
            name: self.name,
            description: self.description,
            provider: self.provider.as_deref().map(str::parse).transpose()?,
            jit_provisioning: self.jit_provisioning,
            default_role: role(self.default_role.as_deref())?,
            role_mapping: self.role_mapping.map(RoleMappingIn::read).transpose()?,
            client_secret: oidc.client_secret,
            client_secret_expires_at: SecretEnd::read(oidc.client_secret_expires_at.as_deref())?,
            certificates: saml.take_certificates()?.or(wsfed.take_certificates()?),
            metadata_xml: saml.metadata_xml,
            config: ConfigPatch {
                entity_id: saml.entity_id,
                sso_url: saml.sso_url,
                sign_requests: saml.sign_requests,
                attribute_mapping: saml.attribute_mapping.or(wsfed.attribute_mapping),
                allow_sha1: saml.allow_sha1.or(wsfed.allow_sha1),
                own_acs: saml.own_acs,
                slo_url: saml.slo_url,
                slo_response_url: saml.slo_response_url,
                slo_binding: saml.slo_binding.as_deref().map(str::parse).transpose()?,
                request_binding: saml.request_binding.as_deref().map(str::parse).transpose()?,
                force_authn: saml.force_authn,
                name_id_format: saml.name_id_format,
                authn_context: saml.authn_context,
                idp_metadata_url: saml.metadata_url,
                metadata_certificate: saml.metadata_certificate,
                issuer_url: oidc.issuer_url,
                client_id: oidc.client_id,
                discovery_url: oidc.discovery_url,
                scopes: oidc.scopes,
                client_authentication: match oidc.client_authentication.as_deref().map(str::trim) {
                    None => None,
                    Some("") => Some(None),
                    Some(named) => Some(Some(named.parse()?)),
                },
                trust_email: oidc.trust_email,
                sign_on_url: wsfed.sign_on_url,
                metadata_url: wsfed.metadata_url,
                realm: wsfed.realm,
                issuer: wsfed.issuer,
                tenant_id: wsfed.tenant_id,
                provider_initiated: wsfed.provider_initiated,
            },
        })
    }
}

fn new_saml(saml: SamlIn, has_metadata: bool) -> Result<SamlConfig> {
    let text = |t: Option<String>| t.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let metadata_url = text(saml.metadata_url);
    let from_metadata = has_metadata || metadata_url.is_some();
    let needed = |field, value: Option<String>| {
        if from_metadata { Ok(value.unwrap_or_default()) } else { needed(field, value) }
    };
    Ok(SamlConfig {
        entity_id: needed("samlConfig.entityId", saml.entity_id)?,
        sso_url: needed("samlConfig.ssoUrl", saml.sso_url)?,
        request_binding: saml.request_binding.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
        force_authn: saml.force_authn.unwrap_or(false),
        name_id_format: text(saml.name_id_format),
        authn_context: saml.authn_context.unwrap_or_default(),
        metadata_url,
        metadata_certificate: text(saml.metadata_certificate),
        sign_requests: saml.sign_requests.unwrap_or(false),
        attribute_mapping: saml.attribute_mapping.unwrap_or_default(),
        allow_sha1: saml.allow_sha1.unwrap_or(false),
        own_acs: saml.own_acs.unwrap_or(false),
        slo_url: saml.slo_url.filter(|u| !u.trim().is_empty()),
        slo_response_url: saml.slo_response_url.filter(|u| !u.trim().is_empty()),
        slo_binding: saml.slo_binding.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
    })
}

fn new_oidc(oidc: OidcIn, provider: Provider) -> Result<OidcConfig> {
    let scopes = oidc.scopes.unwrap_or_else(|| DEFAULT_SCOPES.map(str::to_owned).to_vec());
    let text = |t: Option<String>| t.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let (issuer_url, client_id) = (text(oidc.issuer_url), text(oidc.client_id));
    if provider == Provider::Google && issuer_url.is_none() && client_id.is_none() {
        return Ok(OidcConfig { scopes, ..OidcConfig::of_operator() });
    }
    Ok(OidcConfig {
        issuer_url: needed("oidcConfig.issuerUrl", issuer_url)?,
        client_id: needed("oidcConfig.clientId", client_id)?,
        discovery_url: text(oidc.discovery_url),
        scopes,
        client_authentication: text(oidc.client_authentication).as_deref().map(str::parse).transpose()?,
        trust_email: oidc.trust_email.unwrap_or(false),
    })
}

fn new_wsfed(wsfed: WsfedIn) -> Result<WsfedConfig> {
    let text = |t: Option<String>| t.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let metadata_url = text(wsfed.metadata_url);
    let sign_on_url = match &metadata_url {
        Some(_) => wsfed.sign_on_url.unwrap_or_default(),
        None => needed("wsfedConfig.signOnUrl", wsfed.sign_on_url)?,
    };
    Ok(WsfedConfig {
        sign_on_url,
        metadata_url,
        realm: text(wsfed.realm),
        issuer: text(wsfed.issuer),
        passive_url: None,
        tenant_id: text(wsfed.tenant_id).map(|t| t.to_ascii_lowercase()),
        attribute_mapping: wsfed.attribute_mapping.unwrap_or_default(),
        allow_sha1: wsfed.allow_sha1.unwrap_or(false),
        provider_initiated: wsfed.provider_initiated.unwrap_or(false),
    })
}

/// Make a connection.
#[utoipa::path(post, operation_id = "createSsoConnection", path = "/api/v1/sso/connections", tag = "Single sign-on", request_body = ConnectionIn, responses(
    (status = 200, description = "Made; inactive until tested and activated", body = ConnectionOut),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 409, description = "The name is taken", body = ErrorBody),
))]
pub(crate) async fn create(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Json(input): Json<ConnectionIn>,
) -> ApiResult<Json<ConnectionOut>> {
    // who may not is told so before what is wrong with the values
    gatehouse_identity::require(&sso.0.store, &actor, gatehouse_types::Permission::ManageSso, None).await?;
    let view = sso.create_connection(&actor, input.into_new()?).await?;
    Ok(Json(ConnectionOut::of(&sso, view)))
}

/// Which connections to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// `oidc`, `saml` or `wsfed`.
    protocol: Option<String>,
    /// `active`, `inactive`, `testing` or `error`.
    status: Option<String>,
    /// A part of the name.
    name: Option<String>,
}

/// List the workspace's connections, oldest first.
#[utoipa::path(get, operation_id = "listSsoConnections", path = "/api/v1/sso/connections", tag = "Single sign-on", params(ListIn, PageParams), responses(
    (status = 200, body = Page<ConnectionOut>), (status = 400, body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<ConnectionOut>>> {
    let wanted = Wanted {
        protocol: input.protocol.as_deref().map(str::parse).transpose()?,
        status: input.status.as_deref().map(str::parse).transpose()?,
        name: input.name,
    };
    let found = sso.list_connections(&actor, wanted, page).await?;
    Ok(Json(found.map(|view| ConnectionOut::of(&sso, view))))
}

/// Get a connection with its domains.
#[utoipa::path(get, operation_id = "getSsoConnection", path = "/api/v1/sso/connections/{id}", tag = "Single sign-on", params(("id" = String, Path)), responses(
    (status = 200, body = ConnectionOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
) -> ApiResult<Json<ConnectionOut>> {
    Ok(Json(ConnectionOut::of(&sso, sso.connection(&actor, &id).await?)))
}

/// Change a connection; only what is given changes, nested values too.
#[utoipa::path(put, operation_id = "updateSsoConnection", path = "/api/v1/sso/connections/{id}", tag = "Single sign-on", params(("id" = String, Path)),
    request_body = ConnectionIn, responses(
    (status = 200, body = ConnectionOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn update(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
    Json(input): Json<ConnectionIn>,
) -> ApiResult<Json<ConnectionOut>> {
    input.same_protocol(&sso.connection(&actor, &id).await?.connection)?;
    let view = sso.update_connection(&actor, &id, input.into_patch()?).await?;
    Ok(Json(ConnectionOut::of(&sso, view)))
}

/// Delete a connection. People keep their accounts.
#[utoipa::path(delete, operation_id = "deleteSsoConnection", path = "/api/v1/sso/connections/{id}", tag = "Single sign-on", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
) -> ApiResult<Deleted> {
    sso.delete_connection(&actor, &id).await?;
    Ok(Deleted::done())
}

/// The outcome of a test.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TestOut {
    success: bool,
    details: TestDetails,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    checks: Vec<Reason>,
}

/// What was tested, by protocol.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum TestDetails {
    /// SAML.
    #[serde(rename_all = "camelCase")]
    Certificates { certificate_valid: bool, metadata_valid: bool, latency_ms: u64 },
    /// OpenID Connect.
    #[serde(rename_all = "camelCase")]
    Provider { discovery_valid: bool, jwks_valid: bool, latency_ms: u64 },
}

/// Test a connection's configuration. Its status becomes `testing` or `error`.
#[utoipa::path(post, operation_id = "testSsoConnection", path = "/api/v1/sso/connections/{id}/test", tag = "Single sign-on", params(("id" = String, Path)), responses(
    (status = 200, body = TestOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn test(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
) -> ApiResult<Json<TestOut>> {
    let report = sso.test_connection(&actor, &id).await?;
    let latency_ms = report.latency_ms;
    Ok(Json(TestOut {
        success: report.success,
        error: report.error().map(str::to_owned),
        details: match report.tested {
            Tested::Certificates { certificate_valid, metadata_valid } => {
                TestDetails::Certificates { certificate_valid, metadata_valid, latency_ms }
            }
            Tested::Provider { discovery_valid, jwks_valid } => {
                TestDetails::Provider { discovery_valid, jwks_valid, latency_ms }
            }
        },
        checks: report.checks,
    }))
}

/// Fetch a connection's metadata now and take over what it says.
#[utoipa::path(post, operation_id = "refreshSsoConnectionMetadata", path = "/api/v1/sso/connections/{id}/metadata/refresh", tag = "Single sign-on", params(("id" = String, Path)), responses(
    (status = 200, body = ConnectionOut), (status = 400, description = "No address is set, or what is there cannot be used", body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn refresh_metadata(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
) -> ApiResult<Json<ConnectionOut>> {
    Ok(Json(ConnectionOut::of(&sso, sso.refresh_metadata(&actor, &id).await?)))
}

/// Activate a connection: people of its verified domains sign in through it.
#[utoipa::path(post, operation_id = "activateSsoConnection", path = "/api/v1/sso/connections/{id}/activate", tag = "Single sign-on", params(("id" = String, Path)), responses(
    (status = 200, body = ConnectionOut), (status = 400, description = "Names the missing step", body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn activate(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
) -> ApiResult<Json<ConnectionOut>> {
    Ok(Json(ConnectionOut::of(&sso, sso.activate_connection(&actor, &id).await?)))
}

/// Deactivate a connection: no new sign-ins; sessions go on.
#[utoipa::path(post, operation_id = "deactivateSsoConnection", path = "/api/v1/sso/connections/{id}/deactivate", tag = "Single sign-on", params(("id" = String, Path)), responses(
    (status = 200, body = ConnectionOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn deactivate(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
) -> ApiResult<Json<ConnectionOut>> {
    Ok(Json(ConnectionOut::of(&sso, sso.deactivate_connection(&actor, &id).await?)))
}
