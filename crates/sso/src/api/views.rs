//! How connections and domains look from outside. No certificate and no secret comes back.

use std::collections::BTreeMap;

use gatehouse_types::{ConnectionId, DomainId, Role, Timestamp};
use serde::Serialize;

use crate::Sso;
use crate::model::{
    ClientAuthentication, Config, ConnectionStatus, DomainClaim, DomainStatus, LinkLife, MetadataState,
    PinnedCertificate, Protocol, Provider, RequestBinding, RoleRule, SloBinding, VerificationMethod,
    metadata_certificate,
};
use crate::service::connections::ConnectionView;

/// A connection.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoConnection)]
pub(crate) struct ConnectionOut {
    #[schema(value_type = String)]
    id: ConnectionId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    protocol: Protocol,
    provider: Provider,
    status: ConnectionStatus,
    domains: Vec<DomainOut>,
    jit_provisioning: bool,
    default_role: Role,
    /// Which of the provider's groups give which role.
    #[serde(skip_serializing_if = "Option::is_none")]
    role_mapping: Option<RoleMappingOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saml_config: Option<SamlOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc_config: Option<OidcOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wsfed_config: Option<WsfedOut>,
    /// Counts the changes of what is believed.
    version: i64,
    last_used_at: Option<Timestamp>,
    tested_at: Option<Timestamp>,
    created_by: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Which groups give which role.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SsoRoleMapping)]
pub(crate) struct RoleMappingOut {
    attribute: String,
    rules: Vec<RoleRule>,
}

/// The SAML configuration.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SamlOut {
    entity_id: String,
    sso_url: String,
    has_certificate: bool,
    certificate_details: Vec<CertificateOut>,
    sign_requests: bool,
    attribute_mapping: BTreeMap<String, String>,
    allow_sha1: bool,
    /// Where requests ask the provider to answer.
    own_acs: bool,
    /// The provider's single logout URL.
    slo_url: Option<String>,
    slo_response_url: Option<String>,
    slo_binding: SloBinding,
    /// How requests travel.
    request_binding: RequestBinding,
    force_authn: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_id_format: Option<String>,
    authn_context: Vec<String>,
    /// The provider's metadata, when it is fetched from an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<MetadataOut>,
}

/// How the refresh of the provider's metadata goes.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SamlIdpMetadata)]
pub(crate) struct MetadataOut {
    url: String,
    /// SHA-256 of the certificate that it must be signed with.
    signer_fingerprint: Option<String>,
    /// When it was last fetched and read.
    fetched_at: Option<Timestamp>,
    next_fetch_at: Timestamp,
    /// What was left out of it.
    note: Option<String>,
    /// Why the last fetch failed.
    error: Option<String>,
    /// Since when every fetch has failed.
    failing_since: Option<Timestamp>,
}

fn metadata_out(config: &Config, state: Option<MetadataState>) -> Option<MetadataOut> {
    let (url, state) = (config.metadata_url()?, state?);
    let signer = config.saml().and_then(|saml| saml.metadata_certificate.as_deref());
    let signer = metadata_certificate(signer).ok().flatten();
    Some(MetadataOut {
        url: url.to_owned(),
        signer_fingerprint: signer.map(|c| c.fingerprint().to_owned()),
        fetched_at: state.fetched_at,
        next_fetch_at: state.next_fetch_at,
        note: state.note,
        error: state.error,
        failing_since: state.failing_since,
    })
}

/// A pinned certificate.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CertificateOut {
    /// SHA-256, hex.
    fingerprint: String,
    not_before: Timestamp,
    not_after: Timestamp,
    last_used_at: Option<Timestamp>,
}

/// The OpenID Connect configuration.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OidcOut {
    issuer_url: String,
    client_id: String,
    has_client_secret: bool,
    /// When the client secret ends, as it was noted down.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery_url: Option<String>,
    scopes: Vec<String>,
    /// How we authenticate at the token endpoint; absent: as the provider's metadata says.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_authentication: Option<ClientAuthentication>,
    /// Whether addresses count of which the provider does not say whether they are verified.
    trust_email: bool,
}

/// The WS-Federation configuration.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WsfedOut {
    /// Where sign-on and sign-off requests go.
    sign_on_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_url: Option<String>,
    /// What we are called at the provider (`wtrealm`), and the audience of its tokens.
    realm: String,
    /// Where the provider answers (`wreply`).
    reply_url: String,
    /// The issuer as given, or as the metadata names it; `{tenantid}` stands for the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    /// The one tenant whose tokens count: as given, or as the sign-on address holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    has_certificate: bool,
    certificate_details: Vec<CertificateOut>,
    attribute_mapping: BTreeMap<String, String>,
    allow_sha1: bool,
    provider_initiated: bool,
    /// The provider's metadata, when it is fetched from an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<MetadataOut>,
}

