use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ConnectionId, Domain, DomainId};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, Path};
use serde::{Deserialize, Serialize};

use super::views::DomainOut;
use crate::Sso;
use crate::model::{DomainClaim, VerificationMethod};

/// A domain to claim.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DomainIn {
    /// Like `example.com`.
    domain: String,
    /// `dns-txt` (default) or `https-file`.
    verification_method: Option<String>,
}

/// A claimed domain with both ways to prove it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimedOut {
    domain: DomainOut,
    dns_record: DnsRecord,
    https_file: HttpsFile,
}

/// The TXT record that proves control.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DnsRecord {
    record_type: &'static str,
    name: String,
    value: String,
}

/// The file that proves control.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct HttpsFile {
    url: String,
    content: String,
}

impl From<DomainClaim> for ClaimedOut {
    fn from(claim: DomainClaim) -> Self {
        Self {
            domain: (&claim).into(),
            dns_record: DnsRecord {
                record_type: "TXT",
                name: claim.record_name(),
                value: claim.token.clone(),
            },
            https_file: HttpsFile { url: claim.file_url(), content: claim.token },
        }
    }
}

/// The outcome of a look at the proof.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct VerifiedOut {
    success: bool,
    domain: DomainOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A domain after a change.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PrimaryOut {
    domain: DomainOut,
}

/// Claim a domain.
#[utoipa::path(post, operation_id = "addSsoDomain", path = "/api/v1/sso/connections/{id}/domains", tag = "Single sign-on", params(("id" = String, Path)),
    request_body = DomainIn, responses(
    (status = 200, body = ClaimedOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn add(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<ConnectionId>,
    Json(input): Json<DomainIn>,
) -> ApiResult<Json<ClaimedOut>> {
    sso.connection(&actor, &id).await?;
    let domain: Domain = input.domain.parse()?;
    let method: VerificationMethod = input.verification_method.as_deref().unwrap_or("dns-txt").parse()?;
    Ok(Json(sso.add_domain(&actor, &id, domain, method).await?.into()))
}

/// What can be changed of a domain.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct DomainPatch {
    /// `false` keeps the domain's addresses apart: they are not sent to the provider, it cannot assert them, and
    /// mandatory single sign-on does not apply to them.
    federated: bool,
}

/// Change whether a domain's addresses sign in through the provider.
#[utoipa::path(put, operation_id = "updateSsoDomain", path = "/api/v1/sso/connections/{id}/domains/{domain_id}", tag = "Single sign-on",
    params(("id" = String, Path), ("domain_id" = String, Path)), request_body = DomainPatch, responses(
    (status = 200, body = PrimaryOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn update(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, domain)): Path<(ConnectionId, DomainId)>,
    Json(input): Json<DomainPatch>,
) -> ApiResult<Json<PrimaryOut>> {
    let claim = sso.set_federated(&actor, &id, &domain, input.federated).await?;
    Ok(Json(PrimaryOut { domain: (&claim).into() }))
}

/// Look for the proof of a domain.
#[utoipa::path(put, operation_id = "verifySsoDomain", path = "/api/v1/sso/connections/{id}/domains/{domain_id}/verify", tag = "Single sign-on",
    params(("id" = String, Path), ("domain_id" = String, Path)), responses(
    (status = 200, body = VerifiedOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "Verified for another connection", body = ErrorBody),
))]
pub(crate) async fn verify(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, domain)): Path<(ConnectionId, DomainId)>,
) -> ApiResult<Json<VerifiedOut>> {
    let found = sso.verify_domain(&actor, &id, &domain).await?;
    Ok(Json(VerifiedOut { success: found.success, domain: (&found.domain).into(), error: found.error }))
}

/// Make a verified domain the primary one.
#[utoipa::path(post, operation_id = "setPrimarySsoDomain", path = "/api/v1/sso/connections/{id}/domains/{domain_id}/set-primary", tag = "Single sign-on",
    params(("id" = String, Path), ("domain_id" = String, Path)), responses(
    (status = 200, body = PrimaryOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn set_primary(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, domain)): Path<(ConnectionId, DomainId)>,
) -> ApiResult<Json<PrimaryOut>> {
    let claim = sso.set_primary_domain(&actor, &id, &domain).await?;
    Ok(Json(PrimaryOut { domain: (&claim).into() }))
}

/// Remove a domain.
#[utoipa::path(delete, operation_id = "removeSsoDomain", path = "/api/v1/sso/connections/{id}/domains/{domain_id}", tag = "Single sign-on",
    params(("id" = String, Path), ("domain_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn remove(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path((id, domain)): Path<(ConnectionId, DomainId)>,
) -> ApiResult<Deleted> {
    sso.remove_domain(&actor, &id, &domain).await?;
    Ok(Deleted::done())
}
