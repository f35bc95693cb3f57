//! Tests of profiles.

use std::collections::BTreeMap;

use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::AuthProfileId;
use gatehouse_web::{ApiResult, ErrorBody, Json, Path};
use serde::Serialize;
use serde_json::{Map, Value};

use super::profiles::ProfileIn;
use crate::Connect;
use crate::bare::Bare;
use crate::profiles::service::test::Tested;

/// What a test found.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuthProfileTest)]
pub(crate) struct TestOut {
    /// Whether the provider knows us, and gave a token where no person is needed.
    success: bool,
    /// Whether a token is there.
    authorized: bool,
    /// What the provider said, in plain words.
    message: String,
    /// The request for tokens, with its secrets masked; `null` when none was made.
    request: Option<RequestOutline>,
    /// What goes with each request through the profile, values masked.
    sends: Vec<SendsOut>,
    /// What the access token says, when it is a JWT. Nothing of it is verified: it is for somebody else.
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
}

/// How a request looks, with its secrets masked.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RequestOutline)]
pub(crate) struct RequestOutline {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: BTreeMap<String, String>,
    /// The members of a form, or the text of another body.
    pub(super) body: Option<Value>,
}

/// One value that goes with each request.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AuthProfileSends)]
pub(crate) struct SendsOut {
    /// `header`, `payload`, `query` or `path`.
    #[serde(rename = "type")]
    place: &'static str,
    key: String,
    /// Masked.
    value: String,
}

impl From<Tested> for TestOut {
    fn from(t: Tested) -> Self {
        let request = t.request.map(|r| {
            let members = r.params.into_iter().map(|(name, value)| (name, Value::String(value)));
            RequestOutline {
                method: "POST".to_owned(),
                url: r.url,
                headers: r.headers.into_iter().collect(),
                body: Some(Value::Object(members.collect())),
            }
        });
        Self {
            success: t.success,
            authorized: t.authorized,
            message: t.message,
            request,
            sends: t.sent.into_iter().map(|(place, key, value)| SendsOut { place, key, value }).collect(),
            claims: t.claims,
        }
    }
}

/// Test an authorization profile: client credentials ask the provider for a token; where a person consents, the grant is
/// looked at, and without one, or when the profile was changed after its token came, it is tried whether the provider knows
/// the client. Takes no values: those that are not stored are tested by `POST /api/v1/auth-profiles/test`.
#[utoipa::path(post, operation_id = "testAuthProfile", path = "/api/v1/auth-profiles/{id}/test", tag = "Authorization profiles", params(("id" = String, Path)), responses(
    (status = 200, body = TestOut), (status = 400, description = "Values were sent", body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn test(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<AuthProfileId>,
    _: Bare,
) -> ApiResult<Json<TestOut>> {
    Ok(Json(connect.test_profile(&actor, &id).await?.into()))
}

/// Test values that are not stored, before a profile is made of them. Nothing is kept but an entry of the audit log.
#[utoipa::path(post, operation_id = "tryAuthProfile", path = "/api/v1/auth-profiles/test", tag = "Authorization profiles", request_body = ProfileIn, responses(
    (status = 200, body = TestOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn try_out(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Json(input): Json<ProfileIn>,
) -> ApiResult<Json<TestOut>> {
    Ok(Json(connect.try_profile(&actor, input.into()).await?.into()))
}