/// The life of a link whose address is its key.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LinkLife)]
pub(crate) struct LifeOut {
    /// `active`, `expired` or `revoked`.
    status: &'static str,
    created_by: Option<String>,
    created_at: Timestamp,
    expires_at: Timestamp,
    /// How often it was opened.
    opened: i64,
    first_opened_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

impl LifeOut {
    pub(crate) fn of(life: LinkLife, now: Timestamp) -> Self {
        Self {
            status: life.status(now),
            created_by: life.created_by,
            created_at: life.created_at,
            expires_at: life.expires_at,
            opened: life.opened,
            first_opened_at: life.first_opened_at,
            last_used_at: life.last_used_at,
        }
    }
}

/// A domain.
#[derive(Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoDomain)]
pub(crate) struct DomainOut {
    #[schema(value_type = String)]
    id: DomainId,
    domain: String,
    status: DomainStatus,
    verification_method: VerificationMethod,
    verification_token: String,
    is_primary: bool,
    /// Whether its addresses sign in through the provider; `false` keeps them apart.
    federated: bool,
    created_at: Timestamp,
    verified_at: Option<Timestamp>,
    /// When its proof was last looked at; daily once it is verified.
    last_checked_at: Option<Timestamp>,
    /// Since when the proof of the verified domain is missing; after 7 days it expires.
    check_failing_since: Option<Timestamp>,
    /// What the last look missed.
    last_error: Option<String>,
}

impl From<&DomainClaim> for DomainOut {
    fn from(d: &DomainClaim) -> Self {
        Self {
            id: d.id.clone(),
            domain: d.domain.to_string(),
            status: d.status,
            verification_method: d.method,
            verification_token: d.token.clone(),
            is_primary: d.is_primary,
            created_at: d.created_at,
            federated: d.federated,
            verified_at: d.verified_at,
            last_checked_at: d.checked_at,
            check_failing_since: d.failing_since,
            last_error: d.last_error.clone(),
        }
    }
}

impl From<&PinnedCertificate> for CertificateOut {
    fn from(c: &PinnedCertificate) -> Self {
        Self {
            fingerprint: c.fingerprint.clone(),
            not_before: c.not_before,
            not_after: c.not_after,
            last_used_at: c.last_used_at,
        }
    }
}

impl ConnectionOut {
    /// How a connection looks, with our addresses in it.
    pub(crate) fn of(sso: &Sso, view: ConnectionView) -> Self {
        let ConnectionView { connection: c, domains } = view;
        let mut out = Self {
            domains: domains.iter().map(Into::into).collect(),
            protocol: c.config.protocol(),
            id: c.id,
            name: c.name,
            description: c.description,
            provider: c.provider,
            status: c.status,
            jit_provisioning: c.jit_provisioning,
            default_role: c.default_role,
            role_mapping: c.role_mapping.map(|m| RoleMappingOut { attribute: m.attribute, rules: m.rules }),
            saml_config: None,
            oidc_config: None,
            wsfed_config: None,
            version: c.version,
            last_used_at: c.last_used_at,
            tested_at: c.tested_at,
            created_by: c.created_by.map(|u| u.to_string()),
            created_at: c.created_at,
            updated_at: c.updated_at,
        };
        let metadata = metadata_out(&c.config, c.metadata);
        match c.config {
            Config::Saml(s) => {
                out.saml_config = Some(SamlOut {
                    entity_id: s.entity_id,
                    sso_url: s.sso_url,
                    has_certificate: !c.certificates.is_empty(),
                    certificate_details: c.certificates.iter().map(Into::into).collect(),
                    sign_requests: s.sign_requests,
                    attribute_mapping: s.attribute_mapping,
                    allow_sha1: s.allow_sha1,
                    own_acs: s.own_acs,
                    slo_url: s.slo_url,
                    slo_response_url: s.slo_response_url,
                    slo_binding: s.slo_binding,
                    request_binding: s.request_binding,
                    force_authn: s.force_authn,
                    name_id_format: s.name_id_format,
                    authn_context: s.authn_context,
                    metadata,
                });
            }
            Config::Oidc(o) => {
                out.oidc_config = Some(OidcOut {
                    issuer_url: o.issuer_url,
                    client_id: o.client_id,
                    has_client_secret: c.has_client_secret,
                    client_secret_expires_at: c.client_secret_expires_at,
                    discovery_url: o.discovery_url,
                    scopes: o.scopes,
                    client_authentication: o.client_authentication,
                    trust_email: o.trust_email,
                });
            }
            Config::Wsfed(w) => {
                out.wsfed_config = Some(WsfedOut {
                    sign_on_url: w.sign_on().to_owned(),
                    realm: sso.realm(&out.id, &w),
                    reply_url: sso.reply_url(&out.id),
                    tenant_id: w.tenant(),
                    metadata_url: w.metadata_url,
                    issuer: w.issuer,
                    has_certificate: !c.certificates.is_empty(),
                    certificate_details: c.certificates.iter().map(Into::into).collect(),
                    attribute_mapping: w.attribute_mapping,
                    allow_sha1: w.allow_sha1,
                    provider_initiated: w.provider_initiated,
                    metadata,
                });
            }
        }
        out
    }
}
